use std::sync::Arc;

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
use muster_model::ResourceType;
use muster_schema::Violation;
use muster_words::{Permission, Position, Xid, json::Value};

use super::{
    ConflictRecord, DocumentState, IncomingDocument, SyncError, SyncOutcome, SyncedDocument,
};
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
    ) -> Result<SyncedDocument, SyncError> {
        // Before anything is said about the document.
        let place = incoming.xid.to_string();
        authorize(&by.principal, Permission::WriteDocuments, &place).map_err(SubmitError::from)?;
        for _ in 0..ROUNDS_MAX {
            let view = self.view();
            let own = view.id().clone();
            check_true(&view, &incoming.vector, &incoming.origin)?;
            check_sent(&view, &incoming.xid, incoming.content.as_ref())?;
            let peer =
                incoming.way.peer(&own).ok_or(SyncError::OtherRegistry { own: own.clone() })?;
            let local = self.document_state(&view, &incoming.xid).await?;
            if local.is_erased {
                return Err(SyncError::Erased);
            }
            if incoming.base.as_ref().is_some_and(|base| *base != local.vector) {
                return Err(SubmitError::Contended.into());
            }
            let decision = self.decide_sync(&view, &local, incoming).await?;
            let done = match decision {
                SyncDecision::Held => Ok(SyncedDocument::of(SyncOutcome::Held)),
                SyncDecision::Conflict => {
                    let queued = self.queue_conflict(&view, (peer, incoming), &local).await;
                    return queued.map(SyncedDocument::of);
                }
                SyncDecision::Take(vector) => {
                    let write = SyncWrite { vector, origin: Some(incoming.origin.clone()) };
                    let content = incoming.content.as_ref();
                    self.write_synced(&view, (incoming, &local), content, write, by)
                        .await
                        .map(|warnings| SyncedDocument { outcome: SyncOutcome::Taken, warnings })
                }
                SyncDecision::Join(vector, origin) => {
                    let write = SyncWrite { vector, origin: Some(origin) };
                    let command = Command {
                        sync: Some(mark(incoming, &local, write)),
                        message: Some(reason(incoming)),
                        ..Command::new(Action::Apply(Plan::default()))
                    };
                    let done = self.submit_synced(command, by).await;
                    done.map(|_| SyncedDocument::of(SyncOutcome::Joined))
                }
                SyncDecision::Merge(content, vector) => {
                    let write = SyncWrite { vector, origin: None };
                    self.write_synced(&view, (incoming, &local), Some(&content), write, by)
                        .await
                        .map(|warnings| SyncedDocument { outcome: SyncOutcome::Merged, warnings })
                }
            };
            match done {
                Ok(done) => {
                    self.close_conflicts(&incoming.xid, None).await?;
                    return Ok(done);
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
    ) -> Result<Vec<Violation>, SyncFailure> {
        let mut command = writing(view, &incoming.xid, local, content);
        command.sync = Some(mark(incoming, local, write));
        command.message = Some(reason(incoming));
        self.submit_synced(command, by).await
    }

    async fn submit_synced(
        &self,
        command: Command,
        by: &CommandOrigin,
    ) -> Result<Vec<Violation>, SyncFailure> {
        match self.submit(command, by).await {
            Ok(done) => Ok(done.warnings),
            Err(error) if is_too_early(&error) => Err(SyncFailure::ComparedTooEarly),
            Err(error) => Err(SyncFailure::Failed(error)),
        }
    }
}

impl SyncedDocument {
    /// One that wasn't written, so that nothing warns.
    const fn of(outcome: SyncOutcome) -> Self {
        Self { outcome, warnings: Vec::new() }
    }
}

/// What a command says about its document.
pub(super) struct SyncWrite {
    pub vector: VersionVector,
    /// None if the command writes a state of its own.
    pub origin: Option<DocumentOrigin>,
}

/// A registry that lies is told so. What this registry wrote before it was restored from a backup may
/// have been lost here.
pub(super) fn check_true(
    view: &View,
    vector: &VersionVector,
    origin: &DocumentOrigin,
) -> Result<(), SyncError> {
    let own = view.writer_at(view.position().next());
    if vector.of(&own) > view.position() {
        return Err(SyncError::Untrue("it names a position that this registry hasn't reached"));
    }
    if !vector.has_place_for(&own) {
        return Err(VectorTooLong.into());
    }
    if origin.position == Position::ZERO || vector.of(&origin.registry) < origin.position {
        return Err(SyncError::Untrue("it doesn't hold its own origin"));
    }
    Ok(())
}

/// Attributes that a registry makes, or that travel apart, don't come among those that clients set.
pub(super) fn check_sent(
    view: &View,
    xid: &Xid,
    content: Option<&SyncContent>,
) -> Result<(), SyncError> {
    const MADE: [&str; 9] = [
        "ancestorid",
        "contenttype",
        "createdat",
        "epoch",
        "isdefault",
        "modifiedat",
        "self",
        "versionid",
        "xid",
    ];
    let (Some(content), Some(kind)) = (content, type_of(view, xid)) else { return Ok(()) };
    let singular = &kind.singular;
    let is_sent = |name: &str| {
        let of_document = match name.strip_prefix(singular.as_str()) {
            Some("" | "base64") => kind.hasdocument,
            Some("url") => kind.hasdocument && content.bytes.is_some(),
            Some("id") => true,
            _ => false,
        };
        let has_readonly = kind.attributes.get(name).is_some_and(|attribute| attribute.readonly);
        let is_state = name == "state" && kind.attributes.get("state").is_some();
        let is_of_resource = kind.resource_only().any(|own| own == name);
        !(of_document || has_readonly || is_state || is_of_resource || MADE.contains(&name))
    };
    match content.attributes.keys().find(|name| !is_sent(name)) {
        Some(name) => Err(SyncError::NotSent(name.chars().take(100).collect())),
        None => Ok(()),
    }
}

fn type_of(view: &View, xid: &Xid) -> Option<Arc<ResourceType>> {
    let of = xid.collection()?;
    view.model().resource_type(of.groups.as_str(), of.resources?.as_str()).cloned()
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
    // Not every type has states.
    if type_of(view, xid).is_some_and(|kind| kind.attributes.get("state").is_some()) {
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
