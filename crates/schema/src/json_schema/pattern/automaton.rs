//! The automaton of a pattern, over sets of letters that the pattern doesn't distinguish. It shows
//! what the engine builds while it matches, and how many positions are active together.
//!
//! The length of a pattern says little about its speed. With `^[a-z]{1,253}$` one position is
//! active per letter, so the automaton has 254 states. But `a[ab]{253}c` may start at each letter,
//! so it has more states than there are atoms. Building the automaton, within a budget,
//! distinguishes the two.

use std::collections::{HashMap, HashSet};

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// The number of parts of a pattern, with repetitions expanded.
const PARTS_MAX: usize = 50_000;

/// How many ranges of a class cost as much as one visit to a position.
const RANGES_A_LOOK: u64 = 8;

/// The number of different classes in a pattern.
const CLASSES_MAX: usize = 128;

/// What is known about a pattern's automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Automaton {
    /// The number of reachable states.
    pub(super) states: u64,
    /// The most positions in one state.
    pub(super) width: u64,
    /// Whether each letter is a single byte.
    pub(super) ascii: bool,
}

impl Automaton {
    /// Builds the automaton of a pattern in the validator's syntax, within a budget of visited
    /// positions. None if the budget is too small, and for assertions about words and lines.
    pub(super) fn of(pattern: &Hir, budget: u64) -> Option<Self> {
        let mut parts =
            Parts { list: vec![Part::Match], classes: Classes::default(), left: budget };
        let start = parts.add(pattern, 0)?;
        let letters = parts.classes.letters()?;
        let ascii = parts.classes.known.keys().flatten().all(|(_, last)| last.is_ascii());
        let spent = budget - parts.left;
        let seen = vec![0; parts.list.len()];
        let mut walk = Walk { parts: &parts.list, seen, round: 0, looked: spent };
        // The positions at which any letter can start a match, without `^`.
        let again = walk.closure(&[start], false);
        let first = walk.closure(&[start], true);
        let width = first.as_ref().map_or(0, Vec::len) as u64;
        let mut found = Self { states: 1, width, ascii };
        let mut known: HashSet<Vec<usize>> = HashSet::new();
        let mut open: Vec<Vec<usize>> = first.into_iter().collect();
        while let Some(state) = open.pop() {
            for letter in &letters {
                walk.looked += 1 + state.len() as u64;
                if walk.looked > budget {
                    return None;
                }
                let next: Vec<usize> =
                    state.iter().filter_map(|part| parts.list[*part].after(*letter)).collect();
                // A match ends the search.
                let Some(mut next) = walk.closure(&next, false) else { continue };
                let Some(again) = &again else { continue };
                if !again.is_empty() {
                    next.extend(again);
                    next.sort_unstable();
                    next.dedup();
                }
                walk.looked += next.len() as u64;
                if known.insert(next.clone()) {
                    found.states += 1;
                    found.width = found.width.max(next.len() as u64);
                    open.push(next);
                }
            }
        }
        Some(found)
    }
}

enum Part {
    /// A letter of a class, and the next part.
    Letter { class: usize, next: usize },
    /// Several alternatives.
    Ways(Vec<usize>),
    /// The beginning of the text.
    Beginning { next: usize },
    /// The end of the text.
    End,
    /// A match.
    Match,
}

impl Part {
    /// The next part after a letter, which is given by its classes.
    fn after(&self, letter: u128) -> Option<usize> {
        match self {
            Self::Letter { class, next } if letter >> class & 1 == 1 => Some(*next),
            _ => None,
        }
    }
}

/// The parts of a pattern. Each is built after its successor.
struct Parts {
    list: Vec<Part>,
    classes: Classes,
    /// The budget that is left.
    left: u64,
}

