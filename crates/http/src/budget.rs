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
use http_body::{Frame, SizeHint};

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

/// The body of a large response, with its share of the budget.
pub(crate) struct BudgetedBody {
    pub body: Body,
    pub held: Arc<BudgetShare>,
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
