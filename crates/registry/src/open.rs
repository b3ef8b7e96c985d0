//! Opening a registry. Every start takes this path, so it is also the path of recovery.

use std::{num::NonZeroU32, sync::Arc};

use muster_catalog::{
    apply::ApplyError,
    changes::{Change, ChangeError, FORMAT, RegistryOpened, RegistryWritten},
    decide::Decision,
};
use muster_guard::{Principal, Role};
use muster_journal::{AppendError, Batch, Ledger, LedgerReader, ReadError};
use muster_ledger::{ChainFault, Head, MerkleTree};
use muster_model::ModelFault;
use muster_words::{ContentRef, Position};
use thiserror::Error;

use crate::{
    CheckpointFileError, CommandOrigin, FetchError, Genesis, Registry, RegistrySettings,
    parts::{self, CommandHeader},
    registry::RegistryInner,
    replay::Replay,
    tree_hashes::TreeHashes,
    writer::{self, Writer},
};

/// Leaves per read.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2_047);

/// Why a registry can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The ledger is empty, and no genesis was given.
    #[error("the ledger is empty")]
    Empty,
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Read(#[from] ReadError),
    /// The ledger can't be written.
    #[error("the ledger can't be written")]
    Append(#[from] AppendError),
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A change can't be decoded.
    #[error("position {position}: {source}")]
    Change {
        /// The entry.
        position: Position,
        /// The fault.
        source: ChangeError,
    },
    /// A change doesn't fit the catalog.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The stored model doesn't compile.
    #[error("the stored model doesn't compile: {0}")]
    Model(ModelFault),
    /// A newer release wrote the ledger.
    #[error("the ledger has format {0}, and this release reads up to {FORMAT}")]
    Format(u32),
    /// The checkpoint file disagrees with the ledger.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFileError),
}

impl From<OpenError> for FetchError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Read(error) => error.into(),
            OpenError::Chain(fault) => Self::Corrupt(fault.position()),
            OpenError::Change { position, .. } => Self::Corrupt(position),
            OpenError::Apply(error) => Self::Corrupt(error.position),
            _ => Self::Unavailable,
        }
    }
}

impl Registry {
    /// Opens a ledger: verifies and folds all of it, compares it with the checkpoint file, and
    /// starts the writer. From here on only the registry can append.
    ///
    /// # Errors
    /// See [`OpenError`]; errors in the ledger name their position.
    pub async fn open(
        ledger: Box<dyn Ledger>,
        settings: RegistrySettings,
    ) -> Result<Self, OpenError> {
        // Shared only with the writer; everybody else gets it as a reader.
        let ledger: Arc<dyn Ledger> = ledger.into();
        if ledger.head().await?.position == Position::ZERO {
            let genesis = settings.genesis.as_ref().ok_or(OpenError::Empty)?;
            begin(&*ledger, &settings, genesis).await?;
        }
        let mut replay = Replay::begin(ledger.clone(), settings.foundation)?;
        replay.run().await?;
        if let Some(file) = &settings.checkpoint {
            let leaves = Leaves::of(&replay.ledger);
            file.check(&replay.catalog.origin(), &replay.tree, &leaves).await?;
        }
        repeat_purges(&*ledger, replay.head, replay.purges()).await?;
        let (queue, inbox) = writer::queue();
        if let Some(file) = &settings.checkpoint
            && file.position() != replay.head.position
        {
            // A crash may have left the last entries without one, and nothing else would sign
            // them before the next write.
            file.keep(&replay.tree);
        }
        let hashes = TreeHashes::new(replay.tree.clone(), replay.subtrees);
        let inner = RegistryInner::new(ledger.clone(), settings, replay.catalog, queue, hashes);
        let inner = Arc::new(inner);
        let writer = Writer::new(inner.clone(), inbox, ledger, (replay.head, replay.tree));
        writer::watch_over(inner.clone(), tokio::spawn(writer.run()));
        Ok(Self { inner })
    }
}

/// Reads the leaves of a ledger, to compare it with an older checkpoint.
pub(crate) struct Leaves<'a> {
    ledger: &'a Arc<dyn LedgerReader>,
}

impl<'a> Leaves<'a> {
    /// The leaves of this ledger.
    pub(crate) const fn of(ledger: &'a Arc<dyn LedgerReader>) -> Self {
        Self { ledger }
    }

    /// The tree of the first `size` entries.
    pub(crate) async fn tree(&self, size: u64) -> Result<MerkleTree, ReadError> {
        let mut tree = MerkleTree::default();
        let mut after = Position::ZERO;
        while tree.size() < size {
            let left = u32::try_from(size - tree.size()).unwrap_or(u32::MAX);
            let limit = NonZeroU32::new(left).map_or(PAGE, |left| left.min(PAGE));
            let leaves = self.ledger.leaves(after, limit).await?;
            if leaves.is_empty() {
                break;
            }
            for leaf in leaves {
                tree.append(leaf);
                after = after.next();
            }
        }
        Ok(tree)
    }
}

/// Appends the first entry.
async fn begin(
    ledger: &dyn Ledger,
    settings: &RegistrySettings,
    genesis: &Genesis,
) -> Result<(), OpenError> {
    let now = (settings.clock.now)();
    let opened = RegistryOpened {
        registry: genesis.registry.clone(),
        ledger: "changes".to_owned(),
        format: FORMAT,
    };
    let written = RegistryWritten { attributes: None, epoch: 1, created: now, modified: now };
    let decision = Decision {
        changes: vec![Change::RegistryOpened(opened), Change::RegistryWritten(written)],
        ..Decision::default()
    };
    let principal = Arc::new(Principal::new(&genesis.actor, Role::Admin));
    let origin = CommandOrigin { principal, ..CommandOrigin::of_owner() };
    let stamped = CommandHeader {
        command: (settings.clock.command_id)(),
        moment: now,
        origin: &origin,
        idempotency: None,
    };
    let Ok(written) = parts::write(&stamped, &decision, Head::EMPTY) else {
        return Err(AppendError::TooLarge.into());
    };
    let batch = Batch { entries: written.entries, contents: written.contents, purges: Vec::new() };
    ledger.append(Head::EMPTY, &batch).await?;
    Ok(())
}

/// Repeats purges that a crash may have interrupted: erases each content of a purged name that can
/// still be read.
async fn repeat_purges(
    ledger: &dyn Ledger,
    head: Head,
    purges: &[ContentRef],
) -> Result<(), OpenError> {
    let found = ledger.contents(purges).await?;
    let left: Vec<ContentRef> = purges
        .iter()
        .zip(found)
        .filter(|(_, bytes)| bytes.is_some())
        .map(|(content, _)| *content)
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    tracing::warn!(contents = left.len(), "erasing contents that an interrupted purge left");
    ledger.append(head, &Batch { purges: left, ..Batch::default() }).await?;
    Ok(())
}
