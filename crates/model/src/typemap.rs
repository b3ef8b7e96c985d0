use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How a document is embedded in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentForm {
    /// As JSON, if it is JSON.
    Json,
    /// As a JSON string.
    String,
    /// As base64.
    Binary,
}

impl DocumentForm {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "string" => Some(Self::String),
            "binary" => Some(Self::Binary),
            _ => None,
        }
    }
}

/// Rules for embedding documents in JSON, by content type (model, `typemap`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeMap {
    written: BTreeMap<String, String>,
    /// Patterns in lower case; `*` stands for any characters.
    patterns: Vec<(String, DocumentForm)>,
}

/// The rules for content types that no entry matches.
const IMPLIED: [(&str, DocumentForm); 3] = [
    ("application/json", DocumentForm::Json),
    ("*+json", DocumentForm::Json),
    ("text/plain", DocumentForm::String),
];

impl TypeMap {
    /// Reads the entries.
    ///
    /// # Errors
    /// The invalid key, or the key of the invalid value, and the reason.
    pub(super) fn new(written: BTreeMap<String, String>) -> Result<Self, (String, &'static str)> {
        let mut patterns = Vec::with_capacity(written.len());
        for (pattern, form) in &written {
            if pattern.is_empty() {
                return Err((pattern.clone(), "the key is empty"));
            }
            let Some(form) = DocumentForm::named(form) else {
                return Err((pattern.clone(), "the value must be json, string or binary"));
            };
            patterns.push((pattern.to_ascii_lowercase(), form));
        }
        Ok(Self { written, patterns })
    }

    /// How a document with this content type is embedded. Parameters (`; charset=…`) and case are
    /// ignored. Conflicting entries and unknown types mean binary.
    #[must_use]
    pub fn document_form(&self, contenttype: &str) -> DocumentForm {
        let kind = contenttype.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind.is_empty() {
            return DocumentForm::Binary;
        }
        let mut forms =
            self.patterns.iter().filter(|(pattern, _)| matches(pattern, &kind)).map(|(_, f)| *f);
        if let Some(first) = forms.next() {
            return if forms.all(|form| form == first) { first } else { DocumentForm::Binary };
        }
        IMPLIED
            .iter()
            .find(|(pattern, _)| matches(pattern, &kind))
            .map_or(DocumentForm::Binary, |(_, form)| *form)
    }

    /// The entries as they were given.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        self.written.iter().map(|(key, form)| (key.clone(), form.clone().into())).collect()
    }
}

/// Whether a pattern describes a text. The parts between stars are found from left to right, each
/// at its first place, which leaves the most room for the rest.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, pattern)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = pattern.split('*');
    let Some(last) = parts.next_back() else { return true };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> Result<TypeMap, (String, &'static str)> {
        TypeMap::new(entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn finds_the_form_of_a_content_type() {
        use DocumentForm::{Binary, Json, String};
        let own = [("text/*", "string"), ("Text/Mine", "JSON"), ("application/json", "binary")];
        for (entries, contenttype, expect) in [
            (&[][..], "application/json", Json),
            (&[], "Application/JSON; charset=utf-8", Json),
            (&[], "application/cloudevents+json", Json),
            (&[], "text/plain", String),
            (&[], "text/html", Binary),
            (&[], "", Binary),
            (&own, "text/html", String),
            (&own, "text/mine", Binary),
            (&own, "application/json", Binary),
            (&own, "a+json", Json),
            (&[("*/b*", "string")], "bad/bad", String),
            (&[("*/b*", "string")], "bad/dab", Binary),
            (&[("*a*b*c*", "string")], "xaxbxc", String),
            (&[("*a*b*c*", "string")], "acb", Binary),
            (&[("a*b*b", "string")], "ab", Binary),
            (&[("a**b", "string")], "ab", String),
            (&[("a*a", "string")], "a", Binary),
            (&[("**", "json")], "x/y", Json),
            (&[("bad/*", "json"), ("*/b*", "string")], "bad/bad", Binary),
        ] {
            let found = map(entries).map(|map| map.document_form(contenttype));
            assert_eq!(found, Ok(expect), "{contenttype}");
        }
    }

    #[test]
    fn refuses_what_is_no_entry() {
        for entry in [("", "json"), ("text/a", "xml")] {
            assert!(map(&[entry]).is_err(), "{entry:?}");
        }
    }
}
