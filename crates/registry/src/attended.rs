//! Work that ends when its caller leaves.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use muster_schema::{StopSign, Stopped, stoppable};
use tokio::sync::Notify;

/// How long the documents of one command may be judged at a stretch. Whoever waits longer has
/// usually left, and a turn must not be held for ever.
pub const JUDGING_TIME_MAX: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Whether the caller of this task's work has left.
    static HAS_LEFT: Arc<AtomicBool>;
}

/// The caller, who has left when this is dropped.
struct Presence {
    has_left: Arc<AtomicBool>,
    leaving: Arc<Notify>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.has_left.store(true, Ordering::Relaxed);
        self.leaving.notify_one();
    }
}

impl Presence {
    fn new() -> Self {
        Self { has_left: Arc::default(), leaving: Arc::default() }
    }

    /// The work, which can ask whether the caller has left.
    fn over<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        HAS_LEFT.scope(Arc::clone(&self.has_left), work)
    }
}

/// Runs work in a task of its own, to its end even when the caller leaves. Only what counts its
/// steps is stopped then; see `stop_sign`. None if the work panics.
pub async fn attended<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let presence = Presence::new();
    tokio::spawn(presence.over(work)).await.ok()
}

/// Runs work that changes nothing in a task of its own. When the caller leaves, it is dropped as
/// soon as it waits for anything, such as its turn, and stopped where it counts its steps. None if
/// the work panics.
pub async fn attended_read<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let presence = Presence::new();
    let leaving = Arc::clone(&presence.leaving);
    let work = presence.over(work);
    let task = tokio::spawn(async move {
        tokio::select! {
            done = work => Some(done),
            () = leaving.notified() => None,
        }
    });
    task.await.ok().flatten()
}

/// Runs work that counts its steps, and stops it when the caller of this task has left, or when it is
/// late.
///
/// # Errors
/// The work was stopped.
pub fn stoppable_read<T>(until: Instant, work: impl FnOnce() -> T) -> Result<T, Stopped> {
    stoppable(&stop_sign_at(until), work)
}

/// Says stop when the caller has left, or after [`JUDGING_TIME_MAX`].
pub(crate) fn stop_sign() -> StopSign {
    stop_sign_at(Instant::now() + JUDGING_TIME_MAX)
}

fn stop_sign_at(until: Instant) -> StopSign {
    let has_left = HAS_LEFT.try_with(Arc::clone).unwrap_or_default();
    Arc::new(move || has_left.load(Ordering::Relaxed) || Instant::now() >= until)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_changes_something_goes_on_when_its_caller_leaves() {
        let (release, released) = oneshot::channel::<()>();
        let (begun, wait) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let caller = tokio::spawn(attended(async move {
            let _ = begun.send(());
            let _ = end.send(released.await.is_ok());
        }));
        assert!(wait.await.is_ok());
        caller.abort();
        assert!(caller.await.is_err());
        assert!(release.send(()).is_ok(), "it still waits");
        assert_eq!(ended.await, Ok(true));
    }

    #[tokio::test]
    async fn drops_a_read_that_waits_when_its_caller_leaves() {
        let (kept, dropped) = oneshot::channel::<()>();
        let (begun, wait) = oneshot::channel();
        let caller = tokio::spawn(attended_read(async move {
            let _ = begun.send(());
            std::future::pending::<()>().await;
            drop(kept);
        }));
        assert!(wait.await.is_ok());
        caller.abort();
        assert!(dropped.await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tells_the_work_that_its_caller_has_left() {
        let (begun, wait) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let caller = tokio::spawn(attended(async move {
            let sign = stop_sign();
            let before = sign();
            let _ = begun.send(());
            // It waits for nothing, like what keeps a processor busy.
            while !sign() {
                std::hint::spin_loop();
            }
            let _ = end.send(before);
        }));
        assert!(wait.await.is_ok());
        caller.abort();
        assert_eq!(ended.await, Ok(false));
        assert_eq!(attended(async { stop_sign()() }).await, Some(false));
    }
}
