//! The circuit breaker of a provider, or of one model at a provider. Pure: the time is an argument,
//! in milliseconds.

mod cell;

use std::{collections::VecDeque, fmt};

use serde::Serialize;

pub(crate) use self::cell::BreakerCell;

/// The settings of a breaker, with their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures within the period open it.
    pub failure_threshold: u32,
    /// The period in which failures count, in milliseconds.
    pub monitoring_period_ms: u64,
    /// How long it stays open, in milliseconds.
    pub recovery_timeout_ms: u64,
    /// How long the trial call may take until its answer begins, or, if it isn't streamed, ends, in
    /// milliseconds. A trial that never ends would keep all others out.
    pub trial_ms_max: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failure_threshold: 5,
            monitoring_period_ms: 60_000,
            recovery_timeout_ms: 300_000,
            trial_ms_max: 30_000,
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open,
    /// One call at a time passes, to find out.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// Why a breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenReason {
    /// Too many calls failed.
    Failures,
    /// The trial call failed, or didn't end in time.
    Trial,
    /// Too many probes failed in a row.
    Probes,
}

/// The right to make one call. Its outcome is told with it, so that calls from before the breaker
/// opened don't decide what is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPermit {
    generation: u64,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted(CallPermit),
    /// It may not before this time.
    Refused {
        /// When another try is worth it, in milliseconds.
        until_ms: u64,
    },
}

/// A change of the state that others are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerChange {
    /// It opened.
    Opened(OpenReason),
    /// It closed.
    Closed,
}

