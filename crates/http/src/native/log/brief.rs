//! The newest commands, briefly: what the overview of the console asks for each time that somebody
//! looks. A command of five hundred documents has a thousand changes, so what was told of the
//! newest ones is remembered instead of decoding them again.

use std::{collections::BTreeMap, sync::Arc};

use muster_catalog::Content;
use muster_history::{CommittedCommand, LogQuery};
use muster_registry::{FetchError, Registry};
use muster_wire::log::LogEntry;
use muster_words::Position;
use parking_lot::Mutex;

use super::page::{self, Told};

/// How many changes of each command are remembered. A page with more reads the ledger.
const CHANGES_KEPT: usize = 8;

/// How many commands are remembered, the newest ones: about a kilobyte each, with names of usual
/// length.
const COMMANDS_KEPT: usize = 1_024;

/// How many commands a page may have. More are read faster in one piece.
const PAGE_MAX: usize = 32;

/// How many commands are looked at for each one on the page. Those that the log doesn't tell, such
/// as registrations of schemas, are passed.
const LOOKED_AT: usize = 2;

/// What was told of the newest commands, without scope.
#[derive(Default)]
pub(in crate::native) struct NewestCommands {
    kept: Mutex<BTreeMap<Position, Arc<Brief>>>,
}

/// What the log tells of a command, but for what must be looked up each time.
pub(super) struct Brief {
    /// The position before its first entry.
    begin: Position,
    /// The entry of the log, without name and reason, and with the first changes.
    entry: LogEntry,
    /// How many changes the log knows of it; if there are none, it isn't on a page.
    changes: usize,
    /// The reason that the actor gave.
    pub message: Option<Content>,
}

/// A page of the log.
pub(super) struct BriefPage {
    /// The commands, newest first.
    pub commands: Vec<Arc<Brief>>,
    /// The next page begins before this position; none if there is no more.
    pub next: Option<Position>,
}

impl Brief {
    fn of(query: &LogQuery, command: &CommittedCommand) -> Self {
        let entry = page::entry(command, (query, CHANGES_KEPT), Told::default());
        let changes = entry.changes.len() + entry.changes_left_out.unwrap_or(0);
        Self { begin: command.begin(), entry, changes, message: command.message() }
    }

    /// Who gave the command.
    pub fn actor(&self) -> &str {
        &self.entry.actor
    }

    /// The entry of the log with so many changes at most.
    pub fn told(&self, listed: usize, told: Told) -> LogEntry {
        let mut entry = LogEntry { name: told.name, message: told.message, ..self.entry.clone() };
        entry.changes.truncate(listed);
        let left_out = self.changes - entry.changes.len();
        entry.changes_left_out = (left_out > 0).then_some(left_out);
        entry
    }
}

impl NewestCommands {
    /// The page that a query asks for; none if it asks for more than what is remembered.
    pub(super) async fn page(
        &self,
        registry: &Registry,
        query: &LogQuery,
        listed: usize,
    ) -> Result<Option<BriefPage>, FetchError> {
        let scope = &query.scope;
        let is_everything = scope.prefix.is_empty() && scope.within.is_none();
        let is_selected = query.actor.is_some() || !query.words.is_empty();
        if !is_everything || is_selected || listed > CHANGES_KEPT || query.limit > PAGE_MAX {
            return Ok(None);
        }
        let mut page = BriefPage { commands: Vec::new(), next: None };
        let mut at = Position(query.before.0.saturating_sub(1));
        for _ in 0..=query.limit * LOOKED_AT {
            if at <= query.after {
                return Ok(Some(page));
            }
            let brief = self.at(registry, query, at).await?;
            at = brief.begin;
            if brief.changes == 0 || brief.entry.position >= query.before.0 {
                continue;
            }
            if page.commands.len() == query.limit {
                page.next = page.commands.last().map(|last| Position(last.entry.position));
                return Ok(Some(page));
            }
            page.commands.push(brief);
        }
        Ok(None)
    }

    /// What is told of the command around a position.
    async fn at(
        &self,
        registry: &Registry,
        query: &LogQuery,
        position: Position,
    ) -> Result<Arc<Brief>, FetchError> {
        if let Some(known) = self.kept.lock().get(&position) {
            return Ok(known.clone());
        }
        let end = registry.bounds_at(position).await?.end;
        let brief = Arc::new(Brief::of(query, &registry.command_at(end).await?));
        let mut kept = self.kept.lock();
        kept.insert(end, brief.clone());
        if kept.len() > COMMANDS_KEPT {
            kept.pop_first();
        }
        Ok(brief)
    }
}
