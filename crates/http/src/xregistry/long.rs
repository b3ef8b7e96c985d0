use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use muster_catalog::{View, entity::Entity};
use muster_registry::LongWork;
use muster_wire::{ErrorKind, Problem};
use muster_words::{Coverage, Xid, XidPatterns};

use super::{flags::Flags, place::Place, render::page_limit};

/// The cost from which a read counts as long: the number of entities times one more than the number
/// of expressions. This takes about 10 ms, and a page of the default size costs less.
pub(super) const SHORT_MAX: usize = 1_000;

/// The bytes from which a read counts as long. Reading, digesting and escaping them takes about a
/// millisecond.
pub(super) const SHORT_BYTES_MAX: u64 = 256 * 1024;

/// The number of long reads that may wait. Each only holds a request; later clients should try
/// another server, or try again.
const WAITING_MAX: usize = 64;

/// Limits reads that use a processor for long: filters and orders of large collections, and large
/// answers. They have turns of their own, so that they don't delay writes.
pub(crate) struct LongReads {
    turns: LongWork,
    /// The turns of long writes, which also cover the reads for their answers.
    writes: Arc<LongWork>,
    waiting: AtomicUsize,
}

/// Counts a waiting read.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LongReads {
    /// As many turns as there are processors, besides those of the writes.
    pub fn new(writes: Arc<LongWork>) -> Self {
        Self { turns: LongWork::default(), writes, waiting: AtomicUsize::new(0) }
    }

    /// This many turns.
    pub fn of(at_once: usize, writes: Arc<LongWork>) -> Self {
        Self { turns: LongWork::of(at_once), writes, waiting: AtomicUsize::new(0) }
    }

    /// Runs a long read when it gets a turn.
    ///
    /// # Errors
    /// `server_busy` if too many are waiting; or the read's own error.
    pub async fn run<T>(
        &self,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        if LongWork::is_running() {
            return read.await;
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        if before >= WAITING_MAX {
            return Err(ErrorKind::ServerBusy.into());
        }
        let turn = self.turns.turn().await;
        drop(waiting);
        turn.run(read).await
    }

    /// Runs a long read for the answer to a finished write: it may wait, but can't be refused.
    ///
    /// # Errors
    /// The read's own error.
    pub async fn run_after_write<T>(
        &self,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        self.writes.run(read).await
    }
}

/// Whether a read will take long, as an estimate. The estimate itself is no slower than a short
/// read.
pub(super) fn is_long(view: &View, place: &Place, flags: &Flags, limit: Option<usize>) -> bool {
    let entities_max = SHORT_MAX / (1 + flags.filter.expressions());
    let export = matches!(place, Place::Export);
    let looks_below = export
        || flags.says_inline
        || flags.collections
        || !flags.filter.is_empty() && !flags.filter.excludes_all;
    if view.within().is_some_and(|within| leads_there(place, within)) {
        // Members that lead to a scope are searched among all members.
        return true;
    }
    if flags.deleted {
        return view.deleted_estimate() > SHORT_MAX;
    }
    if !view.is_newest() && (place.is_collection() || looks_below) {
        // Names that were created later are visited as well, and there may be many.
        return true;
    }
    let Some((parent, plural)) = collection(view, place) else {
        let entity = place.entity().unwrap_or(&muster_words::Xid::Registry);
        let Some(entity) = Entity::find(view, entity).filter(|_| looks_below) else { return false };
        return entity.count_below(view, entities_max) > entities_max;
    };
    let looks_at_all = flags.sort.is_some() || !flags.filter.is_empty();
    let members_max = if looks_at_all { usize::MAX } else { page_limit(limit) };
    let members = parent.count_in(view, plural).min(members_max);
    if members > entities_max {
        return true;
    }
    if !looks_below {
        return false;
    }
    let mut count = members;
    for member in parent.members(view, plural) {
        count += member.count_below(view, entities_max.saturating_sub(count));
        if count > entities_max {
            return true;
        }
    }
    false
}

/// Whether a path names something above places.
fn leads_there(place: &Place, within: &XidPatterns) -> bool {
    let coverage = match place {
        Place::Groups(kind) => within.coverage(&kind.plural),
        Place::Resources(kind, group) => within.coverage(&format!("{group}/{}", kind.plural)),
        Place::Versions(..) => Coverage::Within,
        place => within.coverage(&place.entity().unwrap_or(&Xid::Registry).to_string()),
    };
    coverage != Coverage::Within
}

/// The entity that holds the collection which a path names, and the collection's name.
fn collection<'a>(view: &'a View, place: &'a Place) -> Option<(Entity<'a>, &'a str)> {
    Some(match place {
        Place::Groups(kind) => (Entity::Registry, kind.plural.as_str()),
        Place::Resources(kind, group) => (Entity::find(view, group)?, kind.plural.as_str()),
        Place::Versions(_, resource) => (Entity::find(view, resource)?, "versions"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn lets_few_run_some_wait_and_no_more() {
        let reads = Arc::new(LongReads::of(1, Arc::default()));
        let release = Arc::new(Notify::new());
        let read = || {
            let (reads, release) = (Arc::clone(&reads), Arc::clone(&release));
            async move {
                let read = async {
                    release.notified().await;
                    Ok(())
                };
                reads.run(read).await.map_err(|problem| problem.code().name())
            }
        };
        let full = || async {
            while reads.waiting.load(Ordering::Relaxed) < WAITING_MAX {
                tokio::task::yield_now().await;
            }
        };
        let mut admitted = vec![tokio::spawn(read())];
        while !reads.turns.is_full() {
            tokio::task::yield_now().await;
        }
        admitted.extend((0..WAITING_MAX).map(|_| tokio::spawn(read())));
        full().await;
        assert_eq!(read().await, Err("server_busy"));
        // When one ends, another may start.
        if let Some(left) = admitted.pop() {
            left.abort();
            assert!(left.await.is_err());
        }
        admitted.push(tokio::spawn(read()));
        full().await;
        assert_eq!(read().await, Err("server_busy"));
        for read in admitted {
            release.notify_one();
            assert!(matches!(read.await, Ok(Ok(()))));
        }
    }
}
