//! The order of the schemas in an `allOf`, `anyOf` or `oneOf`, by which paths count them: that of
//! Confluent's registry, which is not that of the text.

use std::borrow::Cow;

use muster_words::json::{Map, Value};

use crate::steps::count;

/// The members of a JSON object.
pub(super) type Members = Map<String, Value>;

/// The kinds of schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Array,
    Boolean,
    /// `allOf`, `anyOf` or `oneOf`.
    Combined(Combination),
    /// `type` with a list of names.
    Types,
    /// `if`, `then` and `else`.
    Conditional,
    Const,
    Enum,
    Not,
    Null,
    Number,
    Object,
    Reference,
    String,
}

/// How schemas are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Combination {
    All,
    Any,
    One,
}

impl Combination {
    pub(super) const ALL: [Self; 3] = [Self::All, Self::Any, Self::One];

    pub(super) const fn keyword(self) -> &'static str {
        match self {
            Self::All => "allOf",
            Self::Any => "anyOf",
            Self::One => "oneOf",
        }
    }

    /// The step of a path.
    pub(super) const fn step(self) -> &'static str {
        match self {
            Self::All => "allof",
            Self::Any => "anyof",
            Self::One => "oneof",
        }
    }
}

/// The kinds that a schema is by its keywords if it has no `type`, or beside it.
const SNIFFED: [(Shape, &[&str]); 4] = [
    (
        Shape::Array,
        &["items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"],
    ),
    (
        Shape::Object,
        &[
            "properties",
            "required",
            "minProperties",
            "maxProperties",
            "dependencies",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
        ],
    ),
    (Shape::Number, &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    (Shape::String, &["minLength", "maxLength", "pattern", "format"]),
];

/// What a schema is: each kind once, in the order of kinds.
pub(super) fn shapes_of(members: &Members) -> Vec<Shape> {
    if members.contains_key("$ref") {
        return vec![Shape::Reference];
    }
    let mut shapes = Vec::new();
    let is_list = |key: &str| members.get(key).is_some_and(Value::is_array);
    let combined = Combination::ALL.into_iter().filter(|one| is_list(one.keyword()));
    shapes.extend(combined.map(Shape::Combined));
    for (shape, key) in [(Shape::Enum, "enum"), (Shape::Not, "not"), (Shape::Const, "const")] {
        shapes.extend(members.contains_key(key).then_some(shape));
    }
    let typed = types_of(members);
    match members.get("type") {
        Some(Value::Array(_)) => shapes.push(Shape::Types),
        _ => shapes.extend(&typed),
    }
    for (shape, keys) in SNIFFED {
        if !typed.contains(&shape) && keys.iter().any(|key| members.contains_key(*key)) {
            shapes.push(shape);
        }
    }
    if ["if", "then", "else"].iter().any(|key| members.contains_key(*key)) {
        shapes.push(Shape::Conditional);
    }
    shapes.sort_by_key(|shape| (shape.rank(), shape.combination()));
    shapes
}

/// The kinds that `type` names, in their order.
pub(super) fn types_of(members: &Members) -> Vec<Shape> {
    let of = |name: &Value| {
        Some(match name.as_str()? {
            "array" => Shape::Array,
            "boolean" => Shape::Boolean,
            "null" => Shape::Null,
            "number" | "integer" => Shape::Number,
            "object" => Shape::Object,
            "string" => Shape::String,
            _ => return None,
        })
    };
    let mut shapes: Vec<Shape> = match members.get("type") {
        Some(Value::Array(names)) => names.iter().filter_map(of).collect(),
        Some(name) => of(name).into_iter().collect(),
        None => Vec::new(),
    };
    shapes.sort_by_key(|shape| (shape.rank(), shape.combination()));
    shapes
}

/// The indices of combined schemas in the order in which paths count them.
pub(super) fn counted(schemas: &[Value]) -> Vec<usize> {
    let mut keys: Vec<(Key<'_>, usize)> =
        schemas.iter().enumerate().map(|(at, schema)| (key_of(schema), at)).collect();
    // What compares as equal stays in the order of the text.
    keys.sort();
    keys.into_iter().map(|(_, at)| at).collect()
}

/// What schemas are ordered by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    rank: Rank,
    title: Option<&'a str>,
    description: Option<&'a str>,
    default: Option<Cow<'a, str>>,
    detail: Detail<'a>,
}

/// The kinds in their order. A list of types counts as an `anyOf` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Array,
    Boolean,
    Combined,
    Conditional,
    Const,
    Empty,
    Enum,
    False,
    Not,
    Null,
    Number,
    Object,
    Reference,
    String,
    True,
}

