//! The cost of a pattern per letter of a text, known before anything is matched.
//!
//! The engine caches the states of its automaton; then a byte takes two nanoseconds, however long
//! the pattern is. If there are too many states for its memory, it moves every active position for
//! each letter: ten nanoseconds each (measured, see [`cost_of_pattern`]).

use std::collections::HashMap;

use regex_syntax::{
    Parser,
    hir::{Class, Hir, HirKind},
};

use crate::limits;

mod automaton;

use automaton::Automaton;

/// The positions that the analysis of all patterns of a schema may visit: less than a tenth of a
/// second.
const LOOKED_TOTAL: u64 = 4_000_000;

/// The positions that the analysis of one pattern may visit.
const LOOKED_MAX: u64 = 400_000;

/// The approximate size of a state in the engine's memory, in bytes.
const STATE_BYTES: u64 = 512;

/// Up to this many states, building them takes no noticeable time.
const FEW_STATES: u64 = 128;

/// The engine reads bytes, so a state for letters of any script becomes this many states.
const STATES_OF_SCRIPTS: u64 = 64;

/// A class of more ranges has letters of many scripts, as `\w` has.
const FEW_RANGES: usize = 16;

/// Letters of many scripts are many positions of bytes: `(\p{L}*\b)*\d` takes 530 ns per byte.
const POSITIONS_OF_SCRIPTS: u64 = 8;

/// The cost of each pattern of a schema ([`cost_of_pattern`]).
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternCosts(HashMap<String, u64>);

impl PatternCosts {
    /// Measures the patterns of a schema, which share memory and effort evenly.
    pub(crate) fn of(patterns: &[&str]) -> Self {
        let share = patterns.len().max(1);
        let bytes = (limits::PATTERN_BYTES_TOTAL / share).min(limits::PATTERN_BYTES_MAX) as u64;
        let budget = (LOOKED_TOTAL / share as u64).min(LOOKED_MAX);
        let mut pattern_costs = HashMap::new();
        for pattern in patterns {
            if !pattern_costs.contains_key(*pattern) {
                let cost = cost_of(pattern, |parsed| cost_of_pattern(parsed, bytes, budget));
                pattern_costs.insert((*pattern).to_owned(), cost);
            }
        }
        Self(pattern_costs)
    }

    /// The cost of a pattern; if it wasn't measured, the number of its positions.
    pub(crate) fn get(&self, pattern: &str) -> u64 {
        self.0.get(pattern).copied().unwrap_or_else(|| cost_of(pattern, positions_of))
    }
}

/// The cost of a pattern in the syntax of JSON Schema. What can't be parsed is refused when the
/// schema is compiled, so any number will do for it.
fn cost_of(pattern: &str, cost: impl FnOnce(&Hir) -> u64) -> u64 {
    let translated = jsonschema_regex::to_rust_regex(pattern).ok();
    let parsed = translated.and_then(|pattern| Parser::new().parse(&pattern).ok());
    parsed.map_or(pattern.len() as u64, |parsed| cost(&parsed))
}

/// The cost of a text's byte, in moves of one position, each of which takes about 12 ns. `bytes` is
/// the memory that the engine has for the states of its automaton; `budget` is how many positions
/// the analysis may visit, at about 25 ns each.
///
/// The cost is zero if the automaton has few states, and one if all states fit into the engine's
/// memory (2 ns per byte, and up to a microsecond once per state). Otherwise it is the number of
/// positions that may move together. If that isn't known, it is the number of all positions: with
/// `a[ab]{5000}c` every letter can start a match, so 64 KB take 2 s.
#[must_use]
pub fn cost_of_pattern(pattern: &Hir, bytes: u64, budget: u64) -> u64 {
    let Some(automaton) = Automaton::of(pattern, budget) else {
        return positions_of(pattern);
    };
    let scripts = if automaton.ascii { 1 } else { STATES_OF_SCRIPTS };
    let states = automaton.states.saturating_mul(scripts);
    if states <= FEW_STATES {
        0
    } else if states.saturating_mul(STATE_BYTES) <= bytes {
        1
    } else {
        automaton.width + 1
    }
}

