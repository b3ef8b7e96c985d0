use muster_words::json::{Map, Value};

use crate::json_schema::for_each_place;

/// A schema within a document.
#[derive(Debug)]
pub struct Site<'a> {
    pub(crate) pointer: String,
    pub(crate) schema: &'a Map<String, Value>,
    /// How many objects and arrays of the data lie around it.
    pub(crate) nesting: usize,
}

/// All schemas in a document, from the outside to the inside; the recursion is as deep as the JSON.
pub(crate) fn sites_of(document: &Value) -> Vec<Site<'_>> {
    let mut all = Vec::new();
    add(document, String::new(), 0, &mut all);
    all
}

fn add<'a>(value: &'a Value, pointer: String, nesting: usize, all: &mut Vec<Site<'a>>) {
    let Value::Object(schema) = value else { return };
    let mut below = Vec::new();
    for_each_place(schema, |step, place, descends| {
        below.push((format!("{pointer}{step}"), place, nesting + usize::from(descends)));
    });
    all.push(Site { pointer, schema, nesting });
    for (pointer, place, nesting) in below {
        add(place, pointer, nesting, all);
    }
}
