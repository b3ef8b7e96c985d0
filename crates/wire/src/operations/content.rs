use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use crate::Sample;

/// The body of a request or of an answer.
#[derive(Clone, Copy, Debug)]
pub enum BodyContent {
    /// No body.
    None,
    /// One JSON value.
    Json(BodyType),
    /// JSON Lines: each line is a value of the type.
    JsonLines(BodyType),
    /// Server-sent events: the data of each event is a value of the type.
    Events(BodyType),
    /// A document: arbitrary bytes of any media type.
    Document,
    /// Bytes of this media type.
    Bytes(&'static str),
    /// Text: its media types, a description and an example.
    Text(&'static [&'static str], &'static str, &'static str),
}

/// A type together with its schema and an example value.
#[derive(Clone, Copy)]
pub struct BodyType {
    /// Generates the schema, or a reference to it if the type is named.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes the example value as JSON; null if there is none.
    pub sample: fn() -> Value,
}

impl BodyType {
    /// The entry for the type `T`.
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
