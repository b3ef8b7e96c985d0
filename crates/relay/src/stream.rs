//! A target that a receiver reads as a stream: the changes that routes send to it, from wherever the
//! receiver has come to. Nothing about the receiver is kept here: each event has its place in the
//! ledger as its id, and whoever reads on after it misses nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use muster_registry::{Commands, CommittedCommand, FetchError, ViewError};
use muster_words::{Moment, Position, Xid};
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::{
    Engine,
    changes::{ChangeId, DocumentChange, ReferringDocuments, changes_of},
    link::{BeginningError, beginning},
    outgoing::RoutedChange,
    receiver::Receiver,
    route::Route,
};

/// How long the engine may take to know what the registry has.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(10);

/// The pause after a fault on this side.
const REST: Duration = Duration::from_secs(1);

/// A route to a target that is read as a stream.
#[derive(Clone, PartialEq)]
pub(crate) struct StreamedRoute {
    /// The route.
    pub route: Arc<Route>,
    /// When the route or the target was created, whichever was later.
    pub created: Moment,
}

/// The routes to a target, by their names.
pub(crate) type StreamedRoutes = BTreeMap<Xid, StreamedRoute>;

/// Something that a receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamedEvent {
    /// The place of the change.
    pub id: ChangeId,
    /// The document.
    pub resource: Xid,
    /// The other documents that the event shows, because aliases stand for them.
    pub shows: Vec<Xid>,
    /// The event as JSON, or why there is none.
    pub event: Result<Bytes, String>,
}

/// Why a stream can't begin or go on.
#[derive(Debug, Error)]
pub enum StreamError {
    /// There is no such target in force.
    #[error("there is no target of this name that is read as a stream")]
    Absent,
    /// It should begin after a place that the ledger hasn't come to.
    #[error("the ledger has come to {0}")]
    Ahead(Position),
    /// The ledger can't be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// The changes that are sent to a target.
pub struct TargetStream {
    engine: Arc<Engine>,
    target: Xid,
    reconciled: watch::Receiver<()>,
    judged: watch::Receiver<Position>,
    commands: Commands,
    read: VecDeque<Arc<CommittedCommand>>,
    changes: VecDeque<DocumentChange>,
    /// The last change that was told, or passed over.
    cursor: ChangeId,
    receiver: Arc<Receiver>,
    /// The routes in force, with where they begin.
    begun: BegunRoutes,
}

/// Routes with the position after which each begins.
type BegunRoutes = BTreeMap<Xid, (StreamedRoute, Position)>;

impl Engine {
    /// What routes send to a target, after a change; without one, from where the first of the routes
    /// begins.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub async fn stream(
        self: &Arc<Self>,
        target: &Xid,
        after: Option<ChangeId>,
    ) -> Result<TargetStream, StreamError> {
        let registry = &self.depot().registry;
        let view = registry.view();
        if !view.has(target) {
            return Err(StreamError::Absent);
        }
        let head = view.position();
        let (reconciled, mut judged) = (self.reconciled(), self.judged());
        // Just after a start, and after it was put: a browser that is told that the target isn't there
        // doesn't ask again.
        let known = judged.wait_for(|position| *position >= head);
        let _ = timeout(KNOWN_TIME_MAX, known).await;
        let (receiver, routes) = self.streamed(target).ok_or(StreamError::Absent)?;
        let begun = self.begin(&routes, &BTreeMap::new()).await?;
        let (read_after, cursor) = match after {
            Some(id) if id.position > head => return Err(StreamError::Ahead(head)),
            Some(id) if id.position == Position::ZERO => (Position::ZERO, end_of(Position::ZERO)),
            Some(id) => (registry.bounds_at(id.position).await?.before, id),
            None => {
                let first = begun.values().map(|(_, position)| *position).min().unwrap_or(head);
                (first, end_of(first))
            }
        };
        Ok(TargetStream {
            engine: self.clone(),
            target: target.clone(),
            reconciled,
            judged,
            receiver,
            commands: registry.follow(read_after),
            read: VecDeque::new(),
            changes: VecDeque::new(),
            cursor,
            begun,
        })
    }

    /// Finds where routes begin. One of which that can't be found sends nothing.
    async fn begin(
        &self,
        routes: &StreamedRoutes,
        known: &BegunRoutes,
    ) -> Result<BegunRoutes, FetchError> {
        let mut begun = BTreeMap::new();
        for (name, found) in routes {
            let same = known.get(name).filter(|(route, _)| route == found);
            let position = match same {
                Some((_, position)) => *position,
                None => {
                    let registry = &self.depot().registry;
                    match beginning(registry, &found.route, found.created).await {
                        Ok(position) => position,
                        Err(BeginningError::View(ViewError::BeforeBeginning { .. })) => {
                            Position::ZERO
                        }
                        Err(BeginningError::Fetch(error)) => return Err(error),
                        Err(BeginningError::View(error)) => {
                            tracing::warn!(route = %name, %error, "a route begins nowhere, so a stream leaves it out");
                            continue;
                        }
                    }
                }
            };
            begun.insert(name.clone(), (found.clone(), position));
        }
        Ok(begun)
    }
}

