//! Comparison of attribute values, for filters and orders (core, "Filter Flag").

use std::cmp::Ordering;

use muster_words::Moment;
use serde_json::Value;

/// Compares two texts without regard to case. White space and punctuation come before digits, and
/// digits before letters, as in the collation for en-US.
pub(crate) fn texts(left: &str, right: &str) -> Ordering {
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
        Value::String(value) => Some(match (moment(value), moment(text)) {
            (Some(value), Some(moment)) => value.cmp(&moment),
            _ => texts(value, text),
        }),
        Value::Number(number) => numbers(&number.to_string(), text),
        Value::Bool(value) => match text {
            "true" => Some(value.cmp(&true)),
            "false" => Some(value.cmp(&false)),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text as a moment, if it is a whole timestamp (RFC 3339). One without an offset is in UTC, as
/// where attributes are written.
fn moment(text: &str) -> Option<Moment> {
    // Few texts are timestamps, and this is asked for each of them.
    let letters = text.as_bytes();
    let at = |place: usize| letters.get(place).copied().unwrap_or_default();
    if letters.len() < 19 || at(4) != b'-' || at(7) != b'-' || at(13) != b':' {
        return None;
    }
    Moment::parse(text).or_else(|_| Moment::parse(&format!("{text}Z"))).ok()
}

/// The value by which an entity is sorted. It is prepared once and compared often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// No value, or one that isn't a scalar: the lowest.
    Nothing,
    /// A boolean.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A timestamp. Text doesn't order them: one may have a fraction, the next one none.
    Moment(Moment),
    /// Any other text.
    Text(String),
}

impl SortKey {
    /// The key of a value.
    #[must_use]
    pub fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => Self::Nothing,
            Some(Value::Bool(value)) => Self::Bool(*value),
            Some(Value::Number(number)) => Self::Number(number.to_string()),
            Some(Value::String(text)) => match moment(text) {
                Some(moment) => Self::Moment(moment),
                None => Self::Text(text.clone()),
            },
        }
    }

    /// The order of two keys.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => {
                numbers(left, right).unwrap_or(Ordering::Equal)
            }
            (Self::Moment(left), Self::Moment(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => texts(left, right),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Moment(_) => 3,
            Self::Text(_) => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn orders_by_type_and_without_case() {
        let order =
            |left: &Value, right: &Value| SortKey::of(Some(left)).order(&SortKey::of(Some(right)));
        let sorted = [
            json!(null),
            json!(false),
            json!(true),
            json!(-2),
            json!(3),
            json!(10),
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-01T00:00:00.500000Z"),
            json!("2026-01-01T02:00:01+02:00"),
            json!(""),
            json!("-x"),
            json!("10"),
            json!("abc"),
            json!("ABD"),
            json!("b"),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(order(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(order(&json!("Bob"), &json!("bOB")), Ordering::Equal);
        assert_eq!(SortKey::of(None), SortKey::Nothing);
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
            (json!("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z", Some(Ordering::Equal)),
            (json!("2026-01-01T00:00:00Z"), "2026-01-01T02:00:00+02:00", Some(Ordering::Equal)),
            (json!("2026-01-01T00:00:00Z"), "2026-01-01t00:00:00.000z", Some(Ordering::Equal)),
            (json!("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00", Some(Ordering::Equal)),
            (json!("2026-01-01T00:00:00.5Z"), "2026-01-01T00:00:00Z", Some(Ordering::Greater)),
            (json!("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00.5Z", Some(Ordering::Less)),
            (json!("2026-01-01T00:00:00Z"), "2026-01-01", Some(Ordering::Greater)),
        ] {
            assert_eq!(with_text(&value, text), expect, "{value} {text}");
        }
    }
}
