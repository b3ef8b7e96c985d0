use muster_catalog::{
    View,
    entity::{Entity, EntityReader},
    query::{Filter, FilterMatch},
};

use super::{Links, LoadedContents, loaded_contents::NeededContents};
use crate::xregistry::{filter::to_query, inline::Inline};

/// An entity in an answer.
#[derive(Clone, Debug)]
pub(in crate::xregistry) struct ShownEntity<'a> {
    /// The entity.
    pub entity: Entity<'a>,
    /// Its path, which is its xid.
    pub path: String,
    /// Its collections.
    pub collections: Vec<ShownMembers<'a>>,
    /// Whether its Meta is inlined.
    pub meta: bool,
    /// Whether its document is inlined.
    pub document: bool,
    /// The inlined attributes of the registry that must be named.
    pub named: Vec<&'static str>,
}

/// A nested collection in an answer.
#[derive(Clone, Debug)]
pub(in crate::xregistry) struct ShownMembers<'a> {
    /// Its name.
    pub plural: &'a str,
    /// The query for the same members at the collection's own path.
    pub query: String,
    /// The number of matching members.
    pub count: usize,
    /// The matching members, if they are inlined.
    pub shown: Option<Vec<ShownEntity<'a>>>,
}

/// Determines what an answer shows.
#[derive(Clone, Copy)]
pub(in crate::xregistry) struct AnswerPlanner<'a, 'b> {
    pub view: &'a View,
    pub contents: &'b LoadedContents,
    /// Whether the request has a filter; then URLs of collections contain it.
    pub filters: bool,
}

impl<'a> AnswerPlanner<'a, '_> {
    /// The entity, if it or something in it matches.
    pub fn entity(
        &self,
        entity: Entity<'a>,
        path: String,
        inline: &Inline,
        filter: &Filter,
    ) -> Option<ShownEntity<'a>> {
        let urls = Links::api("");
        let reader = EntityReader { view: self.view, loaded: self.contents, urls: &urls };
        let below = match reader.ask(&entity, &path, filter) {
            FilterMatch::Nothing => return None,
            FilterMatch::Whole => None,
            FilterMatch::Below(below) => Some(below),
        };
        let mut collections = Vec::new();
        for plural in entity.collections(self.view) {
            let path = collection_path(&path, plural);
            collections.push(self.members(&entity, plural, &path, inline, below.as_ref()));
        }
        if below.is_some() && collections.iter().all(|members| members.count == 0) {
            return None;
        }
        let document = match entity {
            Entity::Resource(kind, _) | Entity::Version(kind, ..) => {
                kind.hasdocument && inline.has(&kind.singular)
            }
            _ => false,
        };
        let meta = matches!(entity, Entity::Resource(..)) && inline.has("meta");
        let named = match entity {
            Entity::Registry => ["capabilities", "model", "modelsource"]
                .into_iter()
                .filter(|name| inline.has(name))
                .collect(),
            _ => Vec::new(),
        };
        Some(ShownEntity { entity, path, collections, meta, document, named })
    }

    fn members(
        &self,
        entity: &Entity<'a>,
        plural: &'a str,
        path: &str,
        inline: &Inline,
        below: Option<&Filter>,
    ) -> ShownMembers<'a> {
        let inlined = inline.get(plural);
        let everything = Filter::default();
        let (filter, query) = match below.map(|below| below.below(plural)) {
            None => (&everything, String::new()),
            Some(Some(ref filter)) => {
                let shown = self.all(entity, plural, path, inlined.as_ref(), filter);
                let count = shown.len();
                let query = if count == 0 { Filter::nothing() } else { filter.clone() };
                let shown = inlined.map(|_| shown);
                return ShownMembers { plural, query: to_query(&query), count, shown };
            }
            Some(None) => {
                let query = to_query(&Filter::nothing());
                return ShownMembers {
                    plural,
                    query,
                    count: 0,
                    shown: inlined.map(|_| Vec::new()),
                };
            }
        };
        let count = entity.count_in(self.view, plural);
        let query = if self.filters && count == 0 { to_query(&Filter::nothing()) } else { query };
        let shown = inlined.map(|inline| self.all(entity, plural, path, Some(&inline), filter));
        ShownMembers { plural, query, count, shown }
    }

    fn all(
        &self,
        entity: &Entity<'a>,
        plural: &'a str,
        path: &str,
        inline: Option<&Inline>,
        filter: &Filter,
    ) -> Vec<ShownEntity<'a>> {
        let nothing = Inline::default();
        let inline = inline.unwrap_or(&nothing);
        entity
            .members(self.view, plural)
            .filter_map(|member| {
                let path = format!("{path}/{}", member.id());
                self.entity(member, path, inline, filter)
            })
            .collect()
    }

    /// Adds everything to load that writing needs.
    ///
    /// In the document view, a resource doesn't show attributes of its default version.
    pub fn add_needed(&self, shown: &ShownEntity<'a>, doc: bool, wanted: &mut NeededContents) {
        wanted.attributes.extend(shown.entity.contents(self.view));
        wanted.entities += 1;
        if shown.document && !(doc && matches!(shown.entity, Entity::Resource(..))) {
            wanted.documents.extend(shown.entity.document());
        }
        if let (Entity::Resource(kind, resource), true) = (&shown.entity, shown.meta) {
            let meta = Entity::Meta(kind, *resource);
            wanted.attributes.extend(meta.contents(self.view));
        }
        for members in &shown.collections {
            wanted.queries += members.query.len() as u64;
            for member in members.shown.iter().flatten() {
                self.add_needed(member, doc, wanted);
            }
        }
    }
}

fn collection_path(path: &str, plural: &str) -> String {
    format!("{}/{plural}", path.trim_end_matches('/'))
}
