//! The endpoints that xRegistry doesn't define: plans, keys, the change stream, restore, the log,
//! the ledger with its proofs and tiles, searches, references, validation, the site and the status.
//!
//! Each file is one endpoint. None holds a rule of the registry: they turn requests into commands
//! and reads, like the endpoints of xRegistry.

mod actors;
mod answer;
mod apply;
mod backup;
mod body;
mod changes;
mod confluent;
mod deleted;
mod diff;
mod export;
mod followers;
mod gate;
mod keys;
mod ledger;
mod live_events;
mod log;
mod place;
mod proofs;
mod propagation;
mod providers;
mod publications;
mod query;
mod references;
mod restore;
mod rollback;
mod schemas;
mod search;
mod single_task;
mod site;
mod status;
mod stream;
mod sync;
mod target_stream;
mod tlog;
mod validate;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, on},
};
pub(crate) use confluent::refused as refused_by_schema_api;
pub use confluent::{SchemaAnswers, SchemaReads};
pub use gate::{Access, AccessGrant, Gate, GateError, Session, Sessions};
pub use ledger::{last_line, progress_line};
use muster_publisher::{Publisher, SiteRenderer};
use muster_registry::{Followers, Registry};
use muster_relay::Engine;
use muster_search::TextIndex;
use muster_wire::operations::{self, Endpoint, NativeEndpoint, Verb};
use tokio::sync::Semaphore;

use self::{changes::Feed, log::NewestCommands, single_task::SingleTask};
use crate::{LiveEvents, LiveProviders, guarded::guarded, xregistry::LongReads};

/// The state behind the endpoints.
#[derive(Clone)]
pub struct Native {
    registry: Registry,
    gate: Arc<Gate>,
    feed: Arc<Feed>,
    verifications: SingleTask,
    backups: SingleTask,
    validations: Arc<LongReads>,
    logs: Arc<LongReads>,
    newest: Arc<NewestCommands>,
    proofs: Arc<LongReads>,
    searches: Arc<LongReads>,
    schema_answers: Arc<SchemaAnswers>,
    texts: Option<Arc<TextIndex>>,
    engine: Option<Arc<Engine>>,
    followers: Arc<Followers>,
    file: Option<StoredLedger>,
    clock_jump: Option<ClockJump>,
    providers: Option<LiveProviders>,
    events: Arc<LiveEvents>,
    site: Arc<SiteRenderer>,
    site_is_public: bool,
    publisher: Option<Arc<Publisher>>,
    target_streams: Arc<Semaphore>,
}

/// How far the computer's clock is ahead of the time that is used, in seconds; none if it is
/// believed.
pub type ClockJump = Arc<dyn Fn() -> Option<i64> + Send + Sync>;

