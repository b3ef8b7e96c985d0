#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_model::{Foundation, Model};
use muster_schema::{FormattedSchema, NoSources, SchemaContext, SchemaFormat};
use muster_words::{ContentRef, Digest, Id, Notation, Position, Xid};
use serde_json::json;

use super::*;
use crate::{command::SchemaWrite, state::Bindings};

/// Documents by name, some of them available.
struct Fixture {
    model: Model,
    documents: BTreeMap<Xid, String>,
    at_hand: RefCell<BTreeSet<ContentRef>>,
}

/// Keeps parsed schemas, and nothing compiled.
#[derive(Default)]
struct ParsedOnly(RefCell<BTreeMap<ParsedKey, Arc<FormattedSchema>>>);

impl CompilationCache for ParsedOnly {
    fn schema(&self, _: &SourceKey) -> Option<Arc<CompiledSchema>> {
        None
    }
    fn keep_schema(&self, _: SourceKey, _: Arc<CompiledSchema>) {}
    fn rule(&self, _: &Id, _: &SourceKey) -> Option<CompiledRule> {
        None
    }
    fn keep_rule(&self, _: Id, _: SourceKey, _: CompiledRule) {}
    fn parsed(&self, key: &ParsedKey) -> Option<Arc<FormattedSchema>> {
        self.0.borrow().get(key).cloned()
    }
    fn keep_parsed(&self, key: ParsedKey, schema: Arc<FormattedSchema>, _: usize) {
        assert!(self.0.borrow_mut().insert(key, schema).is_none(), "it was parsed twice");
    }
}

impl Resolver for Fixture {
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent> {
        let document = self.documents.get(xid)?;
        let content = ContentRef { position: Position(1), digest: Digest::of(document.as_bytes()) };
        Some(DocumentContent { content, notation: Notation::Json, schema: None })
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        let of_group = |xid: &&Xid| xid.group().as_ref() == Some(group);
        Some(self.documents.keys().filter(of_group).cloned().collect())
    }

    fn identified(&self, _: &Xid, _: &str) -> Vec<Xid> {
        Vec::new()
    }
}

impl Sources for Fixture {
    fn model(&self) -> &Model {
        &self.model
    }

    fn bindings_of(&self, _: &Xid) -> Option<Arc<Bindings>> {
        None
    }

    fn bytes_of(&self, content: &ContentRef) -> ContentBytes {
        let of = |text: &&String| Digest::of(text.as_bytes()) == content.digest;
        match self.documents.values().find(of) {
            Some(text) if self.at_hand.borrow().contains(content) => {
                ContentBytes::Bytes(text.clone().into())
            }
            _ => ContentBytes::Unread,
        }
    }

    fn presence_of(&self, _: &Xid) -> Presence {
        Presence::Absent
    }

    fn bound_through(&self, _: &Xid) -> Vec<Xid> {
        Vec::new()
    }
}

fn schema(name: &str) -> Xid {
    format!("/schemagroups/s/schemas/{name}").parse().unwrap()
}

/// A type that binds a schema and a group of rules, and further schemas for references.
fn fixture(schemas: &[(&str, &[&str])], rules: &[&str]) -> Fixture {
    let aspect = json!({"schema": schema("a").to_string(), "rules": ["/rulegroups/r"]});
    let entries = json!({"plural": "entries", "singular": "entry", "muster": aspect});
    let parts = json!({"plural": "parts", "singular": "part", "resources": {"entries": entries}});
    let model = Model::compile(&json!({"groups": {"parts": parts}}), Foundation::BuiltIn).unwrap();
    let mut documents = BTreeMap::new();
    for (name, refers_to) in schemas {
        let mut all = vec![json!(true)];
        all.extend(refers_to.iter().map(|to| json!({"$ref": schema(to).to_string()})));
        documents.insert(schema(name), json!({"title": name, "allOf": all}).to_string());
    }
    for name in rules {
        let rule =
            json!({"expression": "false", "severity": "error", "pointer": "", "message": name});
        let xid = format!("/rulegroups/r/rules/{name}").parse().unwrap();
        documents.insert(xid, rule.to_string());
    }
    Fixture { model, documents, at_hand: RefCell::default() }
}

/// Judges a document until nothing is missing; returns what was missing each time, and the result.
fn judged(fixture: &Fixture) -> (Vec<Vec<String>>, Result<Verdict, Rejection>) {
    let xid: Xid = "/parts/p/entries/e".parse().unwrap();
    let judge = Judge { sources: fixture, compiled: &ParsedOnly::default(), may_take_long: true };
    let mut rounds = Vec::new();
    for _ in 0..100 {
        match judge.document(&Document {
            xid: &xid,
            content_type: None,
            bytes: b"{}",
            attributes: None,
            new: Some(&SchemaWrite::default()),
        }) {
            Err(NoVerdict::Missing(missing)) => {
                let names = fixture.documents.keys().filter(|xid| {
                    fixture.content_at(xid).is_some_and(|found| missing.contains(&found.content))
                });
                rounds.push(names.map(|xid| xid.id().unwrap().to_string()).collect());
                fixture.at_hand.borrow_mut().extend(missing);
            }
            Err(NoVerdict::Rejected(rejection)) => return (rounds, Err(*rejection)),
            Err(NoVerdict::Long) => panic!("it may take long"),
            Ok(verdict) => return (rounds, Ok(verdict)),
        }
    }
    panic!("it never ends: {rounds:?}")
}

