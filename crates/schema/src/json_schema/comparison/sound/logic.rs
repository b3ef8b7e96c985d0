//! `allOf`, `anyOf`, `oneOf`, `not`, and `if`.

use super::Pair;
use crate::json_schema::comparison::{
    checker::Checker, finding::Finding, places::PlaceId, writer::Writer,
};

impl<'a> Checker<'a> {
    pub(super) fn logic_contains(&mut self, pair: &Pair<'_, 'a>, keyword: &'a str) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let below = format!("/{keyword}");
        match keyword {
            "allOf" => match self.places.list(reader, "allOf") {
                None => vec![self.undecided("product_type_extended", flat, reader, &below)],
                Some(list) => {
                    let mut findings = Vec::new();
                    for one in list.iter() {
                        findings.extend(self.contained(pair.writer, *one).iter().cloned());
                    }
                    findings
                }
            },
            "anyOf" => {
                let list = self.places.list(reader, "anyOf").unwrap_or_default();
                match self.any_contains(pair, &list) {
                    true => Vec::new(),
                    false => self.no_choice(pair, "sum_type_narrowed", &list, &below),
                }
            }
            "oneOf" => self.one_contains(pair, &below),
            "not" => {
                let below_not = self.places.below(reader, "not");
                let excludes = below_not
                    .is_some_and(|not| self.are_disjoint(pair.writer, &Writer::at(not), 0));
                match excludes {
                    true => Vec::new(),
                    false => vec![self.undecided("not_type_extended", flat, reader, &below)],
                }
            }
            _ => self.condition_contains(pair),
        }
    }

    /// The findings if no choice accepts all values. With one choice, its own say more.
    fn no_choice(
        &mut self,
        pair: &Pair<'_, 'a>,
        rule: &'static str,
        list: &[PlaceId],
        below: &str,
    ) -> Vec<Finding> {
        match list {
            [only] => self.contained(pair.writer, *only).to_vec(),
            _ => vec![self.finding(rule, &pair.flat, pair.reader, below.to_owned())],
        }
    }

    /// Whether one of the reader's choices accepts all values. First asked are those that stand
    /// where one of the writer's schemas stands: a long list that was made longer is compared
    /// quickly then.
    fn any_contains(&mut self, pair: &Pair<'_, 'a>, list: &[PlaceId]) -> bool {
        let start = format!("{}/anyOf/", self.places.get(pair.reader).pointer);
        let likely: Vec<usize> = pair
            .writer
            .met
            .keys()
            .filter_map(|id| self.places.get(*id).pointer.strip_prefix(&start)?.parse().ok())
            .collect();
        let likely = likely.into_iter().filter_map(|index| list.get(index));
        likely.chain(list).any(|one| self.contained(pair.writer, *one).is_empty())
    }

    /// Exactly one choice accepts: one accepts all values, and the others none.
    fn one_contains(&mut self, pair: &Pair<'_, 'a>, below: &str) -> Vec<Finding> {
        let list = self.places.list(pair.reader, "oneOf").unwrap_or_default();
        if self.has_the_same_choices(pair, &list) {
            return Vec::new();
        }
        let accepting: Vec<usize> = (0..list.len())
            .filter(|index| self.contained(pair.writer, list[*index]).is_empty())
            .collect();
        if accepting.is_empty() {
            return self.no_choice(pair, "sum_type_narrowed", &list, below);
        }
        let is_only = |checker: &mut Self, index: usize| {
            (0..list.len())
                .filter(|other| *other != index)
                .all(|other| checker.are_disjoint(pair.writer, &Writer::at(list[other]), 0))
        };
        if accepting.into_iter().any(|index| is_only(self, index)) {
            return Vec::new();
        }
        vec![self.undecided("sum_type_overlaps", &pair.flat, pair.reader, below)]
    }

    /// Whether the writer has a `oneOf` with the same choices, in any order.
    fn has_the_same_choices(&mut self, pair: &Pair<'_, 'a>, list: &[PlaceId]) -> bool {
        let lists = pair.flat.met.iter().filter_map(|(id, _)| self.places.list(*id, "oneOf"));
        let own: Vec<_> = lists.filter(|own| own.len() == list.len()).collect();
        own.into_iter().any(|own| {
            let mut own = own.to_vec();
            own.len() == list.len()
                && list.iter().all(|one| {
                    let same = own.iter().position(|other| self.is_same(*other, *one));
                    same.map(|same| own.swap_remove(same)).is_some()
                })
        })
    }

    fn condition_contains(&mut self, pair: &Pair<'_, 'a>) -> Vec<Finding> {
        let (reader, writer) = (pair.reader, pair.writer);
        let Some(condition) = self.places.below(reader, "if") else { return Vec::new() };
        let mut findings = Vec::new();
        if let Some(then) = self.places.below(reader, "then")
            && !self.contained(&writer.and(condition), then).is_empty()
            && !self.are_disjoint(writer, &Writer::at(condition), 0)
        {
            findings.push(self.undecided("condition_changed", &pair.flat, reader, "/then"));
        }
        if let Some(otherwise) = self.places.below(reader, "else")
            && !self.contained(&writer.without(condition), otherwise).is_empty()
            && !self.contained(writer, condition).is_empty()
        {
            findings.push(self.undecided("condition_changed", &pair.flat, reader, "/else"));
        }
        findings
    }
}
