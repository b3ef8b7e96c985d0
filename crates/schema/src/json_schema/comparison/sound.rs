//! Whether all values of one schema are values of another.
//!
//! A pair of schemas is compatible if each keyword of the reader accepts all values that the writer
//! can write. Pairs that are met again while they are compared are assumed to be compatible: values
//! are finite, so a counterexample would have been found at a smaller value. What is assumed is
//! remembered only after the assumption has been proven. Everything that isn't understood is
//! dropped at the writer's side, where that allows more values, and is undecided at the reader's.

use std::rc::Rc;

use muster_words::json::Value;

use super::{
    checker::{Checker, DEPTH_MAX},
    evaluate::all,
    finding::Finding,
    kinds::Kinds,
    places::PlaceId,
    writer::{ANY_OF, Flat, IF, ONE_OF, Writer},
};
use crate::{Certainty, limits::COMPARISON_FINDINGS_MAX, steps::count};

mod items;
mod logic;
mod members;
mod scalars;

/// No findings.
pub(super) fn none() -> Rc<Vec<Finding>> {
    Rc::new(Vec::new())
}

impl<'a> Checker<'a> {
    /// Why not all values of the writer are values of the reader; nothing if they are.
    pub(super) fn contained(&mut self, writer: &Writer, reader: PlaceId) -> Rc<Vec<Finding>> {
        count(writer.size());
        let pair = (writer.clone(), reader);
        if let Some(known) = self.known.get(&pair) {
            return Rc::clone(known);
        }
        if let Some(depth) = self.open.get(&pair) {
            self.assumed = self.assumed.min(*depth);
            return none();
        }
        let depth = self.open.len();
        if depth >= DEPTH_MAX {
            let writer = writer.met.keys().next().copied();
            return Rc::new(vec![Finding {
                rule: "nested_too_deeply",
                certainty: Certainty::Undecided,
                reader,
                below: String::new(),
                writer,
                name: None,
            }]);
        }
        self.open.insert(pair.clone(), depth);
        let outer = std::mem::replace(&mut self.assumed, usize::MAX);
        let mut findings = self.look_at(writer, reader);
        findings.truncate(COMPARISON_FINDINGS_MAX);
        let findings = Rc::new(findings);
        let assumed = std::mem::replace(&mut self.assumed, outer);
        self.open.remove(&pair);
        // A finding holds whatever was assumed, because less was found than there may be.
        if !findings.is_empty() || assumed >= depth {
            self.known.insert(pair, Rc::clone(&findings));
        }
        if assumed < depth {
            self.assumed = self.assumed.min(assumed);
        }
        findings
    }

    fn look_at(&mut self, writer: &Writer, reader: PlaceId) -> Vec<Finding> {
        let flat = self.flatten(writer);
        if flat.is_empty || self.contradicts_itself(&flat) {
            return Vec::new();
        }
        if flat.met.iter().any(|(id, _)| self.is_same(*id, reader)) {
            return Vec::new();
        }
        let direct = self.look_directly(&flat, writer, reader);
        if direct.is_empty() || flat.values.is_some() {
            return direct;
        }
        self.look_apart(&flat, writer, reader, direct)
    }

    /// Whether one of its schemas is met and unmet.
    fn contradicts_itself(&mut self, flat: &Flat<'a>) -> bool {
        flat.unmet.iter().any(|unmet| flat.met.iter().any(|(met, _)| self.is_same(*met, *unmet)))
    }

