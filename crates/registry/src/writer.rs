//! The single writer: decides commands in the order of their arrival, folds each into a tentative
//! catalog, appends them as a batch, and publishes what has become durable.

mod append;
mod batch;
mod ending;

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use append::AppendOutcome;
pub use ending::WriterEnd;
pub(crate) use ending::watch_over;
use muster_catalog::{Content, decide::PreparedCommand, state::Stamp};
use muster_journal::Ledger;
use muster_ledger::{Head, MerkleTree};
use muster_schema::Violation;
use muster_words::{
    Position,
    limits::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX, PREPARE_ROUNDS_MAX},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{CommandOrigin, Done, SubmitError, cache::Fetched, registry::RegistryInner};

/// The most commands that may wait for the writer. Their bodies are limited one by one, and
/// together by `WAITING_BYTES_MAX`.
const QUEUE_MAX: usize = 16 * 1024;

/// A prepared command, with the warnings about its documents.
#[derive(Debug)]
pub(crate) struct ReadyCommand {
    pub prepared: PreparedCommand,
    pub warnings: Vec<Violation>,
    /// Attributes that may not be in the cache.
    pub fetched: Fetched,
    /// The stamp of the model with which it was read.
    pub model: Stamp,
    /// For a change of the model: the position at which stored entities were checked.
    pub at: Option<Position>,
    pub weight: usize,
}

/// The writer's answer to a command.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is done.
    Done(Box<Done>),
    /// It must be prepared again, with these attributes.
    Again(Vec<Content>),
}

pub(crate) type Answer = Result<Reply, SubmitError>;

/// A command that waits for the writer.
#[derive(Debug)]
pub(crate) struct QueuedCommand {
    pub ready: ReadyCommand,
    pub origin: CommandOrigin,
    pub answer: oneshot::Sender<Answer>,
}

enum Message {
    Command(Box<QueuedCommand>),
    Close(oneshot::Sender<()>),
}

/// The queue of the writer.
pub(crate) struct Queue {
    sender: mpsc::Sender<Message>,
    closed: AtomicBool,
    waiting: Arc<AtomicUsize>,
    /// How the writer has ended; none while it runs.
    ended: watch::Sender<Option<WriterEnd>>,
}

/// The writer's end of the queue.
pub(crate) struct Inbox {
    receiver: mpsc::Receiver<Message>,
    waiting: Arc<AtomicUsize>,
}

/// Makes a queue.
pub(crate) fn queue() -> (Queue, Inbox) {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        sender,
        closed: AtomicBool::new(false),
        waiting: waiting.clone(),
        ended: watch::Sender::new(None),
    };
    (queue, Inbox { receiver, waiting })
}

