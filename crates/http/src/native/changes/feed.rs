use std::{
    borrow::Borrow,
    collections::VecDeque,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_catalog::View;
use muster_history::{CommittedCommand, events};
use muster_registry::{Commands, Registry};
use muster_wire::changes::EventId;
use muster_words::{Id, Position};
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};

use super::super::actors::ActorNames;
use super::{
    frame::{Frame, Frames},
    render::{finish, render},
};

/// Who may watch at once. Over HTTP/2 one connection can open many streams, and each holds about
/// a frame while its client takes nothing.
const WATCHERS_MAX: usize = 4_096;

/// Bytes of events in the ring: what came in the last second or so of hard writing, so that a
/// watcher that is a little late needn't read the ledger.
const RING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Watchers that read the ledger at once: each holds a page of it in memory. More wait.
const CATCHING_UP_MAX: usize = 8;

/// Bytes of events that all watchers together hold of what they read from the ledger. Where they
/// hold more, each holds one frame alone: clients that take nothing cost no more than that.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the feed rests when the ledger can't be read.
const REST: Duration = Duration::from_millis(200);

/// What is committed, decoded once for all who watch.
pub(in crate::native) struct Feed {
    shared: Arc<SharedFeed>,
    task: AbortHandle,
}

/// Where the newest frames hang for all who watch, and what they need beside.
pub(super) struct SharedFeed {
    pub registry: Registry,
    ring: std::sync::Mutex<Ring>,
    /// The position up to which the ring goes; watchers wait for it to move.
    end: watch::Sender<Position>,
    watchers: watch::Sender<usize>,
    pub catching_up: Semaphore,
    held: AtomicUsize,
}

/// The newest frames.
#[derive(Default)]
struct Ring {
    frames: VecDeque<Arc<Frame>>,
    /// Everything behind this is in the ring.
    begin: Option<EventId>,
    bytes: usize,
}

/// What the ring has for a watcher.
pub(super) enum NextFrame {
    /// The next frame.
    Frame(Arc<Frame>),
    /// Nothing is newer.
    Nothing,
    /// What comes next isn't in the ring any more.
    Behind,
}

/// What one frame takes of the memory for watchers; given back when dropped.
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

/// A watcher's permit: the feed works while one is taken.
pub(super) struct WatcherPermit(Arc<SharedFeed>);

impl Drop for WatcherPermit {
    fn drop(&mut self) {
        self.0.watchers.send_modify(|count| *count -= 1);
    }
}

impl Feed {
    /// A feed of a registry, and its task.
    pub fn new(registry: Registry) -> Arc<Self> {
        let shared = Arc::new(SharedFeed {
            registry,
            ring: std::sync::Mutex::default(),
            end: watch::Sender::new(Position::ZERO),
            watchers: watch::Sender::new(0),
            catching_up: Semaphore::new(CATCHING_UP_MAX),
            held: AtomicUsize::new(0),
        });
        let task = tokio::spawn(keep_running(shared.clone())).abort_handle();
        Arc::new(Self { shared, task })
    }

    /// Takes a permit; none: all are taken.
    pub(super) fn admit(&self) -> Option<WatcherPermit> {
        let mut is_admitted = false;
        self.shared.watchers.send_if_modified(|count| {
            is_admitted = *count < WATCHERS_MAX;
            *count += usize::from(is_admitted);
            is_admitted
        });
        is_admitted.then(|| WatcherPermit(self.shared.clone()))
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        *self.shared.watchers.borrow()
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
    /// Whether watchers may hold so many bytes more.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.held.load(Ordering::Relaxed) + bytes <= HELD_BYTES_MAX
    }

    /// What comes after a cursor.
    pub fn take(&self, cursor: EventId) -> NextFrame {
        let ring = self.ring();
        match ring.begin {
            Some(begin) if begin <= cursor => {
                let next = ring.frames.partition_point(|frame| frame.last <= cursor);
                ring.frames.get(next).cloned().map_or(NextFrame::Nothing, NextFrame::Frame)
            }
            Some(_) => NextFrame::Behind,
            // The feed is about to begin, and says so by moving the end.
            None => NextFrame::Nothing,
        }
    }

    pub fn moves(&self) -> watch::Receiver<Position> {
        self.end.subscribe()
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        // Nothing panics while the lock is held.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the ring anew behind a position.
    fn begin(&self, position: Position) {
        let begin = Some(EventId { position, k: u32::MAX });
        *self.ring() = Ring { begin, ..Ring::default() };
        self.end.send_replace(position);
    }

    fn push(&self, frames: Vec<Arc<Frame>>, end: Position) {
        let mut ring = self.ring();
        for frame in frames {
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

/// Begins again after a fault of ours: watchers would wait for ever for a feed that is gone.
async fn keep_running(shared: Arc<SharedFeed>) {
    loop {
        // A set ends its tasks when it is dropped.
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

/// Follows what is committed while somebody watches.
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
                    let frames = frames_of(&shared, &view, &page, usize::MAX).await;
                    shared.push(frames, commands.position());
                }
                Err(error) => {
                    // Watchers read the ledger themselves then, and are told what is wrong with it.
                    tracing::warn!(%error, "the feed of changes can't read the ledger");
                    tokio::time::sleep(REST).await;
                    commands = begin(&shared);
                }
            }
        }
        *shared.ring() = Ring::default();
    }
}

/// Begins with what is committed from now on.
fn begin(shared: &SharedFeed) -> Commands {
    let commands = shared.registry.follow(shared.registry.view().position());
    shared.begin(commands.position());
    commands
}

/// The events of commands that follow each other: of all, or of the first that have so many
/// bytes together. The view stands at the end of the last command or later.
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
