//! Stops validations that would run too long or find too much.
//!
//! The validator has no limit, so a copy of the schema gets an additional keyword at every place.
//! It counts a step whenever a place meets a value. When the steps are used up, it unwinds out of
//! the validator (with `resume_unwind`, so no panic message appears; it is caught here).

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use jsonschema::{Keyword, ValidationError, ValidationOptions, Validator, paths::Location};
use muster_words::json::{Map, Value};

use crate::{
    analysis::{KeywordValue, holds},
    compile::Size,
    pattern::PatternCosts,
};

/// The counting keyword; no dialect defines this name.
pub(crate) const STEP: &str = "x-muster-step";

/// The steps are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

thread_local! {
    /// The steps that the validation on this thread has left.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Runs `work` with a limited number of steps.
pub(crate) fn metered<T>(steps: u64, work: impl FnOnce() -> T) -> Result<T, Exhausted> {
    LEFT.set(steps);
    let result = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(u64::MAX);
    result.or_else(|payload| match payload.downcast::<Exhausted>() {
        Ok(_) => Err(Exhausted),
        Err(other) => resume_unwind(other),
    })
}

/// The additional cost of a place for a value: the work of its keywords that have no places of
/// their own.
struct Meter {
    /// The choices of an `enum`; eight cost a step.
    choices: u64,
    /// The parts of the values in `enum` and `const`, which are compared with lists and maps.
    compared: u64,
    /// Whether all items are compared with each other.
    unique: bool,
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
    /// The keywords that read all digits of a number.
    bounds: u64,
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
    fn of(place: &Map<String, Value>, most: u64, asked: u64, pattern_costs: &PatternCosts) -> Self {
        let has = |keywords: &[&str]| keywords.iter().any(|keyword| place.contains_key(*keyword));
        let count = |keywords: &[&str]| {
            keywords.iter().filter(|keyword| place.contains_key(**keyword)).count() as u64
        };
        let choices = place.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        let parts = |keyword: &str| place.get(keyword).map_or(0, |value| Size::of(value).steps);
        let named = place.get("patternProperties").and_then(Value::as_object);
        Self {
            choices: choices as u64 / 8,
            compared: (parts("enum") + parts("const")) / 4,
            unique: place.get("uniqueItems") == Some(&Value::Bool(true)),
            names: names_of(place),
            members: has(&["properties", "additionalProperties", "patternProperties"]),
            alternatives: if has(&ALTERNATIVES) { most / 8 } else { 0 },
            asked: if has(&["unevaluatedProperties", "unevaluatedItems"]) { asked } else { 0 },
            texts: count(&["format", "minLength", "maxLength", "contentEncoding"])
                + 8 * count(&["contentMediaType"]),
            bounds: count(&[
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
            ]),
            name_patterns: Reading::of(
                named.into_iter().flatten().map(|(name, _)| name.as_str()),
                pattern_costs,
            ),
        }
    }

    fn cost(&self, value: &Value) -> u64 {
        let more = match value {
            Value::String(text) => self.choices + text.len() as u64 / 64 * self.texts,
            Value::Number(number) => self.choices + number.as_str().len() as u64 / 64 * self.bounds,
            Value::Array(items) => {
                let unique = if self.unique { Size::of(value).steps / 4 } else { 0 };
                let asked = self.asked.saturating_mul(items.len() as u64);
                unique.saturating_add(asked) + self.compared
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

/// Uses up steps; leaves the validator if too few are left.
fn count(cost: u64) {
    let left = LEFT.get();
    if left < cost {
        resume_unwind(Box::new(Exhausted));
    }
    LEFT.set(left - cost);
}

/// The cost of storing an error: itself, and a copy of the value for each failing alternative.
fn cost_of_error(value: &Value) -> u64 {
    50 + 10 * Size::of(value).steps
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

/// Builds the keyword for places. `most` is how many places one value may meet, `asked` how many
/// one place may evaluate for what it left over.
pub(crate) fn keyword(
    most: u64,
    asked: u64,
    pattern_costs: PatternCosts,
) -> impl for<'a> Fn(&'a Map<String, Value>, &'a Value, Location) -> Made<'a> + Send + Sync + 'static
{
    move |place, _, _| Ok(Box::new(Meter::of(place, most, asked, &pattern_costs)))
}

type Made<'a> = Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>>;

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

/// Adds the keyword to every place of a schema, including those that only a `$ref` reaches.
pub(crate) fn instrument(schema: &mut Value, extra: &[&str]) {
    place(schema);
    for pointer in extra {
        if let Some(target) = schema.pointer_mut(pointer) {
            place(target);
        }
    }
}

fn place(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    if map.insert(STEP.to_owned(), Value::Bool(true)).is_some() {
        return;
    }
    for (keyword, value) in map.iter_mut() {
        let Some(holds) = holds(keyword) else { continue };
        match (holds, value) {
            (
                KeywordValue::SameMap | KeywordValue::ChildMap | KeywordValue::Definitions,
                Value::Object(members),
            ) => {
                members.values_mut().for_each(place);
            }
            (KeywordValue::SameList | KeywordValue::ChildList, Value::Array(items)) => {
                items.iter_mut().for_each(place);
            }
            (KeywordValue::Same | KeywordValue::Child | KeywordValue::ChildList, value) => {
                place(value)
            }
            _ => {}
        }
    }
}
