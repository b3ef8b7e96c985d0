//! The body of a write: attributes, or a document with attributes in headers.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use muster_catalog::command::{SentDocument, Succession, WriteBody};
use muster_model::ResourceType;
use muster_wire::{ErrorKind, Problem, headers};
use muster_words::{json, limits::DOCUMENT_BYTES_MAX};
use serde_json::{Map, Value};

use super::place::{Address, Place};

/// Parses a body of attributes.
///
/// # Errors
/// `missing_body`, `parsing_data`, `extra_xregistry_header`.
pub(super) fn attributes(
    address: &Address,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Map<String, Value>, Problem> {
    if bytes.trim_ascii().is_empty() {
        return Err(Problem::new(ErrorKind::MissingBody).subject(&address.path));
    }
    refuse_attribute_headers(address, headers)?;
    let mut map = object(address, bytes)?;
    // `$schema` describes the body itself; only a model source keeps it.
    if !matches!(address.place, Place::ModelSource) {
        map.remove("$schema");
    }
    Ok(map)
}

/// Parses a JSON object.
///
/// # Errors
/// `parsing_data`.
pub(super) fn object(address: &Address, bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    let bad = |detail: String| {
        Problem::new(ErrorKind::ParsingData { error_detail: detail }).subject(&address.path)
    };
    match json::parse(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(bad("the body must be a JSON object".to_owned())),
        Err(error) => Err(bad(error.to_string())),
    }
}

fn extra_header(address: &Address, name: &str, detail: &str) -> Problem {
    Problem::new(ErrorKind::ExtraXregistryHeader {
        name: name.to_owned(),
        error_detail: detail.to_owned(),
    })
    .subject(&address.path)
}

/// If attributes are in the body, none may be in headers.
fn refuse_attribute_headers(address: &Address, headers: &HeaderMap) -> Result<(), Problem> {
    let attribute =
        headers.keys().find(|name| name.as_str().starts_with(headers::XREGISTRY_PREFIX));
    let Some(name) = attribute else { return Ok(()) };
    let detail = if address.details {
        "including \"xRegistry\" HTTP headers when \"$details\" is used is not allowed"
    } else {
        "the attributes belong in the body"
    };
    Err(extra_header(address, name.as_str(), detail))
}

/// Reads a document with its attributes in headers.
///
/// # Errors
/// `document_too_large`, `extra_xregistry_header`, `header_error`.
pub(super) fn document(
    address: &Address,
    kind: &ResourceType,
    headers: &HeaderMap,
    bytes: Bytes,
) -> Result<WriteBody, Problem> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Problem::new(ErrorKind::DocumentTooLarge {
            size: bytes.len(),
            limit: DOCUMENT_BYTES_MAX,
        })
        .subject(&address.path));
    }
    let attributes = from_headers(address, kind, headers)?;
    let elsewhere = format!("{}url", kind.singular);
    if !bytes.is_empty() && attributes.get(&elsewhere).is_some_and(|url| !url.is_null()) {
        let name = format!("xRegistry-{elsewhere}");
        return Err(extra_header(
            address,
            &name,
            "a document that is stored elsewhere has no body",
        ));
    }
    let content_type = match headers.get(header::CONTENT_TYPE) {
        None => None,
        Some(value) => {
            let text = value
                .to_str()
                .map_err(|_| header_error(address, "Content-Type", "it is not printable ASCII"))?;
            (!is_of_a_form(text)).then(|| text.to_owned())
        }
    };
    Ok(WriteBody::Document(SentDocument { bytes, content_type, attributes }))
}

/// Whether a media type is that of a web form. curl sends it with every body that isn't given
/// another type, so it says nothing about a document.
fn is_of_a_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a new version takes over, from `Muster-New-Version`.
///
/// # Errors
/// `header_error`.
pub(super) fn succession(
    address: &Address,
    headers: &HeaderMap,
    bare: bool,
) -> Result<Succession, Problem> {
    let name = &headers::MUSTER_NEW_VERSION;
    match headers.get(name).map(header::HeaderValue::as_bytes) {
        _ if bare => Ok(Succession::AsSent),
        None | Some(b"if-different") => Ok(Succession::IfDifferent),
        Some(b"always") => Ok(Succession::Inherits),
        Some(_) => Err(header_error(address, "Muster-New-Version", "it is always or if-different")),
    }
}

fn header_error(address: &Address, name: &str, detail: &str) -> Problem {
    Problem::new(ErrorKind::HeaderError { name: name.to_owned(), error_detail: detail.to_owned() })
        .subject(&address.path)
}

/// Parses `xRegistry-<attribute>` and `xRegistry-<map>.<key>`; `null` deletes. A map is replaced as
/// a whole if any of its keys is present, whether or not it is also set to `null`.
fn from_headers(
    address: &Address,
    kind: &ResourceType,
    headers: &HeaderMap,
) -> Result<Map<String, Value>, Problem> {
    let mut attributes = Map::new();
    for (header, value) in headers {
        let Some(name) = header.as_str().strip_prefix(headers::XREGISTRY_PREFIX) else { continue };
        if name.is_empty() {
            let detail = "missing an attribute name after the \"-\"";
            return Err(header_error(address, header.as_str(), detail));
        }
        let inlined = [kind.singular.clone(), format!("{}base64", kind.singular)];
        if inlined.iter().any(|inlined| inlined == name) || name == "contenttype" {
            let detail = if name == "contenttype" {
                "the media type belongs in Content-Type"
            } else {
                "the document is the body"
            };
            return Err(extra_header(address, header.as_str(), detail));
        }
        let text = headers::decode(value.as_bytes())
            .map_err(|error| header_error(address, header.as_str(), &error.to_string()))?;
        let value =
            if text == "null" { Value::Null } else { kind.attributes.value_of_text(name, &text) };
        put(&mut attributes, kind, name, value);
    }
    let resource_only: Vec<&str> = kind.resource_only().filter(|name| *name != "meta").collect();
    attributes.retain(|name, _| !resource_only.contains(&name.as_str()));
    Ok(attributes)
}

fn put(attributes: &mut Map<String, Value>, kind: &ResourceType, name: &str, value: Value) {
    let is_attribute = kind.attributes.get(name).is_some();
    let Some((map, key)) = name.split_once('.').filter(|_| !is_attribute) else {
        // `null` removes all keys of a map, and the keys that come with it are its new ones.
        if !(value.is_null() && attributes.contains_key(name)) {
            attributes.insert(name.to_owned(), value);
        }
        return;
    };
    let whole = attributes.entry(map).or_insert_with(|| Value::Object(Map::new()));
    if whole.is_null() {
        *whole = Value::Object(Map::new());
    }
    if let (Value::Object(whole), false) = (whole, value.is_null()) {
        whole.insert(key.to_owned(), value);
    }
}

/// Whether the body at an address is a document, for this method.
///
/// # Errors
/// `details_required`: a document can't be patched.
pub(super) fn brings_document(address: &Address, method: &Method) -> Result<bool, Problem> {
    if !address.is_document() {
        return Ok(false);
    }
    if method == Method::PATCH {
        return Err(Problem::new(ErrorKind::DetailsRequired).subject(&address.path));
    }
    Ok(true)
}

/// The type whose document is the body at a path.
pub(super) fn document_type(place: &Place) -> Option<&ResourceType> {
    place.document_type().map(AsRef::as_ref)
}
