//! A stop for validations that would run too long or find too much.
//!
//! The validator knows no limit, so a copy of the schema carries a keyword of ours in every place.
//! It counts a step whenever a place meets a value, and when the steps are used up it unwinds out
//! of the validator (`resume_unwind`: no panic message, caught right here).

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use jsonschema::{Keyword, ValidationError, paths::Location};
use muster_words::json::{Map, Value};

use crate::{
    analysis::{Holds, holds},
    compile::Size,
};

/// The keyword that counts; no dialect has a word of this name.
pub(crate) const STEP: &str = "x-muster-step";

/// The steps were used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

thread_local! {
    /// Steps that the validation on this thread may still take.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Works with a limited number of steps.
pub(crate) fn metered<T>(steps: u64, work: impl FnOnce() -> T) -> Result<T, Exhausted> {
    LEFT.set(steps);
    let result = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(u64::MAX);
    result.or_else(|payload| match payload.downcast::<Exhausted>() {
        Ok(_) => Err(Exhausted),
        Err(other) => resume_unwind(other),
    })
}

/// Counts what a place costs for a value.
struct Meter {
    choices: u64,
    named_patterns: u64,
    patterns: u64,
}

impl Meter {
    fn cost(&self, value: &Value) -> u64 {
        1 + match value {
            Value::Object(map) => map.len() as u64 * self.named_patterns,
            Value::String(text) => self.choices + text.len() as u64 / 64 * self.patterns,
            _ => self.choices,
        }
    }
}

/// Uses up steps, or leaves the validator where too few are left.
fn count(cost: u64) {
    let left = LEFT.get();
    if left < cost {
        resume_unwind(Box::new(Exhausted));
    }
    LEFT.set(left - cost);
}

/// What an error may cost to keep: itself, and a copy of the value for each alternative that the
/// value doesn't fit.
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
        count(self.cost(value) + cost_of_error(value));
        Box::new(std::iter::empty())
    }
}

/// Makes the keyword for a place.
#[expect(clippy::unnecessary_wraps, reason = "the validator's signature")]
pub(crate) fn keyword<'a>(
    place: &'a Map<String, Value>,
    _: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let choices = place.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
    let named = place.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
    Ok(Box::new(Meter {
        choices: choices as u64 / 8,
        named_patterns: named as u64,
        patterns: u64::from(place.contains_key("pattern")),
    }))
}

/// Puts the keyword into every place of a schema, and into those that only a `$ref` makes places.
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
            (Holds::SameMap | Holds::ChildMap | Holds::Definitions, Value::Object(members)) => {
                members.values_mut().for_each(place);
            }
            (Holds::SameList | Holds::ChildList, Value::Array(items)) => {
                items.iter_mut().for_each(place);
            }
            (Holds::Same | Holds::Child | Holds::ChildList, value) => place(value),
            _ => {}
        }
    }
}
