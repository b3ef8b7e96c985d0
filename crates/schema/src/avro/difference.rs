use std::collections::{HashMap, HashSet, VecDeque};

use crate::{
    ChangeClass, ChangeKind, ChangedPart, SchemaChange,
    avro::{
        logical::LogicalType,
        schema::{
            AvroSchema, Enumeration, Field, FieldOrder, Kind, Named, NodeId, PlaceId, Properties,
            Record, TypeUse,
        },
    },
    limits, messages, steps,
};

/// The attribute that marks a type or a field as deprecated, if it is neither false nor null.
const DEPRECATED: &str = "deprecated";

/// The differences between two versions of a schema, those of outer types first, at most
/// [`limits::AVRO_FINDINGS_MAX`]. A field with a new name and the old one among its aliases is a
/// modified field.
///
/// ```
/// use muster_schema::{ChangeClass, ChangeKind, avro::{AvroSchema, difference}};
///
/// let old = AvroSchema::parse(r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[])?;
/// let new = AvroSchema::parse(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, &[])?;
/// let changes = difference(&old, &new);
/// assert_eq!((changes[0].kind, changes[0].class), (ChangeKind::Added, ChangeClass::Breaking));
/// assert_eq!((changes[0].path.as_str(), changes[0].is.as_deref()), ("/symbols/1", Some("B")));
/// # Ok::<(), muster_schema::avro::AvroError>(())
/// ```
#[must_use]
pub fn difference(old: &AvroSchema, new: &AvroSchema) -> Vec<SchemaChange> {
    let mut differ = Differ {
        old,
        new,
        open: VecDeque::from([Both { old: old.root, new: new.root, old_at: 0, new_at: 0 }]),
        seen: HashSet::new(),
        changes: Vec::new(),
    };
    let work = || {
        while let Some(both) = differ.open.pop_front() {
            differ.types(both);
        }
    };
    if steps::metered(limits::AVRO_COMPARISON_STEPS_MAX, work).is_err() {
        differ.changes.truncate(limits::AVRO_FINDINGS_MAX - 1);
        differ.changes.push(SchemaChange {
            kind: ChangeKind::Modified,
            part: ChangedPart::Type,
            path: String::new(),
            was: None,
            is: Some("too much to compare".to_owned()),
            class: ChangeClass::Breaking,
        });
    }
    differ.changes
}

/// Two types at the same place, with the places in the schemas' own texts.
#[derive(Clone, Copy)]
struct Both {
    old: TypeUse,
    new: TypeUse,
    old_at: PlaceId,
    new_at: PlaceId,
}

struct Differ<'a> {
    old: &'a AvroSchema,
    new: &'a AvroSchema,
    open: VecDeque<Both>,
    seen: HashSet<(NodeId, NodeId)>,
    changes: Vec<SchemaChange>,
}

impl<'a> Differ<'a> {
    fn add(
        &mut self,
        (kind, part, class): (ChangeKind, ChangedPart, ChangeClass),
        path: impl FnOnce() -> String,
        was: Option<String>,
        is: Option<String>,
    ) {
        if self.changes.len() >= limits::AVRO_FINDINGS_MAX {
            return;
        }
        let short = |text: String| messages::cut(text, limits::MESSAGE_MAX);
        let (was, is) = (was.map(short), is.map(short));
        self.changes.push(SchemaChange { kind, part, path: path(), was, is, class });
    }

    fn open(&mut self, around: Both, old: TypeUse, new: TypeUse) {
        steps::count(1);
        let at = |schema: &AvroSchema, place, around| {
            if schema.is_own(place) { place } else { around }
        };
        if self.seen.insert((old.node, new.node)) {
            self.open.push_back(Both {
                old,
                new,
                old_at: at(self.old, old.place, around.old_at),
                new_at: at(self.new, new.place, around.new_at),
            });
        }
    }

    /// Where a type is defined, or used if that isn't in the schema's own text.
    fn definition(schema: &AvroSchema, of: NodeId, around: PlaceId) -> String {
        let named = schema.kind(of).named().is_some();
        let defined = schema.node(of).place;
        schema.pointer(if named && schema.is_own(defined) { defined } else { around })
    }

