//! Keywords about the items of arrays.

use std::cmp::Ordering;

use muster_words::json::Value;

use super::Pair;
use crate::json_schema::{
    comparison::{
        checker::Checker,
        finding::Finding,
        places::PlaceId,
        writer::{Flat, Writer},
    },
    decimal::compare_numbers,
};

impl<'a> Checker<'a> {
    pub(super) fn items_contain(
        &mut self,
        pair: &Pair<'_, 'a>,
        keyword: &'a str,
        said: &'a Value,
    ) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let Some(wanted) = self.item_schemas(reader) else {
            return vec![self.undecided("items_changed", flat, reader, &format!("/{keyword}"))];
        };
        // The list says something about its own items, and the other keyword about the rest.
        let is_list = keyword == "prefixItems" || said.is_array();
        let mut findings = Vec::new();
        if is_list {
            for (index, place) in wanted.prefix.iter().enumerate() {
                let below = format!("/{keyword}/{index}");
                findings.extend(self.item_contains(pair, index, *place, below));
            }
            return findings;
        }
        let Some(rest) = wanted.rest else { return findings };
        let first = wanted.prefix.len();
        for index in first..self.longest_prefix(flat).max(first) + 1 {
            for finding in self.item_contains(pair, index, rest, format!("/{keyword}")) {
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
        findings
    }

    /// Looks at the item at an index.
    fn item_contains(
        &mut self,
        pair: &Pair<'_, 'a>,
        index: usize,
        place: PlaceId,
        below: String,
    ) -> Vec<Finding> {
        let flat = &pair.flat;
        if self.most_items(flat).is_some_and(|most| index >= most) {
            return Vec::new();
        }
        let writer = self.item_writer(flat, index);
        let found = self.contained(&writer, place);
        if found.is_empty() {
            return Vec::new();
        }
        let is_list = below.ends_with(|letter: char| letter.is_ascii_digit());
        let rule = match (self.places.get(place).value, is_list) {
            (Value::Bool(false), _) => "additional_items_removed",
            (_, true) if writer.met.is_empty() => "item_added_to_open_content_model",
            (_, false) if writer.met.is_empty() => "additional_items_narrowed",
            _ => return found.to_vec(),
        };
        vec![self.finding(rule, flat, pair.reader, below)]
    }

    /// The number of items after which all are alike for the writer.
    fn longest_prefix(&self, flat: &Flat<'a>) -> usize {
        let lengths =
            flat.met.iter().filter_map(|(id, _)| Some(self.item_schemas(*id)?.prefix.len()));
        lengths.max().unwrap_or(0)
    }

    /// The most items that the writer writes, if that is a small number.
    pub(super) fn most_items(&self, flat: &Flat<'a>) -> Option<usize> {
        let closed = flat.met.iter().filter_map(|(id, _)| {
            let schemas = self.item_schemas(*id)?;
            let rest = self.places.get(schemas.rest?).value;
            (rest == &Value::Bool(false)).then_some(schemas.prefix.len())
        });
        let limit = self.strictest_count(flat, "maxItems").and_then(|most| most.parse().ok());
        closed.chain(limit).min()
    }

    pub(super) fn contains_contains(&mut self, pair: &Pair<'_, 'a>) -> Option<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let wanted = self.places.below(reader, "contains")?;
        let (least, most) = self.contained_counts(reader);
        let least = least.as_number()?.as_str().to_owned();
        let enough = compare_numbers(&least, "0") != Ordering::Greater
            || self.has_enough(flat, wanted, &least);
        let within = match most.as_ref().and_then(Value::as_number) {
            None => true,
            Some(most) => self.has_few_enough(flat, wanted, most.as_str()),
        };
        (!enough || !within).then(|| self.undecided("contains_changed", flat, reader, "/contains"))
    }

    /// Whether so many items meet a schema for sure.
    fn has_enough(&mut self, flat: &Flat<'a>, wanted: PlaceId, least: &str) -> bool {
        for (id, _) in &flat.met {
            let Some(own) = self.places.below(*id, "contains") else { continue };
            let (count, _) = self.contained_counts(*id);
            let count = count.as_number().map(|count| count.as_str().to_owned());
            let enough =
                count.is_some_and(|count| compare_numbers(&count, least) != Ordering::Less);
            if enough && self.contained(&Writer::at(own), wanted).is_empty() {
                return true;
            }
        }
        let fewest = self.strictest_count(flat, "minItems");
        fewest.is_some_and(|fewest| compare_numbers(fewest, least) != Ordering::Less)
            && (0..=self.longest_prefix(flat)).all(|index| {
                let writer = self.item_writer(flat, index);
                self.contained(&writer, wanted).is_empty()
            })
    }

    /// Whether at most so many items meet a schema.
    fn has_few_enough(&mut self, flat: &Flat<'a>, wanted: PlaceId, most: &str) -> bool {
        if self
            .most_items(flat)
            .is_some_and(|own| compare_numbers(&own.to_string(), most) != Ordering::Greater)
        {
            return true;
        }
        flat.met.iter().any(|(id, _)| {
            let Some(own) = self.places.below(*id, "contains") else { return false };
            let (_, limit) = self.contained_counts(*id);
            let limit = limit.as_ref().and_then(Value::as_number);
            limit.is_some_and(|limit| compare_numbers(limit.as_str(), most) != Ordering::Greater)
                && self.contained(&Writer::at(wanted), own).is_empty()
        })
    }
}
