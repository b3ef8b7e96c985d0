//! Regular expressions with a known cost.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{
    fault::pattern_too_large,
    limits::{PATTERN_BYTES_MAX, PATTERN_WEIGHT_MAX},
};

/// A compiled pattern. The engine's time is linear in the text and at most proportional to the
/// pattern's weight; a match is charged accordingly.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    weight: u32,
}

impl Pattern {
    /// Compiles a pattern in the syntax of the `regex` crate, which is RE2's: without look-around
    /// and back-references.
    ///
    /// # Errors
    /// The fault, in one line for people.
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

    /// The steps of a match against a text of this size.
    pub(super) fn steps(&self, bytes: usize) -> usize {
        1 + bytes.saturating_mul(self.weight as usize + 4) / 64
    }
}

fn read(text: &str) -> Result<Hir, String> {
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(32).build().parse(text);
    parsed.map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "it isn't a regular expression".to_owned(),
    })
}

/// Roughly how many positions of the pattern can be active at once. The depth of the tree was
/// limited when it was parsed.
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
