use std::{collections::BTreeMap, sync::Arc};

use muster_words::{Coverage, Xid};

use super::{
    DeclaredFields, Facet, FacetCount, FieldClass, FieldFault, FieldKey, FieldTerms, GROUP,
    NumberSet, ResourceName, STATE, Search, SearchPage, StructuredIndex, TYPE, Term, TermKey,
    TermValue, condition::Compiled,
};
use crate::{View, state::Version};

mod candidates;
mod order;

pub use candidates::Candidates;

/// The values of a facet that are shown.
const FACET_VALUES_MAX: usize = 20;

/// The values up to which a facet is counted for any number of hits; counting asks each for all
/// hits.
const FACET_TERMS_MAX: usize = 10_000;

/// The hits up to which each is looked at, because that is faster than a walk over all values.
const EACH_HIT_MAX: u64 = 2_000;

impl View {
    /// Searches for documents.
    ///
    /// # Errors
    /// A field isn't indexed, or a value can't be one of its values.
    pub fn search(
        &self,
        search: &Search,
        declared: &DeclaredFields,
    ) -> Result<SearchPage, FieldFault> {
        let finder = Finder::new(self, declared);
        let condition = search.condition.compile(declared)?;
        let set = finder.found(&condition, search.among.as_deref());
        let mut page = finder.page(&set, search)?;
        page.count = set.len();
        for name in &search.facets {
            page.facets.push(finder.facet(name, &set)?);
        }
        Ok(page)
    }

    /// The documents for which a condition holds, in the order of their names.
    ///
    /// # Errors
    /// As [`View::search`].
    pub fn matching(
        &self,
        condition: &super::SearchCondition,
        declared: &DeclaredFields,
    ) -> Result<Vec<Xid>, FieldFault> {
        let finder = Finder::new(self, declared);
        let set = finder.found(&condition.compile(declared)?, None);
        let names = finder.first_names(set.iter(), None, usize::MAX);
        Ok(names.into_iter().map(|(_, name)| name.xid()).collect())
    }
}

impl StructuredIndex {
    /// The texts that a field ever had, in order; none if there are more than `max`.
    #[must_use]
    pub fn texts<'a>(&'a self, keys: &[Arc<FieldKey>], max: usize) -> Option<Vec<&'a str>> {
        let fields = || keys.iter().filter_map(|key| self.field(key));
        if fields().map(|terms| terms.0.len()).sum::<usize>() > max {
            return None;
        }
        let all = fields().flat_map(|terms| terms.0.keys());
        let text = |term: &'a TermKey| match &term.0.value {
            TermValue::Text(text) => Some(&**text),
            _ => None,
        };
        Some(all.filter_map(text).collect())
    }
}

/// Finds documents in a view.
struct Finder<'a> {
    view: &'a View,
    index: &'a StructuredIndex,
    declared: &'a DeclaredFields,
    /// The fields that the registry itself knows: type, group and state.
    own: [Arc<FieldKey>; 3],
}

/// A document that a view shows.
struct Shown<'a> {
    name: &'a ResourceName,
    kind: String,
    version: &'a Arc<Version>,
}

impl<'a> Finder<'a> {
    fn new(view: &'a View, declared: &'a DeclaredFields) -> Self {
        let own = [TYPE, GROUP, STATE]
            .map(|name| Arc::new(FieldKey { name: name.to_owned(), class: FieldClass::Text }));
        Self { view, index: &view.catalog().index, declared, own }
    }

    fn is_past(&self) -> bool {
        !self.view.is_newest()
    }

    /// The documents for which a condition holds in the view.
    fn found(&self, condition: &Compiled, among: Option<&[Xid]>) -> NumberSet {
        let mut set = condition.found(self.index, self.is_past());
        if let Some(among) = among {
            let numbers = among.iter().filter_map(|xid| Some(self.view.resource_at(xid)?.number()));
            set.intersect(&numbers.collect());
        }
        if self.view.within().is_some() {
            set.intersect(&self.visible());
        }
        if self.is_past() {
            set = set.iter().filter(|number| self.holds_at(condition, *number)).collect();
        }
        set
    }

    fn holds_at(&self, condition: &Compiled, number: u32) -> bool {
        let Some(shown) = self.shown(number) else { return false };
        let own = self.own_terms(&shown);
        let terms: Vec<&Term> = own.iter().chain(self.terms(&shown)).collect();
        condition.holds(&terms)
    }

