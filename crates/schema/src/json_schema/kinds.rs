//! `type`, which decides by the digits whether a number is whole.

use jsonschema::{
    JsonType, JsonTypeSet, Keyword, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use muster_words::json::{Map, Value};

use crate::{
    json_schema::{
        by_digits::{Made, is_draft_4, misplaced},
        decimal::Decimal,
    },
    messages, steps,
};

/// Builds `type`.
pub(crate) fn kinds<'a>(place: &'a Map<String, Value>, names: &'a Value) -> Made<'a> {
    let all = match names {
        Value::Array(names) => names.as_slice(),
        name => std::slice::from_ref(name),
    };
    let mut kinds = JsonTypeSet::empty();
    let mut single = None;
    for name in all {
        let kind = name.as_str().and_then(|name| name.parse::<JsonType>().ok());
        let kind = kind.ok_or_else(|| misplaced("it isn't one of the seven types"))?;
        kinds = kinds.insert(kind);
        single = Some(kind);
    }
    let kind = match single {
        Some(kind) if all.len() == 1 => TypeKind::Single(kind),
        _ => TypeKind::Multiple(kinds),
    };
    Ok(Box::new(Kinds { kinds, kind: Kind::Type { kind }, as_written: is_draft_4(place) }))
}

struct Kinds {
    kinds: JsonTypeSet,
    /// For the message.
    kind: Kind,
    /// Whether a whole number is one without a fraction and without an exponent (draft 4).
    as_written: bool,
}

impl Kinds {
    fn is_whole(&self, text: &str) -> bool {
        if !text.contains(['.', 'e', 'E']) {
            return true;
        }
        !self.as_written && Decimal::parse(text).is_whole()
    }
}

impl<'i> Keyword<'i> for Kinds {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(value) {
            true => Ok(()),
            false => Err(ValidationError::custom(messages::of(&self.kind, value))),
        }
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        let has = |kind| self.kinds.contains(kind);
        match value {
            Value::Null => has(JsonType::Null),
            Value::Bool(_) => has(JsonType::Boolean),
            Value::String(_) => has(JsonType::String),
            Value::Array(_) => has(JsonType::Array),
            Value::Object(_) => has(JsonType::Object),
            Value::Number(_) if has(JsonType::Number) => true,
            Value::Number(number) => {
                steps::count(number.as_str().len() as u64 / 64);
                has(JsonType::Integer) && self.is_whole(number.as_str())
            }
        }
    }
}
