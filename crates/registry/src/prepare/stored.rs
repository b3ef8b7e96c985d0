use std::sync::Arc;

use muster_catalog::{
    Catalog, Content,
    command::SchemaWrite,
    decide::{
        NoDecision, PreparedAction, PreparedCommand, StoredVerdict, UnjudgedDocument, decide,
    },
    judge::{CommandSources, Document, Judge, NoVerdict, PendingChanges, Verdict},
};
use muster_schema::Violation;
use muster_words::{Xid, json::Value, limits::PREPARE_ROUNDS_MAX};

use super::{compliance::CHUNK, judging::CommandView};
use crate::{
    Registry, SubmitError,
    cache::{CachedAttributes, Fetched},
    registry::RegistryInner,
};

/// A document of a catalog.
#[derive(Clone, Debug)]
pub struct StoredDocument {
    /// Its resource.
    pub xid: Xid,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub content: Content,
    /// The attributes that clients set on its version.
    pub attributes: Option<Content>,
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
        let command_view = CommandView::new(catalog, PendingChanges::Nothing);
        self.inner.judge_stored(command_view, documents).await
    }
}

impl RegistryInner {
    /// The violations of stored documents under a view.
    pub(crate) async fn judge_stored(
        &self,
        command_view: CommandView<'_>,
        documents: &[StoredDocument],
    ) -> Result<Vec<(Xid, Vec<Violation>)>, SubmitError> {
        let contents: Vec<Content> = documents.iter().map(|document| document.content).collect();
        let bytes = self.fetch(&contents).await?;
        let mut judged = Vec::with_capacity(documents.len());
        for (stored, bytes) in documents.iter().zip(bytes) {
            let Some(bytes) = bytes else { continue };
            let content_type = stored.content_type.as_deref();
            let document = Document {
                xid: &stored.xid,
                content_type,
                bytes: &bytes,
                attributes: None,
                new: None,
            };
            let judge = |judge: &Judge<'_>, _: &CommandSources<'_>| match judge.document(&document)
            {
                Ok(verdict) => Ok(Ok(verdict)),
                Err(NoVerdict::Rejected(rejection)) => Ok(Err(rejection.violations())),
                Err(other) => Err(other),
            };
            let violations = match self.judge(command_view, judge).await? {
                Err(violations) => violations,
                Ok(verdict) => {
                    let mut violations = self.faults_of(stored, &verdict).await?;
                    violations.extend(verdict.warnings);
                    violations
                }
            };
            judged.push((stored.xid.clone(), violations));
        }
        Ok(judged)
    }

    /// Why a stored schema isn't what its attribute `format` says.
    async fn faults_of(
        &self,
        stored: &StoredDocument,
        verdict: &Verdict,
    ) -> Result<Vec<Violation>, SubmitError> {
        if verdict.schema_fault.is_none() {
            return Ok(Vec::new());
        }
        let contents: Vec<Content> = stored.attributes.into_iter().collect();
        let maps = self.maps(&contents).await?;
        let format = maps.first().and_then(|map| map.get("format")).and_then(Value::as_str);
        Ok(verdict.faults_as(format).to_vec())
    }
}

impl RegistryInner {
    /// Judges the stored documents that a command turns into what their resources show. Few
    /// commands do, so it is found out by a decision that lacks them.
    pub(super) async fn judge_defaults(
        &self,
        view: &Catalog,
        prepared: &mut PreparedCommand,
        fetched: &Fetched,
    ) -> Result<(), SubmitError> {
        let mut fetched = fetched.clone();
        // The writer's moment will be later, but is chosen in the same way.
        let now = (self.settings.clock.now)().max(view.moment.next());
        for _ in 0..PREPARE_ROUNDS_MAX {
            let stored_attributes = CachedAttributes { cache: &self.contents, fetched: &fetched };
            match decide(view, &stored_attributes, prepared, now) {
                Err(NoDecision::Unjudged(documents)) => {
                    self.judge_default_documents(view, prepared, &fetched, &documents).await?;
                }
                Err(NoDecision::Missing(missing)) => {
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                }
                // The writer decides, with what is newest.
                Ok(_) | Err(NoDecision::Refused(_) | NoDecision::Stale) => break,
            }
        }
        Ok(())
    }

    async fn judge_default_documents(
        &self,
        view: &Catalog,
        prepared: &mut PreparedCommand,
        fetched: &Fetched,
        documents: &[UnjudgedDocument],
    ) -> Result<(), SubmitError> {
        let preview = self.preview(view, prepared, fetched).await?;
        let mut found = Vec::new();
        for chunk in documents.chunks(CHUNK) {
            let contents: Vec<Content> = chunk.iter().map(|document| document.content).collect();
            for (document, bytes) in chunk.iter().zip(self.fetch(&contents).await?) {
                let command_view = match &prepared.action {
                    PreparedAction::Write(action) => CommandView {
                        preview: preview.as_ref(),
                        ..CommandView::new(view, PendingChanges::Tree(&action.tree))
                    },
                    _ => CommandView::new(view, PendingChanges::Nothing),
                };
                let Some(resource) = document.version.resource() else { continue };
                let content_type = document.content_type.as_deref();
                let bytes = bytes.unwrap_or_default();
                // As if it came now; only then its attributes are needed.
                let version = view.version_at(&document.version);
                let version = version.filter(|_| document.is_published);
                let attributes: Vec<Content> =
                    version.and_then(|version| version.attributes).into_iter().collect();
                let attributes = self.maps(&attributes).await?.pop();
                let write = SchemaWrite::default();
                let document_there = Document {
                    xid: &resource,
                    content_type,
                    bytes: &bytes,
                    attributes: attributes.as_deref(),
                    new: document.is_published.then_some(&write),
                };
                let judge = |judge: &Judge<'_>, _: &CommandSources<'_>| match judge
                    .document(&document_there)
                {
                    Ok(verdict) => Ok(Ok(Arc::new(verdict))),
                    Err(NoVerdict::Rejected(rejection)) => Ok(Err(rejection.violations())),
                    Err(other) => Err(other),
                };
                let verdict = self.judge(command_view, judge).await?;
                let content = document.content.reference();
                let content_type = document.content_type.clone();
                let judged = StoredVerdict { content, content_type, verdict };
                found.push((document.version.clone(), judged));
            }
        }
        prepared.stored.extend(found);
        Ok(())
    }
}
