//! One table of documents and of what binds them. A registry and `muster validate` over a folder
//! that holds the same say the same of each.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{collections::BTreeMap, fs, path::Path, process::Command as Process, sync::Arc};

use muster_catalog::{
    Reason, Refusal,
    command::{Action, Command, Delete, Mode, SentDocument, Target, Write, WriteBody},
};
use muster_journal::MemoryLedger;
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, CommandOrigin, Genesis, Registry, RegistrySettings, SubmitError};
use muster_schema::Violation;
use muster_words::{Moment, Xid};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

mod families;
mod formats;

/// What is done before the documents are judged.
enum Step {
    /// A schema or a rule is put, in a new version where it is there.
    Put(&'static str, Value),
    /// The same with a schema of this format, and what its attribute `references` names.
    Text(&'static str, &'static str, &'static str, Value),
    /// A group gets these attributes.
    Group(&'static str, Value),
    /// The type `/parts/entries` binds and refers to this.
    Model(Value),
    /// What others may be bound to goes all the same.
    Delete(&'static str),
}

use Step::{Delete as Gone, Group, Model, Put, Text};

struct Case {
    name: &'static str,
    steps: Vec<Step>,
    /// Documents, each with what is said of it.
    documents: Vec<(&'static str, &'static str, Vec<&'static str>)>,
}

const PART: &str = "/parts/a/entries/p";

fn schema(name: &str) -> String {
    format!("/schemagroups/s/schemas/{name}")
}

/// A schema that refers to these, and demands the member of its own name.
fn refers(own: &str, to: &[&str]) -> Value {
    let to = to.iter().map(|name| json!({"$ref": schema(name)}));
    let all: Vec<Value> = [json!(true)].into_iter().chain(to).collect();
    json!({"required": [own], "allOf": all})
}

fn rule(expression: &str, severity: &str) -> Value {
    json!({"expression": expression, "severity": severity, "pointer": "/a", "message": "a is wrong"})
}

fn case(
    name: &'static str,
    steps: Vec<Step>,
    documents: Vec<(&'static str, &'static str, Vec<&'static str>)>,
) -> Case {
    Case { name, steps, documents }
}

const SCHEMA_A: &str = "/schemagroups/s/schemas/a";
const SCHEMA_B: &str = "/schemagroups/s/schemas/b";
const SCHEMA_C: &str = "/schemagroups/s/schemas/c";
const SCHEMA_D: &str = "/schemagroups/s/schemas/d";
const RULE: &str = "/rulegroups/r/rules/x";

fn bound_by_types_and_groups() -> Vec<Case> {
    let number = || Put(SCHEMA_A, json!({"properties": {"a": {"type": "integer"}}}));
    let needs_b = || Put(SCHEMA_B, json!({"required": ["b"]}));
    let by_type = || Model(json!({"schema": SCHEMA_A}));
    let by_group = || Group("/parts/a", json!({"muster": {"schema": SCHEMA_B}}));
    let not_number = "error /a type \"x\" is text; a whole number is needed";
    vec![
        case("nothing is bound", vec![], vec![(PART, "no JSON", vec![])]),
        case(
            "a type binds a schema",
            vec![number(), by_type()],
            vec![
                (PART, r#"{"a":1}"#, vec![]),
                (PART, r#"{"a":"x"}"#, vec![not_number]),
                ("/parts/b/entries/q", r#"{"a":"x"}"#, vec![not_number]),
                ("/configs/a/entries/p", r#"{"a":"x"}"#, vec![]),
                (
                    PART,
                    r#"{"a":1,"a":2}"#,
                    vec![r#"error  json line 1, column 8: the key "a" occurs twice in one object"#],
                ),
            ],
        ),
        case(
            "a group binds another one",
            vec![number(), needs_b(), by_type(), by_group()],
            vec![
                (PART, r#"{"a":1,"b":1}"#, vec![]),
                (PART, r#"{"a":"x"}"#, vec![not_number, "error /b required b is missing"]),
                ("/parts/b/entries/q", r#"{"a":1}"#, vec![]),
            ],
        ),
        case(
            "a group binds a version",
            vec![
                number(),
                Group(
                    "/configs/a",
                    json!({"muster": {"schema": format!("{SCHEMA_A}/versions/1")}}),
                ),
            ],
            vec![("/configs/a/entries/p", r#"{"a":"x"}"#, vec![not_number])],
        ),
        case(
            "a format is asserted where the binding says so",
            vec![
                Put(SCHEMA_A, json!({"properties": {"a": {"format": "date"}}})),
                Group("/configs/a", json!({"muster": {"schema": SCHEMA_A}})),
                Group("/configs/b", json!({"muster": {"schema": SCHEMA_A, "assert_format": true}})),
            ],
            vec![
                ("/configs/a/entries/p", r#"{"a":"x"}"#, vec![]),
                ("/configs/b/entries/p", r#"{"a":"x"}"#, vec![NO_DATE]),
            ],
        ),
        case(
            "a built-in collection holds JSON, where that is said",
            vec![],
            vec![
                (
                    "/configs/a/entries/p",
                    "{",
                    vec!["error  json line 1, column 2: the text ends before the end of the value"],
                ),
                ("/configs/a/entries/p", "{}", vec![]),
            ],
        ),
    ]
}

fn rules() -> Vec<Case> {
    let below = || Put(RULE, rule("document.a < 5", "error"));
    let whole_group = || Model(json!({"rules": ["/rulegroups/r"]}));
    vec![
        case(
            "a type binds a group of rules, and a group one of them again",
            vec![
                below(),
                Put("/rulegroups/r/rules/w", rule("document.a < 3", "warning")),
                whole_group(),
                Group("/parts/a", json!({"muster": {"rules": [RULE]}})),
            ],
            vec![
                (PART, r#"{"a":1}"#, vec![]),
                (PART, r#"{"a":4}"#, vec!["warning /a w a is wrong"]),
                (PART, r#"{"a":6}"#, vec!["error /a x a is wrong", "warning /a w a is wrong"]),
            ],
        ),
        case(
            "two rules of the same bytes are two",
            vec![
                below(),
                Put("/rulegroups/r/rules/y", rule("document.a < 5", "error")),
                whole_group(),
            ],
            vec![(PART, r#"{"a":6}"#, vec!["error /a x a is wrong", "error /a y a is wrong"])],
        ),
        case(
            "what the schema finds isn't said twice",
            vec![
                Put(SCHEMA_A, json!({"properties": {"a": {"type": "integer"}}})),
                below(),
                Model(json!({"schema": SCHEMA_A, "rules": [RULE]})),
            ],
            vec![(
                PART,
                r#"{"a":"x"}"#,
                vec!["error /a type \"x\" is text; a whole number is needed"],
            )],
        ),
        case(
            "a group of rules that has none",
            vec![
                Group("/rulegroups/none", json!({})),
                Model(json!({"rules": ["/rulegroups/none"]})),
            ],
            vec![(PART, "{}", vec![])],
        ),
        case(
            "a rule must be one",
            vec![],
            vec![(
                RULE,
                r#"{"expression":"1"}"#,
                vec![
                    "error /severity required severity is missing: every rule has expression, severity, message and pointer",
                ],
            )],
        ),
    ]
}

fn references() -> Vec<Case> {
    let refer = || {
        let references = json!([{"field": "/to", "collection": "/parts/entries", "group": "a"}]);
        vec![Model(json!({"references": references})), Put("/parts/a/entries/there", json!({}))]
    };
    vec![case(
        "references lead to what is there",
        refer(),
        vec![
            (PART, r#"{"to":"there"}"#, vec![]),
            (PART, r#"{"to":null}"#, vec![]),
            (PART, r#"{"to":"x"}"#, vec!["error /to reference there is no /parts/a/entries/x"]),
            (
                PART,
                r#"{"to":"x/y"}"#,
                vec![r#"error /to reference "x/y" isn't the name of a document"#],
            ),
        ],
    )]
}

/// Binds a schema, which refers to another one, and a rule; then does more.
fn bound_and(more: Vec<Step>) -> Vec<Step> {
    let mut steps = vec![
        Put(SCHEMA_B, json!({})),
        Put(SCHEMA_A, refers("a", &["b"])),
        Put(RULE, rule("true", "error")),
        Model(json!({"schema": SCHEMA_A, "rules": [RULE]})),
    ];
    steps.extend(more);
    steps
}

const NO_DATE: &str = "error /a format \"x\" is not a date such as 2026-11-21";
const NO_TYPE: &str = "error /type anyOf matches none of the 2 alternatives; in the closest one: /type: \"no\" is none of array, boolean, integer, null, number, object, string";

fn what_is_bound_and_gone_or_broken() -> Vec<Case> {
    vec![
        case(
            "a bound schema is gone",
            bound_and(vec![Gone(SCHEMA_A)]),
            vec![(PART, r#"{"a":1}"#, vec!["missing /schemagroups/s/schemas/a"])],
        ),
        case(
            "a bound rule is gone",
            bound_and(vec![Gone(RULE)]),
            vec![(PART, r#"{"a":1}"#, vec!["missing /rulegroups/r/rules/x"])],
        ),
        case(
            "what a bound schema refers to is gone",
            bound_and(vec![Gone(SCHEMA_B)]),
            vec![
                (
                    PART,
                    r#"{"a":1}"#,
                    vec!["missing /schemagroups/s/schemas/a → /schemagroups/s/schemas/b"],
                ),
                (
                    SCHEMA_A,
                    r#"{"$ref":"/schemagroups/s/schemas/b"}"#,
                    vec!["missing /schemagroups/s/schemas/b"],
                ),
            ],
        ),
        case(
            "what a bound schema refers to must stay a schema that it can use",
            bound_and(vec![]),
            vec![
                (SCHEMA_B, r#"{"type":"no"}"#, vec![NO_TYPE]),
                (
                    SCHEMA_B,
                    r#"{"$ref":"/schemagroups/s/schemas/c"}"#,
                    vec!["missing /schemagroups/s/schemas/c"],
                ),
            ],
        ),
        case(
            "what is among the schemas must be one, bound or not",
            bound_and(vec![]),
            vec![
                (SCHEMA_A, r#"{"type":"no"}"#, vec![NO_TYPE]),
                (SCHEMA_C, r#"{"type":"no"}"#, vec![NO_TYPE]),
                (
                    SCHEMA_C,
                    "type: string",
                    vec!["error  json line 1, column 1: expected true, false or null"],
                ),
                (
                    SCHEMA_C,
                    r#"{"$ref":"/schemagroups/s/schemas/d"}"#,
                    vec!["warning /$ref $ref there is no /schemagroups/s/schemas/d"],
                ),
            ],
        ),
    ]
}

fn bind(name: &'static str) -> Step {
    Model(json!({"schema": name}))
}

#[tokio::test]
async fn a_registry_and_a_folder_are_judged_alike() {
    let tables = [
        bound_by_types_and_groups(),
        rules(),
        references(),
        what_is_bound_and_gone_or_broken(),
        families::schemas_that_refer_to_others(),
        formats::avro(),
        formats::protobuf(),
        formats::texts_that_refer_to_others(),
    ];
    let mut different = Vec::new();
    for case in tables.into_iter().flatten() {
        let registry = registry().await;
        for step in [&Model(json!({}))].into_iter().chain(&case.steps) {
            registry
                .submit(command(step), &by())
                .await
                .unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        }
        for (xid, document, expect) in &case.documents {
            let name = format!("{}: {xid} {document}", case.name);
            let mut expect: Vec<String> = expect.iter().map(|line| (*line).to_owned()).collect();
            let mut by_folder = validated(&case.steps, xid, document);
            let mut by_registry = put(&registry, xid, document).await;
            for lines in [&mut expect, &mut by_folder, &mut by_registry] {
                lines.sort();
            }
            for (who, lines) in [("the registry", by_registry), ("the folder", by_folder)] {
                if lines != expect {
                    different.push(format!("{who}, {name}: {lines:#?} and not {expect:#?}"));
                }
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn by() -> CommandOrigin {
    CommandOrigin::of_owner()
}

async fn registry() -> Registry {
    let ticks = Arc::new(std::sync::atomic::AtomicI64::new(1));
    let tick = move || ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (moments, ids) = (tick.clone(), tick);
    let clock = Clock {
        now: Arc::new(move || {
            Moment::from_microseconds(1_700_000_000_000_000 + moments()).unwrap()
        }),
        command_id: Arc::new(move || CommandId(u128::from(ids().unsigned_abs()).to_be_bytes())),
    };
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock);
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    Registry::open(Box::new(MemoryLedger::new()), settings).await.unwrap()
}

fn source(aspect: &Value) -> Value {
    let entries = json!({"plural": "entries", "singular": "entry", "muster": aspect});
    json!({"groups": {"parts": {"plural": "parts", "singular": "part", "resources": {"entries": entries}}}})
}

fn command(step: &Step) -> Command {
    match step {
        Put(xid, document) => document_to(xid, &document.to_string()),
        Text(xid, format, text, references) => {
            let is_proto = format.starts_with("Protobuf");
            let media_type = if is_proto { "text/plain" } else { "application/json" };
            write_to(xid, text, media_type, attributes(format, references))
        }
        Group(xid, attributes) => tree(Target::Entity(xid.parse().unwrap()), attributes),
        Model(aspect) => tree(Target::Model, &source(aspect)),
        Gone(xid) => Command::new(Action::Delete(Delete {
            target: Target::Entity(xid.parse().unwrap()),
            chosen: None,
            epoch: None,
            purge: false,
            force: true,
        })),
    }
}

fn tree(target: Target, body: &Value) -> Command {
    let body = WriteBody::Tree(body.as_object().unwrap().clone());
    Command::new(Action::Write(Write { mode: Mode::Put, target, body }))
}

fn document_to(xid: &str, document: &str) -> Command {
    write_to(xid, document, "application/json", Map::new())
}

/// The attributes of a schema.
fn attributes(format: &str, references: &Value) -> Map<String, Value> {
    let references = (!references.is_null()).then(|| ("references".to_owned(), references.clone()));
    [("format".to_owned(), format.into())].into_iter().chain(references).collect()
}

fn write_to(
    xid: &str,
    document: &str,
    content_type: &str,
    attributes: Map<String, Value>,
) -> Command {
    let body = WriteBody::Document(SentDocument {
        bytes: document.to_owned().into(),
        content_type: Some(content_type.to_owned()),
        attributes,
    });
    let target = Target::Entity(xid.parse().unwrap());
    Command::new(Action::Write(Write { mode: Mode::Post, target, body }))
}

/// Puts a document; what the registry says of it.
async fn put(registry: &Registry, xid: &str, document: &str) -> Vec<String> {
    match registry.submit(document_to(xid, document), &by()).await {
        Ok(done) => done.warnings.iter().map(line).collect(),
        Err(SubmitError::Refused(refusal)) => refused(&refusal),
        Err(error) => panic!("{xid}: {error:?}"),
    }
}

fn line(violation: &Violation) -> String {
    let Violation { pointer, source, severity, message, .. } = violation;
    format!("{severity} {pointer} {source} {message}")
}

/// A refusal, in the words of the table.
fn refused(refusal: &Refusal) -> Vec<String> {
    let binding = &refusal.subject;
    let absent = |text: &str| text.rsplit_once("there is no ").map(|(_, name)| name.to_owned());
    match &*refusal.reason {
        Reason::BindingMissing { .. } => vec![format!("missing {binding}")],
        Reason::BindingBroken { error, .. } => match absent(error) {
            Some(name) => vec![format!("missing {binding} → {name}")],
            None => vec![format!("broken {binding}: {error}")],
        },
        Reason::InvalidDocument { violations } => {
            let schema = violations.iter().find(|one| one.source.to_string() == "$ref");
            match schema.and_then(|violation| absent(&violation.message)) {
                Some(name) => vec![format!("missing {name}")],
                None => violations.iter().map(line).collect(),
            }
        }
        _ => panic!("{refusal:?}"),
    }
}

/// What `muster validate` says of a document in a folder that holds what the steps leave.
fn validated(steps: &[Step], xid: &str, document: &str) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let mut documents: BTreeMap<&str, String> = BTreeMap::new();
    let mut aspect = json!({});
    for step in steps {
        match step {
            Put(xid, document) => drop(documents.insert(xid, document.to_string())),
            Text(xid, format, text, references) => {
                let told = Value::Object(attributes(format, references)).to_string();
                let path = file_of(xid).trim_end_matches(".json").to_owned();
                write(root, &format!("{path}.attributes.json"), &told);
                if format.starts_with("Protobuf") {
                    write(root, &format!("{path}.proto"), text);
                } else {
                    documents.insert(xid, (*text).to_owned());
                }
            }
            Gone(xid) => {
                documents.remove(xid);
                let path = file_of(xid).trim_end_matches(".json").to_owned();
                for end in ["proto", "attributes.json"] {
                    drop(fs::remove_file(root.join(format!("{path}.{end}"))));
                }
            }
            Model(new) => aspect = new.clone(),
            Group(xid, attributes) => {
                write(root, &format!("{}.attributes.json", &xid[1..]), &attributes.to_string());
            }
        }
    }
    documents.insert(xid, document.to_owned());
    write(root, "model.json", &source(&aspect).to_string());
    for (xid, document) in &documents {
        write(root, &file_of(xid), document);
    }
    let file = root.join(file_of(xid));
    let output = Process::new(env!("CARGO_BIN_EXE_muster"))
        .args(["validate", "--output", "json"])
        .arg(&file)
        .env_clear()
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let found = said["violations"].as_array().unwrap();
    assert_eq!(
        output.status.code(),
        Some(i32::from(found.iter().any(|one| one["severity"] == "error")))
    );
    found.iter().map(finding).collect()
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn file_of(xid: &str) -> String {
    let xid: Xid = xid.parse().unwrap();
    let Xid::Resource { groups, group, resource, .. } = xid else { panic!("{xid}") };
    format!("{groups}/{group}/{resource}.json")
}

/// A finding, in the words of the table.
fn finding(finding: &Value) -> String {
    let text = |name: &str| finding[name].as_str().unwrap();
    let message = text("message");
    let bound = message.strip_prefix("it is bound to ");
    match (text("rule"), bound) {
        ("not checked", Some(bound)) => match bound.split_once(", which refers to ") {
            Some((binding, rest)) => {
                format!("missing {binding} → {}", rest.split_once(';').unwrap().0)
            }
            None => format!("missing {}", bound.split_once(',').unwrap().0),
        },
        ("not checked", None) => {
            let name = message.strip_prefix("it refers to ").unwrap();
            format!("missing {}", name.split_once(',').unwrap().0)
        }
        ("binding", Some(bound)) => {
            let (binding, why) = bound.split_once(", which can't be used: ").unwrap();
            format!("broken {binding}: {why}")
        }
        _ => format!("{} {} {} {message}", text("severity"), text("pointer"), text("rule")),
    }
}
