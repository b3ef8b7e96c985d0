//! Filters of collections (xRegistry core, "Filter Flag") with the help of the indexes.
//!
//! Of a filter's expressions about attributes the indexes answer a superset, so that fewer members
//! are read. A name that is no attribute but an indexed field of documents is answered by the
//! indexes alone.

use muster_model::{AttributeOrigin, ResourceType};
use muster_words::Id;

use super::{
    FieldClass, FieldKey, FieldTest, GROUP, LABEL, NumberSet, STATE, SearchCondition,
    StructuredIndex, TYPE, TermValue, condition::Compiled, declared::DeclaredFields,
};
use crate::{
    View,
    query::{Comparison, Filter, FilterExpression, FilterTest, PathStep, compare_texts},
    state::Version,
};

/// The longest text of a filter that narrows: longer values are kept shortened.
const TEXT_BYTES_MAX: usize = 200;

impl View {
    /// The ids of all members of a group's collection that may pass a filter, in the collection's
    /// order; none if the indexes don't help.
    #[must_use]
    pub fn narrowed(
        &self,
        (groups, group): (&Id, &Id),
        kind: &ResourceType,
        filter: &Filter,
    ) -> Option<Vec<Id>> {
        // The members that a key with a scope may see are chosen elsewhere.
        if filter.is_empty() || filter.excludes_all || self.within().is_some() {
            return None;
        }
        let index = &self.catalog().index;
        let is_past = !self.is_newest();
        let mut set = NumberSet::default();
        for branch in &filter.branches {
            let mut narrowed = branch.iter().filter_map(|one| one.candidates(index, kind, is_past));
            let mut own = narrowed.next()?;
            narrowed.for_each(|more| own.intersect(&more));
            set.unite(&own);
        }
        let places =
            [(GROUP, format!("{groups}/{group}")), (TYPE, format!("{groups}/{}", kind.plural))];
        for (name, value) in places {
            let mut of_place = NumberSet::default();
            let key = FieldKey { name: name.to_owned(), class: FieldClass::Text };
            let value = TermValue::Text(value.into());
            let bounds = (std::ops::Bound::Included(&value), std::ops::Bound::Included(&value));
            index.add_within(&key, bounds, is_past, &mut of_place);
            set.intersect(&of_place);
        }
        let mut names: Vec<_> = set.iter().filter_map(|number| index.name_of(number)).collect();
        names.sort_by(|left, right| left.order(right));
        // A name that was deleted and created again has two numbers.
        names.dedup_by(|left, right| left.id == right.id);
        Some(names.into_iter().map(|name| name.id.clone()).collect())
    }
}

impl FilterExpression {
    /// The resources that may satisfy it; none if the indexes don't know.
    fn candidates(
        &self,
        index: &StructuredIndex,
        kind: &ResourceType,
        is_past: bool,
    ) -> Option<NumberSet> {
        if let Some(condition) = self.of_field(kind) {
            return Some(condition.found(index, is_past));
        }
        let name = match self.path.0.as_slice() {
            [PathStep::Key(name)] if name == STATE => {
                let attribute = kind.attributes.get(STATE)?;
                (attribute.origin == AttributeOrigin::BuiltIn).then(|| STATE.to_owned())?
            }
            [PathStep::Key(labels), PathStep::Key(key)] if labels == "labels" => {
                format!("{LABEL}{key}")
            }
            _ => return None,
        };
        let FilterTest::Like(pattern) = &self.test else { return None };
        let text = pattern.plain();
        // Texts that are moments are compared as such.
        let is_plain = text.is_ascii() && text.len() <= TEXT_BYTES_MAX && !text.contains(':');
        if pattern.is_wild() || !is_plain {
            return None;
        }
        let key = FieldKey { name, class: FieldClass::Text };
        let mut set = NumberSet::default();
        if let Some(terms) = index.field(&key) {
            // The first of all texts that differ only in case.
            let from = TermValue::Text(text.to_ascii_uppercase().into());
            for (term, postings) in terms.0.range::<_, TermValue>(&from..) {
                let TermValue::Text(value) = &term.0.value else { break };
                if compare_texts(value, &text).is_ne() {
                    break;
                }
                postings.add_to(&mut set, is_past);
            }
        }
        Some(set)
    }

    /// The condition on an indexed field of documents; none if it is about an attribute.
    fn of_field(&self, kind: &ResourceType) -> Option<Compiled> {
        let PathStep::Key(first) = self.path.0.first()? else { return None };
        let is_attribute = kind.attributes.find(first).is_some()
            || kind.resource_attributes.find(first).is_some()
            || matches!(first.as_str(), "versions" | "meta");
        if kind.aspect.indexed.is_empty() || is_attribute {
            return None;
        }
        let name = self.path.to_string();
        let declared = DeclaredFields::of_type(kind);
        declared.keys(&name).ok()?;
        let field = |test| SearchCondition::field(&name, test);
        let condition = match &self.test {
            FilterTest::Present => field(FieldTest::Present),
            FilterTest::Absent => SearchCondition::Not(Box::new(field(FieldTest::Present))),
            FilterTest::Like(pattern) if pattern.is_wild() => return None,
            FilterTest::Like(pattern) => field(FieldTest::Is(pattern.plain())),
            FilterTest::Unlike(pattern) if pattern.is_wild() => return None,
            FilterTest::Unlike(pattern) => {
                SearchCondition::Not(Box::new(field(FieldTest::Is(pattern.plain()))))
            }
            FilterTest::Compared(comparison, text) => field(match comparison {
                Comparison::Less => FieldTest::Less(text.clone()),
                Comparison::AtMost => FieldTest::AtMost(text.clone()),
                Comparison::More => FieldTest::More(text.clone()),
                Comparison::AtLeast => FieldTest::AtLeast(text.clone()),
            }),
        };
        condition.compile(&declared).ok()
    }

    /// Whether a version satisfies it as an expression about an indexed field of documents; none if
    /// it is about an attribute.
    pub(crate) fn holds_in(&self, kind: &ResourceType, version: &Version) -> Option<bool> {
        let condition = self.of_field(kind)?;
        let terms: Vec<_> = version.terms_ever().map(AsRef::as_ref).collect();
        Some(condition.holds(&terms))
    }
}
