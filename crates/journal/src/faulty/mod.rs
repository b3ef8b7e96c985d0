//! A ledger that is worse than reality: what a store behind a network, a full disk or a dying
//! process can do to a writer, driven by a schedule that the test gives.
//!
//! # How to drive it
//! Each append takes the next [`AppendFault`] of its schedule, each read the next [`ReadFault`] of
//! another; a schedule that has ended lets everything through. Schedules are lists written by
//! hand, or follow from a seed: nothing here is random of itself, so a failure's seed repeats it.
//!
//! ```
//! use std::sync::Arc;
//! use muster_journal::{
//!     Ledger, MemoryLedger,
//!     faulty::{AppendFault, FaultWeights, FaultyLedger, LateLanding},
//! };
//!
//! let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
//! // By hand: the first append's answer is lost and it lands while it is being repeated.
//! let script = [AppendFault::Doubt(LateLanding::After(1)), AppendFault::Pass];
//! let by_hand = FaultyLedger::new(Arc::clone(&below), script);
//! // From a seed; `with_rival` makes another writer's batches, `with_reads` fails reads too.
//! let by_seed = FaultyLedger::new(Arc::clone(&below), AppendFault::from_seed(7, FaultWeights::default()));
//! ```
//!
//! It keeps the port's contracts, hard as that makes it: where an append is in doubt, its repeat
//! is never answered as if nothing could be there (`Unavailable`, `Full` and `TooLarge` become
//! `InDoubt` until the repeat is answered `Ok` or `Moved`); a late append is compared with the
//! head that it finds; and a handle that crashed answers `InDoubt` to every append, because it
//! can't know. To restart after a crash, put a new [`FaultyLedger`] over what is below;
//! [`FaultyLedger::land_late`] of the old one still lets the appends on their way arrive.

mod fault;

use std::{
    fmt,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};
use thiserror::Error;
use tokio::sync::watch;

pub use self::fault::{AppendFault, FaultWeights, LateLanding, ReadFault};
use crate::{AppendError, Batch, Cause, Ledger, LedgerReader, ReadError};

/// Makes the batch that another writer appends after a head.
pub type Rival = Box<dyn FnMut(Head) -> Batch + Send>;

/// A ledger with faults on top of one without.
pub struct FaultyLedger {
    inner: Arc<dyn Ledger>,
    state: Mutex<State>,
    /// Set after a crash, so that waiting calls end.
    is_dead: watch::Sender<bool>,
}

/// The cause of an injected error; a real store has its own error here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InjectedCause {
    /// The store is out of reach.
    #[error("the faulty ledger was told to be out of reach")]
    OutOfReach,
    /// The answer was lost.
    #[error("the faulty ledger was told to lose the answer")]
    AnswerLost,
    /// The handle died.
    #[error("the faulty ledger was told to die")]
    Dead,
}

struct State {
    faults: Box<dyn Iterator<Item = AppendFault> + Send>,
    reads: Box<dyn Iterator<Item = ReadFault> + Send>,
    rival: Option<Rival>,
    /// Appends on their way, in the order in which they were sent.
    late: Vec<Late>,
    /// The append whose result its caller doesn't know.
    in_doubt: Option<Append>,
}

#[derive(Clone, PartialEq, Eq)]
struct Append {
    head: Head,
    batch: Batch,
}

struct Late {
    append: Append,
    /// The number of operations it still waits for; none means until the test says so.
    operations: Option<u32>,
}

impl FaultyLedger {
    /// Adds faults to a ledger, one for each append, in order.
    pub fn new<S>(inner: Arc<dyn Ledger>, faults: S) -> Self
    where
        S: IntoIterator<Item = AppendFault>,
        S::IntoIter: Send + 'static,
    {
        let state = State {
            faults: Box::new(faults.into_iter()),
            reads: Box::new(std::iter::empty()),
            rival: None,
            late: Vec::new(),
            in_doubt: None,
        };
        Self { inner, state: Mutex::new(state), is_dead: watch::Sender::new(false) }
    }

    /// Adds faults to reads as well, one for each, in order.
    #[must_use]
    pub fn with_reads<S>(self, faults: S) -> Self
    where
        S: IntoIterator<Item = ReadFault>,
        S::IntoIter: Send + 'static,
    {
        self.state().reads = Box::new(faults.into_iter());
        self
    }

    /// Sets the other writer for [`AppendFault::Overtaken`]: given the head, it returns the batch to
    /// append. A registry will read it, so its entries must be valid.
    #[must_use]
    pub fn with_rival(self, rival: impl FnMut(Head) -> Batch + Send + 'static) -> Self {
        self.state().rival = Some(Box::new(rival));
        self
    }

    /// Lets every append arrive that is still on its way, in the order of sending. Returns how many
    /// were written; the others found another head.
    pub async fn land_late(&self) -> usize {
        let late = std::mem::take(&mut self.state().late);
        self.land(late.into_iter().map(|late| late.append)).await
    }

    /// The number of appends on their way.
    pub fn late(&self) -> usize {
        self.state().late.len()
    }

    /// Whether a crash has happened.
    pub fn is_dead(&self) -> bool {
        *self.is_dead.borrow()
    }

