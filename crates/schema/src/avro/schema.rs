use std::collections::{BTreeMap, HashMap};

use muster_words::{
    PlacedValue,
    json::{Value, escape_pointer},
};

use crate::{Violation, avro::logical::LogicalType, written_json::written_text};

/// A parsed Avro schema, with the types of the schemas that it refers to.
///
/// It is parsed once and used for any number of comparisons and data, on any thread.
///
/// ```
/// use muster_schema::avro::AvroSchema;
///
/// let money = r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}"#;
/// let order = r#"{"type":"record","name":"shop.Order","fields":[{"name":"total","type":"Money"}]}"#;
/// let schema = AvroSchema::parse(order, &[("money", money)])?;
/// assert_eq!(schema.name(), Some("shop.Order"));
///
/// // Without the reference there is no such type.
/// let error = AvroSchema::parse(order, &[]).unwrap_err();
/// assert_eq!(error.problems[0].pointer, "/fields/0/type");
/// assert_eq!(error.problems[0].fault.code(), "unknown_type");
/// # Ok::<(), muster_schema::avro::AvroError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AvroSchema {
    pub(crate) nodes: Vec<Node>,
    pub(crate) places: Vec<Place>,
    pub(crate) root: TypeUse,
    /// The named types of all texts.
    pub(crate) names: BTreeMap<String, NodeId>,
    /// What is accepted but has no effect, such as an ill-formed logical type.
    pub(crate) warnings: Vec<Violation>,
}

/// The number of a type. A type that is used in several places has one number.
pub(crate) type NodeId = u32;

/// The number of a place in one of the texts.
pub(crate) type PlaceId = u32;

/// A type, used at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TypeUse {
    pub(crate) node: NodeId,
    pub(crate) place: PlaceId,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) logical: Option<LogicalType>,
    pub(crate) properties: Properties,
    /// Where it is defined.
    pub(crate) place: PlaceId,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Primitive(Primitive),
    Record(Record),
    Enum(Enumeration),
    Fixed(Fixed),
    Array(TypeUse),
    Map(TypeUse),
    Union(Vec<TypeUse>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) named: Named,
    pub(crate) is_error: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) by_name: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Enumeration {
    pub(crate) named: Named,
    pub(crate) symbols: Vec<String>,
    pub(crate) by_symbol: HashMap<String, usize>,
    pub(crate) default: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Fixed {
    pub(crate) named: Named,
    pub(crate) size: u32,
}

/// What records, enums and fixed have in common.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) full: String,
    /// Full names.
    pub(crate) aliases: Vec<String>,
    pub(crate) doc: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) doc: Option<String>,
    pub(crate) default: Option<Written>,
    pub(crate) order: FieldOrder,
    pub(crate) of: TypeUse,
    pub(crate) properties: Properties,
    pub(crate) place: PlaceId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldOrder {
    Ascending,
    Descending,
    Ignore,
}

/// A value of JSON as it was written: with its members in their order, without white space.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) value: Value,
    pub(crate) text: String,
}

impl Written {
    /// A value with its text; the places in the text say in which order its members were written.
    pub(crate) fn of(value: &Value, at: Option<PlacedValue<'_>>) -> Self {
        Self { value: value.clone(), text: written_text(value, at) }
    }
}

/// The attributes that the specification doesn't define, in the order of the text.
pub(crate) type Properties = Vec<(String, Written)>;

/// A place: the one around it, and the step to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) parent: PlaceId,
    pub(crate) step: Step,
    /// 0 for the schema itself, otherwise the number of the reference from 1.
    pub(crate) text: u16,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Root,
    Key(&'static str),
    Index(u32),
}

