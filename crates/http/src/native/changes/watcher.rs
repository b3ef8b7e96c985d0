use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use muster_guard::authorize;
use muster_registry::FetchError;
use muster_wire::changes::EventId;
use muster_words::{Permission, Position};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    Feed, Start,
    feed::{FrameMemory, NextFrame, SharedFeed, WatcherPermit},
    form::{Form, ServerSentEvents},
    frame::{EventSight, Frame},
    stretch::stretch_after,
};
use crate::native::{gate::AccessGrant, stream::Source};

/// The longest silence of a stream, because proxies close connections that are silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many bytes of events a watcher may hold, even if a command made many changes.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A client of the change stream.
pub(super) struct Watcher {
    shared: Arc<SharedFeed>,
    _permit: WatcherPermit,
    pass: AccessGrant,
    moves: watch::Receiver<Position>,
    /// The URL of the registry's root, escaped for JSON.
    source: Arc<str>,
    /// The last event that was sent.
    cursor: EventId,
    /// The position after which the ledger must be read.
    read_after: Position,
    /// Frames that were read from the ledger, with their memory.
    read: VecDeque<(Arc<Frame>, FrameMemory)>,
    /// When a key had last changed as they were rendered.
    keys_changed_at: Position,
    greeted: bool,
}

impl Watcher {
    pub fn new(
        feed: &Feed,
        (permit, pass): (WatcherPermit, AccessGrant),
        start: Start,
        source: &str,
    ) -> Self {
        let shared = feed.shared().clone();
        let moves = shared.moves();
        let escaped = serde_json::Value::from(source).to_string();
        let source = escaped.trim_matches('"').into();
        let Start { cursor, read_after } = start;
        let read = VecDeque::new();
        Self {
            shared,
            _permit: permit,
            pass,
            moves,
            source,
            cursor,
            read_after,
            read,
            keys_changed_at: Position::ZERO,
            greeted: false,
        }
    }

    /// What ends the stream: its key isn't valid any more, or its session is over.
    pub fn pass(&self) -> &AccessGrant {
        &self.pass
    }

    /// The events of a frame that weren't sent yet.
    fn send<F: Form>(&mut self, frame: &Frame) -> Option<F::Piece> {
        let principal = self.pass.principal();
        let actors = authorize(principal, Permission::ReadLog, "/").is_ok();
        let sight = EventSight { within: principal.scope.as_deref(), actors };
        let piece = F::events(frame, self.cursor, &self.source, sight);
        if piece.is_some() {
            self.shared.sent.fetch_add(frame.count(self.cursor, sight), Ordering::Relaxed);
        }
        self.cursor = self.cursor.max(frame.last);
        self.read_after = self.read_after.max(frame.resume);
        piece
    }

    /// The end of the longest silence: not later than the client's key is valid.
    fn deadline(&self) -> Instant {
        Instant::now() + self.pass.left().map_or(HEARTBEAT, |left| HEARTBEAT.min(left))
    }

    /// Takes the next events of the ledger, which are read once for all watchers that are here.
    async fn catch_up(&mut self) -> Result<(), FetchError> {
        let shared = self.shared.clone();
        let stretch = stretch_after(&shared, self.read_after).await?;
        if stretch.frames.is_empty() {
            // There are no events between here and the ring.
            self.read_after = self.read_after.max(stretch.head);
            let reached = EventId { position: self.read_after, k: u32::MAX };
            self.cursor = self.cursor.max(reached);
            return Ok(());
        }
        self.keys_changed_at = stretch.keys_changed_at;
        // Frames that aren't kept are asked for again later. The first one is always kept; without
        // it the stream would never advance.
        let mut bytes = 0;
        for frame in stretch.frames.iter().filter(|frame| frame.last > self.cursor) {
            bytes += frame.bytes();
            let is_first = self.read.is_empty();
            if !is_first && (bytes > READ_BYTES_MAX || !shared.has_room(frame.bytes())) {
                break;
            }
            self.read.push_back((frame.clone(), FrameMemory::take(&shared, frame.bytes())));
        }
        Ok(())
    }

    /// What is sent next, in its form; none at the end.
    pub async fn next_piece<F: Form>(&mut self) -> Option<Result<F::Piece, FetchError>> {
        let start = Start { cursor: self.cursor, read_after: self.read_after };
        if !std::mem::replace(&mut self.greeted, true)
            && let Some(greeting) = F::greeting(start)
        {
            return Some(Ok(greeting));
        }
        // One for the whole wait: commands outside of the scope send nothing, so they mustn't begin
        // the silence anew.
        let deadline = self.deadline();
        loop {
            // A key is revoked by a command, and every command wakes this task. The deadline covers
            // a key that expires.
            if !self.pass.holds() {
                return None;
            }
            if Instant::now() >= deadline {
                return Some(Ok(F::silence(self.cursor)));
            }
            if !self.read.is_empty() && self.keys_changed_at < self.shared.keys_changed_at() {
                // They may hold a name that was erased since, so they are rendered again.
                self.read.clear();
            }
            if let Some((frame, _memory)) = self.read.pop_front() {
                match self.send::<F>(&frame) {
                    Some(piece) => return Some(Ok(piece)),
                    None => continue,
                }
            }
            // Marked before checking, so that no change is missed.
            self.moves.mark_unchanged();
            match self.shared.take(self.cursor) {
                NextFrame::Frame(frame) => {
                    if let Some(piece) = self.send::<F>(&frame) {
                        return Some(Ok(piece));
                    }
                }
                NextFrame::Behind => {
                    if let Err(error) = self.catch_up().await {
                        tracing::warn!(%error, "a stream of changes ends: no reading the ledger");
                        return Some(Err(error));
                    }
                }
                NextFrame::Nothing => {
                    // At the deadline, the next round decides what is sent.
                    tokio::select! {
                        moved = timeout_at(deadline, self.moves.changed()) => {
                            if let Ok(Err(_)) = moved {
                                return None;
                            }
                        }
                        () = self.pass.session_over() => return None,
                    }
                }
            }
        }
    }
}

/// A watcher that is told by server-sent events.
pub(super) struct EventStream(pub Watcher);

impl Source for EventStream {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        let piece = self.0.next_piece::<ServerSentEvents>().await?;
        Some(piece.map_err(Into::into))
    }
}
