//! Numbers as people read them.

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

/// Bytes in the unit in which they have one to three digits.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut tenths = count.saturating_mul(10);
    let mut unit = "bytes";
    for larger in ["kB", "MB", "GB", "TB"] {
        if tenths < 10_000 {
            break;
        }
        tenths = (tenths + 500) / 1_000;
        unit = larger;
    }
    if unit == "bytes" || tenths >= 1_000 {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
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
    fn gives_bytes_in_a_unit_that_fits() {
        for (count, expect) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_449, "1.4 kB"),
            (99_960, "100 kB"),
            (1_400_000, "1.4 MB"),
            (123_000_000, "123 MB"),
            (u64::MAX, "1844674 TB"),
        ] {
            assert_eq!(bytes(count), expect, "{count}");
        }
    }
}
