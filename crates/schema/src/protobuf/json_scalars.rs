//! Scalar values in Protobuf's JSON mapping.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use muster_words::json::Value;
use prost_reflect::Kind;

use crate::messages;

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) keyword: &'static str,
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn type_of(value: &Value, needed: &str) -> Self {
        Self { keyword: "type", message: format!("{} isn't {needed}", messages::quote(value)) }
    }

    fn range(value: &Value, needed: &str) -> Self {
        Self { keyword: "range", message: format!("{} isn't {needed}", messages::quote(value)) }
    }
}

/// Checks a value that is neither a message nor of an enum.
pub(super) fn value(value: &Value, kind: &Kind) -> Result<(), Mistake> {
    let fits = match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            return integer(value, i128::from(i32::MIN), i128::from(i32::MAX)).map(drop);
        }
        Kind::Uint32 | Kind::Fixed32 => return integer(value, 0, i128::from(u32::MAX)).map(drop),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            return integer(value, i128::from(i64::MIN), i128::from(i64::MAX)).map(drop);
        }
        Kind::Uint64 | Kind::Fixed64 => return integer(value, 0, i128::from(u64::MAX)).map(drop),
        Kind::Double => return fraction(value, f64::is_finite),
        // What is rounded to a value of the type is one.
        #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
        Kind::Float => return fraction(value, |number| (number as f32).is_finite()),
        Kind::Bool => value.is_boolean(),
        Kind::String => value.is_string(),
        Kind::Bytes => match value {
            Value::String(text) => return bytes(text, value),
            _ => false,
        },
        Kind::Message(_) | Kind::Enum(_) => true,
    };
    match fits {
        true => Ok(()),
        false => Err(Mistake::type_of(value, &format!("a value of {kind:?}"))),
    }
}

/// An integer within bounds, as a number or as text.
pub(super) fn integer(value: &Value, least: i128, most: i128) -> Result<i128, Mistake> {
    let number = match value {
        Value::Number(number) => whole(&number.to_string()),
        Value::String(text) => whole(text),
        _ => None,
    };
    match number {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        Some(_) => Err(Mistake::range(value, &format!("between {least} and {most}"))),
        None => Err(Mistake::type_of(value, "an integer")),
    }
}

/// The integer that a number in JSON's notation is: `1.0` and `1e2` are ones. What has more than
/// forty digits is beyond all types, and is taken for the largest.
fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [before, after].concat();
    if before.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len() - significant.len()).ok()?;
    let scale = exponent.checked_sub(i64::try_from(after.len()).ok()?)?.checked_add(zeros)?;
    let significant = significant.trim_start_matches('0');
    let number = match (significant, scale) {
        ("", _) => 0,
        (_, ..0) => return None,
        (digits, 0..38) if digits.len() < 38 => {
            let power = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            digits.parse::<i128>().ok()?.checked_mul(power).unwrap_or(i128::MAX)
        }
        _ => i128::MAX,
    };
    Some(if negative { -number } else { number })
}

fn fraction(value: &Value, fits: impl Fn(f64) -> bool) -> Result<(), Mistake> {
    let number: Option<f64> = match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
            return Ok(());
        }
        Value::String(text)
            if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) =>
        {
            text.parse().ok()
        }
        _ => None,
    };
    match number {
        Some(number) if fits(number) => Ok(()),
        Some(_) => Err(Mistake::range(value, "within the type's range")),
        None => Err(Mistake::type_of(value, "a number")),
    }
}

/// Base64 in either alphabet, with or without padding.
fn bytes(text: &str, value: &Value) -> Result<(), Mistake> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = match text.contains(['-', '_']) {
        true => &alphabet::URL_SAFE,
        false => &alphabet::STANDARD,
    };
    match GeneralPurpose::new(alphabet, config).decode(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(Mistake::type_of(value, "base64")),
    }
}

/// A key of a map: names of objects are texts, whatever the key's type is.
pub(super) fn key(key: &str, kind: &Kind) -> Result<(), Mistake> {
    let quoted = Value::String(key.to_owned());
    match kind {
        Kind::String => Ok(()),
        Kind::Bool if key == "true" || key == "false" => Ok(()),
        Kind::Bool => Err(Mistake::type_of(&quoted, "true or false")),
        kind => value(&quoted, kind),
    }
}

/// A time as RFC 3339 has it, with up to nine digits behind the point, in the years 1 to 9999.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let (time, offset) = match time.strip_suffix('Z') {
        Some(time) => (time, "+00:00"),
        None => match time.rfind(['+', '-']) {
            Some(at) => time.split_at(at),
            None => return false,
        },
    };
    let (time, fraction) =
        time.split_once('.').map_or((time, None), |(time, rest)| (time, Some(rest)));
    let date: Option<Vec<u32>> = parts(date, '-', &[4, 2, 2]);
    let time = parts(time, ':', &[2, 2, 2]);
    let offset = parts(&offset[1..], ':', &[2, 2]);
    let fraction_fits = fraction.is_none_or(|digits| {
        (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    match (date.as_deref(), time.as_deref(), offset.as_deref()) {
        (Some([year, month, day]), Some([hour, minute, second]), Some([east, minutes])) => {
            *year >= 1
                && (1..=days(*year, *month)).contains(day)
                && (*hour < 24 && *minute < 60 && *second < 60)
                && (*east < 24 && *minutes < 60)
                && fraction_fits
        }
        _ => false,
    }
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

/// Numbers with exactly so many digits, between separators.
fn parts(text: &str, separator: char, lengths: &[usize]) -> Option<Vec<u32>> {
    let parts: Vec<&str> = text.split(separator).collect();
    let fit = parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == *length && part.bytes().all(|byte| byte.is_ascii_digit())
        });
    fit.then(|| parts.iter().filter_map(|part| part.parse().ok()).collect())
}

/// Seconds with up to nine digits behind the point and an `s`, up to about 10,000 years.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(number) = text.strip_suffix('s') else { return false };
    let number = number.strip_prefix('-').unwrap_or(number);
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(seconds)
        && digits(fraction)
        && fraction.len() <= 9
        && seconds.parse::<u64>().is_ok_and(|seconds| seconds <= 315_576_000_000)
}

/// Paths of fields by their names in JSON, between commas.
pub(super) fn is_field_mask(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric();
    text.is_empty()
        || text.split([',', '.']).all(|part| !part.is_empty() && part.bytes().all(letter))
}
