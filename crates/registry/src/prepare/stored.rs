use muster_catalog::{
    Catalog, Content,
    judge::{CommandSources, Document, Judge, NoVerdict, PendingChanges},
};
use muster_schema::Violation;
use muster_words::Xid;

use super::judging::CommandView;
use crate::{Registry, SubmitError};

/// A document of a catalog.
#[derive(Clone, Debug)]
pub struct StoredDocument {
    /// Its resource.
    pub xid: Xid,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub content: Content,
}

impl Registry {
    /// The violations of stored documents, as if each was put again without a change. Documents
    /// that were purged are left out.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn judge_stored(
        &self,
        catalog: &Catalog,
        documents: &[StoredDocument],
    ) -> Result<Vec<(Xid, Vec<Violation>)>, SubmitError> {
        let contents: Vec<Content> = documents.iter().map(|document| document.content).collect();
        let bytes = self.contents(&contents).await?;
        let command_view =
            CommandView { view: catalog, pending: PendingChanges::Nothing, preview: None };
        let mut judged = Vec::with_capacity(documents.len());
        for (stored, bytes) in documents.iter().zip(bytes) {
            let Some(bytes) = bytes else { continue };
            let content_type = stored.content_type.as_deref();
            let document = Document { xid: &stored.xid, content_type, bytes: &bytes };
            let judge = |judge: &Judge<'_>, _: &CommandSources<'_>| match judge.document(&document)
            {
                Ok(verdict) => Ok(verdict.warnings),
                Err(NoVerdict::Rejected(rejection)) => Ok(rejection.violations()),
                Err(other) => Err(other),
            };
            let violations = self.inner.judge(command_view, judge).await?;
            judged.push((stored.xid.clone(), violations));
        }
        Ok(judged)
    }
}