    fn types(&mut self, both: Both) {
        steps::count(1);
        let (old, new) = (self.old, self.new);
        let path = || Self::definition(new, both.new.node, both.new_at);
        match (old.kind(both.old.node), new.kind(both.new.node)) {
            (Kind::Primitive(was), Kind::Primitive(is)) if was == is => self.logical(both),
            (Kind::Array(was), Kind::Array(is)) | (Kind::Map(was), Kind::Map(is)) => {
                self.open(both, *was, *is);
            }
            (Kind::Union(was), Kind::Union(is)) => self.unions(both, was, is),
            (Kind::Union(branches), _) => self.with_union(both, branches, true),
            (_, Kind::Union(branches)) => self.with_union(both, branches, false),
            (Kind::Fixed(was), Kind::Fixed(is)) => {
                self.named(both, &was.named, &is.named);
                if was.size != is.size {
                    let what =
                        (ChangeKind::Modified, ChangedPart::Constraint, ChangeClass::Breaking);
                    let size = |size: u32| Some(size.to_string());
                    self.add(what, || path() + "/size", size(was.size), size(is.size));
                }
                self.logical(both);
            }
            (Kind::Enum(was), Kind::Enum(is)) => {
                self.named(both, &was.named, &is.named);
                self.symbols(both, was, is);
            }
            (Kind::Record(was), Kind::Record(is)) => {
                self.named(both, &was.named, &is.named);
                self.fields(both, was, is);
            }
            _ => return self.another_type(both, ChangeClass::Breaking),
        }
        let (was, is) = (&old.node(both.old.node).properties, &new.node(both.new.node).properties);
        self.properties(was, is, path);
    }

    fn another_type(&mut self, both: Both, class: ChangeClass) {
        let (was, is) = (self.old.describe(both.old.node), self.new.describe(both.new.node));
        let path = self.new.pointer(both.new_at);
        let what = (ChangeKind::Modified, ChangedPart::Type, class);
        self.add(what, || path, Some(was), Some(is));
    }

    fn logical(&mut self, both: Both) {
        let (was, is) =
            (self.old.node(both.old.node).logical, self.new.node(both.new.node).logical);
        if was == is {
            return;
        }
        let strict = |of: Option<LogicalType>| {
            use LogicalType::{BigDecimal, Decimal, Uuid};
            matches!(of, Some(BigDecimal | Decimal { .. } | Uuid))
        };
        let breaks = was.is_some() && is.is_some() || strict(was) || strict(is);
        self.another_type(both, class(breaks));
    }

    /// A type that became a union, or the other way round.
    fn with_union(&mut self, both: Both, branches: &'a [TypeUse], was_union: bool) {
        let (union, single) = if was_union { (self.old, self.new) } else { (self.new, self.old) };
        let other = if was_union { both.new } else { both.old };
        let name = single.kind(other.node).branch_name();
        steps::count(branches.len() as u64);
        let same =
            branches.iter().find(|branch| union.kind(branch.node).branch_name() == name).copied();
        self.another_type(both, class(same.is_none() || branches.len() > 1));
        match same {
            Some(same) if was_union => self.open(both, same, other),
            Some(same) => self.open(both, other, same),
            None => {}
        }
    }

    fn unions(&mut self, both: Both, was: &'a [TypeUse], is: &'a [TypeUse]) {
        steps::count((was.len() + is.len()) as u64);
        let (old, new) = (self.old, self.new);
        let mut left: HashMap<&str, TypeUse> =
            was.iter().map(|branch| (old.kind(branch.node).branch_name(), *branch)).collect();
        for branch in is {
            let kind = new.kind(branch.node);
            let aliases = kind.named().map(|named| named.aliases.as_slice()).unwrap_or_default();
            let names =
                std::iter::once(kind.branch_name()).chain(aliases.iter().map(String::as_str));
            let same = names.into_iter().find_map(|name| left.remove(name));
            match same {
                Some(same) => self.open(both, same, *branch),
                None => {
                    let what =
                        (ChangeKind::Added, ChangedPart::Member, class(!reads(old, was, kind)));
                    let place = if new.is_own(branch.place) { branch.place } else { both.new_at };
                    self.add(what, || new.pointer(place), None, Some(new.describe(branch.node)));
                }
            }
        }
        for branch in was {
            let kind = old.kind(branch.node);
            if left.contains_key(kind.branch_name()) {
                let what = (ChangeKind::Removed, ChangedPart::Member, class(!reads(new, is, kind)));
                let place = if old.is_own(branch.place) { branch.place } else { both.old_at };
                self.add(what, || old.pointer(place), Some(old.describe(branch.node)), None);
            }
        }
    }

