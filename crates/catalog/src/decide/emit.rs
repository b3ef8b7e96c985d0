use std::sync::Arc;

use bytes::Bytes;
use muster_words::{Moment, Xid, json};
use serde_json::{Map, Value};

use super::{
    AnswerSubject, Decision, NoDecision, PreparedWrite,
    draft::{DocumentEdit, Draft, DraftAttributes, GroupEdit, ResourceEdit, VersionEdit},
};
use crate::{
    Content, Refusal,
    apply::CommandFacts,
    changes::{
        CapabilitiesWritten, Change, ContentName, GroupWritten, Hidden, MembersMoved, MetaWritten,
        ModelWritten, Outcome, RegistryWritten, VersionWritten,
    },
    index::terms_of_labels,
    schema_settings::settings_in,
    tree::Subject,
};

impl Draft<'_> {
    /// Turns the draft of a write into a decision.
    pub(super) fn finish(
        mut self,
        subject: &Subject,
        action: &PreparedWrite,
    ) -> Result<Decision, NoDecision> {
        self.check_references()?;
        // Pruned versions are removed like deleted ones.
        self.check_referrers(false)?;
        let (outcome, shows) = self.answer(subject)?;
        let mut facts =
            CommandFacts { versions: action.versions.clone(), ..CommandFacts::default() };
        facts.model = self.new_model.as_ref().map(|new| new.model.clone());
        facts.capabilities.clone_from(&action.capabilities);
        let mut decision = self.emit(facts)?;
        decision.outcome = Some(outcome);
        decision.shows = shows;
        Ok(decision)
    }

    fn answer(&self, subject: &Subject) -> Result<(Outcome, AnswerSubject), Refusal> {
        let outcome = |xid: &Xid| {
            if self.catalog.has(xid) { Outcome::Updated } else { Outcome::Created }
        };
        Ok(match subject {
            Subject::Entity(xid) => (outcome(xid), AnswerSubject::Entity(xid.clone())),
            Subject::VersionOf(resource) => {
                let xid = self.processed.clone().unwrap_or_else(|| resource.clone());
                (outcome(&xid), AnswerSubject::Entity(xid))
            }
            Subject::Members => (Outcome::Updated, AnswerSubject::Members(self.members.clone())),
            Subject::Model => (Outcome::Updated, AnswerSubject::Model),
            Subject::Capabilities => (Outcome::Updated, AnswerSubject::Capabilities),
            Subject::Plan => (Outcome::Updated, AnswerSubject::Nothing),
        })
    }

    /// The changes for everything that was edited, parents first.
    pub(super) fn emit(&mut self, mut facts: CommandFacts) -> Result<Decision, Refusal> {
        let mut changes = Vec::new();
        self.emit_registry(&mut changes, &mut facts);
        for (xid, edit) in std::mem::take(&mut self.groups) {
            self.emit_group(&xid, &edit, &mut changes, &mut facts);
        }
        for (xid, edit) in std::mem::take(&mut self.resources) {
            self.emit_resource(&xid, &edit, &mut changes, &mut facts)?;
        }
        for xid in std::mem::take(&mut self.hidden) {
            changes.push(Change::Hidden(Hidden { xid }));
        }
        Ok(Decision {
            changes,
            contents: std::mem::take(&mut self.contents),
            attributes: std::mem::take(&mut self.kept),
            facts,
            outcome: None,
            shows: AnswerSubject::Nothing,
        })
    }

    fn emit_registry(&mut self, changes: &mut Vec<Change>, facts: &mut CommandFacts) {
        if let Some(new) = self.new_model.clone() {
            let source = self.keep(&new.source, muster_words::Digest::of(&new.source));
            changes.push(Change::ModelWritten(ModelWritten { source }));
        }
        if let Some(bytes) = self.capabilities.clone() {
            let capabilities = self.keep(&bytes, muster_words::Digest::of(&bytes));
            changes.push(Change::CapabilitiesWritten(CapabilitiesWritten { capabilities }));
        }
        let Some(edit) = self.registry.take() else { return };
        let epoch = self.catalog.registry.epoch + 1;
        if edit.own {
            let settings = match &edit.attributes {
                DraftAttributes::Same(_) => self.catalog.registry.settings.clone(),
                DraftAttributes::New(map) => settings_in(self.model.registry(), map),
            };
            facts.settings.extend(settings.map(|own| (Xid::Registry, own)));
            let attributes = self.name(&edit.attributes, self.catalog.registry.attributes);
            changes.push(Change::RegistryWritten(RegistryWritten {
                attributes,
                epoch,
                created: edit.created,
                modified: edit.modified,
            }));
        }
        if edit.members {
            changes.push(moved(Xid::Registry, epoch, edit.modified));
        }
    }

    fn emit_group(
        &mut self,
        xid: &Xid,
        edit: &GroupEdit,
        changes: &mut Vec<Change>,
        facts: &mut CommandFacts,
    ) {
        let epoch = edit.old.as_ref().map_or(0, |old| old.epoch) + 1;
        if edit.own {
            let stored = edit.old.as_ref().and_then(|old| old.own.attributes);
            let attributes = self.name(&edit.attributes, stored);
            if !edit.bindings.is_empty() {
                facts.bindings.insert(xid.clone(), edit.bindings.clone());
            }
            changes.push(Change::GroupWritten(GroupWritten {
                group: xid.clone(),
                attributes,
                epoch,
                created: edit.created,
                modified: edit.modified,
            }));
        }
        if edit.members {
            changes.push(moved(xid.clone(), epoch, edit.modified));
        }
    }

    /// The changes of a resource. Fails if its Meta is written but it has no default version,
    /// because then it couldn't be shown.
    pub(super) fn emit_resource(
        &mut self,
        xid: &Xid,
        edit: &ResourceEdit,
        changes: &mut Vec<Change>,
        facts: &mut CommandFacts,
    ) -> Result<(), Refusal> {
        if edit.touched {
            let settings = match &edit.attributes {
                DraftAttributes::Same(_) => {
                    edit.old.as_ref().and_then(|old| old.meta.settings.clone())
                }
                DraftAttributes::New(map) => settings_in(&edit.kind.meta_attributes, map),
            };
            facts.settings.extend(settings.map(|own| (xid.clone(), own)));
            let stored = edit.old.as_ref().and_then(|old| old.meta.attributes);
            let attributes = self.name(&edit.attributes, stored);
            let default = edit.default.as_ref().or(edit.newest.as_ref()).cloned();
            changes.push(Change::MetaWritten(MetaWritten {
                resource: xid.clone(),
                attributes,
                epoch: edit.old.as_ref().map_or(0, |old| old.meta.epoch) + 1,
                created: edit.created,
                modified: edit.modified,
                default: default.ok_or_else(|| edit.no_default())?,
                sticky: edit.sticky,
                last_number: edit.last_number,
            }));
        }
        for (id, version) in &edit.versions {
            let Some(name) = xid.version(id.clone()) else { continue };
            // For an unchanged document, a new model may find other references; a new document
            // brings its own.
            let stays = matches!(version.document, Some(DocumentEdit::Same(_)));
            if !stays || !facts.versions.contains_key(&name) {
                facts.versions.insert(name.clone(), version.facts.clone());
            }
            if let DraftAttributes::New(map) = &version.attributes
                && map.contains_key("labels")
            {
                facts.labels.insert(name.clone(), terms_of_labels(map));
            }
            let registered = self.register(edit, &name, version)?;
            let change = self.emit_version(name, id, version);
            changes.push(Change::VersionWritten(change));
            changes.extend(registered.map(Change::SchemaRegistered));
        }
        for id in &edit.removed {
            if let Some(name) = xid.version(id.clone()) {
                changes.push(Change::Hidden(Hidden { xid: name }));
            }
        }
        Ok(())
    }

    pub(super) fn emit_version(
        &mut self,
        name: Xid,
        id: &muster_words::Id,
        version: &VersionEdit,
    ) -> VersionWritten {
        let stored = version.old.as_ref().and_then(|old| old.attributes);
        VersionWritten {
            version: name,
            attributes: self.name(&version.attributes, stored),
            epoch: version.old.as_ref().map_or(0, |old| old.epoch) + 1,
            created: version.created,
            modified: version.modified,
            ancestor: version.ancestor.clone().unwrap_or_else(|| id.clone()),
            document: version.document.map(|document| match document {
                DocumentEdit::Same(content) => content.into(),
                DocumentEdit::New(named) => named,
            }),
            content_type: version.content_type.as_deref().map(ToOwned::to_owned),
            state: version.state,
        }
    }

    /// Names attributes as a content. If the previous state has the same bytes, its content is
    /// reused.
    fn name(
        &mut self,
        attributes: &DraftAttributes,
        stored: Option<Content>,
    ) -> Option<ContentName> {
        match attributes {
            DraftAttributes::Same(content) => ContentName::of_stored(*content),
            DraftAttributes::New(map) if map.is_empty() => None,
            DraftAttributes::New(map) => {
                let bytes = written(map);
                let digest = muster_words::Digest::of(&bytes);
                match stored.filter(|content| content.digest == digest) {
                    Some(content) => Some(content.into()),
                    None => {
                        self.kept.insert(digest, Arc::new(map.clone()));
                        Some(self.keep(&bytes, digest))
                    }
                }
            }
        }
    }
}

/// Attributes as the ledger stores them.
pub(super) fn written(map: &Map<String, Value>) -> Bytes {
    json::to_canonical(&Value::Object(map.clone())).into()
}

fn moved(parent: Xid, epoch: u64, modified: Moment) -> Change {
    Change::MembersMoved(MembersMoved { parent, epoch, modified })
}
