//! Tags in JSON Schema: a member of objects and of their properties.
//!
//! A path says what each schema on the way is: `object.NAME` is a property, `array` leads to the
//! items, `allof.0` to the first of several schemas, as [`super::order`] counts them, and
//! `object.definitions.NAME` to a definition. A schema that is several things at once, such as an
//! object with an `if`, is an `allof` of them.

use std::collections::HashMap;

use muster_words::{
    PlacedValue,
    json::{self, Value},
};

use super::{
    Found, TAGS, TagChange, TagChanges, TagError, TaggedKind, list_of,
    order::{Combination, Members, Shape, counted, shapes_of, types_of},
    tags_in,
};
use crate::{steps::count, written_json::written_text};

fn unreadable(error: &json::JsonError) -> TagError {
    TagError::Unreadable(error.to_string())
}

/// Finds the tags of objects and properties.
pub(super) fn find(text: &str, found: &mut Found<'_>) -> Result<(), TagError> {
    let (schema, places) = json::parse_with_places(text.as_bytes()).map_err(|e| unreadable(&e))?;
    let mut finder = Finder { found, path: String::new() };
    finder.schema(&schema, places.at(""), Within::Schema)
}

/// Walks through a schema. It recurses as deeply as JSON is nested, which is bounded.
struct Finder<'f, 'w> {
    found: &'f mut Found<'w>,
    /// The path so far, with a dot at its end.
    path: String,
}

/// What a schema belongs to: the tags of a property are those of a field, not of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Schema,
    Property,
}

type Place<'v> = Option<PlacedValue<'v>>;

impl Finder<'_, '_> {
    /// Walks on with another step of the path.
    fn step(
        &mut self,
        steps: &[&str],
        walk: impl FnOnce(&mut Self) -> Result<(), TagError>,
    ) -> Result<(), TagError> {
        let length = self.path.len();
        steps.iter().for_each(|step| self.path.push_str(step));
        let done = walk(self);
        self.path.truncate(length);
        done
    }

    fn schema(&mut self, schema: &Value, at: Place<'_>, within: Within) -> Result<(), TagError> {
        let Value::Object(members) = schema else { return Ok(()) };
        count(1);
        match shapes_of(members).as_slice() {
            [shape] => self.shape(*shape, (members, at), within),
            shapes => {
                for (index, shape) in shapes.iter().enumerate() {
                    self.step(&["allof.", &index.to_string(), "."], |inner| {
                        inner.shape(*shape, (members, at), within)
                    })?;
                }
                Ok(())
            }
        }
    }