    fn named(&mut self, both: Both, was: &Named, is: &Named) {
        let path = || Self::definition(self.new, both.new.node, both.new_at);
        let (name, doc, aliases) = (path() + "/name", path() + "/doc", path() + "/aliases");
        if was.full != is.full {
            // A reader with the old schema knows no alias.
            let what =
                (ChangeKind::Modified, ChangedPart::Type, class(was.simple() != is.simple()));
            self.add(what, || name, Some(was.full.clone()), Some(is.full.clone()));
        }
        if was.aliases != is.aliases {
            let what = (ChangeKind::Modified, ChangedPart::Constraint, ChangeClass::NonBreaking);
            self.add(what, || aliases, list(&was.aliases), list(&is.aliases));
        }
        self.text(
            was.doc.clone(),
            is.doc.clone(),
            ChangedPart::Documentation,
            ChangeClass::Patch,
            doc,
        );
    }

    /// A text that may be absent.
    fn text(
        &mut self,
        was: Option<String>,
        is: Option<String>,
        part: ChangedPart,
        class: ChangeClass,
        path: String,
    ) {
        let kind = match (&was, &is) {
            (was, is) if was == is => return,
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Modified,
        };
        self.add((kind, part, class), || path, was, is);
    }

    fn symbols(&mut self, both: Both, was: &Enumeration, is: &Enumeration) {
        steps::count((was.symbols.len() + is.symbols.len()) as u64);
        let path = Self::definition(self.new, both.new.node, both.new_at);
        for (index, symbol) in is.symbols.iter().enumerate() {
            if !was.by_symbol.contains_key(symbol) {
                let what = (ChangeKind::Added, ChangedPart::Member, class(was.default.is_none()));
                self.add(what, || format!("{path}/symbols/{index}"), None, Some(symbol.clone()));
            }
        }
        for symbol in was.symbols.iter().filter(|symbol| !is.by_symbol.contains_key(*symbol)) {
            let what = (ChangeKind::Removed, ChangedPart::Member, class(is.default.is_none()));
            self.add(what, || format!("{path}/symbols"), Some(symbol.clone()), None);
        }
        let at = format!("{path}/default");
        let (was, is) = (was.default.clone(), is.default.clone());
        self.text(was, is, ChangedPart::Default, ChangeClass::NonBreaking, at);
    }

    fn fields(&mut self, both: Both, was: &'a Record, is: &'a Record) {
        steps::count((was.fields.len() + is.fields.len()) as u64);
        let (old, new) = (self.old, self.new);
        let mut left: HashSet<usize> = (0..was.fields.len()).collect();
        let mut pairs = Vec::new();
        for field in &is.fields {
            // A field that exists under its own name isn't taken for another one by an alias.
            let free = |name: &&String| **name == field.name || !is.by_name.contains_key(*name);
            let mut names = std::iter::once(&field.name).chain(&field.aliases).filter(free);
            let same =
                names.find_map(|name| was.by_name.get(name).filter(|index| left.remove(index)));
            match same {
                Some(index) => pairs.push((&was.fields[*index], field)),
                None => {
                    let what =
                        (ChangeKind::Added, ChangedPart::Member, class(field.default.is_none()));
                    let place = if new.is_own(field.place) { field.place } else { both.new_at };
                    let is = format!("{} of the type {}", field.name, new.describe(field.of.node));
                    self.add(what, || new.pointer(place), None, Some(is));
                }
            }
        }
        for (index, field) in was.fields.iter().enumerate() {
            if left.contains(&index) {
                let what =
                    (ChangeKind::Removed, ChangedPart::Member, class(field.default.is_none()));
                let place = if old.is_own(field.place) { field.place } else { both.old_at };
                let was = format!("{} of the type {}", field.name, old.describe(field.of.node));
                self.add(what, || old.pointer(place), Some(was), None);
            }
        }
        for (was, is) in pairs {
            self.field(both, was, is);
        }
    }

