use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, Lifecycle};
use muster_history::{
    EntityDifference, ResourceState,
    difference::{self, Difference, FieldDifference},
};
use muster_model::{ResourceType, VersionMode};
use muster_words::{
    ContentRef, Id, Notation, Xid,
    json::{Map, Value},
};

use super::{EntityState, PresentState, RollbackPlan, TurnedEntity, is_shown_by_itself};
use crate::{SubmitError, registry::RegistryInner};

/// How many bytes of present documents are read to show what changes in them. Further steps are
/// shown without their fields.
const COMPARED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a rollback does with one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct RollbackStep {
    /// The entity.
    pub xid: Xid,
    /// What becomes of it: it comes back, it is deleted, or it changes.
    pub difference: EntityDifference,
    /// The new version, if the document changes.
    pub version: Option<Id>,
    /// The fields that change.
    pub fields: Vec<FieldDifference>,
}

/// Contents that were read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub maps: BTreeMap<ContentRef, Arc<Map<String, Value>>>,
    pub documents: BTreeMap<ContentRef, Bytes>,
}

impl Loaded {
    /// The attributes in a content; none of no content.
    fn map(&self, content: Option<Content>) -> Map<String, Value> {
        let found = content.and_then(|content| self.maps.get(&content.reference()));
        found.map(|map| (**map).clone()).unwrap_or_default()
    }

    /// A document.
    pub fn document(&self, content: &Content) -> Option<Bytes> {
        self.documents.get(&content.reference()).cloned()
    }

    /// The attributes that a PATCH has to name so that the old ones become the new ones.
    pub fn changed(&self, old: Option<Content>, new: Option<Content>) -> Map<String, Value> {
        changed(&self.map(old), &self.map(new))
    }
}

/// The members that differ; null for those that go.
fn changed(old: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let names = difference::names(old, new).map(ToOwned::to_owned);
    names.map(|name| (name.clone(), new.get(&name).cloned().unwrap_or_default())).collect()
}

/// What a resource says now, with the id of its next version.
type Present<'a> = (&'a ResourceState, Option<&'a Id>);

/// The attributes with which a resource says again what it said then, as a plan names them.
pub(super) fn planned_document(
    now: Option<Present<'_>>,
    then: &ResourceState,
    kind: Option<&ResourceType>,
    is_new_version: bool,
    loaded: &Loaded,
) -> Map<String, Value> {
    let wanted = loaded.map(then.attributes);
    let mut attributes = match now {
        // A new version has only what is sent.
        Some((now, _)) if !is_new_version => changed(&loaded.map(now.attributes), &wanted),
        _ => wanted,
    };
    let has_document = kind.is_none_or(|kind| kind.hasdocument);
    let state_now = now.filter(|_| !is_new_version).map(|(now, _)| now);
    if has_document && state_now.is_none_or(|now| now.content_type != then.content_type) {
        let content_type = then.content_type.as_deref().map_or(Value::Null, Value::from);
        attributes.insert("contenttype".to_owned(), content_type);
    }
    if state_now.map_or(Lifecycle::Stable, |now| now.state) != then.state {
        attributes.insert("state".to_owned(), then.state.as_str().into());
    }
    // The document was stored elsewhere, or it was empty.
    let had = state_now.is_some_and(|now| now.document.is_some());
    if let Some(kind) = kind.filter(|_| had && then.document.is_none()) {
        let url = format!("{}url", kind.singular);
        if !attributes.contains_key(&url) {
            attributes.insert(kind.singular.clone(), Value::Null);
        }
    }
    let (meta, version) = meta(now, then, kind, is_new_version, loaded);
    if let Some(version) = version {
        attributes.insert("versionid".to_owned(), version.as_str().into());
    }
    if !meta.is_empty() {
        attributes.insert("meta".to_owned(), meta.into());
    }
    attributes
}

/// What Meta gets, and the id of the new version if Meta has to pin it.
fn meta(
    now: Option<Present<'_>>,
    then: &ResourceState,
    kind: Option<&ResourceType>,
    is_new_version: bool,
    loaded: &Loaded,
) -> (Map<String, Value>, Option<Id>) {
    let mut meta = loaded.changed(now.and_then(|(now, _)| now.meta), then.meta);
    let is_sticky = now.is_some_and(|(now, _)| now.sticky);
    let shows_itself = becomes_default(kind, then.state, now.is_some());
    let can_name = !is_new_version || kind.is_none_or(|kind| kind.setversionid);
    let pins = can_name && (then.sticky || !shows_itself && (is_new_version || is_sticky));
    let mut named = None;
    match now {
        Some((_, next)) if is_new_version && pins => {
            named = next.cloned();
            meta.extend(pin(named.as_ref()));
        }
        Some((now, _)) if pins && !is_sticky => meta.extend(pin(Some(&now.version))),
        None if pins => {
            named = "1".parse().ok();
            meta.extend(pin(named.as_ref()));
        }
        _ if is_sticky && !pins => meta.extend(pin(None)),
        _ => {}
    }
    (meta, named)
}

