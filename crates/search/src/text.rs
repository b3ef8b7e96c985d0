use bytes::Bytes;
use muster_catalog::state::Version;
use muster_words::{
    Notation, Xid,
    json::{Map, Value},
};

/// The most bytes of one document's words that are indexed; what people search for stands near the
/// beginning.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// The words of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentText {
    /// The document's name.
    pub xid: String,
    /// Its names, which count more than other words.
    pub names: String,
    /// Everything else.
    pub words: String,
}

/// The words of a document: of its name, its attributes and its bytes. Of data only the texts
/// count, not the names of members.
#[must_use]
pub fn text_of(
    xid: &Xid,
    version: &Version,
    attributes: Option<&Map<String, Value>>,
    document: Option<&Bytes>,
) -> DocumentText {
    let mut text = DocumentText { xid: xid.to_string(), ..DocumentText::default() };
    text.names.push_str(xid.id().map_or("", |id| id.as_str()));
    for (name, value) in attributes.into_iter().flatten() {
        let out = if name == "name" { &mut text.names } else { &mut text.words };
        add(value, out);
    }
    let Some(bytes) = document else { return text };
    let notation = Notation::of(version.content_type.as_deref());
    match notation.parse(bytes) {
        Ok(value) => add(&value, &mut text.words),
        Err(_) => {
            if let Ok(plain) = std::str::from_utf8(bytes) {
                push(plain, &mut text.words);
            }
        }
    }
    text
}

fn add(value: &Value, out: &mut String) {
    if out.len() >= TEXT_BYTES_MAX {
        return;
    }
    match value {
        Value::String(text) => push(text, out),
        Value::Array(items) => items.iter().for_each(|item| add(item, out)),
        Value::Object(map) => map.values().for_each(|member| add(member, out)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn push(text: &str, out: &mut String) {
    let left = TEXT_BYTES_MAX.saturating_sub(out.len());
    // A line between two texts: no phrase goes from one to the other.
    out.push('\n');
    out.push_str(&text[..text.floor_char_boundary(left)]);
}
