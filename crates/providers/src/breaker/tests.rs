#![expect(clippy::panic, reason = "a test may")]

use proptest::prelude::*;

use super::*;

/// One step of a law: what happens, and the state that must follow.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A call that fails.
    Fail,
    /// A call that succeeds.
    Pass,
    /// A call that ends without a verdict.
    End,
    /// A call that begins and never ends.
    Begin,
    /// A call whose answer begins, and fails in the middle.
    Break,
    /// A call that passes although the breaker is open, and never ends.
    LastResort,
    /// Three probes failed.
    ProbesDown,
    /// A good probe.
    ProbeUp,
    /// Time passes, in milliseconds.
    Wait(u64),
    /// The command.
    Reset,
    /// The provider asks for a rest, in milliseconds.
    Rest(u64),
    /// A call is refused.
    Refused,
}

fn run(steps: &[(Step, BreakerState)]) -> Result<(), String> {
    let mut breaker = Breaker::new(BreakerSettings::default());
    let mut now = 1_000;
    for (index, (step, expect)) in steps.iter().enumerate() {
        let granted = |breaker: &mut Breaker| match breaker.admit(now).0 {
            Admission::Granted(permit) => Ok(permit),
            Admission::Refused { .. } => Err(format!("step {index}: refused")),
        };
        match *step {
            Step::Fail => {
                let permit = granted(&mut breaker)?;
                breaker.failed(permit, now);
            }
            Step::Pass => {
                let permit = granted(&mut breaker)?;
                breaker.succeeded(permit, now);
            }
            Step::End => {
                let permit = granted(&mut breaker)?;
                breaker.ended(permit, now);
            }
            Step::Begin => {
                granted(&mut breaker)?;
            }
            Step::Break => {
                let permit = granted(&mut breaker)?;
                let (permit, _) = breaker.begun(permit, now);
                breaker.failed(permit, now);
            }
            Step::LastResort => {
                if let Admission::Refused { .. } = breaker.admit_last_resort(now).0 {
                    return Err(format!("step {index}: refused"));
                }
            }
            Step::Refused => {
                if granted(&mut breaker).is_ok() {
                    return Err(format!("step {index}: granted"));
                }
            }
            Step::ProbesDown => {
                breaker.probes_failed(now);
            }
            Step::ProbeUp => {
                breaker.probe_succeeded(now);
            }
            Step::Wait(time) => now += time,
            Step::Reset => {
                breaker.reset();
            }
            Step::Rest(time) => breaker.rest_until(now + time),
        }
        let state = breaker.report(now).state;
        if state != *expect {
            return Err(format!("step {index}: {state}, not {expect}"));
        }
    }
    Ok(())
}

#[test]
fn keeps_each_law() {
    use BreakerState::{Closed, HalfOpen, Open};
    use Step::{
        Begin, Break, End, Fail, LastResort, Pass, ProbeUp, ProbesDown, Refused, Reset, Rest, Wait,
    };
    let opened = [(Fail, Closed), (Fail, Closed), (Fail, Closed), (Fail, Closed), (Fail, Open)];
    let after = |rest: &[(Step, BreakerState)]| [&opened[..], rest].concat();
    for (law, steps) in [
        ("five failures open it", after(&[(Refused, Open)])),
        (
            "failures older than a minute don't count",
            vec![
                (Fail, Closed),
                (Fail, Closed),
                (Fail, Closed),
                (Fail, Closed),
                (Wait(60_000), Closed),
                (Fail, Closed),
                (Pass, Closed),
            ],
        ),
        (
            "successes between them don't clear failures",
            vec![
                (Fail, Closed),
                (Pass, Closed),
                (Fail, Closed),
                (Fail, Closed),
                (Pass, Closed),
                (Fail, Closed),
                (Wait(59_999), Closed),
                (Fail, Open),
            ],
        ),
        ("it stays open for five minutes", after(&[(Wait(299_999), Open), (Refused, Open)])),
        ("then it is half-open", after(&[(Wait(300_000), HalfOpen)])),
        ("a good trial closes it", after(&[(Wait(300_000), HalfOpen), (Pass, Closed)])),
        (
            "a failed trial opens it for as long again",
            after(&[(Wait(300_000), HalfOpen), (Fail, Open), (Wait(299_999), Open)]),
        ),
        (
            "there is one trial at a time",
            after(&[(Wait(300_000), HalfOpen), (Begin, HalfOpen), (Refused, HalfOpen)]),
        ),
        (
            "a trial that takes 30 s has failed",
            after(&[
                (Wait(300_000), HalfOpen),
                (Begin, HalfOpen),
                (Wait(29_999), HalfOpen),
                (Refused, HalfOpen),
                (Wait(1), Open),
                (Wait(299_999), Open),
                (Wait(1), HalfOpen),
            ]),
        ),
        (
            "a trial whose answer begins closes it, and what breaks later counts as one failure",
            after(&[
                (Wait(300_000), HalfOpen),
                (Break, Closed),
                (Fail, Closed),
                (Fail, Closed),
                (Fail, Closed),
                (Fail, Open),
            ]),
        ),
        (
            "as a last resort a call passes before its time, one at a time",
            after(&[
                (Refused, Open),
                (LastResort, HalfOpen),
                (Refused, HalfOpen),
                (Wait(30_000), Open),
                (Refused, Open),
                (Wait(299_999), Open),
            ]),
        ),
        (
            "a trial without a verdict makes room for another",
            after(&[(Wait(300_000), HalfOpen), (End, HalfOpen), (Pass, Closed)]),
        ),
        ("calls without a verdict don't count", vec![(End, Closed); 9]),
        ("bad probes open it", vec![(ProbesDown, Open), (Refused, Open)]),
        (
            "a good probe moves it to half-open at most",
            vec![(ProbesDown, Open), (ProbeUp, HalfOpen), (ProbeUp, HalfOpen), (Pass, Closed)],
        ),
        (
            "a good probe changes nothing while it is closed",
            vec![(Fail, Closed), (ProbeUp, Closed)],
        ),
        (
            "bad probes keep it open",
            vec![
                (ProbesDown, Open),
                (Wait(200_000), Open),
                (ProbesDown, Open),
                (Wait(299_999), Open),
            ],
        ),
        ("a command closes it", after(&[(Reset, Closed), (Fail, Closed)])),
        (
            "a rest refuses calls and opens nothing",
            vec![(Rest(5_000), Closed), (Refused, Closed), (Wait(5_000), Closed), (Pass, Closed)],
        ),
    ] {
        if let Err(error) = run(&steps) {
            panic!("{law}: {error}");
        }
    }
}

