//! What Confluent's registry answers for JSON Schema: its rules are about how a schema was written,
//! not about which values it allows.
//!
//! The facts are those of the public sources of its JSON Schema provider, releases 7.9 to 8.3. The
//! registry reads a schema without `$schema` as draft 7, so these rules do, too.

use std::{collections::HashMap, rc::Rc};

use super::{
    finding::Finding,
    places::{PlaceId, Places},
};
use crate::{Certainty, Policy, limits::COMPARISON_FINDINGS_MAX, steps::count};

mod combined;
mod items;
mod load;
mod members;
mod scalars;
mod shape;

use load::Loader;
use shape::{Kind, Shape};

/// Compares shapes as Confluent does. Only differences that break are kept.
pub(super) struct Confluent<'a, 'p> {
    loader: Loader<'a, 'p>,
    is_lenient: bool,
    known: HashMap<(usize, usize), Rc<Vec<Difference>>>,
    open: std::collections::HashSet<(usize, usize)>,
}

/// A difference that breaks.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    rule: &'static str,
    /// The place in the new shape, or else in the old one, and what lies below it.
    place: PlaceId,
    other: Option<PlaceId>,
    below: String,
    name: Option<String>,
}

/// The places of a difference.
#[derive(Clone, Copy)]
pub(super) struct At {
    original: PlaceId,
    update: PlaceId,
}

impl<'a, 'p> Confluent<'a, 'p> {
    pub(super) fn new(places: &'p Places<'a>, policy: Policy) -> Self {
        Self {
            loader: Loader::new(places),
            is_lenient: policy == Policy::ConfluentLenient,
            known: HashMap::new(),
            open: std::collections::HashSet::new(),
        }
    }

    /// The findings for a writer (`original`) and a reader (`update`).
    pub(super) fn findings(&mut self, original: PlaceId, update: PlaceId) -> Vec<Finding> {
        let (original, update) = (self.loader.load(original), self.loader.load(update));
        let found = self.compare(&original, &update, 0);
        let finding = |difference: &Difference| Finding {
            rule: difference.rule,
            certainty: Certainty::Broken,
            reader: difference.place,
            below: difference.below.clone(),
            writer: difference.other,
            name: difference.name.clone(),
        };
        found.iter().map(finding).collect()
    }

    /// Compares a pair, once.
    fn compare(
        &mut self,
        original: &Rc<Shape<'a>>,
        update: &Rc<Shape<'a>>,
        depth: usize,
    ) -> Vec<Difference> {
        count(1);
        let (original, update) = (self.loader.referred(original), self.loader.referred(update));
        let pair = (original.number, update.number);
        if let Some(known) = self.known.get(&pair) {
            return known.to_vec();
        }
        if depth > super::checker::DEPTH_MAX {
            return vec![self.difference("nested_too_deeply", at(&original, &update), "")];
        }
        if !self.open.insert(pair) {
            return Vec::new();
        }
        let mut found = self.compare_now(&original, &update, depth + 1);
        found.truncate(COMPARISON_FINDINGS_MAX);
        self.open.remove(&pair);
        self.known.insert(pair, Rc::new(found.clone()));
        found
    }

    fn compare_now(
        &mut self,
        original: &Rc<Shape<'a>>,
        update: &Rc<Shape<'a>>,
        depth: usize,
    ) -> Vec<Difference> {
        if let Some(accepted) = self.compare_with_choices(original, update, depth) {
            return accepted;
        }
        let at = at(original, update);
        match (&original.kind, &update.kind) {
            (Kind::Never, _) | (_, Kind::Anything) => Vec::new(),
            (Kind::Text(ours), Kind::Text(theirs)) => self.compare_texts(at, ours, theirs),
            (Kind::Number(ours), Kind::Number(theirs)) => self.compare_numbers(at, ours, theirs),
            (Kind::Choices(ours), Kind::Choices(theirs)) => self.compare_choices(at, ours, theirs),
            (Kind::Only(ours), Kind::Only(theirs)) => self.compare_constants(at, ours, theirs),
            (Kind::Combined(ours), Kind::Combined(theirs)) => {
                self.compare_combined(at, ours, theirs, depth)
            }
            (Kind::Not(ours), Kind::Not(theirs)) => {
                let (ours, theirs) = (self.loader.load(*ours), self.loader.load(*theirs));
                match self.compare(&theirs, &ours, depth).is_empty() {
                    true => Vec::new(),
                    false => self.broken("not_type_extended", at, "/not").into_iter().collect(),
                }
            }
            (Kind::Object(ours), Kind::Object(theirs)) => {
                self.compare_objects(at, ours, theirs, depth)
            }
            (Kind::Array(ours), Kind::Array(theirs)) => {
                self.compare_arrays(at, ours, theirs, depth)
            }
            (ours, theirs) if std::mem::discriminant(ours) == std::mem::discriminant(theirs) => {
                Vec::new()
            }
            _ => self.broken("type_changed", at, "").into_iter().collect(),
        }
    }

    /// A schema beside a combination: it is compatible if one of the combined schemas is.
    fn compare_with_choices(
        &mut self,
        original: &Rc<Shape<'a>>,
        update: &Rc<Shape<'a>>,
        depth: usize,
    ) -> Option<Vec<Difference>> {
        let mut is_compatible = |original: &Rc<Shape<'a>>, update: &Rc<Shape<'a>>| {
            self.compare(original, update, depth).is_empty()
        };
        match (&original.kind, &update.kind) {
            (Kind::Combined(_), Kind::Combined(_)) => None,
            (_, Kind::Combined(combined)) => {
                let counts = combined.shapes.len() == 1 || combined.how != shape::How::All;
                let found = combined.shapes.iter().any(|one| is_compatible(original, one));
                (counts && found).then(Vec::new)
            }
            (Kind::Combined(combined), _) => {
                let counts = combined.shapes.len() == 1 || combined.how == shape::How::All;
                let found = combined.shapes.iter().any(|one| is_compatible(one, update));
                (counts && found).then(Vec::new)
            }
            _ => None,
        }
    }

    /// A difference, unless the lenient policy accepts it.
    fn broken(&self, rule: &'static str, at: At, below: &str) -> Option<Difference> {
        let accepted = self.is_lenient && LENIENT.contains(&rule);
        (!accepted).then(|| self.difference(rule, at, below))
    }

    /// The same about a member.
    fn broken_member(
        &self,
        rule: &'static str,
        at: At,
        below: &str,
        name: &str,
    ) -> Option<Difference> {
        let found = self.broken(rule, at, below)?;
        Some(Difference { name: Some(name.to_owned()), ..found })
    }

    fn difference(&self, rule: &'static str, at: At, below: &str) -> Difference {
        let below = below.to_owned();
        Difference { rule, place: at.update, other: Some(at.original), below, name: None }
    }
}

/// What the lenient policy accepts beside what the strict one does.
const LENIENT: [&str; 9] = [
    "additional_properties_narrowed",
    "additional_properties_removed",
    "unevaluated_properties_narrowed",
    "unevaluated_properties_removed",
    "required_property_with_default_added_to_open_content_model",
    "optional_property_added_to_open_content_model",
    "property_removed_from_closed_content_model",
    "property_added_not_covered_by_partially_open_content_model",
    "property_removed_not_covered_by_partially_open_content_model",
];

fn at(original: &Shape<'_>, update: &Shape<'_>) -> At {
    At { original: original.place, update: update.place }
}
