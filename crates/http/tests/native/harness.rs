//! A server over a registry in memory, and a client that speaks HTTP/1.1 by hand.

use muster_guard::addresses::AddressFilter;
use muster_http::{LiveProviders, ProviderSurroundings};
use muster_providers::{
    ChatRequest, ChatStream, DiscoveryOptions, Fault, ModelFacts, Provider, ProviderCapabilities,
    probe::{ProbeClass, ProbeResult},
};
use std::{
    net::SocketAddr,
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
use muster_guard::GivenKey;
use muster_http::{
    Front, Gatekeeper, LiveEvents, Phase, Server, ServerLimits,
    metrics::Metrics,
    native::{Access, Gate, Native},
};
use muster_journal::{Ledger, LedgerHandle, MemoryLedger};
use muster_ledger::{CommandId, Signer};
use muster_model::Foundation;
use muster_publisher::{FolderDestination, Publisher, SiteDestination, SiteRenderer};
use muster_registry::{
    CheckpointFile, Clock, CommandOrigin, Done, Followers, Genesis, Registry, RegistrySettings,
};
use muster_relay::{
    Depot, Engine, KafkaSender, KinesisSender, NatsSender, PubSubSender, RelayStore,
    WebSocketSender,
    event::EventSource,
    http_sender::{HttpSender, SystemResolver},
    live::LiveRoutes,
    trail::Trail,
    trust,
};
use muster_seal::KeyPair;
use muster_words::{
    Moment, Position,
    json::{self, Value},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};

/// Longer than anything here may take: a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A position behind all that any test comes to.
pub const LATER: Position = Position(1_000_000);

pub struct Running {
    pub registry: Registry,
    pub ledger: Arc<dyn Ledger>,
    pub gate: Arc<Gate>,
    pub address: SocketAddr,
    pub phase: watch::Sender<Phase>,
    pub served: JoinHandle<()>,
}

pub fn clock() -> Clock {
    let (time, count) = (AtomicI64::new(1_000_000), AtomicU64::new(1));
    Clock {
        now: Arc::new(move || {
            Moment::from_microseconds(time.fetch_add(10, Ordering::Relaxed)).unwrap()
        }),
        command_id: Arc::new(move || {
            CommandId(u128::from(count.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
        }),
    }
}

/// The engine of propagation, which nobody starts.
pub fn engine(registry: &Registry) -> Arc<Engine> {
    let filter = AddressFilter::default();
    Engine::new(Depot {
        registry: registry.clone(),
        store: RelayStore::open(None, registry.view().id()).unwrap(),
        sender: HttpSender::new(filter, trust(None).unwrap(), Arc::new(SystemResolver)),
        nats: NatsSender::default(),
        kafka: KafkaSender::default(),
        kinesis: KinesisSender::default(),
        pubsub: PubSubSender::default(),
        websocket: WebSocketSender::default(),
        secrets: Arc::default(),
        source: EventSource::of(registry, None),
        folder: std::path::PathBuf::new(),
        trail: Trail::default(),
        live: Arc::new(LiveEvents::default()),
        live_routes: LiveRoutes::default(),
        directory: None,
        random: Box::new(|| [0; 32]),
        chance: Box::new(|| 0.5),
    })
}

pub async fn open(ledger: &Arc<dyn Ledger>) -> Registry {
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock());
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap()
}

/// Runs publications, which go to a folder.
fn publisher(registry: &Registry, folder: &Path) -> Arc<Publisher> {
    let renderer = SiteRenderer::new(registry.clone(), Box::new(|| Ok(None)));
    let web: Arc<dyn SiteDestination> = Arc::new(FolderDestination::new(folder.to_owned()));
    let destinations = [("web".to_owned(), web)].into();
    Arc::new(Publisher::new(registry.clone(), Arc::new(renderer), destinations))
}

impl Running {
    /// One that signs checkpoints, into a file of this folder. Closed, so that its last
    /// checkpoint covers all that was put: this many documents, and the entry that opens it.
    pub async fn signing(folder: &Path, documents: u64) -> Self {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let signer = Signer::new("test/changes".parse().unwrap(), KeyPair::from_seed(&[7; 32]));
        let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock());
        settings.genesis =
            Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
        settings.checkpoint = Some(CheckpointFile::new(folder.join("checkpoint"), signer));
        let handle = Box::new(LedgerHandle(ledger.clone()));
        let registry = Registry::open(handle, settings).await.unwrap();
        let running = Self::serve(registry, ledger, None, Arc::default()).await;
        for number in 0..documents {
            let document = format!("{{\"number\": {number}}}");
            running.submit(put(&format!("/providers/cms/entries/e{number}"), &document)).await;
        }
        running.registry.close().await;
        running
    }

    pub async fn start() -> Self {
        Self::over(Arc::new(MemoryLedger::new()), None).await
    }

    pub async fn over(ledger: Arc<dyn Ledger>, given: Option<&str>) -> Self {
        let registry = open(&ledger).await;
        Self::serve(registry, ledger, given, Arc::default()).await
    }

    pub async fn serve(
        registry: Registry,
        ledger: Arc<dyn Ledger>,
        given: Option<&str>,
        followers: Arc<Followers>,
    ) -> Self {
        let given = given.map(|text| GivenKey::new(text).unwrap());
        let access = Access { given, anonymous: None };
        let gate = Gate::open(registry.clone(), access).await.unwrap();
        let site = TempDir::new().unwrap();
        let native = Native::new(registry.clone(), gate.clone())
            .with_followers(followers)
            .with_engine(Some(engine(&registry)))
            .with_providers(with_an_echo(&registry).await)
            .with_publisher(publisher(&registry, site.path()));
        let gatekeeper: Arc<dyn Gatekeeper> = gate.clone();
        let metrics = Arc::new(Metrics::new());
        // What is newest when an answer leaves, long after it was made.
        let front = Front::new(native.router(), gatekeeper, metrics).with_position(|| LATER);
        let front = Arc::new(front);
        let limits = ServerLimits::default();
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let address = server.local_address().unwrap();
        let (phase, seen) = watch::channel(Phase::Running);
        let served = tokio::spawn(async move {
            server.serve(front, seen).await;
            drop(site);
        });
        Self { registry, ledger, gate, address, phase, served }
    }

    pub async fn submit(&self, command: Command) -> Done {
        self.registry.submit(command, &by()).await.unwrap()
    }

    /// Sends a request and reads its answer: status and body.
    /// A history in which names come, go, come back and are erased: the same for a seed each time.
    /// Answers how many of so many commands were done.
    pub async fn happen(&self, mut seed: u64, commands: usize) -> usize {
        let seed = &mut seed;
        let mut done = 0;
        for _ in 0..commands {
            let group = format!("/providers/g{}", next(seed, 2));
            let entry = format!("{group}/entries/e{}", next(seed, 3));
            let version = format!("{entry}/versions/{}", next(seed, 3) + 1);
            let place = [&group, &entry, &entry, &version][next(seed, 4) as usize];
            let command = match next(seed, 8) {
                0..=2 => put(&entry, &format!("{{\"n\": {}}}", next(seed, 100))),
                3 => tree(
                    Mode::Post,
                    Target::Versions(entry.parse().unwrap()),
                    r#"{"2": {}, "3": {}}"#,
                ),
                4 => delete(place, false),
                5 | 6 => restore(place),
                _ => delete(place, true),
            };
            done += usize::from(self.registry.submit(command, &by()).await.is_ok());
        }
        done
    }

    pub async fn ask(&self, request: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let (status, _, body) = self.ask_whole(request, headers, body).await;
        (status, body)
    }

    /// Sends a request and reads its answer: status, head and body.
    pub async fn ask_whole(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = self.begin(request, headers, body).await;
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        let (head, body) = split(&bytes).unwrap();
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunk(body) } else { body.to_vec() };
        (status(&head), head, String::from_utf8(body).unwrap())
    }

    /// Sends a request and reads how it is answered; only of a refusal the body.
    pub async fn ask_head(
        &self,
        request: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let mut stream = self.begin(request, headers, body).await;
        let mut bytes = Vec::new();
        while split(&bytes).is_none() {
            let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await.unwrap().unwrap();
            assert!(read > 0, "no head: {request}");
        }
        let status = status(&split(&bytes).unwrap().0);
        if status < 400 {
            return (status, String::new());
        }
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        let body = split(&bytes).unwrap().1.to_vec();
        (status, String::from_utf8(body).unwrap())
    }

    /// A connection that is kept for several requests.
    pub async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Connection { stream, host: self.address.to_string() }
    }

    pub async fn json(&self, request: &str) -> Value {
        let (status, body) = self.ask(request, &[], "").await;
        assert_eq!(status, 200, "{request}: {body}");
        json::parse(body.as_bytes()).unwrap()
    }

    /// Sends a request on a connection of its own.
    pub async fn begin(&self, request: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut text = format!("{request} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        timeout(PATIENCE, stream.write_all(text.as_bytes())).await.unwrap().unwrap();
        stream
    }

    /// Follows the changes.
    pub async fn follow(&self, query: &str, last: Option<&str>) -> Follower {
        let headers: Vec<(&str, &str)> = last.map(|id| ("last-event-id", id)).into_iter().collect();
        self.follow_as(query, &headers).await
    }

    /// Follows the changes with these headers.
    pub async fn follow_as(&self, query: &str, headers: &[(&str, &str)]) -> Follower {
        let stream = self.begin(&format!("GET /changes{query}"), headers, "").await;
        let mut follower = Follower {
            stream,
            position: None,
            raw: Vec::new(),
            text: String::new(),
            is_open: false,
            id: String::new(),
        };
        follower.head().await;
        follower
    }
}

fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((String::from_utf8_lossy(&bytes[..at]).into_owned(), &bytes[at + 4..]))
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn unchunk(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut whole) = (bytes.to_vec(), Vec::new());
    while let Some(chunk) = next_chunk(&mut rest) {
        whole.extend(chunk);
    }
    whole
}

/// Takes a whole chunk off the front; none while it isn't there, or at the end.
fn next_chunk(rest: &mut Vec<u8>) -> Option<Vec<u8>> {
    let at = rest.windows(2).position(|window| window == b"\r\n")?;
    let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
    if size == 0 || rest.len() < at + 2 + size + 2 {
        return None;
    }
    let chunk = rest[at + 2..at + 2 + size].to_vec();
    rest.drain(..at + 2 + size + 2);
    Some(chunk)
}

/// A connection that is kept for several requests.
pub struct Connection {
    stream: TcpStream,
    host: String,
}

impl Connection {
    /// Asks for something and answers with the status, once the whole answer is there.
    pub async fn get(&mut self, path: &str, authorization: Option<&str>) -> u16 {
        let mut text = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        if let Some(authorization) = authorization {
            text += &format!("authorization: {authorization}\r\n");
        }
        text += "\r\n";
        timeout(PATIENCE, self.stream.write_all(text.as_bytes())).await.unwrap().unwrap();
        let mut bytes = Vec::new();
        loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut bytes)).await.unwrap().unwrap();
            assert!(read > 0, "no answer: {path}");
            let Some((head, body)) = split(&bytes) else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.unwrap().parse::<usize>().unwrap() {
                return status(&head);
            }
        }
    }
}

