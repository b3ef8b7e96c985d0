//! The laws of probes: when a provider counts as unhealthy, and when the next probe is due. Pure:
//! the time is an argument, in milliseconds.

use std::fmt;

use serde::Serialize;

use crate::{Fault, ProviderFaultKind};

/// How many probes fail in a row before a provider is unhealthy. Probes come too seldom to open a
/// breaker by its own rule.
pub const FAILED_PROBES_MAX: u32 = 3;

/// The part of its interval by which a probe comes earlier or later at most, a tenth, so that the
/// probes of a thousand providers don't come at once.
const JITTER_PART: u64 = 10;

/// How a provider is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderHealth {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// The last probe was good.
    Healthy,
    /// The last probe failed, but not enough of them.
    Degraded,
    /// Three probes in a row failed.
    Unhealthy,
}

impl fmt::Display for ProviderHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// What a probe proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeClass {
    /// The provider can be reached.
    Reach,
    /// The key is right.
    Key,
    /// There is money left.
    Credit,
    /// A model answers. It costs money.
    Completion,
}

/// What a good probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// What it proves.
    pub class: ProbeClass,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
}

/// What follows from a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// It was good.
    Good,
    /// It failed, and that isn't enough to say more.
    Failed,
    /// It failed, and the provider is unhealthy: its breaker opens.
    Down,
    /// The provider answers, but not with this key: its status is `error`.
    KeyRefused,
}

/// The probes of one provider so far.
#[derive(Clone, Debug, Default)]
pub struct ProbeRecord {
    /// How the provider is.
    pub state: ProviderHealth,
    /// How many probes failed since the last good one.
    pub failures_in_row: u32,
    /// How many probes there were.
    pub total: u64,
    /// How many of them were good.
    pub good: u64,
    /// What the last good one found.
    pub last_good: Option<ProbeResult>,
    /// What went wrong the last time; none if it was good.
    pub last_fault: Option<Fault>,
}

impl ProbeRecord {
    /// Notes the outcome of a probe.
    pub fn note(&mut self, outcome: Result<ProbeResult, Fault>) -> ProbeVerdict {
        self.total += 1;
        let fault = match outcome {
            Ok(result) => {
                self.good += 1;
                self.failures_in_row = 0;
                self.state = ProviderHealth::Healthy;
                (self.last_good, self.last_fault) = (Some(result), None);
                return ProbeVerdict::Good;
            }
            Err(fault) => fault,
        };
        let kind = fault.kind;
        self.last_fault = Some(fault);
        if matches!(kind, ProviderFaultKind::InvalidApiKey | ProviderFaultKind::PermissionDenied) {
            // The provider is there; only this key is no good.
            self.state = ProviderHealth::Degraded;
            self.failures_in_row = 0;
            return ProbeVerdict::KeyRefused;
        }
        if kind == ProviderFaultKind::RateLimited {
            // A provider that has no room for a probe works.
            self.state = ProviderHealth::Degraded;
            return ProbeVerdict::Failed;
        }
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        if self.failures_in_row < FAILED_PROBES_MAX {
            self.state = ProviderHealth::Degraded;
            return ProbeVerdict::Failed;
        }
        self.state = ProviderHealth::Unhealthy;
        ProbeVerdict::Down
    }
}

/// How long to wait for the next probe: the interval, up to a tenth more or less. `chance` is any
/// number.
#[must_use]
pub const fn next_probe_after_ms(interval_ms: u64, chance: u64) -> u64 {
    let spread = interval_ms / JITTER_PART;
    (interval_ms - spread).saturating_add(chance % (2 * spread + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_each_law() {
        let good = || Ok(ProbeResult { class: ProbeClass::Key, latency_ms: 1 });
        let bad = |kind| Err(Fault::new(kind, "x"));
        use ProbeVerdict::{Down, Failed, Good, KeyRefused};
        use ProviderFaultKind::{InvalidApiKey as Key, Network, RateLimited as Limited, Timeout};
        use ProviderHealth::{Degraded, Healthy, Unhealthy};
        for (law, probes) in [
            ("a good probe is healthy", vec![(good(), Healthy, Good)]),
            (
                "three failures in a row are unhealthy",
                vec![
                    (bad(Network), Degraded, Failed),
                    (bad(Timeout), Degraded, Failed),
                    (bad(Network), Unhealthy, Down),
                    (bad(Network), Unhealthy, Down),
                    (good(), Healthy, Good),
                    (bad(Network), Degraded, Failed),
                ],
            ),
            (
                "a good probe between them begins again",
                vec![
                    (bad(Network), Degraded, Failed),
                    (bad(Network), Degraded, Failed),
                    (good(), Healthy, Good),
                    (bad(Network), Degraded, Failed),
                    (bad(Network), Degraded, Failed),
                ],
            ),
            (
                "a refused key is no failure of the provider",
                vec![(bad(Key), Degraded, KeyRefused); 4],
            ),
            ("a limited probe is no failure", vec![(bad(Limited), Degraded, Failed); 5]),
        ] {
            let mut record = ProbeRecord::default();
            for (index, (outcome, state, verdict)) in probes.into_iter().enumerate() {
                assert_eq!(record.note(outcome), verdict, "{law}, {index}");
                assert_eq!(record.state, state, "{law}, {index}");
            }
        }
    }

    proptest! {
        #[test]
        fn comes_within_a_tenth_of_its_interval(interval: u64, chance: u64) {
            let after = next_probe_after_ms(interval, chance);
            let (least, most) = (interval - interval / 10, interval.saturating_add(interval / 10));
            prop_assert!((least..=most).contains(&after));
        }
    }
}
