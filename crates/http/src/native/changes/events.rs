use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::changes::Change;
use muster_registry::Committed;
use muster_wire::changes::{Action, ChangeEvent, Changed, EventId, Subject};
use muster_words::{Moment, Xid};

use super::{difference::Differences, frame::Rendered, names::Names};

/// What an event is about. The order is that of a command's events: from the whole to its parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Registry,
    Model,
    ModelSource,
    Capabilities,
    Entity(Xid),
}

impl About {
    pub(super) fn of(xid: &Xid) -> Self {
        match xid {
            Xid::Registry => Self::Registry,
            Xid::Meta { .. } => Self::Entity(xid.parent().unwrap_or(Xid::Registry)),
            other => Self::Entity(other.clone()),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Registry => Subject::Registry,
            Self::Model => Subject::Model,
            Self::ModelSource => Subject::ModelSource,
            Self::Capabilities => Subject::Capabilities,
            Self::Entity(Xid::Group { .. }) => Subject::Group,
            Self::Entity(Xid::Version { .. }) => Subject::Version,
            Self::Entity(_) => Subject::Resource,
        }
    }

    fn xid(&self) -> String {
        match self {
            Self::Registry => "/".to_owned(),
            Self::Model => "/model".to_owned(),
            Self::ModelSource => "/modelsource".to_owned(),
            Self::Capabilities => "/capabilities".to_owned(),
            Self::Entity(xid) => xid.to_string(),
        }
    }
}

/// What happened to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Happened {
    pub action: Action,
    /// The attributes that are known to have changed.
    pub changed: BTreeSet<String>,
    /// Writes of which it isn't known yet what they changed. While there are any, no attribute is
    /// named: a list that names some would say that the others stayed.
    pub unknown: usize,
}

impl Happened {
    /// Something of which all is known.
    pub const fn of(action: Action, changed: BTreeSet<String>) -> Self {
        Self { action, changed, unknown: 0 }
    }

    /// Something of which no more is known.
    pub const fn unknown(action: Action) -> Self {
        Self { action, changed: BTreeSet::new(), unknown: 1 }
    }
}

/// What a command did, as events tell it: one for each thing, and of several deeds the weightiest
/// (xRegistry events, "Event Definition": deleted, created, updated).
pub(super) fn happened(command: &Committed, names: &Names) -> BTreeMap<About, Happened> {
    let mut told = Told(BTreeMap::new());
    let is_genesis =
        command.changes.iter().any(|(_, change)| matches!(change, Change::RegistryOpened(_)));
    for (index, (_, change)) in command.changes.iter().enumerate() {
        let taken = names.get(&index).map(Vec::as_slice).unwrap_or_default();
        match change {
            Change::RegistryWritten(_) if is_genesis => {}
            Change::RegistryWritten(_) => told.update(&Xid::Registry, None),
            Change::ModelWritten(_) => {
                told.tell(About::Model, Action::Updated, None);
                told.tell(About::ModelSource, Action::Updated, None);
                told.update(&Xid::Registry, Some(&["model", "modelsource"]));
            }
            Change::CapabilitiesWritten(_) => {
                told.tell(About::Capabilities, Action::Updated, None);
                told.update(&Xid::Registry, Some(&["capabilities"]));
            }
            Change::GroupWritten(body) => told.write(&body.group, body.epoch),
            Change::MetaWritten(body) => told.write(&body.resource, body.epoch),
            Change::VersionWritten(body) => told.write(&body.version, body.epoch),
            Change::MembersMoved(body) => {
                told.update(&body.parent, Some(&["epoch", "modifiedat"]));
            }
            Change::Hidden(_) | Change::Purged(_) => told.all(taken, Action::Deleted),
            Change::Restored(_) => told.all(taken, Action::Created),
            Change::RegistryOpened(_)
            | Change::KeyCreated(_)
            | Change::KeyRevoked(_)
            | Change::Answered(_) => {}
        }
    }
    told.0
}

/// What was told so far.
struct Told(BTreeMap<About, Happened>);

impl Told {
    fn tell(&mut self, about: About, action: Action, changed: Option<&[&str]>) {
        let there = self.0.entry(about).or_insert(Happened {
            action,
            changed: BTreeSet::new(),
            unknown: 0,
        });
        if weight(action) > weight(there.action) {
            there.action = action;
        }
        match changed {
            Some(names) => there.changed.extend(names.iter().map(|name| (*name).to_owned())),
            None => there.unknown += 1,
        }
    }

    fn update(&mut self, xid: &Xid, changed: Option<&[&str]>) {
        self.tell(About::of(xid), Action::Updated, changed);
    }

    fn write(&mut self, xid: &Xid, epoch: u64) {
        if epoch == 1 { self.come_or_go(xid, Action::Created) } else { self.update(xid, None) }
    }

    fn all(&mut self, names: &[Xid], action: Action) {
        for name in names {
            self.come_or_go(name, action);
        }
    }

    /// A thing came or went, and so its parent's collection of such things changed.
    fn come_or_go(&mut self, xid: &Xid, action: Action) {
        self.tell(About::of(xid), action, None);
        let Some(parent) = xid.parent() else { return };
        let (collection, meta) = match xid {
            Xid::Group { groups, .. } => (groups.as_str(), ""),
            Xid::Resource { resources, .. } => (resources.as_str(), ""),
            _ => ("versions", "meta."),
        };
        let (epoch, modified) = (format!("{meta}epoch"), format!("{meta}modifiedat"));
        let count = format!("{collection}count");
        self.update(&parent, Some(&[collection, &count, &epoch, &modified]));
    }
}

const fn weight(action: Action) -> u8 {
    match action {
        Action::Deleted => 3,
        Action::Created => 2,
        Action::Updated => 1,
        Action::Deprecation => 0,
    }
}

/// The events of a command as they are sent, numbered from 1.
///
/// What follows from the ledger's changes alone comes first, in the order of names. What needs a
/// look at stored attributes or earlier states comes last: where those were erased since, a
/// resumed stream lacks it and the numbers of the others stay.
pub(super) fn render(
    command: &Committed,
    happened: BTreeMap<About, Happened>,
    differences: Differences,
) -> Vec<Rendered> {
    let mut sure = happened;
    for (about, (names, writes)) in differences.changed {
        if let Some(there) = sure.get_mut(&about) {
            there.changed.extend(names);
            there.unknown = there.unknown.saturating_sub(writes);
        }
    }
    let mut late = differences.late;
    late.retain(|(about, late)| late.action == Action::Deprecation || !sure.contains_key(about));
    let Some(entry) = command.entries.last() else { return Vec::new() };
    let stamp = (entry.moment, entry.command.to_string());
    let mut rendered = Vec::with_capacity(sure.len() + late.len());
    for (about, one) in sure.into_iter().chain(late) {
        let k = u32::try_from(rendered.len() + 1).unwrap_or(u32::MAX - 1);
        let id = EventId { position: command.position(), k };
        rendered.extend(write(id, &stamp, &about, one));
    }
    rendered
}

fn write(
    id: EventId,
    (moment, command): &(Moment, String),
    about: &About,
    one: Happened,
) -> Option<Rendered> {
    let event = ChangeEvent::new(Changed {
        source: "",
        id,
        subject: about.subject(),
        action: one.action,
        xid: &about.xid(),
        moment: *moment,
        command,
        changed: if one.unknown == 0 { one.changed.into_iter().collect() } else { Vec::new() },
    })?;
    Some(Rendered::new(id, &event.to_sse()))
}
