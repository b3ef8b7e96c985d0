use bytes::Bytes;
use muster_words::json;
use serde_json::{Map, Value};

use crate::Lifecycle;

/// What a document's default version says: everything of it that a sync carries.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncContent {
    /// The bytes; none if it has no document here.
    pub bytes: Option<Bytes>,
    /// The media type.
    pub content_type: Option<String>,
    /// The attributes that clients set.
    pub attributes: Map<String, Value>,
    /// Its state.
    pub state: Lifecycle,
}

impl SyncContent {
    /// The document as JSON, if it is.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        json::parse(self.bytes.as_deref()?).ok()
    }
}
