//! Rollbacks: what a place said at an earlier position, compared with what it says now, becomes a
//! plan. The plan is judged and decided like any other command.

mod step;

use std::sync::Arc;

use bytes::Bytes;
use muster_catalog::{
    Absence, Catalog, Content, Reason, Refusal, View,
    command::{
        Action, Command, Place, Plan, PlannedDocument, Rollback, RollbackTarget, Succession,
    },
};
use muster_history::{ChangedEntity, EntityDifference, ResourceState, changed_entities};
use muster_words::{
    ContentRef, Id, Xid,
    limits::{BODY_BYTES_MAX, COMMAND_ENTITIES_MAX},
};

pub use step::RollbackStep;
use step::{Loaded, StateNow, planned_document};

use crate::{CommandOrigin, PlanTrial, Registry, SubmitError, registry::RegistryInner};

/// What a rollback would do.
#[derive(Clone, Debug)]
pub struct RollbackTrial {
    /// The steps, sorted: each group before its resources.
    pub steps: Vec<RollbackStep>,
    /// What can't come back, because its contents were purged.
    pub erased: Vec<Xid>,
    /// What would become of the steps.
    pub trial: PlanTrial,
}

/// A rollback as a plan.
pub(crate) struct RollbackPlan {
    pub plan: Plan,
    pub entities: Vec<TurnedEntity>,
    pub erased: Vec<Xid>,
    pub loaded: Loaded,
}

/// An entity that a rollback changes.
#[derive(Clone, Debug)]
pub(crate) struct TurnedEntity {
    pub xid: Xid,
    /// What the rollback does with it.
    pub difference: EntityDifference,
    pub now: Option<EntityState>,
    pub then: Option<EntityState>,
}

/// What an entity says.
#[derive(Clone, Debug)]
pub(crate) enum EntityState {
    Group(Option<Content>),
    Resource(ResourceState),
}

impl EntityState {
    fn of(view: &View, xid: &Xid) -> Option<Self> {
        match xid {
            Xid::Group { .. } => Some(Self::Group(view.group_at(xid)?.attributes())),
            _ => Some(Self::Resource(ResourceState::of(&view.resource_at(xid)?)?)),
        }
    }

    /// Its attributes, those of its Meta, and its document.
    fn contents(&self) -> [Option<Content>; 3] {
        match self {
            Self::Group(attributes) => [*attributes, None, None],
            Self::Resource(state) => [state.attributes, state.meta, state.document],
        }
    }

    pub(crate) const fn resource(&self) -> Option<&ResourceState> {
        match self {
            Self::Group(_) => None,
            Self::Resource(state) => Some(state),
        }
    }
}

impl Registry {
    /// Finds out what a rollback would do. The action of the command is a rollback.
    ///
    /// # Errors
    /// See [`SubmitError`]. A refusal that isn't about a step is an error.
    pub async fn try_rollback(
        &self,
        command: Command,
        by: &CommandOrigin,
    ) -> Result<RollbackTrial, SubmitError> {
        muster_guard::authorize_command(&by.principal, &command)?;
        let Action::Rollback(rollback) = &command.action else { return Err(SubmitError::Fault) };
        let view = self.inner.catalog();
        let mut found = self.inner.plan_rollback(&view, rollback).await?;
        let steps = self.inner.rollback_steps(&mut found).await?;
        let action = Action::Apply(found.plan);
        let planned = Command { action, succession: Succession::AsSent, ..command };
        let trial = self.try_plan(planned, by).await?;
        Ok(RollbackTrial { steps, erased: found.erased, trial })
    }
}

impl RegistryInner {
    /// The plan of a rollback, from the state then and the state of a view.
    ///
    /// # Errors
    /// The place or the version doesn't exist, the rollback is larger than a command may be, or the
    /// ledger can't be read.
    pub(crate) async fn plan_rollback(
        &self,
        catalog: &Arc<Catalog>,
        rollback: &Rollback,
    ) -> Result<RollbackPlan, SubmitError> {
        let now = View::newest(catalog.clone());
        let (entities, erased) = turned(&now, rollback)?;
        let loaded = self.load(&entities).await?;
        let mut plan = Plan::default();
        for entity in &entities {
            add_to(&mut plan, &now, entity, &loaded);
        }
        Ok(RollbackPlan { plan, entities, erased, loaded })
    }

    /// Reads what the earlier states hold, and the attributes of those that there are now.
    async fn load(&self, entities: &[TurnedEntity]) -> Result<Loaded, SubmitError> {
        let (mut maps, mut documents) = (Vec::new(), Vec::new());
        let mut size = 0_usize;
        for entity in entities.iter().filter(|entity| entity.then.is_some()) {
            let states = [&entity.now, &entity.then].into_iter().flatten();
            for [attributes, meta, _] in states.map(EntityState::contents) {
                maps.extend([attributes, meta].into_iter().flatten());
            }
            documents.extend(entity.new_document());
            let sent = entity.then.iter().flat_map(EntityState::contents).flatten();
            size = sent.fold(size, |size, content| size.saturating_add(content.size as usize));
        }
        // As much as one request may bring: the writer has to hold all of it.
        if size > BODY_BYTES_MAX {
            return Err(SubmitError::CommandTooLarge);
        }
        let mut loaded = Loaded::default();
        let names = maps.iter().map(Content::reference);
        loaded.maps.extend(names.zip(self.maps(&maps).await?));
        let names: Vec<ContentRef> = documents.iter().map(Content::reference).collect();
        let read = self.fetch_named(&names).await?;
        let read = names.into_iter().zip(read);
        loaded.documents.extend(read.filter_map(|(name, bytes)| Some((name, bytes?))));
        Ok(loaded)
    }
}

