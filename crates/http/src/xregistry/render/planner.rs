use muster_catalog::{
    View,
    entity::Entity,
    query::{Filter, PassingEntity, PassingMembers, passing},
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
    /// The entity, if it or something in it passes the filter.
    pub fn filtered(
        &self,
        entity: Entity<'a>,
        path: &str,
        inline: &Inline,
        filter: &Filter,
    ) -> Option<ShownEntity<'a>> {
        let urls = Links::api("");
        let passing = passing(self.view, (self.contents, &urls), entity, path, filter)?;
        Some(self.entity(passing, inline))
    }

    /// What is shown of an entity.
    pub fn entity(&self, passing: PassingEntity<'a>, inline: &Inline) -> ShownEntity<'a> {
        let PassingEntity { entity, path, parts } = passing;
        let mut collections = Vec::new();
        let mut parts = parts.map(|parts| parts.into_iter().peekable());
        for plural in entity.collections(self.view) {
            let inlined = inline.get(plural);
            collections.push(match &mut parts {
                None => self.all_members(&entity, &path, plural, inlined.as_ref()),
                Some(parts) => {
                    let part = parts.next_if(|part| part.plural == plural);
                    self.some_members(plural, part, inlined.as_ref())
                }
            });
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
        ShownEntity { entity, path, collections, meta, document, named }
    }

    fn all_members(
        &self,
        entity: &Entity<'a>,
        path: &str,
        plural: &'a str,
        inlined: Option<&Inline>,
    ) -> ShownMembers<'a> {
        let count = entity.count_in(self.view, plural);
        let query = if self.filters && count == 0 { nothing() } else { String::new() };
        let shown = inlined.map(|inline| {
            let parent = path.trim_end_matches('/');
            let whole = entity.members(self.view, plural).map(|member| {
                let path = format!("{parent}/{plural}/{}", member.id());
                self.entity(PassingEntity::whole(member, path), inline)
            });
            whole.collect()
        });
        ShownMembers { plural, query, count, shown }
    }

    fn some_members(
        &self,
        plural: &'a str,
        part: Option<PassingMembers<'a>>,
        inlined: Option<&Inline>,
    ) -> ShownMembers<'a> {
        let query = part.as_ref().map_or_else(nothing, |part| to_query(&part.filter));
        let members = part.map(|part| part.members).unwrap_or_default();
        let count = members.len();
        let shown = inlined
            .map(|inline| members.into_iter().map(|member| self.entity(member, inline)).collect());
        ShownMembers { plural, query, count, shown }
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

/// The query for a collection without members.
fn nothing() -> String {
    to_query(&Filter::nothing())
}
