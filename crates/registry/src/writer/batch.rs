use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
};

use muster_catalog::{
    Catalog, View,
    changes::{Outcome, Shown},
    decide::{Decided, Decision, Shows, Stop, decide},
    state::Remembered,
};
use muster_history::Committed;
use muster_journal::Batch as Entries;
use muster_ledger::{Head, Tree};
use muster_words::{ContentRef, limits::BATCH_BYTES_MAX};
use tokio::sync::oneshot;

use super::{Answer, Ready, Reply, Waiting, Writer, append::Appended};
use crate::{
    Done, SubmitError,
    cache::Hand,
    parts::{self, Stamped},
};

/// Commands decided on one tentative catalog, with what is to be appended for them.
pub(super) struct Batch {
    pub entries: Entries,
    head: Head,
    tree: Tree,
    catalog: Catalog,
    members: Vec<Member>,
    /// The commands that it appends, for those who follow; none where nobody does.
    committed: Option<Vec<(Committed, usize)>>,
    /// Bytes of its entries and contents.
    bytes: usize,
}

/// A command with its answer, which is sent when the batch is durable: even a refusal may stand
/// on a write that isn't yet.
pub(super) struct Member {
    waiting: Waiting,
    answer: Answer,
}

impl Member {
    /// Tells the caller now what isn't known yet; what becomes of it is told to nobody.
    pub(super) fn answer_early(&mut self, error: &SubmitError) {
        let (silent, _) = oneshot::channel();
        let answer = std::mem::replace(&mut self.waiting.answer, silent);
        let _ = answer.send(Err(error.clone()));
    }
}

impl Batch {
    /// Takes the commands out again, to be decided anew.
    pub(super) fn give_back(self) -> Vec<Waiting> {
        self.members.into_iter().map(|member| member.waiting).collect()
    }

    /// What is to be appended, and who waits for it.
    pub(super) fn halves(&mut self) -> (&Entries, &mut [Member]) {
        (&self.entries, &mut self.members)
    }
}

impl Writer {
    /// Decides commands one after another, each on what the ones before it left. Those for which
    /// the batch has no room wait for the next: a small command may bring much (a patch writes all
    /// of an entity's attributes).
    pub(super) fn decide(&mut self, commands: Vec<Waiting>) -> Batch {
        let mut batch = Batch {
            entries: Entries::default(),
            head: self.head,
            tree: self.tree.clone(),
            catalog: (*self.heart.catalog()).clone(),
            members: Vec::with_capacity(commands.len()),
            committed: self.heart.ring.is_wanted().then(Vec::new),
            bytes: 0,
        };
        let mut commands = commands.into_iter();
        while batch.bytes < BATCH_BYTES_MAX
            && let Some(waiting) = commands.next()
        {
            let before = batch.catalog.clone();
            let decided = catch_unwind(AssertUnwindSafe(|| self.one(&mut batch, &waiting)));
            let answer = decided.unwrap_or_else(|_| {
                tracing::error!("a command met a fault while it was decided");
                Err(SubmitError::Fault)
            });
            let is_done = matches!(&answer, Ok(Reply::Done(done)) if !done.repeat);
            if !is_done {
                batch.catalog = before;
            }
            batch.members.push(Member { waiting, answer });
        }
        for waiting in commands.rev() {
            self.aside.push_front(waiting);
        }
        batch
    }

    fn one(&self, batch: &mut Batch, waiting: &Waiting) -> Answer {
        let Ready { prepared, fetched, model, at, .. } = &waiting.ready;
        let is_of_now = *model == batch.catalog.model_stamp;
        if !is_of_now || at.is_some_and(|at| at != batch.catalog.position()) {
            return Ok(Reply::Again(Vec::new()));
        }
        let at_hand = Hand { cache: &self.heart.contents, fetched };
        let clock = &self.heart.settings.clock;
        let moment = (clock.now)().max(batch.catalog.moment.next());
        let decision = match decide(&batch.catalog, &at_hand, prepared, moment) {
            Ok(Decided::Changes(decision)) => *decision,
            Ok(Decided::Repeat(answer)) => return Ok(repeat(&batch.catalog, &answer)),
            Err(Stop::Refused(refusal)) => return Err(SubmitError::Refused(refusal)),
            Err(Stop::Missing(missing)) => return Ok(Reply::Again(missing)),
            Err(Stop::Stale) => return Ok(Reply::Again(Vec::new())),
        };
        if decision.changes.is_empty() {
            // Nothing to write down: it is done where the catalog stands.
            return Ok(Reply::Done(Box::new(done(&batch.catalog, &decision, Vec::new()))));
        }
        let stamped = Stamped {
            command: (clock.command_id)(),
            moment,
            origin: &waiting.origin,
            idempotency: prepared.idempotency,
        };
        let written = parts::write(&stamped, &decision, batch.head).map_err(|error| {
            tracing::error!(%error, "a decision couldn't be written as entries");
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
        // Behind all that may meet a fault: a batch holds all of a command, or nothing of it.
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
            committed.push((Committed { head, entries, changes: changes.collect() }, bytes));
        }
        batch.bytes += written.contents.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        batch.entries.entries.extend(written.entries);
        batch.entries.contents.extend(written.contents);
        batch.entries.purges.extend(effects.purges);
        Ok(Reply::Done(Box::new(done)))
    }

    /// Keeps what was just written at hand: the next command on the same entity will ask for it.
    fn keep(&self, decision: &Decision, contents: &[(ContentRef, bytes::Bytes)]) {
        for (content, bytes) in contents {
            match decision.attributes.get(&content.digest) {
                Some(map) => self.heart.contents.keep_map(*content, map.clone()),
                None => self.heart.contents.keep_raw(*content, bytes.clone()),
            }
        }
    }

    /// Publishes a batch that is durable, and tells everybody.
    pub(super) fn finish(&mut self, batch: Batch, appended: Appended) {
        if let Some(error) = appended.error() {
            for member in batch.members {
                let _ = member.waiting.answer.send(Err(error.clone()));
            }
            return;
        }
        if batch.head != self.head {
            // Before it is published: whoever sees the new position finds its command there.
            match batch.committed {
                Some(committed) => self.heart.ring.push(self.head.position, committed),
                None => self.heart.ring.clear(),
            }
            self.head = batch.head;
            self.tree = batch.tree;
            let count = batch.entries.entries.len() as u64;
            self.heart.writes.fetch_add(count, Ordering::Relaxed);
            for purged in &batch.entries.purges {
                self.heart.contents.forget(*purged);
            }
            self.heart.publish(Arc::new(batch.catalog));
            if let Some(file) = &self.heart.settings.checkpoint {
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

fn repeat(catalog: &Catalog, answer: &Remembered) -> Reply {
    let shows = match (answer.shown, answer.outcome) {
        (None, Outcome::Removed) | (Some(Shown::Nothing), _) => Shows::Nothing,
        (None, Outcome::Created | Outcome::Updated) => Shows::Entity(answer.subject.clone()),
        // Which ones they were is looked up in the ledger, where nobody waits for it.
        (Some(Shown::Members), _) => Shows::Members(Vec::new()),
        (Some(Shown::Model), _) => Shows::Model,
        (Some(Shown::Capabilities), _) => Shows::Capabilities,
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
