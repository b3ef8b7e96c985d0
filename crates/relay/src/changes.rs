//! What a command changed, as far as routes care: documents, by name.

use std::{collections::BTreeSet, fmt, str::FromStr};

use muster_catalog::{View, entity::Entity, state::Stamp};
use muster_registry::CommittedCommand;
use muster_words::{Moment, Position, Xid};
use serde::{Deserialize, Serialize};

/// The place of a change: the position of its command's last entry, and its number in the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId {
    /// The position.
    pub position: Position,
    /// The number, from 0.
    pub index: u32,
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.index)
    }
}

impl FromStr for ChangeId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, index) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { position: Position(position.parse()?), index: index.parse()? })
    }
}

/// What happened to a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentChangeKind {
    /// It was created or restored.
    Created,
    /// Something about it changed.
    Updated,
    /// It was deleted or erased.
    Deleted,
}

impl DocumentChangeKind {
    /// Its name in selectors and in types of events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// A change of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChange {
    /// Its place in the ledger.
    pub id: ChangeId,
    /// The position before its command, which may have several entries.
    pub begin: Position,
    /// The document.
    pub resource: Xid,
    /// What happened to it.
    pub kind: DocumentChangeKind,
    /// When.
    pub moment: Moment,
}

/// The view at a position at which a command ends.
#[must_use]
pub fn view_at(newest: &View, position: Position) -> View {
    newest.back_to(Stamp { position, ..Stamp::default() }, Moment::EPOCH)
}

/// The changes of a command, in the order of names. The view must be at the command's end or later;
/// the same command always gives the same changes, whatever the view.
#[must_use]
pub fn changes_of(command: &CommittedCommand, newest: &View) -> Vec<DocumentChange> {
    let (before, after) = (view_at(newest, command.begin()), view_at(newest, command.position()));
    let mut resources = BTreeSet::new();
    for xid in command.touched() {
        match &xid {
            Xid::Group { .. } => {
                resources.extend(members(&before, &xid));
                resources.extend(members(&after, &xid));
            }
            _ => {
                resources.insert(xid);
            }
        }
    }
    let kinds = resources.into_iter().filter_map(|resource| {
        let kind = match (before.has(&resource), after.has(&resource)) {
            (false, true) => DocumentChangeKind::Created,
            (true, true) => DocumentChangeKind::Updated,
            (true, false) => DocumentChangeKind::Deleted,
            // Created and deleted again, or erased after it was deleted.
            (false, false) => return None,
        };
        Some((resource, kind))
    });
    let moment = command.entries.last().map_or(Moment::EPOCH, |entry| entry.moment);
    numbered((command.begin(), command.position()), moment, kinds)
}

/// Every document in a view, as if it had been created by the command that ends there.
#[must_use]
pub fn everything_in(view: &View, begin: Position, moment: Moment) -> Vec<DocumentChange> {
    let model = view.model();
    let mut resources = BTreeSet::new();
    for kind in model.group_types() {
        for group in view.groups(&kind.plural, None) {
            if let Ok(xid) = format!("/{}/{}", kind.plural, group.id()).parse::<Xid>() {
                resources.extend(members(view, &xid));
            }
        }
    }
    let kinds = resources.into_iter().map(|resource| (resource, DocumentChangeKind::Created));
    numbered((begin, view.position()), moment, kinds)
}

fn numbered(
    (begin, position): (Position, Position),
    moment: Moment,
    kinds: impl Iterator<Item = (Xid, DocumentChangeKind)>,
) -> Vec<DocumentChange> {
    let changes = kinds.enumerate().map(|(index, (resource, kind))| {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        DocumentChange { id: ChangeId { position, index }, begin, resource, kind, moment }
    });
    changes.collect()
}

/// The documents in a group.
fn members(view: &View, group: &Xid) -> Vec<Xid> {
    let mut found = Vec::new();
    let Some(entity) = Entity::find(view, group) else { return found };
    for plural in entity.collections(view) {
        let names = entity.members(view, plural);
        let names = names.map(|member| format!("{group}/{plural}/{}", member.id()));
        found.extend(names.filter_map(|name| name.parse::<Xid>().ok()));
    }
    found
}
