//! A target that is in use: its document, its breaker, and how many requests run.

use std::{sync::Arc, time::Duration};

use muster_words::Xid;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep},
};

use crate::{
    breaker::{ReceiverAdmission, ReceiverBreaker, ReceiverBreakerState},
    decision::TryOutcome,
    retry::RetryPolicy,
    target::RelayTarget,
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
    breaker: Mutex<ReceiverBreaker>,
    /// When the server started, as the breaker's beginning of time.
    started: Instant,
    /// Why it is held; none if it isn't.
    held: watch::Sender<Option<String>>,
    /// Wakes deliveries that wait.
    woken: Notify,
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
        Self {
            name,
            version,
            target,
            permits,
            breaker: Mutex::default(),
            started: Instant::now(),
            held: watch::Sender::new(held),
            woken: Notify::new(),
        }
    }

    fn now(&self) -> Duration {
        // The beginning is moved, so that no time is before it.
        self.started.elapsed() + Duration::from_secs(1)
    }

    /// Waits until a try may be made: the target isn't held, its breaker lets it, and fewer requests
    /// run than may.
    pub async fn admitted(self: &Arc<Self>) -> TryPermit {
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
            let admission = self.breaker.lock().admit(self.now());
            match admission {
                ReceiverAdmission::Go => {
                    let receiver = self.clone();
                    return TryPermit { receiver, is_settled: false, _permit: permit };
                }
                ReceiverAdmission::Wait(time) => {
                    drop(permit);
                    tokio::select! {
                        () = sleep(time) => {}
                        () = self.woken.notified() => {}
                    }
                }
            }
        }
    }

    /// Waits for a time, or until somebody asks to try now.
    pub async fn rest(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.woken.notified() => {}
        }
    }

    /// Lets waiting deliveries try now.
    pub fn wake(&self) {
        self.woken.notify_waiters();
    }

    /// Closes the breaker.
    pub fn reset_breaker(&self) {
        self.breaker.lock().reset();
        self.wake();
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
        self.wake();
    }
}

impl TryPermit {
    /// The try ended. Returns whether this opened the breaker.
    pub fn settle(mut self, outcome: &TryOutcome, policy: &RetryPolicy) -> bool {
        self.is_settled = true;
        let mut breaker = self.receiver.breaker.lock();
        match outcome {
            TryOutcome::Taken => {
                let was_open = breaker.failures() > 0;
                breaker.succeeded();
                drop(breaker);
                if was_open {
                    self.receiver.wake();
                }
                false
            }
            outcome if outcome.counts_for_breaker() => {
                breaker.failed(policy.breaker, self.receiver.now())
            }
            // It answered, so it is there.
            _ => {
                breaker.succeeded();
                false
            }
        }
    }
}

impl Drop for TryPermit {
    fn drop(&mut self) {
        if !self.is_settled {
            self.receiver.breaker.lock().abandoned(self.receiver.now());
        }
    }
}
