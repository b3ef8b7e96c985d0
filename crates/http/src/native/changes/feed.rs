use std::{
    borrow::Borrow,
    collections::VecDeque,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_catalog::View;
use muster_history::{CommittedCommand, events};
use muster_registry::{Commands, LongWork, Registry};
use muster_wire::changes::EventId;
use muster_words::{Id, Position};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

use super::super::actors::ActorNames;
use super::{
    frame::{Frame, Frames},
    render::{finish, render},
    stretch::Stretches,
};

/// The maximum number of watchers. An HTTP/2 connection can open many streams, and each holds about
/// a frame while its client doesn't read.
const WATCHERS_MAX: usize = 4_096;

/// The part of the server's connections that watchers leave to other requests, one in so many:
/// otherwise they would lock out everybody, health included.
const WATCHERS_LEAVE: usize = 8;

/// The size of the ring in bytes: about the last second of heavy writing, so that a watcher with a
/// small delay needn't read the ledger.
const RING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many stretches of the ledger are read for watchers at the same time.
const CATCHING_UP_MAX: usize = 1;

/// From so many changes on, a page of commands is rendered on a thread of its own: a millisecond.
const SHORT_CHANGES_MAX: usize = 64;

/// The memory for events that watchers have read from the ledger, in bytes. Beyond it, each watcher
/// holds only one frame, so clients that don't read cost no more than that.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The pause after a failed read of the ledger.
const REST: Duration = Duration::from_millis(200);

/// The committed commands, decoded once for all watchers.
pub(in crate::native) struct Feed {
    shared: Arc<SharedFeed>,
    task: AbortHandle,
}

/// The newest frames for all watchers, with their shared state.
pub(super) struct SharedFeed {
    pub registry: Registry,
    ring: std::sync::Mutex<Ring>,
    /// The position up to which the ring is filled; watchers wait for it.
    end: watch::Sender<Position>,
    watchers: watch::Sender<usize>,
    watchers_max: AtomicUsize,
    /// The turns of those who read the ledger for watchers.
    pub catching_up: LongWork,
    /// The turn of the feed itself, so that it never waits for those who are behind.
    following: LongWork,
    pub stretches: Stretches,
    held: AtomicUsize,
    /// Events that streams were sent.
    pub sent: Arc<AtomicU64>,
}

/// The newest frames.
#[derive(Default)]
struct Ring {
    frames: VecDeque<Arc<Frame>>,
    /// The ring holds everything after this event.
    begin: Option<EventId>,
    bytes: usize,
    /// When a key last changed, as far as the ring knows. Frames hold names of keys, and a name may
    /// be erased, so the frames of before then aren't sent any more.
    keys_changed_at: Position,
}

impl Ring {
    /// Drops all frames if a key has changed since they were rendered.
    fn follow_keys(&mut self, keys_changed_at: Position) {
        if self.keys_changed_at >= keys_changed_at {
            return;
        }
        self.keys_changed_at = keys_changed_at;
        self.bytes = 0;
        if let Some(last) = self.frames.drain(..).next_back() {
            self.begin = Some(last.last);
        }
    }
}

/// The ring's answer to a watcher.
pub(super) enum NextFrame {
    /// The next frame.
    Frame(Arc<Frame>),
    /// There is nothing newer.
    Nothing,
    /// The next frame has left the ring.
    Behind,
}

/// The memory of one frame for watchers; returned when dropped.
pub(super) struct FrameMemory {
    shared: Arc<SharedFeed>,
    bytes: usize,
}

impl FrameMemory {
    pub fn take(shared: &Arc<SharedFeed>, bytes: usize) -> Self {
        shared.held.fetch_add(bytes, Ordering::Relaxed);
        Self { shared: Arc::clone(shared), bytes }
    }
}

impl Drop for FrameMemory {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A watcher's permit; the feed works while there is one.
pub(super) struct WatcherPermit(Arc<SharedFeed>);

impl Drop for WatcherPermit {
    fn drop(&mut self) {
        self.0.watchers.send_modify(|count| *count -= 1);
    }
}

impl Feed {
    /// The feed of a registry, with its task.
    pub fn new(registry: Registry) -> Arc<Self> {
        let shared = Arc::new(SharedFeed {
            registry,
            ring: std::sync::Mutex::default(),
            end: watch::Sender::new(Position::ZERO),
            watchers: watch::Sender::new(0),
            watchers_max: AtomicUsize::new(WATCHERS_MAX),
            catching_up: LongWork::of(CATCHING_UP_MAX),
            following: LongWork::of(1),
            stretches: Stretches::default(),
            held: AtomicUsize::new(0),
            sent: Arc::default(),
        });
        let task = tokio::spawn(keep_running(shared.clone())).abort_handle();
        Arc::new(Self { shared, task })
    }

    /// Leaves a part of the connections to others. A stream never idles, so it never makes room.
    pub fn leave_room(&self, connections_max: usize) {
        let share = (connections_max - connections_max / WATCHERS_LEAVE).max(1);
        self.shared.watchers_max.store(share.min(WATCHERS_MAX), Ordering::Relaxed);
    }

    /// Takes a permit; none if all are taken.
    pub(super) fn admit(&self) -> Option<WatcherPermit> {
        let mut is_admitted = false;
        self.shared.watchers.send_if_modified(|count| {
            is_admitted = *count < self.shared.watchers_max.load(Ordering::Relaxed);
            *count += usize::from(is_admitted);
            is_admitted
        });
        is_admitted.then(|| WatcherPermit(self.shared.clone()))
    }

    /// The number of watchers.
    pub fn watchers(&self) -> usize {
        *self.shared.watchers.borrow()
    }

    /// Counts the events that streams were sent; other streams than this feed's count here as well.
    pub fn sent(&self) -> &Arc<AtomicU64> {
        &self.shared.sent
    }

    pub(super) fn shared(&self) -> &Arc<SharedFeed> {
        &self.shared
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedFeed {
    /// Whether this many more bytes are allowed.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.held.load(Ordering::Relaxed) + bytes <= HELD_BYTES_MAX
    }

    /// The first frame after a cursor.
    pub fn take(&self, cursor: EventId) -> NextFrame {
        let keys_changed_at = self.keys_changed_at();
        let mut ring = self.ring();
        ring.follow_keys(keys_changed_at);
        match ring.begin {
            Some(begin) if begin <= cursor => {
                let next = ring.frames.partition_point(|frame| frame.last <= cursor);
                ring.frames.get(next).cloned().map_or(NextFrame::Nothing, NextFrame::Frame)
            }
            Some(_) => NextFrame::Behind,
            // The feed is about to start; then the end moves.
            None => NextFrame::Nothing,
        }
    }

    /// When a key last changed. Frames that were rendered before then may hold a name that was
    /// erased.
    pub fn keys_changed_at(&self) -> Position {
        self.registry.catalog().keys_stamp.position
    }

    pub fn moves(&self) -> watch::Receiver<Position> {
        self.end.subscribe()
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        // No code panics while it holds the lock.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts the ring after a position.
    fn begin(&self, position: Position) {
        let begin = Some(EventId { position, k: u32::MAX });
        *self.ring() = Ring { begin, ..Ring::default() };
        self.end.send_replace(position);
    }

    /// Adds what was rendered by a view in which keys had last changed at this position.
    fn push(&self, frames: Vec<Arc<Frame>>, end: Position, keys_changed_at: Position) {
        let mut ring = self.ring();
        ring.follow_keys(keys_changed_at);
        let is_late = ring.keys_changed_at > keys_changed_at;
        if let Some(last) = frames.last().filter(|_| is_late) {
            ring.begin = Some(last.last);
        }
        for frame in frames.into_iter().filter(|_| !is_late) {
            ring.bytes += frame.bytes();
            ring.frames.push_back(frame);
        }
        while ring.bytes > RING_BYTES_MAX
            && let Some(oldest) = ring.frames.pop_front()
        {
            ring.bytes -= oldest.bytes();
            ring.begin = Some(oldest.last);
        }
        drop(ring);
        self.end.send_replace(end);
    }
}

/// Restarts the feed after a fault of our own; otherwise watchers would wait for ever.
async fn keep_running(shared: Arc<SharedFeed>) {
    loop {
        // Dropping the set aborts its tasks.
        let mut tasks = JoinSet::new();
        tasks.spawn(run(shared.clone()));
        match tasks.join_next().await {
            Some(Err(fault)) if fault.is_panic() => {
                tracing::error!("the feed of changes met a fault and begins again");
                tokio::time::sleep(REST).await;
            }
            _ => return,
        }
    }
}

/// Follows committed commands while there are watchers.
async fn run(shared: Arc<SharedFeed>) {
    let mut watchers = shared.watchers.subscribe();
    loop {
        if watchers.wait_for(|count| *count > 0).await.is_err() {
            return;
        }
        let mut commands = begin(&shared);
        loop {
            let page = tokio::select! {
                page = commands.next() => page,
                _ = watchers.wait_for(|count| *count == 0) => break,
            };
            match page {
                Ok(page) => {
                    let view = shared.registry.view();
                    let changes: usize = page.iter().map(|command| command.changes.len()).sum();
                    let rendering = frames_of(&shared, &view, &page, usize::MAX);
                    let frames = match changes <= SHORT_CHANGES_MAX {
                        true => rendering.await,
                        false => shared.following.run(rendering).await,
                    };
                    let keys_changed_at = view.catalog().keys_stamp.position;
                    shared.push(frames, commands.position(), keys_changed_at);
                }
                Err(error) => {
                    // Watchers then read the ledger themselves and get the error.
                    tracing::warn!(%error, "the feed of changes can't read the ledger");
                    tokio::time::sleep(REST).await;
                    commands = begin(&shared);
                }
            }
        }
        *shared.ring() = Ring::default();
    }
}

/// Starts with the next committed command.
fn begin(shared: &SharedFeed) -> Commands {
    let commands = shared.registry.follow(shared.registry.view().position());
    shared.begin(commands.position());
    commands
}

/// The events of consecutive commands: of all, or of the first ones up to this many bytes. The view
/// must be at the end of the last command or later.
pub(super) async fn frames_of(
    shared: &SharedFeed,
    view: &View,
    commands: &[impl Borrow<CommittedCommand> + Sync],
    bytes_enough: usize,
) -> Vec<Arc<Frame>> {
    let mut frames = Frames::default();
    let mut end = Position::ZERO;
    let mut names = ActorNames::default();
    for command in commands {
        let command: &CommittedCommand = command.borrow();
        end = command.position();
        let events = finish(&shared.registry, command, events(command, view)).await;
        let actor = command.actor();
        let name = names.of(&shared.registry, view.catalog(), actor).await;
        let is_key = actor.parse().is_ok_and(|id: Id| view.catalog().keys.contains_key(&id));
        let shown = name.as_deref().or(is_key.then_some(actor));
        frames.push(command.begin(), end, render(command, shown, events));
        if frames.bytes() >= bytes_enough {
            break;
        }
    }
    frames.finish(end)
}
