use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use muster_guard::Role;
use muster_http::{
    Body, Front, Phase, Principal, PublicAddress,
    health::{HealthState, Readiness, StartupCondition},
    metrics::Metrics,
    xregistry::{DocumentCache, XRegistry},
};
use muster_journal::ReadError;
use muster_ledger::{Signer, checkpoint};
use muster_model::Foundation;
use muster_registry::{
    CheckpointFile, FollowerState, FollowerStatus, Followers, Genesis, OpenError, Registry,
    RegistrySettings, WriterEnd,
};
use muster_stores::{Place, Store};
use muster_words::{Id, Position};
use tokio::sync::watch;

use super::{
    clock::{clock, random, random_id},
    directory::Directory,
    routes::ServerRoutes,
};
use crate::{Failure, OwnCode};

/// Where a registry is kept.
pub(super) enum Storage {
    /// In memory: gone with the process.
    Memory,
    /// In a data directory.
    Data(Directory),
}

/// How a registry is opened.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenOptions {
    /// Without the built-in model.
    pub bare: bool,
    /// The id of a registry that is made new, none: a random one; one that is there must have it.
    pub id: Option<Id>,
    /// One that is there already is refused.
    pub new_only: bool,
    /// What absolute URLs begin with.
    pub public: Option<PublicAddress>,
    /// A key that is accepted although the ledger doesn't have it.
    pub key: Option<String>,
    /// Who somebody is who shows no key; none: everybody needs one.
    pub anonymous: Option<Role>,
    /// Others than this computer can reach the server.
    pub beyond_loopback: bool,
    /// Bytes of contents and rendered documents that are kept in memory; 0: the usual.
    pub cache_bytes: u64,
}

/// An open registry with its routes, without a socket.
pub(super) struct Assembly {
    /// The registry.
    pub registry: Registry,
    /// What has happened since the start.
    pub readiness: Arc<Readiness>,
    /// Stands before the routes.
    pub front: Arc<Front>,
    /// What follows the ledger; it is started where a server runs.
    pub followers: Arc<Followers>,
    /// Whether the registry was made just now.
    pub is_new: bool,
    doors: ServerRoutes,
    directory: Option<Mutex<Directory>>,
    store: Arc<dyn Store>,
    phase: watch::Sender<Phase>,
}

/// The name of the ledger that the catalog is folded from.
pub(super) const LEDGER: &str = "changes";

/// How long the store may take to answer `/health/db`.
const STORE_TIME: Duration = Duration::from_secs(5);

/// How long a follower may take to finish what it does where nobody says otherwise.
const FOLLOWERS_GRACE: Duration = Duration::from_secs(2);

/// What to do about a ledger that can't be opened.
pub(super) const AFTER_DAMAGE: &str = "copy the data directory as it is before anything else; \
     muster ledger verify --data DIR names what is wrong; then docs/how-to/after-corruption.md";

/// Bytes of rendered documents that are kept in memory where nobody says otherwise.
const RENDERED_BYTES: u64 = 256 * 1024 * 1024;

impl Assembly {
    /// Opens a registry and puts its routes together.
    ///
    /// # Errors
    /// The ledger can't be opened, or doesn't hold what it should.
    pub async fn open(kind: Storage, open_options: &OpenOptions) -> Result<Self, Failure> {
        let (store, directory) = match kind {
            Storage::Memory => (muster_stores::open(&Place::Memory), None),
            Storage::Data(directory) => (directory.store(), Some(directory)),
        };
        let file = store.file(LEDGER);
        if let Some(directory) = &directory
            && file.as_ref().is_some_and(|file| !file.exists())
        {
            refuse_lost(directory)?;
        }
        let ledger = store.ledger(LEDGER).map_err(|error| unusable(file.as_deref(), &error))?;
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
        let readiness = Readiness::new();
        readiness.reached(StartupCondition::Replayed);
        follow_writer(&registry, &readiness);
        let followers = Arc::new(Followers::default());
        let around = (followers.clone(), file.map(absolute));
        let (front, doors) = front(&registry, &readiness, open_options, around).await?;
        Ok(Self {
            registry,
            readiness,
            front: Arc::new(front),
            followers,
            is_new,
            doors,
            directory: directory.map(Mutex::new),
            store,
            phase: watch::Sender::new(Phase::Running),
        })
    }

