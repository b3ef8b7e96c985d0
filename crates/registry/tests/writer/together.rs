//! One command that brings documents and what binds them, or what they refer to: it is judged as
//! one, as everything is after it.

use muster_catalog::command::{Command, Mode};
use muster_journal::MemoryLedger;

use super::*;
use crate::commands::*;

const SCHEMA: &str = "/schemagroups/own/schemas/s";

/// A schema whose `a` has this type.
fn schema(of: &str) -> String {
    format!(r#"{{"type":"object","properties":{{"a":{{"type":"{of}"}}}}}}"#)
}

fn json(document: &str, singular: &str) -> String {
    format!(r#"{{"contenttype":"application/json","{singular}":{document}}}"#)
}

fn schemas(name: &str, document: &str) -> String {
    let document = json(document, "schema");
    format!(r#""schemagroups":{{"own":{{"schemas":{{"{name}":{document}}}}}}}"#)
}

fn rules(expression: &str) -> String {
    let rule = format!(
        r#"{{"expression":"{expression}","severity":"error","message":"no","pointer":"/a"}}"#
    );
    format!(r#""rulegroups":{{"own":{{"rules":{{"r":{}}}}}}}"#, json(&rule, "rule"))
}

/// The group `app` with this of its own and one document.
fn app(own: &str, document: &str) -> String {
    let entries = format!(r#""entries":{{"e":{}}}"#, json(document, "entry"));
    format!(r#""configs":{{"app":{{{own}{entries}}}}}"#)
}

fn all(parts: &[String]) -> Command {
    tree(Mode::Post, entity("/"), &format!("{{{}}}", parts.join(",")))
}

/// Does the commands; answers what became of the last.
async fn outcome(mut commands: Vec<Command>) -> &'static str {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    let last = commands.pop().unwrap();
    for command in commands {
        registry.submit(command, &by()).await.unwrap();
    }
    let answer = registry.submit(last, &by()).await;
    registry.verify(|_| {}).await.unwrap();
    answer.map_or_else(|error| code(&error), |_| "done")
}

#[tokio::test]
async fn documents_are_judged_by_the_schemas_and_rules_that_come_with_them() {
    let bind = format!(r#""muster":{{"schema":"{SCHEMA}"}},"#);
    let bind_rules = r#""muster":{"rules":["/rulegroups/own"]},"#;
    let bind_version = format!(r#""muster":{{"schema":"{SCHEMA}/versions/1"}},"#);
    let group = |own: &str| patch("/configs/app", &format!("{{{}}}", own.trim_end_matches(',')));
    let rule = |expression: &str| {
        put(
            "/rulegroups/own/rules/q",
            &format!(
                r#"{{"expression":"{expression}","severity":"error","message":"no","pointer":"/a"}}"#
            ),
        )
    };
    let stored = || vec![put(SCHEMA, &schema("integer")), group(&bind)];
    let ruled = || vec![rule("document.a < 5"), group(bind_rules)];
    let outer = format!(r#"{{"properties":{{"a":{{"$ref":"{SCHEMA}"}}}}}}"#);
    let both = format!(
        r#""schemagroups":{{"own":{{"schemas":{{"s":{},"t":{}}}}}}}"#,
        json(r#"{"type":"integer"}"#, "schema"),
        json(&outer, "schema")
    );
    let bind_outer = r#""muster":{"schema":"/schemagroups/own/schemas/t"},"#;
    for (before, parts, expect) in [
        // All of it is new.
        (vec![], vec![schemas("s", &schema("integer")), app(&bind, r#"{"a":1}"#)], "done"),
        (
            vec![],
            vec![schemas("s", &schema("string")), app(&bind, r#"{"a":1}"#)],
            "invalid_document",
        ),
        (vec![], vec![schemas("s", r#"{"type":"no"}"#), app(&bind, "{}")], "binding_broken"),
        (vec![], vec![schemas("x", &schema("string")), app(&bind, "{}")], "binding_missing"),
        (vec![], vec![schemas("s", &schema("integer")), app(&bind_version, r#"{"a":1}"#)], "done"),
        (vec![], vec![rules("document.a < 5"), app(bind_rules, r#"{"a":1}"#)], "done"),
        (vec![], vec![rules("document.a < 5"), app(bind_rules, r#"{"a":9}"#)], "invalid_document"),
        (vec![], vec![both.clone(), app(bind_outer, r#"{"a":1}"#)], "done"),
        (vec![], vec![both, app(bind_outer, r#"{"a":""}"#)], "invalid_document"),
        // The schema or the rules were there, and change.
        (stored(), vec![schemas("s", &schema("string")), app(&bind, r#"{"a":""}"#)], "frozen"),
        (ruled(), vec![rules("document.a > 2"), app(bind_rules, r#"{"a":3}"#)], "done"),
        (ruled(), vec![rules("document.a > 2"), app(bind_rules, r#"{"a":1}"#)], "invalid_document"),
        (ruled(), vec![rules("document.a > 2"), app(bind_rules, r#"{"a":9}"#)], "invalid_document"),
    ] {
        let mut commands = before;
        commands.push(all(&parts));
        assert_eq!(outcome(commands).await, expect, "{parts:?}");
    }
}

#[tokio::test]
async fn a_new_version_of_a_schema_binds_what_comes_with_it() {
    let own = format!(r#""muster":{{"schema":"{SCHEMA}"}},"#);
    let bind = patch("/configs/app", &format!("{{{}}}", own.trim_end_matches(',')));
    let version = format!(
        r#""schemagroups":{{"own":{{"schemas":{{"s":{{"versions":{{"2":{}}}}}}}}}}}"#,
        json(&schema("string"), "schema")
    );
    for (document, expect) in [(r#"{"a":""}"#, "done"), (r#"{"a":1}"#, "invalid_document")] {
        let commands = vec![
            put(SCHEMA, &schema("integer")),
            bind.clone(),
            all(&[version.clone(), app(&own, document)]),
        ];
        assert_eq!(outcome(commands).await, expect, "{document}");
    }
}

#[tokio::test]
async fn a_model_may_bind_what_comes_with_it() {
    let source = format!(
        r#"{{"groups":{{"links":{{"singular":"link","resources":{{
            "pages":{{"singular":"page","muster":{{"schema":"{SCHEMA}"}}}}}}}}}}}}"#
    );
    for (of, expect) in [("integer", "done"), ("string", "invalid_document")] {
        let pages = json(r#"{"a":1}"#, "page");
        let body = format!(
            r#"{{"modelsource":{source},{},"links":{{"g":{{"pages":{{"p":{pages}}}}}}}}}"#,
            schemas("s", &schema(of)),
        );
        assert_eq!(outcome(vec![tree(Mode::Patch, entity("/"), &body)]).await, expect, "{of}");
    }
}

#[tokio::test]
async fn documents_refer_to_versions_and_groups_that_come_with_them() {
    let source = r#"{"groups":{"links":{"singular":"link","resources":{"pages":{"singular":"page",
        "muster":{"references":[{"field":"/to","collection":"/links/pages"}]}}}}}}"#;
    let page = |to: &str| json(&format!(r#"{{"to":"{to}"}}"#), "page");
    for (to, expect) in [
        ("/links/g/pages/q", "done"),
        ("/links/g/pages/q/versions/v", "done"),
        ("/links/g/pages/q/versions/w", "invalid_document"),
        ("/links/g/pages/r", "invalid_document"),
    ] {
        let named = r#"{"versions":{"v":{}}}"#;
        let body = format!(r#"{{"links":{{"g":{{"pages":{{"p":{},"q":{named}}}}}}}}}"#, page(to));
        let commands = vec![model(source), tree(Mode::Post, entity("/"), &body)];
        assert_eq!(outcome(commands).await, expect, "{to}");
    }
}

#[tokio::test]
async fn a_document_that_its_own_schema_stands_on_is_judged_by_what_it_becomes() {
    const COMMON: &str = "/schemagroups/app/schemas/common";
    let changed = format!("{COMMON}/versions/2");
    let refer = format!(r#"{{"$ref":"{COMMON}"}}"#);
    let bind = format!(r#"{{"muster":{{"schema":"{SCHEMA}"}}}}"#);
    for (before, after, expect) in [
        (r#"{"type":"object"}"#, r#"{"type":"object","title":"t"}"#, "done"),
        (r#"{"type":"object"}"#, r#"{"type":"string"}"#, "invalid_document"),
        (r#"{"required":["a"],"a":1}"#, r#"{"required":["b"],"b":1}"#, "done"),
        (r#"{"required":["a"],"a":1}"#, r#"{"required":["b"],"a":1}"#, "invalid_document"),
    ] {
        let commands = vec![
            put(COMMON, before),
            put(SCHEMA, &refer),
            patch("/schemagroups/app", &bind),
            put(&changed, after),
        ];
        assert_eq!(outcome(commands).await, expect, "{before} {after}");
    }
}

#[tokio::test]
async fn a_model_may_bind_what_gets_another_default_by_it() {
    let source = |mode: &str, bound: &str| {
        let kinds = format!(
            r#""notes":{{"singular":"note","versionmode":"{mode}"}},
            "docs":{{"singular":"doc"{bound}}}"#
        );
        model(&format!(r#"{{"groups":{{"dirs":{{"singular":"dir","resources":{{{kinds}}}}}}}}}"#))
    };
    let version = |name: &str, created: u8, more: &str, schema: &str| {
        let name = format!("/dirs/d/notes/s/versions/{name}");
        let created = format!("1970-01-01T00:00:0{created}Z");
        let body = format!(
            r#"{{"contenttype":"application/json","createdat":"{created}"{more},"note":{schema}}}"#
        );
        tree(Mode::Put, entity(&name), &body)
    };
    let bound = r#","muster":{"schema":"/dirs/d/notes/s"}"#;
    for (becomes, expect) in
        [(r#"{"type":"object"}"#, "done"), (r#"{"type":"no"}"#, "binding_broken")]
    {
        let commands = vec![
            source("manual", ""),
            version("a", 5, "", becomes),
            version("b", 1, r#","ancestorid":"a""#, r#"{"type":"integer"}"#),
            source("createdat", bound),
        ];
        assert_eq!(outcome(commands).await, expect, "{becomes}");
    }
}

#[tokio::test]
async fn what_becomes_the_default_is_foreseen_at_the_moment_of_the_clock() {
    // Version x is created after the last write, and before the next one.
    let fork = |document: &str| {
        let schema = schema(document);
        format!(r#""contenttype":"application/json","ancestorid":"1","schema":{schema}"#)
    };
    let later = format!(r#"{{{},"createdat":"2023-11-14T22:13:20.0005Z"}}"#, fork("string"));
    let own = format!(r#""muster":{{"schema":"{SCHEMA}"}},"#);
    let ticks = CountingClock::default();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &ticks).await;
    for command in [
        put(SCHEMA, &schema("integer")),
        tree(Mode::Put, entity(&format!("{SCHEMA}/versions/x")), &later),
        patch("/configs/app", &format!("{{{}}}", own.trim_end_matches(','))),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
    for _ in 0..100 {
        ticks.now();
    }
    let versions = format!(r#"{{"s":{{"versions":{{"y":{{{}}}}}}}}}"#, fork("boolean"));
    let schemas = format!(r#""schemagroups":{{"own":{{"schemas":{versions}}}}}"#);
    let both = all(&[schemas, app(&own, r#"{"a":true}"#)]);
    let answer = registry.submit(both, &by()).await;
    assert_eq!(answer.map_or_else(|error| code(&error), |_| "done"), "done");
}

#[tokio::test]
async fn what_schemas_refer_to_is_read_again_however_deep_it_lies() {
    const DEPTH: usize = 8;
    let name = |number: usize| format!("/schemagroups/own/schemas/s{number:02}");
    let ticks = CountingClock::default();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &ticks).await;
    for number in 0..DEPTH {
        // Two ways lead to each, and the names of the second half are in the other order.
        let place = |number: usize| match number < DEPTH / 2 {
            true => name(number),
            false => name(DEPTH / 2 + DEPTH - 1 - number),
        };
        let all: Vec<String> = (number.saturating_sub(2)..number)
            .map(|before| format!(r#"{{"$ref":"{}"}}"#, place(before)))
            .collect();
        let all = if all.is_empty() { "true".to_owned() } else { all.join(",") };
        let schema = format!(r#"{{"required":["a{number}"],"allOf":[{all}]}}"#);
        registry.submit(put(&place(number), &schema), &by()).await.unwrap();
    }
    registry.close().await;
    // Nothing is in memory, and nothing is kept there.
    let mut settings = settings(Foundation::BuiltIn, ticks.clock());
    settings.cache_bytes = 0;
    let registry = Registry::open(Box::new(LedgerHandle(ledger.clone())), settings).await.unwrap();
    let bind = format!(r#"{{"muster":{{"schema":"{}"}}}}"#, name(DEPTH / 2));
    registry.submit(patch("/configs/app", &bind), &by()).await.unwrap();
    let all: Vec<String> = (0..DEPTH).map(|number| format!(r#""a{number}":1"#)).collect();
    let all = format!("{{{}}}", all.join(","));
    registry.submit(put("/configs/app/entries/e", &all), &by()).await.unwrap();
    let refused = registry.submit(put("/configs/app/entries/e", "{}"), &by()).await.unwrap_err();
    let muster_registry::SubmitError::Refused(refusal) = refused else { panic!("{refused:?}") };
    let muster_catalog::Reason::InvalidDocument { violations } = *refusal.reason else { panic!() };
    let named: std::collections::BTreeSet<String> =
        violations.into_iter().map(|violation| violation.pointer).collect();
    assert_eq!(named.len(), DEPTH);
}
