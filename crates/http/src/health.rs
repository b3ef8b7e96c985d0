//! Whether the server lives, is ready to be sent requests, and can reach its store.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::State,
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use muster_wire::{
    health::{Liveness, LivenessState, ReadinessReport, ReadinessState, StoreReport, StoreState},
    operations::{self, Endpoint, ServerEndpoint},
};
use serde::Serialize;

use crate::{Caller, Phase, guarded::guarded, metrics::Metrics, native::method_filter};

/// What must have happened before requests make sense. Each is said once, by whoever did it.
#[derive(Debug, Default)]
pub struct Readiness {
    replayed: AtomicBool,
    example_loaded: AtomicBool,
    ports_bound: AtomicBool,
    fault: OnceLock<&'static str>,
}

/// One condition of [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupCondition {
    /// The ledger was read and folded.
    Replayed,
    /// The example is in the registry, or isn't wanted.
    ExampleLoaded,
    /// All ports are listened on.
    PortsBound,
}

impl Readiness {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Says that a condition holds from now on.
    pub fn reached(&self, condition: StartupCondition) {
        self.flag(condition).store(true, Ordering::Release);
    }

    /// Whether a condition holds.
    #[must_use]
    pub fn has(&self, condition: StartupCondition) -> bool {
        self.flag(condition).load(Ordering::Acquire)
    }

    /// Says that the server can't do its work any more, and why. Nothing takes it back but a new
    /// start.
    pub fn failed(&self, why: &'static str) {
        // The first fault is the one that explains the others.
        let _ = self.fault.set(why);
    }

    /// Why the server can't do its work any more; none: it can.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        self.fault.get().copied()
    }

    /// Whether all hold, and nothing has failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.fault().is_none()
            && [
                StartupCondition::Replayed,
                StartupCondition::ExampleLoaded,
                StartupCondition::PortsBound,
            ]
            .into_iter()
            .all(|condition| self.has(condition))
    }

    fn flag(&self, condition: StartupCondition) -> &AtomicBool {
        match condition {
            StartupCondition::Replayed => &self.replayed,
            StartupCondition::ExampleLoaded => &self.example_loaded,
            StartupCondition::PortsBound => &self.ports_bound,
        }
    }
}

/// Whether the store can be read at this moment.
pub type StoreCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What the routes of health and metrics stand on.
#[derive(Clone)]
pub struct HealthState {
    /// What has happened since the start.
    pub readiness: Arc<Readiness>,
    /// Asks the store.
    pub store: StoreCheck,
    /// How long the store may take to answer.
    pub store_time: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The routes below `/health`, `/metrics` and `/openapi.json`, as the table of operations has them.
pub fn routes(vitals: HealthState) -> Router {
    let routes = operations::routes().filter_map(|operation| match operation.endpoint {
        Endpoint::Server(endpoint) => Some((operation, method_filter(operation.verb), endpoint)),
        Endpoint::XRegistry | Endpoint::Native(_) => None,
    });
    let router = routes.fold(Router::new(), |router, (operation, method, endpoint)| {
        router.route(operation.route(), guarded(operation, answered_by(endpoint, method)))
    });
    router.with_state(vitals)
}

/// What answers at a door.
fn answered_by(endpoint: ServerEndpoint, method: MethodFilter) -> MethodRouter<HealthState> {
    match endpoint {
        ServerEndpoint::IsAlive => on(method, live),
        ServerEndpoint::IsReady => on(method, ready),
        ServerEndpoint::IsStoreReachable => on(method, store),
        ServerEndpoint::ShowMetrics => on(method, metrics),
        ServerEndpoint::ShowDescription => on(method, openapi),
    }
}

async fn live() -> axum::response::Response {
    answer(true, &Liveness { status: LivenessState::Live })
}

async fn ready(
    State(vitals): State<HealthState>,
    Extension(caller): Extension<Caller>,
) -> axum::response::Response {
    let readiness = &vitals.readiness;
    let running = *caller.phase.borrow() == Phase::Running;
    let ready = running && readiness.is_complete();
    let status = match (running, ready) {
        _ if readiness.fault().is_some() => ReadinessState::Failed,
        (false, _) => ReadinessState::Stopping,
        (true, true) => ReadinessState::Ready,
        (true, false) => ReadinessState::Starting,
    };
    let report = ReadinessReport {
        status,
        replayed: readiness.has(StartupCondition::Replayed),
        example_loaded: readiness.has(StartupCondition::ExampleLoaded),
        ports_bound: readiness.has(StartupCondition::PortsBound),
        why: readiness.fault().map(ToOwned::to_owned),
    };
    answer(ready, &report)
}

async fn store(State(vitals): State<HealthState>) -> axum::response::Response {
    if let Some(why) = vitals.readiness.fault() {
        let report = StoreReport { status: StoreState::Failed, why: Some(why.to_owned()) };
        return answer(false, &report);
    }
    let status = match tokio::time::timeout(vitals.store_time, (vitals.store)()).await {
        Ok(true) => StoreState::Reachable,
        Ok(false) => StoreState::Unreachable,
        Err(_) => StoreState::Slow,
    };
    answer(status == StoreState::Reachable, &StoreReport { status, why: None })
}

async fn metrics(
    State(vitals): State<HealthState>,
    headers: HeaderMap,
) -> axum::response::Response {
    vitals.metrics.respond(&headers).map(Into::into)
}

/// The description of the API; it is the same as long as this process runs.
async fn openapi() -> axum::response::Response {
    static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
        format!("{}\n", muster_wire::openapi::document(env!("CARGO_PKG_VERSION")))
    });
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], DESCRIPTION.as_str()).into_response()
}

fn answer(well: bool, report: &impl Serialize) -> axum::response::Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let report = serde_json::to_value(report).unwrap_or_default();
    (status, headers, format!("{report}\n")).into_response()
}
