use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use muster_catalog::index::{FieldClass, SearchPlace, TermValue};
use muster_words::{Digest, Xid};
use serde_json::{Value, json};

use crate::xregistry::DecodedQuery;

/// The text form of places in the results of one query. It holds the last hit's value and name, and
/// not its number, so it stays valid while documents are written. Its mark is that of the query: in
/// other results the same place means something else.
pub(super) struct SearchCursor {
    mark: String,
}

/// The most bytes of a cursor that is read; names and values in it are bounded.
const CURSOR_BYTES_MAX: usize = 4 * 1024;

impl SearchCursor {
    /// The cursors of a query.
    pub fn new(query: &DecodedQuery, path: &str) -> Self {
        let mut text = path.to_owned();
        for (name, value) in query.iter() {
            if !matches!(name, "cursor" | "limit" | "show") {
                text.push_str(&json!([name, value]).to_string());
            }
        }
        let mark = Digest::of(text.as_bytes()).to_string();
        Self { mark: mark.trim_start_matches("sha256:").chars().take(8).collect() }
    }

    /// Writes a place.
    pub fn write(&self, place: &SearchPlace) -> String {
        let value = match &place.value {
            None => Value::Null,
            Some(TermValue::Truth(value)) => json!(["b", value.to_string()]),
            Some(TermValue::Number(number)) => json!(["n", number.text()]),
            Some(TermValue::Moment(moment)) => json!(["m", moment.to_string()]),
            Some(TermValue::Text(text)) => json!(["t", text]),
        };
        let text = json!([self.mark, value, place.xid.to_string()]).to_string();
        URL_SAFE_NO_PAD.encode(text)
    }

    /// Reads a place; none if it isn't one of this query.
    pub fn parse(&self, text: &str) -> Option<SearchPlace> {
        if text.len() > CURSOR_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (mark, value, xid): (String, Option<(String, String)>, String) =
            serde_json::from_slice(&bytes).ok()?;
        if mark != self.mark {
            return None;
        }
        let value = match value {
            None => None,
            Some((kind, text)) => Some(match kind.as_str() {
                "b" => TermValue::parse(FieldClass::Truth, &text)?,
                "n" => TermValue::parse(FieldClass::Number, &text)?,
                "m" => TermValue::parse(FieldClass::Moment, &text)?,
                "t" => TermValue::Text(text.into()),
                _ => return None,
            }),
        };
        let xid: Xid = xid.parse().ok()?;
        matches!(xid, Xid::Resource { .. }).then_some(SearchPlace { value, xid })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_of_another_query() {
        let cursor = |query| SearchCursor::new(&DecodedQuery::parse(Some(query)), "/search");
        let own = cursor("type=providers&limit=3");
        let xid: Xid = "/providers/cms/entries/a".parse().unwrap();
        let values = [
            None,
            TermValue::parse(FieldClass::Number, "12.50"),
            TermValue::parse(FieldClass::Truth, "true"),
            TermValue::parse(FieldClass::Moment, "2026-01-01"),
            Some(TermValue::Text("é, \"b\"".into())),
        ];
        for value in values {
            let place = SearchPlace { value, xid: xid.clone() };
            let text = own.write(&place);
            assert_eq!(own.parse(&text), Some(place.clone()));
            // Another size of pages, and other parts of documents, are the same query.
            assert_eq!(cursor("type=providers&limit=7&show=a").parse(&text), Some(place));
            assert_eq!(cursor("type=stacks").parse(&text), None);
        }
        for text in ["", "x", "bnVsbA", "W10"] {
            assert_eq!(own.parse(text), None, "{text}");
        }
    }
}
