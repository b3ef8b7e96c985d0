use std::collections::{BTreeMap, HashMap};

use muster_words::{
    PlacedValue, Places,
    json::{Map, Value, parse_with_places},
};

use crate::{
    Severity, Violation,
    avro::{
        defaults,
        fault::{AvroError, AvroFault, AvroProblem},
        logical::LogicalType,
        names,
        schema::{
            AvroSchema, Kind, Node, NodeId, Place, PlaceId, Primitive, Properties, Step, TypeUse,
            Written, pointer,
        },
    },
    limits, messages, nearest, steps,
};

/// Attributes that the specification defines. All others are kept as they are.
const RESERVED: [&str; 10] =
    ["aliases", "doc", "fields", "items", "name", "namespace", "size", "symbols", "type", "values"];
const RESERVED_OF_ENUM: [&str; 1] = ["default"];

impl AvroSchema {
    /// Parses a schema (Apache Avro 1.12). `references` are the schemas that it refers to, each with
    /// a name for messages: each once, and one that refers to another after it. No other type is
    /// known.
    ///
    /// # Errors
    /// All problems that were found, in the schema or in the first reference that has some.
    pub fn parse(text: &str, references: &[(&str, &str)]) -> Result<Self, AvroError> {
        let mut parser = Parser::new();
        let bytes: usize = references.iter().map(|(_, text)| text.len()).sum();
        if bytes + text.len() > limits::AVRO_BYTES_MAX {
            parser.too_large("bytes, with what it refers to", limits::AVRO_BYTES_MAX, 0);
            return parser.finish(None);
        }
        if references.len() > limits::REFERENCES_MAX {
            parser.too_large("references", limits::REFERENCES_MAX, 0);
            return parser.finish(None);
        }
        for (index, (name, text)) in references.iter().enumerate() {
            parser.reference = Some((*name).to_owned());
            parser.text(text, u16::try_from(index + 1).unwrap_or(u16::MAX));
            if parser.has_problems() {
                return parser.finish(None);
            }
        }
        parser.reference = None;
        let root = parser.text(text, 0);
        parser.finish(root)
    }
}

pub(crate) struct Parser {
    pub(crate) schema: AvroSchema,
    problems: Vec<AvroProblem>,
    more: usize,
    /// The types and fields so far.
    count: usize,
    /// Fields with a default. They are checked when all types are known, because a default may need
    /// fields of a record that comes later.
    pub(super) defaults: Vec<(NodeId, usize)>,
    /// The text that is parsed: its number, its name, and the places in it.
    number: u16,
    reference: Option<String>,
    pub(crate) order: Places,
}

impl Parser {
    fn new() -> Self {
        let nodes = Primitive::ALL
            .map(|primitive| Node {
                kind: Kind::Primitive(primitive),
                logical: None,
                properties: Vec::new(),
                place: 0,
            })
            .to_vec();
        let schema = AvroSchema {
            nodes,
            places: vec![Place { parent: 0, step: Step::Root, text: 0 }],
            root: TypeUse { node: 0, place: 0 },
            names: BTreeMap::new(),
            warnings: Vec::new(),
        };
        Self {
            schema,
            problems: Vec::new(),
            more: 0,
            count: 0,
            defaults: Vec::new(),
            number: 0,
            reference: None,
            order: Places::default(),
        }
    }

    fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    fn text(&mut self, text: &str, number: u16) -> Option<TypeUse> {
        self.number = number;
        let place = if number == 0 { 0 } else { self.place(0, Step::Root) };
        let value = match parse_with_places(text.as_bytes()) {
            Ok((value, order)) => {
                self.order = order;
                value
            }
            Err(error) => {
                self.order = Places::default();
                self.problem(place, AvroFault::NotJson(error));
                return None;
            }
        };
        let root = self.type_at(&value, place, "");
        defaults::check(self);
        root
    }

    fn finish(mut self, root: Option<TypeUse>) -> Result<AvroSchema, AvroError> {
        match root {
            Some(root) if self.problems.is_empty() => {
                self.schema.root = root;
                Ok(self.schema)
            }
            _ => Err(AvroError { problems: self.problems, more: self.more }),
        }
    }

    pub(crate) fn take_defaults(&mut self) -> Vec<(NodeId, usize)> {
        std::mem::take(&mut self.defaults)
    }

    pub(crate) fn place(&mut self, parent: PlaceId, step: Step) -> PlaceId {
        let id = PlaceId::try_from(self.schema.places.len()).unwrap_or(PlaceId::MAX);
        self.schema.places.push(Place { parent, step, text: self.number });
        id
    }

    pub(crate) fn problem(&mut self, place: PlaceId, fault: AvroFault) {
        self.problem_with(place, |_| fault);
    }

