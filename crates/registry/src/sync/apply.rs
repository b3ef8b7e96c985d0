use bytes::Bytes;
use muster_catalog::{
    Lifecycle, Reason, View,
    command::{
        Action, Command, Delete, Mode, Plan, SentDocument, SetDefault, Target, Write, WriteBody,
    },
    sync::{
        Causality, ComparedSide, ConflictPolicy, DocumentOrigin, SyncContent, SyncDecision,
        SyncMark, VectorTooLong, VersionVector, compare,
    },
};
use muster_guard::authorize;
use muster_words::{Permission, Xid, json::Value};

use super::{ConflictRecord, DocumentState, IncomingDocument, SyncError, SyncOutcome};
use crate::{CommandOrigin, Registry, SubmitError};

/// How often a document is compared again that others change meanwhile.
pub(super) const ROUNDS_MAX: usize = 8;

impl Registry {
    /// Compares a document that comes from another registry with what is here, and does what
    /// follows. Whoever sends it needs the permission to write it.
    ///
    /// # Errors
    /// See [`SyncError`]. What is written passes the same schemas, rules and references as any other
    /// write.
    pub async fn sync(
        &self,
        incoming: &IncomingDocument,
        by: &CommandOrigin,
    ) -> Result<SyncOutcome, SyncError> {
        // Before anything is said about the document.
        let place = incoming.xid.to_string();
        authorize(&by.principal, Permission::WriteDocuments, &place).map_err(SubmitError::from)?;
        for _ in 0..ROUNDS_MAX {
            let view = self.view();
            let own = view.id().clone();
            check_true(&view, incoming)?;
            let peer =
                incoming.way.peer(&own).ok_or(SyncError::OtherRegistry { own: own.clone() })?;
            let local = self.document_state(&view, &incoming.xid).await?;
            if local.is_erased {
                return Err(SyncError::Erased);
            }
            let decision = self.decide_sync(&view, &local, incoming).await?;
            let done = match decision {
                SyncDecision::Held => Ok(SyncOutcome::Held),
                SyncDecision::Conflict => {
                    return self.queue_conflict(&view, (peer, incoming), &local).await;
                }
                SyncDecision::Take(vector) => {
                    let write = SyncWrite { vector, origin: Some(incoming.origin.clone()) };
                    let content = incoming.content.as_ref();
                    self.write_synced(&view, (incoming, &local), content, write, by)
                        .await
                        .map(|()| SyncOutcome::Taken)
                }
                SyncDecision::Join(vector, origin) => {
                    let write = SyncWrite { vector, origin: Some(origin) };
                    let command = Command {
                        sync: Some(mark(incoming, &local, write)),
                        message: Some(reason(incoming)),
                        ..Command::new(Action::Apply(Plan::default()))
                    };
                    self.submit_synced(command, by).await.map(|()| SyncOutcome::Joined)
                }
                SyncDecision::Merge(content, vector) => {
                    let write = SyncWrite { vector, origin: None };
                    self.write_synced(&view, (incoming, &local), Some(&content), write, by)
                        .await
                        .map(|()| SyncOutcome::Merged)
                }
            };
            match done {
                Ok(outcome) => {
                    self.close_conflicts(&incoming.xid).await?;
                    return Ok(outcome);
                }
                Err(SyncFailure::ComparedTooEarly) => {}
                Err(SyncFailure::Failed(error)) => return Err(error.into()),
            }
        }
        Err(SubmitError::Contended.into())
    }

    async fn decide_sync(
        &self,
        view: &View,
        local: &DocumentState,
        incoming: &IncomingDocument,
    ) -> Result<SyncDecision, SyncError> {
        let is_concurrent = incoming.vector.stands_to(&local.vector) == Causality::Concurrent;
        let base = match is_concurrent && incoming.way.policy == ConflictPolicy::Merge {
            true => self.known_state(view, &incoming.xid, &incoming.vector).await?,
            false => None,
        };
        let side = |vector, origin, content| ComparedSide { vector, origin, content };
        let here = side(&local.vector, local.origin.as_ref(), local.content.as_ref());
        let origin = Some(&incoming.origin);
        let there = side(&incoming.vector, origin, incoming.content.as_ref());
        let how = (incoming.way.policy, &incoming.way.sides);
        Ok(compare(view.id(), here, there, how, || base.and_then(|base| base.content))?)
    }

    /// Writes or deletes the document. Where there is nothing to delete, only the vector changes.
    async fn write_synced(
        &self,
        view: &View,
        (incoming, local): (&IncomingDocument, &DocumentState),
        content: Option<&SyncContent>,
        write: SyncWrite,
        by: &CommandOrigin,
    ) -> Result<(), SyncFailure> {
        let mut command = writing(view, &incoming.xid, local, content);
        command.sync = Some(mark(incoming, local, write));
        command.message = Some(reason(incoming));
        self.submit_synced(command, by).await
    }

