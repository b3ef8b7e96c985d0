//! The keywords that compare numbers, by digits and at a cost that is linear in their text.
//!
//! The validator's own compare as `f64` where a fraction is written, or write an exponent out: then
//! six bytes cost as much as a thousand. Ours count their steps in advance.

use jsonschema::{Keyword, ValidationError, ValidationOptions, paths::Location};
use muster_words::json::{Map, Value};

use crate::json_schema::{bounds, choices, distinct, kinds};

/// Stands at each place of a document of draft 4, because a keyword isn't told its draft.
pub(crate) const DRAFT_4: &str = "x-muster-draft-4";

/// Whether a place belongs to a document of draft 4.
pub(crate) fn is_draft_4(place: &Map<String, Value>) -> bool {
    place.contains_key(DRAFT_4)
}

/// A keyword, or why it can't be one.
pub(crate) type Made<'a> = Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>>;

type Maker = for<'a> fn(&'a Map<String, Value>, &'a Value) -> Made<'a>;

/// The keywords that are replaced.
const KEYWORDS: [(&str, Maker); 9] = [
    ("minimum", |place, limit| bounds::bound("minimum", place, limit)),
    ("maximum", |place, limit| bounds::bound("maximum", place, limit)),
    ("exclusiveMinimum", |place, limit| bounds::bound("exclusiveMinimum", place, limit)),
    ("exclusiveMaximum", |place, limit| bounds::bound("exclusiveMaximum", place, limit)),
    ("multipleOf", bounds::multiple),
    ("const", choices::constant),
    ("enum", choices::choices),
    ("type", kinds::kinds),
    ("uniqueItems", distinct::distinct),
];

/// Those that are replaced only where a choice has a number in it: with its own ones, the validator
/// finds the only alternative that can match by a `const` of text, instead of trying each.
const CHOICES: [&str; 2] = ["const", "enum"];

/// Whether a place has a choice with a number in it.
pub(crate) fn has_number_choices(place: &Map<String, Value>) -> bool {
    CHOICES.iter().filter_map(|keyword| place.get(*keyword)).any(has_number)
}

fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_number),
        Value::Object(map) => map.values().any(has_number),
        _ => false,
    }
}

/// Replaces the validator's keywords.
pub(crate) fn by_digits(
    options: ValidationOptions<'static>,
    has_number_choices: bool,
) -> ValidationOptions<'static> {
    let wanted = |keyword: &str| has_number_choices || !CHOICES.contains(&keyword);
    KEYWORDS.into_iter().filter(|(keyword, _)| wanted(keyword)).fold(
        options,
        |options, (keyword, make)| {
            options.with_keyword(
                keyword,
                move |place: &Map<String, Value>, value: &Value, _: Location| {
                    make(place, value).map_err(|error| error.to_owned())
                },
            )
        },
    )
}

/// The error for a keyword whose value isn't what the keyword takes. Only a `$ref` to what no
/// keyword makes a schema leads here, because the meta-schema refuses the rest.
pub(crate) fn misplaced<'a>(what: &'static str) -> ValidationError<'a> {
    ValidationError::custom(what)
}

/// A keyword that asks nothing, such as the flags of draft 4.
pub(crate) struct Unlimited;

impl<'i> Keyword<'i> for Unlimited {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        true
    }
}
