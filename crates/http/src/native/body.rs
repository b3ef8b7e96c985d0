use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use muster_schema::{NoSources, Schema};
use muster_wire::{ErrorKind, Problem};
use muster_words::json::{self, Value};
use parking_lot::RwLock;
use schemars::{JsonSchema, schema_for, transform::transform_subschemas};
use serde::de::DeserializeOwned;

/// Reads the body of a request as the type that belongs there; what is wrong with it is said in the
/// words in which documents are refused, by the schema that the description of the API shows.
///
/// # Errors
/// `parsing_data`.
pub(super) fn read<T: DeserializeOwned + JsonSchema + 'static>(
    body: &[u8],
    subject: &str,
) -> Result<T, Problem> {
    let value = json::parse(body).map_err(|error| refused(error.to_string(), subject))?;
    if let Some(wrong) = what_is_wrong::<T>(&value) {
        return Err(refused(wrong, subject));
    }
    serde_json::from_value(value).map_err(|error| refused(error.to_string(), subject))
}

/// What can't be read.
pub(super) fn refused(error_detail: String, subject: &str) -> Problem {
    Problem::new(ErrorKind::ParsingData { error_detail }).subject(subject)
}

/// The schemas of bodies, by their types; none for one that doesn't compile. Making one takes a third
/// of a millisecond, much longer than most bodies take.
static SCHEMAS: LazyLock<RwLock<HashMap<TypeId, Option<Arc<Schema>>>>> =
    LazyLock::new(RwLock::default);

/// The schema of a type.
fn schema_of<T: JsonSchema + 'static>() -> Option<Arc<Schema>> {
    let known = SCHEMAS.read().get(&TypeId::of::<T>()).cloned();
    known.unwrap_or_else(|| {
        let mut schema = schema_for!(T);
        list_choices(&mut schema);
        let compiled = Schema::compile(schema.as_value(), &NoSources).ok().map(Arc::new);
        SCHEMAS.write().insert(TypeId::of::<T>(), compiled.clone());
        compiled
    })
}

/// The first thing that the type's schema finds; none: it finds nothing.
fn what_is_wrong<T: JsonSchema + 'static>(value: &Value) -> Option<String> {
    let schema = schema_of::<T>()?;
    let first = schema.validate_asserting_formats(value).into_iter().next()?;
    let place = first.pointer.trim_start_matches('/').replace('/', ".");
    Some(match place.is_empty() || first.message.contains(&place) {
        true => first.message,
        false => format!("{place}: {}", first.message),
    })
}

/// Makes one list of words that each have a form of their own, because each has a description: then
/// all of them are named where none fits.
fn list_choices(schema: &mut schemars::Schema) {
    transform_subschemas(&mut list_choices, schema);
    let forms = schema.get("oneOf").and_then(Value::as_array);
    let words = forms.map(|forms| forms.iter().map(|form| form.get("const").cloned()).collect());
    if let Some(Some(words)) = words {
        schema.remove("oneOf");
        schema.insert("enum".to_owned(), Value::Array(words));
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::{followers::ResumeRequest, keys::KeyRequest};

    use super::*;

    fn detail<T: DeserializeOwned + JsonSchema + 'static>(body: &str) -> Option<String> {
        let problem = read::<T>(body.as_bytes(), "/keys").err()?;
        assert_eq!(problem.code().name(), "parsing_data");
        problem.body().args.remove("error_detail")
    }

    #[test]
    fn says_what_is_wrong_and_names_the_member_that_was_meant() {
        for (found, expect) in [
            (detail::<KeyRequest>(r#"{"role": null, "name": "x"}"#), None),
            (detail::<KeyRequest>(r#"{"nmae": "x"}"#), Some(&["\"nmae\"", "did you mean name?"])),
            (detail::<KeyRequest>(r#"{"role": 1}"#), Some(&["role: 1", "text"])),
            (detail::<KeyRequest>("[]"), Some(&["[]", "a map"])),
            (detail::<ResumeRequest>(r#"{"form": 1}"#), Some(&["\"form\"", "did you mean from?"])),
            (detail::<ResumeRequest>("{}"), Some(&["from", "missing"])),
            (
                detail::<ResumeRequest>(r#"{"from": "yesterday"}"#),
                Some(&["from: \"yesterday\"", "beginning, now"]),
            ),
        ] {
            let expect: Option<&[&str; 2]> = expect;
            let (said, parts) = (found.unwrap_or_default(), expect.into_iter().flatten());
            assert_eq!(said.is_empty(), expect.is_none(), "{said}");
            for part in parts {
                assert!(said.contains(part), "{said:?} doesn't say {part:?}");
            }
        }
    }
}
