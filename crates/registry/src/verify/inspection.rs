use std::{num::NonZeroU32, sync::Arc};

use muster_catalog::changes::{Change, ContentName};
use muster_history::changes_in;
use muster_journal::{Corrupt, Damage, LedgerReader, ReadError};
use muster_ledger::{ChainWalk, Checkpoint, Entry, EntryBytes, Head};
use muster_words::{ContentRef, Digest, Moment, Position, Xid};

use super::{
    ContentFault, ContentRole, Verification, VerifyError, VerifyProgress,
    fault::FoundContent,
    missing::{Erasures, MissingContents, erased, name_of_key},
};
use crate::{CheckpointFile, FetchError, open::Leaves};

/// Entries per read.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// The most bytes of contents that are held at once.
const CONTENT_BYTES_AT_ONCE: u64 = 32 * 1024 * 1024;

/// A content with the entity that names it.
#[derive(Clone, Debug)]
pub(crate) struct NamedContent {
    pub content: ContentRef,
    pub subject: Xid,
    pub size: u32,
    moment: Moment,
    part: ContentRole,
}

/// Verifies a ledger step by step: its chain, and the contents beside it. It depends only on the
/// ledger's answers, so it also works on a ledger that can't be folded.
pub(super) struct Inspection<'a> {
    ledger: &'a Arc<dyn LedgerReader>,
    walk: ChainWalk,
    missing: MissingContents,
    pub verification: Verification,
}

impl<'a> Inspection<'a> {
    pub(super) fn new(ledger: &'a Arc<dyn LedgerReader>) -> Self {
        let verification =
            Verification { entries: 0, contents: 0, purged: 0, checkpoint: None, signer: None };
        Self {
            ledger,
            walk: ChainWalk::new(Head::EMPTY),
            missing: MissingContents::default(),
            verification,
        }
    }

    /// Compares the verified entries with the checkpoint in the file, if there is one.
    pub(super) async fn compare(
        &mut self,
        file: &CheckpointFile,
        origin: &str,
        signed: Option<&Checkpoint>,
    ) -> Result<(), VerifyError> {
        let Some(tree) = self.walk.tree() else { return Ok(()) };
        file.compare(origin, signed, tree, &Leaves::of(self.ledger)).await?;
        self.verification.checkpoint = signed.map(|checkpoint| Position(checkpoint.size));
        self.verification.signer = Some(file.verifier().to_string());
        Ok(())
    }

    /// Writes a checkpoint of what was verified, because the file usually lags behind the ledger. A
    /// newer checkpoint stays, and the verification reports the one that it compared.
    pub(super) fn sign(&mut self, file: &CheckpointFile) {
        let Some(tree) = self.walk.tree() else { return };
        let end = Position(tree.size());
        if self.verification.checkpoint != Some(end) {
            file.keep_now(tree);
            self.verification.checkpoint =
                Some(end).filter(|end| file.position() == *end).or(self.verification.checkpoint);
        }
    }

    /// Verifies entries up to a position.
    ///
    /// # Errors
    /// The first fault.
    pub(super) async fn run(
        &mut self,
        end: Position,
        mut progress: impl FnMut(VerifyProgress) + Send,
    ) -> Result<(), VerifyError> {
        let mut fault = None;
        while fault.is_none() && self.walk.head().position < end {
            fault = self.page(end).await.err();
            progress(VerifyProgress { entries: self.verification.entries, of: end.0 });
        }
        let fault = fault.or_else(|| self.walk.end().err().map(VerifyError::from));
        if let Err(unread) = self.explain().await {
            // It can't be told whether a missing content was purged; a changed one is certain.
            return Err(fault.unwrap_or(unread));
        }
        let gone = std::mem::take(&mut self.missing).first();
        let is_first = |gone: &NamedContent| {
            let position = fault.as_ref().and_then(VerifyError::position);
            fault.is_none() || position.is_some_and(|position| gone.content.position < position)
        };
        match (gone.filter(is_first), fault) {
            (Some(gone), _) => {
                Err(VerifyError::ContentMissing(Box::new(gone.fault(FoundContent::Nothing))))
            }
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(()),
        }
    }

    /// Looks for purges of the missing contents: they may be further on, after the end of this
    /// walk, or may have been made since it began.
    async fn explain(&mut self) -> Result<(), VerifyError> {
        let mut erasures = Erasures::after(self.walk.head().position);
        while !self.missing.is_empty() {
            let Some(erased) = erasures.next(self.ledger).await? else { break };
            for erased in &erased {
                self.verification.purged += self.missing.explain(erased);
            }
        }
        Ok(())
    }

    /// Makes room when the limit of missing contents is reached. A content that no later entry
    /// purges is really missing, and the first such content comes before any other fault.
    async fn make_room(&mut self) -> Result<(), VerifyError> {
        self.explain().await?;
        match std::mem::take(&mut self.missing).first() {
            Some(gone) => {
                Err(VerifyError::ContentMissing(Box::new(gone.fault(FoundContent::Nothing))))
            }
            None => Ok(()),
        }
    }

