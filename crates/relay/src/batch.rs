//! Deliveries to one target that run at once and are sent in one request: the first of them waits a
//! while for others. Each gets its own outcome.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    decision::{TryFailure, TryOutcome},
    receiver::Receiver,
};

/// How deliveries to a target are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The most deliveries in a request; one: each has a request of its own.
    pub size: usize,
    /// How long the first of them waits for others.
    pub flush_interval: Duration,
}

impl Batching {
    /// A delivery that goes alone.
    pub const ALONE: Self = Self { size: 1, flush_interval: Duration::ZERO };
}

/// What deliveries to one target have in common, as its document is now: where it is in memory. Whoever
/// sends a batch keeps it there meanwhile.
pub(crate) fn place_of(receiver: &Arc<Receiver>) -> usize {
    Arc::as_ptr(receiver).addr()
}

/// What is known of a record that may be sent with others.
pub(crate) struct BatchRecord<P, R> {
    /// What records must have in common that are sent together.
    pub place: P,
    /// The record.
    pub record: R,
    /// Its size as the service counts it.
    pub bytes: usize,
    /// The most bytes in a request.
    pub bytes_max: usize,
}

/// The batches that wait for more records.
pub(crate) struct Batches<P, R> {
    open: Arc<Mutex<OpenBatches<P, R>>>,
}

struct OpenBatches<P, R> {
    by_place: HashMap<P, OpenBatch<R>>,
    /// How many there were.
    count: u64,
}

struct OpenBatch<R> {
    /// Which one it is.
    number: u64,
    records: Vec<Waiting<R>>,
    bytes: usize,
    /// Whoever sends them, if that is before their time.
    sender: oneshot::Sender<Vec<Waiting<R>>>,
}

/// A record, and whom its outcome is told to.
struct Waiting<R> {
    record: R,
    outcome: oneshot::Sender<TryOutcome>,
}

impl<P, R> Default for Batches<P, R> {
    fn default() -> Self {
        let open = OpenBatches { by_place: HashMap::new(), count: 0 };
        Self { open: Arc::new(Mutex::new(open)) }
    }
}

/// A batch that was begun, for whoever sends it.
struct Begun<P, R> {
    open: Arc<Mutex<OpenBatches<P, R>>>,
    place: P,
    number: u64,
    closed: oneshot::Receiver<Vec<Waiting<R>>>,
}

impl<P, R> Batches<P, R>
where
    P: Clone + Eq + Hash + Send + 'static,
    R: Send + 'static,
{
    /// Sends a record together with others to the same place, by the function of the first one. A
    /// request goes on if one of those that wait for it ends.
    pub async fn deliver<S, F>(
        &self,
        batching: Batching,
        record: BatchRecord<P, R>,
        send: S,
    ) -> TryOutcome
    where
        S: FnOnce(Vec<R>) -> F + Send + 'static,
        F: Future<Output = Vec<TryOutcome>> + Send + 'static,
    {
        // What becomes of a record of which nobody says anything.
        let lost = TryOutcome::Failed(TryFailure::Broken);
        if batching.size <= 1 {
            return send(vec![record.record]).await.pop().unwrap_or(lost);
        }
        let (teller, told) = oneshot::channel();
        if let Some(begun) = self.add(batching.size, record, teller) {
            tokio::spawn(async move {
                let mut waiting = begun.records(batching.flush_interval).await;
                // Whoever was cut off begins again, and an old record must not come behind that.
                waiting.retain(|one| !one.outcome.is_closed());
                if waiting.is_empty() {
                    return;
                }
                let (records, tellers): (Vec<R>, Vec<_>) =
                    waiting.into_iter().map(|one| (one.record, one.outcome)).unzip();
                for (teller, outcome) in tellers.into_iter().zip(send(records).await) {
                    // Whoever has ended meanwhile needs no outcome.
                    let _ = teller.send(outcome);
                }
            });
        }
        told.await.unwrap_or(lost)
    }

    /// Adds a record to the batch of its place. The batch, if the record begins one.
    fn add(
        &self,
        size: usize,
        added: BatchRecord<P, R>,
        outcome: oneshot::Sender<TryOutcome>,
    ) -> Option<Begun<P, R>> {
        let BatchRecord { place, record, bytes, bytes_max } = added;
        let waiting = Waiting { record, outcome };
        let mut open = self.open.lock();
        let there = open.by_place.get_mut(&place);
        if let Some(batch) = there.filter(|batch| batch.bytes.saturating_add(bytes) <= bytes_max) {
            batch.bytes += bytes;
            batch.records.push(waiting);
            if batch.records.len() >= size {
                open.close(&place);
            }
            return None;
        }
        // One that has no room for it goes at once.
        open.close(&place);
        open.count += 1;
        let (number, (sender, closed)) = (open.count, oneshot::channel());
        let batch = OpenBatch { number, records: vec![waiting], bytes, sender };
        open.by_place.insert(place.clone(), batch);
        Some(Begun { open: self.open.clone(), place, number, closed })
    }
}

impl<P: Eq + Hash, R> OpenBatches<P, R> {
    /// Lets a batch go, if there is one.
    fn close(&mut self, place: &P) {
        if let Some(batch) = self.by_place.remove(place) {
            // Nobody waits only while the runtime ends.
            let _ = batch.sender.send(batch.records);
        }
    }
}

impl<P: Eq + Hash, R> Begun<P, R> {
    /// The records, when the batch is full or its time is over.
    async fn records(mut self, flush_interval: Duration) -> Vec<Waiting<R>> {
        if let Ok(closed) = timeout(flush_interval, &mut self.closed).await {
            return closed.unwrap_or_default();
        }
        let left = {
            let mut open = self.open.lock();
            let is_own = |batch: &OpenBatch<R>| batch.number == self.number;
            let is_open = open.by_place.get(&self.place).is_some_and(is_own);
            if is_open { open.by_place.remove(&self.place) } else { None }
        };
        match left {
            Some(batch) => batch.records,
            // It was closed just now.
            None => self.closed.await.unwrap_or_default(),
        }
    }
}
