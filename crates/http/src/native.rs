//! The doors beside `/api`: keys, the change stream, restore, the log, the ledger and the status.
//!
//! Each file is one door. None holds a rule: they turn requests into commands and reads, as the
//! door of xRegistry does.

mod answer;
mod changes;
mod gate;
mod keys;
mod ledger;
mod log;
mod past;
mod query;
mod restore;
mod status;
mod stream;

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    routing::{delete, get, post},
};
pub use gate::{Gate, GateError};
pub use ledger::{last_line, progress_line};
use muster_registry::Registry;

use self::{changes::Feed, ledger::Verifications};

/// What the doors stand on.
#[derive(Clone)]
pub struct Native {
    registry: Registry,
    gate: Arc<Gate>,
    feed: Arc<Feed>,
    verifications: Arc<Verifications>,
    file: Option<PathBuf>,
}

impl Native {
    /// Doors to a registry. It must be called within a Tokio runtime: a task of it decodes what
    /// is committed while somebody watches, until the last clone is dropped.
    #[must_use]
    pub fn new(registry: Registry, gate: Arc<Gate>) -> Self {
        let feed = Feed::new(registry.clone());
        Self { registry, gate, feed, verifications: Arc::default(), file: None }
    }

    /// With the file that the ledger lies in, so that the status can tell its size.
    #[must_use]
    pub fn with_file(self, file: Option<PathBuf>) -> Self {
        Self { file, ..self }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/keys", get(keys::list).post(keys::create))
            .route("/keys/{id}", delete(keys::revoke))
            .route("/changes", get(changes::follow))
            .route("/restore/{*xid}", post(restore::restore))
            .route("/log", get(log::log_of_all))
            .route("/log/{*xid}", get(log::log))
            .route("/status", get(status::status))
            .route("/ledger", get(ledger::show))
            .route("/ledger/checkpoint", get(ledger::checkpoint))
            .route("/ledger/verify", post(ledger::verify))
            .with_state(self)
    }

    /// How many streams of changes are open.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.feed.watchers()
    }
}
