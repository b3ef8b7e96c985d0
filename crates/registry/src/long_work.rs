use std::{future::Future, num::NonZeroUsize};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Semaphore, SemaphorePermit},
};

tokio::task_local! {
    /// Set while work runs that has its turn: what it does itself needs no other.
    static HAS_TURN: ();
}

/// Work of one sort that takes a processor for long: large bodies and costly schemas, or filters
/// of large collections.
///
/// On a thread of the runtime it would hold up everything else that the thread does, so it gets a
/// thread of its own; and no more of it runs at once than there are processors, so that what is
/// short shares them with few.
#[derive(Debug)]
pub struct LongWork {
    turns: Semaphore,
}

/// The right to run one piece of long work; given back when it has run, or is dropped.
#[derive(Debug)]
pub struct LongWorkPermit<'a> {
    /// None: nobody closes the turns, so this can't be; if it were, the work would run all the same.
    _permit: Option<SemaphorePermit<'a>>,
}

impl Default for LongWork {
    /// As many at once as there are processors.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(processors)
    }
}

impl LongWork {
    /// So many at once.
    #[must_use]
    pub fn of(at_once: usize) -> Self {
        Self { turns: Semaphore::new(at_once) }
    }

    /// Whether all turns are taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.turns.available_permits() == 0
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> LongWorkPermit<'_> {
        LongWorkPermit { _permit: self.turns.acquire().await.ok() }
    }

    /// Runs it when its turn comes; at once where it is part of work that has one.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        if HAS_TURN.try_with(|()| ()).is_ok() {
            return work.await;
        }
        self.turn().await.run(work).await
    }
}

impl LongWorkPermit<'_> {
    /// Runs it on a thread of its own.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        let work = HAS_TURN.scope((), work);
        let runtime = Handle::current();
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            // There is no other thread that could go on: a command line's own runtime, or a test's.
            return work.await;
        }
        // The runtime's other work moves to another thread, and this one is the work's alone.
        tokio::task::block_in_place(|| runtime.block_on(work))
    }
}
