use muster_words::{
    json::{Value, escape_pointer},
    limits::JSON_DEPTH_MAX,
};

use crate::{
    FoundViolations, Severity, Violation,
    avro::{
        defaults::{bytes_of, needs_of},
        logical::LogicalType,
        schema::{AvroSchema, Kind, NodeId, Record, TypeUse},
    },
    limits, messages, nearest, steps,
};

impl AvroSchema {
    /// Checks a datum in Avro's JSON encoding, and finds all violations. A value of a union is
    /// `null`, or a map of the branch's name to the value; bytes are a text of characters up to
    /// U+00FF; every field is there.
    ///
    /// ```
    /// use muster_schema::avro::AvroSchema;
    /// use muster_words::json::parse;
    ///
    /// let schema = AvroSchema::parse(r#"["null", "int"]"#, &[])?;
    /// assert!(schema.check_json(&parse(br#"{"int": 7}"#).unwrap()).is_empty());
    /// let found = schema.check_json(&parse(b"7").unwrap());
    /// assert_eq!(found[0].message, "7 names no branch of the union; write {\"int\": 7}");
    /// # Ok::<(), muster_schema::avro::AvroError>(())
    /// ```
    #[must_use]
    pub fn check_json(&self, datum: &Value) -> Vec<Violation> {
        let mut check = Check {
            schema: self,
            found: FoundViolations::default(),
            pointer: String::new(),
            depth: 0,
        };
        if steps::metered(limits::STEPS_MAX, || check.value(self.root.node, datum)).is_err() {
            check.pointer.clear();
            check.add("too_complex", || "the datum takes too long to check".to_owned());
        }
        check.found.finish()
    }
}

struct Check<'a> {
    schema: &'a AvroSchema,
    found: FoundViolations,
    pointer: String,
    depth: usize,
}

impl<'a> Check<'a> {
    fn add(&mut self, rule: &'static str, message: impl FnOnce() -> String) {
        let pointer = &self.pointer;
        self.found.add_with(Severity::Error, || Violation::keyword(pointer, rule, message()));
    }

