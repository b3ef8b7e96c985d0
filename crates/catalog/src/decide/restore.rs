use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Moment, Xid};

use super::{
    AnswerSubject, Decision, NoDecision, PreparedCommand, PreparedRestore, StoredAttributes,
    checked::unchecked,
    draft::{DocumentEdit, Draft, ResourceEdit, VersionEdit},
    preview::members,
    references::dangling,
};
use crate::{
    Absence, Catalog, Reason, Refusal, Unrestorable, VersionRefusal, XidList,
    apply::CommandFacts,
    changes::{Change, Outcome, Restored},
    command::Target,
    facts::VersionFacts,
    judge::{Dependency, IdLookup, Resolver, Verdict, binding_documents, must_be_schema},
    state::{Bindings, Group, HiddenEntity, Resource, Subtree, Version, resource_in},
};

/// The versions that a restore of this name brings back.
#[must_use]
pub fn revived(xid: &Xid, hidden: &HiddenEntity) -> Vec<(Xid, Arc<Version>)> {
    match &hidden.what {
        Subtree::Version(version) => vec![(xid.clone(), version.clone())],
        Subtree::Resource(resource) => versions_of(xid, resource),
        Subtree::Group(group) => versions_in_group(xid, group),
    }
}

/// The versions of all resources in a group.
pub(crate) fn versions_in_group(xid: &Xid, group: &Group) -> Vec<(Xid, Arc<Version>)> {
    members(xid, group)
        .filter_map(|name| {
            let Xid::Resource { resources, resource, .. } = &name else { return None };
            let found = crate::state::exact(group.resources.get(resources)?, resource)?;
            Some(versions_of(&name, found))
        })
        .flatten()
        .collect()
}

fn versions_of(xid: &Xid, resource: &Resource) -> Vec<(Xid, Arc<Version>)> {
    resource
        .versions
        .iter()
        .filter_map(|version| Some((xid.version(version.id.clone())?, version.clone())))
        .collect()
}

/// The draft of a restore, unless schemas there take no writes.
fn begun<'a>(
    (catalog, stored_attributes): (&'a Catalog, &'a dyn StoredAttributes),
    prepared: &'a PreparedCommand,
    xid: &Xid,
    now: Moment,
) -> Result<Draft<'a>, NoDecision> {
    let draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.check_deletable(&Target::Entity(xid.clone()))?;
    Ok(draft)
}

/// Undoes the last deletion of a name, with the same checks as for a put. `besides` are resources
/// that the same command brings.
pub(super) fn restore(
    (catalog, stored_attributes): (&Catalog, &dyn StoredAttributes),
    prepared: &PreparedCommand,
    action: &PreparedRestore,
    besides: &BTreeSet<Xid>,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let xid = &action.xid;
    let hidden = find(catalog, xid)?;
    if action.of != Some(hidden.stamp) {
        // The verdicts belong to another deletion.
        return Err(NoDecision::Stale);
    }
    let mut draft = begun((catalog, stored_attributes), prepared, xid, now)?;
    let mut facts = CommandFacts::default();
    if let Subtree::Group(group) = &hidden.what {
        facts.bindings.insert(xid.clone(), group.own.bindings.clone());
    }
    let mut coming = BTreeSet::from([xid.clone()]);
    for (name, version) in revived(xid, hidden) {
        coming.extend(name.resource());
        let erased = catalog.purged.get(name.to_string().as_str());
        if erased.is_some_and(|erased| *erased > hidden.stamp) {
            return Err(Refusal::new(name, Reason::Purged).into());
        }
        let group = bindings_of_group(catalog, xid, hidden);
        if version.document.is_none() {
            if let Some(resource) = name.resource()
                && let Some(bound) = bound_to(catalog, &resource, group.as_deref())
            {
                return Err(unchecked(&resource, &bound, false).into());
            }
            continue;
        }
        let Some(verdict) = action.verdicts.get(&name) else { return Err(NoDecision::Stale) };
        if !holds(catalog, &name, group.as_deref(), verdict) {
            return Err(NoDecision::Stale);
        }
        let resource = name.resource().unwrap_or_else(|| name.clone());
        draft.check_restored_schema(&resource, &version, verdict)?;
        facts.versions.insert(name, verdict.facts.clone());
    }
    check_targets(catalog, (xid, hidden), action, [&coming, besides])?;
    let mut written = Vec::new();
    for (name, resource) in resources_of(xid, hidden) {
        restore_resource(&mut draft, &name, &resource, &mut written, &mut facts)?;
    }
    match &hidden.what {
        Subtree::Group(_) => draft.registry_edit().members = true,
        Subtree::Resource(_) => {
            if let Some(edit) = xid.group().and_then(|group| draft.group_edit(&group)) {
                edit.members = true;
            }
        }
        Subtree::Version(version) => {
            let facts = facts.versions.get(xid).cloned().unwrap_or_default();
            let outcome = restore_version(&mut draft, xid, version, facts);
            draft.check_loaded(outcome.map(|change| written.extend(change)))?;
        }
    }
    let mut decision = draft.emit(facts)?;
    decision.changes.push(Change::Restored(Restored { xid: xid.clone() }));
    decision.changes.extend(written);
    decision.outcome = Some(Outcome::Created);
    decision.shows = AnswerSubject::Entity(xid.clone());
    Ok(decision)
}

