//! The messages about violations of a schema.

use jsonschema::{
    JsonType,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use muster_words::json::{Value, to_canonical};

use crate::{limits, nearest};

/// The message for a violated keyword.
pub(crate) fn of(kind: &Kind, value: &Value) -> String {
    let shown = quote(value);
    match kind {
        Kind::Enum { options } => {
            no_choice(value, options.as_array().map(Vec::as_slice).unwrap_or_default())
        }
        Kind::Constant { expected_value } => not_the_constant(value, expected_value),
        Kind::Type { kind } => format!("{shown} is {}; {} is needed", type_of(value), types(kind)),
        Kind::Minimum { limit } => format!("{shown} is below the minimum of {}", quote(limit)),
        Kind::Maximum { limit } => format!("{shown} is above the maximum of {}", quote(limit)),
        Kind::ExclusiveMinimum { limit } => format!("{shown} is not above {}", quote(limit)),
        Kind::ExclusiveMaximum { limit } => format!("{shown} is not below {}", quote(limit)),
        Kind::MultipleOf { multiple_of } => {
            format!("{shown} is not a multiple of {}", quote(multiple_of))
        }
        Kind::Format { format } => {
            format!("{shown} is not {}", format_name(format))
        }
        Kind::Pattern { pattern } => {
            format!("{shown} doesn't match {}", cut(pattern.clone(), 2 * limits::QUOTE_MAX))
        }
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            format!("{shown} can't be matched against the pattern in time")
        }
        // Keywords that are ours bring their own message.
        Kind::Custom { message, .. } => message.clone(),
        Kind::UniqueItems => first_duplicate(value),
        Kind::Contains => "none of its values is of the required kind".to_owned(),
        Kind::Not { .. } => format!("{shown} is not allowed here"),
        Kind::FalseSchema => "no value is allowed here".to_owned(),
        Kind::OneOfMultipleValid { .. } => {
            format!("{shown} matches several alternatives; it must match exactly one")
        }
        Kind::ContentEncoding { content_encoding } => {
            format!("{shown} is not encoded as {content_encoding}")
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("{shown} is not {content_media_type}")
        }
        kind => of_size(kind, value)
            .unwrap_or_else(|| format!("{shown} violates the schema's {}", kind.keyword())),
    }
}

/// The message about a length or a count.
fn of_size(kind: &Kind, value: &Value) -> Option<String> {
    let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
    let items = value.as_array().map_or(0, Vec::len) as u64;
    let members = value.as_object().map_or(0, serde_json::Map::len) as u64;
    Some(match kind {
        Kind::MinLength { limit } => too_few(length, *limit, "character", "characters"),
        Kind::MaxLength { limit } => too_many(length, *limit, "character", "characters"),
        Kind::MinItems { limit } => too_few(items, *limit, "value", "values"),
        Kind::MaxItems { limit } => too_many(items, *limit, "value", "values"),
        Kind::MinProperties { limit } => too_few(members, *limit, "member", "members"),
        Kind::MaxProperties { limit } => too_many(members, *limit, "member", "members"),
        Kind::AdditionalItems { limit } => too_many(items, *limit as u64, "value", "values"),
        Kind::UnevaluatedItems { unexpected } => {
            format!("{} is not an allowed name", cut(unexpected.join(", "), limits::QUOTE_MAX))
        }
        _ => return None,
    })
}

fn too_few(found: u64, limit: u64, one: &str, many: &str) -> String {
    let word = if found == 1 { one } else { many };
    format!("{} {word}; at least {} needed", separated(found), counted(limit))
}

fn too_many(found: u64, limit: u64, one: &str, many: &str) -> String {
    let word = if found == 1 { one } else { many };
    format!("{} {word}; at most {} allowed", separated(found), counted(limit))
}

fn counted(limit: u64) -> String {
    format!("{} {}", separated(limit), if limit == 1 { "is" } else { "are" })
}