/// A stream of changes as a client reads it.
pub struct Follower {
    stream: TcpStream,
    raw: Vec<u8>,
    text: String,
    is_open: bool,
    /// `Muster-Position`: where the stream began.
    pub position: Option<Position>,
    /// The last id that the stream gave.
    pub id: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub value: Value,
}

impl Event {
    pub fn text(&self, name: &str) -> &str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// `version.created /a/b/c/d/versions/1`
    pub fn short(&self) -> String {
        let kind = self.text("type").strip_prefix("io.xregistry.").unwrap();
        format!("{kind} {}", self.text("subject"))
    }

    pub fn changed(&self) -> Vec<&str> {
        let changed = self.value.pointer("/data/changed").and_then(Value::as_array);
        changed.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Follower {
    async fn head(&mut self) {
        while split(&self.raw).is_none() {
            assert!(self.read().await, "no head");
        }
        let (head, rest) = split(&self.raw).unwrap();
        assert_eq!(status(&head), 200, "{head}");
        assert!(head.to_ascii_lowercase().contains("content-type: text/event-stream"), "{head}");
        let position = head.lines().find_map(|line| line.strip_prefix("muster-position: "));
        self.position = position.map(|text| Position(text.parse().unwrap()));
        self.raw = rest.to_vec();
        self.is_open = true;
    }

    async fn read(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.unwrap().unwrap();
        self.raw.extend_from_slice(&bytes[..read]);
        read > 0
    }

    /// The next event; none: the stream ended. A stream that only breathes is no event and no end.
    pub async fn next(&mut self) -> Option<Event> {
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "neither an event nor the end comes");
            if let Some(event) = self.take() {
                return Some(event);
            }
            if let Some(chunk) = next_chunk(&mut self.raw) {
                self.text += std::str::from_utf8(&chunk).unwrap();
            } else if !self.read().await {
                return None;
            }
        }
    }