/// What two schemas of one rank are ordered by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail<'a> {
    None,
    /// A combination, the number of its schemas, and they in their order.
    Combined(Combination, usize, Vec<Key<'a>>),
    /// The schemas within.
    Within(Vec<Key<'a>>),
    Text(String),
    /// Numbers of texts, and the texts sorted.
    Texts(usize, Vec<String>),
    /// The names of properties, and those that are required.
    Names(usize, Vec<&'a str>, usize, Vec<&'a str>),
}

impl Shape {
    const fn rank(self) -> Rank {
        match self {
            Self::Array => Rank::Array,
            Self::Boolean => Rank::Boolean,
            Self::Combined(_) | Self::Types => Rank::Combined,
            Self::Conditional => Rank::Conditional,
            Self::Const => Rank::Const,
            Self::Enum => Rank::Enum,
            Self::Not => Rank::Not,
            Self::Null => Rank::Null,
            Self::Number => Rank::Number,
            Self::Object => Rank::Object,
            Self::Reference => Rank::Reference,
            Self::String => Rank::String,
        }
    }

    const fn combination(self) -> Option<Combination> {
        match self {
            Self::Combined(combination) => Some(combination),
            Self::Types => Some(Combination::Any),
            _ => None,
        }
    }
}

impl<'a> Key<'a> {
    const fn plain(rank: Rank) -> Self {
        Self { rank, title: None, description: None, default: None, detail: Detail::None }
    }

    fn of_shape(members: &'a Members, shape: Shape) -> Self {
        let detail = detail_of(members, shape);
        Self { detail, ..Self::plain(shape.rank()) }
    }
}

/// The key of a schema. This recurses as deeply as JSON is nested, which is bounded.
fn key_of(schema: &Value) -> Key<'_> {
    count(1);
    let members = match schema {
        Value::Object(members) => members,
        Value::Bool(false) => return Key::plain(Rank::False),
        Value::Bool(true) => return Key::plain(Rank::True),
        _ => return Key::plain(Rank::Empty),
    };
    let key = match shapes_of(members).as_slice() {
        [] => Key::plain(Rank::Empty),
        [shape] => Key::of_shape(members, *shape),
        shapes => {
            let keys = sorted(shapes.iter().map(|one| Key::of_shape(members, *one)));
            let detail = Detail::Combined(Combination::All, keys.len(), keys);
            Key { detail, ..Key::plain(Rank::Combined) }
        }
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let default = members.get("default").map(|default| match default {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    });
    Key { title: text("title"), description: text("description"), default, ..key }
}

fn sorted<'a>(keys: impl Iterator<Item = Key<'a>>) -> Vec<Key<'a>> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

fn detail_of(members: &Members, shape: Shape) -> Detail<'_> {
    let within = |name: &str| members.get(name).map_or(Key::plain(Rank::Empty), key_of);
    match shape {
        Shape::Combined(combination) => {
            let schemas = members.get(combination.keyword()).and_then(Value::as_array);
            let keys = sorted(schemas.into_iter().flatten().map(key_of));
            Detail::Combined(combination, keys.len(), keys)
        }
        Shape::Types => {
            let types = types_of(members).into_iter();
            let keys = sorted(types.map(|one| Key::of_shape(members, one)));
            Detail::Combined(Combination::Any, keys.len(), keys)
        }
        Shape::Conditional => Detail::Within(["if", "then", "else"].map(within).into()),
        Shape::Not => Detail::Within(vec![within("not")]),
        Shape::Array => {
            let items = members.get("items").filter(|items| !items.is_array());
            Detail::Within(items.map(key_of).into_iter().collect())
        }
        Shape::Const => Detail::Text(members.get("const").map(shown).unwrap_or_default()),
        Shape::Enum => {
            let values = members.get("enum").and_then(Value::as_array);
            let mut texts: Vec<String> = values.into_iter().flatten().map(shown).collect();
            texts.sort_unstable();
            Detail::Texts(texts.len(), texts)
        }
        Shape::Object => {
            let properties = members.get("properties").and_then(Value::as_object);
            let names: Vec<&str> =
                properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
            let required = members.get("required").and_then(Value::as_array);
            let mut required: Vec<&str> =
                required.into_iter().flatten().filter_map(Value::as_str).collect();
            required.sort_unstable();
            Detail::Names(names.len(), names, required.len(), required)
        }
        _ => Detail::None,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
