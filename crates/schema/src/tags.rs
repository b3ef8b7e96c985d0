//! The tags in a schema's own text, by which rules of Confluent's clients find what they are about:
//! `confluent:tags` in Avro and JSON Schema, `tags` in the options `(confluent.message_meta)` and
//! `(confluent.field_meta)` in Protobuf. Finds them, and changes them without changing anything
//! else.
//!
//! The paths are those of Confluent's registry: `shop.Order.id` in Avro, `object.id` in JSON
//! Schema, and `Order.id` without the package in Protobuf.

mod avro;
mod json_schema;
mod order;
#[cfg(feature = "protobuf")]
mod protobuf;

use std::collections::{HashMap, HashSet};

use muster_words::json::Value;
use thiserror::Error;

use crate::{FormattedSchema, limits};

/// The member with the tags in Avro and JSON Schema.
const TAGS: &str = "confluent:tags";

/// What a tag is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaggedKind {
    /// A record of Avro, an object of JSON Schema or a message of Protobuf.
    Record,
    /// A field of one.
    Field,
}

/// A part of a schema that has tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedPart {
    /// The path, as Confluent's registry writes it.
    pub path: String,
    /// What it is.
    pub kind: TaggedKind,
    /// The tags, in the order of the text, each once.
    pub tags: Vec<String>,
}

/// Why tags can't be found or changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TagError {
    /// Avro and JSON Schema: the schema has no such part.
    #[error("No matching path '{0}' found in the schema")]
    NoPath(String),
    /// Protobuf: a message on the path isn't there.
    #[error("No matching Message with name '{0}' found in the schema")]
    NoMessage(String),
    /// Protobuf: the field at the end of the path isn't there.
    #[error("No matching Field with name '{0}' found in the schema")]
    NoField(String),
    /// The tags that were asked for are too many for one answer.
    #[error(
        "the schema has more than {} bytes of tags and paths; ask for fewer tags",
        limits::TAG_BYTES_MAX
    )]
    TooMany,
    /// The schema's text can't be read, or not any more with the tags.
    #[error("{0}")]
    Unreadable(String),
}

/// Changes of a schema's tags, in the order in which they were asked for.
#[derive(Clone, Debug, Default)]
pub struct TagChanges {
    all: Vec<TagChange>,
    known: HashMap<(String, TaggedKind), usize>,
}

/// The tags that one part gets and loses.
#[derive(Clone, Debug)]
struct TagChange {
    path: String,
    kind: TaggedKind,
    added: Vec<String>,
    removed: Vec<String>,
}

impl TagChanges {
    /// Adds tags to a part.
    pub fn add(&mut self, path: &str, kind: TaggedKind, tags: Vec<String>) {
        self.change(path, kind).added.extend(tags);
    }

    /// Removes tags from a part, also those that are added to it.
    pub fn remove(&mut self, path: &str, kind: TaggedKind, tags: Vec<String>) {
        self.change(path, kind).removed.extend(tags);
    }

    /// The change of a part. A path with a dot before it is the same path.
    fn change(&mut self, path: &str, kind: TaggedKind) -> &mut TagChange {
        let same = path.strip_prefix('.').unwrap_or(path).to_owned();
        let index = *self.known.entry((same, kind)).or_insert_with(|| {
            let (added, removed) = (Vec::new(), Vec::new());
            self.all.push(TagChange { path: path.to_owned(), kind, added, removed });
            self.all.len() - 1
        });
        &mut self.all[index]
    }
}

impl TagChange {
    /// The steps of the path: what stands between dots. Dots at the end count for nothing.
    fn steps(&self) -> Vec<&str> {
        steps_of(&self.path)
    }

    fn no_path(&self) -> TagError {
        TagError::NoPath(self.path.clone())
    }

    /// What becomes of the tags of the part.
    fn apply(&self, tags: Vec<String>) -> Vec<String> {
        let removed: HashSet<&str> = self.removed.iter().map(String::as_str).collect();
        let all = tags.into_iter().chain(self.added.iter().cloned());
        let left = all.filter(|tag| !removed.contains(tag.as_str()));
        each_once(left)
    }
}

fn steps_of(path: &str) -> Vec<&str> {
    let mut steps: Vec<&str> = path.split('.').collect();
    while steps.last().is_some_and(|last| last.is_empty()) {
        steps.pop();
    }
    steps
}

fn each_once(tags: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    tags.filter(|tag| seen.insert(tag.clone())).collect()
}

/// The tags in a list of JSON; none in anything else.
fn tags_in(value: Option<&Value>) -> Vec<String> {
    let Some(Value::Array(items)) = value else { return Vec::new() };
    each_once(items.iter().map(|item| match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}

fn list_of(tags: Vec<String>) -> Value {
    Value::Array(tags.into_iter().map(Value::String).collect())
}

/// The tagged parts that were asked for.
struct Found<'a> {
    /// None if every tag is meant.
    wanted: Option<HashSet<&'a str>>,
    bytes: usize,
    parts: Vec<TaggedPart>,
}

/// What a part takes in an answer besides its path and its tags.
const OVERHEAD_BYTES: usize = 64;

impl<'a> Found<'a> {
    fn new(wanted: &'a [String]) -> Self {
        let all = wanted.iter().any(|tag| tag == "*");
        let wanted = (!all).then(|| wanted.iter().map(String::as_str).collect());
        Self { wanted, bytes: 0, parts: Vec::new() }
    }

    /// Takes a part if it has one of the wanted tags. Its path is given in pieces, because most
    /// parts have no tags.
    fn add(&mut self, path: &[&str], kind: TaggedKind, tags: Vec<String>) -> Result<(), TagError> {
        let is_wanted =
            |tag: &String| self.wanted.as_ref().is_none_or(|wanted| wanted.contains(tag.as_str()));
        if !tags.iter().any(is_wanted) {
            return Ok(());
        }
        let sizes = path.iter().copied().chain(tags.iter().map(String::as_str)).map(str::len);
        self.bytes += sizes.sum::<usize>() + OVERHEAD_BYTES;
        if self.bytes > limits::TAG_BYTES_MAX {
            return Err(TagError::TooMany);
        }
        self.parts.push(TaggedPart { path: path.concat(), kind, tags });
        Ok(())
    }
}

impl FormattedSchema {
    /// The parts of the schema with one of the wanted tags, each with all its tags; `*` means every
    /// tag. `text` is the schema's text.
    ///
    /// # Errors
    /// There are too many, or the text can't be read.
    pub fn tagged_parts(&self, text: &str, wanted: &[String]) -> Result<Vec<TaggedPart>, TagError> {
        let mut found = Found::new(wanted);
        match self {
            Self::JsonSchema(_) => json_schema::find(text, &mut found)?,
            Self::Avro(schema) => avro::find(schema, &mut found)?,
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => protobuf::find(schema, &mut found)?,
        }
        Ok(found.parts)
    }

    /// The text of the schema after changes of its tags, as Confluent's registry shows it. `text` is
    /// the schema's text, and `references` what it refers to, as it was parsed.
    ///
    /// # Errors
    /// A path leads to nothing, or a text can't be read.
    #[cfg_attr(
        not(feature = "protobuf"),
        expect(unused_variables, reason = "only Protobuf is linked again")
    )]
    pub fn changed_tags(
        &self,
        text: &str,
        references: &[(&str, &str)],
        changes: &TagChanges,
    ) -> Result<String, TagError> {
        match self {
            Self::JsonSchema(_) => json_schema::change(text, changes),
            Self::Avro(schema) => avro::change(schema, changes),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => protobuf::change(schema, references, changes),
        }
    }
}

#[cfg(test)]
mod tests;
