use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use muster_guard::{ApiKey, Role};
use muster_http::{
    AllowedOrigins, Body, FastReads, Front, LiveEvents, LiveProviders, Phase, Principal,
    ProviderCheck, PublicAddress, RequestLog,
    health::{HealthState, Readiness, StartupCondition},
    metrics::Metrics,
    native::StoredLedger,
    xregistry::{DocumentCache, XRegistry},
};
use muster_journal::ReadError;
use muster_ledger::{Signer, checkpoint};
use muster_model::Foundation;
use muster_publisher::{Publisher, SiteRenderer};
use muster_registry::{
    CheckpointFile, Followers, Genesis, OpenError, Registry, RegistrySettings, WriterEnd,
};
use muster_relay::Engine;
use muster_search::TextIndex;
use muster_stores::{OpenStore, Place, StoreOpenError};
use muster_words::{Id, Position};
use tokio::sync::watch;

use super::{
    backups::ScheduledBackups,
    clock::{clock, random, random_id},
    directory::Directory,
    events, health_checks, live_providers, measuring,
    outbound::Outbound,
    pages, relaying,
    routes::ServerRoutes,
    site::{self, Publishing},
    stop_report::StopReport,
    texts,
    trusted_clock::TrustedClock,
};
use crate::{Failure, OwnCode};

/// Where a registry is stored.
pub(super) enum Storage {
    /// In memory; it is lost when the process ends.
    Memory,
    /// In a data directory.
    Data(Directory),
}

/// Options for opening a registry.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenOptions {
    /// Leave out the built-in model.
    pub bare: bool,
    /// The id for a new registry; none means a random one. An existing registry must have this id.
    pub id: Option<Id>,
    /// Refuse an existing registry.
    pub new_only: bool,
    /// The base of absolute URLs.
    pub public: Option<PublicAddress>,
    /// A key that is accepted although it isn't in the ledger.
    pub key: Option<String>,
    /// The role of callers without a key; none if a key is required.
    pub anonymous: Option<Role>,
    /// Others than this computer can reach the server.
    pub beyond_loopback: bool,
    /// The memory for cached contents and rendered documents, in bytes; 0 means the default.
    pub cache_bytes: u64,
    /// How requests are logged.
    pub request_log: RequestLog,
    /// The origins whose web pages may use the server.
    pub origins: AllowedOrigins,
    /// The most connections of a server; 0: there is no server.
    pub connections_max: usize,
    /// Who may read the site, and where publications may go.
    pub publishing: Publishing,
    /// The backups that a server makes by itself.
    pub backups: Option<Arc<ScheduledBackups>>,
    /// The time of a server; none: this computer's clock.
    pub clock: Option<Arc<TrustedClock>>,
    /// What the server may connect to.
    pub outbound: Outbound,
}

/// An open registry with its routes, without a socket.
pub(super) struct Assembly {
    /// The registry.
    pub registry: Registry,
    /// Whether the server is ready.
    pub readiness: Arc<Readiness>,
    /// The layer in front of the routes.
    pub front: Arc<Front>,
    publisher: Arc<Publisher>,
    backups: Option<Arc<ScheduledBackups>>,
    /// The followers of the ledger. Only a server starts them.
    pub followers: Arc<Followers>,
    /// The engine of propagation. Only a server starts it.
    pub engine: Option<Arc<Engine>>,
    /// The live AI providers.
    pub providers: LiveProviders,
    /// Whether the registry was just created.
    pub is_new: bool,
    doors: ServerRoutes,
    directory: Option<Mutex<Directory>>,
    store: Arc<dyn OpenStore>,
    phase: watch::Sender<Phase>,
    /// What was under way when the server was told to stop.
    pub at_stop: Arc<OnceLock<StopReport>>,
}

/// The name of the ledger.
pub(super) const LEDGER: &str = "changes";

/// How long `/health/db` waits for the store.
const STORE_TIME: Duration = Duration::from_secs(5);

/// The default for how long a follower may take to finish its work.
const FOLLOWERS_GRACE: Duration = Duration::from_secs(2);

/// The advice for a ledger that can't be opened.
pub(super) const AFTER_DAMAGE: &str = "first copy the data directory as it is; \
     muster ledger verify --data DIR names the fault; then follow \"When a ledger doesn't verify\" in Muster's documentation";

