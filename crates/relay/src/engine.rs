//! The engine: keeps one link running for each route and target that the registry holds.

mod control;
mod documents;
mod status;
mod wanted;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use muster_catalog::View;
use muster_registry::{CommittedCommand, FetchError};
use muster_words::{Position, Xid};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use self::{
    documents::{FoundDocuments, read_documents},
    wanted::{WantedLink, WantedLinks, wanted},
};
use crate::{
    delivery::Depot,
    link::{Link, LinkProgress, STOP_GRACE, at, is_stopping},
    pull::Puller,
    receiver::Receiver,
    route::RouteMode,
    store::{Held, LinkKey, StoreError, StoredLink},
    stream::StreamedRoutes,
    target::TargetKind,
};

pub use control::ControlError;
pub use status::{BrokenDocument, EngineCounts, LinkPage, LinkStatus, TargetStatus, WebhookCounts};
pub use wanted::LINKS_MAX;

/// How long a stop waits for links to end: for the requests that run, and for the mark to be stored
/// on a slow disk.
const STOP_TIME_MAX: Duration = STOP_GRACE.saturating_add(Duration::from_secs(3));

/// The pause after the registry or the store couldn't be read.
const REST: Duration = Duration::from_secs(1);

/// Keeps the links of a registry running.
pub struct Engine {
    depot: Arc<Depot>,
    state: Mutex<EngineState>,
    stopping: watch::Sender<bool>,
    /// Tells that other routes or targets are in force.
    reconciled: watch::Sender<()>,
    /// Up to here, these are the routes and targets in force.
    judged: watch::Sender<Position>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct EngineState {
    links: BTreeMap<LinkKey, RunningLink>,
    receivers: BTreeMap<Xid, Arc<Receiver>>,
    broken: Vec<BrokenDocument>,
    /// Routes that don't run to all of their targets, because there are too many links.
    refused: Vec<BrokenDocument>,
    held: HashMap<String, Held>,
    /// The routes to each target that is read as a stream.
    streamed: BTreeMap<Xid, StreamedRoutes>,
}

struct RunningLink {
    link: Arc<Link>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Why the running links can't be made those that the documents ask for.
#[derive(Debug, Error)]
enum ReconcileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{name} can't be read: {source}")]
    Unread { name: Xid, source: FetchError },
}

impl Engine {
    /// An engine that doesn't run yet.
    #[must_use]
    pub fn new(depot: Depot) -> Arc<Self> {
        Arc::new(Self {
            depot: Arc::new(depot),
            state: Mutex::default(),
            stopping: watch::Sender::new(false),
            reconciled: watch::Sender::default(),
            judged: watch::Sender::default(),
            supervisor: Mutex::default(),
        })
    }

    /// Starts the links, and follows the changes of routes and targets.
    pub fn start(self: &Arc<Self>) {
        let engine = self.clone();
        let supervisor = tokio::spawn(async move { engine.supervise().await });
        *self.supervisor.lock() = Some(supervisor);
    }

    /// Stops every link. Requests that run may end, for a while; marks are stored. Returns how many
    /// requests were cut off; they are made again after the next start.
    pub async fn stop(&self) -> u32 {
        self.stopping.send_replace(true);
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor {
            let _ = supervisor.await;
        }
        let links = {
            let mut state = self.state.lock();
            state.receivers.clear();
            std::mem::take(&mut state.links)
        };
        stop(links.into_values().collect()).await
    }

    async fn supervise(&self) {
        let mut stopping = self.stopping.subscribe();
        let mut view = self.depot.registry.view();
        let mut commands = self.depot.registry.follow(view.position());
        loop {
            let reconciled = self.reconcile(&view).await;
            if let Err(error) = &reconciled {
                tracing::warn!(%error, "the routes can't be read; it is tried again");
            }
            // Other commands don't put it off, however many there are.
            let mut is_resting = false;
            let mut again_at = reconciled.is_err().then(|| Instant::now() + REST);
            loop {
                tokio::select! {
                    biased;
                    () = is_stopping(&mut stopping) => return,
                    () = at(again_at) => break,
                    page = commands.next(), if !is_resting => match page {
                        Ok(page) if page.iter().any(is_about_routes) => break,
                        Ok(page) => {
                            if reconciled.is_ok() && let Some(last) = page.last() {
                                self.judged_to(last.position());
                            }
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the ledger can't be followed; it is tried again");
                            again_at.get_or_insert_with(|| Instant::now() + REST);
                            is_resting = true;
                        }
                    }
                }
            }
            view = self.depot.registry.view();
        }
    }

