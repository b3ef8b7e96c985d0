//! Makes schemas, changes of schemas, and messages, from a tape of bytes: a shorter tape, or one
//! of smaller bytes, makes simpler ones, so that what fails shrinks.

use std::fmt::Write;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
    prost::{Message, bytes::Bytes},
};

/// Choices that are read one by one; behind its end they are all 0.
pub(crate) struct Tape<'a>(pub(crate) &'a [u8]);

impl Tape<'_> {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % limit.max(1)
    }
}

const KINDS: [&str; 19] = [
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "string", "bytes", "fixed32",
    "sfixed32", "fixed64", "sfixed64", "float", "double", "E", "A", "B", "F",
];

#[derive(Clone)]
pub(crate) struct MadeSchema {
    proto2: bool,
    /// The values of the two enums.
    enums: [Vec<(usize, i32)>; 2],
    messages: Vec<Vec<MadeField>>,
}

#[derive(Clone)]
struct MadeField {
    name: usize,
    number: usize,
    kind: usize,
    /// 0 to 3: none or optional, optional, repeated, required; 4: a map; 5 and 6: in a oneof.
    label: usize,
    default: bool,
}

impl MadeSchema {
    pub(crate) fn new(tape: &mut Tape<'_>) -> Self {
        let proto2 = tape.below(3) == 1;
        let enums = [0, 1].map(|_| {
            (0..=tape.below(3)).map(|index| (index, i32::try_from(index).unwrap())).collect()
        });
        let messages = (0..2).map(|_| (0..tape.below(5)).map(|_| MadeField::new(tape)).collect());
        Self { proto2, enums, messages: messages.collect() }
    }

    /// The same with a few changes.
    pub(crate) fn changed(&self, tape: &mut Tape<'_>) -> Self {
        let mut other = self.clone();
        for _ in 0..=tape.below(3) {
            other.change(tape);
        }
        other
    }

    fn change(&mut self, tape: &mut Tape<'_>) {
        let message = tape.below(2);
        let fields = &mut self.messages[message];
        let at = tape.below(fields.len());
        match (tape.below(10), fields.get_mut(at)) {
            (0, _) => fields.push(MadeField::new(tape)),
            (1, Some(_)) => drop(fields.remove(at)),
            (2 | 3, Some(field)) => field.kind = tape.below(KINDS.len()),
            (4 | 5, Some(field)) => field.label = tape.below(7),
            (6, Some(field)) => field.name = tape.below(8),
            (7, Some(field)) => field.default = !field.default,
            (8, _) => {
                let values = &mut self.enums[tape.below(2)];
                match tape.below(3) {
                    0 => values.push((values.len(), i32::try_from(values.len()).unwrap())),
                    1 if values.len() > 1 => drop(values.pop()),
                    _ => {
                        if let Some((_, number)) = values.get_mut(1) {
                            *number = i32::try_from(tape.below(6)).unwrap() + 1;
                        }
                    }
                }
            }
            (9, _) => self.proto2 = !self.proto2,
            _ => {}
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("syntax = \"proto{}\";\n", if self.proto2 { 2 } else { 3 });
        for (name, values) in ["E", "F"].iter().zip(&self.enums) {
            let mut numbers = std::collections::HashSet::new();
            let values: String = values
                .iter()
                .filter(|(_, number)| numbers.insert(*number))
                .map(|(value, number)| format!(" {name}{value} = {number};"))
                .collect();
            writeln!(text, "enum {name} {{{values} }}").unwrap();
        }
        for (name, fields) in ["A", "B"].iter().zip(&self.messages) {
            let (mut numbers, mut names) =
                (std::collections::HashSet::new(), std::collections::HashSet::new());
            let mut oneofs = [String::new(), String::new()];
            write!(text, "message {name} {{").unwrap();
            for field in fields {
                if !(numbers.insert(field.number) && names.insert(field.name)) {
                    continue;
                }
                let line = field.text(self.proto2, &self.enums);
                match field.label {
                    label @ 5.. => oneofs[label - 5].push_str(&line),
                    _ => text.push_str(&line),
                }
            }
            for (index, fields) in
                oneofs.iter().enumerate().filter(|(_, fields)| !fields.is_empty())
            {
                write!(text, " oneof o{index} {{{fields} }}").unwrap();
            }
            text.push_str(" }\n");
        }
        text
    }
}

impl MadeField {
    fn new(tape: &mut Tape<'_>) -> Self {
        let number = tape.below(6) + 1;
        Self {
            number,
            // Mostly the name that goes with the number.
            name: if tape.below(8) == 7 { tape.below(8) } else { number },
            kind: tape.below(KINDS.len()),
            label: tape.below(7),
            default: tape.below(6) == 5,
        }
    }