/// The default size of the cache of rendered documents, in bytes.
const RENDERED_BYTES: u64 = 256 * 1024 * 1024;

impl Assembly {
    /// Opens a registry and builds its routes.
    ///
    /// # Errors
    /// The ledger can't be opened, or doesn't hold what it should.
    pub async fn open(kind: Storage, open_options: &OpenOptions) -> Result<Self, Failure> {
        let (store, mut directory) = match kind {
            Storage::Memory => (muster_stores::open(&Place::Memory), None),
            Storage::Data(directory) => (directory.store(), Some(directory)),
        };
        let file = store.file(LEDGER);
        if let Some(directory) = &directory
            && file.as_ref().is_some_and(|file| !file.exists())
        {
            refuse_lost(directory)?;
        }
        let opened = store.ledger(LEDGER);
        remember_log(directory.as_mut(), opened.as_ref().err());
        let ledger = opened.map_err(|error| unusable(file.as_deref(), &error))?;
        let head = ledger.head().await.map_err(|error| unreadable(&error))?;
        let is_new = head.position == Position::ZERO;
        if let (Some(directory), true) = (&directory, is_new) {
            refuse_lost(directory)?;
        }
        if let (Some(directory), true) = (&directory, open_options.new_only && !is_new) {
            return Err(already_there(directory, open_options));
        }
        let opening = opening(open_options, directory.as_ref(), is_new)?;
        let registry = Registry::open(ledger, opening).await.map_err(|error| not_opened(&error))?;
        register_schemas(&registry).await;
        let readiness = Readiness::new();
        readiness.reached(StartupCondition::Replayed);
        follow_writer(&registry, &readiness);
        let providers = live_providers::open(&registry, open_options);
        let renderer = site::renderer(&registry, directory.as_ref());
        let destinations = open_options.publishing.destinations.clone();
        let publisher = Arc::new(Publisher::new(registry.clone(), renderer.clone(), destinations));
        let followed = (&registry, &publisher, &providers);
        let texts = texts::open(&store, directory.as_ref(), followed, open_options).await?;
        let (followers, texts) = (Arc::new(texts.followers), texts.index);
        let events = events::open(directory.as_ref(), open_options);
        events::tell_of_providers(&events, &providers);
        let engine = relaying::open(&registry, directory.as_ref(), (open_options, &events))?;
        let store: Arc<dyn OpenStore> = store;
        let file = file.map(|file| {
            let store = store.clone();
            StoredLedger { file: absolute(file), bytes: Arc::new(move || store.bytes(LEDGER)) }
        });
        let around = Around {
            followers: followers.clone(),
            texts,
            engine: engine.clone(),
            events,
            file,
            providers: providers.clone(),
            site: (renderer, publisher.clone()),
        };
        let (front, doors) = front(&registry, &readiness, open_options, around).await?;
        Ok(Self {
            registry,
            readiness,
            front: Arc::new(front),
            publisher,
            backups: open_options.backups.clone(),
            followers,
            engine,
            providers,
            is_new,
            doors,
            directory: directory.map(Mutex::new),
            store,
            phase: watch::Sender::new(Phase::Running),
            at_stop: Arc::default(),
        })
    }

    /// Whether requests need a key.
    pub fn needs_key(&self) -> bool {
        self.doors.needs_key()
    }

    /// Confluent's API at the root of a port of its own.
    pub fn confluent_alone(&self) -> Front {
        let schemas = self.doors.schema_answers().below("");
        let front = self.front.beside(self.doors.confluent_router()).with_schema_api("");
        front.with_fast_read(Arc::new(schemas))
    }

    /// Makes this key the first one of a registry that has none.
    pub async fn make_first_key(&self, key: &ApiKey) -> Result<(), Failure> {
        let id = key.id().to_string();
        if self.doors.make_first_key(key).await? {
            tracing::info!(key = id, "the key in MUSTER_ADMIN_KEY is the registry's first key");
        } else {
            tracing::info!("the registry has keys; MUSTER_ADMIN_KEY isn't used");
        }
        Ok(())
    }

