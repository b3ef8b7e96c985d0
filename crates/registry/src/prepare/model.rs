use std::{collections::BTreeMap, sync::Arc};

use muster_catalog::{
    Catalog, Content, Refusal,
    command::NewModel,
    model::{Attributes, Model, Readonly, ResourceType},
    references::targets_of_bytes,
    state::{Hidden, Subtree, Version},
};
use muster_words::{
    Collection, Id, Xid,
    json::{self, Value},
};

use crate::{SubmitError, registry::Heart};

/// Entities that are looked at between two reads of the ledger.
const CHUNK: usize = 512;

/// An entity whose attributes a new model may not allow.
struct Held<'a> {
    xid: Xid,
    content: Content,
    level: &'a Attributes,
}

impl Heart {
    pub(super) fn compile_model(&self, source: &Value) -> Result<NewModel, SubmitError> {
        let model = Model::compile(source, self.settings.foundation)
            .map_err(|fault| Refusal::model(&fault))?;
        Ok(NewModel { source: json::to_canonical(source).into(), model: Arc::new(model) })
    }

    /// Checks that what is there complies with a new model, and finds what documents refer to
    /// under it. The gate is closed, so nothing moves meanwhile.
    pub(super) async fn check_model(
        &self,
        view: &Catalog,
        new: &NewModel,
    ) -> Result<BTreeMap<Xid, Arc<[Xid]>>, SubmitError> {
        new.model
            .check_successor_of(&view.model)
            .map_err(|fault| SubmitError::from(Refusal::model(&fault)))?;
        for dropped in view.model.dropped_by(&new.model) {
            check_dropped(view, &dropped)?;
        }
        let mut held = Vec::new();
        let mut referring = Vec::new();
        for (groups, collection) in &view.groups {
            let Some(kind) = new.model.group_type(groups.as_str()) else { continue };
            let before = view.model.group_type(groups.as_str());
            let is_same = before.is_some_and(|before| before.attributes == kind.attributes);
            for group in collection.values() {
                let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
                if let Some(content) = group.own.attributes.filter(|_| !is_same) {
                    held.push(Held { xid: xid.clone(), content, level: &kind.attributes });
                }
                for (resources, all) in &group.resources {
                    let Some(rtype) = kind.resource_type(resources.as_str()) else { continue };
                    let before = before.and_then(|before| before.resource_type(resources.as_str()));
                    for resource in all.values() {
                        let xid = Xid::Resource {
                            groups: groups.clone(),
                            group: group.id.clone(),
                            resources: resources.clone(),
                            resource: resource.id.clone(),
                        };
                        let versions = resource.versions.iter();
                        hold(&xid, rtype, before, versions, &mut held, &mut referring)?;
                    }
                }
            }
        }
        self.check_held(held).await?;
        self.refer_again(referring).await
    }

    /// Checks that what a restore brings back complies with the model of now.
    pub(super) async fn check_restored(
        &self,
        view: &Catalog,
        xid: &Xid,
        hidden: &Hidden,
        versions: &[(Xid, Arc<Version>)],
    ) -> Result<(), SubmitError> {
        let mut held = Vec::new();
        if let (Subtree::Group(group), Xid::Group { groups, .. }) = (&hidden.what, xid) {
            let kind = view.model.group_type(groups.as_str());
            let kind = kind.ok_or_else(|| Refusal::not_found(format!("/{groups}")))?;
            let own = group.own.attributes;
            held.extend(own.map(|content| Held {
                xid: xid.clone(),
                content,
                level: &kind.attributes,
            }));
        }
        for (name, version) in versions {
            let Xid::Version { groups, resources, .. } = name else { continue };
            let kind = view.model.resource_type(groups.as_str(), resources.as_str());
            let kind = kind.ok_or_else(|| Refusal::not_found(name))?;
            let own = version.attributes;
            held.extend(own.map(|content| Held {
                xid: name.clone(),
                content,
                level: &kind.attributes,
            }));
        }
        self.check_held(held).await
    }

    async fn check_held(&self, held: Vec<Held<'_>>) -> Result<(), SubmitError> {
        for chunk in held.chunks(CHUNK) {
            let contents: Vec<Content> = chunk.iter().map(|held| held.content).collect();
            for (held, map) in chunk.iter().zip(self.maps(&contents).await?) {
                let mut attributes = (*map).clone();
                held.level
                    .check(&mut attributes, Readonly::Keep)
                    .map_err(|fault| Refusal::attribute(&held.xid, &fault))?;
            }
        }
        Ok(())
    }

    async fn refer_again(
        &self,
        referring: Vec<(Xid, Content, Arc<ResourceType>)>,
    ) -> Result<BTreeMap<Xid, Arc<[Xid]>>, SubmitError> {
        let mut found = BTreeMap::new();
        for chunk in referring.chunks(CHUNK) {
            let contents: Vec<Content> = chunk.iter().map(|(_, content, _)| *content).collect();
            for ((xid, _, kind), bytes) in chunk.iter().zip(self.fetch(&contents).await?) {
                let targets = bytes.map(|bytes| targets_of_bytes(&kind.aspect, &bytes));
                found.insert(xid.clone(), targets.unwrap_or_else(|| Arc::new([])));
            }
        }
        Ok(found)
    }
}

/// Notes what of a resource a new type must be asked about.
fn hold<'a, 'v>(
    xid: &Xid,
    kind: &'a Arc<ResourceType>,
    before: Option<&Arc<ResourceType>>,
    versions: impl Iterator<Item = &'v Arc<Version>>,
    held: &mut Vec<Held<'a>>,
    referring: &mut Vec<(Xid, Content, Arc<ResourceType>)>,
) -> Result<(), SubmitError> {
    let is_same = before.is_some_and(|before| before.attributes == kind.attributes);
    let refers_same =
        before.is_some_and(|before| before.aspect.references == kind.aspect.references);
    for version in versions {
        let Some(name) = xid.version(version.id.clone()) else { continue };
        if version.document.is_some() && !kind.hasdocument {
            return Err(Refusal::new("hasdocument_violation", &name)
                .arg("plural", &kind.plural)
                .into());
        }
        if let Some(content) = version.attributes.filter(|_| !is_same) {
            held.push(Held { xid: name.clone(), content, level: &kind.attributes });
        }
        if let Some(content) = version.document.filter(|_| !refers_same) {
            referring.push((name, content, kind.clone()));
        }
    }
    Ok(())
}

fn check_dropped(view: &Catalog, dropped: &Collection) -> Result<(), SubmitError> {
    let groups = view.groups_of(&dropped.groups);
    let count = match &dropped.resources {
        None => groups.map_or(0, |groups| groups.len()),
        Some(resources) => count(groups, resources),
    };
    if count == 0 {
        return Ok(());
    }
    let what = match &dropped.resources {
        None => format!("can't remove Group type {:?} from the model", dropped.groups.as_str()),
        Some(resources) => format!(
            "can't remove Resource type {:?} from Group type {:?}",
            resources.as_str(),
            dropped.groups.as_str()
        ),
    };
    let reason = format!("{what} - it still has {count} entities. Delete them before removing it");
    Err(Refusal::new("model_error", "/model").arg("error_detail", reason).into())
}

fn count(
    groups: Option<&muster_catalog::state::Collection<muster_catalog::state::Group>>,
    resources: &Id,
) -> usize {
    groups
        .into_iter()
        .flat_map(|groups| groups.values())
        .filter_map(|group| group.resources.get(resources))
        .map(|collection| collection.len())
        .sum()
}
