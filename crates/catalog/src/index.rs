//! The structured indexes: which resources have, or ever had, a value in a field.
//!
//! One structure serves every position: it holds the pairs of term and resource that were ever true,
//! and which of them are true now. So a search now needs no check, and in a view of the past each
//! hit is checked with the terms of the version that the view shows.
//!
//! A resource is known by a number, which it gets when it is created. Everything is a persistent
//! value, shared between views.

mod condition;
mod declared;
mod expression;
mod find;
mod maintain;
mod narrow;
mod number_set;
mod postings;
mod search;
mod term;

use std::{borrow::Borrow, cmp::Ordering, ops::Bound, sync::Arc};

pub use condition::{FieldTest, SearchCondition};
pub use declared::{DeclaredField, DeclaredFields, FieldFault};
pub use expression::{CONDITION_BYTES_MAX, ConditionFault};
pub use find::Candidates;
use imbl::{OrdMap, Vector};
pub use maintain::FormerTerms;
use muster_words::{Id, Xid};
pub use number_set::NumberSet;
use postings::Postings;
pub use search::{Facet, FacetCount, Search, SearchHit, SearchOrder, SearchPage, SearchPlace};
pub use term::{
    FieldClass, FieldKey, INDEXED_VALUES_MAX, IndexedNumber, Term, TermValue, terms_of,
    terms_of_labels,
};

use crate::state::CaseFoldedId;

/// The name of the field with a resource's type, such as `providers/entries`.
pub const TYPE: &str = "type";

/// The name of the field with a resource's group, such as `providers/cms`.
pub const GROUP: &str = "group";

/// The name of the field with the lifecycle state of a resource's default version.
pub const STATE: &str = "state";

/// What precedes a label's key in the name of its field.
pub const LABEL: &str = "labels.";

/// The indexes of a catalog.
#[derive(Clone, Debug, Default)]
pub struct StructuredIndex {
    fields: OrdMap<Arc<FieldKey>, FieldTerms>,
    /// The resources that ever existed, and which of them exist.
    live: Option<Postings>,
    /// The name of each resource that ever existed, by its number.
    names: Vector<ResourceName>,
    places: OrdMap<(Id, Id, Id), Arc<ResourcePlace>>,
}

/// The values of a field, in order, each with the resources that have or had it.
#[derive(Clone, Debug, Default)]
struct FieldTerms(OrdMap<TermKey, Postings>);

/// A term among the terms of its field, ordered by its value.
#[derive(Clone, Debug)]
struct TermKey(Arc<Term>);

impl Borrow<TermValue> for TermKey {
    fn borrow(&self) -> &TermValue {
        &self.0.value
    }
}

impl Ord for TermKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.value.cmp(&other.0.value)
    }
}

impl PartialOrd for TermKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for TermKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for TermKey {}

/// The name of a resource.
#[derive(Clone, Debug)]
struct ResourceName {
    place: Arc<ResourcePlace>,
    id: Id,
}

/// A group's collection of resources.
#[derive(Debug)]
struct ResourcePlace {
    groups: Id,
    group: Id,
    resources: Id,
}

impl ResourceName {
    fn xid(&self) -> Xid {
        let place = &self.place;
        Xid::Resource {
            groups: place.groups.clone(),
            group: place.group.clone(),
            resources: place.resources.clone(),
            resource: self.id.clone(),
        }
    }

    /// The order of names: by type and group, and in a collection as it is listed.
    fn order(&self, other: &Self) -> Ordering {
        let place = if Arc::ptr_eq(&self.place, &other.place) {
            Ordering::Equal
        } else {
            self.place.texts().cmp(&other.place.texts())
        };
        place
            .then_with(|| CaseFoldedId::order(self.id.as_str(), other.id.as_str()))
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl ResourcePlace {
    fn texts(&self) -> [&str; 3] {
        [self.groups.as_str(), self.group.as_str(), self.resources.as_str()]
    }

    fn kind(&self) -> TermValue {
        TermValue::Text(format!("{}/{}", self.groups, self.resources).into())
    }

    fn owner(&self) -> TermValue {
        TermValue::Text(format!("{}/{}", self.groups, self.group).into())
    }
}

impl StructuredIndex {
    /// The number of resources that ever existed.
    #[must_use]
    pub fn size(&self) -> usize {
        self.names.len()
    }

    fn name_of(&self, number: u32) -> Option<&ResourceName> {
        self.names.get(number as usize)
    }

    fn field(&self, key: &FieldKey) -> Option<&FieldTerms> {
        self.fields.get(key)
    }

    /// The resources that exist, or ever existed.
    fn all(&self, is_past: bool) -> NumberSet {
        let mut set = NumberSet::default();
        if let Some(live) = &self.live {
            live.add_to(&mut set, is_past);
        }
        set
    }

    /// Adds the resources with a value within these bounds.
    fn add_within(
        &self,
        key: &FieldKey,
        bounds: (Bound<&TermValue>, Bound<&TermValue>),
        is_past: bool,
        set: &mut NumberSet,
    ) {
        let Some(terms) = self.field(key) else { return };
        if is_empty(bounds) {
            return;
        }
        for (_, postings) in terms.0.range::<_, TermValue>(bounds) {
            postings.add_to(set, is_past);
        }
    }
}

/// Whether nothing can be within bounds.
fn is_empty(bounds: (Bound<&TermValue>, Bound<&TermValue>)) -> bool {
    match bounds {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Included(to) | Bound::Excluded(to),
        ) => from >= to,
    }
}