    /// Checks a value within this one.
    fn inner(&mut self, step: &str, of: NodeId, value: &Value) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_pointer(step));
        self.depth += 1;
        self.value(of, value);
        self.depth -= 1;
        self.pointer.truncate(length);
    }

    fn value(&mut self, of: NodeId, value: &Value) {
        steps::count(1);
        if self.depth > JSON_DEPTH_MAX {
            self.add("too_deep", || {
                format!("values are nested deeper than {JSON_DEPTH_MAX} levels")
            });
            return;
        }
        let schema = self.schema;
        let needs = |needs: String| format!("{} is not {needs}", messages::quote(value));
        match schema.kind(of) {
            Kind::Primitive(primitive) => match needs_of(*primitive, value) {
                Some(needed) => self.add("type", || needs(needed.to_owned())),
                None => self.logical(of, value),
            },
            Kind::Fixed(fixed) => match value.as_str().and_then(bytes_of) {
                None => self.add("type", || needs("a text of characters up to U+00FF".to_owned())),
                Some(bytes) if bytes != fixed.size as usize => {
                    self.add("size", || format!("{bytes} bytes; {} are needed", fixed.size));
                }
                Some(_) => {}
            },
            Kind::Enum(own) => {
                if !value.as_str().is_some_and(|symbol| own.by_symbol.contains_key(symbol)) {
                    self.add("symbols", || {
                        let shown = own.symbols.iter().take(limits::CHOICES_MAX + 1);
                        let symbols: Vec<Value> = shown.cloned().map(Value::from).collect();
                        messages::no_choice(value, &symbols)
                    });
                }
            }
            Kind::Array(items) => match value {
                Value::Array(values) => {
                    for (index, value) in values.iter().enumerate() {
                        self.inner(&index.to_string(), items.node, value);
                    }
                }
                _ => self.add("type", || needs("a list".to_owned())),
            },
            Kind::Map(inner) => match value {
                Value::Object(members) => {
                    for (key, value) in members {
                        self.inner(key, inner.node, value);
                    }
                }
                _ => self.add("type", || needs("a map".to_owned())),
            },
            Kind::Record(record) => self.record(record, value),
            Kind::Union(branches) => self.union(branches, value),
        }
    }

    fn record(&mut self, record: &'a Record, value: &Value) {
        let Value::Object(members) = value else {
            let named = &record.named.full;
            self.add("type", || format!("{} is not a record {named}", messages::quote(value)));
            return;
        };
        for field in &record.fields {
            match members.get(&field.name) {
                Some(value) => self.inner(&field.name, field.of.node, value),
                None => {
                    let length = self.pointer.len();
                    self.pointer.push('/');
                    self.pointer.push_str(&field.name);
                    self.add("fields", || format!("the field {} is missing", field.name));
                    self.pointer.truncate(length);
                }
            }
        }
        for key in members.keys().filter(|key| !record.by_name.contains_key(*key)) {
            let length = self.pointer.len();
            self.pointer.push('/');
            self.pointer.push_str(&escape_pointer(key));
            self.add("fields", || {
                let known = record.fields.iter().map(|field| field.name.as_str());
                let guess = nearest(key, known).map(|meant| format!("; did you mean {meant}?"));
                let shown = messages::quote(&Value::from(key.as_str()));
                let guess = guess.unwrap_or_default();
                format!("{shown} is no field of {}{guess}", record.named.full)
            });
            self.pointer.truncate(length);
        }
    }

    fn union(&mut self, branches: &'a [TypeUse], value: &Value) {
        let schema = self.schema;
        steps::count(branches.len() as u64 / 8);
        let named = |name: &str| {
            branches.iter().find(|branch| schema.kind(branch.node).branch_name() == name)
        };
        let only = match value {
            Value::Null if named("null").is_some() => return,
            Value::Object(members) if members.len() == 1 => members.iter().next(),
            _ => None,
        };
        // `null` is written alone, not as a map.
        let chosen = only.filter(|(name, _)| *name != "null");
        match chosen.and_then(|(name, value)| named(name).map(|branch| (name, value, branch))) {
            Some((name, value, branch)) => self.inner(name, branch.node, value),
            None => self.add("union", || {
                let shown = messages::quote(value);
                match guess(schema, branches, value) {
                    Some(name) => {
                        format!("{shown} names no branch of the union; write {{{name:?}: {shown}}}")
                    }
                    None => format!(
                        "{shown} names no branch of the union: {}",
                        messages::cut(names(schema, branches), limits::MESSAGE_MAX / 2)
                    ),
                }
            }),
        }
    }

    fn logical(&mut self, of: NodeId, value: &Value) {
        let logical = self.schema.node(of).logical;
        if let (Some(LogicalType::Uuid), Value::String(text)) = (logical, value)
            && !is_uuid(text)
        {
            self.add("logicalType", || {
                let example = "a UUID such as f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
                format!("{} is not {example}", messages::quote(value))
            });
        }
    }
}

/// The branch that a value without a name was probably meant for.
fn guess<'a>(schema: &'a AvroSchema, branches: &[TypeUse], value: &Value) -> Option<&'a str> {
    let mut fitting =
        branches.iter().map(|branch| schema.kind(branch.node)).filter(|kind| match (kind, value) {
            (Kind::Primitive(primitive), _) => needs_of(*primitive, value).is_none(),
            (Kind::Enum(own), Value::String(symbol)) => own.by_symbol.contains_key(symbol),
            (Kind::Array(_), Value::Array(_)) => true,
            _ => false,
        });
    fitting.next().map(Kind::branch_name).filter(|name| *name != "null")
}

fn names(schema: &AvroSchema, branches: &[TypeUse]) -> String {
    let names = branches.iter().take(limits::CHOICES_MAX);
    names.map(|branch| schema.kind(branch.node).branch_name()).collect::<Vec<_>>().join(", ")
}

/// Whether a text is a UUID with hyphens (RFC 4122).
pub(crate) fn is_uuid(text: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| {
            if hyphens.contains(&index) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}
