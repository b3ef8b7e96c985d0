use muster_words::json::{Value, ValuePath};

use crate::{
    Violation,
    json_schema::decimal::size_of,
    limits::{NUMBER_SIZE_MAX, POINTER_BYTES_MAX, VIOLATIONS_MAX},
    messages,
};

/// The violations of numbers whose digits and exponent add up to more than
/// [`NUMBER_SIZE_MAX`](crate::limits::NUMBER_SIZE_MAX), in the order of the document: at most
/// [`VIOLATIONS_MAX`](crate::limits::VIOLATIONS_MAX).
#[must_use]
pub fn oversized_numbers(document: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    find(document, &ValuePath::DOCUMENT, &mut found);
    found
}

/// A number with at most this many characters is never oversized: `9e999` isn't.
const SHORT_MAX: usize = 5;

fn find(value: &Value, path: &ValuePath<'_>, found: &mut Vec<Violation>) {
    match value {
        Value::Number(number) if number.as_str().len() > SHORT_MAX => {
            let is_oversized = size_of(number.as_str()) > NUMBER_SIZE_MAX as u128;
            if is_oversized && found.len() < VIOLATIONS_MAX {
                found.push(violation(path, value));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find(item, &path.item(index), found);
            }
        }
        Value::Object(map) => {
            for (name, member) in map {
                find(member, &path.member(name), found);
            }
        }
        _ => {}
    }
}

fn violation(path: &ValuePath<'_>, value: &Value) -> Violation {
    let message = format!(
        "{} is too large a number: its digits and its exponent together may be at most \
         {NUMBER_SIZE_MAX}",
        messages::quote(value)
    );
    Violation::keyword(path.pointer_within(POINTER_BYTES_MAX), "number", message)
}
