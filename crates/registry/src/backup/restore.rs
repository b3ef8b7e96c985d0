use bytes::Bytes;
use muster_catalog::{
    changes::{Change, ContentName, LedgerMoved},
    decide::Decision,
};
use muster_journal::{AppendError, Batch, Ledger, ReadError};
use muster_ledger::Head;
use muster_words::{Digest, Position};
use thiserror::Error;

use super::{BackupItem, CheckedBackup};
use crate::{
    Clock, CommandOrigin,
    parts::{self, CommandHeader},
};

/// The bytes of one append.
const APPEND_BYTES: usize = 4 * 1024 * 1024;

/// The entries of one append.
const APPEND_ENTRIES: usize = 4_096;

/// Writes the verified parts of a backup into an empty ledger.
pub struct BackupRestoration {
    ledger: Box<dyn Ledger>,
    head: Head,
    batch: Batch,
    bytes: usize,
}

/// Why a backup can't be written into a ledger.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The ledger holds entries already.
    #[error("the ledger isn't empty: it ends at position {0}")]
    NotEmpty(Position),
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Read(#[from] ReadError),
    /// The ledger can't be written.
    #[error("the ledger can't be written")]
    Append(#[from] AppendError),
}

impl BackupRestoration {
    /// Begins to write into this ledger.
    ///
    /// # Errors
    /// The ledger isn't empty, or can't be read.
    pub async fn begin(ledger: Box<dyn Ledger>) -> Result<Self, RestoreError> {
        let head = ledger.head().await?;
        if head != Head::EMPTY {
            return Err(RestoreError::NotEmpty(head.position));
        }
        Ok(Self { ledger, head, batch: Batch::default(), bytes: 0 })
    }

    /// Adds the next part.
    ///
    /// # Errors
    /// The ledger can't be written.
    pub async fn add(&mut self, item: BackupItem) -> Result<(), RestoreError> {
        match item {
            BackupItem::Entry(entry) => {
                // Contents are appended with their entry, so only an entry begins a new batch.
                let is_full =
                    self.bytes >= APPEND_BYTES || self.batch.entries.len() >= APPEND_ENTRIES;
                if is_full {
                    self.append().await?;
                }
                self.bytes += entry.bytes.len();
                self.batch.entries.push(entry);
            }
            BackupItem::Content(name, bytes) => {
                self.bytes += bytes.len();
                self.batch.contents.push((name, bytes));
            }
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), RestoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        self.head = self.ledger.append(self.head, &batch).await?;
        Ok(())
    }

    /// Appends that the ledger was restored, and that its name is `ledger` from now on.
    ///
    /// # Errors
    /// The ledger can't be written.
    pub async fn finish(
        mut self,
        backup: &CheckedBackup,
        ledger: &str,
        clock: &Clock,
    ) -> Result<Head, RestoreError> {
        self.append().await?;
        let note: Bytes = backup.checkpoint.clone().into();
        let moved = LedgerMoved {
            ledger: ledger.to_owned(),
            former_key: backup.key.to_string(),
            checkpoint: ContentName::new(&note),
        };
        let decision = Decision {
            changes: vec![Change::LedgerMoved(moved)],
            contents: [(Digest::of(&note), note)].into_iter().collect(),
            ..Decision::default()
        };
        let header = CommandHeader {
            command: (clock.command_id)(),
            // Moments grow, also if this computer's clock is behind the other's.
            moment: (clock.now)().max(backup.moment.next()),
            origin: &CommandOrigin::of_owner(),
            idempotency: None,
        };
        let Ok(written) = parts::write(&header, &decision, self.head) else {
            return Err(AppendError::TooLarge.into());
        };
        self.batch =
            Batch { entries: written.entries, contents: written.contents, purges: Vec::new() };
        self.append().await?;
        Ok(self.head)
    }
}
