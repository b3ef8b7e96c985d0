//! A route with one of its targets: reads the ledger from its mark, keeps deliveries in order, and
//! moves the mark.

mod running;

use std::{
    collections::{BTreeSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use muster_registry::{Commands, CommittedCommand, FetchError, Registry, ViewError};
use muster_words::{Id, Moment, Position};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use self::running::Running;
use crate::{
    changes::{DocumentChange, ReferringDocuments, all_changes_of, changes_of, everything_in},
    delivery::{Delivery, Depot},
    live::{self, LiveFollower, LivePage, LiveSelector},
    pull::InboundProgress,
    receiver::Receiver,
    retry::RetryPolicy,
    route::{Beginning, Route, RouteMode},
    store::{LinkKey, LinkRecord, StoreError},
    target::TargetKind,
    window::{UNFINISHED_MAX, Window},
};

/// How long finished deliveries may be without a stored mark: a crash repeats at most these.
const UNSAVED_TIME_MAX: Duration = Duration::from_millis(200);

/// How long a stop waits for requests that run: a receiver that answers within this doesn't get the
/// event twice.
pub const STOP_GRACE: Duration = Duration::from_secs(2);

/// The longest pause between two times that everything is sent again.
const RESTORED_REST_MAX: Duration = Duration::from_secs(60);

/// The pause after an error of the ledger or of the store.
const REST: Duration = Duration::from_secs(1);

/// A route with one of its targets.
pub struct Link {
    /// The route and the target.
    pub key: LinkKey,
    /// What the route says.
    pub route: Arc<Route>,
    /// The target.
    pub receiver: Arc<Receiver>,
    /// When the route or the target was created, whichever was later.
    pub created: Moment,
    /// Which life of them it is.
    pub life: String,
    /// What deliveries share.
    pub depot: Arc<Depot>,
    /// What people may see of it.
    pub progress: Arc<LinkProgress>,
}

/// What people may see of a link.
#[derive(Debug, Default)]
pub struct LinkProgress {
    /// Everything at or before it is finished.
    pub mark: AtomicU64,
    /// Unfinished deliveries that were read.
    pub unfinished: AtomicU64,
    /// Deliveries that were made since the start.
    pub delivered: AtomicU64,
    /// Dead letters since the start.
    pub died: AtomicU64,
    /// Whether a link that runs once is finished.
    pub is_finished: AtomicBool,
    /// The newest error of the link itself.
    pub error: Mutex<Option<String>>,
    /// What keeps deliveries waiting that somebody must mend on this side; none since the newest try.
    pub own_fault: Mutex<Option<String>>,
    /// What came of the newest try, if it failed.
    pub last_failure: Mutex<Option<String>>,
    /// Requests that a stop cut off.
    pub cut_off: AtomicU64,
    /// Live events that weren't sent because they aren't kept any more.
    pub missed: Mutex<MissedEvents>,
    /// The way back of a route in both directions; none if there is none, or before it began.
    pub inbound: Mutex<Option<InboundProgress>>,
    /// That the other registry was restored from a backup, until everything that it may have lost is
    /// sent again.
    pub peer_restored: watch::Sender<Option<PeerLife>>,
}

/// Live events that weren't sent, of which nothing was told yet.
#[derive(Debug, Default)]
pub struct MissedEvents {
    /// How many.
    pub count: u64,
    /// When something was told last.
    pub told: Option<Instant>,
}

/// What another registry is called in vectors since it was restored from a backup; none: it wasn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerLife(pub Option<Id>);

/// Why a link stops and begins again.
#[derive(Debug, Error)]
enum LinkError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the place where it begins can't be found: {0}")]
    Beginning(#[from] BeginningError),
    #[error("the mark {0} is behind the end of the ledger, which was restored or replaced")]
    Ahead(Position),
    #[error("a delivery ended without a result")]
    Lost,
}

/// Why the place where a route begins can't be found.
#[derive(Debug, Error)]
pub enum BeginningError {
    /// There is no view at its time.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The ledger can't be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Link {
    /// Runs until it is told to stop. Errors are noted, and it begins again at its mark.
    pub async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let ended = self.run_once(&mut stopping).await;
            let Err(error) = ended else { break };
            tracing::warn!(route = %self.key.route, target = %self.key.target, %error, "a link of propagation failed and begins again");
            *self.progress.error.lock() = Some(error.to_string());
            tokio::select! {
                () = is_stopping(&mut stopping) => break,
                () = tokio::time::sleep(REST) => {}
            }
        }
    }

    async fn run_once(&self, stopping: &mut watch::Receiver<bool>) -> Result<(), LinkError> {
        let mut record = self.record().await?;
        let newest = self.newest();
        if record.mark > newest {
            if self.route.live.is_none() {
                return Err(LinkError::Ahead(record.mark));
            }
            // The newest live events were lost in a crash, and their numbers are used again.
            record.mark = newest;
        }
        if self.route.live.is_some() {
            record.ahead.retain(|id| id.position <= newest);
            record.tries.retain(|id, _| id.position <= newest);
        }
        self.progress.mark.store(record.mark.0, Ordering::Relaxed);
        if record.is_finished {
            self.progress.is_finished.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let window = Window::new(record.mark, record.ahead.clone());
        let mut running = Running {
            record,
            window,
            deliveries: FuturesUnordered::new(),
            dead: Vec::new(),
            stopping: stopping.clone(),
            due: None,
            saving: None,
            saves_dead: false,
        };
        let ended = match (&self.route.live, self.route.once) {
            (Some(selector), _) => self.follow_live(selector, &mut running, stopping).await,
            (None, true) => self.send_everything(&mut running, stopping).await,
            (None, false) => self.follow(&mut running, stopping).await,
        };
        let drained = if ended.is_ok() { self.drain(&mut running).await } else { Ok(()) };
        // What was finished before an error or the stop isn't repeated.
        let saved = self.save(&mut running).await;
        ended.and(drained).and(saved)
    }

    /// Lets the requests end that run at a stop, for a while. Deliveries that wait end at once.
    async fn drain(&self, running: &mut Running) -> Result<(), LinkError> {
        let until = Instant::now() + STOP_GRACE;
        while let Ok(Some(ended)) = timeout_at(until, running.deliveries.next()).await {
            self.finish(running, ended)?;
        }
        self.progress.cut_off.store(running.deliveries.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// What is stored of the link. A new one begins where its route says.
    async fn record(&self) -> Result<LinkRecord, LinkError> {
        let stored = self.depot.store.load(&self.key).await?;
        if let Some(record) = stored.filter(|record| record.life == self.life) {
            return Ok(record);
        }
        self.depot.store.forget(&self.key).await?;
        let mark = self.beginning().await?;
        let record = LinkRecord { life: self.life.clone(), mark, ..LinkRecord::default() };
        self.depot.store.save(&self.key, record.clone(), Vec::new()).await?;
        Ok(record)
    }

    /// The newest position; of a route that sends live events, the number of the newest one.
    pub(crate) fn newest(&self) -> Position {
        match &self.route.live {
            Some(_) => Position(*self.depot.live.newest().borrow()),
            None => self.depot.registry.view().position(),
        }
    }

    /// The number of the live event after which a new link begins.
    fn live_beginning(&self) -> Position {
        Position(match self.route.from {
            Beginning::Now => self.depot.live.before(self.created),
            Beginning::First => 0,
            Beginning::Position(number) => number.min(self.newest().0),
            Beginning::Time(time) => self.depot.live.before(time),
        })
    }

    /// The position after which a new link begins.
    async fn beginning(&self) -> Result<Position, LinkError> {
        if self.route.live.is_some() {
            return Ok(self.live_beginning());
        }
        Ok(beginning(&self.depot.registry, &self.route, self.created).await?)
    }

    /// Sends every document that there was when the route was put.
    async fn send_everything(
        &self,
        running: &mut Running,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), LinkError> {
        let begin = running.record.mark;
        let end = self.depot.registry.bounds_at(begin.next()).await?.end;
        let view = self.depot.registry.view().at_position(end);
        let mut changes = self.selected(everything_in(&view, begin, self.created)).into_iter();
        loop {
            while running.window.unfinished() < UNFINISHED_MAX
                && let Some(change) = changes.next()
            {
                // The mark passes nothing before everything was added.
                self.add(running, begin, begin, vec![change]);
            }
            if running.window.unfinished() == 0 {
                break;
            }
            tokio::select! {
                biased;
                () = is_stopping(stopping) => return Ok(()),
                turn = running.turn() => self.take_turn(running, turn)?,
            }
        }
        self.add(running, begin, end, Vec::new());
        running.record.is_finished = true;
        running.due = Some(Instant::now());
        self.save(running).await?;
        self.progress.is_finished.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Sends every change from the mark on.
    async fn follow(
        &self,
        running: &mut Running,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), LinkError> {
        let mut commands = self.depot.registry.follow(running.record.mark);
        // A page may have far more changes than the window has room for.
        let mut page = VecDeque::new();
        let mut restored = self.progress.peer_restored.subscribe();
        let (mut not_before, mut rest) = (Instant::now(), REST);
        loop {
            tokio::select! {
                biased;
                // Before a stop, which would forget it.
                () = is_restored(&mut restored, not_before) => {
                    commands = self.begin_again(running).await?;
                    page.clear();
                    // One that is restored all the time isn't sent everything all the time.
                    not_before = Instant::now() + rest;
                    rest = (rest * 2).min(RESTORED_REST_MAX);
                }
                () = is_stopping(stopping) => return Ok(()),
                turn = running.turn() => self.take_turn(running, turn)?,
                read = commands.next(), if page.is_empty() && running.window.has_room() => {
                    page.extend(read?);
                }
            }
            while running.window.has_room()
                && let Some(command) = page.pop_front()
            {
                self.take(running, &command).await;
            }
        }
    }

    /// Sends every live event from the mark on.
    async fn follow_live(
        &self,
        selector: &LiveSelector,
        running: &mut Running,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), LinkError> {
        let mut events = LiveFollower::new(self.depot.live.clone(), running.record.mark.0);
        loop {
            tokio::select! {
                biased;
                () = is_stopping(stopping) => return Ok(()),
                turn = running.turn() => self.take_turn(running, turn)?,
                page = events.next(), if running.window.has_room() => {
                    self.take_live(selector, running, &page);
                }
            }
        }
    }

    fn take_live(&self, selector: &LiveSelector, running: &mut Running, page: &LivePage) {
        if page.missed > 0 {
            self.depot.miss(&self.key, &self.progress, page.missed);
        }
        for event in &page.events {
            let Some(change) = live::change_of(event) else { continue };
            let (begin, end) = (change.begin, change.id.position);
            let is_taken = selector.takes(event) && !self.depot.live_routes.has_route_of(event);
            let changes = is_taken.then_some(change).into_iter().collect();
            self.add(running, begin, end, changes);
        }
    }

    /// Sends everything again to a registry that was restored from a backup. What it holds changes
    /// nothing there.
    async fn begin_again(&self, running: &mut Running) -> Result<Commands, LinkError> {
        running.deliveries.clear();
        running.record.tries.clear();
        let mark = self.beginning().await?;
        running.window = Window::new(mark, BTreeSet::new());
        self.moved(running);
        self.save(running).await?;
        let life = self.progress.peer_restored.borrow().clone();
        // The way back notes it by itself, with where it goes on.
        if let Some(PeerLife(life)) = life
            && self.route.mode != RouteMode::Bidirectional
        {
            self.depot.store.note_restored(&self.key, life).await?;
        }
        self.progress.peer_restored.send_replace(None);
        Ok(self.depot.registry.follow(mark))
    }

    /// Has everything sent again, and waits until it is noted that it must be.
    pub(crate) async fn send_again(&self, life: Option<Id>) {
        // What is sent once is sent by whoever asks for it.
        if self.route.once {
            return;
        }
        let restored = &self.progress.peer_restored;
        restored.send_replace(Some(PeerLife(life)));
        // The sender is here.
        let _ = restored.subscribe().wait_for(Option::is_none).await;
    }

    async fn take(&self, running: &mut Running, command: &CommittedCommand) {
        let registry = &self.depot.registry;
        let newest = registry.view();
        // Only another registry cares what becomes known of a document.
        let changes = match (&self.receiver.target.kind, self.route.referring()) {
            (TargetKind::Registry { .. }, _) => all_changes_of(command, &newest),
            (_, none @ ReferringDocuments::None) => changes_of(command, &newest, none),
            (_, referring) => {
                let changes = async { changes_of(command, &newest, referring) };
                registry.long_work().run(changes).await
            }
        };
        let changes = self.selected(changes);
        self.add(running, command.begin(), command.position(), changes);
    }

    fn selected(&self, mut changes: Vec<DocumentChange>) -> Vec<DocumentChange> {
        changes.retain(|change| self.route.takes(change));
        changes
    }

    fn add(
        &self,
        running: &mut Running,
        begin: Position,
        end: Position,
        changes: Vec<DocumentChange>,
    ) {
        let ready = running.window.add(begin, end, changes);
        for change in ready {
            self.start(running, change);
        }
        self.moved(running);
    }

    fn start(&self, running: &mut Running, change: DocumentChange) {
        let delivery = Delivery {
            depot: self.depot.clone(),
            key: self.key.clone(),
            life: self.life.clone(),
            receiver: self.receiver.clone(),
            route: self.route.clone(),
            policy: self.policy(),
            tries: running.record.tries.remove(&change.id),
            change: change.clone(),
            progress: self.progress.clone(),
            is_alone: false,
            stopping: running.stopping.clone(),
        };
        let ended = AssertUnwindSafe(delivery.run()).catch_unwind();
        running.deliveries.push(Box::pin(async move { (change, ended.await.ok()) }));
    }

    /// When deliveries are tried again.
    #[must_use]
    pub fn policy(&self) -> RetryPolicy {
        self.route.retry.clone().unwrap_or_else(|| self.receiver.target.retry.clone())
    }
}

/// The position after which a route begins whose documents were created at a time.
pub(crate) async fn beginning(
    registry: &Registry,
    route: &Route,
    created: Moment,
) -> Result<Position, BeginningError> {
    let put_at = registry.view_at_time(created).await?.position();
    if route.once {
        return Ok(registry.bounds_at(put_at).await?.before);
    }
    Ok(match route.from {
        Beginning::Now => put_at,
        Beginning::First => Position::ZERO,
        Beginning::Position(position) => Position(position).min(registry.view().position()),
        Beginning::Time(time) => {
            let before = Moment::from_microseconds(time.microseconds().saturating_sub(1));
            match registry.view_at_time(before.unwrap_or(time)).await {
                Ok(view) => view.position(),
                Err(ViewError::BeforeBeginning { .. }) => Position::ZERO,
                Err(error) => return Err(error.into()),
            }
        }
    })
}

/// Waits for the signal to stop.
pub(crate) async fn is_stopping(stopping: &mut watch::Receiver<bool>) {
    // If the sender is gone, so is the engine.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits until the other registry was restored from a backup, and until a time.
async fn is_restored(restored: &mut watch::Receiver<Option<PeerLife>>, not_before: Instant) {
    sleep_until(not_before).await;
    // The sender is part of the link.
    let _ = restored.wait_for(Option::is_some).await;
}

/// Waits until a time; for ever if there is none.
pub(crate) async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
