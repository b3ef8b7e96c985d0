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

/// What the registry was before.
#[derive(Clone, Debug, Default)]
pub struct RegistryPast {
    /// Its epochs and its groups.
    pub groups: Past<Group>,
    /// The models before the one in force, oldest first.
    pub models: Column<FormerModel>,
    /// The capabilities before those in force, oldest first.
    pub capabilities: Column<FormerCapabilities>,
}

/// A model that was in force.
#[derive(Clone, Debug)]
pub struct FormerModel {
    /// Its write.
    pub stamp: Stamp,
    /// The model.
    pub model: Arc<Model>,
    /// The user's model as it was sent; none: never set.
    pub source: Option<Content>,
}

/// Capabilities that were in force.
#[derive(Clone, Debug)]
pub struct FormerCapabilities {
    /// Their write.
    pub stamp: Stamp,
    /// The capabilities; none: what is built.
    pub capabilities: Option<Arc<Value>>,
}

/// What a group or the registry was before: its epochs, how many members it had, and those that
/// were deleted.
#[derive(Clone, Debug)]
pub struct Past<T> {
    /// What it said of itself, oldest first, without what it says now.
    epochs: Column<EpochEntry>,
    /// By their plural names: a group has a few types at most.
    collections: Vec<(Id, PastCollection<T>)>,
}

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self { epochs: Column::default(), collections: Vec::new() }
    }
}

/// What moves in a group and in the registry whenever members come or go.
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
    /// Oldest first, without how many there are now.
    counts: Column<MemberCount>,
    former: FormerNames<T>,
}

/// How many members there were up to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MemberCount {
    until: Position,
    count: u32,
}

/// Names that have been deleted, in the order of a collection.
pub type FormerNames<T> = OrdMap<ExactId, Lives<T>>;

/// An id among those of all times: two that never lived together may differ in case alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactId(pub Id);

impl ExactId {
    /// Where it stands relative to an id.
    #[must_use]
    pub fn cmp_id(&self, id: &Id) -> Ordering {
        CaseFoldedId::order(&self.0, id).then_with(|| self.0.cmp(id))
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

/// When a name that has been deleted was there, and what it named then.
#[derive(Debug)]
pub struct Lives<T> {
    /// The last of its lives that ended; none: it came back from elsewhere, from a group or a
    /// resource of the same name that was deleted.
    ended: Option<Arc<Life<T>>>,
    /// Where the one that goes on began, if one does.
    since: Position,
}

/// From where to where a name was there.
#[derive(Debug)]
pub struct Life<T> {
    /// Where it began; 0 for the first one, whose states say where.
    pub since: Position,
    /// The command that ended it: its last state held up to there.
    pub until: Stamp,
    /// What it named, as it was in the end.
    pub what: Arc<T>,
    /// The lives before it.
    earlier: Earlier<Self>,
}

chained!(Life<T>, life => life.until.position, T);

impl<T> Clone for Lives<T> {
    fn clone(&self) -> Self {
        Self { ended: self.ended.clone(), since: self.since }
    }
}

impl<T> Lives<T> {
    /// The last life that ended; none: it came back from a group or a resource of the same name.
    #[must_use]
    pub const fn last(&self) -> Option<&Arc<Life<T>>> {
        self.ended.as_ref()
    }
}

/// What a name named at a position, given what it names now and when it was there before. It may
/// have had no state there yet.
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

/// Notes that a name is there no more.
fn end<T: Clone>(former: &mut FormerNames<T>, id: &Id, what: Arc<T>, until: Stamp) {
    let name = ExactId(id.clone());
    let before = former.get(&name);
    let since = before.map_or(Position::ZERO, |lives| lives.since);
    let earlier = before.and_then(|lives| lives.ended.clone()).into();
    let ended = Some(Arc::new(Life { since, until, what, earlier }));
    former.insert(name, Lives { ended, since: Position::ZERO });
}

/// Notes that a name is there again, if it was before or comes back with states from before.
fn begin<T: Clone>(former: &mut FormerNames<T>, id: &Id, since: Position, is_back: bool) {
    let name = ExactId(id.clone());
    if let Some(lives) = former.get_mut(&name) {
        lives.since = since;
    } else if is_back {
        former.insert(name, Lives { ended: None, since });
    }
}

/// Whether the same names were deleted, each at the same positions. What they named is compared
/// where it still is, or where it is hidden.
fn are_alike<T: Clone>(one: &FormerNames<T>, other: &FormerNames<T>) -> bool {
    fn ended<T: Clone>(lives: &Lives<T>) -> impl Iterator<Item = (Position, Stamp)> {
        lives.last().into_iter().flat_map(states).map(|life| (life.since, life.until))
    }
    one.len() == other.len()
        && one.iter().zip(other).all(|((one, lives), (other, others))| {
            one.0 == other.0 && lives.since == others.since && ended(lives).eq(ended(others))
        })
}

/// A member that comes.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    /// Its id.
    pub id: &'a Id,
    /// It has states from before.
    pub is_back: bool,
}

impl<T: Clone> Past<T> {
    /// What it said of itself at a position; none: it says it still.
    #[must_use]
    pub fn moved(&self, at: Position) -> Option<&EpochEntry> {
        self.epochs.split(|moved| moved.stamp.position <= at).0
    }

