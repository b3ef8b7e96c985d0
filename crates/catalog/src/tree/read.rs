use std::{fmt::Display, sync::Arc};

use muster_words::{Id, IdError, Xid, limits::COMMAND_ENTITIES_MAX};
use serde_json::{Map, Value};

use super::{
    DocumentPart, GroupNode, NewDocument, ResourceNode, Subject, VersionNode, WriteTree, document,
};
use crate::{
    Absence, Reason, Refusal, ValueFault,
    command::{Mode, NewModel, SentDocument, Target, Write, WriteBody},
};
use muster_model::{GroupType, Kind, Model, ResourceType};

/// Parses a write's body with the model in force, or with the model that the write itself brings.
///
/// # Errors
/// The body's structure doesn't fit the target, it names unknown types, or it has more entities
/// than one command may write.
pub fn read(
    write: Write,
    model: &Arc<Model>,
    new_model: Option<NewModel>,
) -> Result<WriteTree, Refusal> {
    let model = new_model.as_ref().map_or(model, |new| &new.model);
    let reader = Reader { mode: write.mode, model };
    let mut tree = match (write.target, write.body) {
        (Target::Entity(xid), body) => reader.entity(&xid, body)?,
        (Target::Groups(groups), WriteBody::Tree(map)) => reader.groups(&groups, map)?,
        (Target::Resources { group, resources }, WriteBody::Tree(map)) => {
            reader.resources(&group, &resources, map)?
        }
        (Target::Versions(resource), WriteBody::Tree(map)) => reader.versions(&resource, map)?,
        (Target::Model, _) => WriteTree::new(write.mode, Subject::Model),
        (Target::Capabilities, WriteBody::Tree(map)) => {
            let mut tree = WriteTree::new(write.mode, Subject::Capabilities);
            tree.capabilities = Some(Value::Object(map));
            tree
        }
        (_, WriteBody::Document(_)) => {
            return Err(Refusal::new("/", Reason::DocumentMisplaced));
        }
    };
    tree.model = new_model;
    check_count(tree.entities())?;
    Ok(tree)
}

/// Refuses a write with more entities than one command may have.
pub(super) fn check_count(entities: usize) -> Result<(), Refusal> {
    if entities > COMMAND_ENTITIES_MAX {
        return Err(Refusal::new("/", Reason::CommandTooLarge { entities }));
    }
    Ok(())
}

pub(super) struct Reader<'a> {
    pub mode: Mode,
    pub model: &'a Model,
}

type Attributes = Map<String, Value>;

