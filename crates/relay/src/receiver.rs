//! A target that is in use: its document, its breaker, and how many requests run.

use std::{sync::Arc, time::Duration};

use muster_words::Xid;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    breaker::{ReceiverAdmission, ReceiverBreaker, ReceiverBreakerState},
    consent::Consent,
    decision::Tried,
    retry::RetryPolicy,
    target::{IN_FLIGHT_DEFAULT, RelayTarget},
};

/// A target that is in use, shared by all routes to it.
pub struct Receiver {
    /// Its name.
    pub name: Xid,
    /// The version of its document.
    pub version: String,
    /// What its document says.
    pub target: RelayTarget,
    permits: Arc<Semaphore>,
    /// For those that go alone where others are sent together.
    alone: Arc<Semaphore>,
    breaker: Mutex<ReceiverBreaker>,
    /// When the server started, as the breaker's beginning of time.
    started: Instant,
    /// Why it is held; none if it isn't.
    held: watch::Sender<Option<String>>,
    /// Wakes deliveries that wait for the breaker: it opened, closed, or wants another trial.
    breaker_changed: Notify,
    /// How often somebody asked for tries ahead of the schedule.
    nudges: watch::Sender<u64>,
    /// Whether it agrees to get events.
    pub(crate) consent: Consent,
}

/// Why no try may be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverClosed {
    /// The target is paused or disabled, for this reason.
    Held(String),
    /// Its circuit breaker is open, for at most this time.
    Open(Duration),
}

/// The permission for one try. If the try is cut off, another one may be the trial.
pub struct TryPermit {
    receiver: Arc<Receiver>,
    is_settled: bool,
    _permit: OwnedSemaphorePermit,
}

impl Receiver {
    /// A target as its document says.
    #[must_use]
    pub fn new(name: Xid, version: String, target: RelayTarget, held: Option<String>) -> Self {
        let permits = Arc::new(Semaphore::new(target.max_in_flight as usize));
        let alone = target.max_in_flight.min(IN_FLIGHT_DEFAULT);
        let alone = Arc::new(Semaphore::new(alone as usize));
        Self {
            name,
            version,
            target,
            permits,
            alone,
            breaker: Mutex::default(),
            started: Instant::now(),
            held: watch::Sender::new(held),
            breaker_changed: Notify::new(),
            nudges: watch::Sender::new(0),
            consent: Consent::default(),
        }
    }

    fn now(&self) -> Duration {
        // The beginning is moved, so that no time is before it.
        self.started.elapsed() + Duration::from_secs(1)
    }

