use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_catalog::{
    Catalog, Content,
    changes::Change,
    state::{Meta, Version},
};
use muster_registry::{Committed, Registry, SubmitError};
use muster_wire::changes::Action;
use muster_words::{
    Position, Xid,
    json::{Map, Value},
};

use super::events::{About, Happened};
use crate::native::past;

/// What only a look at earlier states tells of a command. Where they were erased, or lie far
/// back, less is told.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// The attributes that changed, of things that were written, and how many of a thing's writes
    /// they are of.
    pub changed: BTreeMap<About, (BTreeSet<String>, usize)>,
    /// Further events, in the order in which they are sent.
    pub late: Vec<(About, Happened)>,
}

type Attributes = Arc<Map<String, Value>>;

/// Two states of one thing.
struct Pair {
    about: About,
    /// What stands before the names of its attributes.
    prefix: &'static str,
    old: Option<Content>,
    new: Option<Content>,
    /// What changed beside what clients set.
    beside: BTreeSet<String>,
    /// Contents all of whose attributes count as changed.
    whole: Vec<Content>,
}

/// Looks at the states before and after a command. Attributes that can't be read are told as
/// unknown: a damaged content must not stop the stream.
pub(super) async fn differences(
    registry: &Registry,
    view: &Catalog,
    command: &Committed,
) -> Differences {
    let end = command.position();
    let mut differences = Differences::default();
    let mut pairs = Vec::new();
    for (position, change) in &command.changes {
        pairs.extend(pair(view, *position, change, end));
    }
    let known = match load(registry, &pairs).await {
        Ok(known) => known,
        Err(error) => {
            tracing::warn!(%error, position = %end, "attributes can't be read to compare them");
            pairs.clear();
            BTreeMap::new()
        }
    };
    for pair in pairs {
        let (names, deprecated) = compare(&pair, &known);
        if let Some(changed) = deprecated {
            let happened = Happened::of(Action::Deprecation, changed);
            differences.late.push((pair.about.clone(), happened));
        }
        let (all, count) = differences.changed.entry(pair.about).or_default();
        all.extend(names);
        *count += 1;
    }
    let shown = shown_by_default(view, command, &differences);
    for (about, happened) in shown {
        match differences.changed.get_mut(&about) {
            Some((names, _)) => names.extend(happened.changed),
            None => differences.late.push((about, happened)),
        }
    }
    differences.late.sort_by(|(left, one), (right, other)| {
        (one.action == Action::Deprecation, left).cmp(&(other.action == Action::Deprecation, right))
    });
    differences
}

/// The states that a write replaced and made.
fn pair(view: &Catalog, entry: Position, change: &Change, end: Position) -> Option<Pair> {
    let mut pair = match change {
        Change::GroupWritten(body) if body.epoch > 1 => {
            let old = past::group_at(view, &body.group, end)?.previous.clone()?;
            let mut beside = names(&["epoch", "modifiedat"]);
            differs(&mut beside, "createdat", old.created != body.created);
            let new = body.attributes.map(|named| named.resolve(entry));
            Pair::new(&body.group, "", old.attributes, new, beside)
        }
        Change::MetaWritten(body) if body.epoch > 1 => {
            let new = past::meta_at(view, &body.resource, end)?;
            let old = new.previous.clone()?;
            let mut pair = Pair::new(
                &body.resource,
                "meta.",
                old.attributes,
                new.attributes,
                meta(&old, &new),
            );
            if old.default != new.default {
                pair.move_default(view, &body.resource, &old, &new, end);
            }
            pair
        }
        Change::VersionWritten(body) if body.epoch > 1 => {
            let new = past::version_at(view, &body.version, end)?;
            let old = new.previous.clone()?;
            let beside = version(view, &body.version, &old, &new);
            Pair::new(&body.version, "", old.attributes, new.attributes, beside)
        }
        _ => return None,
    };
    if pair.old == pair.new {
        // Equal contents needn't be read to be compared.
        (pair.old, pair.new) = (None, None);
    }
    Some(pair)
}

impl Pair {
    fn new(
        xid: &Xid,
        prefix: &'static str,
        old: Option<Content>,
        new: Option<Content>,
        beside: BTreeSet<String>,
    ) -> Self {
        Self { about: About::of(xid), prefix, old, new, beside, whole: Vec::new() }
    }

