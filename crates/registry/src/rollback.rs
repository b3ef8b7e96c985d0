//! Rollbacks: what a place said at an earlier position, compared with what it says now, becomes a
//! plan. The plan is judged and decided like any other command.

mod step;
mod synced;
mod turned;

use std::sync::Arc;

use bytes::Bytes;
use muster_catalog::{
    Absence, Catalog, Content, Lifecycle, Reason, Refusal, View,
    command::{
        Action, Command, Plan, PlannedDocument, RegistryPart, Rollback, RollbackTarget, Succession,
    },
};
use muster_history::{EntityDifference, ResourceState, written_entities};
use muster_words::{ContentRef, Id, Xid, limits::BODY_BYTES_MAX};

pub use step::RollbackStep;
use step::{Loaded, planned_document};
use synced::SyncedDocuments;
use turned::Turned;

use crate::{CommandOrigin, PlanTrial, Registry, SubmitError, registry::RegistryInner};

/// What a rollback would do.
#[derive(Clone, Debug)]
pub struct RollbackTrial {
    /// The steps, sorted: each group before its resources.
    pub steps: Vec<RollbackStep>,
    /// What can't come back, because its contents were purged.
    pub erased: Vec<Xid>,
    /// What stays, because it was changed after a sync wrote it.
    pub kept: Vec<Xid>,
    /// What would become of the steps.
    pub trial: PlanTrial,
}

/// A rollback as a plan.
pub(crate) struct RollbackPlan {
    pub plan: Plan,
    pub entities: Vec<TurnedEntity>,
    pub erased: Vec<Xid>,
    pub kept: Vec<Xid>,
    pub loaded: Loaded,
}

/// An entity that a rollback changes.
#[derive(Clone, Debug)]
pub(crate) struct TurnedEntity {
    pub xid: Xid,
    /// What the rollback does with it.
    pub difference: EntityDifference,
    /// What it says now, or will say when it is restored; none if it is created.
    pub now: Option<PresentState>,
    pub then: Option<EntityState>,
}

/// What an entity says now, or will say when it is restored.
#[derive(Clone, Debug)]
pub(crate) struct PresentState {
    pub state: EntityState,
    /// The id that the server chooses for the next version of a resource.
    pub next_version: Option<Id>,
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

impl PresentState {
    fn of(view: &View, xid: &Xid) -> Option<Self> {
        let resource = view.resource_at(xid);
        let next = resource.and_then(|resource| {
            let last = resource.meta().last_number;
            next_version(last, |id| resource.version(id).is_some())
        });
        Some(Self { state: EntityState::of(view, xid)?, next_version: next })
    }

    /// What a resource says, with the id of its next version.
    pub(crate) fn resource(&self) -> Option<(&ResourceState, Option<&Id>)> {
        Some((self.state.resource()?, self.next_version.as_ref()))
    }
}

/// Whether a version in this state becomes the default one beside others. A rollback pins one that
/// doesn't.
pub(crate) const fn is_shown_by_itself(state: Lifecycle) -> bool {
    matches!(state, Lifecycle::Stable | Lifecycle::Deprecated)
}

/// The id that the server chooses for the next version.
fn next_version(last_number: u64, has: impl Fn(&Id) -> bool) -> Option<Id> {
    let numbers = last_number.saturating_add(1)..;
    let mut ids = numbers.map_while(|number| number.to_string().parse::<Id>().ok());
    ids.find(|id| !has(id))
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
        Ok(RollbackTrial { steps, erased: found.erased, kept: found.kept, trial })
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
        check_unchanged(&now, rollback)?;
        let turned = turned(&now, rollback)?;
        let restored = turned.restored_in_order();
        let Turned { entities, erased, kept, .. } = turned;
        let loaded = self.load(&entities).await?;
        let mut plan = Plan { restored, ..Plan::default() };
        for entity in &entities {
            add_to(&mut plan, &now, entity, &loaded);
        }
        Ok(RollbackPlan { plan, entities, erased, kept, loaded })
    }

