use muster_words::{Coverage, Id, XidPatterns};

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

    /// The number of members of one of its collections.
    #[must_use]
    pub fn count_in(&self, view: &View, plural: &str) -> usize {
        if self.hides_some(view, plural) {
            return self.members(view, plural).count();
        }
        match self {
            Self::Registry => view.group_count(plural),
            Self::Group(_, group) => group.resource_count(plural),
            Self::Resource(_, resource) => resource.version_count(),
            Self::Meta(..) | Self::Version(..) => 0,
        }
    }

    /// The number of entities below it. Counting stops beyond `enough`.
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

    /// The members of one of its collections, sorted by id.
    #[must_use]
    pub fn members(
        &self,
        view: &'a View,
        plural: &str,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        self.members_after(view, plural, None)
    }

    /// The members after an id, exclusive.
    #[must_use]
    pub fn members_after(
        &self,
        view: &'a View,
        plural: &str,
        after: Option<&Id>,
    ) -> Box<dyn Iterator<Item = Entity<'a>> + 'a> {
        let all = self.all_after(view, plural, after);
        let (Some(within), true) = (view.within(), self.hides_some(view, plural)) else {
            return all;
        };
        let (parent, plural) = (*self, plural.to_owned());
        Box::new(all.filter(move |member| {
            parent.coverage(within, &[&plural, member.id()]) != Coverage::Outside
        }))
    }

    /// Whether one of its collections may have members that aren't visible.
    fn hides_some(&self, view: &View, plural: &str) -> bool {
        let within = view.within();
        within.is_some_and(|within| self.coverage(within, &[plural]) != Coverage::Within)
    }

    /// How something in it relates to places. The content of a resource is visible with the
    /// resource.
    fn coverage(&self, within: &XidPatterns, below: &[&str]) -> Coverage {
        let below = below.iter().copied();
        match self {
            Self::Registry => within.coverage_of(below),
            Self::Group(kind, group) => {
                let own = [kind.plural.as_str(), group.id().as_str()];
                within.coverage_of(own.into_iter().chain(below))
            }
            Self::Resource(..) | Self::Meta(..) | Self::Version(..) => Coverage::Within,
        }
    }

    fn all_after(
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
