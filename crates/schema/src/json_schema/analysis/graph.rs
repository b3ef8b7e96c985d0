use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_words::{Xid, json::Value};

use super::at_most;
use crate::{
    CompileError, ReferenceFault,
    json_schema::{meter, pattern::PatternCosts},
    limits,
};

/// The places of a schema with their edges: to places for the same value, and to places for its
/// children.
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// The number of patterns; they share the memory evenly.
    pub(crate) patterns: usize,
    /// The maximum cost of one value: if it meets every place once, and the place that multiplies
    /// most as often as it can.
    pub(crate) weight: u64,
    /// The most places that one value may meet.
    pub(crate) most: u64,
    /// The cost of each pattern.
    pub(crate) pattern_costs: PatternCosts,
    /// The cost of all patterns for names together, per letter of a name.
    pub(super) name_positions: u64,
    /// The maximum cost of one value if places don't multiply, for a quick estimate
    /// ([`Graph::may_take_long`]).
    pub(super) glance: u64,
    /// The places that are evaluated together to find what they left over (`unevaluated…`).
    pub(crate) asked: u64,
    /// The longest path through the places, which is the depth of the compiler's recursion.
    pub(crate) depth: usize,
    /// The nesting depth of places for the same value.
    pub(crate) same_depth: usize,
    /// Targets of a `$ref` that no keyword makes a schema, by document.
    pub(super) extra: Vec<(usize, String)>,
    /// The texts to replace in each document, by their places.
    pub(super) rewritten: BTreeMap<usize, BTreeMap<String, String>>,
    /// Whether a place has a `format`.
    pub(crate) has_formats: bool,
    /// Whether a `const` or an `enum` has a number in it.
    pub(crate) has_number_choices: bool,
    /// The documents of draft 4.
    pub(super) draft_4: BTreeSet<usize>,
    /// References that lead nowhere.
    pub(super) unresolved: Vec<Unresolved>,
    /// The documents' names; none for the root.
    pub(super) names: Vec<Option<Xid>>,
}

/// A reference that leads nowhere.
pub(super) struct Unresolved {
    pub(super) document: usize,
    pub(super) pointer: String,
    pub(super) text: String,
    pub(super) fault: ReferenceFault,
}

/// A place of a schema: a schema within it, or the whole.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) document: usize,
    pub(crate) pointer: String,
    /// Where its references lead, by their keyword. The first one is what the text names; others
    /// are there if the way to the place decides.
    pub(crate) references: Vec<(&'static str, Vec<usize>)>,
    pub(super) same: Vec<usize>,
    pub(super) child: Vec<usize>,
    /// Whether it evaluates other places for what they left over (`unevaluated…`).
    pub(super) asks: bool,
}

impl Graph {
    /// A document in the form that the validator needs; `metered` adds a meter to each place.
    pub(crate) fn prepared(
        &self,
        document: usize,
        value: &Arc<Value>,
        metered: bool,
    ) -> Arc<Value> {
        let rewritten = self.rewritten.get(&document);
        let is_draft_4 = self.draft_4.contains(&document);
        if !metered && !is_draft_4 && rewritten.is_none() {
            return Arc::clone(value);
        }
        let mut copy = Value::clone(value);
        for (pointer, text) in rewritten.into_iter().flatten() {
            if let Some(place) = copy.pointer_mut(pointer) {
                *place = text.as_str().into();
            }
        }
        let extra = self.extra.iter().filter(|(of, _)| *of == document);
        let extra: Vec<&str> = extra.map(|(_, pointer)| pointer.as_str()).collect();
        if is_draft_4 {
            meter::mark_draft_4(&mut copy, &extra);
        }
        if metered {
            meter::instrument(&mut copy, &extra);
        }
        Arc::new(copy)
    }

    /// The error about the first reference that leads nowhere.
    pub(crate) fn unresolved(&self) -> Option<CompileError> {
        let first = self.unresolved.first()?;
        let error = CompileError::Unresolvable {
            pointer: first.pointer.clone(),
            reference: first.text.clone(),
            fault: first.fault.clone(),
        };
        Some(self.in_document(first.document, error))
    }