    /// Verifies one page. If it fails, everything before the fault has been checked.
    async fn page(&mut self, end: Position) -> Result<(), VerifyError> {
        let after = self.walk.head().position;
        let left = u32::try_from(end.0 - after.0).unwrap_or(u32::MAX);
        let (page, mut fault) = self.read(NonZeroU32::new(left).unwrap_or(PAGE).min(PAGE)).await?;
        let (mut owned, mut erasures) = (Vec::new(), Vec::new());
        for bytes in &page {
            match self.walk.step(bytes) {
                Ok(entry) => {
                    owned.extend(stored_beside(&entry));
                    erasures.extend(erased(&entry));
                }
                Err(broken) => {
                    fault = Some(broken.into());
                    break;
                }
            }
        }
        let changed = self.contents(owned).await;
        for erased in &erasures {
            self.verification.purged += self.missing.explain(erased);
        }
        self.verification.entries = self.walk.head().position.0;
        changed.and(fault.map_or(Ok(()), Err))?;
        if self.missing.is_full() { self.make_room().await } else { Ok(()) }
    }

    /// The next entries, and the error that stops after them.
    async fn read(
        &self,
        limit: NonZeroU32,
    ) -> Result<(Vec<EntryBytes>, Option<VerifyError>), VerifyError> {
        let after = self.walk.head().position;
        let corrupt = match self.ledger.read(after, limit).await {
            Ok(page) if page.is_empty() => {
                Corrupt { position: after.next(), damage: Damage::EntryMissing }
            }
            Ok(page) => return Ok((page, None)),
            Err(ReadError::Corrupt(corrupt)) => corrupt,
            Err(error) => return Err(FetchError::from(error).into()),
        };
        let before = corrupt.position.0.saturating_sub(after.next().0);
        let before = u32::try_from(before).ok().and_then(NonZeroU32::new);
        let page = match before {
            Some(before) => self.ledger.read(after, before.min(limit)).await,
            None => Ok(Vec::new()),
        };
        Ok((page.unwrap_or_default(), Some(VerifyError::Entry(corrupt))))
    }

    async fn contents(&mut self, owned: Vec<NamedContent>) -> Result<(), VerifyError> {
        let mut left = owned.as_slice();
        while !left.is_empty() {
            let (piece, rest) = left.split_at(piece(left));
            let names: Vec<ContentRef> = piece.iter().map(|owned| owned.content).collect();
            match self.ledger.contents(&names).await {
                Ok(found) => {
                    for (owned, bytes) in piece.iter().zip(found) {
                        self.take(owned, bytes.is_some());
                    }
                }
                Err(ReadError::Corrupt(_)) => self.one_by_one(piece).await?,
                Err(error) => return Err(FetchError::from(error).into()),
            }
            left = rest;
        }
        Ok(())
    }

    /// Finds the first damaged content.
    async fn one_by_one(&mut self, piece: &[NamedContent]) -> Result<(), VerifyError> {
        for owned in piece {
            match self.ledger.contents(&[owned.content]).await {
                Ok(found) => self.take(owned, found.iter().any(Option::is_some)),
                Err(ReadError::Corrupt(corrupt)) => {
                    let found = found(owned.content.digest, &corrupt.damage);
                    return Err(VerifyError::ContentChanged(Box::new(owned.clone().fault(found))));
                }
                Err(error) => return Err(FetchError::from(error).into()),
            }
        }
        Ok(())
    }

    fn take(&mut self, owned: &NamedContent, is_there: bool) {
        if is_there {
            self.verification.contents += 1;
        } else {
            self.missing.insert(owned.clone());
        }
    }
}

/// What the store found instead of a content. The store compares with the digest beside the bytes,
/// but that digest may be what was changed.
fn found(wanted: Digest, damage: &Damage) -> FoundContent {
    match *damage {
        Damage::ContentChanged { expected, found } if found == wanted => {
            FoundContent::Other(expected)
        }
        Damage::ContentChanged { found, .. } => FoundContent::Other(found),
        _ => FoundContent::Unreadable,
    }
}

/// The number of contents in the next batch: at least one, limited by their bytes.
fn piece(owned: &[NamedContent]) -> usize {
    let mut bytes = 0_u64;
    let fits = owned.iter().take_while(|owned| {
        bytes += u64::from(owned.size);
        bytes <= CONTENT_BYTES_AT_ONCE
    });
    fits.count().max(1)
}

impl NamedContent {
    /// The name whose purge may explain that it is missing.
    pub(crate) fn name(&self) -> String {
        match &self.part {
            ContentRole::Key(id) => name_of_key(id),
            _ => self.subject.to_string(),
        }
    }

    fn fault(self, found: FoundContent) -> ContentFault {
        let ContentRef { position, digest: expected } = self.content;
        let Self { subject: xid, moment, part, .. } = self;
        ContentFault { position, moment, xid, part, expected, found }
    }
}

/// The contents that are stored beside an entry, with the entities that they belong to.
pub(crate) fn stored_beside(entry: &Entry) -> Vec<NamedContent> {
    let mut owned = Vec::new();
    for change in changes_in(entry).flatten() {
        let subject = change.subject();
        for named in change.contents().filter(|named| named.at.is_none()) {
            owned.push(NamedContent {
                content: ContentRef { position: entry.position, digest: named.digest },
                subject: subject.clone(),
                size: named.size,
                moment: entry.moment,
                part: part(&change, named),
            });
        }
    }
    owned
}

fn part(change: &Change, named: ContentName) -> ContentRole {
    match change {
        Change::VersionWritten(body) if body.document == Some(named) => ContentRole::Document,
        Change::ModelWritten(_) => ContentRole::Model,
        Change::CapabilitiesWritten(_) => ContentRole::Capabilities,
        Change::KeyCreated(body) => ContentRole::Key(body.id.clone()),
        Change::Explained(_) => ContentRole::Message,
        _ => ContentRole::Attributes,
    }
}

#[cfg(test)]
mod tests;
