//! The core schema of YAML (1.2.2, 10.3): what a plain scalar is, by its text.

use serde_json::{Number, Value};

use super::YamlFault;

/// The value of a plain scalar.
pub(super) fn resolve(text: &str) -> Result<Value, YamlFault> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text)? {
            Some(number) => Value::Number(number),
            None => Value::String(text.to_owned()),
        },
    })
}

/// The number that a text is; none if it isn't one.
fn number(text: &str) -> Result<Option<Number>, YamlFault> {
    if !matches!(text.as_bytes().first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.')) {
        return Ok(None);
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return in_base(digits, radix);
        }
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(YamlFault::NotFinite(text.to_owned()));
    }
    Ok(decimal(sign, rest).map(Number::from_string_unchecked))
}

fn in_base(digits: &str, radix: u32) -> Result<Option<Number>, YamlFault> {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Ok(None);
    }
    let value = u128::from_str_radix(digits, radix).map_err(|_| YamlFault::TooManyBits)?;
    Ok(Some(Number::from_string_unchecked(value.to_string())))
}

/// A decimal number in JSON's form. It keeps its digits; JSON wants one before and after the point,
/// and no zeros in front.
fn decimal(sign: &str, text: &str) -> Option<String> {
    let whole_end = end_of_digits(text);
    let (whole, rest) = text.split_at(whole_end);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, rest) = rest.split_at(end_of_digits(rest));
            (Some(fraction), rest)
        }
        None => (None, rest),
    };
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || end_of_digits(digits) < digits.len() {
                return None;
            }
            rest
        }
        None if rest.is_empty() => "",
        None => return None,
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = match fraction {
        None => String::new(),
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
    };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

fn end_of_digits(text: &str) -> usize {
    text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}
