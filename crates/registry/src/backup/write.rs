use std::{collections::VecDeque, num::NonZeroU32, sync::Arc};

use bytes::Bytes;
use muster_journal::LedgerReader;
use muster_ledger::{ChainWalk, EntryBytes, Head};
use muster_model::Foundation;
use muster_words::{ContentRef, Position};

use super::{BackupFrame, BackupHeader, frames::FIRST_LINE};
use crate::{
    CheckpointFile, CheckpointFileError, FetchError, Registry, VerifyError,
    verify::{MissingContents, erased, stored_beside},
};

/// Entries per read.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// The bytes of contents that are read at once, and about the size of a piece of the stream.
const PIECE_BYTES: u64 = 1024 * 1024;

/// How often the end of a backup follows purges that are made meanwhile. Each time there is much
/// less to catch up with, so it ends long before; then only a lost content is left.
const EXTENSIONS_MAX: u32 = 64;

/// Produces a backup piece by piece. It is verified on the way, so what isn't sound isn't signed.
pub struct BackupStream {
    registry: Registry,
    checkpoint: Arc<CheckpointFile>,
    walk: ChainWalk,
    /// The position at which the backup ends.
    end: Position,
    /// How often the end was moved on.
    extensions: u32,
    page: VecDeque<EntryBytes>,
    missing: MissingContents,
    state: StreamState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StreamState {
    Begin,
    Entries,
    Done,
}

impl Registry {
    /// A backup of everything up to the newest view. `bare` says whether the registry has no
    /// built-in model. None if the registry has no key to sign with, because it is in memory.
    #[must_use]
    pub fn backup(&self) -> Option<BackupStream> {
        Some(BackupStream {
            checkpoint: self.checkpoint()?.clone(),
            walk: ChainWalk::new(Head::EMPTY),
            end: self.view().position(),
            extensions: 0,
            page: VecDeque::new(),
            missing: MissingContents::default(),
            state: StreamState::Begin,
            registry: self.clone(),
        })
    }
}

impl BackupStream {
    /// The next piece of about a mebibyte; none after the last one. If the ledger can't be read to
    /// its end or doesn't verify, the last piece says so, and the backup isn't signed.
    pub async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        match self.state {
            StreamState::Begin => {
                out.extend_from_slice(FIRST_LINE);
                self.state = match self.header() {
                    Ok(header) => {
                        header.encode(&mut out);
                        StreamState::Entries
                    }
                    Err(error) => {
                        tracing::error!(%error, "a backup can't be signed");
                        StreamState::Done
                    }
                };
            }
            StreamState::Entries => {
                if let Err(error) = self.piece(&mut out).await {
                    tracing::error!(%error, "a backup stops, because the ledger can't be read");
                    BackupFrame::Failed(error.to_string()).encode(&mut out);
                    self.state = StreamState::Done;
                }
            }
            StreamState::Done => return None,
        }
        Some(out.into())
    }

    fn header(&self) -> Result<BackupFrame, CheckpointFileError> {
        let header = BackupHeader {
            registry: self.registry.view().id().to_string(),
            key: self.checkpoint.verifier().to_string(),
            bare: self.registry.inner.settings.foundation == Foundation::Bare,
            entries: self.end.0,
        };
        let text = serde_json::to_string(&header).unwrap_or_default();
        self.checkpoint.sign_text(&format!("{text}\n")).map(BackupFrame::Header)
    }

    async fn piece(&mut self, out: &mut Vec<u8>) -> Result<(), VerifyError> {
        while out.len() < usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX) {
            if self.page.is_empty() && !self.read_page().await? {
                return self.finish(out);
            }
            self.some_entries(out).await?;
        }
        Ok(())
    }

    /// Reads the next entries; false at the end.
    async fn read_page(&mut self) -> Result<bool, VerifyError> {
        let after = self.walk.head().position;
        if after == self.end && !self.missing.is_empty() && self.extensions < EXTENSIONS_MAX {
            self.extensions += 1;
            // A content that vanished meanwhile was purged by a later entry, which belongs into the
            // backup then: without it the content would look lost. The ledger's head is at the end
            // of a command, and no view may have come to it yet.
            self.end = self.ledger().head().await.map_err(FetchError::from)?.position;
        }
        let left = u32::try_from(self.end.0 - after.0).unwrap_or(u32::MAX);
        let Some(left) = NonZeroU32::new(left) else { return Ok(false) };
        let page = self.ledger().read(after, left.min(PAGE)).await.map_err(FetchError::from)?;
        if page.is_empty() {
            return Err(FetchError::Corrupt(after.next()).into());
        }
        self.page = page.into();
        Ok(true)
    }

    /// Writes entries with their contents, until these have the size of a piece.
    async fn some_entries(&mut self, out: &mut Vec<u8>) -> Result<(), VerifyError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while bytes < PIECE_BYTES
            && let Some(next) = self.page.pop_front()
        {
            let entry = self.walk.step(&next)?;
            let owned = stored_beside(&entry);
            bytes += next.bytes.len() as u64;
            bytes += owned.iter().map(|named| u64::from(named.size)).sum::<u64>();
            for erased in erased(&entry) {
                self.missing.explain(&erased);
            }
            entries.push((next, owned));
        }
        let mut names: Vec<ContentRef> = Vec::new();
        for (_, owned) in &mut entries {
            owned.sort_by_key(|named| named.content.digest);
            owned.dedup_by_key(|named| named.content.digest);
            names.extend(owned.iter().map(|named| named.content));
        }
        let found = self.ledger().contents(&names).await.map_err(FetchError::from)?;
        let mut found = found.into_iter();
        for (entry, owned) in entries {
            BackupFrame::Entry(entry.bytes).encode(out);
            for named in owned {
                match found.next().flatten() {
                    Some(bytes) => {
                        BackupFrame::Content(named.content.digest, bytes).encode(out);
                    }
                    None => self.missing.insert(named),
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), VerifyError> {
        self.walk.end()?;
        if let Some(tree) = self.walk.tree() {
            BackupFrame::End(self.checkpoint.sign(tree)?).encode(out);
        }
        self.state = StreamState::Done;
        Ok(())
    }

    fn ledger(&self) -> &Arc<dyn LedgerReader> {
        &self.registry.inner.ledger
    }
}
