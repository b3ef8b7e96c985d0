use thiserror::Error;

use crate::{ErrorResponse, TransportError};

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No answer came.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer is no.
    #[error("{0}")]
    Refused(Box<ErrorResponse>),
    /// A value that no header can hold: it has a line end, or letters beyond ASCII. Nothing was
    /// sent.
    #[error("the value for {header} can't be sent: it has a line end, or a letter beyond ASCII")]
    Unsendable {
        /// The header's name.
        header: String,
    },
    /// The answer is not what this API answers: it is another server, or another release.
    #[error("{place} answered what no registry answers: {what}")]
    Unexpected {
        /// The address.
        place: String,
        /// What was missing or wrong in it.
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

    /// Whether the refusal has that code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code() == code)
    }

    /// Whether what was asked for isn't there, as a registry says it: not that a server has no
    /// such page.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        let elsewhere = ["unexpected_answer", "api_not_found"];
        self.refusal().is_some_and(|refusal| {
            refusal.status == http::StatusCode::NOT_FOUND && !elsewhere.contains(&refusal.code())
        })
    }
}
