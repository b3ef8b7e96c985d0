use super::{compare::SortKey, evaluate::MissingAttributes, filter::Filter, sort::Sort};
use crate::{
    View,
    entity::{Entity, EntityReader, EntityUrls, LoadedAttributes},
    state::CaseFoldedId,
};

/// A query for the members of a collection that pass a filter, in an order.
pub struct MemberQuery<'a, 'q> {
    view: &'a View,
    urls: &'q dyn EntityUrls,
    /// The collection's path.
    path: &'q str,
    filter: &'q Filter,
    sort: Option<&'q Sort>,
    members: Vec<Entity<'a>>,
    next: Stage,
}

/// The next stage. Finished stages aren't repeated when something was missing.
#[derive(Clone, Copy)]
enum Stage {
    LoadForFilter,
    Filter,
    LoadForSort,
    Sort,
    Done,
}

impl<'a, 'q> MemberQuery<'a, 'q> {
    /// A query for the members of the collection at this path. Without an order, they keep their
    /// order.
    pub fn new(
        view: &'a View,
        urls: &'q dyn EntityUrls,
        path: &'q str,
        members: impl Iterator<Item = Entity<'a>>,
        filter: &'q Filter,
        sort: Option<&'q Sort>,
    ) -> Self {
        let members = if filter.excludes_all { Vec::new() } else { members.collect() };
        Self { view, urls, path, filter, sort, members, next: Stage::LoadForFilter }
    }

    /// Runs the query as far as possible with what is loaded. Contents that are still missing on
    /// the second call count as empty.
    ///
    /// # Errors
    /// The contents to load before the next call.
    pub fn run(&mut self, loaded: &dyn LoadedAttributes) -> Result<(), MissingAttributes> {
        let reader = EntityReader { view: self.view, loaded, urls: self.urls };
        loop {
            self.next = match self.next {
                Stage::LoadForFilter => {
                    self.next = Stage::Filter;
                    self.load_for_filter(&reader)?;
                    Stage::Filter
                }
                Stage::Filter => {
                    self.filter(&reader);
                    Stage::LoadForSort
                }
                Stage::LoadForSort => {
                    self.next = Stage::Sort;
                    self.load_for_sort(&reader)?;
                    Stage::Sort
                }
                Stage::Sort => {
                    self.sort(&reader);
                    Stage::Done
                }
                Stage::Done => return Ok(()),
            }
        }
    }

    /// The members in the result.
    #[must_use]
    pub fn into_members(self) -> Vec<Entity<'a>> {
        self.members
    }

    fn load_for_filter(&self, reader: &EntityReader<'_>) -> Result<(), MissingAttributes> {
        let mut missing = MissingAttributes(Vec::new());
        for member in self.members.iter().filter(|_| !self.filter.is_empty()) {
            reader.miss_for_filter(member, self.filter, &mut missing);
        }
        missing.none()
    }

    fn filter(&mut self, reader: &EntityReader<'_>) {
        if self.filter.is_empty() {
            return;
        }
        let (path, filter) = (self.path, self.filter);
        self.members
            .retain(|member| reader.passes(member, &format!("{path}/{}", member.id()), filter));
    }

    fn load_for_sort(&self, reader: &EntityReader<'_>) -> Result<(), MissingAttributes> {
        let mut missing = MissingAttributes(Vec::new());
        if let (Some(sort), Some(first)) = (self.sort, self.members.first())
            && !sort.is_by_id(first)
        {
            self.members.iter().for_each(|member| reader.miss(member, &mut missing));
        }
        missing.none()
    }

    /// Sorts the members. Only the key of each is kept meanwhile.
    fn sort(&mut self, reader: &EntityReader<'_>) {
        let Some(sort) = self.sort else { return };
        let key = |member: &Entity<'a>| {
            if sort.is_by_id(member) {
                return SortKey::Text(member.id().to_owned());
            }
            sort.key(&reader.map(member, &format!("{}/{}", self.path, member.id())))
        };
        let mut keyed: Vec<_> =
            std::mem::take(&mut self.members).into_iter().map(|m| (key(&m), m)).collect();
        keyed.sort_by(|left, right| sort.order((left.1.id(), &left.0), (right.1.id(), &right.0)));
        self.members.extend(keyed.into_iter().map(|(_, member)| member));
    }
}

/// How many members of a collection, which are in its order, don't come after an id.
#[must_use]
pub fn count_until(members: &[Entity<'_>], id: &str) -> usize {
    members.partition_point(|member| CaseFoldedId::order(member.id(), id).is_le())
}

impl MissingAttributes {
    fn none(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}
