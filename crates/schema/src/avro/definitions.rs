use std::collections::{HashMap, HashSet};

use muster_words::json::{Map, Value};

use crate::{
    avro::{
        fault::AvroFault,
        names,
        parse::Parser,
        schema::{
            Enumeration, Field, FieldOrder, Fixed, Kind, Named, NodeId, PlaceId, Primitive, Record,
            Step, Written, pointer, split,
        },
    },
    messages,
};

/// Attributes of a field that the specification defines.
const RESERVED_OF_FIELD: [&str; 6] = ["aliases", "default", "doc", "name", "order", "type"];

impl Parser {
    /// The name, the aliases and the text for people of a type, which is known from then on.
    fn named(
        &mut self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        namespace: &str,
        of: &'static str,
    ) -> Option<(Named, NodeId)> {
        let own_namespace = self.words(attributes, "namespace", place);
        if !attributes.contains_key("name") {
            self.problem(place, AvroFault::MissingAttribute { attribute: "name", of });
        }
        let name = self.words(attributes, "name", place);
        if let Some(space) = own_namespace.as_deref().filter(|space| !names::is_namespace(space)) {
            let at = self.place(place, Step::Key("namespace"));
            self.invalid_name(at, space);
        }
        let doc = self.words(attributes, "doc", place);
        let id = self.reserve(place);
        // Without a name its inner types are parsed nevertheless, for their problems.
        let name = name.unwrap_or_default();
        let full =
            names::qualified(&name, own_namespace.as_deref().unwrap_or(namespace)).into_owned();
        if attributes.get("name").is_some_and(Value::is_string) {
            let at = self.place(place, Step::Key("name"));
            self.define(&name, &full, id, at);
        }
        let inner = split(&full).0;
        let mut aliases = Vec::new();
        for (alias, at) in self.list(attributes, "aliases", place) {
            if !names::is_full_name(&alias) {
                self.invalid_name(at, &alias);
            }
            aliases.push(names::qualified(&alias, inner).into_owned());
        }
        let aliases = without_repetitions(aliases);
        let named = Named { full, aliases, doc };
        // Its fields may use it before it is complete; a union asks for its name then.
        self.schema.nodes[id as usize].kind = Kind::Fixed(Fixed { named: named.clone(), size: 0 });
        Some((named, id))
    }

    fn invalid_name(&mut self, at: PlaceId, name: &str) {
        self.problem(at, AvroFault::InvalidName { name: messages::cut(name.to_owned(), 200) });
    }

    fn define(&mut self, name: &str, full: &str, id: NodeId, at: PlaceId) {
        let shown = || messages::cut(full.to_owned(), 200);
        if !names::is_full_name(name) {
            self.invalid_name(at, name);
        } else if Primitive::of(split(name).1).is_some() {
            self.problem(at, AvroFault::PrimitiveName { name: name.to_owned() });
        } else if self.schema.names.contains_key(full) {
            self.problem(at, AvroFault::DuplicateName { name: shown() });
        } else {
            self.schema.names.insert(full.to_owned(), id);
        }
    }

