//! The comparison as Confluent's registry makes it: by the names of messages and the numbers of
//! fields, with types in the groups of Protobuf's page on updating a message.
//!
//! Theirs recurses from a field into an imported message with a context of its own. Here the pairs
//! of messages are a graph, and what is incompatible spreads against its edges, so the depth and
//! the number of paths don't matter.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use prost_reflect::{Kind, MessageDescriptor};

use super::{
    ProtobufSchema,
    compare::Finding,
    member::{Member, local_name},
};

/// What makes a pair of schemas incompatible.
pub(super) fn compare(writer: &ProtobufSchema, reader: &ProtobufSchema) -> Vec<Finding> {
    let mut comparison = Comparison {
        writer,
        reader,
        findings: Vec::new(),
        pairs: Vec::new(),
        known: HashMap::new(),
        open: VecDeque::new(),
        uses: Vec::new(),
    };
    let (written, read) = (writer.package(), reader.package());
    if written != read {
        let says = |package: &str| (package.to_owned(), format!("package {package}"));
        let ((at, was), (here, is)) = (says(written), says(read));
        comparison
            .findings
            .push((None, Finding::broken("package_changed", Some((&at, was)), Some((&here, is)))));
    }
    comparison.types(None, writer.file().messages().collect(), reader.file().messages().collect());
    while let Some(pair) = comparison.open.pop_front() {
        comparison.message(pair);
    }
    comparison.finish()
}

struct Comparison<'a> {
    writer: &'a ProtobufSchema,
    reader: &'a ProtobufSchema,
    /// What was found, with the pair in which it is.
    findings: Vec<(Option<usize>, Finding)>,
    pairs: Vec<(MessageDescriptor, MessageDescriptor)>,
    known: HashMap<(String, String), usize>,
    open: VecDeque<usize>,
    /// What a pair is incompatible with: the inner pair, the outer one, and what to report there.
    uses: Vec<(usize, usize, Option<Finding>)>,
}

