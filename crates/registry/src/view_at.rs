use muster_catalog::{View, state::Stamp};
use muster_words::{Moment, Position};
use thiserror::Error;

use crate::{FetchError, Registry};

/// How far a time may be ahead of the registry's clock, in microseconds: the clocks of clients
/// differ a little. What is further ahead is a mistake, such as a wrong year, and nobody knows what
/// the registry will say then.
const AHEAD_MICROSECONDS_MAX: i64 = 60 * 1_000_000;

/// Why there is no view at a position.
#[derive(Clone, Debug, Error)]
pub enum ViewError {
    /// The ledger hasn't reached this position.
    #[error("position {position} is above the newest position, {head}")]
    AboveHead {
        /// The requested position.
        position: Position,
        /// The newest view's position.
        head: Position,
    },
    /// The registry began after this time.
    #[error("the registry began at {began}")]
    BeforeBeginning {
        /// The moment of its first command.
        began: Moment,
    },
    /// The time hasn't come yet.
    #[error("this time is in the future: the registry's clock says {now}")]
    InFuture {
        /// The time of the registry's clock.
        now: Moment,
    },
    /// The entry at the position can't be read.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl Registry {
    /// The view at a position, now or in the past. A position inside a command means the end of the
    /// command before it.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view_at(&self, position: Position) -> Result<View, ViewError> {
        let newest = self.view();
        let head = newest.position();
        if position > head {
            return Err(ViewError::AboveHead { position, head });
        }
        if position == head {
            return Ok(newest);
        }
        let mut end = position;
        while end > Position::ZERO {
            let command = self.bounds_at(end).await?;
            if command.end == end {
                return Ok(newest.back_to(command.stamp(), command.entry.moment));
            }
            end = command.before;
        }
        Ok(newest.back_to(Stamp::default(), Moment::EPOCH))
    }

    /// The view at a time: after the last command that was done by then. Moments grow with
    /// positions, so it is found in a few dozen reads, even among a million entries.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view_at_time(&self, time: Moment) -> Result<View, ViewError> {
        let newest = self.view();
        if newest.moment() <= time {
            let now = self.now().max(newest.moment());
            let ahead = time.microseconds().saturating_sub(now.microseconds());
            return match ahead > AHEAD_MICROSECONDS_MAX {
                true => Err(ViewError::InFuture { now }),
                false => Ok(newest),
            };
        }
        // Everything up to the first was done by then, and nothing from the second on.
        let (mut done, mut later) = (0, newest.position().0);
        let mut began = newest.moment();
        while later - done > 1 {
            let middle = done + (later - done) / 2;
            let moment = self.bounds_at(Position(middle)).await?.entry.moment;
            match moment <= time {
                true => done = middle,
                false => (later, began) = (middle, moment),
            }
        }
        match done {
            0 => Err(ViewError::BeforeBeginning { began }),
            done => self.view_at(Position(done)).await,
        }
    }
}
