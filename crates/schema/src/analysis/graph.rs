use std::collections::HashMap;

use muster_words::json::{Map, Value};

use super::{
    KeywordValue, Places, SchemaDocument, address, at_most, check_totals, for_each_place, looks_of,
    name_patterns_of, xid_of,
};
use crate::{CompileError, Dialect, limits, pattern::PatternCosts};

/// The places of a schema with their edges: to places for the same value, and to places for its
/// children.
pub(crate) struct Graph {
    nodes: Vec<Node>,
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
    name_positions: u64,
    /// The maximum cost of one value if places don't multiply, for a quick estimate
    /// ([`Graph::may_take_long`]).
    glance: u64,
    /// The places that are evaluated together to find what they left over (`unevaluated…`).
    pub(crate) asked: u64,
    /// The longest path through the places, which is the depth of the compiler's recursion.
    pub(crate) depth: usize,
    /// The nesting depth of places for the same value.
    pub(crate) same_depth: usize,
    /// Targets of a `$ref` that no keyword makes a schema, by document.
    pub(crate) extra: Vec<(usize, String)>,
}

#[derive(Default)]
struct Node {
    pointer: String,
    same: Vec<usize>,
    child: Vec<usize>,
    /// Whether it evaluates other places for what they left over (`unevaluated…`).
    asks: bool,
}

/// A document, or an embedded schema with an id.
struct Resource<'a> {
    document: usize,
    pointer: String,
    id: Option<&'a str>,
    value: &'a Value,
}

struct Reference<'a> {
    from: usize,
    resource: usize,
    text: &'a str,
    /// `$dynamicRef` and `$recursiveRef` may mean any schema with that anchor.
    dynamic: bool,
}

pub(super) struct Builder<'a> {
    documents: &'a [SchemaDocument<'a>],
    nodes: Vec<Node>,
    places: Places,
    resources: Vec<Resource<'a>>,
    anchors: HashMap<&'a str, Vec<usize>>,
    references: Vec<Reference<'a>>,
    extra: Vec<(usize, String)>,
    patterns: Vec<&'a str>,
    name_patterns: Vec<&'a str>,
    looks: u64,
}

/// The current position while reading.
#[derive(Clone)]
struct At {
    document: usize,
    resource: usize,
    pointer: String,
}

