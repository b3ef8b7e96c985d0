use muster_words::json::Value;

/// The longest number that is shifted: more digits than a price has.
const DIGITS_MAX: usize = 40;

/// A number times ten to the power of `places`, as a plain decimal with all its digits; none if it
/// isn't a number, or not one of a sane length. Binary fractions would make other prices of it.
pub(super) fn shifted(value: &Value, places: i64) -> Option<Value> {
    let text = value.as_number()?.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // The place of the point, counted from the first digit.
    let point = i64::try_from(whole.len()).ok()? + exponent + places;
    let zeros = usize::try_from(point.unsigned_abs()).ok()?;
    if digits.len() + zeros > DIGITS_MAX {
        return None;
    }
    let digits = match point {
        ..=0 => format!("0.{}{digits}", "0".repeat(zeros)),
        _ if zeros >= digits.len() => format!("{digits}{}", "0".repeat(zeros - digits.len())),
        _ => {
            let (whole, fraction) = digits.split_at(zeros);
            format!("{whole}.{fraction}")
        }
    };
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        digits
    };
    let whole = digits.trim_start_matches('0');
    let digits = match whole.chars().next() {
        None => "0".to_owned(),
        Some('.') => format!("0{whole}"),
        Some(_) => whole.to_owned(),
    };
    serde_json::from_str(&format!("{sign}{digits}")).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn prices_keep_their_digits() {
        for (number, places, expect) in [
            ("1.32e-07", 6, "0.132"),
            ("0.132", 0, "0.132"),
            ("1.254e-06", 6, "1.254"),
            ("0.0000015", 6, "1.5"),
            ("15", 0, "15"),
            ("15.0", 0, "15"),
            ("2e-05", 6, "20"),
            ("0", 6, "0"),
            ("0.0", 6, "0"),
            ("1e3", 0, "1000"),
            ("1.25E+1", 0, "12.5"),
            ("-3e-6", 6, "-3"),
            ("0.30000000000000004", 0, "0.30000000000000004"),
        ] {
            let value: Value = serde_json::from_str(number).unwrap();
            let found = shifted(&value, places).unwrap().to_string();
            assert_eq!(found, expect, "{number}");
        }
        for odd in ["\"1\"", "null", "1e999", "1e-999", "[1]"] {
            let value: Value = serde_json::from_str(odd).unwrap();
            assert_eq!(shifted(&value, 6), None, "{odd}");
        }
    }
}