    fn in_document(&self, document: usize, error: CompileError) -> CompileError {
        match self.names.get(document) {
            Some(Some(xid)) => error.within(xid),
            _ => error,
        }
    }

    /// The steps that a value with this many parts and this many bytes of names may take before any
    /// place has counted: patterns for names are matched first, and `unevaluated…` evaluates every
    /// alternative for every member.
    pub(crate) fn uncounted(&self, parts: u64, names: u64) -> u64 {
        let asked = self.asked.saturating_mul(parts);
        asked.saturating_add(self.name_positions.saturating_mul(names) / 8)
    }

    /// Whether validating a document of this size may take some milliseconds. Each value meets the
    /// places at its own level, and may meet as many again for each value around it, but never more
    /// than exist.
    pub(crate) fn may_take_long(&self, bytes: u64) -> bool {
        let met = self.most.saturating_mul(self.most).min(self.nodes.len() as u64);
        met.saturating_add(self.glance).saturating_mul(bytes) > limits::SHORT_MAX
    }

    /// Refuses endless and multiplying references.
    pub(super) fn check(&mut self) -> Result<(), CompileError> {
        at_most(self.depth, limits::PLACES_DEPTH_MAX, "subschemas in a chain of references")?;
        let mut alternatives = vec![Alternatives::Unknown; self.nodes.len()];
        let mut most = 0;
        for index in 0..self.nodes.len() {
            let (count, deep) = self.alternatives(index, 0, &mut alternatives)?;
            most = most.max(count);
            if self.nodes[index].asks {
                self.asked = self.asked.max(count);
            }
            self.same_depth = self.same_depth.max(deep);
        }
        self.weight = self.weight.saturating_add(most);
        self.most = most;
        Ok(())
    }

    /// How many places a place leads to for the same value, counting itself and counting
    /// repetitions, and how deeply they are nested.
    fn alternatives(
        &self,
        index: usize,
        depth: usize,
        known: &mut Vec<Alternatives>,
    ) -> Result<(u64, usize), CompileError> {
        match known[index] {
            Alternatives::Known(count, deep) => return Ok((count, deep)),
            Alternatives::OnPath => {
                let node = &self.nodes[index];
                let error = CompileError::Endless { pointer: node.pointer.clone() };
                return Err(self.in_document(node.document, error));
            }
            Alternatives::Unknown => {}
        }
        at_most(depth, limits::ALTERNATIVES_DEPTH_MAX, "nested alternatives")?;
        known[index] = Alternatives::OnPath;
        let (mut count, mut deep) = (1_u64, 0);
        for to in &self.nodes[index].same {
            let (more, below) = self.alternatives(*to, depth + 1, known)?;
            count = count.saturating_add(more);
            deep = deep.max(below + 1);
        }
        if count > limits::ALTERNATIVES_MAX {
            let node = &self.nodes[index];
            let error = CompileError::TooComplex { pointer: node.pointer.clone() };
            return Err(self.in_document(node.document, error));
        }
        at_most(deep, limits::ALTERNATIVES_DEPTH_MAX, "nested alternatives")?;
        known[index] = Alternatives::Known(count, deep);
        Ok((count, deep))
    }
}

#[derive(Clone, Copy)]
enum Alternatives {
    Unknown,
    OnPath,
    Known(u64, usize),
}

/// The longest path of a walk that visits each place once, as the compiler does.
pub(super) fn depth_of(nodes: &[Node]) -> usize {
    let mut seen = vec![false; nodes.len()];
    let mut deepest = 0;
    for start in 0..nodes.len() {
        let mut path = vec![(start, 0_usize)];
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        while let Some((index, edge)) = path.last_mut() {
            let node = &nodes[*index];
            let beyond = edge.saturating_sub(node.same.len());
            let to = node.same.get(*edge).or_else(|| node.child.get(beyond)).copied();
            *edge += 1;
            match to {
                None => {
                    path.pop();
                }
                Some(to) if !std::mem::replace(&mut seen[to], true) => path.push((to, 0)),
                Some(_) => {}
            }
            deepest = deepest.max(path.len());
        }
    }
    deepest
}
