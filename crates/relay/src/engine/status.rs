//! What people may see of the engine.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use muster_words::{Moment, Position, Xid};

use super::{Engine, wanted::is_live};
use crate::{
    breaker::ReceiverBreakerState,
    link::Link,
    live,
    pull::InboundProgress,
    store::{LinkKey, StoreError},
    target::TargetKind,
};

/// A route with one of its targets, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkStatus {
    /// The route and the target.
    pub key: LinkKey,
    /// How the route spreads.
    pub mode: &'static str,
    /// `running`, `held`, `waiting` behind an open breaker, `finished`, `failing`, or `streamed`:
    /// receivers read it, and nothing about them is kept.
    pub state: &'static str,
    /// Why, if it doesn't run.
    pub reason: Option<String>,
    /// Everything at or before it is finished.
    pub mark: Position,
    /// Whether it sends live events: then the mark is the number of one, and not a position.
    pub is_live: bool,
    /// The entries after the mark, or the live events.
    pub lag_entries: u64,
    /// How old the first of them is.
    pub lag: Duration,
    /// Unfinished deliveries that were read.
    pub unfinished: u64,
    /// Deliveries that were made since the start.
    pub delivered: u64,
    /// Dead letters that are kept.
    pub dead: u64,
    /// The way back of a route in both directions.
    pub inbound: Option<InboundProgress>,
}

/// Some of the links.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkPage {
    /// The links, in the order of their names.
    pub links: Vec<LinkStatus>,
    /// Whether there are more after them.
    pub has_more: bool,
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
    /// Whether its document lets anything be sent to it.
    pub enabled: bool,
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

/// Why a link waits behind an open breaker.
fn behind_breaker(failure: Option<String>) -> String {
    let open = "the circuit breaker is open".to_owned();
    failure.map_or(open.clone(), |failure| format!("{open}; the newest try: {failure}"))
}

/// A route or a target that does nothing, or not all that its document says.
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
    /// Of webhooks alone.
    pub webhooks: WebhookCounts,
}