    fn field(&mut self, both: Both, was: &'a Field, is: &'a Field) {
        let place = if self.new.is_own(is.place) { is.place } else { both.new_at };
        let path = self.new.pointer(place);
        let at = |attribute: &str| format!("{path}/{attribute}");
        if was.name != is.name {
            let what = (ChangeKind::Modified, ChangedPart::Member, class(was.default.is_none()));
            self.add(what, || at("name"), Some(was.name.clone()), Some(is.name.clone()));
        }
        if was.aliases != is.aliases {
            let what = (ChangeKind::Modified, ChangedPart::Constraint, ChangeClass::NonBreaking);
            self.add(what, || at("aliases"), list(&was.aliases), list(&is.aliases));
        }
        if was.order != is.order {
            let what = (ChangeKind::Modified, ChangedPart::Constraint, ChangeClass::NonBreaking);
            let word = |order| Some(word(order).to_owned());
            self.add(what, || at("order"), word(was.order), word(is.order));
        }
        let default = |field: &Field| field.default.as_ref().map(|default| default.text.clone());
        let (part, class) = (ChangedPart::Default, ChangeClass::NonBreaking);
        self.text(default(was), default(is), part, class, at("default"));
        let part = ChangedPart::Documentation;
        self.text(was.doc.clone(), is.doc.clone(), part, ChangeClass::Patch, at("doc"));
        self.properties(&was.properties, &is.properties, || path.clone());
        self.open(both, was.of, is.of);
    }

    fn properties(&mut self, was: &Properties, is: &Properties, path: impl Fn() -> String) {
        if was.is_empty() && is.is_empty() {
            return;
        }
        // What a logical type means is compared as a type.
        let own = |properties: &Properties| -> HashMap<String, String> {
            let own = properties.iter().filter(|(key, _)| key != "logicalType");
            own.map(|(key, value)| (key.clone(), value.text.clone())).collect()
        };
        let (was_own, is_own) = (own(was), own(is));
        let mut keys: Vec<&String> = was_own.keys().chain(is_own.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            steps::count(1);
            let (was, is) = (was_own.get(key), is_own.get(key));
            let at = format!("{}/{}", path(), muster_words::json::escape_pointer(key));
            let holds =
                |text: Option<&String>| text.is_some_and(|text| text != "false" && text != "null");
            if key == DEPRECATED && holds(is) && !holds(was) {
                let what = (ChangeKind::Deprecated, ChangedPart::Documentation, ChangeClass::Patch);
                self.add(what, &path, was.cloned(), is.cloned());
            } else {
                let part = ChangedPart::Documentation;
                self.text(was.cloned(), is.cloned(), part, ChangeClass::Patch, at);
            }
        }
    }
}

fn class(breaks: bool) -> ChangeClass {
    if breaks { ChangeClass::Breaking } else { ChangeClass::NonBreaking }
}

/// Whether a union without this branch reads it nevertheless, by a promotion that never fails.
fn reads(schema: &AvroSchema, branches: &[TypeUse], written: &Kind) -> bool {
    use super::schema::Primitive;
    let Kind::Primitive(written) = written else { return false };
    branches.iter().any(|branch| {
        matches!(schema.kind(branch.node), Kind::Primitive(read)
            if written.promotes_to(*read) && *written != Primitive::Bytes)
    })
}

fn list(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

fn word(order: FieldOrder) -> &'static str {
    match order {
        FieldOrder::Ascending => "ascending",
        FieldOrder::Descending => "descending",
        FieldOrder::Ignore => "ignore",
    }
}