impl AvroSchema {
    /// The full name of the schema's type, if that has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.kind(self.root.node).named().map(|named| named.full.as_str())
    }

    /// The full names of all types that it and the schemas that it refers to define, in order.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What was accepted although it has no effect, such as a decimal whose scale is larger than its
    /// precision: the specification says that an ill-formed logical type is ignored.
    #[must_use]
    pub fn warnings(&self) -> &[Violation] {
        &self.warnings
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    /// Whether a place is in the schema's own text.
    pub(crate) fn is_own(&self, place: PlaceId) -> bool {
        self.places[place as usize].text == 0
    }

    pub(crate) fn pointer(&self, place: PlaceId) -> String {
        pointer(&self.places, place)
    }

    /// A type in a few words, for messages.
    pub(crate) fn describe(&self, id: NodeId) -> String {
        let node = self.node(id);
        let plain = match &node.kind {
            Kind::Primitive(primitive) => primitive.name().to_owned(),
            Kind::Record(record) => format!("record {}", record.named.full),
            Kind::Enum(of) => format!("enum {}", of.named.full),
            Kind::Fixed(fixed) => format!("fixed {} of {} bytes", fixed.named.full, fixed.size),
            Kind::Array(items) => format!("array of {}", self.short(items.node)),
            Kind::Map(values) => format!("map of {}", self.short(values.node)),
            Kind::Union(branches) => self.describe_union(branches),
        };
        match &node.logical {
            Some(logical) => format!("{plain} as {logical}"),
            None => plain,
        }
    }

    fn describe_union(&self, branches: &[TypeUse]) -> String {
        const SHOWN: usize = 6;
        let mut names: Vec<String> =
            branches.iter().take(SHOWN).map(|branch| self.short(branch.node)).collect();
        if branches.len() > SHOWN {
            names.push(format!("{} more", branches.len() - SHOWN));
        }
        format!(
            "union of {}",
            if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
        )
    }

    fn short(&self, id: NodeId) -> String {
        match self.kind(id).named() {
            Some(named) => named.full.clone(),
            None => self.kind(id).word().to_owned(),
        }
    }
}

impl Kind {
    pub(crate) fn named(&self) -> Option<&Named> {
        match self {
            Self::Record(record) => Some(&record.named),
            Self::Enum(of) => Some(&of.named),
            Self::Fixed(fixed) => Some(&fixed.named),
            _ => None,
        }
    }

    /// The word for the kind in the specification.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Primitive(primitive) => primitive.name(),
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
        }
    }

    /// The name by which data names a branch of a union.
    pub(crate) fn branch_name(&self) -> &str {
        self.named().map_or_else(|| self.word(), |named| named.full.as_str())
    }
}

impl Named {
    /// The name without its namespace.
    pub(crate) fn simple(&self) -> &str {
        split(&self.full).1
    }

    pub(crate) fn namespace(&self) -> &str {
        split(&self.full).0
    }
}

/// The namespace, which may be empty, and the name in it.
pub(crate) fn split(full: &str) -> (&str, &str) {
    full.rsplit_once('.').unwrap_or(("", full))
}

impl Primitive {
    pub(crate) const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Int,
        Self::Long,
        Self::Float,
        Self::Double,
        Self::Bytes,
        Self::String,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|primitive| primitive.name() == name)
    }

    /// Whether data of this type may be read as another one ("Schema Resolution").
    pub(crate) const fn promotes_to(self, reader: Self) -> bool {
        use Primitive::{Bytes, Double, Float, Int, Long, String};
        matches!(
            (self, reader),
            (Int, Long | Float | Double)
                | (Long, Float | Double)
                | (Float, Double)
                | (String, Bytes)
                | (Bytes, String)
        )
    }
}

pub(crate) fn pointer(places: &[Place], place: PlaceId) -> String {
    let (mut steps, mut at) = (Vec::new(), place);
    loop {
        let Place { parent, step, .. } = places[at as usize];
        match step {
            Step::Root => break,
            Step::Key(key) => steps.push(escape_pointer(key)),
            Step::Index(index) => steps.push(index.to_string()),
        }
        at = parent;
    }
    steps.iter().rev().fold(String::new(), |mut pointer, step| {
        pointer.push('/');
        pointer.push_str(step);
        pointer
    })
}
