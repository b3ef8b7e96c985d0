//! Whether a place accepts a value, as far as it can be told without the validator: values of
//! `enum`, `const` and names of properties are compared with the other schema one by one.

use std::{cmp::Ordering, collections::HashSet};

use muster_words::json::{Map, Value};

use super::{checker::Checker, kinds::Kinds, places::PlaceId};
use crate::{
    json_schema::{
        decimal::{Decimal, Divisor, compare_numbers},
        equality::equal_form,
    },
    steps::count,
};

/// True, false, or none if it can't be told.
pub(super) type Answer = Option<bool>;

/// Whether all are true.
pub(super) fn all(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let mut result = Some(true);
    for answer in answers {
        match answer {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

/// Whether one is true.
fn any(answers: impl IntoIterator<Item = Answer>) -> Answer {
    all(answers.into_iter().map(opposite)).map(|none| !none)
}

fn opposite(answer: Answer) -> Answer {
    answer.map(|answer| !answer)
}

impl<'a> Checker<'a> {
    /// Whether a place accepts a value, and all values that are equal to it.
    pub(super) fn accepts(&mut self, id: PlaceId, value: &Value) -> Answer {
        count(1);
        let place = self.places.get(id);
        let schema = match place.value {
            Value::Bool(answer) => return Some(*answer),
            Value::Object(schema) => schema,
            _ => return None,
        };
        if self.places.is_opaque(id) {
            return None;
        }
        let mut answers = vec![self.references_accept(id, value)];
        for keyword in schema.keys() {
            answers.push(self.keyword_accepts(id, keyword, value));
        }
        all(answers)
    }

    /// Whether the targets of a place's references accept a value.
    pub(super) fn references_accept(&mut self, id: PlaceId, value: &Value) -> Answer {
        let references = self.places.references(id).to_vec();
        let mut answers = Vec::new();
        for (keyword, targets) in references {
            if keyword != "$ref" && self.places.keyword(id, keyword).is_none() {
                continue;
            }
            match targets.as_slice() {
                [target] => answers.push(self.accepts(*target, value)),
                _ => answers.push(None),
            }
        }
        all(answers)
    }

    /// Whether one keyword of a place accepts a value.
    pub(super) fn keyword_accepts(&mut self, id: PlaceId, keyword: &str, value: &Value) -> Answer {
        let Some(said) = self.places.keyword(id, keyword) else { return Some(true) };
        let Some(schema) = self.places.keywords(id) else { return Some(true) };
        if !Kinds::asked_by(keyword).meets(Kinds::of(value)) {
            return Some(true);
        }
        match keyword {
            "type" => {
                let dialect = self.places.get(id).dialect;
                let (own, wanted) = (Kinds::of(value), Kinds::of_type(schema, dialect));
                match own.is_within(wanted) {
                    true => Some(true),
                    false if own.meets(wanted) => None,
                    false => Some(false),
                }
            }
            "const" => Some(is_equal(said, value)),
            "enum" => said.as_array().map(|all| {
                // Texts are compared in some nanoseconds each; other values are written out.
                count(all.len() as u64 / if value.is_string() { 512 } else { 16 });
                all.iter().any(|one| is_equal(one, value))
            }),
            "allOf" | "anyOf" | "oneOf" | "not" | "if" => self.logic_accepts(id, keyword, value),
            _ => match value {
                Value::Number(number) => number_accepts(keyword, schema, said, number.as_str()),
                Value::String(text) => self.text_accepts(id, keyword, said, text),
                Value::Array(items) => self.items_accept(id, keyword, said, items),
                Value::Object(members) => self.members_accept(id, keyword, said, members),
                _ => Some(true),
            },
        }
    }

    fn logic_accepts(&mut self, id: PlaceId, keyword: &str, value: &Value) -> Answer {
        if keyword == "not" {
            let below = self.places.below(id, "not")?;
            return opposite(self.accepts(below, value));
        }
        if keyword == "if" {
            let condition = self.places.below(id, "if")?;
            let branch = match self.accepts(condition, value)? {
                true => "then",
                false => "else",
            };
            return match self.places.keyword(id, branch) {
                None => Some(true),
                Some(_) => self.places.below(id, branch).and_then(|id| self.accepts(id, value)),
            };
        }
        let list = match keyword {
            "allOf" => self.places.list(id, "allOf"),
            "anyOf" => self.places.list(id, "anyOf"),
            _ => self.places.list(id, "oneOf"),
        }?;
        let answers: Vec<Answer> = list.iter().map(|one| self.accepts(*one, value)).collect();
        match keyword {
            "allOf" => all(answers),
            "anyOf" => any(answers),
            _ => {
                let sure = answers.iter().filter(|answer| **answer == Some(true)).count();
                let open = answers.iter().filter(|answer| answer.is_none()).count();
                match (sure, open) {
                    (2.., _) => Some(false),
                    (_, 0) => Some(sure == 1),
                    _ => None,
                }
            }
        }
    }

    fn text_accepts(&mut self, id: PlaceId, keyword: &str, said: &'a Value, text: &str) -> Answer {
        match keyword {
            "minLength" => Some(compare_count(text.chars().count(), said)? != Ordering::Less),
            "maxLength" => Some(compare_count(text.chars().count(), said)? != Ordering::Greater),
            "pattern" => self.matches(said.as_str()?, text),
            "format" if !self.asserts(id, said) => Some(true),
            "format" | "contentEncoding" | "contentMediaType" => None,
            _ => Some(true),
        }
    }

    fn items_accept(
        &mut self,
        id: PlaceId,
        keyword: &str,
        said: &Value,
        items: &[Value],
    ) -> Answer {
        match keyword {
            "minItems" => Some(compare_count(items.len(), said)? != Ordering::Less),
            "maxItems" => Some(compare_count(items.len(), said)? != Ordering::Greater),
            "uniqueItems" => {
                let mut forms: Vec<_> =
                    items.iter().filter_map(|item| equal_form(item, usize::MAX)).collect();
                forms.sort_unstable();
                let repeats = forms.windows(2).any(|pair| pair[0] == pair[1]);
                Some(said != &Value::Bool(true) || !repeats)
            }
            "items" | "prefixItems" | "additionalItems" => {
                let list = self.item_schemas(id)?;
                let mut answers = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    if let Some(place) = list.at(index) {
                        answers.push(self.accepts(place, item));
                    }
                }
                all(answers)
            }
            "contains" => {
                let below = self.places.below(id, "contains")?;
                let mut found = 0;
                for item in items {
                    found += usize::from(self.accepts(below, item)?);
                }
                let (least, most) = self.contained_counts(id);
                let enough = compare_count(found, &least)? != Ordering::Less;
                Some(
                    enough
                        && most.is_none_or(|most| {
                            compare_count(found, &most) != Some(Ordering::Greater)
                        }),
                )
            }
            "unevaluatedItems" if said == &Value::Bool(true) => Some(true),
            "unevaluatedItems" => None,
            _ => Some(true),
        }
    }

    /// The limits of `contains`.
    pub(super) fn contained_counts(&self, id: PlaceId) -> (Value, Option<Value>) {
        let least = self.places.keyword(id, "minContains").cloned();
        (least.unwrap_or(Value::from(1)), self.places.keyword(id, "maxContains").cloned())
    }

    fn members_accept(
        &mut self,
        id: PlaceId,
        keyword: &str,
        said: &'a Value,
        members: &Map<String, Value>,
    ) -> Answer {
        match keyword {
            "minProperties" => Some(compare_count(members.len(), said)? != Ordering::Less),
            "maxProperties" => Some(compare_count(members.len(), said)? != Ordering::Greater),
            "required" => Some(names(said).all(|name| members.contains_key(name))),
            "properties" | "patternProperties" | "additionalProperties" => {
                let mut answers = Vec::new();
                for (name, member) in members {
                    answers.push(self.member_accepts(id, name, member));
                }
                all(answers)
            }
            "propertyNames" => {
                let below = self.places.below(id, keyword)?;
                let mut answers = Vec::new();
                for name in members.keys() {
                    answers.push(self.accepts(below, &Value::String(name.clone())));
                }
                all(answers)
            }
            "dependencies" | "dependentRequired" | "dependentSchemas" => {
                let mut answers = Vec::new();
                for (name, wanted) in said.as_object()? {
                    if !members.contains_key(name) {
                        continue;
                    }
                    answers.push(match wanted {
                        Value::Array(_) => {
                            Some(names(wanted).all(|name| members.contains_key(name)))
                        }
                        _ => {
                            let below = self.places.child(id, wanted)?;
                            self.accepts(below, &Value::Object(members.clone()))
                        }
                    });
                }
                all(answers)
            }
            "unevaluatedProperties" if said == &Value::Bool(true) => Some(true),
            "unevaluatedProperties" => None,
            _ => Some(true),
        }
    }

    /// Whether what a place says about members accepts one of them.
    fn member_accepts(&mut self, id: PlaceId, name: &str, member: &Value) -> Answer {
        let found = self.member_schemas(id, name);
        let mut answers = vec![if found.is_certain { Some(true) } else { None }];
        for place in found.surely {
            answers.push(self.accepts(place, member));
        }
        all(answers)
    }
}

/// Whether two values are equal, numbers by their value.
pub(super) fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_))
        | (Value::Array(_), Value::Array(_))
        | (Value::Object(_), Value::Object(_)) => {
            left == right || equal_form(left, usize::MAX) == equal_form(right, usize::MAX)
        }
        // Nothing is written out for what most choices are.
        _ => left == right,
    }
}

