use std::time::Duration;

use muster_journal::AppendError;
use muster_words::Position;
use tokio::time::Instant;

use super::{Message, Writer, batch::Batch};
use crate::{SubmitError, open::Folder};

/// How long callers wait for a doubtful append before they are told that it is doubtful.
const DOUBT_MAX: Duration = Duration::from_secs(5);

/// How long the writer waits before it repeats a doubtful append, at first and at most.
const REPEAT_DELAY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What became of an append.
pub(super) enum Appended {
    /// It is durable.
    Done,
    /// Another writer came first; the writer has caught up.
    Moved,
    Full,
    TooLarge,
    Unavailable,
    Corrupt(Position),
}

impl Appended {
    /// What the callers are told, where nothing was written.
    pub(super) const fn error(&self) -> Option<SubmitError> {
        match self {
            Self::Done => None,
            Self::Moved => Some(SubmitError::Contended),
            Self::Full => Some(SubmitError::DiskFull),
            Self::TooLarge => Some(SubmitError::CommandTooLarge),
            Self::Unavailable => Some(SubmitError::Unavailable),
            Self::Corrupt(position) => Some(SubmitError::Corrupt(*position)),
        }
    }
}

impl Writer {
    /// Appends a batch. A doubtful append is repeated as it is until the ledger says what became
    /// of it; until then nothing is decided.
    pub(super) async fn append(&mut self, batch: &mut Batch) -> Appended {
        if batch.entries.entries.is_empty() {
            return Appended::Done;
        }
        let started = Instant::now();
        let mut is_doubtful = false;
        let mut is_told = false;
        let mut delay = REPEAT_DELAY.0;
        loop {
            match self.heart.ledger.append(self.head, &batch.entries).await {
                Ok(_) => return Appended::Done,
                Err(AppendError::InDoubt(error)) => {
                    tracing::warn!(%error, "an append is in doubt and will be repeated");
                    is_doubtful = true;
                }
                Err(AppendError::Moved(_)) => {
                    if let Some(appended) = self.moved(batch, is_doubtful).await {
                        return appended;
                    }
                }
                // Of a doubtful append, only success and another head say what became of it.
                Err(error) if is_doubtful => {
                    tracing::warn!(%error, "a doubtful append couldn't be repeated yet");
                }
                Err(AppendError::Full) => return Appended::Full,
                Err(AppendError::TooLarge) => return Appended::TooLarge,
                Err(AppendError::Unavailable(error)) => {
                    tracing::error!(%error, "the ledger can't be written");
                    return Appended::Unavailable;
                }
                Err(AppendError::Corrupt(corrupt)) => {
                    tracing::error!(error = %corrupt, "the ledger is damaged");
                    return Appended::Corrupt(corrupt.position);
                }
                Err(AppendError::Malformed(error)) => {
                    tracing::error!(%error, "the writer made a malformed batch");
                    return Appended::Unavailable;
                }
            }
            if started.elapsed() >= DOUBT_MAX && !is_told {
                batch.answer_early(&SubmitError::OutcomeUnknown);
                is_told = true;
            }
            if is_told {
                self.withdraw_queue();
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(REPEAT_DELAY.1);
        }
    }

    /// Sends away the commands that wait while an append is in doubt; nothing of them was done.
    fn withdraw_queue(&mut self) {
        for waiting in self.aside.drain(..) {
            let _ = waiting.answer.send(Err(SubmitError::Busy));
        }
        while let Ok(message) = self.inbox.receiver.try_recv() {
            match message {
                Message::Command(waiting) => {
                    self.inbox.waiting.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
                    let _ = waiting.answer.send(Err(SubmitError::Busy));
                }
                Message::Close(done) => {
                    // Who closes a registry in doubt isn't kept waiting for the doubt to end.
                    self.is_closed = true;
                    let _ = done.send(());
                }
            }
        }
    }

    /// Another head than ours: either the doubtful append had landed, or somebody else's did;
    /// none: it is as doubtful as before, because the ledger can't be read now.
    async fn moved(&mut self, batch: &Batch, is_doubtful: bool) -> Option<Appended> {
        if is_doubtful && self.has_landed(batch).await? {
            return Some(Appended::Done);
        }
        Some(match self.catch_up().await {
            Ok(()) => Appended::Moved,
            Err(SubmitError::Corrupt(position)) => Appended::Corrupt(position),
            Err(_) => Appended::Unavailable,
        })
    }

    /// Whether what follows our head is this batch; none: it can't be read now.
    async fn has_landed(&self, batch: &Batch) -> Option<bool> {
        let count = u32::try_from(batch.entries.entries.len()).ok()?;
        let limit = std::num::NonZeroU32::new(count)?;
        let found = self.heart.ledger.read(self.head.position, limit).await.ok()?;
        // A read may answer fewer entries than there are. A batch lands whole, so its first ones
        // stand for all.
        Some(!found.is_empty() && batch.entries.entries.starts_with(&found))
    }

    /// Folds what another writer appended.
    async fn catch_up(&mut self) -> Result<(), SubmitError> {
        let view = (*self.heart.view()).clone();
        let begin = || Folder::begin(self.heart.ledger.clone(), self.heart.settings.foundation);
        let mut folder = begin()?.resume(view, self.head, self.tree.clone());
        if folder.newest_model(None).await?.is_some() {
            // Another model: what is folded already has facts of the one before.
            folder = begin()?;
        }
        folder.run().await?;
        for purged in folder.purges() {
            self.heart.contents.forget(*purged);
        }
        self.head = folder.head;
        self.tree = folder.tree;
        self.heart.publish(std::sync::Arc::new(folder.catalog));
        Ok(())
    }
}
