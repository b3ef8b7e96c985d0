//! Turns the validator's errors into violations for people.

use jsonschema::{
    ValidationError, Validator,
    error::{ValidationErrorKind as Kind, ValidationErrorKind},
};
use muster_words::json::{Map, Value, escape_pointer};

use crate::{
    Violation,
    json_schema::compile::{Documents, document_of},
    limits, messages, nearest,
};

/// The schemas that messages may quote.
pub(crate) struct QuotableSchemas<'a> {
    pub(crate) documents: Option<&'a Documents>,
}

impl QuotableSchemas<'_> {
    /// No schema to quote: a meta-schema has no descriptions for people.
    pub(crate) fn nothing() -> Self {
        QuotableSchemas { documents: None }
    }

    /// The schema object with the violated keyword.
    fn place(&self, error: &ValidationError<'_>) -> Option<&Map<String, Value>> {
        let documents = self.documents?;
        let index =
            error.absolute_keyword_location().and_then(|uri| document_of(uri.path().as_str()));
        let document = index.and_then(|index| documents.at(index)).unwrap_or(&documents.root);
        let pointer = error.schema_path().as_str();
        let keyword = pointer.rfind('/')?;
        document.pointer(&pointer[..keyword])?.as_object()
    }
}

/// All violations in the order of the document, up to the limit.
pub(crate) fn all(
    validator: &Validator,
    value: &Value,
    known: &QuotableSchemas<'_>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut rest = 0;
    for error in validator.iter_errors(value) {
        let room = (limits::VIOLATIONS_MAX + 1).saturating_sub(violations.len());
        rest += count_of(&error).saturating_sub(room);
        if room == 0 {
            continue;
        }
        violations.extend(describe(&error, known).take(room));
    }
    violations.sort_by_cached_key(|violation| order(value, &violation.pointer));
    violations.dedup();
    cut(violations, rest)
}

/// The first violation, if collecting all of them would cost too much.
pub(crate) fn first(
    validator: &Validator,
    value: &Value,
    known: &QuotableSchemas<'_>,
) -> Vec<Violation> {
    let mut violations = match validator.validate(value) {
        Ok(()) => Vec::new(),
        Err(error) => describe(&error, known).take(limits::VIOLATIONS_MAX - 1).collect(),
    };
    if !violations.is_empty() {
        let message =
            "there may be more violations; the document is too large to report all of them";
        violations.push(Violation::keyword("", "$schema", message));
    }
    violations
}

/// The violations of a schema that doesn't compile, located in the schema.
pub(crate) fn of_schema(error: &ValidationError<'_>) -> Vec<Violation> {
    let known = QuotableSchemas::nothing();
    if let Kind::Format { .. } | Kind::Pattern { .. } | Kind::RegexEngineFailure { .. } =
        error.kind()
    {
        let pattern = messages::quote(error.instance());
        let message = format!(
            "{pattern} is not a supported pattern: look-around, back-references and patterns that \
             compile to too much are refused, so that every match is fast"
        );
        return vec![Violation::keyword(error.schema_path().as_str(), "pattern", message)];
    }
    describe(error, &known).take(limits::VIOLATIONS_MAX).collect()
}

/// The position of a pointer's value in the document, for sorting. A missing member sorts after its
/// siblings.
fn order(document: &Value, pointer: &str) -> Vec<usize> {
    let mut value = Some(document);
    let mut order = Vec::new();
    for step in pointer.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        let (position, child) = match value {
            Some(Value::Object(map)) => (map.keys().position(|k| *k == key), map.get(&key)),
            Some(Value::Array(items)) => {
                let index = key.parse::<usize>().ok();
                (index, index.and_then(|index| items.get(index)))
            }
            _ => (None, None),
        };
        order.push(position.unwrap_or(usize::MAX));
        value = child;
    }
    order
}

fn cut(mut violations: Vec<Violation>, rest: usize) -> Vec<Violation> {
    if violations.len() <= limits::VIOLATIONS_MAX && rest == 0 {
        return violations;
    }
    let more = violations.len() - (limits::VIOLATIONS_MAX - 1).min(violations.len()) + rest;
    violations.truncate(limits::VIOLATIONS_MAX - 1);
    violations.push(Violation::keyword("", "$schema", format!("and {more} more violations")));
    violations
}

