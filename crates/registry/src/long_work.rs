use std::{future::Future, num::NonZeroUsize};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Semaphore, SemaphorePermit},
};

tokio::task_local! {
    /// Set while work runs that already has a turn, so that nested work needs no second one.
    static HAS_TURN: ();
}

/// The size of a body that can be read and checked in about a millisecond, unless its schema is
/// costly. A larger one waits for a turn of long work.
pub const SHORT_BYTES_MAX: usize = 64 * 1024;

/// Limits work that uses a processor for long: large bodies and costly schemas, or filters of large
/// collections.
///
/// Such work would block everything else on a thread of the runtime, so it gets its own thread. No
/// more of it runs at once than there are processors, so that short work still gets its share.
#[derive(Debug)]
pub struct LongWork {
    turns: Semaphore,
}

/// The right to run one piece of long work. It ends when the value is dropped.
#[derive(Debug)]
pub struct LongWorkPermit<'a> {
    /// None can't happen, because the semaphore is never closed; the work would run all the same.
    _permit: Option<SemaphorePermit<'a>>,
}

impl Default for LongWork {
    /// As many turns as there are processors.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(processors)
    }
}

impl LongWork {
    /// This many turns.
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

    /// A turn, if one is free.
    #[must_use]
    pub fn try_turn(&self) -> Option<LongWorkPermit<'_>> {
        Some(LongWorkPermit { _permit: Some(self.turns.try_acquire().ok()?) })
    }

    /// Whether this is part of work that has a turn.
    #[must_use]
    pub fn is_running() -> bool {
        HAS_TURN.try_with(|()| ()).is_ok()
    }

    /// Runs the work when a turn is free; at once if it is part of work that has one.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        if Self::is_running() {
            return work.await;
        }
        self.turn().await.run(work).await
    }
}

impl LongWorkPermit<'_> {
    /// Runs the work on a thread of its own.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> T {
        let work = HAS_TURN.scope((), work);
        let runtime = Handle::current();
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            // A single-threaded runtime (of the command line or a test) has no other thread.
            return work.await;
        }
        // The runtime moves its other tasks to another thread; this one runs only the work.
        tokio::task::block_in_place(|| runtime.block_on(work))
    }
}
