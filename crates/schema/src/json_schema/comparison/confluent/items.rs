use super::{
    At, Confluent, Difference,
    shape::{ArrayShape, Rest},
};
use crate::json_schema::comparison::places::PlaceId;

impl<'a> Confluent<'a, '_> {
    pub(super) fn compare_arrays(
        &mut self,
        at: At,
        ours: &ArrayShape,
        theirs: &ArrayShape,
        depth: usize,
    ) -> Vec<Difference> {
        let mut found = match (ours.all, theirs.all) {
            (Some(own), Some(other)) => self.compare_places(own, other, depth),
            (None, Some(_)) => self.broken("schema_added", at, "/items").into_iter().collect(),
            _ => Vec::new(),
        };
        found.extend(self.compare_lists(at, ours, theirs, depth));
        let below = format!("/{}", theirs.rest_keyword);
        let rules = ["additional_items_removed", "additional_items_narrowed"];
        found.extend(self.compare_rests(at, &below, [ours.rest, theirs.rest], rules, depth));
        let rules = ["unevaluated_items_removed", "unevaluated_items_narrowed"];
        let schemas = [ours.unevaluated, theirs.unevaluated];
        found.extend(self.compare_unevaluated(at, "/unevaluatedItems", schemas, rules, depth));
        if !ours.is_unique && theirs.is_unique {
            found.extend(self.broken("unique_items_added", at, "/uniqueItems"));
        }
        for (index, (keyword, rules)) in COUNTS.into_iter().enumerate() {
            let (own, other) = (ours.counts[index].as_deref(), theirs.counts[index].as_deref());
            found.extend(self.limit(at, keyword, own, other, rules));
        }
        found
    }

    fn compare_lists(
        &mut self,
        at: At,
        ours: &ArrayShape,
        theirs: &ArrayShape,
        depth: usize,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for index in 0..ours.list.len().max(theirs.list.len()) {
            let below = format!("/{}/{index}", theirs.list_keyword);
            match (ours.list.get(index), theirs.list.get(index)) {
                (Some(own), Some(other)) => found.extend(self.compare_places(*own, *other, depth)),
                (Some(own), None) if !self.is_open_array(theirs) => {
                    found.extend(self.removed_item(at, *own, theirs, &below, depth));
                }
                (None, Some(other)) => {
                    found.extend(self.added_item(at, *other, ours, &below, depth));
                }
                _ => {}
            }
        }
        found
    }

    fn removed_item(
        &mut self,
        at: At,
        own: PlaceId,
        theirs: &ArrayShape,
        below: &str,
        depth: usize,
    ) -> Vec<Difference> {
        let Some(rest) = self.rest_of(theirs) else {
            let rule = "item_removed_from_closed_content_model";
            let broken = if self.is_never(own) { None } else { self.broken(rule, at, below) };
            return broken.into_iter().collect();
        };
        let mut found = self.compare_places(own, rest, depth);
        if !found.is_empty() {
            let rule = "item_removed_not_covered_by_partially_open_content_model";
            found.extend(self.broken(rule, at, below));
        }
        found
    }

    fn added_item(
        &mut self,
        at: At,
        other: PlaceId,
        ours: &ArrayShape,
        below: &str,
        depth: usize,
    ) -> Vec<Difference> {
        if self.is_open_array(ours) {
            let rule = "item_added_to_open_content_model";
            let broken = if self.is_anything(other) { None } else { self.broken(rule, at, below) };
            return broken.into_iter().collect();
        }
        let Some(rest) = self.rest_of(ours) else { return Vec::new() };
        let mut found = self.compare_places(rest, other, depth);
        if !found.is_empty() {
            let rule = "item_added_not_covered_by_partially_open_content_model";
            found.extend(self.broken(rule, at, below));
        }
        found
    }

    fn is_open_array(&mut self, array: &ArrayShape) -> bool {
        let evaluates = array.unevaluated.is_some_and(|place| !self.is_anything(place));
        array.rest == Rest::Open && !evaluates
    }

    fn rest_of(&mut self, array: &ArrayShape) -> Option<PlaceId> {
        match (array.rest, array.unevaluated) {
            (Rest::Schema(place), _) => Some(place),
            (Rest::Open, Some(place)) if !self.is_never(place) && !self.is_anything(place) => {
                Some(place)
            }
            _ => None,
        }
    }
}

/// The counts of an array, with the rules for adding and tightening each.
const COUNTS: [(&str, [&str; 2]); 4] = [
    ("maxItems", ["max_items_added", "max_items_decreased"]),
    ("minItems", ["min_items_added", "min_items_increased"]),
    ("maxContains", ["max_contains_added", "max_contains_decreased"]),
    ("minContains", ["min_contains_added", "min_contains_increased"]),
];
