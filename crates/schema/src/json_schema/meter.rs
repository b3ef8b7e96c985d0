//! Stops validations that would run too long or find too much.
//!
//! The validator has no limit, so a copy of the schema gets an additional keyword at every place.
//! It counts a step whenever a place meets a value; see [`steps`](crate::steps). The keywords that
//! are replaced count their own.

use std::cell::Cell;

use jsonschema::{Keyword, ValidationError, ValidationOptions, Validator, paths::Location};
use muster_words::json::{Map, Value};

use crate::{
    json_schema::{
        analysis::{Graph, KeywordValue, holds},
        by_digits::{DRAFT_4, Made},
        compile::Size,
        pattern::PatternCosts,
    },
    steps::count,
};

/// The counting keyword; no dialect defines this name.
pub(crate) const STEP: &str = "x-muster-step";

/// The additional cost of a place for a value: the work of its keywords that have no places of
/// their own.
struct Meter {
    /// The choices of an `enum` without numbers; eight cost a step.
    choices: u64,
    /// The parts of the values in such an `enum` or `const`, which are compared with lists and maps.
    compared: u64,
    /// The names in `required` and `dependentRequired`.
    names: u64,
    /// The cost of failing alternatives. A place counts only when all of it passes, so the place
    /// around the alternatives counts those that fail.
    alternatives: u64,
    /// Whether each member is looked up.
    members: bool,
    /// The places that may be evaluated for each leftover member or item (`unevaluated…`).
    asked: u64,
    /// The keywords that read a whole text.
    texts: u64,
    /// The cost of patterns for names.
    name_patterns: Reading,
}

/// The cost of patterns per text.
#[derive(Clone, Copy, Default)]
struct Reading {
    patterns: u64,
    positions: u64,
}

impl Reading {
    fn of<'a>(patterns: impl IntoIterator<Item = &'a str>, pattern_costs: &PatternCosts) -> Self {
        patterns.into_iter().fold(Self::default(), |sum, pattern| Self {
            patterns: sum.patterns + 1,
            positions: sum.positions.saturating_add(pattern_costs.get(pattern)),
        })
    }

    fn cost(self, length: usize) -> u64 {
        let length = length as u64;
        (length / 64 * self.patterns).saturating_add(length.saturating_mul(self.positions) / 8)
    }
}

impl Meter {
    fn of(place: &Map<String, Value>, costs: &Costs) -> Self {
        let Costs { most, asked, has_number_choices, pattern_costs } = costs;
        let has = |keywords: &[&str]| keywords.iter().any(|keyword| place.contains_key(*keyword));
        let count = |keywords: &[&str]| {
            keywords.iter().filter(|keyword| place.contains_key(**keyword)).count() as u64
        };
        let named = place.get("patternProperties").and_then(Value::as_object);
        // Those with numbers count their own steps.
        let choices = ["enum", "const"].iter().filter(|_| !has_number_choices);
        let choices: Vec<&Value> = choices.filter_map(|keyword| place.get(*keyword)).collect();
        let count_of = |choices: &&Value| choices.as_array().map_or(0, Vec::len) as u64;
        Self {
            choices: choices.iter().map(count_of).sum::<u64>() / 8,
            compared: choices.iter().map(|choices| Size::of(choices).steps).sum::<u64>() / 4,
            names: names_of(place),
            members: has(&["properties", "additionalProperties", "patternProperties"]),
            alternatives: if has(&ALTERNATIVES) { most / 8 } else { 0 },
            asked: if has(&["unevaluatedProperties", "unevaluatedItems"]) { *asked } else { 0 },
            texts: count(&["format", "minLength", "maxLength", "contentEncoding"])
                + 8 * count(&["contentMediaType"]),
            name_patterns: Reading::of(
                named.into_iter().flatten().map(|(name, _)| name.as_str()),
                pattern_costs,
            ),
        }
    }

    fn cost(&self, value: &Value) -> u64 {
        let more = match value {
            Value::String(text) => self.choices + text.len() as u64 / 64 * self.texts,
            Value::Array(items) => {
                self.asked.saturating_mul(items.len() as u64).saturating_add(self.compared)
            }
            Value::Object(map) => {
                let members = map.len() as u64;
                // The search stops at the first missing name.
                let names = self.names.min(self.asked_names(members));
                let looked = if self.members { members / 4 } else { 0 };
                let asked = self.asked.saturating_mul(members);
                let matched = if self.name_patterns.patterns == 0 {
                    0
                } else {
                    let each = |name: &String| {
                        self.name_patterns.patterns + self.name_patterns.cost(name.len())
                    };
                    map.keys().map(each).fold(0, u64::saturating_add)
                };
                asked.saturating_add(matched).saturating_add(names + looked + self.compared)
            }
            _ => self.choices,
        };
        more.saturating_add(1 + self.alternatives)
    }

    /// A map with few members soon lacks one of many names.
    const fn asked_names(&self, members: u64) -> u64 {
        members.saturating_mul(8).saturating_add(8)
    }

    /// The cost of storing a place's errors: each missing name is one.
    fn cost_of_errors(&self, value: &Value) -> u64 {
        let names = if value.is_object() { self.names.saturating_mul(50) } else { 0 };
        cost_of_error(value).saturating_add(names)
    }
}

/// The keywords that lead to other places for the same value.
const ALTERNATIVES: [&str; 10] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "dependentSchemas",
    "dependencies",
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
];

