use muster_words::Xid;

use super::{SearchCondition, TermValue};

/// A search for documents.
#[derive(Clone, Debug)]
pub struct Search {
    /// The condition.
    pub condition: SearchCondition,
    /// Only these, such as those that a full text search found; none means all.
    pub among: Option<Vec<Xid>>,
    /// The order.
    pub order: SearchOrder,
    /// The most hits on a page.
    pub limit: usize,
    /// The place of the last hit of the previous page.
    pub after: Option<SearchPlace>,
    /// The fields whose values are counted.
    pub facets: Vec<String>,
}

/// The order of hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchOrder {
    /// By their names.
    Name,
    /// As they were given.
    Given,
    /// By a field: of several values the first in this order counts. Those without a value come
    /// last, and equal ones are ordered by their names.
    Field {
        /// The field's name.
        name: String,
        /// Whether the highest value comes first.
        descending: bool,
    },
}

/// The place of a hit in an order. It stays valid while documents are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPlace {
    /// The value of the field in the order; none if it has none, or if the order has no field.
    pub value: Option<TermValue>,
    /// The document.
    pub xid: Xid,
}

/// A page of hits.
#[derive(Clone, Debug, Default)]
pub struct SearchPage {
    /// The hits of the page.
    pub hits: Vec<SearchHit>,
    /// The number of all hits.
    pub count: u64,
    /// The place after which the next page begins; none on the last page.
    pub next: Option<SearchPlace>,
    /// The counts of values, in the order in which the fields were given.
    pub facets: Vec<Facet>,
}

/// A document that was found.
#[derive(Clone, Debug)]
pub struct SearchHit {
    /// The document.
    pub xid: Xid,
    /// The value of the field in the order.
    pub value: Option<TermValue>,
}

/// The values of a field among all hits, most frequent first.
#[derive(Clone, Debug, Default)]
pub struct Facet {
    /// The field's name.
    pub name: String,
    /// Its most frequent values.
    pub values: Vec<FacetCount>,
    /// The number of other values.
    pub others: u64,
    /// Whether it has too many values to count them for so many hits.
    pub is_left_out: bool,
}

/// How many hits have a value.
#[derive(Clone, Debug, PartialEq)]
pub struct FacetCount {
    /// The value.
    pub value: TermValue,
    /// The number of hits.
    pub count: u64,
}
