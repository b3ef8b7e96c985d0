//! Connections that are kept for what is sent next.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How many are kept for each place: as many as deliveries run at once by default.
const CONNECTIONS_MAX: usize = 16;

/// Connections on which nothing runs, by where they lead and as whom.
pub(crate) struct IdleConnections<P, C> {
    kept: Mutex<HashMap<P, Vec<(C, Instant)>>>,
    time_max: Duration,
}

impl<P: Eq + Hash, C> IdleConnections<P, C> {
    /// Connections that are kept no longer than this.
    pub fn new(time_max: Duration) -> Self {
        Self { kept: Mutex::default(), time_max }
    }

    /// The one that was kept last.
    pub fn take(&self, place: &P) -> Option<C> {
        let mut kept = self.kept.lock();
        kept.retain(|_, connections| {
            connections.retain(|(_, since)| since.elapsed() < self.time_max);
            !connections.is_empty()
        });
        Some(kept.get_mut(place)?.pop()?.0)
    }

    pub fn keep(&self, place: P, connection: C) {
        let mut kept = self.kept.lock();
        let connections = kept.entry(place).or_default();
        if connections.len() < CONNECTIONS_MAX {
            connections.push((connection, Instant::now()));
        }
    }

    /// Ends those to these places.
    pub fn end(&self, is_one: impl Fn(&P) -> bool) {
        self.kept.lock().retain(|place, _| !is_one(place));
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.kept.lock().is_empty()
    }
}