#[test]
fn a_rest_holds_for_the_last_resort_and_no_time_is_too_long() {
    let longest = BreakerSettings {
        monitoring_period_ms: u64::MAX,
        recovery_timeout_ms: u64::MAX,
        trial_ms_max: u64::MAX,
        failure_threshold: 2,
    };
    let mut breaker = Breaker::new(longest);
    for now in [u64::MAX - 2, u64::MAX - 1] {
        let Admission::Granted(permit) = breaker.admit(now).0 else { panic!("refused") };
        breaker.failed(permit, now);
    }
    assert_eq!(breaker.report(u64::MAX - 1).state, BreakerState::Open);
    breaker.rest_until(u64::MAX);
    let refused = breaker.admit_last_resort(u64::MAX - 1).0;
    assert_eq!(refused, Admission::Refused { until_ms: u64::MAX });
    assert_eq!(breaker.report(u64::MAX - 1).state, BreakerState::Open);
}

#[test]
fn forgets_the_outcome_of_calls_from_before() {
    let mut breaker = Breaker::new(BreakerSettings::default());
    let Admission::Granted(early) = breaker.admit(0).0 else { panic!("refused") };
    breaker.probes_failed(1);
    assert_eq!(breaker.succeeded(early, 2), None);
    assert_eq!(breaker.report(2).state, BreakerState::Open);
    breaker.probe_succeeded(3);
    assert_eq!(breaker.failed(early, 4), None);
    assert_eq!(breaker.report(4).state, BreakerState::HalfOpen);
}

/// A breaker as one would write it on paper: everything that happened, and the answer computed
/// from it each time.
#[derive(Default)]
struct Paper {
    failures: Vec<u64>,
    opened: Option<u64>,
    half_since: Option<u64>,
    trial: Option<u64>,
}

impl Paper {
    fn state(&mut self, now: u64) -> BreakerState {
        if let Some(since) = self.trial
            && now >= since + 30_000
        {
            (self.opened, self.half_since, self.trial) = (Some(since + 30_000), None, None);
        }
        if let Some(opened) = self.opened
            && self.half_since.is_none()
            && now >= opened + 300_000
        {
            self.half_since = Some(opened + 300_000);
        }
        match (self.opened, self.half_since) {
            (None, _) => BreakerState::Closed,
            (Some(_), None) => BreakerState::Open,
            (Some(_), Some(_)) => BreakerState::HalfOpen,
        }
    }

    fn admits(&mut self, now: u64) -> bool {
        match self.state(now) {
            BreakerState::Closed => true,
            BreakerState::Open => false,
            BreakerState::HalfOpen => {
                let free = self.trial.is_none();
                self.trial = self.trial.or(Some(now));
                free
            }
        }
    }

    fn open(&mut self, now: u64) {
        *self = Self { opened: Some(now), ..Self::default() };
    }

    fn told(&mut self, good: bool, now: u64) {
        match (self.state(now), good) {
            (BreakerState::Closed, false) => {
                self.failures.push(now);
                let recent = self.failures.iter().filter(|then| **then + 60_000 > now).count();
                if recent >= 5 {
                    self.open(now);
                }
            }
            (BreakerState::HalfOpen, false) => self.open(now),
            (BreakerState::HalfOpen, true) => *self = Self::default(),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn does_what_a_breaker_on_paper_does(
        steps in proptest::collection::vec((0_u64..100_000, 0_u8..6), 1..200)
    ) {
        let (mut breaker, mut paper) = (Breaker::new(BreakerSettings::default()), Paper::default());
        let mut now = 0;
        for (wait, what) in steps {
            // Most steps follow at once, some after long.
            now += if wait < 70_000 { wait / 100 } else { wait * 4 };
            match what {
                0..=2 => {
                    let admission = breaker.admit(now).0;
                    let is_granted = matches!(admission, Admission::Granted(_));
                    prop_assert_eq!(is_granted, paper.admits(now));
                    if let Admission::Granted(permit) = admission {
                        match what {
                            0 | 1 => { breaker.failed(permit, now); }
                            _ => { breaker.succeeded(permit, now); }
                        }
                        paper.told(what == 2, now);
                    }
                }
                3 => {
                    // A call that never ends.
                    let is_granted = matches!(breaker.admit(now).0, Admission::Granted(_));
                    prop_assert_eq!(is_granted, paper.admits(now));
                }
                4 => {
                    breaker.probe_succeeded(now);
                    if paper.state(now) == BreakerState::Open {
                        paper.half_since = Some(now);
                    }
                }
                _ => {
                    breaker.probes_failed(now);
                    paper.state(now);
                    paper.open(now);
                }
            }
            prop_assert_eq!(breaker.report(now).state, paper.state(now));
        }
    }
}
