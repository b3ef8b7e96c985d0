use std::collections::BTreeSet;

use muster_catalog::{
    Catalog, Refusal,
    decide::{content_at, members_of},
    tree::Tree,
};
use muster_words::{ContentRef, Xid};

use super::{bindings_of, compiled::Unusable};
use crate::{SubmitError, registry::Heart};

impl Heart {
    /// Checks that what a command binds anew can be used: schemas are schemas, rules are rules.
    /// Answers what that stands on.
    pub(super) async fn check_bindings(
        &self,
        view: &Catalog,
        tree: &Tree,
    ) -> Result<Vec<(Xid, Option<ContentRef>)>, SubmitError> {
        let mut schemas: BTreeSet<Xid> = BTreeSet::new();
        let mut rules: BTreeSet<Xid> = BTreeSet::new();
        if let Some(new) = &tree.model {
            let kinds = new.model.group_types().flat_map(|group| group.resources.values());
            for kind in kinds {
                schemas.extend(kind.aspect.schema.clone());
                rules.extend(rules_of(view, &kind.aspect.rules));
            }
        }
        for node in tree.groups.iter().filter(|node| node.attributes.is_some()) {
            let Some(bindings) = bindings_of(view, tree.mode, node) else { continue };
            schemas.extend(bindings.schema.clone());
            rules.extend(rules_of(view, &bindings.rules));
        }
        let mut bound = Vec::new();
        for xid in schemas {
            let usable = self.schema(view, &xid).await;
            let schema = usable.map_err(|unusable| refuse(&xid, unusable))?;
            bound.extend(schema.behind.iter().cloned());
            let content = content_at(view, &xid);
            bound.push((xid, content));
        }
        for xid in rules {
            let usable = self.rule(view, &xid).await.map(|_| ());
            usable.map_err(|unusable| refuse(&xid, unusable))?;
            let content = content_at(view, &xid);
            bound.push((xid, content));
        }
        Ok(bound)
    }
}

/// The rules that a list of rules and groups of rules names.
fn rules_of(view: &Catalog, names: &[Xid]) -> Vec<Xid> {
    let mut found = Vec::new();
    for name in names {
        match name {
            Xid::Group { .. } => found.extend(members_of(view, name)),
            _ => found.push(name.clone()),
        }
    }
    found
}

/// The refusal for a binding whose document can't be used.
pub(super) fn refuse(xid: &Xid, unusable: Unusable) -> SubmitError {
    match unusable {
        Unusable::Missing => Refusal::new("binding_missing", xid).arg("binding", xid).into(),
        Unusable::Schema(error) => Refusal::new("binding_broken", xid)
            .arg("binding", xid)
            .arg("error_detail", &error)
            .violations(error.violations())
            .into(),
        Unusable::Rule(error) => Refusal::new("binding_broken", xid)
            .arg("binding", xid)
            .arg("error_detail", &error)
            .violations(vec![error.violation()])
            .into(),
        Unusable::Read(error) => error,
    }
}