fn pin(version: Option<&Id>) -> [(String, Value); 2] {
    let id = version.map_or(Value::Null, |id| id.as_str().into());
    let sticky = version.is_some();
    [("defaultversionid".to_owned(), id), ("defaultversionsticky".to_owned(), sticky.into())]
}

/// Whether a new version in this state becomes the default one by itself.
fn becomes_default(kind: Option<&ResourceType>, state: Lifecycle, has_others: bool) -> bool {
    let by_state = kind.is_some_and(|kind| kind.versionmode == VersionMode::Lifecycle);
    !(by_state && has_others) || is_shown_by_itself(state)
}

impl RegistryInner {
    /// The steps of a rollback, with the fields that they change.
    pub(crate) async fn rollback_steps(
        &self,
        found: &mut RollbackPlan,
    ) -> Result<Vec<RollbackStep>, SubmitError> {
        let mut read = 0_usize;
        let mut wanted = Vec::new();
        for entity in found.entities.iter().filter(|entity| entity.new_document().is_some()) {
            let now = entity.now.as_ref().and_then(PresentState::resource);
            let Some(document) = now.and_then(|(now, _)| now.document) else { continue };
            read = read.saturating_add(document.size as usize);
            if read > COMPARED_BYTES_MAX {
                break;
            }
            wanted.push(document);
        }
        let bytes = self.fetch(&wanted).await?.into_iter();
        let documents = wanted.iter().zip(bytes);
        let documents = documents.filter_map(|(name, bytes)| Some((name.reference(), bytes?)));
        found.loaded.documents.extend(documents);
        let attributes: BTreeMap<&Xid, &Map<String, Value>> =
            found.plan.documents.iter().map(|one| (&one.xid, &one.attributes)).collect();
        let step = |entity: &TurnedEntity| {
            let named = attributes.get(&entity.xid).and_then(|all| all.get("versionid"));
            entity.step(&found.loaded, named.and_then(Value::as_str))
        };
        Ok(found.entities.iter().map(step).collect())
    }
}

impl TurnedEntity {
    fn step(&self, loaded: &Loaded, named: Option<&str>) -> RollbackStep {
        let version = match (named, &self.now, self.new_document()) {
            (Some(id), ..) => id.parse().ok(),
            (None, None, _) => self.then.as_ref().and_then(|_| "1".parse().ok()),
            (None, Some(now), None) => {
                let is_back = self.difference == EntityDifference::Added;
                let shown = now.state.resource().map(|state| state.version.clone());
                shown.filter(|_| is_back && self.then.is_some())
            }
            (None, Some(now), Some(_)) => now.next_version.clone(),
        };
        let version = version.filter(|_| matches!(self.xid, Xid::Resource { .. }));
        let fields = match (&self.now, &self.then) {
            (Some(now), Some(then)) if !self.is_as_it_was() => fields(&now.state, then, loaded),
            _ => Vec::new(),
        };
        RollbackStep { xid: self.xid.clone(), difference: self.difference, version, fields }
    }
}

/// The fields in which two states of an entity differ: those of the document, then the attributes.
fn fields(now: &EntityState, then: &EntityState, loaded: &Loaded) -> Vec<FieldDifference> {
    let (EntityState::Resource(old), EntityState::Resource(new)) = (now, then) else {
        let [old, new] = [now, then].map(|state| loaded.map(state.contents()[0]));
        return difference::fields(&old.into(), &new.into());
    };
    let mut found = Vec::new();
    let bytes = |state: &ResourceState| state.document.map(|name| loaded.document(&name));
    let notation = |state: &ResourceState| Notation::of(state.content_type.as_deref());
    match (bytes(old), bytes(new)) {
        (Some(Some(before)), Some(Some(after))) => {
            let (was, is) = (notation(old), notation(new));
            found.extend(difference::documents((was, &before), (is, &after)));
        }
        (Some(_), None) => found.push(changed_field("document", "there", "none")),
        (None, Some(_)) => found.push(changed_field("document", "none", "there")),
        _ => {}
    }
    let [before, after] = [old, new].map(|state| state.attributes(|content| loaded.map(content)));
    found.extend(difference::fields(&before, &after));
    found
}

fn changed_field(path: &str, before: &str, after: &str) -> FieldDifference {
    let difference = Difference::Changed(before.into(), after.into());
    FieldDifference { path: path.to_owned(), difference }
}