impl Comparison<'_> {
    fn pair(&mut self, written: MessageDescriptor, read: MessageDescriptor) -> usize {
        let names = (written.full_name().to_owned(), read.full_name().to_owned());
        *self.known.entry(names).or_insert_with(|| {
            self.pairs.push((written, read));
            self.open.push_back(self.pairs.len() - 1);
            self.pairs.len() - 1
        })
    }

    /// Compares the messages in a file or in a message.
    fn types(
        &mut self,
        within: Option<usize>,
        written: Vec<MessageDescriptor>,
        read: Vec<MessageDescriptor>,
    ) {
        let named = |all: Vec<MessageDescriptor>| -> BTreeMap<String, MessageDescriptor> {
            let declared = all.into_iter().filter(|message| !message.is_map_entry());
            declared.map(|message| (message.name().to_owned(), message)).collect()
        };
        let mut read = named(read);
        for (name, written) in named(written) {
            match read.remove(&name) {
                None => {
                    let says = format!("message {name}");
                    let finding =
                        Finding::broken("message_removed", Some((written.full_name(), says)), None);
                    self.findings.push((within, finding));
                }
                Some(read) => {
                    let inner = self.pair(written, read);
                    self.uses.extend(within.map(|outer| (inner, outer, None)));
                }
            }
        }
    }

    fn message(&mut self, pair: usize) {
        let Some((written, read)) = self.pairs.get(pair).cloned() else { return };
        // Groups aren't compared there.
        let members = |message: &MessageDescriptor| -> BTreeMap<u32, Member> {
            let fields = message.fields().filter(|field| !field.is_group());
            fields.map(|field| (field.number(), Member::of_field(&field))).collect()
        };
        let (writes, reads) = (members(&written), members(&read));
        self.moved(pair, &writes, &reads);
        let numbers: BTreeSet<u32> = writes.keys().chain(reads.keys()).copied().collect();
        for number in numbers {
            match (writes.get(&number), reads.get(&number)) {
                (Some(field), None) if field.is_required() => {
                    self.add(
                        pair,
                        Finding::broken("required_field_removed", Some(says(field)), None),
                    );
                }
                (Some(field), None) if removed_from_oneof(field, &reads) => {
                    self.add(pair, Finding::broken("oneof_field_removed", Some(says(field)), None));
                }
                (None, Some(field)) if field.is_required() => {
                    self.add(
                        pair,
                        Finding::broken("required_field_added", None, Some(says(field))),
                    );
                }
                (Some(written), Some(read)) => self.field(pair, written, read),
                _ => {}
            }
        }
        self.types(Some(pair), written.child_messages().collect(), read.child_messages().collect());
    }

    fn add(&mut self, pair: usize, finding: Finding) {
        self.findings.push((Some(pair), finding));
    }

    /// Fields that move into a oneof.
    fn moved(
        &mut self,
        pair: usize,
        writes: &BTreeMap<u32, Member>,
        reads: &BTreeMap<u32, Member>,
    ) {
        let mut oneofs: BTreeMap<&str, (Vec<&Member>, usize)> = BTreeMap::new();
        for field in reads.values() {
            let Some(oneof) = field.oneof.as_deref() else { continue };
            let (moved, existing) = oneofs.entry(oneof).or_default();
            match writes.get(&field.number) {
                Some(written) if written.oneof.is_none() => moved.push(field),
                Some(_) => *existing += 1,
                None => {}
            }
        }
        for (oneof, (moved, existing)) in oneofs {
            let rule = match (moved.len(), existing) {
                (2.., _) => "multiple_fields_moved_to_oneof",
                (1, 1..) => "field_moved_to_existing_oneof",
                _ => continue,
            };
            let Some((Some(written), field)) =
                moved.first().map(|field| (writes.get(&field.number), *field))
            else {
                continue;
            };
            let is = format!("{} in oneof {oneof}", field.shown());
            self.add(
                pair,
                Finding::broken(rule, Some(says(written)), Some((&field.full_name, is))),
            );
        }
    }

    fn field(&mut self, pair: usize, written: &Member, read: &Member) {
        let found = |rule| Finding::broken(rule, Some(says(written)), Some(says(read)));
        match (Shape::of(written), Shape::of(read)) {
            (Shape::Map(key, value), Shape::Map(read_key, read_value)) => {
                self.kinds(pair, (&key, &read_key), &found);
                self.kinds(pair, (&value, &read_value), &found);
            }
            (Shape::Plain(kind), Shape::Plain(read_kind)) => {
                if self.kinds(pair, (&kind, &read_kind), &found)
                    && matches!((written.label, read.label), (Some(was), Some(is)) if was != is)
                    && !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
                {
                    self.add(pair, found("field_numeric_label_changed"));
                }
            }
            _ => self.add(pair, found("field_kind_changed")),
        }
    }

    /// Compares two types; says whether they are of one kind.
    fn kinds(
        &mut self,
        pair: usize,
        kinds: (&Kind, &Kind),
        found: &dyn Fn(&'static str) -> Finding,
    ) -> bool {
        match kinds {
            (Kind::Message(written), Kind::Message(read)) => {
                if local_name(written) != local_name(read) {
                    self.add(pair, found("field_named_type_changed"));
                    return false;
                }
                let own = |message: &MessageDescriptor, schema: &ProtobufSchema| {
                    message.parent_file().name() == schema.file().name()
                };
                // What both declare themselves is compared anyway, by its name.
                if !(own(written, self.writer) && own(read, self.reader)) {
                    let inner = self.pair(written.clone(), read.clone());
                    self.uses.push((inner, pair, Some(found("field_named_type_changed"))));
                }
            }
            (Kind::Message(_), _) | (_, Kind::Message(_)) => {
                self.add(pair, found("field_kind_changed"));
                return false;
            }
            (written, read) if group(written) != group(read) => {
                self.add(pair, found("field_scalar_kind_changed"));
                return false;
            }
            _ => {}
        }
        true
    }

    /// Spreads incompatibility to the fields that use incompatible messages.
    fn finish(self) -> Vec<Finding> {
        let mut incompatible = vec![false; self.pairs.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut all = Vec::new();
        for (pair, finding) in self.findings {
            open.extend(pair);
            all.push(finding);
        }
        let mut users: HashMap<usize, Vec<(usize, Option<Finding>)>> = HashMap::new();
        for (inner, outer, finding) in self.uses {
            users.entry(inner).or_default().push((outer, finding));
        }
        while let Some(pair) = open.pop() {
            let Some(seen) = incompatible.get_mut(pair) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            for (outer, finding) in users.remove(&pair).unwrap_or_default() {
                open.push(outer);
                all.extend(finding);
            }
        }
        all
    }
}

fn says(field: &Member) -> (&str, String) {
    (&field.full_name, field.shown())
}

/// Whether a field was deleted from a oneof that is still there: without the oneof, it is its end
/// that counts, and that is compatible.
fn removed_from_oneof(field: &Member, reads: &BTreeMap<u32, Member>) -> bool {
    field.oneof.is_some() && reads.values().any(|other| other.oneof == field.oneof)
}

enum Shape {
    Map(Kind, Kind),
    Plain(Kind),
}

impl Shape {
    fn of(field: &Member) -> Self {
        match &field.kind {
            Kind::Message(entry) if field.is_map => {
                Self::Map(entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind())
            }
            kind => Self::Plain(kind.clone()),
        }
    }
}

/// The types that may be exchanged for each other have one name.
fn group(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => {
            "number"
        }
        Kind::Sint32 | Kind::Sint64 => "signed",
        Kind::String | Kind::Bytes => "text",
        Kind::Fixed32 | Kind::Sfixed32 => "fixed32",
        Kind::Fixed64 | Kind::Sfixed64 => "fixed64",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Message(_) => "message",
    }
}