impl Queue {
    pub(crate) async fn decide(&self, ready: ReadyCommand, origin: CommandOrigin) -> Answer {
        if self.closed.load(Ordering::Acquire) {
            return Err(SubmitError::Closed);
        }
        let (answer, answered) = oneshot::channel();
        let waiting = Box::new(QueuedCommand { ready, origin, answer });
        self.waiting.fetch_add(1, Ordering::Relaxed);
        match self.sender.try_send(Message::Command(waiting)) {
            Ok(()) => {}
            Err(error) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Err(match error {
                    mpsc::error::TrySendError::Full(_) => SubmitError::Busy,
                    mpsc::error::TrySendError::Closed(_) => match self.ended().await {
                        WriterEnd::Closed => SubmitError::Closed,
                        WriterEnd::Fault => SubmitError::Unavailable,
                    },
                });
            }
        }
        match answered.await {
            Ok(answer) => answer,
            Err(_) => Err(match self.ended().await {
                // It was queued after the request to stop.
                WriterEnd::Closed => SubmitError::Closed,
                // It may have been part of an append.
                WriterEnd::Fault => SubmitError::OutcomeUnknown,
            }),
        }
    }

    /// Commands that wait for the writer.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let (done, is_done) = oneshot::channel();
        if self.sender.send(Message::Close(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

/// The state of the writer: the ledger that only it appends to, the head and the tree.
pub(crate) struct Writer {
    inner: Arc<RegistryInner>,
    inbox: Inbox,
    ledger: Arc<dyn Ledger>,
    head: Head,
    tree: MerkleTree,
    /// Commands for a later batch: they must be tried one by one, or the batch was full.
    deferred: VecDeque<QueuedCommand>,
    /// Whether a stop was requested.
    is_closed: bool,
    /// The sender that waits for the writer's stop.
    closing: Option<oneshot::Sender<()>>,
    /// Whether the last append found the disk full.
    last_was_full: bool,
}

impl Writer {
    /// A writer for a ledger with this head and tree.
    pub(crate) fn new(
        inner: Arc<RegistryInner>,
        inbox: Inbox,
        ledger: Arc<dyn Ledger>,
        (head, tree): (Head, MerkleTree),
    ) -> Self {
        let (deferred, is_closed, closing) = (VecDeque::new(), false, None);
        let last_was_full = false;
        Self { inner, inbox, ledger, head, tree, deferred, is_closed, closing, last_was_full }
    }

    /// Runs until the registry is closed.
    pub(crate) async fn run(mut self) {
        while let Some(message) = self.inbox.receiver.recv().await {
            match message {
                Message::Command(first) => {
                    self.batch(first).await;
                }
                Message::Close(done) => self.close(done),
            }
            if self.is_closed {
                self.stop();
                return;
            }
        }
    }

    /// Handles the request to stop.
    fn close(&mut self, done: oneshot::Sender<()>) {
        self.is_closed = true;
        self.closing = Some(done);
    }

    fn stop(&mut self) {
        if let Some(file) = &self.inner.settings.checkpoint {
            file.keep_now(&self.tree);
        }
        if let Some(done) = self.closing.take() {
            let _ = done.send(());
        }
    }

    /// Collects waiting commands into one batch, up to the request to stop.
    async fn batch(&mut self, first: Box<QueuedCommand>) {
        let mut weight = first.ready.weight;
        let mut commands = vec![first];
        while commands.len() < BATCH_COMMANDS_MAX && weight < BATCH_BYTES_MAX {
            match self.inbox.receiver.try_recv() {
                Ok(Message::Command(next)) => {
                    weight += next.ready.weight;
                    commands.push(next);
                }
                Ok(Message::Close(done)) => {
                    self.close(done);
                    break;
                }
                Err(_) => break,
            }
        }
        self.inbox.waiting.fetch_sub(commands.len(), Ordering::Relaxed);
        self.write(commands.into_iter().map(|command| *command).collect()).await;
    }

    /// Decides, appends and publishes commands in one or more batches. If the ledger refuses a
    /// batch (it is full or the batch too large), its commands are tried one by one.
    async fn write(&mut self, mut commands: Vec<QueuedCommand>) {
        while !commands.is_empty() {
            let alone = commands.len() == 1;
            if let Some(returned) = self.write_batch(commands, alone).await {
                self.one_by_one(returned).await;
            }
            commands = self.deferred.drain(..).collect();
        }
    }

    async fn one_by_one(&mut self, commands: Vec<QueuedCommand>) {
        for command in commands.into_iter().rev() {
            self.deferred.push_front(command);
        }
        let mut is_full = false;
        while let Some(command) = self.deferred.pop_front() {
            if is_full {
                let _ = command.answer.send(Err(SubmitError::DiskFull));
                continue;
            }
            let before = self.head;
            let _ = self.write_batch(vec![command], true).await;
            is_full = self.last_was_full && self.head == before;
        }
    }

    /// Appends commands as one batch; decides them again if another writer came first. Returns the
    /// commands that must be tried one by one.
    async fn write_batch(
        &mut self,
        mut commands: Vec<QueuedCommand>,
        alone: bool,
    ) -> Option<Vec<QueuedCommand>> {
        self.last_was_full = false;
        for _ in 0..PREPARE_ROUNDS_MAX {
            let mut batch = self.decide(commands);
            match self.append(&mut batch).await {
                AppendOutcome::Moved => commands = batch.give_back(),
                AppendOutcome::Full | AppendOutcome::TooLarge if !alone => {
                    return Some(batch.give_back());
                }
                appended => {
                    self.last_was_full = matches!(appended, AppendOutcome::Full);
                    self.finish(batch, appended);
                    return None;
                }
            }
        }
        for command in commands {
            let _ = command.answer.send(Err(SubmitError::Contended));
        }
        None
    }
}
