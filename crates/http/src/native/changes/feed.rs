use std::{
    collections::VecDeque,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_catalog::Catalog;
use muster_history::{Committed, events};
use muster_registry::{Registry, SubmitError};
use muster_wire::changes::EventId;
use muster_words::Position;
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};

use super::{
    frame::{Frame, Frames},
    names::{Kept, names_of},
    render::{finish, render},
    states::Earlier,
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
    board: Arc<Board>,
    task: AbortHandle,
}

/// Where the newest frames hang for all who watch, and what they need beside.
pub(super) struct Board {
    pub registry: Registry,
    ring: std::sync::Mutex<Ring>,
    /// The position up to which the ring goes; watchers wait for it to move.
    end: watch::Sender<Position>,
    watchers: watch::Sender<usize>,
    pub catching_up: Semaphore,
    names: Kept,
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
pub(super) enum Taken {
    /// The next frame.
    Frame(Arc<Frame>),
    /// Nothing is newer.
    Nothing,
    /// What comes next isn't in the ring any more.
    Behind,
}

/// What one frame takes of the memory for watchers; given back when dropped.
pub(super) struct Room {
    board: Arc<Board>,
    bytes: usize,
}

impl Room {
    pub fn take(board: &Arc<Board>, bytes: usize) -> Self {
        board.held.fetch_add(bytes, Ordering::Relaxed);
        Self { board: Arc::clone(board), bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.board.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A watcher's seat: the feed works while one is taken.
pub(super) struct Seat(Arc<Board>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.watchers.send_modify(|count| *count -= 1);
    }
}

impl Feed {
    /// A feed of a registry, and its task.
    pub fn new(registry: Registry) -> Arc<Self> {
        let board = Arc::new(Board {
            registry,
            ring: std::sync::Mutex::default(),
            end: watch::Sender::new(Position::ZERO),
            watchers: watch::Sender::new(0),
            catching_up: Semaphore::new(CATCHING_UP_MAX),
            names: Kept::default(),
            held: AtomicUsize::new(0),
        });
        let task = tokio::spawn(keep_running(board.clone())).abort_handle();
        Arc::new(Self { board, task })
    }

    /// Takes a seat; none: all are taken.
    pub(super) fn sit(&self) -> Option<Seat> {
        let mut has_sat = false;
        self.board.watchers.send_if_modified(|count| {
            has_sat = *count < WATCHERS_MAX;
            *count += usize::from(has_sat);
            has_sat
        });
        has_sat.then(|| Seat(self.board.clone()))
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        *self.board.watchers.borrow()
    }

    pub(super) fn board(&self) -> &Arc<Board> {
        &self.board
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Board {
    /// Whether watchers may hold so many bytes more.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.held.load(Ordering::Relaxed) + bytes <= HELD_BYTES_MAX
    }

    /// What comes after a cursor.
    pub fn take(&self, cursor: EventId) -> Taken {
        let ring = self.ring();
        match ring.begin {
            Some(begin) if begin <= cursor => {
                let next = ring.frames.partition_point(|frame| frame.last <= cursor);
                ring.frames.get(next).cloned().map_or(Taken::Nothing, Taken::Frame)
            }
            Some(_) => Taken::Behind,
            // The feed is about to begin, and says so by moving the end.
            None => Taken::Nothing,
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
async fn keep_running(board: Arc<Board>) {
    loop {
        // A set ends its tasks when it is dropped.
        let mut tasks = JoinSet::new();
        tasks.spawn(run(board.clone()));
        match tasks.join_next().await {
            Some(Err(fault)) if fault.is_panic() => {
                tracing::error!("the feed of changes met a fault and begins again");
                tokio::time::sleep(REST).await;
            }
            _ => return,
        }
    }
}

/// Decodes what is committed while somebody watches.
async fn run(board: Arc<Board>) {
    let mut seats = board.watchers.subscribe();
    loop {
        if seats.wait_for(|count| *count > 0).await.is_err() {
            return;
        }
        let mut positions = board.registry.positions();
        let mut base = board.registry.catalog();
        board.begin(base.position());
        loop {
            tokio::select! {
                moved = positions.changed() => if moved.is_err() { return },
                _ = seats.wait_for(|count| *count == 0) => break,
            }
            if let Err(error) = advance(&board, &mut base).await {
                // Watchers read the ledger themselves then, and are told what is wrong with it.
                tracing::warn!(%error, "the feed of changes can't read the ledger");
                tokio::time::sleep(REST).await;
                base = board.registry.catalog();
                board.begin(base.position());
            }
        }
        *board.ring() = Ring::default();
    }
}

/// Brings the ring up to the newest view.
async fn advance(board: &Board, base: &mut Arc<Catalog>) -> Result<(), SubmitError> {
    let target = board.registry.catalog();
    let mut at = base.position();
    while at < target.position() {
        let mut commands = board.registry.commands_after(at).await?;
        commands.retain(|command| command.position() <= target.position());
        let Some(last) = commands.last() else { break };
        at = last.position();
        let frames = frames_of(board, Some(base), &target, &commands, usize::MAX).await?;
        board.push(frames, at);
    }
    *base = target;
    Ok(())
}

/// The events of commands that follow each other: of all, or of the first that have so many
/// bytes together.
///
/// # Errors
/// The ledger can't be read.
pub(super) async fn frames_of(
    board: &Board,
    base: Option<&Arc<Catalog>>,
    view: &Arc<Catalog>,
    commands: &[Committed],
    bytes_enough: usize,
) -> Result<Vec<Arc<Frame>>, SubmitError> {
    let mut frames = Frames::default();
    let mut end = Position::ZERO;
    for command in commands {
        let names = names_of(&board.registry, &board.names, base, command).await?;
        end = command.position();
        let at = |at| Earlier { view, at, names: &names };
        let pending = events(command, &at(command.begin()), &at(end));
        let events = finish(&board.registry, command, pending).await;
        frames.push(command.begin(), end, render(command, events));
        if frames.bytes() >= bytes_enough {
            break;
        }
    }
    Ok(frames.finish(end))
}
