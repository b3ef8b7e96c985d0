//! Capabilities say what clients may change, whichever way a command comes.

use muster_catalog::{
    Reason,
    command::{Command, Mode, Target},
};
use muster_journal::MemoryLedger;
use muster_registry::SubmitError;
use serde_json::json;

use super::*;
use crate::commands::*;

const NAME: &str = "/configs/app/entries/a";
const GONE: &str = "/configs/app/entries/gone";

const LOCK: &str = r#"{"available":{"capabilities":{"mutable":true},"entities":{},"model":{}}}"#;

fn capabilities(body: &str) -> Command {
    tree(Mode::Patch, Target::Capabilities, body)
}

async fn registry() -> Registry {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    for command in [put(NAME, "1"), put(GONE, "1"), delete(GONE)] {
        registry.submit(command, &by()).await.unwrap();
    }
    registry
}

/// Why a command is refused; none if it is done.
fn reason(done: Result<muster_registry::Done, SubmitError>) -> Option<Reason> {
    match done {
        Ok(_) => None,
        Err(SubmitError::Refused(refusal)) => Some(*refusal.reason),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn what_clients_may_not_change_is_refused_whatever_the_command() {
    let registry = registry().await;
    registry.submit(capabilities(LOCK), &by()).await.unwrap();
    let head = registry.view().position();
    for command in [
        put(NAME, "2"),
        patch("/configs/app", r#"{"name":"n"}"#),
        patch("/", r#"{"name":"n"}"#),
        delete(NAME),
        purge(NAME),
        restore(GONE),
        model(r#"{"groups":{"dirs":{"singular":"dir"}}}"#),
    ] {
        let found = reason(registry.submit(command.clone(), &by()).await);
        assert_eq!(found, Some(Reason::NotMutable), "{command:?}");
    }
    assert_eq!(registry.view().position(), head, "nothing was written");
    registry.submit(capabilities(r#"{"available":null}"#), &by()).await.unwrap();
    for command in [put(NAME, "2"), restore(GONE)] {
        registry.submit(command, &by()).await.unwrap();
    }
}

#[tokio::test]
async fn a_command_on_its_way_is_decided_by_the_capabilities_in_force() {
    let registry = registry().await;
    let by = by();
    let (lock, write) = tokio::join!(
        registry.submit(capabilities(LOCK), &by),
        registry.submit(put(NAME, "2"), &by),
    );
    assert_eq!((reason(lock), reason(write)), (None, Some(Reason::NotMutable)));
}

#[tokio::test]
async fn patches_of_capabilities_at_once_keep_each_other() {
    let registry = registry().await;
    let by = by();
    let sent = [r#"{"flags":["doc"]}"#, r#"{"ignores":["epoch"]}"#, r#"{"pagination":false}"#];
    let [one, two, three] = sent.map(|body| registry.submit(capabilities(body), &by));
    let (one, two, three) = tokio::join!(one, two, three);
    for done in [one, two, three] {
        assert_eq!(reason(done), None);
    }
    let view = registry.view();
    let set = view.capabilities().unwrap();
    let found = (&set["flags"], &set["ignores"], &set["pagination"]);
    assert_eq!(found, (&json!(["doc"]), &json!(["epoch"]), &json!(false)));
}
