use std::{cmp::Ordering, sync::Arc};

use imbl::OrdMap;
use muster_model::Model;
use muster_words::{Id, Moment, Position};
use serde_json::Value;

use super::{
    CaseFoldedId, Chained, Column, Earlier, Group, RegistryState, Resource, Stamp, Version,
    chained, state_after, states,
};
use crate::Content;

/// The past of the registry.
#[derive(Clone, Debug, Default)]
pub struct RegistryPast {
    /// Its epochs and its groups.
    pub groups: Past<Group>,
    /// The earlier models, oldest first.
    pub models: Column<FormerModel>,
    /// The earlier capabilities, oldest first.
    pub capabilities: Column<FormerCapabilities>,
    /// From which position on a name had which deletion that a restore could undo. It is no part of
    /// the names' own collections, because those go with a group that is purged.
    pub deletions: OrdMap<(Arc<str>, Position), Option<Stamp>>,
}

/// A model that was in force.
#[derive(Clone, Debug)]
pub struct FormerModel {
    /// The command that wrote it.
    pub stamp: Stamp,
    /// The model.
    pub model: Arc<Model>,
    /// The user's model as it was sent; none if it was never set.
    pub source: Option<Content>,
}

/// Capabilities that were in force.
#[derive(Clone, Debug)]
pub struct FormerCapabilities {
    /// The command that wrote them.
    pub stamp: Stamp,
    /// The capabilities; none means the built-in ones.
    pub capabilities: Option<Arc<Value>>,
}

/// The past of a group or of the registry: its epochs, the numbers of its members, and its deleted
/// members.
#[derive(Clone, Debug)]
pub struct Past<T> {
    /// Its earlier epochs, oldest first, without the current one.
    epochs: Column<EpochEntry>,
    /// By plural name; a group has only a few types.
    collections: Vec<(Id, PastCollection<T>)>,
}

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self { epochs: Column::default(), collections: Vec::new() }
    }
}

/// What changes in a group or in the registry whenever members are added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The change.
    pub stamp: Stamp,
    /// The epoch.
    pub epoch: u64,
    /// When it was last modified.
    pub modified: Moment,
}

#[derive(Clone, Debug)]
struct PastCollection<T> {
    /// Oldest first, without the current number.
    counts: Column<MemberCount>,
    former: FormerNames<T>,
}

/// The number of members up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MemberCount {
    until: Position,
    count: u32,
}

/// Deleted names, in the order of a collection.
pub type FormerNames<T> = OrdMap<ExactId, Lives<T>>;

/// An id among those of all times. Two ids that never existed together may differ only in case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactId(pub Id);

impl ExactId {
    /// Its order relative to an id.
    #[must_use]
    pub fn cmp_id(&self, id: &Id) -> Ordering {
        CaseFoldedId::order(self.0.as_str(), id.as_str()).then_with(|| self.0.cmp(id))
    }
}

impl Ord for ExactId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_id(&other.0)
    }
}

impl PartialOrd for ExactId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The times at which a deleted name existed, and what it named.
#[derive(Debug)]
pub struct Lives<T> {
    /// The last lifetime that ended; none if it was restored from elsewhere: from a deleted group
    /// or resource with the same name.
    ended: Option<Arc<Life<T>>>,
    /// The beginning of the current lifetime, if there is one.
    since: Position,
}

/// One lifetime of a name.
#[derive(Debug)]
pub struct Life<T> {
    /// Its beginning; 0 for the first one, which begins with its first state.
    pub since: Position,
    /// The command that ended it; its last state was valid up to there.
    pub until: Stamp,
    /// The entity in its last state.
    pub what: Arc<T>,
    /// The earlier lifetimes.
    earlier: Earlier<Self>,
}

chained!(Life<T>, life => life.until.position, T);

impl<T> Clone for Lives<T> {
    fn clone(&self) -> Self {
        Self { ended: self.ended.clone(), since: self.since }
    }
}

impl<T> Lives<T> {
    /// The last lifetime that ended; none if it was restored from a group or a resource with the
    /// same name.
    #[must_use]
    pub const fn last(&self) -> Option<&Arc<Life<T>>> {
        self.ended.as_ref()
    }
}

/// What a name meant at a position, from its present meaning and its earlier lifetimes. It may have
/// had no state yet.
pub fn locate<'a, T>(
    now: Option<&'a Arc<T>>,
    lives: Option<&'a Lives<T>>,
    at: Position,
) -> Option<&'a Arc<T>> {
    let Some(lives) = lives else { return now };
    match lives.last().and_then(|last| state_after(last, at)) {
        Some(life) => Some(&life.what).filter(|_| life.since <= at),
        None => now.filter(|_| lives.since <= at),
    }
}