    /// Whether requests need a key.
    pub fn needs_key(&self) -> bool {
        self.doors.needs_key()
    }

    /// Where the registry is kept.
    pub fn place(&self) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        Some(locked(directory).path().to_owned())
    }

    /// Says in the directory's lock where the server answers.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        match &self.directory {
            Some(directory) => locked(directory).announce(Some(address)),
            None => Ok(()),
        }
    }

    /// Answers a request of this process itself, which its owner makes.
    pub async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Body> {
        let principal = Arc::new(Principal::owner());
        let request = request.map(axum_body);
        self.front.answer(request, principal, self.phase.subscribe()).await
    }

    /// Stops what follows the ledger, and the writer, keeps the last checkpoint, and leaves no log beside the database.
    pub async fn close(&self) {
        self.followers.stop(FOLLOWERS_GRACE).await;
        self.registry.close().await;
        self.store.close().await;
    }
}

fn locked(directory: &Mutex<Directory>) -> std::sync::MutexGuard<'_, Directory> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that others can follow, wherever they stand.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn axum_body(bytes: Bytes) -> axum::body::Body {
    axum::body::Body::from(bytes)
}

/// A registry's id, as somebody gave it.
///
/// # Errors
/// It is no id.
pub(super) fn registry_id(text: &str) -> Result<Id, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("{text:?} can't be a registry's id: {error}"))
            .help("letters, digits and - . _ ~ : @, such as registry.example")
    })
}

/// A ledger that can't be opened, and the file that it lies in.
pub(super) fn unusable(file: Option<&Path>, error: &muster_stores::StoreOpenError) -> Failure {
    let mut what = match file {
        Some(file) => format!("{}: {error}", file.display()),
        None => error.to_string(),
    };
    add_causes(&mut what, error);
    Failure::new(OwnCode::LedgerUnusable, what).help(AFTER_DAMAGE)
}

