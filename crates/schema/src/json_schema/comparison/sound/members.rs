//! Keywords about the members of objects.

use std::collections::BTreeSet;

use muster_words::json::Value;

use super::Pair;
use crate::json_schema::comparison::{
    checker::Checker,
    evaluate::names,
    finding::{Finding, member},
    kinds::Kinds,
    places::PlaceId,
    writer::{Flat, Writer},
};

/// Ways in which a name that no schema lists may be covered by patterns. With more of them, what is
/// known about its value is dropped.
const WAYS_MAX: usize = 16;

impl<'a> Checker<'a> {
    pub(super) fn properties_contain(
        &mut self,
        pair: &Pair<'_, 'a>,
        said: &'a Value,
    ) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let mut findings = Vec::new();
        for (name, schema) in said.as_object().into_iter().flatten() {
            let below = member("properties", name);
            let Some(place) = self.places.child(reader, schema) else {
                findings.push(self.undecided("property_changed", flat, reader, &below));
                continue;
            };
            let (writer, is_listed) = self.member_writer(flat, name);
            let found = self.contained(&writer, place);
            if found.is_empty() {
                continue;
            }
            if is_listed {
                findings.extend(found.iter().cloned());
                continue;
            }
            let required = self.places.keyword(reader, "required");
            let is_required = required.is_some_and(|all| names(all).any(|one| one == name));
            let rule = match (writer.met.is_empty(), is_required) {
                (true, true) => "required_property_added_to_open_content_model",
                (true, false) => "optional_property_added_to_open_content_model",
                _ => "property_added_not_covered_by_partially_open_content_model",
            };
            findings.push(self.finding(rule, flat, reader, below).about(name));
        }
        findings
    }

    pub(super) fn required_contains(
        &mut self,
        pair: &Pair<'_, 'a>,
        said: &'a Value,
    ) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let own = self.required(flat);
        let listed = self.listed_names(flat);
        let is_open = self.closed_names(flat).is_none();
        let properties = self.places.keyword(reader, "properties");
        let mut findings = Vec::new();
        for name in names(said).filter(|name| !own.contains(name)) {
            let schema = properties.and_then(|all| all.get(name));
            let has_default = schema.is_some_and(|schema| schema.get("default").is_some());
            let rule = match (listed.contains(name), has_default, is_open) {
                (true, true, _) => "required_attribute_with_default_added",
                (true, false, _) => "required_attribute_added",
                (false, false, true) => "required_property_added_to_open_content_model",
                (false, true, true) => "required_property_with_default_added_to_open_content_model",
                (false, true, false) => {
                    "required_property_with_default_added_to_unopen_content_model"
                }
                (false, false, false) => "required_property_added_to_unopen_content_model",
            };
            let below = match schema {
                Some(_) => member("properties", name),
                None => "/required".to_owned(),
            };
            findings.push(self.finding(rule, flat, reader, below).about(name));
        }
        findings
    }

    pub(super) fn patterns_contain(
        &mut self,
        pair: &Pair<'_, 'a>,
        said: &'a Value,
    ) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let mut findings = Vec::new();
        for (pattern, schema) in said.as_object().into_iter().flatten() {
            let below = member("patternProperties", pattern);
            let Some(place) = self.places.child(reader, schema) else {
                findings.push(self.undecided("pattern_properties_changed", flat, reader, &below));
                continue;
            };
            for name in self.listed_names(flat) {
                if self.matches(pattern, name) != Some(false) {
                    let (writer, _) = self.member_writer(flat, name);
                    findings.extend(self.contained(&writer, place).iter().cloned());
                }
            }
            let others = self.unlisted(flat, &BTreeSet::new(), Some(pattern));
            let mut found = Vec::new();
            for writer in &others {
                found.extend(self.contained(writer, place).iter().cloned());
            }
            if !found.is_empty() && others.iter().any(|writer| writer.met.is_empty()) {
                found = vec![self.finding("pattern_properties_added", flat, reader, below)];
            }
            findings.extend(found);
        }
        findings
    }

    pub(super) fn additional_contain(&mut self, pair: &Pair<'_, 'a>) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let keyword = "additionalProperties";
        let Some(place) = self.places.below(reader, keyword) else {
            return vec![self.undecided("additional_properties_narrowed", flat, reader, "")];
        };
        let is_closed = self.places.get(place).value == &Value::Bool(false);
        let listed = self.places.keyword(reader, "properties").and_then(Value::as_object);
        let patterns = self.places.keyword(reader, "patternProperties").and_then(Value::as_object);
        let patterns: BTreeSet<&'a str> =
            patterns.into_iter().flatten().map(|(pattern, _)| pattern.as_str()).collect();
        let mut findings = Vec::new();
        for name in self.listed_names(flat) {
            let is_listed = listed.is_some_and(|all| all.contains_key(name));
            if is_listed || patterns.iter().any(|one| self.matches(one, name) == Some(true)) {
                continue;
            }
            let (writer, _) = self.member_writer(flat, name);
            if !self.contained(&writer, place).is_empty() {
                let rule = match is_closed {
                    true => "property_removed_from_closed_content_model",
                    false => "property_removed_not_covered_by_partially_open_content_model",
                };
                let below = member("properties", name);
                findings.push(self.finding(rule, flat, reader, below).about(name));
            }
        }
        let mut is_covered = true;
        for writer in self.unlisted(flat, &patterns, None) {
            is_covered &= self.contained(&writer, place).is_empty();
        }
        if !is_covered {
            let rule = match is_closed {
                true => "additional_properties_removed",
                false => "additional_properties_narrowed",
            };
            findings.push(self.finding(rule, flat, reader, format!("/{keyword}")));
        }
        findings
    }

    /// What may be known about a member with a name that no schema of the writer lists: it matches
    /// `matching`, if that is given, and none of `excluded`.
    fn unlisted(
        &mut self,
        flat: &Flat<'a>,
        excluded: &BTreeSet<&'a str>,
        matching: Option<&str>,
    ) -> Vec<Writer> {
        let mut ways: Vec<Vec<PlaceId>> = vec![Vec::new()];
        for (id, _) in &flat.met {
            let patterns = self.places.keyword(*id, "patternProperties");
            let patterns = patterns.and_then(Value::as_object);
            let rest = self.places.below(*id, "additionalProperties");
            let same = matching.and_then(|pattern| patterns?.get(pattern));
            if let Some(same) = same {
                let place = self.places.child(*id, same);
                ways.iter_mut().for_each(|way| way.extend(place));
                continue;
            }
            let mut own: Vec<Option<PlaceId>> = vec![rest];
            for (pattern, schema) in patterns.into_iter().flatten() {
                if !excluded.contains(pattern.as_str()) {
                    own.push(self.places.child(*id, schema));
                }
            }
            if own.len() * ways.len() > WAYS_MAX {
                continue;
            }
            let extended = |way: &Vec<PlaceId>| {
                let way = way.clone();
                let with = move |one: &Option<PlaceId>| {
                    way.iter().copied().chain(*one).collect::<Vec<PlaceId>>()
                };
                own.iter().map(with).collect::<Vec<_>>()
            };
            ways = ways.iter().flat_map(extended).collect();
        }
        ways.into_iter().map(Writer::all_of).collect()
    }

    /// The names that `properties` lists.
    fn listed_names(&self, flat: &Flat<'a>) -> BTreeSet<&'a str> {
        let all = flat.met.iter().filter_map(|(id, _)| self.places.keyword(*id, "properties"));
        all.filter_map(Value::as_object).flat_map(|all| all.keys().map(String::as_str)).collect()
    }

    /// The only names that members can have, if a schema closes the object.
    fn closed_names(&self, flat: &Flat<'a>) -> Option<BTreeSet<&'a str>> {
        let closed = flat.met.iter().filter_map(|(id, _)| {
            let rest = self.places.keyword(*id, "additionalProperties")?;
            let patterns = self.places.keyword(*id, "patternProperties");
            let has_patterns =
                patterns.and_then(Value::as_object).is_some_and(|all| !all.is_empty());
            if rest != &Value::Bool(false) || has_patterns {
                return None;
            }
            let listed = self.places.keyword(*id, "properties").and_then(Value::as_object);
            Some(listed.into_iter().flatten().map(|(name, _)| name.as_str()).collect())
        });
        closed.min_by_key(BTreeSet::len)
    }

    /// The most members that the writer writes, if it closes the object.
    pub(super) fn most_members(&self, flat: &Flat<'a>) -> Option<usize> {
        self.closed_names(flat).map(|names| names.len())
    }

    pub(super) fn names_contain(&mut self, pair: &Pair<'_, 'a>) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let keyword = "propertyNames";
        let Some(place) = self.places.below(reader, keyword) else { return Vec::new() };
        let own = flat.met.iter().filter_map(|(id, _)| self.places.below(*id, keyword));
        let writer = Writer { kinds: Kinds::STRING, ..Writer::all_of(own) };
        if self.contained(&writer, place).is_empty() {
            return Vec::new();
        }
        let is_accepted = |checker: &mut Self, name: &str| {
            checker.accepts(place, &Value::from(name)) == Some(true)
        };
        if let Some(names) = self.closed_names(flat)
            && names.into_iter().all(|name| is_accepted(self, name))
        {
            return Vec::new();
        }
        let rule = match writer.met.is_empty() {
            true => "property_names_added",
            false => "property_names_narrowed",
        };
        vec![self.finding(rule, flat, reader, format!("/{keyword}"))]
    }

    pub(super) fn dependencies_contain(
        &mut self,
        pair: &Pair<'_, 'a>,
        keyword: &'a str,
        said: &'a Value,
    ) -> Vec<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let mut findings = Vec::new();
        for (name, wanted) in said.as_object().into_iter().flatten() {
            let (absent, _) = self.member_writer(flat, name);
            if self.flatten(&absent).is_empty {
                continue;
            }
            let below = member(keyword, name);
            let rule = match wanted {
                Value::Array(_) => self.dependent_names_broken(flat, name, wanted),
                _ => self.dependent_schema_broken(pair, name, wanted),
            };
            findings.extend(rule.map(|rule| self.finding(rule, flat, reader, below).about(name)));
        }
        findings
    }

    fn dependent_names_broken(
        &self,
        flat: &Flat<'a>,
        name: &str,
        wanted: &Value,
    ) -> Option<&'static str> {
        let mut there = self.required(flat);
        let mut has_own = false;
        for own in self.dependents(flat, name).filter(|(_, own)| own.is_array()) {
            has_own = true;
            there.extend(names(own.1));
        }
        if names(wanted).all(|one| one == name || there.contains(one)) {
            return None;
        }
        Some(if has_own { "dependency_array_extended" } else { "dependency_array_added" })
    }

    fn dependent_schema_broken(
        &mut self,
        pair: &Pair<'_, 'a>,
        name: &str,
        wanted: &Value,
    ) -> Option<&'static str> {
        let place = self.places.child(pair.reader, wanted)?;
        let own: Vec<PlaceId> = self
            .dependents(&pair.flat, name)
            .filter_map(|(id, own)| self.places.child(id, own))
            .collect();
        let writer = own.iter().fold(pair.writer.clone(), |writer, one| writer.and(*one));
        if self.contained(&writer, place).is_empty() {
            return None;
        }
        Some(if own.is_empty() { "dependency_schema_added" } else { "dependency_schema_changed" })
    }

    /// What the writer's schemas say about objects that have a member.
    fn dependents<'s>(
        &'s self,
        flat: &'s Flat<'a>,
        name: &'s str,
    ) -> impl Iterator<Item = (PlaceId, &'a Value)> + 's {
        flat.met.iter().flat_map(move |(id, _)| {
            let keywords = ["dependencies", "dependentRequired", "dependentSchemas"];
            keywords.into_iter().filter_map(move |keyword| {
                Some((*id, self.places.keyword(*id, keyword)?.get(name)?))
            })
        })
    }
}