/// Records the end of a name's lifetime.
fn end<T: Clone>(former: &mut FormerNames<T>, id: &Id, what: Arc<T>, until: Stamp) {
    let name = ExactId(id.clone());
    let before = former.get(&name);
    let since = before.map_or(Position::ZERO, |lives| lives.since);
    let earlier = before.and_then(|lives| lives.ended.clone()).into();
    let ended = Some(Arc::new(Life { since, until, what, earlier }));
    former.insert(name, Lives { ended, since: Position::ZERO });
}

/// Records the beginning of a lifetime, if the name existed before or is restored with earlier
/// states.
fn begin<T: Clone>(former: &mut FormerNames<T>, id: &Id, since: Position, is_back: bool) {
    let name = ExactId(id.clone());
    if let Some(lives) = former.get_mut(&name) {
        lives.since = since;
    } else if is_back {
        former.insert(name, Lives { ended: None, since });
    }
}

/// Whether the same names were deleted at the same positions. The entities themselves are compared
/// elsewhere, where they exist or are hidden.
fn are_alike<T: Clone>(one: &FormerNames<T>, other: &FormerNames<T>) -> bool {
    fn ended<T: Clone>(lives: &Lives<T>) -> impl Iterator<Item = (Position, Stamp)> {
        lives.last().into_iter().flat_map(states).map(|life| (life.since, life.until))
    }
    one.len() == other.len()
        && one.iter().zip(other).all(|((one, lives), (other, others))| {
            one.0 == other.0 && lives.since == others.since && ended(lives).eq(ended(others))
        })
}

/// A member that is added.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    /// Its id.
    pub id: &'a Id,
    /// Whether it has earlier states.
    pub is_back: bool,
}

impl<T: Clone> Past<T> {
    /// The epoch at a position; none if it is still the current one.
    #[must_use]
    pub fn moved(&self, at: Position) -> Option<&EpochEntry> {
        self.epochs.split(|moved| moved.stamp.position <= at).0
    }

    /// The number of members of a collection at a position; none if it is the current number.
    #[must_use]
    pub fn count(&self, plural: &str, at: Position) -> Option<usize> {
        let counts = &self.collection(plural)?.counts;
        let counted = counts.split(|counted| counted.until <= at).1?;
        Some(usize::try_from(counted.count).unwrap_or(usize::MAX))
    }

    /// The deleted names of a collection.
    #[must_use]
    pub fn former(&self, plural: &str) -> Option<&FormerNames<T>> {
        Some(&self.collection(plural)?.former)
    }

    /// Whether both record the same epochs, counts and deletions.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.epochs.iter().eq(other.epochs.iter())
            && self.collections.len() == other.collections.len()
            && self.collections.iter().zip(&other.collections).all(|(one, other)| {
                one.0 == other.0
                    && one.1.counts.iter().eq(other.1.counts.iter())
                    && are_alike(&one.1.former, &other.1.former)
            })
    }

    /// Records the present epoch before a command changes it.
    pub(crate) fn supersede(&mut self, old: EpochEntry, by: Stamp) {
        if old.stamp.position < by.position {
            self.epochs.push(old);
        }
    }

    /// Records a new member before it is added. `count` is the present number.
    pub(crate) fn begin(&mut self, plural: &Id, member: Member<'_>, count: usize, by: Stamp) {
        let Some(collection) = self.collection_mut(plural) else { return };
        collection.supersede(count, by);
        begin(&mut collection.former, member.id, by.position, member.is_back);
    }

    /// Records the end of a member. `count` is the number before it.
    pub(crate) fn end(&mut self, plural: &Id, id: &Id, what: Arc<T>, count: usize, by: Stamp) {
        let Some(collection) = self.collection_mut(plural) else { return };
        collection.supersede(count, by);
        end(&mut collection.former, id, what, by);
    }

    fn collection(&self, plural: &str) -> Option<&PastCollection<T>> {
        let mut all = self.collections.iter();
        all.find(|(other, _)| other.as_str() == plural).map(|(_, collection)| collection)
    }

    fn collection_mut(&mut self, plural: &Id) -> Option<&mut PastCollection<T>> {
        if self.collection(plural.as_str()).is_none() {
            let (counts, former) = (Column::default(), FormerNames::new());
            self.collections.push((plural.clone(), PastCollection { counts, former }));
        }
        let mut all = self.collections.iter_mut();
        all.find(|(other, _)| other == plural).map(|(_, collection)| collection)
    }
}

