use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use muster_http::health::{CheckOutcome, HealthCheck, RunCheck};
use muster_registry::{FollowerState, Followers, Registry};
use muster_relay::Engine;
use muster_wire::health::HealthStatus;
use tokio::sync::Semaphore;

use super::backups::ScheduledBackups;

/// How long the disk may take. A disk that hangs makes the server useless.
const STORAGE_TIME: Duration = Duration::from_secs(5);

/// How long what is kept in memory may take: it waits for no disk.
const CACHE_TIME: Duration = Duration::from_secs(3);

/// How long other systems may take.
const INTEGRATIONS_TIME: Duration = Duration::from_secs(10);

/// Free space on the disk below which the server is degraded, in bytes: a log of the database of
/// 256 MiB, and as much for what it is copied into.
const FREE_BYTES_MIN: u64 = 512 * 1024 * 1024;

/// The parts that a server depends on, besides the ledger's store.
pub(super) fn all(
    registry: &Registry,
    (followers, engine, backups): (
        &Arc<Followers>,
        Option<&Arc<Engine>>,
        Option<&Arc<ScheduledBackups>>,
    ),
    ledger: Option<PathBuf>,
) -> Vec<HealthCheck> {
    let check = |name, is_critical, time, run| HealthCheck { name, is_critical, time, run };
    vec![
        check("storage", true, STORAGE_TIME, storage(registry.clone(), ledger)),
        check("cache", false, CACHE_TIME, cache(registry.clone())),
        check(
            "external-integrations",
            false,
            INTEGRATIONS_TIME,
            integrations(followers.clone(), engine.cloned(), backups.cloned()),
        ),
    ]
}

fn found(status: HealthStatus, detail: impl Into<Option<String>>) -> CheckOutcome {
    CheckOutcome { status, detail: detail.into() }
}

/// Whether the ledger's file is where it was opened, and whether there is room for more.
fn storage(registry: Registry, ledger: Option<PathBuf>) -> RunCheck {
    let opened = ledger.as_deref().and_then(|file| number(file).ok());
    // A look at a disk that hangs keeps its thread, so there is one at a time.
    let one_look = Arc::new(Semaphore::new(1));
    Arc::new(move || {
        let (registry, ledger) = (registry.clone(), ledger.clone());
        let one_look = one_look.clone();
        Box::pin(async move {
            let disk = match ledger {
                None => found(HealthStatus::Healthy, "in memory".to_owned()),
                Some(ledger) => match one_look.acquire_owned().await {
                    Ok(turn) => {
                        let looking = tokio::task::spawn_blocking(move || {
                            let found = look(&ledger, opened);
                            drop(turn);
                            found
                        });
                        looking.await.unwrap_or_else(|_| found(HealthStatus::Unhealthy, None))
                    }
                    Err(_) => found(HealthStatus::Unhealthy, None),
                },
            };
            match registry.first_lost().filter(|_| disk.status == HealthStatus::Healthy) {
                None => disk,
                Some(position) => {
                    let detail = format!("a content of position {position} is missing");
                    found(HealthStatus::Degraded, detail)
                }
            }
        })
    })
}

/// Names no folders: everybody reads it.
fn look(ledger: &Path, opened: Option<(u64, u64)>) -> CheckOutcome {
    match number(ledger) {
        Ok(number) if Some(number) == opened => {}
        Ok(_) => {
            let detail = "another file has taken the place of the ledger's file".to_owned();
            return found(HealthStatus::Unhealthy, detail);
        }
        Err(error) => {
            let detail = format!("the ledger's file isn't in its place: {}", error.kind());
            return found(HealthStatus::Unhealthy, detail);
        }
    }
    let Ok(disk) = rustix::fs::statvfs(ledger) else {
        return found(HealthStatus::Unhealthy, "the disk doesn't answer".to_owned());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < FREE_BYTES_MIN {
        let detail = format!("{} MiB are free on the disk", free / (1024 * 1024));
        return found(HealthStatus::Degraded, detail);
    }
    found(HealthStatus::Healthy, None)
}

/// What tells a file from another one in the same place.
fn number(file: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether the cache of contents answers, and how full it is.
fn cache(registry: Registry) -> RunCheck {
    Arc::new(move || {
        let registry = registry.clone();
        Box::pin(async move {
            let (used, limit) = registry.cached_bytes();
            let mib = |bytes: u64| bytes / (1024 * 1024);
            let detail = format!("{} of {} MiB are used", mib(used), mib(limit));
            found(HealthStatus::Healthy, detail)
        })
    })
}

/// Says how many routes send nothing, and where their names are: a key is needed there, and none
/// here.
fn routes_that_ail(count: usize) -> Option<String> {
    let routes = if count == 1 { "1 route is" } else { &format!("{count} routes are") };
    (count > 0).then(|| format!("{routes} behind (see /propagation/sessions)"))
}

/// Whether everything that follows the ledger on behalf of other systems is running, and every
/// target answers. It names no route and no target: everybody reads it.
fn integrations(
    followers: Arc<Followers>,
    engine: Option<Arc<Engine>>,
    backups: Option<Arc<ScheduledBackups>>,
) -> RunCheck {
    Arc::new(move || {
        let status = followers.status();
        let waits = |state| state != FollowerState::Running && state != FollowerState::Stopped;
        let failing: Vec<String> = status
            .iter()
            .filter(|follower| waits(follower.state))
            .map(|follower| format!("{} is {}", follower.name, follower.state.name()))
            .chain(engine.as_ref().and_then(|engine| routes_that_ail(engine.ailing())))
            .chain(backups.as_ref().and_then(|backups| backups.ailing()))
            .collect();
        let outcome = match (status.is_empty(), failing.is_empty()) {
            (_, false) => found(HealthStatus::Degraded, failing.join(", ")),
            (true, true) => found(HealthStatus::Healthy, "none".to_owned()),
            (false, true) => found(HealthStatus::Healthy, None),
        };
        Box::pin(async move { outcome })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_counts_the_routes_that_are_behind_and_names_none() {
        for (count, expect) in [
            (0, None),
            (1, Some("1 route is behind (see /propagation/sessions)")),
            (2, Some("2 routes are behind (see /propagation/sessions)")),
        ] {
            assert_eq!(routes_that_ail(count).as_deref(), expect);
        }
    }
}
