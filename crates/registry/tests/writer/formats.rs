//! A document among the schemas is what its attribute `format` says.

use muster_catalog::command::{Command, Mode};
use muster_journal::MemoryLedger;

use super::*;
use crate::commands::*;

const SCHEMA: &str = "/schemagroups/own/schemas/s";

/// Writes a schema of this format.
fn with_format(mode: Mode, document: &str, format: &str) -> Command {
    let text = muster_words::json::Value::from(document).to_string();
    let body = format!(r#"{{"contenttype":"text/plain","schema":{text}{format}}}"#);
    tree(mode, entity(SCHEMA), &body)
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
    answer.map_or_else(|error| code(&error).to_owned(), |_| "done".to_owned())
}

#[tokio::test]
async fn a_document_among_the_schemas_is_what_its_format_says() {
    let put = |document: &str, format: &str| {
        let format =
            if format.is_empty() { String::new() } else { format!(r#","format":{format}"#) };
        with_format(Mode::Put, document, &format)
    };
    let bind = || patch("/configs/app", &format!(r#"{{"muster":{{"schema":"{SCHEMA}"}}}}"#));
    let message = "message M {}";
    let patch = |body: &str| patch(SCHEMA, body);
    for (commands, expect) in [
        (vec![put("{}", "")], "done"),
        (vec![put("true", "")], "done"),
        (vec![put(message, "")], "invalid_document"),
        (vec![put("[]", "")], "invalid_document"),
        (vec![put(r#"{"type":"no"}"#, "")], "invalid_document"),
        (vec![put(r#"{"pattern":"("}"#, "")], "invalid_document"),
        (vec![put(message, r#""JsonSchema/draft-07""#)], "invalid_document"),
        (vec![put(message, r#""jsonschema""#)], "invalid_document"),
        (vec![put(message, r#""Protobuf/3""#)], "done"),
        (vec![put(r#"{"type":"no"}"#, r#""Avro/1.9""#)], "done"),
        // What it refers to may come later.
        (vec![put(r#"{"$ref":"later"}"#, "")], "done"),
        (vec![put(message, r#""Protobuf/3""#), patch(r#"{"name":"n"}"#)], "done"),
        (vec![put(message, r#""Protobuf/3""#), patch(r#"{"format":"Protobuf/2"}"#)], "done"),
        (
            vec![put(message, r#""Protobuf/3""#), patch(r#"{"format":"JsonSchema"}"#)],
            "frozen_attribute",
        ),
        (vec![put(message, r#""Protobuf/3""#), patch(r#"{"format":null}"#)], "frozen_attribute"),
        (vec![put("{}", r#""XSD/1.1""#), patch(r#"{"format":null}"#)], "done"),
        (vec![put("{}", r#""Protobuf/3""#)], "invalid_document"),
        (vec![put(r#"{"type":"record"}"#, r#""Avro/1.9""#)], "invalid_document"),
        (vec![put(message, r#""Protobuf/3""#), delete(SCHEMA), restore(SCHEMA)], "done"),
        (vec![put(message, r#""Protobuf/3""#), bind()], "done"),
        (vec![put("<schema/>", r#""XSD/1.1""#), bind()], "binding_broken"),
        (vec![put("{}", ""), bind()], "done"),
    ] {
        let text =
            format!("{:?}", commands.iter().map(|command| &command.action).collect::<Vec<_>>());
        assert_eq!(outcome(commands).await, expect, "{text}");
    }
}
