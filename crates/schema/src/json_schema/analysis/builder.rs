use std::collections::{BTreeMap, HashMap};

use muster_words::json::{Map, Value};

use super::{
    KeywordValue, Places, SchemaDocument, address, at_most, check_divisor, check_totals,
    for_each_place,
    graph::{Graph, Node, Unresolved, depth_of},
    looks_of, name_patterns_of,
};
use crate::{
    CompileError, Dialect, ReferenceFault,
    json_schema::{
        address::{Address, id_keyword, own_id, schema_named},
        by_digits::has_number_choices,
        compile::{Links, canonical},
        pattern::PatternCosts,
    },
    limits,
};

/// A document, or an embedded schema with an id.
struct Resource<'a> {
    document: usize,
    pointer: String,
    /// Its address; references in it are resolved against it.
    address: Address,
    value: &'a Value,
}

struct Reference<'a> {
    from: usize,
    resource: usize,
    keyword: &'static str,
    text: &'a str,
}

/// Reads documents into a graph, and finds out what each reference means (JSON Schema 2020-12 core,
/// section 8.2).
pub(super) struct Builder<'a> {
    documents: &'a [SchemaDocument<'a>],
    links: &'a Links,
    nodes: Vec<Node>,
    places: Places,
    resources: Vec<Resource<'a>>,
    /// Resources by their document and their address.
    by_address: HashMap<(usize, String), usize>,
    /// Anchors by their resource and their name.
    anchors: HashMap<(usize, &'a str), usize>,
    /// The anchors that a reference from anywhere may mean, by their name; those of
    /// `$recursiveAnchor` have none.
    dynamic_anchors: HashMap<&'a str, Vec<usize>>,
    references: Vec<Reference<'a>>,
    extra: Vec<(usize, String)>,
    rewritten: BTreeMap<usize, BTreeMap<String, String>>,
    has_formats: bool,
    has_number_choices: bool,
    unresolved: Vec<Unresolved>,
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
    pub(super) fn new(documents: &'a [SchemaDocument<'a>], links: &'a Links) -> Self {
        Self {
            documents,
            links,
            nodes: Vec::new(),
            places: Places::new(),
            resources: Vec::new(),
            by_address: HashMap::new(),
            anchors: HashMap::new(),
            dynamic_anchors: HashMap::new(),
            references: Vec::new(),
            extra: Vec::new(),
            rewritten: BTreeMap::new(),
            has_formats: false,
            has_number_choices: false,
            unresolved: Vec::new(),
            patterns: Vec::new(),
            name_patterns: Vec::new(),
            looks: 0,
        }
    }

    pub(super) fn read_all(&mut self) -> Result<(), CompileError> {
        // The root of each document is the resource with its index.
        for (index, document) in self.documents.iter().enumerate() {
            let address = document.address.clone();
            self.by_address.insert((index, address.as_str().to_owned()), index);
            let pointer = String::new();
            self.resources.push(Resource {
                document: index,
                pointer,
                address,
                value: document.value,
            });
        }
        for (index, document) in self.documents.iter().enumerate() {
            if Dialect::of(document.value).is_err() {
                // The validator knows drafts alone.
                self.rewrite(index, "/$schema".to_owned(), document.dialect.address().to_owned());
            }
            let at = At { document: index, resource: index, pointer: String::new() };
            self.read(document.value, at).map_err(|error| match document.xid {
                Some(xid) => error.within(xid),
                None => error,
            })?;
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
            rewritten: self.rewritten,
            has_formats: self.has_formats,
            has_number_choices: self.has_number_choices,
            draft_4: (0..self.documents.len())
                .filter(|index| self.documents[*index].dialect == Dialect::Draft4)
                .collect(),
            unresolved: self.unresolved,
            names: self.documents.iter().map(|document| document.xid.cloned()).collect(),
        }
    }

    /// Reads a place and everything below it. The recursion is as deep as the JSON, at most
    /// [`JSON_DEPTH_MAX`](muster_words::limits::JSON_DEPTH_MAX).
    fn read(&mut self, value: &'a Value, mut at: At) -> Result<usize, CompileError> {
        if let Some(known) = self.places.get(&address(value)) {
            return Ok(*known);
        }
        let index = self.nodes.len();
        let (document, pointer) = (at.document, at.pointer.clone());
        self.nodes.push(Node { document, pointer, ..Node::default() });
        self.places.insert(address(value), index);
        let Value::Object(schema) = value else { return Ok(index) };
        self.enter_resource(schema, value, &mut at)?;
        self.note_anchors(schema, index, &at);
        check_divisor(schema)?;
        self.has_number_choices |= has_number_choices(schema);
        self.has_formats |= schema.contains_key("format");
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

    /// Enters the resource that an id begins. The id is replaced by one that no other document has.
    fn enter_resource(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &'a Value,
        at: &mut At,
    ) -> Result<(), CompileError> {
        let dialect = self.documents[at.document].dialect;
        let Some(id) = own_id(schema, dialect) else { return Ok(()) };
        let place = format!("{}/{}", at.pointer, id_keyword(dialect));
        let Some(address) = self.resources[at.resource].address.resolve(id) else {
            return Err(CompileError::Unresolvable {
                pointer: place,
                reference: id.to_owned(),
                fault: ReferenceFault::Malformed,
            });
        };
        if at.pointer.is_empty() {
            self.resources[at.resource].address = address.clone();
        } else {
            let embedded = self.resources.len() - self.documents.len();
            at_most(embedded, limits::EMBEDDED_MAX, "embedded schemas with an id")?;
            at.resource = self.resources.len();
            let (document, pointer) = (at.document, at.pointer.clone());
            self.resources.push(Resource { document, pointer, address: address.clone(), value });
        }
        self.by_address.entry((at.document, address.as_str().to_owned())).or_insert(at.resource);
        self.rewrite(at.document, place, self.canonical(at.resource));
        Ok(())
    }

    fn canonical(&self, resource: usize) -> String {
        let document = self.resources[resource].document;
        // The root of a document has the address by which it is fetched.
        canonical(document, if resource == document { 0 } else { resource })
    }

    fn rewrite(&mut self, document: usize, pointer: String, text: String) {
        self.rewritten.entry(document).or_default().insert(pointer, text);
    }

    fn note_anchors(&mut self, schema: &'a Map<String, Value>, index: usize, at: &At) {
        let text = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
        let id = id_keyword(self.documents[at.document].dialect);
        let in_id = text(id).and_then(|id| id.strip_prefix('#'));
        for name in [text("$anchor"), text("$dynamicAnchor"), in_id].into_iter().flatten() {
            self.anchors.entry((at.resource, name)).or_insert(index);
        }
        if let Some(name) = text("$dynamicAnchor") {
            self.dynamic_anchors.entry(name).or_default().push(index);
        }
        if schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
            self.dynamic_anchors.entry("").or_default().push(index);
        }
    }

    /// Records the references of a schema; true if its draft ignores everything beside `$ref`.
    fn note_references(&mut self, schema: &'a Map<String, Value>, from: usize, at: &At) -> bool {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(text) = schema.get(keyword).and_then(Value::as_str) {
                self.references.push(Reference { from, resource: at.resource, keyword, text });
            }
        }
        self.documents[at.document].dialect.hides_beside_reference()
            && schema.get("$ref").is_some_and(Value::is_string)
    }

    /// Links every reference to its target. Reads targets that no keyword makes a schema; they may
    /// hold further references.
    fn link(&mut self) -> Result<(), CompileError> {
        let mut next = 0;
        while next < self.references.len() {
            let Reference { from, resource, keyword, text } = self.references[next];
            next += 1;
            let targets = self.targets(from, resource, keyword, text)?;
            self.nodes[from].same.extend(&targets);
            self.nodes[from].references.push((keyword, targets));
        }
        Ok(())
    }

    fn targets(
        &mut self,
        from: usize,
        resource: usize,
        keyword: &'static str,
        text: &'a str,
    ) -> Result<Vec<usize>, CompileError> {
        let document = self.nodes[from].document;
        let place = format!("{}/{keyword}", self.nodes[from].pointer);
        let (name, fragment) = text.split_once('#').unwrap_or((text, ""));
        let meant = match self.meant(name, resource) {
            Ok(meant) => meant,
            Err(fault) => {
                let (pointer, text) = (place, text.to_owned());
                self.unresolved.push(Unresolved { document, pointer, text, fault });
                return Ok(Vec::new());
            }
        };
        if !name.is_empty() {
            let whole = self.canonical(meant);
            let text = if fragment.is_empty() { whole } else { format!("{whole}#{fragment}") };
            self.rewrite(document, place.clone(), text);
        }
        let target = match fragment {
            "" => self.place_at(meant, fragment)?,
            _ if fragment.starts_with('/') => self.place_at(meant, fragment)?,
            _ => self.anchors.get(&(meant, fragment)).copied(),
        };
        let Some(target) = target else {
            let (pointer, text, fault) = (place, text.to_owned(), ReferenceFault::NoPlace);
            self.unresolved.push(Unresolved { document, pointer, text, fault });
            return Ok(Vec::new());
        };
        let mut targets = vec![target];
        // What a dynamic reference leads to first decides whether it may lead elsewhere.
        if keyword != "$ref"
            && let Some(all) = self.dynamic_anchors.get(fragment)
            && all.contains(&target)
        {
            targets.extend(all.iter().copied().filter(|other| *other != target));
        }
        Ok(targets)
    }

    /// The document or the embedded schema that a reference names.
    fn meant(&self, name: &str, resource: usize) -> Result<usize, ReferenceFault> {
        if name.is_empty() {
            return Ok(resource);
        }
        let root_of = |xid: &muster_words::Xid| {
            self.documents.iter().position(|document| document.xid == Some(xid))
        };
        if let Some(xid) = schema_named(name) {
            return root_of(&xid).ok_or(ReferenceFault::Unknown);
        }
        let Resource { document, address, .. } = &self.resources[resource];
        let Some(address) = address.resolve(name) else {
            return Err(ReferenceFault::Malformed);
        };
        let text = address.as_str().to_owned();
        if let Some(own) = self.by_address.get(&(*document, text.clone())) {
            return Ok(*own);
        }
        let linked = self.links.get(&(self.documents[*document].xid.cloned(), text));
        let root = linked.and_then(root_of).or_else(|| self.metaschema(address.as_str()));
        root.ok_or(ReferenceFault::Unknown)
    }

    fn metaschema(&self, address: &str) -> Option<usize> {
        let is_it = |resource: &Resource<'_>| resource.address.as_str() == address;
        let of_draft = |index: &usize| self.documents[*index].is_metaschema;
        (0..self.documents.len()).filter(of_draft).find(|index| is_it(&self.resources[*index]))
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
