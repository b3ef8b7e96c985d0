use muster_catalog::{View, state::Stamp};
use muster_words::{Moment, Position, Xid};

use super::Scope;
use crate::CommittedCommand;

/// Entries per read, going backwards.
const WINDOW_ENTRIES: u64 = 512;

/// The most entries that are searched for one page, which takes about a third of a second. The
/// search continues on the next page.
const SEARCH_ENTRIES_MAX: u64 = 128 * 1024;

/// The approximate number of changes on one page: about 10 MiB. A command may have twenty thousand,
/// and a page a thousand commands.
const CHANGES_ENOUGH: usize = 20_000;

/// A query for a part of the log.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// The scope.
    pub scope: Scope,
    /// Only commands after this position.
    pub after: Position,
    /// Only commands before this position.
    pub before: Position,
    /// The maximum number of commands.
    pub limit: usize,
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
        Self { query, view, entity, page, begun, reached: begun, is_done: false }
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
        let from = Position(until.0.saturating_sub(WINDOW_ENTRIES)).max(self.query.after);
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
            if self.is_done || !self.query.scope.holds_any(&command) {
                continue;
            }
            if self.page.commands.len() == self.query.limit {
                self.page.next = self.page.commands.last().map(CommittedCommand::position);
                self.is_done = true;
            } else {
                let position = command.position();
                self.page.commands.push(command);
                self.finish_at(position, self.changes() >= CHANGES_ENOUGH);
            }
        }
        self.reached = match read {
            LogRead::Command(position) => position,
            LogRead::Between(from, _) => from.next(),
        };
        let searched = self.begun.0.saturating_sub(self.reached.0);
        let is_enough = self.entity.is_none() && searched >= SEARCH_ENTRIES_MAX;
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
