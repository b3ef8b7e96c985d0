use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use muster_catalog::{
    Catalog,
    changes::Change,
    state::{Group, Hidden, Resource, Subtree},
};
use muster_history::Committed;
use muster_registry::{Registry, SubmitError};
use muster_words::{Position, Xid};
use tokio::sync::Semaphore;

/// The names that deletions took or restores brought back, by the topmost, which is all that a
/// change says.
pub(super) type Names = BTreeMap<Xid, Vec<Xid>>;

/// Names that are kept in all: some 10 MiB.
const KEPT_MAX: usize = 100_000;

/// What was found by reading the ledger from its beginning. It never changes, so whoever resumes
/// there again, or is behind another, needn't read it again.
pub(super) struct Kept {
    found: Mutex<Found>,
    /// One reads at a time: the next one may find what it wants here.
    turn: Semaphore,
}

#[derive(Default)]
struct Found {
    /// By the command's position and the change's index.
    names: BTreeMap<(Position, usize), Arc<[Xid]>>,
    count: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self { found: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl Kept {
    fn get(&self, key: (Position, usize)) -> Option<Vec<Xid>> {
        self.found().names.get(&key).map(|names| names.to_vec())
    }

    fn keep(&self, key: (Position, usize), names: &[Xid]) {
        let mut found = self.found();
        if found.names.insert(key, names.into()).is_none() {
            found.count += names.len() + 1;
        }
        while found.count > KEPT_MAX
            && let Some((_, oldest)) = found.names.pop_first()
        {
            found.count -= oldest.len() + 1;
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        // Nothing panics while the lock is held.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds what lay beneath the names that a command hides, restores or erases.
///
/// The answer is a function of the ledger alone. `base` only makes it cheaper: a view that stands
/// before the command, from which the ledger is read on. Without one the ledger may have to be
/// read from its beginning, which happens to a client that resumes long after such a change, and
/// only where what it was about has changed since.
///
/// # Errors
/// The ledger can't be read.
pub(super) async fn names_of(
    registry: &Registry,
    kept: &Kept,
    base: Option<&Arc<Catalog>>,
    command: &Committed,
) -> Result<Names, SubmitError> {
    let mut names = Names::new();
    let end = command.position();
    for (index, (_, change)) in command.changes.iter().enumerate() {
        let (xid, at_hand) = match change {
            Change::Hidden(body) => (&body.xid, hidden_at(&registry.catalog(), &body.xid, end)),
            Change::Restored(body) => {
                (&body.xid, untouched_since(&registry.catalog(), &body.xid, end))
            }
            Change::Purged(body) => (&body.xid, (!was_there(command, &body.xid)).then(Vec::new)),
            _ => continue,
        };
        let found = match at_hand {
            Some(found) => found,
            None if !holds_more(xid) => vec![xid.clone()],
            None => read_names(registry, kept, base, (command, index), xid).await?,
        };
        names.insert(xid.clone(), found);
    }
    Ok(names)
}

/// What lay beneath a name, from the ledger.
async fn read_names(
    registry: &Registry,
    kept: &Kept,
    base: Option<&Arc<Catalog>>,
    (command, index): (&Committed, usize),
    xid: &Xid,
) -> Result<Vec<Xid>, SubmitError> {
    if base.is_some() {
        return fold(registry, base, command, index, xid).await;
    }
    let key = (command.position(), index);
    let _turn = kept.turn.acquire().await;
    if let Some(found) = kept.get(key) {
        return Ok(found);
    }
    let found = fold(registry, None, command, index, xid).await?;
    kept.keep(key, &found);
    Ok(found)
}

const fn holds_more(xid: &Xid) -> bool {
    matches!(xid, Xid::Group { .. } | Xid::Resource { .. })
}

/// Whether what is erased was there until then: its parent then says that a child went. What was
/// hidden before goes without a trace above it.
fn was_there(command: &Committed, xid: &Xid) -> bool {
    let parent = xid.parent().unwrap_or(Xid::Registry);
    command.changes.iter().any(|(_, change)| match change {
        Change::MembersMoved(body) => body.parent == parent,
        Change::MetaWritten(body) => body.resource == parent,
        // The last version went, and its document with it.
        Change::Hidden(body) => body.xid == parent,
        _ => false,
    })
}

/// What the deletion at a position hid, where all of it is hidden still.
fn hidden_at(view: &Catalog, xid: &Xid, end: Position) -> Option<Vec<Xid>> {
    if !holds_more(xid) {
        return None;
    }
    let inside = format!("{xid}/");
    let erased = view.purged.range::<_, Arc<str>>(Arc::<str>::from(inside.as_str())..);
    let mut erased = erased.take_while(|(name, _)| name.starts_with(&inside));
    if erased.any(|(_, stamp)| stamp.position > end) {
        return None;
    }
    let newest = view.hidden.get(xid.to_string().as_str());
    let mut chain = std::iter::successors(newest, |hidden| hidden.before.as_ref());
    let hidden = chain.find(|hidden| hidden.stamp.position == end)?;
    Some(of_subtree(xid, &hidden.what))
}

/// What the restore at a position brought back, where nothing in it has changed since.
fn untouched_since(view: &Catalog, xid: &Xid, end: Position) -> Option<Vec<Xid>> {
    match xid {
        Xid::Version { .. } => None,
        Xid::Group { .. } => {
            let group = view.group_at(xid)?;
            let resources = group.resources.values().flat_map(|all| all.values());
            let mut stamps = resources.map(|resource| resource.any.position);
            let is_same = group.members.position <= end && stamps.all(|stamp| stamp == end);
            is_same.then(|| of_group(xid, group))
        }
        _ => {
            let resource = view.resource_at(xid)?;
            (resource.any.position == end).then(|| of_resource(xid, resource))
        }
    }
}

fn of_subtree(xid: &Xid, what: &Subtree) -> Vec<Xid> {
    match what {
        Subtree::Group(group) => of_group(xid, group),
        Subtree::Resource(resource) => of_resource(xid, resource),
        Subtree::Version(_) => vec![xid.clone()],
    }
}

fn of_group(xid: &Xid, group: &Group) -> Vec<Xid> {
    let mut names = vec![xid.clone()];
    let Xid::Group { groups, group: id } = xid else { return names };
    for (resources, all) in &group.resources {
        for resource in all.values() {
            let name = Xid::Resource {
                groups: groups.clone(),
                group: id.clone(),
                resources: resources.clone(),
                resource: resource.id.clone(),
            };
            names.extend(of_resource(&name, resource));
        }
    }
    names
}

fn of_resource(xid: &Xid, resource: &Resource) -> Vec<Xid> {
    let versions = resource.versions.iter().filter_map(|version| xid.version(version.id.clone()));
    std::iter::once(xid.clone()).chain(versions).collect()
}

/// Folds names, and only those within one, up to a change of a command.
async fn fold(
    registry: &Registry,
    base: Option<&Arc<Catalog>>,
    command: &Committed,
    index: usize,
    root: &Xid,
) -> Result<Vec<Xid>, SubmitError> {
    let parts = command.entries.len() as u64;
    let begin = Position(command.position().0.saturating_sub(parts));
    let base = base.filter(|base| base.position() <= begin);
    let mut lived = base.map_or_else(|| Lived::new(root), |base| Lived::of(root, base));
    let mut at = base.map_or(Position::ZERO, |base| base.position());
    while at < begin {
        let read = registry.commands_after(at).await?;
        let Some(last) = read.last() else { break };
        at = last.position();
        for earlier in read.iter().filter(|earlier| earlier.position() <= begin) {
            earlier.changes.iter().for_each(|(_, change)| lived.step(change));
        }
    }
    for (_, change) in command.changes.iter().take(index) {
        lived.step(change);
    }
    let restores = matches!(command.changes.get(index), Some((_, Change::Restored(_))));
    Ok(if restores { lived.hidden_last(root) } else { lived.live.into_iter().collect() })
}

/// Which names live and which are hidden, within one.
struct Lived {
    root: Xid,
    live: BTreeSet<Xid>,
    /// What each deletion of a name hid, oldest first.
    hidden: BTreeMap<Xid, Vec<BTreeSet<Xid>>>,
}

impl Lived {
    fn new(root: &Xid) -> Self {
        Self { root: root.clone(), live: BTreeSet::new(), hidden: BTreeMap::new() }
    }

    /// What a view knows.
    fn of(root: &Xid, view: &Catalog) -> Self {
        let mut lived = Self::new(root);
        lived.live = match root {
            Xid::Group { .. } => view.group_at(root).map(|group| of_group(root, group)),
            _ => view.resource_at(root).map(|resource| of_resource(root, resource)),
        }
        .into_iter()
        .flatten()
        .collect();
        for name in std::iter::successors(Some(root.clone()), Xid::parent) {
            lived.take_hidden(&name, view.hidden.get(name.to_string().as_str()));
        }
        let inside = format!("{root}/");
        let from = Arc::<str>::from(inside.as_str());
        let below = view.hidden.range::<_, Arc<str>>(from..);
        for (name, hidden) in below.take_while(|(name, _)| name.starts_with(&inside)) {
            if let Ok(name) = name.parse() {
                lived.take_hidden(&name, Some(hidden));
            }
        }
        lived
    }

    fn take_hidden(&mut self, name: &Xid, newest: Option<&Arc<Hidden>>) {
        let chain = std::iter::successors(newest, |hidden| hidden.before.as_ref());
        let mut chain: Vec<BTreeSet<Xid>> = chain
            .map(|hidden| {
                let names = of_subtree(name, &hidden.what).into_iter();
                names.filter(|xid| within(xid, &self.root)).collect()
            })
            .collect();
        chain.reverse();
        if !chain.is_empty() {
            self.hidden.insert(name.clone(), chain);
        }
    }

    fn step(&mut self, change: &Change) {
        match change {
            Change::GroupWritten(body) => self.insert(&body.group),
            Change::MetaWritten(body) => self.insert(&body.resource),
            Change::VersionWritten(body) => self.insert(&body.version),
            Change::Hidden(body) if self.concerns(&body.xid) => {
                let taken = self.take(&body.xid);
                self.hidden.entry(body.xid.clone()).or_default().push(taken);
            }
            Change::Restored(body) => {
                if let Some(back) = self.hidden.get_mut(&body.xid).and_then(Vec::pop) {
                    self.live.extend(back);
                }
            }
            Change::Purged(body) if self.concerns(&body.xid) => {
                self.take(&body.xid);
                self.hidden.retain(|name, _| !within(name, &body.xid));
                for taken in self.hidden.values_mut().flatten() {
                    taken.retain(|name| !within(name, &body.xid));
                }
            }
            _ => {}
        }
    }

    fn insert(&mut self, xid: &Xid) {
        if within(xid, &self.root) {
            self.live.insert(xid.clone());
        }
    }

    fn concerns(&self, xid: &Xid) -> bool {
        within(xid, &self.root) || within(&self.root, xid)
    }

    fn take(&mut self, xid: &Xid) -> BTreeSet<Xid> {
        let (taken, left) =
            std::mem::take(&mut self.live).into_iter().partition(|name| within(name, xid));
        self.live = left;
        taken
    }

    fn hidden_last(&self, xid: &Xid) -> Vec<Xid> {
        let last = self.hidden.get(xid).and_then(|all| all.last());
        last.into_iter().flatten().cloned().collect()
    }
}

/// Whether a name is another or lies in it.
fn within(name: &Xid, other: &Xid) -> bool {
    std::iter::successors(Some(name.clone()), Xid::parent).any(|name| name == *other)
}
