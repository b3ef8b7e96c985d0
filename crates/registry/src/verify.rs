//! Verification: reads the whole ledger, folds it again, and reports the first fault.

mod fault;
mod inspection;
mod missing;

use std::{sync::Arc, time::Duration};

pub use fault::{ContentFault, ContentRole, FaultKind, FoundContent, VerifyError};
use inspection::Inspection;
pub(crate) use inspection::{NamedContent, stored_beside};
pub(crate) use missing::{MissingContents, erased, name_of_key};
use muster_catalog::Catalog;
use muster_journal::LedgerReader;
use muster_words::{Digest, Position};

use crate::{FetchError, OpenError, Registry, RegistrySettings, open::Leaves, replay::Replay};

/// The progress of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Verified entries.
    pub entries: u64,
    /// All entries.
    pub of: u64,
}

/// The result for a ledger that verifies.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Verified entries.
    pub entries: u64,
    /// Contents that were read.
    pub contents: u64,
    /// Contents that were purged.
    pub purged: u64,
    /// The position of the signed checkpoint, if there is one.
    pub checkpoint: Option<Position>,
    /// The name of the key that signed it.
    pub signer: Option<String>,
}

/// How often the fold is compared with a newer view. A retry is needed if something was purged
/// meanwhile, because its facts can't be lifted any more.
const FOLDS_MAX: usize = 4;

/// How long to wait until the view reaches the end of the ledger.
const VIEW_TIME: Duration = Duration::from_secs(5);

impl Registry {
    /// Verifies the whole ledger up to the newest view: the chain, the tree, the contents and the
    /// checkpoint. Then folds it again and compares the result with the served catalog.
    ///
    /// # Errors
    /// The first fault.
    pub async fn verify(
        &self,
        progress: impl FnMut(VerifyProgress) + Send,
    ) -> Result<Verification, VerifyError> {
        // Read before the view is taken: a checkpoint that is signed later may lie after the view.
        let signed = self.checkpoint().map(|file| file.read()).transpose()?.flatten();
        let (ledger, settings) = (&self.inner.ledger, &self.inner.settings);
        let mut view = self.view();
        let mut folded = fold(ledger, settings, view.position()).await;
        for _ in 1..FOLDS_MAX {
            let agrees = folded
                .as_ref()
                .is_ok_and(|folded| folded.first_difference(view.catalog()).is_none());
            if agrees {
                break;
            }
            let erasures = missing::Erasures::after(view.position());
            let Some(last) = erasures.last(ledger).await? else { break };
            let reached = tokio::time::timeout(VIEW_TIME, self.reached(last)).await;
            view = reached.unwrap_or_else(|_| self.view());
            folded = fold(ledger, settings, view.position()).await;
        }
        let mut inspection = Inspection::new(ledger);
        inspection.run(view.position(), progress).await?;
        let folded = folded.map_err(VerifyError::Fold)?;
        let signed = signed.map(|(checkpoint, _)| checkpoint);
        if let Some(file) = self.checkpoint() {
            inspection.compare(file, &view.catalog().origin(), signed.as_ref()).await?;
        }
        match folded.first_difference(view.catalog()) {
            Some(place) => Err(VerifyError::Catalog(place)),
            None => {
                if let Some(file) = self.checkpoint() {
                    inspection.sign(file);
                }
                Ok(inspection.verification)
            }
        }
    }
}

/// Verifies and folds a ledger that isn't open. It needs nothing that a damaged ledger may lack,
/// and writes nothing.
///
/// # Errors
/// The first fault.
pub async fn verify(
    ledger: &Arc<dyn LedgerReader>,
    settings: &RegistrySettings,
    progress: impl FnMut(VerifyProgress) + Send,
) -> Result<Verification, VerifyError> {
    let end = ledger.head().await.map_err(FetchError::from)?.position;
    let folded = fold(ledger, settings, end).await;
    let mut inspection = Inspection::new(ledger);
    inspection.run(end, progress).await?;
    let folded = folded.map_err(VerifyError::Fold)?;
    if let Some(file) = &settings.checkpoint {
        let signed = file.read()?.map(|(checkpoint, _)| checkpoint);
        inspection.compare(file, &folded.origin(), signed.as_ref()).await?;
    }
    Ok(inspection.verification)
}

/// The root of the tree of a ledger's first `size` entries; none if it doesn't have that many.
///
/// # Errors
/// The ledger can't be read.
pub async fn root(ledger: &Arc<dyn LedgerReader>, size: u64) -> Result<Option<Digest>, FetchError> {
    let tree = Leaves::of(ledger).tree(size).await?;
    Ok((tree.size() == size).then(|| tree.root()))
}

/// Folds a ledger from the start up to a position at which a command ends.
///
/// # Errors
/// See [`OpenError`].
pub async fn fold(
    ledger: &Arc<dyn LedgerReader>,
    settings: &RegistrySettings,
    end: Position,
) -> Result<Catalog, OpenError> {
    let mut replay = Replay::begin(ledger.clone(), settings.foundation)?;
    replay.run_to(Some(end)).await?;
    Ok(replay.catalog)
}
