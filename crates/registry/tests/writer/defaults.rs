//! What becomes the default, or goes: a binding and a reference hold through it.

use muster_catalog::command::{Mode, Target};
use muster_journal::MemoryLedger;

use super::*;
use crate::{
    commands::*,
    serial::clients::{MODELS, SCHEMAS},
};

const SCHEMA: &str = "/schemagroups/own/schemas/s";

async fn with(commands: Vec<muster_catalog::command::Command>) -> Registry {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    for command in commands {
        registry.submit(command, &by()).await.unwrap();
    }
    registry
}

#[tokio::test]
async fn no_broken_version_becomes_the_default_of_a_schema_that_something_binds() {
    let meta = format!("{SCHEMA}/meta");
    let pin = |version: &str| {
        patch(&meta, &format!(r#"{{"defaultversionid":"{version}","defaultversionsticky":true}}"#))
    };
    // Version 2 is a schema of another kind, and was sent while nothing bound it.
    let other = r#"{"2":{"schema":{"type":"record"},"format":"XSD/1.1"}}"#;
    let setting = [
        put(SCHEMA, SCHEMAS[0]),
        tree(Mode::Post, Target::Versions(xid(SCHEMA)), other),
        pin("1"),
        bind_it(),
        put("/configs/app/entries/good", r#"{"a":1}"#),
    ];
    for (command, expect) in [
        (patch(&meta, r#"{"defaultversionsticky":false}"#), "invalid_document"),
        (pin("2"), "invalid_document"),
        (delete(&format!("{SCHEMA}/versions/1")), "invalid_document"),
        (post(SCHEMA, SCHEMAS[2]), "invalid_document"),
        (delete(SCHEMA), "referenced"),
        (delete(&format!("{SCHEMA}/versions/2")), "done"),
        (pin("1"), "done"),
        (post(SCHEMA, SCHEMAS[1]), "done"),
        (patch(&meta, r#"{"labels":{"a":"b"}}"#), "done"),
    ] {
        let registry = with(setting.to_vec()).await;
        let answer = registry.submit(command.clone(), &by()).await;
        let answer = answer.map_or_else(|error| code(&error), |_| "done");
        assert_eq!(answer, expect, "{:?}", command.action);
        registry.verify(|_| {}).await.unwrap();
    }
}

/// The group `app` binds the schema.
fn bind_it() -> muster_catalog::command::Command {
    let body = format!(r#"{{"muster":{{"schema":"{SCHEMA}"}}}}"#);
    patch("/configs/app", &body)
}

#[tokio::test]
async fn a_version_that_is_bound_is_not_deleted() {
    let bind = format!(r#"{{"muster":{{"schema":"{SCHEMA}/versions/1"}}}}"#);
    let registry =
        with(vec![put(SCHEMA, SCHEMAS[0]), post(SCHEMA, SCHEMAS[1]), patch("/configs/app", &bind)])
            .await;
    for (name, expect) in [
        (format!("{SCHEMA}/versions/1"), "referenced"),
        (SCHEMA.to_owned(), "referenced"),
        ("/schemagroups/own".to_owned(), "referenced"),
        (format!("{SCHEMA}/versions/2"), "done"),
    ] {
        let answer = registry.submit(delete(&name), &by()).await;
        assert_eq!(answer.map_or_else(|error| code(&error), |_| "done"), expect, "{name}");
    }
}

#[tokio::test]
async fn a_version_that_others_name_is_not_pruned() {
    let source = r#"{"groups":{"dirs":{"singular":"dir","resources":{
        "docs":{"singular":"doc","maxversions":2,
            "muster":{"references":[{"field":"/to","collection":"/dirs/docs"}]}}}}}}"#;
    let registry = with(vec![
        model(source),
        put("/dirs/d/docs/a", "{}"),
        put("/dirs/d/docs/b", r#"{"to":"/dirs/d/docs/a/versions/1"}"#),
        post("/dirs/d/docs/a", "{}"),
    ])
    .await;
    let refused = registry.submit(post("/dirs/d/docs/a", "{}"), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "referenced");
    registry.submit(put("/dirs/d/docs/b", "{}"), &by()).await.unwrap();
    registry.submit(post("/dirs/d/docs/a", "{}"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_group_whose_documents_refer_to_each_other_comes_back() {
    let registry = with(vec![
        model(MODELS[0]),
        put("/links/g/pages/p0", "{}"),
        put("/links/g/pages/p1", r#"{"to":"p0"}"#),
        delete("/links/g"),
        restore("/links/g"),
    ])
    .await;
    let refused = registry.submit(delete("/links/g/pages/p0"), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "referenced");
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test]
async fn what_becomes_the_default_by_a_restore_refers_to_what_it_names() {
    let source = |mode: &str| {
        model(&format!(
            r#"{{"groups":{{"dirs":{{"singular":"dir","resources":{{
                "docs":{{"singular":"doc","versionmode":"{mode}",
                    "muster":{{"references":[{{"field":"/to","collection":"/dirs/docs"}}]}}}}}}}}}}}}"#
        ))
    };
    let version = |name: &str, created: u8, more: &str| {
        let body = format!(
            r#"{{"contenttype":"application/json","createdat":"1970-01-01T00:00:0{created}Z"{more}}}"#
        );
        let name = xid(&format!("/dirs/d/docs/a/versions/{name}"));
        tree(
            muster_catalog::command::Mode::Put,
            muster_catalog::command::Target::Entity(name),
            &body,
        )
    };
    for name in ["/dirs/d/docs/a", "/dirs/d"] {
        let registry = with(vec![
            source("manual"),
            put("/dirs/d/docs/to", "{}"),
            version("old", 5, r#","doc":{"to":"/dirs/d/docs/to"}"#),
            version("new", 1, r#","ancestorid":"old","doc":{}"#),
            delete(name),
            source("createdat"),
            restore(name),
        ])
        .await;
        let view = registry.view();
        let back = view.resource_at(&xid("/dirs/d/docs/a")).unwrap();
        assert_eq!(back.meta().default.as_str(), "old", "{name}");
        let refused = registry.submit(delete("/dirs/d/docs/to"), &by()).await;
        assert_eq!(code(&refused.unwrap_err()), "referenced", "{name}");
        registry.verify(|_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn what_comes_back_refers_to_what_the_model_of_now_finds_in_it() {
    let source = |muster: &str| {
        model(&format!(
            r#"{{"groups":{{"dirs":{{"singular":"dir","resources":{{
                "docs":{{"singular":"doc"{muster}}}}}}}}}}}"#
        ))
    };
    let refer = r#","muster":{"references":[{"field":"/to","collection":"/dirs/docs"}]}"#;
    for name in ["/dirs/d/docs/a", "/dirs/d/docs/a/versions/2", "/dirs/d"] {
        for (before, after, expect) in [("", refer, "referenced"), (refer, "", "done")] {
            let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
            let ticks = CountingClock::default();
            let registry = open(&ledger, &ticks).await;
            for command in [
                source(before),
                put("/dirs/d/docs/to", "{}"),
                put("/dirs/d/docs/a", "{}"),
                post("/dirs/d/docs/a", r#"{"to":"/dirs/d/docs/to"}"#),
                delete(name),
                source(after),
                restore(name),
            ] {
                registry.submit(command, &by()).await.unwrap();
            }
            registry.verify(|_| {}).await.unwrap();
            let live = registry.catalog();
            registry.close().await;
            let again = open(&ledger, &ticks).await;
            let found = crate::laws::likeness::difference(&live, &again.catalog());
            assert_eq!(found, None, "{name} {before}");
            let answer = again.submit(delete("/dirs/d/docs/to"), &by()).await;
            assert_eq!(answer.map_or_else(|error| code(&error), |_| "done"), expect, "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_of_a_type_that_went_does_not_come_back() {
    let source = r#"{"groups":{"dirs":{"singular":"dir","resources":{
        "files":{"singular":"file","hasdocument":false}}}}}"#;
    let file = tree(muster_catalog::command::Mode::Put, entity("/dirs/d/files/f"), "{}");
    for name in ["/dirs/d", "/dirs/d/files/f"] {
        let registry =
            with(vec![model(source), file.clone(), delete(name), delete_group(name), model("{}")])
                .await;
        let refused = registry.submit(restore(name), &by()).await;
        assert_eq!(code(&refused.unwrap_err()), "not_found", "{name}");
        registry.submit(model(source), &by()).await.unwrap();
        registry.verify(|_| {}).await.unwrap();
    }
}

