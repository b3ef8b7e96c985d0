//! Health: whether the process is alive, ready for requests, and able to reach its store.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Extension, Router,
    extract::State,
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use muster_wire::{
    health::{
        CheckReport, HealthStatus, Liveness, LivenessState, ReadinessReport, ServerStage,
        StoreReport, StoreState,
    },
    index::Index,
    operations::{self, Endpoint, ServerEndpoint},
};
use muster_words::Moment;
use serde::Serialize;

use crate::{Caller, Phase, guarded::guarded, metrics::Metrics, native::method_filter};

/// The conditions of readiness. Each is reported once by the code that fulfils it.
#[derive(Debug, Default)]
pub struct Readiness {
    replayed: AtomicBool,
    example_loaded: AtomicBool,
    ports_bound: AtomicBool,
    fault: OnceLock<&'static str>,
    warnings: Mutex<BTreeMap<WarningSource, String>>,
}

/// What an operator is warned of while the server works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningSource {
    /// The clock of this computer isn't believed.
    Clock,
    /// The new files of the certificate can't be used.
    CertificateFiles,
    /// The certificate ends soon, or has ended.
    CertificateEnd,
}

/// One condition of [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartupCondition {
    /// The ledger was read and folded.
    Replayed,
    /// The example was loaded, or wasn't requested.
    ExampleLoaded,
    /// The server listens on all its ports.
    PortsBound,
}

impl Readiness {
    /// No condition is met yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Marks a condition as met.
    pub fn reached(&self, condition: StartupCondition) {
        self.flag(condition).store(true, Ordering::Release);
    }

    /// Whether a condition is met.
    #[must_use]
    pub fn has(&self, condition: StartupCondition) -> bool {
        self.flag(condition).load(Ordering::Acquire)
    }

    /// Marks the server as failed, with a reason. Only a restart can undo it.
    pub fn failed(&self, why: &'static str) {
        // The first fault explains the later ones.
        let _ = self.fault.set(why);
    }

    /// Why the server has failed; none if it hasn't.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        self.fault.get().copied()
    }

    /// Sets what an operator should look at although the server works; none: nothing. Everybody
    /// can read it.
    pub fn warn(&self, source: WarningSource, what: Option<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Some(what) => warnings.insert(source, what),
            None => warnings.remove(&source),
        };
    }

    /// All that operators should look at, in one line.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<&str> = warnings.values().map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Whether all conditions are met and nothing has failed.
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

/// Checks whether the store can be read now.
pub type StoreCheck = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What a check of a part found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The part's health.
    pub status: HealthStatus,
    /// What was found. Everybody can read it.
    pub detail: Option<String>,
}

/// A part that the server depends on, besides its store.
#[derive(Clone)]
pub struct HealthCheck {
    /// The part's name in the answer.
    pub name: &'static str,
    /// Whether the server is unhealthy without it.
    pub is_critical: bool,
    /// How long the check may take. A part that takes longer is unhealthy.
    pub time: Duration,
    /// The check.
    pub run: RunCheck,
}

/// Runs a check.
pub type RunCheck =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = CheckOutcome> + Send>> + Send + Sync>;

impl HealthCheck {
    async fn report(&self) -> (String, CheckReport) {
        let began = Instant::now();
        let run = self.run.clone();
        let outcome = tokio::time::timeout(self.time, run()).await;
        let CheckOutcome { status, detail } = outcome.unwrap_or_else(|_| {
            let detail = format!("no answer within {} s", self.time.as_secs_f32());
            CheckOutcome { status: HealthStatus::Unhealthy, detail: Some(detail) }
        });
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let report = CheckReport { status, critical: self.is_critical, took_ms, detail };
        (self.name.to_owned(), report)
    }
}