    /// The data directory, if there is one.
    pub fn place(&self) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        Some(locked(directory).path().to_owned())
    }

    /// Writes the server's address to the directory's lock file.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        match &self.directory {
            Some(directory) => locked(directory).announce(Some(address)),
            None => Ok(()),
        }
    }

    /// Answers a request from this process itself, with the owner's permissions.
    pub async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Body> {
        let principal = Arc::new(Principal::owner());
        let request = request.map(axum_body);
        self.front.answer(request, principal, self.phase.subscribe()).await
    }

    /// Starts what a server does on its own: the followers, the engine of propagation, renewing what
    /// is published, and backups.
    pub async fn start(&self) {
        self.followers.start().await;
        if let Some(engine) = &self.engine {
            engine.start();
        }
        // It ends with the runtime; what it does can be interrupted anywhere.
        tokio::spawn(site::renew(self.publisher.clone()));
        if let Some(backups) = &self.backups {
            backups.begin(self.registry.clone());
        }
    }

    /// The routes.
    pub fn doors(&self) -> &ServerRoutes {
        &self.doors
    }

    /// The number of open streams of changes.
    pub fn watchers(&self) -> usize {
        self.doors.watchers()
    }

    /// The number of events that streams were sent.
    pub fn streamed(&self) -> u64 {
        self.doors.streamed()
    }

    /// Stops the followers and the writer, writes the last checkpoint, and removes the database's
    /// log file. Answers how many deliveries were cut off, which are made again after the next start.
    pub async fn close(&self) -> u32 {
        if let Some(backups) = &self.backups {
            backups.stop().await;
        }
        let mut cut_off = 0;
        if let Some(engine) = &self.engine {
            cut_off = engine.stop().await;
            if cut_off > 0 {
                tracing::info!(
                    in_flight = cut_off,
                    "deliveries were on their way and are made again"
                );
            }
        }
        self.followers.stop(FOLLOWERS_GRACE).await;
        self.providers.live().graceful_shutdown(FOLLOWERS_GRACE).await;
        self.registry.close().await;
        self.store.close().await;
        cut_off
    }
}

fn locked(directory: &Mutex<Directory>) -> std::sync::MutexGuard<'_, Directory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An absolute path.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn axum_body(bytes: Bytes) -> axum::body::Body {
    axum::body::Body::from(bytes)
}

/// Parses a registry's id.
///
/// # Errors
/// The text isn't an id.
pub(super) fn registry_id(text: &str) -> Result<Id, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("{text:?} can't be the id of a registry: {error}"))
            .help("use letters, digits and - . _ ~ : @, such as registry.example")
    })
}

/// The failure for a ledger that can't be opened, with its file.
pub(super) fn unusable(file: Option<&Path>, error: &StoreOpenError) -> Failure {
    let mut what = match file {
        Some(file) => format!("{}: {error}", file.display()),
        None => error.to_string(),
    };
    add_causes(&mut what, error);
    let code = match error {
        StoreOpenError::TailMissing { .. } => OwnCode::TailMissing,
        _ => OwnCode::LedgerUnusable,
    };
    Failure::new(code, what).help(AFTER_DAMAGE)
}

/// How to open the registry; a new one gets a key and a first entry.
pub(super) fn opening(
    open_options: &OpenOptions,
    directory: Option<&Directory>,
    is_new: bool,
) -> Result<RegistrySettings, Failure> {
    let foundation = if open_options.bare { Foundation::Bare } else { Foundation::BuiltIn };
    let mut opening = RegistrySettings::new(
        foundation,
        open_options.clock.as_ref().map_or_else(clock, TrustedClock::clock),
    );
    if open_options.cache_bytes > 0 {
        opening.cache_bytes = open_options.cache_bytes;
    }
    opening.secrets = open_options.outbound.secrets.clone();
    opening.checks = vec![Arc::new(ProviderCheck)];
    let id = || open_options.id.clone().map_or_else(random_id, Ok);
    let Some(directory) = directory else {
        opening.genesis = Some(Genesis { registry: id()?, actor: "admin".to_owned() });
        return Ok(opening);
    };
    let signer = signer(directory, is_new, id)?;
    let registry = id_of(&signer)?;
    if let Some(asked) = open_options.id.as_ref().filter(|asked| **asked != registry) {
        return Err(other_id(directory, &registry, asked));
    }
    if is_new {
        opening.genesis = Some(Genesis { registry, actor: "admin".to_owned() });
    }
    opening.checkpoint = Some(CheckpointFile::new(directory.checkpoint(), signer));
    Ok(opening)
}

