use std::{collections::BTreeSet, sync::Arc};

use muster_catalog::{
    Reason, Refusal, View,
    command::RegistryPart,
    state::{HiddenEntity, Subtree},
    sync::CONFLICTS,
};
use muster_history::{
    ChangedEntity, EntityDifference, ResourceState, changed_entities, entity_order,
};
use muster_words::{Position, Xid, limits::COMMAND_ENTITIES_MAX};

use super::{EntityState, PresentState, SyncedDocuments, TurnedEntity, next_version};

/// What a rollback to an earlier view changes.
#[derive(Default)]
pub(super) struct Turned {
    pub entities: Vec<TurnedEntity>,
    /// What can't come back, because its contents were purged.
    pub erased: Vec<Xid>,
    /// What stays, because it was changed after a sync wrote it.
    pub kept: Vec<Xid>,
    /// The names of which the last deletion is undone. A set, because it is asked for each entity.
    pub restored: BTreeSet<Xid>,
}

impl Turned {
    pub fn to_view(now: &View, then: &View, place: &RegistryPart) -> Result<Self, Refusal> {
        let mut found = Self::default();
        let mut gone: Option<Xid> = None;
        for ChangedEntity { xid, difference } in changed_entities(now, then, place) {
            // A conflict is about what the registries hold now, whatever a document said before.
            if xid.group_ids().is_some_and(|(groups, _)| groups.as_str() == CONFLICTS) {
                continue;
            }
            let group = xid.group();
            if difference == EntityDifference::Removed {
                // A group takes along what is in it.
                if group.is_some() && group == gone {
                    continue;
                }
                if matches!(xid, Xid::Group { .. }) {
                    gone = Some(xid.clone());
                }
            }
            // What is in a restored group was compared with it.
            let is_told = matches!(xid, Xid::Resource { .. })
                && group.is_some_and(|group| found.restored.contains(&group));
            if !is_told {
                found.add((now, now), then, xid, difference);
            }
            if found.entities.len() > COMMAND_ENTITIES_MAX {
                let entities = found.entities.len();
                return Err(Refusal::new(place, Reason::CommandTooLarge { entities }));
            }
        }
        Ok(found)
    }

    /// What documents said before a sync wrote them.
    pub fn before_sync(now: &View, found: SyncedDocuments) -> Result<Self, Refusal> {
        let SyncedDocuments { written, kept } = found;
        let mut turned = Self { kept, ..Self::default() };
        for (xid, before) in written {
            let then = now.at_position(before);
            let difference = match (now.has(&xid), then.has(&xid)) {
                (true, true) => EntityDifference::Changed,
                (true, false) => EntityDifference::Removed,
                // Its group was deleted afterwards, by somebody else: a sync deletes no groups.
                (false, true) if xid.group().is_some_and(|group| !now.has(&group)) => {
                    turned.kept.push(xid);
                    continue;
                }
                (false, true) => EntityDifference::Added,
                (false, false) => continue,
            };
            turned.add((now, now), &then, xid, difference);
            let entities = turned.entities.len();
            if entities > COMMAND_ENTITIES_MAX {
                let reason = Reason::CommandTooLarge { entities };
                return Err(Refusal::new(RegistryPart::All, reason));
            }
        }
        Ok(turned)
    }

    /// The restored names, in an order in which that can be done.
    pub fn restored_in_order(&self) -> Vec<Xid> {
        let mut names: Vec<Xid> = self.restored.iter().cloned().collect();
        names.sort_by_cached_key(order);
        names
    }

    /// Adds an entity that says something else in a view: the present one, or the one in which a
    /// deleted group was still there.
    fn add(
        &mut self,
        (newest, now): (&View, &View),
        then: &View,
        xid: Xid,
        difference: EntityDifference,
    ) {
        if difference != EntityDifference::Removed && then.erased(&xid).is_some() {
            self.erased.push(xid);
            return;
        }
        // What is in a group comes behind it.
        let from = self.entities.len();
        let mut state = PresentState::of(now, &xid);
        let hidden = match difference {
            EntityDifference::Added => self.restorable(newest, &xid),
            _ => None,
        };
        let mut group_was = None;
        if let Some(hidden) = hidden {
            match &hidden.what {
                Subtree::Resource(resource) => {
                    let default = resource.versions.get(&resource.meta.default);
                    state = default.map(|version| PresentState {
                        state: EntityState::Resource(ResourceState::of_version(
                            version,
                            &resource.meta,
                        )),
                        next_version: next_version(resource.meta.last_number, |id| {
                            resource.versions.get(id).is_some()
                        }),
                    });
                }
                Subtree::Group(_) => {
                    let last = Position(hidden.stamp.position.0.saturating_sub(1));
                    let view = newest.at_position(last);
                    state = PresentState::of(&view, &xid);
                    group_was = Some(view);
                }
                Subtree::Version(_) => {}
            }
            if state.is_some() {
                self.restored.insert(xid.clone());
            }
        }
        let then_state = EntityState::of(then, &xid);
        let entity = TurnedEntity { xid: xid.clone(), difference, now: state, then: then_state };
        if difference != EntityDifference::Changed || !entity.is_as_it_was() {
            self.entities.push(entity);
        }
        if let Some(was) = group_was {
            self.add_group(newest, &was, then, &xid);
            self.entities[from..].sort_by(|one, other| entity_order(&one.xid, &other.xid));
        }
    }

    /// Adds what is in a group that is restored.
    fn add_group(&mut self, newest: &View, was: &View, then: &View, group: &Xid) {
        let place = RegistryPart::Entity(group.clone());
        let mut differing = BTreeSet::new();
        for ChangedEntity { xid, difference } in changed_entities(was, then, &place) {
            differing.insert(xid.clone());
            if xid != *group {
                self.add((newest, was), then, xid, difference);
            }
        }
        // The rest comes back with the group, and is only told.
        let nothing = newest.at_position(Position::ZERO);
        let back = changed_entities(&nothing, then, &place).map(|one| one.xid);
        for xid in back.filter(|xid| xid != group && !differing.contains(xid)) {
            if self.entities.len() >= COMMAND_ENTITIES_MAX {
                break;
            }
            let (now, then) = (PresentState::of(was, &xid), EntityState::of(then, &xid));
            let difference = EntityDifference::Added;
            self.entities.push(TurnedEntity { xid, difference, now, then });
        }
    }

    /// The deletion of a name that can be undone; none if there is none, if something in it was
    /// purged since, or if its parent isn't there.
    fn restorable<'a>(&self, newest: &'a View, xid: &Xid) -> Option<&'a Arc<HiddenEntity>> {
        let catalog = newest.catalog();
        let hidden = catalog.hidden.get(xid.to_string().as_str())?;
        let parent = xid.parent()?;
        if !newest.has(&parent) && !self.restored.contains(&parent) {
            return None;
        }
        let inside = format!("{xid}/");
        let below = catalog.purged.range::<_, Arc<str>>(Arc::from(inside.as_str())..);
        let mut below = below.take_while(|(name, _)| name.starts_with(&inside));
        let is_whole = !below.any(|(_, purge)| purge.position > hidden.stamp.position);
        is_whole.then_some(hidden)
    }
}

/// Schemas and rules come back before the documents that are bound to them, and groups before what
/// is in them.
fn order(xid: &Xid) -> (bool, Xid) {
    let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
    (!matches!(groups, Some("schemagroups" | "rulegroups")), xid.clone())
}