/// Counts of deliveries to webhooks since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Deliveries that were made.
    pub delivered: u64,
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
        Ok(self.link_page(None, usize::MAX, |_| true).await?.links)
    }

    /// At most so many links that are wanted, after a name.
    ///
    /// # Errors
    /// The counts of dead letters can't be read.
    pub async fn link_page(
        &self,
        after: Option<&LinkKey>,
        limit: usize,
        is_wanted: impl Fn(&LinkStatus) -> bool,
    ) -> Result<LinkPage, StoreError> {
        let dead = self.depot.store.dead_counts().await?;
        let mut found = self.links_now(&dead);
        self.add_stopped(&mut found, &dead).await?;
        self.add_streamed(&mut found);
        found.retain(|status| after.is_none_or(|after| status.key > *after) && is_wanted(status));
        found.sort_by(|one, other| one.key.cmp(&other.key));
        let has_more = found.len() > limit;
        found.truncate(limit);
        // Each lag is read from the ledger.
        for status in &mut found {
            status.lag = self.lag(status).await;
        }
        Ok(LinkPage { links: found, has_more })
    }

    /// Adds the links that are stored and that nothing runs: all of them where no server runs.
    async fn add_stopped(
        &self,
        found: &mut Vec<LinkStatus>,
        dead: &HashMap<LinkKey, u64>,
    ) -> Result<(), StoreError> {
        let head = self.depot.registry.view().position();
        let newest_event = Position(*self.depot.live.newest().borrow());
        let running: BTreeSet<LinkKey> = found.iter().map(|status| status.key.clone()).collect();
        for record in self.depot.store.links().await? {
            let key = record.key.clone();
            if running.contains(&key) {
                continue;
            }
            let state = if record.is_finished { "finished" } else { "stopped" };
            let head = if is_live(&record) { newest_event } else { head };
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
                is_live: is_live(&record),
                dead: dead.get(&key).copied().unwrap_or_default(),
                inbound: None,
                key,
            });
        }
        Ok(())
    }

    /// Adds the routes to targets that receivers read.
    fn add_streamed(&self, found: &mut Vec<LinkStatus>) {
        let head = self.depot.registry.view().position();
        let state = self.state.lock();
        for (target, routes) in &state.streamed {
            for (name, streamed) in routes {
                found.push(LinkStatus {
                    key: LinkKey { route: name.clone(), target: target.clone() },
                    mode: streamed.route.mode.name(),
                    state: "streamed",
                    reason: Some(format!("receivers read /propagation/streams{target}")),
                    mark: head,
                    is_live: false,
                    lag_entries: 0,
                    lag: Duration::ZERO,
                    unfinished: 0,
                    delivered: 0,
                    dead: 0,
                    inbound: None,
                });
            }
        }
    }

    fn links_now(&self, dead: &HashMap<LinkKey, u64>) -> Vec<LinkStatus> {
        let state = self.state.lock();
        let status = state.links.values().map(|running| {
            let link = &running.link;
            let progress = &link.progress;
            let head = link.newest();
            let mark = Position(progress.mark.load(Ordering::Relaxed));
            let is_finished = progress.is_finished.load(Ordering::Relaxed);
            let held = link.receiver.held();
            let inbound = progress.inbound.lock().clone();
            let error = progress.error.lock().clone();
            let error = error.or_else(|| progress.own_fault.lock().clone());
            let error = error.or_else(|| inbound.as_ref().and_then(|back| back.error.clone()));
            let is_open = link.receiver.breaker() != ReceiverBreakerState::Closed;
            let failure = progress.last_failure.lock().clone();
            let (name, reason) = match (is_finished, held, error) {
                (true, ..) => ("finished", None),
                (_, Some(held), _) => ("held", Some(held)),
                (_, _, Some(error)) => ("failing", Some(error)),
                _ if is_open => ("waiting", Some(behind_breaker(failure))),
                _ => {
                    ("running", failure.map(|failure| format!("the newest try failed: {failure}")))
                }
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
                is_live: link.route.live.is_some(),
                dead: dead.get(&link.key).copied().unwrap_or_default(),
                inbound,
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
        let since = match status.is_live {
            true => live::time_after(&*self.depot.live, status.mark.0),
            false => {
                let bounds = registry.bounds_at(status.mark.next()).await;
                bounds.ok().map(|bounds| bounds.entry.moment)
            }
        };
        let since = since.unwrap_or_else(|| registry.now());
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
            place: match receiver.target.kind {
                TargetKind::Sse => format!("/propagation/streams{}", receiver.name),
                ref kind => kind.place().to_owned(),
            },
            enabled: receiver.target.enabled,
            held: receiver.held(),
            breaker: receiver.breaker(),
            failures: receiver.failures(),
            in_flight: receiver.in_flight(),
            max_in_flight: receiver.target.max_in_flight,
        });
        status.collect()
    }

    /// Routes and targets whose documents can't be used, and routes that don't run to all of their
    /// targets, because there are too many links.
    #[must_use]
    pub fn broken(&self) -> Vec<BrokenDocument> {
        let state = self.state.lock();
        [state.broken.as_slice(), &state.refused].concat()
    }

    /// Counts since the start.
    #[must_use]
    pub fn counts(&self) -> EngineCounts {
        let trail = &self.depot.trail;
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        let state = self.state.lock();
        let links = state.links.values().map(|running| &running.link);
        let waiting = |link: &Arc<Link>| read(&link.progress.unfinished);
        let unfinished = links.clone().map(waiting).sum();
        let to_webhooks = links.filter(|link| link.receiver.target.is_webhook());
        let webhooks = WebhookCounts {
            delivered: read(&trail.webhooks.delivered),
            retried: read(&trail.webhooks.retried),
            died: read(&trail.webhooks.died),
            unfinished: to_webhooks.map(waiting).sum(),
        };
        EngineCounts {
            delivered: read(&trail.delivered),
            failed: read(&trail.failed),
            retried: read(&trail.retried),
            died: read(&trail.died),
            unfinished,
            webhooks,
        }
    }

    /// How many requests to targets run.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.targets().iter().map(|target| target.in_flight as usize).sum()
    }

    /// How many links don't run although they should, and routes that don't run to all of their
    /// targets: for the health of the server, which everybody reads, so it names none.
    #[must_use]
    pub fn ailing(&self) -> usize {
        let found = self.links_now(&HashMap::new());
        let ailing = found.iter().filter(|status| matches!(status.state, "waiting" | "failing"));
        ailing.count() + self.state.lock().refused.len()
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