impl Parts {
    /// Adds the parts of `pattern` before `next`, and returns the first one. The recursion is as
    /// deep as the parser allows groups to nest.
    fn add(&mut self, pattern: &Hir, next: usize) -> Option<usize> {
        self.spend(1)?;
        if self.list.len() > PARTS_MAX {
            return None;
        }
        Some(match pattern.kind() {
            HirKind::Empty => next,
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                let mut at = next;
                for letter in text.chars().rev() {
                    self.spend(1)?;
                    at = self.letter(vec![(letter, letter)], at)?;
                }
                at
            }
            HirKind::Class(Class::Unicode(class)) => {
                self.spend(class.ranges().len() as u64 / RANGES_A_LOOK)?;
                let ranges = class.ranges().iter().map(|range| (range.start(), range.end()));
                self.letter(ranges.collect(), next)?
            }
            HirKind::Class(Class::Bytes(class)) => {
                let ranges = class.ranges().iter();
                let ranges = ranges.map(|range| (range.start().into(), range.end().into()));
                self.letter(ranges.collect(), next)?
            }
            HirKind::Look(Look::Start) => self.push(Part::Beginning { next }),
            HirKind::Look(Look::End) => self.push(Part::End),
            HirKind::Look(_) => return None,
            HirKind::Repetition(repetition) => self.repeat(repetition, next)?,
            HirKind::Capture(capture) => self.add(&capture.sub, next)?,
            HirKind::Concat(all) => {
                all.iter().rev().try_fold(next, |next, part| self.add(part, next))?
            }
            HirKind::Alternation(ways) => {
                let ways = ways.iter().map(|way| self.add(way, next)).collect::<Option<_>>()?;
                self.push(Part::Ways(ways))
            }
        })
    }

    fn repeat(&mut self, repetition: &Repetition, next: usize) -> Option<usize> {
        let sub = &repetition.sub;
        let (mut at, mut least) = (next, repetition.min);
        if let Some(most) = repetition.max {
            for _ in least..most {
                let again = self.add(sub, at)?;
                at = self.push(Part::Ways(vec![again, next]));
            }
        } else {
            let ways = self.push(Part::Ways(Vec::new()));
            let again = self.add(sub, ways)?;
            self.list[ways] = Part::Ways(vec![again, next]);
            at = if least == 0 { ways } else { again };
            least = least.saturating_sub(1);
        }
        for _ in 0..least {
            at = self.add(sub, at)?;
        }
        Some(at)
    }

    fn letter(&mut self, ranges: Vec<(char, char)>, next: usize) -> Option<usize> {
        let class = self.classes.number(ranges)?;
        Some(self.push(Part::Letter { class, next }))
    }

    fn spend(&mut self, cost: u64) -> Option<()> {
        self.left = self.left.checked_sub(cost)?;
        Some(())
    }

    fn push(&mut self, part: Part) -> usize {
        self.list.push(part);
        self.list.len() - 1
    }
}

/// The different classes of a pattern, with their numbers.
#[derive(Default)]
struct Classes {
    known: HashMap<Vec<(char, char)>, usize>,
}

impl Classes {
    fn number(&mut self, ranges: Vec<(char, char)>) -> Option<usize> {
        let next = self.known.len();
        let number = *self.known.entry(ranges).or_insert(next);
        (number < CLASSES_MAX).then_some(number)
    }

    /// One letter for each set of classes that some letter belongs to.
    fn letters(&self) -> Option<Vec<u128>> {
        let mut edges: Vec<(u32, u128)> = Vec::new();
        for (ranges, number) in &self.known {
            let bit = 1_u128.checked_shl(u32::try_from(*number).ok()?)?;
            for (first, last) in ranges {
                edges.push((u32::from(*first), bit));
                edges.push((u32::from(*last) + 1, bit));
            }
        }
        edges.sort_unstable();
        // The ranges of a class never touch, so each edge begins or ends a range.
        let mut letters = vec![0];
        let mut inside = 0_u128;
        for (index, (at, bit)) in edges.iter().enumerate() {
            inside ^= bit;
            if edges.get(index + 1).is_none_or(|(next, _)| next > at) {
                letters.push(inside);
            }
        }
        letters.sort_unstable();
        letters.dedup();
        Some(letters)
    }
}

/// Follows edges that need no letter.
struct Walk<'a> {
    parts: &'a [Part],
    /// The round in which each part was last visited.
    seen: Vec<u64>,
    round: u64,
    /// The number of visited parts.
    looked: u64,
}

impl Walk<'_> {
    /// The positions that wait for a letter, sorted; none if the pattern has matched.
    fn closure(&mut self, from: &[usize], beginning: bool) -> Option<Vec<usize>> {
        self.round += 1;
        let mut open = from.to_vec();
        let mut waiting = Vec::new();
        while let Some(part) = open.pop() {
            self.looked += 1;
            if std::mem::replace(&mut self.seen[part], self.round) == self.round {
                continue;
            }
            match &self.parts[part] {
                Part::Match => return None,
                Part::Letter { .. } => waiting.push(part),
                Part::Ways(ways) => open.extend(ways),
                Part::Beginning { next } if beginning => open.push(*next),
                Part::Beginning { .. } | Part::End => {}
            }
        }
        waiting.sort_unstable();
        Some(waiting)
    }
}
