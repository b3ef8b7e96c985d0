//! The doors beside `/api`: keys, the change stream, restore, the log, the ledger and the status.
//!
//! Each file is one door. None holds a rule: they turn requests into commands and reads, as the
//! door of xRegistry does.

mod actors;
mod answer;
mod body;
mod changes;
mod followers;
mod gate;
mod keys;
mod ledger;
mod log;
mod query;
mod restore;
mod status;
mod stream;

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, on},
};
pub use gate::{Access, Gate, GateError};
pub use ledger::{last_line, progress_line};
use muster_registry::{Followers, Registry};
use muster_wire::operations::{self, Endpoint, NativeEndpoint, Verb};

use self::{changes::Feed, ledger::Verifications};
use crate::guarded::guarded;

/// What the doors stand on.
#[derive(Clone)]
pub struct Native {
    registry: Registry,
    gate: Arc<Gate>,
    feed: Arc<Feed>,
    verifications: Arc<Verifications>,
    followers: Arc<Followers>,
    file: Option<PathBuf>,
}

impl Native {
    /// Doors to a registry. It must be called within a Tokio runtime: a task of it decodes what
    /// is committed while somebody watches, until the last clone is dropped.
    #[must_use]
    pub fn new(registry: Registry, gate: Arc<Gate>) -> Self {
        let feed = Feed::new(registry.clone());
        let (verifications, followers) = (Arc::default(), Arc::default());
        Self { registry, gate, feed, verifications, followers, file: None }
    }

    /// With the file that the ledger lies in, so that the status can tell its size.
    #[must_use]
    pub fn with_file(self, file: Option<PathBuf>) -> Self {
        Self { file, ..self }
    }

    /// With those who follow the ledger, so that the status can tell how they are.
    #[must_use]
    pub fn with_followers(self, followers: Arc<Followers>) -> Self {
        Self { followers, ..self }
    }

    /// The routes, as the table of operations has them.
    pub fn router(self) -> Router {
        let routes = operations::routes().filter_map(|operation| match operation.endpoint {
            Endpoint::Native(endpoint) => {
                Some((operation, method_filter(operation.verb), endpoint))
            }
            Endpoint::XRegistry | Endpoint::Server(_) => None,
        });
        let router = routes.fold(Router::new(), |router, (operation, method, endpoint)| {
            let route = operation.route();
            router.route(route, guarded(operation, answered_by(endpoint, method)))
        });
        router.with_state(self)
    }

    /// How many streams of changes are open.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.feed.watchers()
    }
}

/// What answers at a door.
fn answered_by(endpoint: NativeEndpoint, method: MethodFilter) -> MethodRouter<Native> {
    match endpoint {
        NativeEndpoint::Restore => on(method, restore::restore),
        NativeEndpoint::LogOfAll => on(method, log::log_of_all),
        NativeEndpoint::Log => on(method, log::log),
        NativeEndpoint::FollowChanges => on(method, changes::follow),
        NativeEndpoint::ShowLedger => on(method, ledger::show),
        NativeEndpoint::ShowCheckpoint => on(method, ledger::checkpoint),
        NativeEndpoint::VerifyLedger => on(method, ledger::verify),
        NativeEndpoint::ListKeys => on(method, keys::list),
        NativeEndpoint::CreateKey => on(method, keys::create),
        NativeEndpoint::RevokeKey => on(method, keys::revoke),
        NativeEndpoint::ForgetKey => on(method, keys::forget),
        NativeEndpoint::ResumeFollower => on(method, followers::resume),
        NativeEndpoint::ShowStatus => on(method, status::status),
    }
}

/// A method of the table, as a router names it. GET answers HEAD as well.
pub(crate) const fn method_filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Post => MethodFilter::POST,
        Verb::Delete => MethodFilter::DELETE,
    }
}
