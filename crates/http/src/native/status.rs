//! `GET /status`: the state of the registry, for its operators.

use std::time::Duration;

use axum::{extract::State, response::Response};
use http::StatusCode;
use muster_wire::status::{ClockState, LedgerFile, StatusReport, WriteReport};
use muster_words::json::Number;

use super::{Native, answer, followers};

pub(super) async fn status(State(native): State<Native>) -> Response {
    let status = native.registry.status();
    let view = native.registry.view();
    let clock_jump_s = native.clock_jump.as_ref().and_then(|jump| jump());
    let clock = match status.clock_is_behind {
        _ if clock_jump_s.is_some() => ClockState::Jumped,
        true => ClockState::BehindTheLedger,
        false => ClockState::InStep,
    };
    let report = StatusReport {
        registry: view.id().to_string(),
        position: status.position.0,
        moment: status.moment.to_string(),
        documents: status.documents,
        schemas: status.schemas,
        rules: status.rules,
        groups: status.groups,
        hidden: status.hidden,
        writes: WriteReport {
            waiting: status.waiting,
            entries_since_start: status.writes,
            p99_ms: status.write_p99.and_then(milliseconds),
        },
        watchers: native.watchers() as u64,
        followers: native.followers.status().iter().map(followers::report).collect(),
        clock: clock.into(),
        clock_jump_s,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        checkpoint: status.checkpoint.map(|position| position.0),
        checkpoint_age_s: status.checkpoint_age.map(|age| age.as_secs()),
        ledger: native.file.as_ref().map(|stored| LedgerFile {
            file: stored.file.display().to_string(),
            bytes: (stored.bytes)(),
        }),
    };
    answer::json(StatusCode::OK, &report)
}

/// Milliseconds with two decimals.
fn milliseconds(time: Duration) -> Option<Number> {
    let hundredths = time.as_micros().div_ceil(10);
    serde_json::from_str(&format!("{}.{:02}", hundredths / 100, hundredths % 100)).ok()
}
