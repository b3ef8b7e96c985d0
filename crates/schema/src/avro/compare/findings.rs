use std::collections::HashMap;

use crate::{
    Broken, Certainty, Direction,
    avro::{
        compare::Pair,
        schema::{AvroSchema, Field},
    },
    limits, messages,
};

/// A reader and the writer whose data it is to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) schema: &'a AvroSchema,
    pub(super) writer: &'a AvroSchema,
    pub(super) direction: Direction,
}

/// A finding, as the rules see it.
pub(super) struct Finding {
    pub(super) rule: &'static str,
    pub(super) certainty: Certainty,
    /// The place in the reader's schema, if it is there.
    pub(super) reader_path: Option<String>,
    pub(super) writer_path: Option<String>,
    pub(super) reader_says: Option<String>,
    pub(super) writer_says: Option<String>,
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
}

/// The findings of a comparison, each once.
#[derive(Default)]
pub(super) struct Findings {
    kept: Vec<Broken>,
    /// Where each is, by its place, its rule and its message.
    seen: HashMap<(String, &'static str, String), usize>,
}

impl Findings {
    pub(super) fn add(&mut self, reader: &Reader<'_>, found: Finding) {
        if self.kept.len() >= limits::AVRO_FINDINGS_MAX {
            return;
        }
        let short = |text: String| messages::cut(text, limits::MESSAGE_MAX);
        let ((was, is), path) = if reader.direction == Direction::Backward {
            ((found.writer_says, found.reader_says), found.reader_path.or(found.writer_path))
        } else {
            ((found.reader_says, found.writer_says), found.writer_path.or(found.reader_path))
        };
        let broken = Broken {
            rule: found.rule.to_owned(),
            path: path.unwrap_or_default(),
            direction: reader.direction,
            certainty: found.certainty,
            was: was.map(short),
            is: is.map(short),
            message: short(found.message),
            suggestion: found.suggestion.map(short),
        };
        let key = (broken.path.clone(), found.rule, broken.message.clone());
        match self.seen.get(&key).and_then(|index| self.kept.get_mut(*index)) {
            // It was found where it wasn't certain, and now where it is.
            Some(known) if found.certainty == Certainty::Broken => {
                known.certainty = Certainty::Broken;
            }
            Some(_) => {}
            None => {
                self.seen.insert(key, self.kept.len());
                self.kept.push(broken);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Broken> {
        self.kept
    }
}

impl<'a> Reader<'a> {
    /// Whether the reader's schema is the new one.
    pub(super) fn is_new(&self) -> bool {
        self.direction == Direction::Backward
    }

    /// Who reads.
    pub(super) fn readers(&self) -> &'static str {
        if self.is_new() { "readers with the new schema" } else { "readers with the old schema" }
    }

    /// What they read.
    pub(super) fn data(&self) -> &'static str {
        if self.is_new() { "data of the old schema" } else { "data of the new schema" }
    }

    pub(super) fn read_type(&self, pair: Pair) -> String {
        self.schema.describe(pair.reader.node)
    }

    pub(super) fn written_type(&self, pair: Pair) -> String {
        self.writer.describe(pair.writer.node)
    }

    /// A finding about two types where they are used.
    pub(super) fn at_types(&self, pair: Pair, rule: &'static str, message: String) -> Finding {
        Finding {
            rule,
            certainty: Certainty::Broken,
            reader_path: Some(self.schema.pointer(pair.reader_at)),
            writer_path: Some(self.writer.pointer(pair.writer_at)),
            reader_says: Some(self.read_type(pair)),
            writer_says: Some(self.written_type(pair)),
            message,
            suggestion: None,
        }
    }

    /// A finding about an attribute of two named types, where they are defined.
    pub(super) fn at_attribute(
        &self,
        pair: Pair,
        attribute: &str,
        rule: &'static str,
        message: String,
    ) -> Finding {
        let path = |schema: &AvroSchema, node, around| {
            let defined = schema.node(node).place;
            if schema.is_own(defined) {
                format!("{}/{attribute}", schema.pointer(defined))
            } else {
                schema.pointer(around)
            }
        };
        Finding {
            reader_path: Some(path(self.schema, pair.reader.node, pair.reader_at)),
            writer_path: Some(path(self.writer, pair.writer.node, pair.writer_at)),
            ..self.at_types(pair, rule, message)
        }
    }

    /// A finding about a field of the reader's record.
    pub(super) fn at_field(
        &self,
        pair: Pair,
        field: &Field,
        rule: &'static str,
        message: String,
    ) -> Finding {
        let place = if self.schema.is_own(field.place) { field.place } else { pair.reader_at };
        Finding {
            reader_path: Some(self.schema.pointer(place)),
            writer_path: None,
            reader_says: Some(format!(
                "{} of the type {}",
                field.name,
                self.schema.describe(field.of.node)
            )),
            writer_says: None,
            ..self.at_types(pair, rule, message)
        }
    }
}
