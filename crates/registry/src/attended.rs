//! Work that ends when its caller leaves.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use muster_schema::StopSign;
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

/// Runs work in a task of its own, so that it can come to its end when the caller leaves: what waits
/// is dropped then, and what counts its steps is stopped; see `stop_sign`. None if the work panics.
pub async fn attended<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let presence = Presence { has_left: Arc::default(), leaving: Arc::default() };
    let leaving = Arc::clone(&presence.leaving);
    let work = HAS_LEFT.scope(Arc::clone(&presence.has_left), work);
    let task = tokio::spawn(async move {
        tokio::select! {
            done = work => Some(done),
            () = leaving.notified() => None,
        }
    });
    let done = task.await.ok().flatten();
    drop(presence);
    done
}

/// Says stop when the caller has left, or after [`JUDGING_TIME_MAX`].
pub(crate) fn stop_sign() -> StopSign {
    let has_left = HAS_LEFT.try_with(Arc::clone).unwrap_or_default();
    let until = Instant::now() + JUDGING_TIME_MAX;
    Arc::new(move || has_left.load(Ordering::Relaxed) || Instant::now() >= until)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn drops_work_that_waits_when_its_caller_leaves() {
        let (kept, dropped) = oneshot::channel::<()>();
        let (begun, wait) = oneshot::channel();
        let caller = tokio::spawn(attended(async move {
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
