use muster_words::{ContentRef, Id, Xid};

use super::draft::{Draft, ResourceEdit};
use crate::{
    Catalog,
    model::{Model, ResourceType},
    state::{Bindings, Group},
    tree::Verdict,
};

/// The documents that bind a document of that type in that group, each with the content that its
/// name leads to now; none where the name leads nowhere.
///
/// Two catalogs that give the same list give every document the same verdict.
#[must_use]
pub fn standing(
    catalog: &Catalog,
    kind: &ResourceType,
    bindings: Option<&Bindings>,
) -> Vec<(Xid, Option<ContentRef>)> {
    let mut found = Vec::new();
    let schemas = kind.aspect.schema.iter().chain(bindings.and_then(|own| own.schema.as_ref()));
    for schema in schemas {
        found.push((schema.clone(), content_at(catalog, schema)));
    }
    for rule in kind.aspect.rules.iter().chain(bindings.iter().flat_map(|own| &own.rules)) {
        match rule {
            Xid::Group { .. } => found.extend(rules_in(catalog, rule)),
            _ => found.push((rule.clone(), content_at(catalog, rule))),
        }
    }
    found
}

/// The content that a document's name leads to.
#[must_use]
pub fn content_at(catalog: &Catalog, xid: &Xid) -> Option<ContentRef> {
    catalog.version_at(xid)?.document.map(|content| content.reference())
}

/// Every rule in a group of rules; the group itself, leading nowhere, where it isn't there.
fn rules_in(catalog: &Catalog, group: &Xid) -> Vec<(Xid, Option<ContentRef>)> {
    let Some(found) = catalog.group_at(group) else { return vec![(group.clone(), None)] };
    members(group, found).map(|xid| (xid.clone(), content_at(catalog, &xid))).collect()
}

/// The names of all resources in the group of that name.
#[must_use]
pub fn members_of(catalog: &Catalog, xid: &Xid) -> Vec<Xid> {
    let group = catalog.group_at(xid);
    group.map(|group| members(xid, group).collect()).unwrap_or_default()
}

/// The names of all resources in a group.
pub(super) fn members<'a>(xid: &'a Xid, group: &'a Group) -> impl Iterator<Item = Xid> + 'a {
    let name = move |resources: &Id, resource: &Id| match xid {
        Xid::Group { groups, group } => Xid::Resource {
            groups: groups.clone(),
            group: group.clone(),
            resources: resources.clone(),
            resource: resource.clone(),
        },
        other => other.clone(),
    };
    group.resources.iter().flat_map(move |(resources, collection)| {
        collection.values().map(move |resource| name(resources, &resource.id))
    })
}

/// Whether something binds the documents of that name, which must then be schemas.
#[must_use]
pub fn binds_as_schema(catalog: &Catalog, kind: &ResourceType, xid: &Xid) -> bool {
    let Some(Xid::Group { groups, .. }) = xid.group() else { return false };
    let is_schema = kind.built_in && groups.as_str() == "schemagroups";
    is_schema && xid.resource().is_some_and(|own| !catalog.referrers_of(&own).is_empty())
}

impl Draft<'_> {
    /// Whether what a verdict stood on still stands.
    pub(super) fn stands(&self, edit: &ResourceEdit, verdict: &Verdict) -> bool {
        let bindings = self.bindings_of(&edit.xid);
        let kind = current_type(&self.model, &edit.xid);
        let Some(kind) = kind else { return false };
        standing(self.catalog, &kind, bindings.as_deref()) == verdict.standing
            && (verdict.is_schema || !binds_as_schema(self.catalog, &kind, &edit.xid))
            && verdict.behind.iter().all(|(xid, content)| content_at(self.catalog, xid) == *content)
    }

    fn bindings_of(&self, xid: &Xid) -> Option<std::sync::Arc<Bindings>> {
        let group = xid.group()?;
        match self.groups.get(&group) {
            Some(edit) => Some(edit.bindings.clone()),
            None => Some(self.catalog.group_at(&group)?.own.bindings.clone()),
        }
    }
}

fn current_type(model: &Model, xid: &Xid) -> Option<std::sync::Arc<ResourceType>> {
    match xid {
        Xid::Resource { groups, resources, .. } => {
            model.resource_type(groups.as_str(), resources.as_str()).cloned()
        }
        _ => None,
    }
}