/// The ledger's signing key, created if the ledger is new. If a first start was interrupted between
/// the key and the first entry, the next start uses the same key.
fn signer(
    directory: &Directory,
    is_new: bool,
    id: impl FnOnce() -> Result<Id, Failure>,
) -> Result<Signer, Failure> {
    let path = directory.key();
    let failure = |error: muster_guard::ledger_key::LedgerKeyError| {
        Failure::new(OwnCode::LedgerKey, error.to_string()).help(error.help())
    };
    if !is_new || path.exists() {
        return muster_guard::ledger_key::read(&path).map_err(failure);
    }
    let origin = checkpoint::origin(&id()?, LEDGER)
        .map_err(|error| Failure::new(OwnCode::BadId, error.to_string()))?;
    muster_guard::ledger_key::make(&path, origin, &random()).map_err(failure)
}

/// The registry's id; its key's name begins with it.
fn id_of(signer: &Signer) -> Result<Id, Failure> {
    let name = signer.verifier().name().to_string();
    registry_id(name.rsplit_once('/').map_or(name.as_str(), |(id, _)| id))
}

/// The directory already holds a registry. Its id is shown if its key can be read.
fn already_there(directory: &Directory, open_options: &OpenOptions) -> Failure {
    let shown = directory.path().display();
    let found = muster_guard::ledger_key::read(&directory.key());
    match (found.ok().and_then(|signer| id_of(&signer).ok()), &open_options.id) {
        (Some(found), Some(asked)) if found != *asked => other_id(directory, &found, asked),
        (Some(found), _) => Failure::new(
            OwnCode::AlreadyThere,
            format!("{shown} already holds the registry {found}"),
        ),
        (None, _) => {
            Failure::new(OwnCode::AlreadyThere, format!("{shown} already holds a registry"))
        }
    }
    .help(format!("muster serve --data {shown} serves it; a new registry needs another directory"))
}

/// Remembers in the directory whether the ledger's log was in order. That it can't be written is no
/// reason to stop: the next start then knows less.
pub(super) fn remember_log(directory: Option<&mut Directory>, error: Option<&StoreOpenError>) {
    let Some(directory) = directory else { return };
    let remembered = match error {
        None => directory.remember_log_emptied(),
        Some(StoreOpenError::TailMissing { .. }) => directory.remember_log_damaged(),
        Some(_) => return,
    };
    if let Err(error) = remembered {
        tracing::warn!(%error, "the file lock can't be written");
    }
}

/// Refuses to start anew if the ledger is empty but its checkpoint says that it had entries.
fn refuse_lost(directory: &Directory) -> Result<(), Failure> {
    if !directory.checkpoint().exists() {
        return Ok(());
    }
    let (file, checkpoint) = (directory.store().file(LEDGER), directory.checkpoint());
    let ledger = file.map_or_else(|| "the ledger".to_owned(), |file| file.display().to_string());
    let what = format!("{ledger} has no entries, but {} exists", checkpoint.display());
    Err(Failure::new(OwnCode::TailMissing, what).help(AFTER_DAMAGE))
}

/// The requested id isn't the registry's id, which never changes.
fn other_id(directory: &Directory, found: &Id, asked: &Id) -> Failure {
    let shown = directory.path().display();
    Failure::new(OwnCode::OtherId, format!("{shown} holds the registry {found}, not {asked}")).help(
        "a registry keeps its id: leave --registry-id out, or use another directory: --data DIR",
    )
}

fn unreadable(error: &ReadError) -> Failure {
    Failure::new(OwnCode::LedgerUnreadable, error.to_string()).help(AFTER_DAMAGE)
}

fn not_opened(error: &OpenError) -> Failure {
    use muster_registry::CheckpointFileError::{Read, TailMissing};
    if let OpenError::Checkpoint(Read { source, .. }) = error
        && source.kind() == io::ErrorKind::PermissionDenied
    {
        return Failure::new(OwnCode::System, format!("{error}: {source}"))
            .help("run this as the owner of the data directory");
    }
    let code = match error {
        OpenError::Checkpoint(TailMissing { .. }) => OwnCode::TailMissing,
        OpenError::Checkpoint(_) => OwnCode::CheckpointBroken,
        OpenError::Format(_) => OwnCode::FormatNewer,
        _ => OwnCode::LedgerUnusable,
    };
    let mut what = error.to_string();
    add_causes(&mut what, error);
    Failure::new(code, what).help(AFTER_DAMAGE)
}

