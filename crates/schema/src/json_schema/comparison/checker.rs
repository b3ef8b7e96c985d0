use std::{collections::HashMap, rc::Rc};

use muster_words::json::Value;
use regex::{Regex, RegexBuilder};

use super::{
    finding::Finding,
    places::{PlaceId, Places},
    writer::{Flat, Writer},
};
use crate::{Dialect, limits, steps::count};

/// Decides whether all values of one schema are values of the other, as far as it can.
pub(super) struct Checker<'a> {
    pub(super) places: Places<'a>,
    patterns: HashMap<&'a str, Option<Regex>>,
    /// What is known about pairs.
    pub(super) known: HashMap<(Writer, PlaceId), Rc<Vec<Finding>>>,
    /// The pairs that are being compared, with their depth.
    pub(super) open: HashMap<(Writer, PlaceId), usize>,
    /// The depth of the outermost open pair that was assumed to be compatible.
    pub(super) assumed: usize,
    pub(super) flats: HashMap<Writer, Rc<Flat<'a>>>,
    pub(super) equal: HashMap<(PlaceId, PlaceId), bool>,
}

/// What a place says about the items of an array.
pub(super) struct ItemSchemas {
    pub(super) prefix: Vec<PlaceId>,
    pub(super) rest: Option<PlaceId>,
}

impl ItemSchemas {
    /// The schema of the item at an index.
    pub(super) fn at(&self, index: usize) -> Option<PlaceId> {
        self.prefix.get(index).copied().or(self.rest)
    }
}

/// What a place says about one member of an object.
pub(super) struct MemberSchemas {
    /// Schemas that the member must meet.
    pub(super) surely: Vec<PlaceId>,
    /// Whether there are no others.
    pub(super) is_certain: bool,
    /// Whether `properties` lists it.
    pub(super) is_listed: bool,
}

/// The memory for a compiled pattern, in bytes. A pattern that needs more can't be decided.
const PATTERN_BYTES: usize = 256 * 1024;

impl<'a> Checker<'a> {
    pub(super) fn new(places: Places<'a>) -> Self {
        Self {
            places,
            patterns: HashMap::new(),
            known: HashMap::new(),
            open: HashMap::new(),
            assumed: usize::MAX,
            flats: HashMap::new(),
            equal: HashMap::new(),
        }
    }

    /// Whether a pattern matches a text; none if it can't be told.
    pub(super) fn matches(&mut self, pattern: &'a str, text: &str) -> Option<bool> {
        count(1 + text.len() as u64 / 8);
        if !self.patterns.contains_key(pattern) {
            // Compiling takes about a microsecond per byte of its program.
            count(1_000 + pattern.len() as u64 * 4);
            let translated = jsonschema_regex::to_rust_regex(pattern).ok();
            let compiled = translated.and_then(|pattern| {
                RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES).build().ok()
            });
            self.patterns.insert(pattern, compiled);
        }
        let compiled = self.patterns.get(pattern)?.as_ref()?;
        Some(compiled.is_match(text))
    }

    /// Whether a place may assert a format that the validator knows.
    pub(super) fn asserts(&self, id: PlaceId, format: &Value) -> bool {
        let place = self.places.get(id);
        place.formats.perhaps && format.as_str().is_some_and(is_known_format)
    }

    /// What a place says about items; none if it can't be told.
    pub(super) fn item_schemas(&self, id: PlaceId) -> Option<ItemSchemas> {
        let schema = |keyword: &str| match self.places.keyword(id, keyword) {
            None => Some(None),
            Some(_) => self.places.below(id, keyword).map(Some),
        };
        let list = |keyword: &'static str| match self.places.keyword(id, keyword) {
            None => Some(Vec::new()),
            Some(_) => self.places.list(id, keyword).map(|list| list.to_vec()),
        };
        if self.places.get(id).dialect == Dialect::Draft202012 {
            return Some(ItemSchemas { prefix: list("prefixItems")?, rest: schema("items")? });
        }
        match self.places.keyword(id, "items") {
            Some(Value::Array(_)) => {
                Some(ItemSchemas { prefix: list("items")?, rest: schema("additionalItems")? })
            }
            _ => Some(ItemSchemas { prefix: Vec::new(), rest: schema("items")? }),
        }
    }

    /// What a place says about a member.
    pub(super) fn member_schemas(&mut self, id: PlaceId, name: &str) -> MemberSchemas {
        let mut found = MemberSchemas { surely: Vec::new(), is_certain: true, is_listed: false };
        let mut take = |places: &Places<'a>, value: &Value| match places.child(id, value) {
            Some(place) => found.surely.push(place),
            None => found.is_certain = false,
        };
        let listed = self.places.keyword(id, "properties").and_then(|all| all.get(name));
        if let Some(schema) = listed {
            take(&self.places, schema);
        }
        let patterns = self.places.keyword(id, "patternProperties").and_then(Value::as_object);
        let (mut is_covered, mut is_open) = (listed.is_some(), false);
        for (pattern, schema) in patterns.into_iter().flatten() {
            match self.matches(pattern, name) {
                Some(true) => {
                    is_covered = true;
                    take(&self.places, schema);
                }
                Some(false) => {}
                None => is_open = true,
            }
        }
        if let Some(rest) = self.places.keyword(id, "additionalProperties")
            && !is_covered
            && !is_open
        {
            take(&self.places, rest);
        }
        found.is_certain &= !is_open;
        found.is_listed = listed.is_some();
        found
    }

    /// Whether two places ask the same of values, by their text.
    pub(super) fn is_same(&mut self, left: PlaceId, right: PlaceId) -> bool {
        let mut assumed = Vec::new();
        let same = super::same::is_same(self, left, right, &mut assumed, 0);
        // What was assumed holds if all of it holds together.
        for pair in assumed {
            match same {
                true => self.equal.insert(pair, true),
                false if self.equal.get(&pair) != Some(&false) => self.equal.remove(&pair),
                false => None,
            };
        }
        same
    }
}

/// The formats that the validator may assert, in any draft.
fn is_known_format(format: &str) -> bool {
    matches!(
        format,
        "date"
            | "date-time"
            | "duration"
            | "email"
            | "hostname"
            | "idn-email"
            | "idn-hostname"
            | "ipv4"
            | "ipv6"
            | "iri"
            | "iri-reference"
            | "json-pointer"
            | "regex"
            | "relative-json-pointer"
            | "time"
            | "uri"
            | "uri-reference"
            | "uri-template"
            | "uuid"
    )
}

/// The depth of a comparison's recursion.
pub(super) const DEPTH_MAX: usize = limits::COMPARISON_DEPTH_MAX;
