use std::{collections::BTreeSet, sync::Arc};

use muster_catalog::{
    Catalog,
    changes::Change,
    state::{Chained, Hidden, Resource, Subtree},
};
use muster_registry::{Committed, Registry, SubmitError};
use muster_words::{Position, Xid};

use crate::native::past;

/// Entries that are read at once on the way back: what the registry gives as a page.
const STEP: u64 = 512;

/// Entries that one request reads at most where it has to search: about a third of a second.
/// What lies further back is on the next page.
const SEARCH_MAX: u64 = 128 * 1024;

/// What is asked for: an entity or a collection, or everything.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// With a slash before each step; empty for everything.
    pub prefix: String,
    /// The entity, where it is one.
    pub xid: Option<Xid>,
}

impl Scope {
    /// Whether a change is told here: of the thing itself, of what lies in it, or of what holds
    /// it and went with it.
    pub fn holds(&self, change: &Change) -> bool {
        if self.prefix.is_empty() {
            return true;
        }
        let subject = match change {
            Change::MembersMoved(_) | Change::Answered(_) => return false,
            Change::MetaWritten(body) => {
                let of_meta = self.prefix.strip_suffix("/meta");
                if of_meta.is_some_and(|resource| body.resource.to_string() == resource) {
                    return true;
                }
                body.resource.to_string()
            }
            other => other.subject().to_string(),
        };
        let went = matches!(change, Change::Hidden(_) | Change::Restored(_) | Change::Purged(_));
        below(&subject, &self.prefix) || went && below(&self.prefix, &subject)
    }
}

