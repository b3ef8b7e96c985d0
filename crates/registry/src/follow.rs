use std::num::NonZeroU32;

use muster_catalog::state::Stamp;
use muster_history::{CommittedCommand, DamagedEntry};
use muster_ledger::Entry;
use muster_words::Position;

use crate::{FetchError, Registry, registry::RegistryInner};

/// Entries per read for a follower.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(511);

/// Where the command around a position begins and ends.
#[derive(Clone, Debug)]
pub struct CommandBounds {
    /// The position before its first entry.
    pub before: Position,
    /// The position of its last entry.
    pub end: Position,
    /// The entry at the position.
    pub entry: Entry,
}

impl CommandBounds {
    /// The command's stamp.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp { position: self.end, tag: self.entry.command.tag() }
    }
}

impl Registry {
    /// The published commands that end after a position, in order and whole: at most a page, and at
    /// least one if there is one. If the position is inside a command, its first parts are
    /// included, so that a command is never split.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn commands_after(
        &self,
        after: Position,
    ) -> Result<Vec<CommittedCommand>, FetchError> {
        self.commands_between(after, self.view().position()).await
    }

    /// The published commands that end after a position and not after another one, as
    /// [`Self::commands_after`]. Nothing behind the second position is read: entries may have
    /// hundreds of changes each.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn commands_between(
        &self,
        after: Position,
        until: Position,
    ) -> Result<Vec<CommittedCommand>, FetchError> {
        let until = until.min(self.view().position());
        let mut commands: Vec<CommittedCommand> = Vec::new();
        let mut command = CommittedCommand::default();
        if after >= until {
            return Ok(commands);
        }
        let mut at = self.inner.bounds_at(after.next()).await?.before;
        while at < until {
            let left = u32::try_from(until.0 - at.0).ok().and_then(NonZeroU32::new);
            let page = self.inner.ledger.read(at, left.unwrap_or(PAGE).min(PAGE)).await?;
            if page.is_empty() {
                break;
            }
            for bytes in page {
                if bytes.position > until {
                    return Ok(commands);
                }
                at = bytes.position;
                command.push(&bytes).map_err(corrupt)?;
                if command.is_whole() {
                    commands.push(std::mem::take(&mut command));
                }
            }
            if !commands.is_empty() {
                break;
            }
        }
        Ok(commands)
    }

    /// The bounds of the command around a position.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged; or there is no such entry.
    pub async fn bounds_at(&self, position: Position) -> Result<CommandBounds, FetchError> {
        self.inner.bounds_at(position).await
    }

    /// The command that ends at a position.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged; or there is no such entry.
    pub async fn command_at(&self, position: Position) -> Result<CommittedCommand, FetchError> {
        self.inner.command_at(position).await
    }
}

impl RegistryInner {
    pub(crate) async fn bounds_at(&self, position: Position) -> Result<CommandBounds, FetchError> {
        let damaged = || FetchError::Corrupt(position);
        let previous = Position(position.0.checked_sub(1).ok_or_else(damaged)?);
        let read = self.ledger.read(previous, NonZeroU32::MIN).await?;
        let entry = read.first().and_then(|bytes| bytes.decode().ok()).ok_or_else(damaged)?;
        let before = Position(position.0.saturating_sub(u64::from(entry.part)));
        let end = Position(before.0 + u64::from(entry.parts));
        Ok(CommandBounds { before, end, entry })
    }

    /// The command that ends at a position.
    pub(crate) async fn command_at(
        &self,
        position: Position,
    ) -> Result<CommittedCommand, FetchError> {
        let damaged = || FetchError::Corrupt(position);
        let mut command = CommittedCommand::default();
        let mut at = self.bounds_at(position).await?.before;
        while at < position {
            let left = u32::try_from(position.0 - at.0).ok().and_then(NonZeroU32::new);
            let page = self.ledger.read(at, left.unwrap_or(PAGE).min(PAGE)).await?;
            if page.is_empty() {
                return Err(damaged());
            }
            for bytes in page {
                at = bytes.position;
                command.push(&bytes).map_err(corrupt)?;
            }
        }
        Ok(command)
    }
}

const fn corrupt(entry: DamagedEntry) -> FetchError {
    FetchError::Corrupt(entry.position)
}
