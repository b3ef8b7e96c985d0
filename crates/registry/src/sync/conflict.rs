//! Conflicts that wait for somebody: each is a document of the built-in collection `/conflicts`.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use muster_catalog::{
    View,
    command::{Action, Command, Delete, Mode, SentDocument, Succession, Target, Write, WriteBody},
    sync::{
        CONFLICTS, Causality, ConflictPolicy, DocumentOrigin, SyncContent, SyncSides,
        VersionVector, conflict_name, merged_preferring,
    },
};
use muster_guard::authorize;
use muster_history::difference::{patch, patch_to_json};
use muster_words::{
    Digest, Id, Moment, Notation, Permission, Position, Xid,
    json::{self, Map, Value},
};
use serde_json::json;

use super::{DocumentState, IncomingDocument, SyncError, SyncOutcome, SyncWay, apply};
use crate::{CommandOrigin, Done, Registry, SubmitError};

/// The largest document of this registry, and of the base, that a conflict holds itself, in bytes.
/// A larger one is read from the ledger, at the position that its side names; the other registry's is
/// always held, because nothing else holds it here.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// What a conflict's document says.
#[derive(Clone, Debug, PartialEq)]
pub struct ConflictRecord {
    /// The document of which there are two states.
    pub document: Xid,
    /// The other registry.
    pub peer: Id,
    /// The id of the sync.
    pub sync: Id,
    /// The other registry's state: its vector, its origin, and what it says.
    pub theirs: (VersionVector, DocumentOrigin, Option<SyncContent>),
    /// The vector of this registry's state.
    pub ours: VersionVector,
    /// The route, as its registry names it.
    pub route: Option<Xid>,
    /// What decides conflicts.
    pub policy: ConflictPolicy,
    /// Whether a mapping put what the other registry says into what this one said.
    pub is_mapped: bool,
}

/// How somebody decides a conflict.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// What this registry says stays.
    Ours,
    /// What the other registry says is taken.
    Theirs,
    /// Something else is written.
    Content(Box<SyncContent>),
}

impl Registry {
    /// Notes that somebody must decide. What is noted already isn't noted again, and an older state of
    /// the other registry doesn't replace a newer one.
    pub(super) async fn queue_conflict(
        &self,
        view: &View,
        (peer, incoming): (&Id, &IncomingDocument),
        local: &DocumentState,
    ) -> Result<SyncOutcome, SyncError> {
        let is_there = view.model().resource_type(CONFLICTS, "entries").is_some();
        let name = conflict_name(&incoming.xid, peer).filter(|_| is_there);
        let name = name.ok_or(SyncError::NoQueue)?;
        if let Ok(noted) = self.conflict(view, &name).await
            && apply::check_true(view, &noted.theirs.0, &noted.theirs.1).is_ok()
        {
            let order = incoming.vector.stands_to(&noted.theirs.0);
            let is_same = order == Causality::Same && noted.ours == local.vector;
            if is_same || order == Causality::Before {
                return Ok(SyncOutcome::Conflict(name));
            }
        }
        self.write_conflict(view, &name, (peer, incoming), local).await?;
        Ok(SyncOutcome::Conflict(name))
    }

    async fn write_conflict(
        &self,
        view: &View,
        name: &Xid,
        (peer, incoming): (&Id, &IncomingDocument),
        local: &DocumentState,
    ) -> Result<(), SyncError> {
        let base = self.known_state(view, &incoming.xid, &incoming.vector).await?;
        let document = written(peer, incoming, local, base.as_ref());
        let sent = SentDocument {
            bytes: document.to_string().into(),
            content_type: Some("application/json".to_owned()),
            attributes: Map::new(),
        };
        let target = Target::Entity(name.clone());
        let write = Write { mode: Mode::Post, target, body: WriteBody::Document(sent) };
        let command = Command {
            succession: Succession::IfDifferent,
            message: Some(Bytes::from_static(b"two registries changed a document differently")),
            ..Command::new(Action::Write(write))
        };
        self.submit(command, &CommandOrigin::of_owner()).await?;
        Ok(())
    }

    /// Notes a conflict anew that somebody was about to decide, with what the document says here now.
    async fn note_anew(
        &self,
        view: &View,
        (name, record): (&Xid, &ConflictRecord),
        local: &DocumentState,
    ) -> Result<(), SyncError> {
        let (vector, origin, mut content) = record.theirs.clone();
        // What a mapping put into the state of then is put into that of now.
        if record.is_mapped
            && let (Some(theirs), Some(now)) = (&content, &local.content)
            && let Some(then) = self.known_state(view, &record.document, &record.ours).await?
            && let Some(then) = then.content
        {
            content = merged_preferring(&then, now, theirs).or(content);
        }
        let base = record.is_mapped.then(|| local.vector.clone());
        let sides = SyncSides { source: view.id().clone(), target: record.peer.clone() };
        let way = SyncWay {
            sync: record.sync.clone(),
            route: record.route.clone(),
            sides,
            policy: record.policy,
        };
        let xid = record.document.clone();
        let incoming = IncomingDocument { xid, vector, origin, content, base, way };
        self.write_conflict(view, name, (&record.peer, &incoming), local).await
    }