    pub(super) fn record(
        &mut self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        namespace: &str,
        is_error: bool,
    ) -> Option<NodeId> {
        let (named, id) = self.named(attributes, place, namespace, "a record")?;
        let (mut fields, mut by_name) = (Vec::new(), HashMap::new());
        let at = self.place(place, Step::Key("fields"));
        match attributes.get("fields") {
            None => {
                let fault = AvroFault::MissingAttribute { attribute: "fields", of: "a record" };
                self.problem(place, fault);
            }
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = self.place(at, Step::Index(u32::try_from(index).unwrap_or(u32::MAX)));
                    let Some(field) = self.field(item, at, named.namespace()) else { continue };
                    if by_name.insert(field.name.clone(), fields.len()).is_some() {
                        self.problem(at, AvroFault::DuplicateField { name: field.name.clone() });
                    }
                    if field.default.is_some() {
                        self.defaults.push((id, fields.len()));
                    }
                    fields.push(field);
                }
            }
            Some(_) => {
                let needs = "a list of fields";
                self.problem(at, AvroFault::AttributeKind { attribute: "fields", needs });
            }
        }
        self.fill(id, Kind::Record(Record { named, is_error, fields, by_name }), Some(attributes));
        Some(id)
    }

    fn field(&mut self, value: &Value, place: PlaceId, namespace: &str) -> Option<Field> {
        if !self.room(place) {
            return None;
        }
        let Value::Object(attributes) = value else {
            let needs = "a list of objects, each a field";
            self.problem(place, AvroFault::AttributeKind { attribute: "fields", needs });
            return None;
        };
        if !attributes.contains_key("name") {
            self.problem(place, AvroFault::MissingAttribute { attribute: "name", of: "a field" });
        }
        let name = self.words(attributes, "name", place);
        if let Some(name) = name.as_deref().filter(|name| !names::is_simple_name(name)) {
            let at = self.place(place, Step::Key("name"));
            self.invalid_name(at, name);
        }
        let mut aliases = Vec::new();
        for (alias, at) in self.list(attributes, "aliases", place) {
            if !names::is_simple_name(&alias) {
                self.invalid_name(at, &alias);
            }
            aliases.push(alias);
        }
        let aliases = without_repetitions(aliases);
        let doc = self.words(attributes, "doc", place);
        let order = self.field_order(attributes, place);
        if attributes.contains_key("logicalType") {
            let message = "a logical type has no effect beside a field's type; write it within";
            self.warn(place, message.to_owned());
        }
        let of = self.inner(attributes, "type", "a field", place, namespace)?;
        let default = attributes.get("default").map(|value| {
            let around = self.order.at(&pointer(&self.schema.places, place));
            Written::of(value, around.and_then(|around| around.member("default")))
        });
        let properties = self.properties(attributes, place, &[&RESERVED_OF_FIELD]);
        Some(Field { name: name?, aliases, doc, default, order, of, properties, place })
    }

    fn field_order(&mut self, attributes: &Map<String, Value>, place: PlaceId) -> FieldOrder {
        let Some(order) = attributes.get("order") else { return FieldOrder::Ascending };
        // Java reads it in any case.
        match order.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("ascending") => FieldOrder::Ascending,
            Some("descending") => FieldOrder::Descending,
            Some("ignore") => FieldOrder::Ignore,
            _ => {
                let at = self.place(place, Step::Key("order"));
                let needs = "one of ascending, descending and ignore";
                self.problem(at, AvroFault::AttributeKind { attribute: "order", needs });
                FieldOrder::Ascending
            }
        }
    }

    pub(super) fn enumeration(
        &mut self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        namespace: &str,
    ) -> Option<NodeId> {
        let (named, id) = self.named(attributes, place, namespace, "an enum")?;
        if !attributes.contains_key("symbols") {
            let fault = AvroFault::MissingAttribute { attribute: "symbols", of: "an enum" };
            self.problem(place, fault);
        }
        let (mut symbols, mut by_symbol) = (Vec::new(), HashMap::new());
        for (symbol, at) in self.list(attributes, "symbols", place) {
            if !names::is_simple_name(&symbol) {
                self.invalid_name(at, &symbol);
            }
            if by_symbol.insert(symbol.clone(), symbols.len()).is_some() {
                self.problem(at, AvroFault::DuplicateSymbol { symbol: symbol.clone() });
            }
            symbols.push(symbol);
        }
        let default = self.words(attributes, "default", place);
        if let Some(default) = default.as_deref().filter(|own| !by_symbol.contains_key(*own)) {
            let at = self.place(place, Step::Key("default"));
            let found = messages::quote(&Value::from(default));
            self.problem(at, AvroFault::InvalidEnumDefault { found });
        }
        let kind = Kind::Enum(Enumeration { named, symbols, by_symbol, default });
        self.fill(id, kind, Some(attributes));
        Some(id)
    }

    pub(super) fn fixed(
        &mut self,
        attributes: &Map<String, Value>,
        place: PlaceId,
        namespace: &str,
    ) -> Option<NodeId> {
        let (named, id) = self.named(attributes, place, namespace, "a fixed")?;
        let size = attributes.get("size");
        // Java holds a size in an int.
        let whole = size.and_then(Value::as_u64).and_then(|size| i32::try_from(size).ok());
        match (size, whole) {
            (None, _) => {
                let fault = AvroFault::MissingAttribute { attribute: "size", of: "a fixed" };
                self.problem(place, fault);
            }
            (Some(_), None) => {
                let at = self.place(place, Step::Key("size"));
                let needs = "a whole number of bytes, from 0 to 2,147,483,647";
                self.problem(at, AvroFault::AttributeKind { attribute: "size", needs });
            }
            _ => {}
        }
        let kind = Kind::Fixed(Fixed { named, size: whole.unwrap_or(0).unsigned_abs() });
        self.fill(id, kind, Some(attributes));
        Some(id)
    }
}

/// Each name once, in order.
fn without_repetitions(names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(names.len());
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
