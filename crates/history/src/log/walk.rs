use muster_catalog::{View, state::Stamp};
use muster_words::{Moment, Position, Xid};

use super::Scope;
use crate::{CommittedCommand, Edit, EditWord};

/// Entries of the first read, going backwards, and the most of one; each read has twice as many as
/// the one before. Entries of large commands have hundreds of changes each, and the newest commands
/// are often enough.
const WINDOW_ENTRIES: (u64, u64) = (16, 512);

/// The most entries that are searched for one page, which takes about a third of a second. The
/// search continues on the next page.
const SEARCH_ENTRIES_MAX: u64 = 128 * 1024;

/// The most commands of one document that are read for one page, each by itself. Without an actor or
/// a kind, nearly every one of them is on the page.
const READ_COMMANDS_MAX: usize = 2_048;

/// A query for a part of the log.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// The scope.
    pub scope: Scope,
    /// Only commands after this position.
    pub after: Position,
    /// Only commands before this position.
    pub before: Position,
    /// Only commands of this actor.
    pub actor: Option<String>,
    /// Only commands with an edit within the scope that one of these selects; none means all.
    pub words: Vec<EditWord>,
    /// The maximum number of commands.
    pub limit: usize,
    /// With how many changes a page is long enough.
    pub changes_enough: usize,
}

impl LogQuery {
    /// The query for one command of the same part, whoever gave it and whatever it did.
    #[must_use]
    pub fn without_selection(&self) -> Self {
        Self { actor: None, words: Vec::new(), limit: 1, ..self.clone() }
    }

    fn selects(&self, command: &CommittedCommand) -> bool {
        if self.actor.as_deref().is_some_and(|actor| actor != command.actor()) {
            return false;
        }
        let is_asked =
            |edit: &Edit| self.words.is_empty() || self.words.iter().any(|word| word.selects(edit));
        command.edits().any(|edit| is_asked(&edit) && self.scope.holds(&edit))
    }
}

/// Commands of the log, newest first.
#[derive(Clone, Debug, Default)]
pub struct CommandPage {
    /// The commands.
    pub commands: Vec<CommittedCommand>,
    /// The next page begins before this position; none if there is no more.
    pub next: Option<Position>,
}

/// What must be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRead {
    /// The command that ends at a position.
    Command(Position),
    /// The commands that end after one position and not after another.
    Between(Position, Position),
}

/// Collects a page of the log, going backwards: says what to read next, and takes the result. For a
/// resource or a version, the view knows the positions of its changes, and nothing else is read.
/// For anything else the ledger is searched. It is also searched if something was purged, because
/// the view doesn't know about deletions before a purge.
#[derive(Debug)]
pub struct LogWalk<'a> {
    query: &'a LogQuery,
    view: &'a View,
    /// The resource or version whose changes the view knows.
    entity: Option<&'a Xid>,
    page: CommandPage,
    begun: Position,
    /// Everything from this position on was read.
    reached: Position,
    /// How many entries the next read has.
    window: u64,
    /// How many commands were read, each by itself.
    read: usize,
    is_done: bool,
}

impl<'a> LogWalk<'a> {
    /// Starts at the query's end. The view must be the newest.
    #[must_use]
    pub fn new(query: &'a LogQuery, view: &'a View) -> Self {
        let begun = query.before.min(view.position().next());
        let page = CommandPage::default();
        let entity = query.scope.xid.as_ref();
        let entity = entity.filter(|xid| xid.resource().is_some() && !view.has_purges(xid));
        let window = WINDOW_ENTRIES.0;
        Self { query, view, entity, page, begun, reached: begun, window, read: 0, is_done: false }
    }

    /// What to read next; none if the page is complete.
    #[must_use]
    pub fn wanted(&self) -> Option<LogRead> {
        let until = Position(self.reached.0.saturating_sub(1));
        if self.is_done || until <= self.query.after {
            return None;
        }
        if let Some(xid) = self.entity {
            let stamp = Stamp { position: until, ..Stamp::default() };
            let last = self.view.back_to(stamp, Moment::EPOCH).last_change(xid)?;
            return (last.position > self.query.after).then_some(LogRead::Command(last.position));
        }
        let from = Position(until.0.saturating_sub(self.window)).max(self.query.after);
        Some(LogRead::Between(from, until))
    }

    /// Takes the result of a read, in the ledger's order.
    pub fn take(
        &mut self,
        read: LogRead,
        commands: impl DoubleEndedIterator<Item = CommittedCommand>,
    ) {
        let reached = self.reached;
        for command in commands.rev().filter(|command| command.position() < reached) {
            if self.is_done || !self.query.selects(&command) {
                continue;
            }
            if self.page.commands.len() == self.query.limit {
                self.page.next = self.page.commands.last().map(CommittedCommand::position);
                self.is_done = true;
            } else {
                let position = command.position();
                self.page.commands.push(command);
                self.finish_at(position, self.changes() >= self.query.changes_enough);
            }
        }
        self.reached = match read {
            LogRead::Command(position) => {
                self.read += 1;
                position
            }
            LogRead::Between(from, _) => {
                self.window = (self.window * 2).min(WINDOW_ENTRIES.1);
                from.next()
            }
        };
        let searched = self.begun.0.saturating_sub(self.reached.0);
        let is_enough = match self.entity {
            Some(_) => self.read >= READ_COMMANDS_MAX,
            None => searched >= SEARCH_ENTRIES_MAX,
        };
        self.finish_at(self.reached, is_enough && self.reached > self.query.after.next());
    }

    fn changes(&self) -> usize {
        self.page.commands.iter().map(|command| command.changes.len()).sum()
    }

    fn finish_at(&mut self, next: Position, is_enough: bool) {
        if is_enough && !self.is_done {
            self.page.next = Some(next);
            self.is_done = true;
        }
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> CommandPage {
        self.page
    }
}
