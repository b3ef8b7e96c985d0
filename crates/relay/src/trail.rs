//! What happened lately, for people who look: tries and events, in memory.

use std::{
    collections::VecDeque,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use muster_words::Moment;
use parking_lot::Mutex;

use crate::{changes::DocumentChange, store::LinkKey};

/// How many tries and how many events are kept: what happened in the last minutes of a busy server.
const KEPT: usize = 1_000;

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct TryRecord {
    /// Its number, from 1.
    pub number: u64,
    /// When it ended.
    pub time: Moment,
    /// The link.
    pub key: LinkKey,
    /// The change.
    pub change: DocumentChange,
    /// Which try of this delivery it was, from 1.
    pub attempt: u32,
    /// Whether the receiver took it.
    pub taken: bool,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in milliseconds. Not shown for refused addresses, where it could tell
    /// something.
    pub milliseconds: u64,
}

/// Something that happened to a route or a target.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayEvent {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub time: Moment,
    /// What: `link.started`, `breaker.opened` and so on.
    pub kind: &'static str,
    /// The route, or empty.
    pub route: String,
    /// The target, or empty.
    pub target: String,
    /// More about it.
    pub detail: String,
}

/// Events after which a document doesn't get somewhere until somebody mends something.
pub(crate) const NEEDS_SOMEBODY: [&str; 7] = [
    "breaker.opened",
    "delivery.dead",
    "sync.conflict",
    "sync.invalid",
    "sync.refused",
    "sync.waits",
    "target.disabled",
];

/// Who is told of each event.
pub type RelayListener = Box<dyn Fn(&RelayEvent) + Send + Sync>;

/// The newest tries and events, and counts of everything.
#[derive(Default)]
pub struct Trail {
    listener: OnceLock<RelayListener>,
    tries: Mutex<VecDeque<TryRecord>>,
    events: Mutex<VecDeque<RelayEvent>>,
    tried: AtomicU64,
    happened: AtomicU64,
    /// Deliveries that were made.
    pub delivered: AtomicU64,
    /// Tries that failed.
    pub failed: AtomicU64,
    /// Tries after the first of their delivery.
    pub retried: AtomicU64,
    /// Deliveries that became dead letters.
    pub died: AtomicU64,
    /// The same for webhooks alone.
    pub webhooks: WebhookTrail,
}

/// Counts of what webhooks were sent.
#[derive(Debug, Default)]
pub struct WebhookTrail {
    /// Deliveries that were made.
    pub delivered: AtomicU64,
    /// Tries after the first of their delivery.
    pub retried: AtomicU64,
    /// Deliveries that became dead letters.
    pub died: AtomicU64,
}

impl WebhookTrail {
    /// Notes a try.
    pub fn tried(&self, attempt: u32, is_taken: bool) {
        self.delivered.fetch_add(u64::from(is_taken), Ordering::Relaxed);
        self.retried.fetch_add(u64::from(attempt > 1), Ordering::Relaxed);
    }
}

impl Trail {
    /// A trail that tells of each event, on the thread where it happens.
    #[must_use]
    pub fn telling(listener: RelayListener) -> Self {
        Self { listener: OnceLock::from(listener), ..Self::default() }
    }

    /// Notes a try.
    pub fn tried(&self, mut record: TryRecord) {
        let count = if record.taken { &self.delivered } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
        if record.attempt > 1 {
            self.retried.fetch_add(1, Ordering::Relaxed);
        }
        let mut tries = self.tries.lock();
        record.number = self.tried.fetch_add(1, Ordering::Relaxed) + 1;
        if tries.len() == KEPT {
            tries.pop_front();
        }
        tries.push_back(record);
    }

    /// Notes an event.
    pub fn happened(&self, mut event: RelayEvent) {
        let (kind, detail) = (event.kind, &event.detail);
        if NEEDS_SOMEBODY.contains(&kind) {
            tracing::warn!(
                event = kind,
                route = event.route,
                to = event.target,
                detail,
                "propagation"
            );
        } else {
            tracing::info!(
                event = kind,
                route = event.route,
                to = event.target,
                detail,
                "propagation"
            );
        }
        if let Some(listener) = self.listener.get() {
            listener(&event);
        }
        let mut events = self.events.lock();
        event.number = self.happened.fetch_add(1, Ordering::Relaxed) + 1;
        if events.len() == KEPT {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// The tries after a number, oldest first.
    #[must_use]
    pub fn tries_after(&self, number: u64) -> Vec<TryRecord> {
        self.tries.lock().iter().filter(|record| record.number > number).cloned().collect()
    }

    /// The events after a number, oldest first.
    #[must_use]
    pub fn events_after(&self, number: u64) -> Vec<RelayEvent> {
        self.events.lock().iter().filter(|event| event.number > number).cloned().collect()
    }
}
