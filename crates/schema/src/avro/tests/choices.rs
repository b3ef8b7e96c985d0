//! Generated schemas, changes of them, and data in binary. Everything comes from one number, so
//! that a failure can be repeated.

use serde_json::{Value, json};

use crate::avro::schema::{AvroSchema, Kind, NodeId, Primitive};

/// The second says whether all names have a namespace. From within one, a name without one isn't
/// found by all libraries.
pub(super) struct Choices(u64, bool);

impl Choices {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15, seed.is_multiple_of(2))
    }

    /// A number below another one (SplitMix64).
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 8).unwrap() % end
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }

    pub(super) fn schema(&mut self) -> Value {
        let mut names = Vec::new();
        self.type_of(3, &mut names)
    }

    fn primitive(&mut self) -> Value {
        let names = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
        match self.below(12) {
            0 => {
                json!({"type": "long", "logicalType": self.of(&["timestamp-millis", "timestamp-micros"])})
            }
            1 => json!({"type": "int", "logicalType": "date"}),
            _ => json!(self.of(&names)),
        }
    }

    fn type_of(&mut self, depth: usize, names: &mut Vec<String>) -> Value {
        let kinds = if depth == 0 { 3 } else { 9 };
        match self.below(kinds) {
            0 | 1 => self.primitive(),
            2 if !names.is_empty() => {
                let index = self.below(names.len());
                json!(names[index])
            }
            2 => self.primitive(),
            3 => json!({"type": "array", "items": self.type_of(depth - 1, names)}),
            4 => json!({"type": "map", "values": self.type_of(depth - 1, names)}),
            5 => self.union(depth - 1, names),
            kind => self.named(kind, depth, names),
        }
    }

    fn name(&mut self, names: &mut Vec<String>) -> String {
        let space = if self.1 { self.of(&["n.", "m."]) } else { "" };
        let name = format!("{space}T{}", names.len());
        names.push(name.clone());
        name
    }

    fn named(&mut self, kind: usize, depth: usize, names: &mut Vec<String>) -> Value {
        let name = self.name(names);
        // In a namespace a simple name would mean something else, so all have one.
        let space = if name.contains('.') { json!(name.split('.').next()) } else { json!("") };
        match kind {
            6 => {
                let count = 1 + self.below(3);
                let symbols: Vec<&str> = ["A", "B", "C", "D"][..count].to_vec();
                let mut of = json!({"type": "enum", "name": name, "symbols": symbols});
                if self.one_in(3) {
                    of["default"] = json!("A");
                }
                of
            }
            7 if self.one_in(2) => json!({"type": "fixed", "name": name, "size": self.below(4)}),
            _ => {
                let count = self.below(4);
                let fields: Vec<Value> =
                    (0..count).map(|index| self.field(index, depth - 1, names)).collect();
                json!({"type": "record", "name": name, "namespace": space, "fields": fields})
            }
        }
    }

    fn field(&mut self, index: usize, depth: usize, names: &mut Vec<String>) -> Value {
        let mut field = json!({"name": format!("f{index}"), "type": self.type_of(depth, names)});
        if self.one_in(3) {
            self.give_default(&mut field);
        }
        field
    }

    /// Gives a field a default, if its type has a simple one.
    fn give_default(&mut self, field: &mut Value) {
        let of = match &field["type"] {
            Value::Array(branches) => branches.first().cloned().unwrap_or_default(),
            of => of.clone(),
        };
        let word =
            of.as_str().map(str::to_owned).or_else(|| of["type"].as_str().map(str::to_owned));
        let default = match word.as_deref() {
            Some("null") => json!(null),
            Some("boolean") => json!(true),
            Some("int" | "long" | "float" | "double") => json!(7),
            Some("bytes" | "string") => json!("d"),
            Some("array") => json!([]),
            Some("map") => json!({}),
            Some("enum") => json!("A"),
            _ => return,
        };
        field["default"] = default;
    }

    fn union(&mut self, depth: usize, names: &mut Vec<String>) -> Value {
        let count = self.below(4);
        let branches: Vec<Value> = (0..count).map(|_| self.type_of(depth, names)).collect();
        let mut seen = std::collections::BTreeSet::new();
        let branches = branches.into_iter().filter(|branch| !branch.is_array());
        let word = |branch: &Value| match (branch.as_str(), branch["name"].as_str()) {
            (Some(name), _) | (_, Some(name)) => name.to_owned(),
            _ => branch["type"].as_str().unwrap_or_default().to_owned(),
        };
        Value::Array(branches.filter(|branch| seen.insert(word(branch))).collect())
    }

    /// A changed schema, which may not be one.
    pub(super) fn changed(&mut self, schema: &Value) -> Value {
        let mut changed = schema.clone();
        for _ in 0..=self.below(3) {
            let mut places = Vec::new();
            collect(&changed, String::new(), &mut places);
            let place = places[self.below(places.len())].clone();
            if let Some(value) = changed.pointer_mut(&place) {
                self.change(value);
            }
        }
        changed
    }

    fn change(&mut self, value: &mut Value) {
        match value {
            Value::String(_) if self.one_in(2) => *value = self.primitive(),
            Value::String(_) => *value = json!(["null", value.clone()]),
            Value::Array(branches) => match self.below(3) {
                0 => branches.push(self.primitive()),
                1 if !branches.is_empty() => drop(branches.remove(self.below(branches.len()))),
                _ => branches.reverse(),
            },
            Value::Object(attributes) => {
                let kind = attributes.get("type").and_then(Value::as_str).unwrap_or("field");
                match (kind.to_owned().as_str(), self.below(5)) {
                    ("record", 0) => self.change_fields(attributes),
                    ("record", 1) => self.add_field(attributes),
                    ("record" | "enum" | "fixed", 2) => self.rename(attributes),
                    ("enum", _) => {
                        let count = 1 + self.below(4);
                        attributes["symbols"] = json!(["A", "B", "C", "D"][..count]);
                    }
                    ("fixed", _) => attributes["size"] = json!(self.below(4)),
                    ("record", _) => self.add_field(attributes),
                    _ if self.one_in(4) => *value = json!(["null", value.clone()]),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn change_fields(&mut self, attributes: &mut serde_json::Map<String, Value>) {
        let Some(fields) = attributes.get_mut("fields").and_then(Value::as_array_mut) else {
            return;
        };
        if fields.is_empty() {
            return;
        }
        let index = self.below(fields.len());
        match self.below(4) {
            0 => drop(fields.remove(index)),
            1 => fields.reverse(),
            2 => {
                let old = fields[index]["name"].clone();
                fields[index]["name"] = json!(format!("g{}", self.below(3)));
                fields[index]["aliases"] = json!([old]);
            }
            _ => self.give_default(&mut fields[index]),
        }
    }

    fn add_field(&mut self, attributes: &mut serde_json::Map<String, Value>) {
        let Some(fields) = attributes.get_mut("fields").and_then(Value::as_array_mut) else {
            return;
        };
        let mut field = json!({"name": format!("g{}", self.below(3)), "type": self.primitive()});
        if self.one_in(2) {
            self.give_default(&mut field);
        }
        if self.one_in(4) {
            field["aliases"] = json!([format!("f{}", self.below(3))]);
        }
        fields.push(field);
    }

    fn rename(&mut self, attributes: &mut serde_json::Map<String, Value>) {
        let old = attributes["name"].clone();
        let new = match self.below(3) {
            _ if !self.1 => "Renamed".to_owned(),
            0 => "p.Renamed".to_owned(),
            // The same name in another namespace.
            _ => format!(
                "p.{}",
                old.as_str().unwrap_or_default().rsplit('.').next().unwrap_or_default()
            ),
        };
        attributes.insert("name".to_owned(), json!(new));
        if self.one_in(2) {
            attributes.insert("aliases".to_owned(), json!([old]));
        }
    }

    /// A datum of a type, in binary; none if it gets too deep.
    pub(super) fn datum(
        &mut self,
        schema: &AvroSchema,
        of: NodeId,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        if depth > 12 {
            return None;
        }
        let length = if depth > 6 { 0 } else { self.below(3) };
        match schema.kind(of) {
            Kind::Primitive(primitive) => self.primitive_datum(*primitive, out),
            Kind::Fixed(fixed) => out.extend((0..fixed.size).map(|_| self.byte())),
            Kind::Enum(own) => write_long(self.below(own.symbols.len()) as i64, out),
            Kind::Array(inner) | Kind::Map(inner) => {
                if length > 0 {
                    write_long(length as i64, out);
                    for index in 0..length {
                        if matches!(schema.kind(of), Kind::Map(_)) {
                            write_bytes(format!("k{index}").as_bytes(), out);
                        }
                        self.datum(schema, inner.node, depth + 1, out)?;
                    }
                }
                out.push(0);
            }
            Kind::Record(record) => {
                for field in &record.fields {
                    self.datum(schema, field.of.node, depth + 1, out)?;
                }
            }
            Kind::Union(branches) if branches.is_empty() => return None,
            Kind::Union(branches) => {
                let null = branches.iter().position(|branch| {
                    matches!(schema.kind(branch.node), Kind::Primitive(Primitive::Null))
                });
                let index = match null {
                    Some(null) if depth > 6 => null,
                    _ => self.below(branches.len()),
                };
                write_long(index as i64, out);
                self.datum(schema, branches[index].node, depth + 1, out)?;
            }
        }
        Some(())
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn primitive_datum(&mut self, primitive: Primitive, out: &mut Vec<u8>) {
        match primitive {
            Primitive::Null => {}
            Primitive::Boolean => out.push(u8::try_from(self.below(2)).unwrap()),
            Primitive::Int => write_long(self.below(2_000) as i64 - 1_000, out),
            Primitive::Long => write_long((self.below(usize::MAX) as i64) >> self.below(60), out),
            Primitive::Float => out.extend(1.5_f32.to_le_bytes()),
            Primitive::Double => out.extend((-0.25_f64).to_le_bytes()),
            Primitive::Bytes => {
                let bytes = [self.byte(), self.byte()];
                write_bytes(&bytes, out);
            }
            Primitive::String => {
                let text = self.of(&["", "a", "ü", "text"]);
                write_bytes(text.as_bytes(), out);
            }
        }
    }
}

/// The places of types and fields.
fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    places.push(place.clone());
    match value {
        Value::Array(branches) => {
            for (index, branch) in branches.iter().enumerate() {
                collect(branch, format!("{place}/{index}"), places);
            }
        }
        Value::Object(attributes) => {
            for key in ["items", "values"] {
                if let Some(inner) = attributes.get(key) {
                    collect(inner, format!("{place}/{key}"), places);
                }
            }
            if let Some(Value::Array(fields)) = attributes.get("fields") {
                for (index, field) in fields.iter().enumerate() {
                    collect(&field["type"], format!("{place}/fields/{index}/type"), places);
                }
            }
        }
        _ => {}
    }
}

fn write_long(number: i64, out: &mut Vec<u8>) {
    let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while zigzag >= 0x80 {
        out.push(u8::try_from(zigzag & 0x7f).unwrap() | 0x80);
        zigzag >>= 7;
    }
    out.push(u8::try_from(zigzag).unwrap());
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_long(bytes.len() as i64, out);
    out.extend(bytes);
}
