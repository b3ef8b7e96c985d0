//! The arguments of changes, which both the plan and the change take.

use muster_client::DocumentUpload;
use muster_wire::rollback::{RollbackRequest, RollbackTo};
use muster_words::{Xid, json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    places::{self, NumberOrText},
    refusal::Refusal,
};

/// A document to put.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutArguments {
    /// The document's xid, such as /providers/cms/entries/sanity. A document that doesn't exist is
    /// created, and its group with it.
    pub xid: String,
    /// The whole document. A JSON object or array is stored as indented JSON; a text is stored
    /// exactly as it is (for JSON with its own formatting, YAML, Avro or Protobuf schemas).
    pub document: Value,
    /// The media type, such as application/json or application/yaml. Leave it out to keep that of
    /// the document that is there, or for JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Attributes of the new version, such as name, description, labels, or format for schemas.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Why, in a sentence. It stands in the log for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What propose_change returned. Needed if the document exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
}

/// A deletion.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteArguments {
    /// The xid of a document or a group. A group is deleted with everything in it.
    pub xid: String,
    /// Why, in a sentence. It stands in the log for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What propose_change returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
}

/// A rollback.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackArguments {
    /// A document, a group or a collection, such as /providers/cms; left out for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The ledger position of the earlier state, as history shows it. Give exactly one of
    /// to_position, to_time and to_version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_position: Option<u64>,
    /// The time of the earlier state, RFC 3339, such as 2027-01-31T12:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_time: Option<String>,
    /// The version of the document that is to be said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<NumberOrText>,
    /// Why, in a sentence. It stands in the log for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What propose_change returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<String>,
}

impl PutArguments {
    /// What to send. `present` is the media type of the document that is there.
    pub(crate) fn upload(&self, present: Option<&str>) -> Result<DocumentUpload, Refusal> {
        let bytes = match &self.document {
            Value::String(text) => text.clone().into_bytes(),
            Value::Object(_) | Value::Array(_) => {
                let text = serde_json::to_string_pretty(&self.document).unwrap_or_default();
                [text.as_bytes(), b"\n"].concat()
            }
            _ => return Err(Refusal::arguments("document must be an object, an array or a text")),
        };
        let json = "application/json";
        let content_type = match (&self.content_type, &self.document, present) {
            (Some(given), ..) => given.clone(),
            (None, Value::String(_), Some(present)) => present.to_owned(),
            (None, Value::String(_), None) if json::parse(&bytes).is_err() => {
                return Err(Refusal::arguments(
                    "say the content_type of a text that isn't JSON, such as application/yaml",
                ));
            }
            (None, _, Some(present)) if present.contains("json") => present.to_owned(),
            (None, ..) => json.to_owned(),
        };
        let attributes = self.attributes.clone();
        let upload =
            DocumentUpload { bytes: bytes.into(), content_type, attributes, ..Default::default() };
        if upload.attribute_headers().is_none() {
            return Err(Refusal::arguments(
                "attributes may be texts, numbers, truth values, and labels as an object of texts; about 4 KiB in all",
            ));
        }
        Ok(upload)
    }
}

impl RollbackArguments {
    /// What to send.
    pub(crate) fn request(&self) -> Result<RollbackRequest, Refusal> {
        let given = [self.to_position.is_some(), self.to_time.is_some(), self.to_version.is_some()];
        if given.into_iter().filter(|is_given| *is_given).count() != 1 {
            return Err(Refusal::arguments(
                "give exactly one of to_position, to_time and to_version",
            ));
        }
        let place = places::place(self.place.as_deref())?;
        let to = RollbackTo {
            position: self.to_position,
            time: self.to_time.clone(),
            version: self.to_version.as_ref().map(NumberOrText::to_string),
            ..RollbackTo::default()
        };
        Ok(RollbackRequest {
            xid: Some(place).filter(|place| !place.is_empty()),
            to,
            ..RollbackRequest::default()
        })
    }
}

/// The arguments in one form, for a confirmation. Words about the change don't count, and an xid is
/// the same with and without its first slash.
pub(crate) fn canonical(arguments: &impl Serialize, xid: Option<&Xid>) -> Vec<u8> {
    let mut all = crate::answer::json(arguments);
    if let Some(all) = all.as_object_mut() {
        all.remove("message");
        all.remove("confirmation");
        if let Some(xid) = xid {
            all.insert("xid".to_owned(), xid.to_string().into());
        }
    }
    json::to_canonical(&all)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_texts_and_indents_objects() {
        let yaml = Some("application/yaml");
        for (document, given, present, expect) in [
            (json!({"a": 1}), None, None, Some(("{\n  \"a\": 1\n}\n", "application/json"))),
            (json!({"a": 1}), None, yaml, Some(("{\n  \"a\": 1\n}\n", "application/json"))),
            (json!("{\"a\":1}"), None, None, Some(("{\"a\":1}", "application/json"))),
            (json!("a: 1"), None, yaml, Some(("a: 1", "application/yaml"))),
            (json!("a: 1"), Some("text/plain"), yaml, Some(("a: 1", "text/plain"))),
            (json!("a: 1"), None, None, None),
            (json!(1), None, None, None),
            (Value::Null, None, None, None),
        ] {
            let content_type = given.map(str::to_owned);
            let put = PutArguments { document, content_type, ..PutArguments::default() };
            let found = put.upload(present).ok();
            let found = found
                .map(|sent| (String::from_utf8(sent.bytes.to_vec()).unwrap(), sent.content_type));
            let expect = expect.map(|(text, kind)| (text.to_owned(), kind.to_owned()));
            assert_eq!(found, expect, "{:?}", put.document);
        }
    }

    #[test]
    fn refuses_attributes_that_no_header_holds() {
        let attributes = json!({"owners": ["a"]}).as_object().unwrap().clone();
        let put = PutArguments { document: json!({}), attributes, ..PutArguments::default() };
        assert_eq!(put.upload(None).unwrap_err().reason, "bad_arguments");
    }

    #[test]
    fn wants_one_earlier_state() {
        let none = RollbackArguments::default();
        let one = RollbackArguments { to_position: Some(3), ..none.clone() };
        let two = RollbackArguments { to_version: Some(NumberOrText::Number(1)), ..one.clone() };
        assert!(none.request().is_err() && two.request().is_err());
        let request = RollbackArguments { place: Some("providers/cms".to_owned()), ..one };
        assert_eq!(request.request().unwrap().xid.as_deref(), Some("/providers/cms"));
    }

    #[test]
    fn confirms_the_same_change_in_other_words() {
        let xid: Xid = "/a/b/c/d".parse().unwrap();
        let plain = DeleteArguments { xid: "a/b/c/d".to_owned(), ..DeleteArguments::default() };
        let message = Some("why".to_owned());
        let worded = DeleteArguments { xid: "/a/b/c/d".to_owned(), message, confirmation: None };
        assert_eq!(canonical(&plain, Some(&xid)), canonical(&worded, Some(&xid)));
        assert_eq!(canonical(&plain, Some(&xid)), b"{\"xid\":\"/a/b/c/d\"}");
    }
}
