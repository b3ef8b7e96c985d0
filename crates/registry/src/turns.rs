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

/// A fair lock per target, so that writes to a hot document queue up instead of retrying all at
/// once.
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
    /// Waits for the turn of a target, in order of arrival.
    pub(crate) async fn take(&self, target: &Xid) -> Result<HeldTurn, SubmitError> {
        let turn = {
            let mut locks = self.locks.lock();
            // Holders and waiters share their lock; unshared locks can be removed.
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
