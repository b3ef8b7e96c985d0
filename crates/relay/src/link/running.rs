//! What a running link keeps: its deliveries, and the mark on its way to the disk.

use std::sync::atomic::Ordering;

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{sync::watch, time::Instant};

use super::{Link, LinkError, UNSAVED_TIME_MAX, at};
use crate::{
    changes::DocumentChange,
    delivery::DeliveryEnd,
    store::{DeadLetter, LinkRecord, StoreError},
    window::Window,
};

/// How many deliveries are finished at most before everything else is asked for again.
const TURN_MAX: usize = 64;

/// What a running link keeps.
pub(super) struct Running {
    pub record: LinkRecord,
    pub window: Window,
    /// The deliveries that run or wait. They are part of the link's own task: one task for each would
    /// wake another thread for each, which takes longer than the delivery.
    pub deliveries: FuturesUnordered<BoxFuture<'static, EndedDelivery>>,
    pub dead: Vec<DeadLetter>,
    pub stopping: watch::Receiver<bool>,
    /// When the mark must be stored; none if it is, or if that has begun.
    pub due: Option<Instant>,
    /// The mark on its way to the disk, on which deliveries don't wait.
    pub saving: Option<BoxFuture<'static, SavedMark>>,
    /// Whether dead letters are on their way with it.
    pub saves_dead: bool,
}

/// A change, and how its delivery ended; none if it panicked.
pub(super) type EndedDelivery = (DocumentChange, Option<DeliveryEnd>);

/// Whether a mark was stored, and the dead letters that were stored with it.
pub(super) type SavedMark = (Result<(), StoreError>, Vec<DeadLetter>);

/// What a running link does next.
pub(super) enum LinkTurn {
    Finish(Box<EndedDelivery>),
    Save,
    Saved(SavedMark),
}

impl Running {
    /// Waits for what comes next. Nothing is lost if it is dropped before its end.
    pub async fn turn(&mut self) -> LinkTurn {
        let due = self.due.filter(|_| self.saving.is_none());
        tokio::select! {
            biased;
            Some(ended) = self.deliveries.next() => LinkTurn::Finish(Box::new(ended)),
            saved = saved(&mut self.saving) => LinkTurn::Saved(saved),
            () = at(due) => LinkTurn::Save,
        }
    }
}

/// Waits until the mark is stored that is on its way; for ever if there is none.
async fn saved(saving: &mut Option<BoxFuture<'static, SavedMark>>) -> SavedMark {
    let Some(running) = saving else { return std::future::pending().await };
    let saved = running.await;
    *saving = None;
    saved
}

impl Link {
    pub(super) fn take_turn(&self, running: &mut Running, turn: LinkTurn) -> Result<(), LinkError> {
        match turn {
            LinkTurn::Finish(ended) => {
                self.finish(running, *ended)?;
                // Those that ended meanwhile, without asking for everything else in between.
                for _ in 0..TURN_MAX {
                    let Some(Some(ended)) = running.deliveries.next().now_or_never() else { break };
                    self.finish(running, ended)?;
                }
                Ok(())
            }
            LinkTurn::Save => {
                self.begin_save(running);
                Ok(())
            }
            LinkTurn::Saved(saved) => self.note_saved(running, saved),
        }
    }

    pub(super) fn finish(
        &self,
        running: &mut Running,
        (change, end): EndedDelivery,
    ) -> Result<(), LinkError> {
        let end = end.ok_or(LinkError::Lost)?;
        if end == DeliveryEnd::Stopped {
            return Ok(());
        }
        match end {
            DeliveryEnd::Skipped | DeliveryEnd::Stopped => {}
            DeliveryEnd::Delivered => {
                self.progress.delivered.fetch_add(1, Ordering::Relaxed);
            }
            DeliveryEnd::Dead(letter) => {
                self.progress.died.fetch_add(1, Ordering::Relaxed);
                self.depot.trail.died.fetch_add(1, Ordering::Relaxed);
                if self.receiver.target.is_webhook() {
                    self.depot.trail.webhooks.died.fetch_add(1, Ordering::Relaxed);
                }
                running.dead.push(*letter);
                running.due = Some(Instant::now());
            }
        }
        if let Some(next) = running.window.finish(&change) {
            self.start(running, next);
        }
        self.moved(running);
        Ok(())
    }

    pub(super) fn moved(&self, running: &mut Running) {
        self.show(running);
        running.due.get_or_insert_with(|| Instant::now() + UNSAVED_TIME_MAX);
    }

    /// Shows how far the link is. It isn't past a dead letter before that is stored.
    fn show(&self, running: &Running) {
        let unfinished = running.window.unfinished() as u64;
        self.progress.unfinished.store(unfinished, Ordering::Relaxed);
        if running.dead.is_empty() && !running.saves_dead {
            self.progress.mark.store(running.window.mark().0, Ordering::Relaxed);
        }
    }

    /// Begins to store the mark, with the deliveries that died.
    fn begin_save(&self, running: &mut Running) {
        let record = LinkRecord {
            life: self.life.clone(),
            mark: running.window.mark(),
            ahead: running.window.ahead().clone(),
            is_finished: running.record.is_finished,
            ..LinkRecord::default()
        };
        let dead = std::mem::take(&mut running.dead);
        running.due = None;
        running.saves_dead = !dead.is_empty();
        let (depot, key) = (self.depot.clone(), self.key.clone());
        running.saving = Some(Box::pin(async move {
            let saved = depot.store.save(&key, record, dead.clone()).await;
            (saved, dead)
        }));
    }

    fn note_saved(
        &self,
        running: &mut Running,
        (saved, mut dead): SavedMark,
    ) -> Result<(), LinkError> {
        running.saves_dead = false;
        if let Err(error) = saved {
            dead.append(&mut running.dead);
            running.dead = dead;
            running.due = Some(Instant::now());
            return Err(error.into());
        }
        *self.progress.error.lock() = None;
        self.show(running);
        Ok(())
    }

    /// Stores the mark, and waits until it is stored.
    pub(super) async fn save(&self, running: &mut Running) -> Result<(), LinkError> {
        if running.saving.is_some() {
            let saved = saved(&mut running.saving).await;
            self.note_saved(running, saved)?;
        }
        if running.due.is_some() {
            self.begin_save(running);
            let saved = saved(&mut running.saving).await;
            self.note_saved(running, saved)?;
        }
        Ok(())
    }
}
