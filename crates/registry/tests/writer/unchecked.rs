//! Where something is bound, no way leads to a document that wasn't checked.

use muster_catalog::command::{Action, Command, Mode, SetDefault, Target, WriteBody};
use muster_journal::MemoryLedger;
use muster_words::json::Value;

use super::*;
use crate::commands::*;

const SCHEMA: &str = "/schemagroups/own/schemas/s";
const PLACE: &str = "/configs/app/entries/e";

/// Does the commands; answers what became of the last.
async fn outcome(mut commands: Vec<Command>) -> String {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    let last = commands.pop().unwrap();
    for command in commands {
        registry.submit(command, &by()).await.unwrap();
    }
    let answer = registry.submit(last, &by()).await;
    registry.verify(|_| {}).await.unwrap();
    answer.map_or_else(|error| code(&error).to_owned(), |_| "done".to_owned())
}

/// The group `app` binds a schema that needs `a`.
fn bind() -> Command {
    patch("/configs/app", &format!(r#"{{"muster":{{"schema":"{SCHEMA}"}}}}"#))
}

fn schema() -> Command {
    put(SCHEMA, r#"{"required":["a"]}"#)
}

fn bound() -> Vec<Command> {
    vec![schema(), bind()]
}

fn to_default(mut command: Command, version: &str) -> Command {
    command.set_default = Some(SetDefault::Version(version.parse().unwrap()));
    command
}

/// Puts a document that is stored elsewhere, as headers say it.
fn elsewhere(name: &str) -> Command {
    let mut command = put(name, "");
    if let Action::Write(write) = &mut command.action
        && let WriteBody::Document(sent) = &mut write.body
    {
        sent.attributes.insert("entryurl".to_owned(), Value::from("https://x.example/e"));
    }
    command
}

#[tokio::test]
async fn nothing_without_a_document_comes_into_a_bound_group() {
    let version = |body: &str| tree(Mode::Post, Target::Versions(xid(PLACE)), body);
    let url = r#"{"entryurl":"https://x.example/e"}"#;
    // A group that is written whole would lose what it binds, if that wasn't sent.
    let nested = format!(
        r#"{{"configs":{{"app":{{"muster":{{"schema":"{SCHEMA}"}},"entries":{{"e":{{}}}}}}}}}}"#
    );
    let one = put(PLACE, r#"{"a":1}"#);
    for (before, command) in [
        (vec![], tree(Mode::Put, entity(PLACE), "{}")),
        (vec![], tree(Mode::Put, entity(PLACE), url)),
        (vec![], tree(Mode::Put, entity(PLACE), r#"{"entry":null}"#)),
        (vec![], patch(PLACE, "{}")),
        (vec![], put(PLACE, "")),
        (vec![], elsewhere(PLACE)),
        (vec![], tree(Mode::Put, entity(&format!("{PLACE}/meta")), "{}")),
        (vec![], tree(Mode::Put, entity(&format!("{PLACE}/versions/1")), "{}")),
        (vec![], version(r#"{"2":{}}"#)),
        (vec![], tree(Mode::Post, entity("/configs/app"), r#"{"entries":{"e":{}}}"#)),
        (vec![], tree(Mode::Post, entity("/"), &nested)),
        (vec![], tree(Mode::Patch, entity("/"), r#"{"configs":{"app":{"entries":{"e":{}}}}}"#)),
        (vec![one.clone()], patch(PLACE, r#"{"entry":null}"#)),
        (vec![one.clone()], patch(PLACE, url)),
        (vec![one.clone()], tree(Mode::Put, entity(PLACE), url)),
        (vec![one.clone()], tree(Mode::Put, entity(PLACE), r#"{"entrybase64":null}"#)),
        (vec![one.clone()], elsewhere(PLACE)),
        (vec![one.clone()], version(r#"{"2":{}}"#)),
        (vec![one], post(PLACE, "")),
    ] {
        let mut commands = bound();
        commands.extend(before);
        commands.push(command.clone());
        assert_eq!(outcome(commands).await, "invalid_document", "{:?}", command.action);
    }
    // The command that binds brings it.
    let whole = format!(r#"{{"muster":{{"schema":"{SCHEMA}"}},"entries":{{"e":{{}}}}}}"#);
    let commands = vec![schema(), tree(Mode::Put, entity("/configs/app"), &whole)];
    assert_eq!(outcome(commands).await, "invalid_document");
}

#[tokio::test]
async fn what_came_before_the_binding_may_be_described_and_mended() {
    let bare = || vec![schema(), tree(Mode::Put, entity(PLACE), "{}"), bind()];
    for (command, expect) in [
        (patch(PLACE, r#"{"name":"an entry"}"#), "done"),
        (patch(&format!("{PLACE}/meta"), r#"{"labels":{"a":"b"}}"#), "done"),
        (put(PLACE, r#"{"a":1}"#), "done"),
        (put(PLACE, "{}"), "invalid_document"),
        (patch(PLACE, r#"{"entryurl":"https://x.example/e"}"#), "invalid_document"),
        (post(PLACE, r#"{"a":1}"#), "done"),
        (delete(PLACE), "done"),
    ] {
        let mut commands = bare();
        commands.push(command.clone());
        assert_eq!(outcome(commands).await, expect, "{:?}", command.action);
    }
}

#[tokio::test]
async fn a_restore_brings_back_only_what_is_checked() {
    for (document, expect) in [
        (put(PLACE, r#"{"a":1}"#), "done"),
        (put(PLACE, "{}"), "invalid_document"),
        (tree(Mode::Put, entity(PLACE), "{}"), "invalid_document"),
    ] {
        let whole = vec![schema(), document.clone(), delete(PLACE), bind(), restore(PLACE)];
        assert_eq!(outcome(whole).await, expect, "{:?}", document.action);
        let version = vec![
            schema(),
            document.clone(),
            post(PLACE, r#"{"a":2}"#),
            delete(&format!("{PLACE}/versions/1")),
            bind(),
            restore(&format!("{PLACE}/versions/1")),
        ];
        assert_eq!(outcome(version).await, expect, "{:?}", document.action);
    }
    // A group comes back with its binding, but what stood in it before was never checked.
    let bare = tree(Mode::Put, entity(PLACE), "{}");
    let group = vec![schema(), bare, bind(), delete("/configs/app"), restore("/configs/app")];
    assert_eq!(outcome(group).await, "invalid_document");
}

#[tokio::test]
async fn a_default_moves_only_to_what_is_checked() {
    let meta = format!("{PLACE}/meta");
    let pin = |version: &str| {
        patch(&meta, &format!(r#"{{"defaultversionid":"{version}","defaultversionsticky":true}}"#))
    };
    let gone = |version: &str| delete(&format!("{PLACE}/versions/{version}"));
    let state = |version: &str, state: &str| {
        patch(&format!("{PLACE}/versions/{version}"), &format!(r#"{{"state":"{state}"}}"#))
    };
    // Versions 1 to 3 came before the binding: one passes, one doesn't, and one has no document.
    let setting = || {
        vec![
            schema(),
            put(PLACE, r#"{"a":1}"#),
            post(PLACE, "{}"),
            tree(Mode::Post, Target::Versions(xid(PLACE)), r#"{"3":{}}"#),
            bind(),
            post(PLACE, r#"{"a":4}"#),
        ]
    };
    for (commands, expect) in [
        (vec![pin("1")], "done"),
        (vec![pin("2")], "invalid_document"),
        (vec![pin("3")], "invalid_document"),
        (vec![to_default(patch(PLACE, r#"{"name":"n"}"#), "2")], "invalid_document"),
        (vec![to_default(patch(PLACE, r#"{"name":"n"}"#), "1")], "done"),
        (vec![gone("4")], "invalid_document"),
        (vec![gone("3"), gone("4")], "invalid_document"),
        (vec![gone("3"), gone("2"), gone("4")], "done"),
        (vec![state("4", "retired")], "invalid_document"),
        (vec![gone("3"), gone("2"), state("4", "retired")], "done"),
        (vec![pin("4"), post(PLACE, r#"{"a":5}"#), gone("4")], "done"),
        // Another schema came meanwhile.
        (vec![post(SCHEMA, r#"{"required":["b"]}"#), pin("1")], "invalid_document"),
    ] {
        let text = format!("{:?}", commands.last().unwrap().action);
        let mut all = setting();
        all.extend(commands);
        assert_eq!(outcome(all).await, expect, "{text}");
    }
}
