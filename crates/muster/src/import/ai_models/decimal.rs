use muster_words::json::Value;

/// The longest number that is shifted: more digits than a price has.
const DIGITS_MAX: usize = 40;

/// The digits that a binary fraction of 64 bits always keeps (`DBL_DIG` of C). What follows is the
/// trace of a calculation: `2.9999999999999997e-07` is 0.3 for a million.
const SIGNIFICANT_MAX: usize = 15;

/// A number times ten to the power of `places`, as a plain decimal; none if it isn't a number, or
/// not one of a sane length. It isn't calculated with binary fractions, which would make other
/// prices of it.
pub(super) fn shifted(value: &Value, places: i64) -> Option<Value> {
    let text = value.as_number()?.to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let grown = round(&mut digits);
    // The place of the point, counted from the first digit.
    let point = i64::try_from(whole.len()).ok()? + exponent + places + i64::from(grown);
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

/// Rounds decimal digits to [`SIGNIFICANT_MAX`]; the rest becomes zeros. True if a digit was put
/// before the first one, as in 99.9… that becomes 100.
fn round(digits: &mut String) -> bool {
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let end = zeros + SIGNIFICANT_MAX;
    if digits.len() <= end {
        return false;
    }
    let mut rounded: Vec<u8> = digits.bytes().collect();
    let mut carry = rounded.get(end).is_some_and(|next| *next >= b'5');
    rounded.iter_mut().skip(end).for_each(|digit| *digit = b'0');
    for digit in rounded.iter_mut().take(end).rev() {
        if !carry {
            break;
        }
        carry = *digit == b'9';
        *digit = if carry { b'0' } else { *digit + 1 };
    }
    if carry {
        rounded.insert(0, b'1');
    }
    *digits = String::from_utf8_lossy(&rounded).into_owned();
    carry
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
            ("0.30000000000000004", 0, "0.3"),
            ("2.9999999999999997e-07", 6, "0.3"),
            ("9.9999999999999995e-07", 6, "1"),
            ("99.99999999999999999", 0, "100"),
            ("1.1500000000000001e-06", 6, "1.15"),
            ("123456789012345", 0, "123456789012345"),
            ("1234567890123456", 0, "1234567890123460"),
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
