//! The registry over the in-memory ledger: what commands do, and that folding again gives the same.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use bytes::Bytes;
use muster_catalog::{
    Reason, VersionRefusal,
    changes::Outcome,
    command::{Action, Command, Delete, Mode, SentDocument, Target, Write, WriteBody},
};
use muster_journal::{Ledger, LedgerHandle, MemoryLedger};
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, CommandOrigin, Genesis, Registry, RegistrySettings, SubmitError};
use muster_words::{Id, Moment, Xid, json};

fn clock() -> Clock {
    let (time, count) = (AtomicI64::new(1_000_000), AtomicU64::new(1));
    Clock {
        now: Arc::new(move || {
            Moment::from_microseconds(time.fetch_add(10, Ordering::Relaxed)).unwrap()
        }),
        command_id: Arc::new(move || {
            CommandId(u128::from(count.fetch_add(1, Ordering::Relaxed)).to_be_bytes())
        }),
    }
}

async fn open(ledger: &Arc<dyn Ledger>, foundation: Foundation) -> Registry {
    let mut settings = RegistrySettings::new(foundation, clock());
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap()
}

fn by() -> CommandOrigin {
    CommandOrigin::of_owner()
}

fn put(xid: &str, document: &str) -> Command {
    Command::new(Action::Write(Write {
        mode: Mode::Put,
        target: Target::Entity(xid.parse().unwrap()),
        body: WriteBody::Document(SentDocument {
            bytes: Bytes::from(document.to_owned()),
            content_type: Some("application/json".into()),
            attributes: json::Map::new(),
        }),
    }))
}

fn tree(mode: Mode, target: Target, body: &str) -> Command {
    let json::Value::Object(map) = json::parse(body.as_bytes()).unwrap() else { panic!("{body}") };
    Command::new(Action::Write(Write { mode, target, body: WriteBody::Tree(map) }))
}

fn entity(xid: &str) -> Target {
    Target::Entity(xid.parse().unwrap())
}

fn delete(xid: &str) -> Command {
    Command::new(Action::Delete(Delete {
        target: entity(xid),
        chosen: None,
        epoch: None,
        purge: false,
        force: false,
    }))
}

fn code(error: SubmitError) -> &'static str {
    match error {
        SubmitError::Refused(refusal) => name_of(&refusal.reason),
        other => panic!("{other}"),
    }
}

/// The name of what stood in the way, in small letters; of a model or of attributes, what was wrong
/// with them.
fn name_of(reason: &Reason) -> &'static str {
    let debug = format!("{reason:?}");
    let around = ["Model(", "Fault(", "Attribute(", "Version("];
    let name = around.iter().fold(&*debug, |name, around| name.trim_start_matches(around));
    let name = name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake.leak()
}