/// The positions of a pattern; repeated parts count as often as they may repeat. The parser has
/// limited the depth of the recursion.
fn positions_of(pattern: &Hir) -> u64 {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) if class.ranges().len() > FEW_RANGES => {
            POSITIONS_OF_SCRIPTS
        }
        HirKind::Class(Class::Unicode(_)) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            positions_of(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Capture(capture) => positions_of(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(positions_of).fold(0, u64::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_repeated_as_often_as_it_may_be() {
        for (pattern, expect) in [
            ("", 1),
            ("[a-z0-9-]+", 1),
            ("^[a-z0-9-]+$", 3),
            ("a.{9}é", 12),
            (r"\w{64}", 64),
            (r"\p{L}{64}", 512),
            ("[ab]*a[ab]{5000}c", 5_003),
            ("((a{10}b){20}c){3}", 663),
            ("(?:a|b){4,}", 4),
            ("ab|cd{2}", 5),
            ("(?:a{2}){3}", 6),
            (r"\p{Letter}{9}\u{61}\{\d{2}", 76),
            (r"[\]{99}x]{3}", 3),
        ] {
            assert_eq!(cost_of(pattern, positions_of), expect, "{pattern}");
        }
        let nested = (0..30).fold("a".to_owned(), |inner, _| format!("(?:{inner}){{1000}}"));
        assert_eq!(cost_of(&nested, positions_of), u64::MAX);
    }

    #[test]
    fn an_automaton_has_the_states_and_positions_that_texts_lead_to() {
        for (pattern, expect) in [
            // The initial state, one per letter, and one for texts that can't match any more.
            ("^[a-c]{2}$", Some((3, 1, true))),
            ("^a+$", Some((3, 1, true))),
            ("a", Some((2, 1, true))),
            ("", Some((1, 0, true))),
            ("^(a|bb)*c$", Some((4, 3, true))),
            ("^.{1,255}$", Some((256, 1, false))),
            ("^[a-z]+@[a-z]+$", Some((4, 2, true))),
            // If every letter can start a match, each additional letter doubles the states.
            ("a[ab]{3}c", Some((17, 5, true))),
            ("a[ab]{4}c", Some((33, 6, true))),
            ("a[ab]{20}c", None),
            (r"\bword\b", None),
            ("a{60000}", None),
        ] {
            let parsed = Parser::new().parse(pattern).unwrap_or_else(|e| unreachable!("{e}"));
            let found = Automaton::of(&parsed, 100_000);
            let found = found.map(|found| (found.states, found.width, found.ascii));
            assert_eq!(found, expect, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_costs_what_the_engine_moves() {
        for (pattern, expect) in [
            ("^[a-z0-9-]+$", 0),
            ("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", 0),
            ("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", 0),
            ("^[a-z0-9.-]{1,253}$", 1),
            ("^[ -~]{0,2000}$", 1),
            ("^([a-z]{20000})*$", 2),
            ("[ab]*a[ab]{5000}c", 5_003),
            ("a[ab]{100}c", 102),
            // A letter of any script has up to four bytes, with states in between.
            (r"^\p{L}+$", 1),
            ("^.{1,255}$", 2),
            (r"\b[a-z]{40}", 41),
            (r"\b[a-z]{9}", 10),
        ] {
            assert_eq!(PatternCosts::of(&[pattern]).get(pattern), expect, "{pattern}");
        }
        // A thousand patterns share the memory; a pattern that fits alone no longer does.
        let many: Vec<String> = (0..1_000).map(|n| format!("a[ab]{{9}}c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(PatternCosts::of(&many[..1]).get(many[0]), 1);
        assert!(PatternCosts::of(&many).get(many[0]) > 9);
    }
}
