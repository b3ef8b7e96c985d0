//! The comparison by what is on the wire. If it finds nothing, each message that is valid for the
//! writer's schema can be read with the reader's, and each field that both have keeps its value.
//!
//! Pairs of messages are compared once each, from a list, so neither recursive types nor long
//! chains of types matter.

use std::collections::{BTreeMap, HashSet, VecDeque};

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor, Value};

use super::{
    ProtobufSchema,
    compare::Finding,
    member::{Member, is_closed, local_name, shown_kind},
};
use crate::{Direction, limits, steps};

/// The steps for a pair of messages, whatever is in them: its names are kept, some hundred bytes.
const PAIR_COST: usize = 50;

/// What makes reading unsound.
pub(super) fn compare(
    writer: &ProtobufSchema,
    reader: &ProtobufSchema,
    direction: Direction,
) -> Vec<Finding> {
    let mut comparison = Comparison {
        direction,
        findings: Vec::new(),
        messages: HashSet::new(),
        enums: HashSet::new(),
        open: VecDeque::new(),
    };
    let finished = steps::metered(limits::STEPS_MAX, || comparison.all(writer, reader));
    let mut findings = comparison.findings;
    if finished.is_err() {
        let says =
            |schema: &ProtobufSchema| format!("{} messages", schema.pool().all_messages().len());
        let (written, read) = (says(writer), says(reader));
        let at = |schema: &ProtobufSchema| schema.package().to_owned();
        let (here, there) = (at(writer), at(reader));
        findings.push(
            Finding::broken("too_costly", Some((&here, written)), Some((&there, read))).undecided(),
        );
    }
    findings
}

struct Comparison {
    direction: Direction,
    findings: Vec<Finding>,
    /// The pairs of messages that are compared or will be, by their full names.
    messages: HashSet<(String, String)>,
    enums: HashSet<(String, String)>,
    open: VecDeque<Pair>,
}

struct Pair {
    written: MessageDescriptor,
    read: MessageDescriptor,
    /// The fields of which these are the entries: an entry has no place of its own in a text.
    of: Option<(String, String)>,
}

impl Comparison {
    fn all(&mut self, writer: &ProtobufSchema, reader: &ProtobufSchema) {
        let mut names = BTreeMap::new();
        every(reader.file().messages().collect(), |message| {
            names.insert(local_name(&message), message);
        });
        let mut missing = Vec::new();
        every(writer.file().messages().collect(), |written| {
            match names.get(&local_name(&written)) {
                Some(read) => self.pair(&written, read, None),
                None => missing.push(written),
            }
        });
        for written in missing {
            let says = format!("message {}", written.name());
            self.findings.push(Finding::broken(
                "message_removed",
                Some((written.full_name(), says)),
                None,
            ));
        }
        while let Some(pair) = self.open.pop_front() {
            self.message(&pair);
        }
    }

    fn pair(
        &mut self,
        written: &MessageDescriptor,
        read: &MessageDescriptor,
        of: Option<(String, String)>,
    ) {
        if self.messages.insert((written.full_name().to_owned(), read.full_name().to_owned())) {
            self.open.push_back(Pair { written: written.clone(), read: read.clone(), of });
        }
    }

    fn message(&mut self, pair: &Pair) {
        let (mut writes, mut reads) = (Member::all(&pair.written), Member::all(&pair.read));
        if let Some((written, read)) = &pair.of {
            writes.values_mut().for_each(|field| field.full_name.clone_from(written));
            reads.values_mut().for_each(|field| field.full_name.clone_from(read));
        }
        let ranges = pair.written.reserved_ranges().len() + pair.written.extension_ranges().len();
        let cost = PAIR_COST + (writes.len() + reads.len()) * (ranges + 1);
        steps::count(u64::try_from(cost).unwrap_or(u64::MAX));
        let numbers: BTreeMap<&str, u32> =
            writes.values().map(|field| (field.name.as_str(), field.number)).collect();
        for (number, read) in &reads {
            match writes.get(number) {
                Some(written) => self.field(written, read),
                None => self.added(pair, read),
            }
            if let Some(other) = numbers.get(read.name.as_str()).filter(|other| *other != number) {
                let is = |field: &Member, number: u32| format!("{} = {number}", field.shown());
                let Some(written) = writes.get(other) else { continue };
                self.add(
                    "field_number_changed",
                    (&written.full_name, is(written, *other)),
                    (&read.full_name, is(read, *number)),
                );
            }
        }
        self.oneofs(&writes, &reads);
    }

