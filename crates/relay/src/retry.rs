//! When a delivery is tried again. Pure: the chance for the jitter is an argument.

use std::time::Duration;

use serde::Deserialize;

/// The tries of the schedule `quick`.
const QUICK_TRIES: u32 = 5;

/// The tries of the schedule `patient`, and the time before each: over 75 hours in all, which is a
/// weekend.
const PATIENT: [u64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// How much a delay varies, so that deliveries which failed together don't come back together.
const JITTER: f64 = 0.1;

/// The shortest delay after the end of a schedule that allows none: what is tried without end must
/// not keep a processor busy.
const ENDLESS_DELAY_MIN: Duration = Duration::from_secs(1);

/// The longest time that a receiver can ask for with `Retry-After`.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The policy of a target: when to try again, and when to leave it alone for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    schedule: Schedule,
    has_jitter: bool,
    /// The circuit breaker; none if it is turned off.
    pub breaker: Option<BreakerPolicy>,
}

/// When the circuit breaker of a target opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// The failures in a row that open it.
    pub threshold: u32,
    /// How long it stays open.
    pub rest: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self { threshold: 5, rest: Duration::from_secs(60) }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Schedule {
    /// Each delay is a multiple of the previous one.
    Growing { tries: u32, base: Duration, most: Duration, factor: f64 },
    /// The delay before each try.
    Listed(&'static [u64]),
}

/// A policy as a target's document says it: the name of a schedule, or its keys.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum RetrySetting {
    /// `quick` or `patient`.
    Named(String),
    /// Keys, each with its default.
    Keys(RetryKeys),
}

/// The keys of a policy. What isn't said is as in the schedule `quick`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryKeys {
    enabled: bool,
    max_retries: u32,
    base_delay_seconds: f64,
    max_delay_seconds: f64,
    backoff_multiplier: f64,
    jitter_enabled: bool,
    circuit_breaker_enabled: bool,
    circuit_breaker_threshold: u32,
    circuit_breaker_timeout_seconds: f64,
}

impl Default for RetryKeys {
    fn default() -> Self {
        Self {
            enabled: true,
            max_retries: QUICK_TRIES,
            base_delay_seconds: 1.0,
            max_delay_seconds: 300.0,
            backoff_multiplier: 2.0,
            jitter_enabled: true,
            circuit_breaker_enabled: true,
            circuit_breaker_threshold: 5,
            circuit_breaker_timeout_seconds: 60.0,
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::of_keys(&RetryKeys::default())
    }
}

impl RetryPolicy {
    /// The policy that a document says; none if it names no schedule.
    #[must_use]
    pub fn of(setting: &RetrySetting) -> Option<Self> {
        match setting {
            RetrySetting::Named(name) if name == "quick" => Some(Self::default()),
            RetrySetting::Named(name) if name == "patient" => Some(Self {
                schedule: Schedule::Listed(&PATIENT),
                has_jitter: true,
                breaker: Some(BreakerPolicy::default()),
            }),
            RetrySetting::Named(_) => None,
            RetrySetting::Keys(keys) => Some(Self::of_keys(keys)),
        }
    }

    fn of_keys(keys: &RetryKeys) -> Self {
        let tries = if keys.enabled { keys.max_retries.max(1) } else { 1 };
        let breaker = keys.circuit_breaker_enabled.then(|| BreakerPolicy {
            threshold: keys.circuit_breaker_threshold.max(1),
            rest: seconds(keys.circuit_breaker_timeout_seconds),
        });
        let schedule = Schedule::Growing {
            tries,
            base: seconds(keys.base_delay_seconds),
            most: seconds(keys.max_delay_seconds),
            factor: keys.backoff_multiplier,
        };
        Self { schedule, has_jitter: keys.jitter_enabled, breaker }
    }

    /// How often a delivery is tried in all.
    #[must_use]
    pub fn tries(&self) -> u32 {
        match &self.schedule {
            Schedule::Growing { tries, .. } => *tries,
            Schedule::Listed(delays) => u32::try_from(delays.len()).unwrap_or(u32::MAX),
        }
    }

    /// The time before the next try after `failed` tries; none after the last one. `chance` is
    /// between 0 and 1.
    #[must_use]
    pub fn delay(&self, failed: u32, chance: f64) -> Option<Duration> {
        (failed < self.tries()).then(|| self.varied(failed, chance))
    }

