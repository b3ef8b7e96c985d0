//! A registry in memory with an engine, and commands to change it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use muster_catalog::command::{
    Action, Command, Delete, Mode, SentDocument, Target, Write, WriteBody,
};
use muster_guard::{
    addresses::AddressFilter,
    secret_references::{SecretList, SecretSources},
};
use muster_journal::{Ledger, LedgerHandle, MemoryLedger};
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, CommandOrigin, Genesis, Registry, RegistrySettings};
use muster_relay::{
    Depot, Engine, KafkaSender, KinesisSender, NatsSender, PubSubSender, RelayStore,
    WebSocketSender,
    event::EventSource,
    http_sender::{HttpSender, Resolve},
    live::{LivePage, LiveRoutes, LiveSource},
    trail::Trail,
    trust,
};
use muster_words::{Moment, Position, json};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// Longer than anything here may take: a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

pub fn clock() -> Clock {
    let (time, count) = (AtomicI64::new(1_000_000), AtomicU64::new(1));
    let began = std::time::Instant::now();
    Clock {
        now: Arc::new(move || {
            let elapsed = i64::try_from(began.elapsed().as_micros()).unwrap();
            let least = time.fetch_add(1, Ordering::Relaxed);
            Moment::from_microseconds(least.max(1_000_000 + elapsed)).unwrap()
        }),
        command_id: Arc::new(move || {
            CommandId(u128::from(count.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
        }),
    }
}

pub async fn open(ledger: &Arc<dyn Ledger>) -> Registry {
    open_at(ledger, clock()).await
}

pub async fn open_at(ledger: &Arc<dyn Ledger>, clock: Clock) -> Registry {
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock);
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap()
}

/// A resolver that answers what a test says.
pub struct Fixed(pub Box<Addresses>);

pub type Addresses = dyn Fn(&str) -> Vec<std::net::IpAddr> + Send + Sync;

#[async_trait::async_trait]
impl Resolve for Fixed {
    async fn addresses(&self, name: &str) -> Vec<std::net::IpAddr> {
        (self.0)(name)
    }
}

pub struct Bench {
    pub registry: Registry,
    pub engine: Arc<Engine>,
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub async fn start() -> Self {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        Self::over(open(&ledger).await)
    }

    /// Over a registry that may hold something.
    pub fn over(registry: Registry) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let loopback = |name: &str| match name {
            "nowhere.example" => Vec::new(),
            "inside.example" => vec!["10.1.2.3".parse().unwrap()],
            "both.example" => vec!["127.0.0.1".parse().unwrap(), "10.1.2.3".parse().unwrap()],
            _ => vec!["127.0.0.1".parse().unwrap()],
        };
        let engine = engine(&registry, folder.path(), Box::new(loopback));
        engine.start();
        Self { registry, engine, folder }
    }

    /// Stops the engine and starts another one over the same registry and file.
    pub async fn restart(&mut self) {
        self.engine.stop().await;
        let loopback = |_: &str| vec!["127.0.0.1".parse().unwrap()];
        self.engine = engine(&self.registry, self.folder.path(), Box::new(loopback));
        self.engine.start();
    }

    pub async fn put(&self, xid: &str, document: &str) -> Position {
        self.submit(put(xid, document)).await
    }

    pub async fn submit(&self, command: Command) -> Position {
        self.registry.submit(command, &CommandOrigin::of_owner()).await.unwrap().position
    }

    /// Puts a webhook target and a route of everything in `/configs` to it.
    pub async fn hook(&self, url: &str, more: &str) {
        let target = format!(r#"{{"kind": "webhook", "url": "{url}"{more}}}"#);
        self.put("/targets/t/entries/hook", &target).await;
        let route = r#"{"mode": "unidirectional", "targets": ["/targets/t/entries/hook"],
            "select": {"collections": ["/configs"]}}"#;
        self.put("/routes/r/entries/out", route).await;
    }

    pub async fn hook_route(&self, from: &str) {
        let route = format!(
            r#"{{"mode": "unidirectional", "targets": ["/targets/t/entries/hook"],
            "select": {{"collections": ["/configs"]}}, "from": "{from}"}}"#
        );
        self.put("/routes/r/entries/again", &route).await;
    }

    /// Waits until no mark is stored.
    pub async fn forgotten(&self) {
        let begun = Instant::now();
        while !self.engine.depot().store.links().await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "a mark is still there");
            // sleeps: between two looks at a condition.
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until everything up to a position is finished.
    pub async fn reached(&self, position: Position) {
        let is_done = || !self.engine.lags().is_empty() && self.engine.has_reached(position);
        let begun = Instant::now();
        while !is_done() {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.engine.links().await);
            // sleeps: between two looks at a condition.
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Waits for a condition.
pub async fn until(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "the condition doesn't come");
        // sleeps: between two looks at a condition.
        sleep(Duration::from_millis(5)).await;
    }
}