/// The names that a place looks up in a map.
fn names_of(place: &Map<String, Value>) -> u64 {
    let length = |value: &Value| value.as_array().map_or(0, Vec::len) as u64;
    let dependent = ["dependentRequired", "dependencies"].into_iter().filter_map(|keyword| {
        let lists = place.get(keyword)?.as_object()?.values();
        Some(lists.map(length).sum::<u64>())
    });
    place.get("required").map_or(0, length) + dependent.sum::<u64>()
}

thread_local! {
    /// The length of the longest path in the document on this thread, in bytes.
    static LONGEST_PATH: Cell<u64> = const { Cell::new(0) };
}

/// Collects errors whose paths may be this long.
pub(crate) fn with_long_paths<T>(longest: u64, work: impl FnOnce() -> T) -> T {
    LONGEST_PATH.set(longest);
    work()
}

/// The cost of storing an error: itself with its path, and a copy of the value for each failing
/// alternative.
fn cost_of_error(value: &Value) -> u64 {
    50 + LONGEST_PATH.get() / 16 + 10 * Size::of(value).steps
}

impl<'i> Keyword<'i> for Meter {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        count(self.cost(value));
        Ok(())
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        count(self.cost(value));
        true
    }

    fn iter_errors(&self, value: &'i Value) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        count(self.cost(value).saturating_add(self.cost_of_errors(value)));
        Box::new(std::iter::empty())
    }
}

/// What the meters of a schema have in common.
struct Costs {
    /// How many places one value may meet.
    most: u64,
    /// How many one place may evaluate for what it left over.
    asked: u64,
    has_number_choices: bool,
    pattern_costs: PatternCosts,
}

/// Builds the keyword for places.
pub(crate) fn keyword(
    graph: &Graph,
) -> impl for<'a> Fn(&'a Map<String, Value>, &'a Value, Location) -> Made<'a> + Send + Sync + 'static
{
    let costs = Costs {
        most: graph.most,
        asked: graph.asked,
        has_number_choices: graph.has_number_choices,
        pattern_costs: graph.pattern_costs.clone(),
    };
    move |place, _, _| Ok(Box::new(Meter::of(place, &costs)))
}

/// A `pattern` that counts its cost before it is matched, because the validator's own would run
/// before the counting keyword.
struct Pattern {
    reading: Reading,
    matched: Validator,
}

impl Pattern {
    fn count(&self, value: &Value) {
        if let Value::String(text) = value {
            count(self.reading.cost(text.len()));
        }
    }
}

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        self.count(value);
        self.matched.validate(value)
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.count(value);
        self.matched.is_valid(value)
    }
}

/// Builds the counting `pattern` with these matching options.
pub(crate) fn pattern(
    options: ValidationOptions<'static>,
    pattern_costs: PatternCosts,
) -> impl for<'a> Fn(&'a Map<String, Value>, &'a Value, Location) -> Made<'a> + Send + Sync + 'static
{
    move |_, pattern, _| {
        let mut schema = Map::new();
        // A value that isn't text isn't a pattern; only a `$ref` makes its parent a place.
        if let Value::String(text) = pattern {
            schema.insert("pattern".to_owned(), text.as_str().into());
        }
        let matched = options.build(&Value::Object(schema)).map_err(|error| error.to_owned())?;
        Ok(Box::new(Pattern { reading: Reading::of(pattern.as_str(), &pattern_costs), matched }))
    }
}

/// Adds the counting keyword to every place of a schema, including those that only a `$ref` reaches.
pub(crate) fn instrument(schema: &mut Value, extra: &[&str]) {
    mark(schema, extra, STEP);
}

/// Says at every place of a schema that it is of draft 4.
pub(crate) fn mark_draft_4(schema: &mut Value, extra: &[&str]) {
    mark(schema, extra, DRAFT_4);
}

fn mark(schema: &mut Value, extra: &[&str], name: &str) {
    place(schema, name);
    for pointer in extra {
        if let Some(target) = schema.pointer_mut(pointer) {
            place(target, name);
        }
    }
}

fn place(schema: &mut Value, name: &str) {
    let Value::Object(map) = schema else { return };
    if map.insert(name.to_owned(), Value::Bool(true)).is_some() {
        return;
    }
    for (keyword, value) in map.iter_mut() {
        let Some(holds) = holds(keyword) else { continue };
        match (holds, value) {
            (
                KeywordValue::SameMap | KeywordValue::ChildMap | KeywordValue::Definitions,
                Value::Object(members),
            ) => {
                members.values_mut().for_each(|member| place(member, name));
            }
            (KeywordValue::SameList | KeywordValue::ChildList, Value::Array(items)) => {
                items.iter_mut().for_each(|item| place(item, name));
            }
            (KeywordValue::Same | KeywordValue::Child | KeywordValue::ChildList, value) => {
                place(value, name)
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_place_may_evaluate_counts_for_each_leftover() {
        for (keyword, value, leftovers) in [
            ("unevaluatedProperties", json!({"a": 1, "b": 2, "c": 3}), 3),
            ("unevaluatedItems", json!([1, 2]), 2),
            ("unevaluatedItems", json!([]), 0),
            ("unevaluatedItems", json!("text"), 0),
            ("properties", json!({"a": 1}), 0),
        ] {
            let mut place = Map::new();
            place.insert(keyword.to_owned(), json!({}));
            let [little, much] = [0, 1_000].map(|asked| {
                let pattern_costs = PatternCosts::default();
                let costs = Costs { most: 0, asked, has_number_choices: false, pattern_costs };
                Meter::of(&place, &costs).cost(&value)
            });
            assert_eq!(much - little, leftovers * 1_000, "{keyword} of {value}");
        }
    }
}
