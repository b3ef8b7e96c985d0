use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use muster_words::{Digest, Xid, json};
use serde_json::{Map, Value};

use super::{DocumentPart, NewDocument};
use crate::{Reason, Refusal, ValueFault};
use muster_model::{DocumentForm, Kind, ResourceType};

/// The default media type of a document that is JSON.
pub(super) const JSON: &str = "application/json";

/// Takes the document out of a version's attributes. At most one of `<singular>`,
/// `<singular>base64` and `<singular>url` may be present.
pub(super) fn take(
    xid: &Xid,
    kind: &ResourceType,
    attributes: &mut Map<String, Value>,
) -> Result<DocumentPart, Refusal> {
    if !kind.hasdocument {
        return Ok(DocumentPart::Unchanged);
    }
    let inline = kind.singular.clone();
    let (encoded, elsewhere) = (format!("{inline}base64"), format!("{inline}url"));
    let names = [&inline, &elsewhere, &encoded];
    let present: Vec<&String> =
        names.into_iter().filter(|name| is_present(attributes, name)).collect();
    if present.len() > 1 {
        let names = [inline, elsewhere, encoded];
        return Err(Refusal::new(xid, Reason::OneResource { names }));
    }
    let mentioned = names.into_iter().any(|name| attributes.contains_key(name));
    if is_present(attributes, &elsewhere) {
        attributes.remove(&inline);
        attributes.remove(&encoded);
        return Ok(DocumentPart::Elsewhere);
    }
    attributes.remove(&elsewhere);
    let value = attributes.remove(&inline).filter(|value| !value.is_null());
    let base = attributes.remove(&encoded).filter(|value| !value.is_null());
    match (value, base) {
        (Some(value), _) => Ok(DocumentPart::Bytes(from_value(kind, attributes, value))),
        (None, Some(Value::String(text))) => match STANDARD.decode(&text) {
            Ok(bytes) => Ok(DocumentPart::Bytes(NewDocument::new(bytes.into(), None))),
            Err(_) => Err(Refusal::invalid_attribute(xid, encoded, ValueFault::Base64)),
        },
        (None, Some(_)) => Err(Refusal::wrong_type(xid, encoded, Kind::String)),
        (None, None) if mentioned => Ok(DocumentPart::Cleared),
        (None, None) => Ok(DocumentPart::Unchanged),
    }
}

fn is_present(attributes: &Map<String, Value>, name: &str) -> bool {
    attributes.get(name).is_some_and(|value| !value.is_null())
}

/// The bytes of a document that was sent as a JSON value: a string's own text, or the JSON of any
/// other value. (This is the reference server's behaviour: `"file": "hello"` is the document
/// `hello`, whatever its type.) In built-in collections a string is JSON as well, unless its type
/// says otherwise: there a document of that type must be JSON, as in the specification (core,
/// "`<RESOURCE>` Attribute").
fn from_value(kind: &ResourceType, attributes: &Map<String, Value>, value: Value) -> NewDocument {
    let content_type = attributes.get("contenttype").and_then(Value::as_str).unwrap_or(JSON);
    let is_json = kind.built_in && kind.document_form(content_type) == DocumentForm::Json;
    let bytes = match value {
        Value::String(text) if !is_json => text.into(),
        value => json::to_canonical(&value).into(),
    };
    NewDocument::new(bytes, Some(JSON))
}

impl NewDocument {
    /// A document with these bytes, not checked yet.
    #[must_use]
    pub fn new(bytes: Bytes, default_content_type: Option<&'static str>) -> Self {
        let digest = Digest::of(&bytes);
        Self {
            bytes,
            digest,
            kept_content_type: None,
            default_content_type,
            verdict: None,
            outline: OnceLock::new(),
        }
    }
}
