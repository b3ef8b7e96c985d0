//! The circuit breaker of a target. Pure: the time is an argument.

use std::time::Duration;

use crate::retry::BreakerPolicy;

/// Whether a target is left alone after failures in a row.
///
/// While it is open nothing is sent, and nothing is dropped either: deliveries wait, and the mark
/// stays where it is. Then one delivery tries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReceiverBreaker {
    failures: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Closed,
    /// Open until this time.
    Open(Duration),
    /// One delivery tries, since this time.
    Trial(Duration),
}

/// The state of a breaker, by the names that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverBreakerState {
    /// Deliveries are made.
    Closed,
    /// Deliveries wait.
    Open,
    /// One delivery tries.
    HalfOpen,
}

impl ReceiverBreakerState {
    /// The state's name in the API and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Whether a delivery may be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiverAdmission {
    /// It may.
    Go,
    /// Not before this time has passed or the breaker has changed.
    Wait(Duration),
}

/// How long a trial may take before another delivery may try: longer than any deadline of a
/// delivery, for a trial that was cut off.
const TRIAL_TIME_MAX: Duration = Duration::from_secs(600);

impl ReceiverBreaker {
    /// Asks for a delivery at a time since some fixed moment. The first one after the rest becomes
    /// the trial.
    pub fn admit(&mut self, now: Duration) -> ReceiverAdmission {
        match self.state {
            State::Closed => ReceiverAdmission::Go,
            State::Open(until) if now < until => ReceiverAdmission::Wait(until - now),
            State::Trial(since) if now < since + TRIAL_TIME_MAX => {
                ReceiverAdmission::Wait(since + TRIAL_TIME_MAX - now)
            }
            State::Open(_) | State::Trial(_) => {
                self.state = State::Trial(now);
                ReceiverAdmission::Go
            }
        }
    }

    /// A delivery was made.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A delivery failed. Returns whether this opened the breaker.
    pub fn failed(&mut self, policy: Option<BreakerPolicy>, now: Duration) -> bool {
        self.failures = self.failures.saturating_add(1);
        let Some(policy) = policy else {
            self.state = State::Closed;
            return false;
        };
        let opens = matches!(self.state, State::Trial(_))
            || self.state == State::Closed && self.failures >= policy.threshold;
        if opens {
            self.state = State::Open(now + policy.rest);
        }
        opens
    }

    /// The trial ended without saying anything about the target; another delivery may try.
    pub fn abandoned(&mut self, now: Duration) {
        if matches!(self.state, State::Trial(_)) {
            self.state = State::Open(now);
        }
    }

    /// Closes it, as an operator asked.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Opens it for a time, as an operator asked.
    pub fn open(&mut self, now: Duration, rest: Duration) {
        self.state = State::Open(now + rest);
    }

    /// The state at a time.
    #[must_use]
    pub fn state(&self, now: Duration) -> ReceiverBreakerState {
        match self.state {
            State::Closed => ReceiverBreakerState::Closed,
            State::Open(until) if now < until => ReceiverBreakerState::Open,
            State::Open(_) | State::Trial(_) => ReceiverBreakerState::HalfOpen,
        }
    }

    /// The failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` a success, `-` a failure, `?` a delivery asks (`go` or `wait`), a number: seconds pass.
    fn play(steps: &str) -> String {
        let policy = Some(BreakerPolicy { threshold: 3, rest: Duration::from_secs(60) });
        let (mut breaker, mut now) = (ReceiverBreaker::default(), Duration::from_secs(1_000));
        let mut told = Vec::new();
        for step in steps.split(' ') {
            match step {
                "+" => breaker.succeeded(),
                "-" => {
                    breaker.failed(policy, now);
                }
                "?" => told.push(match breaker.admit(now) {
                    ReceiverAdmission::Go => "go".to_owned(),
                    ReceiverAdmission::Wait(_) => "wait".to_owned(),
                }),
                "s" => told.push(breaker.state(now).name().to_owned()),
                "reset" => breaker.reset(),
                "abandoned" => breaker.abandoned(now),
                time => now += Duration::from_secs(time.parse().unwrap_or_default()),
            }
        }
        told.join(" ")
    }

    #[test]
    fn opens_after_failures_in_a_row_and_lets_one_delivery_try_after_the_rest() {
        for (steps, expect) in [
            ("s ?", "closed go"),
            ("- - ? s", "go closed"),
            ("- - + - - ?", "go"),
            ("- - - ? s", "wait open"),
            ("- - - 59 ? s", "wait open"),
            ("- - - 60 s ? ? ?", "half-open go wait wait"),
            ("- - - 60 ? + s ? ?", "go closed go go"),
            ("- - - 60 ? - s ? 60 ?", "go open wait go"),
            // What was sent before it opened, and failed afterwards, prolongs nothing.
            ("- - - 30 - - 30 ?", "go"),
            ("- - - reset s ? - - ?", "closed go go"),
            ("- - - 60 ? abandoned ? ?", "go go wait"),
            ("- - - 60 ? 599 ? 1 ?", "go wait go"),
        ] {
            assert_eq!(play(steps), expect, "{steps}");
        }
    }

    #[test]
    fn without_a_policy_it_never_opens() {
        let mut breaker = ReceiverBreaker::default();
        for second in 0..100 {
            assert!(!breaker.failed(None, Duration::from_secs(second)));
            assert_eq!(breaker.admit(Duration::from_secs(second)), ReceiverAdmission::Go);
        }
        assert_eq!(breaker.failures(), 100);
    }
}