    /// Looks at each keyword of the reader.
    fn look_directly(
        &mut self,
        flat: &Rc<Flat<'a>>,
        writer: &Writer,
        reader: PlaceId,
    ) -> Vec<Finding> {
        let place = self.places.get(reader);
        let schema = match place.value {
            Value::Bool(true) => return Vec::new(),
            Value::Object(schema) => schema,
            _ => return vec![self.finding("nothing_accepted", flat, reader, String::new())],
        };
        if self.places.is_opaque(reader) {
            return vec![self.undecided("dialect_changed", flat, reader, "/$schema")];
        }
        let pair = Pair { flat: Rc::clone(flat), writer, reader };
        let mut findings = self.references_contain(&pair);
        for keyword in schema.keys() {
            count(1);
            let Some(said) = self.places.keyword(reader, keyword) else { continue };
            if !Kinds::asked_by(keyword).meets(flat.kinds) {
                continue;
            }
            if let Some(values) = &flat.values {
                let answers: Vec<_> = values
                    .iter()
                    .map(|value| self.keyword_accepts(reader, keyword, value))
                    .collect();
                if all(answers) == Some(true) {
                    continue;
                }
            }
            findings.extend(self.keyword_contains(&pair, keyword, said));
            if findings.len() >= COMPARISON_FINDINGS_MAX {
                break;
            }
        }
        findings
    }

    fn references_contain(&mut self, pair: &Pair<'_, 'a>) -> Vec<Finding> {
        let references = self.places.references(pair.reader).to_vec();
        let mut findings = Vec::new();
        for (keyword, targets) in references {
            if keyword != "$ref" && self.places.keyword(pair.reader, keyword).is_none() {
                continue;
            }
            match targets.as_slice() {
                [target] => findings.extend(self.contained(pair.writer, *target).iter().cloned()),
                _ => findings.push(self.undecided(
                    "dynamic_reference_changed",
                    &pair.flat,
                    pair.reader,
                    &format!("/{keyword}"),
                )),
            }
        }
        findings
    }

    fn keyword_contains(
        &mut self,
        pair: &Pair<'_, 'a>,
        keyword: &'a str,
        said: &'a Value,
    ) -> Vec<Finding> {
        match keyword {
            "type" | "enum" | "const" | "minimum" | "maximum" | "exclusiveMinimum"
            | "exclusiveMaximum" | "multipleOf" | "minLength" | "maxLength" | "pattern"
            | "format" | "contentEncoding" | "contentMediaType" | "minItems" | "maxItems"
            | "uniqueItems" | "minProperties" | "maxProperties" => {
                self.scalar_contains(pair, keyword, said).into_iter().collect()
            }
            "items" | "prefixItems" | "additionalItems" => self.items_contain(pair, keyword, said),
            "contains" => self.contains_contains(pair).into_iter().collect(),
            "required" => self.required_contains(pair, said),
            "properties" => self.properties_contain(pair, said),
            "patternProperties" => self.patterns_contain(pair, said),
            "additionalProperties" => self.additional_contain(pair),
            "propertyNames" => self.names_contain(pair),
            "dependencies" | "dependentRequired" | "dependentSchemas" => {
                self.dependencies_contain(pair, keyword, said)
            }
            "unevaluatedItems" | "unevaluatedProperties" if said != &Value::Bool(true) => {
                let rule = match keyword {
                    "unevaluatedItems" => "unevaluated_items_changed",
                    _ => "unevaluated_properties_changed",
                };
                vec![self.undecided(rule, &pair.flat, pair.reader, &format!("/{keyword}"))]
            }
            "allOf" | "anyOf" | "oneOf" | "not" | "if" => self.logic_contains(pair, keyword),
            _ => Vec::new(),
        }
    }

    /// Takes the writer apart at its first choice, and looks at each part: each may be accepted for
    /// another reason.
    fn look_apart(
        &mut self,
        flat: &Flat<'a>,
        writer: &Writer,
        reader: PlaceId,
        direct: Vec<Finding>,
    ) -> Vec<Finding> {
        let Some(parts) = self.parts_of(flat, writer, reader) else { return direct };
        let mut findings: Vec<Finding> = Vec::new();
        for part in parts {
            for finding in self.contained(&part, reader).iter() {
                if !findings.contains(finding) && findings.len() < COMPARISON_FINDINGS_MAX {
                    findings.push(finding.clone());
                }
            }
        }
        findings
    }

