use std::{ops::Bound, sync::Arc};

use super::{
    DeclaredFields, FieldClass, FieldFault, FieldKey, NumberSet, StructuredIndex, Term, TermValue,
};

/// The tests of a condition; each is a walk over the values of a field.
const TESTS_MAX: usize = 100;

/// How deep a condition may be nested.
const DEPTH_MAX: usize = 16;

/// A condition on documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchCondition {
    /// All of them hold. None holds always.
    All(Vec<Self>),
    /// One of them holds. None never holds.
    Any(Vec<Self>),
    /// It doesn't hold.
    Not(Box<Self>),
    /// A test of a field.
    Field {
        /// The field's name, as [`DeclaredFields`] knows it.
        name: String,
        /// The test.
        test: FieldTest,
    },
}

/// A test of a field: one of its values passes it. A range passes if a number within it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldTest {
    /// It has a value.
    Present,
    /// It is this value; for a range, the value is within it.
    Is(String),
    /// It is one of these values.
    OneOf(Vec<String>),
    /// It is less than this value.
    Less(String),
    /// It is at most this value.
    AtMost(String),
    /// It is more than this value.
    More(String),
    /// It is at least this value.
    AtLeast(String),
}

/// A condition that can be evaluated.
#[derive(Clone, Debug)]
pub(super) enum Compiled {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Span(Span),
}

/// Values of a field between bounds.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub key: Arc<FieldKey>,
    pub from: Bound<TermValue>,
    pub to: Bound<TermValue>,
}

impl SearchCondition {
    /// A test of one field.
    #[must_use]
    pub fn field(name: &str, test: FieldTest) -> Self {
        Self::Field { name: name.to_owned(), test }
    }

    fn tests(&self, depth: usize) -> Result<usize, FieldFault> {
        if depth > DEPTH_MAX {
            return Err(FieldFault::TooDeep { max: DEPTH_MAX });
        }
        let many = |all: &[Self]| all.iter().map(|one| one.tests(depth + 1)).sum();
        match self {
            Self::All(all) | Self::Any(all) => many(all),
            Self::Not(one) => one.tests(depth + 1),
            Self::Field { .. } => Ok(1),
        }
    }

    /// Resolves the names of fields and the values.
    pub(super) fn compile(&self, declared: &DeclaredFields) -> Result<Compiled, FieldFault> {
        if self.tests(0)? > TESTS_MAX {
            return Err(FieldFault::TooMany { max: TESTS_MAX });
        }
        self.compiled(declared)
    }

    fn compiled(&self, declared: &DeclaredFields) -> Result<Compiled, FieldFault> {
        let many = |all: &[Self]| -> Result<Vec<Compiled>, FieldFault> {
            all.iter().map(|one| one.compiled(declared)).collect()
        };
        Ok(match self {
            Self::All(all) => Compiled::All(many(all)?),
            Self::Any(all) => Compiled::Any(many(all)?),
            Self::Not(one) => Compiled::Not(Box::new(one.compiled(declared)?)),
            Self::Field { name, test } => {
                let keys = declared.keys(name)?;
                let spans: Vec<Compiled> = test.spans(&keys);
                if spans.is_empty() {
                    let value = test.value().unwrap_or_default().to_owned();
                    let classes = keys.iter().map(|key| key.class).collect();
                    return Err(FieldFault::Value { name: name.clone(), value, classes });
                }
                Compiled::Any(spans)
            }
        })
    }
}

impl FieldTest {
    fn value(&self) -> Option<&str> {
        match self {
            Self::Present => None,
            Self::OneOf(values) => values.first().map(String::as_str),
            Self::Is(value)
            | Self::Less(value)
            | Self::AtMost(value)
            | Self::More(value)
            | Self::AtLeast(value) => Some(value),
        }
    }

