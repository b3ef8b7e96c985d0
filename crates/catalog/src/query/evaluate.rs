use std::cell::OnceCell;

use serde_json::{Map, Value};

use super::filter::{Filter, FilterExpression, FilterMatch};
use crate::{
    Content,
    entity::{Entity, EntityReader},
};

/// Contents with attributes that a query needs but that aren't loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingAttributes(pub Vec<Content>);

impl EntityReader<'_> {
    /// Whether an entity matches a filter, or its members must be asked.
    #[must_use]
    pub fn ask(&self, entity: &Entity<'_>, path: &str, filter: &Filter) -> FilterMatch {
        let known = OnceCell::new();
        filter.ask(
            |expression| self.holds(expression, entity, path, &known),
            |name| entity.has_collection(self.view, name),
        )
    }

    /// Whether an entity passes a filter, either itself or through something in it.
    #[must_use]
    pub fn passes(&self, entity: &Entity<'_>, path: &str, filter: &Filter) -> bool {
        let below = match self.ask(entity, path, filter) {
            FilterMatch::Whole => return true,
            FilterMatch::Nothing => return false,
            FilterMatch::Below(below) => below,
        };
        entity.collections(self.view).into_iter().any(|plural| {
            let Some(filter) = below.below(plural) else { return false };
            let path = format!("{}/{plural}", path.trim_end_matches('/'));
            entity
                .members(self.view, plural)
                .any(|member| self.passes(&member, &format!("{path}/{}", member.id()), &filter))
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
