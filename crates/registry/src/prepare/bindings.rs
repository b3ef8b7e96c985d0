use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::{
    Catalog, Reason, Refusal,
    command::Target,
    decide::{Leads, Sight, Work, binds_as_schema},
    tree::Tree,
};
use muster_schema::{CompileError, Violation};
use muster_words::{Collection, ContentRef, Xid};

use super::{bindings_of, compiled::Unusable};
use crate::{SubmitError, registry::Heart};

impl Heart {
    /// Checks that what a command binds anew can be used: schemas are schemas, rules are rules.
    /// Answers what that stands on.
    pub(super) async fn check_bindings(
        &self,
        sight: &Sight<'_>,
        tree: &Tree,
    ) -> Result<Vec<(Xid, Option<ContentRef>)>, SubmitError> {
        let mut schemas: BTreeSet<Xid> = BTreeSet::new();
        let mut rules: BTreeSet<Xid> = BTreeSet::new();
        if let Some(new) = &tree.model {
            let kinds = new.model.group_types().flat_map(|group| group.resources.values());
            for kind in kinds {
                schemas.extend(kind.aspect.schema.clone());
                rules.extend(rules_of(sight, &kind.aspect.rules));
            }
        }
        for node in tree.groups.iter().filter(|node| node.attributes.is_some()) {
            let Some(bindings) = bindings_of(sight.view, tree.mode, node) else { continue };
            schemas.extend(bindings.schema.clone());
            rules.extend(rules_of(sight, &bindings.rules));
        }
        let mut bound = Vec::new();
        for xid in schemas {
            let usable = self.schema(sight, &xid).await;
            let schema = usable.map_err(|unusable| refuse(&xid, unusable))?;
            bound.extend(schema.behind.iter().cloned());
            let content = sight.content_at(&xid);
            bound.push((xid, content));
        }
        for xid in rules {
            let usable = self.rule(sight, &xid).await.map(|_| ());
            usable.map_err(|unusable| refuse(&xid, unusable))?;
            let content = sight.content_at(&xid);
            bound.push((xid, content));
        }
        Ok(bound)
    }

    /// What keeps the stored versions of bound schemas that a command touches from being schemas.
    pub(super) async fn schemas_of(
        &self,
        view: &Catalog,
        work: &Work,
    ) -> Result<BTreeMap<ContentRef, Vec<Violation>>, SubmitError> {
        let mut found = BTreeMap::new();
        let sight = Sight { view, brought: None };
        for xid in touched(work) {
            let Some(Collection { groups, resources: Some(resources) }) = xid.collection() else {
                continue;
            };
            let kind = view.model.resource_type(groups.as_str(), resources.as_str());
            if !kind.is_some_and(|kind| binds_as_schema(view, kind, &xid)) {
                continue;
            }
            let Some(resource) = view.resource_at(&xid) else { continue };
            let versions: Vec<(Xid, ContentRef)> = resource
                .versions
                .iter()
                .filter_map(|all| Some((xid.version(all.id.clone())?, all.document?.reference())))
                .collect();
            for (name, content) in versions {
                let violations = match self.schema(&sight, &name).await {
                    Err(Unusable::Schema(error)) => schema_violations(&error),
                    Err(Unusable::Read(error)) => return Err(error),
                    Ok(_) | Err(_) => Vec::new(),
                };
                found.insert(content, violations);
            }
        }
        Ok(found)
    }
}

/// What is wrong with a schema, at least one violation.
pub(super) fn schema_violations(error: &CompileError) -> Vec<Violation> {
    let violations = error.violations();
    if violations.is_empty() {
        return vec![Violation::keyword(String::new(), "schema", error.to_string())];
    }
    violations
}

/// The resources that a command may give another default version.
fn touched(work: &Work) -> Vec<Xid> {
    match work {
        Work::Write(work) => {
            let nodes = work.tree.groups.iter().flat_map(|group| &group.resources);
            nodes.map(|node| node.xid.clone()).collect()
        }
        Work::Delete(delete) => match &delete.target {
            Target::Entity(xid) | Target::Versions(xid) => xid.resource().into_iter().collect(),
            _ => Vec::new(),
        },
        Work::Restore(work) => work.xid.resource().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The rules that a list of rules and groups of rules names.
fn rules_of(sight: &Sight<'_>, names: &[Xid]) -> Vec<Xid> {
    let mut found = Vec::new();
    for name in names {
        match name {
            Xid::Group { .. } => found.extend(sight.members_of(name).unwrap_or_default()),
            _ => found.push(name.clone()),
        }
    }
    found
}

/// The refusal for a binding whose document can't be used.
pub(super) fn refuse(xid: &Xid, unusable: Unusable) -> SubmitError {
    let broken = |error, violations| {
        let binding = xid.clone();
        Refusal::new(xid, Reason::BindingBroken { binding, error, violations }).into()
    };
    match unusable {
        Unusable::Missing => Refusal::binding_missing(xid, xid).into(),
        Unusable::Schema(error) => broken(error.to_string(), error.violations()),
        Unusable::Rule(error) => broken(error.to_string(), vec![error.violation()]),
        Unusable::Read(error) => error,
    }
}
