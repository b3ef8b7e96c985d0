//! What differs between two versions of a schema, as people read it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use prost_reflect::{EnumDescriptor, MessageDescriptor, Value, prost::Message};

use super::{
    ProtobufSchema,
    member::{Member, local_name},
    sound,
};
use crate::{ChangeClass, ChangeKind, ChangedPart, Direction, SchemaChange};

/// The differences between two versions of a schema, sorted by their paths. Messages are found by
/// their names and fields by their numbers; comments, and files that are imported, aren't compared.
///
/// A difference is breaking if data of one version can't be read, or is read as something else,
/// with the other. New messages aren't.
///
/// ```
/// use muster_schema::{ChangeKind, protobuf::{ProtobufSchema, difference}};
///
/// let old = ProtobufSchema::parse("syntax = \"proto3\"; message A { int32 n = 1; }", &[])?;
/// let new = ProtobufSchema::parse("syntax = \"proto3\"; message A { int32 n = 1; bool b = 2; }", &[])?;
/// let changes = difference(&old, &new);
/// assert_eq!((changes[0].kind, changes[0].path.as_str()), (ChangeKind::Added, ".A.b"));
/// # Ok::<(), muster_schema::protobuf::ProtobufError>(())
/// ```
#[must_use]
pub fn difference(old: &ProtobufSchema, new: &ProtobufSchema) -> Vec<SchemaChange> {
    let backward = sound::compare(old, new, Direction::Backward);
    let forward = sound::compare(new, old, Direction::Forward);
    let forward = forward.into_iter().filter(|finding| finding.rule != "message_removed");
    let breaking = backward
        .into_iter()
        .chain(forward)
        .flat_map(|finding| [finding.writer_path, finding.reader_path])
        .flatten()
        .collect();
    let mut differences = Differences { breaking, found: Vec::new() };
    if old.package() != new.package() {
        let says = |schema: &ProtobufSchema| Some(schema.package().to_owned());
        let at = format!(".{}", new.package());
        differences.add(ChangeKind::Modified, ChangedPart::Member, &at, says(old), says(new));
    }
    differences.messages(old, new);
    differences.enums(old, new);
    differences.services(old, new);
    let mut found = differences.found;
    found.sort_by(|left, right| left.path.cmp(&right.path).then_with(|| left.cmp(right)));
    found.dedup();
    found
}

struct Differences {
    /// The paths at which data of one version isn't safe with the other.
    breaking: HashSet<String>,
    found: Vec<SchemaChange>,
}

impl Differences {
    fn add(
        &mut self,
        kind: ChangeKind,
        part: ChangedPart,
        path: &str,
        was: Option<String>,
        is: Option<String>,
    ) {
        let class = match part {
            ChangedPart::Documentation => ChangeClass::Patch,
            _ if kind == ChangeKind::Deprecated => ChangeClass::Patch,
            _ if self.breaking.contains(path) => ChangeClass::Breaking,
            _ => ChangeClass::NonBreaking,
        };
        self.found.push(SchemaChange { kind, part, path: path.to_owned(), was, is, class });
    }

    /// Something that is only on one side.
    fn one_sided(&mut self, path: &str, was: Option<String>, is: Option<String>) {
        let kind = if was.is_some() { ChangeKind::Removed } else { ChangeKind::Added };
        self.add(kind, ChangedPart::Member, path, was, is);
    }

    fn messages(&mut self, old: &ProtobufSchema, new: &ProtobufSchema) {
        let (was, is) = (messages(old), messages(new));
        for (name, message) in &was {
            match is.get(name) {
                Some(other) => self.message(message, other),
                None => self.one_sided(
                    &path(message.full_name()),
                    Some(format!("message {}", message.name())),
                    None,
                ),
            }
        }
        for message in
            is.iter().filter(|(name, _)| !was.contains_key(*name)).map(|(_, message)| message)
        {
            self.one_sided(
                &path(message.full_name()),
                None,
                Some(format!("message {}", message.name())),
            );
        }
    }

    fn message(&mut self, old: &MessageDescriptor, new: &MessageDescriptor) {
        let (was, is) = (Member::all(old), Member::all(new));
        for (number, field) in &was {
            match is.get(number) {
                Some(other) => self.field(field, other),
                None => self.one_sided(&path(&field.full_name), Some(field.shown()), None),
            }
        }
        for field in is.values().filter(|field| !was.contains_key(&field.number)) {
            self.one_sided(&path(&field.full_name), None, Some(field.shown()));
        }
        let at = path(new.full_name());
        let reserved = |message: &MessageDescriptor| -> BTreeSet<String> {
            let ranges = message.reserved_ranges().map(|range| match range.end - 1 {
                last if last == range.start => last.to_string(),
                last => format!("{} to {last}", range.start),
            });
            ranges.chain(message.reserved_names().map(|name| format!("{name:?}"))).collect()
        };
        let (was, is) = (reserved(old), reserved(new));
        for gone in was.difference(&is) {
            self.add(
                ChangeKind::Removed,
                ChangedPart::Constraint,
                &at,
                Some(format!("reserved {gone}")),
                None,
            );
        }
        for added in is.difference(&was) {
            self.add(
                ChangeKind::Added,
                ChangedPart::Constraint,
                &at,
                None,
                Some(format!("reserved {added}")),
            );
        }
        self.options(&at, &old.options().encode_to_vec(), &new.options().encode_to_vec());
    }

