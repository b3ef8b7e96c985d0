//! Checks a message as bytes. Decoders stop at the first mistake; this one goes on where it can.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

use prost_reflect::{Kind, MessageDescriptor};

use super::{
    ProtobufSchema, UnknownMessage,
    member::{Member, is_closed, shown_kind},
};
use crate::{FoundViolations, Severity, Violation, limits, steps};

impl ProtobufSchema {
    /// Checks the bytes of a message: the one of this full name, or the schema's first one.
    ///
    /// Errors are what a decoder refuses: bytes that end too early, a type on the wire that isn't
    /// the field's, text that isn't UTF-8, a required field that isn't there. Unknown fields and
    /// unknown numbers of an enum are warnings, because decoders keep or skip them.
    ///
    /// # Errors
    /// The schema has no such message.
    ///
    /// ```
    /// use muster_schema::protobuf::ProtobufSchema;
    ///
    /// let schema = ProtobufSchema::parse("syntax = \"proto3\"; message A { string s = 1; }", &[])?;
    /// assert!(schema.check_binary(&[0x0a, 2, b'o', b'k'], None)?.is_empty());
    /// let found = schema.check_binary(&[0x0a, 2, 0xff, 0xff], Some("A"))?;
    /// assert_eq!(found[0].pointer, "/s");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_binary(
        &self,
        bytes: &[u8],
        message: Option<&str>,
    ) -> Result<Vec<Violation>, UnknownMessage> {
        let message = self.message(message)?;
        let mut checker = Checker {
            whole: bytes.as_ptr_range(),
            members: HashMap::new(),
            path: Vec::new(),
            found: FoundViolations::default(),
            depth: 0,
            copied: 0,
        };
        if checker.message(bytes, &message).is_err() {
            // What comes after a malformed record can't be told from it.
        }
        Ok(checker.found.finish())
    }
}

struct Checker {
    /// Where the payload is in memory, for offsets; a message in parts is read from elsewhere.
    whole: std::ops::Range<*const u8>,
    members: HashMap<String, Rc<BTreeMap<u32, Member>>>,
    /// The place of the value that is checked, as the parts of its pointer.
    path: Vec<String>,
    found: FoundViolations,
    /// The messages around the place.
    depth: usize,
    /// The bytes that were copied to join parts of messages.
    copied: usize,
}

/// The bytes that are copied in one payload to join parts of messages: more than any serialiser
/// writes, since none writes a message in parts.
const PARTS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bytes can't be read any further.
struct Malformed;

type Checked<T = ()> = Result<T, Malformed>;

/// One record: the number of its field, and its value.
struct Record<'a> {
    number: u32,
    value: Value<'a>,
}

enum Value<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    /// What stands between a group's beginning and its end.
    Group(&'a [u8]),
    Fixed32,
}

impl Value<'_> {
    const fn shown(&self) -> &'static str {
        match self {
            Self::Varint(_) => "a varint",
            Self::Fixed64 => "eight bytes",
            Self::Bytes(_) => "bytes with a length",
            Self::Group(_) => "a group",
            Self::Fixed32 => "four bytes",
        }
    }
}

impl Checker {
    fn message(&mut self, bytes: &[u8], of: &MessageDescriptor) -> Checked {
        if self.depth == limits::PROTOBUF_PAYLOAD_DEPTH_MAX {
            let most = limits::PROTOBUF_PAYLOAD_DEPTH_MAX;
            self.error("depth", || format!("messages are nested deeper than {most} levels"));
            return Err(Malformed);
        }
        self.depth += 1;
        let checked = self.fields(bytes, of);
        self.depth -= 1;
        checked
    }

