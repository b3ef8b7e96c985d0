use std::{collections::HashMap, rc::Rc};

use muster_words::json::{Map, Value};

use super::shape::{
    ArrayShape, CombinedShape, How, Kind, NumberShape, ObjectShape, Rest, Shape, TextShape,
};
use crate::{
    Dialect,
    json_schema::comparison::{
        evaluate::names,
        places::{PlaceId, Places},
    },
    steps::count,
};

/// Reads places as Confluent's provider does.
pub(super) struct Loader<'a, 'p> {
    places: &'p Places<'a>,
    known: HashMap<PlaceId, Rc<Shape<'a>>>,
    next: usize,
}

const NUMBER: [&str; 5] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const TEXT: [&str; 3] = ["minLength", "maxLength", "pattern"];
const ARRAY: [&str; 5] = ["items", "minItems", "maxItems", "uniqueItems", "additionalItems"];
const NEW_ARRAY: [&str; 2] = ["prefixItems", "unevaluatedItems"];
const OBJECT: [&str; 7] = [
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "patternProperties",
    "additionalProperties",
];
const NEW_OBJECT: [&str; 3] = ["dependentRequired", "dependentSchemas", "unevaluatedProperties"];

impl<'a, 'p> Loader<'a, 'p> {
    pub(super) fn new(places: &'p Places<'a>) -> Self {
        Self { places, known: HashMap::new(), next: 0 }
    }

    pub(super) fn places(&self) -> &'p Places<'a> {
        self.places
    }

