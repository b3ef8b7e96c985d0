//! A target that a receiver reads as a stream: the changes that routes send to it, from wherever the
//! receiver has come to. Nothing about the receiver is kept here: each event has its place in the
//! ledger as its id, and whoever reads on after it misses nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use muster_registry::{Commands, CommittedCommand, FetchError};
use muster_words::{Moment, Position, Xid};
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    Engine,
    changes::{ChangeId, DocumentChange, changes_of},
    decision::TryFailure,
    link::{BeginningError, beginning},
    outgoing::{MadeEvent, RoutedChange},
    receiver::Receiver,
    route::Route,
};

/// How long a target may be unknown to the engine that the registry has.
const KNOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// A route to a target that is read as a stream.
#[derive(Clone)]
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
    /// The place where a route begins can't be found.
    #[error(transparent)]
    Beginning(#[from] BeginningError),
}

/// The changes that are sent to a target.
pub struct TargetStream {
    engine: Arc<Engine>,
    target: Xid,
    reconciled: watch::Receiver<()>,
    commands: Commands,
    read: VecDeque<Arc<CommittedCommand>>,
    changes: VecDeque<DocumentChange>,
    /// The last change that was told, or passed over.
    cursor: ChangeId,
    /// The routes whose beginnings are known.
    begun: BTreeMap<Xid, (Arc<Route>, Position)>,
}

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
        let routes = self.streamed_soon(target).await.ok_or(StreamError::Absent)?;
        let registry = &self.depot().registry;
        let head = registry.view().position();
        let mut begun = BTreeMap::new();
        self.begin(&routes, &mut begun).await?;
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
            reconciled: self.reconciled(),
            commands: registry.follow(read_after),
            read: VecDeque::new(),
            changes: VecDeque::new(),
            cursor,
            begun,
        })
    }

    /// The routes to a target, also if the engine doesn't know it yet: just after a start, and after it
    /// was put. A browser that is told that it isn't there doesn't ask again.
    async fn streamed_soon(&self, target: &Xid) -> Option<StreamedRoutes> {
        let mut reconciled = self.reconciled();
        let until = Instant::now() + KNOWN_TIME_MAX;
        loop {
            reconciled.mark_unchanged();
            if let Some((_, routes)) = self.streamed(target) {
                return Some(routes);
            }
            if self.knows(target) || !self.depot().registry.view().has(target) {
                return None;
            }
            timeout_at(until, reconciled.changed()).await.ok()?.ok()?;
        }
    }

    /// Finds where routes begin of which that isn't known.
    async fn begin(
        &self,
        routes: &StreamedRoutes,
        begun: &mut BTreeMap<Xid, (Arc<Route>, Position)>,
    ) -> Result<(), BeginningError> {
        begun.retain(|name, (route, _)| {
            routes.get(name).is_some_and(|found| Arc::ptr_eq(&found.route, route))
        });
        for (name, StreamedRoute { route, created }) in routes {
            if !begun.contains_key(name) {
                let position = beginning(&self.depot().registry, route, *created).await?;
                begun.insert(name.clone(), (route.clone(), position));
            }
        }
        Ok(())
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
            // Marked before looking, so that no change of them is missed.
            self.reconciled.mark_unchanged();
            let Some((receiver, routes)) = self.engine.streamed(&self.target) else {
                return Ok(None);
            };
            let engine = self.engine.clone();
            engine.begin(&routes, &mut self.begun).await?;
            tokio::select! {
                () = receiver.let_go() => {}
                _ = self.reconciled.changed() => continue,
            }
            while let Some(change) = self.changes.front() {
                let found = self.told(&receiver, change).await?;
                self.cursor = change.id;
                self.changes.pop_front();
                if found.is_some() {
                    return Ok(found);
                }
            }
            if self.read.is_empty() {
                tokio::select! {
                    read = self.commands.next() => self.read.extend(read?),
                    _ = self.reconciled.changed() => continue,
                }
            }
            // Routes may have changed while it waited, and with them what this command is to them.
            if let Some(command) = self.read.pop_front() {
                self.take(&command);
            }
        }
    }

    /// Takes the changes of a command that weren't told yet.
    fn take(&mut self, command: &CommittedCommand) {
        let changes = changes_of(command, &self.engine.depot().registry.view());
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
        for (route, after) in self.begun.values() {
            let selector = &route.selector;
            if change.id.position <= *after || !selector.takes(&change.resource, change.kind) {
                continue;
            }
            let routed = RoutedChange { depot, route, change };
            let made = async {
                match routed.read().await? {
                    Some(document) => routed.event(document, receiver.target.send_whole).await,
                    None => Ok(None),
                }
            };
            let event = match made.await {
                Ok(Some(MadeEvent { event, .. })) => Ok(event.to_json()),
                Ok(None) => continue,
                Err(TryFailure::Unread) => {
                    return Err(StreamError::Fetch(FetchError::Corrupt(change.id.position)));
                }
                Err(failure) => Err(failure.to_string()),
            };
            let resource = change.resource.clone();
            return Ok(Some(StreamedEvent { id: change.id, resource, event }));
        }
        Ok(None)
    }
}
