use muster_words::{Xid, XidPatterns};

use super::Finder;
use crate::{
    View,
    index::{DeclaredFields, FieldFault, NumberSet, SearchCondition},
};

/// The documents for which a condition holds and that the caller of a view may see, so that another
/// index finds only them.
#[derive(Clone, Debug)]
pub struct Candidates {
    view: View,
    set: NumberSet,
}

impl View {
    /// The documents for which a condition holds, to look each of them up.
    ///
    /// # Errors
    /// As [`View::search`].
    pub fn candidates(
        &self,
        condition: &SearchCondition,
        declared: &DeclaredFields,
    ) -> Result<Candidates, FieldFault> {
        let compiled = condition.compile(declared)?;
        let set = Finder::new(self, declared).found(&compiled, None);
        Ok(Candidates { view: self.clone(), set })
    }
}

impl Candidates {
    /// Whether a document is one of them.
    #[must_use]
    pub fn has(&self, xid: &Xid) -> bool {
        self.view.resource_at(xid).is_some_and(|resource| self.set.has(resource.number()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.set.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Their names.
    pub fn xids(&self) -> impl Iterator<Item = Xid> {
        let index = &self.view.catalog().index;
        self.set.iter().filter_map(|number| Some(index.name_of(number)?.xid()))
    }

    /// The places that the caller may see; none if that are all.
    #[must_use]
    pub fn within(&self) -> Option<&XidPatterns> {
        self.view.within()
    }
}