/// The ledger's file, and how large the ledger is on disk.
#[derive(Clone)]
pub struct StoredLedger {
    /// The file.
    pub file: PathBuf,
    /// The size in bytes, with what the engine keeps beside the file.
    pub bytes: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Native {
    /// The endpoints of a registry. Must be called within a Tokio runtime, because a task decodes
    /// committed commands while there are watchers, until the last clone is dropped.
    #[must_use]
    pub fn new(registry: Registry, gate: Arc<Gate>) -> Self {
        let feed = Feed::new(registry.clone());
        let schema_answers = SchemaAnswers::new(registry.clone());
        let (verifications, followers) = (SingleTask::default(), Arc::default());
        // A validation keeps a processor busy, so there is one at a time.
        let validations = Arc::new(LongReads::of(1, registry.long_work().clone()));
        let logs = Arc::new(LongReads::of(1, registry.long_work().clone()));
        let proofs = Arc::new(LongReads::of(1, registry.long_work().clone()));
        let searches = Arc::new(LongReads::new(registry.long_work().clone()));
        let site = Arc::new(SiteRenderer::new(registry.clone(), Box::new(|| Ok(None))));
        Self {
            site,
            site_is_public: false,
            publisher: None,
            registry,
            gate,
            feed,
            verifications,
            backups: SingleTask::default(),
            validations,
            logs,
            newest: Arc::default(),
            proofs,
            searches,
            schema_answers,
            texts: None,
            engine: None,
            followers,
            file: None,
            clock_jump: None,
            providers: None,
            events: Arc::default(),
            target_streams: Arc::new(Semaphore::new(target_stream::STREAMS_MAX)),
        }
    }

    /// Adds what remembers the events of what runs beside the ledger.
    #[must_use]
    pub fn with_events(self, events: Arc<LiveEvents>) -> Self {
        Self { events, ..self }
    }

    /// Adds the ledger's file, so that the status can show its size.
    #[must_use]
    pub fn with_file(self, file: Option<StoredLedger>) -> Self {
        Self { file, ..self }
    }

    /// Adds the followers, so that the status can show their state.
    #[must_use]
    pub fn with_followers(self, followers: Arc<Followers>) -> Self {
        Self { followers, ..self }
    }

    /// Adds the index of words. Without it, one is built for each search for words.
    #[must_use]
    pub fn with_texts(self, texts: Option<Arc<TextIndex>>) -> Self {
        Self { texts, ..self }
    }

    /// Adds the engine of propagation.
    #[must_use]
    pub fn with_engine(self, engine: Option<Arc<Engine>>) -> Self {
        Self { engine, ..self }
    }

    /// Adds the live AI providers.
    #[must_use]
    pub fn with_providers(self, providers: LiveProviders) -> Self {
        Self { providers: Some(providers), ..self }
    }

    /// Bounds the streams of changes by what the server may have open.
    #[must_use]
    pub fn with_connections_max(self, connections_max: usize) -> Self {
        self.feed.leave_room(connections_max);
        self
    }

    /// Adds what renders the site, with its keys. Pages of every origin may read a public one.
    #[must_use]
    pub fn with_site(self, site: Arc<SiteRenderer>, is_public: bool) -> Self {
        Self { site, site_is_public: is_public, ..self }
    }

    /// Adds what runs publications. Without it they are only listed.
    #[must_use]
    pub fn with_publisher(self, publisher: Arc<Publisher>) -> Self {
        Self { publisher: Some(publisher), ..self }
    }

    /// Adds what the computer's clock is compared with, so that the status can warn of it.
    #[must_use]
    pub fn with_clock_jump(self, clock_jump: ClockJump) -> Self {
        Self { clock_jump: Some(clock_jump), ..self }
    }

    /// The routes, from the table of operations.
    pub fn router(self) -> Router {
        let routes = operations::routes().filter_map(|operation| match operation.endpoint {
            Endpoint::Native(endpoint) => {
                Some((operation, method_filter(operation.verb), endpoint))
            }
            Endpoint::XRegistry | Endpoint::Server(_) => None,
        });
        let router = routes.fold(Router::new(), |router, (operation, method, endpoint)| {
            let handler = || guarded(operation, answered_by(endpoint, method));
            // Its clients ask for the root as well, with a slash and without.
            let roots: &[&str] = match endpoint {
                NativeEndpoint::Confluent => &["/confluent", "/confluent/"],
                _ => &[],
            };
            let all = roots.iter().copied().chain([operation.route()]);
            all.fold(router, |router, route| router.route(route, handler()))
        });
        router.with_state(self)
    }

    /// Answers for schemas by their ids, which are kept in memory.
    #[must_use]
    pub fn schema_answers(&self) -> &Arc<SchemaAnswers> {
        &self.schema_answers
    }

    /// Confluent's API alone, at the root of a port of its own: its clients need no prefix.
    pub fn confluent_router(self) -> Router {
        let rows = operations::OPERATIONS.iter();
        let rows = rows.filter(|row| row.endpoint == Endpoint::Native(NativeEndpoint::Confluent));
        let router = rows.fold(Router::new(), |router, row| {
            let handler = || on(method_filter(row.verb), confluent::serve);
            router.route("/", guarded(row, handler())).route("/{*path}", guarded(row, handler()))
        });
        router.with_state(self)
    }

    /// The number of open change streams.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.feed.watchers()
    }

    /// The number of events that all streams were sent since the start.
    #[must_use]
    pub fn streamed(&self) -> u64 {
        self.feed.sent().load(Ordering::Relaxed)
    }
}