/// A circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: BreakerState,
    /// Counts the changes of the state.
    generation: u64,
    /// The times of failures, oldest first; never more than the threshold.
    failures: VecDeque<u64>,
    reason: Option<OpenReason>,
    reopens_ms: u64,
    trial_since_ms: Option<u64>,
    rests_until_ms: u64,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(settings: BreakerSettings) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            generation: 0,
            failures: VecDeque::new(),
            reason: None,
            reopens_ms: 0,
            trial_since_ms: None,
            rests_until_ms: 0,
        }
    }

    /// Asks for a call. While the breaker is half-open, the call is the trial.
    pub fn admit(&mut self, now_ms: u64) -> (Admission, Option<BreakerChange>) {
        let change = self.pass_time(now_ms);
        if now_ms < self.rests_until_ms {
            return (Admission::Refused { until_ms: self.rests_until_ms }, change);
        }
        let admission = match (self.state, self.trial_since_ms) {
            (BreakerState::Open, _) => Admission::Refused { until_ms: self.reopens_ms },
            (BreakerState::HalfOpen, Some(since)) => {
                Admission::Refused { until_ms: since.saturating_add(self.settings.trial_ms_max) }
            }
            (BreakerState::HalfOpen, None) => {
                self.trial_since_ms = Some(now_ms);
                Admission::Granted(self.permit())
            }
            (BreakerState::Closed, _) => Admission::Granted(self.permit()),
        };
        (admission, change)
    }

    /// Asks for a call although the breaker may be open, because nobody else is left who could
    /// answer. The call is the trial, before its time. A rest that the provider asked for holds.
    pub fn admit_last_resort(&mut self, now_ms: u64) -> (Admission, Option<BreakerChange>) {
        let change = self.pass_time(now_ms);
        if self.state == BreakerState::Open && self.rests_until_ms <= now_ms {
            self.half_open();
        }
        let (admission, later) = self.admit(now_ms);
        (admission, change.or(later))
    }

    /// The answer to the call of this permit has begun. For a trial that is enough: how long an
    /// answer goes on says nothing of the provider's health. Returns the permit for the rest of the
    /// call.
    pub fn begun(
        &mut self,
        permit: CallPermit,
        now_ms: u64,
    ) -> (CallPermit, Option<BreakerChange>) {
        let change = self.succeeded(permit, now_ms);
        let permit = if change == Some(BreakerChange::Closed) { self.permit() } else { permit };
        (permit, change)
    }

    /// The call of this permit succeeded.
    pub fn succeeded(&mut self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        let change = self.pass_time(now_ms);
        let is_trial = permit == self.permit() && self.trial_since_ms.is_some();
        if !is_trial {
            return change;
        }
        self.close();
        Some(BreakerChange::Closed)
    }

    /// The call of this permit failed, and the provider is to blame.
    pub fn failed(&mut self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        let change = self.pass_time(now_ms);
        if permit != self.permit() {
            return change;
        }
        match self.state {
            BreakerState::HalfOpen if self.trial_since_ms.is_some() => {
                Some(self.open(OpenReason::Trial, now_ms))
            }
            BreakerState::Closed => {
                self.failures.push_back(now_ms);
                self.forget_old(now_ms);
                let count = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
                let opens = count >= self.settings.failure_threshold;
                opens.then(|| self.open(OpenReason::Failures, now_ms))
            }
            _ => change,
        }
    }

    /// The call of this permit ended without saying anything about the provider: the caller left,
    /// or the request was wrong. A trial that says nothing makes room for another.
    pub fn ended(&mut self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        let change = self.pass_time(now_ms);
        if permit == self.permit() {
            self.trial_since_ms = None;
        }
        change
    }

    /// The provider asked to be left alone until this time.
    pub fn rest_until(&mut self, until_ms: u64) {
        self.rests_until_ms = self.rests_until_ms.max(until_ms);
    }

    /// Probes found that the provider is down.
    pub fn probes_failed(&mut self, now_ms: u64) -> Option<BreakerChange> {
        self.pass_time(now_ms);
        match self.state {
            BreakerState::Open => {
                // A provider that is still down isn't tried by calls.
                self.reopens_ms = now_ms.saturating_add(self.settings.recovery_timeout_ms);
                None
            }
            _ => Some(self.open(OpenReason::Probes, now_ms)),
        }
    }

    /// A probe was good. It proves less than a call, so an open breaker becomes half-open at most.
    pub fn probe_succeeded(&mut self, now_ms: u64) -> Option<BreakerChange> {
        let change = self.pass_time(now_ms);
        if self.state == BreakerState::Open {
            self.half_open();
        }
        change
    }

    /// Closes it by command.
    pub fn reset(&mut self) -> Option<BreakerChange> {
        let was_closed = self.state == BreakerState::Closed;
        self.rests_until_ms = 0;
        self.close();
        (!was_closed).then_some(BreakerChange::Closed)
    }

    /// Where it stands at a time.
    pub fn report(&mut self, now_ms: u64) -> BreakerReport {
        self.pass_time(now_ms);
        self.forget_old(now_ms);
        BreakerReport {
            state: self.state,
            reason: self.reason,
            failures: u32::try_from(self.failures.len()).unwrap_or(u32::MAX),
            reopens_in_ms: match self.state {
                BreakerState::Open => Some(self.reopens_ms.saturating_sub(now_ms)),
                _ => None,
            },
            rests_for_ms: self.rests_until_ms.checked_sub(now_ms).filter(|rest| *rest > 0),
        }
    }

    /// Whether every call passes at once, now and until somebody tells of a failure.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.state == BreakerState::Closed && self.rests_until_ms == 0
    }

    /// Whether it says nothing that a new one wouldn't say.
    pub fn is_as_new(&mut self, now_ms: u64) -> bool {
        self.forget_old(now_ms);
        self.state == BreakerState::Closed
            && self.failures.is_empty()
            && self.rests_until_ms <= now_ms
    }

    const fn permit(&self) -> CallPermit {
        CallPermit { generation: self.generation }
    }

    /// What time alone changes.
    fn pass_time(&mut self, now_ms: u64) -> Option<BreakerChange> {
        if self.rests_until_ms <= now_ms {
            self.rests_until_ms = 0;
        }
        let trial_ms_max = self.settings.trial_ms_max;
        let trial_end = self.trial_since_ms.map(|since| since.saturating_add(trial_ms_max));
        let change = match trial_end {
            Some(end) if end <= now_ms => Some(self.open(OpenReason::Trial, end)),
            _ => None,
        };
        if self.state == BreakerState::Open && self.reopens_ms <= now_ms {
            self.half_open();
        }
        change
    }

    fn open(&mut self, reason: OpenReason, now_ms: u64) -> BreakerChange {
        self.state = BreakerState::Open;
        self.generation += 1;
        self.failures.clear();
        self.trial_since_ms = None;
        self.reason = Some(reason);
        self.reopens_ms = now_ms.saturating_add(self.settings.recovery_timeout_ms);
        BreakerChange::Opened(reason)
    }

    const fn half_open(&mut self) {
        self.state = BreakerState::HalfOpen;
        self.generation += 1;
        self.trial_since_ms = None;
    }

    fn close(&mut self) {
        self.state = BreakerState::Closed;
        self.generation += 1;
        self.failures.clear();
        self.trial_since_ms = None;
        self.reason = None;
    }

    fn forget_old(&mut self, now_ms: u64) {
        let period = self.settings.monitoring_period_ms;
        while self.failures.front().is_some_and(|failed| failed.saturating_add(period) <= now_ms) {
            self.failures.pop_front();
        }
    }
}

/// Where a breaker stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerReport {
    /// The state.
    pub state: BreakerState,
    /// Why it opened; none if it is closed.
    pub reason: Option<OpenReason>,
    /// The failures within the period.
    pub failures: u32,
    /// When the next trial is possible, in milliseconds from now.
    pub reopens_in_ms: Option<u64>,
    /// How long the provider asked to be left alone, in milliseconds from now.
    pub rests_for_ms: Option<u64>,
}

#[cfg(test)]
mod tests;