/// Appends the causes of an error.
fn add_causes(what: &mut String, error: &dyn std::error::Error) {
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Some errors already contain the text of their cause.
        let more = inner.to_string();
        if !what.ends_with(&more) {
            *what = format!("{what}: {more}");
        }
        cause = inner.source();
    }
}

/// Gives ids to schemas that a release without them has stored. What can't be written now, because
/// a disk is full, is read all the same, and the next start tries again.
async fn register_schemas(registry: &Registry) {
    match registry.register_schemas().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "schemas that were there already have ids now"),
        Err(error) => tracing::error!(%error, "schemas that were there already got no ids"),
    }
}

/// Marks the server as failed when the writer ends.
fn follow_writer(registry: &Registry, readiness: &Arc<Readiness>) {
    let (registry, readiness) = (registry.clone(), readiness.clone());
    tokio::spawn(async move {
        if registry.ended().await == WriterEnd::Fault {
            readiness.failed("the writer stopped because of a fault");
        }
    });
}

/// What works beside the routes.
pub(super) struct Around {
    pub followers: Arc<Followers>,
    /// The index of words.
    pub texts: Option<Arc<TextIndex>>,
    /// The engine of propagation.
    pub engine: Option<Arc<Engine>>,
    /// The events of what runs beside the ledger.
    pub events: Arc<LiveEvents>,
    /// The ledger's file.
    pub file: Option<StoredLedger>,
    pub providers: LiveProviders,
    pub site: PublishedSite,
}

/// What renders the site, and what publishes it.
pub(super) type PublishedSite = (Arc<SiteRenderer>, Arc<Publisher>);

/// The routes, and the layer in front of them.
async fn front(
    registry: &Registry,
    readiness: &Arc<Readiness>,
    open_options: &OpenOptions,
    around: Around,
) -> Result<(Front, ServerRoutes), Failure> {
    let metrics = Arc::new(Metrics::new());
    measuring::measure(registry, &metrics);
    measuring::measure_followers(&around.followers, &metrics);
    if let Some(engine) = &around.engine {
        relaying::measure(engine, &metrics);
    }
    if let Some(backups) = &open_options.backups {
        backups.measure(&metrics);
    }
    let store = {
        let registry = registry.clone();
        Arc::new(move || {
            let registry = registry.clone();
            let asked: std::pin::Pin<Box<dyn Future<Output = bool> + Send>> =
                Box::pin(async move { registry.is_answering().await });
            asked
        })
    };
    let vitals = HealthState {
        readiness: readiness.clone(),
        store,
        store_time: STORE_TIME,
        checks: health_checks::all(
            registry,
            (&around.followers, around.engine.as_ref(), open_options.backups.as_ref()),
            around.file.as_ref().map(|it| it.file.clone()),
        ),
        metrics: metrics.clone(),
    };
    let rendered =
        if open_options.cache_bytes > 0 { open_options.cache_bytes } else { RENDERED_BYTES };
    let rendered = usize::try_from(rendered).unwrap_or(usize::MAX);
    let documents = DocumentCache::new(registry.clone(), rendered);
    let door =
        XRegistry::new(registry.clone(), open_options.bare).with_documents(documents.clone());
    live_providers::measure(&around.providers, &metrics);
    let doors = ServerRoutes::open(registry, open_options, around).await?;
    let api = muster_http::health::routes(vitals).merge(door.router()).merge(doors.router());
    let view = registry.clone();
    measuring::measure_streams(&doors, &metrics);
    let schemas = doors.schema_answers().below("/confluent");
    let pages = pages::open(registry, &api, (&doors, &metrics), open_options);
    let assistants = muster_mcp::routes(pages.clients, open_options.origins.clone(), doors.gate())
        .map_err(|_| Failure::new(OwnCode::System, "the system gives no random numbers"))?;
    let router = api.merge(pages.router).merge(assistants);
    let mut front = Front::new(router, doors.gatekeeper(), metrics)
        .with_sessions(pages.sessions)
        .with_fast_read(Arc::new(FastReads(vec![documents, Arc::new(schemas)])))
        .with_request_log(open_options.request_log)
        .with_allowed_origins(open_options.origins.clone())
        .with_schema_api("/confluent")
        .with_position(move || view.view().position());
    if open_options.publishing.is_public {
        front = front.with_public_site();
    }
    if let Some(public) = &open_options.public {
        front = front.with_public_address(public.clone());
    }
    Ok((front, doors))
}
