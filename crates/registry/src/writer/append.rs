use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use muster_journal::{AppendError, Batch as Entries};
use muster_ledger::{Head, MerkleTree};
use muster_words::Position;
use tokio::time::Instant;

use super::{
    Message, Writer,
    batch::{Batch, BatchMember},
};
use crate::{FetchError, SubmitError, registry::RegistryInner, replay::Replay};

/// How long callers wait for an append before it is reported as in doubt.
const DOUBT_MAX: Duration = Duration::from_secs(5);

/// The first and the longest pause before a doubtful append is repeated.
const REPEAT_DELAY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// The result of an append.
pub(super) enum AppendOutcome {
    /// It is durable.
    Done,
    /// Another writer came first; the writer has caught up.
    Moved,
    Full,
    TooLarge,
    Unavailable,
    Corrupt(Position),
}

impl AppendOutcome {
    /// The error for the callers if nothing was written.
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

/// How long the callers of a batch wait, even if the ledger takes longer.
struct AppendDeadline {
    /// The next time at which callers are answered: first those of the batch, later those that came
    /// since.
    end: Instant,
    is_over: bool,
}

impl Writer {
    /// Appends a batch. If the result is in doubt, the same append is repeated until the ledger
    /// answers clearly; nothing is decided before that, nor while the ledger doesn't answer at all.
    /// Callers wait for at most [`DOUBT_MAX`].
    pub(super) async fn append(&mut self, batch: &mut Batch) -> AppendOutcome {
        let appended = self.append_until_known(batch).await;
        self.inner.in_doubt.store(false, Ordering::Relaxed);
        appended
    }

    async fn append_until_known(&mut self, batch: &mut Batch) -> AppendOutcome {
        if batch.entries.entries.is_empty() {
            return AppendOutcome::Done;
        }
        let (ledger, head) = (self.ledger.clone(), self.head);
        let mut deadline = AppendDeadline { end: Instant::now() + DOUBT_MAX, is_over: false };
        let mut is_doubtful = false;
        let mut delay = REPEAT_DELAY.0;
        loop {
            let (entries, members) = batch.split();
            let appending = ledger.append(head, entries);
            match self.wait_for_ledger(&mut deadline, members, appending).await {
                Ok(_) => return AppendOutcome::Done,
                Err(AppendError::InDoubt(error)) => {
                    tracing::warn!(%error, "an append is in doubt and will be repeated");
                    is_doubtful = true;
                }
                Err(AppendError::Moved(_)) => {
                    if let Some(appended) = self.moved(&mut deadline, batch, is_doubtful).await {
                        return appended;
                    }
                }
                // Only success or a different head resolves the doubt.
                Err(error) if is_doubtful => {
                    tracing::warn!(%error, "an append in doubt couldn't be repeated yet");
                }
                Err(error) => return refused(&error),
            }
            let (_, members) = batch.split();
            self.wait_for_ledger(&mut deadline, members, tokio::time::sleep(delay)).await;
            delay = (delay * 2).min(REPEAT_DELAY.1);
        }
    }

    /// Waits for the ledger as long as it takes. When the callers have waited long enough, they are
    /// told that the result is in doubt; after that, waiting commands are refused once per second.
    async fn wait_for_ledger<T>(
        &mut self,
        deadline: &mut AppendDeadline,
        members: &mut [BatchMember],
        action: impl Future<Output = T>,
    ) -> T {
        let mut action = std::pin::pin!(action);
        loop {
            tokio::select! {
                biased;
                done = &mut action => return done,
                () = tokio::time::sleep_until(deadline.end) => {}
            }
            deadline.end = Instant::now() + REPEAT_DELAY.1;
            if !std::mem::replace(&mut deadline.is_over, true) {
                tracing::error!("the result of an append is unknown; waiting commands are refused");
                self.inner.in_doubt.store(true, Ordering::Relaxed);
                for member in &mut *members {
                    member.answer_early(&SubmitError::OutcomeUnknown);
                }
            }
            self.withdraw_queue();
        }
    }

    /// Refuses the waiting commands; nothing of them was done. A request to close the registry is
    /// answered, too.
    fn withdraw_queue(&mut self) {
        if let Some(done) = self.closing.take() {
            let _ = done.send(());
        }
        for waiting in self.deferred.drain(..) {
            let _ = waiting.answer.send(Err(SubmitError::Busy));
        }
        while let Ok(message) = self.inbox.receiver.try_recv() {
            match message {
                Message::Command(waiting) => {
                    self.inbox.waiting.fetch_sub(1, Ordering::Relaxed);
                    let _ = waiting.answer.send(Err(SubmitError::Busy));
                }
                Message::Close(done) => {
                    self.is_closed = true;
                    let _ = done.send(());
                }
            }
        }
    }

    /// The head differs from ours: either the doubtful append was written, or another writer's was.
    /// None if the ledger can't be read now, so the doubt remains.
    async fn moved(
        &mut self,
        deadline: &mut AppendDeadline,
        batch: &mut Batch,
        is_doubtful: bool,
    ) -> Option<AppendOutcome> {
        let inner = self.inner.clone();
        let (entries, members) = batch.split();
        if is_doubtful {
            let looking = has_landed(&inner, self.head, entries);
            if self.wait_for_ledger(deadline, members, looking).await? {
                return Some(AppendOutcome::Done);
            }
        }
        let folding = caught_up(&inner, self.head, self.tree.clone());
        Some(match self.wait_for_ledger(deadline, members, folding).await {
            Ok(replay) => {
                for purged in replay.purges() {
                    self.inner.contents.forget(*purged);
                }
                // The ring doesn't hold what another writer appended.
                self.inner.ring.clear();
                self.head = replay.head;
                self.tree = replay.tree;
                self.inner.publish(Arc::new(replay.catalog));
                AppendOutcome::Moved
            }
            Err(FetchError::Corrupt(position)) => AppendOutcome::Corrupt(position),
            Err(_) => AppendOutcome::Unavailable,
        })
    }
}

/// The meaning of an error that leaves no doubt.
fn refused(error: &AppendError) -> AppendOutcome {
    match error {
        AppendError::Full => AppendOutcome::Full,
        AppendError::TooLarge => AppendOutcome::TooLarge,
        AppendError::Corrupt(corrupt) => {
            tracing::error!(error = %corrupt, "the ledger is damaged");
            AppendOutcome::Corrupt(corrupt.position)
        }
        AppendError::Malformed(error) => {
            tracing::error!(%error, "the writer made a malformed batch");
            AppendOutcome::Unavailable
        }
        error => {
            tracing::error!(%error, "the ledger can't be written");
            AppendOutcome::Unavailable
        }
    }
}

/// Whether this batch follows the head; none if the ledger can't be read now.
async fn has_landed(inner: &RegistryInner, head: Head, batch: &Entries) -> Option<bool> {
    let limit = NonZeroU32::new(u32::try_from(batch.entries.len()).ok()?)?;
    let found = inner.ledger.read(head.position, limit).await.ok()?;
    // A read may return fewer entries than requested. A batch is written as a whole, so its first
    // entries are enough.
    Some(!found.is_empty() && batch.entries.starts_with(&found))
}

/// Folds what another writer appended after a head.
async fn caught_up(
    inner: &RegistryInner,
    head: Head,
    tree: MerkleTree,
) -> Result<Replay, FetchError> {
    let view = (*inner.catalog()).clone();
    let replay = Replay::begin(inner.ledger.clone(), inner.settings.foundation)?;
    let mut replay = replay.resume(view, head, tree);
    replay.run().await?;
    Ok(replay)
}
