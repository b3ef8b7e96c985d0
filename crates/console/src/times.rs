use maud::{Markup, html};

/// A time of the registry, RFC 3339 in UTC. The page's script shows it in the reader's time zone.
pub fn time(text: &str) -> Markup {
    html! { time datetime=(text) { (without_fraction(text)) } }
}

/// `2026-11-21T10:12:03.000412Z` as `2026-11-21 10:12:03 UTC`. Other texts stay as they are.
fn without_fraction(text: &str) -> String {
    let Some((date, time)) = text.split_once('T') else { return text.to_owned() };
    let Some(time) = time.strip_suffix('Z') else { return text.to_owned() };
    let time = time.split('.').next().unwrap_or(time);
    format!("{date} {time} UTC")
}

/// A number with separators: `1,204`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_fractions_of_seconds_out() {
        for (text, expect) in [
            ("2026-11-21T10:12:03.000412Z", "2026-11-21 10:12:03 UTC"),
            ("2026-11-21T10:12:03Z", "2026-11-21 10:12:03 UTC"),
            ("2026-11-21T10:12:03+01:00", "2026-11-21T10:12:03+01:00"),
            ("yesterday", "yesterday"),
            ("", ""),
        ] {
            assert_eq!(without_fraction(text), expect);
        }
    }

    #[test]
    fn groups_digits() {
        for (value, expect) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(number(value), expect);
        }
    }
}
