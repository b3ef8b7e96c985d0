//! Tags in Avro: a property of records and of their fields.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Found, TAGS, TagChange, TagChanges, TagError, TaggedKind, list_of, tags_in};
use crate::{
    avro::{
        AvroSchema,
        schema::{Kind, NodeId, Properties, Record, Written},
    },
    steps::count,
};

/// Finds the tags of all records, also of those in the schemas that it refers to: from the root, a
/// record before its fields, and each record where it is first used.
pub(super) fn find(schema: &AvroSchema, found: &mut Found<'_>) -> Result<(), TagError> {
    let mut seen = HashSet::new();
    let mut open = vec![Open::Type(schema.root.node)];
    while let Some(next) = open.pop() {
        match next {
            Open::Type(id) => match schema.kind(id) {
                Kind::Union(branches) => {
                    open.extend(branches.iter().rev().map(|branch| Open::Type(branch.node)));
                }
                Kind::Array(inner) | Kind::Map(inner) => open.push(Open::Type(inner.node)),
                Kind::Record(record) if seen.insert(id) => {
                    count(1);
                    let tags = tags_of(&schema.node(id).properties);
                    found.add(&[&record.named.full], TaggedKind::Record, tags)?;
                    open.extend((0..record.fields.len()).rev().map(|at| Open::Field(record, at)));
                }
                _ => {}
            },
            Open::Field(record, at) => {
                let Some(field) = record.fields.get(at) else { continue };
                let path = [record.named.full.as_str(), ".", &field.name];
                found.add(&path, TaggedKind::Field, tags_of(&field.properties))?;
                open.push(Open::Type(field.of.node));
            }
        }
    }
    Ok(())
}

/// What is still to be looked at. It is a list, because types may be nested more deeply than a
/// stack is.
enum Open<'a> {
    Type(NodeId),
    Field(&'a Record, usize),
}

fn tags_of(properties: &Properties) -> Vec<String> {
    tags_in(properties.iter().find(|(key, _)| key == TAGS).map(|(_, value)| &value.value))
}

/// The text after changes.
pub(super) fn change(schema: &AvroSchema, changes: &TagChanges) -> Result<String, TagError> {
    let records = own_records(schema);
    let mut changed = schema.clone();
    for change in &changes.all {
        count(1);
        let (id, field) = part(schema, &records, change).ok_or_else(|| change.no_path())?;
        let Some(node) = usize::try_from(id).ok().and_then(|at| changed.nodes.get_mut(at)) else {
            return Err(change.no_path());
        };
        let properties = match (field, &mut node.kind) {
            (None, _) => &mut node.properties,
            (Some(at), Kind::Record(record)) => match record.fields.get_mut(at) {
                Some(field) => &mut field.properties,
                None => return Err(change.no_path()),
            },
            (Some(_), _) => return Err(change.no_path()),
        };
        apply(change, properties);
    }
    Ok(changed.text())
}

/// Changes the tags among properties. New ones come last.
fn apply(change: &TagChange, properties: &mut Properties) {
    let tags = change.apply(tags_of(properties));
    if tags.is_empty() {
        properties.retain(|(key, _)| key != TAGS);
        return;
    }
    let written = Written::of(&list_of(tags), None);
    match properties.iter_mut().find(|(key, _)| key == TAGS) {
        Some((_, there)) => *there = written,
        None => properties.push((TAGS.to_owned(), written)),
    }
}

/// The record that a path names, or the record and its field.
fn part(
    schema: &AvroSchema,
    records: &HashMap<&str, Vec<NodeId>>,
    change: &TagChange,
) -> Option<(NodeId, Option<usize>)> {
    let mut steps = change.steps();
    let field = match change.kind {
        TaggedKind::Record => None,
        TaggedKind::Field => Some(steps.pop()?),
    };
    let name = steps.pop()?;
    // A path without a namespace names the first record with the name, whatever its namespace is.
    let namespace = steps.join(".");
    records.get(name)?.iter().find_map(|id| {
        let Kind::Record(record) = schema.kind(*id) else { return None };
        if !namespace.is_empty() && namespace != record.named.namespace() {
            return None;
        }
        match field {
            None => Some((*id, None)),
            Some(field) => record.by_name.get(field).map(|at| (*id, Some(*at))),
        }
    })
}

/// The records of the schema's own text by their simple names, those nearest to the root first.
fn own_records(schema: &AvroSchema) -> HashMap<&str, Vec<NodeId>> {
    let mut records: HashMap<&str, Vec<NodeId>> = HashMap::new();
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([Open::Type(schema.root.node)]);
    while let Some(next) = open.pop_front() {
        match next {
            Open::Type(id) => match schema.kind(id) {
                Kind::Union(branches) => {
                    open.extend(branches.iter().map(|branch| Open::Type(branch.node)));
                }
                Kind::Array(inner) | Kind::Map(inner) => open.push_back(Open::Type(inner.node)),
                Kind::Record(record)
                    if !record.is_error
                        && schema.is_own(schema.node(id).place)
                        && seen.insert(id) =>
                {
                    records.entry(record.named.simple()).or_default().push(id);
                    open.extend((0..record.fields.len()).map(|at| Open::Field(record, at)));
                }
                _ => {}
            },
            Open::Field(record, at) => {
                open.extend(record.fields.get(at).map(|field| Open::Type(field.of.node)));
            }
        }
    }
    records
}
