//! Checks a message in Protobuf's JSON mapping. Parsers stop at the first mistake; this one finds
//! all.

use std::collections::{BTreeMap, HashMap, HashSet};

use muster_words::json::Value;
use prost_reflect::{Kind, MessageDescriptor};

use super::{
    ProtobufSchema, UnknownMessage,
    binary::pointer,
    json_scalars::{self as scalars, Mistake},
    member::{Member, is_closed},
};
use crate::{FoundViolations, Severity, Violation, limits, nearest, steps};

impl ProtobufSchema {
    /// Checks a message in the JSON mapping of Protobuf: the one of this full name, or the schema's
    /// first one.
    ///
    /// A member that the message doesn't have is a warning, because some parsers ignore it.
    ///
    /// # Errors
    /// The schema has no such message.
    ///
    /// ```
    /// use muster_schema::protobuf::ProtobufSchema;
    ///
    /// let schema = ProtobufSchema::parse("syntax = \"proto3\"; message A { int32 n = 1; }", &[])?;
    /// let found = schema.check_json(&serde_json::json!({"n": 5_000_000_000_u64}), None)?;
    /// assert_eq!(found[0].pointer, "/n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_json(
        &self,
        value: &Value,
        message: Option<&str>,
    ) -> Result<Vec<Violation>, UnknownMessage> {
        let of = self.message(message)?;
        let mut checker = Checker {
            schema: self,
            names: HashMap::new(),
            path: Vec::new(),
            found: FoundViolations::default(),
            depth: 0,
        };
        checker.message(value, &of);
        Ok(checker.found.finish())
    }
}

struct Checker<'a> {
    schema: &'a ProtobufSchema,
    /// The fields of the messages that were met, by both of their names.
    names: HashMap<String, std::rc::Rc<Names>>,
    /// The place of the value that is checked, as the parts of its pointer.
    path: Vec<String>,
    found: FoundViolations,
    /// The messages around the place.
    depth: usize,
}

struct Names {
    members: Vec<Member>,
    by_name: BTreeMap<String, usize>,
}

impl Names {
    fn of(message: &MessageDescriptor) -> Self {
        let members: Vec<Member> = Member::all(message).into_values().collect();
        let mut by_name = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            by_name.insert(member.name.clone(), index);
        }
        for (index, member) in members.iter().enumerate() {
            by_name.insert(member.json_name.clone(), index);
        }
        Self { members, by_name }
    }
}