    fn add(&mut self, rule: &'static str, written: (&str, String), read: (&str, String)) {
        self.findings.push(Finding::broken(rule, Some(written), Some(read)));
    }

    /// A field that only the reader has.
    fn added(&mut self, pair: &Pair, read: &Member) {
        let number = read.number;
        let reserved = pair.written.reserved_ranges().any(|range| range.contains(&number));
        let extended = pair.written.extension_ranges().any(|range| range.contains(&number));
        let says = Some((read.full_name.as_str(), read.shown()));
        if read.is_required() {
            self.findings.push(Finding::broken("required_field_added", None, says));
        } else if extended {
            let was = Some((read.full_name.as_str(), "a number for extensions".to_owned()));
            self.findings.push(Finding::broken("field_in_extension_range", was, says).undecided());
        } else if self.direction == Direction::Backward && reserved {
            let was = Some((read.full_name.as_str(), "a reserved number".to_owned()));
            self.findings.push(Finding::broken("reserved_number_reused", was, says).undecided());
        }
    }

    fn field(&mut self, written: &Member, read: &Member) {
        let says = |field: &Member| (field.full_name.clone(), field.shown());
        let ((at, was), (here, is)) = (says(written), says(read));
        let mut found = |rule| self.add(rule, (&at, was.clone()), (&here, is.clone()));
        if read.is_required() && !written.is_required() {
            found("field_made_required");
        }
        if written.is_map != read.is_map || written.is_group != read.is_group {
            return found("field_kind_changed");
        }
        // One value becomes a list of one, but a default that isn't written becomes an empty list.
        let one_to_many = read.is_repeated() && !written.is_repeated() && written.has_presence;
        if written.is_repeated() != read.is_repeated() && !one_to_many {
            found("field_label_changed");
        }
        let may_be_absent = !written.is_repeated() && !read.is_repeated() && !written.is_required();
        if may_be_absent && is_kept(&written.kind, &read.kind) && !same_default(written, read) {
            found("field_default_changed");
        }
        match (&written.kind, &read.kind) {
            (Kind::Message(from), Kind::Message(to)) => {
                let of = written.is_map.then(|| (at.clone(), here.clone()));
                self.pair(from, to, of);
            }
            (Kind::Message(_), _) | (_, Kind::Message(_)) => found("field_kind_changed"),
            (Kind::Enum(from), Kind::Enum(to)) => self.enums(from, to),
            (from, to) if !is_kept(from, to) => found("field_scalar_kind_changed"),
            _ => {}
        }
    }

    /// Values of an enum that another reads.
    fn enums(&mut self, written: &EnumDescriptor, read: &EnumDescriptor) {
        if !self.enums.insert((written.full_name().to_owned(), read.full_name().to_owned())) {
            return;
        }
        steps::count(
            u64::try_from(written.values().len() + read.values().len()).unwrap_or(u64::MAX),
        );
        let says = |of: &EnumDescriptor| match is_closed(of) {
            true => "a closed enum (proto2)".to_owned(),
            false => "an open enum (proto3)".to_owned(),
        };
        if is_closed(read) && !is_closed(written) {
            self.add(
                "enum_closed",
                (written.full_name(), says(written)),
                (read.full_name(), says(read)),
            );
        }
        let numbers: HashSet<i32> = read.values().map(|value| value.number()).collect();
        let names: BTreeMap<String, i32> =
            read.values().map(|value| (value.name().to_owned(), value.number())).collect();
        for value in written.values() {
            let at = format!("{}.{}", written.full_name(), value.name());
            let number = value.number();
            match names.get(value.name()) {
                Some(other) if *other != number => {
                    let here = format!("{}.{}", read.full_name(), value.name());
                    self.add(
                        "enum_const_number_changed",
                        (&at, number.to_string()),
                        (&here, other.to_string()),
                    );
                }
                // An open enum keeps a number that it has no name for.
                _ if is_closed(read) && !numbers.contains(&number) => {
                    let finding = Finding::broken(
                        "enum_const_removed",
                        Some((&at, number.to_string())),
                        None,
                    );
                    self.findings.push(finding);
                }
                _ => {}
            }
        }
    }

