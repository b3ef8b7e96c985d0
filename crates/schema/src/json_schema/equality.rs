//! Equality of JSON values (JSON Schema core, 4.2.2): numbers by their value, objects without order.

use muster_words::json::Value;

use crate::{json_schema::decimal::Decimal, steps};

/// Bytes that are the same for equal values, and only for those; none if they would be more than
/// `most`. The cost is linear in the value's text, and is
/// counted, except for the value itself, which the place counts.
pub(crate) fn equal_form(value: &Value, most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write(value, most, &mut out).then_some(out)
}

fn write(value: &Value, most: usize, out: &mut Vec<u8>) -> bool {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(true) => out.push(b't'),
        Value::Bool(false) => out.push(b'f'),
        Value::Number(number) => {
            steps::count(number.as_str().len() as u64 / 64);
            out.push(b'd');
            Decimal::parse(number.as_str()).write_form(out);
        }
        Value::String(text) => {
            out.push(b's');
            if !write_text(text, most, out) {
                return false;
            }
        }
        Value::Array(items) => {
            out.push(b'a');
            write_length(items.len(), out);
            for item in items {
                steps::count(1);
                if !write(item, most, out) {
                    return false;
                }
            }
        }
        // Its keys are sorted.
        Value::Object(map) => {
            out.push(b'o');
            write_length(map.len(), out);
            for (key, member) in map {
                steps::count(1);
                if !write_text(key, most, out) || !write(member, most, out) {
                    return false;
                }
            }
        }
    }
    out.len() <= most
}

fn write_text(text: &str, most: usize, out: &mut Vec<u8>) -> bool {
    if text.len() > most {
        return false;
    }
    steps::count(text.len() as u64 / 64);
    write_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
    true
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Option<Vec<u8>> {
        equal_form(&serde_json::from_str(text).unwrap_or_default(), usize::MAX)
    }

    #[test]
    fn equal_values_have_one_form_and_others_have_others() {
        for same in [
            &["1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-2"][..],
            &["0", "-0", "0.0e7", "-0e-900"],
            &["-1.5", "-15e-1"],
            &["[1,[2]]", "[1.0,[2e0]]"],
            &[r#"{"a":1,"b":"x"}"#, r#"{"b":"x","a":1.0}"#],
        ] {
            for text in same {
                assert_eq!(form(text), form(same[0]), "{text}");
            }
        }
        let others = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "11",
            "1.1",
            "\"1\"",
            "\"\"",
            "[]",
            "[1]",
            "[[1]]",
            "[1,1]",
            "[11]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a1":1}"#,
            r#"["a",1]"#,
            "9007199254740993",
            "9007199254740992",
            "1e900",
            "1e901",
            "-1e900",
            "1e-900",
            "[\"ab\",\"c\"]",
            "[\"a\",\"bc\"]",
        ];
        for (at, left) in others.iter().enumerate() {
            for right in &others[at + 1..] {
                assert_ne!(form(left), form(right), "{left} {right}");
            }
        }
    }

    #[test]
    fn stops_writing_what_is_longer_than_asked_for() {
        let long = Value::from(vec!["x"; 100_000]);
        let steps = crate::steps::metered(1_000, || equal_form(&long, 50));
        assert_eq!(steps, Ok(None));
        let text = Value::from("x".repeat(1_000_000));
        assert_eq!(crate::steps::metered(10, || equal_form(&text, 50)), Ok(None));
    }
}
