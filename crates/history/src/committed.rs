use muster_catalog::{
    Content, View,
    changes::{Change, ChangeError, FORMAT},
};
use muster_ledger::{Entry, EntryBytes, Head};
use muster_words::{Position, Xid};
use thiserror::Error;

/// A command from the ledger, with all its parts in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedCommand {
    /// The position and hash of its last entry.
    pub head: Head,
    /// The entries of its parts, without their changes.
    pub entries: Vec<Entry>,
    /// Its changes, each with the position of its part.
    pub changes: Vec<(Position, Change)>,
}

/// An entry can't be decoded: the ledger is damaged, or a newer release wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the entry at position {position} can't be decoded")]
pub struct DamagedEntry {
    /// Its position.
    pub position: Position,
}

impl Default for CommittedCommand {
    fn default() -> Self {
        Self { head: Head::EMPTY, entries: Vec::new(), changes: Vec::new() }
    }
}

impl CommittedCommand {
    /// The position of the command's last entry.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.head.position
    }

    /// Who gave it, as its entries say.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.entries.last().map(|entry| entry.actor.as_str()).unwrap_or_default()
    }

    /// Why it was given, in the words of whoever gave it.
    #[must_use]
    pub fn message(&self) -> Option<Content> {
        self.changes.iter().find_map(|(position, change)| match change {
            Change::Explained(body) => Some(body.message.resolve(*position)),
            _ => None,
        })
    }

    /// The groups that it deleted, restored or erased as a whole, and the documents that it changed
    /// otherwise.
    pub fn touched(&self) -> impl Iterator<Item = Xid> + '_ {
        let of = |xid: &Xid| match xid {
            Xid::Group { .. } => Some(xid.clone()),
            xid => xid.resource(),
        };
        self.changes.iter().filter_map(move |(_, change)| match change {
            Change::VersionWritten(body) => of(&body.version),
            Change::MetaWritten(body) => of(&body.resource),
            Change::Hidden(body) => of(&body.xid),
            Change::Restored(body) => of(&body.xid),
            Change::Purged(body) => of(&body.xid),
            _ => None,
        })
    }

    /// The documents of which a sync says what their states hold.
    pub fn synced(&self) -> impl Iterator<Item = Xid> + '_ {
        self.changes.iter().filter_map(|(_, change)| match change {
            Change::DocumentSynced(body) => Some(body.resource.clone()),
            _ => None,
        })
    }

    /// Whether it erased something.
    #[must_use]
    pub fn erases(&self) -> bool {
        self.changes.iter().any(|(_, change)| matches!(change, Change::Purged(_)))
    }

    /// The position before the command's first entry.
    #[must_use]
    pub fn begin(&self) -> Position {
        Position(self.position().0.saturating_sub(self.entries.len() as u64))
    }

    /// The view before the command.
    pub(crate) fn before(&self, view: &View) -> View {
        // The command and the time of that position don't matter here.
        view.at_position(self.begin())
    }

    /// The view at the end of the command.
    pub(crate) fn after(&self, view: &View) -> View {
        view.at_position(self.position())
    }

    /// Adds the next part.
    ///
    /// # Errors
    /// The part can't be decoded.
    pub fn push(&mut self, bytes: &EntryBytes) -> Result<(), DamagedEntry> {
        let damaged = DamagedEntry { position: bytes.position };
        let mut entry = bytes.decode().map_err(|_| damaged)?;
        for change in changes_in(&entry) {
            self.changes.push((bytes.position, change.map_err(|_| damaged)?));
        }
        entry.changes = Vec::new();
        self.head = Head::after(bytes);
        self.entries.push(entry);
        Ok(())
    }

    /// Whether the last part was added.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.entries.last().is_some_and(|entry| entry.part == entry.parts)
    }
}

/// The changes in an entry, in order: the one place in which records become changes. Unknown
/// records that may be skipped are skipped.
///
/// # Errors
/// For each record that can't be decoded, or that a newer release wrote.
pub fn changes_in(entry: &Entry) -> impl Iterator<Item = Result<Change, ChangeError>> {
    entry.changes.iter().filter_map(|record| match Change::decode(record.kind, &record.body) {
        Ok(Change::RegistryOpened(opened)) if opened.format > FORMAT => {
            Some(Err(ChangeError::Newer(opened.format)))
        }
        Err(ChangeError::Unknown(_)) if record.skippable => None,
        decoded => Some(decoded),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_ledger::{CommandId, Record};
    use muster_words::{Digest, Moment};

    use super::*;

    fn entry(position: u64, (part, parts): (u32, u32), changes: Vec<Record>) -> EntryBytes {
        let entry = Entry {
            position: Position(position),
            moment: Moment::EPOCH,
            actor: "someone".to_owned(),
            command: CommandId([1; 16]),
            part,
            parts,
            request: None,
            trace: None,
            idempotency: None,
            previous: Digest::of(b""),
            changes,
        };
        entry.encode().unwrap()
    }

    #[test]
    fn is_whole_with_its_last_part_and_begins_before_its_first() {
        let mut command = CommittedCommand::default();
        for part in 1..=3 {
            assert!(!command.is_whole(), "before part {part}");
            command.push(&entry(4 + u64::from(part), (part, 3), Vec::new())).unwrap();
        }
        assert!(command.is_whole());
        assert_eq!((command.begin(), command.position()), (Position(4), Position(7)));
    }

    #[test]
    fn skips_an_unknown_change_only_if_its_writer_allowed_that() {
        for (skippable, expect) in [(true, Ok(())), (false, Err(Position(7)))] {
            let unknown = Record { kind: u16::MAX, skippable, body: Vec::new().into() };
            let mut command = CommittedCommand::default();
            let pushed = command.push(&entry(7, (1, 1), vec![unknown]));
            assert_eq!(pushed.map_err(|damaged| damaged.position), expect, "{skippable}");
            assert_eq!(command.is_whole(), skippable);
            assert_eq!(command.changes, []);
        }
    }
}