    /// Adds a problem, whose fault is only made if there is room for it.
    fn problem_with(&mut self, place: PlaceId, fault: impl FnOnce(&Self) -> AvroFault) {
        if self.problems.len() >= limits::AVRO_PROBLEMS_MAX {
            self.more += 1;
            return;
        }
        let fault = fault(self);
        let pointer = pointer(&self.schema.places, place);
        let known = self.order.of(&pointer);
        let place = match &fault {
            AvroFault::NotJson(error) => {
                Some(muster_words::TextPlace { line: error.line, column: error.column })
            }
            _ => known,
        };
        let reference = self.reference.clone();
        self.problems.push(AvroProblem { fault, pointer, place, reference });
    }

    fn too_large(&mut self, what: &'static str, limit: usize, place: PlaceId) {
        self.problem(place, AvroFault::TooLarge { what, limit });
    }

    pub(super) fn warn(&mut self, place: PlaceId, message: String) {
        if self.reference.is_some() || self.schema.warnings.len() >= limits::VIOLATIONS_MAX {
            return;
        }
        let pointer = pointer(&self.schema.places, place);
        let place = self.order.of(&pointer);
        let warning = Violation::keyword(pointer, "logicalType", message);
        let warning = Violation { severity: Severity::Warning, place, ..warning };
        self.schema.warnings.push(warning.bounded());
    }

    /// Counts a type or a field; false if there are too many.
    pub(super) fn room(&mut self, place: PlaceId) -> bool {
        steps::count(1);
        self.count += 1;
        if self.count == limits::AVRO_TYPES_MAX + 1 {
            self.too_large("types and fields", limits::AVRO_TYPES_MAX, place);
        }
        self.count <= limits::AVRO_TYPES_MAX
    }

    pub(super) fn type_at(
        &mut self,
        value: &Value,
        place: PlaceId,
        namespace: &str,
    ) -> Option<TypeUse> {
        if !self.room(place) {
            return None;
        }
        match value {
            Value::String(name) => self.type_named(name, place, namespace),
            Value::Array(branches) => self.union(branches, place, namespace),
            Value::Object(attributes) => self.type_of(attributes, place, namespace),
            value => {
                self.problem(place, AvroFault::NotASchema { found: messages::quote(value) });
                None
            }
        }
    }

    fn type_named(&mut self, name: &str, place: PlaceId, namespace: &str) -> Option<TypeUse> {
        if let Some(primitive) = Primitive::of(name) {
            return Some(TypeUse { node: primitive as NodeId, place });
        }
        // A simple name means the type in the enclosing namespace, or else the one without a
        // namespace, as in Java.
        let near = names::qualified(name, namespace);
        let known = self.schema.names.get(near.as_ref()).or_else(|| self.schema.names.get(name));
        if let Some(node) = known {
            return Some(TypeUse { node: *node, place });
        }
        self.problem_with(place, |parser| {
            let candidates = parser.schema.names.keys().map(String::as_str);
            let primitives = Primitive::ALL.map(Primitive::name);
            let nearest =
                nearest(&near, candidates).or_else(|| nearest(name, primitives)).map(str::to_owned);
            AvroFault::UnknownType { name: messages::cut(name.to_owned(), 200), nearest }
        });
        None
    }

    fn union(&mut self, branches: &[Value], place: PlaceId, namespace: &str) -> Option<TypeUse> {
        let (mut uses, mut seen) = (Vec::with_capacity(branches.len()), HashMap::new());
        for (index, branch) in branches.iter().enumerate() {
            let at = self.place(place, Step::Index(u32::try_from(index).unwrap_or(u32::MAX)));
            if branch.is_array() {
                self.problem(at, AvroFault::NestedUnion);
                continue;
            }
            let Some(of) = self.type_at(branch, at, namespace) else {
                if self.count > limits::AVRO_TYPES_MAX {
                    return None;
                }
                continue;
            };
            let name = self.schema.kind(of.node).branch_name().to_owned();
            if seen.insert(name.clone(), ()).is_some() {
                self.problem(at, AvroFault::DuplicateBranch { branch: name });
                continue;
            }
            uses.push(of);
        }
        let node = self.node(Kind::Union(uses), place, None);
        Some(TypeUse { node, place })
    }

