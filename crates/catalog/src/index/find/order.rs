//! Orders of hits, and their pages.

use std::{cmp::Ordering, collections::BinaryHeap, sync::Arc};

use muster_words::Xid;

use super::{EACH_HIT_MAX, Finder};
use crate::index::{
    FieldClass, FieldFault, FieldKey, NumberSet, ResourceName, ResourcePlace, Search, SearchHit,
    SearchOrder, SearchPage, SearchPlace, TermValue,
};

/// A hit in the order of names.
struct ByName<'a>(u32, &'a ResourceName);

impl Ord for ByName<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.1.order(other.1).then(self.0.cmp(&other.0))
    }
}

impl PartialOrd for ByName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByName<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByName<'_> {}

/// A hit with the value by which it is ordered.
type Valued<'a> = (Option<TermValue>, u32, &'a ResourceName);

/// An order by a field.
struct ByField<'a> {
    keys: Vec<Arc<FieldKey>>,
    descending: bool,
    after: Option<(&'a SearchPlace, ResourceName)>,
    /// The hits that are wanted: one more than a page.
    wanted: usize,
}

impl<'a> Finder<'a> {
    /// A page of hits.
    pub(super) fn page(&self, set: &NumberSet, search: &Search) -> Result<SearchPage, FieldFault> {
        let wanted = search.limit.saturating_add(1);
        let after = search.after.as_ref();
        let after = after.and_then(|place| Some((place, self.name(&place.xid)?)));
        let mut hits: Vec<SearchHit> = match &search.order {
            SearchOrder::Name => {
                let after = after.as_ref().map(|(_, name)| name);
                let names = self.first_names(set.iter(), after, wanted).into_iter();
                names.map(|(_, name)| SearchHit { xid: name.xid(), value: None }).collect()
            }
            SearchOrder::Given => self.given(set, search, wanted),
            SearchOrder::Field { name, descending } => {
                let keys = self.declared.keys(name)?;
                // A range is ordered by its lower end.
                let keys = keys.into_iter().filter(|key| key.class != FieldClass::RangeMax);
                let keys = keys.collect();
                let order = ByField { keys, descending: *descending, after, wanted };
                let hits = self.by_field(set, &order).into_iter();
                hits.map(|(value, _, name)| SearchHit { xid: name.xid(), value }).collect()
            }
        };
        let has_more = hits.len() > search.limit;
        hits.truncate(search.limit);
        let last = hits.last().filter(|_| has_more);
        let next = last.map(|hit| SearchPlace { value: hit.value.clone(), xid: hit.xid.clone() });
        Ok(SearchPage { hits, next, ..SearchPage::default() })
    }

    /// Hits in the order in which they were given. The place of the next page is also a number,
    /// because the last hit may not be among them any more.
    fn given(&self, set: &NumberSet, search: &Search, wanted: usize) -> Vec<SearchHit> {
        let among = search.among.as_deref().unwrap_or_default();
        let from = search.after.as_ref().map_or(0, |place| {
            let counted = match &place.value {
                Some(TermValue::Number(number)) => number.text().parse().unwrap_or(0),
                _ => 0,
            };
            among.iter().position(|xid| *xid == place.xid).map_or(counted, |at| at + 1)
        });
        let number = |at: usize| TermValue::parse(FieldClass::Number, &(at + 1).to_string());
        let is_hit = |xid: &Xid| {
            self.view.resource_at(xid).is_some_and(|resource| set.has(resource.number()))
        };
        let left = among.iter().enumerate().skip(from).filter(|(_, xid)| is_hit(xid));
        left.take(wanted)
            .map(|(at, xid)| SearchHit { xid: xid.clone(), value: number(at) })
            .collect()
    }

    /// The first hits in the order of names, after a name.
    pub(super) fn first_names(
        &self,
        numbers: impl Iterator<Item = u32>,
        after: Option<&ResourceName>,
        wanted: usize,
    ) -> Vec<(u32, &'a ResourceName)> {
        let mut first: BinaryHeap<ByName<'a>> = BinaryHeap::new();
        for number in numbers {
            let Some(name) = self.index.name_of(number) else { continue };
            let hit = ByName(number, name);
            if after.is_some_and(|after| name.order(after).is_le()) {
                continue;
            }
            if first.len() < wanted {
                first.push(hit);
            } else if let Some(mut last) = first.peek_mut()
                && hit < *last
            {
                *last = hit;
            }
        }
        first.into_sorted_vec().into_iter().map(|ByName(number, name)| (number, name)).collect()
    }

