//! Regular expressions with a known cost.

use muster_schema::cost_of_pattern;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;

use super::{
    fault::pattern_too_large,
    limits::{PATTERN_BYTES_MAX, PATTERN_COST_MAX},
};

/// The positions that the analysis of a pattern may visit if it is a literal: three milliseconds,
/// once per rule.
pub(super) const LITERAL_LOOKED_MAX: u64 = 100_000;

/// The same for a pattern that is made while a rule is evaluated: half a millisecond.
pub(super) const MADE_LOOKED_MAX: u64 = 20_000;

/// A compiled pattern. The engine's time is linear in the text and at most proportional to the
/// pattern's cost; a match is charged accordingly.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    cost: usize,
}

impl Pattern {
    /// Compiles a pattern in the syntax of the `regex` crate, which is RE2's: without look-around
    /// and back-references. The analysis visits up to `looked_max` positions; a pattern that needs
    /// more is charged for all its positions.
    ///
    /// # Errors
    /// The fault, in one line for people.
    pub(super) fn compile(text: &str, looked_max: u64) -> Result<Self, String> {
        let cost = cost_of_pattern(&read(text)?, PATTERN_BYTES_MAX as u64, looked_max);
        let cost = usize::try_from(cost).unwrap_or(usize::MAX);
        if cost > PATTERN_COST_MAX {
            return Err(pattern_too_large());
        }
        let regex = RegexBuilder::new(text)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|_| pattern_too_large())?;
        Ok(Self { regex, cost })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The steps of a match against a text of this size: one per 16 bytes, and one per eight moves
    /// of a position.
    pub(super) fn steps(&self, bytes: usize) -> usize {
        1 + bytes.saturating_mul(2 * self.cost + 1) / 16
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
