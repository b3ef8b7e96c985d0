use std::collections::{BTreeMap, BTreeSet};

/// The types that a model has, by plural name: what an xid can speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeNames {
    groups: BTreeMap<String, BTreeSet<String>>,
}
