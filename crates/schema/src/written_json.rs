//! JSON as Java's libraries print it: in the order of the text, without white space.

use muster_words::{PlacedValue, json::Value};

/// The text of a value. Its members have the order in which they were written, which their places
/// tell; those that were added since come last.
pub(crate) fn written_text(value: &Value, at: Option<PlacedValue<'_>>) -> String {
    let mut text = String::new();
    write(value, at, &mut text);
    text
}

fn write(value: &Value, at: Option<PlacedValue<'_>>, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, at.and_then(|at| at.item(index)), out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(key, member)| (key, member, at.and_then(|at| at.member(key))))
                .collect();
            members.sort_by_key(|(_, _, at)| (at.is_none(), at.map(PlacedValue::place)));
            out.push('{');
            for (index, (key, member, at)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(member, at, out);
            }
            out.push('}');
        }
    }
}

/// A text with the escapes that Jackson writes.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}
