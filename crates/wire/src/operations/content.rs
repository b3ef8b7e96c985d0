use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::Sample;

/// What travels in a body.
#[derive(Clone, Copy, Debug)]
pub enum BodyContent {
    /// Nothing.
    None,
    /// JSON of a type.
    Json(BodyType),
    /// Lines, each JSON of a type.
    JsonLines(BodyType),
    /// Server-sent events, each with JSON of a type.
    Events(BodyType),
    /// A document: any bytes of any media type.
    Document,
    /// Text of one of these media types: what it is, and how it begins.
    Text(&'static [&'static str], &'static str, &'static str),
}

/// A type of what travels: its schema, and a value of it.
#[derive(Clone, Copy)]
pub struct BodyType {
    /// Gives the schema, or a reference to it where it has a name.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Gives the sample as JSON; null if it has none.
    pub sample: fn() -> Value,
}

impl BodyType {
    /// That type.
    #[must_use]
    pub const fn of<T: JsonSchema + Serialize + Sample>() -> Self {
        Self {
            schema: |generator| generator.subschema_for::<T>(),
            sample: || serde_json::to_value(T::sample()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for BodyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.sample)())
    }
}