    /// The alternatives of the test for a field's classes; none if the value is of none of them.
    fn spans(&self, keys: &[Arc<FieldKey>]) -> Vec<Compiled> {
        if let Self::OneOf(values) = self {
            let each = values.iter().map(|value| Self::Is(value.clone()));
            return each.flat_map(|one| one.spans(keys)).collect();
        }
        let max_of = |key: &Arc<FieldKey>| {
            let max = |other: &&Arc<FieldKey>| {
                other.class == FieldClass::RangeMax && other.name == key.name
            };
            keys.iter().find(max)
        };
        keys.iter().filter_map(|key| self.span(key, max_of(key))).collect()
    }

    fn span(&self, key: &Arc<FieldKey>, max: Option<&Arc<FieldKey>>) -> Option<Compiled> {
        use Bound::{Excluded, Included, Unbounded};
        let span =
            |key: &Arc<FieldKey>, from, to| Compiled::Span(Span { key: key.clone(), from, to });
        let Some(value) = self.value() else { return Some(span(key, Unbounded, Unbounded)) };
        let value = TermValue::parse(key.class, value)?;
        // The lower end of a range is what can be less, and its upper end what can be more.
        let upper = match key.class {
            FieldClass::RangeMax => return None,
            FieldClass::RangeMin => max?,
            _ => key,
        };
        Some(match self {
            Self::Is(_) if key.class == FieldClass::RangeMin => Compiled::All(vec![
                span(key, Unbounded, Included(value.clone())),
                span(upper, Included(value), Unbounded),
            ]),
            Self::Is(_) => span(key, Included(value.clone()), Included(value)),
            Self::Less(_) => span(key, Unbounded, Excluded(value)),
            Self::AtMost(_) => span(key, Unbounded, Included(value)),
            Self::More(_) => span(upper, Excluded(value), Unbounded),
            Self::AtLeast(_) => span(upper, Included(value), Unbounded),
            Self::Present | Self::OneOf(_) => return None,
        })
    }
}

impl Compiled {
    /// The resources for which it holds now. For the past it returns at least those for which it
    /// held, and each must be checked.
    pub(super) fn found(&self, index: &StructuredIndex, is_past: bool) -> NumberSet {
        match self {
            Self::All(all) => {
                let mut all = all.iter();
                let Some(first) = all.next() else { return index.all(is_past) };
                let mut set = first.found(index, is_past);
                for one in all {
                    if set.is_empty() {
                        break;
                    }
                    set.intersect(&one.found(index, is_past));
                }
                set
            }
            Self::Any(any) => {
                let mut set = NumberSet::default();
                for one in any {
                    // Spans add to the set that is there; most alternatives are spans.
                    match one {
                        Self::Span(span) => span.add_to(index, is_past, &mut set),
                        one => set.unite(&one.found(index, is_past)),
                    }
                }
                set
            }
            // What held at some time may not have held at another.
            Self::Not(_) if is_past => index.all(true),
            Self::Not(one) => {
                let mut set = index.all(false);
                set.subtract(&one.found(index, false));
                set
            }
            Self::Span(span) => {
                let mut set = NumberSet::default();
                span.add_to(index, is_past, &mut set);
                set
            }
        }
    }

    /// Whether it holds for a document with these terms.
    pub(super) fn holds(&self, terms: &[&Term]) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(terms)),
            Self::Any(any) => any.iter().any(|one| one.holds(terms)),
            Self::Not(one) => !one.holds(terms),
            Self::Span(span) => terms.iter().any(|term| span.holds(term)),
        }
    }
}

impl Span {
    fn add_to(&self, index: &StructuredIndex, is_past: bool, set: &mut NumberSet) {
        index.add_within(&self.key, (self.from.as_ref(), self.to.as_ref()), is_past, set);
    }

    fn holds(&self, term: &Term) -> bool {
        let from = match &self.from {
            Bound::Unbounded => true,
            Bound::Included(from) => *from <= term.value,
            Bound::Excluded(from) => *from < term.value,
        };
        let to = match &self.to {
            Bound::Unbounded => true,
            Bound::Included(to) => term.value <= *to,
            Bound::Excluded(to) => term.value < *to,
        };
        *self.key == *term.field && from && to
    }
}