    /// Another version is the default: everything that either shows counts as changed (xRegistry
    /// events, `changed`).
    fn move_default(
        &mut self,
        view: &Catalog,
        resource: &Xid,
        old: &Meta,
        new: &Meta,
        end: Position,
    ) {
        let states = [(&old.default, Position(end.0 - 1)), (&new.default, end)];
        for (id, at) in states {
            let Some(xid) = resource.version(id.clone()) else { continue };
            let Some(state) = past::version_as_of(view, &xid, at) else { continue };
            self.whole.extend(state.attributes);
            let shown = ["versionid", "isdefault", "epoch", "createdat", "modifiedat", "ancestor"];
            self.beside.extend(names(&shown));
            differs(&mut self.beside, "contenttype", state.content_type.is_some());
            if let Some(name) = state.document.and_then(|_| document_name(view, resource)) {
                self.beside.insert(name);
            }
        }
    }
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn differs(names: &mut BTreeSet<String>, name: &str, does: bool) {
    if does {
        names.insert(name.to_owned());
    }
}

fn meta(old: &Meta, new: &Meta) -> BTreeSet<String> {
    let mut changed = names(&["meta.epoch", "meta.modifiedat"]);
    differs(&mut changed, "meta.createdat", old.created != new.created);
    differs(&mut changed, "meta.defaultversionid", old.default != new.default);
    differs(&mut changed, "meta.defaultversionsticky", old.sticky != new.sticky);
    changed
}

fn version(view: &Catalog, xid: &Xid, old: &Version, new: &Version) -> BTreeSet<String> {
    let mut changed = names(&["epoch", "modifiedat"]);
    differs(&mut changed, "createdat", old.created != new.created);
    differs(&mut changed, "ancestor", old.ancestor != new.ancestor);
    differs(&mut changed, "contenttype", old.content_type != new.content_type);
    differs(&mut changed, "state", old.state != new.state);
    let digest = |version: &Version| version.document.map(|content| content.digest);
    if digest(old) != digest(new) {
        changed.extend(document_name(view, xid));
    }
    changed
}

/// The attribute that holds the document: the type's singular.
fn document_name(view: &Catalog, xid: &Xid) -> Option<String> {
    let collection = xid.collection()?;
    let kind =
        view.model.resource_type(collection.groups.as_str(), collection.resources?.as_str())?;
    Some(kind.singular.clone())
}

/// Everything that must be read to compare.
async fn load(
    registry: &Registry,
    pairs: &[Pair],
) -> Result<BTreeMap<Position, Vec<(Content, Attributes)>>, SubmitError> {
    let wanted: Vec<Content> = pairs
        .iter()
        .flat_map(|pair| pair.old.into_iter().chain(pair.new).chain(pair.whole.iter().copied()))
        .collect();
    let mut known: BTreeMap<Position, Vec<(Content, Attributes)>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(known);
    }
    for (content, map) in wanted.iter().zip(registry.attributes(&wanted).await?) {
        known.entry(content.position).or_default().push((*content, map));
    }
    Ok(known)
}

/// The names of the attributes that differ, and those within `deprecated`.
fn compare(
    pair: &Pair,
    known: &BTreeMap<Position, Vec<(Content, Attributes)>>,
) -> (BTreeSet<String>, Option<BTreeSet<String>>) {
    let map = |content: Option<Content>| -> Attributes {
        let beside = content.and_then(|content| Some((content, known.get(&content.position)?)));
        let found = beside.and_then(|(content, all)| all.iter().find(|(one, _)| *one == content));
        found.map(|(_, map)| map.clone()).unwrap_or_default()
    };
    let (old, new) = (map(pair.old), map(pair.new));
    let mut changed = pair.beside.clone();
    changed.extend(different(&old, &new).map(|name| format!("{}{name}", pair.prefix)));
    for content in &pair.whole {
        changed.extend(map(Some(*content)).keys().cloned());
    }
    let is_version = matches!(pair.about, About::Entity(Xid::Version { .. }));
    let (before, after) = (old.get("deprecated"), new.get("deprecated"));
    let deprecated = (!is_version && before != after).then(|| {
        let empty = Map::new();
        let map = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
        let (before, after) = (map(before), map(after));
        different(before.as_ref().unwrap_or(&empty), after.as_ref().unwrap_or(&empty)).collect()
    });
    (changed, deprecated)
}

fn different<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
) -> impl Iterator<Item = String> + 'a {
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let come = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
    gone.chain(come.map(|(name, _)| name)).cloned()
}

/// A document's default version was updated: the document shows it, so it was updated as well.
fn shown_by_default(
    view: &Catalog,
    command: &Committed,
    differences: &Differences,
) -> BTreeMap<About, Happened> {
    let mut shown = BTreeMap::new();
    for (_, change) in &command.changes {
        let Change::VersionWritten(body) = change else { continue };
        let (Some(resource), Some(id)) = (body.version.resource(), body.version.id()) else {
            continue;
        };
        if body.epoch == 1 {
            continue;
        }
        // Where its past is gone, most updates were of the default version.
        let meta = past::meta_as_of(view, &resource, command.position());
        if meta.is_some_and(|meta| meta.default != *id) {
            continue;
        }
        let names = differences.changed.get(&About::of(&body.version));
        let happened = match names {
            Some((names, _)) => Happened::of(Action::Updated, names.clone()),
            None => Happened::unknown(Action::Updated),
        };
        shown.insert(About::of(&resource), happened);
    }
    shown
}
