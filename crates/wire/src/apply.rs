//! `POST /apply`: a model, entities and deletions, judged and done together.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{ErrorBody, ErrorKind, Problem, Sample, validation::DocumentFindings};

/// The changes that bring a registry in line with a folder. All of them are judged by the state
/// after all of them, and are done together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// The user's whole model, as `PUT /api/modelsource` takes it. Absent if it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Map<String, Value>>,
    /// Groups to create or change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupToApply>,
    /// Documents to put.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentToApply>,
    /// The xids of groups and documents to delete. A name that doesn't exist is skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

/// A group to create or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupToApply {
    /// The group's xid.
    pub xid: String,
    /// The attributes to set, as in a PATCH: others stay, and null removes one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// A document to put. Its group is created if it doesn't exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentToApply {
    /// The document's xid.
    pub xid: String,
    /// The bytes as text in UTF-8. They become a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in Base64. They become a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// The attributes to set, among them `contenttype`. With bytes they are those of the new
    /// version; else the default version is changed as in a PATCH.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

impl DocumentToApply {
    /// A document with its bytes, as text if they are UTF-8 and shorter that way, else in Base64.
    #[must_use]
    pub fn new(xid: String, bytes: Option<&[u8]>, attributes: Map<String, Value>) -> Self {
        let Some(bytes) = bytes else { return Self { xid, attributes, ..Self::default() } };
        let text = std::str::from_utf8(bytes).ok();
        // A JSON string has its quotes, and escapes that make it longer.
        let length_of =
            |text: &str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
        let (text, base64) = match text.filter(|text| length_of(text) <= bytes.len() / 3 * 4 + 6) {
            Some(text) => (Some(text.to_owned()), None),
            None => (None, Some(STANDARD.encode(bytes))),
        };
        Self { xid, text, base64, attributes }
    }

    /// Its bytes; none if it has only attributes.
    ///
    /// # Errors
    /// Its Base64 isn't valid.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, base64::DecodeError> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(Some(text.clone().into_bytes())),
            (None, Some(text)) => STANDARD.decode(text).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// What was done, or what would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyReport {
    /// The position of the command; for a dry run, of the state that it was judged by.
    pub position: u64,
    /// The parts that would be refused, each without those before it. Only in a dry run; else a
    /// refusal is the answer, and nothing is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedPart>,
    /// How many documents that are already stored stop passing.
    pub failing: FailingDocuments,
    /// Whether `refused` may lack parts, because looking for them took too long.
    #[serde(default)]
    pub is_cut: bool,
}

/// A part of a request that would be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedPart {
    /// `/model`, or the xid of a group or a document.
    pub target: String,
    /// The error that the part alone would get.
    pub error: ErrorBody,
}

/// Stored documents that passed before and don't pass afterwards, because a schema, a rule, a
/// binding or the model changes. They stay as they are, but can't be put again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailingDocuments {
    /// How many of the judged documents stop passing.
    pub failing: u64,
    /// How many were judged; judging ends after a second.
    pub judged: u64,
    /// How many may be affected. If more than were judged, further ones may stop passing.
    pub affected: u64,
    /// The first of them, with their violations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentFindings>,
}

impl Sample for ApplyRequest {
    fn sample() -> Self {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        let groups = json!({"providers": {"singular": "provider"}});
        Self {
            model: Some(object(json!({ "groups": groups }))),
            groups: vec![GroupToApply {
                xid: "/providers/cms".to_owned(),
                attributes: object(json!({"name": "Content management"})),
            }],
            documents: vec![DocumentToApply {
                xid: "/providers/cms/entries/sanity".to_owned(),
                text: Some("{\"name\": \"Sanity\"}\n".to_owned()),
                base64: None,
                attributes: object(json!({"contenttype": "application/json"})),
            }],
            delete: vec!["/providers/cms/entries/old".to_owned()],
        }
    }
}

impl Sample for ApplyReport {
    fn sample() -> Self {
        let target = "/providers/cms/entries/sanity".to_owned();
        let error = Problem::new(ErrorKind::NotOwn).subject(&target).body();
        Self {
            position: 1205,
            refused: vec![RefusedPart { target, error }],
            failing: FailingDocuments { failing: 0, judged: 34, affected: 34, documents: vec![] },
            is_cut: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_bytes_as_text_where_that_is_shorter() {
        for (bytes, is_text) in [
            (&b"{\"a\": 1}\n"[..], true),
            ("\u{feff}\u{fc}".as_bytes(), true),
            (b"", true),
            (b"\xff\xfe", false),
            (&[0; 40], false),
        ] {
            let sent = DocumentToApply::new("/a/b/c/d".to_owned(), Some(bytes), Map::new());
            let forms = (sent.text.is_some(), sent.base64.is_none());
            assert_eq!(forms, (is_text, is_text), "{bytes:?}");
            assert_eq!(sent.bytes().ok().flatten().as_deref(), Some(bytes));
        }
        let bare = DocumentToApply::new("/a/b/c/d".to_owned(), None, Map::new());
        assert_eq!(bare.bytes(), Ok(None));
    }
}
