use std::num::NonZeroU32;

use muster_history::{CommittedCommand, DamagedEntry};
use muster_ledger::Entry;
use muster_words::Position;

use crate::{FetchError, Registry, registry::RegistryInner};

/// Entries per read for a follower.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(511);

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
        let published = self.view().position();
        let mut commands: Vec<CommittedCommand> = Vec::new();
        let mut command = CommittedCommand::default();
        let mut at = if after < published { self.inner.start_of(after).await? } else { after };
        while at < published {
            let page = self.inner.ledger.read(at, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for bytes in page {
                if bytes.position > published {
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

    /// The entry at a position.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged; or there is no such entry.
    pub async fn entry_at(&self, position: Position) -> Result<Entry, FetchError> {
        self.inner.entry_at(position).await
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
    /// The entry at a position.
    pub(crate) async fn entry_at(&self, position: Position) -> Result<Entry, FetchError> {
        let damaged = || FetchError::Corrupt(position);
        let before = Position(position.0.checked_sub(1).ok_or_else(damaged)?);
        let read = self.ledger.read(before, NonZeroU32::MIN).await?;
        read.first().and_then(|bytes| bytes.decode().ok()).ok_or_else(damaged)
    }

    /// The position before the first entry of the command around a position. If a command ends at
    /// the position, that is the position itself.
    async fn start_of(&self, after: Position) -> Result<Position, FetchError> {
        let next = self.ledger.read(after, NonZeroU32::MIN).await?;
        let Some(next) = next.first() else { return Ok(after) };
        let next = next.decode().map_err(|_| FetchError::Corrupt(after.next()))?;
        Ok(Position(after.0.saturating_sub(u64::from(next.part.saturating_sub(1)))))
    }

    /// The command that ends at a position.
    pub(crate) async fn command_at(
        &self,
        position: Position,
    ) -> Result<CommittedCommand, FetchError> {
        let damaged = || FetchError::Corrupt(position);
        let last = self.entry_at(position).await?;
        let mut command = CommittedCommand::default();
        let mut at = Position(position.0.saturating_sub(u64::from(last.parts)));
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