    /// Waits until a try may be made: the target isn't held, its breaker lets it, and fewer requests
    /// run than may.
    pub async fn admitted(self: &Arc<Self>) -> TryPermit {
        if let Some(permit) = self.admitted_at_once() {
            return permit;
        }
        loop {
            // The sender lives as long as this value.
            let _ = self.held.subscribe().wait_for(Option::is_none).await;
            let Ok(permit) = self.permits.clone().acquire_owned().await else {
                std::future::pending::<()>().await;
                continue;
            };
            if self.held.borrow().is_some() {
                continue;
            }
            // It is made before the breaker is asked, so no change after that is missed.
            let changed = self.breaker_changed.notified();
            let admission = self.breaker.lock().admit(self.now());
            match admission {
                ReceiverAdmission::Go => return self.permit(permit),
                ReceiverAdmission::Wait(time) => {
                    drop(permit);
                    tokio::select! {
                        () = sleep(time) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// The permission to send alone what could go with others, as few at once as where nothing is sent
    /// together: in batches far more deliveries run at once than there are requests.
    pub async fn alone(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.alone.clone().acquire_owned().await.ok()
    }

    /// The permission, if nothing has to be waited for: the usual case, in which nothing is subscribed
    /// to.
    fn admitted_at_once(self: &Arc<Self>) -> Option<TryPermit> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        if self.held.borrow().is_some() {
            return None;
        }
        let admission = self.breaker.lock().admit(self.now());
        (admission == ReceiverAdmission::Go).then(|| self.permit(permit))
    }

    /// Like [`admitted`](Self::admitted), but waits only for the number of requests: somebody waits
    /// for the answer.
    ///
    /// # Errors
    /// See [`ReceiverClosed`].
    pub async fn admitted_now(self: &Arc<Self>) -> Result<TryPermit, ReceiverClosed> {
        self.refuse_held()?;
        let Ok(permit) = self.permits.clone().acquire_owned().await else {
            return std::future::pending().await;
        };
        self.refuse_held()?;
        let admission = self.breaker.lock().admit(self.now());
        match admission {
            ReceiverAdmission::Go => Ok(self.permit(permit)),
            ReceiverAdmission::Wait(time) => Err(ReceiverClosed::Open(time)),
        }
    }

    /// Waits until it is held.
    pub async fn until_held(&self) {
        let _ = self.held.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits until it isn't held.
    pub async fn let_go(&self) {
        // The sender lives as long as this value.
        let _ = self.held.subscribe().wait_for(Option::is_none).await;
    }

    fn refuse_held(&self) -> Result<(), ReceiverClosed> {
        self.held().map_or(Ok(()), |reason| Err(ReceiverClosed::Held(reason)))
    }

    fn permit(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> TryPermit {
        TryPermit { receiver: self.clone(), is_settled: false, _permit: permit }
    }

    /// What [`rest`](Self::rest) needs. Who takes it before something else that waits misses no
    /// nudge meanwhile.
    #[must_use]
    pub fn nudges(&self) -> watch::Receiver<u64> {
        self.nudges.subscribe()
    }

    /// Waits until a time, or until somebody asks to try now.
    pub async fn rest(&self, due: Instant, mut nudges: watch::Receiver<u64>) {
        tokio::select! {
            () = sleep_until(due) => {}
            // The sender lives as long as this value.
            _ = nudges.changed() => {}
        }
    }

    /// Lets deliveries that wait for their next try make it now.
    pub fn nudge(&self) {
        self.nudges.send_modify(|count| *count += 1);
    }

    /// Closes the breaker. Who does that knows that the target is well, so what failed tries now.
    pub fn reset_breaker(&self) {
        self.breaker.lock().reset();
        self.breaker_changed.notify_waiters();
        self.nudge();
    }

    /// Changes the breaker, and wakes those who wait for it. Nobody waits for one that was closed.
    fn change_breaker<T>(&self, change: impl FnOnce(&mut ReceiverBreaker, Duration) -> T) -> T {
        let now = self.now();
        let mut breaker = self.breaker.lock();
        let was_closed = breaker.state(now) == ReceiverBreakerState::Closed;
        let changed = change(&mut breaker, now);
        drop(breaker);
        if !was_closed {
            self.breaker_changed.notify_waiters();
        }
        changed
    }

    /// The state of the breaker.
    #[must_use]
    pub fn breaker(&self) -> ReceiverBreakerState {
        self.breaker.lock().state(self.now())
    }

    /// The failures in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.breaker.lock().failures()
    }

    /// The requests that run now.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(u32::MAX);
        self.target.max_in_flight.saturating_sub(free)
    }

    /// Why it is held.
    #[must_use]
    pub fn held(&self) -> Option<String> {
        self.held.borrow().clone()
    }

    /// Holds it, or lets it go.
    pub fn hold(&self, reason: Option<String>) {
        self.held.send_replace(reason);
    }

    /// Holds it, unless it is held for another reason.
    pub fn hold_if_free(&self, reason: String) {
        self.held.send_if_modified(|held| {
            let is_free = held.is_none();
            if is_free {
                *held = Some(reason);
            }
            is_free
        });
    }
}

impl TryPermit {
    /// The try ended. Returns whether this opened the breaker. A request counts once, however many
    /// deliveries were in it.
    pub fn settle(mut self, tried: &Tried, policy: &RetryPolicy) -> bool {
        self.is_settled = true;
        let Some(is_failure) = tried.is_failure else { return false };
        self.receiver.change_breaker(|breaker, now| match is_failure {
            true => breaker.failed(policy.breaker, now),
            // It answered, so it is there.
            false => {
                breaker.succeeded();
                false
            }
        })
    }
}

impl Drop for TryPermit {
    fn drop(&mut self) {
        if !self.is_settled {
            self.receiver.change_breaker(ReceiverBreaker::abandoned);
        }
    }
}

#[cfg(test)]
mod tests;