impl Checker<'_> {
    fn names(&mut self, of: &MessageDescriptor) -> std::rc::Rc<Names> {
        if let Some(known) = self.names.get(of.full_name()) {
            return std::rc::Rc::clone(known);
        }
        let names = std::rc::Rc::new(Names::of(of));
        self.names.insert(of.full_name().to_owned(), std::rc::Rc::clone(&names));
        names
    }

    fn message(&mut self, value: &Value, of: &MessageDescriptor) {
        steps::count(1);
        if self.depth == limits::PROTOBUF_PAYLOAD_DEPTH_MAX {
            let most = limits::PROTOBUF_PAYLOAD_DEPTH_MAX;
            return self
                .error("depth", || format!("messages are nested deeper than {most} levels"));
        }
        self.depth += 1;
        self.message_of(value, of);
        self.depth -= 1;
    }

    fn message_of(&mut self, value: &Value, of: &MessageDescriptor) {
        match of.full_name() {
            "google.protobuf.Any" => self.any(value),
            "google.protobuf.Struct" if value.is_object() => {}
            "google.protobuf.ListValue" if value.is_array() => {}
            "google.protobuf.Value" => {}
            "google.protobuf.Struct" => self.wrong(value, "an object"),
            "google.protobuf.ListValue" => self.wrong(value, "an array"),
            "google.protobuf.Timestamp" => {
                self.text(value, "a time such as \"2026-11-21T10:00:00Z\"", scalars::is_timestamp)
            }
            "google.protobuf.Duration" => {
                self.text(value, "a duration such as \"1.5s\"", scalars::is_duration)
            }
            "google.protobuf.FieldMask" => {
                self.text(value, "names of fields such as \"a,b.c\"", scalars::is_field_mask)
            }
            name if is_wrapper(name) => {
                if let Some(field) = of.get_field(1) {
                    self.single(value, &Member::of_field(&field));
                }
            }
            _ => self.object(value, of, false),
        }
    }

    /// The members of an object; `@type` is allowed where it is an `Any`.
    fn object(&mut self, value: &Value, of: &MessageDescriptor, any: bool) {
        let Value::Object(object) = value else {
            return self.wrong(value, &format!("an object, the message {}", of.full_name()));
        };
        let names = self.names(of);
        let mut seen = HashSet::new();
        let mut oneofs: HashMap<&str, &str> = HashMap::new();
        for (key, value) in object {
            if any && key == "@type" {
                continue;
            }
            self.path.push(key.clone());
            let member = names.by_name.get(key).and_then(|index| names.members.get(*index));
            match member {
                None => self.unknown(key, of, &names),
                Some(member) => {
                    if !seen.insert(member.number) {
                        self.error("duplicate", || {
                            format!("the field {} is there under both of its names", member.name)
                        });
                    }
                    let is_set = !value.is_null() || takes_null(&member.kind);
                    if let (true, Some(oneof)) = (is_set, member.oneof.as_deref())
                        && let Some(other) = oneofs.insert(oneof, &member.name)
                    {
                        self.error("oneof", || {
                            format!("of the oneof {oneof}, {other} is there already")
                        });
                    }
                    if is_set {
                        self.field(value, member);
                    } else if member.is_required() {
                        seen.remove(&member.number);
                    }
                }
            }
            self.path.pop();
        }
        for member in names
            .members
            .iter()
            .filter(|member| member.is_required() && !seen.contains(&member.number))
        {
            self.path.push(member.json_name.clone());
            self.error("required", || format!("the required field {} isn't there", member.name));
            self.path.pop();
        }
    }

    fn unknown(&mut self, key: &str, of: &MessageDescriptor, names: &Names) {
        let name = of.full_name();
        self.add(Severity::Warning, "unknownField", || {
            let known = names.members.iter().map(|member| member.json_name.as_str());
            match nearest(key, known) {
                Some(guess) => format!("{name} has no field {key:?}; is {guess:?} meant?"),
                None => format!("{name} has no field {key:?}"),
            }
        });
    }

    fn field(&mut self, value: &Value, member: &Member) {
        match (&member.kind, value) {
            (Kind::Message(entry), Value::Object(object)) if member.is_map => {
                let (key_kind, of) = (
                    entry.map_entry_key_field().kind(),
                    Member::of_field(&entry.map_entry_value_field()),
                );
                for (key, value) in object {
                    self.path.push(key.clone());
                    if let Err(mistake) = scalars::key(key, &key_kind) {
                        self.mistaken(&mistake);
                    }
                    self.single(value, &of);
                    self.path.pop();
                }
            }
            (_, value) if member.is_map => self.wrong(value, "an object, the entries of a map"),
            (_, Value::Array(values)) if member.is_repeated() => {
                for (index, value) in values.iter().enumerate() {
                    self.path.push(index.to_string());
                    self.single(value, member);
                    self.path.pop();
                }
            }
            (_, value) if member.is_repeated() => self.wrong(value, "an array"),
            _ => self.single(value, member),
        }
    }

    fn single(&mut self, value: &Value, member: &Member) {
        steps::count(1);
        match &member.kind {
            Kind::Message(of) => self.message(value, of),
            Kind::Enum(of) if of.full_name() == "google.protobuf.NullValue" && value.is_null() => {}
            Kind::Enum(of) => match value {
                Value::String(name) if of.get_value_by_name(name).is_some() => {}
                Value::String(name) => self.error("enum", || {
                    let values: Vec<String> =
                        of.values().map(|value| value.name().to_owned()).collect();
                    let guess = nearest(name, values.iter().map(String::as_str));
                    let guess =
                        guess.map_or_else(String::new, |guess| format!("; is {guess} meant?"));
                    format!("{name:.60?} isn't a value of {}{guess}", of.full_name())
                }),
                value => {
                    match scalars::integer(value, i128::from(i32::MIN), i128::from(i32::MAX)) {
                        Err(mistake) => self.mistaken(&mistake),
                        Ok(number) => {
                            let number = i32::try_from(number).unwrap_or_default();
                            if of.get_value(number).is_none() {
                                let severity =
                                    if is_closed(of) { Severity::Error } else { Severity::Warning };
                                self.add(severity, "enum", || {
                                    format!("{} has no value {number}", of.full_name())
                                });
                            }
                        }
                    }
                }
            },
            kind => {
                if let Err(mistake) = scalars::value(value, kind) {
                    self.mistaken(&mistake);
                }
            }
        }
    }

    /// An `Any` says by `@type` which message it is.
    fn any(&mut self, value: &Value) {
        let Value::Object(object) = value else {
            return self.wrong(value, "an object with \"@type\"");
        };
        if object.is_empty() {
            return;
        }
        let Some(Value::String(name)) = object.get("@type") else {
            self.path.push("@type".to_owned());
            self.error("required", || {
                "an Any needs \"@type\", the address of its message".to_owned()
            });
            self.path.pop();
            return;
        };
        let name = name.rsplit('/').next().unwrap_or(name);
        match self.schema.pool().get_message_by_name(name) {
            None => self.add(Severity::Warning, "unknownType", || {
                format!("the message {name:.80?} isn't part of the schema, so it isn't checked")
            }),
            Some(of) if of.full_name().starts_with("google.protobuf.") => {
                // The well-known types have their value in a member of its own.
                if let Some(value) = object.get("value") {
                    self.path.push("value".to_owned());
                    self.message(value, &of);
                    self.path.pop();
                }
            }
            Some(of) => self.object(value, &of, true),
        }
    }

    fn text(&mut self, value: &Value, needed: &str, fits: impl Fn(&str) -> bool) {
        match value {
            Value::String(text) if fits(text) => {}
            value => self.wrong(value, needed),
        }
    }

    fn wrong(&mut self, value: &Value, needed: &str) {
        self.mistaken(&Mistake::type_of(value, needed));
    }

    fn mistaken(&mut self, mistake: &Mistake) {
        self.error(mistake.keyword, || mistake.message.clone());
    }

    fn error(&mut self, keyword: &str, message: impl FnOnce() -> String) {
        self.add(Severity::Error, keyword, message);
    }

    fn add(&mut self, severity: Severity, keyword: &str, message: impl FnOnce() -> String) {
        let path = &self.path;
        self.found.add_with(severity, || Violation {
            severity,
            ..Violation::keyword(pointer(path), keyword, message())
        });
    }
}

/// Whether null is a value of its own, and not the absence of one.
fn takes_null(kind: &Kind) -> bool {
    match kind {
        Kind::Message(of) => of.full_name() == "google.protobuf.Value",
        Kind::Enum(of) => of.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}

fn is_wrapper(name: &str) -> bool {
    let name = name.strip_prefix("google.protobuf.").and_then(|name| name.strip_suffix("Value"));
    matches!(
        name,
        Some(
            "Double"
                | "Float"
                | "Int64"
                | "UInt64"
                | "Int32"
                | "UInt32"
                | "Bool"
                | "String"
                | "Bytes"
        )
    )
}
