use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use muster_catalog::{
    Catalog, View,
    changes::{Outcome, RecordedAnswerSubject},
    decide::{AnswerSubject, Decided, Decision, NoDecision, decide},
    state::RememberedAnswer,
};
use muster_history::CommittedCommand;
use muster_journal::Batch as Entries;
use muster_ledger::{Head, MerkleTree};
use muster_words::{ContentRef, limits::BATCH_BYTES_MAX};
use tokio::sync::oneshot;

use super::{Answer, QueuedCommand, ReadyCommand, Reply, Writer, append::AppendOutcome};
use crate::{
    Done, SubmitError,
    cache::CachedAttributes,
    parts::{self, CommandHeader},
};

/// Commands that were decided on one tentative catalog, and what to append for them.
pub(super) struct Batch {
    pub entries: Entries,
    head: Head,
    tree: MerkleTree,
    catalog: Catalog,
    members: Vec<BatchMember>,
    /// The appended commands, for followers; none if there are no followers.
    committed: Option<Vec<(CommittedCommand, usize)>>,
    /// The size of its entries and contents, in bytes.
    bytes: usize,
}

/// A command with its answer. Even a refusal is only sent when the batch is durable, because it may
/// depend on a write in the same batch.
pub(super) struct BatchMember {
    waiting: QueuedCommand,
    answer: Answer,
}

impl BatchMember {
    /// Tells the caller now that the result is unknown. The final result is dropped.
    pub(super) fn answer_early(&mut self, error: &SubmitError) {
        let (silent, _) = oneshot::channel();
        let answer = std::mem::replace(&mut self.waiting.answer, silent);
        let _ = answer.send(Err(error.clone()));
    }
}

impl Batch {
    /// Returns the commands, to be decided again.
    pub(super) fn give_back(self) -> Vec<QueuedCommand> {
        self.members.into_iter().map(|member| member.waiting).collect()
    }

    /// What to append, and who waits for it.
    pub(super) fn split(&mut self) -> (&Entries, &mut [BatchMember]) {
        (&self.entries, &mut self.members)
    }
}

impl Writer {
    /// Decides commands in order, each on the result of the ones before. Commands that don't fit
    /// into the batch wait for the next one; a small command may write much, because a patch writes
    /// all attributes of an entity.
    pub(super) fn decide(&mut self, commands: Vec<QueuedCommand>) -> Batch {
        let mut batch = Batch {
            entries: Entries::default(),
            head: self.head,
            tree: self.tree.clone(),
            catalog: (*self.inner.catalog()).clone(),
            members: Vec::with_capacity(commands.len()),
            committed: self.inner.ring.is_wanted().then(Vec::new),
            bytes: 0,
        };
        let mut commands = commands.into_iter();
        while batch.bytes < BATCH_BYTES_MAX
            && let Some(waiting) = commands.next()
        {
            let before = batch.catalog.clone();
            let decided = catch_unwind(AssertUnwindSafe(|| self.decide_one(&mut batch, &waiting)));
            let answer = decided.unwrap_or_else(|_| {
                tracing::error!("deciding a command failed because of a fault");
                Err(SubmitError::Fault)
            });
            let is_done = matches!(&answer, Ok(Reply::Done(done)) if !done.repeat);
            if !is_done {
                batch.catalog = before;
            }
            batch.members.push(BatchMember { waiting, answer });
        }
        for waiting in commands.rev() {
            self.deferred.push_front(waiting);
        }
        batch
    }