    /// Reads what the earlier states hold, and the attributes of those that there are now.
    async fn load(&self, entities: &[TurnedEntity]) -> Result<Loaded, SubmitError> {
        let (mut maps, mut documents) = (Vec::new(), Vec::new());
        let mut size = 0_usize;
        let is_written = |entity: &&TurnedEntity| entity.then.is_some() && !entity.is_as_it_was();
        for entity in entities.iter().filter(is_written) {
            let now = entity.now.as_ref().map(|now| &now.state);
            let states = now.into_iter().chain(&entity.then);
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
        match self.now.as_ref().and_then(PresentState::resource) {
            Some((now, _)) if now.has_document_of(then) => None,
            _ => then.document,
        }
    }

    /// Whether it says already what it said then, or will when it is restored.
    pub(crate) fn is_as_it_was(&self) -> bool {
        match (self.now.as_ref().map(|now| &now.state), &self.then) {
            (Some(EntityState::Resource(now)), Some(EntityState::Resource(then))) => {
                let is_shown_by_pin = now.sticky && !is_shown_by_itself(then.state);
                let then = ResourceState { sticky: then.sticky || is_shown_by_pin, ..then.clone() };
                now.is_like(&then)
            }
            (Some(EntityState::Group(now)), Some(EntityState::Group(then))) => {
                now.map(|content| content.digest) == then.map(|content| content.digest)
            }
            _ => false,
        }
    }
}

/// What a rollback changes, restores, and can't bring back.
fn turned(now: &View, rollback: &Rollback) -> Result<Turned, Refusal> {
    match &rollback.to {
        RollbackTarget::Version(version) => {
            let entities = to_version(now, &rollback.place, version)?;
            Ok(Turned { entities, ..Turned::default() })
        }
        RollbackTarget::At { stamp, moment } => {
            let then = now.back_to(*stamp, *moment);
            check_place(now, &then, &rollback.place)?;
            Turned::to_view(now, &then, &rollback.place)
        }
        RollbackTarget::BeforeSync { sync, since, until } => {
            let found = SyncedDocuments::of(now, (sync, *since, *until), &rollback.place);
            if found.written.is_empty() && found.kept.is_empty() {
                let absence = Absence::Sync(sync.clone());
                return Err(Refusal::new(&rollback.place, Reason::NotFound(absence)));
            }
            Turned::before_sync(now, found)
        }
    }
}

/// What was planned isn't done if something at the place was written since, even if it shows the
/// same: a version that it goes back to may say something else now.
fn check_unchanged(now: &View, rollback: &Rollback) -> Result<(), Refusal> {
    let Some((stamp, moment)) = rollback.unchanged_since else { return Ok(()) };
    let planned = now.back_to(stamp, moment);
    match written_entities(&planned, now, &rollback.place).next() {
        None => Ok(()),
        Some(changed) => {
            let reason = Reason::PreconditionFailed { header: "unchanged_since" };
            Err(Refusal::new(changed.xid, reason))
        }
    }
}

/// A name that exists neither now nor then is a mistake.
fn check_place(now: &View, then: &View, place: &RegistryPart) -> Result<(), Refusal> {
    let has_type = |groups: &Id| {
        [now, then].iter().any(|view| view.model().group_type(groups.as_str()).is_some())
    };
    match place {
        RegistryPart::Entity(xid) | RegistryPart::Resources { group: xid, .. }
            if !now.has(xid) && !then.has(xid) =>
        {
            Err(Refusal::not_found(xid))
        }
        RegistryPart::Groups(groups) if !has_type(groups) => {
            let absence = Absence::GroupType(groups.clone());
            Err(Refusal::new(place, Reason::NotFound(absence)))
        }
        _ => Ok(()),
    }
}

fn to_version(
    now: &View,
    place: &RegistryPart,
    version: &Id,
) -> Result<Vec<TurnedEntity>, Refusal> {
    let missing = || Refusal::not_found(place);
    let RegistryPart::Entity(xid @ Xid::Resource { .. }) = place else { return Err(missing()) };
    let resource = now.resource_at(xid).ok_or_else(missing)?;
    let found = resource.version(version).ok_or_else(|| {
        Refusal::not_found(xid.version(version.clone()).unwrap_or_else(|| xid.clone()))
    })?;
    let then = EntityState::Resource(ResourceState::of_version(found, resource.meta()));
    let now = PresentState::of(now, xid).ok_or_else(missing)?;
    let difference = EntityDifference::Changed;
    let entity = TurnedEntity { xid: xid.clone(), difference, now: Some(now), then: Some(then) };
    Ok(if entity.is_as_it_was() { Vec::new() } else { vec![entity] })
}

/// Adds an entity's changes to a plan.
fn add_to(plan: &mut Plan, now: &View, entity: &TurnedEntity, loaded: &Loaded) {
    let xid = &entity.xid;
    match &entity.then {
        None => plan.deleted.push(xid.clone()),
        // It is restored with something, or as it is.
        Some(_) if entity.is_as_it_was() => {}
        Some(EntityState::Group(then)) => {
            let old = match entity.now.as_ref().map(|now| &now.state) {
                Some(EntityState::Group(old)) => *old,
                _ => None,
            };
            plan.groups.push((xid.clone(), loaded.changed(old, *then)));
        }
        Some(EntityState::Resource(then)) => {
            let kind = xid.collection().and_then(|collection| {
                let resources = collection.resources?;
                now.model().resource_type(collection.groups.as_str(), resources.as_str()).cloned()
            });
            let bytes: Option<Bytes> =
                entity.new_document().and_then(|name| loaded.document(&name));
            plan.documents.push(PlannedDocument {
                attributes: planned_document(
                    entity.now.as_ref().and_then(PresentState::resource),
                    then,
                    kind.as_deref(),
                    bytes.is_some(),
                    loaded,
                ),
                xid: xid.clone(),
                bytes,
            });
        }
    }
}
