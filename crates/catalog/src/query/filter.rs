use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{
    compare,
    path::{AttributePath, PathStep},
};

/// A filter (core, "Filter Flag"): an entity passes if it satisfies all expressions of at least one
/// branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Alternatives, each a list of expressions.
    pub branches: Vec<Vec<FilterExpression>>,
    /// `excludeall`: nothing passes.
    pub excludes_all: bool,
}

/// The result of a filter for an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilterMatch {
    /// It passes with everything in it.
    Whole,
    /// It passes if something in it passes this filter.
    Below(Filter),
    /// It doesn't pass.
    Nothing,
}

/// One test of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterExpression {
    /// The attribute, after the names of the collections that lead to its entity.
    pub path: AttributePath,
    /// The condition on it.
    pub test: FilterTest,
}

/// A condition on an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterTest {
    /// It has a value.
    Present,
    /// It has no value.
    Absent,
    /// It matches the pattern.
    Like(TextPattern),
    /// It doesn't match the pattern, or has no value.
    Unlike(TextPattern),
    /// This comparison with the text is true.
    Compared(Comparison, String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// A text in which `*` matches anything; `\*` is a literal star and `\,` a comma. It is split once, because it is
/// compared with every entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPattern {
    /// The original text.
    text: String,
    /// The parts between the stars, without escapes.
    parts: Vec<String>,
    /// The same parts in lower case.
    lower: Vec<String>,
}

impl Filter {
    /// A filter that nothing passes.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { branches: Vec::new(), excludes_all: true }
    }

    /// Whether everything passes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.branches.is_empty() && !self.excludes_all
    }

    /// The number of expressions.
    #[must_use]
    pub fn expressions(&self) -> usize {
        self.branches.iter().map(Vec::len).sum()
    }

    /// Applies the filter to an entity: `holds` tests the expressions about the entity itself; the
    /// rest is for its collections.
    ///
    /// `is_collection` says whether a name is a collection or an attribute.
    pub(super) fn ask(
        &self,
        holds: impl Fn(&FilterExpression) -> bool,
        is_collection: impl Fn(&str) -> bool,
    ) -> FilterMatch {
        if self.is_empty() {
            return FilterMatch::Whole;
        }
        let mut left = Vec::new();
        for branch in &self.branches {
            let (nested, own): (Vec<&FilterExpression>, Vec<&FilterExpression>) =
                branch.iter().partition(|e| e.collection().is_some_and(&is_collection));
            if !own.into_iter().all(&holds) {
                continue;
            }
            let Some(first) = nested.first().and_then(|e| e.collection()) else {
                return FilterMatch::Whole;
            };
            // An entity is never in two collections at once.
            if nested.iter().all(|e| e.collection() == Some(first)) {
                left.push(nested.into_iter().cloned().collect());
            }
        }
        if left.is_empty() {
            return FilterMatch::Nothing;
        }
        FilterMatch::Below(Self { branches: left, excludes_all: false })
    }

    /// The filter for a collection's members; none if no member can pass.
    #[must_use]
    pub fn below(&self, collection: &str) -> Option<Self> {
        let branches: Vec<Vec<FilterExpression>> = self
            .branches
            .iter()
            .map(|branch| branch.iter().filter_map(|e| e.within(collection)).collect())
            .filter(|branch: &Vec<FilterExpression>| !branch.is_empty())
            .collect();
        (!branches.is_empty()).then_some(Self { branches, excludes_all: false })
    }

    /// Whether it tests the entity itself.
    pub fn asks(&self, is_collection: impl Fn(&str) -> bool) -> bool {
        let mut all = self.branches.iter().flatten();
        all.any(|e| !e.collection().is_some_and(&is_collection))
    }
}

impl FilterExpression {
    /// The collection that the path leads into, if its first step is a collection.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        match self.path.0.as_slice() {
            [PathStep::Key(first), _, ..] => Some(first),
            _ => None,
        }
    }

    /// The same expression from the perspective of a collection's members.
    #[must_use]
    pub fn within(&self, collection: &str) -> Option<Self> {
        let [_, rest @ ..] = self.path.0.as_slice() else { return None };
        (self.collection() == Some(collection))
            .then(|| Self { path: AttributePath(rest.to_vec()), test: self.test.clone() })
    }

    /// Whether an entity with these attributes satisfies it.
    #[must_use]
    pub fn matches(&self, attributes: &Map<String, Value>) -> bool {
        let found = self.path.select(attributes);
        match &self.test {
            FilterTest::Present => !found.is_empty(),
            FilterTest::Absent => found.is_empty(),
            FilterTest::Like(pattern) => found.iter().any(|value| pattern.matches(value)),
            FilterTest::Unlike(pattern) => !found.iter().any(|value| pattern.matches(value)),
            FilterTest::Compared(comparison, text) => found
                .iter()
                .filter_map(|value| compare::with_text(value, text))
                .any(|order| comparison.holds(order)),
        }
    }
}

impl Comparison {
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    /// The operator.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl TextPattern {
    /// Splits a text at its stars.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let escaped = letters.next_if(|next| letter == '\\' && matches!(next, '*' | ','));
            match (letter, escaped) {
                ('*', None) => parts.push(String::new()),
                _ => parts.last_mut().into_iter().for_each(|p| p.push(escaped.unwrap_or(letter))),
            }
        }
        let lower = parts.iter().map(|part| part.to_lowercase()).collect();
        Self { text: text.to_owned(), parts, lower }
    }

    /// The original text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a wildcard.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        self.parts.len() > 1
    }

    /// The text without escapes.
    #[must_use]
    pub fn plain(&self) -> String {
        self.parts.concat()
    }

    fn matches(&self, value: &Value) -> bool {
        if self.text == "*" {
            return true;
        }
        if let [plain] = self.parts.as_slice() {
            return compare::with_text(value, plain) == Some(Ordering::Equal);
        }
        match value {
            Value::String(text) => is_like(&text.to_lowercase(), &self.lower),
            Value::Number(number) => is_like(&number.to_string(), &self.lower),
            Value::Bool(value) => is_like(&value.to_string(), &self.lower),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// Whether the text consists of the parts in this order, with anything in between.
fn is_like(text: &str, parts: &[String]) -> bool {
    // A search has a set-up cost that grows with its pattern, so impossible matches are excluded
    // first.
    if parts.iter().map(String::len).sum::<usize>() > text.len() {
        return false;
    }
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests;
