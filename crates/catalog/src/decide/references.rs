use std::{collections::BTreeSet, sync::Arc};

use muster_schema::{Severity, Violation, ViolationSource};
use muster_words::Xid;

use super::{
    NoDecision,
    draft::{Draft, ResourceEdit},
};
use crate::{
    Catalog, Reason, Refusal, XidList,
    changes::ContentName,
    facts::{SchemaFacts, VersionFacts},
    state::Version,
};

impl Draft<'_> {
    /// Checks that the targets of all references will exist.
    pub(super) fn check_references(&self) -> Result<(), NoDecision> {
        if let Some(new) = &self.new_model {
            let targets = Catalog::model_targets(&new.model);
            if let Some(missing) = targets.iter().find(|target| !self.will_have(target)) {
                return Err(Refusal::binding_missing("/model", missing).into());
            }
        }
        let mut unjudged = self.unjudged.clone();
        for (xid, edit) in &self.resources {
            self.check_default(xid, edit)?;
            self.check_documents(edit, &mut unjudged)?;
            self.check_schemas(edit, &mut unjudged)?;
            self.check_published(edit, &mut unjudged)?;
        }
        for (xid, edit) in &self.groups {
            let is_there = |target: &&Xid| !self.will_have(target);
            if edit.own
                && let Some(missing) = edit.bindings.targets().find(is_there)
            {
                return Err(Refusal::binding_missing(xid, missing).into());
            }
        }
        if unjudged.is_empty() { Ok(()) } else { Err(NoDecision::Unjudged(unjudged)) }
    }

    /// A resource has the references of its default version.
    fn check_default(&self, xid: &Xid, edit: &ResourceEdit) -> Result<(), NoDecision> {
        let Some(default) = &edit.default else { return Ok(()) };
        let facts = match edit.versions.get(default) {
            Some(version) => &version.facts,
            None => {
                let old = edit.old.as_ref().and_then(|old| old.versions.get(default));
                let Some(version) = old else { return Ok(()) };
                // The default version stays the same, so its targets exist and are protected. What
                // this command hides is checked with the deletion.
                if edit.old.as_ref().is_some_and(|old| old.meta.default == *default) {
                    return Ok(());
                }
                &version.facts
            }
        };
        let missing: Vec<Violation> = facts
            .references
            .iter()
            .filter(|target| !self.will_have(target))
            .map(dangling)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Refusal::invalid_document(xid, missing).into())
    }

    /// Refuses to hide entities that others refer to, unless those are hidden as well; lists those.
    /// With `force`, only those count whose references the author may not break.
    pub(super) fn check_referrers(&self, force: bool) -> Result<(), NoDecision> {
        let versions = self.resources.iter().flat_map(|(xid, edit)| {
            edit.removed.iter().filter_map(|version| xid.version(version.clone()))
        });
        let going: Vec<Xid> = self.hidden.iter().cloned().chain(versions).collect();
        for gone in &going {
            let staying: BTreeSet<Xid> = self
                .catalog
                .referrers_of(gone)
                .into_iter()
                .filter(|referrer| !self.is_removed(referrer) && self.still_refers(referrer, gone))
                .filter(|referrer| !force || !self.authority.may_break(self.catalog, referrer))
                .collect();
            if !staying.is_empty() {
                return Err(referenced(gone, &staying).into());
            }
        }
        self.check_identifiers(force)
    }
}

impl Draft<'_> {
    /// Whether something that refers to a name will still do so after the command, which may write
    /// it, too.
    fn still_refers(&self, referrer: &Xid, gone: &Xid) -> bool {
        let names = |target: &Xid| {
            std::iter::successors(Some(target.clone()), Xid::parent).any(|name| name == *gone)
        };
        match referrer {
            Xid::Registry => match &self.new_model {
                Some(new) => Catalog::model_targets(&new.model).iter().any(names),
                None => true,
            },
            Xid::Group { .. } => match self.groups.get(referrer) {
                Some(edit) => edit.bindings.targets().any(names),
                None => true,
            },
            _ => match self.resources.get(referrer) {
                Some(edit) => {
                    default_facts(edit).is_none_or(|facts| facts.references.iter().any(names))
                        || schema_facts(edit).any(|facts| facts.references.iter().any(names))
                        || self.named_references(edit).iter().any(names)
                }
                None => true,
            },
        }
    }
}

/// What the default version of a written resource refers to.
fn default_facts(edit: &ResourceEdit) -> Option<&VersionFacts> {
    let default = edit.default.as_ref()?;
    match edit.versions.get(default) {
        Some(version) => Some(&version.facts),
        None => Some(&edit.old.as_ref()?.versions.get(default)?.facts),
    }
}

/// What the versions of a written resource are as schemas; each may be bound by its name.
fn schema_facts(edit: &ResourceEdit) -> impl Iterator<Item = &Arc<SchemaFacts>> {
    let stays = |version: &&Arc<Version>| {
        !edit.versions.contains_key(&version.id) && !edit.removed.contains(&version.id)
    };
    let old = edit.old.iter().flat_map(|old| old.versions.iter()).filter(stays);
    let facts = old.map(|version| &version.facts);
    let facts = facts.chain(edit.versions.values().map(|version| &version.facts));
    facts.filter_map(|facts| facts.schema.as_ref())
}

pub(super) fn dangling(target: &Xid) -> Violation {
    Violation {
        pointer: String::new(),
        source: ViolationSource::Reference,
        severity: Severity::Error,
        message: format!("there is no {target}"),
        place: None,
    }
}

/// The refusal to delete an entity that others refer to.
pub(super) fn referenced(xid: &Xid, referrers: &BTreeSet<Xid>) -> Refusal {
    Refusal::new(xid, Reason::Referenced { by: XidList::of(referrers) })
}

impl ContentName {
    /// The same content; if it isn't stored yet, in this command's own entry.
    pub(super) fn of_stored(content: Option<crate::Content>) -> Option<Self> {
        content.map(Self::from)
    }
}