#[tokio::test]
async fn a_document_is_created_updated_hidden_restored_and_purged() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let name = "/configs/app/entries/web";
    let xid: Xid = name.parse().unwrap();
    let done = registry.submit(put(name, "{\"a\":1}"), &by()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Created);
    let done = registry.submit(put(name, "{\"a\":2}"), &by()).await.unwrap();
    assert_eq!(done.outcome, Outcome::Updated);
    let version = done.view.version_at(&xid).unwrap();
    assert_eq!((version.epoch, version.id.as_str()), (2, "1"));
    let stored = registry.contents(&[version.document.unwrap()]).await.unwrap();
    assert_eq!(stored[0].as_deref(), Some(b"{\"a\":2}".as_slice()));

    registry.submit(delete(name), &by()).await.unwrap();
    assert!(!registry.view().has(&xid));
    let restore = Command::new(Action::Restore(xid.clone()));
    registry.submit(restore, &by()).await.unwrap();
    assert_eq!(registry.view().version_at(&xid).unwrap().epoch, 3);

    let mut purge = delete(name);
    if let Action::Delete(delete) = &mut purge.action {
        delete.purge = true;
    }
    registry.submit(purge, &by()).await.unwrap();
    assert!(!registry.view().has(&xid));
    let gone = ledger.contents(&[version.document.unwrap().reference()]).await.unwrap();
    assert_eq!(gone, [None]);
    let again = Command::new(Action::Restore(xid));
    assert_eq!(code(registry.submit(again, &by()).await.unwrap_err()), "purged");
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn schemas_rules_and_references_are_held() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let schema = r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}}"#;
    registry.submit(put("/schemagroups/own/schemas/thing", schema), &by()).await.unwrap();
    let rule = r#"{"expression":"document.a < 10","severity":"error","message":"a is ${document.a}","pointer":"/a"}"#;
    registry.submit(put("/rulegroups/own/rules/small", rule), &by()).await.unwrap();
    let group =
        r#"{"muster":{"schema":"/schemagroups/own/schemas/thing","rules":["/rulegroups/own"]}}"#;
    registry.submit(tree(Mode::Put, entity("/configs/app"), group), &by()).await.unwrap();

    registry.submit(put("/configs/app/entries/good", r#"{"a":3}"#), &by()).await.unwrap();
    for (document, pointer) in [(r#"{"a":"x"}"#, "/a"), (r#"{"a":30}"#, "/a"), ("{}", "/a")] {
        let refused = registry.submit(put("/configs/app/entries/bad", document), &by()).await;
        let SubmitError::Refused(refusal) = refused.unwrap_err() else { panic!("{document}") };
        let Reason::InvalidDocument { violations } = *refusal.reason else { panic!("{document}") };
        assert_eq!(violations[0].pointer, pointer, "{document}");
    }
    let refused = registry.submit(delete("/schemagroups/own/schemas/thing"), &by()).await;
    let SubmitError::Refused(refusal) = refused.unwrap_err() else { panic!() };
    let Reason::Referenced { by } = *refusal.reason else { panic!() };
    assert!(by.shown.iter().any(|xid| xid.to_string().contains("/configs/app")));
}

#[tokio::test]
async fn folding_again_gives_the_same_catalog() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::Bare).await;
    let model = r#"{"groups":{"dirs":{"singular":"dir","resources":{"files":{"singular":"file","hasdocument":false}}}}}"#;
    registry.submit(tree(Mode::Put, Target::Model, model), &by()).await.unwrap();
    let body = r#"{"files":{"f1":{"versions":{"v1":{"name":"a"},"v2":{}}},"f2":{"name":"b"}}}"#;
    registry.submit(tree(Mode::Put, entity("/dirs/d1"), body), &by()).await.unwrap();
    registry
        .submit(tree(Mode::Patch, entity("/dirs/d1/files/f2"), "{\"name\":\"c\"}"), &by())
        .await
        .unwrap();
    registry.submit(delete("/dirs/d1/files/f1/versions/v2"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
    let before = registry.catalog();
    registry.close().await;
    let again = open(&ledger, Foundation::Bare).await;
    assert_eq!(again.catalog().first_difference(&before), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_of_one_document_are_all_answered() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let name = "/configs/app/entries/hot";
    registry.submit(put(name, "{}"), &by()).await.unwrap();
    let clients = (0..64).map(|client| {
        let registry = registry.clone();
        tokio::spawn(async move {
            for round in 0..200 {
                registry.submit(put(name, &format!("[{client},{round}]")), &by()).await.unwrap();
                let patch = format!("{{\"labels\":{{\"a\":\"{client}-{round}\"}}}}");
                registry.submit(tree(Mode::Patch, entity(name), &patch), &by()).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let xid: Xid = name.parse().unwrap();
    assert_eq!(registry.view().version_at(&xid).unwrap().epoch, 1 + 64 * 400);
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_version_that_comes_back_is_the_newest_again_and_one_without_its_ancestor_is_a_root() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::Bare).await;
    let model =
        r#"{"groups":{"dirs":{"singular":"dir","resources":{"files":{"singular":"file"}}}}}"#;
    registry.submit(tree(Mode::Put, Target::Model, model), &by()).await.unwrap();
    let name = "/dirs/d1/files/f1";
    for version in ["1", "2", "3"] {
        let put = put(&format!("{name}/versions/{version}"), "x");
        registry.submit(put, &by()).await.unwrap();
    }
    let xid: Xid = name.parse().unwrap();
    registry.submit(delete(&format!("{name}/versions/3")), &by()).await.unwrap();
    assert_eq!(registry.view().resource_at(&xid).unwrap().meta().default.as_str(), "2");
    registry.submit(delete(&format!("{name}/versions/2")), &by()).await.unwrap();
    let restore = Command::new(Action::Restore(format!("{name}/versions/3").parse().unwrap()));
    registry.submit(restore, &by()).await.unwrap();
    assert_eq!(registry.view().resource_at(&xid).unwrap().meta().default.as_str(), "3");
    registry.submit(put(&format!("{name}/versions/4"), "x"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn the_purge_of_the_last_version_takes_the_resource_with_it() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let name = "/configs/app/entries/web";
    let done = registry.submit(put(name, "{\"secret\":1}"), &by()).await.unwrap();
    let xid: Xid = name.parse().unwrap();
    let content = done.view.version_at(&xid).unwrap().document.unwrap();
    let mut purge = delete(&format!("{name}/versions/1"));
    if let Action::Delete(delete) = &mut purge.action {
        delete.purge = true;
    }
    registry.submit(purge, &by()).await.unwrap();
    assert!(!registry.view().has(&xid));
    assert_eq!(ledger.contents(&[content.reference()]).await.unwrap(), [None]);
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn ids_that_differ_in_case_alone_are_refused_within_one_command_too() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let cases = [
        (Mode::Post, Target::Groups("configs".parse().unwrap()), r#"{"app":{},"App":{}}"#),
        (Mode::Put, entity("/configs/app"), r#"{"entries":{"a":{},"A":{}}}"#),
        (Mode::Put, entity("/configs/app/entries/a"), r#"{"versions":{"v":{},"V":{}}}"#),
    ];
    for (mode, target, body) in cases {
        let refused = registry.submit(tree(mode, target, body), &by()).await;
        assert_eq!(code(refused.unwrap_err()), "case_clash", "{body}");
    }
}

#[tokio::test]
async fn attributes_that_are_not_in_memory_are_fetched_together() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let all = |name: &str| {
        let each = (0..40).map(|n| format!("\"e{n}\":{{\"name\":\"{name}{n}\"}}"));
        format!("{{\"entries\":{{{}}}}}", each.collect::<Vec<_>>().join(","))
    };
    registry.submit(tree(Mode::Put, entity("/configs/app"), &all("a")), &by()).await.unwrap();
    registry.close().await;
    // After a start nothing is in memory, and a command goes back only a few times.
    let registry = open(&ledger, Foundation::BuiltIn).await;
    registry.submit(tree(Mode::Patch, entity("/configs/app"), &all("b")), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn many_versions_in_one_command_each_descend_from_the_one_before() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::Bare).await;
    let model =
        r#"{"groups":{"dirs":{"singular":"dir","resources":{"files":{"singular":"file"}}}}}"#;
    registry.submit(tree(Mode::Put, Target::Model, model), &by()).await.unwrap();
    let name = "/dirs/d1/files/f1";
    // So many that looking at all for each of them would take minutes of the writer's turn.
    let each = (10_000..20_000).map(|n| format!("\"v{n}\":{{}}")).collect::<Vec<_>>().join(",");
    let versions = format!("{{\"versions\":{{{each}}}}}");
    registry.submit(tree(Mode::Put, entity(name), &versions), &by()).await.unwrap();
    let done = registry.submit(tree(Mode::Post, entity(name), "{}"), &by()).await.unwrap();
    let ancestor = |version: &str| {
        let xid: Xid = format!("{name}/versions/{version}").parse().unwrap();
        done.view.version_at(&xid).unwrap().ancestor.to_string()
    };
    let found = ["v10000", "v10001", "v19999", "1"].map(ancestor);
    assert_eq!(found, ["v10000", "v10000", "v19998", "v19999"]);
}

#[tokio::test]
async fn a_circle_of_ancestors_is_refused_and_named() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::Bare).await;
    let model =
        r#"{"groups":{"dirs":{"singular":"dir","resources":{"files":{"singular":"file"}}}}}"#;
    registry.submit(tree(Mode::Put, Target::Model, model), &by()).await.unwrap();
    let cases = [
        (r#"{"versions":{"a":{"ancestorid":"b"},"b":{"ancestorid":"a"}}}"#, "a,b"),
        (
            r#"{"versions":{"a":{"ancestorid":"c"},"b":{"ancestorid":"a"},"c":{"ancestorid":"b"}}}"#,
            "a,c,b",
        ),
        (
            r#"{"versions":{"a":{"ancestorid":"c"},"b":{"ancestorid":"c"},"c":{"ancestorid":"b"}}}"#,
            "b,c",
        ),
    ];
    for (body, circle) in cases {
        let refused =
            registry.submit(tree(Mode::Put, entity("/dirs/d/files/f"), body), &by()).await;
        let SubmitError::Refused(refusal) = refused.unwrap_err() else { panic!("{body}") };
        let Reason::Version(VersionRefusal::CircularAncestors { circle: found }) = *refusal.reason
        else {
            panic!("{body}")
        };
        let found: Vec<&str> = found.iter().map(Id::as_str).collect();
        assert_eq!(found.join(","), circle, "{body}");
    }
}

fn purge(xid: &str) -> Command {
    let mut purge = delete(xid);
    if let Action::Delete(delete) = &mut purge.action {
        delete.purge = true;
    }
    purge
}

fn restore(xid: &str) -> Command {
    Command::new(Action::Restore(xid.parse().unwrap()))
}

#[tokio::test]
async fn a_purge_finds_the_incarnations_that_were_hidden_with_what_held_them() {
    let (group, resource) = ("/configs/app", "/configs/app/entries/web");
    let version = "/configs/app/entries/web/versions/1";
    // What hides the first incarnation, what is purged, and what a restore of the former says.
    let cases = [
        (group, resource, None),
        (group, version, Some("purged")),
        (resource, version, Some("purged")),
    ];
    for (hidden, purged, restored) in cases {
        for again in [true, false] {
            let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
            let registry = open(&ledger, Foundation::BuiltIn).await;
            registry.submit(put("/configs/app/entries/other", "{}"), &by()).await.unwrap();
            let done = registry.submit(put(resource, r#"{"secret":1}"#), &by()).await.unwrap();
            let xid: Xid = resource.parse().unwrap();
            let first = done.view.version_at(&xid).unwrap().document.unwrap();
            registry.submit(delete(hidden), &by()).await.unwrap();
            if again {
                registry.submit(put(resource, r#"{"secret":2}"#), &by()).await.unwrap();
            }
            registry.submit(purge(purged), &by()).await.unwrap();
            let left = ledger.contents(&[first.reference()]).await.unwrap();
            assert_eq!(left, [None], "{hidden} {purged}");
            registry.verify(|_| {}).await.unwrap();
            let before = registry.catalog();
            registry.close().await;
            let registry = open(&ledger, Foundation::BuiltIn).await;
            assert_eq!(registry.catalog().first_difference(&before), None);
            if !again {
                let found = registry.submit(restore(hidden), &by()).await;
                assert_eq!(found.map(|_| ()).map_err(code).err(), restored, "{hidden} {purged}");
                assert!(!registry.view().has(&xid));
                registry.verify(|_| {}).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn what_comes_back_together_may_name_each_other() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let model = r#"{"groups":{"teams":{"singular":"team","resources":{"people":{"singular":"person",
        "muster":{"references":[{"field":"/friend","collection":"/teams/people"}]}}}}}}"#;
    registry.submit(tree(Mode::Put, Target::Model, model), &by()).await.unwrap();
    let both = r#"{"people":{"a":{"person":{"friend":"/teams/t/people/b"}},
        "b":{"person":{"friend":"/teams/t/people/a"}}}}"#;
    registry.submit(tree(Mode::Put, entity("/teams/t"), both), &by()).await.unwrap();
    registry.submit(delete("/teams/t"), &by()).await.unwrap();
    registry.submit(restore("/teams/t"), &by()).await.unwrap();
    let refused = registry.submit(delete("/teams/t/people/a"), &by()).await;
    assert_eq!(code(refused.unwrap_err()), "referenced");
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn nothing_comes_back_that_the_model_no_longer_knows() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::Bare).await;
    let model = |attributes: &str| {
        let file = format!(r#""file":{{"type":"string"}}{attributes}"#);
        format!(
            r#"{{"groups":{{"dirs":{{"singular":"dir","resources":{{"files":{{"singular":"file",
            "hasdocument":false,"attributes":{{{file}}}}}}}}}}}}}"#
        )
    };
    let with = model(r#","size":{"type":"string"}"#);
    registry.submit(tree(Mode::Put, Target::Model, &with), &by()).await.unwrap();
    let name = "/dirs/d/files/f";
    registry.submit(tree(Mode::Put, entity(name), r#"{"size":"9"}"#), &by()).await.unwrap();
    registry.submit(delete(name), &by()).await.unwrap();
    registry.submit(tree(Mode::Put, Target::Model, &model("")), &by()).await.unwrap();
    let refused = registry.submit(restore(name), &by()).await;
    assert_eq!(code(refused.unwrap_err()), "unknown");
    registry.submit(tree(Mode::Put, Target::Model, &with), &by()).await.unwrap();
    registry.submit(restore(name), &by()).await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_deleted_ten_thousand_times_can_be_erased() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, Foundation::BuiltIn).await;
    let name = "/configs/app/entries/web";
    for _ in 0..10_000 {
        registry.submit(put(name, "{}"), &by()).await.unwrap();
        registry.submit(delete(name), &by()).await.unwrap();
    }
    registry.submit(purge(name), &by()).await.unwrap();
    registry.submit(put(name, "{}"), &by()).await.unwrap();
}
