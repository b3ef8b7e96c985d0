#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use muster_words::Moment;
use serde_json::json;

use super::*;
use crate::{
    ChatRequest, ChatStream, EnvironmentSecrets, ModelFacts, ProviderCapabilities,
    breaker::BreakerState,
    probe::{ProbeClass, ProbeResult, ProviderHealth},
};

/// A clock that tests set.
#[derive(Default)]
struct SetClock(AtomicU64);

impl ProviderClock for SetClock {
    fn milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn moment(&self) -> Moment {
        Moment::after_epoch(Duration::from_millis(self.milliseconds()))
    }
}

/// A provider that does what the test says.
#[derive(Default)]
struct Played {
    hangs_in_initialize: bool,
    hangs_in_dispose: bool,
    hangs_in_probe: bool,
    hangs_in_calls: bool,
    /// Chunks of a stream are told apart by their number; they come when there are permits.
    chunks: Option<Arc<tokio::sync::Semaphore>>,
    fault: Mutex<Option<Fault>>,
    disposed: AtomicUsize,
}

impl Played {
    fn outcome(&self) -> Result<(), Fault> {
        self.fault.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn set(&self, kind: Option<ProviderFaultKind>) {
        *self.fault.lock().unwrap() = kind.map(|kind| Fault::new(kind, "played"));
    }
}

async fn hang_if(hangs: bool) {
    if hangs {
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Provider for Played {
    async fn initialize(&self) -> Result<ProviderCapabilities, Fault> {
        hang_if(self.hangs_in_initialize).await;
        self.outcome().map(|()| ProviderCapabilities::default())
    }

    async fn models(&self) -> Result<Vec<ModelFacts>, Fault> {
        Ok(Vec::new())
    }

    async fn health_check(&self) -> Result<ProbeResult, Fault> {
        hang_if(self.hangs_in_probe).await;
        self.outcome().map(|()| ProbeResult { class: ProbeClass::Key, latency_ms: 1 })
    }

    async fn complete(&self, _request: &ChatRequest) -> Result<Value, Fault> {
        hang_if(self.hangs_in_calls).await;
        self.outcome().map(|()| json!({ "choices": [] }))
    }

    async fn stream(&self, _request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault> {
        self.outcome()?;
        let chunks = self.chunks.clone();
        let chunks = chunks.ok_or(Fault::new(ProviderFaultKind::InvalidRequest, "no streams"))?;
        Ok(Box::new(PlayedStream(chunks)))
    }

    async fn dispose(&self) {
        hang_if(self.hangs_in_dispose).await;
        self.disposed.fetch_add(1, Ordering::Relaxed);
    }
}

/// A stream that ends when it is told to.
struct PlayedStream(Arc<tokio::sync::Semaphore>);

#[async_trait]
impl ChatStream for PlayedStream {
    async fn next(&mut self) -> Result<Option<Value>, Fault> {
        match self.0.acquire().await {
            Ok(permit) => {
                permit.forget();
                Ok(Some(json!({ "choices": [] })))
            }
            Err(_) => Ok(None),
        }
    }
}

fn registry() -> (ProviderRegistry, Arc<SetClock>) {
    let clock = Arc::new(SetClock::default());
    let secrets = Arc::new(EnvironmentSecrets::new(BTreeMap::new()));
    let options = RegistryOptions { clock: clock.clone(), ..RegistryOptions::new(secrets) };
    (ProviderRegistry::new(options), clock)
}

fn local() -> Value {
    json!({ "type": "openai-compatible", "base_url": "http://127.0.0.1:9/v1" })
}

fn request() -> ChatRequest {
    ChatRequest { model: "tiny".to_owned(), body: muster_words::json::Map::new() }
}

#[tokio::test]
async fn registers_finds_and_unregisters() {
    let (registry, _) = registry();
    let live = registry.register("local", &local()).await.unwrap();
    assert_eq!((live.status(), live.source()), (ProviderStatus::Ready, ProviderSource::Program));
    assert!(registry.has_provider("local") && registry.get_provider("other").is_none());
    assert_eq!(registry.get_provider_names().len(), 1);
    assert_eq!(registry.get_provider_health("local").unwrap().health, ProviderHealth::Unknown);
    registry.unregister("local").await.unwrap();
    assert_eq!((registry.count(), registry.has_provider("local")), (0, false));
}

#[tokio::test]
async fn refuses_with_a_code_that_says_why() {
    let (registry, _) = registry();
    registry.register("local", &local()).await.unwrap();
    let unset = json!({ "type": "openai", "credentials": "env:UNSET_KEY" });
    for (name, config, code, part) in [
        ("9x", local(), ProviderErrorCode::InvalidName, "begin with a letter"),
        ("local", local(), ProviderErrorCode::AlreadyExists, "taken"),
        ("a", json!({ "type": 7 }), ProviderErrorCode::RegistrationFailed, "/type"),
        ("b", unset, ProviderErrorCode::RegistrationFailed, "UNSET_KEY isn't set"),
    ] {
        let error = registry.register(name, &config).await.unwrap_err();
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
    // What couldn't be registered leaves its name free.
    assert_eq!(registry.count(), 1);
    let error = registry.unregister("b").await.unwrap_err();
    assert_eq!(error.code, ProviderErrorCode::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gives_each_of_a_thousand_names_to_one_of_ten_thousand_callers() {
    let (registry, _) = registry();
    let config = Arc::new(local());
    let mut running = tokio::task::JoinSet::new();
    for caller in 0..10_000 {
        let (registry, config) = (registry.clone(), config.clone());
        running.spawn(async move {
            registry.register(&format!("name-{}", caller % 1_000), &config).await.map(drop)
        });
    }
    let done = running.join_all().await;
    let won = done.iter().filter(|result| result.is_ok()).count();
    assert_eq!((won, registry.count()), (1_000, 1_000));
    let lost = done.iter().filter_map(|result| result.as_ref().err());
    assert!(lost.clone().all(|error| error.code == ProviderErrorCode::AlreadyExists));
    registry.dispose_all().await;
    assert_eq!((registry.count(), registry.held()), (0, (0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_a_provider_that_hangs_in_initialize() {
    let (registry, _) = registry();
    let hanging = Arc::new(Played { hangs_in_initialize: true, ..Played::default() });
    let error = registry.register_with_instance("slow", hanging.clone()).await.unwrap_err();
    assert_eq!(error.code, ProviderErrorCode::InitializationTimeout);
    assert_eq!((registry.count(), hanging.disposed.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test]
async fn frees_the_name_if_the_caller_leaves() {
    let (registry, _) = registry();
    let hanging = Arc::new(Played { hangs_in_initialize: true, ..Played::default() });
    let registering = registry.register_with_instance("slow", hanging);
    let left = timeout(Duration::from_millis(5), registering).await;
    assert!(left.is_err() && !registry.has_provider("slow"));
}

#[tokio::test]
async fn cuts_off_what_fails_and_lets_it_come_back() {
    let (registry, clock) = registry();
    let played = Arc::new(Played::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let listener = registry.on(None, move |event| {
        heard.lock().unwrap().push(event.kind);
    });
    registry.on(None, |_| panic!("a listener's fault"));
    registry.register_with_instance("flaky", played.clone()).await.unwrap();
    let state = || registry.get_provider_health("flaky").unwrap().breaker.state;
    played.set(Some(ProviderFaultKind::InvalidRequest));
    for _ in 0..9 {
        registry.complete("flaky", &request()).await.unwrap_err();
    }
    assert_eq!(state(), BreakerState::Closed);
    played.set(Some(ProviderFaultKind::Network));
    for _ in 0..5 {
        registry.complete("flaky", &request()).await.unwrap_err();
    }
    assert_eq!(state(), BreakerState::Open);
    let refused = registry.complete("flaky", &request()).await.unwrap_err();
    assert_eq!(refused.code, ProviderErrorCode::Unavailable);
    assert_eq!(refused.context["retry_after_ms"], "300000");
    clock.0.store(300_000, Ordering::Relaxed);
    played.set(None);
    registry.complete("flaky", &request()).await.unwrap();
    assert_eq!(state(), BreakerState::Closed);
    registry.off(listener);
    registry.unregister("flaky").await.unwrap();
    use ProviderEventKind::{BreakerClosed, BreakerOpened, Registered};
    assert_eq!(*told.lock().unwrap(), [Registered, BreakerOpened, BreakerClosed]);
}

#[tokio::test]
async fn a_trial_that_answers_for_long_is_good_from_its_first_chunk() {
    let (registry, clock) = registry();
    let chunks = Arc::new(tokio::sync::Semaphore::new(0));
    let played = Arc::new(Played { chunks: Some(chunks.clone()), ..Played::default() });
    registry.register_with_instance("slow", played.clone()).await.unwrap();
    let state = || registry.get_provider_health("slow").unwrap().breaker;
    played.set(Some(ProviderFaultKind::Network));
    for _ in 0..5 {
        registry.complete("slow", &request()).await.unwrap_err();
    }
    played.set(None);
    clock.0.store(300_000, Ordering::Relaxed);
    // Until its first chunk it is the only call.
    let asked = request();
    let mut trial = Box::pin(registry.stream("slow", &asked));
    assert!(polled(&mut trial).await.is_none());
    let refused = registry.complete("slow", &request()).await.unwrap_err();
    assert_eq!(refused.code, ProviderErrorCode::Unavailable);
    chunks.add_permits(1);
    let mut stream = trial.await.unwrap();
    assert_eq!(state().state, BreakerState::Closed);
    assert!(stream.next().await.unwrap().is_some());
    // It goes on for longer than a trial may take, and nobody minds.
    clock.0.store(400_000, Ordering::Relaxed);
    assert_eq!(state().state, BreakerState::Closed);
    registry.complete("slow", &request()).await.unwrap();
    chunks.close();
    assert!(stream.next().await.unwrap().is_none());
    assert_eq!((state().state, state().failures), (BreakerState::Closed, 0));
}

/// What a future says when it is asked once.
async fn polled<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// Asks for an answer by whoever fits, and returns who gave it.
async fn answered_by(registry: &ProviderRegistry) -> Result<String, ProviderErrorCode> {
    let need = crate::Need { model: Some("tiny".to_owned()), ..crate::Need::default() };
    let done = registry.chat(&need, &request().body, &|_| true).await;
    done.map(|answer| answer.provider).map_err(|failure| failure.error.code)
}

#[tokio::test]
async fn is_tried_again_after_five_minutes_or_at_once_if_nobody_else_fits() {
    let (registry, clock) = registry();
    let (first, second) = (Arc::new(Played::default()), Arc::new(Played::default()));
    registry.register_with_instance("a-first", first.clone()).await.unwrap();
    registry.register_with_instance("b-second", second.clone()).await.unwrap();
    assert_eq!(answered_by(&registry).await.unwrap(), "a-first");
    first.set(Some(ProviderFaultKind::Network));
    for _ in 0..5 {
        assert_eq!(answered_by(&registry).await.unwrap(), "b-second");
    }
    // It is cut off, and isn't asked although it works again.
    first.set(None);
    for now in [1_000, 299_999] {
        clock.0.store(now, Ordering::Relaxed);
        assert_eq!(answered_by(&registry).await.unwrap(), "b-second", "{now}");
    }
    clock.0.store(300_000, Ordering::Relaxed);
    assert_eq!(answered_by(&registry).await.unwrap(), "a-first");
    // Both are cut off: the one that comes back first is tried at once, by each call.
    for played in [&first, &second] {
        played.set(Some(ProviderFaultKind::Network));
    }
    for _ in 0..5 {
        answered_by(&registry).await.unwrap_err();
    }
    let calls = |name| registry.get_provider(name).unwrap().calls.load(Ordering::Relaxed);
    let before = (calls("a-first"), calls("b-second"));
    clock.0.store(301_000, Ordering::Relaxed);
    let need = crate::Need { model: Some("tiny".to_owned()), ..crate::Need::default() };
    let offered = registry.select(&need, &|_| true).candidates;
    assert_eq!((offered.len(), offered[0].last_resort), (1, true));
    let failed = answered_by(&registry).await.unwrap_err();
    assert_eq!(failed, ProviderErrorCode::Fault(ProviderFaultKind::Network));
    assert_eq!(calls("a-first") + calls("b-second"), before.0 + before.1 + 1);
    for played in [&first, &second] {
        played.set(None);
    }
    answered_by(&registry).await.unwrap();
}

#[tokio::test]
async fn a_model_that_is_busy_doesnt_cut_off_the_others() {
    let (registry, clock) = registry();
    let played = Arc::new(Played::default());
    registry.register_with_instance("one", played.clone()).await.unwrap();
    let busy =
        Fault { retry_after_ms: Some(2_000), ..Fault::new(ProviderFaultKind::RateLimited, "x") };
    *played.fault.lock().unwrap() = Some(busy);
    registry.complete("one", &request()).await.unwrap_err();
    played.set(None);
    let refused = registry.complete("one", &request()).await.unwrap_err();
    assert_eq!(refused.code, ProviderErrorCode::Unavailable, "{refused}");
    let other = ChatRequest { model: "other".to_owned(), ..request() };
    registry.complete("one", &other).await.unwrap();
    clock.0.store(2_000, Ordering::Relaxed);
    registry.complete("one", &request()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn probes_find_what_is_down_and_what_came_back() {
    let (registry, _) = registry();
    let played = Arc::new(Played::default());
    registry.register_with_instance("one", played.clone()).await.unwrap();
    played.set(Some(ProviderFaultKind::Network));
    for (health, breaker) in [
        (ProviderHealth::Degraded, BreakerState::Closed),
        (ProviderHealth::Degraded, BreakerState::Closed),
        (ProviderHealth::Unhealthy, BreakerState::Open),
    ] {
        let found = registry.probe_provider("one").await.unwrap();
        assert_eq!((found.health, found.breaker.state), (health, breaker));
    }
    played.set(None);
    let found = registry.probe_provider("one").await.unwrap();
    assert_eq!(
        (found.health, found.breaker.state),
        (ProviderHealth::Healthy, BreakerState::HalfOpen)
    );
    registry.complete("one", &request()).await.unwrap();
    assert_eq!(registry.get_provider_health("one").unwrap().breaker.state, BreakerState::Closed);
    played.set(Some(ProviderFaultKind::InvalidApiKey));
    let found = registry.probe_provider("one").await.unwrap();
    assert_eq!(found.status, ProviderStatus::Error);
    played.set(None);
    assert_eq!(registry.probe_provider("one").await.unwrap().status, ProviderStatus::Ready);
}

#[tokio::test(start_paused = true)]
async fn monitors_at_an_interval_and_a_hanging_probe_ends() {
    let (registry, _) = registry();
    let hanging = Arc::new(Played { hangs_in_probe: true, ..Played::default() });
    registry.register_with_instance("hangs", hanging).await.unwrap();
    registry.register_with_instance("works", Arc::new(Played::default())).await.unwrap();
    registry.start_all_health_monitoring(Some(Duration::from_secs(30)));
    // sleeps: the time is simulated, and this is what passes of it
    tokio::time::sleep(Duration::from_secs(300)).await;
    let works = registry.get_provider_health("works").unwrap();
    assert!((8..=11).contains(&works.probes), "{works:?}");
    let hangs = registry.get_provider_health("hangs").unwrap();
    assert_eq!(hangs.health, ProviderHealth::Unhealthy);
    registry.stop_all_health_monitoring();
    tokio::task::yield_now().await;
    assert_eq!(registry.held().1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_may_have_a_smaller_budget_to_shut_down() {
    let (registry, _) = registry();
    let mut config = local();
    config["lifecycle"] = json!({ "gracefulShutdownTimeout": "2s" });
    let live = registry.register("small", &config).await.unwrap();
    // A call that never ends.
    live.in_flight.fetch_add(1, Ordering::AcqRel);
    let report = registry.graceful_shutdown(Duration::MAX).await;
    assert!(report.took <= Duration::from_secs(2), "{report:?}");
    assert_eq!((report.cut_off, report.disposed), (vec!["small".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn stops_starts_and_restarts() {
    let (registry, _) = registry();
    let played = Arc::new(Played::default());
    registry.register_with_instance("one", played.clone()).await.unwrap();
    registry.stop_provider("one").await.unwrap();
    let refused = registry.complete("one", &request()).await.unwrap_err();
    assert_eq!(refused.code, ProviderErrorCode::Disposed);
    registry.start_provider("one").await.unwrap();
    registry.complete("one", &request()).await.unwrap();
    registry.restart_provider("one").await.unwrap();
    assert_eq!(played.disposed.load(Ordering::Relaxed), 2);
    assert!(registry.start_all().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn shuts_down_a_thousand_of_which_ten_hang() {
    let (registry, _) = registry();
    for index in 0..1_000 {
        let played = Played { hangs_in_dispose: index % 100 == 0, ..Played::default() };
        registry.register_with_instance(&format!("p{index}"), Arc::new(played)).await.unwrap();
    }
    let calling = registry.clone();
    let busy = Arc::new(Played { hangs_in_calls: true, ..Played::default() });
    registry.register_with_instance("busy", busy).await.unwrap();
    let call = tokio::spawn(async move { calling.complete("busy", &request()).await });
    tokio::task::yield_now().await;
    let report = registry.graceful_shutdown(Duration::from_secs(30)).await;
    assert!(report.took <= Duration::from_secs(30), "{report:?}");
    assert_eq!((report.disposed, report.hanging.len()), (991, 10));
    assert_eq!(report.cut_off, ["busy"]);
    let refused = registry.register("late", &local()).await.unwrap_err();
    assert_eq!((refused.code, registry.count()), (ProviderErrorCode::Disposed, 0));
    call.abort();
}

fn declared(config: &Value) -> crate::Declaration {
    let config = ProviderConfig::parse(config).map(Arc::new).map_err(|error| error.to_string());
    crate::Declaration { config, origin: "a test".to_owned() }
}

#[tokio::test]
async fn makes_live_what_is_declared_and_keeps_what_didnt_change() {
    use crate::DeclarationOutcome::{
        Disabled, Hidden, Refused, Registered, Removed, Unchanged, Updated,
    };
    let (registry, _) = registry();
    let name: ProviderName = "one".parse().unwrap();
    let other = json!({ "type": "ollama" });
    let off = json!({ "type": "ollama", "enabled": false });
    use ProviderSource::{Document, Environment, File};
    for (source, config, expect) in [
        (Environment, Some(local()), Registered),
        (Environment, Some(local()), Unchanged),
        (File, Some(other.clone()), Updated),
        (Environment, Some(local()), Hidden),
        (Document, Some(json!({ "type": "no" })), Refused),
        (Document, Some(off), Disabled),
        (Document, None, Removed),
        (File, Some(local()), Updated),
        (File, None, Removed),
        (Environment, None, Removed),
    ] {
        let live = registry.get_provider("one");
        let declaration = config.as_ref().map(declared);
        let line = registry.declare(&name, source, declaration).await;
        assert_eq!(line.outcome, expect, "{line:?}");
        if expect == Unchanged {
            let (before, after) = (live.unwrap(), registry.get_provider("one").unwrap());
            assert!(Arc::ptr_eq(&before, &after));
        }
    }
    assert_eq!((registry.count(), registry.explain("one").len()), (0, 0));
}

#[tokio::test]
async fn a_mistake_takes_nothing_away_and_is_shown_with_its_reason() {
    let (registry, _) = registry();
    let name: ProviderName = "one".parse().unwrap();
    registry.declare(&name, ProviderSource::File, Some(declared(&local()))).await;
    let live = registry.get_provider("one").unwrap();
    let wrong = json!({ "type": "ollama", "priority": "x" });
    // A configuration without a fault of its own, of which no provider can be made.
    let unmade = json!({ "type": "vllm", "base_url": "https://a..b/v1" });
    for (config, reason) in [(wrong, "/priority"), (unmade, "invalid")] {
        let line = registry.declare(&name, ProviderSource::File, Some(declared(&config))).await;
        assert_eq!(line.outcome, crate::DeclarationOutcome::Refused, "{line:?}");
        assert!(Arc::ptr_eq(&live, &registry.get_provider("one").unwrap()));
        let refused = registry.refused();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].reason.as_ref().unwrap().contains(reason), "{refused:?}");
    }
    registry.declare(&name, ProviderSource::File, Some(declared(&local()))).await;
    assert!(registry.refused().is_empty());
}

#[tokio::test]
async fn names_the_models_that_may_have_been_meant() {
    let (registry, _) = registry();
    let mut config = local();
    config["models"] = json!(["claude-large", "claude-small", "tiny"]);
    registry.register("local", &config).await.unwrap();
    for (model, expect) in [
        ("tinny", "; did you mean tiny?"),
        ("claude-larg", "; did you mean claude-large?"),
        ("local/tinny", "; did you mean local/tiny?"),
        ("something-else-altogether", ""),
        ("tiny", ""),
    ] {
        let need = crate::Need { model: Some(model.to_owned()), ..crate::Need::default() };
        let question = registry.select(&need, &|_| true).did_you_mean();
        assert!(question.starts_with(expect.trim_end_matches('?')), "{model}: {question}");
        let hidden = registry.select(&need, &|_| false).did_you_mean();
        assert_eq!((question.is_empty(), hidden), (expect.is_empty(), String::new()), "{model}");
    }
}

#[tokio::test]
async fn refuses_a_refresh_that_would_remove_more_than_half() {
    let (registry, _) = registry();
    let names = |count: usize| -> BTreeMap<ProviderName, crate::Declaration> {
        (0..count).map(|index| (format!("p{index}").parse().unwrap(), declared(&local()))).collect()
    };
    let source = ProviderSource::File;
    registry.declare_all(source, names(4), false).await.unwrap();
    assert_eq!(registry.declare_all(source, names(1), false).await.unwrap_err().len(), 3);
    assert_eq!(registry.count(), 4);
    registry.declare_all(source, names(2), false).await.unwrap();
    registry.declare_all(source, names(0), true).await.unwrap();
    assert_eq!(registry.count(), 0);
}

#[tokio::test]
async fn ends_where_it_began_after_many_registrations() {
    let (registry, _) = registry();
    let config = local();
    for _ in 0..2_000 {
        registry.register("one", &config).await.unwrap();
        registry.unregister("one").await.unwrap();
    }
    let played = Arc::new(Played::default());
    for _ in 0..100_000 {
        registry.register_with_instance("one", played.clone()).await.unwrap();
        registry.unregister("one").await.unwrap();
    }
    // Nobody holds it any more but this test.
    assert_eq!((played.disposed.load(Ordering::Relaxed), Arc::strong_count(&played)), (100_000, 1));
    assert_eq!((registry.count(), registry.held()), (0, (0, 0, 0)));
}
