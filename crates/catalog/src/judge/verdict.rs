use std::{collections::BTreeSet, sync::Arc};

use muster_rules::RuleError;
use muster_schema::{SchemaFormat, SchemaGuid, Violation};
use muster_words::{ContentRef, Notation, Xid, limits::DOCUMENT_BYTES_MAX};

use super::{DocumentContent, EarlierVersion, SchemaFault};
use crate::{
    Reason, Refusal,
    facts::VersionFacts,
    state::{Bindings, CompatibilityRule},
};

/// A document that a verdict depends on, with the content that its name led to; none if it didn't
/// exist.
pub type Dependency = (Xid, Option<DocumentContent>);

/// A `$id` that a schema refers to, with the group that was searched and the schemas that had it.
pub type IdLookup = (Xid, Arc<str>, Vec<Xid>);

/// The verdict on a document that passes. It is valid while its dependencies are unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How its data was read, if it was.
    pub notation: Notation,
    /// The documents that are bound to it.
    pub bindings: Vec<Dependency>,
    /// Whether the schema that its group binds asserts every `format`.
    pub asserts_format: bool,
    /// The message that its group's binding names.
    pub message: Option<Arc<str>>,
    /// The documents that the bound schemas refer to (`$ref`).
    pub schema_references: Vec<Dependency>,
    /// The `$id`s that it refers to, as a schema. Those that a bound schema refers to can't change.
    pub schema_ids: Vec<IdLookup>,
    /// How it was compared with the versions before it; none if its group asks for nothing.
    pub compatibility: Option<CompatibilityRule>,
    /// The property whose value says with which versions it was compared.
    pub compatibility_group: Option<String>,
    /// The versions before it, newest first, if it was compared.
    pub earlier: Vec<EarlierVersion>,
    /// How many of them were asked for.
    pub earlier_at_most: usize,
    /// What it is known by as a schema; none if it isn't one that can be read.
    pub identity: Option<Arc<SchemaIdentity>>,
    /// Whether it was compiled as a bound schema.
    pub is_schema: bool,
    /// As what it was judged among the schemas; none if it is in no known format.
    pub format: Option<SchemaFormat>,
    /// Why a document in a collection of schemas is no JSON Schema. Only its attribute `format` says
    /// whether it must be one.
    pub schema_fault: Option<Arc<[Violation]>>,
    /// The facts that the model lifts from it.
    pub facts: VersionFacts,
    /// Its warnings.
    pub warnings: Vec<Violation>,
}

/// What a schema is known by, and what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaIdentity {
    /// What identifies it everywhere.
    pub guid: SchemaGuid,
    /// The versions of other schemas that it refers to.
    pub references: Vec<Xid>,
    /// The name of its subject, if that isn't the resource's id.
    pub subject: Option<String>,
}

impl Verdict {
    /// Whether its group, if it has these bindings, binds its schema in the way in which it was judged.
    pub(crate) fn is_bound_as(&self, own: Option<&Bindings>) -> bool {
        own.is_some_and(|own| own.assert_format) == self.asserts_format
            && own.and_then(|own| own.message.as_ref()) == self.message.as_ref()
    }

    /// The violations of a document whose attribute `format` has this value.
    #[must_use]
    pub fn faults_as(&self, format: Option<&str>) -> &[Violation] {
        self.schema_fault.as_deref().filter(|_| is_json_schema(format)).unwrap_or_default()
    }
}

/// Whether a schema with this `format` is a JSON Schema. One without a format is.
fn is_json_schema(format: Option<&str>) -> bool {
    SchemaFormat::of_stored(format, None) == Some(SchemaFormat::JsonSchema)
}

/// Why there is no verdict.
#[derive(Clone, Debug)]
pub enum NoVerdict {
    /// These contents are needed; call again with them.
    Missing(BTreeSet<ContentRef>),
    /// It may take more than some milliseconds; call again where that blocks nobody.
    Long,
    /// The document doesn't pass, or a bound document can't be used.
    Rejected(Box<Rejection>),
}

/// What is rejected, and why.
#[derive(Clone, Debug)]
pub enum Rejection {
    /// A document.
    Document {
        /// Its resource.
        xid: Xid,
        /// The fault.
        fault: DocumentFault,
    },
    /// A bound document can't be used, so the documents that it is bound to can't be checked.
    Binding {
        /// The name by which it is bound.
        xid: Xid,
        /// The fault.
        fault: BindingFault,
    },
}

/// Why a document doesn't pass.
#[derive(Clone, Debug)]
pub enum DocumentFault {
    /// It is too large.
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// It is bound as a schema, but isn't a schema.
    NoSchema(SchemaFault),
    /// It has violations: at least one error, errors first.
    Invalid(Vec<Violation>),
}

/// Why a bound document can't be used.
#[derive(Clone, Debug)]
pub enum BindingFault {
    /// It doesn't exist, or has no document.
    Missing,
    /// It isn't a schema.
    Schema(SchemaFault),
    /// It isn't a rule.
    Rule(RuleError),
}

impl DocumentFault {
    /// The violations of the document.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        match self {
            Self::TooLarge { size } => {
                let message = format!("it has {size} bytes; the limit is {DOCUMENT_BYTES_MAX}");
                vec![Violation::keyword("", "maxLength", message)]
            }
            Self::NoSchema(fault) => fault.violations(),
            Self::Invalid(violations) => violations.clone(),
        }
    }
}

impl Rejection {
    /// The rejection of a document with these violations.
    pub(super) fn invalid(xid: &Xid, violations: Vec<Violation>) -> Self {
        Self::Document { xid: xid.clone(), fault: DocumentFault::Invalid(violations) }
    }

    /// The violations of the document that is rejected. A bound document that can't be used is a
    /// violation of its own.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let (xid, why) = match self {
            Self::Document { fault, .. } => return fault.violations(),
            Self::Binding { xid, fault: BindingFault::Missing } => (xid, "isn't there".to_owned()),
            Self::Binding { xid, fault: BindingFault::Schema(error) } => {
                (xid, format!("can't be used: {error}"))
            }
            Self::Binding { xid, fault: BindingFault::Rule(error) } => {
                (xid, format!("can't be used: {error}"))
            }
        };
        let message = format!("it is bound to {xid}, which {why}");
        vec![Violation::keyword("", "binding", message)]
    }

    /// The rejection of a bound document.
    pub(super) fn binding(xid: &Xid, fault: BindingFault) -> Self {
        Self::Binding { xid: xid.clone(), fault }
    }
}

impl From<Rejection> for NoVerdict {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(Box::new(rejection))
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Document { xid, fault: DocumentFault::TooLarge { size } } => {
                Self::new(xid, Reason::DocumentTooLarge { size, limit: DOCUMENT_BYTES_MAX })
            }
            Rejection::Document { xid, fault } => Self::invalid_document(&xid, fault.violations()),
            Rejection::Binding { xid, fault } => match fault {
                BindingFault::Missing => Self::binding_missing(&xid, &xid),
                BindingFault::Schema(fault) => broken(xid, &fault, fault.violations()),
                BindingFault::Rule(error) => broken(xid, &error, vec![error.violation()]),
            },
        }
    }
}

/// The refusal if a bound document exists but can't be used.
fn broken(binding: Xid, error: &impl std::error::Error, violations: Vec<Violation>) -> Refusal {
    let subject = binding.to_string();
    Refusal::new(subject, Reason::BindingBroken { binding, error: error.to_string(), violations })
}
