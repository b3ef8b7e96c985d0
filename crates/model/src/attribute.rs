use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Attributes, Kind};

/// One attribute that the model defines at one level (model, `attributes.<STRING>`).
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// The name; `*` stands for all names that aren't defined.
    pub name: String,
    /// Its data type.
    pub kind: Kind,
    /// The xid template for values, as it was written (`/endpoints/messages`).
    pub target: Option<String>,
    /// The character set for names of attributes in an object, if it was given.
    pub charset: Option<Charset>,
    /// A description for people.
    pub description: Option<String>,
    /// The allowed values; empty means any.
    pub choices: Vec<Value>,
    /// Whether only `choices` are allowed; `None` if nothing was given, which means yes.
    pub strict: Option<bool>,
    /// Whether all versions of a resource must have the same value.
    pub matchversions: bool,
    /// Whether values from clients are silently ignored.
    pub readonly: bool,
    /// Whether the first value can't change. Only attributes of the specification are immutable.
    pub immutable: bool,
    /// Whether it must have a value at the end of a request.
    pub required: bool,
    /// The value if none was sent.
    pub default: Option<Value>,
    /// The attributes of an object.
    pub attributes: Option<Attributes>,
    /// The item type of a map or an array.
    pub item: Option<Arc<Item>>,
    /// Further attributes that exist only for a certain value of this one, by that value.
    pub ifvalues: BTreeMap<String, Attributes>,
    /// Who defined it.
    pub origin: AttributeOrigin,
    /// Whether the server always sets the value (ids, `epoch`, `createdat`, `state`). Then
    /// [`Attributes::check`] doesn't require it and doesn't fill in a default.
    pub supplied: bool,
}

/// The items of a map or an array (model, `attributes.<STRING>.item`).
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The data type of the items.
    pub kind: Kind,
    /// As for an attribute.
    pub target: Option<String>,
    /// As for an attribute.
    pub charset: Option<Charset>,
    /// The attributes of an object.
    pub attributes: Option<Attributes>,
    /// The item type of a map or an array.
    pub item: Option<Arc<Item>>,
}

/// The character set for names of attributes in an object (model, `namecharset`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// `[a-z_][a-z0-9_]*`, at most 63 characters.
    Strict,
    /// The same as for keys of maps: `[a-z0-9][a-z0-9_.:-]*`, at most 63 characters.
    Extended,
}

/// Who defined an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeOrigin {
    /// The specification. A user's model may have narrowed it.
    Specification,
    /// The specification, for the collections that the model defines: `dirs`, `dirsurl`,
    /// `dirscount`, `versions`, … and `meta`.
    Nested,
    /// The specification, for a resource's document: `file`, `fileurl`, `filebase64`,
    /// `fileproxyurl`.
    Document,
    /// Muster's foundation below the user's model.
    BuiltIn,
    /// The user.
    User,
}

impl Attribute {
    /// Whether only `choices` are allowed.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.strict.unwrap_or(true)
    }
}
