//! How much memory bodies may hold together: those that come in, and those that nobody has taken.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use crate::{Body, BodyFault};

/// How much memory the bodies of all requests hold, from their first byte until the answer.
#[derive(Debug)]
pub struct BodyBudget {
    held: AtomicUsize,
    max: usize,
}

impl BodyBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), max })
    }

    /// Bytes held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

/// What one request takes of the budget; given back when the request is over.
pub(crate) struct BudgetShare {
    budget: Arc<BodyBudget>,
    bytes: AtomicUsize,
}

impl BudgetShare {
    pub(crate) fn none(budget: &Arc<BodyBudget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(0) })
    }

    pub(crate) fn take(&self, bytes: usize) -> Result<(), BodyFault> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        if before + bytes > self.budget.max { Err(BodyFault::Crowded) } else { Ok(()) }
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// From this size on, a response is counted against the budget. Smaller ones of all streams of a
/// connection hold at most 2 MiB.
const WEIGHED_BYTES_MIN: usize = 16 * 1024;

/// Counts a large body against a budget until its client has received it. Answers whether the
/// budget was used up before.
pub(crate) fn weigh(body: Body, budget: &Arc<BodyBudget>) -> (Body, Result<(), BodyFault>) {
    let size = body.size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let Some(size) = size.filter(|size| *size >= WEIGHED_BYTES_MIN) else { return (body, Ok(())) };
    let held = BudgetShare::none(budget);
    let taken = held.take(size);
    (Body::Routed(axum::body::Body::new(BudgetedBody { body, held })), taken)
}

/// The body of a large response, with its share of the budget.
struct BudgetedBody {
    body: Body,
    held: Arc<BudgetShare>,
}

/// Bytes together with a value that must live as long as they do. The HTTP library keeps them until
/// they are written, after the body itself was dropped.
pub(crate) struct BytesWithOwner<K> {
    bytes: Bytes,
    _kept: K,
}

impl<K: Send + 'static> BytesWithOwner<K> {
    pub(crate) fn keeping(bytes: Bytes, kept: K) -> Bytes {
        Bytes::from_owner(Self { bytes, _kept: kept })
    }
}

impl<K> AsRef<[u8]> for BytesWithOwner<K> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl http_body::Body for BudgetedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        polled.map_ok(|frame| {
            frame.map_data(|bytes| BytesWithOwner::keeping(bytes, Arc::clone(&self.held)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn weighs_a_body_until_its_last_piece_is_written() {
        let budget = BodyBudget::new(300_000);
        for (size, expect) in [(0, 0), (16_383, 0), (16_384, 16_384), (250_000, 250_000)] {
            let (mut body, taken) = weigh(Body::from(vec![0; size]), &budget);
            assert!(taken.is_ok());
            assert_eq!(budget.held(), expect, "{size} bytes");
            let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            let bytes = frame.map(|frame| frame.unwrap().into_data().unwrap_or_default());
            drop(body);
            assert_eq!(bytes.as_ref().map_or(0, Bytes::len), size);
            assert_eq!(budget.held(), expect, "{size} bytes with the library");
            let (_second, taken) = weigh(Body::from(vec![0; 299_999]), &budget);
            assert_eq!(taken.is_err(), expect > 0, "{size}");
            drop(bytes);
            assert_eq!(budget.held(), 299_999, "{size} bytes that are written");
        }
    }
}
