//! A new model, and a restore: what is there complies with the model, or the command is refused.

use muster_catalog::{
    ModelRefusal, Reason,
    command::{Command, Mode},
};
use muster_journal::MemoryLedger;

use super::*;
use crate::commands::*;

async fn with(commands: Vec<Command>) -> Registry {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    for command in commands {
        registry.submit(command, &by()).await.unwrap();
    }
    registry
}

fn write(name: &str, body: &str) -> Command {
    tree(Mode::Put, entity(name), body)
}

/// A model whose only resource type, `/dirs/files`, has these members, with this of its group
/// type and of the registry.
fn of(files: &str, dir: &str, registry: &str) -> String {
    format!(
        r#"{{"attributes":{{{registry}}},"groups":{{"dirs":{{"singular":"dir","attributes":{{{dir}}},
            "resources":{{"files":{{"singular":"file","hasdocument":false{files}}}}}}}}}}}"#
    )
}

const TEXT: &str = r#""note":{"type":"string"}"#;
const NUMBER: &str = r#""note":{"type":"integer"}"#;
const NEEDED: &str = r#""note":{"type":"string","required":true}"#;

fn attributes(of: &str) -> String {
    format!(r#","attributes":{{{of}}}"#)
}

fn meta(of: &str) -> String {
    format!(r#","metaattributes":{{{of}}}"#)
}

/// The registry, two groups and their resources, each with a note where `noted`.
async fn noted(noted: bool) -> Registry {
    let body = if noted { r#"{"note":"a"}"# } else { "{}" };
    let files = format!("{}{}", attributes(TEXT), meta(TEXT));
    let mut commands = vec![model(&of(&files, TEXT, TEXT)), write("/", body)];
    for dir in ["/dirs/c", "/dirs/d"] {
        let file = format!("{dir}/files/f");
        commands.push(write(dir, body));
        commands.push(write(&format!("{file}/versions/1"), body));
        commands.push(write(&format!("{file}/versions/2"), r#"{"note":"b"}"#));
        commands.push(patch(&format!("{file}/meta"), body));
    }
    with(commands).await
}

#[tokio::test]
async fn a_model_is_refused_under_which_something_stored_would_not_comply() {
    let matched = r#""note":{"type":"string","matchversions":true}"#;
    let all = |files: &str| of(files, TEXT, TEXT);
    let both = |end: &str| vec![format!("/dirs/c{end}"), format!("/dirs/d{end}")];
    let (levels, versions) = (attributes(TEXT), both("/files/f/versions/1"));
    let with_meta = |own: &str| all(&format!("{levels}{}", meta(own)));
    for (has_note, source, named) in [
        (true, of(&format!("{levels}{}", meta(TEXT)), TEXT, NUMBER), vec!["/".to_owned()]),
        (true, of(&format!("{levels}{}", meta(TEXT)), TEXT, ""), vec!["/".to_owned()]),
        (false, of(&format!("{levels}{}", meta(TEXT)), TEXT, NEEDED), vec!["/".to_owned()]),
        (true, of(&format!("{levels}{}", meta(TEXT)), NUMBER, TEXT), both(": ")),
        (false, of(&format!("{levels}{}", meta(TEXT)), NEEDED, TEXT), both(": ")),
        (true, with_meta(NUMBER), both("/files/f/meta")),
        (false, with_meta(NEEDED), both("/files/f/meta")),
        (true, all(&format!("{}{}", attributes(NUMBER), meta(TEXT))), versions.clone()),
        (false, all(&format!("{}{}", attributes(NEEDED), meta(TEXT))), versions.clone()),
        (true, all(&format!("{}{}", attributes(matched), meta(TEXT))), both("/files/f: ")),
    ] {
        let registry = noted(has_note).await;
        let refused = registry.submit(model(&source), &by()).await;
        let Err(muster_registry::SubmitError::Refused(refusal)) = refused else {
            panic!("{source}: {refused:?}")
        };
        if named.len() == 1 {
            assert_eq!(refusal.subject, "/", "{source}");
            continue;
        }
        assert_eq!(refusal.subject, "/model");
        let Reason::Model(ModelRefusal::Broken { entities, more: 0 }) = *refusal.reason else {
            panic!("{source}")
        };
        let lines = entities.iter().map(|(xid, reason)| format!("{xid}: {reason}\n"));
        let lines: String = lines.collect();
        assert!(named.iter().all(|name| lines.contains(name)), "{source}: {lines}");
    }
}

#[tokio::test]
async fn what_the_command_itself_writes_is_judged_as_it_will_be() {
    let files = format!("{}{}", attributes(TEXT), meta(TEXT));
    let registry = noted(true).await;
    let source = of(&files, TEXT, NUMBER);
    let whole = |note: &str| write("/", &format!(r#"{{"modelsource":{source},"note":{note}}}"#));
    let refused = registry.submit(whole("\"a\""), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "type");
    registry.submit(whole("1"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_model_that_demands_formats_to_be_validated_finds_those_that_can_not_be() {
    let registry = with(vec![
        model(&of("", "", "")),
        write("/dirs/d/files/f", r#"{"format":"made/up"}"#),
        write("/dirs/d/files/g", "{}"),
    ])
    .await;
    let strict = r#","validateformat":true,"strictvalidation":true"#;
    let refused = registry.submit(model(&of(strict, "", "")), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "format_unknown");
    registry.submit(delete("/dirs/d/files/f"), &by()).await.unwrap();
    registry.submit(model(&of(strict, "", "")), &by()).await.unwrap();
    let refused = registry.submit(restore("/dirs/d/files/f"), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "format_unknown");
}

#[tokio::test]
async fn what_does_not_comply_does_not_come_back() {
    let files = format!("{}{}", attributes(TEXT), meta(TEXT));
    let matched = attributes(r#""note":{"type":"string","matchversions":true}"#);
    let sources = [
        (of(&format!("{}{}", attributes(TEXT), meta(NUMBER)), TEXT, TEXT), "type"),
        (of(&format!("{}{}", attributes(TEXT), meta("")), TEXT, TEXT), "unknown"),
        (of(&format!("{matched}{}", meta(TEXT)), TEXT, TEXT), "versions_differ"),
        (of(&files, TEXT, TEXT), "done"),
    ];
    for (source, expect) in sources {
        for gone in ["/dirs/d", "/dirs/d/files/f"] {
            let registry = noted(true).await;
            for name in ["/dirs/c", gone] {
                registry.submit(delete(name), &by()).await.unwrap();
            }
            registry.submit(model(&source), &by()).await.unwrap();
            let answer = registry.submit(restore(gone), &by()).await;
            let answer = answer.map_or_else(|error| code(&error), |_| "done");
            assert_eq!(answer, expect, "{source} {gone}");
        }
    }
}

#[tokio::test]
async fn a_group_that_is_replaced_loses_its_bindings_and_one_that_is_patched_keeps_them() {
    let bad = r#"{"entries":{"a":{"contenttype":"application/json","entry":{"a":9}}}}"#;
    for (mode, expect) in [(Mode::Put, "done"), (Mode::Patch, "invalid_document")] {
        let registry = with(vec![
            put("/rulegroups/own/rules/r", crate::serial::clients::RULES[0]),
            put("/configs/app/entries/a", r#"{"a":1}"#),
            patch("/configs/app", r#"{"muster":{"rules":["/rulegroups/own"]}}"#),
        ])
        .await;
        let answer = registry.submit(tree(mode, entity("/configs/app"), bad), &by()).await;
        assert_eq!(answer.map_or_else(|error| code(&error), |_| "done"), expect, "{mode:?}");
        registry.verify(|_| {}).await.unwrap();
    }
}
