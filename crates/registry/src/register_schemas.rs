use std::sync::Arc;

use bytes::Bytes;
use muster_catalog::{
    Content,
    command::{Action, Command, UnregisteredSchema},
    judge::{CommandSources, Document, Judge, PendingChanges, SchemaIdentity},
    state::Version,
};
use muster_words::{
    Xid,
    limits::{BATCH_BYTES_MAX, COMMAND_ENTITIES_MAX},
};

use crate::{CommandOrigin, Registry, SubmitError, prepare::CommandView, registry::RegistryInner};

/// The most documents that are read at once; their bytes are limited as well.
const READ_MAX: usize = 256;

/// What the log says about the command.
const REASON: &str = "ids for schemas that were stored by a release without them";

impl Registry {
    /// Gives ids to the stored versions of schemas that have none and can be read, in the order of the
    /// ledger; returns their number. A release that knew no ids has written them, or what they refer
    /// to came after them. It is one command, or several if there are more than one may have; if it is
    /// interrupted in between, the next call goes on where it stopped.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn register_schemas(&self) -> Result<usize, SubmitError> {
        let view = self.catalog();
        let command_view = CommandView::new(&view, PendingChanges::Nothing);
        let mut found = Vec::new();
        let mut left = view.unregistered_schemas().into_iter().peekable();
        while left.peek().is_some() {
            let mut bytes = 0_usize;
            let mut some: Vec<(Xid, Arc<Version>)> = Vec::new();
            while let Some(next) = left.next_if(|(_, version)| {
                let size = version.document.map_or(0, |content| content.size as usize);
                bytes = bytes.saturating_add(size);
                some.is_empty() || (some.len() < READ_MAX && bytes <= BATCH_BYTES_MAX)
            }) {
                some.push(next);
            }
            found.extend(self.inner.identified(command_view, some).await?);
        }
        for some in found.chunks(COMMAND_ENTITIES_MAX) {
            let action = Action::RegisterSchemas(some.into());
            let command = Command {
                message: Some(Bytes::from_static(REASON.as_bytes())),
                ..Command::new(action)
            };
            self.submit(command, &CommandOrigin::of_owner()).await?;
        }
        Ok(found.len())
    }
}

impl RegistryInner {
    /// Those versions that are schemas, with what they are known by.
    async fn identified(
        &self,
        command_view: CommandView<'_>,
        versions: Vec<(Xid, Arc<Version>)>,
    ) -> Result<Vec<UnregisteredSchema>, SubmitError> {
        let documents: Vec<Content> =
            versions.iter().filter_map(|(_, version)| version.document).collect();
        let documents = self.fetch(&documents).await?;
        let mut found = Vec::new();
        for ((name, version), bytes) in versions.into_iter().zip(documents) {
            let (Some(bytes), Some(document)) = (bytes, version.document) else { continue };
            let identity = self.identity_of(command_view, (&name, &version), &bytes).await?;
            let created = version.created;
            found.extend(identity.map(|identity| UnregisteredSchema {
                version: name,
                document,
                created,
                identity,
            }));
        }
        Ok(found)
    }

    async fn identity_of(
        &self,
        command_view: CommandView<'_>,
        (name, version): (&Xid, &Version),
        bytes: &Bytes,
    ) -> Result<Option<SchemaIdentity>, SubmitError> {
        let Some(xid) = name.resource() else { return Ok(None) };
        let attributes: Vec<Content> = version.attributes.into_iter().collect();
        let attributes = self.maps(&attributes).await?.pop();
        let document = Document {
            xid: &xid,
            content_type: version.content_type.as_deref(),
            bytes,
            attributes: attributes.as_deref(),
            new: None,
        };
        let judge = |judge: &Judge<'_>, _: &CommandSources<'_>| judge.stored_identity(&document);
        match self.judge(command_view, judge).await {
            // One that takes too long was never one that a client could use.
            Err(SubmitError::TooLong) => Ok(None),
            found => found,
        }
    }
}
