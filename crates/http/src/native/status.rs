//! `GET /status`: how the registry is, for who runs it.

use std::{fs, path::Path, time::Duration};

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Native, answer};

pub(super) async fn status(State(native): State<Native>) -> Response {
    let status = native.registry.status();
    let view = native.registry.view();
    let mut value = json!({
        "registry": view.id().as_str(),
        "position": status.position.0,
        "moment": status.moment.to_string(),
        "documents": status.documents,
        "schemas": status.schemas,
        "rules": status.rules,
        "groups": status.groups,
        "hidden": status.hidden,
        "writes": {
            "waiting": status.waiting,
            "entries_since_start": status.writes,
            // None in the last minute: null.
            "p99_ms": status.write_p99.map(milliseconds),
        },
        "watchers": native.watchers(),
        "clock": if status.clock_is_behind { "behind the ledger" } else { "in step" },
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(checkpoint) = status.checkpoint {
        value["checkpoint"] = checkpoint.0.into();
    }
    if let Some(age) = status.checkpoint_age {
        value["checkpoint_age_s"] = age.as_secs().into();
    }
    if let Some(file) = &native.file {
        value["ledger"] = json!({"file": file.display().to_string(), "bytes": bytes_of(file)});
    }
    answer::json(StatusCode::OK, &value)
}

/// A number of milliseconds with two digits behind the point.
fn milliseconds(time: Duration) -> Value {
    let hundredths = time.as_micros().div_ceil(10);
    serde_json::from_str(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
        .unwrap_or_default()
}

/// The bytes of a database, those in the log beside it included.
fn bytes_of(file: &Path) -> u64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    size(file) + size(Path::new(&log))
}
