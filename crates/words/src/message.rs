use crate::limits::MESSAGE_LENGTH_MAX;

/// Whether a text can be the reason for a command: one line that says something.
#[must_use]
pub fn is_message(text: &str) -> bool {
    // Unicode has two characters that end a line and aren't control characters.
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let fits = text.chars().count() <= MESSAGE_LENGTH_MAX && !text.trim().is_empty();
    fits && !text.chars().any(breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_line_that_says_something() {
        let longest = "ä".repeat(MESSAGE_LENGTH_MAX);
        for text in ["x", " the price fell ", "Der Preis fällt", longest.as_str()] {
            assert!(is_message(text), "{text}");
        }
        let long = "x".repeat(MESSAGE_LENGTH_MAX + 1);
        for text in [
            "",
            " ",
            "\u{a0}\u{3000}",
            "a\nb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\u{2029}",
            long.as_str(),
        ] {
            assert!(!is_message(text), "{text:?}");
        }
    }
}
