use std::{collections::BTreeSet, sync::Arc};

use muster_catalog::{
    Catalog,
    state::{Chained, Hidden, Resource, Subtree},
};
use muster_history::{Committed, Scope};
use muster_registry::{Registry, SubmitError};
use muster_words::{Position, Xid};

use crate::native::past;

/// Entries that are read at once on the way back: what the registry gives as a page.
const STEP: u64 = 512;

/// Entries that one request reads at most where it has to search: about a third of a second.
/// What lies further back is on the next page.
const SEARCH_MAX: u64 = 128 * 1024;

/// Changes that the commands of one page have together, about: some 10 MiB. One command may have
/// twenty thousand, and a page a thousand commands.
const CHANGES_ENOUGH: usize = 20_000;

/// Which part of the log is wanted.
pub(super) struct Wanted {
    pub scope: Scope,
    /// Only what came after this position.
    pub after: Position,
    /// Only what came before this position.
    pub before: Position,
    pub limit: usize,
}

/// A page of the log.
pub(super) struct Found {
    /// Newest first.
    pub commands: Vec<Committed>,
    /// The position before which the next page begins; none: there is no more.
    pub next: Option<Position>,
}

impl Found {
    fn is_full(&self) -> bool {
        let changes = self.commands.iter().map(|command| command.changes.len());
        changes.sum::<usize>() >= CHANGES_ENOUGH
    }
}

/// Finds a page of the log, newest first. A page without commands has a next one only where
/// [`SEARCH_MAX`] entries held none.
pub(super) async fn find(registry: &Registry, wanted: &Wanted) -> Result<Found, SubmitError> {
    let floor = Position(wanted.before.0.saturating_sub(SEARCH_MAX));
    let mut found = page(registry, wanted).await?;
    while let Some(next) = found.next
        && found.commands.is_empty()
        && next > floor
        && next < wanted.before
    {
        let rest = Wanted { scope: wanted.scope.clone(), before: next, ..*wanted };
        found = page(registry, &rest).await?;
        if found.next == Some(next) {
            break;
        }
    }
    Ok(found)
}

async fn page(registry: &Registry, wanted: &Wanted) -> Result<Found, SubmitError> {
    let view = registry.catalog();
    match &wanted.scope.xid {
        Some(xid) => match Known::of(&view, xid, wanted) {
            Some(known) => named(registry, wanted, &known).await,
            None => search(registry, wanted).await,
        },
        None => search(registry, wanted).await,
    }
}

/// Reads commands whose positions are known.
async fn named(registry: &Registry, wanted: &Wanted, known: &Known) -> Result<Found, SubmitError> {
    let mut found = Found { commands: Vec::new(), next: None };
    let floor = wanted.after.max(known.cut);
    let begin = floor.next();
    let mut between = known.all.range(begin..wanted.before.max(begin)).rev().peekable();
    // The page before this one may have ended with a restore.
    let mut restored = match known.all.range(wanted.before..).next() {
        Some(newer) => registry.command_at(*newer).await?.restores().then_some(wanted.before),
        None => None,
    };
    loop {
        let next = between.next();
        if let Some(restored) = restored {
            // No state tells of a deletion that was undone. It lies behind the state before.
            let older = next.map_or(floor, |older| *older);
            let gap = Wanted {
                scope: wanted.scope.clone(),
                after: older,
                before: restored,
                // One more than is shown tells that there is a next page.
                limit: wanted.limit + 1,
            };
            let searched = search(registry, &gap).await?;
            found.commands.extend(searched.commands);
            if let Some(next) = searched.next
                && found.commands.len() <= wanted.limit
            {
                found.next = Some(next);
                return Ok(found);
            }
        }
        let Some(position) = next.filter(|_| found.commands.len() <= wanted.limit) else { break };
        let command = registry.command_at(*position).await?;
        restored = command.restores().then_some(*position);
        found.commands.extend(Some(command).filter(|command| wanted.scope.holds_any(command)));
        if found.is_full() {
            found.next = Some(*position);
            return Ok(found);
        }
    }
    if found.commands.len() > wanted.limit {
        found.commands.truncate(wanted.limit);
        found.next = found.commands.last().map(Committed::position);
    } else if known.cut > wanted.after {
        found.next = Some(known.cut.next());
    }
    Ok(found)
}

/// The position before a command's first entry.
async fn start_of(registry: &Registry, end: Position) -> Result<Position, SubmitError> {
    let entry = registry.entry_at(end).await?;
    Ok(Position(end.0.saturating_sub(u64::from(entry.part))))
}