    /// How many members a collection had at a position; none: as many as now.
    #[must_use]
    pub fn count(&self, plural: &str, at: Position) -> Option<usize> {
        let counts = &self.collection(plural)?.counts;
        let counted = counts.split(|counted| counted.until <= at).1?;
        Some(usize::try_from(counted.count).unwrap_or(usize::MAX))
    }

    /// The names of a collection that have been deleted.
    #[must_use]
    pub fn former(&self, plural: &str) -> Option<&FormerNames<T>> {
        Some(&self.collection(plural)?.former)
    }

    /// Whether both know the same epochs, counts and deletions.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.epochs.iter().eq(other.epochs.iter())
            && self.collections.len() == other.collections.len()
            && self.collections.iter().zip(&other.collections).all(|(one, other)| {
                one.0 == other.0
                    && one.1.counts.iter().eq(other.1.counts.iter())
                    && are_alike(&one.1.former, &other.1.former)
            })
    }

    /// Notes what it says of itself, before a command changes that.
    pub(crate) fn supersede(&mut self, old: EpochEntry, by: Stamp) {
        if old.stamp.position < by.position {
            self.epochs.push(old);
        }
    }

    /// Notes that a member comes, before it does. `count` says how many there are.
    pub(crate) fn begin(&mut self, plural: &Id, member: Member<'_>, count: usize, by: Stamp) {
        let Some(collection) = self.collection_mut(plural) else { return };
        collection.supersede(count, by);
        begin(&mut collection.former, member.id, by.position, member.is_back);
    }

    /// Notes that a member goes. `count` says how many there were.
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
    /// Notes how many there were, before a command changes that.
    fn supersede(&mut self, count: usize, by: Stamp) {
        if self.counts.last().is_none_or(|counted| counted.until < by.position) {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.counts.push(MemberCount { until: by.position, count });
        }
    }
}

impl RegistryState {
    /// What it says of itself now.
    #[must_use]
    pub fn moved(&self) -> EpochEntry {
        EpochEntry { stamp: self.own.max(self.members), epoch: self.epoch, modified: self.modified }
    }
}

impl Group {
    /// What it says of itself now.
    #[must_use]
    pub fn moved(&self) -> EpochEntry {
        let stamp = self.own.stamp.max(self.members);
        EpochEntry { stamp, epoch: self.epoch, modified: self.modified }
    }

    /// Notes what it says of itself, before a command changes that.
    pub(crate) fn supersede(&mut self, by: Stamp) {
        let old = self.moved();
        Arc::make_mut(&mut self.past).supersede(old, by);
    }
}

/// What a resource was before: when it changed, how many versions it had, and those that were
/// deleted.
#[derive(Clone, Debug, Default)]
pub struct ResourcePast {
    /// The last change but one.
    touched: Option<Arc<ChangedResource>>,
    former: FormerNames<Version>,
}

/// A resource after a change anywhere in it.
#[derive(Debug)]
pub struct ChangedResource {
    position: Position,
    tag: super::CommandTag,
    /// How many versions it had.
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
    /// Whether both know the same epochs, groups, models and capabilities.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let models = |past: &Self| -> Vec<(Stamp, Option<Content>)> {
            past.models.iter().map(|former| (former.stamp, former.source)).collect()
        };
        let capabilities = |past: &Self| -> Vec<(Stamp, Option<Arc<Value>>)> {
            let former = past.capabilities.iter();
            former.map(|former| (former.stamp, former.capabilities.clone())).collect()
        };
        self.groups.is_like(&other.groups)
            && models(self) == models(other)
            && capabilities(self) == capabilities(other)
    }
}

impl ResourcePast {
    /// Whether both know the same changes and deletions.
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

    /// The last change at a position.
    #[must_use]
    pub fn touched(&self, at: Position) -> Option<&Arc<ChangedResource>> {
        super::state_at(self.touched.as_ref()?, at)
    }

    /// The versions that have been deleted.
    #[must_use]
    pub const fn former(&self) -> &FormerNames<Version> {
        &self.former
    }
}

impl Resource {
    /// Notes what it is, before a command changes anything in it.
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

    /// Adds a version of a name that isn't there.
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

    /// Takes a version out.
    pub(crate) fn end_version(&mut self, id: &Id, by: Stamp) -> Option<Arc<Version>> {
        self.versions.get(id)?;
        self.touch(by);
        let version = self.versions.remove(id)?;
        let past = Arc::make_mut(self.past.get_or_insert_default());
        end(&mut past.former, id, version.clone(), by);
        Some(version)
    }
}
