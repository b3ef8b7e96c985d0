//! `GET /status`: how the registry is, for who runs it.

use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::json;

use super::{Native, answer};

pub(super) async fn status(State(native): State<Native>) -> Response {
    let status = native.registry.status();
    let view = native.registry.view();
    let mut value = json!({
        "registry": view.id.as_str(),
        "position": status.position.0,
        "moment": status.moment.to_string(),
        "documents": status.documents,
        "groups": status.groups,
        "hidden": status.hidden,
        "writes": {"waiting": status.waiting, "entries_since_start": status.writes},
        "watchers": native.watchers(),
        "clock": if status.clock_is_behind { "behind the ledger" } else { "in step" },
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(checkpoint) = status.checkpoint {
        value["checkpoint"] = checkpoint.0.into();
    }
    answer::json(StatusCode::OK, &value)
}