    fn shape(
        &mut self,
        shape: Shape,
        (members, at): (&Members, Place<'_>),
        within: Within,
    ) -> Result<(), TagError> {
        let inner = |key: &str| (members.get(key), at.and_then(|at| at.member(key)));
        match shape {
            Shape::Combined(combination) => {
                let (schemas, at) = inner(combination.keyword());
                let schemas = schemas.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                for (index, from) in counted(schemas).into_iter().enumerate() {
                    let Some(schema) = schemas.get(from) else { continue };
                    let at = at.and_then(|at| at.item(from));
                    self.step(&[combination.step(), ".", &index.to_string(), "."], |inner| {
                        inner.schema(schema, at, Within::Schema)
                    })?;
                }
                Ok(())
            }
            Shape::Types => {
                for (index, shape) in types_of(members).into_iter().enumerate() {
                    self.step(&["anyof.", &index.to_string(), "."], |inner| {
                        inner.shape(shape, (members, at), within)
                    })?;
                }
                Ok(())
            }
            Shape::Object => self.object(members, at, within),
            Shape::Array => self.member(&["array."], inner("items")),
            Shape::Not => self.member(&["not."], inner("not")),
            Shape::Conditional => ["if", "then", "else"]
                .into_iter()
                .try_for_each(|key| self.member(&["conditional.", key, "."], inner(key))),
            _ => Ok(()),
        }
    }

    fn member(
        &mut self,
        steps: &[&str],
        (schema, at): (Option<&Value>, Place<'_>),
    ) -> Result<(), TagError> {
        let Some(schema) = schema else { return Ok(()) };
        self.step(steps, |inner| inner.schema(schema, at, Within::Schema))
    }

    fn object(&mut self, members: &Members, at: Place<'_>, within: Within) -> Result<(), TagError> {
        if within == Within::Schema {
            let tags = tags_in(members.get(TAGS));
            self.found.add(&[&self.path, "object"], TaggedKind::Record, tags)?;
        }
        for (name, schema, at) in in_order(members, at, "properties") {
            let tags = tags_in(schema.get(TAGS));
            self.found.add(&[&self.path, "object.", name], TaggedKind::Field, tags)?;
            self.step(&["object.", name, "."], |inner| inner.schema(schema, at, Within::Property))?;
        }
        for keyword in ["definitions", "$defs"] {
            for (name, schema, at) in in_order(members, at, keyword) {
                self.step(&["object.", keyword, ".", name, "."], |inner| {
                    inner.schema(schema, at, Within::Schema)
                })?;
            }
        }
        Ok(())
    }
}

/// The members of a member, in the order of the text.
fn in_order<'v>(
    members: &'v Members,
    at: Place<'v>,
    key: &str,
) -> Vec<(&'v str, &'v Value, Place<'v>)> {
    let Some(Value::Object(inner)) = members.get(key) else { return Vec::new() };
    let at = at.and_then(|at| at.member(key));
    let mut all: Vec<_> = inner
        .iter()
        .map(|(name, value)| (name.as_str(), value, at.and_then(|at| at.member(name))))
        .collect();
    all.sort_by_key(|(_, _, at)| at.map(PlacedValue::place));
    all
}

/// The text after changes.
pub(super) fn change(text: &str, changes: &TagChanges) -> Result<String, TagError> {
    let (mut schema, places) =
        json::parse_with_places(text.as_bytes()).map_err(|e| unreadable(&e))?;
    let mut orders = Orders::default();
    let mut parts = Vec::new();
    for change in &changes.all {
        count(1);
        let found = Resolver { orders: &mut orders, at: &schema, keys: Vec::new() };
        let keys = found.part(change).ok_or_else(|| change.no_path())?;
        parts.push((change, keys));
    }
    for (change, keys) in parts {
        let part = keys.iter().try_fold(&mut schema, |at, key| match key {
            Key::Member(name) => at.get_mut(name),
            Key::Item(index) => at.get_mut(*index),
        });
        match part {
            Some(Value::Object(members)) => apply(change, members),
            _ => return Err(change.no_path()),
        }
    }
    Ok(written_text(&schema, places.at("")))
}

fn apply(change: &TagChange, members: &mut Members) {
    let tags = change.apply(tags_in(members.get(TAGS)));
    if tags.is_empty() {
        members.remove(TAGS);
    } else {
        members.insert(TAGS.to_owned(), list_of(tags));
    }
}

/// A step from a value to one in it.
enum Key {
    Member(String),
    Item(usize),
}

/// The orders that were found so far, by the list that they are of: each path counts again.
type Orders = HashMap<*const Value, Vec<usize>>;

/// Follows a path from the root of a schema.
struct Resolver<'v, 'o> {
    orders: &'o mut Orders,
    at: &'v Value,
    keys: Vec<Key>,
}

impl Resolver<'_, '_> {
    fn part(mut self, change: &TagChange) -> Option<Vec<Key>> {
        let steps = change.steps();
        let mut steps = steps.iter().copied().peekable();
        // Whether the schema is taken as one of the things that it is, so that its own allOf is
        // meant by the next `allof`.
        let mut is_shape = false;
        loop {
            let was_shape = std::mem::take(&mut is_shape);
            match steps.next()? {
                "object" => {
                    if change.kind == TaggedKind::Record && steps.peek().is_none() {
                        return Some(self.keys);
                    }
                    let of = match *steps.peek()? {
                        keyword @ ("definitions" | "$defs") => {
                            steps.next();
                            keyword
                        }
                        _ => "properties",
                    };
                    self.member(of)?;
                    self.named(&mut steps)?;
                    if steps.peek().is_none() {
                        return Some(self.keys);
                    }
                }
                "array" => self.member("items")?,
                "not" => self.member("not")?,
                "conditional" => match steps.next()? {
                    key @ ("if" | "then" | "else") => self.member(key)?,
                    _ => return None,
                },
                "oneof" => self.counted(Combination::One, steps.next()?)?,
                "anyof" if self.at.get("anyOf").is_some() => {
                    self.counted(Combination::Any, steps.next()?)?;
                }
                "allof" if self.at.get("allOf").is_some() && (was_shape || !self.is_several()) => {
                    self.counted(Combination::All, steps.next()?)?;
                }
                // One of the types of a list, or one of the things that a schema is.
                "anyof" | "allof" => {
                    steps.next()?;
                    is_shape = true;
                }
                _ => return None,
            }
        }
    }

    fn is_several(&self) -> bool {
        self.at.as_object().is_some_and(|members| shapes_of(members).len() > 1)
    }

    fn member(&mut self, name: &str) -> Option<()> {
        self.at = self.at.get(name)?;
        self.keys.push(Key::Member(name.to_owned()));
        Some(())
    }

    /// Goes to the member with the shortest name that the next steps make: names may have dots.
    fn named<'s>(&mut self, steps: &mut impl Iterator<Item = &'s str>) -> Option<()> {
        let members = self.at.as_object()?;
        let mut name = steps.next()?.to_owned();
        while !members.contains_key(&name) {
            name.push('.');
            name.push_str(steps.next()?);
        }
        self.member(&name)
    }

    /// Goes to one of several schemas, by its number in their order.
    fn counted(&mut self, combination: Combination, number: &str) -> Option<()> {
        let number: usize = number.parse().ok()?;
        let list = self.at.get(combination.keyword())?;
        let schemas = list.as_array()?;
        let order = self.orders.entry(std::ptr::from_ref(list)).or_insert_with(|| counted(schemas));
        let index = *order.get(number)?;
        self.at = schemas.get(index)?;
        self.keys.push(Key::Member(combination.keyword().to_owned()));
        self.keys.push(Key::Item(index));
        Some(())
    }
}
