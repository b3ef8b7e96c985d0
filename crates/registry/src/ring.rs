use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use muster_history::CommittedCommand;
use muster_words::Position;
use parking_lot::Mutex;

/// The most bytes of cached commands, as encoded entries. Decoded, they take about three times as
/// much.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// The most cached commands: about half a second of heavy writing.
const COMMANDS_MAX: usize = 8 * 1024;

/// The most commands per read.
const PAGE: usize = 512;

/// A cache of the newest commands, so that followers near the head needn't read and decode the
/// ledger. It is filled only while there are followers.
#[derive(Default)]
pub(crate) struct CommandRing {
    followers: AtomicUsize,
    kept: Mutex<RingState>,
}

#[derive(Default)]
struct RingState {
    /// The commands with their sizes.
    commands: VecDeque<(Arc<CommittedCommand>, usize)>,
    /// All commands after this position are cached; none if nothing is.
    begin: Option<Position>,
    bytes: usize,
}

impl CommandRing {
    /// Whether there are followers.
    pub(crate) fn is_wanted(&self) -> bool {
        self.followers.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn join(&self) {
        self.followers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.followers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Adds the commands of a batch, before the batch is published.
    pub(crate) fn push(&self, before: Position, commands: Vec<(CommittedCommand, usize)>) {
        self.kept.lock().push(before, commands, (BYTES_MAX, COMMANDS_MAX));
    }

    /// Drops everything: there are no followers, or something was committed that isn't here.
    pub(crate) fn clear(&self) {
        *self.kept.lock() = RingState::default();
    }

    /// The commands that end between two positions; none if they aren't all here.
    pub(crate) fn after(
        &self,
        after: Position,
        end: Position,
    ) -> Option<Vec<Arc<CommittedCommand>>> {
        self.kept.lock().after(after, end)
    }
}

impl RingState {
    fn push(
        &mut self,
        before: Position,
        commands: Vec<(CommittedCommand, usize)>,
        (bytes_max, commands_max): (usize, usize),
    ) {
        let end = self.commands.back().map_or(self.begin, |(last, _)| Some(last.position()));
        if end != Some(before) {
            *self = Self { begin: Some(before), ..Self::default() };
        }
        for (command, bytes) in commands {
            self.bytes += bytes;
            self.commands.push_back((Arc::new(command), bytes));
        }
        while (self.bytes > bytes_max || self.commands.len() > commands_max)
            && let Some((oldest, bytes)) = self.commands.pop_front()
        {
            self.bytes -= bytes;
            self.begin = Some(oldest.position());
        }
    }

    fn after(&self, after: Position, end: Position) -> Option<Vec<Arc<CommittedCommand>>> {
        if self.begin? > after {
            return None;
        }
        let first = self.commands.partition_point(|(command, _)| command.position() <= after);
        let commands = self.commands.iter().skip(first).map(|(command, _)| command);
        Some(commands.take(PAGE).take_while(|command| command.position() <= end).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(position: u64) -> CommittedCommand {
        let mut command = CommittedCommand::default();
        command.head.position = Position(position);
        command
    }

    fn positions(found: Option<Vec<Arc<CommittedCommand>>>) -> Option<Vec<u64>> {
        Some(found?.iter().map(|command| command.position().0).collect())
    }

    #[test]
    fn gives_what_follows_a_position_or_nothing() {
        let mut kept = RingState::default();
        assert!(kept.after(Position(9), Position(9)).is_none(), "it isn't filled");
        let limits = (1_000, 4);
        kept.push(Position(9), vec![(command(10), 10), (command(13), 10)], limits);
        kept.push(Position(13), vec![(command(14), 10)], limits);
        for (after, end, expect) in [
            (8, 14, None),
            (9, 14, Some(vec![10, 13, 14])),
            (10, 14, Some(vec![13, 14])),
            // A position within a command gives the whole command.
            (11, 14, Some(vec![13, 14])),
            (9, 13, Some(vec![10, 13])),
            (13, 13, Some(vec![])),
            (14, 14, Some(vec![])),
            (99, 14, Some(vec![])),
        ] {
            let found = positions(kept.after(Position(after), Position(end)));
            assert_eq!(found, expect, "after {after} up to {end}");
        }
    }

    #[test]
    fn lets_the_oldest_go_and_begins_anew_behind_a_gap() {
        let mut kept = RingState::default();
        for position in 1..=20 {
            kept.push(Position(position - 1), vec![(command(position), 10)], (70, 5));
        }
        assert_eq!(
            positions(kept.after(Position(15), Position(20))),
            Some(vec![16, 17, 18, 19, 20])
        );
        assert_eq!(positions(kept.after(Position(14), Position(20))), None);
        kept.push(Position(20), vec![(command(21), 60)], (70, 5));
        assert_eq!(positions(kept.after(Position(19), Position(21))), Some(vec![20, 21]));
        // A command larger than the whole cache.
        kept.push(Position(21), vec![(command(22), 71)], (70, 5));
        assert_eq!((kept.bytes, kept.commands.len()), (0, 0));
        assert_eq!(positions(kept.after(Position(22), Position(22))), Some(vec![]));
        assert_eq!(positions(kept.after(Position(21), Position(22))), None);
        kept.push(Position(30), vec![(command(31), 10)], (70, 5));
        assert_eq!(positions(kept.after(Position(22), Position(31))), None, "a gap");
        assert_eq!(positions(kept.after(Position(30), Position(31))), Some(vec![31]));
    }
}
