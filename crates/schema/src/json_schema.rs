//! JSON Schema, drafts 4 to 2020-12: compiles a schema, validates values, and locates every
//! violation.

mod address;
mod analysis;
mod bounds;
mod by_digits;
mod choices;
mod comparison;
mod compile;
mod compile_error;
mod decimal;
mod dialect;
mod difference;
mod distinct;
mod equality;
mod kinds;
mod metaschemas;
mod meter;
mod numbers;
mod outline;
mod pattern;
mod report;
mod sources;
mod vocabulary;

pub use comparison::compare_json_schemas;
pub use compile::Schema;
pub use compile_error::{CompileError, ReferenceFault};
pub use decimal::compare_numbers;
pub use dialect::Dialect;
pub use difference::json_schema_difference;
pub use numbers::oversized_numbers;
pub use outline::Outline;
pub use pattern::cost_of_pattern;
pub use sources::{NoSources, SchemaSources};
pub use vocabulary::MetaschemaFault;

pub(crate) use comparison::{deciding_keywords, is_deciding};

use muster_words::json::{Map, Value};

/// Keywords that describe, name or organise, in any draft.
pub(crate) const KEYWORDS: [&str; 23] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$id",
    "$recursiveAnchor",
    "$schema",
    "$vocabulary",
    "contentSchema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "id",
    "nullable",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
];

/// Calls `found` for every schema that a schema directly contains, with the steps to it and whether
/// it is for a child of the value.
pub(crate) fn for_each_place<'a>(
    schema: &'a Map<String, Value>,
    mut found: impl FnMut(String, &'a Value, bool),
) {
    analysis::for_each_place(schema, |step, place, holds| {
        found(step, place, holds.descends());
    });
}

#[cfg(test)]
mod tests;
