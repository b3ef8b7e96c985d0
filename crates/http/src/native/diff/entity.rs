use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, View};
use muster_history::{
    EntityDifference, ResourceState,
    difference::{self, Difference, FieldDifference},
};
use muster_registry::Registry;
use muster_relay::difference::field_change;
use muster_wire::{
    Problem,
    diff::{DiffAct, EntityDiff},
    difference::FieldChange,
};
use muster_words::{
    ContentRef, Notation, Xid,
    json::{Map, Value},
};

use crate::xregistry::problem_of_fetch;

/// How many bytes of contents are compared for one page: about a second of work. A single entity is
/// always compared.
const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An entity with its two states.
pub(super) struct ComparedEntity {
    pub xid: Xid,
    pub difference: EntityDifference,
    pub states: (Option<ResourceState>, Option<ResourceState>),
    /// The attributes of a group.
    pub groups: Option<(Option<Content>, Option<Content>)>,
}

impl ComparedEntity {
    pub fn of_states(xid: Xid, old: ResourceState, new: ResourceState) -> Self {
        let states = (Some(old), Some(new));
        Self { xid, difference: EntityDifference::Changed, states, groups: None }
    }

    /// The attributes and the documents to compare; none if only one state has the entity.
    fn contents(&self) -> (Vec<Content>, Vec<Content>) {
        if self.difference != EntityDifference::Changed {
            return (Vec::new(), Vec::new());
        }
        let groups = self.groups.iter().flat_map(|(old, new)| [*old, *new]).flatten();
        let (Some(old), Some(new)) = &self.states else { return (groups.collect(), Vec::new()) };
        let maps = [old, new].into_iter().flat_map(|state| [state.attributes, state.meta]);
        let documents = match old.has_document_of(new) {
            true => Vec::new(),
            false => [old.document, new.document].into_iter().flatten().collect(),
        };
        (maps.flatten().chain(groups).collect(), documents)
    }
}

/// The entities of a page.
pub(super) struct Page<'a> {
    before: &'a View,
    after: &'a View,
    entities: Vec<ComparedEntity>,
}

/// The contents of a page; those that were purged are missing.
#[derive(Default)]
struct Loaded {
    maps: BTreeMap<ContentRef, Arc<Map<String, Value>>>,
    documents: BTreeMap<ContentRef, Bytes>,
}

impl Loaded {
    fn map(&self, content: Option<Content>) -> Map<String, Value> {
        let found = content.and_then(|content| self.maps.get(&content.reference()));
        found.map(|map| (**map).clone()).unwrap_or_default()
    }

    fn document(&self, content: Option<Content>) -> Option<&Bytes> {
        self.documents.get(&content?.reference())
    }
}

impl<'a> Page<'a> {
    pub fn of((before, after): (&'a View, &'a View), entities: Vec<ComparedEntity>) -> Self {
        Self { before, after, entities }
    }

    /// Reads and compares the entities, as many as a page may read. Returns also their number.
    pub async fn read(
        mut self,
        registry: &Registry,
        subject: &str,
    ) -> Result<(Vec<EntityDiff>, usize), Problem> {
        let (mut maps, mut documents, mut size, mut count) = (Vec::new(), Vec::new(), 0_usize, 0);
        for entity in &self.entities {
            let (attributes, bytes) = entity.contents();
            let own: usize = attributes.iter().chain(&bytes).map(|one| one.size as usize).sum();
            if count > 0 && size + own > PAGE_BYTES_MAX {
                break;
            }
            (size, count) = (size + own, count + 1);
            maps.extend(attributes);
            documents.extend(bytes);
        }
        self.entities.truncate(count);
        let failed = |error| problem_of_fetch(error, subject);
        let mut loaded = Loaded::default();
        let read = registry.attributes(&maps).await.map_err(failed)?;
        loaded.maps.extend(maps.iter().map(Content::reference).zip(read));
        let read = registry.contents(&documents).await.map_err(failed)?;
        let read = documents.iter().map(Content::reference).zip(read);
        loaded.documents.extend(read.filter_map(|(name, bytes)| Some((name, bytes?))));
        let mut changes = Vec::with_capacity(count);
        for entity in &self.entities {
            changes.push(self.compared(entity, &loaded));
            // Others must get their turn.
            tokio::task::yield_now().await;
        }
        Ok((changes, count))
    }

    fn compared(&self, entity: &ComparedEntity, loaded: &Loaded) -> EntityDiff {
        let version =
            |state: &Option<ResourceState>| state.as_ref().map(|state| state.version.to_string());
        let purged =
            [self.before, self.after].iter().any(|view| view.erased(&entity.xid).is_some());
        let mut diff = EntityDiff {
            xid: entity.xid.to_string(),
            act: act(entity.difference).into(),
            from_version: version(&entity.states.0),
            to_version: version(&entity.states.1),
            fields: Vec::new(),
            patch: None,
            lines: None,
            attributes: Vec::new(),
            purged,
        };
        if entity.difference != EntityDifference::Changed || purged {
            return diff;
        }
        if let Some((old, new)) = entity.groups {
            diff.attributes = changes(&loaded.map(old).into(), &loaded.map(new).into());
        }
        if let (Some(old), Some(new)) = &entity.states {
            compare_documents(&mut diff, old, new, loaded);
            diff.attributes = changes(
                &old.attributes(|content| loaded.map(content)),
                &new.attributes(|content| loaded.map(content)),
            );
        }
        diff
    }
}

const fn act(difference: EntityDifference) -> DiffAct {
    match difference {
        EntityDifference::Added => DiffAct::Added,
        EntityDifference::Removed => DiffAct::Removed,
        EntityDifference::Changed => DiffAct::Changed,
    }
}

fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    difference::fields(before, after).into_iter().map(field_change).collect()
}

/// Compares two documents: as data if both are, else line by line if both are text.
fn compare_documents(
    diff: &mut EntityDiff,
    old: &ResourceState,
    new: &ResourceState,
    loaded: &Loaded,
) {
    if old.has_document_of(new) {
        return;
    }
    let [before, after] = [old, new].map(|state| loaded.document(state.document));
    let (Some(before), Some(after)) = (before, after) else {
        let text = |bytes: Option<&Bytes>| if bytes.is_some() { "there" } else { "none" };
        if before.is_some() != after.is_some() {
            let difference = Difference::Changed(text(before).into(), text(after).into());
            let field = FieldDifference { path: "document".to_owned(), difference };
            diff.fields = vec![field_change(field)];
        }
        return;
    };
    let [was, is] = [old, new].map(|state| Notation::of(state.content_type.as_deref()));
    let found = difference::documents((was, before), (is, after));
    diff.fields = found.into_iter().map(field_change).collect();
    match (was.parse(before), is.parse(after)) {
        (Ok(old), Ok(new)) => {
            diff.patch = Some(difference::patch_to_json(&difference::patch(&old, &new)));
        }
        _ => {
            if let (Ok(old), Ok(new)) = (std::str::from_utf8(before), std::str::from_utf8(after)) {
                diff.lines = Some(difference::unified(old, new));
                diff.fields = Vec::new();
            }
        }
    }
}