    /// Reads a conflict.
    ///
    /// # Errors
    /// It isn't there, it isn't one, or the ledger can't be read.
    pub async fn conflict(&self, view: &View, name: &Xid) -> Result<ConflictRecord, SyncError> {
        let no_conflict = || SyncError::NoConflict(name.clone());
        let is_one = name.group_ids().is_some_and(|(groups, _)| groups.as_str() == CONFLICTS);
        let version = view.version_at(name).filter(|_| is_one);
        let content = version.and_then(|version| version.document).ok_or_else(no_conflict)?;
        let bytes = self.contents(&[content]).await?.pop().flatten().ok_or_else(no_conflict)?;
        let value = json::parse(&bytes).map_err(|_| no_conflict())?;
        ConflictRecord::read(&value).ok_or_else(no_conflict)
    }

    /// Decides a conflict: writes the document as a new state that holds both, and removes the
    /// conflict. What was decided already only loses its conflict.
    ///
    /// # Errors
    /// See [`SyncError`]. `by` needs the permission to write the document.
    pub async fn resolve_conflict(
        &self,
        name: &Xid,
        (resolution, message): (&Resolution, Option<Bytes>),
        by: &CommandOrigin,
    ) -> Result<(ConflictRecord, Option<Done>), SyncError> {
        let record = self.conflict(&self.view(), name).await?;
        let place = record.document.to_string();
        authorize(&by.principal, Permission::WriteDocuments, &place).map_err(SubmitError::from)?;
        let done = self.write_resolution((name, &record), resolution, message, by).await?;
        self.close_conflicts(&record.document, Some(name)).await?;
        Ok((record, done))
    }

