use std::rc::Rc;

use muster_words::json::Value;

use crate::json_schema::comparison::places::PlaceId;

/// A schema as Confluent's provider holds it: one kind of schema, or a combination.
#[derive(Debug)]
pub(in crate::json_schema::comparison) struct Shape<'a> {
    pub(super) number: usize,
    pub(super) place: PlaceId,
    pub(super) kind: Kind<'a>,
    pub(super) has_default: bool,
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Anything,
    Never,
    Boolean,
    Null,
    /// `if`, whose parts aren't compared.
    Condition,
    Text(TextShape<'a>),
    Number(NumberShape<'a>),
    Choices(&'a [Value]),
    Only(&'a Value),
    Object(ObjectShape<'a>),
    Array(ArrayShape),
    Not(PlaceId),
    Combined(CombinedShape<'a>),
    Reference(PlaceId),
}

#[derive(Debug)]
pub(super) struct TextShape<'a> {
    pub(super) least: Option<&'a Value>,
    pub(super) most: Option<&'a Value>,
    pub(super) pattern: Option<&'a str>,
}

#[derive(Debug)]
pub(super) struct NumberShape<'a> {
    pub(super) least: Option<&'a Value>,
    pub(super) most: Option<&'a Value>,
    pub(super) above: Option<&'a Value>,
    pub(super) under: Option<&'a Value>,
    pub(super) multiple: Option<&'a Value>,
    pub(super) is_integer: bool,
}

#[derive(Debug)]
pub(super) struct ObjectShape<'a> {
    pub(super) properties: Vec<(&'a str, PlaceId)>,
    pub(super) patterns: Vec<(&'a str, PlaceId)>,
    pub(super) required: Vec<&'a str>,
    pub(super) rest: Rest,
    pub(super) unevaluated: Option<PlaceId>,
    pub(super) dependent_names: Vec<(&'a str, Vec<&'a str>)>,
    pub(super) dependent_schemas: Vec<(&'a str, PlaceId)>,
    pub(super) least: Option<&'a Value>,
    pub(super) most: Option<&'a Value>,
    pub(super) dependencies: &'static str,
}

/// What `additionalProperties` or `additionalItems` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, or `true`.
    Open,
    Closed,
    Schema(PlaceId),
}

#[derive(Debug)]
pub(super) struct ArrayShape {
    pub(super) all: Option<PlaceId>,
    pub(super) list: Vec<PlaceId>,
    pub(super) list_keyword: &'static str,
    pub(super) rest: Rest,
    pub(super) rest_keyword: &'static str,
    pub(super) unevaluated: Option<PlaceId>,
    pub(super) counts: [Option<String>; 4],
    pub(super) is_unique: bool,
}

#[derive(Debug)]
pub(super) struct CombinedShape<'a> {
    pub(super) how: How,
    pub(super) shapes: Vec<Rc<Shape<'a>>>,
    pub(super) keyword: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    All,
    Any,
    One,
}
