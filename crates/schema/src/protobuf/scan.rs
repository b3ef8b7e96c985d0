//! A look at a text before it is parsed. The parser and what follows it recurse by brackets and
//! take memory by statements, so both are bounded here.

use muster_words::TextPlace;

use super::{ProtobufFault, ProtobufProblem, fault::place_of};
use crate::limits;

/// Refuses a text that is nested too deeply, has too many statements or is written in an edition.
///
/// # Errors
/// The problem, with its place.
pub(super) fn scan(text: &str) -> Result<(), ProtobufProblem> {
    let (mut depth, mut statements, mut first) = (0_usize, 0_usize, true);
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    while let Some((at, byte)) = scanner.next_byte() {
        match byte {
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            b';' | b',' => statements += 1,
            _ => {}
        }
        if depth > limits::PROTOBUF_BRACKETS_MAX {
            let message =
                format!("brackets are nested deeper than {} levels", limits::PROTOBUF_BRACKETS_MAX);
            return Err(
                ProtobufProblem::new(ProtobufFault::TooDeep, message).at(Some(place_of(text, at)))
            );
        }
        if statements > 2 * limits::PROTOBUF_MEMBERS_MAX {
            let most = 2 * limits::PROTOBUF_MEMBERS_MAX;
            let message = format!("the file has more than {most} statements");
            return Err(
                ProtobufProblem::new(ProtobufFault::TooLarge, message).at(Some(place_of(text, at)))
            );
        }
        if first && text.as_bytes()[at..].starts_with(b"edition") {
            return Err(edition(Some(place_of(text, at))));
        }
        first = false;
    }
    Ok(())
}

/// That editions aren't supported.
pub(super) fn edition(place: Option<TextPlace>) -> ProtobufProblem {
    let message = "Protobuf editions aren't supported; begin the file with syntax = \"proto3\" or \
                   syntax = \"proto2\"";
    ProtobufProblem::new(ProtobufFault::Edition, message).at(place)
}

/// Steps over a text without its spaces, comments and quoted strings.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn next_byte(&mut self) -> Option<(usize, u8)> {
        loop {
            let at = self.at;
            let byte = *self.bytes.get(at)?;
            self.at += 1;
            match byte {
                b'/' if self.bytes.get(self.at) == Some(&b'/') => self.skip_line(),
                // Within values of options, where `#` begins a comment; elsewhere it is an error.
                b'#' => self.skip_line(),
                b'/' if self.bytes.get(self.at) == Some(&b'*') => self.skip_block(),
                b'"' | b'\'' => self.skip_string(byte),
                byte if byte.is_ascii_whitespace() => {}
                byte => return Some((at, byte)),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_block(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let end = rest.windows(2).position(|pair| pair == b"*/");
        self.at += 1 + end.map_or(rest.len(), |end| end + 2);
    }

    /// A string ends at its quote, or at the end of the line, where it is an error.
    fn skip_string(&mut self, quote: u8) {
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' => return,
                byte if *byte == quote => return,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_outside_of_strings_and_comments() {
        let deep = "{".repeat(limits::PROTOBUF_BRACKETS_MAX + 1);
        for (text, expect) in [
            (format!("message A {deep}"), Some((ProtobufFault::TooDeep, 1, 75))),
            (format!("\n\n  {deep}"), Some((ProtobufFault::TooDeep, 3, 67))),
            (format!("// {deep}\nmessage A {{}}"), None),
            (format!("/* {deep} */ message A {{}}"), None),
            (format!("/* {deep}"), None),
            (format!("option a = \"{deep}\";"), None),
            (format!("option a = '\\'{deep}';"), None),
            (format!("option a = '{deep}\n{deep}"), Some((ProtobufFault::TooDeep, 2, 65))),
            ("{}".repeat(1_000), None),
            (
                ";".repeat(2 * limits::PROTOBUF_MEMBERS_MAX + 1),
                Some((ProtobufFault::TooLarge, 1, 2 * limits::PROTOBUF_MEMBERS_MAX + 1)),
            ),
            ("// a\n edition = \"2023\";".to_owned(), Some((ProtobufFault::Edition, 2, 2))),
            ("message edition {}".to_owned(), None),
            ("\"\\".to_owned(), None),
        ] {
            let found = scan(&text).err().map(|problem| {
                let place = problem.place.unwrap_or(TextPlace { line: 0, column: 0 });
                (problem.fault, place.line, place.column)
            });
            assert_eq!(found, expect, "{:.40}", text);
        }
    }
}
