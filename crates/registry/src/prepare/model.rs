use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_catalog::{
    Catalog, Content, ModelRefusal, Refusal,
    command::NewModel,
    facts::VersionFacts,
    state::{Group, HiddenEntity, Resource, Subtree},
    tree::WriteTree,
};
use muster_model::{GroupType, Model, ResourceType};
use muster_words::{
    Collection, Id, Notation, Xid,
    json::{self, Value},
};

use super::compliance::{CHUNK, ComplianceChecks, Documents, ResourceParts, matched_anew};
use crate::{SubmitError, registry::RegistryInner};

impl RegistryInner {
    pub(super) fn compile_model(&self, source: &Value) -> Result<NewModel, SubmitError> {
        let model = Model::compile(source, self.settings.foundation).map_err(Refusal::from)?;
        model.check_labels(self.settings.foundation).map_err(Refusal::from)?;
        Ok(NewModel { source: json::to_canonical(model.source()).into(), model: Arc::new(model) })
    }

    /// Checks that stored entities comply with a new model, and lifts the facts that it needs from
    /// documents. The gate is closed, so nothing changes meanwhile.
    pub(super) async fn check_model(
        &self,
        view: &Catalog,
        new: &NewModel,
        tree: &WriteTree,
    ) -> Result<BTreeMap<Xid, VersionFacts>, SubmitError> {
        new.model.check_successor_of(&view.model).map_err(Refusal::from)?;
        for dropped in view.model.dropped_by(&new.model) {
            check_dropped(view, &dropped, tree)?;
        }
        let mut model_checks =
            ModelChecks { written: written(view, tree), tree: Some(tree), ..Default::default() };
        if view.model.registry() != new.model.registry()
            && !model_checks.written.contains(&Xid::Registry)
        {
            model_checks.checks.ask(Xid::Registry, view.registry.attributes, new.model.registry());
        }
        for (groups, collection) in &view.groups {
            let Some(kind) = new.model.group_type(groups.as_str()) else { continue };
            let before = view.model.group_type(groups.as_str()).map(Arc::as_ref);
            for group in collection.values() {
                model_checks.group(groups, kind, before, group);
            }
        }
        let ModelChecks { checks, documents, lifted, .. } = model_checks;
        documents.refused()?;
        self.find_non_compliant(checks).await?.refused()?;
        self.lift_again(lifted).await
    }

    /// Checks that restored entities comply with the current model.
    pub(super) async fn check_restored(
        &self,
        view: &Catalog,
        xid: &Xid,
        hidden: &HiddenEntity,
    ) -> Result<(), SubmitError> {
        let mut checks = ComplianceChecks::default();
        let group_type = |groups: &Id| {
            let kind = view.model.group_type(groups.as_str());
            kind.ok_or_else(|| Refusal::not_found(format!("/{groups}")))
        };
        match (&hidden.what, xid) {
            (Subtree::Version(version), Xid::Version { groups, resources, .. }) => {
                let kind = view.model.resource_type(groups.as_str(), resources.as_str());
                let kind = kind.ok_or_else(|| Refusal::not_found(xid))?;
                checks.ask_version(xid.clone(), kind, version, false);
            }
            (Subtree::Resource(resource), Xid::Resource { groups, resources, .. }) => {
                let kind = group_type(groups)?.resource_type(resources.as_str());
                let kind = kind.ok_or_else(|| Refusal::not_found(xid))?;
                ask_everything(&mut checks, xid, kind, resource);
            }
            (Subtree::Group(group), Xid::Group { groups, .. }) => {
                let kind = group_type(groups)?;
                checks.ask(xid.clone(), group.own.attributes, &kind.attributes);
                for (resources, all) in &group.resources {
                    for resource in all.values() {
                        let name = named(groups, group, resources, resource);
                        let kind = kind.resource_type(resources.as_str());
                        let kind = kind.ok_or_else(|| Refusal::not_found(&name))?;
                        ask_everything(&mut checks, &name, kind, resource);
                    }
                }
            }
            _ => {}
        }
        match self.find_non_compliant(checks).await?.named.into_iter().next() {
            Some(misfit) => Err(misfit.refusal.into()),
            None => Ok(()),
        }
    }

    async fn lift_again(
        &self,
        lifted: Vec<LiftedDocument>,
    ) -> Result<BTreeMap<Xid, VersionFacts>, SubmitError> {
        let mut found = BTreeMap::new();
        for chunk in lifted.chunks(CHUNK) {
            let contents: Vec<Content> = chunk.iter().map(|document| document.content).collect();
            for (document, bytes) in chunk.iter().zip(self.fetch(&contents).await?) {
                let LiftedDocument { xid, kind, notation, .. } = document;
                let facts = bytes.map(|bytes| VersionFacts::of(kind, xid, *notation, &bytes));
                found.insert(xid.clone(), facts.unwrap_or_default());
            }
        }
        Ok(found)
    }
}

/// A stored document that may give other facts under a new model.
struct LiftedDocument {
    /// Its version.
    xid: Xid,
    content: Content,
    kind: Arc<ResourceType>,
    notation: Notation,
}

