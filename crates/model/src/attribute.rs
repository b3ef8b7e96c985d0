use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Attributes, Kind};

/// One attribute that the model defines at one level (model, `attributes.<STRING>`).
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name; `*` stands for every name that isn't defined.
    pub name: String,
    /// Its data type.
    pub kind: Kind,
    /// The xid template that a value must follow, as it was written (`/endpoints/messages`).
    pub target: Option<String>,
    /// Which names the attributes of an object may have, if that was said.
    pub charset: Option<Charset>,
    /// A text for people.
    pub description: Option<String>,
    /// The values it may have; empty means any.
    pub choices: Vec<Value>,
    /// Whether a value must be one of `choices`; `None` where nothing was said, which means yes.
    pub strict: Option<bool>,
    /// Whether all versions of a resource must have the same value.
    pub matchversions: bool,
    /// Whether what a client sends is silently ignored.
    pub readonly: bool,
    /// Whether it stays as it was first set. Only attributes of the specification are.
    pub immutable: bool,
    /// Whether it must have a value once a request is done.
    pub required: bool,
    /// The value it gets where none was sent.
    pub default: Option<Value>,
    /// What an object holds.
    pub attributes: Option<Attributes>,
    /// What a map or an array holds.
    pub item: Option<Arc<Item>>,
    /// The attributes that stand beside this one while it has a value, by that value.
    pub ifvalues: BTreeMap<String, Attributes>,
    /// Where the definition comes from.
    pub origin: AttributeOrigin,
    /// Whether the server always gives the value itself (ids, `epoch`, `createdat`, `state`):
    /// [`Attributes::check`] neither asks for it nor fills in its default.
    pub supplied: bool,
}

/// What a map or an array holds (model, `attributes.<STRING>.item`).
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The data type of each value.
    pub kind: Kind,
    /// As for an attribute.
    pub target: Option<String>,
    /// As for an attribute.
    pub charset: Option<Charset>,
    /// What an object holds.
    pub attributes: Option<Attributes>,
    /// What a map or an array holds.
    pub item: Option<Arc<Item>>,
}

/// Which names the attributes of an object may have (model, `namecharset`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `[a-z_][a-z0-9_]*`, at most 63 characters.
    Strict,
    /// As a map's keys: `[a-z0-9][a-z0-9_.:-]*`, at most 63 characters.
    Extended,
}

/// Who defined an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeOrigin {
    /// The specification. A user's model may have narrowed it.
    Specification,
    /// The specification, for the collections that the model makes: `dirs`, `dirsurl`,
    /// `dirscount`, `versions`, … and `meta`.
    Nested,
    /// The specification, for a resource's document: `file`, `fileurl`, `filebase64`,
    /// `fileproxyurl`.
    Document,
    /// Muster, beneath the user's model.
    BuiltIn,
    /// The user.
    User,
}

impl Attribute {
    /// Whether a value must be one of `choices`.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.strict.unwrap_or(true)
    }
}
