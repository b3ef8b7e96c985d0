use std::fmt;

use muster_words::{TextPlace, json::JsonError};
use thiserror::Error;

use crate::{Violation, limits, messages};

/// Why a text is no Avro schema: everything that was found, each with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvroError {
    /// The problems in the order of the text, at most [`limits::AVRO_PROBLEMS_MAX`].
    pub problems: Vec<AvroProblem>,
    /// How many more there are.
    pub more: usize,
}

/// One problem of an Avro schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvroProblem {
    /// What is wrong.
    pub fault: AvroFault,
    /// The place, as a JSON Pointer into the text.
    pub pointer: String,
    /// The same as line and column, where the value is in the text.
    pub place: Option<TextPlace>,
    /// The name of the referenced schema that has it; none for the schema itself.
    pub reference: Option<String>,
}

/// The faults of Avro schemas.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AvroFault {
    /// The text isn't JSON.
    #[error("the schema isn't JSON: {0}")]
    NotJson(JsonError),
    /// A value stands where a schema is needed.
    #[error("{found} is no schema; write the name of a type, an object with a type, or a list")]
    NotASchema {
        /// The value, shortened.
        found: String,
    },
    /// An attribute is missing.
    #[error("{of} needs the attribute {attribute:?}")]
    MissingAttribute {
        /// Its name.
        attribute: &'static str,
        /// What needs it.
        of: &'static str,
    },
    /// An attribute has a value of the wrong kind.
    #[error("{attribute:?} must be {needs}")]
    AttributeKind {
        /// Its name.
        attribute: &'static str,
        /// What it must be.
        needs: &'static str,
    },
    /// A name has characters that names can't have.
    #[error(
        "{name:?} is no name; use letters, digits and underscores, not a digit first, and dots only \
         between the parts of a full name"
    )]
    InvalidName {
        /// The name.
        name: String,
    },
    /// A type has the name of a primitive type.
    #[error("{name:?} is a primitive type, so no other type can have this name")]
    PrimitiveName {
        /// The name.
        name: String,
    },
    /// A type is defined twice.
    #[error("the type {name:?} is already defined; write its name to use it again")]
    DuplicateName {
        /// The full name.
        name: String,
    },
    /// There is no such type.
    #[error("there is no type {name:?}{}", guess(nearest))]
    UnknownType {
        /// The name as written.
        name: String,
        /// The known name that was probably meant.
        nearest: Option<String>,
    },
    /// A record has two fields of one name.
    #[error("the record has two fields {name:?}")]
    DuplicateField {
        /// The name.
        name: String,
    },
    /// An enum has a symbol twice.
    #[error("the enum has the symbol {symbol:?} twice")]
    DuplicateSymbol {
        /// The symbol.
        symbol: String,
    },
    /// A union has two branches that data couldn't tell apart.
    #[error("the union has {branch} twice; only named types may occur more than once")]
    DuplicateBranch {
        /// The type.
        branch: String,
    },
    /// A union stands directly in a union.
    #[error("a union can't stand directly in a union; write its branches here")]
    NestedUnion,
    /// An enum's default isn't one of its symbols.
    #[error("the default {found} is none of the enum's symbols")]
    InvalidEnumDefault {
        /// The default, shortened.
        found: String,
    },
    /// A field's default doesn't fit its type.
    #[error("the default doesn't fit the field's type: {reason}")]
    InvalidDefault {
        /// What doesn't fit.
        reason: String,
    },
    /// Defaults need each other without end.
    #[error("the default of {field:?} contains itself, so it has no end")]
    EndlessDefault {
        /// The field.
        field: String,
    },
    /// A limit is exceeded.
    #[error("the schema has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

fn guess(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name:?}?"),
        None => "; define it before it is used, or refer to the schema that defines it".to_owned(),
    }
}

impl AvroFault {
    /// The stable name of the fault in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "not_json",
            Self::NotASchema { .. } => "not_a_schema",
            Self::MissingAttribute { .. } => "missing_attribute",
            Self::AttributeKind { .. } => "attribute_kind",
            Self::InvalidName { .. } => "invalid_name",
            Self::PrimitiveName { .. } => "primitive_name",
            Self::DuplicateName { .. } => "duplicate_name",
            Self::UnknownType { .. } => "unknown_type",
            Self::DuplicateField { .. } => "duplicate_field",
            Self::DuplicateSymbol { .. } => "duplicate_symbol",
            Self::DuplicateBranch { .. } => "duplicate_branch",
            Self::NestedUnion => "nested_union",
            Self::InvalidEnumDefault { .. } => "invalid_enum_default",
            Self::InvalidDefault { .. } => "invalid_default",
            Self::EndlessDefault { .. } => "endless_default",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

impl AvroError {
    /// The problems as violations of the schema document itself, each with the fault's code as its
    /// keyword.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.problems
            .iter()
            .map(|problem| {
                let message = match &problem.reference {
                    Some(reference) => {
                        format!("in {reference}, to which it refers: {}", problem.fault)
                    }
                    None => problem.fault.to_string(),
                };
                let pointer =
                    if problem.reference.is_none() { problem.pointer.as_str() } else { "" };
                let place = problem.place.filter(|_| problem.reference.is_none());
                Violation { place, ..Violation::keyword(pointer, problem.fault.code(), message) }
                    .bounded()
            })
            .collect()
    }
}

impl fmt::Display for AvroProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reference) = &self.reference {
            write!(f, "in {reference}: ")?;
        }
        let pointer = if self.pointer.is_empty() { "the schema as a whole" } else { &self.pointer };
        write!(f, "{}: {}", messages::cut(pointer.to_owned(), limits::QUOTE_MAX), self.fault)
    }
}

impl fmt::Display for AvroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.first() {
            Some(first) => write!(f, "{first}")?,
            None => f.write_str("the schema can't be used")?,
        }
        match self.problems.len().saturating_sub(1) + self.more {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more problem)"),
            more => write!(f, " (and {more} more problems)"),
        }
    }
}

impl std::error::Error for AvroError {}
