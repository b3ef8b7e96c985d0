//! Commands that are sent again under their idempotency key, those that have nothing to change,
//! and commands read from their midst.

use muster_catalog::{
    command::{Action, Command, Delete, Mode, Target},
    decide::AnswerSubject,
};
use muster_journal::MemoryLedger;
use muster_words::{Position, json};

use super::*;
use crate::commands::*;

fn collection() -> Target {
    Target::Resources { group: xid("/configs/app"), resources: "entries".parse().unwrap() }
}

fn many() -> Command {
    let each = (0..3_000).map(|number| format!("\"entry-number-{number:05}\":{{}}"));
    tree(Mode::Post, collection(), &format!("{{{}}}", each.collect::<Vec<_>>().join(",")))
}

/// Documents of the same bytes: each takes an entry of its own.
fn apart() -> Command {
    let each = (0..600).map(|number| {
        format!(r#""e{number}":{{"contenttype":"application/json","entry":"same"}}"#)
    });
    let body = format!(r#"{{"entries":{{{}}}}}"#, each.collect::<Vec<_>>().join(","));
    tree(Mode::Post, entity("/configs/app"), &body)
}

fn chosen(names: &str) -> Command {
    let json::Value::Object(map) = json::parse(names.as_bytes()).unwrap() else { panic!() };
    Command::new(Action::Delete(Delete {
        target: collection(),
        chosen: Some(map),
        epoch: None,
        purge: false,
        force: false,
    }))
}

#[tokio::test]
async fn a_repeat_shows_what_the_first_time_showed() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ticks = CountingClock::default();
    let mut registry = open(&ledger, &ticks).await;
    registry.submit(put("/configs/app/entries/old", "0"), &by()).await.unwrap();
    let groups = Target::Groups("configs".parse().unwrap());
    let cases = [
        (tree(Mode::Post, collection(), r#"{"a":{},"b":{"name":"B"},"old":{}}"#), 3),
        (tree(Mode::Post, groups, r#"{"one":{},"two":{}}"#), 2),
        (tree(Mode::Post, entity("/configs/app"), r#"{"entries":{"c":{}}}"#), 1),
        (tree(Mode::Post, Target::Versions(xid("/configs/app/entries/a")), r#"{"7":{}}"#), 1),
        (many(), 3_000),
        (model(r#"{"groups":{"dirs":{"singular":"dir"}}}"#), 0),
        (tree(Mode::Put, Target::Capabilities, r#"{"flags":["doc"]}"#), 0),
        (patch("/configs/app", r#"{"name":"n"}"#), 0),
        (post("/configs/app/entries/old", "1"), 0),
        (restore("/configs/app/entries/gone"), 0),
        (chosen(r#"{"b":{}}"#), 0),
    ];
    registry.submit(put("/configs/app/entries/gone", "0"), &by()).await.unwrap();
    registry.submit(delete("/configs/app/entries/gone"), &by()).await.unwrap();
    let mut firsts = Vec::new();
    for (index, (command, members)) in cases.into_iter().enumerate() {
        let command = keyed(command, &index.to_string(), "same");
        let first = registry.submit(command.clone(), &by()).await.unwrap();
        let shown = if let AnswerSubject::Members(xids) = &first.shows { xids.len() } else { 0 };
        assert_eq!(shown, members, "{index}");
        firsts.push((command, first));
    }
    for round in ["live", "replayed"] {
        let head = ledger.head().await.unwrap();
        for (command, first) in &firsts {
            let again = registry.submit(command.clone(), &by()).await.unwrap();
            assert!(again.repeat, "{round}");
            assert_eq!((&again.shows, again.outcome), (&first.shows, first.outcome), "{round}");
            assert_eq!(again.position, first.position, "{round}");
        }
        assert_eq!(ledger.head().await.unwrap(), head, "a repeat writes nothing");
        registry.verify(|_| {}).await.unwrap();
        registry.close().await;
        registry = open(&ledger, &ticks).await;
    }
}

#[tokio::test]
async fn a_command_that_changes_nothing_writes_nothing() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    registry.submit(put("/configs/app/entries/a", "0"), &by()).await.unwrap();
    let head = ledger.head().await.unwrap();
    for command in [chosen("{}"), chosen(r#"{"b":{}}"#), tree(Mode::Post, collection(), "{}")] {
        let done = registry.submit(command, &by()).await.unwrap();
        assert_eq!((done.position, done.command), (head.position, None));
        assert!(!done.repeat);
    }
    assert_eq!(ledger.head().await.unwrap(), head);
    // It stands in no command's way: neither in that of one of the same batch, nor later.
    registry.submit(chosen(r#"{"a":{}}"#), &by()).await.unwrap();
    assert!(!registry.view().has(&xid("/configs/app/entries/a")));
}

#[tokio::test]
async fn the_repeat_of_a_command_that_changed_nothing_changes_nothing() {
    let name = "/configs/app/entries/b";
    for (command, shows) in [
        (chosen("{}"), AnswerSubject::Nothing),
        (chosen(r#"{"b":{}}"#), AnswerSubject::Nothing),
        (tree(Mode::Post, collection(), "{}"), AnswerSubject::Members(Vec::new())),
    ] {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let ticks = CountingClock::default();
        let mut registry = open(&ledger, &ticks).await;
        registry.submit(put("/configs/app/entries/a", "0"), &by()).await.unwrap();
        let (before, command) = (registry.catalog(), keyed(command, "key", "same"));
        let first = registry.submit(command.clone(), &by()).await.unwrap();
        assert_eq!((first.position, first.repeat), (before.position().next(), false));
        assert_eq!(first.shows, shows);
        // It says that it was answered, and nothing else.
        let group = |view: &muster_catalog::Catalog| {
            let group = view.group_at(&xid("/configs/app")).unwrap();
            (view.registry.epoch, group.epoch, group.modified)
        };
        assert_eq!(group(&registry.catalog()), group(&before));
        registry.submit(put(name, "0"), &by()).await.unwrap();
        let head = ledger.head().await.unwrap();
        for round in ["live", "replayed"] {
            let again = registry.submit(command.clone(), &by()).await.unwrap();
            assert!(again.repeat, "{round}");
            let told = (again.position, again.outcome, &again.shows);
            assert_eq!(told, (first.position, first.outcome, &first.shows), "{round}");
            let other = keyed(chosen(r#"{"b":{}}"#), "key", "other");
            let other = registry.submit(other, &by()).await.unwrap_err();
            assert_eq!(code(&other), "idempotency_mismatch", "{round}");
            assert!(registry.view().has(&xid(name)), "{round}");
            assert_eq!(ledger.head().await.unwrap(), head, "{round}");
            registry.verify(|_| {}).await.unwrap();
            registry.close().await;
            registry = open(&ledger, &ticks).await;
        }
    }
}

#[tokio::test]
async fn whole_commands_follow_a_position_that_lies_in_the_midst_of_one() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    registry.submit(put("/configs/app/entries/first", "0"), &by()).await.unwrap();
    let long = registry.submit(apart(), &by()).await.unwrap().position;
    registry.submit(put("/configs/app/entries/last", "0"), &by()).await.unwrap();
    let begin = Position(3);
    assert!(long.0 > 600, "it has more parts than a page");
    for after in [2, 3, 4, begin.0 + 511, begin.0 + 512, long.0 - 1] {
        let commands = registry.commands_after(Position(after)).await.unwrap();
        let first = &commands[0];
        assert_eq!(first.position(), long, "after {after}");
        let parts: Vec<u32> = first.entries.iter().map(|entry| entry.part).collect();
        assert_eq!(parts, (1..=first.entries[0].parts).collect::<Vec<_>>(), "after {after}");
        assert_eq!(first.entries[0].position, begin, "after {after}");
    }
    let commands = registry.commands_after(long).await.unwrap();
    assert_eq!(commands[0].position(), long.next());
    assert!(registry.commands_after(long.next()).await.unwrap().is_empty());
}
