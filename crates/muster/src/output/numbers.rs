//! Numbers as people read them.

use std::time::Duration;

/// A whole number with a comma between thousands.
#[must_use]
pub fn separated(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 document`, `1,204 documents`.
#[must_use]
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", separated(number as u64), if number == 1 { one } else { many })
}

/// Seconds with as many digits as say something.
#[must_use]
pub fn seconds(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds >= 100 {
        let tenths = (milliseconds + 50) / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        let hundredths = milliseconds.div_ceil(10).max(1);
        if hundredths == 10 { "0.1 s".to_owned() } else { format!("0.0{hundredths} s") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_thousands() {
        for (number, expect) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(separated(number), expect);
        }
        assert_eq!(counted(1, "document", "documents"), "1 document");
        assert_eq!(counted(1_204, "document", "documents"), "1,204 documents");
    }

    #[test]
    fn gives_seconds_with_the_digits_that_say_something() {
        for (milliseconds, expect) in
            [(0, "0.01 s"), (17, "0.02 s"), (96, "0.1 s"), (149, "0.1 s"), (12_345, "12.3 s")]
        {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), expect);
        }
    }
}
