use muster_words::json::{Map, Value};

/// The most fields of each document that are shown.
const FIELDS_MAX: usize = 30;

/// The most letters of a snippet.
const SNIPPET_LETTERS_MAX: usize = 240;

/// What an answer shows of each document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShownParts {
    /// All of it.
    Document,
    /// Its names and states alone; the document isn't read.
    Names,
    /// These fields, each as steps, and maybe a part of its text.
    Parts { fields: Vec<Vec<String>>, snippet: bool },
}

impl ShownParts {
    /// Reads the parameter `show`: fields separated by commas, among which `snippet` is a part of
    /// the text. Without it the whole document is shown. None if there are too many.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else { return Some(Self::Document) };
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let (snippets, names): (Vec<&str>, Vec<&str>) = names.partition(|name| *name == "snippet");
        if names.len() > FIELDS_MAX {
            return None;
        }
        if names.is_empty() && snippets.is_empty() {
            return Some(Self::Names);
        }
        let steps = |name: &&str| name.split('.').map(str::to_owned).collect();
        let fields = names.iter().map(steps).collect();
        Some(Self::Parts { fields, snippet: !snippets.is_empty() })
    }

    /// Whether documents must be read for it.
    pub fn reads_documents(&self) -> bool {
        *self != Self::Names
    }

    /// What is shown of a document, and the part of its text with one of these words, in lower case.
    pub fn of(&self, document: Value, words: &[String]) -> (Value, Option<String>) {
        match self {
            Self::Document => (document, None),
            Self::Names => (Value::Null, None),
            Self::Parts { fields, snippet } => {
                let snippet =
                    (*snippet && !document.is_null()).then(|| snippet_of(&document, words));
                let mut shown = Map::new();
                for field in fields {
                    copy(field, &document, &mut shown);
                }
                let shown = if shown.is_empty() { Value::Null } else { Value::Object(shown) };
                (shown, snippet)
            }
        }
    }
}

/// The words of a query that a text can have, in lower case.
pub(super) fn words(query: &str) -> Vec<String> {
    let plain = query.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    plain.filter(|word| word.chars().count() > 1).map(str::to_lowercase).take(10).collect()
}

/// Copies a field with the members that lead to it.
fn copy(field: &[String], from: &Value, to: &mut Map<String, Value>) {
    let Some((name, below)) = field.split_first() else { return };
    let Some(value) = from.get(name) else { return };
    if below.is_empty() {
        to.insert(name.clone(), value.clone());
        return;
    }
    match to.get_mut(name) {
        Some(Value::Object(inner)) => copy(below, value, inner),
        // All of it is there already.
        Some(_) => {}
        None => {
            let mut inner = Map::new();
            copy(below, value, &mut inner);
            if !inner.is_empty() {
                to.insert(name.clone(), Value::Object(inner));
            }
        }
    }
}

/// The first text of a document that has one of the words, or else the beginning of the document.
fn snippet_of(document: &Value, words: &[String]) -> String {
    let has_word = |text: &str| {
        let text = text.to_lowercase();
        words.iter().any(|word| text.contains(word.as_str()))
    };
    let found = if words.is_empty() { None } else { text_with(document, &has_word) };
    match found {
        Some(text) => around(text, words),
        None => {
            let mut out = String::new();
            begin(document, &mut out);
            cut(&out, 0)
        }
    }
}

/// The first text in a value for which this holds.
fn text_with<'a>(value: &'a Value, holds: &impl Fn(&str) -> bool) -> Option<&'a str> {
    match value {
        Value::String(text) => holds(text).then_some(text),
        Value::Array(items) => items.iter().find_map(|item| text_with(item, holds)),
        Value::Object(members) => members.values().find_map(|member| text_with(member, holds)),
        _ => None,
    }
}

/// The part of a text around its first word.
fn around(text: &str, words: &[String]) -> String {
    let lower = text.to_lowercase();
    // Letters whose small form has another length shift places; then the text's beginning is shown.
    let at = words.iter().filter_map(|word| lower.find(word.as_str())).min();
    let at = at.filter(|_| lower.len() == text.len()).unwrap_or(0);
    cut(text, at.saturating_sub(SNIPPET_LETTERS_MAX / 3))
}

/// The beginning of a value as people read it: its texts and numbers with their names.
fn begin(value: &Value, out: &mut String) {
    if out.len() > SNIPPET_LETTERS_MAX * 4 {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if out.len() > SNIPPET_LETTERS_MAX * 4 {
                    return;
                }
                out.push_str(if out.is_empty() { "" } else { ", " });
                out.push_str(&name.chars().take(SNIPPET_LETTERS_MAX).collect::<String>());
                out.push_str(": ");
                begin(member, out);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if out.len() > SNIPPET_LETTERS_MAX * 4 {
                    return;
                }
                out.push_str(if index == 0 { "" } else { " " });
                begin(item, out);
            }
        }
        Value::String(text) => out.extend(text.chars().take(SNIPPET_LETTERS_MAX)),
        other => out.push_str(&other.to_string()),
    }
}

/// So much of a text as a snippet has, from about this byte.
fn cut(text: &str, from: usize) -> String {
    let from = (0..=from.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut letters = text[from..].chars();
    let mut part: String = letters.by_ref().take(SNIPPET_LETTERS_MAX).collect();
    if from > 0 {
        part.insert(0, '…');
    }
    if letters.next().is_some() {
        part.push('…');
    }
    part
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    #[test]
    fn shows_what_was_asked_for() {
        let document = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": ["One word", "visual editing"]});
        let words = ["editing".to_owned()];
        for (show, expect, snippet) in [
            (None, document.clone(), None),
            (Some(""), Value::Null, None),
            (Some(" , "), Value::Null, None),
            (Some("a"), json!({"a": 1}), None),
            (Some("b.c, a"), json!({"a": 1, "b": {"c": 2}}), None),
            (Some("a,a.b,b,b.c"), json!({"a": 1, "b": {"c": 2, "d": 3}}), None),
            (Some("b.c,b.d"), json!({"b": {"c": 2, "d": 3}}), None),
            (Some("none,a.b"), Value::Null, None),
            (Some("snippet"), Value::Null, Some("visual editing")),
            (Some("snippet,a"), json!({"a": 1}), Some("visual editing")),
        ] {
            let shown = ShownParts::parse(show).unwrap().of(document.clone(), &words);
            assert_eq!(shown, (expect, snippet.map(str::to_owned)), "{show:?}");
        }
        let many = vec!["a"; FIELDS_MAX + 1].join(",");
        assert_eq!(ShownParts::parse(Some(&many)), None);
    }

    #[test]
    fn a_snippet_is_short_whatever_the_document_is() {
        let long = "é".repeat(10_000) + " word " + &"x".repeat(10_000);
        let wide: Map<String, Value> =
            (0..10_000).map(|number| (format!("name{number}"), json!([number]))).collect();
        for (document, word, has) in [
            (json!({"a": long}), "word", " word "),
            (json!(wide), "word", "name0: 0"),
            (json!([[[[1, "two", null]]]]), "word", "1 two null"),
        ] {
            let snippet = snippet_of(&document, &[word.to_owned()]);
            assert!(snippet.contains(has), "{snippet}");
            assert!(snippet.chars().count() <= SNIPPET_LETTERS_MAX + 2, "{}", snippet.len());
        }
    }
}