    /// Makes the running links those that a view asks for. What can't be read now stays as it is.
    async fn reconcile(&self, view: &View) -> Result<(), ReconcileError> {
        let held = self.depot.store.held().await?;
        let stored = self.depot.store.links().await?;
        let found = read_documents(&self.depot.registry, view).await;
        let receivers = self.receivers(&found, &held);
        let wanted = self.wanted(&found, &stored);
        let ended = self.take_ended(&found, &wanted, &receivers);
        self.depot.live_routes.set(found.live_routes());
        {
            let mut state = self.state.lock();
            state.receivers = receivers;
            state.broken = found.broken.clone();
            state.refused = wanted.refused;
            state.held = held;
            // What can't be read now stays as it is.
            if found.unread.is_empty() {
                state.streamed = wanted.streamed;
                self.reconciled.send_replace(());
                self.judged_to(view.position());
            }
        }
        // They may take seconds to stop.
        let (names, links): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
        stop(links).await;
        for key in &names {
            self.depot.say("link.stopped", key, String::new());
        }
        for stored in &stored {
            // A route that is only turned off keeps its mark.
            let is_there = |name| found.names.contains(name);
            if !is_there(&stored.key.route) || !is_there(&stored.key.target) {
                self.depot.store.forget(&stored.key).await?;
            }
        }
        for (key, wanted) in wanted.links {
            self.run(key, wanted);
        }
        match found.unread.into_iter().next() {
            None => Ok(()),
            Some((name, source)) => Err(ReconcileError::Unread { name, source }),
        }
    }

    /// The links that should run. Those that run or have a mark come first, so that a new route or
    /// target displaces none of them.
    fn wanted(&self, found: &FoundDocuments, stored: &[StoredLink]) -> WantedLinks {
        let state = self.state.lock();
        let known = state.links.keys().chain(stored.iter().map(|stored| &stored.key));
        let is_kept = |key: &&LinkKey| found.is_unread(key);
        let room = LINKS_MAX.saturating_sub(state.links.keys().filter(is_kept).count());
        wanted(found, &known.cloned().collect(), stored, room)
    }

    /// Takes out the links that must end: nobody wants them, or what they do has changed.
    fn take_ended(
        &self,
        found: &FoundDocuments,
        wanted: &WantedLinks,
        receivers: &BTreeMap<Xid, Arc<Receiver>>,
    ) -> BTreeMap<LinkKey, RunningLink> {
        let mut state = self.state.lock();
        let stays = |key: &LinkKey, link: &Link| {
            let is_same = |wanted: &WantedLink| {
                let receiver = receivers.get(&key.target);
                link.route == wanted.route
                    && link.life == wanted.life
                    && receiver.is_some_and(|receiver| Arc::ptr_eq(receiver, &link.receiver))
            };
            found.is_unread(key) || wanted.links.get(key).is_some_and(is_same)
        };
        let (stay, ended) = std::mem::take(&mut state.links)
            .into_iter()
            .partition(|(key, running)| stays(key, &running.link));
        state.links = stay;
        ended
    }

    fn run(&self, key: LinkKey, wanted: WantedLink) {
        let mut state = self.state.lock();
        if state.links.contains_key(&key) {
            return;
        }
        let Some(receiver) = state.receivers.get(&key.target).cloned() else { return };
        let link = Arc::new(Link {
            key: key.clone(),
            route: wanted.route,
            receiver,
            created: wanted.created,
            life: wanted.life,
            depot: self.depot.clone(),
            progress: Arc::new(LinkProgress::default()),
        });
        let (stop, stopping) = watch::channel(false);
        let both = link.route.mode == RouteMode::Bidirectional;
        let puller = both.then(|| Arc::new(Puller::new(link.clone())));
        let running = link.clone();
        let task = tokio::spawn(async move {
            let back = async {
                if let Some(puller) = puller {
                    puller.run(stopping.clone()).await;
                }
            };
            tokio::join!(running.run(stopping.clone()), back);
        });
        state.links.insert(key.clone(), RunningLink { link, stop, task });
        drop(state);
        self.depot.say("link.started", &key, String::new());
    }