/// What the group binds of which something is restored, or which is restored itself.
fn bindings_of_group(catalog: &Catalog, xid: &Xid, hidden: &HiddenEntity) -> Option<Arc<Bindings>> {
    match &hidden.what {
        Subtree::Group(group) => Some(group.own.bindings.clone()),
        _ => catalog.group_at(xid).map(|group| group.own.bindings.clone()),
    }
}

/// The first schema or rule that checks a restored resource.
fn bound_to(catalog: &Catalog, resource: &Xid, bindings: Option<&Bindings>) -> Option<Xid> {
    let Xid::Resource { groups, resources, .. } = resource else { return None };
    let kind = catalog.model.resource_type(groups.as_str(), resources.as_str())?;
    if !kind.hasdocument {
        return None;
    }
    binding_documents(catalog, kind, bindings).into_iter().next().map(|(name, _)| name)
}

/// Restores a version as if it were put: it gets an ancestor, it may become the newest, and others
/// may be pruned. Returns the change that must follow its restoration, if there is one.
fn restore_version(
    draft: &mut Draft<'_>,
    xid: &Xid,
    version: &Arc<Version>,
    facts: VersionFacts,
) -> Result<Option<Change>, NoDecision> {
    let resource = xid.resource().ok_or_else(|| Refusal::not_found(xid))?;
    let kind = draft.kind_of(&resource)?;
    let edit = draft.existing(&resource, &kind);
    let mut edit = edit.ok_or_else(|| Refusal::not_found(&resource))?;
    let mut back = VersionEdit::of(version.clone(), draft.now);
    back.old = None;
    back.facts = facts;
    // It was checked like a new document.
    back.document = version.document.map(|content| DocumentEdit::New(content.into()));
    back.is_judged = back.document.is_some();
    if !edit.has(&version.ancestor) {
        back.ancestor = Some(version.id.clone());
    }
    edit.versions.insert(version.id.clone(), back);
    edit.resolve_ancestors(draft.now)?;
    draft.update_default(&mut edit)?;
    edit.prune(draft.now)?;
    if !edit.has(&version.id) {
        let reason = Unrestorable::Oldest { max: kind.maxversions };
        return Err(Refusal::new(xid, Reason::RestoreRefused(reason)).into());
    }
    draft.check_formats(&edit)?;
    draft.check_matched(&edit)?;
    edit.touched = true;
    draft.resources.insert(resource.clone(), edit);
    draft.check_references()?;
    draft.check_referrers(false)?;
    let back =
        draft.resources.get_mut(&resource).and_then(|edit| edit.versions.remove(&version.id));
    let Some(back) = back.filter(|back| back.ancestor.as_ref() != Some(&version.ancestor)) else {
        return Ok(None);
    };
    let mut written = draft.emit_version(xid.clone(), &version.id, &back);
    written.epoch = version.epoch + 1;
    Ok(Some(Change::VersionWritten(written)))
}

/// The resources that a restore brings back as a whole.
fn resources_of(xid: &Xid, hidden: &HiddenEntity) -> Vec<(Xid, Arc<Resource>)> {
    match &hidden.what {
        Subtree::Version(_) => Vec::new(),
        Subtree::Resource(resource) => vec![(xid.clone(), resource.clone())],
        Subtree::Group(group) => members(xid, group)
            .filter_map(|name| Some((name.clone(), resource_in(group, &name)?.clone())))
            .collect(),
    }
}