/// How many violations one error of the validator stands for.
fn count_of(error: &ValidationError<'_>) -> usize {
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.len()
        }
        _ => 1,
    }
}

/// The violations for one error of the validator; several if it lists several unknown members. Each
/// is written when it is asked for, because a document may have a million.
fn describe<'a>(
    error: &'a ValidationError<'_>,
    known: &'a QuotableSchemas<'_>,
) -> impl Iterator<Item = Violation> + 'a {
    let at = error.instance_path().as_str();
    let keyword = error.kind().keyword();
    let unexpected = match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            Some(unexpected)
        }
        _ => None,
    };
    let single = unexpected.is_none().then(|| match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let pointer = format!("{at}/{}", escape_pointer(name));
            violation(&pointer, keyword, missing(name, error, known))
        }
        kind => violation(at, keyword, message(kind, error, known)),
    });
    let several = unexpected.into_iter().flatten().map(move |name| {
        let pointer = format!("{at}/{}", escape_pointer(name));
        violation(&pointer, keyword, unknown(name, error, known))
    });
    single.into_iter().chain(several)
}

fn violation(pointer: &str, keyword: &str, message: String) -> Violation {
    Violation::keyword(pointer, keyword, message).bounded()
}

fn message(
    kind: &ValidationErrorKind,
    error: &ValidationError<'_>,
    known: &QuotableSchemas<'_>,
) -> String {
    let value = error.instance();
    match kind {
        Kind::AnyOf { context } => {
            messages::no_alternative(&closest(context, value, known), context.len())
        }
        Kind::OneOfNotValid { context } => {
            messages::no_alternative(&closest(context, value, known), context.len())
        }
        Kind::PropertyNames { error } => {
            let inner = message(error.kind(), error, known);
            format!("this name is not allowed: {inner}")
        }
        kind => messages::of(kind, value),
    }
}

/// The message of the alternative that comes closest: the one with the deepest violations and,
/// among those, the fewest.
fn closest(
    context: &[Vec<ValidationError<'static>>],
    value: &Value,
    known: &QuotableSchemas<'_>,
) -> Option<String> {
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let mistyped = |errors: &[ValidationError<'_>]| {
        let is_type = |error: &&ValidationError<'_>| error.kind().keyword() == "type";
        errors.iter().filter(is_type).any(|error| **error.instance() == *value)
    };
    let nearest = context.iter().filter(|errors| !errors.is_empty()).min_by_key(|errors| {
        let deepest = errors.iter().map(depth).max().unwrap_or(0);
        (mistyped(errors), std::cmp::Reverse(deepest), errors.len())
    })?;
    if mistyped(nearest) {
        return None;
    }
    let violation = nearest.first().and_then(|error| describe(error, known).next())?;
    Some(if violation.pointer.is_empty() {
        violation.message
    } else {
        format!("{}: {}", violation.pointer, violation.message)
    })
}

/// The message about a missing member, with the schema's description of it.
fn missing(name: &str, error: &ValidationError<'_>, known: &QuotableSchemas<'_>) -> String {
    let about = known
        .place(error)
        .and_then(|place| place.get("properties")?.get(name)?.get("description")?.as_str());
    match about {
        Some(about) => format!("{name} is missing: {}", messages::cut(about.to_owned(), 200)),
        None => format!("{name} is missing"),
    }
}

fn unknown(name: &str, error: &ValidationError<'_>, known: &QuotableSchemas<'_>) -> String {
    let properties = known.place(error).and_then(|place| place.get("properties")?.as_object());
    let written = error.instance().as_object();
    let absent = properties.into_iter().flat_map(Map::keys).map(String::as_str);
    let absent = absent.filter(|known| written.is_none_or(|map| !map.contains_key(*known)));
    let quoted = messages::quote(&Value::String(name.to_owned()));
    match nearest(name, absent) {
        Some(meant) => format!("{quoted} is not an allowed name; did you mean {meant}?"),
        None => format!("{quoted} is not an allowed name"),
    }
}