    async fn submit_synced(&self, command: Command, by: &CommandOrigin) -> Result<(), SyncFailure> {
        match self.submit(command, by).await {
            Ok(_) => Ok(()),
            Err(error) if is_too_early(&error) => Err(SyncFailure::ComparedTooEarly),
            Err(error) => Err(SyncFailure::Failed(error)),
        }
    }
}

/// What a command says about its document.
pub(super) struct SyncWrite {
    pub vector: VersionVector,
    /// None if the command writes a state of its own.
    pub origin: Option<DocumentOrigin>,
}

/// A registry that was restored from a backup, or one that lies, is told so.
fn check_true(view: &View, incoming: &IncomingDocument) -> Result<(), SyncError> {
    if incoming.vector.of(view.id()) > view.position() {
        return Err(SyncError::Untrue("it names a position that this registry hasn't reached"));
    }
    if !incoming.vector.has_place_for(view.id()) {
        return Err(VectorTooLong.into());
    }
    let DocumentOrigin { registry, position, .. } = &incoming.origin;
    match incoming.vector.of(registry) < *position {
        true => Err(SyncError::Untrue("it doesn't hold its own origin")),
        false => Ok(()),
    }
}

enum SyncFailure {
    /// The document changed meanwhile.
    ComparedTooEarly,
    Failed(SubmitError),
}

fn mark(incoming: &IncomingDocument, local: &DocumentState, write: SyncWrite) -> SyncMark {
    let SyncWrite { vector, origin } = write;
    SyncMark {
        resource: incoming.xid.clone(),
        vector,
        origin,
        sync: incoming.way.sync.clone(),
        since: local.position,
    }
}

/// Whether the document changed after it was compared.
pub(super) fn is_too_early(error: &SubmitError) -> bool {
    matches!(error, SubmitError::Refused(refusal) if matches!(*refusal.reason, Reason::ChangedSince { .. }))
}

/// The command that gives a document this content, or deletes it; a document that isn't there stays
/// away.
fn writing(
    view: &View,
    xid: &Xid,
    local: &DocumentState,
    content: Option<&SyncContent>,
) -> Command {
    let target = Target::Entity(xid.clone());
    let Some(content) = content else {
        let delete = Delete { target, chosen: None, epoch: None, purge: false, force: false };
        return Command::new(match local.content {
            None => Action::Apply(Plan::default()),
            Some(_) => Action::Delete(delete),
        });
    };
    // A POST makes a new version, also where versions are frozen.
    let body = body_of(view, xid, content.clone());
    Command {
        set_default: default_for(view, xid, content.state),
        ..Command::new(Action::Write(Write { mode: Mode::Post, target, body }))
    }
}

/// The command that decides a conflict: a new state that holds everything in a vector.
pub(super) fn resolving(
    view: &View,
    (record, local): (&ConflictRecord, &DocumentState),
    content: Option<&SyncContent>,
    vector: VersionVector,
    message: Option<Bytes>,
) -> Command {
    let resource = record.document.clone();
    let (sync, since) = (record.sync.clone(), local.position);
    let mark = SyncMark { resource, vector, origin: None, sync, since };
    let command = writing(view, &record.document, local, content);
    Command { sync: Some(mark), message, ..command }
}

/// What the log says about the command.
fn reason(incoming: &IncomingDocument) -> Bytes {
    let DocumentOrigin { registry, position, .. } = &incoming.origin;
    format!("synced by {}: from {registry} at position {position}", incoming.way.sync).into()
}

/// The body of a new version that says this and nothing else.
fn body_of(view: &View, xid: &Xid, content: SyncContent) -> WriteBody {
    let SyncContent { bytes, content_type, mut attributes, state } = content;
    let collection = xid.collection();
    let kind = collection.and_then(|of| Some((of.groups, of.resources?)));
    let kind = kind.and_then(|(groups, resources)| {
        view.model().resource_type(groups.as_str(), resources.as_str()).cloned()
    });
    // Not every type has states.
    if kind.is_some_and(|kind| kind.attributes.get("state").is_some()) {
        attributes.insert("state".to_owned(), state.as_str().into());
    }
    match bytes {
        Some(bytes) => WriteBody::Document(SentDocument { bytes, content_type, attributes }),
        None => {
            let kind = content_type.map(Value::from);
            attributes.extend(kind.map(|kind| ("contenttype".to_owned(), kind)));
            WriteBody::Tree(attributes)
        }
    }
}

/// What makes the new version the default one. By itself it becomes it unless another one is pinned,
/// or its state isn't one that others are to use.
fn default_for(view: &View, xid: &Xid, state: Lifecycle) -> Option<SetDefault> {
    let resource = view.resource_at(xid);
    if resource.is_none_or(|resource| resource.version_count() == 0) {
        return None;
    }
    let is_pinned = resource.is_some_and(|resource| resource.meta().sticky);
    match crate::rollback::is_shown_by_itself(state) {
        true => is_pinned.then_some(SetDefault::Newest),
        false => Some(SetDefault::Request),
    }
}
