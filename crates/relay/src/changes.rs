//! What a command changed, as far as routes care: documents, by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use muster_catalog::{View, alias, entity::Entity};
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
    /// The changed document to which this one refers, and which is why it is told of; none if it
    /// changed itself.
    pub cause: Option<Xid>,
}

/// Which documents are told of because of others that they refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferringDocuments {
    /// None.
    None,
    /// Aliases: each says something else if its target does.
    Aliases,
    /// All.
    All,
}

/// The changes of a command, in the order of names, and after them those of documents that refer to
/// what it changed and still do. The view must be at the command's end or later; the same change
/// always has the same id, whatever the view.
#[must_use]
pub fn changes_of(
    command: &CommittedCommand,
    newest: &View,
    referring: ReferringDocuments,
) -> Vec<DocumentChange> {
    let kinds = kinds_of(command.touched(), command, newest);
    let kinds = kinds.into_iter().filter_map(|(resource, kind)| Some((resource, kind?)));
    let mut changes = numbered_of(command, kinds);
    if referring != ReferringDocuments::None {
        let only_aliases = referring == ReferringDocuments::Aliases;
        changes.extend(changes_of_referring(command, &changes, newest, only_aliases));
    }
    changes
}

/// What is told of documents because of others that they refer to has ids from here on: by the
/// document's own number, so that it depends on no other document.
const REFERRING_FROM: u32 = 1 << 31;

/// The documents, or the aliases, that refer to changed ones, each once.
fn changes_of_referring(
    command: &CommittedCommand,
    changes: &[DocumentChange],
    newest: &View,
    only_aliases: bool,
) -> Vec<DocumentChange> {
    let (before, after) =
        (newest.at_position(command.begin()), newest.at_position(command.position()));
    let own: BTreeSet<&Xid> = changes.iter().map(|change| &change.resource).collect();
    let mut found = BTreeMap::new();
    for change in changes {
        for (referring, number) in newest.referring_documents(&change.resource, only_aliases) {
            let kind = kind_of_referring(&referring, &change.resource, (&before, &after));
            let Some(kind) = kind.filter(|_| !own.contains(&referring)) else { continue };
            let index = REFERRING_FROM | number;
            let id = ChangeId { index, ..change.id };
            let cause = Some(change.resource.clone());
            found.entry(index).or_insert(DocumentChange {
                id,
                resource: referring,
                kind,
                cause,
                ..change.clone()
            });
        }
    }
    found.into_values().collect()
}

/// What happened to a document by the change of another one to which it refers now; none if it didn't
/// refer to it then, or if nothing differs for it.
fn kind_of_referring(
    referring: &Xid,
    changed: &Xid,
    (before, after): (&View, &View),
) -> Option<DocumentChangeKind> {
    if !alias::is_alias(referring) {
        let facts = &after.version_at(referring)?.facts;
        let of_schema = facts.schema.iter().flat_map(|schema| schema.references.iter());
        let mut targets = facts.references.iter().chain(of_schema);
        let refers = targets.any(|target| target.resource().as_ref() == Some(changed));
        return refers.then_some(DocumentChangeKind::Updated);
    }
    let target = after.alias_target(referring)?;
    if target.resource().as_ref() != Some(changed) {
        return None;
    }
    let shown = |view: &View| {
        let version = view.version_at(target)?;
        Some((version.id.clone(), version.stamp))
    };
    match (shown(before), shown(after)) {
        (None, Some(_)) => Some(DocumentChangeKind::Created),
        (Some(_), None) => Some(DocumentChangeKind::Deleted),
        (was, is) => (was != is).then_some(DocumentChangeKind::Updated),
    }
}

/// The same with what only became known of a document, which other registries must know as well. A
/// document that was created and deleted again, or erased after it was deleted, counts as deleted.
#[must_use]
pub fn all_changes_of(command: &CommittedCommand, newest: &View) -> Vec<DocumentChange> {
    let named = command.touched().chain(command.synced());
    let kinds = kinds_of(named, command, newest).into_iter();
    numbered_of(
        command,
        kinds.map(|(name, kind)| (name, kind.unwrap_or(DocumentChangeKind::Deleted))),
    )
}

fn numbered_of(
    command: &CommittedCommand,
    kinds: impl Iterator<Item = (Xid, DocumentChangeKind)>,
) -> Vec<DocumentChange> {
    let moment = command.entries.last().map_or(Moment::EPOCH, |entry| entry.moment);
    numbered((command.begin(), command.position()), moment, kinds)
}

/// The documents among these names, and in these groups, with what happened to them.
fn kinds_of(
    named: impl Iterator<Item = Xid>,
    command: &CommittedCommand,
    newest: &View,
) -> Vec<(Xid, Option<DocumentChangeKind>)> {
    let (before, after) =
        (newest.at_position(command.begin()), newest.at_position(command.position()));
    let mut resources = BTreeSet::new();
    for xid in named {
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
    let kinds = resources.into_iter().map(|resource| {
        let kind = match (before.has(&resource), after.has(&resource)) {
            (false, true) => Some(DocumentChangeKind::Created),
            (true, true) => Some(DocumentChangeKind::Updated),
            (true, false) => Some(DocumentChangeKind::Deleted),
            // Created and deleted again, or erased after it was deleted.
            (false, false) => None,
        };
        (resource, kind)
    });
    kinds.collect()
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
        let id = ChangeId { position, index };
        DocumentChange { id, begin, resource, kind, moment, cause: None }
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