    /// What the view shows of a document; none if it doesn't exist there.
    fn shown(&self, number: u32) -> Option<Shown<'a>> {
        let name = self.index.name_of(number)?;
        let xid = name.xid();
        let resource = self.view.resource_at(&xid)?;
        // Another document may have had the same name.
        if resource.number() != number {
            return None;
        }
        // What was purged since isn't found any more, not even by a value that it had.
        if self.view.erased(&xid).is_some() {
            return None;
        }
        let kind = format!("{}/{}", name.place.groups, name.place.resources);
        Some(Shown { name, kind, version: resource.default_version()? })
    }

    /// The terms of a document that the view's model declares.
    fn terms<'b>(&'b self, shown: &'b Shown<'a>) -> impl Iterator<Item = &'a Term> + 'b {
        let all = shown.version.terms_ever().map(Arc::as_ref);
        all.filter(move |term| self.declared.holds(&shown.kind, term))
    }

    fn own_terms(&self, shown: &Shown<'_>) -> [Term; 3] {
        let [kind, group, state] = self.own.clone();
        let place = &shown.name.place;
        [
            Term { field: kind, value: place.kind() },
            Term { field: group, value: place.owner() },
            Term { field: state, value: TermValue::Text(shown.version.state.as_str().into()) },
        ]
    }

    /// The documents that the caller may see.
    fn visible(&self) -> NumberSet {
        let mut set = NumberSet::default();
        let (Some(within), Some(groups)) = (self.view.within(), self.index.field(&self.own[1]))
        else {
            return set;
        };
        for (group, postings) in &groups.0 {
            let TermValue::Text(group) = &group.0.value else { continue };
            match within.coverage(&format!("/{group}")) {
                Coverage::Within => postings.add_to(&mut set, self.is_past()),
                Coverage::Outside => {}
                Coverage::Above => {
                    let mut all = NumberSet::default();
                    postings.add_to(&mut all, self.is_past());
                    for number in all.iter() {
                        let name = self.index.name_of(number).map(|name| name.xid().to_string());
                        let coverage = name.map(|name| within.coverage(&name));
                        if coverage == Some(Coverage::Within) {
                            set.insert(number);
                        }
                    }
                }
            }
        }
        set
    }

    /// Counts the values of a field among hits.
    fn facet(&self, name: &str, set: &NumberSet) -> Result<Facet, FieldFault> {
        let mut keys = self.declared.keys(name)?;
        // Of a range the lower ends are counted.
        keys.retain(|key| key.class != FieldClass::RangeMax);
        let mut facet = Facet { name: name.to_owned(), ..Facet::default() };
        let fields = || keys.iter().filter_map(|key| self.index.field(key));
        let terms: usize = fields().map(|terms| terms.0.len()).sum();
        let mut counts: Vec<FacetCount> = if self.is_past() || terms > FACET_TERMS_MAX {
            if set.len() > EACH_HIT_MAX && !self.is_past() {
                facet.is_left_out = true;
                return Ok(facet);
            }
            self.counted_by_hit(&keys, set)
        } else {
            let counted = fields().flat_map(|terms| terms.counted_in(set));
            counted.collect()
        };
        counts.sort_by(|left, right| {
            right.count.cmp(&left.count).then_with(|| left.value.cmp(&right.value))
        });
        facet.others = counts.len().saturating_sub(FACET_VALUES_MAX) as u64;
        counts.truncate(FACET_VALUES_MAX);
        facet.values = counts;
        Ok(facet)
    }

    fn counted_by_hit(&self, keys: &[Arc<FieldKey>], set: &NumberSet) -> Vec<FacetCount> {
        let mut counts: BTreeMap<TermValue, u64> = BTreeMap::new();
        for number in set.iter() {
            let Some(shown) = self.shown(number) else { continue };
            let own = self.own_terms(&shown);
            for term in own.iter().chain(self.terms(&shown)) {
                if keys.contains(&term.field) {
                    *counts.entry(term.value.clone()).or_default() += 1;
                }
            }
        }
        counts.into_iter().map(|(value, count)| FacetCount { value, count }).collect()
    }
}

impl FieldTerms {
    fn counted_in<'b>(&'b self, set: &'b NumberSet) -> impl Iterator<Item = FacetCount> + 'b {
        self.0.iter().filter_map(|(term, postings)| {
            let count = postings.count_in(set);
            (count > 0).then(|| FacetCount { value: term.0.value.clone(), count })
        })
    }
}
