use std::{collections::BTreeSet, sync::Arc};

use imbl::OrdSet;
use muster_model::ResourceType;
use muster_words::Xid;

use super::{BindingFault, Dependency, Judge, NoVerdict, Rejection, Resolver, SchemaFault};
use crate::{Catalog, state::Bindings};

/// The documents that are bound to a document of this type in a group with these bindings. Each has
/// the content that its name leads to, or none if it doesn't exist.
///
/// If these are the same for two documents, so is their verdict.
#[must_use]
pub fn binding_documents(
    resolver: &(impl Resolver + ?Sized),
    kind: &ResourceType,
    bindings: Option<&Bindings>,
) -> Vec<Dependency> {
    let mut found = Vec::new();
    for schema in schemas_of(kind, bindings) {
        found.push((schema.clone(), resolver.content_at(schema)));
    }
    for rule in kind.aspect.rules.iter().chain(bindings.iter().flat_map(|own| &own.rules)) {
        match rule {
            Xid::Group { .. } => found.extend(rules_in(resolver, rule)),
            _ => found.push((rule.clone(), resolver.content_at(rule))),
        }
    }
    found
}

/// The schemas that a type and a group bind.
pub(super) fn schemas_of<'a>(
    kind: &'a ResourceType,
    bindings: Option<&'a Bindings>,
) -> impl Iterator<Item = &'a Xid> {
    let own = bindings.and_then(|own| own.schema.as_ref());
    kind.aspect.schema.iter().chain(own)
}

/// Every rule in a group of rules. If the group doesn't exist, the group itself, without a content.
fn rules_in(resolver: &(impl Resolver + ?Sized), group: &Xid) -> Vec<Dependency> {
    let Some(members) = resolver.members_of(group) else { return vec![(group.clone(), None)] };
    let led = |xid: Xid| (xid.clone(), resolver.content_at(&xid));
    members.into_iter().map(led).collect()
}

/// Whether the collection holds schemas, as in the built-in model.
pub(crate) fn holds_schemas(kind: &ResourceType) -> bool {
    kind.built_in && kind.plural == "schemas"
}

/// Whether the name is that of a schema, whatever the model. Nothing else can be referred to in a
/// schema, because a validation shows parts of the schema.
pub(crate) fn is_among_schemas(xid: &Xid) -> bool {
    groups_of(xid) == Some("schemagroups")
}

/// Whether the collection holds rules, as in the built-in model.
pub(super) fn holds_rules(kind: &ResourceType, xid: &Xid) -> bool {
    kind.built_in && groups_of(xid) == Some("rulegroups")
}

fn groups_of(xid: &Xid) -> Option<&str> {
    xid.group_ids().map(|(groups, _)| groups.as_str())
}

/// Whether the document must be a schema, because a catalog binds it.
#[must_use]
pub(crate) fn must_be_schema(catalog: &Catalog, kind: &ResourceType, xid: &Xid) -> bool {
    holds_schemas(kind) && xid.resource().is_some_and(|own| is_bound(catalog, &own))
}

/// Whether the model or a group of a catalog binds a resource, a version of it, or a schema that
/// refers to it. References in other documents don't count.
pub(crate) fn is_bound(catalog: &Catalog, xid: &Xid) -> bool {
    !bound_through(catalog, xid).is_empty()
}

/// The schemas and rules that the model or a group of a catalog binds and that lead to a resource:
/// itself, a version of it, or schemas that refer to it.
pub(crate) fn bound_through(catalog: &Catalog, xid: &Xid) -> Vec<Xid> {
    let mut found = Vec::new();
    let mut seen: BTreeSet<Xid> = [xid.clone()].into();
    let mut next = vec![xid.clone()];
    while let Some(name) = next.pop() {
        let mut users = Vec::new();
        for (target, referrers) in referred_within(catalog, &name) {
            let binds = |referrer: &Xid| matches!(referrer, Xid::Registry | Xid::Group { .. });
            if referrers.iter().any(binds) {
                found.extend(target.parse::<Xid>());
            }
            users.extend(referrers.iter().filter(|referrer| is_among_schemas(referrer)).cloned());
        }
        let addresses = catalog.resource_at(&name).and_then(|resource| resource.addresses.clone());
        let id = addresses.as_ref().and_then(|facts| facts.id.as_ref());
        if let Some((id, group)) = id.zip(name.group()) {
            users.extend(catalog.users_of(&group, id));
        }
        let is_resource = |user: &Xid| matches!(user, Xid::Resource { .. });
        next.extend(users.into_iter().filter(is_resource).filter(|user| seen.insert(user.clone())));
    }
    found
}

