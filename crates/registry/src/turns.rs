use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use muster_words::{Xid, limits::TURN_WAITERS_MAX};
use parking_lot::Mutex;
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::SubmitError;

/// One fair lock a target: a hot document makes a queue and not a storm.
#[derive(Default)]
pub(crate) struct Turns {
    locks: Mutex<HashMap<Xid, Arc<Turn>>>,
}

#[derive(Default)]
struct Turn {
    lock: Arc<Lock<()>>,
    waiting: AtomicUsize,
}

/// A target's turn, held until the command is published or refused.
pub(crate) struct HeldTurn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for the turn of a target, first come, first served.
    pub(crate) async fn take(&self, target: &Xid) -> Result<HeldTurn, SubmitError> {
        let turn = {
            let mut locks = self.locks.lock();
            // Whoever holds or waits for a lock has a share of it; the others can go.
            if locks.len() > TURN_WAITERS_MAX {
                locks.retain(|_, turn| {
                    Arc::strong_count(turn) > 1 || Arc::strong_count(&turn.lock) > 1
                });
            }
            locks.entry(target.clone()).or_default().clone()
        };
        if turn.waiting.fetch_add(1, Ordering::Relaxed) >= TURN_WAITERS_MAX {
            turn.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(SubmitError::Busy);
        }
        let guard = turn.lock.clone().lock_owned().await;
        turn.waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(HeldTurn { _guard: guard })
    }
}