    fn fields(&mut self, bytes: &[u8], of: &MessageDescriptor) -> Checked {
        let members = self.members_of(of);
        let mut seen = BTreeSet::new();
        // A message that comes in parts is their concatenation.
        let mut inner: BTreeMap<u32, Cow<'_, [u8]>> = BTreeMap::new();
        let mut counts: HashMap<u32, usize> = HashMap::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let record = self.record(&mut rest, 0)?;
            let Some(member) = members.get(&record.number) else {
                let (number, name) = (record.number, of.full_name());
                self.warning("unknownField", || {
                    format!("{name} has no field with the number {number}")
                });
                continue;
            };
            seen.insert(record.number);
            let outside = self.path.len();
            self.enter(of, member);
            if member.is_repeated() && !member.is_map {
                let index = counts.entry(record.number).or_default();
                self.path.push(index.to_string());
                *index += 1;
            }
            match (&member.kind, record.value) {
                (Kind::Message(_), Value::Bytes(part))
                    if !member.is_group && !member.is_repeated() =>
                {
                    self.join(&mut inner, record.number, part)?;
                }
                (Kind::Message(_), Value::Group(part))
                    if member.is_group && !member.is_repeated() =>
                {
                    self.join(&mut inner, record.number, part)?;
                }
                (_, value) => self.value(member, value)?,
            }
            self.path.truncate(outside);
        }
        let within = of;
        for (number, bytes) in inner {
            let Some(member) = members.get(&number) else { continue };
            let Kind::Message(of) = &member.kind else { continue };
            let outside = self.path.len();
            self.enter(within, member);
            self.message(&bytes, of)?;
            self.path.truncate(outside);
        }
        for member in
            members.values().filter(|member| member.is_required() && !seen.contains(&member.number))
        {
            self.path.push(member.json_name.clone());
            self.error("required", || format!("the required field {} isn't there", member.name));
            self.path.pop();
        }
        Ok(())
    }

    /// Adds a part of a message to those before it. Parts are copied to be read together, and each
    /// may again hold parts, so what is copied is limited.
    fn join<'a>(
        &mut self,
        inner: &mut BTreeMap<u32, Cow<'a, [u8]>>,
        number: u32,
        part: &'a [u8],
    ) -> Checked {
        let Some(before) = inner.get_mut(&number) else {
            inner.insert(number, Cow::Borrowed(part));
            return Ok(());
        };
        let is_copied = matches!(before, Cow::Owned(_));
        self.copied += part.len() + if is_copied { 0 } else { before.len() };
        if self.copied > PARTS_BYTES_MAX {
            return self.malformed(part, "a message comes in too many parts");
        }
        before.to_mut().extend(part);
        Ok(())
    }

    /// Steps into a field. A map's entry is no place of its own: its value stands at its key.
    fn enter(&mut self, of: &MessageDescriptor, member: &Member) {
        if !of.is_map_entry() {
            self.path.push(member.json_name.clone());
        }
    }

    fn value(&mut self, member: &Member, value: Value<'_>) -> Checked {
        match (&member.kind, value) {
            (Kind::Message(entry), Value::Bytes(bytes)) if member.is_map => {
                let key = self.key_of(entry, bytes);
                self.path.push(key);
                self.message(bytes, entry)?;
                self.path.pop();
            }
            (Kind::Message(of), Value::Bytes(bytes)) if !member.is_group => {
                self.message(bytes, of)?
            }
            (Kind::Message(of), Value::Group(bytes)) if member.is_group => {
                self.message(bytes, of)?
            }
            (Kind::String, Value::Bytes(bytes)) => {
                if let Err(error) = std::str::from_utf8(bytes) {
                    let at = error.valid_up_to();
                    self.error("utf8", || format!("the text isn't UTF-8 from its byte {at} on"));
                }
            }
            (Kind::Bytes, Value::Bytes(_)) => {}
            (kind, Value::Bytes(bytes))
                if member.is_repeated() && !matches!(kind, Kind::Message(_)) =>
            {
                self.packed(kind, bytes)?;
            }
            (kind, value) if is_on_wire(kind, &value) => self.scalar(kind, &value),
            (_, value) => {
                let (is, needed) = (value.shown(), member.shown());
                self.error("type", || format!("the value is {is}, which {needed} isn't"));
            }
        }
        Ok(())
    }

    fn scalar(&mut self, kind: &Kind, value: &Value<'_>) {
        let (Kind::Enum(of), Value::Varint(number)) = (kind, value) else { return };
        // Enums are 32 bits wide; decoders drop the rest.
        let number = (number & u64::from(u32::MAX)) as u32;
        let number = number.cast_signed();
        if of.get_value(number).is_none() {
            let keeps = if is_closed(of) { "drop" } else { "keep" };
            let name = of.full_name();
            self.warning("enum", || format!("{name} has no value {number}; decoders {keeps} it"));
        }
    }

    /// Values of a repeated field in one record.
    fn packed(&mut self, kind: &Kind, bytes: &[u8]) -> Checked {
        let mut rest = bytes;
        let size = match kind {
            Kind::Fixed32 | Kind::Sfixed32 | Kind::Float => 4,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => 8,
            _ => {
                while !rest.is_empty() {
                    let value = self.varint(&mut rest)?;
                    self.scalar(kind, &Value::Varint(value));
                }
                return Ok(());
            }
        };
        if !bytes.len().is_multiple_of(size) {
            let kind = shown_kind(kind);
            self.error("type", || {
                format!(
                    "packed values of {kind} have {} bytes, not a multiple of {size}",
                    bytes.len()
                )
            });
        }
        Ok(())
    }

    /// The key of a map's entry, for the pointer.
    fn key_of(&mut self, entry: &MessageDescriptor, bytes: &[u8]) -> String {
        let signed = matches!(entry.map_entry_key_field().kind(), Kind::Sint32 | Kind::Sint64);
        let mut quiet = Self {
            whole: bytes.as_ptr_range(),
            members: HashMap::new(),
            path: Vec::new(),
            found: FoundViolations::default(),
            depth: 0,
            copied: 0,
        };
        let (mut rest, mut key) = (bytes, String::new());
        while !rest.is_empty() {
            match quiet.record(&mut rest, 0) {
                Ok(Record { number: 1, value: Value::Bytes(text) }) => {
                    key = String::from_utf8_lossy(
                        text.get(..limits::POINTER_BYTES_MAX).unwrap_or(text),
                    )
                    .into_owned();
                }
                Ok(Record { number: 1, value: Value::Varint(value) }) if signed => {
                    key = ((value >> 1).cast_signed() ^ -((value & 1).cast_signed())).to_string();
                }
                Ok(Record { number: 1, value: Value::Varint(value) }) => {
                    key = value.cast_signed().to_string()
                }
                Ok(_) => {}
                Err(Malformed) => break,
            }
        }
        key
    }

    fn record<'a>(&mut self, rest: &mut &'a [u8], depth: usize) -> Checked<Record<'a>> {
        steps::count(1);
        let start = *rest;
        let tag = self.varint(rest)?;
        let number = u32::try_from(tag >> 3).unwrap_or(0);
        if number == 0 || tag >> 3 > u64::from(super::check::NUMBER_MAX.unsigned_abs()) {
            return self.malformed(start, "the number of a field is 0 or too large");
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(rest)?),
            1 => {
                self.take(rest, 8)?;
                Value::Fixed64
            }
            2 => {
                let length = self.varint(rest)?;
                Value::Bytes(self.take(rest, usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            3 => Value::Group(self.group(rest, number, depth)?),
            5 => {
                self.take(rest, 4)?;
                Value::Fixed32
            }
            4 => return self.malformed(start, "a group ends that didn't begin"),
            _ => return self.malformed(start, "6 and 7 aren't types on the wire"),
        };
        Ok(Record { number, value })
    }

    /// What stands in a group, to its end.
    fn group<'a>(&mut self, rest: &mut &'a [u8], number: u32, depth: usize) -> Checked<&'a [u8]> {
        let whole = *rest;
        if depth > limits::PROTOBUF_PAYLOAD_DEPTH_MAX {
            return self.malformed(whole, "groups are nested too deeply");
        }
        loop {
            let before = *rest;
            let tag = self.varint(rest)?;
            if tag & 7 == 4 {
                if tag >> 3 != u64::from(number) {
                    return self.malformed(before, "another group ends than the one that began");
                }
                return Ok(whole.get(..whole.len() - before.len()).unwrap_or_default());
            }
            *rest = before;
            self.record(rest, depth + 1)?;
        }
    }

    fn varint(&mut self, rest: &mut &[u8]) -> Checked<u64> {
        let bytes = *rest;
        let mut value = 0_u64;
        for (index, byte) in bytes.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    break;
                }
                *rest = bytes.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        match bytes.len() {
            0..10 => self.malformed(bytes, "the bytes end within a number"),
            _ => self.malformed(bytes, "a number has more than 64 bits"),
        }
    }

    fn take<'a>(&mut self, rest: &mut &'a [u8], length: usize) -> Checked<&'a [u8]> {
        match rest.split_at_checked(length) {
            Some((taken, after)) => {
                *rest = after;
                Ok(taken)
            }
            None => self.malformed(rest, "the bytes end within a value"),
        }
    }

    fn malformed<T>(&mut self, at: &[u8], why: &str) -> Checked<T> {
        let (at, whole) = (at.as_ptr(), self.whole.clone());
        let offset =
            (whole.start..=whole.end).contains(&at).then(|| at.addr() - whole.start.addr());
        self.error("wire", || match offset {
            Some(offset) => format!("{why}, at byte {offset}"),
            None => why.to_owned(),
        });
        Err(Malformed)
    }

    fn error(&mut self, keyword: &str, message: impl FnOnce() -> String) {
        self.add(Severity::Error, keyword, message);
    }

    fn warning(&mut self, keyword: &str, message: impl FnOnce() -> String) {
        self.add(Severity::Warning, keyword, message);
    }

    fn add(&mut self, severity: Severity, keyword: &str, message: impl FnOnce() -> String) {
        let path = &self.path;
        self.found.add_with(severity, || Violation {
            severity,
            ..Violation::keyword(pointer(path), keyword, message())
        });
    }

    fn members_of(&mut self, of: &MessageDescriptor) -> Rc<BTreeMap<u32, Member>> {
        if let Some(known) = self.members.get(of.full_name()) {
            return Rc::clone(known);
        }
        let members = Rc::new(Member::all(of));
        self.members.insert(of.full_name().to_owned(), Rc::clone(&members));
        members
    }
}

/// A JSON Pointer of parts (RFC 6901).
pub(super) fn pointer(parts: &[String]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

fn is_on_wire(kind: &Kind, value: &Value<'_>) -> bool {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => matches!(value, Value::Fixed64),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => matches!(value, Value::Fixed32),
        Kind::String | Kind::Bytes | Kind::Message(_) => false,
        _ => matches!(value, Value::Varint(_)),
    }
}
