//! What operators do: pause, resume, try again, and dead letters.

use std::sync::{Arc, atomic::Ordering};

use muster_registry::FetchError;
use muster_words::{Position, Xid};
use thiserror::Error;
use tokio::sync::watch;

use super::Engine;
use crate::{
    breaker::ReceiverBreakerState,
    changes::DocumentChange,
    delivery::{Delivery, DeliveryEnd},
    link::Link,
    receiver::{Receiver, ReceiverClosed},
    store::{DeadLetter, Held, StoreError},
};

/// Why something can't be done.
#[derive(Debug, Error)]
pub enum ControlError {
    /// There is no such route or target in force.
    #[error("{0} isn't a route or a target in force")]
    Unknown(String),
    /// Nothing is sent to the target now.
    #[error("{}", closed(.0, .1))]
    Closed(String, ReceiverClosed),
    /// There is no such dead letter.
    #[error("there is no dead letter {0}")]
    NoLetter(i64),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger can't be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

fn closed(target: &str, closed: &ReceiverClosed) -> String {
    match closed {
        ReceiverClosed::Held(reason) => {
            format!("nothing is sent to {target} now ({reason}): resume it first")
        }
        ReceiverClosed::Open(time) => format!(
            "the circuit breaker of {target} is open for up to {} s: wait, or reset it first",
            time.as_secs_f64().ceil()
        ),
    }
}

impl Engine {
    /// Pauses a target: nothing is sent to it, and nothing is lost.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn pause(&self, name: &Xid) -> Result<(), ControlError> {
        let receiver = self.receiver(name)?;
        let held = Held { reason: "paused".to_owned(), version: String::new() };
        self.depot.store.hold(name.to_string(), Some(held.clone())).await?;
        receiver.hold(Some(held.reason));
        self.depot.say_of_target("target.paused", name, String::new());
        Ok(())
    }

    /// Lets a target go again that was paused or disabled.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn resume(&self, name: &Xid) -> Result<(), ControlError> {
        let receiver = self.receiver(name)?;
        self.depot.store.hold(name.to_string(), None).await?;
        receiver.hold(None);
        receiver.nudge();
        self.depot.say_of_target("target.resumed", name, String::new());
        Ok(())
    }

    /// Closes the circuit breaker of a target.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn reset_breaker(&self, name: &Xid) -> Result<(), ControlError> {
        self.receiver(name)?.reset_breaker();
        self.depot.say_of_target("breaker.reset", name, String::new());
        Ok(())
    }

    /// Lets the waiting deliveries to a target try now. Returns how many there are; none while it is
    /// held or its breaker is open, because then nothing is tried.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub fn retry(&self, name: &Xid) -> Result<u64, ControlError> {
        let receiver = self.receiver(name)?;
        receiver.nudge();
        let is_closed = receiver.breaker() == ReceiverBreakerState::Closed;
        if receiver.held().is_some() || !receiver.target.enabled || !is_closed {
            return Ok(0);
        }
        let state = self.state.lock();
        let links = state.links.values().filter(|running| running.link.key.target == *name);
        let waiting = links.map(|running| running.link.progress.unfinished.load(Ordering::Relaxed));
        Ok(waiting.sum())
    }

    fn receiver(&self, name: &Xid) -> Result<Arc<Receiver>, ControlError> {
        let state = self.state.lock();
        let found = state.receivers.get(name).cloned();
        found.ok_or_else(|| ControlError::Unknown(name.to_string()))
    }

    /// Tries a dead letter once more, and removes it if it is delivered. Later changes of its document
    /// may have been delivered before. It waits neither for a target that is held nor for an open
    /// breaker.
    ///
    /// # Errors
    /// See [`ControlError`].
    pub async fn replay(&self, id: i64) -> Result<DeliveryEnd, ControlError> {
        let letter = self.depot.store.dead_letter(id).await?.ok_or(ControlError::NoLetter(id))?;
        let link = self.link(&letter)?;
        let begin = match link.route.live {
            Some(_) => Position(letter.change.position.0.saturating_sub(1)),
            None => self.depot.registry.bounds_at(letter.change.position).await?.before,
        };
        let change = DocumentChange {
            id: letter.change,
            begin,
            resource: letter.resource.clone(),
            kind: letter.kind,
            moment: letter.moment,
            cause: None,
        };
        let delivery = Delivery {
            depot: self.depot.clone(),
            key: letter.key.clone(),
            life: link.life.clone(),
            receiver: link.receiver.clone(),
            route: link.route.clone(),
            policy: link.policy(),
            change,
            tries: None,
            progress: link.progress.clone(),
            // Somebody waits for the answer.
            is_alone: true,
            stopping: watch::Sender::new(false).subscribe(),
        };
        let end = delivery.run_once().await;
        let end =
            end.map_err(|closed| ControlError::Closed(letter.key.target.to_string(), closed))?;
        if !matches!(end, DeliveryEnd::Dead(_)) {
            self.depot.store.bury(vec![id]).await?;
        }
        Ok(end)
    }

    fn link(&self, letter: &DeadLetter) -> Result<Arc<Link>, ControlError> {
        let state = self.state.lock();
        let found = state.links.get(&letter.key).map(|running| running.link.clone());
        found.ok_or_else(|| ControlError::Unknown(letter.key.route.to_string()))
    }

    /// Whether every link has finished everything up to a position.
    #[must_use]
    pub fn has_reached(&self, position: Position) -> bool {
        let state = self.state.lock();
        state.links.values().all(|running| {
            let progress = &running.link.progress;
            progress.is_finished.load(std::sync::atomic::Ordering::Relaxed)
                || progress.mark.load(std::sync::atomic::Ordering::Relaxed) >= position.0
        })
    }
}
