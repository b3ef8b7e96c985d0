use std::num::NonZeroU32;

use muster_catalog::changes::{Change, ChangeError};
use muster_ledger::Entry;
use muster_words::Position;

use crate::{Registry, SubmitError};

/// A command as followers see it: all its parts, in the order of the ledger.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The entries of its parts, without their changes.
    pub entries: Vec<Entry>,
    /// Its changes, each with the position of its part.
    pub changes: Vec<(Position, Change)>,
}

impl Committed {
    /// The position of the command's last entry.
    #[must_use]
    pub fn position(&self) -> Position {
        self.entries.last().map_or(Position::ZERO, |entry| entry.position)
    }
}

/// Entries that a follower reads at once.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(511);

impl Registry {
    /// The commands that follow a position, in order: those that are published, at most a page
    /// and at least one where there is one.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn commands_after(&self, after: Position) -> Result<Vec<Committed>, SubmitError> {
        let published = self.view().position();
        let mut commands: Vec<Committed> = Vec::new();
        let mut command = Committed { entries: Vec::new(), changes: Vec::new() };
        let mut at = after;
        while at < published {
            let page = self.ledger().read(at, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for bytes in page {
                if bytes.position > published {
                    return Ok(commands);
                }
                at = bytes.position;
                let damaged = SubmitError::Corrupt(bytes.position);
                let mut entry = bytes.decode().map_err(|_| damaged.clone())?;
                for record in std::mem::take(&mut entry.changes) {
                    match Change::decode(record.kind, &record.body) {
                        Ok(change) => command.changes.push((at, change)),
                        Err(ChangeError::Unknown(_)) if record.skippable => {}
                        Err(_) => return Err(damaged),
                    }
                }
                let is_last = entry.part == entry.parts;
                command.entries.push(entry);
                if is_last {
                    commands.push(std::mem::replace(
                        &mut command,
                        Committed { entries: Vec::new(), changes: Vec::new() },
                    ));
                }
            }
            if !commands.is_empty() {
                break;
            }
        }
        Ok(commands)
    }
}
