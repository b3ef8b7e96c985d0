//! JSON values as YAML 1.2. Our own writer, because little of YAML is needed and numbers must keep
//! their digits.

use muster_words::json::Value;

use super::escaped;

/// Writes a value as a YAML document in block style.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut out),
        value => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
    out
}

/// Writes the members of a value at this depth.
fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, member) in map {
                out.push_str(&indent);
                out.push_str(&text(key));
                out.push(':');
                member_of(member, depth, out);
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str(&indent);
                out.push('-');
                item_of(item, depth, out);
            }
        }
        value => out.push_str(&scalar(value)),
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn member_of(member: &Value, depth: usize, out: &mut String) {
    if is_nested(member) {
        out.push('\n');
        block(member, depth + 1, out);
    } else {
        out.push(' ');
        out.push_str(&scalar(member));
        out.push('\n');
    }
}

/// Writes an item of a list; its first member follows the dash.
fn item_of(item: &Value, depth: usize, out: &mut String) {
    if is_nested(item) {
        let mut inner = String::new();
        block(item, depth + 1, &mut inner);
        out.push(' ');
        out.push_str(inner.trim_start());
    } else {
        member_of(item, depth, out);
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(string) => text(string),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        value => value.to_string(),
    }
}

/// A string: plain if no parser can take it for something else, otherwise in double quotes with
/// JSON's escapes.
fn text(string: &str) -> String {
    if is_plain(string) { string.to_owned() } else { escaped(&Value::from(string).to_string()) }
}

fn is_plain(string: &str) -> bool {
    let mut letters = string.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '/');
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "_-./ ()+@$,:".contains(letter);
    // A colon before a space or at the end would make it a key.
    let is_key = string.ends_with(':') || string.contains(": ");
    // Words that YAML 1.1 or 1.2 reads as a boolean or as null.
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    begins
        && letters.all(inside)
        && !is_key
        && !string.ends_with(' ')
        && !reserved.contains(&string.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_blocks_and_quotes_what_reads_as_something_else() {
        for (value, expect) in [
            (json!({}), "{}\n"),
            (json!([]), "[]\n"),
            (json!("a"), "a\n"),
            (json!({"a": 1, "b": [1, "x"], "c": {}}), "a: 1\nb:\n  - 1\n  - x\nc: {}\n"),
            (json!([{"a": [], "b": {"c": null}}]), "- a: []\n  b:\n    c: null\n"),
            (json!([["a", ["b"]]]), "- - a\n  - - b\n"),
            (
                json!({"a": "no", "b": "1.0", "c": "x: y", "d": "l\nm", "e": "", "f": "# x"}),
                "a: \"no\"\nb: \"1.0\"\nc: \"x: y\"\nd: \"l\\nm\"\ne: \"\"\nf: \"# x\"\n",
            ),
            (json!({"true": "a", "1": "/a/b"}), "\"1\": /a/b\n\"true\": a\n"),
            (json!("trailing "), "\"trailing \"\n"),
            (json!("http://a:80/b"), "http://a:80/b\n"),
            (json!("key:"), "\"key:\"\n"),
            (json!("- x"), "\"- x\"\n"),
        ] {
            assert_eq!(to_yaml(&value), expect, "{value}");
        }
    }

    #[test]
    fn writes_what_is_read_as_the_same() {
        for text in [
            "yes",
            "0o17",
            "0x1f",
            "1e3",
            ".inf",
            "~",
            "null",
            "a: b",
            "a #b",
            "a:",
            "- a",
            "? a",
            "|",
            "&a",
            "*a",
            "!a",
            "<<",
            "---",
            "...",
            "a\nb",
            "\t",
            "",
            " a",
            "a ",
            "\"a\"",
            "'a'",
            "[a]",
            "{a}",
            "a, b",
            "é",
            "@a",
            "`a",
            "%a",
            "2026-11-30",
            "12:30",
            "a\\b",
            "\u{1F600}",
        ] {
            for value in [json!(text), json!([text]), json!({text: [text, {text: text}]})] {
                let written = to_yaml(&value);
                assert_eq!(muster_words::yaml::parse(written.as_bytes()), Ok(value), "{written}");
            }
        }
    }

    #[test]
    fn keeps_the_digits_of_numbers() {
        let value = muster_words::json::parse(b"[9007199254740993, 1.10]").unwrap_or_default();
        assert_eq!(to_yaml(&value), "- 9007199254740993\n- 1.10\n");
    }
}