    /// A reader keeps the last of a oneof's fields, so at most one of them may be written.
    fn oneofs(&mut self, writes: &BTreeMap<u32, Member>, reads: &BTreeMap<u32, Member>) {
        let mut oneofs: BTreeMap<&str, Vec<(&Member, &Member)>> = BTreeMap::new();
        for read in reads.values() {
            if let Some((oneof, written)) = read.oneof.as_deref().zip(writes.get(&read.number)) {
                oneofs.entry(oneof).or_default().push((written, read));
            }
        }
        for (oneof, fields) in oneofs {
            let free = fields.iter().filter(|(written, _)| written.oneof.is_none()).count();
            let before: HashSet<_> =
                fields.iter().filter_map(|(written, _)| written.oneof.as_deref()).collect();
            let rule = match (free, before.len()) {
                (0, ..=1) | (1, 0) => continue,
                (1, _) => "field_moved_to_existing_oneof",
                _ => "multiple_fields_moved_to_oneof",
            };
            let moved = fields.iter().find(|(written, _)| free == 0 || written.oneof.is_none());
            let Some((written, read)) = moved else { continue };
            let is = format!("{} in oneof {oneof}", read.shown());
            self.add(rule, (&written.full_name, written.shown()), (&read.full_name, is));
        }
    }
}

/// Every message that is declared in these, and they themselves. The depth is bounded.
fn every(messages: Vec<MessageDescriptor>, mut each: impl FnMut(MessageDescriptor)) {
    let mut open = messages;
    while let Some(message) = open.pop() {
        if !message.is_map_entry() {
            open.extend(message.child_messages());
            each(message);
        }
    }
}

/// Whether a reader of one scalar type gets each value of another as it was.
fn is_kept(from: &Kind, to: &Kind) -> bool {
    match (from, to) {
        (Kind::Bool, Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Uint64)
        | (Kind::Int32, Kind::Int64)
        | (Kind::Uint32, Kind::Int64 | Kind::Uint64)
        | (Kind::Sint32, Kind::Sint64)
        | (Kind::String, Kind::Bytes)
        | (Kind::Enum(_), Kind::Int32 | Kind::Int64) => true,
        (Kind::Int32, Kind::Enum(of)) => !is_closed(of),
        (Kind::Bool, Kind::Enum(of)) => {
            !is_closed(of) || (of.get_value(0).is_some() && of.get_value(1).is_some())
        }
        // A negative number has no place in an unsigned type.
        (Kind::Enum(of), Kind::Uint32 | Kind::Uint64) => {
            is_closed(of) && of.values().all(|value| value.number() >= 0)
        }
        // Their values are compared one by one.
        (Kind::Enum(_), Kind::Enum(_)) | (Kind::Message(_), Kind::Message(_)) => true,
        (from, to) => shown_kind(from) == shown_kind(to),
    }
}

/// Whether a value that isn't written means the same to both.
fn same_default(written: &Member, read: &Member) -> bool {
    match (plain(&written.default), plain(&read.default)) {
        (Some(written), Some(read)) => written == read,
        _ => true,
    }
}

/// A default by its value: numbers of all integral types alike, texts by their bytes.
#[derive(PartialEq)]
enum Plain {
    Number(i128),
    Fraction(u64),
    Bytes(Vec<u8>),
}

fn plain(value: &Value) -> Option<Plain> {
    Some(match value {
        Value::Bool(value) => Plain::Number(i128::from(*value)),
        Value::I32(value) | Value::EnumNumber(value) => Plain::Number(i128::from(*value)),
        Value::I64(value) => Plain::Number(i128::from(*value)),
        Value::U32(value) => Plain::Number(i128::from(*value)),
        Value::U64(value) => Plain::Number(i128::from(*value)),
        Value::F32(value) => Plain::Fraction(f64::from(*value).to_bits()),
        Value::F64(value) => Plain::Fraction(value.to_bits()),
        Value::String(value) => Plain::Bytes(value.as_bytes().to_vec()),
        Value::Bytes(value) => Plain::Bytes(value.to_vec()),
        Value::Message(_) | Value::List(_) | Value::Map(_) => return None,
    })
}
