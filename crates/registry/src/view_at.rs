use muster_catalog::{View, state::Stamp};
use muster_ledger::Entry;
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
            let entry = self.inner.entry_at(end).await?;
            if entry.part == entry.parts {
                return Ok(newest.back_to(stamp(&entry), entry.moment));
            }
            end = Position(end.0.saturating_sub(u64::from(entry.part)));
        }
        Ok(newest.back_to(Stamp::default(), Moment::EPOCH))
    }

    /// The view at a moment: after the last command that isn't later than the moment.
    ///
    /// # Errors
    /// See [`ViewError`].
    pub async fn view_as_of(&self, moment: Moment) -> Result<View, ViewError> {
        let newest = self.view();
        if moment >= newest.moment() {
            return Ok(newest);
        }
        // Moments grow with positions, so a binary search finds the last entry that isn't later.
        let (mut low, mut high) = (0, newest.position().0);
        while low + 1 < high {
            let middle = low.midpoint(high);
            match self.inner.entry_at(Position(middle)).await?.moment > moment {
                true => high = middle,
                false => low = middle,
            }
        }
        self.view_at(Position(low)).await
    }
}

fn stamp(entry: &Entry) -> Stamp {
    let [a, b, c, d, ..] = entry.command.0;
    Stamp { position: entry.position, tag: [a, b, c, d] }
}