    fn type_of(
        &mut self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        namespace: &str,
    ) -> Option<TypeUse> {
        let of = "a schema that is an object";
        let at = self.place(place, Step::Key("type"));
        let Some(written) = attributes.get("type") else {
            self.problem(place, AvroFault::MissingAttribute { attribute: "type", of });
            return None;
        };
        let Some(word) = written.as_str() else {
            let needs = "the name of a type; write a schema within it in its place";
            self.problem(at, AvroFault::AttributeKind { attribute: "type", needs });
            return None;
        };
        let node = match word {
            "record" | "error" => self.record(attributes, place, namespace, word == "error")?,
            "enum" => self.enumeration(attributes, place, namespace)?,
            "fixed" => self.fixed(attributes, place, namespace)?,
            "array" => {
                let items = self.inner(attributes, "items", "an array", place, namespace)?;
                self.node(Kind::Array(items), place, Some(attributes))
            }
            "map" => {
                let values = self.inner(attributes, "values", "a map", place, namespace)?;
                self.node(Kind::Map(values), place, Some(attributes))
            }
            name => match Primitive::of(name) {
                Some(primitive) if attributes.len() == 1 => primitive as NodeId,
                Some(primitive) => self.node(Kind::Primitive(primitive), place, Some(attributes)),
                // The name of a type may stand in an object, as in Java.
                None => return self.type_named(name, at, namespace),
            },
        };
        Some(TypeUse { node, place })
    }

    pub(super) fn inner(
        &mut self,
        attributes: &Map<String, Value>,
        attribute: &'static str,
        of: &'static str,
        place: PlaceId,
        namespace: &str,
    ) -> Option<TypeUse> {
        let Some(value) = attributes.get(attribute) else {
            self.problem(place, AvroFault::MissingAttribute { attribute, of });
            return None;
        };
        let at = self.place(place, Step::Key(attribute));
        self.type_at(value, at, namespace)
    }

    /// Adds a type with the logical type and the properties that its attributes give it.
    fn node(
        &mut self,
        kind: Kind,
        place: PlaceId,
        attributes: Option<&Map<String, Value>>,
    ) -> NodeId {
        let id = self.reserve(place);
        self.fill(id, kind, attributes);
        id
    }

    pub(super) fn reserve(&mut self, place: PlaceId) -> NodeId {
        let id = NodeId::try_from(self.schema.nodes.len()).unwrap_or(NodeId::MAX);
        let kind = Kind::Primitive(Primitive::Null);
        self.schema.nodes.push(Node { kind, logical: None, properties: Vec::new(), place });
        id
    }

    pub(super) fn fill(&mut self, id: NodeId, kind: Kind, attributes: Option<&Map<String, Value>>) {
        let place = self.schema.node(id).place;
        let (mut logical, mut properties) = (None, Vec::new());
        if let Some(attributes) = attributes {
            logical = LogicalType::of(attributes, &kind).unwrap_or_else(|ignored| {
                self.warn(place, ignored);
                None
            });
            let more: &[&str] = if matches!(kind, Kind::Enum(_)) { &RESERVED_OF_ENUM } else { &[] };
            properties = self.properties(attributes, place, &[&RESERVED, more]);
        }
        let node = &mut self.schema.nodes[id as usize];
        (node.kind, node.logical, node.properties) = (kind, logical, properties);
    }

    pub(super) fn properties(
        &self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        reserved: &[&[&str]],
    ) -> Properties {
        let is_reserved = |key: &str| reserved.iter().any(|list| list.contains(&key));
        if attributes.keys().all(|key| is_reserved(key)) {
            return Vec::new();
        }
        let around = self.order.at(&pointer(&self.schema.places, place));
        let at = |key: &str| around.and_then(|around| around.member(key));
        let mut own: Vec<_> = attributes.iter().filter(|(key, _)| !is_reserved(key)).collect();
        own.sort_by_key(|(key, _)| at(key).map(PlacedValue::place));
        own.into_iter().map(|(key, value)| (key.clone(), Written::of(value, at(key)))).collect()
    }

    /// Reads a text, if it is there.
    pub(super) fn words(
        &mut self,
        attributes: &Map<String, Value>,
        attribute: &'static str,
        place: PlaceId,
    ) -> Option<String> {
        match attributes.get(attribute)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                let at = self.place(place, Step::Key(attribute));
                self.problem(at, AvroFault::AttributeKind { attribute, needs: "a text" });
                None
            }
        }
    }

    /// Reads a list of texts with the place of each; empty if it isn't there.
    pub(super) fn list(
        &mut self,
        attributes: &Map<String, Value>,
        attribute: &'static str,
        place: PlaceId,
    ) -> Vec<(String, PlaceId)> {
        let Some(value) = attributes.get(attribute) else { return Vec::new() };
        let at = self.place(place, Step::Key(attribute));
        let Value::Array(items) = value else {
            self.problem(at, AvroFault::AttributeKind { attribute, needs: "a list of texts" });
            return Vec::new();
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = self.place(at, Step::Index(u32::try_from(index).unwrap_or(u32::MAX)));
            match item {
                Value::String(text) => list.push((text.clone(), at)),
                _ => {
                    self.problem(
                        at,
                        AvroFault::AttributeKind { attribute, needs: "a list of texts" },
                    );
                }
            }
        }
        list
    }
}
