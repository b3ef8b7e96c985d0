use std::{cell::OnceCell, ops::Bound, sync::Arc};

use muster_catalog::{
    Catalog,
    state::{Collection, Folded},
};
use muster_words::Id;
use serde_json::{Map, Value};

use super::{Entity, Fields, Links, Shelf, shelf::Wanted};
use crate::xregistry::{
    dotted::{Dotted, Step},
    filter::{Answer, Expression, Filter},
    inline::Inline,
};

/// An entity as an answer shows it.
#[derive(Clone, Debug)]
pub(in crate::xregistry) struct Shown<'a> {
    /// The entity.
    pub entity: Entity<'a>,
    /// Its path: its xid.
    pub path: String,
    /// Its collections.
    pub collections: Vec<Members<'a>>,
    /// Whether its Meta is inlined.
    pub meta: bool,
    /// Whether its document is inlined.
    pub document: bool,
    /// The registry's attributes that are inlined by name.
    pub named: Vec<&'static str>,
}

/// A nested collection as an answer shows it.
#[derive(Clone, Debug)]
pub(in crate::xregistry) struct Members<'a> {
    /// Its name.
    pub plural: &'a str,
    /// The query that shows the same members at the collection's own path.
    pub query: String,
    /// How many pass.
    pub count: usize,
    /// Those that pass, if they are inlined.
    pub shown: Option<Vec<Shown<'a>>>,
}

/// Finds out what an answer shows.
#[derive(Clone, Copy)]
pub(in crate::xregistry) struct Survey<'a, 'b> {
    pub view: &'a Catalog,
    pub shelf: &'b Shelf,
    /// Whether the request filters: then URLs of collections say so.
    pub filters: bool,
}

impl<'a> Survey<'a, '_> {
    /// The entity, if it or something in it passes.
    pub fn entity(
        &self,
        entity: Entity<'a>,
        path: String,
        inline: &Inline,
        filter: &Filter,
    ) -> Option<Shown<'a>> {
        let known = OnceCell::new();
        let answer = filter.ask(
            |expression| self.holds(expression, &entity, &path, &known),
            |name| entity.has_collection(self.view, name),
        );
        let below = match answer {
            Answer::Nothing => return None,
            Answer::Whole => None,
            Answer::Below(below) => Some(below),
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
        Some(Shown { entity, path, collections, meta, document, named })
    }

    fn members(
        &self,
        entity: &Entity<'a>,
        plural: &'a str,
        path: &str,
        inline: &Inline,
        below: Option<&Filter>,
    ) -> Members<'a> {
        let inlined = inline.get(plural);
        let everything = Filter::default();
        let (filter, query) = match below.map(|below| below.below(plural)) {
            None => (&everything, String::new()),
            Some(Some(ref filter)) => {
                let shown = self.all(entity, plural, path, inlined.as_ref(), filter);
                let count = shown.len();
                let query = if count == 0 { Filter::nothing() } else { filter.clone() };
                let shown = inlined.map(|_| shown);
                return Members { plural, query: query.to_query(), count, shown };
            }
            Some(None) => {
                let query = Filter::nothing().to_query();
                return Members { plural, query, count: 0, shown: inlined.map(|_| Vec::new()) };
            }
        };
        let count = entity.count_in(self.view, plural);
        let query = if self.filters && count == 0 { Filter::nothing().to_query() } else { query };
        let shown = inlined.map(|inline| self.all(entity, plural, path, Some(&inline), filter));
        Members { plural, query, count, shown }
    }

    fn all(
        &self,
        entity: &Entity<'a>,
        plural: &'a str,
        path: &str,
        inline: Option<&Inline>,
        filter: &Filter,
    ) -> Vec<Shown<'a>> {
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

    /// Whether an entity satisfies an expression about itself. `known` keeps its attributes from
    /// one expression to the next.
    fn holds(
        &self,
        expression: &Expression,
        entity: &Entity<'_>,
        path: &str,
        known: &OnceCell<Map<String, Value>>,
    ) -> bool {
        let about_meta = match (entity, expression.collection()) {
            (Entity::Resource(kind, resource), Some("meta")) => {
                expression.within("meta").map(|rest| (Entity::Meta(kind, resource), rest))
            }
            _ => None,
        };
        match about_meta {
            Some((meta, rest)) => rest.matches(&self.map(&meta, &format!("{path}/meta"))),
            None => expression.matches(known.get_or_init(|| self.map(entity, path))),
        }
    }

    /// An entity's attributes as filters and sorting see them.
    pub fn map(&self, entity: &Entity<'_>, path: &str) -> Map<String, Value> {
        let links = Links::api("");
        let fields =
            Fields { view: self.view, shelf: self.shelf, links: &links, as_headers: false };
        let mut map = fields.map(entity, path);
        for plural in entity.collections(self.view) {
            map.insert(format!("{plural}count"), entity.count_in(self.view, plural).into());
        }
        map
    }

    /// Asks for the attributes that a filter tests on an entity and below it.
    pub fn want_for_filter(&self, entity: &Entity<'a>, filter: &Filter, wanted: &mut Wanted) {
        if filter.asks(|name| entity.has_collection(self.view, name)) {
            entity.want(self.view, wanted);
            if let Entity::Resource(kind, resource) = entity {
                Entity::Meta(kind, resource).want(self.view, wanted);
            }
        }
        for plural in entity.collections(self.view) {
            let Some(below) = filter.below(plural) else { continue };
            for member in entity.members(self.view, plural) {
                self.want_for_filter(&member, &below, wanted);
            }
        }
    }

    /// Asks for everything that writing needs.
    ///
    /// In the document view a resource shows nothing of its default version.
    pub fn want_to_write(&self, shown: &Shown<'a>, doc: bool, wanted: &mut Wanted) {
        shown.entity.want(self.view, wanted);
        wanted.entities += 1;
        if shown.document && !(doc && matches!(shown.entity, Entity::Resource(..))) {
            wanted.documents.extend(shown.entity.document());
        }
        if let (Entity::Resource(kind, resource), true) = (&shown.entity, shown.meta) {
            Entity::Meta(kind, resource).want(self.view, wanted);
        }
        for members in &shown.collections {
            wanted.queries += members.query.len() as u64;
            for member in members.shown.iter().flatten() {
                self.want_to_write(member, doc, wanted);
            }
        }
    }
}