#[test]
fn names_together_what_is_missing_and_goes_on_where_it_is_at_hand() {
    let chain = fixture(&[("a", &["c"]), ("c", &["b"]), ("b", &[])], &["x", "y"]);
    let (rounds, found) = judged(&chain);
    assert_eq!(rounds, [vec!["x", "y", "a"], vec!["c"], vec!["b"]]);
    let Rejection::Document { fault: DocumentFault::Invalid(found), .. } = found.unwrap_err()
    else {
        panic!("two rules are broken")
    };
    assert_eq!(found.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), ["x", "y"]);

    let diamond = fixture(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])], &[]);
    let (rounds, found) = judged(&diamond);
    assert_eq!(rounds, [vec!["a"], vec!["b", "c"], vec!["d"]]);
    let verdict = found.unwrap();
    let named = |all: &[Dependency]| {
        let ids =
            all.iter().map(|(xid, content)| (xid.id().unwrap().to_string(), content.is_some()));
        ids.collect::<Vec<_>>()
    };
    let there = |name: &str| (name.to_owned(), true);
    assert_eq!(named(&verdict.bindings), [there("a")]);
    assert_eq!(named(&verdict.schema_references), [there("b"), there("c"), there("d")]);
}

#[test]
fn says_what_is_wrong_only_when_everything_is_at_hand() {
    let gone = fixture(&[("a", &["b", "c"]), ("c", &[])], &["x"]);
    let (rounds, found) = judged(&gone);
    assert_eq!(rounds, [vec!["x", "a"], vec!["c"]]);
    let Err(Rejection::Binding { xid, fault: BindingFault::Schema(error) }) = found else {
        panic!("{found:?}")
    };
    assert_eq!((xid, error.missing()), (schema("a"), Some(&schema("b"))));

    let circle = fixture(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])], &[]);
    let (rounds, found) = judged(&circle);
    assert_eq!(rounds, [vec!["a"], vec!["b"], vec!["c"]]);
    let Err(Rejection::Binding { fault: BindingFault::Schema(error), .. }) = found else {
        panic!("{found:?}")
    };
    let error = error.to_string().replace("/schemagroups/s/schemas/", "");
    assert_eq!(error, "schemas refer to each other in a circle: b → c → b");
}

#[test]
fn what_is_sent_as_json_to_a_built_in_type_must_be_json() {
    let fixture = fixture(&[], &[]);
    let judge = Judge { sources: &fixture, compiled: &ParsedOnly::default(), may_take_long: true };
    let xid: Xid = "/configs/c/entries/e".parse().unwrap();
    for (content_type, expect) in [
        (None, true),
        (Some("text/plain"), true),
        (Some("application/jsonl"), true),
        (Some("application/json"), false),
        (Some("Application/JSON; charset=utf-8"), false),
        (Some("application/schema+json"), false),
        (Some("application/schema+JSON;version=1"), false),
    ] {
        let passes = |bytes| {
            judge
                .document(&Document {
                    xid: &xid,
                    content_type,
                    bytes,
                    attributes: None,
                    new: Some(&SchemaWrite::default()),
                })
                .is_ok()
        };
        assert_eq!((passes(b"{}"), passes(b"{")), (true, expect), "{content_type:?}");
    }
}

#[test]
fn a_bound_document_that_cannot_be_used_is_told_only_when_the_others_are_at_hand() {
    let mut fixture = fixture(&[("a", &[])], &["x"]);
    let rule: Xid = "/rulegroups/r/rules/x".parse().unwrap();
    fixture.documents.insert(rule.clone(), "no rule".to_owned());
    fixture.at_hand.borrow_mut().extend(fixture.content_at(&rule).map(|found| found.content));
    let (rounds, found) = judged(&fixture);
    assert_eq!(rounds, [vec!["a"]]);
    let Err(Rejection::Binding { xid, fault: BindingFault::Rule(_) }) = found else {
        panic!("{found:?}")
    };
    assert_eq!(xid, rule);
}

#[test]
fn a_schema_is_parsed_once_for_the_same_text_and_the_same_references() {
    let cache = ParsedOnly::default();
    let id = r#"{"type":"fixed","name":"Id","size":4}"#;
    let longer = r#"{"type":"fixed","name":"Id","size":8}"#;
    let text = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"Id"}]}"#;
    let cases: [(&str, &[(&str, &str)]); 6] = [
        (r#""int""#, &[]),
        (r#" "int""#, &[]),
        (text, &[("id", id)]),
        (text, &[("id2", id)]),
        (text, &[("i", longer)]),
        (id, &[]),
    ];
    for (text, texts) in cases {
        let context = SchemaContext { home: None, sources: &NoSources, texts, notation: None };
        let read = || parsed_schema(&cache, SchemaFormat::Avro, text.as_bytes(), &context).unwrap();
        assert!(Arc::ptr_eq(&read(), &read()), "{text}");
    }
    assert_eq!(cache.0.borrow().len(), cases.len());
    let context = SchemaContext { home: None, sources: &NoSources, texts: &[], notation: None };
    // What can't be read is never kept, and another format is another schema.
    for format in [SchemaFormat::Avro, SchemaFormat::Protobuf, SchemaFormat::JsonSchema] {
        assert!(
            parsed_schema(&cache, format, text.as_bytes(), &context).is_err()
                || format == SchemaFormat::JsonSchema
        );
    }
    assert_eq!(cache.0.borrow().len(), cases.len());
}
