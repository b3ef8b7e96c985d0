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
    /// Patterns in lower case, each with at most one `*`.
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
            let reason = if pattern.is_empty() {
                Some("the key is empty")
            } else if pattern.matches('*').count() > 1 {
                Some("the key has more than one *")
            } else {
                None
            };
            if let Some(reason) = reason {
                return Err((pattern.clone(), reason));
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

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
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
        ] {
            let found = map(entries).map(|map| map.document_form(contenttype));
            assert_eq!(found, Ok(expect), "{contenttype}");
        }
    }

    #[test]
    fn refuses_what_is_no_entry() {
        for entry in [("", "json"), ("*/*", "json"), ("text/a", "xml")] {
            assert!(map(&[entry]).is_err(), "{entry:?}");
        }
    }
}
