use std::sync::Arc;

use muster_words::{Collection, Xid};

use super::{
    FieldClass, FieldKey, FieldTerms, GROUP, Postings, ResourceName, ResourcePlace, STATE,
    StructuredIndex, TYPE, Term, TermKey, TermValue,
};
use crate::{
    Catalog,
    facts::VersionFacts,
    state::{Resource, Version},
};

impl StructuredIndex {
    /// The number of a resource that is created now.
    pub(crate) fn number(&mut self, xid: &Xid) -> u32 {
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let Xid::Resource { groups, group, resources, resource } = xid else { return number };
        let key = (groups.clone(), group.clone(), resources.clone());
        let place = if let Some(place) = self.places.get(&key) {
            place.clone()
        } else {
            let (groups, group, resources) = key.clone();
            let place = Arc::new(ResourcePlace { groups, group, resources });
            self.places.insert(key, place.clone());
            place
        };
        self.names.push_back(ResourceName { place, id: resource.clone() });
        number
    }

    /// The same terms, as far as possible those that are kept already.
    pub(crate) fn interned(&self, terms: &Arc<[Arc<Term>]>) -> Arc<[Arc<Term>]> {
        if terms.is_empty() {
            return terms.clone();
        }
        terms.iter().map(|term| self.known(term)).collect()
    }

    fn known(&self, term: &Arc<Term>) -> Arc<Term> {
        let Some((field, terms)) = self.fields.get_key_value(&term.field) else {
            return term.clone();
        };
        if let Some((known, _)) = terms.0.get_key_value(&term.value) {
            return known.0.clone();
        }
        Arc::new(Term { field: field.clone(), value: term.value.clone() })
    }

    fn set(&mut self, term: &Arc<Term>, number: u32, is_now: bool) {
        if !self.fields.contains_key(&term.field) {
            self.fields.insert(term.field.clone(), FieldTerms::default());
        }
        let Some(terms) = self.fields.get_mut(&term.field) else { return };
        match terms.0.get_mut(&term.value) {
            Some(postings) => postings.set(number, is_now),
            None if is_now => {
                terms.0.insert(TermKey(term.clone()), Postings::one(number));
            }
            None => {}
        }
    }

    fn set_plain(&mut self, name: &str, value: TermValue, number: u32, is_now: bool) {
        let field = FieldKey { name: name.to_owned(), class: FieldClass::Text };
        let term = Term { field: Arc::new(field), value };
        let term = self.known(&Arc::new(term));
        self.set(&term, number, is_now);
    }

    /// Sets whether a resource exists.
    fn set_live(&mut self, number: u32, is_now: bool) {
        match &mut self.live {
            Some(live) => live.set(number, is_now),
            None => self.live = Some(Postings::one(number)),
        }
        let Some(place) = self.name_of(number).map(|name| name.place.clone()) else { return };
        self.set_plain(TYPE, place.kind(), number, is_now);
        self.set_plain(GROUP, place.owner(), number, is_now);
    }

    fn set_state(&mut self, version: &Version, number: u32, is_now: bool) {
        let value = TermValue::Text(version.state.as_str().into());
        self.set_plain(STATE, value, number, is_now);
    }

    /// Replaces the version with which a resource is indexed.
    fn replace(&mut self, number: u32, old: Option<&Arc<Version>>, new: Option<&Arc<Version>>) {
        if let (Some(old), Some(new)) = (old, new) {
            if Arc::ptr_eq(old, new) {
                return;
            }
            if old.state != new.state {
                self.set_state(old, number, false);
                self.set_state(new, number, true);
            }
        } else {
            self.set_live(number, new.is_some());
            let version = old.or(new);
            version.into_iter().for_each(|one| self.set_state(one, number, new.is_some()));
        }
        let kept = |version: Option<&Arc<Version>>, term: &Arc<Term>| {
            version.is_some_and(|version| version.terms().any(|other| other == term))
        };
        for term in old.iter().flat_map(|version| version.terms()) {
            if !kept(new, term) {
                self.set(term, number, false);
            }
        }
        for term in new.iter().flat_map(|version| version.terms()) {
            if !kept(old, term) {
                self.set(term, number, true);
            }
        }
    }

    /// Removes a resource that is deleted.
    pub(crate) fn remove(&mut self, resource: &Resource) {
        self.replace(resource.number, resource.searched.as_ref(), None);
    }
}

impl Version {
    /// The terms by which it is found with the model in force.
    pub(crate) fn terms(&self) -> impl Iterator<Item = &Arc<Term>> {
        self.facts.indexed.iter().chain(self.labels.iter())
    }

    /// The terms by which it is or was found, with any model.
    pub(crate) fn terms_ever(&self) -> impl Iterator<Item = &Arc<Term>> {
        let former = self.former.iter().flat_map(|former| former.0.iter());
        self.terms().chain(former)
    }
}

impl Catalog {
    /// Indexes a resource with its present default version.
    pub(crate) fn index_fields(&mut self, xid: &Xid) {
        let Some(resource) = self.resource_at(xid) else { return };
        let new = resource.default_version().cloned();
        let old = resource.searched.clone();
        let is_same = match (&old, &new) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if is_same {
            return;
        }
        self.index.replace(resource.number, old.as_ref(), new.as_ref());
        if let Some(resource) = self.resource_mut(xid) {
            resource.searched = new;
        }
    }

    /// The terms of a version by which it was found with an earlier model, and isn't any more.
    pub(crate) fn former_terms(
        &self,
        xid: &Xid,
        old: &Version,
        new: &VersionFacts,
    ) -> Option<Arc<FormerTerms>> {
        if old.former.is_none() && old.facts.indexed == new.indexed {
            return None;
        }
        let Collection { groups, resources, .. } = xid.collection()?;
        let kind = self.model.resource_type(groups.as_str(), resources?.as_str());
        let is_declared = |term: &Term| {
            kind.is_some_and(|kind| {
                kind.aspect.indexed.iter().any(|indexed| {
                    indexed.field == term.field.name
                        && FieldClass::of(indexed.kind).contains(&term.field.class)
                })
            })
        };
        let of_old = old.facts.indexed.iter();
        let all = of_old.chain(old.former.iter().flat_map(|former| former.0.iter()));
        let mut kept: Vec<Arc<Term>> = all.filter(|term| !is_declared(term)).cloned().collect();
        kept.sort_unstable();
        kept.dedup();
        (!kept.is_empty()).then(|| Arc::new(FormerTerms(kept)))
    }
}

/// Terms of a version that only earlier models declared. Views of that time still find it by them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormerTerms(pub(crate) Vec<Arc<Term>>);