    fn name(&self, xid: &Xid) -> Option<ResourceName> {
        let Xid::Resource { groups, group, resources, resource } = xid else { return None };
        let key = (groups.clone(), group.clone(), resources.clone());
        let known = self.index.places.get(&key).cloned();
        let (groups, group, resources) = key;
        let place = known.unwrap_or_else(|| Arc::new(ResourcePlace { groups, group, resources }));
        Some(ResourceName { place, id: resource.clone() })
    }

    fn by_field(&self, set: &NumberSet, order: &ByField<'_>) -> Vec<Valued<'a>> {
        match order.keys.as_slice() {
            [key] if set.len() > EACH_HIT_MAX && !self.is_past() => self.walk(set, key, order),
            _ => self.by_value(set, order),
        }
    }

    /// Looks at each hit.
    fn by_value(&self, set: &NumberSet, order: &ByField<'_>) -> Vec<Valued<'a>> {
        let valued = set.iter().filter_map(|number| {
            let shown = self.shown(number)?;
            let own = self.own_terms(&shown);
            let values = own.iter().chain(self.terms(&shown));
            let values = values.filter(|term| order.keys.contains(&term.field));
            let values = values.map(|term| term.value.clone());
            let value = if order.descending { values.max() } else { values.min() };
            Some((value, number, shown.name))
        });
        let mut valued: Vec<Valued<'a>> = valued.filter(|hit| order.is_after(hit)).collect();
        valued.sort_by(|left, right| order.compare(left, right));
        valued.truncate(order.wanted);
        valued
    }

    /// Walks over the values in order, until the page is full.
    fn walk(&self, set: &NumberSet, key: &FieldKey, order: &ByField<'_>) -> Vec<Valued<'a>> {
        let mut left = set.clone();
        let mut hits = Vec::new();
        let Some(terms) = self.index.field(key) else { return hits };
        let (mut up, mut down) = (terms.0.iter(), terms.0.iter().rev());
        let mut next = || if order.descending { down.next() } else { up.next() };
        while let Some((term, postings)) = next() {
            if hits.len() >= order.wanted {
                return hits;
            }
            let mut here = Vec::new();
            // Of several values the first one in the order counts.
            postings.each_in(&left, |number| here.push(number));
            here.iter().for_each(|number| left.remove(*number));
            self.add_equal(Some(&term.0.value), here.into_iter(), order, &mut hits);
        }
        self.add_equal(None, left.iter(), order, &mut hits);
        hits
    }

    /// Adds hits with equal values, in the order of their names.
    fn add_equal(
        &self,
        value: Option<&TermValue>,
        numbers: impl Iterator<Item = u32>,
        order: &ByField<'_>,
        hits: &mut Vec<Valued<'a>>,
    ) {
        let mut after = None;
        if let Some((place, name)) = &order.after {
            match order.compare_values(value, place.value.as_ref()) {
                Ordering::Less => return,
                Ordering::Equal => after = Some(name),
                Ordering::Greater => {}
            }
        }
        let wanted = order.wanted.saturating_sub(hits.len());
        let first = self.first_names(numbers, after, wanted);
        hits.extend(first.into_iter().map(|(number, name)| (value.cloned(), number, name)));
    }
}

impl ByField<'_> {
    fn compare_values(&self, left: Option<&TermValue>, right: Option<&TermValue>) -> Ordering {
        match (left, right) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(left), Some(right)) if self.descending => right.cmp(left),
            (Some(left), Some(right)) => left.cmp(right),
        }
    }

    fn compare(&self, left: &Valued<'_>, right: &Valued<'_>) -> Ordering {
        self.compare_values(left.0.as_ref(), right.0.as_ref()).then_with(|| left.2.order(right.2))
    }

    fn is_after(&self, hit: &Valued<'_>) -> bool {
        self.after.as_ref().is_none_or(|(place, name)| {
            let values = self.compare_values(hit.0.as_ref(), place.value.as_ref());
            values.then_with(|| hit.2.order(name)).is_gt()
        })
    }
}
