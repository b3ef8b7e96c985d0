//! Numbers for people.

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

/// Seconds with a sensible number of digits.
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

/// `29 documents, 3 schemas and 17 rules`. Schemas and rules are also part of the documents.
#[must_use]
pub fn holding(all: usize, schemas: usize, rules: usize) -> String {
    let documents = all.saturating_sub(schemas).saturating_sub(rules);
    let documents = counted(documents, "document", "documents");
    let schemas = (schemas > 0).then(|| counted(schemas, "schema", "schemas"));
    let rules = (rules > 0).then(|| counted(rules, "rule", "rules"));
    match (schemas, rules) {
        (Some(schemas), Some(rules)) => format!("{documents}, {schemas} and {rules}"),
        (Some(more), None) | (None, Some(more)) => format!("{documents} and {more}"),
        (None, None) => documents,
    }
}

/// A size in the largest fitting unit: `512 bytes`, `1.4 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            format!("{}.{} {name}", separated(bytes / unit), bytes % unit * 10 / unit)
        }
        None => counted(usize::try_from(bytes).unwrap_or_default(), "byte", "bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_schemas_and_rules_beside_the_other_documents() {
        for (all, schemas, rules, expect) in [
            (49, 3, 17, "29 documents, 3 schemas and 17 rules"),
            (2, 1, 0, "1 document and 1 schema"),
            (1, 0, 1, "0 documents and 1 rule"),
            (1_204, 0, 0, "1,204 documents"),
        ] {
            assert_eq!(holding(all, schemas, rules), expect);
        }
    }

    #[test]
    fn gives_bytes_in_the_unit_that_says_most() {
        for (bytes, expect) in [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_449_999, "1.4 MB"),
            (2_000_000_000_000_000, "2,000.0 TB"),
        ] {
            assert_eq!(size(bytes), expect);
        }
    }

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