/// Applies the rules of its type to a restored resource: while it was hidden, the model may have
/// changed, and versions may have been purged. Refuses more versions than the type allows. Adds the
/// changes that must follow the restoration.
fn restore_resource(
    draft: &mut Draft<'_>,
    name: &Xid,
    resource: &Arc<Resource>,
    written: &mut Vec<Change>,
    facts: &mut CommandFacts,
) -> Result<(), NoDecision> {
    let kind = draft.kind_of(name)?;
    let (count, max) = (resource.versions.len() as u64, kind.maxversions);
    if max > 0 && count > max {
        let reason = Unrestorable::TooManyVersions { count, max };
        return Err(Refusal::new(name, Reason::RestoreRefused(reason)).into());
    }
    if max == 1 && resource.meta.sticky {
        return Err(Refusal::new(
            name,
            VersionRefusal::NothingToPin { pinned: XidList::default() },
        )
        .into());
    }
    let mut edit = ResourceEdit::of(name, &kind, resource.clone(), draft.now);
    edit.resolve_ancestors(draft.now)?;
    draft.update_default(&mut edit)?;
    edit.touched |= edit.default.as_ref() != Some(&resource.meta.default);
    draft.emit_resource(name, &edit, written, facts)?;
    Ok(())
}

fn find<'a>(catalog: &'a Catalog, xid: &Xid) -> Result<&'a Arc<HiddenEntity>, Refusal> {
    let name = xid.to_string();
    if let Some(hidden) = catalog.hidden.get(name.as_str()) {
        if let Some(existing) = catalog.taken(xid) {
            return Err(Refusal::new(xid, Reason::NameTaken { existing }));
        }
        let parent = xid.parent().unwrap_or(Xid::Registry);
        if !catalog.has(&parent) {
            return Err(Refusal::new(&parent, Reason::NotFound(Absence::Parent)));
        }
        return Ok(hidden);
    }
    if catalog.purged.contains_key(name.as_str()) {
        return Err(Refusal::new(xid, Reason::Purged));
    }
    if catalog.has(xid) {
        return Err(Refusal::new(xid, Reason::NothingHidden));
    }
    Err(Refusal::new(xid, Reason::NotFound(Absence::Deleted)))
}

/// Whether a verdict on a restored version is still valid.
fn holds(catalog: &Catalog, xid: &Xid, bindings: Option<&Bindings>, verdict: &Verdict) -> bool {
    let Xid::Version { groups, resources, .. } = xid else { return false };
    let Some(kind) = catalog.model.resource_type(groups.as_str(), resources.as_str()) else {
        return false;
    };
    let is_same = |(name, content): &Dependency| catalog.content_at(name) == *content;
    let is_still =
        |(group, id, found): &IdLookup| Resolver::identified(catalog, group, id) == *found;
    binding_documents(catalog, kind, bindings) == verdict.bindings
        && verdict.is_bound_as(bindings)
        && (verdict.is_schema || !must_be_schema(catalog, kind, xid))
        && verdict.schema_references.iter().all(is_same)
        && verdict.schema_ids.iter().all(is_still)
}

/// Refuses a restore if its documents or bindings refer to something that doesn't exist and isn't
/// restored with them.
fn check_targets(
    catalog: &Catalog,
    (xid, hidden): (&Xid, &HiddenEntity),
    action: &PreparedRestore,
    coming: [&BTreeSet<Xid>; 2],
) -> Result<(), NoDecision> {
    let comes = |target: &Xid| {
        coming.iter().any(|names| names.contains(target)) || action.verdicts.contains_key(target)
    };
    let bindings = match &hidden.what {
        Subtree::Group(group) => group.own.bindings.clone(),
        _ => Arc::default(),
    };
    let missing = |target: &&Xid| !comes(target) && !catalog.has(target);
    if let Some(target) = bindings.targets().find(missing) {
        return Err(Refusal::binding_missing(xid, target).into());
    }
    for (name, verdict) in &action.verdicts {
        if let Some(target) = verdict.facts.references.iter().find(missing) {
            let subject = name.resource().unwrap_or_else(|| name.clone());
            return Err(Refusal::invalid_document(&subject, vec![dangling(target)]).into());
        }
    }
    Ok(())
}
