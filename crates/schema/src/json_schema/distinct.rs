//! `uniqueItems`: the validator's own writes numbers out to compare them.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use jsonschema::{Keyword, ValidationError};
use muster_words::json::{Map, Value};

use crate::{
    json_schema::{
        by_digits::{Made, Unlimited},
        equality::equal_form,
    },
    messages, steps,
};

/// Builds `uniqueItems`.
pub(crate) fn distinct<'a>(_: &'a Map<String, Value>, wanted: &'a Value) -> Made<'a> {
    match wanted {
        Value::Bool(true) => Ok(Box::new(Distinct)),
        _ => Ok(Box::new(Unlimited)),
    }
}

struct Distinct;

impl<'i> Keyword<'i> for Distinct {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(value) {
            true => Ok(()),
            false => Err(ValidationError::custom(messages::first_duplicate(value))),
        }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        value.as_array().is_none_or(|items| are_distinct(items))
    }
}

/// Whether no two items are equal. Only hashes are kept: a list of four mebibytes may have two
/// million items.
fn are_distinct(items: &[Value]) -> bool {
    let hasher = RandomState::new();
    let form = |item: &Value| equal_form(item, usize::MAX).unwrap_or_default();
    let mut seen: HashMap<u64, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        steps::count(1);
        let own = form(item);
        let Some(other) = seen.insert(hasher.hash_one(&own), index) else { continue };
        if form(&items[other]) == own {
            return false;
        }
        // Two hashes are equal by chance, about once in a million years.
        let mut all = HashSet::new();
        return items.iter().all(|item| all.insert(form(item)));
    }
    true
}
