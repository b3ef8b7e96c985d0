#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod avro;
mod json_schema;
#[cfg(feature = "protobuf")]
mod protobuf;

use super::*;
use crate::{NoSources, SchemaContext, SchemaFormat};

/// A path, whether it is a field, and tags between spaces.
type Tags<'a> = &'a [(&'a str, TaggedKind, &'a str)];

const RECORD: TaggedKind = TaggedKind::Record;
const FIELD: TaggedKind = TaggedKind::Field;

struct Given<'a> {
    schema: FormattedSchema,
    text: String,
    references: &'a [(&'a str, &'a str)],
}

fn given<'a>(format: SchemaFormat, text: &str, references: &'a [(&'a str, &'a str)]) -> Given<'a> {
    let context =
        SchemaContext { home: None, sources: &NoSources, texts: references, notation: None };
    let schema = FormattedSchema::parse(format, text.as_bytes(), &context)
        .unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
    let text = schema.confluent_text(text.as_bytes());
    Given { schema, text, references }
}

fn words(tags: &str) -> Vec<String> {
    tags.split_whitespace().map(str::to_owned).collect()
}

impl Given<'_> {
    fn found(&self, wanted: &str) -> Vec<(String, TaggedKind, String)> {
        let found = self.schema.tagged_parts(&self.text, &words(wanted)).unwrap();
        found.into_iter().map(|part| (part.path, part.kind, part.tags.join(" "))).collect()
    }

    fn changed(&self, added: Tags<'_>, removed: Tags<'_>) -> Result<String, TagError> {
        let mut changes = TagChanges::default();
        added.iter().for_each(|(path, kind, tags)| changes.add(path, *kind, words(tags)));
        removed.iter().for_each(|(path, kind, tags)| changes.remove(path, *kind, words(tags)));
        self.schema.changed_tags(&self.text, self.references, &changes)
    }

    /// Adds tags that aren't there: the text is as expected, they are found, and it is the same as
    /// before when they are removed.
    fn check(&self, format: SchemaFormat, tags: Tags<'_>, expect: &str) {
        let changed = self.changed(tags, &[]).unwrap();
        assert_eq!(changed, expect);
        let tagged = given(format, &changed, self.references);
        assert_eq!(tagged.text, changed, "it is printed as it is registered");
        for (path, kind, tags) in tags {
            for tag in words(tags) {
                let found = tagged.found(&tag);
                let is_there = found.iter().any(|(own, own_kind, tags)| {
                    own == path && own_kind == kind && words(tags).contains(&tag)
                });
                assert!(is_there, "{path} {tag}: {found:?}");
            }
        }
        assert_eq!(tagged.changed(tags, &[]).unwrap(), changed, "again");
        assert_eq!(tagged.changed(&[], tags).unwrap(), self.text, "and back");
    }
}

fn owned(parts: Tags<'_>) -> Vec<(String, TaggedKind, String)> {
    parts.iter().map(|(path, kind, tags)| ((*path).to_owned(), *kind, (*tags).to_owned())).collect()
}

#[test]
fn takes_a_dot_before_a_path_for_nothing_and_removes_last() {
    let mut changes = TagChanges::default();
    changes.add("a.b", FIELD, words("one two"));
    changes.add(".a.b", FIELD, words("two three"));
    changes.remove(".a.b", FIELD, words("one"));
    changes.add("a.b", RECORD, words("four"));
    assert_eq!(changes.all.len(), 2);
    assert_eq!(changes.all[0].apply(words("zero two")), words("zero two three"));
    for (path, steps) in
        [("a.b..", vec!["a", "b"]), (".", vec![]), ("", vec![]), (".a", vec!["", "a"])]
    {
        assert_eq!(steps_of(path), steps, "{path}");
    }
}

#[test]
fn refuses_more_bytes_of_tags_than_one_answer_takes() {
    // Ten thousand fields with a tag, below a name of a thousand letters.
    let name = "n".repeat(1_000);
    let fields: Vec<String> = (0..10_000)
        .map(|at| format!(r#"{{"name":"f{at}","type":"int","confluent:tags":["t{}"]}}"#, at % 2))
        .collect();
    let text = format!(r#"{{"type":"record","name":"{name}","fields":[{}]}}"#, fields.join(","));
    let schema = given(SchemaFormat::Avro, &text, &[]);
    let found = |wanted: &str| schema.schema.tagged_parts(&schema.text, &words(wanted));
    assert_eq!(found("*"), Err(TagError::TooMany));
    assert_eq!(found("t1").unwrap().len(), 5_000);
    assert_eq!(found("t2"), Ok(Vec::new()));
}
