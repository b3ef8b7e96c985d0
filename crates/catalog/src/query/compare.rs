//! Comparison of attribute values, for filters and orders (core, "Filter Flag").

use std::cmp::Ordering;

use serde_json::Value;

/// Compares two texts without regard to case. White space and punctuation come before digits, and
/// digits before letters, as in the collation for en-US.
pub(super) fn texts(left: &str, right: &str) -> Ordering {
    keys(left).cmp(keys(right))
}

fn keys(text: &str) -> impl Iterator<Item = (u8, char)> {
    text.chars().flat_map(char::to_lowercase).map(|letter| (class(letter), letter))
}

fn class(letter: char) -> u8 {
    if letter.is_alphabetic() { 2 } else { u8::from(letter.is_numeric()) }
}

/// Compares two numbers; exactly if both are whole and not huge.
pub(super) fn numbers(left: &str, right: &str) -> Option<Ordering> {
    if let (Ok(left), Ok(right)) = (left.parse::<i128>(), right.parse::<i128>()) {
        return Some(left.cmp(&right));
    }
    left.parse::<f64>().ok()?.partial_cmp(&right.parse::<f64>().ok()?)
}

/// Compares an attribute's value with a text from a request; none if they can't be compared.
pub(super) fn with_text(value: &Value, text: &str) -> Option<Ordering> {
    match value {
        Value::String(value) => Some(texts(value, text)),
        Value::Number(number) => numbers(&number.to_string(), text),
        Value::Bool(value) => match text {
            "true" => Some(value.cmp(&true)),
            "false" => Some(value.cmp(&false)),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The order of two entities' values; a missing value is the lowest.
pub(super) fn values(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => 0,
        Some(Value::Bool(_)) => 1,
        Some(Value::Number(_)) => 2,
        Some(Value::String(_)) => 3,
    };
    match (left, right) {
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => left.cmp(right),
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            numbers(&left.to_string(), &right.to_string()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(left)), Some(Value::String(right))) => texts(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn orders_by_type_and_without_case() {
        let sorted = [
            json!(null),
            json!(false),
            json!(true),
            json!(-2),
            json!(3),
            json!(10),
            json!(""),
            json!("-x"),
            json!("10"),
            json!("abc"),
            json!("ABD"),
            json!("b"),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(values(Some(&pair[0]), Some(&pair[1])), Ordering::Less, "{pair:?}");
        }
        assert_eq!(values(Some(&json!("Bob")), Some(&json!("bOB"))), Ordering::Equal);
        assert_eq!(values(None, Some(&json!(false))), Ordering::Less);
    }

    #[test]
    fn compares_with_a_text_by_the_values_own_type() {
        for (value, text, expect) in [
            (json!(3), "3", Some(Ordering::Equal)),
            (json!(3), "3.0", Some(Ordering::Equal)),
            (json!(7), "10", Some(Ordering::Less)),
            (json!(9007199254740993_u64), "9007199254740992", Some(Ordering::Greater)),
            (json!(3), "x", None),
            (json!(true), "true", Some(Ordering::Equal)),
            (json!(true), "TRUE", None),
            (json!("Bob"), "bob", Some(Ordering::Equal)),
            (json!({}), "", None),
        ] {
            assert_eq!(with_text(&value, text), expect, "{value} {text}");
        }
    }
}