    fn text(&self, proto2: bool, enums: &[Vec<(usize, i32)>; 2]) -> String {
        let kind = KINDS[self.kind];
        let is_message = matches!(kind, "A" | "B");
        let kind = match self.label {
            4 => format!("map<{}, {kind}>", KINDS[[0, 3, 4, 6, 7][self.name % 5]]),
            _ => kind.to_owned(),
        };
        let label = match (self.label, proto2) {
            (0, false) | (4.., _) => "",
            (2, _) => "repeated ",
            // A message that needs itself can't be written.
            (3, true) if !is_message => "required ",
            _ => "optional ",
        };
        let default = match kind.as_str() {
            "string" | "bytes" => "\"d\"".to_owned(),
            "bool" => "true".to_owned(),
            "E" => format!("E{}", enums[0].len().min(2) - 1),
            "F" => format!("F{}", enums[1].len().min(2) - 1),
            _ => "7".to_owned(),
        };
        let has_default = self.default && proto2 && !is_message && !matches!(self.label, 2 | 4);
        let default = if has_default { format!(" [default = {default}]") } else { String::new() };
        format!(" {label}{kind} f{} = {}{default};", self.name, self.number)
    }
}

/// The descriptors of a schema, as they come out of it.
pub(crate) fn pool(schema: &muster_schema::protobuf::ProtobufSchema) -> DescriptorPool {
    use base64::{Engine, engine::general_purpose};
    let bytes = general_purpose::STANDARD.decode(schema.serialised()).unwrap();
    let mut pool = DescriptorPool::global();
    pool.decode_file_descriptor_proto(Bytes::from(bytes)).unwrap();
    pool
}

/// A message of a type, whole: what is required is there.
pub(crate) fn message(of: &MessageDescriptor, tape: &mut Tape<'_>, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        let is_set = field.is_required() || tape.below(4) > 0;
        if !is_set || (depth == 0 && matches!(field.kind(), Kind::Message(_)) && !field.is_map()) {
            continue;
        }
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { continue };
            if depth == 0 {
                continue;
            }
            let entries = (0..tape.below(3)).map(|_| {
                let key = value(&entry.map_entry_key_field(), tape, depth);
                (into_key(key), value(&entry.map_entry_value_field(), tape, depth - 1))
            });
            message.set_field(&field, Value::Map(entries.collect()));
        } else if field.is_list() {
            let values = (0..tape.below(4)).map(|_| value(&field, tape, depth.saturating_sub(1)));
            message.set_field(&field, Value::List(values.collect()));
        } else {
            let value = value(&field, tape, depth.saturating_sub(1));
            message.set_field(&field, value);
        }
    }
    message
}

fn into_key(value: Value) -> MapKey {
    match value {
        Value::I32(value) => MapKey::I32(value),
        Value::I64(value) => MapKey::I64(value),
        Value::U32(value) => MapKey::U32(value),
        Value::U64(value) => MapKey::U64(value),
        Value::Bool(value) => MapKey::Bool(value),
        Value::String(value) => MapKey::String(value),
        other => unreachable!("{other:?} isn't a key"),
    }
}

fn value(field: &FieldDescriptor, tape: &mut Tape<'_>, depth: usize) -> Value {
    let pick = tape.below(6);
    let wide = [0_i64, 1, -1, i64::MIN, i64::MAX, 1 << 33][pick];
    let narrow = [0_i32, 1, -1, i32::MIN, i32::MAX, 300][pick];
    match field.kind() {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(narrow),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(wide),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(narrow.cast_unsigned()),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(wide.cast_unsigned()),
        Kind::Bool => Value::Bool(pick % 2 == 1),
        Kind::Float => Value::F32([0.0, 1.5, -1.0, f32::MIN, f32::MAX, f32::INFINITY][pick]),
        Kind::Double => Value::F64([0.0, 1.5, -1.0, f64::MIN, f64::MAX, 1e-300][pick]),
        Kind::String => {
            Value::String(["", "a", "ä", "\u{0}", "long long long", "d"][pick].to_owned())
        }
        Kind::Bytes => Value::Bytes(Bytes::from_static(
            [&b""[..], b"a", b"\xff", b"\x08\x01", b"\x0a", b"d"][pick],
        )),
        Kind::Enum(of) => {
            let values: Vec<i32> = of.values().map(|value| value.number()).collect();
            // An open enum may have any number.
            let open = of.parent_file().syntax() == prost_reflect::Syntax::Proto3;
            Value::EnumNumber(if open && pick == 5 { -5 } else { values[pick % values.len()] })
        }
        Kind::Message(of) => Value::Message(message(&of, tape, depth)),
    }
}

/// The bytes of a message.
pub(crate) fn bytes(message: &DynamicMessage) -> Vec<u8> {
    message.encode_to_vec()
}
