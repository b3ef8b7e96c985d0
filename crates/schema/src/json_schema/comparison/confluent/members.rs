use regex::Regex;

use super::{
    At, Confluent, Difference,
    scalars::text,
    shape::{Kind, ObjectShape, Rest},
};
use crate::json_schema::comparison::{finding::member, places::PlaceId};

impl<'a> Confluent<'a, '_> {
    pub(super) fn compare_objects(
        &mut self,
        at: At,
        ours: &ObjectShape<'a>,
        theirs: &ObjectShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        let mut found = self.compare_required(at, ours, theirs);
        found.extend(self.compare_properties(at, ours, theirs, depth));
        found.extend(self.compare_dependencies(at, ours, theirs, depth));
        let rules = ["additional_properties_removed", "additional_properties_narrowed"];
        let below = "/additionalProperties";
        found.extend(self.compare_rests(at, below, [ours.rest, theirs.rest], rules, depth));
        let rules = ["unevaluated_properties_removed", "unevaluated_properties_narrowed"];
        let schemas = [ours.unevaluated, theirs.unevaluated];
        found.extend(self.compare_unevaluated(at, "/unevaluatedProperties", schemas, rules, depth));
        let most = ["max_properties_added", "max_properties_decreased"];
        let least = ["min_properties_added", "min_properties_increased"];
        found.extend(self.limit(at, "maxProperties", text(ours.most), text(theirs.most), most));
        found.extend(self.limit(at, "minProperties", text(ours.least), text(theirs.least), least));
        found
    }

    fn compare_required(
        &mut self,
        at: At,
        ours: &ObjectShape<'a>,
        theirs: &ObjectShape<'a>,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, _) in &ours.properties {
            let Some(place) = lookup(&theirs.properties, name) else { continue };
            let is_new = !ours.required.contains(name) && theirs.required.contains(name);
            if is_new && !self.loader.load(place).has_default {
                let below = member("properties", name);
                found.extend(self.broken_member("required_attribute_added", at, &below, name));
            }
        }
        found
    }

    fn compare_properties(
        &mut self,
        at: At,
        ours: &ObjectShape<'a>,
        theirs: &ObjectShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, place) in &ours.properties {
            match lookup(&theirs.properties, name) {
                Some(other) => found.extend(self.compare_places(*place, other, depth)),
                None => found.extend(self.removed(at, (name, *place), theirs, depth)),
            }
        }
        for (name, place) in &theirs.properties {
            if lookup(&ours.properties, name).is_none() {
                found.extend(self.added(at, (name, *place), ours, theirs, depth));
            }
        }
        found
    }

    pub(super) fn compare_places(
        &mut self,
        original: PlaceId,
        update: PlaceId,
        depth: usize,
    ) -> Vec<Difference> {
        let (original, update) = (self.loader.load(original), self.loader.load(update));
        self.compare(&original, &update, depth)
    }

    fn removed(
        &mut self,
        at: At,
        (name, place): (&str, PlaceId),
        theirs: &ObjectShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        if self.is_open(theirs) {
            return Vec::new();
        }
        let below = member("properties", name);
        let Some(rest) = self.rest_for(theirs, name) else {
            let is_never = matches!(self.loader.load(place).kind, Kind::Never);
            let rule = "property_removed_from_closed_content_model";
            let broken = (!is_never).then(|| self.broken_member(rule, at, &below, name)).flatten();
            return broken.into_iter().collect();
        };
        let mut found = self.compare_places(place, rest, depth);
        if !found.is_empty() {
            let rule = "property_removed_not_covered_by_partially_open_content_model";
            found.extend(self.broken_member(rule, at, &below, name));
        }
        found
    }

    fn added(
        &mut self,
        at: At,
        (name, place): (&str, PlaceId),
        ours: &ObjectShape<'a>,
        theirs: &ObjectShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        let shape = self.loader.load(place);
        let below = member("properties", name);
        let is_required = theirs.required.contains(&name);
        if self.is_open(ours) {
            let rule = match (&shape.kind, is_required, shape.has_default) {
                (Kind::Anything, ..) => return Vec::new(),
                (_, false, _) => "optional_property_added_to_open_content_model",
                (_, true, true) => "required_property_with_default_added_to_open_content_model",
                (_, true, false) => "required_property_added_to_open_content_model",
            };
            return self.broken_member(rule, at, &below, name).into_iter().collect();
        }
        let mut found = Vec::new();
        if let Some(rest) = self.rest_for(ours, name) {
            found = self.compare_places(rest, place, depth);
            if !found.is_empty() {
                let rule = "property_added_not_covered_by_partially_open_content_model";
                found.extend(self.broken_member(rule, at, &below, name));
            }
        }
        if is_required && !shape.has_default {
            let rule = "required_property_added_to_unopen_content_model";
            found.extend(self.broken_member(rule, at, &below, name));
        }
        found
    }

    /// Whether anything may be added to an object.
    fn is_open(&mut self, object: &ObjectShape<'a>) -> bool {
        let evaluates = object.unevaluated.is_some_and(|place| !self.is_anything(place));
        object.patterns.is_empty() && object.rest == Rest::Open && !evaluates
    }

    pub(super) fn is_anything(&mut self, place: PlaceId) -> bool {
        matches!(self.loader.load(place).kind, Kind::Anything)
    }

    pub(super) fn is_never(&mut self, place: PlaceId) -> bool {
        matches!(self.loader.load(place).kind, Kind::Never)
    }

    /// The schema of a property that isn't listed.
    fn rest_for(&mut self, object: &ObjectShape<'a>, name: &str) -> Option<PlaceId> {
        for (pattern, place) in &object.patterns {
            let translated = jsonschema_regex::to_rust_regex(pattern).ok();
            crate::steps::count(1_000 + pattern.len() as u64);
            let compiled = translated.and_then(|pattern| Regex::new(&pattern).ok());
            if compiled.is_some_and(|pattern| pattern.is_match(name)) {
                return Some(*place);
            }
        }
        match (object.rest, object.unevaluated) {
            (Rest::Schema(place), _) => Some(place),
            (Rest::Open, Some(place)) if !self.is_never(place) && !self.is_anything(place) => {
                Some(place)
            }
            _ => None,
        }
    }

    fn compare_dependencies(
        &mut self,
        at: At,
        ours: &ObjectShape<'a>,
        theirs: &ObjectShape<'a>,
        depth: usize,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, wanted) in &theirs.dependent_names {
            let own = lookup(&ours.dependent_names, name);
            let rule = match own {
                None => "dependency_array_added",
                Some(own) if wanted.iter().all(|one| own.contains(one)) => continue,
                Some(own) if own.iter().all(|one| wanted.contains(one)) => {
                    "dependency_array_extended"
                }
                Some(_) => "dependency_array_changed",
            };
            let below = member(theirs.dependencies, name);
            found.extend(self.broken_member(rule, at, &below, name));
        }
        for (name, place) in &theirs.dependent_schemas {
            match lookup(&ours.dependent_schemas, name) {
                Some(own) => found.extend(self.compare_places(own, *place, depth)),
                None => {
                    let keyword = match theirs.dependencies {
                        "dependencies" => "dependencies",
                        _ => "dependentSchemas",
                    };
                    let below = member(keyword, name);
                    found.extend(self.broken_member("dependency_schema_added", at, &below, name));
                }
            }
        }
        found
    }

    /// `additionalProperties` or `additionalItems`.
    pub(super) fn compare_rests(
        &mut self,
        at: At,
        below: &str,
        rests: [Rest; 2],
        [removed, narrowed]: [&'static str; 2],
        depth: usize,
    ) -> Vec<Difference> {
        match rests {
            [Rest::Closed, _] | [_, Rest::Open] => Vec::new(),
            [_, Rest::Closed] => self.broken(removed, at, below).into_iter().collect(),
            [Rest::Open, Rest::Schema(_)] => self.broken(narrowed, at, below).into_iter().collect(),
            [Rest::Schema(ours), Rest::Schema(theirs)] => self.compare_places(ours, theirs, depth),
        }
    }

    /// `unevaluatedProperties` or `unevaluatedItems`.
    pub(super) fn compare_unevaluated(
        &mut self,
        at: At,
        below: &str,
        [ours, theirs]: [Option<PlaceId>; 2],
        [removed, narrowed]: [&'static str; 2],
        depth: usize,
    ) -> Vec<Difference> {
        let Some(theirs) = theirs else { return Vec::new() };
        let is_never = self.is_never(theirs);
        let rule = match ours {
            None if is_never => removed,
            None => narrowed,
            Some(ours) => match (self.is_never(ours), self.is_anything(ours)) {
                (true, _) => return Vec::new(),
                (false, _) if is_never => removed,
                (false, true) if !self.is_anything(theirs) => narrowed,
                _ => return self.compare_places(ours, theirs, depth),
            },
        };
        self.broken(rule, at, below).into_iter().collect()
    }
}

fn lookup<T: Clone>(all: &[(&str, T)], name: &str) -> Option<T> {
    // Names are sorted, because objects of JSON are.
    let found = all.binary_search_by(|(own, _)| (*own).cmp(name)).ok()?;
    all.get(found).map(|(_, value)| value.clone())
}