    async fn land(&self, appends: impl Iterator<Item = Append>) -> usize {
        let mut landed = 0;
        for Append { head, batch } in appends {
            if self.inner.append(head, &batch).await.is_ok() {
                landed += 1;
            }
        }
        landed
    }

    /// Counts an operation, and writes the appends that waited for it.
    async fn begin(&self) {
        let due = self.state().take_due();
        self.land(due.into_iter()).await;
    }

    async fn before_a_read(&self) -> Result<(), ReadError> {
        self.begin().await;
        let fault = self.state().reads.next().unwrap_or(ReadFault::Pass);
        match fault {
            _ if self.is_dead() => Err(unreadable(InjectedCause::Dead)),
            ReadFault::Unavailable => Err(unreadable(InjectedCause::OutOfReach)),
            ReadFault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
            ReadFault::Pass => Ok(()),
        }
    }

    /// Appends another writer's batch, if there is one.
    async fn overtake(&self) {
        let Ok(head) = self.inner.head().await else { return };
        let batch = self.state().rival.as_mut().map(|rival| rival(head));
        if let Some(batch) = batch {
            self.land(std::iter::once(Append { head, batch })).await;
        }
    }

    /// Sends an append whose answer is lost.
    async fn send(&self, append: Append, landing: LateLanding) {
        self.state().in_doubt = Some(append.clone());
        let operations = match landing {
            LateLanding::Never => return,
            LateLanding::AtOnce | LateLanding::After(0) => {
                self.land(std::iter::once(append)).await;
                return;
            }
            LateLanding::After(operations) => Some(operations),
            LateLanding::WhenTold => None,
        };
        self.state().late.push(Late { append, operations });
    }

    /// The error; or `InDoubt` if the same append is in doubt.
    fn refuse(&self, append: &Append, error: AppendError) -> AppendError {
        if self.state().in_doubt.as_ref() == Some(append) { lost() } else { error }
    }

    async fn pass(&self, append: &Append) -> Result<Head, AppendError> {
        let answer = self.inner.append(append.head, &append.batch).await;
        let mut state = self.state();
        if state.in_doubt.as_ref() == Some(append) {
            match answer {
                Ok(_) | Err(AppendError::Moved(_)) => state.in_doubt = None,
                Err(AppendError::InDoubt(_)) => {}
                // The ledger below doesn't know about appends on their way.
                Err(_) => return Err(lost()),
            }
        }
        answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_due(&mut self) -> Vec<Append> {
        let mut due = Vec::new();
        self.late.retain_mut(|late| {
            if let Some(operations) = &mut late.operations {
                *operations = operations.saturating_sub(1);
            }
            let is_due = late.operations == Some(0);
            if is_due {
                due.push(late.append.clone());
            }
            !is_due
        });
        due
    }
}

fn lost() -> AppendError {
    AppendError::InDoubt(Arc::new(InjectedCause::AnswerLost) as Cause)
}

fn unreadable(injected: InjectedCause) -> ReadError {
    ReadError::Unavailable(Arc::new(injected) as Cause)
}

#[async_trait]
impl LedgerReader for FaultyLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.before_a_read().await?;
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.before_a_read().await?;
        self.inner.read(after, limit).await
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.before_a_read().await?;
        self.inner.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        self.before_a_read().await?;
        self.inner.contents(wanted).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        let mut is_dead = self.is_dead.subscribe();
        tokio::select! {
            biased;
            _ = is_dead.wait_for(|is_dead| *is_dead) => Err(unreadable(InjectedCause::Dead)),
            answer = self.inner.moved(position) => answer,
        }
    }
}

#[async_trait]
impl Ledger for FaultyLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.begin().await;
        let append = Append { head, batch: batch.clone() };
        if self.is_dead() {
            return Err(AppendError::InDoubt(Arc::new(InjectedCause::Dead) as Cause));
        }
        let fault = self.state().faults.next().unwrap_or(AppendFault::Pass);
        match fault {
            AppendFault::Pass => self.pass(&append).await,
            AppendFault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                self.pass(&append).await
            }
            AppendFault::Unavailable => {
                let out_of_reach = Arc::new(InjectedCause::OutOfReach) as Cause;
                Err(self.refuse(&append, AppendError::Unavailable(out_of_reach)))
            }
            AppendFault::Full => Err(self.refuse(&append, AppendError::Full)),
            AppendFault::TooLarge => Err(self.refuse(&append, AppendError::TooLarge)),
            AppendFault::Overtaken => {
                self.overtake().await;
                self.pass(&append).await
            }
            AppendFault::Doubt(landing) => {
                self.send(append, landing).await;
                Err(lost())
            }
            AppendFault::Crash(landing) => {
                self.is_dead.send_replace(true);
                self.send(append, landing).await;
                Err(AppendError::InDoubt(Arc::new(InjectedCause::Dead) as Cause))
            }
        }
    }
}

impl fmt::Debug for FaultyLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (late, is_dead) = (self.late(), self.is_dead());
        f.debug_struct("Faulty").field("late", &late).field("is_dead", &is_dead).finish()
    }
}
