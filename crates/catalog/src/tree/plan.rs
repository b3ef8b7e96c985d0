use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_words::Xid;
use serde_json::{Map, Value};

use super::{
    DocumentPart, GroupNode, NewDocument, ResourceNode, Subject, WriteTree,
    read::{Reader, as_map, check_count},
    removes,
};
use crate::{
    Reason, Refusal,
    command::{Mode, NewModel, Plan, PlannedDocument, WriteBody},
};
use muster_model::{AttributeFault, Model};

/// Parses a plan with the model in force, or with the model that it brings.
///
/// # Errors
/// It names unknown types, an entity twice, or more entities than one command may change.
pub fn read_plan(
    plan: Plan,
    model: &Arc<Model>,
    new_model: Option<NewModel>,
) -> Result<WriteTree, Refusal> {
    let model = new_model.as_ref().map_or(model, |new| &new.model);
    let reader = Reader { mode: Mode::Patch, model };
    let mut nodes = Nodes { reader, groups: BTreeMap::new(), seen: BTreeSet::new() };
    for (xid, attributes) in plan.groups {
        nodes.group(&xid, attributes)?;
    }
    for document in plan.documents {
        nodes.document(document)?;
    }
    let is_deletable = |xid: &&Xid| matches!(xid, Xid::Group { .. } | Xid::Resource { .. });
    if let Some(other) = plan.deleted.iter().find(|xid| !is_deletable(xid)) {
        return Err(Refusal::new(other, Reason::NotDeletable));
    }
    let mut tree = WriteTree::new(Mode::Patch, Subject::Plan);
    tree.removed = topmost(plan.deleted);
    if let Some(twice) = nodes.seen.iter().find(|xid| tree.removes(xid)) {
        return Err(Refusal::new(twice, Reason::NamedTwice));
    }
    tree.groups = nodes.groups.into_values().collect();
    tree.model = new_model;
    check_count(count(&tree))?;
    Ok(tree)
}

/// The number of entities that a plan names: a new version counts with its document, and a group
/// that is only a parent doesn't count.
fn count(tree: &WriteTree) -> usize {
    let of_document =
        |node: &ResourceNode| node.versions.as_ref().map_or(1, |all| all.len().max(1));
    let of_group = |node: &GroupNode| {
        let documents: usize = node.resources.iter().map(of_document).sum();
        documents + usize::from(node.attributes.is_some())
    };
    tree.groups.iter().map(of_group).sum::<usize>() + tree.removed.len()
}

/// The groups of a plan with their resources, and all names in it.
struct Nodes<'a> {
    reader: Reader<'a>,
    groups: BTreeMap<Xid, GroupNode>,
    seen: BTreeSet<Xid>,
}

impl Nodes<'_> {
    fn see(&mut self, xid: &Xid) -> Result<(), Refusal> {
        match self.seen.insert(xid.clone()) {
            true => Ok(()),
            false => Err(Refusal::new(xid, Reason::NamedTwice)),
        }
    }

    fn group(&mut self, xid: &Xid, attributes: Map<String, Value>) -> Result<(), Refusal> {
        self.see(xid)?;
        let Xid::Group { groups, .. } = xid else { return Err(Refusal::not_found(xid)) };
        let kind = self.reader.group_type(groups)?;
        let node = self.reader.group(xid, kind, attributes)?;
        // The documents of a plan are listed by themselves.
        if let Some(nested) = node.resources.first().and_then(|one| one.xid.collection()?.resources)
        {
            let fault = AttributeFault::Unknown { path: nested.to_string() };
            return Err(Refusal::attribute(xid, fault));
        }
        self.groups.insert(xid.clone(), node);
        Ok(())
    }

    fn document(&mut self, planned: PlannedDocument) -> Result<(), Refusal> {
        let PlannedDocument { xid, bytes, mut attributes } = planned;
        self.see(&xid)?;
        let mut node = self.reader.resource_node(&xid)?;
        let group = xid.group().ok_or_else(|| Refusal::not_found(&xid))?;
        match bytes {
            None => self.reader.whole(&mut node, attributes)?,
            Some(_) if !node.kind.hasdocument => {
                return Err(Refusal::new(&xid, Reason::DocumentMisplaced));
            }
            Some(bytes) => {
                if let Some(meta) = attributes.remove("meta").filter(|value| !value.is_null()) {
                    node.meta = Some(as_map(&xid, "meta", meta)?);
                }
                let body = WriteBody::Tree(attributes);
                let mut version = self.reader.version(&node, None, body)?;
                if !matches!(version.document, DocumentPart::Unchanged) {
                    let singular = &node.kind.singular;
                    let names =
                        [singular.clone(), format!("{singular}url"), format!("{singular}base64")];
                    return Err(Refusal::new(&xid, Reason::OneResource { names }));
                }
                version.document = DocumentPart::Bytes(NewDocument::new(bytes, None));
                node.versions = Some(vec![version]);
            }
        }
        let parent = match self.groups.remove(&group) {
            Some(parent) => Ok(parent),
            None => self.parent(&group),
        };
        let mut parent = parent?;
        parent.resources.push(node);
        self.groups.insert(group, parent);
        Ok(())
    }

    /// A group that is only a parent.
    fn parent(&self, xid: &Xid) -> Result<GroupNode, Refusal> {
        let Xid::Group { groups, .. } = xid else { return Err(Refusal::not_found(xid)) };
        let kind = self.reader.group_type(groups)?.clone();
        Ok(GroupNode { xid: xid.clone(), kind, attributes: None, resources: Vec::new() })
    }
}

/// The names without those that are in another one.
fn topmost(names: Vec<Xid>) -> BTreeSet<Xid> {
    let all: BTreeSet<Xid> = names.into_iter().collect();
    let is_within = |xid: &Xid| xid.parent().is_some_and(|parent| removes(&all, &parent));
    all.iter().filter(|xid| !is_within(xid)).cloned().collect()
}