/// The group too, or, where that is gone, something that does no harm.
fn delete_group(name: &str) -> muster_catalog::command::Command {
    if name == "/dirs/d" { put("/configs/app/entries/a", "{}") } else { delete("/dirs/d") }
}

#[tokio::test]
async fn a_deletion_that_finds_nothing_harms_nothing() {
    use muster_catalog::command::{Action, Command, Delete, Target};
    let registry = with(vec![model(MODELS[0]), put("/links/g/pages/p0", "{}")]).await;
    let group = xid("/links/g");
    for target in [
        Target::Groups("dirs".parse().unwrap()),
        Target::Resources { group, resources: "pages".parse().unwrap() },
    ] {
        let chosen =
            Some([("none".to_owned(), muster_words::json::Value::Null)].into_iter().collect());
        let delete = Delete { target, chosen, epoch: None, purge: false, force: false };
        let answer = registry.submit(Command::new(Action::Delete(delete)), &by()).await;
        assert!(answer.is_ok(), "{answer:?}");
        registry.verify(|_| {}).await.unwrap();
    }
    assert!(registry.view().has(&xid("/links/g/pages/p0")));
}

#[tokio::test]
async fn no_attribute_of_a_users_own_stands_where_bindings_are_read() {
    // Else a change of the model would take bindings away, or make some, without being asked.
    let own = r#"{"groups":{"dirs":{"singular":"dir","attributes":{"muster":{"type":"any"}},
        "resources":{"docs":{"singular":"doc"}}}}}"#;
    let registry = with(Vec::new()).await;
    let refused = registry.submit(model(own), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "built_in");
}

