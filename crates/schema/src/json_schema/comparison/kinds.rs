use muster_words::json::{Map, Value};

use crate::{Dialect, json_schema::decimal::Decimal};

/// A set of kinds of values. Numbers are three kinds, because drafts differ in whether `1.0` is an
/// integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    /// Whole numbers without a point and without an exponent.
    const INTEGER: Self = Self(4);
    /// Whole numbers with one of them: `1.0`, `1e2`.
    const WHOLE: Self = Self(8);
    pub(super) const FRACTION: Self = Self(16);
    pub(super) const STRING: Self = Self(32);
    pub(super) const ARRAY: Self = Self(64);
    pub(super) const OBJECT: Self = Self(128);
    pub(super) const NUMBER: Self = Self(4 | 8 | 16);
    pub(super) const ALL: Self = Self(255);
    const NOTHING: Self = Self(0);

    /// The kinds that may be told apart when a comparison looks at each alone.
    pub(super) const GROUPS: [Self; 6] =
        [Self::NULL, Self::BOOLEAN, Self::NUMBER, Self::STRING, Self::ARRAY, Self::OBJECT];

    /// The kinds of the values that are equal to a value: `1` and `1.0` are.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
            Value::Number(number) => match Decimal::parse(number.as_str()).is_whole() {
                true => Self::INTEGER.or(Self::WHOLE),
                false => Self::FRACTION,
            },
        }
    }

    /// The kinds that a schema's `type` allows.
    pub(super) fn of_type(schema: &Map<String, Value>, dialect: Dialect) -> Self {
        match schema.get("type") {
            Some(Value::String(name)) => Self::named(name, dialect),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Self::NOTHING, |kinds, name| kinds.or(Self::named(name, dialect))),
            _ => Self::ALL,
        }
    }

    fn named(name: &str, dialect: Dialect) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" if dialect == Dialect::Draft4 => Self::INTEGER,
            "integer" => Self::INTEGER.or(Self::WHOLE),
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NOTHING,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The kind of value that a keyword asks about; values of other kinds pass it.
    pub(super) fn asked_by(keyword: &str) -> Self {
        match keyword {
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                Self::NUMBER
            }
            "minLength" | "maxLength" | "pattern" | "format" | "contentEncoding"
            | "contentMediaType" => Self::STRING,
            "minItems" | "maxItems" | "uniqueItems" | "items" | "prefixItems"
            | "additionalItems" | "contains" | "unevaluatedItems" => Self::ARRAY,
            "minProperties"
            | "maxProperties"
            | "required"
            | "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "dependencies"
            | "dependentRequired"
            | "dependentSchemas"
            | "unevaluatedProperties" => Self::OBJECT,
            _ => Self::ALL,
        }
    }
}