/// The messages that the model and the groups of a catalog name where they bind a schema.
pub(crate) fn bound_messages(catalog: &Catalog, xid: &Xid) -> BTreeSet<Arc<str>> {
    let mut found = BTreeSet::new();
    let Some(referrers) = catalog.referrers.get(xid.to_string().as_str()) else { return found };
    for referrer in referrers {
        match referrer {
            Xid::Registry => {
                let kinds = catalog.model.group_types().flat_map(|group| group.resources.values());
                let bound = kinds.filter(|kind| kind.aspect.schema.as_ref() == Some(xid));
                found
                    .extend(bound.filter_map(|kind| kind.aspect.message.as_deref().map(Arc::from)));
            }
            Xid::Group { .. } => {
                let own = catalog.group_at(referrer).map(|group| group.own.bindings.clone());
                let own = own.filter(|own| own.schema.as_ref() == Some(xid));
                found.extend(own.and_then(|own| own.message.clone()));
            }
            _ => {}
        }
    }
    found
}

/// A resource and what is within it, as far as something refers to it, each with what does.
fn referred_within<'a>(
    catalog: &'a Catalog,
    xid: &Xid,
) -> impl Iterator<Item = (&'a Arc<str>, &'a OrdSet<Xid>)> {
    let own = xid.to_string();
    let all = catalog.referrers.range::<_, Arc<str>>(Arc::from(own.as_str())..);
    all.map_while(move |(target, referrers)| {
        let rest = target.strip_prefix(own.as_str())?;
        Some((target, referrers, rest.is_empty() || rest.starts_with('/')))
    })
    .filter_map(|(target, referrers, is_within)| is_within.then_some((target, referrers)))
}

impl Judge<'_> {
    /// Checks that bound documents can be used: schemas must be schemas, rules must be rules.
    /// Returns their dependencies.
    ///
    /// # Errors
    /// See [`NoVerdict`].
    pub fn bindings<'b>(
        &self,
        bound: impl Iterator<Item = &'b Bindings>,
    ) -> Result<Vec<Dependency>, NoVerdict> {
        let (mut schemas, mut rules) = (BTreeSet::new(), BTreeSet::new());
        for bindings in bound {
            schemas.extend(bindings.schema.clone().map(|xid| (xid, bindings.message.clone())));
            for name in &bindings.rules {
                match name {
                    Xid::Group { .. } => {
                        rules.extend(self.sources.members_of(name).unwrap_or_default());
                    }
                    _ => drop(rules.insert(name.clone())),
                }
            }
        }
        let mut found = Vec::new();
        let mut missing = UnreadContents::default();
        for (xid, message) in schemas {
            let Some(schema) = missing.note_missing(self.schema(&xid))? else { continue };
            let checked = schema.schema().map(|schema| schema.check_message(message.as_deref()));
            if let Some(Err(error)) = checked {
                let fault = BindingFault::Schema(SchemaFault::Message(error));
                missing.note_missing::<()>(Err(Rejection::binding(&xid, fault).into()))?;
                continue;
            }
            found.extend(schema.dependencies);
            let content = self.sources.content_at(&xid);
            found.push((xid, content));
        }
        for xid in rules {
            if missing.note_missing(self.rule(&xid))?.is_some() {
                let content = self.sources.content_at(&xid);
                found.push((xid, content));
            }
        }
        missing.none()?;
        Ok(found)
    }
}

/// Collects missing contents, so that they can be fetched together.
#[derive(Default)]
pub(super) struct UnreadContents(BTreeSet<muster_words::ContentRef>);

impl UnreadContents {
    /// The result; none if something is missing, now or earlier. Rejections are reported only when
    /// everything is available, so that the first one doesn't depend on what had to be fetched.
    pub fn note_missing<T>(
        &mut self,
        outcome: Result<T, NoVerdict>,
    ) -> Result<Option<T>, NoVerdict> {
        match outcome {
            Ok(found) => Ok(Some(found)),
            Err(NoVerdict::Missing(missing)) => {
                self.0.extend(missing);
                Ok(None)
            }
            Err(_) if !self.0.is_empty() => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Fails if something is missing.
    pub fn none(self) -> Result<(), NoVerdict> {
        if self.0.is_empty() { Ok(()) } else { Err(NoVerdict::Missing(self.0)) }
    }
}
