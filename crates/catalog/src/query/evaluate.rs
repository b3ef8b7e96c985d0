use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::{
    filter::{Filter, FilterExpression, FilterMatch},
    passing::{PassingEntity, PassingMembers},
};
use crate::{
    Content, View,
    entity::{Entity, EntityReader, EntityUrls, LoadedAttributes},
};

/// Contents with attributes that a query needs but that aren't loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingAttributes(pub Vec<Content>);

impl EntityReader<'_> {
    /// What of an entity of this view passes a filter.
    fn passing<'e>(
        &self,
        view: &'e View,
        entity: Entity<'e>,
        path: &str,
        filter: &Filter,
    ) -> Option<PassingEntity<'e>> {
        let below = match self.ask(&entity, path, filter) {
            FilterMatch::Nothing => return None,
            FilterMatch::Whole => return Some(PassingEntity::whole(entity, path.to_owned())),
            FilterMatch::Below(below) => below,
        };
        let mut parts = Vec::new();
        for plural in entity.collections(view) {
            let Some(filter) = below.below(plural) else { continue };
            let members: Vec<PassingEntity<'e>> = entity
                .members(view, plural)
                .filter_map(|member| {
                    let path = member_path(path, plural, member.id());
                    self.passing(view, member, &path, &filter)
                })
                .collect();
            if !members.is_empty() {
                parts.push(PassingMembers { plural, filter, members });
            }
        }
        let path = path.to_owned();
        (!parts.is_empty()).then_some(PassingEntity { entity, path, parts: Some(parts) })
    }

    /// Whether an entity matches a filter, or its members must be asked.
    fn ask(&self, entity: &Entity<'_>, path: &str, filter: &Filter) -> FilterMatch {
        let known = OnceCell::new();
        filter.ask(
            |expression| self.holds(expression, entity, path, &known),
            |name| entity.has_collection(self.view, name),
        )
    }

    /// Whether an entity passes a filter, either itself or through something in it. It stops at
    /// the first member that passes.
    pub(super) fn passes(&self, entity: &Entity<'_>, path: &str, filter: &Filter) -> bool {
        let below = match self.ask(entity, path, filter) {
            FilterMatch::Whole => return true,
            FilterMatch::Nothing => return false,
            FilterMatch::Below(below) => below,
        };
        entity.collections(self.view).into_iter().any(|plural| {
            let Some(filter) = below.below(plural) else { return false };
            entity.members(self.view, plural).any(|member| {
                self.passes(&member, &member_path(path, plural, member.id()), &filter)
            })
        })
    }

    /// Whether an entity satisfies an expression about itself. `known` caches its attributes
    /// between expressions.
    fn holds(
        &self,
        expression: &FilterExpression,
        entity: &Entity<'_>,
        path: &str,
        known: &OnceCell<Map<String, Value>>,
    ) -> bool {
        if let Entity::Resource(kind, resource) = entity
            && let Some(version) = resource.default_version()
            && let Some(holds) = expression.holds_in(kind, version)
        {
            return holds;
        }
        let about_meta = match (entity, expression.collection()) {
            (Entity::Resource(kind, resource), Some("meta")) => {
                expression.within("meta").map(|rest| (Entity::Meta(kind, *resource), rest))
            }
            _ => None,
        };
        match about_meta {
            Some((meta, rest)) => rest.matches(&self.map(&meta, &format!("{path}/meta"))),
            None => expression.matches(known.get_or_init(|| self.map(entity, path))),
        }
    }

    /// An entity's attributes, for filters and orders.
    pub(super) fn map(&self, entity: &Entity<'_>, path: &str) -> Map<String, Value> {
        let mut map = Map::new();
        self.each(entity, path, &|_| false, &mut |name, value| {
            map.insert(name.to_owned(), value.clone());
        });
        for plural in entity.collections(self.view) {
            map.insert(format!("{plural}count"), entity.count_in(self.view, plural).into());
        }
        map
    }

    /// The contents that a filter needs for an entity and its members, and that aren't loaded.
    #[must_use]
    pub fn missing(&self, entity: &Entity<'_>, filter: &Filter) -> MissingAttributes {
        let mut missing = MissingAttributes(Vec::new());
        self.miss_for_filter(entity, filter, &mut missing);
        missing
    }

    pub(super) fn miss_for_filter(
        &self,
        entity: &Entity<'_>,
        filter: &Filter,
        missing: &mut MissingAttributes,
    ) {
        if filter.asks(|name| entity.has_collection(self.view, name)) {
            self.miss(entity, missing);
            if let Entity::Resource(kind, resource) = entity {
                self.miss(&Entity::Meta(kind, *resource), missing);
            }
        }
        for plural in entity.collections(self.view) {
            let Some(below) = filter.below(plural) else { continue };
            for member in entity.members(self.view, plural) {
                self.miss_for_filter(&member, &below, missing);
            }
        }
    }

    pub(super) fn miss(&self, entity: &Entity<'_>, missing: &mut MissingAttributes) {
        let contents = entity.contents(self.view);
        missing.0.extend(contents.filter(|content| self.loaded.attributes(*content).is_none()));
    }
}

/// What of an entity passes a filter; none if neither the entity nor anything in it does.
#[must_use]
pub fn passing<'a>(
    view: &'a View,
    (loaded, urls): (&dyn LoadedAttributes, &dyn EntityUrls),
    entity: Entity<'a>,
    path: &str,
    filter: &Filter,
) -> Option<PassingEntity<'a>> {
    EntityReader { view, loaded, urls }.passing(view, entity, path, filter)
}

fn member_path(path: &str, plural: &str, id: &str) -> String {
    format!("{}/{plural}/{id}", path.trim_end_matches('/'))
}