    fn decide_one(&self, batch: &mut Batch, waiting: &QueuedCommand) -> Answer {
        let ReadyCommand { prepared, fetched, model, at, .. } = &waiting.ready;
        let is_of_now = *model == batch.catalog.model_stamp;
        if !is_of_now || at.is_some_and(|at| at != batch.catalog.position()) {
            return Ok(Reply::Again(Vec::new()));
        }
        let stored_attributes = CachedAttributes { cache: &self.inner.contents, fetched };
        let clock = &self.inner.settings.clock;
        let moment = (clock.now)().max(batch.catalog.moment.next());
        let decision = match decide(&batch.catalog, &stored_attributes, prepared, moment) {
            Ok(Decided::Changes(decision)) => *decision,
            Ok(Decided::Repeat(answer)) => return Ok(repeat(&batch.catalog, &answer)),
            Err(NoDecision::Refused(refusal)) => return Err(SubmitError::Refused(refusal)),
            Err(NoDecision::Missing(missing)) => return Ok(Reply::Again(missing)),
            Err(NoDecision::Stale | NoDecision::Unjudged(_)) => {
                return Ok(Reply::Again(Vec::new()));
            }
        };
        if decision.changes.is_empty() {
            // Nothing is appended; it is done at the catalog's position.
            return Ok(Reply::Done(Box::new(done(&batch.catalog, &decision, Vec::new()))));
        }
        let stamped = CommandHeader {
            command: (clock.command_id)(),
            moment,
            origin: &waiting.origin,
            idempotency: prepared.idempotency,
        };
        let written = parts::write(&stamped, &decision, batch.head).map_err(|error| {
            tracing::error!(%error, "a decision couldn't be encoded as entries");
            SubmitError::CommandTooLarge
        })?;
        let effects = batch.catalog.apply(&written.recorded, &decision.facts).map_err(|error| {
            tracing::error!(%error, "a decision couldn't be folded");
            SubmitError::Fault
        })?;
        self.keep(&decision, &written.contents);
        let warnings = waiting.ready.warnings.clone();
        let mut done = done(&batch.catalog, &decision, warnings);
        done.command = Some(stamped.command);
        // After everything that may fail, so that a batch holds all of a command or nothing of it.
        for entry in &written.entries {
            batch.tree.append(entry.leaf());
        }
        batch.head = written.head;
        let bytes = written.entries.iter().map(|entry| entry.bytes.len()).sum::<usize>();
        batch.bytes += bytes;
        if let Some(committed) = &mut batch.committed {
            let parts = written.recorded.parts.into_iter();
            let changes = parts.flat_map(|(position, changes)| {
                changes.into_iter().map(move |change| (position, change))
            });
            let (head, entries) = (written.head, written.headers);
            committed.push((CommittedCommand { head, entries, changes: changes.collect() }, bytes));
        }
        batch.bytes += written.contents.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        batch.entries.entries.extend(written.entries);
        batch.entries.contents.extend(written.contents);
        batch.entries.purges.extend(effects.purges);
        Ok(Reply::Done(Box::new(done)))
    }

    /// Caches what was just written, because the next command on the same entity will need it.
    fn keep(&self, decision: &Decision, contents: &[(ContentRef, bytes::Bytes)]) {
        for (content, bytes) in contents {
            match decision.attributes.get(&content.digest) {
                Some(map) => self.inner.contents.keep_map(*content, map.clone()),
                None => self.inner.contents.keep_raw(*content, bytes.clone()),
            }
        }
    }

    /// Publishes a durable batch and answers its callers.
    pub(super) fn finish(&mut self, batch: Batch, appended: AppendOutcome) {
        if let Some(error) = appended.error() {
            for member in batch.members {
                let _ = member.waiting.answer.send(Err(error.clone()));
            }
            return;
        }
        if batch.head != self.head {
            // Before publishing, so that followers who see the position find its commands here.
            match batch.committed {
                Some(committed) => self.inner.ring.push(self.head.position, committed),
                None => self.inner.ring.clear(),
            }
            self.head = batch.head;
            self.tree = batch.tree;
            let count = batch.entries.entries.len() as u64;
            self.inner.writes.fetch_add(count, Ordering::Relaxed);
            for purged in &batch.entries.purges {
                self.inner.contents.forget(*purged);
            }
            self.inner.publish(Arc::new(batch.catalog));
            if let Some(file) = &self.inner.settings.checkpoint {
                file.keep(&self.tree);
            }
        }
        for member in batch.members {
            let _ = member.waiting.answer.send(member.answer);
        }
    }
}

fn done(catalog: &Catalog, decision: &Decision, warnings: Vec<muster_schema::Violation>) -> Done {
    Done {
        view: View::newest(Arc::new(catalog.clone())),
        position: catalog.position(),
        command: None,
        outcome: decision.outcome.unwrap_or(Outcome::Updated),
        shows: decision.shows.clone(),
        warnings,
        repeat: false,
    }
}

fn repeat(catalog: &Catalog, answer: &RememberedAnswer) -> Reply {
    let shows = match (answer.shown, answer.outcome) {
        (None, Outcome::Removed) | (Some(RecordedAnswerSubject::Nothing), _) => {
            AnswerSubject::Nothing
        }
        (None, Outcome::Created | Outcome::Updated) => {
            AnswerSubject::Entity(answer.subject.clone())
        }
        // The members are read from the ledger later, outside the writer.
        (Some(RecordedAnswerSubject::Members), _) => AnswerSubject::Members(Vec::new()),
        (Some(RecordedAnswerSubject::Model), _) => AnswerSubject::Model,
        (Some(RecordedAnswerSubject::Capabilities), _) => AnswerSubject::Capabilities,
    };
    Reply::Done(Box::new(Done {
        view: View::newest(Arc::new(catalog.clone())),
        position: answer.position,
        command: None,
        outcome: answer.outcome,
        shows,
        warnings: Vec::new(),
        repeat: true,
    }))
}
