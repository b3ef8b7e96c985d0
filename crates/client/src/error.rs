use thiserror::Error;

use crate::{ErrorResponse, TransportError};

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// There is no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer is an error.
    #[error("{0}")]
    Refused(Box<ErrorResponse>),
    /// The value of a header has a line break or characters outside ASCII. Nothing was sent.
    #[error("the value of {header} can't be sent: it has a line break or characters outside ASCII")]
    Unsendable {
        /// The header's name.
        header: String,
    },
    /// The answer isn't one of this API: the server is something else, or another release.
    #[error("the answer of {place} isn't one of a registry: {what}")]
    Unexpected {
        /// The address.
        place: String,
        /// What is missing or wrong.
        what: String,
    },
}

impl ClientError {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&ErrorResponse> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the error has this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code() == code)
    }

    /// Whether the registry says that the entity doesn't exist. A missing page of another server
    /// doesn't count.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        let elsewhere = ["unexpected_answer", "api_not_found"];
        self.refusal().is_some_and(|refusal| {
            refusal.status == http::StatusCode::NOT_FOUND && !elsewhere.contains(&refusal.code())
        })
    }
}