/// The checks that a new model needs.
#[derive(Default)]
struct ModelChecks<'a> {
    checks: ComplianceChecks<'a>,
    documents: Documents,
    /// Versions whose documents may give other facts under it.
    lifted: Vec<LiftedDocument>,
    /// Entities that the command itself writes under this model.
    written: BTreeSet<Xid>,
    /// The command, which may delete entities, too.
    tree: Option<&'a WriteTree>,
}

impl<'a> ModelChecks<'a> {
    fn group(
        &mut self,
        groups: &Id,
        kind: &'a Arc<GroupType>,
        before: Option<&GroupType>,
        group: &Group,
    ) {
        let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
        if self.is_removed(&xid) {
            return;
        }
        let is_same = before.is_some_and(|before| before.attributes == kind.attributes);
        if !is_same && !self.written.contains(&xid) {
            self.checks.ask(xid, group.own.attributes, &kind.attributes);
        }
        for (resources, all) in &group.resources {
            let Some(kind) = kind.resource_type(resources.as_str()) else { continue };
            let before = before.and_then(|before| before.resource_type(resources.as_str()));
            let before = before.map(Arc::as_ref);
            let paths = matched_anew(kind, before);
            for resource in all.values() {
                let xid = named(groups, group, resources, resource);
                if self.is_removed(&xid) {
                    continue;
                }
                self.resource(&xid, kind, before, resource);
                self.checks.ask_matching(&xid, paths.clone(), resource, &self.written);
            }
        }
    }

    fn is_removed(&self, xid: &Xid) -> bool {
        self.tree.is_some_and(|tree| tree.removes(xid))
    }

    fn resource(
        &mut self,
        xid: &Xid,
        kind: &'a Arc<ResourceType>,
        before: Option<&ResourceType>,
        resource: &Resource,
    ) {
        let refuses = |kind: &ResourceType| kind.validateformat && kind.strictvalidation;
        let asked = ResourceParts {
            versions: before.is_none_or(|before| before.attributes != kind.attributes),
            gets_documents: kind.hasdocument && before.is_some_and(|before| !before.hasdocument),
            meta: before.is_none_or(|before| before.meta_attributes != kind.meta_attributes),
            formats: refuses(kind) && !before.is_some_and(refuses),
        };
        self.checks.ask_resource(xid, kind, resource, asked, &self.written);
        let stays = before.is_some_and(|before| VersionFacts::are_alike(before, kind));
        for version in resource.versions.iter() {
            let (Some(name), Some(content)) = (xid.version(version.id.clone()), version.document)
            else {
                continue;
            };
            if !kind.hasdocument {
                self.documents.note(kind, &name);
            }
            if !stays {
                let notation = Notation::of(version.content_type.as_deref());
                let kind = kind.clone();
                self.lifted.push(LiftedDocument { xid: name, content, kind, notation });
            }
        }
    }
}

/// The stored entities that a command writes.
fn written(view: &Catalog, tree: &WriteTree) -> BTreeSet<Xid> {
    let mut names = BTreeSet::new();
    names.extend(tree.registry.is_some().then_some(Xid::Registry));
    for group in &tree.groups {
        names.extend(group.attributes.is_some().then(|| group.xid.clone()));
        for node in &group.resources {
            names.extend(node.xid.meta().filter(|_| node.meta.is_some()));
            let listed = node.versions.iter().flatten();
            let ids = listed.filter_map(|version| version.id.clone());
            let default = view.resource_at(&node.xid).map(|there| there.meta.default.clone());
            let ids = ids.chain(default.filter(|_| node.default.is_some()));
            names.extend(ids.filter_map(|id| node.xid.version(id)));
        }
    }
    names
}

/// Adds all parts of a resource.
fn ask_everything<'a>(
    checks: &mut ComplianceChecks<'a>,
    xid: &Xid,
    kind: &'a ResourceType,
    resource: &Resource,
) {
    let asked = ResourceParts { versions: true, gets_documents: false, meta: true, formats: true };
    let written = BTreeSet::new();
    checks.ask_resource(xid, kind, resource, asked, &written);
    checks.ask_matching(xid, matched_anew(kind, None), resource, &written);
}

fn named(groups: &Id, group: &Group, resources: &Id, resource: &Resource) -> Xid {
    Xid::Resource {
        groups: groups.clone(),
        group: group.id.clone(),
        resources: resources.clone(),
        resource: resource.id.clone(),
    }
}

/// Refuses to drop a type that will still have entities after the command.
fn check_dropped(
    view: &Catalog,
    dropped: &Collection,
    tree: &WriteTree,
) -> Result<(), SubmitError> {
    let name = |group: &Id| Xid::Group { groups: dropped.groups.clone(), group: group.clone() };
    let groups = view.groups.get(&dropped.groups).into_iter().flat_map(|groups| groups.values());
    let staying = groups.filter(|group| !tree.removes(&name(&group.id)));
    let count = match &dropped.resources {
        None => staying.count(),
        Some(resources) => {
            let all = |group: &Arc<Group>| {
                let all = group.resources.get(resources).into_iter().flat_map(|all| all.values());
                let xids = all.map(|one| named(&dropped.groups, group, resources, one));
                xids.filter(|xid| !tree.removes(xid)).count()
            };
            staying.map(all).sum()
        }
    };
    if count == 0 {
        return Ok(());
    }
    let (groups, resources) = (dropped.groups.clone(), dropped.resources.clone());
    Err(Refusal::model(ModelRefusal::TypeInUse { groups, resources, count }).into())
}