/// Whether a path speaks of an entity's id alone, which needs no content.
pub(in crate::xregistry) fn is_id(path: &Dotted, entity: &Entity<'_>) -> bool {
    let [Step::Key(name)] = path.0.as_slice() else { return false };
    match entity {
        Entity::Group(kind, _) => *name == kind.id_name(),
        Entity::Resource(kind, _) => *name == kind.id_name(),
        Entity::Version(..) => name == "versionid",
        Entity::Registry | Entity::Meta(..) => false,
    }
}

fn collection_path(path: &str, plural: &str) -> String {
    format!("{}/{plural}", path.trim_end_matches('/'))
}

impl<'a> Entity<'a> {
    /// The names of its collections, in their order.
    pub fn collections(&self, view: &'a Catalog) -> Vec<&'a str> {
        match self {
            Self::Registry => view.model.group_types().map(|kind| kind.plural.as_str()).collect(),
            Self::Group(kind, _) => kind.resources.keys().map(String::as_str).collect(),
            Self::Resource(..) => vec!["versions"],
            Self::Meta(..) | Self::Version(..) => Vec::new(),
        }
    }

    /// How many members a collection of its has.
    pub fn count_in(&self, view: &Catalog, plural: &str) -> usize {
        match self {
            Self::Registry => view.groups.get(plural).map_or(0, |members| members.len()),
            _ => self.count(plural),
        }
    }

    fn count(&self, plural: &str) -> usize {
        match self {
            Self::Group(_, group) => group.resources.get(plural).map_or(0, |members| members.len()),
            Self::Resource(_, resource) => resource.versions.len(),
            Self::Registry | Self::Meta(..) | Self::Version(..) => 0,
        }
    }

    /// The members of a collection of its, in the order of their ids.
    pub fn members(
        &self,
        view: &'a Catalog,
        plural: &str,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        self.members_after(view, plural, None)
    }

    /// The members that stand behind an id, itself excluded.
    pub fn members_after(
        &self,
        view: &'a Catalog,
        plural: &str,
        after: Option<&Id>,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        match *self {
            Self::Registry => match view.model.group_type(plural) {
                Some(kind) => Box::new(
                    behind(view.groups.get(plural), after)
                        .map(move |group| Entity::Group(kind, group)),
                ),
                None => Box::new(std::iter::empty()),
            },
            Self::Group(kind, group) => match kind.resource_type(plural) {
                Some(kind) => Box::new(
                    behind(group.resources.get(plural), after)
                        .map(move |resource| Entity::Resource(kind, resource)),
                ),
                None => Box::new(std::iter::empty()),
            },
            Self::Resource(kind, resource) => {
                let after = after.map(Id::folded);
                Box::new(
                    resource
                        .versions
                        .iter()
                        .filter(move |version| {
                            after.as_ref().is_none_or(|after| version.id.folded() > *after)
                        })
                        .map(move |version| Entity::Version(kind, resource, version)),
                )
            }
            Self::Meta(..) | Self::Version(..) => Box::new(std::iter::empty()),
        }
    }
}

/// What stands behind an id in a collection, without walking what stands before it.
fn behind<'a, T>(
    collection: Option<&'a Collection<T>>,
    after: Option<&Id>,
) -> impl Iterator<Item = &'a Arc<T>> + 'a {
    let from = match after {
        Some(id) => Bound::Excluded(Folded(id.clone())),
        None => Bound::Unbounded,
    };
    let members = collection.map(|members| members.range((from, Bound::Unbounded)));
    members.into_iter().flatten().map(|(_, member)| member)
}
