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

/// How long the documents of one command may be judged at a stretch. Whoever waits longer has
/// usually left, and a turn must not be held for ever.
pub const JUDGING_TIME_MAX: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// Whether the caller of this task's work has left.
    static HAS_LEFT: Arc<AtomicBool>;
}

/// The caller, who has left when this is dropped.
struct Presence(Arc<AtomicBool>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs work in a task of its own, so that it can come to its end when the caller leaves. What
/// counts its steps is stopped then; see [`stop_sign`]. None if the work panics.
pub async fn attended<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let presence = Presence(Arc::default());
    let task = tokio::spawn(HAS_LEFT.scope(Arc::clone(&presence.0), work));
    let done = task.await.ok();
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
    async fn tells_the_work_that_its_caller_has_left() {
        let (begun, wait) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let caller = tokio::spawn(attended(async move {
            let sign = stop_sign();
            let before = sign();
            let _ = begun.send(());
            while !sign() {
                tokio::task::yield_now().await;
            }
            let _ = end.send(before);
        }));
        assert!(wait.await.is_ok());
        caller.abort();
        assert_eq!(ended.await, Ok(false));
        assert_eq!(attended(async { stop_sign()() }).await, Some(false));
    }
}