impl Reader<'_> {
    fn entity(&self, xid: &Xid, body: WriteBody) -> Result<WriteTree, Refusal> {
        match (xid, body) {
            (Xid::Registry, WriteBody::Tree(map)) => self.registry(map),
            (Xid::Group { .. }, WriteBody::Tree(map)) => self.group_entity(xid, map),
            (Xid::Resource { .. }, body) => self.resource_entity(xid, body),
            (Xid::Meta { .. }, WriteBody::Tree(map)) => {
                let mut node = self.resource_node(xid)?;
                node.meta = Some(map);
                node.only_meta = true;
                self.within_group(Subject::Entity(xid.clone()), node)
            }
            (Xid::Version { version, .. }, body) => {
                let mut node = self.resource_node(xid)?;
                let version = self.version(&node, Some(version), body)?;
                node.versions = Some(vec![version]);
                self.within_group(Subject::Entity(xid.clone()), node)
            }
            (xid, WriteBody::Document(_)) => Err(Refusal::new(xid, Reason::TakesNoDocument)),
        }
    }

    fn registry(&self, mut map: Attributes) -> Result<WriteTree, Refusal> {
        let mut tree = WriteTree::new(self.mode, Subject::Entity(Xid::Registry));
        if self.mode == Mode::Post {
            tree.subject = Subject::Members;
            for (groups, members) in map {
                let kind = self.model.group_type(&groups).ok_or_else(|| {
                    Refusal::new(Xid::Registry, Reason::GroupsOnly { name: groups.clone() })
                })?;
                tree.groups
                    .extend(self.group_map(kind, as_map(&Xid::Registry, &groups, members)?)?);
            }
            return Ok(tree);
        }
        // `null` resets them.
        tree.capabilities = map.remove("capabilities");
        for name in ["model", "modelsource"] {
            map.remove(name);
        }
        for kind in self.model.group_types() {
            let members = take_collection(&mut map, &kind.plural);
            if let Some(members) = members {
                let members = as_map(&Xid::Registry, &kind.plural, members)?;
                tree.groups.extend(self.group_map(kind, members)?);
            }
        }
        tree.registry = Some(map);
        Ok(tree)
    }

    fn groups(&self, groups: &Id, map: Attributes) -> Result<WriteTree, Refusal> {
        let kind = self.group_type(groups)?;
        let mut tree = WriteTree::new(self.mode, Subject::Members);
        tree.groups = self.group_map(kind, map)?;
        Ok(tree)
    }

    pub fn group_type(&self, groups: &Id) -> Result<&Arc<GroupType>, Refusal> {
        let missing = || {
            let absence = Absence::GroupType(groups.clone());
            Refusal::new(format!("/{groups}"), Reason::NotFound(absence))
        };
        self.model.group_type(groups.as_str()).ok_or_else(missing)
    }

    fn group_map(&self, kind: &Arc<GroupType>, map: Attributes) -> Result<Vec<GroupNode>, Refusal> {
        let parent = format!("/{}", kind.plural);
        let mut nodes = Vec::with_capacity(map.len());
        for (key, value) in map {
            let xid = Xid::Group {
                groups: type_id(&kind.plural)?,
                group: id(&parent, &kind.singular, &key)?,
            };
            let attributes = as_entity(&parent, &key, value)?;
            nodes.push(self.group(&xid, kind, attributes)?);
        }
        Ok(nodes)
    }

    pub fn group(
        &self,
        xid: &Xid,
        kind: &Arc<GroupType>,
        mut attributes: Attributes,
    ) -> Result<GroupNode, Refusal> {
        let mut node = GroupNode {
            xid: xid.clone(),
            kind: kind.clone(),
            attributes: None,
            resources: Vec::new(),
        };
        for resources in kind.resources.values() {
            if let Some(members) = take_collection(&mut attributes, &resources.plural) {
                let members = as_map(xid, &resources.plural, members)?;
                node.resources.extend(self.resource_map(xid, xid, resources, members)?);
            }
        }
        node.attributes = Some(attributes);
        Ok(node)
    }

    fn group_entity(&self, xid: &Xid, map: Attributes) -> Result<WriteTree, Refusal> {
        let Xid::Group { groups, .. } = xid else { return Err(Refusal::not_found(xid)) };
        let kind = self.group_type(groups)?;
        let mut tree = WriteTree::new(self.mode, Subject::Entity(xid.clone()));
        if self.mode != Mode::Post {
            tree.groups = vec![self.group(xid, kind, map)?];
            return Ok(tree);
        }
        tree.subject = Subject::Members;
        let mut node = self.group(xid, kind, Attributes::new())?;
        node.attributes = None;
        for (resources, members) in map {
            let kind = kind.resource_type(&resources).ok_or_else(|| {
                Refusal::new(xid, Reason::ResourcesOnly { name: resources.clone() })
            })?;
            let members = as_map(xid, &resources, members)?;
            node.resources.extend(self.resource_map(xid, xid, kind, members)?);
        }
        tree.groups = vec![node];
        Ok(tree)
    }

    fn resources(
        &self,
        group: &Xid,
        resources: &Id,
        map: Attributes,
    ) -> Result<WriteTree, Refusal> {
        let Xid::Group { groups, .. } = group else { return Err(Refusal::not_found(group)) };
        let kind = self.group_type(groups)?;
        let rtype = kind
            .resource_type(resources.as_str())
            .ok_or_else(|| unknown_resource_type(group, resources))?;
        let mut node = self.group(group, kind, Attributes::new())?;
        node.attributes = None;
        let collection = format!("{group}/{resources}");
        node.resources = self.resource_map(&collection, group, rtype, map)?;
        let mut tree = WriteTree::new(self.mode, Subject::Members);
        tree.groups = vec![node];
        Ok(tree)
    }

    /// A collection's entities. If it isn't a map, the error is about `subject`: the target of the
    /// request if that is the collection or its group.
    fn resource_map(
        &self,
        subject: impl Display,
        group: &Xid,
        kind: &Arc<ResourceType>,
        map: Attributes,
    ) -> Result<Vec<ResourceNode>, Refusal> {
        let parent = format!("{group}/{}", kind.plural);
        let mut nodes = Vec::with_capacity(map.len());
        for (key, value) in map {
            id(&parent, &kind.singular, &key)?;
            let xid: Xid = format!("{parent}/{key}")
                .parse()
                .map_err(|_| Refusal::not_found(format!("{parent}/{key}")))?;
            let attributes = as_entity(&subject, &key, value)?;
            let mut node = self.resource_node(&xid)?;
            self.whole(&mut node, attributes)?;
            nodes.push(node);
        }
        Ok(nodes)
    }

    pub fn resource_node(&self, xid: &Xid) -> Result<ResourceNode, Refusal> {
        let missing = || Refusal::not_found(xid);
        let resource = xid.resource().ok_or_else(missing)?;
        let Xid::Resource { groups, group, resources, .. } = &resource else {
            return Err(missing());
        };
        let kind = self
            .group_type(groups)?
            .resource_type(resources.as_str())
            .ok_or_else(|| unknown_resource_type(format!("/{groups}/{group}"), resources))?;
        Ok(ResourceNode {
            xid: resource,
            kind: kind.clone(),
            default: None,
            meta: None,
            versions: None,
            only_meta: false,
        })
    }

    /// Parses a resource's body: default version, `meta` and `versions`.
    pub fn whole(&self, node: &mut ResourceNode, mut map: Attributes) -> Result<(), Refusal> {
        let xid = node.xid.clone();
        if let Some(meta) = map.remove("meta").filter(|value| !value.is_null()) {
            node.meta = Some(as_map(&xid, "meta", meta)?);
        }
        if let Some(versions) = take_collection(&mut map, "versions") {
            let versions = as_map(&xid, "versions", versions)?;
            node.versions = Some(self.version_map(node, versions)?);
        }
        map.remove("metaurl");
        node.default = Some(self.version(node, None, WriteBody::Tree(map))?);
        Ok(())
    }

    fn resource_entity(&self, xid: &Xid, body: WriteBody) -> Result<WriteTree, Refusal> {
        let mut node = self.resource_node(xid)?;
        match (self.mode, body) {
            (Mode::Post, body) => {
                let version = self.version(&node, None, body)?;
                node.versions = Some(vec![version]);
                self.within_group(Subject::VersionOf(xid.clone()), node)
            }
            (_, WriteBody::Tree(map)) => {
                self.whole(&mut node, map)?;
                self.within_group(Subject::Entity(xid.clone()), node)
            }
            (_, WriteBody::Document(mut sent)) => {
                // `xRegistry-meta.<attribute>` headers belong to the resource, not to the version.
                if let Some(meta) = sent.attributes.remove("meta").filter(|meta| !meta.is_null()) {
                    node.meta = Some(as_map(xid, "meta", meta)?);
                }
                let body = WriteBody::Document(sent);
                node.default = Some(self.version(&node, None, body)?);
                self.within_group(Subject::Entity(xid.clone()), node)
            }
        }
    }

    fn versions(&self, resource: &Xid, map: Attributes) -> Result<WriteTree, Refusal> {
        let mut node = self.resource_node(resource)?;
        node.versions = Some(self.version_map(&node, map)?);
        self.within_group(Subject::Members, node)
    }

    fn version_map(
        &self,
        node: &ResourceNode,
        map: Attributes,
    ) -> Result<Vec<VersionNode>, Refusal> {
        let parent = format!("{}/versions", node.xid);
        let mut nodes = Vec::with_capacity(map.len());
        for (key, value) in map {
            let version = id(&parent, VERSION, &key)?;
            let attributes = as_entity(&parent, &key, value)?;
            nodes.push(self.version(node, Some(&version), WriteBody::Tree(attributes))?);
        }
        Ok(nodes)
    }

    pub fn version(
        &self,
        node: &ResourceNode,
        version: Option<&Id>,
        body: WriteBody,
    ) -> Result<VersionNode, Refusal> {
        let (mut attributes, document, from_headers) = match body {
            WriteBody::Document(sent) => {
                let (attributes, document) = self.document_as_sent(node, sent);
                (attributes, Some(document), true)
            }
            WriteBody::Tree(map) => (map, None, false),
        };
        let id = match (version, attributes.get("versionid")) {
            (Some(version), _) => Some(version.clone()),
            (None, Some(Value::String(text))) => {
                Some(id(&format!("{}/versions", node.xid), VERSION, text)?)
            }
            (None, Some(Value::Null) | None) => None,
            (None, Some(_)) => {
                return Err(Refusal::wrong_type(&node.xid, "versionid", Kind::String));
            }
        };
        let document = match document {
            Some(document) => document,
            None => document::take(&node.xid, &node.kind, &mut attributes)?,
        };
        Ok(VersionNode { id, attributes, document, from_headers })
    }

    fn document_as_sent(
        &self,
        node: &ResourceNode,
        sent: SentDocument,
    ) -> (Attributes, DocumentPart) {
        let mut attributes = sent.attributes;
        // Without a Content-Type, the version keeps its media type, as in the reference server; the
        // text of the HTTP binding would erase it.
        if let Some(content_type) = sent.content_type {
            attributes.insert("contenttype".to_owned(), content_type.into());
        }
        let elsewhere = format!("{}url", node.kind.singular);
        if attributes.get(&elsewhere).is_some_and(|value| !value.is_null()) {
            return (attributes, DocumentPart::Elsewhere);
        }
        attributes.remove(&elsewhere);
        (attributes, DocumentPart::Bytes(NewDocument::new(sent.bytes, None)))
    }

    /// Puts the resource into a group that is only a parent.
    fn within_group(&self, subject: Subject, node: ResourceNode) -> Result<WriteTree, Refusal> {
        let group = node.xid.group().ok_or_else(|| Refusal::not_found(&node.xid))?;
        let Xid::Group { groups, .. } = &group else { return Err(Refusal::not_found(group)) };
        let kind = self.group_type(groups)?.clone();
        let mut tree = WriteTree::new(self.mode, subject);
        tree.groups = vec![GroupNode { xid: group, kind, attributes: None, resources: vec![node] }];
        Ok(tree)
    }
}