    /// The time before the next try where giving up is no answer: as the schedule says, and after
    /// its end it goes on growing up to the longest delay.
    #[must_use]
    pub fn delay_without_end(&self, failed: u32, chance: f64) -> Duration {
        self.delay(failed, chance)
            .unwrap_or_else(|| self.varied(failed, chance).max(ENDLESS_DELAY_MIN))
    }

    fn varied(&self, failed: u32, chance: f64) -> Duration {
        let plain = match &self.schedule {
            Schedule::Growing { base, most, factor, .. } => {
                let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
                seconds(base.as_secs_f64() * factor.powi(exponent)).min(*most)
            }
            Schedule::Listed(delays) => {
                let listed = delays.get(failed as usize).or(delays.last());
                Duration::from_secs(listed.copied().unwrap_or_default())
            }
        };
        let varied = 1.0 + JITTER * (2.0 * chance - 1.0);
        if self.has_jitter { plain.mul_f64(varied) } else { plain }
    }
}

/// Seconds of a document as a time; what is no time is none at all.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(match value > 0.0 {
        true => Duration::from_secs(86_400),
        false => Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;

    fn policy(setting: serde_json::Value) -> RetryPolicy {
        RetryPolicy::of(&serde_json::from_value(setting).unwrap()).unwrap()
    }

    fn delays(policy: &RetryPolicy, chance: f64) -> Vec<f64> {
        let all = (1..=policy.tries()).map_while(|failed| policy.delay(failed, chance));
        all.map(|delay| delay.as_secs_f64()).collect()
    }

    #[test]
    fn each_schedule_waits_as_it_says() {
        for (setting, expect) in [
            (json!("quick"), vec![1.0, 2.0, 4.0, 8.0]),
            (json!({}), vec![1.0, 2.0, 4.0, 8.0]),
            (
                json!("patient"),
                vec![
                    5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0,
                ],
            ),
            (json!({"max_retries": 3, "base_delay_seconds": 0.5}), vec![0.5, 1.0]),
            (
                json!({"max_retries": 5, "backoff_multiplier": 10, "max_delay_seconds": 50}),
                vec![1.0, 10.0, 50.0, 50.0],
            ),
            (json!({"enabled": false}), vec![]),
            (json!({"max_retries": 0}), vec![]),
            (
                json!({"max_retries": 100, "backoff_multiplier": 100, "max_delay_seconds": 7}),
                [1.0].into_iter().chain([7.0; 98]).collect(),
            ),
        ] {
            assert_eq!(delays(&policy(setting.clone()), 0.5), expect, "{setting}");
        }
    }

    #[test]
    fn without_end_it_goes_on_growing_and_never_hurries() {
        for (setting, failed, expect) in [
            (json!("quick"), 4, 8.0),
            (json!("quick"), 5, 16.0),
            (json!("quick"), 50, 300.0),
            (json!("quick"), u32::MAX, 300.0),
            (json!("patient"), 1, 5.0),
            (json!("patient"), 10, 86_400.0),
            (json!({"enabled": false}), 1, 1.0),
            (json!({"base_delay_seconds": 0}), 1, 0.0),
            (json!({"base_delay_seconds": 0}), 5, 1.0),
        ] {
            let delay = policy(setting.clone()).delay_without_end(failed, 0.5);
            assert_eq!(delay.as_secs_f64(), expect, "{setting} {failed}");
        }
    }

    #[test]
    fn a_delay_varies_by_a_tenth_unless_that_is_turned_off() {
        let quick = policy(json!("quick"));
        assert_eq!(delays(&quick, 0.0), [0.9, 1.8, 3.6, 7.2]);
        assert_eq!(delays(&quick, 1.0), [1.1, 2.2, 4.4, 8.8]);
        let steady = policy(json!({"jitter_enabled": false}));
        assert_eq!(delays(&steady, 0.0), delays(&steady, 1.0));
    }

    #[test]
    fn a_breaker_has_its_defaults_and_can_be_turned_off() {
        let defaults = BreakerPolicy { threshold: 5, rest: Duration::from_secs(60) };
        assert_eq!(policy(json!("quick")).breaker, Some(defaults));
        assert_eq!(policy(json!("patient")).breaker, Some(defaults));
        assert_eq!(policy(json!({"circuit_breaker_enabled": false})).breaker, None);
        let other = json!({"circuit_breaker_threshold": 2, "circuit_breaker_timeout_seconds": 0.5});
        let expect = BreakerPolicy { threshold: 2, rest: Duration::from_millis(500) };
        assert_eq!(policy(other).breaker, Some(expect));
        assert_eq!(RetryPolicy::of(&RetrySetting::Named("slow".to_owned())), None);
    }
}