    /// The targets that are there. One that didn't change goes on with its breaker.
    fn receivers(
        &self,
        found: &FoundDocuments,
        held: &HashMap<String, Held>,
    ) -> BTreeMap<Xid, Arc<Receiver>> {
        let state = self.state.lock();
        let receivers = found.targets.iter().map(|(name, found)| {
            let held = held.get(&name.to_string());
            // A new version of a target's document lets a disabled target go again.
            let held = held.filter(|held| held.version.is_empty() || held.version == found.version);
            let same = state.receivers.get(name).filter(|known| known.target == found.target);
            let receiver = match same {
                Some(known) => known.clone(),
                None => {
                    let (name, version) = (name.clone(), found.version.clone());
                    let receiver = Receiver::new(name, version, found.target.clone(), None);
                    self.introduce(Arc::new(receiver))
                }
            };
            let reason = held.map(|held| held.reason.clone());
            if receiver.held() != reason {
                receiver.hold(reason);
            }
            (name.clone(), receiver)
        });
        let mut receivers: BTreeMap<Xid, Arc<Receiver>> = receivers.collect();
        for name in found.unread.keys() {
            if let Some(known) = state.receivers.get(name) {
                receivers.insert(name.clone(), known.clone());
            }
        }
        receivers
    }

    /// Asks a new target whether it agrees to get events, so that whoever put it soon sees that it
    /// doesn't. Deliveries ask as well, and wait for the answer.
    fn introduce(&self, receiver: Arc<Receiver>) -> Arc<Receiver> {
        if receiver.target.enabled {
            let (depot, asked) = (self.depot.clone(), receiver.clone());
            tokio::spawn(async move {
                if let Err(failure) = depot.ask(&asked).await
                    && asked.held().is_none()
                {
                    let why = failure.to_string();
                    depot.say_of_target("target.disabled", &asked.name, why.clone());
                    depot.disable(&asked, &why).await;
                }
            });
        }
        receiver
    }

    /// A target that is read as a stream, with the routes to it; none if there is no such target in
    /// force.
    pub(crate) fn streamed(&self, target: &Xid) -> Option<(Arc<Receiver>, StreamedRoutes)> {
        let state = self.state.lock();
        let receiver = state.receivers.get(target)?;
        let is_read = receiver.target.enabled && receiver.target.kind == TargetKind::Sse;
        let routes = state.streamed.get(target).cloned().unwrap_or_default();
        is_read.then(|| (receiver.clone(), routes))
    }

    /// Up to which position these are the routes and targets in force.
    pub(crate) fn judged(&self) -> watch::Receiver<Position> {
        self.judged.subscribe()
    }

    /// The routes are known up to a position. A view may be older than a page that was read before.
    fn judged_to(&self, position: Position) {
        self.judged.send_if_modified(|judged| {
            let is_newer = position > *judged;
            *judged = position.max(*judged);
            is_newer
        });
    }

    /// Tells when other routes or targets are in force.
    pub(crate) fn reconciled(&self) -> watch::Receiver<()> {
        self.reconciled.subscribe()
    }

    /// What deliveries share.
    #[must_use]
    pub fn depot(&self) -> &Arc<Depot> {
        &self.depot
    }
}

/// Stops links, all at once. Returns how many requests were cut off.
async fn stop(links: Vec<RunningLink>) -> u32 {
    for link in &links {
        link.stop.send_replace(true);
    }
    let until = Instant::now() + STOP_TIME_MAX;
    let mut cut_off = 0;
    for link in links {
        let abort = link.task.abort_handle();
        if timeout_at(until, link.task).await.is_err() {
            abort.abort();
        }
        cut_off += link.link.progress.cut_off.load(Ordering::Relaxed);
    }
    u32::try_from(cut_off).unwrap_or(u32::MAX)
}

/// Whether a command is about a route or a target.
fn is_about_routes(command: &Arc<CommittedCommand>) -> bool {
    command.touched().any(|xid| {
        let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
        matches!(groups, Some("routes" | "targets"))
    })
}