    /// The shape of a place.
    pub(super) fn load(&mut self, place: PlaceId) -> Rc<Shape<'a>> {
        if let Some(known) = self.known.get(&place) {
            return Rc::clone(known);
        }
        count(1);
        let kind = match self.places.get(place).value {
            Value::Bool(false) => Kind::Never,
            Value::Object(schema) => self.kind_of(place, schema),
            _ => Kind::Anything,
        };
        let shape = self.shape(place, kind);
        self.known.insert(place, Rc::clone(&shape));
        shape
    }

    /// The shape that a reference leads to.
    pub(super) fn referred(&mut self, shape: &Rc<Shape<'a>>) -> Rc<Shape<'a>> {
        let mut shape = Rc::clone(shape);
        while let Kind::Reference(target) = shape.kind {
            shape = self.load(target);
        }
        shape
    }

    fn shape(&mut self, place: PlaceId, kind: Kind<'a>) -> Rc<Shape<'a>> {
        self.next += 1;
        let has_default = self.places.get(place).value.get("default").is_some();
        Rc::new(Shape { number: self.next, place, kind, has_default })
    }

    /// Whether the place is read by the rules of 2019-09 and later.
    fn is_new(&self, place: PlaceId) -> bool {
        let place = self.places.get(place);
        place.names_its_draft && !place.dialect.hides_beside_reference()
    }

    fn said(&self, place: PlaceId, keyword: &str) -> Option<&'a Value> {
        match self.is_new(place) {
            true => self.places.keyword(place, keyword),
            false => self.places.keywords(place)?.get(keyword),
        }
    }

    fn below(&self, place: PlaceId, keyword: &str) -> Option<PlaceId> {
        self.places.child(place, self.said(place, keyword)?)
    }

    fn kind_of(&mut self, place: PlaceId, schema: &'a Map<String, Value>) -> Kind<'a> {
        let target = self.places.references(place).first().and_then(|(_, all)| all.first());
        let is_only_a_reference = !self.is_new(place) && schema.contains_key("$ref");
        if let (Some(target), true) = (target, is_only_a_reference) {
            return Kind::Reference(*target);
        }
        let mut parts: Vec<Kind<'a>> = target.copied().map(Kind::Reference).into_iter().collect();
        if let Some(list) = self.said(place, "enum").and_then(Value::as_array) {
            parts.push(Kind::Choices(list));
        }
        for (keyword, how) in [("allOf", How::All), ("anyOf", How::Any), ("oneOf", How::One)] {
            let Some(list) = self.said(place, keyword).and_then(Value::as_array) else { continue };
            let places: Vec<PlaceId> =
                list.iter().filter_map(|one| self.places.child(place, one)).collect();
            let shapes = places.into_iter().map(|one| self.load(one)).collect();
            parts.push(Kind::Combined(CombinedShape { how, shapes, keyword }));
        }
        parts.extend(self.below(place, "not").map(Kind::Not));
        if self.places.get(place).dialect != Dialect::Draft4 {
            parts.extend(self.said(place, "const").map(Kind::Only));
        }
        self.add_types(place, schema, &mut parts);
        match parts.len() {
            0 => Kind::Anything,
            1 => parts.remove(0),
            _ => {
                let shapes = parts.into_iter().map(|kind| self.shape(place, kind)).collect();
                Kind::Combined(CombinedShape { how: How::All, shapes, keyword: "" })
            }
        }
    }

    /// The schemas for the types of a place, and for keywords of other types.
    fn add_types(
        &mut self,
        place: PlaceId,
        schema: &'a Map<String, Value>,
        parts: &mut Vec<Kind<'a>>,
    ) {
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(list) => names(list).collect(),
            None => Vec::new(),
        };
        let mut kinds: Vec<Kind<'a>> =
            types.iter().filter_map(|name| self.typed(place, name)).collect();
        if schema.get("type").is_some_and(Value::is_array) {
            let shapes = kinds.drain(..).map(|kind| self.shape(place, kind)).collect();
            let keyword = "type";
            parts.push(Kind::Combined(CombinedShape { how: How::Any, shapes, keyword }));
        }
        parts.append(&mut kinds);
        let is_new = self.is_new(place);
        let has = |all: &[&str]| all.iter().any(|keyword| self.said(place, keyword).is_some());
        let is_typed = |names: &[&str]| types.iter().any(|name| names.contains(name));
        let more = [
            (["array", ""], has(&ARRAY) || is_new && has(&NEW_ARRAY) || has(&["contains"])),
            (["object", ""], has(&OBJECT) || is_new && has(&NEW_OBJECT) || has(&["propertyNames"])),
            (["number", "integer"], has(&NUMBER)),
            (["string", ""], has(&TEXT) || !is_new && has(&["format"])),
        ];
        let more: Vec<&str> = more
            .iter()
            .filter(|(names, there)| *there && !is_typed(names))
            .map(|all| all.0[0])
            .collect();
        let conditional = has(&["if", "then", "else"])
            && !matches!(self.places.get(place).dialect, Dialect::Draft4 | Dialect::Draft6);
        parts.extend(more.into_iter().filter_map(|name| self.typed(place, name)));
        parts.extend(conditional.then_some(Kind::Condition));
    }

    fn typed(&self, place: PlaceId, name: &str) -> Option<Kind<'a>> {
        Some(match name {
            "string" => Kind::Text(TextShape {
                least: self.said(place, "minLength"),
                most: self.said(place, "maxLength"),
                pattern: self.said(place, "pattern").and_then(Value::as_str),
            }),
            "integer" | "number" => Kind::Number(self.number(place, name == "integer")),
            "boolean" => Kind::Boolean,
            "null" => Kind::Null,
            "array" => Kind::Array(self.array(place)),
            "object" => Kind::Object(self.object(place)),
            _ => return None,
        })
    }

    fn number(&self, place: PlaceId, is_integer: bool) -> NumberShape<'a> {
        let number = |keyword: &str| self.said(place, keyword).filter(|limit| limit.is_number());
        NumberShape {
            least: number("minimum"),
            most: number("maximum"),
            above: number("exclusiveMinimum"),
            under: number("exclusiveMaximum"),
            multiple: number("multipleOf"),
            is_integer,
        }
    }

    fn rest(&self, place: PlaceId, keyword: &str) -> Rest {
        match self.said(place, keyword) {
            None | Some(Value::Bool(true)) => Rest::Open,
            Some(Value::Bool(false)) => Rest::Closed,
            Some(schema) => self.places.child(place, schema).map_or(Rest::Open, Rest::Schema),
        }
    }

    fn array(&self, place: PlaceId) -> ArrayShape {
        let is_new = self.is_new(place);
        let is_newest = is_new && self.places.get(place).dialect == Dialect::Draft202012;
        let (list_keyword, rest_keyword) =
            if is_newest { ("prefixItems", "items") } else { ("items", "additionalItems") };
        let list = self.said(place, list_keyword).and_then(Value::as_array);
        let list: Vec<PlaceId> =
            list.into_iter().flatten().filter_map(|one| self.places.child(place, one)).collect();
        let mut rest = self.rest(place, rest_keyword);
        let mut all = None;
        if !is_newest {
            all = self.said(place, "items").filter(|items| !items.is_array());
        } else if let (Rest::Schema(_), true) = (rest, list.is_empty()) {
            all = self.said(place, "items");
            rest = Rest::Open;
        }
        let number =
            |keyword: &str| Some(self.said(place, keyword)?.as_number()?.as_str().to_owned());
        let contains = is_new && self.said(place, "contains").is_some();
        let least = number("minContains").or_else(|| contains.then(|| "1".to_owned()));
        ArrayShape {
            all: all.and_then(|all| self.places.child(place, all)),
            list,
            list_keyword,
            rest,
            rest_keyword,
            unevaluated: if is_new { self.below(place, "unevaluatedItems") } else { None },
            counts: [number("maxItems"), number("minItems"), number("maxContains"), least],
            is_unique: self.said(place, "uniqueItems") == Some(&Value::Bool(true)),
        }
    }

    fn object(&self, place: PlaceId) -> ObjectShape<'a> {
        let is_new = self.is_new(place);
        let named = |keyword: &str| -> Vec<(&'a str, PlaceId)> {
            let all = self.said(place, keyword).and_then(Value::as_object);
            let child = |(name, schema): (&'a String, &'a Value)| {
                Some((name.as_str(), self.places.child(place, schema)?))
            };
            all.into_iter().flatten().filter_map(child).collect()
        };
        let (names_keyword, schemas_keyword) = match is_new {
            true => ("dependentRequired", "dependentSchemas"),
            false => ("dependencies", "dependencies"),
        };
        let dependent = self.said(place, names_keyword).and_then(Value::as_object);
        let arrays = dependent.into_iter().flatten().filter(|(_, wanted)| wanted.is_array());
        ObjectShape {
            properties: named("properties"),
            patterns: named("patternProperties"),
            required: self.said(place, "required").into_iter().flat_map(names).collect(),
            rest: self.rest(place, "additionalProperties"),
            unevaluated: if is_new { self.below(place, "unevaluatedProperties") } else { None },
            dependent_names: arrays
                .map(|(name, wanted)| (name.as_str(), names(wanted).collect()))
                .collect(),
            dependent_schemas: named(schemas_keyword),
            least: self.said(place, "minProperties"),
            most: self.said(place, "maxProperties"),
            dependencies: names_keyword,
        }
    }
}