#[tokio::test]
async fn a_document_is_judged_by_the_schema_that_comes_with_it() {
    for (document, expect) in [(r#"{"b":1}"#, "done"), (r#"{"a":1}"#, "invalid_document")] {
        let registry = with(vec![
            put(SCHEMA, r#"{"required":["a"]}"#),
            put("/configs/app/entries/e", r#"{"a":1}"#),
            bind_it(),
        ])
        .await;
        let both = format!(
            r#"{{"schemagroups":{{"own":{{"schemas":{{"s":{{"versions":{{"2":{{
                "contenttype":"application/json","schema":{{"required":["b"]}}}}}}}}}}}}}},
            "configs":{{"app":{{"muster":{{"schema":"{SCHEMA}"}},"entries":{{"e":{{
                "contenttype":"application/json","entry":{document}}}}}}}}}}}"#
        );
        let command = tree(muster_catalog::command::Mode::Post, entity("/"), &both);
        let answer = registry.submit(command, &by()).await;
        assert_eq!(answer.map_or_else(|error| code(&error), |_| "done"), expect, "{document}");
        registry.verify(|_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_that_others_refer_to_is_not_deleted() {
    let schema = |name: &str| format!("/schemagroups/own/schemas/{name}");
    let refers = |to: &str| format!(r#"{{"properties":{{"default":{{"$ref":"{to}"}}}}}}"#);
    let setting = || {
        vec![
            put(&schema("base"), "{}"),
            post(&schema("base"), r#"{"$defs":{"x":{}}}"#),
            put(&schema("used"), &refers(&format!("{}#/$defs/x", schema("base")))),
            put(
                "/schemagroups/other/schemas/pins",
                &refers(&format!("{}/versions/1", schema("base"))),
            ),
            // What it was bound to is kept for those who name the version.
            put(&schema("moved"), &refers(&schema("old"))),
            post(&schema("moved"), "{}"),
            put(&schema("old"), "{}"),
            put(&schema("plain"), r#"{"default":{"$ref":"/schemagroups/own/schemas/free"}}"#),
            put(&schema("free"), "{}"),
            put(&schema("outside"), &refers("/configs/own/entries/e")),
            put("/configs/own/entries/e", "{}"),
        ]
    };
    for (command, expect) in [
        (delete(&schema("base")), "referenced"),
        (purge(&schema("base")), "referenced"),
        (delete(&format!("{}/versions/1", schema("base"))), "referenced"),
        (delete(&format!("{}/versions/2", schema("base"))), "done"),
        (delete("/schemagroups/own"), "referenced"),
        (delete("/schemagroups/other"), "done"),
        (delete(&schema("used")), "done"),
        (delete(&schema("old")), "referenced"),
        (delete(&schema("free")), "done"),
        (delete("/configs/own/entries/e"), "done"),
    ] {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let registry = open(&ledger, &CountingClock::default()).await;
        for command in setting() {
            registry.submit(command, &by()).await.unwrap();
        }
        // The same is known after a start.
        let again = open(&ledger, &CountingClock::default()).await;
        assert_eq!(
            again.catalog().referrers.keys().collect::<Vec<_>>(),
            registry.catalog().referrers.keys().collect::<Vec<_>>()
        );
        let answer = registry.submit(command.clone(), &by()).await;
        let answer = answer.map_or_else(|error| code(&error), |_| "done");
        assert_eq!(answer, expect, "{:?}", command.action);
        registry.verify(|_| {}).await.unwrap();
    }
}