/// Whether a name is another or lies in it.
fn below(name: &str, other: &str) -> bool {
    name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

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

/// Finds a page of the log, newest first.
pub(super) async fn find(registry: &Registry, wanted: &Wanted) -> Result<Found, SubmitError> {
    let view = registry.view();
    match &wanted.scope.xid {
        Some(xid) => match known_positions(&view, xid) {
            Some(positions) => named(registry, wanted, &positions).await,
            None => search(registry, wanted).await,
        },
        None => search(registry, wanted).await,
    }
}

/// Reads commands whose positions are known.
async fn named(
    registry: &Registry,
    wanted: &Wanted,
    positions: &BTreeSet<Position>,
) -> Result<Found, SubmitError> {
    let mut found = Found { commands: Vec::new(), next: None };
    let between = positions.range(wanted.after.next()..wanted.before.max(wanted.after.next()));
    let mut between = between.rev().peekable();
    while let Some(position) = between.next() {
        let before = start_of(registry, *position).await?;
        let read = registry.commands_after(before).await?;
        let command = read.into_iter().find(|command| command.position() == *position);
        let Some(command) = command.filter(|command| is_told(command, &wanted.scope)) else {
            continue;
        };
        let restores =
            command.changes.iter().any(|(_, change)| matches!(change, Change::Restored(_)));
        found.commands.push(command);
        if restores {
            // No state tells of a deletion that was undone. It lies behind the state before.
            let older = between.peek().map_or(wanted.after, |older| **older);
            let gap = Wanted { scope: wanted.scope.clone(), after: older, ..*wanted };
            found.commands.extend(whole(registry, gap, *position).await?);
        }
        if found.commands.len() > wanted.limit {
            break;
        }
    }
    if found.commands.len() > wanted.limit {
        found.commands.truncate(wanted.limit);
        found.next = found.commands.last().map(Committed::position);
    }
    Ok(found)
}

/// Searches all of a gap, however long it is.
async fn whole(
    registry: &Registry,
    gap: Wanted,
    before: Position,
) -> Result<Vec<Committed>, SubmitError> {
    let (mut gap, mut commands) = (gap, Vec::new());
    gap.before = before;
    while commands.len() <= gap.limit {
        let found = search(registry, &gap).await?;
        commands.extend(found.commands);
        let Some(next) = found.next else { break };
        gap.before = next;
    }
    Ok(commands)
}

/// The position before a command's first entry.
async fn start_of(registry: &Registry, end: Position) -> Result<Position, SubmitError> {
    let before = Position(end.0.saturating_sub(1));
    let read = registry.ledger().read(before, std::num::NonZeroU32::MIN).await?;
    let part = match read.first() {
        Some(entry) => entry.decode().map_err(|_| SubmitError::Corrupt(end))?.part,
        None => 1,
    };
    Ok(Position(end.0.saturating_sub(u64::from(part))))
}

fn is_told(command: &Committed, scope: &Scope) -> bool {
    command.changes.iter().any(|(_, change)| scope.holds(change))
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
        from = from.max(wanted.after);
        for command in commands.into_iter().rev() {
            let position = command.position();
            if position <= wanted.after || !is_told(&command, &wanted.scope) {
                continue;
            }
            if found.commands.len() == wanted.limit {
                found.next = found.commands.last().map(Committed::position);
                return Ok(found);
            }
            found.commands.push(command);
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

/// Where an entity's states say that it changed; none where they can't say all: something of that
/// name was erased, and its states with it, or it holds too much to look at.
fn known_positions(view: &Catalog, xid: &Xid) -> Option<BTreeSet<Position>> {
    let mut own = xid.clone();
    if let Xid::Meta { .. } = own {
        own = own.resource()?;
    }
    let name = own.to_string();
    let is_purged = std::iter::successors(Some(own.clone()), Xid::parent)
        .any(|xid| view.purged.contains_key(xid.to_string().as_str()))
        || view
            .purged
            .range::<_, Arc<str>>(Arc::from(format!("{name}/"))..)
            .next()
            .is_some_and(|(other, _)| below(other, &name));
    // A restore leaves a stamp only in what came back and was not deleted again since.
    if is_purged || matches!(own, Xid::Group { .. } | Xid::Registry) {
        return None;
    }
    let mut positions = BTreeSet::new();
    if let Some(resource) = view.resource_at(&own) {
        of_resource(&own, resource, &mut positions);
    }
    for xid in std::iter::successors(Some(own.clone()), Xid::parent) {
        of_hidden(past::deletions(view, &xid), &own, &mut positions);
    }
    let inside = format!("{name}/");
    let from = Arc::<str>::from(inside.as_str());
    for (_, hidden) in
        view.hidden.range::<_, Arc<str>>(from..).take_while(|(other, _)| other.starts_with(&inside))
    {
        let deletions = std::iter::successors(Some(hidden), |hidden| hidden.before.as_ref());
        of_hidden(deletions, &own, &mut positions);
    }
    Some(positions)
}

fn of_hidden<'a>(
    deletions: impl Iterator<Item = &'a Arc<Hidden>>,
    own: &Xid,
    positions: &mut BTreeSet<Position>,
) {
    for hidden in deletions {
        let before = positions.len();
        match &hidden.what {
            Subtree::Group(group) => {
                let resource = own.resource().and_then(|own| past::in_group(group, &own));
                if let Some(resource) = resource {
                    of_resource(own, resource, positions);
                    positions.insert(hidden.stamp.position);
                }
            }
            Subtree::Resource(resource) => of_resource(own, resource, positions),
            Subtree::Version(version) => of_chain(version, positions),
        }
        if positions.len() > before {
            positions.insert(hidden.stamp.position);
        }
    }
}

fn of_resource(own: &Xid, resource: &Resource, positions: &mut BTreeSet<Position>) {
    if let Xid::Version { version, .. } = own {
        if let Some(version) = resource.versions.get(version) {
            of_chain(version, positions);
        }
        return;
    }
    of_chain(&resource.meta, positions);
    positions.insert(resource.any.position);
    for version in resource.versions.iter() {
        of_chain(version, positions);
    }
}

/// A state that knows at which position it was written.
trait Stamped: Chained {
    fn position(&self) -> Position;
}

impl Stamped for muster_catalog::state::Meta {
    fn position(&self) -> Position {
        self.stamp.position
    }
}

impl Stamped for muster_catalog::state::Version {
    fn position(&self) -> Position {
        self.stamp.position
    }
}

fn of_chain<T: Stamped>(newest: &Arc<T>, positions: &mut BTreeSet<Position>) {
    let chain = std::iter::successors(Some(newest), |state| state.previous());
    positions.extend(chain.map(|state| state.position()));
}
