use std::{error::Error, fmt, sync::Arc};

use muster_schema::{CompileError, SchemaFormat, UncheckablePayload, Violation, ViolationSource};
use muster_words::Xid;

/// Why a document can't be used as a schema.
#[derive(Clone, Debug)]
pub enum SchemaFault {
    /// It is no JSON Schema, or what it names in a `$ref` can't be used.
    JsonSchema(Arc<CompileError>),
    /// It is no schema of its format, or what its attribute `references` names can't be used.
    Text {
        /// The format.
        format: SchemaFormat,
        /// What is wrong, at least one violation of the schema.
        violations: Arc<[Violation]>,
        /// The schema that its attribute `references` names and that isn't there.
        missing: Option<Xid>,
    },
    /// It has no message of the name that the binding says, or none at all.
    Message(UncheckablePayload),
}

impl SchemaFault {
    /// The fault of a schema whose text was read, with its references.
    pub(super) fn of_text(format: SchemaFormat, violations: Vec<Violation>) -> Self {
        Self::Text { format, violations: violations.into(), missing: None }
    }

    /// The violations of the schema, at least one.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let found = match self {
            Self::JsonSchema(error) => error.violations(),
            Self::Text { violations, .. } => violations.to_vec(),
            Self::Message(_) => Vec::new(),
        };
        if found.is_empty() {
            return vec![Violation::keyword("", "schema", self.to_string())];
        }
        found
    }

    /// The missing schema, if one is the cause.
    #[must_use]
    pub fn missing(&self) -> Option<&Xid> {
        match self {
            Self::JsonSchema(error) => error.missing(),
            Self::Text { missing, .. } => missing.as_ref(),
            Self::Message(_) => None,
        }
    }

    /// Whether another schema may still come that mends it.
    pub(super) fn awaits_another(&self) -> bool {
        match self {
            Self::JsonSchema(error) => error.awaits_another(),
            Self::Text { violations, .. } => violations.iter().all(names_what_may_come),
            Self::Message(_) => false,
        }
    }
}

/// Whether a violation names a type or a file that may come later.
fn names_what_may_come(violation: &Violation) -> bool {
    let keyword = match &violation.source {
        ViolationSource::Keyword(keyword) => keyword.as_str(),
        _ => "",
    };
    matches!(keyword, "unknown_type" | "import_not_found")
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JsonSchema(error) => error.fmt(f),
            Self::Text { missing: Some(missing), .. } => write!(f, "there is no {missing}"),
            Self::Text { format, violations, .. } => {
                let first = violations.first().map_or("it can't be read", |one| &one.message);
                write!(f, "it isn't a schema in the format {format}: {first}")?;
                match violations.len() {
                    0 | 1 => Ok(()),
                    count => write!(f, " (and {} more)", count - 1),
                }
            }
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl Error for SchemaFault {}
