use std::num::NonZeroU32;

use muster_journal::MarksError;
use muster_ledger::Head;
use muster_words::{Id, Position};
use thiserror::Error;

use super::{FollowerState, Followers, run::Runner};
use crate::{FetchError, registry::RegistryInner};

/// Where a follower resumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeFrom {
    /// At the first command of the ledger.
    Beginning,
    /// At the next command that is committed.
    Now,
    /// After a position at which a command ends.
    Position(Position),
}

/// Why a follower can't be resumed.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// There is no follower of that name.
    #[error("there is no follower {0}")]
    Unknown(Id),
    /// It is running.
    #[error("the follower {0} is running")]
    Running(Id),
    /// No command ends at this position.
    #[error("no command ends at position {0}")]
    NoEnd(Position),
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Read(#[from] FetchError),
    /// The mark can't be saved.
    #[error("the follower's mark can't be saved")]
    Marks(#[from] MarksError),
}

impl Followers {
    /// Resumes a stopped follower, and returns the position after which it continues.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub async fn resume(&self, name: &Id, from: ResumeFrom) -> Result<Position, PlaceError> {
        let runner = self.known.get(name).ok_or_else(|| PlaceError::Unknown(name.clone()))?;
        let status = runner.status();
        if status.state == FollowerState::Running && status.failures == 0 {
            return Err(PlaceError::Running(name.clone()));
        }
        let position = Self::put_at(runner, name, from).await?;
        tracing::info!(follower = %name, %position, "an operator resumed a follower");
        runner.board.moved.notify_one();
        Ok(position)
    }

    /// Lets a follower begin with the next command, before it is started. What it derives is in
    /// memory only, and is made of the newest view at each start.
    ///
    /// # Errors
    /// See [`PlaceError`].
    pub async fn begin_now(&self, name: &Id) -> Result<Position, PlaceError> {
        let runner = self.known.get(name).ok_or_else(|| PlaceError::Unknown(name.clone()))?;
        Self::put_at(runner, name, ResumeFrom::Now).await
    }

    /// Saves a follower's mark at a place.
    async fn put_at(runner: &Runner, name: &Id, from: ResumeFrom) -> Result<Position, PlaceError> {
        let inner = &runner.registry.inner;
        let position = match from {
            ResumeFrom::Beginning => Position::ZERO,
            ResumeFrom::Now => *inner.position.borrow(),
            ResumeFrom::Position(position) => position,
        };
        let mark = inner.end_at(position).await?.ok_or(PlaceError::NoEnd(position))?;
        let epoch = runner.marks.claim(name).await?;
        runner.marks.save(name, epoch, mark).await?;
        Ok(position)
    }
}

impl RegistryInner {
    /// Whether a mark belongs to this ledger.
    pub(super) async fn holds(&self, mark: Head) -> Result<bool, FetchError> {
        Ok(self.hash_at(mark.position).await? == Some(mark))
    }

    /// The mark at a position; none if no command ends there.
    async fn end_at(&self, position: Position) -> Result<Option<Head>, FetchError> {
        let Some(mark) = self.hash_at(position).await? else { return Ok(None) };
        if position == Position::ZERO {
            return Ok(Some(mark));
        }
        Ok((self.bounds_at(position).await?.end == position).then_some(mark))
    }

    /// Position and hash of a published entry.
    async fn hash_at(&self, position: Position) -> Result<Option<Head>, FetchError> {
        let Some(before) = position.0.checked_sub(1) else { return Ok(Some(Head::EMPTY)) };
        if position > *self.position.borrow() {
            return Ok(None);
        }
        let leaf = self.ledger.leaves(Position(before), NonZeroU32::MIN).await?;
        let leaf = leaf.first().ok_or(FetchError::Corrupt(position))?;
        Ok(Some(Head { position, hash: *leaf }))
    }
}
