use std::collections::BTreeMap;

/// How a document is shown within JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentForm {
    /// As JSON, if it is JSON.
    Json,
    /// As a JSON string.
    String,
    /// As base64.
    Binary,
}

/// Which documents are shown how, by content type (model, `typemap`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeMap {
    entries: BTreeMap<String, DocumentForm>,
}