/// What the registry is opened with: a key and a first entry where it is new.
pub(super) fn opening(
    open_options: &OpenOptions,
    directory: Option<&Directory>,
    is_new: bool,
) -> Result<RegistrySettings, Failure> {
    let foundation = if open_options.bare { Foundation::Bare } else { Foundation::BuiltIn };
    let mut opening = RegistrySettings::new(foundation, clock());
    if open_options.cache_bytes > 0 {
        opening.cache_bytes = open_options.cache_bytes;
    }
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

/// The ledger's key; made where the ledger is new and has none. A start that was cut off between
/// the key and the first entry goes on with the same key.
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

/// The registry's id, with which its key's name begins.
fn id_of(signer: &Signer) -> Result<Id, Failure> {
    let name = signer.verifier().name().to_string();
    registry_id(name.rsplit_once('/').map_or(name.as_str(), |(id, _)| id))
}

/// A directory in which a registry is to be made, and one is. Which one is said if its key does.
fn already_there(directory: &Directory, open_options: &OpenOptions) -> Failure {
    let shown = directory.path().display();
    let found = muster_guard::ledger_key::read(&directory.key());
    match (found.ok().and_then(|signer| id_of(&signer).ok()), &open_options.id) {
        (Some(found), Some(asked)) if found != *asked => other_id(directory, &found, asked),
        (Some(found), _) => Failure::new(
            OwnCode::AlreadyThere,
            format!("{shown} holds the registry {found} already"),
        ),
        (None, _) => {
            Failure::new(OwnCode::AlreadyThere, format!("{shown} holds a registry already"))
        }
    }
    .help(format!("muster serve --data {shown} serves it; a new one needs a directory of its own"))
}

/// A ledger without entries whose checkpoint says that there were some isn't begun anew.
fn refuse_lost(directory: &Directory) -> Result<(), Failure> {
    if !directory.checkpoint().exists() {
        return Ok(());
    }
    let (file, checkpoint) = (directory.store().file(LEDGER), directory.checkpoint());
    let ledger = file.map_or_else(|| "the ledger".to_owned(), |file| file.display().to_string());
    let what = format!("{ledger} has no entries, and {} is there", checkpoint.display());
    Err(Failure::new(OwnCode::TailMissing, what).help(AFTER_DAMAGE))
}

/// The id that was asked for is another than the registry's, which never changes.
fn other_id(directory: &Directory, found: &Id, asked: &Id) -> Failure {
    let shown = directory.path().display();
    Failure::new(OwnCode::OtherId, format!("{shown} holds the registry {found}, not {asked}")).help(
        "a registry keeps its id: leave --registry-id out, or give a directory of its own: --data DIR",
    )
}

fn unreadable(error: &ReadError) -> Failure {
    Failure::new(OwnCode::LedgerUnreadable, error.to_string()).help(AFTER_DAMAGE)
}

fn not_opened(error: &OpenError) -> Failure {
    use muster_registry::CheckpointFileError::TailMissing;
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

/// Says what lies under an error.
fn add_causes(what: &mut String, error: &dyn std::error::Error) {
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Some errors say what their cause says.
        let more = inner.to_string();
        if !what.ends_with(&more) {
            *what = format!("{what}: {more}");
        }
        cause = inner.source();
    }
}

/// Lets the server say that it isn't ready when nothing can be written any more.
fn follow_writer(registry: &Registry, readiness: &Arc<Readiness>) {
    let (registry, readiness) = (registry.clone(), readiness.clone());
    tokio::spawn(async move {
        if registry.ended().await == WriterEnd::Fault {
            readiness.failed("the writer has ended by a fault");
        }
    });
}

/// The routes, and what stands before them.
async fn front(
    registry: &Registry,
    readiness: &Arc<Readiness>,
    open_options: &OpenOptions,
    (followers, file): (Arc<Followers>, Option<PathBuf>),
) -> Result<(Front, ServerRoutes), Failure> {
    let metrics = Arc::new(Metrics::new());
    measure(registry, &metrics);
    measure_followers(&followers, &metrics);
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
        metrics: metrics.clone(),
    };
    let rendered =
        if open_options.cache_bytes > 0 { open_options.cache_bytes } else { RENDERED_BYTES };
    let rendered = usize::try_from(rendered).unwrap_or(usize::MAX);
    let documents = DocumentCache::new(registry.clone(), rendered);
    let door =
        XRegistry::new(registry.clone(), open_options.bare).with_documents(documents.clone());
    let doors = ServerRoutes::open(registry, open_options, followers, file).await?;
    let router = muster_http::health::routes(vitals).merge(door.router()).merge(doors.router());
    let view = registry.clone();
    let watching = doors.clone();
    metrics.gauge("watchers", "Open streams of changes", move || {
        i64::try_from(watching.watchers()).unwrap_or(i64::MAX)
    });
    let mut front = Front::new(router, doors.gatekeeper(), metrics)
        .with_fast_read(documents)
        .with_position(move || view.view().position());
    if let Some(public) = &open_options.public {
        front = front.with_public_address(public.clone());
    }
    Ok((front, doors))
}

/// What the registry counts.
fn measure(registry: &Registry, metrics: &Metrics) {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let gauge = |name, help, read: fn(&muster_registry::RegistryStatus) -> u64| {
        let registry = registry.clone();
        metrics.gauge(name, help, move || number(read(&registry.status())));
    };
    gauge("ledger_position", "Position of the newest view", |status| status.position.0);
    gauge("documents", "Documents that are there", |status| status.documents);
    gauge("groups", "Groups that are there", |status| status.groups);
    gauge("hidden", "Names of which something is hidden", |status| status.hidden);
    gauge("commands_waiting", "Commands that wait for the writer", |status| status.waiting);
}

/// How far those are behind who follow the ledger.
fn measure_followers(followers: &Arc<Followers>, metrics: &Metrics) {
    let gauge = |name, help, read: fn(&FollowerStatus) -> u64| {
        let followers = followers.clone();
        metrics.labelled_gauge(name, help, "follower", move || {
            let value = |status: &FollowerStatus| i64::try_from(read(status)).unwrap_or(i64::MAX);
            let all = followers.status();
            all.iter().map(|status| (status.name.to_string(), value(status))).collect()
        });
    };
    gauge("follower_running", "Whether a follower takes changes or waits for them", |status| {
        u64::from(status.state == FollowerState::Running)
    });
    gauge("follower_behind_entries", "Entries that a follower hasn't taken", |status| {
        status.lag_entries
    });
    gauge("follower_behind_seconds", "How long a follower's next change waits", |status| {
        status.lag_time.as_secs()
    });
}