fn engine(registry: &Registry, folder: &Path, resolver: Box<Addresses>) -> Arc<Engine> {
    let late = folder.join("late");
    let variable = move |name: &str| match name {
        "HOOK_SECRET" => Some(SECRET.to_owned()),
        // There is none until a test writes the file.
        "LATE" => std::fs::read_to_string(&late).ok(),
        "NO_KEY" => Some("something".to_owned()),
        _ => None,
    };
    let sources = SecretSources { variable: Arc::new(variable) };
    let items = ["env:LISTED elsewhere.example".to_owned()];
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let store = RelayStore::open(Some(&folder.join("relay.db")), registry.view().id()).unwrap();
    Engine::new(Depot {
        registry: registry.clone(),
        store,
        sender: HttpSender::new(filter, trust(None).unwrap(), Arc::new(Fixed(resolver))),
        nats: NatsSender::default(),
        kafka: KafkaSender::default(),
        kinesis: KinesisSender::default(),
        pubsub: PubSubSender::default(),
        websocket: WebSocketSender::default(),
        secrets: Arc::new(SecretList::read(&items, sources).unwrap()),
        source: EventSource::of(registry, None),
        folder: folder.join("out"),
        trail: Trail::default(),
        live: Arc::new(NoLiveEvents),
        live_routes: LiveRoutes::default(),
        directory: Some(folder.to_owned()),
        random: Box::new(|| [9; 32]),
        chance: Box::new(|| 0.5),
    })
}

/// Nothing happens beside this registry.
struct NoLiveEvents;

impl LiveSource for NoLiveEvents {
    fn newest(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }

    fn after(&self, _: u64, _: usize) -> LivePage {
        LivePage::default()
    }

    fn before(&self, _: Moment) -> u64 {
        0
    }
}

pub fn put(xid: &str, document: &str) -> Command {
    write(Mode::Put, xid, document)
}

/// Makes a new version.
pub fn post(xid: &str, document: &str) -> Command {
    write(Mode::Post, xid, document)
}

fn write(mode: Mode, xid: &str, document: &str) -> Command {
    Command::new(Action::Write(Write {
        mode,
        target: Target::Entity(xid.parse().unwrap()),
        body: WriteBody::Document(SentDocument {
            bytes: Bytes::from(document.to_owned()),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    }))
}

/// Puts a group with its documents, which are empty objects.
pub fn put_group(xid: &str, attributes: &Value, documents: usize) -> Command {
    let entry = |number| (format!("d{number:04}"), serde_json::json!({"entry": {}}));
    let mut tree = attributes.as_object().cloned().unwrap();
    tree.insert("entries".to_owned(), (0..documents).map(entry).collect());
    Command::new(Action::Write(Write {
        mode: Mode::Put,
        target: Target::Entity(xid.parse().unwrap()),
        body: WriteBody::Tree(tree),
    }))
}

pub fn delete(xid: &str) -> Command {
    Command::new(Action::Delete(Delete {
        target: Target::Entity(xid.parse().unwrap()),
        chosen: None,
        epoch: None,
        purge: false,
        force: false,
    }))
}
