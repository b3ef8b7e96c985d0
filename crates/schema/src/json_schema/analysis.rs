//! Analyses a schema before it is used: which other schemas it refers to, and how much work one
//! value can cost.
//!
//! The validator has no limit of its own, so schemas that could take long are refused here: places
//! that lead back to themselves without descending into the value, and places that multiply.

use std::collections::HashMap;

use muster_words::{
    Xid,
    json::{Map, Value, escape_pointer},
};

use crate::{
    CompileError, Dialect,
    json_schema::{
        address::Address,
        by_digits::has_number_choices,
        compile::{Links, Size},
        decimal::{DIVISOR_DIGITS_MAX, Decimal, Divisor},
    },
    limits,
};

mod builder;
mod graph;

pub(crate) use graph::Graph;

/// The content of a keyword's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeywordValue {
    /// A schema for the same value.
    Same,
    /// A schema for children of the value.
    Child,
    /// A list of schemas for the same value.
    SameList,
    /// A list of schemas for children, or one for all of them (`items`).
    ChildList,
    /// Schemas by name for the same value (`dependentSchemas`).
    SameMap,
    /// Schemas by name for children (`properties`).
    ChildMap,
    /// Named schemas that are only there as targets of references.
    Definitions,
}

impl KeywordValue {
    /// Whether its schemas are for children of the value.
    pub(crate) fn descends(self) -> bool {
        matches!(self, Self::Child | Self::ChildList | Self::ChildMap)
    }
}

/// The content of a keyword in any draft. A keyword that doesn't exist in the schema's draft does
/// no harm.
pub(crate) fn holds(keyword: &str) -> Option<KeywordValue> {
    Some(match keyword {
        "not" | "if" | "then" | "else" => KeywordValue::Same,
        "allOf" | "anyOf" | "oneOf" => KeywordValue::SameList,
        "dependentSchemas" | "dependencies" => KeywordValue::SameMap,
        "additionalItems"
        | "additionalProperties"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => KeywordValue::Child,
        "items" | "prefixItems" => KeywordValue::ChildList,
        "properties" | "patternProperties" => KeywordValue::ChildMap,
        "$defs" | "definitions" => KeywordValue::Definitions,
        _ => return None,
    })
}

/// Whether the keyword's value holds schemas by name.
pub(crate) fn holds_named(keyword: &str) -> bool {
    matches!(
        holds(keyword),
        Some(KeywordValue::SameMap | KeywordValue::ChildMap | KeywordValue::Definitions)
    )
}

/// Calls `f` for every schema that a schema directly contains.
pub(crate) fn for_each_place<'a>(
    schema: &'a Map<String, Value>,
    mut found: impl FnMut(String, &'a Value, KeywordValue),
) {
    for (keyword, value) in schema {
        let Some(holds) = holds(keyword) else { continue };
        match (holds, value) {
            (
                KeywordValue::Same | KeywordValue::Child | KeywordValue::ChildList,
                Value::Object(_) | Value::Bool(_),
            ) => {
                found(format!("/{keyword}"), value, holds);
            }
            (KeywordValue::SameList | KeywordValue::ChildList, Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    found(format!("/{keyword}/{index}"), item, holds);
                }
            }
            (
                KeywordValue::SameMap | KeywordValue::ChildMap | KeywordValue::Definitions,
                Value::Object(map),
            ) => {
                for (name, member) in map {
                    if member.is_object() || member.is_boolean() {
                        found(format!("/{keyword}/{}", escape_pointer(name)), member, holds);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A schema document with its dialect and its address.
pub(crate) struct SchemaDocument<'a> {
    pub(crate) xid: Option<&'a Xid>,
    pub(crate) value: &'a Value,
    pub(crate) dialect: Dialect,
    pub(crate) address: Address,
    pub(crate) is_metaschema: bool,
}

/// Refuses a schema that could take too long, and measures any other. `links` says which documents
/// the addresses in each document mean.
pub(crate) fn analyse(
    documents: &[SchemaDocument<'_>],
    links: &Links,
) -> Result<Graph, CompileError> {
    let mut builder = builder::Builder::new(documents, links);
    builder.read_all()?;
    let mut graph = builder.finish();
    graph.check()?;
    Ok(graph)
}

/// The address of a value. It identifies a place without building its pointer.
fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

/// Places by their address.
type Places = HashMap<usize, usize>;

/// Fails if a limit is exceeded.
fn at_most(found: usize, limit: usize, what: &'static str) -> Result<(), CompileError> {
    if found > limit { Err(CompileError::TooLarge { what, limit }) } else { Ok(()) }
}

/// The patterns for names of members at a place.
fn name_patterns_of(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let named = schema.get("patternProperties").and_then(Value::as_object);
    named.into_iter().flatten().map(|(name, _)| name.as_str())
}

/// The steps of a place's own keywords for one value, without `pattern`. What depends on the value
/// is counted by the keywords themselves.
fn looks_of(schema: &Map<String, Value>) -> u64 {
    let divisor = schema.get("multipleOf").and_then(Value::as_number);
    let divisor = divisor.and_then(|number| Divisor::parse(number.as_str()));
    let divides = divisor.map_or(0, |divisor| divisor.steps(&Decimal::parse("1e999")));
    let choices = schema.get("enum").filter(|_| !has_number_choices(schema));
    let choices = choices.map_or(0, |choices| Size::of(choices).steps);
    choices / 8 + divides + name_patterns_of(schema).count() as u64
}

/// Refuses a `multipleOf` with more digits than are divided exactly.
fn check_divisor(schema: &Map<String, Value>) -> Result<(), CompileError> {
    let Some(Value::Number(divisor)) = schema.get("multipleOf") else { return Ok(()) };
    match Divisor::parse(divisor.as_str()) {
        Some(_) => Ok(()),
        None => {
            let what = "digits in a multipleOf";
            Err(CompileError::TooLarge { what, limit: DIVISOR_DIGITS_MAX })
        }
    }
}

/// Checks the limits for all documents together.
fn check_totals(patterns: usize) -> Result<(), CompileError> {
    at_most(patterns, limits::PATTERNS_MAX, "patterns")
}
