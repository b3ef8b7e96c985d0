use std::{sync::atomic::Ordering, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{ProviderEventKind, ProviderRegistry, ProviderStatus, lifecycle::lifecycle_of};

/// The part of the budget in which calls may end; the rest is for disposing.
const DRAIN_PERCENT: u32 = 80;

/// What a shutdown achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Providers that let go in time.
    pub disposed: usize,
    /// Providers whose calls were cut off.
    pub cut_off: Vec<String>,
    /// Providers that didn't let go.
    pub hanging: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl ProviderRegistry {
    /// Ends everything in parallel within one budget: no new providers and calls, no probes; calls
    /// in flight may end; then all providers are disposed. A provider may have a smaller budget of
    /// its own (`gracefulShutdownTimeout`). Reports who didn't let go.
    pub async fn graceful_shutdown(&self, budget: Duration) -> ShutdownReport {
        let begun = Instant::now();
        self.inner.is_stopping.store(true, Ordering::Release);
        let all = self.get_providers();
        let mut running = JoinSet::new();
        for live in all {
            self.remove(live.name.as_str());
            let was_disposed = live.status() == ProviderStatus::Disposed;
            live.state.lock().life += 1;
            live.set_status(ProviderStatus::Disposed);
            live.stop_monitor();
            let registry = self.clone();
            let limit = budget.min(lifecycle_of(&live).graceful_shutdown_timeout);
            running.spawn(async move {
                let is_drained = timeout(limit / 100 * DRAIN_PERCENT, live.drained()).await.is_ok();
                let left = limit.saturating_sub(begun.elapsed());
                let is_disposed =
                    was_disposed || timeout(left, live.provider().dispose()).await.is_ok();
                registry.drop_model_breakers(&live);
                if std::mem::take(&mut live.state.lock().is_told) {
                    registry.tell(ProviderEventKind::Unregistered, &live.name, &[]);
                }
                (live.name.to_string(), is_drained, is_disposed)
            });
        }
        let mut report = ShutdownReport::default();
        while let Some(done) = running.join_next().await {
            let Ok((name, is_drained, is_disposed)) = done else { continue };
            report.disposed += usize::from(is_disposed);
            if !is_drained {
                report.cut_off.push(name.clone());
            }
            if !is_disposed {
                report.hanging.push(name);
            }
        }
        report.cut_off.sort();
        report.hanging.sort();
        report.took = begun.elapsed();
        report
    }
}