    async fn write_resolution(
        &self,
        (name, record): (&Xid, &ConflictRecord),
        resolution: &Resolution,
        message: Option<Bytes>,
        by: &CommandOrigin,
    ) -> Result<Option<Done>, SyncError> {
        for _ in 0..apply::ROUNDS_MAX {
            let view = self.view();
            let local = self.document_state(&view, &record.document).await?;
            let (theirs, origin, content) = &record.theirs;
            // Whoever may write documents may write one that says that it is a conflict.
            apply::check_true(&view, theirs, origin)?;
            apply::check_sent(&view, &record.document, content.as_ref())?;
            if theirs.is_within(&local.vector) {
                return Ok(None);
            }
            // Nobody compared a newer edit with the other side. What stays overwrites nothing.
            if *resolution != Resolution::Ours && local.vector != record.ours {
                self.note_anew(&view, (name, record), &local).await?;
                return Err(SyncError::ChangedSince(record.document.clone()));
            }
            let content = match resolution {
                Resolution::Ours => local.content.as_ref(),
                Resolution::Theirs => content.as_ref(),
                Resolution::Content(content) => Some(&**content),
            };
            let vector = local.vector.join(theirs)?;
            let command =
                apply::resolving(&view, (record, &local), content, vector, message.clone());
            match self.submit(command, by).await {
                Ok(done) => return Ok(Some(done)),
                Err(error) if apply::is_too_early(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::Contended.into())
    }

    /// Removes the conflicts about a document whose other side its state here holds by now; also one
    /// that was decided and has another name than those that are noted here.
    pub(super) async fn close_conflicts(
        &self,
        document: &Xid,
        decided: Option<&Xid>,
    ) -> Result<(), SyncError> {
        let view = self.view();
        let groups = view.groups(CONFLICTS, None).map(|group| group.id().clone());
        let names: BTreeSet<Xid> = groups
            .filter_map(|peer| conflict_name(document, &peer))
            .chain(decided.cloned())
            .filter(|name| view.has(name))
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let now = view.known_vector(document);
        for name in names {
            let is_settled = match self.conflict(&view, &name).await {
                Ok(record) => record.theirs.0.is_within(&now),
                Err(SyncError::NoConflict(_)) => false,
                Err(error) => return Err(error),
            };
            if !is_settled {
                continue;
            }
            let target = Target::Entity(name);
            let (chosen, epoch) = (None, None);
            // The document's own history has what was decided, and is erased with the document.
            let delete = Delete { target, chosen, epoch, purge: true, force: true };
            let message = Some(Bytes::from_static(b"the conflict is decided"));
            let command = Command { message, ..Command::new(Action::Delete(delete)) };
            match self.submit(command, &CommandOrigin::of_owner()).await {
                // Somebody else removed it.
                Ok(_) | Err(SubmitError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// The document of a conflict.
fn written(
    peer: &Id,
    incoming: &IncomingDocument,
    local: &DocumentState,
    base: Option<&DocumentState>,
) -> Value {
    let theirs = (&incoming.vector, Some(&incoming.origin), incoming.content.as_ref());
    let mut document = json!({
        "document": incoming.xid.to_string(),
        "peer": peer.as_str(),
        "sync": incoming.way.sync.as_str(),
        "policy": incoming.way.policy.name(),
        "ours": side((&local.vector, local.origin.as_ref(), local.content.as_ref()), INLINE_BYTES_MAX),
        "theirs": side(theirs, usize::MAX),
        "differences": differences(local.content.as_ref(), incoming.content.as_ref()),
    });
    if let Some(route) = &incoming.way.route {
        document["route"] = route.to_string().into();
    }
    if incoming.base.is_some() {
        document["mapped"] = true.into();
    }
    if let Some(base) = base {
        let base = (&base.vector, base.origin.as_ref(), base.content.as_ref());
        document["base"] = side(base, INLINE_BYTES_MAX);
    }
    document
}

type Side<'a> = (&'a VersionVector, Option<&'a DocumentOrigin>, Option<&'a SyncContent>);

fn side((vector, origin, content): Side<'_>, bytes_max: usize) -> Value {
    let mut side = json!({"vector": vector_to_json(vector)});
    if let Some(origin) = origin {
        side["origin"] = json!({
            "registry": origin.registry.as_str(),
            "position": origin.position.0,
            "time": origin.moment.to_string(),
        });
    }
    let Some(content) = content else {
        side["deleted"] = true.into();
        return side;
    };
    side["state"] = content.state.as_str().into();
    if let Some(kind) = &content.content_type {
        side["contenttype"] = kind.as_str().into();
    }
    if !content.attributes.is_empty() {
        side["attributes"] = Value::Object(content.attributes.clone());
    }
    if let Some(bytes) = content.bytes.as_ref().filter(|bytes| bytes.len() <= bytes_max) {
        match std::str::from_utf8(bytes) {
            Ok(text) => side["text"] = text.into(),
            Err(_) => side["base64"] = STANDARD.encode(bytes).into(),
        }
    }
    side
}

fn vector_to_json(vector: &VersionVector) -> Value {
    let all = vector.iter().map(|(registry, position)| (registry.to_string(), position.0.into()));
    Value::Object(all.collect())
}

/// What would make the one side the other: a JSON Patch, of the documents where both are data.
fn differences(ours: Option<&SyncContent>, theirs: Option<&SyncContent>) -> Value {
    let value = |content: Option<&SyncContent>| {
        let Some(content) = content else { return Value::Null };
        let bytes = content.bytes.as_deref().unwrap_or_default();
        let document = Notation::of(content.content_type.as_deref()).parse(bytes).ok();
        json!({
            "document": document.unwrap_or_else(|| Digest::of(bytes).to_string().into()),
            "attributes": content.attributes,
            "contenttype": content.content_type,
            "state": content.state.as_str(),
        })
    };
    patch_to_json(&patch(&value(ours), &value(theirs)))
}

impl ConflictRecord {
    /// Reads the document of a conflict; none if it isn't one.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str();
        let theirs = value.get("theirs")?;
        Some(Self {
            document: text("document")?.parse().ok()?,
            peer: text("peer")?.parse().ok()?,
            sync: text("sync")?.parse().ok()?,
            theirs: (vector_of(theirs)?, origin_of(theirs.get("origin")?)?, content_of(theirs)?),
            ours: vector_of(value.get("ours")?)?,
            route: text("route").and_then(|route| route.parse().ok()),
            policy: text("policy")?.parse().ok()?,
            is_mapped: value.get("mapped").and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

fn vector_of(side: &Value) -> Option<VersionVector> {
    let all = side.get("vector")?.as_object()?.iter();
    let all = all.map(|(id, position)| Some((id.parse().ok()?, Position(position.as_u64()?))));
    VersionVector::new(all.collect::<Option<Vec<_>>>()?).ok()
}

fn origin_of(origin: &Value) -> Option<DocumentOrigin> {
    Some(DocumentOrigin {
        registry: origin.get("registry")?.as_str()?.parse().ok()?,
        position: Position(origin.get("position")?.as_u64()?),
        moment: Moment::parse(origin.get("time")?.as_str()?).ok()?,
    })
}

/// What a side says; the inner none means that the document is deleted there.
fn content_of(side: &Value) -> Option<Option<SyncContent>> {
    if side.get("deleted").is_some() {
        return Some(None);
    }
    let text = |name: &str| side.get(name).and_then(Value::as_str);
    let bytes = match (text("text"), text("base64")) {
        (Some(text), _) => Some(text.to_owned().into()),
        (None, Some(text)) => Some(STANDARD.decode(text).ok()?.into()),
        (None, None) => None,
    };
    Some(Some(SyncContent {
        bytes,
        content_type: text("contenttype").map(str::to_owned),
        attributes: side.get("attributes").and_then(Value::as_object).cloned().unwrap_or_default(),
        state: text("state")?.parse().ok()?,
    }))
}
