//! Connections that are kept for what is sent next.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// How many are kept for each place: as many as deliveries run at once by default.
const CONNECTIONS_MAX: usize = 16;

/// Connections on which nothing runs, by where they lead and as whom. They end when their time is
/// over, also if nobody asks for one again.
pub(crate) struct IdleConnections<P, C> {
    all: Arc<Mutex<Kept<P, C>>>,
    time_max: Duration,
}

struct Kept<P, C> {
    by_place: HashMap<P, Vec<(C, Instant)>>,
    /// Whether somebody waits for the end of their time.
    is_watched: bool,
}

impl<P, C> IdleConnections<P, C>
where
    P: Eq + Hash + Send + 'static,
    C: Send + 'static,
{
    /// Connections that are kept no longer than this.
    pub fn new(time_max: Duration) -> Self {
        let kept = Kept { by_place: HashMap::new(), is_watched: false };
        Self { all: Arc::new(Mutex::new(kept)), time_max }
    }

    /// The one that was kept last.
    pub fn take(&self, place: &P) -> Option<C> {
        let mut all = self.all.lock();
        let connections = all.by_place.get_mut(place)?;
        let (connection, since) = connections.pop()?;
        (since.elapsed() < self.time_max).then_some(connection)
    }

    /// Keeps a connection, unless enough to this place are kept already.
    pub fn keep(&self, place: P, connection: C) {
        let mut all = self.all.lock();
        let connections = all.by_place.entry(place).or_default();
        if connections.len() < CONNECTIONS_MAX {
            connections.push((connection, Instant::now()));
        }
        if !std::mem::replace(&mut all.is_watched, true) {
            tokio::spawn(end_old(Arc::downgrade(&self.all), self.time_max));
        }
    }

    /// Ends those to these places.
    pub fn end(&self, is_one: impl Fn(&P) -> bool) {
        self.all.lock().by_place.retain(|place, _| !is_one(place));
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.all.lock().by_place.is_empty()
    }
}

/// Ends connections when their time is over, until none is left. Those of a sender that is gone
/// ended with it.
async fn end_old<P: Eq + Hash, C>(kept: Weak<Mutex<Kept<P, C>>>, time_max: Duration) {
    loop {
        let oldest = {
            let Some(all) = kept.upgrade() else { return };
            let mut all = all.lock();
            all.by_place.retain(|_, connections| {
                connections.retain(|(_, since)| since.elapsed() < time_max);
                !connections.is_empty()
            });
            let oldest = all.by_place.values().flatten().map(|(_, since)| *since).min();
            all.is_watched = oldest.is_some();
            oldest
        };
        let Some(oldest) = oldest else { return };
        sleep_until(oldest + time_max).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_though_nobody_asks_again() {
        let idle = IdleConnections::new(Duration::from_secs(15));
        for _ in 0..2 {
            let (one, mut other) = tokio::io::duplex(1);
            idle.keep("a", one);
            advance(Duration::from_secs(10)).await;
            let (later, _) = tokio::io::duplex(1);
            idle.keep("b", later);
            let closed = tokio::io::AsyncReadExt::read_u8(&mut other);
            let closed = timeout(Duration::from_secs(6), closed).await;
            assert!(closed.is_ok_and(|read| read.is_err()), "it was open for sixteen seconds");
            assert!(idle.take(&"a").is_none() && idle.take(&"b").is_some());
            advance(Duration::from_secs(30)).await;
        }
    }
}
