use muster_schema::{Payload, UncheckablePayload, Violation};
use muster_words::{
    Xid,
    json::{self, JsonError, Value},
};
use thiserror::Error;

/// A payload that outlives the call that brought it.
#[derive(Clone, Debug)]
pub enum OwnedPayload {
    /// JSON.
    Json(Value),
    /// The bytes of Avro or Protobuf.
    Binary(Vec<u8>),
    /// The same as Confluent's serializers write them.
    Framed(Vec<u8>),
}

impl OwnedPayload {
    /// Reads the text of JSON.
    ///
    /// # Errors
    /// It isn't JSON.
    pub fn json(text: &str) -> Result<Self, JsonError> {
        json::parse(text.as_bytes()).map(Self::Json)
    }

    /// Bytes, which may be framed.
    #[must_use]
    pub fn bytes(bytes: &[u8], is_framed: bool) -> Self {
        match is_framed {
            true => Self::Framed(bytes.to_vec()),
            false => Self::Binary(bytes.to_vec()),
        }
    }

    /// The payload, for a check.
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        match self {
            Self::Json(value) => Payload::Json(value),
            Self::Binary(bytes) => Payload::Binary(bytes),
            Self::Framed(bytes) => Payload::Framed(bytes),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPayload {
    /// Whether the payload passes: there may be warnings all the same.
    pub valid: bool,
    /// All violations.
    pub violations: Vec<Violation>,
    /// The xid of the schema, without a version.
    pub schema: Xid,
    /// The id of the version that was used.
    pub version: String,
    /// Whether the source couldn't confirm that this is still the version to use.
    pub is_stale: bool,
}

/// Why a payload wasn't checked.
#[derive(Clone, Debug, Error)]
pub enum UncheckedPayload {
    /// The name isn't one of a schema.
    #[error("{name:?} isn't the name of a schema: {why}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// No source has such a schema.
    #[error("there is no schema {schema}")]
    Unknown {
        /// The xid.
        schema: Xid,
    },
    /// No source can be asked, and nothing was kept of earlier.
    #[error("{schema} can't be fetched: {why}")]
    Unreachable {
        /// The xid.
        schema: Xid,
        /// What the last source said.
        why: String,
    },
    /// The schema can't be used.
    #[error("{schema} can't be used: {why}")]
    Schema {
        /// The xid.
        schema: Xid,
        /// What is wrong with it.
        why: String,
    },
    /// It isn't in memory, and this check doesn't wait.
    #[error("{name} isn't in memory yet; precompile it, or use the check that waits")]
    NotReady {
        /// The name.
        name: String,
    },
    /// The schema has no such message.
    #[error(transparent)]
    Payload(#[from] UncheckablePayload),
}

impl UncheckedPayload {
    /// The name of the error, which stays the same.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "option_invalid",
            Self::Unknown { .. } => "not_found",
            Self::Unreachable { .. } => "unreachable",
            Self::Schema { .. } | Self::Payload(_) => "data_invalid",
            Self::NotReady { .. } => "not_ready",
        }
    }
}
