//! Schemas that refer to each other by `$id`, and schemas in the middle.

use muster_catalog::command::{Command, Mode};
use muster_journal::MemoryLedger;

use super::*;
use crate::commands::*;

fn schema(name: &str) -> String {
    format!("/schemagroups/own/schemas/{name}")
}

fn with_id(name: &str, id: &str) -> Command {
    put(&schema(name), &format!(r#"{{"$id":"{id}"}}"#))
}

fn user(name: &str, address: &str) -> Command {
    put(&schema(name), &format!(r#"{{"$ref":"{address}"}}"#))
}

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
    let again = open(&ledger, &CountingClock::default()).await;
    let ids =
        |registry: &Registry| registry.catalog().identifiers.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&registry));
    answer.map_or_else(|error| code(&error).to_owned(), |_| "done".to_owned())
}

#[tokio::test]
async fn an_id_in_use_is_not_taken_away_and_not_made_ambiguous() {
    let id = "urn:example:x";
    let setting = || vec![with_id("owner", id), user("user", id), with_id("free", "urn:example:f")];
    let group = format!(
        r#"{{"schemas":{{"v":{{"schema":{{"$id":"{id}"}}}},"w":{{"schema":{{"$id":"urn:w"}}}}}}}}"#
    );
    for (commands, expect) in [
        (vec![delete(&schema("owner"))], "idinuse"),
        (vec![purge(&schema("owner"))], "idinuse"),
        (vec![post(&schema("owner"), "{}")], "idinuse"),
        (vec![post(&schema("owner"), r#"{"$id":"urn:example:y"}"#)], "idinuse"),
        (vec![post(&schema("owner"), r#"{"$id":"urn:example:x","title":"t"}"#)], "done"),
        (vec![with_id("second", id)], "idambiguous"),
        (vec![tree(Mode::Post, entity("/schemagroups/own"), &group)], "idambiguous"),
        (vec![with_id("second", "urn:example:f")], "done"),
        (vec![put("/schemagroups/other/schemas/second", &format!(r#"{{"$id":"{id}"}}"#))], "done"),
        (vec![delete(&schema("free"))], "done"),
        (vec![delete(&schema("user")), delete(&schema("owner"))], "done"),
        (vec![delete(&schema("user")), with_id("second", id)], "done"),
        (vec![delete("/schemagroups/own")], "done"),
        (
            vec![
                delete("/schemagroups/own"),
                restore("/schemagroups/own"),
                delete(&schema("owner")),
            ],
            "idinuse",
        ),
    ] {
        let text = format!("{:?}", commands.last().unwrap().action);
        let mut all = setting();
        all.extend(commands);
        assert_eq!(outcome(all).await.replace('_', ""), expect, "{text}");
    }
}

#[tokio::test]
async fn a_schema_in_the_middle_changes_only_to_what_goes_on_working() {
    let bind = patch("/configs/app", &format!(r#"{{"muster":{{"schema":"{}"}}}}"#, schema("a")));
    let setting = || {
        vec![
            put(&schema("c"), r#"{"required":["c"]}"#),
            put(&schema("b"), r#"{"$id":"urn:b","$defs":{"x":{"required":["x"]}}}"#),
            put(&schema("a"), r##"{"allOf":[{"$ref":"urn:b#/$defs/x"}]}"##),
            bind.clone(),
        ]
    };
    let entry = |document: &str| put("/configs/app/entries/e", document);
    let leads_on = format!(r#"{{"$id":"urn:b","$defs":{{"x":{{"$ref":"{}"}}}}}}"#, schema("c"));
    for (commands, expect) in [
        (vec![entry(r#"{"x":1}"#)], "done"),
        (vec![entry("{}")], "invalid_document"),
        (vec![post(&schema("b"), &leads_on), entry(r#"{"c":1}"#)], "done"),
        (vec![post(&schema("b"), &leads_on), entry(r#"{"x":1}"#)], "invalid_document"),
        // The place to which the bound schema refers would be gone.
        (vec![post(&schema("b"), r#"{"$id":"urn:b"}"#)], "binding_broken"),
        (vec![post(&schema("b"), r#"{"type":"no"}"#)], "invalid_document"),
        (vec![post(&schema("b"), r#"{"$ref":"none"}"#)], "invalid_document"),
        (vec![delete(&schema("b"))], "idinuse"),
        (vec![delete(&schema("c"))], "done"),
        (vec![post(&schema("b"), &leads_on), delete(&schema("c"))], "referenced"),
    ] {
        let text = format!("{:?}", commands.last().unwrap().action);
        let mut all = setting();
        all.extend(commands);
        let found = outcome(all).await;
        assert_eq!(found.replace("id_in_use", "idinuse"), expect, "{text}");
    }
}