/// After all changes of the command that ends at a position.
const fn end_of(position: Position) -> ChangeId {
    ChangeId { position, index: u32::MAX }
}

impl TargetStream {
    /// The last change that was told or passed over: whoever begins after it misses nothing.
    #[must_use]
    pub const fn cursor(&self) -> ChangeId {
        self.cursor
    }

    /// Waits for the next event; none if the target isn't there any more. Nothing is lost if it is
    /// dropped before its end.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn next(&mut self) -> Result<Option<StreamedEvent>, StreamError> {
        loop {
            if self.reconciled.has_changed().unwrap_or_default() && !self.look_again().await? {
                return Ok(None);
            }
            let receiver = self.receiver.clone();
            tokio::select! {
                () = receiver.let_go() => {}
                _ = changed(&self.reconciled) => continue,
            }
            while let Some(change) = self.changes.front() {
                let found = self.told(&receiver, change).await?;
                self.cursor = change.id;
                self.changes.pop_front();
                if found.is_some() {
                    return Ok(found);
                }
                tokio::task::consume_budget().await;
            }
            if self.read.is_empty() {
                tokio::select! {
                    read = self.commands.next() => self.read.extend(read?),
                    _ = changed(&self.reconciled) => continue,
                }
            }
            let Some(end) = self.read.front().map(|command| command.position()) else { continue };
            // A route that was put before this command is in force for it.
            tokio::select! {
                _ = self.judged.wait_for(|position| *position >= end) => {}
                _ = changed(&self.reconciled) => continue,
            }
            if self.reconciled.has_changed().unwrap_or_default() {
                continue;
            }
            let registry = self.engine.depot().registry.clone();
            if let Some(command) = self.read.front().cloned() {
                let referring = self.begun.values().map(|(begun, _)| begun.route.referring()).max();
                let referring = referring.unwrap_or(ReferringDocuments::None);
                let changes = async { changes_of(&command, &registry.view(), referring) };
                let changes = registry.long_work().run(changes).await;
                self.take(&command, changes);
                self.read.pop_front();
            }
        }
    }

    /// Takes the routes that are in force by now. Returns whether the target still is.
    async fn look_again(&mut self) -> Result<bool, StreamError> {
        let mut reconciled = self.engine.reconciled();
        reconciled.mark_unchanged();
        let Some((receiver, routes)) = self.engine.streamed(&self.target) else { return Ok(false) };
        self.begun = self.engine.begin(&routes, &self.begun).await?;
        self.receiver = receiver;
        self.reconciled = reconciled;
        Ok(true)
    }

    /// Takes the changes of a command that weren't told yet.
    fn take(&mut self, command: &CommittedCommand, changes: Vec<DocumentChange>) {
        let cursor = self.cursor;
        self.changes.extend(changes.into_iter().filter(|change| change.id > cursor));
        if self.changes.is_empty() {
            self.cursor = self.cursor.max(end_of(command.position()));
        }
    }

    /// What is told of a change, by the first route that sends it; none if no route does.
    async fn told(
        &self,
        receiver: &Receiver,
        change: &DocumentChange,
    ) -> Result<Option<StreamedEvent>, StreamError> {
        let depot = &**self.engine.depot();
        for (StreamedRoute { route, .. }, after) in self.begun.values() {
            if change.id.position <= *after || !route.takes(change) {
                continue;
            }
            let routed = RoutedChange { depot, route, change };
            let mut shows = Vec::new();
            let event = loop {
                let made = async {
                    let Some(document) = routed.read().await? else { return Ok(None) };
                    shows = document.alias_of.iter().cloned().collect();
                    routed.event(document, receiver.target.send_whole).await
                };
                match made.await {
                    Ok(None) => break Ok(None),
                    Ok(Some(made)) => {
                        shows = made.shows;
                        break Ok(Some(made.event.to_json()));
                    }
                    // Somebody mends it on this side, and nothing is left out for that.
                    Err(failure) if failure.is_own() => {
                        tracing::warn!(target = %self.target, %failure, "a stream waits");
                        sleep(REST).await;
                    }
                    Err(failure) => break Err(failure.to_string()),
                }
            };
            let event = match event {
                Ok(None) => continue,
                Ok(Some(event)) => Ok(event),
                Err(reason) => Err(reason),
            };
            let resource = change.resource.clone();
            return Ok(Some(StreamedEvent { id: change.id, resource, shows, event }));
        }
        Ok(None)
    }
}

/// Waits until it changes, and leaves it marked as changed.
async fn changed(reconciled: &watch::Receiver<()>) {
    // The engine has the sender, and the stream has the engine.
    let _ = reconciled.clone().changed().await;
}