fn unknown_resource_type(parent: impl Display, resources: &Id) -> Refusal {
    let absence = Absence::ResourceType(resources.clone());
    Refusal::new(format!("{parent}/{resources}"), Reason::NotFound(absence))
}

fn type_id(plural: &str) -> Result<Id, Refusal> {
    plural.parse().map_err(|_| Refusal::not_found(format!("/{plural}")))
}

/// The singular name of versions, with which `versionid` begins.
const VERSION: &str = "version";

/// An id of a member of `collection`. If it is invalid, that is an error of the member's attribute,
/// as in the reference server; the text has an error of its own for it.
fn id(collection: &str, singular: &str, text: &str) -> Result<Id, Refusal> {
    let refused = |fault: ValueFault| {
        let beginning: String = text.chars().take(SUBJECT_ID_CHARACTERS_MAX).collect();
        Refusal::invalid_attribute(
            format!("{collection}/{beginning}"),
            format!("{singular}id"),
            fault,
        )
    };
    if matches!(text, "null" | "request") && singular == VERSION {
        return Err(refused(ValueFault::Reserved));
    }
    text.parse().map_err(|error: IdError| refused(error.into()))
}

/// How many characters of an invalid id an error shows: more than a valid one has.
const SUBJECT_ID_CHARACTERS_MAX: usize = 200;

pub(super) fn as_map(subject: &Xid, name: &str, value: Value) -> Result<Attributes, Refusal> {
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Attributes::new()),
        _ => Err(Refusal::wrong_type(subject, name, Kind::Map)),
    }
}

/// Parses a member of a collection, which must be an object; `null` isn't one.
fn as_entity(subject: impl Display, key: &str, value: Value) -> Result<Attributes, Refusal> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Refusal::new(subject, Reason::MemberNotObject { key: key.to_owned() })),
    }
}

/// Removes a nested collection, and the server's attributes about it, from a body.
fn take_collection(map: &mut Attributes, plural: &str) -> Option<Value> {
    map.remove(&format!("{plural}url"));
    map.remove(&format!("{plural}count"));
    map.remove(plural).filter(|value| !value.is_null())
}
