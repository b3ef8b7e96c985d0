use muster_catalog::{View, state::Stamp};
use muster_words::{Moment, Position};
use thiserror::Error;

use crate::{FetchError, Registry};

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
}
