//! Muster's JSON (RFC 8259): strict parsing and canonical writing.
//!
//! The parser refuses what parsers disagree about, so that a document means the same to every
//! reader: duplicate keys, lone surrogates, a byte order mark, and nesting beyond
//! [`JSON_DEPTH_MAX`](crate::limits::JSON_DEPTH_MAX). Numbers keep their digits.

mod canonical;
mod parse;

pub use canonical::to_canonical;
pub use parse::{JsonError, JsonFault, parse, parse_with_places};
pub use serde_json::{Map, Number, Value};

/// Escapes one step of a JSON Pointer (RFC 6901): `~` as `~0`, `/` as `~1`.
#[must_use]
pub fn escape_pointer(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// Every value of a field in a document. The field is a JSON Pointer in which the step `*` stands
/// for each item of an array or each member of an object. Each value comes with its own pointer.
#[must_use]
pub fn select<'a>(document: &'a Value, field: &str) -> Vec<(String, &'a Value)> {
    let mut found = vec![(String::new(), document)];
    for step in field.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        found = found
            .into_iter()
            .flat_map(|(pointer, value)| {
                children(value, step == "*", &key)
                    .into_iter()
                    .map(move |(name, child)| {
                        (format!("{pointer}/{}", escape_pointer(&name)), child)
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    found
}

fn children<'a>(value: &'a Value, all: bool, key: &str) -> Vec<(String, &'a Value)> {
    match value {
        Value::Object(map) if all => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Object(map) => map.get(key).map(|v| (key.to_owned(), v)).into_iter().collect(),
        Value::Array(items) if all => {
            items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect()
        }
        Value::Array(items) => key
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index))
            .map(|v| (key.to_owned(), v))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