/// Walks back through the ledger.
async fn search(registry: &Registry, wanted: &Wanted) -> Result<Found, SubmitError> {
    let mut found = Found { commands: Vec::new(), next: None };
    let mut end = Position(wanted.before.0.saturating_sub(1));
    let floor = end.0.saturating_sub(SEARCH_MAX);
    while end > wanted.after {
        if end.0 <= floor {
            found.next = Some(end.next());
            return Ok(found);
        }
        let mut from = start_of(registry, Position(end.0.saturating_sub(STEP - 1).max(1))).await?;
        let commands = window(registry, from, end).await?;
        // A ledger in memory never waits; others shall have their turn nevertheless.
        tokio::task::yield_now().await;
        from = from.max(wanted.after);
        for command in commands.into_iter().rev() {
            let position = command.position();
            if position <= wanted.after || !wanted.scope.holds_any(&command) {
                continue;
            }
            if found.commands.len() == wanted.limit {
                found.next = found.commands.last().map(Committed::position);
                return Ok(found);
            }
            found.commands.push(command);
            if found.is_full() {
                found.next = Some(position);
                return Ok(found);
            }
        }
        end = from;
    }
    Ok(found)
}

/// The commands that end after one position and not after another.
async fn window(
    registry: &Registry,
    from: Position,
    end: Position,
) -> Result<Vec<Committed>, SubmitError> {
    let mut commands = Vec::new();
    let mut at = from;
    while at < end {
        let read = registry.commands_after(at).await?;
        let Some(last) = read.last() else { break };
        at = last.position();
        commands.extend(read.into_iter().filter(|command| command.position() <= end));
    }
    Ok(commands)
}

/// Where an entity's states say that it changed.
struct Known {
    all: BTreeSet<Position>,
    /// Up to here there may be more than is known.
    cut: Position,
    before: Position,
    limit: usize,
    /// What versions went through is of no interest.
    is_meta: bool,
}

impl Known {
    /// Looks at an entity's states. None where they can't say all: something of that name was
    /// erased, and its states with it, or the entity holds too much to look at.
    fn of(view: &Catalog, xid: &Xid, wanted: &Wanted) -> Option<Self> {
        let is_meta = matches!(xid, Xid::Meta { .. });
        let own = if is_meta { xid.resource()? } else { xid.clone() };
        let inside = format!("{own}/");
        let from = Arc::<str>::from(inside.as_str());
        let mut above = std::iter::successors(Some(own.clone()), Xid::parent);
        let is_purged = above.any(|xid| view.purged.contains_key(xid.to_string().as_str()))
            || view
                .purged
                .range::<_, Arc<str>>(from.clone()..)
                .next()
                .is_some_and(|(other, _)| other.starts_with(&inside));
        if is_purged || matches!(own, Xid::Group { .. } | Xid::Registry) {
            return None;
        }
        let (before, limit) = (wanted.before, wanted.limit);
        let all = BTreeSet::new();
        let mut known = Self { all, cut: Position::ZERO, before, limit, is_meta };
        if let Some(resource) = view.resource_at(&own) {
            known.resource(&own, resource);
        }
        for xid in std::iter::successors(Some(own.clone()), Xid::parent) {
            known.hidden(past::deletions(view, &xid), &own);
        }
        let below = view.hidden.range::<_, Arc<str>>(from..);
        for (_, hidden) in below.take_while(|(other, _)| other.starts_with(&inside)) {
            let chain = std::iter::successors(Some(hidden), |hidden| hidden.before.as_ref());
            known.hidden(chain, &own);
        }
        Some(known)
    }

    fn hidden<'a>(&mut self, deletions: impl Iterator<Item = &'a Arc<Hidden>>, own: &Xid) {
        for hidden in deletions {
            let holds = match &hidden.what {
                Subtree::Group(group) => {
                    let resource = own.resource().and_then(|own| past::in_group(group, &own));
                    resource.is_some_and(|resource| self.resource(own, resource))
                }
                Subtree::Resource(resource) => self.resource(own, resource),
                Subtree::Version(version) => self.chain(version),
            };
            if holds {
                self.all.insert(hidden.stamp.position);
            }
        }
    }

    /// Looks at a resource, or at the version in it that is meant. Answers whether there is any.
    fn resource(&mut self, own: &Xid, resource: &Resource) -> bool {
        if let Xid::Version { version, .. } = own {
            return resource.versions.get(version).is_some_and(|version| self.chain(version));
        }
        self.chain(&resource.meta);
        if self.is_meta {
            return true;
        }
        self.all.insert(resource.any.position);
        for version in resource.versions.iter() {
            self.chain(version);
        }
        true
    }

    /// Looks at as many states as a page may show, and at the one that came next.
    fn chain<T: Chained>(&mut self, newest: &Arc<T>) -> bool {
        let mut taken = 0;
        let mut newer = None;
        for state in std::iter::successors(Some(newest), |state| state.previous()) {
            let position = state.position();
            if position >= self.before {
                newer = Some(position);
                continue;
            }
            if taken > self.limit {
                self.cut = self.cut.max(position);
                break;
            }
            taken += 1;
            self.all.insert(position);
        }
        self.all.extend(newer);
        true
    }
}