    fn field(&mut self, old: &Member, new: &Member) {
        let at = path(&new.full_name);
        let mut modified = |part, was: String, is: String| {
            if was != is {
                self.add(ChangeKind::Modified, part, &at, Some(was), Some(is));
            }
        };
        modified(ChangedPart::Member, old.name.clone(), new.name.clone());
        let required =
            |field: &Member| if field.is_required() { "required" } else { "optional" }.to_owned();
        modified(ChangedPart::Required, required(old), required(new));
        if required(old) == required(new) || old.kind_shown() != new.kind_shown() {
            modified(ChangedPart::Type, old.shown(), new.shown());
        }
        let oneof = |field: &Member| match &field.oneof {
            Some(oneof) => format!("in oneof {oneof}"),
            None => "in no oneof".to_owned(),
        };
        modified(ChangedPart::Constraint, oneof(old), oneof(new));
        if old.kind_shown() == new.kind_shown() {
            modified(
                ChangedPart::Default,
                shown_default(&old.default),
                shown_default(&new.default),
            );
        }
        if old.name == new.name {
            modified(ChangedPart::Member, old.json_name.clone(), new.json_name.clone());
        }
        if old.is_deprecated != new.is_deprecated {
            let kind =
                if new.is_deprecated { ChangeKind::Deprecated } else { ChangeKind::Modified };
            let says = |yes: bool| Some(if yes { "deprecated" } else { "in use" }.to_owned());
            self.add(
                kind,
                ChangedPart::Documentation,
                &at,
                says(old.is_deprecated),
                says(new.is_deprecated),
            );
        } else {
            self.options(&at, &old.options, &new.options);
        }
    }

    /// Options that no reader of data looks at.
    fn options(&mut self, at: &str, was: &[u8], is: &[u8]) {
        if was != is {
            let says = || Some("options".to_owned());
            self.add(ChangeKind::Modified, ChangedPart::Documentation, at, says(), says());
        }
    }

    fn enums(&mut self, old: &ProtobufSchema, new: &ProtobufSchema) {
        let (was, is) = (enums(old), enums(new));
        for (name, of) in &was {
            match is.get(name) {
                Some(other) => self.values(of, other),
                None => {
                    self.one_sided(&path(of.full_name()), Some(format!("enum {}", of.name())), None)
                }
            }
        }
        for of in is.iter().filter(|(name, _)| !was.contains_key(*name)).map(|(_, of)| of) {
            self.one_sided(&path(of.full_name()), None, Some(format!("enum {}", of.name())));
        }
    }

    fn values(&mut self, old: &EnumDescriptor, new: &EnumDescriptor) {
        let names = |of: &EnumDescriptor| -> BTreeMap<String, i32> {
            of.values().map(|value| (value.name().to_owned(), value.number())).collect()
        };
        let (was, is) = (names(old), names(new));
        for (name, number) in &was {
            let at = format!(".{}.{name}", new.full_name());
            match is.get(name) {
                Some(other) if other == number => {}
                Some(other) => {
                    let (was, is) = (Some(number.to_string()), Some(other.to_string()));
                    self.add(ChangeKind::Modified, ChangedPart::Constraint, &at, was, is);
                }
                None => self.one_sided(
                    &format!(".{}.{name}", old.full_name()),
                    Some(number.to_string()),
                    None,
                ),
            }
        }
        for (name, number) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
            self.one_sided(&format!(".{}.{name}", new.full_name()), None, Some(number.to_string()));
        }
    }

    /// Methods of services, which are no data.
    fn services(&mut self, old: &ProtobufSchema, new: &ProtobufSchema) {
        let methods = |schema: &ProtobufSchema| -> BTreeMap<String, String> {
            let mut all = BTreeMap::new();
            for service in schema.file().services() {
                for method in service.methods() {
                    let says = format!(
                        "({}{}) returns ({}{})",
                        if method.is_client_streaming() { "stream " } else { "" },
                        local_name(&method.input()),
                        if method.is_server_streaming() { "stream " } else { "" },
                        local_name(&method.output())
                    );
                    all.insert(path(method.full_name()), says);
                }
            }
            all
        };
        let (was, is) = (methods(old), methods(new));
        for (at, says) in &was {
            match is.get(at) {
                None => self.one_sided(at, Some(says.clone()), None),
                Some(other) if other != says => {
                    let (was, is) = (Some(says.clone()), Some(other.clone()));
                    self.add(ChangeKind::Modified, ChangedPart::Type, at, was, is);
                }
                Some(_) => {}
            }
        }
        for (at, says) in is.iter().filter(|(at, _)| !was.contains_key(*at)) {
            self.one_sided(at, None, Some(says.clone()));
        }
    }
}

/// A default as a short text; messages have none.
fn shown_default(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::String(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("\"{}\"", value.escape_ascii()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => "none".to_owned(),
    }
}

fn path(full_name: &str) -> String {
    format!(".{full_name}")
}

/// The messages that a schema declares, by their name within its package.
fn messages(schema: &ProtobufSchema) -> BTreeMap<String, MessageDescriptor> {
    let mut all = BTreeMap::new();
    let mut open: Vec<MessageDescriptor> = schema.file().messages().collect();
    while let Some(message) = open.pop() {
        if !message.is_map_entry() {
            open.extend(message.child_messages());
            all.insert(local_name(&message), message);
        }
    }
    all
}

/// The enums that a schema declares, by their name within its package.
fn enums(schema: &ProtobufSchema) -> BTreeMap<String, EnumDescriptor> {
    let within = messages(schema).into_iter().flat_map(|(name, message)| {
        let enums: Vec<_> = message.child_enums().collect();
        enums.into_iter().map(move |of| (format!("{name}.{}", of.name()), of))
    });
    let outside = schema.file().enums().map(|of| (of.name().to_owned(), of));
    outside.chain(within).collect()
}
