//! The engine: keeps one link running for each route and target that the registry holds.

mod control;
mod documents;
mod status;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use muster_catalog::View;
use muster_words::Xid;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinHandle};

use self::documents::{FoundDocuments, read_documents};
use crate::{
    delivery::Depot,
    link::{Link, LinkProgress, is_stopping},
    receiver::Receiver,
    route::{Route, RouteMode},
    store::{Held, LinkKey, StoreError},
    trail::RelayEvent,
};

pub use control::ControlError;
pub use status::{BrokenDocument, EngineCounts, LinkStatus, TargetStatus};

/// How long a stop waits for running requests: a receiver that answers within this doesn't get the
/// event twice.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The pause after the registry or the store couldn't be read.
const REST: Duration = Duration::from_secs(1);

/// Keeps the links of a registry running.
pub struct Engine {
    depot: Arc<Depot>,
    state: Mutex<EngineState>,
    stopping: watch::Sender<bool>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct EngineState {
    links: BTreeMap<LinkKey, RunningLink>,
    receivers: BTreeMap<Xid, Arc<Receiver>>,
    broken: Vec<BrokenDocument>,
    held: HashMap<String, Held>,
}

struct RunningLink {
    link: Arc<Link>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Engine {
    /// An engine that doesn't run yet.
    #[must_use]
    pub fn new(depot: Depot) -> Arc<Self> {
        Arc::new(Self {
            depot: Arc::new(depot),
            state: Mutex::default(),
            stopping: watch::Sender::new(false),
            supervisor: Mutex::default(),
        })
    }

    /// Starts the links, and follows the changes of routes and targets.
    pub fn start(self: &Arc<Self>) {
        let engine = self.clone();
        let supervisor = tokio::spawn(async move { engine.supervise().await });
        *self.supervisor.lock() = Some(supervisor);
    }

    /// Stops every link. Marks are stored; what was on its way is sent again after the next
    /// start. Returns how many deliveries were on their way.
    pub async fn stop(&self) -> u32 {
        self.stopping.send_replace(true);
        let supervisor = self.supervisor.lock().take();
        if let Some(supervisor) = supervisor {
            let _ = supervisor.await;
        }
        let (links, receivers) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.links), std::mem::take(&mut state.receivers))
        };
        let running = receivers.values().map(|receiver| receiver.in_flight()).sum();
        for link in links.into_values() {
            stop(link).await;
        }
        running
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
            loop {
                tokio::select! {
                    biased;
                    () = is_stopping(&mut stopping) => return,
                    () = tokio::time::sleep(REST), if reconciled.is_err() => break,
                    page = commands.next() => {
                        let is_about = |xid: Xid| {
                            let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
                            matches!(groups, Some("routes" | "targets"))
                        };
                        let Ok(page) = page else {
                            tokio::time::sleep(REST).await;
                            continue;
                        };
                        if page.iter().any(|command| command.touched().any(is_about)) {
                            break;
                        }
                    }
                }
            }
            view = self.depot.registry.view();
        }
    }

    /// Makes the running links those that a view asks for.
    async fn reconcile(&self, view: &View) -> Result<(), StoreError> {
        let held = self.depot.store.held().await?;
        let found = read_documents(&self.depot.registry, view).await;
        let receivers = self.receivers(&found, &held);
        let wanted = wanted(&found);
        let running: Vec<LinkKey> = self.state.lock().links.keys().cloned().collect();
        for key in running {
            let is_same = {
                let state = self.state.lock();
                let link = state.links.get(&key).map(|running| &running.link);
                link.is_some_and(|link| {
                    wanted.get(&key).is_some_and(|wanted| {
                        link.route == wanted.route
                            && link.life == wanted.life
                            && receivers
                                .get(&key.target)
                                .is_some_and(|receiver| Arc::ptr_eq(receiver, &link.receiver))
                    })
                })
            };
            if !is_same {
                let ended = self.state.lock().links.remove(&key);
                if let Some(ended) = ended {
                    stop(ended).await;
                    self.say("link.stopped", &key);
                }
            }
        }
        for stored in self.depot.store.links().await? {
            // A route that is only turned off keeps its mark.
            if !found.names.contains(&stored.route) || !found.names.contains(&stored.target) {
                self.depot.store.forget(&stored).await?;
            }
        }
        {
            let mut state = self.state.lock();
            state.receivers = receivers;
            state.broken = found.broken;
            state.held = held;
        }
        for (key, wanted) in wanted {
            self.run(key, wanted);
        }
        Ok(())
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
            progress: LinkProgress::default(),
        });
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(link.clone().run(stopping));
        state.links.insert(key.clone(), RunningLink { link, stop, task });
        drop(state);
        self.say("link.started", &key);
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
                None => Arc::new(Receiver::new(
                    name.clone(),
                    found.version.clone(),
                    found.target.clone(),
                    None,
                )),
            };
            let reason = held.map(|held| held.reason.clone());
            if receiver.held() != reason {
                receiver.hold(reason);
            }
            (name.clone(), receiver)
        });
        receivers.collect()
    }

    fn say(&self, kind: &'static str, key: &LinkKey) {
        self.depot.trail.happened(RelayEvent {
            number: 0,
            time: self.depot.registry.now(),
            kind,
            route: key.route.to_string(),
            target: key.target.to_string(),
            detail: String::new(),
        });
    }

    /// What deliveries share.
    #[must_use]
    pub fn depot(&self) -> &Arc<Depot> {
        &self.depot
    }
}

/// Stops a link. What runs gets a moment to end; then it is cut off.
async fn stop(link: RunningLink) {
    link.stop.send_replace(true);
    let abort = link.task.abort_handle();
    if tokio::time::timeout(STOP_GRACE, link.task).await.is_err() {
        abort.abort();
    }
}

/// A link that should run.
struct WantedLink {
    route: Arc<Route>,
    created: muster_words::Moment,
    life: String,
}

/// The links that the documents ask for.
fn wanted(found: &FoundDocuments) -> BTreeMap<LinkKey, WantedLink> {
    let mut wanted = BTreeMap::new();
    for (name, route) in found.routes.iter().filter(|(_, route)| route.route.enabled) {
        let targets: BTreeSet<&Xid> = match route.route.mode {
            RouteMode::Broadcast => {
                let excluded = &route.route.exclude;
                found.targets.keys().filter(|target| !excluded.contains(target)).collect()
            }
            RouteMode::Unidirectional | RouteMode::Multicast => {
                route.route.targets.iter().collect()
            }
        };
        for target in targets {
            let Some(there) = found.targets.get(target).filter(|there| there.target.enabled) else {
                continue;
            };
            let key = LinkKey { route: name.clone(), target: target.clone() };
            let created = route.created.max(there.created);
            let life = format!("{} {}", route.created, there.created);
            wanted.insert(key, WantedLink { route: route.route.clone(), created, life });
        }
    }
    wanted
}
