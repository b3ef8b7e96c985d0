use muster_words::{NotationError, Xid, limits::JSON_DEPTH_MAX};
use thiserror::Error;

use crate::{MetaschemaFault, Violation, limits};

/// Why a schema can't be used.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The bytes aren't JSON, or not YAML where that is their media type.
    #[error("{0}")]
    Notation(#[from] NotationError),
    /// Arrays and objects are nested too deeply.
    #[error("the schema is nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
    /// `$schema` is neither one of the supported drafts nor a schema of the registry.
    #[error(
        "$schema is {found:?}; supported are draft-04, draft-06, draft-07, 2019-09, 2020-12, and a \
         schema of the registry, by its xid or by its $id in the same group"
    )]
    Dialect {
        /// The given value.
        found: String,
    },
    /// `$schema` names a schema that can't be one.
    #[error("the $schema, {found:?}, {fault}")]
    Metaschema {
        /// The given value.
        found: String,
        /// What is wrong with it.
        fault: MetaschemaFault,
    },
    /// It violates the meta-schema of its own draft.
    #[error("the schema violates JSON Schema in {}", places(violations.len()))]
    Invalid {
        /// The violations, located in the schema.
        violations: Vec<Violation>,
    },
    /// A `$ref` names a schema that doesn't exist.
    #[error("there is no {reference}")]
    Missing {
        /// The missing schema.
        reference: Xid,
        /// The place of the `$ref`.
        pointer: String,
    },
    /// A `$ref` or a `$id` leads nowhere.
    #[error("{reference:?} {fault}")]
    Unresolvable {
        /// The place of the keyword.
        pointer: String,
        /// Its text.
        reference: String,
        /// What is wrong with it.
        fault: ReferenceFault,
    },
    /// Schemas refer to each other in a circle.
    #[error("schemas refer to each other in a circle: {}", names(path))]
    Cycle {
        /// The circle; its first schema is repeated at the end.
        path: Vec<Xid>,
    },
    /// A schema that it refers to can't be used.
    #[error("in {reference}, which it refers to: {error}")]
    Broken {
        /// That schema.
        reference: Xid,
        /// Its fault.
        error: Box<CompileError>,
    },
    /// A place leads back to itself without descending into the value, so validation would never
    /// end.
    #[error("{} refers to itself", place(pointer))]
    Endless {
        /// The place.
        pointer: String,
    },
    /// A place leads to so many others for one value that validation would take too long.
    #[error(
        "{} applies more than {} subschemas to one value",
        place(pointer),
        limits::ALTERNATIVES_MAX
    )]
    TooComplex {
        /// The place.
        pointer: String,
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

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceFault {
    /// No schema has this address.
    #[error(
        "leads nowhere: it is neither the xid of a schema, nor a place in this document, nor the \
         $id of a schema in the same group, nor a draft of JSON Schema"
    )]
    Unknown,
    /// The schema has no such place.
    #[error("leads to no place in the schema that it names")]
    NoPlace,
    /// It isn't a URI reference.
    #[error("is no URI reference (RFC 3986)")]
    Malformed,
    /// Several schemas in the group have this `$id`.
    #[error("is the $id of several schemas: {}; refer to one by its xid", list(.0, ", "))]
    Ambiguous(Vec<Xid>),
}

/// `1 place`, `2 places`.
fn places(count: usize) -> String {
    if count == 1 { "1 place".to_owned() } else { format!("{count} places") }
}

fn names(path: &[Xid]) -> String {
    list(path, " → ")
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the schema as a whole" } else { pointer }
}

fn list(xids: &[Xid], between: &str) -> String {
    xids.iter().map(Xid::to_string).collect::<Vec<_>>().join(between)
}

impl CompileError {
    /// The error as violations of the schema document itself.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let (pointer, keyword) = match self {
            Self::Invalid { violations } => return violations.clone(),
            Self::Missing { pointer, .. } | Self::Unresolvable { pointer, .. } => {
                (pointer.as_str(), "$ref")
            }
            Self::Endless { pointer } | Self::TooComplex { pointer } => (pointer.as_str(), "$ref"),
            Self::Cycle { .. } | Self::Broken { .. } => ("", "$ref"),
            Self::Dialect { .. } | Self::Metaschema { .. } => ("/$schema", "$schema"),
            Self::Notation(error) => ("", error.notation().name()),
            Self::TooDeep | Self::TooLarge { .. } => ("", "$schema"),
        };
        vec![Violation::keyword(pointer, keyword, self.to_string())]
    }

    /// The missing schema, if one is the cause, here or in a schema that it refers to.
    #[must_use]
    pub fn missing(&self) -> Option<&Xid> {
        match self {
            Self::Missing { reference, .. } => Some(reference),
            Self::Broken { error, .. } => error.missing(),
            _ => None,
        }
    }

    /// Whether another schema may still come that mends it: one that is missing, here or in a schema
    /// that it refers to.
    #[must_use]
    pub fn awaits_another(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Unresolvable { fault: ReferenceFault::Unknown, .. } => {
                true
            }
            Self::Broken { error, .. } => error.awaits_another(),
            _ => false,
        }
    }

    /// The error of a schema that refers to the broken one. A cycle already names its schemas.
    pub(crate) fn within(self, reference: &Xid) -> Self {
        match self {
            error @ (Self::Cycle { .. } | Self::Broken { .. } | Self::TooLarge { .. }) => error,
            error => Self::Broken { reference: reference.clone(), error: Box::new(error) },
        }
    }
}
