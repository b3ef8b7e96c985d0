//! How long the times of a configuration may be.

use std::time::Duration;

use muster_schema::Violation;
use muster_words::json::Value;
use serde_json::json;

use super::time_in;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 60 * 60 * SECOND_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A time of a configuration, and its limits in milliseconds.
struct BoundTime {
    pointer: &'static str,
    least_ms: u64,
    most_ms: u64,
}

/// Every time of a configuration. Probes cost a request each, so they come once a second at most;
/// once a day is the least from which anything could be seen. What keeps a caller, a start or a stop
/// waiting has an hour at most, and what is only remembered a day.
const TIMES: [BoundTime; 8] = [
    BoundTime { pointer: "/timeout", least_ms: 1, most_ms: HOUR_MS },
    BoundTime { pointer: "/health/checkInterval", least_ms: SECOND_MS, most_ms: DAY_MS },
    BoundTime { pointer: "/health/timeout", least_ms: 1, most_ms: HOUR_MS },
    BoundTime { pointer: "/circuitBreaker/recoveryTimeout", least_ms: 1, most_ms: DAY_MS },
    BoundTime { pointer: "/circuitBreaker/monitoringPeriod", least_ms: 1, most_ms: DAY_MS },
    BoundTime { pointer: "/lifecycle/initTimeout", least_ms: 1, most_ms: HOUR_MS },
    BoundTime { pointer: "/lifecycle/disposeTimeout", least_ms: 1, most_ms: HOUR_MS },
    BoundTime { pointer: "/lifecycle/gracefulShutdownTimeout", least_ms: 1, most_ms: HOUR_MS },
];

/// The units of a time that is a text.
const UNITS: [&str; 6] = ["ms", "s", "m", "h", "d", "w"];

/// The JSON Schema of a time. It can bound numbers only; texts are bounded by [`violations`].
pub(super) fn time(pointer: &str) -> Value {
    let bound = TIMES.iter().find(|bound| bound.pointer == pointer);
    let (least, most) = bound.map_or((1, DAY_MS), |bound| (bound.least_ms, bound.most_ms));
    json!({
        "description": format!(
            "A number of milliseconds, or a text such as 30s; from {} to {}.",
            said(least), said(most)
        ),
        "type": ["integer", "string"],
        "minimum": least,
        "maximum": most,
        "pattern": format!("^[0-9]+({})$", UNITS.join("|"))
    })
}

/// The times that the schema lets pass although they are too short or too long, or that nobody
/// could read: they would silently be others.
pub(super) fn violations(value: &Value) -> Vec<Violation> {
    let wrong = |bound: &BoundTime| {
        let written = value.pointer(bound.pointer)?;
        let has_form = match written {
            Value::String(text) => {
                let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
                unit.len() < text.len() && UNITS.contains(&unit)
            }
            // The schema takes 1500.0 for a whole number.
            other => other.as_f64().is_some_and(|number| number >= 1.0 && number.fract() == 0.0),
        };
        let is_bounded_there = written.is_u64();
        let (least, most) =
            (Duration::from_millis(bound.least_ms), Duration::from_millis(bound.most_ms));
        let is_within = time_in(written).is_some_and(|time| (least..=most).contains(&time));
        let message = format!(
            "write a time from {} to {}, in whole milliseconds or as a text such as 30s",
            said(bound.least_ms),
            said(bound.most_ms)
        );
        (has_form && !is_bounded_there && !is_within)
            .then(|| Violation::keyword(bound.pointer, "maximum", message))
    };
    TIMES.iter().filter_map(wrong).collect()
}

fn said(milliseconds: u64) -> &'static str {
    match milliseconds {
        DAY_MS => "1 day",
        HOUR_MS => "1 hour",
        SECOND_MS => "1 second",
        _ => "1 millisecond",
    }
}
