use muster_words::Id;

use super::Entity;
use crate::View;

impl<'a> Entity<'a> {
    /// The names of its collections, in their order.
    #[must_use]
    pub fn collections(&self, view: &'a View) -> Vec<&'a str> {
        match self {
            Self::Registry => view.model().group_types().map(|kind| kind.plural.as_str()).collect(),
            Self::Group(kind, _) => kind.resources.keys().map(String::as_str).collect(),
            Self::Resource(..) => vec!["versions"],
            Self::Meta(..) | Self::Version(..) => Vec::new(),
        }
    }

    /// How many members a collection of its has.
    #[must_use]
    pub fn count_in(&self, view: &View, plural: &str) -> usize {
        match self {
            Self::Registry => view.group_count(plural),
            Self::Group(_, group) => group.resource_count(plural),
            Self::Resource(_, resource) => resource.version_count(),
            Self::Meta(..) | Self::Version(..) => 0,
        }
    }

    /// How many entities lie below it. More than `enough` aren't counted further.
    #[must_use]
    pub fn count_below(&self, view: &'a View, enough: usize) -> usize {
        let mut count = 0;
        for plural in self.collections(view) {
            count += self.count_in(view, plural);
            if count > enough {
                return count;
            }
            for member in self.members(view, plural) {
                count += member.count_below(view, enough.saturating_sub(count));
                if count > enough {
                    return count;
                }
            }
        }
        count
    }

    /// The members of a collection of its, in the order of their ids.
    #[must_use]
    pub fn members(
        &self,
        view: &'a View,
        plural: &str,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        self.members_after(view, plural, None)
    }

    /// The members that stand behind an id, itself excluded.
    #[must_use]
    pub fn members_after(
        &self,
        view: &'a View,
        plural: &str,
        after: Option<&Id>,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        match *self {
            Self::Registry => match view.model().group_type(plural) {
                Some(kind) => Box::new(
                    view.groups(plural, after).map(move |group| Entity::Group(kind, group)),
                ),
                None => Box::new(std::iter::empty()),
            },
            Self::Group(kind, group) => match kind.resource_type(plural) {
                Some(kind) => Box::new(
                    group
                        .resources(plural, after)
                        .map(move |resource| Entity::Resource(kind, resource)),
                ),
                None => Box::new(std::iter::empty()),
            },
            Self::Resource(kind, resource) => {
                let versions = resource.versions(after);
                Box::new(versions.map(move |version| Entity::Version(kind, resource, version)))
            }
            Self::Meta(..) | Self::Version(..) => Box::new(std::iter::empty()),
        }
    }
}
