//! Deliveries to one target that run at once and are sent in one request: the first of them waits a
//! while for others. Each gets its own outcome.

mod halves;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap, future::poll_fn, hash::Hash, pin::pin, sync::Arc, task::Poll,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

pub(crate) use self::halves::Halves;
use crate::{
    decision::{Tried, TryFailure, TryOutcome},
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
#[derive(Clone)]
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
    /// How many records there were.
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
    /// Which one it is.
    number: u64,
    record: R,
    bytes: usize,
    outcome: oneshot::Sender<Told>,
}

/// What somebody who waits for a batch is told.
enum Told {
    /// How the try ended.
    Tried(Tried),
    /// The request was cut off with one of its deliveries: the record goes into another batch.
    Anew,
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
    R: Clone + Send + 'static,
{
    /// Sends a record together with others to the same place, by the function of the first one.
    ///
    /// Whoever waits for others goes out of the batch when `leave` ends. If a delivery ends whose
    /// record is under way, the whole request is cut off: it would go on with what nobody wants any
    /// more, maybe behind newer changes. The others are put together anew.
    pub async fn deliver<S, F>(
        &self,
        batching: Batching,
        record: BatchRecord<P, R>,
        leave: impl Future<Output = ()>,
        send: S,
    ) -> Tried
    where
        S: Fn(Vec<R>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Vec<TryOutcome>> + Send + 'static,
    {
        // What becomes of a record of which nobody says anything.
        let lost = || Tried::from(TryOutcome::Failed(TryFailure::Broken));
        let withdrawn = || Tried::from(TryOutcome::Failed(TryFailure::Withdrawn));
        if batching.size <= 1 {
            return send(vec![record.record]).await.pop().map_or_else(lost, Tried::from);
        }
        let mut leave = pin!(leave);
        loop {
            let (teller, mut told) = oneshot::channel();
            let (number, begun) = self.add(batching.size, record.clone(), teller);
            if let Some(begun) = begun {
                tokio::spawn(send_batch(begun, batching.flush_interval, send.clone()));
            }
            let (told, is_leaving) = tokio::select! {
                biased;
                told = &mut told => (told, false),
                () = &mut leave => match self.take_out(&record.place, number) {
                    true => return withdrawn(),
                    false => (told.await, true),
                },
            };
            match told {
                Ok(Told::Tried(tried)) => return tried,
                Ok(Told::Anew) if is_leaving => return withdrawn(),
                Ok(Told::Anew) => {}
                Err(_) => return lost(),
            }
        }
    }

    /// Adds a record to the batch of its place. Its number, and the batch if the record begins one.
    fn add(
        &self,
        size: usize,
        added: BatchRecord<P, R>,
        outcome: oneshot::Sender<Told>,
    ) -> (u64, Option<Begun<P, R>>) {
        let BatchRecord { place, record, bytes, bytes_max } = added;
        let mut open = self.open.lock();
        open.count += 1;
        let number = open.count;
        let waiting = Waiting { number, record, bytes, outcome };
        let there = open.by_place.get_mut(&place);
        if let Some(batch) = there.filter(|batch| batch.bytes.saturating_add(bytes) <= bytes_max) {
            batch.bytes += bytes;
            batch.records.push(waiting);
            if batch.records.len() >= size {
                open.close(&place);
            }
            return (number, None);
        }
        // One that has no room for it goes at once.
        open.close(&place);
        let (sender, closed) = oneshot::channel();
        let batch = OpenBatch { number, records: vec![waiting], bytes, sender };
        open.by_place.insert(place.clone(), batch);
        (number, Some(Begun { open: self.open.clone(), place, number, closed }))
    }

    /// Takes a record out of the batch that it waits in. Whether it was there: if not, it is sent.
    fn take_out(&self, place: &P, number: u64) -> bool {
        let mut open = self.open.lock();
        let Some(batch) = open.by_place.get_mut(place) else { return false };
        let Some(index) = batch.records.iter().position(|one| one.number == number) else {
            return false;
        };
        batch.bytes -= batch.records.remove(index).bytes;
        if batch.records.is_empty() {
            open.by_place.remove(place);
        }
        true
    }
}

/// Sends the records of a batch when it is full or its time is over, and tells what became of them.
async fn send_batch<P, R, S, F>(begun: Begun<P, R>, flush_interval: Duration, send: S)
where
    P: Eq + Hash,
    S: Fn(Vec<R>) -> F,
    F: Future<Output = Vec<TryOutcome>>,
{
    let mut waiting = begun.records(flush_interval).await;
    // Whoever was cut off begins again, and an old record must not come behind that.
    waiting.retain(|one| !one.outcome.is_closed());
    if waiting.is_empty() {
        return;
    }
    let (records, mut tellers): (Vec<R>, Vec<_>) =
        waiting.into_iter().map(|one| (one.record, one.outcome)).unzip();
    let sent = tokio::select! {
        biased;
        outcomes = send(records) => Some(outcomes),
        () = any_closed(&mut tellers) => None,
    };
    match sent {
        Some(outcomes) => tell(tellers, outcomes),
        None => {
            for teller in tellers {
                // Whoever has ended needs to know nothing.
                let _ = teller.send(Told::Anew);
            }
        }
    }
}

/// Waits until one of those ends who wait for an outcome.
async fn any_closed(tellers: &mut [oneshot::Sender<Told>]) {
    poll_fn(|context| {
        let is_closed = tellers.iter_mut().any(|teller| teller.poll_closed(context).is_ready());
        if is_closed { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Tells the outcomes of a request. It was one, so one of them says whether it counts as a failure.
fn tell(tellers: Vec<oneshot::Sender<Told>>, outcomes: Vec<TryOutcome>) {
    let is_failure = !outcomes.contains(&TryOutcome::Taken)
        && outcomes.iter().any(TryOutcome::counts_for_breaker);
    let mut is_failure = Some(is_failure);
    for (teller, outcome) in tellers.into_iter().zip(outcomes) {
        let tried = Tried { outcome, is_failure };
        // Whoever has ended meanwhile needs no outcome.
        if teller.send(Told::Tried(tried)).is_ok() {
            is_failure = None;
        }
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