impl<'a> Builder<'a> {
    pub(super) fn new(documents: &'a [SchemaDocument<'a>]) -> Self {
        Self {
            documents,
            nodes: Vec::new(),
            places: Places::new(),
            resources: Vec::new(),
            anchors: HashMap::new(),
            references: Vec::new(),
            extra: Vec::new(),
            patterns: Vec::new(),
            name_patterns: Vec::new(),
            looks: 0,
        }
    }

    pub(super) fn read_all(&mut self) -> Result<(), CompileError> {
        for (index, document) in self.documents.iter().enumerate() {
            let resource = self.resources.len();
            self.resources.push(Resource {
                document: index,
                pointer: String::new(),
                id: None,
                value: document.value,
            });
            let at = At { document: index, resource, pointer: String::new() };
            self.read(document.value, at)?;
        }
        self.link()?;
        check_totals(self.patterns.len() + self.name_patterns.len())
    }

    pub(super) fn finish(self) -> Graph {
        let depth = depth_of(&self.nodes);
        let all = [self.patterns.as_slice(), &self.name_patterns].concat();
        let pattern_costs = PatternCosts::of(&all);
        let together = |patterns: &[&str]| {
            patterns.iter().map(|pattern| pattern_costs.get(pattern)).fold(0, u64::saturating_add)
        };
        let name_positions = together(&self.name_patterns);
        // One step covers 64 letters of a text, and each letter may move eight positions per step.
        let read = together(&self.patterns).saturating_mul(8);
        let weight = self.looks.saturating_add(self.nodes.len() as u64);
        let moves = together(&all).saturating_mul(2);
        Graph {
            nodes: self.nodes,
            patterns: all.len(),
            weight: weight.saturating_add(read),
            pattern_costs,
            glance: self.looks.saturating_add(moves),
            most: 0,
            name_positions,
            asked: 0,
            depth,
            same_depth: 0,
            extra: self.extra,
        }
    }

    /// Reads a place and everything below it. The recursion is as deep as the JSON, at most
    /// [`JSON_DEPTH_MAX`](muster_words::limits::JSON_DEPTH_MAX).
    fn read(&mut self, value: &'a Value, mut at: At) -> Result<usize, CompileError> {
        if let Some(known) = self.places.get(&address(value)) {
            return Ok(*known);
        }
        let index = self.nodes.len();
        self.nodes.push(Node { pointer: at.pointer.clone(), ..Node::default() });
        self.places.insert(address(value), index);
        let Value::Object(schema) = value else { return Ok(index) };
        self.enter_resource(schema, value, &mut at)?;
        self.note_anchors(schema, index);
        self.patterns.extend(schema.get("pattern").and_then(Value::as_str));
        self.name_patterns.extend(name_patterns_of(schema));
        self.looks = self.looks.saturating_add(looks_of(schema));
        self.nodes[index].asks = ["unevaluatedProperties", "unevaluatedItems"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword));
        let alone = self.note_references(schema, index, &at);
        let mut below = Vec::new();
        for_each_place(schema, |step, place, holds| below.push((step, place, holds)));
        for (step, place, holds) in below {
            let at = At { pointer: format!("{}{step}", at.pointer), ..at.clone() };
            let to = self.read(place, at)?;
            match holds {
                _ if alone => {}
                KeywordValue::Same | KeywordValue::SameList | KeywordValue::SameMap => {
                    self.nodes[index].same.push(to)
                }
                KeywordValue::Child | KeywordValue::ChildList | KeywordValue::ChildMap => {
                    self.nodes[index].child.push(to);
                }
                KeywordValue::Definitions => {}
            }
        }
        Ok(index)
    }

    fn enter_resource(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &'a Value,
        at: &mut At,
    ) -> Result<(), CompileError> {
        let id = schema.get("$id").or_else(|| schema.get("id")).and_then(Value::as_str);
        let Some(id) = id.filter(|id| !id.starts_with('#')) else { return Ok(()) };
        if at.pointer.is_empty() {
            self.resources[at.resource].id = Some(id);
            return Ok(());
        }
        at_most(self.resources.len(), limits::EMBEDDED_MAX, "embedded schemas with an id")?;
        at.resource = self.resources.len();
        self.resources.push(Resource {
            document: at.document,
            pointer: at.pointer.clone(),
            id: Some(id),
            value,
        });
        Ok(())
    }

    fn note_anchors(&mut self, schema: &'a Map<String, Value>, index: usize) {
        for keyword in ["$anchor", "$dynamicAnchor", "$id", "id"] {
            let Some(text) = schema.get(keyword).and_then(Value::as_str) else { continue };
            let name = if keyword.ends_with("nchor") { Some(text) } else { text.strip_prefix('#') };
            if let Some(name) = name {
                self.anchors.entry(name).or_default().push(index);
            }
        }
        if schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
            self.anchors.entry("").or_default().push(index);
        }
    }

    /// Records the references of a schema; true if its draft ignores everything beside `$ref`.
    fn note_references(&mut self, schema: &'a Map<String, Value>, from: usize, at: &At) -> bool {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(text) = schema.get(keyword).and_then(Value::as_str) {
                let dynamic = keyword != "$ref";
                self.references.push(Reference { from, resource: at.resource, text, dynamic });
            }
        }
        let old = matches!(
            self.documents[at.document].dialect,
            Dialect::Draft4 | Dialect::Draft6 | Dialect::Draft7
        );
        old && schema.get("$ref").is_some_and(Value::is_string)
    }

    /// Links every reference to its target. Reads targets that no keyword makes a schema; they may
    /// hold further references.
    fn link(&mut self) -> Result<(), CompileError> {
        let mut next = 0;
        while next < self.references.len() {
            let reference = &self.references[next];
            let (from, resource) = (reference.from, reference.resource);
            let (text, dynamic) = (reference.text, reference.dynamic);
            next += 1;
            for to in self.targets(text, resource, dynamic)? {
                self.nodes[from].same.push(to);
            }
        }
        Ok(())
    }

    fn targets(
        &mut self,
        text: &'a str,
        resource: usize,
        dynamic: bool,
    ) -> Result<Vec<usize>, CompileError> {
        let (name, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut targets = Vec::new();
        if dynamic || !(fragment.is_empty() || fragment.starts_with('/')) {
            targets.extend(self.anchors.get(fragment).into_iter().flatten().copied());
        }
        if fragment.is_empty() || fragment.starts_with('/') {
            for root in self.named(name, resource) {
                targets.extend(self.place_at(root, fragment)?);
            }
        }
        Ok(targets)
    }

    /// The resources that a name may mean. The validator knows the right one; extra ones only
    /// increase the estimate.
    fn named(&self, name: &str, resource: usize) -> Vec<usize> {
        if name.is_empty() {
            return vec![resource];
        }
        if let Some(xid) = xid_of(name) {
            let found = self.documents.iter().position(|document| document.xid == Some(&xid));
            let root = found.and_then(|document| {
                self.resources.iter().position(|r| r.document == document && r.pointer.is_empty())
            });
            return root.into_iter().collect();
        }
        let last = |text: &str| text.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
        (0..self.resources.len())
            .filter(|root| self.resources[*root].id.is_some_and(|id| last(id) == last(name)))
            .collect()
    }

    fn place_at(&mut self, root: usize, fragment: &str) -> Result<Option<usize>, CompileError> {
        let pointer = decode(fragment);
        let Some(value) = self.resources[root].value.pointer(&pointer) else { return Ok(None) };
        if let Some(known) = self.places.get(&address(value)) {
            return Ok(Some(*known));
        }
        let document = self.resources[root].document;
        let pointer = format!("{}{pointer}", self.resources[root].pointer);
        self.extra.push((document, pointer.clone()));
        self.read(value, At { document, resource: root, pointer }).map(Some)
    }
}

impl Graph {
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
                return Err(CompileError::Endless { pointer: self.nodes[index].pointer.clone() });
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
            return Err(CompileError::TooComplex { pointer: self.nodes[index].pointer.clone() });
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
fn depth_of(nodes: &[Node]) -> usize {
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

/// Decodes a fragment's percent-encoding. The validator refuses what isn't UTF-8 then.
fn decode(fragment: &str) -> String {
    let bytes = fragment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
