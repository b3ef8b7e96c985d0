use muster_words::Moment;
use serde_json::{Number, Value};

use crate::{Attribute, Attributes, Kind};

/// Whether a value in a model has this scalar type.
pub(crate) fn is_of_kind(value: &Value, kind: Kind) -> bool {
    normalise(&mut value.clone(), kind)
}

/// Whether a value is in the list. Strings are compared without regard to case.
pub(crate) fn is_choice(value: &Value, choices: &[Value]) -> bool {
    let text = text_of(value).to_lowercase();
    choices.iter().any(|choice| text_of(choice).to_lowercase() == text)
}

/// A scalar as text; a string without quotes.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Normalises a scalar for storage; false if it has another type.
pub(super) fn normalise(value: &mut Value, kind: Kind) -> bool {
    match (kind, &*value) {
        (Kind::Boolean, Value::Bool(_)) | (Kind::Decimal, Value::Number(_)) => true,
        (Kind::Integer | Kind::Uinteger, Value::Number(number)) => match whole(number) {
            Some(digits) if kind == Kind::Integer || !digits.starts_with('-') => {
                if digits != number.to_string() {
                    *value = serde_json::from_str(&digits).unwrap_or_default();
                }
                true
            }
            _ => false,
        },
        (Kind::Timestamp, Value::String(text)) => match moment(text) {
            Some(moment) => {
                *value = moment.to_string().into();
                true
            }
            None => false,
        },
        (kind, Value::String(text)) if kind.is_text() => is_text_of_kind(text, kind),
        _ => false,
    }
}

/// The digits of a whole number, also if it was written as `5.0`; -0 becomes 0.
fn whole(number: &Number) -> Option<String> {
    let text = number.to_string();
    let digits = match text.split_once('.') {
        None => text.as_str(),
        Some((digits, rest)) if rest.bytes().all(|byte| byte == b'0') => digits,
        Some(_) => return None,
    };
    let is_whole = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|b| b.is_ascii_digit());
    is_whole.then(|| if digits == "-0" { "0".to_owned() } else { digits.to_owned() })
}

/// A timestamp with any offset. Without an offset it is UTC, as in the reference server.
fn moment(text: &str) -> Option<Moment> {
    Moment::parse(text).or_else(|_| Moment::parse(&format!("{text}Z"))).ok()
}

fn is_text_of_kind(text: &str, kind: Kind) -> bool {
    match kind {
        Kind::UriAbsolute | Kind::UrlAbsolute => has_scheme(text),
        Kind::UriRelative | Kind::UrlRelative => !has_scheme(text),
        Kind::UriTemplate => is_template(text),
        // Whether a name exists is checked by the caller; whether a URL works isn't checked.
        _ => true,
    }
}

/// RFC 3986, 3.1: a letter, then letters, digits, `+`, `-` and `.`, up to the first colon.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// RFC 6570: braces come in pairs, aren't nested, and aren't empty.
fn is_template(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let Some(inner) = rest.get(at..).and_then(|from| from.strip_prefix('{')) else {
            return false;
        };
        match inner.find(['{', '}']) {
            Some(end) if end > 0 && inner[end..].starts_with('}') => rest = &inner[end + 1..],
            _ => return false,
        }
    }
    true
}

/// See [`Attributes::value_of_text`].
pub(crate) fn value_of_text(attributes: &Attributes, name: &str, text: &str) -> Value {
    let (top, member) = name.split_once('.').map_or((name, None), |(top, rest)| (top, Some(rest)));
    let kind = |attribute: &Attribute| match member {
        None => Some(attribute.kind),
        Some(member) => match (&attribute.item, &attribute.attributes) {
            (Some(item), _) => Some(item.kind),
            (None, Some(within)) => within.find(member).map(|attribute| attribute.kind),
            (None, None) => None,
        },
    };
    let typed = |attribute: &Attribute| kind(attribute).and_then(|kind| typed(kind, text));
    let found = match attributes.get(top) {
        Some(attribute) => typed(attribute),
        // An attribute that exists only for a certain value of another, which isn't known yet.
        None => siblings(attributes, top)
            .find_map(typed)
            .or_else(|| attributes.get("*").and_then(typed)),
    };
    found.unwrap_or_else(|| text.into())
}

/// The definitions of a name in `ifvalues`.
fn siblings<'a>(attributes: &'a Attributes, name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    let cases = attributes.iter().flat_map(|attribute| attribute.ifvalues.values());
    cases.filter_map(move |siblings| siblings.get(name))
}

/// A text as a value of a type that isn't text.
fn typed(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Boolean => text.parse().map(Value::Bool).ok(),
        Kind::Decimal | Kind::Integer | Kind::Uinteger => {
            let number = serde_json::from_str::<Number>(text).ok().map(Value::Number);
            number.filter(|value| is_of_kind(value, kind))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn knows_which_values_are_of_a_type() {
        for (kind, value, expect) in [
            (Kind::Boolean, json!(true), true),
            (Kind::Boolean, json!("true"), false),
            (Kind::Decimal, json!(1.5), true),
            (Kind::Decimal, json!("1.5"), false),
            (Kind::Integer, json!(-3), true),
            (Kind::Integer, json!(1.5), false),
            (Kind::Uinteger, json!(0), true),
            (Kind::Uinteger, json!(-1), false),
            (Kind::String, json!(""), true),
            (Kind::String, json!(1), false),
            (Kind::Timestamp, json!("2026-01-01T00:00:00Z"), true),
            (Kind::Timestamp, json!("2026-01-01T00:00:00"), true),
            (Kind::Timestamp, json!("2026-01-01"), false),
            (Kind::Url, json!("alt url"), true),
            (Kind::UriAbsolute, json!("urn:a"), true),
            (Kind::UriAbsolute, json!("/a"), false),
            (Kind::UrlRelative, json!("/a:b"), true),
            (Kind::UrlRelative, json!("http://a"), false),
            (Kind::UriTemplate, json!("/a/{b}/{c*}"), true),
            (Kind::UriTemplate, json!("/a/{b"), false),
            (Kind::UriTemplate, json!("/a/}b"), false),
            (Kind::UriTemplate, json!("/a/{}"), false),
            (Kind::UriTemplate, json!("/a/{{b}}"), false),
        ] {
            assert_eq!(is_of_kind(&value, kind), expect, "{kind} {value}");
        }
    }

    #[test]
    fn keeps_numbers_and_moments_in_one_form() {
        for (kind, written, expect) in [
            (Kind::Integer, "5.00", Some("5")),
            (Kind::Integer, "-0", Some("0")),
            (Kind::Integer, "90071992547409931234", Some("90071992547409931234")),
            (Kind::Integer, "1e3", None),
            (Kind::Decimal, "1.10", Some("1.10")),
            (Kind::Timestamp, "\"2026-01-01T02:00:00+02:00\"", Some("\"2026-01-01T00:00:00Z\"")),
            (Kind::Timestamp, "\"2026-01-01T02:00:00\"", Some("\"2026-01-01T02:00:00Z\"")),
        ] {
            let mut value: Value = serde_json::from_str(written).unwrap_or_default();
            let found = normalise(&mut value, kind).then(|| value.to_string());
            assert_eq!(found.as_deref(), expect, "{kind} {written}");
        }
    }
}
