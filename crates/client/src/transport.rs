use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use thiserror::Error;

use crate::TlsFault;

/// The body of an answer, read as it arrives.
pub type IncomingBody = UnsyncBoxBody<Bytes, TransportError>;

/// A transport to a registry: sends a request and returns the answer's headers, with a body that is
/// read as it arrives.
///
/// A transport MUST send a request at most once, unless it knows that nothing of it arrived or the
/// method is safe (RFC 9110, 9.2.1). It MUST NOT follow redirects. It MUST be usable from many
/// tasks at once.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request whose URI is a path with a query.
    ///
    /// # Errors
    /// There is no answer; see [`TransportError`].
    async fn send(&self, request: Request<Bytes>)
    -> Result<Response<IncomingBody>, TransportError>;

    /// The other side, for messages: an address, or a folder.
    fn place(&self) -> &str;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransportError {
    /// Nothing listens at the address.
    #[error("no server answers at {place}")]
    Refused {
        /// The address that was tried.
        place: String,
    },
    /// The name can't be resolved, or the host can't be reached.
    #[error("{place} can't be reached: {cause}")]
    Unreachable {
        /// The address that was tried.
        place: String,
        /// The system's error.
        cause: String,
    },
    /// It is there, and TLS with it can't begin: its certificate isn't to be trusted, for one.
    #[error("{place} can't be trusted: {fault}")]
    Tls {
        /// The address that was tried.
        place: String,
        /// What is wrong.
        fault: TlsFault,
    },
    /// It speaks TLS where the address says http, or the other way round.
    #[error("{place} doesn't speak the protocol that its address says; try {other}")]
    OtherScheme {
        /// The address that was tried.
        place: String,
        /// The address that may be right.
        other: String,
    },
    /// It took too long.
    #[error("{place} did not answer within {} s", .after.as_secs())]
    Timeout {
        /// The address that was tried.
        place: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The connection broke before the answer was complete. It isn't known whether the request took effect.
    #[error("the connection to {place} broke before the answer was complete: {cause}")]
    Broken {
        /// The address that was tried.
        place: String,
        /// The cause.
        cause: String,
    },
    /// The answer exceeds the limit.
    #[error("the answer of {place} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        place: String,
        /// The limit in bytes.
        limit: usize,
    },
}

impl TransportError {
    /// Whether the request certainly had no effect.
    #[must_use]
    pub const fn has_no_side_effects(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::Tls { .. }
                | Self::OtherScheme { .. }
        )
    }
}

/// Reads a whole body.
///
/// # Errors
/// The body broke off, exceeded the limit (in bytes), or paused for longer than `pause_max`.
pub async fn read_to_end(
    mut body: IncomingBody,
    limit: usize,
    pause_max: Duration,
    place: &str,
) -> Result<Bytes, TransportError> {
    let mut read = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(pause_max, body.frame())
            .await
            .map_err(|_| TransportError::Timeout { place: place.to_owned(), after: pause_max })?;
        let Some(frame) = frame.transpose()? else { return Ok(read.freeze()) };
        if let Ok(bytes) = frame.into_data() {
            if read.len() + bytes.len() > limit {
                return Err(TransportError::TooLarge { place: place.to_owned(), limit });
            }
            read.extend_from_slice(&bytes);
        }
    }
}