    fn parts_of(
        &mut self,
        flat: &Flat<'a>,
        writer: &Writer,
        reader: PlaceId,
    ) -> Option<Vec<Writer>> {
        for (id, mark) in &flat.met {
            let apart = |mark: u8| writer.taken_apart(*id, mark);
            if mark & ANY_OF == 0
                && let Some(list) = self.places.list(*id, "anyOf")
            {
                return Some(list.iter().map(|one| apart(ANY_OF).and(*one)).collect());
            }
            if mark & ONE_OF == 0
                && let Some(list) = self.places.list(*id, "oneOf")
            {
                let without = |one: PlaceId| {
                    count(list.len() as u64);
                    let mut part = apart(ONE_OF).and(one);
                    part.unmet.extend(list.iter().copied().filter(|other| *other != one));
                    part
                };
                return Some(list.iter().map(|one| without(*one)).collect());
            }
            if mark & IF == 0
                && let Some(condition) = self.places.below(*id, "if")
            {
                let (mut yes, mut no) = (apart(IF).and(condition), apart(IF).without(condition));
                for (branch, part) in [("then", &mut yes), ("else", &mut no)] {
                    if let Some(place) = self.places.below(*id, branch) {
                        *part = part.and(place);
                    }
                }
                return Some(vec![yes, no]);
            }
        }
        let chooses = ["anyOf", "oneOf", "not", "if"];
        let chooses = chooses.iter().any(|keyword| self.places.keyword(reader, keyword).is_some());
        let groups: Vec<Kinds> =
            Kinds::GROUPS.into_iter().filter(|group| group.meets(flat.kinds)).collect();
        (chooses && groups.len() > 1).then(|| {
            let of_kind = |group: Kinds| Writer { kinds: flat.kinds.and(group), ..writer.clone() };
            groups.into_iter().map(of_kind).collect()
        })
    }

    /// A finding that breaks readers, if the writer is simple enough to be sure.
    pub(super) fn finding(
        &self,
        rule: &'static str,
        flat: &Flat<'a>,
        reader: PlaceId,
        below: String,
    ) -> Finding {
        let is_left = |id: PlaceId, mark: u8| {
            [("anyOf", ANY_OF), ("oneOf", ONE_OF), ("if", IF)]
                .iter()
                .any(|(keyword, own)| mark & own == 0 && self.places.keyword(id, keyword).is_some())
        };
        let is_simple =
            flat.unmet.is_empty() && !flat.met.iter().any(|(id, mark)| is_left(*id, *mark));
        let certainty = if is_simple { Certainty::Broken } else { Certainty::Undecided };
        let writer = self.counterpart(flat, reader, &below);
        Finding { rule, certainty, reader, writer, below, name: None }
    }

    /// A finding that can't be decided.
    pub(super) fn undecided(
        &self,
        rule: &'static str,
        flat: &Flat<'a>,
        reader: PlaceId,
        below: &str,
    ) -> Finding {
        let (certainty, below) = (Certainty::Undecided, below.to_owned());
        let writer = self.counterpart(flat, reader, &below);
        Finding { rule, certainty, reader, writer, below, name: None }
    }

    /// The writer's place that says something there, or its first one.
    fn counterpart(&self, flat: &Flat<'a>, reader: PlaceId, below: &str) -> Option<PlaceId> {
        let side = self.places.get(reader).side;
        let others = || {
            let met = flat.met.iter().map(|(id, _)| *id);
            met.filter(|id| self.places.get(*id).side != side)
        };
        let says = |id: &PlaceId| self.places.get(*id).value.pointer(below).is_some();
        others().find(says).or_else(|| others().next())
    }
}

/// A writer and a reader of the same values.
pub(super) struct Pair<'w, 'a> {
    pub(super) flat: Rc<Flat<'a>>,
    pub(super) writer: &'w Writer,
    pub(super) reader: PlaceId,
}
