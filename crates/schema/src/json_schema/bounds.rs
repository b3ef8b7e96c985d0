//! `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum` and `multipleOf` by digits: the
//! validator's own compare as `f64` where a fraction is written.

use std::cmp::Ordering;

use jsonschema::{Keyword, ValidationError, error::ValidationErrorKind as Kind};
use muster_words::json::{Map, Value};

use crate::{
    json_schema::{
        by_digits::{Made, Unlimited},
        decimal::{Decimal, Divisor},
    },
    messages, steps,
};

/// Builds a bound.
pub(crate) fn bound<'a>(
    keyword: &'static str,
    place: &'a Map<String, Value>,
    limit: &'a Value,
) -> Made<'a> {
    let Value::Number(number) = limit else { return Ok(Box::new(Unlimited)) };
    let text = number.as_str().to_owned();
    let (side, flag) = match keyword {
        "minimum" | "exclusiveMinimum" => (Ordering::Less, "exclusiveMinimum"),
        _ => (Ordering::Greater, "exclusiveMaximum"),
    };
    // In draft 4 a flag beside the bound makes it exclusive.
    let exclusive = keyword == flag || place.get(flag) == Some(&Value::Bool(true));
    let short = text.parse().ok();
    Ok(Box::new(Bound { side, exclusive, text, short, limit: limit.clone() }))
}

/// Builds `multipleOf`.
pub(crate) fn multiple<'a>(_: &'a Map<String, Value>, limit: &'a Value) -> Made<'a> {
    let Value::Number(number) = limit else { return Ok(Box::new(Unlimited)) };
    match Divisor::parse(number.as_str()) {
        Some(divisor) => Ok(Box::new(Multiple { divisor, limit: limit.clone() })),
        None => Ok(Box::new(Unlimited)),
    }
}

struct Bound {
    /// On which side of the limit no value may be.
    side: Ordering,
    /// Whether the limit itself isn't allowed either.
    exclusive: bool,
    text: String,
    /// The limit, if it is a whole number of everyday size.
    short: Option<i64>,
    limit: Value,
}

impl Bound {
    fn error(&self) -> Kind {
        let limit = self.limit.clone();
        match (self.side, self.exclusive) {
            (Ordering::Less, false) => Kind::Minimum { limit },
            (Ordering::Less, true) => Kind::ExclusiveMinimum { limit },
            (_, false) => Kind::Maximum { limit },
            (_, true) => Kind::ExclusiveMaximum { limit },
        }
    }
}

impl<'i> Keyword<'i> for Bound {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(value) {
            true => Ok(()),
            false => Err(ValidationError::custom(messages::of(&self.error(), value))),
        }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        let Value::Number(number) = value else { return true };
        steps::count(number.as_str().len() as u64 / 64);
        let found = match self
            .short
            .and_then(|limit| Some((limit, number.as_str().parse::<i64>().ok()?)))
        {
            Some((limit, number)) => number.cmp(&limit),
            None => Decimal::parse(number.as_str()).compare(&Decimal::parse(&self.text)),
        };
        found != self.side && !(self.exclusive && found == Ordering::Equal)
    }
}

struct Multiple {
    divisor: Divisor,
    limit: Value,
}

impl<'i> Keyword<'i> for Multiple {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(value) {
            return Ok(());
        }
        let multiple_of = self.limit.clone();
        Err(ValidationError::custom(messages::of(&Kind::MultipleOf { multiple_of }, value)))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        let Value::Number(number) = value else { return true };
        let number = Decimal::parse(number.as_str());
        steps::count(self.divisor.steps(&number));
        self.divisor.divides(&number)
    }
}
