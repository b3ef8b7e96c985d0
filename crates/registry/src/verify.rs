use std::{collections::BTreeSet, num::NonZeroU32};

use muster_catalog::{Catalog, changes::Change};
use muster_ledger::{ChainFault, Walk};
use muster_words::{ContentRef, Position, Xid};
use thiserror::Error;

use crate::{CheckpointError, OpenError, Registry, SubmitError, open::Folder};

/// How far a verification has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Entries that hold.
    pub entries: u64,
    /// Entries in all.
    pub of: u64,
}

/// A ledger that verifies.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Entries that were walked.
    pub entries: u64,
    /// Contents that were read.
    pub contents: u64,
    /// Contents that were erased.
    pub purged: u64,
    /// The position of the signed checkpoint, where there is one.
    pub checkpoint: Option<Position>,
    /// The name of the key that signed it.
    pub signer: Option<String>,
}

/// The first thing that is wrong with a ledger.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The chain doesn't hold.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A content isn't what its entry says.
    #[error("position {position}, {subject}: its content has another digest than the entry says")]
    ContentChanged {
        /// The entry.
        position: Position,
        /// The entity.
        subject: Xid,
    },
    /// A content is gone that nobody erased.
    #[error("position {position}, {subject}: its content is missing, and nobody erased it")]
    ContentMissing {
        /// The entry.
        position: Position,
        /// The entity.
        subject: Xid,
    },
    /// The entries can't be folded.
    #[error("{0}")]
    Fold(OpenError),
    /// The fold gives another catalog than the one that is served.
    #[error("the fold of the ledger differs from the catalog that is served, at {0}")]
    Catalog(String),
    /// The checkpoint doesn't agree.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The ledger can't be read.
    #[error(transparent)]
    Read(#[from] SubmitError),
}

impl VerifyError {
    /// The error's stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Chain(_) => "chain_broken",
            Self::ContentChanged { .. } => "content_changed",
            Self::ContentMissing { .. } => "content_missing",
            Self::Fold(_) => "fold_failed",
            Self::Catalog(_) => "fold_differs",
            Self::Checkpoint(CheckpointError::TailMissing { .. }) => "tail_missing",
            Self::Checkpoint(_) => "checkpoint_broken",
            Self::Read(_) => "unreadable",
        }
    }
}

/// Entries that are walked at once.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// A content with who names it.
struct Owned {
    content: ContentRef,
    subject: Xid,
}

impl Registry {
    /// Walks the whole ledger up to the newest view: chain, tree, contents and checkpoint, and
    /// folds it again.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn verify(
        &self,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Verdict, VerifyError> {
        // Read before the view is taken: what is signed meanwhile lies behind the view.
        let signed = self.checkpoint().map(|file| file.read()).transpose()?.flatten();
        let view = self.view();
        let end = view.position();
        // Where the fold fails, the walk may find out why: what is wrong with which entry.
        let folding = self.fold_again(&view).await;
        let (mut folded, failed) = match folding {
            Ok(folded) => (folded, None),
            Err(error) => (Folded { purged: None, differs: None }, Some(error)),
        };
        let mut walk = Walk::new(muster_ledger::Head::EMPTY);
        let mut verdict =
            Verdict { entries: 0, contents: 0, purged: 0, checkpoint: None, signer: None };
        while walk.head().position < end {
            let left = end.0 - walk.head().position.0;
            let left = NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX));
            let limit = left.map_or(PAGE, |left| left.min(PAGE));
            let page =
                self.ledger().read(walk.head().position, limit).await.map_err(SubmitError::from)?;
            if page.is_empty() {
                break;
            }
            let mut owned = Vec::new();
            for bytes in &page {
                let entry = walk.step(bytes)?;
                verdict.entries += 1;
                owned.extend(stored_beside(&entry));
            }
            self.check_contents(&owned, &mut folded.purged, &mut verdict).await?;
            progress(Progress { entries: verdict.entries, of: end.0 });
        }
        walk.end()?;
        if let Some(error) = failed {
            return Err(VerifyError::Fold(error));
        }
        if let (Some(file), Some(tree)) = (self.checkpoint(), walk.tree()) {
            let leaves = crate::open::Leaves::of(self.ledger());
            let signed = signed.map(|(checkpoint, _)| checkpoint);
            file.compare(&view.id, signed.as_ref(), tree, &leaves).await?;
            verdict.checkpoint = signed.map(|checkpoint| Position(checkpoint.size));
            verdict.signer = Some(file.verifier().to_string());
        }
        if let Some(place) = folded.differs {
            return Err(VerifyError::Catalog(place));
        }
        Ok(verdict)
    }

    async fn check_contents(
        &self,
        owned: &[Owned],
        purged: &mut Option<BTreeSet<ContentRef>>,
        verdict: &mut Verdict,
    ) -> Result<(), VerifyError> {
        let names: Vec<ContentRef> = owned.iter().map(|owned| owned.content).collect();
        let found = match self.ledger().contents(&names).await {
            Ok(found) => found,
            Err(muster_journal::ReadError::Corrupt(corrupt)) => {
                let subject = owned
                    .iter()
                    .find(|owned| owned.content.position == corrupt.position)
                    .map_or(Xid::Registry, |owned| owned.subject.clone());
                return Err(VerifyError::ContentChanged { position: corrupt.position, subject });
            }
            Err(error) => return Err(SubmitError::from(error).into()),
        };
        // What was erased is known from the fold alone.
        let Some(purged) = purged else { return Ok(()) };
        for (owned, bytes) in owned.iter().zip(found) {
            match bytes {
                Some(_) => verdict.contents += 1,
                None if purged.contains(&owned.content) => verdict.purged += 1,
                None if self.purged_meanwhile(&owned.content, purged).await? => {
                    verdict.purged += 1;
                }
                None => {
                    let (position, subject) = (owned.content.position, owned.subject.clone());
                    return Err(VerifyError::ContentMissing { position, subject });
                }
            }
        }
        Ok(())
    }

    /// Whether a content was erased after the view that is verified.
    async fn purged_meanwhile(
        &self,
        content: &ContentRef,
        purged: &mut BTreeSet<ContentRef>,
    ) -> Result<bool, VerifyError> {
        let mut folder = Folder::from_start(&self.heart).map_err(VerifyError::Fold)?;
        folder.run().await.map_err(VerifyError::Fold)?;
        purged.extend(folder.purges());
        Ok(purged.contains(content))
    }

    async fn fold_again(&self, view: &Catalog) -> Result<Folded, OpenError> {
        let end = view.position();
        let mut folder = Folder::from_start(&self.heart)?;
        folder.run_to(Some(end)).await?;
        // What was erased meanwhile can't be read for its facts any more.
        let erased = self.view().purged.values().any(|stamp| stamp.position > end);
        let differs = folder.catalog.first_difference(view).filter(|_| !erased);
        Ok(Folded { purged: Some(folder.purges().iter().copied().collect()), differs })
    }
}

struct Folded {
    /// None: the fold failed.
    purged: Option<BTreeSet<ContentRef>>,
    differs: Option<String>,
}

fn stored_beside(entry: &muster_ledger::Entry) -> Vec<Owned> {
    let mut owned = Vec::new();
    for record in &entry.changes {
        let Ok(change) = Change::decode(record.kind, &record.body) else { continue };
        let subject = change.subject();
        for named in change.contents().filter(|named| named.at.is_none()) {
            let content = ContentRef { position: entry.position, digest: named.digest };
            owned.push(Owned { content, subject: subject.clone() });
        }
    }
    owned
}
