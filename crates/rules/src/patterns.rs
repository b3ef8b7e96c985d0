//! Regular expressions with a price.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{
    fault::pattern_too_large,
    limits::{PATTERN_BYTES_MAX, PATTERN_WEIGHT_MAX},
};

/// A compiled pattern. Its engine takes time linear in the text, at most in proportion to the
/// pattern's weight, which is what a match is charged by.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    weight: u32,
}

impl Pattern {
    /// Compiles a pattern (the syntax of the `regex` crate: RE2's, no look-around, no
    /// back-references).
    ///
    /// # Errors
    /// What is wrong with it, in a line for people.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let weight = weigh(&read(text)?);
        if weight > PATTERN_WEIGHT_MAX {
            return Err(pattern_too_large());
        }
        let regex = RegexBuilder::new(text)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|_| pattern_too_large())?;
        Ok(Self { regex, weight })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The steps of a match against a text of that many bytes.
    pub(super) fn steps(&self, bytes: usize) -> usize {
        1 + bytes.saturating_mul(self.weight as usize + 4) / 64
    }
}

fn read(text: &str) -> Result<Hir, String> {
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(32).build().parse(text);
    parsed.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "it is no regular expression".to_owned(),
    })
}

/// About how many places of the pattern a match can be at, at once. The tree's depth was limited
/// when it was read.
fn weigh(hir: &Hir) -> u32 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => u32::try_from(literal.0.len()).unwrap_or(u32::MAX),
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Class(Class::Unicode(class)) => {
            if class.is_ascii() {
                1
            } else {
                8
            }
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            weigh(&repetition.sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => weigh(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(weigh).fold(0, u32::saturating_add)
        }
    }
}