impl<T> PastCollection<T> {
    /// Records a number of members before a command changes it.
    fn supersede(&mut self, count: usize, by: Stamp) {
        if self.counts.last().is_none_or(|counted| counted.until < by.position) {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.counts.push(MemberCount { until: by.position, count });
        }
    }
}

impl RegistryState {
    /// Its present epoch.
    #[must_use]
    pub fn moved(&self) -> EpochEntry {
        EpochEntry { stamp: self.own.max(self.members), epoch: self.epoch, modified: self.modified }
    }
}

impl Group {
    /// Its present epoch.
    #[must_use]
    pub fn moved(&self) -> EpochEntry {
        let stamp = self.own.stamp.max(self.members);
        EpochEntry { stamp, epoch: self.epoch, modified: self.modified }
    }

    /// Records its present epoch before a command changes it.
    pub(crate) fn supersede(&mut self, by: Stamp) {
        let old = self.moved();
        Arc::make_mut(&mut self.past).supersede(old, by);
    }
}

/// The past of a resource: its changes, the numbers of its versions, and its deleted versions.
#[derive(Clone, Debug, Default)]
pub struct ResourcePast {
    /// The last change but one.
    touched: Option<Arc<ChangedResource>>,
    former: FormerNames<Version>,
}

/// A resource after some change in it.
#[derive(Debug)]
pub struct ChangedResource {
    position: Position,
    tag: super::CommandTag,
    /// Its number of versions.
    pub versions: u32,
    earlier: Earlier<Self>,
}

chained!(ChangedResource, touched => touched.position);

impl ChangedResource {
    /// The change.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        Stamp { position: self.position, tag: self.tag }
    }
}

impl RegistryPast {
    /// Whether both record the same epochs, groups, deletions, models and capabilities.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let models = |past: &Self| -> Vec<(Stamp, Option<Content>)> {
            past.models.iter().map(|former| (former.stamp, former.source)).collect()
        };
        let capabilities = |past: &Self| -> Vec<(Stamp, Option<Arc<Value>>)> {
            let former = past.capabilities.iter();
            former.map(|former| (former.stamp, former.capabilities.clone())).collect()
        };
        self.groups.is_like(&other.groups)
            && self.deletions == other.deletions
            && models(self) == models(other)
            && capabilities(self) == capabilities(other)
    }
}

impl ResourcePast {
    /// Whether both record the same changes and deletions.
    pub(crate) fn is_like(one: Option<&Arc<Self>>, other: Option<&Arc<Self>>) -> bool {
        let (Some(one), Some(other)) = (one, other) else {
            return one.is_none() == other.is_none();
        };
        let touched = |past: &Self| -> Vec<(Stamp, u32)> {
            let touched = past.touched.iter().flat_map(states);
            touched.map(|touched| (touched.stamp(), touched.versions)).collect()
        };
        touched(one) == touched(other) && are_alike(&one.former, &other.former)
    }

    /// The last change up to a position.
    #[must_use]
    pub fn touched(&self, at: Position) -> Option<&Arc<ChangedResource>> {
        super::state_at(self.touched.as_ref()?, at)
    }

    /// The deleted versions.
    #[must_use]
    pub const fn former(&self) -> &FormerNames<Version> {
        &self.former
    }
}

impl Resource {
    /// Records the present state before a command changes anything in the resource.
    pub(crate) fn touch(&mut self, by: Stamp) {
        if self.any.position < by.position {
            let versions = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
            let Stamp { position, tag } = self.any;
            let past = Arc::make_mut(self.past.get_or_insert_default());
            let earlier = past.touched.take().into();
            past.touched = Some(Arc::new(ChangedResource { position, tag, versions, earlier }));
        }
        self.any = by;
    }

    /// Adds a version whose name doesn't exist yet.
    pub(crate) fn begin_version(&mut self, version: Arc<Version>, by: Stamp) {
        self.touch(by);
        let is_back = version.previous().is_some();
        if is_back {
            self.past.get_or_insert_default();
        }
        if let Some(past) = &mut self.past
            && (is_back || past.former.contains_key(&ExactId(version.id.clone())))
        {
            begin(&mut Arc::make_mut(past).former, &version.id, by.position, is_back);
        }
        self.versions.insert(version);
    }

    /// Removes a version.
    pub(crate) fn end_version(&mut self, id: &Id, by: Stamp) -> Option<Arc<Version>> {
        self.versions.get(id)?;
        self.touch(by);
        let version = self.versions.remove(id)?;
        let past = Arc::make_mut(self.past.get_or_insert_default());
        end(&mut past.former, id, version.clone(), by);
        Some(version)
    }
}