/// A number with commas between thousands: 1,204.
fn separated(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The message if a value matches none of its alternatives.
pub(crate) fn no_alternative(closest: &Option<String>, forms: usize) -> String {
    match closest {
        Some(closest) if forms > 1 => {
            format!("matches none of the {forms} alternatives; in the closest one: {closest}")
        }
        Some(closest) => closest.clone(),
        None => format!("matches none of the {forms} alternatives"),
    }
}

/// The message about a value that isn't the one of a `const`.
pub(crate) fn not_the_constant(value: &Value, only: &Value) -> String {
    format!("{} must be {}", quote(value), quote(only))
}

/// The message about a value that is none of an `enum`.
pub(crate) fn no_choice(value: &Value, options: &[Value]) -> String {
    let shown = quote(value);
    let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
    let plain = names.len() == options.len();
    let choices: Vec<String> = options
        .iter()
        .take(limits::CHOICES_MAX)
        .map(|option| option.as_str().filter(|_| plain).map_or_else(|| quote(option), short))
        .collect();
    let mut message = match choices.as_slice() {
        [only] => format!("{shown} must be {only}"),
        choices => format!("{shown} is none of {}", choices.join(", ")),
    };
    if options.len() > limits::CHOICES_MAX {
        message.push_str(&format!(" and {} more", options.len() - limits::CHOICES_MAX));
    }
    if let Some(meant) = value.as_str().and_then(|text| nearest(text, names.iter().copied())) {
        message.push_str(&format!("; did you mean {}?", short(meant)));
    }
    message
}

fn short(text: &str) -> String {
    cut(text.to_owned(), limits::QUOTE_MAX)
}

/// Names the first repeated value, if it can be found cheaply.
pub(crate) fn first_duplicate(value: &Value) -> String {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen = std::collections::HashMap::new();
    for (index, item) in items.iter().enumerate().take(10_000) {
        if let Some(first) = seen.insert(to_canonical(item), index) {
            return format!(
                "{} occurs twice, as numbers {} and {}",
                quote(item),
                first + 1,
                index + 1
            );
        }
    }
    "a value occurs twice".to_owned()
}

/// The type of a value, in words.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => type_name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => {
            let names: Vec<&str> = kinds.iter().map(type_name).collect();
            match names.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                _ => names.concat(),
            }
        }
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    }
}

/// The name of a format, with an example.
fn format_name(format: &str) -> String {
    match format {
        "date" => "a date such as 2026-11-21".to_owned(),
        "date-time" => "a timestamp such as 2026-11-21T10:12:03Z".to_owned(),
        "time" => "a time of day such as 10:12:03Z".to_owned(),
        "duration" => "a duration such as P3DT4H".to_owned(),
        "email" | "idn-email" => "an email address".to_owned(),
        "uri" => "a URI such as https://example.com/page".to_owned(),
        "uri-reference" => "a URI or a relative reference".to_owned(),
        "hostname" | "idn-hostname" => "a host name".to_owned(),
        "uuid" => "a UUID such as f81d4fae-7dec-11d0-a765-00a0c91e6bf6".to_owned(),
        "regex" => "a regular expression".to_owned(),
        other => format!("of the format {}", short(other)),
    }
}

/// A value in a message: its JSON, shortened.
pub(crate) fn quote(value: &Value) -> String {
    match value {
        Value::Array(items) if items.len() > 4 => format!("a list of {}", items.len()),
        Value::Object(map) if map.len() > 2 => format!("a map of {}", map.len()),
        Value::String(text) if text.chars().count() > limits::QUOTE_MAX => {
            let start: String = text.chars().take(limits::QUOTE_MAX).collect();
            format!("{}…", quote(&Value::String(start)).trim_end_matches('"'))
        }
        Value::Array(_) | Value::Object(_) if too_long(value) => {
            format!("{} too long to show", type_of(value))
        }
        value => {
            let text = String::from_utf8_lossy(&to_canonical(value)).into_owned();
            cut(text, 2 * limits::QUOTE_MAX)
        }
    }
}

fn too_long(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() > limits::QUOTE_MAX,
        Value::Array(items) => items.len() > 4 || items.iter().any(too_long),
        Value::Object(map) => map.len() > 2 || map.iter().any(|(k, v)| k.len() > 40 || too_long(v)),
        _ => false,
    }
}

/// Text shortened to a number of characters.
pub(crate) fn cut(text: String, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