/// The handler of an endpoint.
fn answered_by(endpoint: NativeEndpoint, method: MethodFilter) -> MethodRouter<Native> {
    match endpoint {
        NativeEndpoint::Restore => on(method, restore::restore),
        NativeEndpoint::LogOfAll => on(method, log::log_of_all),
        NativeEndpoint::Log => on(method, log::log),
        NativeEndpoint::FollowChanges => on(method, changes::follow),
        NativeEndpoint::ShowLedger => on(method, ledger::show),
        NativeEndpoint::ShowCheckpoint => on(method, ledger::checkpoint),
        NativeEndpoint::Backup => on(method, backup::backup),
        NativeEndpoint::VerifyLedger => on(method, ledger::verify),
        NativeEndpoint::ProveInclusion => on(method, proofs::inclusion),
        NativeEndpoint::ProveConsistency => on(method, proofs::consistency),
        NativeEndpoint::ShowLogCheckpoint => on(method, tlog::checkpoint),
        NativeEndpoint::ShowTile => on(method, tlog::tile),
        NativeEndpoint::ListKeys => on(method, keys::list),
        NativeEndpoint::ShowOwnKey => on(method, keys::own),
        NativeEndpoint::CreateKey => on(method, keys::create),
        NativeEndpoint::RevokeKey => on(method, keys::revoke),
        NativeEndpoint::ForgetKey => on(method, keys::forget),
        NativeEndpoint::ResumeFollower => on(method, followers::resume),
        NativeEndpoint::ListLinks => on(method, propagation::links),
        NativeEndpoint::ListTargets => on(method, propagation::targets),
        NativeEndpoint::ListPropagationEvents => on(method, propagation::events),
        NativeEndpoint::ListTries => on(method, propagation::tries),
        NativeEndpoint::ShowPropagationMetrics => on(method, propagation::metrics),
        NativeEndpoint::ListDeadLetters => on(method, propagation::dead_letters),
        NativeEndpoint::ActOnPropagation => on(method, propagation::act),
        NativeEndpoint::ExportAll => on(method, export::export_all),
        NativeEndpoint::Export => on(method, export::export),
        NativeEndpoint::ValidateAll => on(method, validate::validate_all),
        NativeEndpoint::Validate => on(method, validate::validate),
        NativeEndpoint::Apply => on(method, apply::apply),
        NativeEndpoint::DeletedAnywhere => on(method, deleted::deleted_anywhere),
        NativeEndpoint::Deleted => on(method, deleted::deleted),
        NativeEndpoint::DiffOfAll => on(method, diff::diff_of_all),
        NativeEndpoint::Diff => on(method, diff::diff),
        NativeEndpoint::CheckSchema => on(method, schemas::check),
        NativeEndpoint::DiffSchemas => on(method, schemas::diff),
        NativeEndpoint::RateSchema => on(method, schemas::rate),
        NativeEndpoint::ProfileSchema => on(method, schemas::profile),
        NativeEndpoint::Confluent => on(method, confluent::serve),
        NativeEndpoint::ValidatePayloads => on(method, schemas::validate_payloads),
        NativeEndpoint::Rollback => on(method, rollback::rollback),
        NativeEndpoint::Sync => on(method, sync::sync),
        NativeEndpoint::ListSyncChanges => on(method, sync::list),
        NativeEndpoint::ShowSyncState => on(method, sync::show),
        NativeEndpoint::ResolveConflict => on(method, sync::resolve),
        NativeEndpoint::References => on(method, references::references),
        NativeEndpoint::Search => on(method, search::search),
        NativeEndpoint::SearchProviders => on(method, search::providers),
        NativeEndpoint::ListLiveProviders => on(method, providers::list),
        NativeEndpoint::ShowLiveProvider => on(method, providers::show),
        NativeEndpoint::ShowProviderHealth => on(method, providers::health),
        NativeEndpoint::ExplainProvider => on(method, providers::explain),
        NativeEndpoint::ControlProvider => on(method, providers::control),
        NativeEndpoint::FollowProviders => on(method, providers::events),
        NativeEndpoint::FollowEvents => on(method, live_events::follow),
        NativeEndpoint::FollowTarget => on(method, target_stream::follow),
        NativeEndpoint::DiscoverProviders => on(method, providers::discover),
        NativeEndpoint::SelectProvider => on(method, providers::select),
        NativeEndpoint::Chat => on(method, providers::chat),
        NativeEndpoint::ChatAsOpenai => on(method, providers::completions),
        NativeEndpoint::ModelsAsOpenai => on(method, providers::models),
        NativeEndpoint::ChatAsAnthropic => on(method, providers::messages),
        NativeEndpoint::ShowSiteFile | NativeEndpoint::RenderManifest => site::one(method),
        NativeEndpoint::ListPublications => on(method, publications::list),
        NativeEndpoint::RunPublication | NativeEndpoint::ShowPublished => publications::one(method),
        NativeEndpoint::ShowStatus => on(method, status::status),
    }
}

/// A method of the table as a filter of the router. GET also answers HEAD.
pub(crate) const fn method_filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Post => MethodFilter::POST,
        Verb::Delete => MethodFilter::DELETE,
    }
}