/// Values in a form in which equal ones are the same. Lists of thousands of choices exist, so that
/// they aren't compared each with each.
pub(super) fn choices<'v>(values: impl IntoIterator<Item = &'v Value>) -> HashSet<Vec<u8>> {
    let counted = values.into_iter().inspect(|_| count(1));
    counted.filter_map(|value| equal_form(value, usize::MAX)).collect()
}

/// The names in a list.
pub(super) fn names(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Compares a count with a limit, which may be written as `2.0`.
pub(super) fn compare_count(found: usize, limit: &Value) -> Option<Ordering> {
    Some(compare_numbers(&found.to_string(), limit.as_number()?.as_str()))
}

fn number_accepts(
    keyword: &str,
    schema: &Map<String, Value>,
    said: &Value,
    number: &str,
) -> Answer {
    let Value::Number(limit) = said else { return Some(true) };
    let found = compare_numbers(number, limit.as_str());
    let flagged = |flag: &str| schema.get(flag) == Some(&Value::Bool(true));
    Some(match keyword {
        "minimum" if flagged("exclusiveMinimum") => found == Ordering::Greater,
        "minimum" => found != Ordering::Less,
        "exclusiveMinimum" => found == Ordering::Greater,
        "maximum" if flagged("exclusiveMaximum") => found == Ordering::Less,
        "maximum" => found != Ordering::Greater,
        "exclusiveMaximum" => found == Ordering::Less,
        "multipleOf" => {
            let divisor = Divisor::parse(limit.as_str())?;
            let number = Decimal::parse(number);
            count(divisor.steps(&number));
            divisor.divides(&number)
        }
        _ => true,
    })
}
