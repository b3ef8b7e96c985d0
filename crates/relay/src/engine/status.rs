//! What people may see of the engine.

use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};

use muster_words::{Moment, Position, Xid};

use super::Engine;
use crate::{
    breaker::ReceiverBreakerState,
    store::{LinkKey, StoreError},
};

/// A route with one of its targets, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkStatus {
    /// The route and the target.
    pub key: LinkKey,
    /// How the route spreads.
    pub mode: &'static str,
    /// `running`, `held`, `waiting` behind an open breaker, `finished` or `failing`.
    pub state: &'static str,
    /// Why, if it doesn't run.
    pub reason: Option<String>,
    /// Everything at or before it is finished.
    pub mark: Position,
    /// The entries after the mark.
    pub lag_entries: u64,
    /// How old the first of them is.
    pub lag: Duration,
    /// Unfinished deliveries that were read.
    pub unfinished: u64,
    /// Deliveries that were made since the start.
    pub delivered: u64,
    /// Dead letters that are kept.
    pub dead: u64,
}

/// A target, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStatus {
    /// Its name.
    pub name: Xid,
    /// What it is.
    pub kind: &'static str,
    /// Where it leads.
    pub place: String,
    /// Why it is held; none if it isn't.
    pub held: Option<String>,
    /// The state of its breaker.
    pub breaker: ReceiverBreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// Requests that run now.
    pub in_flight: u32,
    /// How many may.
    pub max_in_flight: u32,
}

/// A route or a target whose document can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenDocument {
    /// Its name.
    pub name: Xid,
    /// Why.
    pub reason: String,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounts {
    /// Deliveries that were made.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Tries after the first of their delivery.
    pub retried: u64,
    /// Deliveries that became dead letters.
    pub died: u64,
    /// Deliveries that wait or run.
    pub unfinished: u64,
}

impl Engine {
    /// The links, in the order of their names.
    ///
    /// # Errors
    /// The counts of dead letters can't be read.
    pub async fn links(&self) -> Result<Vec<LinkStatus>, StoreError> {
        let dead = self.depot.store.dead_counts().await?;
        let mut found = self.links_now(&dead);
        self.add_stopped(&mut found, &dead).await?;
        for status in &mut found {
            status.lag = self.lag(status).await;
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    /// Adds the links that are stored and that nothing runs: all of them where no server runs.
    async fn add_stopped(
        &self,
        found: &mut Vec<LinkStatus>,
        dead: &HashMap<LinkKey, u64>,
    ) -> Result<(), StoreError> {
        let head = self.depot.registry.view().position();
        for key in self.depot.store.links().await? {
            if found.iter().any(|status| status.key == key) {
                continue;
            }
            let Some(record) = self.depot.store.load(&key).await? else { continue };
            let state = if record.is_finished { "finished" } else { "stopped" };
            let lag = head.0.saturating_sub(record.mark.0);
            found.push(LinkStatus {
                mode: "",
                state,
                reason: None,
                mark: record.mark,
                lag_entries: if record.is_finished { 0 } else { lag },
                lag: Duration::ZERO,
                unfinished: 0,
                delivered: 0,
                dead: dead.get(&key).copied().unwrap_or_default(),
                key,
            });
        }
        Ok(())
    }

    fn links_now(&self, dead: &HashMap<LinkKey, u64>) -> Vec<LinkStatus> {
        let head = self.depot.registry.view().position();
        let state = self.state.lock();
        let status = state.links.values().map(|running| {
            let link = &running.link;
            let progress = &link.progress;
            let mark = Position(progress.mark.load(Ordering::Relaxed));
            let is_finished = progress.is_finished.load(Ordering::Relaxed);
            let held = link.receiver.held();
            let error = progress.error.lock().clone();
            let is_open = link.receiver.breaker() != ReceiverBreakerState::Closed;
            let (name, reason) = match (is_finished, held, error) {
                (true, ..) => ("finished", None),
                (_, Some(held), _) => ("held", Some(held)),
                (_, _, Some(error)) => ("failing", Some(error)),
                _ if is_open => ("waiting", Some("the circuit breaker is open".to_owned())),
                _ => ("running", None),
            };
            LinkStatus {
                key: link.key.clone(),
                mode: link.route.mode.name(),
                state: name,
                reason,
                mark,
                lag_entries: if is_finished { 0 } else { head.0.saturating_sub(mark.0) },
                lag: Duration::ZERO,
                unfinished: progress.unfinished.load(Ordering::Relaxed),
                delivered: progress.delivered.load(Ordering::Relaxed),
                dead: dead.get(&link.key).copied().unwrap_or_default(),
            }
        });
        status.collect()
    }

    /// How old the first entry after a link's mark is.
    async fn lag(&self, status: &LinkStatus) -> Duration {
        if status.lag_entries == 0 {
            return Duration::ZERO;
        }
        let registry = &self.depot.registry;
        let bounds = registry.bounds_at(status.mark.next()).await;
        let since = bounds.map_or_else(|_| registry.now(), |bounds| bounds.entry.moment);
        let microseconds = registry.now().microseconds().saturating_sub(since.microseconds());
        Duration::from_micros(u64::try_from(microseconds).unwrap_or_default())
    }

    /// The targets, in the order of their names.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetStatus> {
        let state = self.state.lock();
        let status = state.receivers.values().map(|receiver| TargetStatus {
            name: receiver.name.clone(),
            kind: receiver.target.kind.name(),
            place: receiver.target.kind.place().to_owned(),
            held: receiver.held(),
            breaker: receiver.breaker(),
            failures: receiver.failures(),
            in_flight: receiver.in_flight(),
            max_in_flight: receiver.target.max_in_flight,
        });
        status.collect()
    }

    /// Routes and targets whose documents can't be used.
    #[must_use]
    pub fn broken(&self) -> Vec<BrokenDocument> {
        self.state.lock().broken.clone()
    }

    /// Counts since the start.
    #[must_use]
    pub fn counts(&self) -> EngineCounts {
        let trail = &self.depot.trail;
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let state = self.state.lock();
        let links = state.links.values();
        let unfinished = links.map(|running| read(&running.link.progress.unfinished)).sum();
        EngineCounts {
            delivered: read(&trail.delivered),
            failed: read(&trail.failed),
            retried: read(&trail.retried),
            died: read(&trail.died),
            unfinished,
        }
    }

    /// The links that don't run although they should, with the reason: for the health of the server.
    #[must_use]
    pub fn ailing(&self) -> Vec<String> {
        let found = self.links_now(&HashMap::new());
        let ailing =
            found.into_iter().filter(|status| matches!(status.state, "waiting" | "failing"));
        ailing
            .map(|status| {
                let (key, reason) = (status.key, status.reason.unwrap_or_default());
                format!("{} to {}: {reason}", key.route, key.target)
            })
            .collect()
    }

    /// Links that are behind, with the number of entries.
    #[must_use]
    pub fn lags(&self) -> Vec<(String, u64)> {
        let found = self.links_now(&HashMap::new());
        let named = |status: LinkStatus| {
            (format!("{} {}", status.key.route, status.key.target), status.lag_entries)
        };
        found.into_iter().map(named).collect()
    }

    /// The time of the registry.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.depot.registry.now()
    }
}