    /// The id that the next comment carries.
    pub async fn heartbeat(&mut self) -> String {
        loop {
            if let Some(start) = self.text.find(":\n")
                && let Some(end) = self.text[start..].find("\n\n")
            {
                let block = self.text[start..start + end].to_owned();
                let id = block.lines().find_map(|line| line.strip_prefix("id: "));
                return id.unwrap_or_default().to_owned();
            }
            match next_chunk(&mut self.raw) {
                Some(chunk) => self.text += std::str::from_utf8(&chunk).unwrap(),
                None => assert!(self.read().await, "the stream ended"),
            }
        }
    }

    fn take(&mut self) -> Option<Event> {
        while let Some(end) = self.text.find("\n\n") {
            let block = self.text[..end].to_owned();
            self.text.drain(..end + 2);
            let mut data = None;
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("id", id)) => self.id = id.to_owned(),
                    Some(("data", text)) => data = Some(json::parse(text.as_bytes()).unwrap()),
                    _ => {}
                }
            }
            if let Some(value) = data {
                return Some(Event { id: self.id.clone(), value });
            }
        }
        None
    }

    pub async fn some(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.unwrap());
        }
        events
    }

    /// All events up to the one of that position that is the last of its command.
    pub async fn until(&mut self, last: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.unwrap();
            let is_last = event.id == last;
            events.push(event);
            if is_last {
                return events;
            }
        }
    }
}

/// A number from a seed: the same history each time.
fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

pub fn by() -> CommandOrigin {
    CommandOrigin::of_owner()
}

pub fn put(xid: &str, document: &str) -> Command {
    Command::new(Action::Write(Write {
        mode: Mode::Put,
        target: entity(xid),
        body: WriteBody::Document(SentDocument {
            bytes: Bytes::from(document.to_owned()),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    }))
}

pub fn tree(mode: Mode, target: Target, body: &str) -> Command {
    let Value::Object(map) = json::parse(body.as_bytes()).unwrap() else { panic!("{body}") };
    Command::new(Action::Write(Write { mode, target, body: WriteBody::Tree(map) }))
}

pub fn entity(xid: &str) -> Target {
    Target::Entity(xid.parse().unwrap())
}

pub fn delete(xid: &str, purge: bool) -> Command {
    let target = entity(xid);
    Command::new(Action::Delete(Delete { target, chosen: None, epoch: None, purge, force: false }))
}

pub fn restore(xid: &str) -> Command {
    Command::new(Action::Restore(xid.parse().unwrap()))
}

/// Live providers with one that repeats nothing and always says the same.
async fn with_an_echo(registry: &Registry) -> LiveProviders {
    let surroundings = ProviderSurroundings {
        tls: None,
        secrets: Arc::default(),
        addresses: AddressFilter::default(),
        discovery: DiscoveryOptions::default(),
        monitors: false,
    };
    let providers = LiveProviders::new(registry.clone(), surroundings);
    providers.live().register_with_instance("echo", Arc::new(Echo)).await.unwrap();
    providers
}

struct Echo;

/// A stream that says a word and never ends.
struct EndlessEcho {
    has_begun: bool,
}

#[async_trait::async_trait]
impl ChatStream for EndlessEcho {
    async fn next(&mut self) -> Result<Option<serde_json::Value>, Fault> {
        if std::mem::replace(&mut self.has_begun, true) {
            std::future::pending::<()>().await;
        }
        let delta = serde_json::json!({ "role": "assistant", "content": "hello" });
        Ok(Some(serde_json::json!({ "choices": [{ "index": 0, "delta": delta }] })))
    }
}

#[async_trait::async_trait]
impl Provider for Echo {
    async fn initialize(&self) -> Result<ProviderCapabilities, Fault> {
        let models = vec![ModelFacts { id: "tiny".to_owned(), ..ModelFacts::default() }];
        Ok(ProviderCapabilities { models, ..ProviderCapabilities::default() })
    }

    async fn models(&self) -> Result<Vec<ModelFacts>, Fault> {
        Ok(Vec::new())
    }

    async fn health_check(&self) -> Result<ProbeResult, Fault> {
        Ok(ProbeResult { class: ProbeClass::Reach, latency_ms: 1 })
    }

    async fn complete(&self, _request: &ChatRequest) -> Result<serde_json::Value, Fault> {
        let message = serde_json::json!({ "role": "assistant", "content": "hello" });
        Ok(serde_json::json!({ "choices": [{ "message": message, "finish_reason": "stop" }] }))
    }

    async fn stream(&self, _request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault> {
        Ok(Box::new(EndlessEcho { has_begun: false }))
    }

    async fn dispose(&self) {}
}
