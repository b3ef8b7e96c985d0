use std::time::Duration;

/// Parses a span of time as people write it: a whole number with a unit, as in `90d`, `12h`, `30m`.
/// The units are seconds, minutes, hours, days and weeks (`s`, `m`, `h`, `d`, `w`). None for any
/// other text, and for what is longer than 584 thousand years.
#[must_use]
pub fn time_span(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = is_number.then(|| digits.parse().ok())??;
    // Microseconds must fit, because moments are counted in them.
    let total = number.checked_mul(seconds)?;
    total.checked_mul(1_000_000).map(|_| Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_with_a_unit() {
        for (text, expect) in [
            ("30s", Some(30)),
            ("30m", Some(1_800)),
            ("12h", Some(43_200)),
            ("90d", Some(7_776_000)),
            ("2w", Some(1_209_600)),
            ("0m", Some(0)),
            ("", None),
            ("d", None),
            ("90", None),
            ("-1d", None),
            ("+1d", None),
            ("1.5d", None),
            ("1 d", None),
            ("1é", None),
            ("1y", None),
            ("99999999999999999999d", None),
            ("9999999999999999999w", None),
        ] {
            assert_eq!(time_span(text), expect.map(Duration::from_secs), "{text:?}");
        }
    }
}
