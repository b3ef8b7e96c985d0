use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use thiserror::Error;
use tokio::time::Instant;

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

/// In each stretch of the longest pause, a body must bring so many bytes: 4 KiB a minute is slower
/// than any network that is of use, and an answer that only drips never ends.
const STRETCH_BYTES_MIN: usize = 4 * 1024;

/// Reads a whole body.
///
/// # Errors
/// The body broke off, exceeded the limit (in bytes), paused for longer than `pause_max`, or brought
/// next to nothing for twice as long.
pub async fn read_to_end(
    mut body: IncomingBody,
    limit: usize,
    pause_max: Duration,
    place: &str,
) -> Result<Bytes, TransportError> {
    let mut read = BytesMut::new();
    let timed_out = || TransportError::Timeout { place: place.to_owned(), after: pause_max };
    let mut stretch = (Instant::now(), 0);
    loop {
        let frame = tokio::time::timeout(pause_max, body.frame()).await;
        let frame = frame.map_err(|_| timed_out())?;
        if stretch.0.elapsed() >= pause_max * 2 {
            if read.len() - stretch.1 < STRETCH_BYTES_MIN && frame.is_some() {
                return Err(timed_out());
            }
            stretch = (Instant::now(), read.len());
        }
        let Some(frame) = frame.transpose()? else { return Ok(read.freeze()) };
        if let Ok(bytes) = frame.into_data() {
            if read.len() + bytes.len() > limit {
                return Err(TransportError::TooLarge { place: place.to_owned(), limit });
            }
            read.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that gives a byte again and again, a while after the one before.
    struct Dripping(tokio::time::Interval);

    impl http_body::Body for Dripping {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, TransportError>>> {
            let drop = http_body::Frame::data(Bytes::from_static(b"."));
            self.0.poll_tick(context).map(|_| Some(Ok(drop)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ends_an_answer_that_only_drips() {
        let pause_max = Duration::from_secs(60);
        let drips = tokio::time::interval(Duration::from_secs(59));
        let began = Instant::now();
        let body = BodyExt::boxed_unsync(Dripping(drips));
        let read = read_to_end(body, 1024 * 1024, pause_max, "here").await;
        assert!(matches!(read, Err(TransportError::Timeout { .. })), "{read:?}");
        assert!(began.elapsed() < Duration::from_secs(300), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn reads_a_slow_answer_to_its_end() {
        // A kilobyte a second or so, until the limit is met.
        let drips = tokio::time::interval(Duration::from_millis(1));
        let body = BodyExt::boxed_unsync(Dripping(drips));
        let read = read_to_end(body, 600_000, Duration::from_secs(60), "here").await;
        assert!(matches!(read, Err(TransportError::TooLarge { .. })), "{read:?}");
    }
}
