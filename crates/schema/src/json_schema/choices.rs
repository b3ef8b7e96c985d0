//! `const` and `enum`: the validator's own write numbers out to compare them, and compare a value
//! with each choice.

use std::collections::HashSet;

use jsonschema::{Keyword, ValidationError};
use muster_words::json::{Map, Value};

use crate::{
    json_schema::{
        by_digits::{Made, Unlimited, is_draft_4, misplaced},
        equality::equal_form,
    },
    messages, steps,
};

/// Builds `const`, which draft 4 doesn't have.
pub(crate) fn constant<'a>(place: &'a Map<String, Value>, only: &'a Value) -> Made<'a> {
    if is_draft_4(place) {
        return Ok(Box::new(Unlimited));
    }
    Ok(Box::new(Choices::of(std::slice::from_ref(only), false)))
}

/// Builds `enum`.
pub(crate) fn choices<'a>(_: &'a Map<String, Value>, choices: &'a Value) -> Made<'a> {
    match choices {
        Value::Array(choices) => Ok(Box::new(Choices::of(choices, true))),
        _ => Err(misplaced("an enum is a list")),
    }
}

struct Choices {
    /// The forms of all choices, so that a value is looked up and not compared with each.
    forms: HashSet<Vec<u8>>,
    /// The length of the longest form; a longer value is no choice.
    longest: usize,
    choices: Vec<Value>,
    is_enum: bool,
}

impl Choices {
    fn of(choices: &[Value], is_enum: bool) -> Self {
        let forms: HashSet<Vec<u8>> =
            choices.iter().filter_map(|choice| equal_form(choice, usize::MAX)).collect();
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        Self { forms, longest, choices: choices.to_vec(), is_enum }
    }

    fn message(&self, value: &Value) -> String {
        // Its memory, and the choices that it shows.
        steps::count(100);
        if self.is_enum {
            return messages::no_choice(value, &self.choices);
        }
        messages::not_the_constant(value, self.choices.first().unwrap_or(&Value::Null))
    }
}

impl<'i> Keyword<'i> for Choices {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(value) {
            true => Ok(()),
            false => Err(ValidationError::custom(self.message(value))),
        }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        equal_form(value, self.longest).is_some_and(|form| self.forms.contains(&form))
    }
}
