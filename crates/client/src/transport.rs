use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use thiserror::Error;

/// The body of an answer, as it arrives.
pub type IncomingBody = UnsyncBoxBody<Bytes, TransportError>;

/// A way to a registry: it sends one request and gives the answer's head with a body that is read
/// as it comes.
///
/// A transport MUST send a request at most once, unless it knows that nothing of it arrived or
/// the method is safe (RFC 9110, 9.2.1); it MUST NOT follow redirects; it MUST be usable from many
/// tasks at once.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request whose URI is a path with its query.
    ///
    /// # Errors
    /// No answer came; see [`TransportError`].
    async fn send(&self, request: Request<Bytes>)
    -> Result<Response<IncomingBody>, TransportError>;

    /// What is on the other side, for messages: an address, or a folder.
    fn place(&self) -> &str;
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransportError {
    /// Nothing listens there.
    #[error("nothing answers at {place}")]
    Refused {
        /// The address that was tried.
        place: String,
    },
    /// The name has no address, or there is no way to it.
    #[error("there is no way to {place}: {cause}")]
    Unreachable {
        /// The address that was tried.
        place: String,
        /// What the system said.
        cause: String,
    },
    /// It took too long.
    #[error("{place} did not answer within {} s", .after.as_secs())]
    Timeout {
        /// The address that was tried.
        place: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection ended before the answer did. Whether the request took effect isn't known.
    #[error("the connection to {place} ended before the answer: {cause}")]
    Broken {
        /// The address that was tried.
        place: String,
        /// What went wrong.
        cause: String,
    },
    /// The answer is larger than whoever reads it allows.
    #[error("the answer of {place} is larger than {limit} bytes")]
    TooLarge {
        /// The address.
        place: String,
        /// The limit in bytes.
        limit: usize,
    },
}

impl TransportError {
    /// Whether nothing can have happened on the other side.
    #[must_use]
    pub const fn has_no_side_effects(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { .. })
    }
}

/// Reads a body to its end.
///
/// # Errors
/// The body broke off, passed the limit (in bytes), or gave nothing for `pause_max`.
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
