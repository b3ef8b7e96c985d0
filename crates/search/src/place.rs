use muster_catalog::index::{FieldTest, GROUP, SearchCondition, TYPE};
use muster_words::{Digest, XidPattern, XidPatterns};

/// The most places of which a document must be in one. With more the words alone are searched, and
/// each document is checked; a query of thousands of places costs more than that.
const ALTERNATIVES_MAX: usize = 64;

/// The places that have a term: a group type, a group, and a collection in it.
const STEPS_MAX: usize = 3;

/// The places in which a search looks. They narrow what the index reads, and may hold more than is
/// asked for: each document is checked afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextPlaces {
    /// A document has a term of each list.
    all: Vec<Vec<String>>,
}

impl TextPlaces {
    /// The places of a caller, and the types and groups of a condition.
    pub(crate) fn of(within: Option<&XidPatterns>, condition: &SearchCondition) -> Self {
        let mut places = Self::default();
        if let Some(within) = within {
            let prefixes = within.iter().map(fixed);
            places.add(prefixes.map(|(path, _)| path.map(|path| term(&path))).collect());
        }
        places.add_condition(condition);
        places
    }

    /// The query in the language of the index.
    pub(crate) fn narrow(&self, words: &str) -> String {
        let mut query = format!("{{names words}} : ({words})");
        for terms in &self.all {
            let terms: Vec<String> = terms.iter().map(|term| format!("\"{term}\"")).collect();
            query = format!("({query}) AND (places : ({}))", terms.join(" OR "));
        }
        query
    }

    fn add_condition(&mut self, condition: &SearchCondition) {
        match condition {
            SearchCondition::All(all) => all.iter().for_each(|one| self.add_condition(one)),
            SearchCondition::Any(any) => self.add(any.iter().map(term_of).collect()),
            SearchCondition::Field { name, test: FieldTest::OneOf(values) } if name == GROUP => {
                self.add(Some(values.iter().map(|value| term(value)).collect()));
            }
            one => self.add(term_of(one).map(|term| vec![term])),
        }
    }

    fn add(&mut self, terms: Option<Vec<String>>) {
        self.all.extend(terms.filter(|terms| (1..=ALTERNATIVES_MAX).contains(&terms.len())));
    }
}

/// Whether the places of a caller may be narrower than the terms that stand for them. Then the index
/// reads documents that the caller may not see.
pub(crate) fn is_inexact(within: &XidPatterns) -> bool {
    within.iter().count() > ALTERNATIVES_MAX || within.iter().any(|pattern| !fixed(pattern).1)
}

/// The terms of a document's places, as a text of the index.
pub(crate) fn terms_of(xid: &str) -> String {
    let steps: Vec<&str> = xid.split('/').filter(|step| !step.is_empty()).collect();
    let depths = 1..=STEPS_MAX.min(steps.len());
    let mut terms: Vec<String> = depths.map(|depth| term(&steps[..depth].join("/"))).collect();
    if let [groups, _, resources, ..] = steps.as_slice() {
        terms.push(kind(&format!("{groups}/{resources}")));
    }
    terms.join(" ")
}

/// The beginning of a pattern without `*`, and whether it stands for the whole pattern.
fn fixed(pattern: &XidPattern) -> (Option<String>, bool) {
    let mut steps: Vec<&str> = pattern.steps().collect();
    // A last step that is anything leaves nothing out.
    while steps.last() == Some(&"*") {
        steps.pop();
    }
    let plain = steps.iter().take_while(|step| !step.contains('*')).take(STEPS_MAX).count();
    let path = (plain > 0).then(|| steps[..plain].join("/"));
    (path, plain == steps.len())
}

fn term_of(condition: &SearchCondition) -> Option<String> {
    match condition {
        SearchCondition::Field { name, test: FieldTest::Is(value) } if name == TYPE => {
            Some(kind(value))
        }
        SearchCondition::Field { name, test: FieldTest::Is(value) } if name == GROUP => {
            Some(term(value))
        }
        _ => None,
    }
}

fn kind(name: &str) -> String {
    term(&format!("type:{name}"))
}

/// A term that no tokenizer takes apart or shortens: digits. Two places with the same digits do no
/// harm, because each document is checked.
fn term(path: &str) -> String {
    let digest = Digest::of(path.to_lowercase().as_bytes());
    let number = digest.0.iter().take(8).fold(0, |all: u64, byte| all << 8 | u64::from(*byte));
    number.to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn the_beginning_of_a_pattern_narrows_a_search() {
        for (pattern, path, is_whole) in [
            ("/providers", Some("providers"), true),
            ("/providers/cms/entries", Some("providers/cms/entries"), true),
            ("/providers/cms/entries/x", Some("providers/cms/entries"), false),
            ("/providers/*/entries", Some("providers"), false),
            ("/providers/*/*", Some("providers"), true),
            ("/providers/c*", Some("providers"), false),
            ("/*/cms", None, false),
            ("/*", None, true),
        ] {
            let pattern: XidPattern = pattern.parse().unwrap();
            assert_eq!(fixed(&pattern), (path.map(str::to_owned), is_whole), "{pattern}");
        }
    }

    #[test]
    fn only_what_each_document_must_have_narrows_a_search() {
        let is =
            |name: &str, value: &str| SearchCondition::field(name, FieldTest::Is(value.to_owned()));
        let places = |condition| TextPlaces::of(None, &condition).all;
        let (cms, ssg) = (is(GROUP, "providers/cms"), is(GROUP, "providers/ssg"));
        let either = SearchCondition::Any(vec![cms.clone(), ssg]);
        let expect = vec![vec![term("providers/cms"), term("providers/ssg")]];
        assert_eq!(places(SearchCondition::All(vec![either])), expect);
        let groups = ["providers/cms", "providers/ssg"].map(str::to_owned);
        let one_of = SearchCondition::field(GROUP, FieldTest::OneOf(groups.to_vec()));
        assert_eq!(places(SearchCondition::All(vec![one_of])), expect);
        let other = SearchCondition::Any(vec![cms.clone(), is("colour", "red")]);
        assert!(places(other).is_empty());
        assert!(places(SearchCondition::Not(Box::new(cms))).is_empty());
        let own = terms_of("/providers/cms/entries/x");
        for path in
            ["providers", "providers/CMS", "providers/cms/entries", "type:providers/entries"]
        {
            assert!(own.split(' ').any(|one| one == term(path)), "{path}");
        }
        assert_eq!(own.split(' ').count(), 4);
    }
}
