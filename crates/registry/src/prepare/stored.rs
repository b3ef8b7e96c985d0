use std::sync::Arc;

use muster_catalog::{
    Catalog, Content,
    command::SchemaWrite,
    decide::{
        NoDecision, PreparedAction, PreparedCommand, StoredVerdict, UnjudgedDocument, decide,
    },
    judge::{CommandSources, Document, Judge, NoVerdict, PendingChanges},
    registration,
};
use muster_schema::Violation;
use muster_words::{
    Xid,
    json::{Map, Value},
    limits::PREPARE_ROUNDS_MAX,
};

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
        let attributes = documents.iter().map(|stored| (&stored.xid, stored.attributes));
        let attributes = self.schema_attributes(attributes).await?;
        let mut judged = Vec::with_capacity(documents.len());
        for ((stored, bytes), attributes) in documents.iter().zip(bytes).zip(attributes) {
            let Some(bytes) = bytes else { continue };
            let content_type = stored.content_type.as_deref();
            let document = Document {
                xid: &stored.xid,
                content_type,
                bytes: &bytes,
                attributes: attributes.as_deref(),
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
                    let format = attributes.as_deref().and_then(|map| map.get("format")?.as_str());
                    let mut violations = verdict.faults_as(format).to_vec();
                    violations.extend(verdict.warnings);
                    violations
                }
            };
            judged.push((stored.xid.clone(), violations));
        }
        Ok(judged)
    }

    /// The attributes of those that are schemas: they say what a schema is written in, and what it
    /// refers to. Other documents are judged without theirs.
    pub(super) async fn schema_attributes<'a>(
        &self,
        documents: impl Iterator<Item = (&'a Xid, Option<Content>)>,
    ) -> Result<Vec<Option<Arc<Map<String, Value>>>>, SubmitError> {
        let of_schemas: Vec<Option<Content>> = documents
            .map(|(xid, attributes)| attributes.filter(|_| registration::is_schema(xid)))
            .collect();
        let contents: Vec<Content> = of_schemas.iter().copied().flatten().collect();
        let mut maps = self.maps(&contents).await?.into_iter();
        Ok(of_schemas.into_iter().map(|content| content.and_then(|_| maps.next())).collect())
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
                let attributes = match &document.attributes {
                    Some(new) => Some(new.clone()),
                    None => {
                        let version = view.version_at(&document.version);
                        let stored = version.and_then(|version| version.attributes);
                        let of = std::iter::once((&document.version, stored));
                        self.schema_attributes(of).await?.pop().flatten()
                    }
                };
                // As if it came now.
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
                let attributes = document.attributes.clone();
                let judged = StoredVerdict { content, content_type, attributes, verdict };
                found.push((document.version.clone(), judged));
            }
        }
        prepared.stored.extend(found);
        Ok(())
    }
}
