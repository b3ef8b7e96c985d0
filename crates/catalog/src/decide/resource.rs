use std::sync::Arc;

use muster_words::{Id, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision,
    draft::{Draft, DraftAttributes, ResourceEdit},
};
use crate::{
    Refusal, VersionRefusal,
    command::{Mode, SetDefault},
    state::Version,
    tree::{ResourceNode, VersionNode},
};
use muster_model::{Agreement, GroupType, ResourceType};

impl Draft<'_> {
    /// Creates or updates a resource in the order of the specification's Resource Processing
    /// Algorithm: versions, the default version's attributes, ancestors, Meta, the choice of the
    /// default version, and pruning.
    pub(super) fn write_resource(&mut self, node: &ResourceNode) -> Result<(), NoDecision> {
        let xid = &node.xid;
        let existing = self.existing(xid, &node.kind);
        let is_new = existing.is_none();
        if is_new {
            self.check_name(xid, &node.kind.singular)?;
            self.add_member(xid)?;
        }
        let mut edit = existing.unwrap_or_else(|| {
            let mut edit = ResourceEdit::new(xid, &node.kind, self.now);
            self.go_on_counting(&mut edit);
            edit
        });
        let mut processed: Vec<Id> = Vec::new();
        self.write_versions(&mut edit, node, &mut processed)?;
        self.write_default(&mut edit, node, is_new, &mut processed)?;
        if edit.count() == 0 {
            return Err(Refusal::new(xid, VersionRefusal::MissingVersions).into());
        }
        edit.resolve_ancestors(self.now)?;
        let before = edit.default.clone();
        self.write_default_pointer(&mut edit, node, &processed)?;
        edit.prune(self.now)?;
        self.check_formats(&edit)?;
        self.check_matched(&edit)?;
        if edit.default != before || edit.moves_versions() || is_new {
            edit.touched = true;
        }
        if let [one] = processed.as_slice() {
            self.processed = xid.version(one.clone());
        }
        if node.default.is_none() && !node.only_meta {
            let members = processed.iter().filter_map(|id| xid.version(id.clone()));
            self.members = members.collect();
        }
        self.resources.insert(xid.clone(), edit);
        Ok(())
    }

    /// If a type requires validation against formats, no version may have a format, because this
    /// registry supports none (model, `strictvalidation`).
    pub(super) fn check_formats(&self, edit: &ResourceEdit) -> Result<(), NoDecision> {
        if !edit.kind.validateformat || !edit.kind.strictvalidation {
            return Ok(());
        }
        for (id, version) in &edit.versions {
            let attributes = self.current(&version.attributes);
            if let Some(Value::String(format)) = attributes.get("format") {
                let subject = edit.xid.version(id.clone()).unwrap_or_else(|| edit.xid.clone());
                let format = format.clone();
                return Err(Refusal::new(subject, VersionRefusal::FormatUnknown { format }).into());
            }
        }
        Ok(())
    }

    /// Refuses versions that differ in attributes which their type requires to be equal (model,
    /// `matchversions`).
    pub(super) fn check_matched(&self, edit: &ResourceEdit) -> Result<(), NoDecision> {
        let mut agreement = Agreement::new(edit.kind.matched_across_versions());
        if agreement.is_empty() || edit.versions.is_empty() {
            return Ok(());
        }
        // Stored versions agree with each other: that was checked when they were written, and when
        // the model was written.
        let stays = |version: &&Arc<Version>| {
            !edit.removed.contains(&version.id) && !edit.versions.contains_key(&version.id)
        };
        let old = edit.old.iter().find_map(|old| old.versions.iter().find(stays));
        let old = old.map(|version| {
            (DraftAttributes::Same(version.attributes), version.content_type.clone())
        });
        let new = edit
            .versions
            .values()
            .map(|version| (version.attributes.clone(), version.content_type.clone()));
        for (attributes, content_type) in old.into_iter().chain(new) {
            let mut attributes = self.current(&attributes);
            attributes.extend(content_type.map(|text| ("contenttype".to_owned(), (*text).into())));
            if let Some(name) = agreement.broken_by(&attributes) {
                return Err(Refusal::new(&edit.xid, VersionRefusal::VersionsDiffer { name }).into());
            }
        }
        Ok(())
    }

    /// Creates the group if it doesn't exist, and records that a resource is added.
    fn add_member(&mut self, xid: &Xid) -> Result<(), NoDecision> {
        let Some(group) = xid.group() else { return Err(Refusal::not_found(xid).into()) };
        if self.group_edit(&group).is_none() {
            let kind = self.group_type_of(&group)?;
            self.ensure_group(&group, &kind)?;
        }
        if let Some(edit) = self.group_edit(&group) {
            edit.members = true;
        }
        Ok(())
    }

    fn group_type_of(&self, group: &Xid) -> Result<Arc<GroupType>, Refusal> {
        let Xid::Group { groups, .. } = group else { return Err(Refusal::not_found(group)) };
        let kind = self.model.group_type(groups.as_str()).cloned();
        kind.ok_or_else(|| Refusal::not_found(format!("/{groups}")))
    }

    fn write_versions(
        &mut self,
        edit: &mut ResourceEdit,
        node: &ResourceNode,
        processed: &mut Vec<Id>,
    ) -> Result<(), NoDecision> {
        let mut versions: Vec<&VersionNode> = node.versions.iter().flatten().collect();
        versions.sort_by_key(|version| version.id.as_ref().map(Id::folded));
        for version in versions {
            let last_number = edit.last_number;
            let id = match &version.id {
                Some(id) => id.clone(),
                None => edit.next_number(),
            };
            self.write_version(edit, &id, version, false)?;
            match self.repeated_by(edit, &id, version) {
                Some(old) => {
                    self.take_back(edit, &id);
                    edit.last_number = last_number;
                    processed.push(old);
                }
                None => processed.push(id),
            }
        }
        Ok(())
    }

    /// Applies the attributes beside `meta` and `versions` to the default version: the one before
    /// the command or, for a new resource, the one that the request indicates.
    fn write_default(
        &mut self,
        edit: &mut ResourceEdit,
        node: &ResourceNode,
        is_new: bool,
        processed: &mut Vec<Id>,
    ) -> Result<(), NoDecision> {
        let Some(default) = &node.default else {
            if node.only_meta && is_new {
                let empty = VersionNode::empty();
                let id = edit.next_number();
                self.write_version(edit, &id, &empty, true)?;
            }
            return Ok(());
        };
        let listed = |id: &Id| processed.contains(id);
        let id = if is_new {
            match self.version_for_attributes(node) {
                Some(id) if listed(&id) => return Ok(()),
                Some(id) => id,
                None if !processed.is_empty() => return Ok(()),
                None => edit.next_number(),
            }
        } else {
            let Some(current) = edit.default.clone() else { return Ok(()) };
            match &default.id {
                Some(sent) if *sent != current && !self.ignored_of(&edit.xid).id => {
                    return Err(Refusal::mismatched_id(
                        &edit.xid,
                        "version",
                        sent.as_str(),
                        current.as_str(),
                    )
                    .into());
                }
                _ => {}
            }
            if listed(&current) {
                return Ok(());
            }
            current
        };
        self.write_version(edit, &id, default, true)?;
        processed.push(id);
        Ok(())
    }

    /// The version that a new resource's attributes belong to.
    fn version_for_attributes(&self, node: &ResourceNode) -> Option<Id> {
        let own = node.default.as_ref().and_then(|default| default.id.clone());
        let of_meta = || {
            let sent = node.meta.as_ref()?.get("defaultversionid")?.as_str()?;
            sent.parse().ok().filter(|_| !self.ignore.default_version_id)
        };
        let of_flag = || match self.set_default {
            Some(SetDefault::Version(id)) => Some(id.clone()),
            _ => None,
        };
        own.or_else(of_meta).or_else(of_flag)
    }
}

impl ResourceEdit {
    /// The next free version number. No number is used twice.
    pub(super) fn next_number(&mut self) -> Id {
        loop {
            self.last_number += 1;
            let text = self.last_number.to_string();
            if let Ok(id) = text.parse::<Id>()
                && !self.has(&id)
                && self.old.as_ref().is_none_or(|old| old.versions.get(&id).is_none())
            {
                return id;
            }
        }
    }
}

impl VersionNode {
    /// A version without an id, attributes or a document.
    pub(super) fn empty() -> Self {
        Self {
            id: None,
            attributes: Map::new(),
            document: crate::tree::DocumentPart::Unchanged,
            from_headers: false,
        }
    }
}

/// The value of a Meta's attribute, if it was sent and isn't `null`.
pub(super) fn sent_value<'a>(sent: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    sent.get(name).filter(|value| !value.is_null())
}

/// Whether the mode resets attributes that aren't sent.
pub(super) const fn replaces(mode: Mode) -> bool {
    matches!(mode, Mode::Put | Mode::Post)
}

/// Whether versions of this type can be pinned.
pub(super) const fn can_pin(kind: &ResourceType) -> bool {
    kind.maxversions != 1
}