impl TurnedEntity {
    /// The earlier document, if a new version gets it.
    pub(crate) fn new_document(&self) -> Option<Content> {
        let then = self.then.as_ref()?.resource()?;
        let is_there = self.now.as_ref().and_then(EntityState::resource);
        match is_there {
            Some(now) if now.has_document_of(then) => None,
            _ => then.document,
        }
    }
}

/// The entities that a rollback changes, and those that can't come back.
fn turned(now: &View, rollback: &Rollback) -> Result<(Vec<TurnedEntity>, Vec<Xid>), Refusal> {
    match &rollback.to {
        RollbackTarget::Version(version) => {
            Ok((to_version(now, &rollback.place, version)?, vec![]))
        }
        RollbackTarget::At { stamp, moment } => {
            let then = now.back_to(*stamp, *moment);
            check_place(now, &then, &rollback.place)?;
            to_view(now, &then, &rollback.place)
        }
    }
}

/// A name that exists neither now nor then is a mistake.
fn check_place(now: &View, then: &View, place: &Place) -> Result<(), Refusal> {
    let has_type = |groups: &Id| {
        [now, then].iter().any(|view| view.model().group_type(groups.as_str()).is_some())
    };
    match place {
        Place::Entity(xid) | Place::Resources { group: xid, .. }
            if !now.has(xid) && !then.has(xid) =>
        {
            Err(Refusal::not_found(xid))
        }
        Place::Groups(groups) if !has_type(groups) => {
            let absence = Absence::GroupType(groups.clone());
            Err(Refusal::new(place, Reason::NotFound(absence)))
        }
        _ => Ok(()),
    }
}

fn to_version(now: &View, place: &Place, version: &Id) -> Result<Vec<TurnedEntity>, Refusal> {
    let missing = || Refusal::not_found(place);
    let Place::Entity(xid @ Xid::Resource { .. }) = place else { return Err(missing()) };
    let resource = now.resource_at(xid).ok_or_else(missing)?;
    let found = resource.version(version).ok_or_else(|| {
        Refusal::not_found(xid.version(version.clone()).unwrap_or_else(|| xid.clone()))
    })?;
    let state = ResourceState::of(&resource).ok_or_else(missing)?;
    let then = ResourceState::of_version(found, resource.meta());
    if state.is_like(&then) {
        return Ok(Vec::new());
    }
    let (now, then) = (Some(EntityState::Resource(state)), Some(EntityState::Resource(then)));
    let difference = EntityDifference::Changed;
    Ok(vec![TurnedEntity { xid: xid.clone(), difference, now, then }])
}

fn to_view(
    now: &View,
    then: &View,
    place: &Place,
) -> Result<(Vec<TurnedEntity>, Vec<Xid>), Refusal> {
    let (mut found, mut erased) = (Vec::new(), Vec::new());
    let mut gone: Option<Xid> = None;
    for ChangedEntity { xid, difference } in changed_entities(now, then, place) {
        if difference == EntityDifference::Removed {
            // A group takes along what is in it.
            if xid.group().is_some() && xid.group() == gone {
                continue;
            }
            if matches!(xid, Xid::Group { .. }) {
                gone = Some(xid.clone());
            }
        } else if then.erased(&xid).is_some() {
            erased.push(xid);
            continue;
        }
        let (now, then) = (EntityState::of(now, &xid), EntityState::of(then, &xid));
        found.push(TurnedEntity { xid, difference, now, then });
        if found.len() > COMMAND_ENTITIES_MAX {
            let entities = found.len();
            return Err(Refusal::new(place, Reason::CommandTooLarge { entities }));
        }
    }
    Ok((found, erased))
}

/// Adds an entity's changes to a plan.
fn add_to(plan: &mut Plan, now: &View, entity: &TurnedEntity, loaded: &Loaded) {
    let xid = &entity.xid;
    match (&entity.now, &entity.then) {
        (_, None) => plan.deleted.push(xid.clone()),
        (old, Some(EntityState::Group(then))) => {
            let old = match old {
                Some(EntityState::Group(old)) => *old,
                _ => None,
            };
            plan.groups.push((xid.clone(), loaded.changed(old, *then)));
        }
        (old, Some(EntityState::Resource(then))) => {
            let resource = now.resource_at(xid);
            let there = old.as_ref().and_then(EntityState::resource);
            let there = there.zip(resource).map(|(state, view)| StateNow { state, view });
            let kind = xid.collection().and_then(|collection| {
                let resources = collection.resources?;
                now.model().resource_type(collection.groups.as_str(), resources.as_str()).cloned()
            });
            let bytes: Option<Bytes> =
                entity.new_document().and_then(|name| loaded.document(&name));
            plan.documents.push(PlannedDocument {
                attributes: planned_document(there, then, kind.as_deref(), bytes.is_some(), loaded),
                xid: xid.clone(),
                bytes,
            });
        }
    }
}