/// The state behind the routes of health and metrics.
#[derive(Clone)]
pub struct HealthState {
    /// The readiness of the server.
    pub readiness: Arc<Readiness>,
    /// The check of the store.
    pub store: StoreCheck,
    /// How long the store may take to answer.
    pub store_time: Duration,
    /// The other parts that the server depends on.
    pub checks: Vec<HealthCheck>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// The routes `/`, `/health`, `/metrics` and `/openapi.json`, from the table of operations.
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

/// The handler of an endpoint.
fn answered_by(endpoint: ServerEndpoint, method: MethodFilter) -> MethodRouter<HealthState> {
    match endpoint {
        ServerEndpoint::IsAlive => on(method, live),
        ServerEndpoint::IsReady => on(method, ready),
        ServerEndpoint::IsStoreReachable => on(method, store),
        ServerEndpoint::ShowMetrics => on(method, metrics),
        ServerEndpoint::ShowDescription => on(method, openapi),
        ServerEndpoint::ShowIndex => on(method, index),
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
    let checks: BTreeMap<String, CheckReport> = vitals.run_checks().await;
    let running = *caller.phase.borrow() == Phase::Running;
    let ready = running && readiness.is_complete();
    let stage = match (running, ready) {
        _ if readiness.fault().is_some() => ServerStage::Failed,
        (false, _) => ServerStage::Stopping,
        (true, true) => ServerStage::Ready,
        (true, false) => ServerStage::Starting,
    };
    let status = overall(stage, &checks, readiness.warning().is_some());
    let report = ReadinessReport {
        status,
        timestamp: now(),
        stage,
        checks,
        replayed: readiness.has(StartupCondition::Replayed),
        example_loaded: readiness.has(StartupCondition::ExampleLoaded),
        ports_bound: readiness.has(StartupCondition::PortsBound),
        why: readiness.fault().map(ToOwned::to_owned),
        warning: readiness.warning(),
    };
    answer(status != HealthStatus::Unhealthy, &report)
}

impl HealthState {
    /// Runs all checks at once; the answer comes with the slowest.
    async fn run_checks(&self) -> BTreeMap<String, CheckReport> {
        let store = self.store.clone();
        let database = HealthCheck {
            name: "database",
            is_critical: true,
            time: self.store_time,
            run: Arc::new(move || {
                let answering = store();
                Box::pin(async move {
                    match answering.await {
                        true => CheckOutcome { status: HealthStatus::Healthy, detail: None },
                        false => CheckOutcome {
                            status: HealthStatus::Unhealthy,
                            detail: Some("the ledger can't be read, or can't be written".into()),
                        },
                    }
                })
            }),
        };
        let all = self.checks.iter().cloned().chain([database]);
        let running: Vec<_> = all
            .map(|check| {
                let (name, critical) = (check.name, check.is_critical);
                (name, critical, tokio::spawn(async move { check.report().await }))
            })
            .collect();
        let mut reports = BTreeMap::new();
        for (name, critical, report) in running {
            let (name, report) = report.await.unwrap_or_else(|_| {
                let detail = Some("the check failed; the log has the reason".to_owned());
                let status = HealthStatus::Unhealthy;
                (name.to_owned(), CheckReport { status, critical, took_ms: 0, detail })
            });
            reports.insert(name, report);
        }
        reports
    }
}

/// The health of the server: that of its worst critical part. Other parts and warnings degrade it.
fn overall(
    stage: ServerStage,
    checks: &BTreeMap<String, CheckReport>,
    is_warned: bool,
) -> HealthStatus {
    if stage != ServerStage::Ready {
        return HealthStatus::Unhealthy;
    }
    let of_check = |check: &CheckReport| match check.critical {
        true => check.status,
        false => check.status.min(HealthStatus::Degraded),
    };
    let warned = if is_warned { HealthStatus::Degraded } else { HealthStatus::Healthy };
    checks.values().map(of_check).fold(warned, HealthStatus::max)
}

/// The present moment as text.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::after_epoch(since).to_string()
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

/// The OpenAPI document, which is constant within a process.
async fn openapi() -> axum::response::Response {
    static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
        format!("{}\n", muster_wire::openapi::document(env!("CARGO_PKG_VERSION")))
    });
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], DESCRIPTION.as_str()).into_response()
}

async fn index(Extension(caller): Extension<Caller>) -> axum::response::Response {
    answer(true, &Index::new(&caller.base))
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
