//! Whether two places ask the same of values by what is written there: annotations don't count,
//! the order of names doesn't count, and a reference is the same as what it leads to.

use muster_words::json::{Map, Value};

use super::{
    checker::{Checker, DEPTH_MAX},
    evaluate::{is_equal, names},
    places::PlaceId,
};
use crate::steps::count;

/// The keywords that decide whether a value is valid.
pub(super) const DECIDING: [&str; 45] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "required",
    "then",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

/// Whether two places are the same. `assumed` collects the pairs that were assumed on the way.
pub(super) fn is_same(
    checker: &mut Checker<'_>,
    left: PlaceId,
    right: PlaceId,
    assumed: &mut Vec<(PlaceId, PlaceId)>,
    depth: usize,
) -> bool {
    count(1);
    let (left, right) = (target_of(checker, left), target_of(checker, right));
    if left == right {
        return true;
    }
    if let Some(known) = checker.equal.get(&(left, right)) {
        return *known;
    }
    if depth > DEPTH_MAX {
        return false;
    }
    checker.equal.insert((left, right), true);
    assumed.push((left, right));
    let same = compare(checker, left, right, assumed, depth);
    if !same {
        checker.equal.insert((left, right), false);
    }
    same
}

/// The place that a place only leads to.
fn target_of(checker: &Checker<'_>, mut id: PlaceId) -> PlaceId {
    for _ in 0..DEPTH_MAX {
        let place = checker.places.get(id);
        let Some(schema) = place.value.as_object() else { return id };
        if checker.places.is_opaque(id) {
            return id;
        }
        let mut deciding = deciding(checker, id, schema);
        let (Some(only), None) = (deciding.next(), deciding.next()) else { return id };
        let next = match (only, checker.places.references(id)) {
            ("$ref", [("$ref", targets)]) if targets.len() == 1 => targets.first().copied(),
            ("allOf", _) => checker.places.list(id, "allOf").and_then(|list| match *list {
                [only] => Some(only),
                _ => None,
            }),
            _ => None,
        };
        match next {
            Some(next) => id = next,
            None => return id,
        }
    }
    id
}

/// The keywords of a place that decide.
fn deciding<'m>(
    checker: &Checker<'_>,
    id: PlaceId,
    schema: &'m Map<String, Value>,
) -> impl Iterator<Item = &'m str> {
    let counts = move |keyword: &&str| {
        DECIDING.binary_search(keyword).is_ok()
            && (*keyword == "$ref" || checker.places.keyword(id, keyword).is_some())
    };
    let found: Vec<&str> = schema.keys().map(String::as_str).filter(counts).collect();
    found.into_iter()
}

fn compare(
    checker: &mut Checker<'_>,
    left: PlaceId,
    right: PlaceId,
    assumed: &mut Vec<(PlaceId, PlaceId)>,
    depth: usize,
) -> bool {
    let (one, other) = (checker.places.get(left), checker.places.get(right));
    if one.dialect != other.dialect || one.formats != other.formats {
        return false;
    }
    let (Value::Object(ours), Value::Object(theirs)) = (one.value, other.value) else {
        return one.value == other.value;
    };
    if checker.places.is_opaque(left) || checker.places.is_opaque(right) {
        return false;
    }
    let keywords: Vec<&str> = deciding(checker, left, ours).collect();
    if !keywords.iter().copied().eq(deciding(checker, right, theirs)) {
        return false;
    }
    keywords.into_iter().all(|keyword| {
        count(1);
        if keyword.ends_with("Ref") || keyword == "$ref" {
            return references(checker, left, right, keyword, assumed, depth);
        }
        let (Some(ours), Some(theirs)) = (ours.get(keyword), theirs.get(keyword)) else {
            return false;
        };
        match keyword {
            "required" => as_set(ours) == as_set(theirs),
            "enum" | "const" => is_equal(ours, theirs),
            _ => values(checker, (left, ours), (right, theirs), assumed, depth),
        }
    })
}

fn references(
    checker: &mut Checker<'_>,
    left: PlaceId,
    right: PlaceId,
    keyword: &str,
    assumed: &mut Vec<(PlaceId, PlaceId)>,
    depth: usize,
) -> bool {
    let target = |checker: &Checker<'_>, id: PlaceId| {
        let all = checker.places.references(id).iter();
        let mut of_keyword = all.filter(|(own, _)| *own == keyword);
        of_keyword.next().and_then(|(_, targets)| match targets.as_slice() {
            [only] => Some(*only),
            _ => None,
        })
    };
    match (target(checker, left), target(checker, right)) {
        (Some(left), Some(right)) => is_same(checker, left, right, assumed, depth + 1),
        _ => false,
    }
}

/// Compares what a keyword says: a schema, several, or a plain value.
fn values(
    checker: &mut Checker<'_>,
    (left, ours): (PlaceId, &Value),
    (right, theirs): (PlaceId, &Value),
    assumed: &mut Vec<(PlaceId, PlaceId)>,
    depth: usize,
) -> bool {
    let places = (checker.places.child(left, ours), checker.places.child(right, theirs));
    if let (Some(left), Some(right)) = places {
        return is_same(checker, left, right, assumed, depth + 1);
    }
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => ours
            .iter()
            .zip(theirs)
            .all(|pair| values(checker, (left, pair.0), (right, pair.1), assumed, depth)),
        (Value::Object(ours), Value::Object(theirs)) if ours.len() == theirs.len() => {
            ours.iter().all(|(name, ours)| {
                let theirs = theirs.get(name);
                theirs.is_some_and(|theirs| {
                    values(checker, (left, ours), (right, theirs), assumed, depth)
                })
            })
        }
        _ => places == (None, None) && is_equal(ours, theirs),
    }
}

fn as_set(list: &Value) -> std::collections::BTreeSet<&str> {
    names(list).collect()
}
