//! `POST /apply`: a model, entities and deletions, judged and done together.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask, Client},
    harness::{Server, run},
};

/// A model of parts that refer to parts.
fn parts() -> Value {
    json!({"groups": {"parts": {"singular": "part", "resources": {"entries": {"singular": "entry",
        "muster": {"references": [{"field": "/needs/*", "collection": "/parts/entries"}]}}}}}})
}

fn document(xid: &str, value: &Value) -> Value {
    json!({"xid": xid, "text": value.to_string(), "attributes": {"contenttype": "application/json"}})
}

fn apply(server: &Server, plan: &Value) -> Answer {
    server.post("/apply", plan.to_string())
}

fn tried(server: &Server, plan: &Value) -> Value {
    let position = server.position();
    let told = server.post("/apply?dry_run", plan.to_string()).expect(200).json();
    assert_eq!(server.position(), position, "a trial stores nothing");
    assert_eq!(told["position"], position);
    told
}

/// The targets that a trial names as refused, each with the reason.
fn refused(told: &Value) -> Vec<(String, String)> {
    let list = told["refused"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.iter().map(|one| (text(&one["target"]), text(&one["error"]["reason"]))).collect()
}

#[test]
fn a_plan_is_one_command_judged_by_the_state_after_it() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/old/entries/gone", "{}").expect(201);
    let plan = json!({
        "model": parts(),
        "groups": [{"xid": "/parts/a", "attributes": {"name": "A", "muster": {
            "schema": "/schemagroups/s/schemas/part", "rules": ["/rulegroups/r"]}}}],
        "documents": [
            document("/parts/a/entries/one", &json!({"size": 1, "needs": ["/parts/a/entries/two"]})),
            document("/parts/a/entries/two", &json!({"size": 2, "needs": ["/parts/a/entries/one"]})),
            document("/schemagroups/s/schemas/part", &json!({"required": ["size"]})),
            document("/rulegroups/r/rules/positive", &json!({"expression": "document.size > 0",
                "severity": "error", "message": "nothing is that small", "pointer": "/size"})),
        ],
        "delete": ["/configs/old", "/configs/none", "/configs/old/entries/gone"],
    });
    assert_eq!(refused(&tried(&server, &plan)), []);
    let position = server.position();
    let done = apply(&server, &plan).expect(200);
    assert_eq!(done.json()["position"], server.position());
    let correlation = done.header("xregistry-xregcorrelationid").unwrap().to_owned();
    let log = server.get(&format!("/log?after={position}")).expect(200).json();
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(log["entries"][0]["command"], correlation, "{log}");
    let changes = log["entries"][0]["changes"].as_array().unwrap();
    for most in [0, 1] {
        let path = format!("/log?after={position}&changes={most}");
        let short = &server.get(&path).expect(200).json()["entries"][0];
        assert_eq!(short["changes"].as_array().unwrap().as_slice(), &changes[..most], "{short}");
        assert_eq!(short["changes_left_out"], changes.len() - most, "{short}");
        assert_eq!(short["what"], log["entries"][0]["what"]);
    }
    server.get("/log?changes=-1").refused(400, "bad_request");
    server.get("/api/parts/a/entries/one").expect(200);
    server.get("/api/configs/old").refused(404, "not_found");
    assert_eq!(server.get("/api/parts/a").json()["name"], "A");
    // The bytes are as they were sent, and a second put is another version.
    let again = json!({"documents": [
        {"xid": "/parts/a/entries/one", "base64": "eyJzaXplIjogM30K",
         "attributes": {"contenttype": "application/json", "name": "One"}},
        {"xid": "/parts/a/entries/two", "attributes": {"name": "Two"}}]});
    apply(&server, &again).expect(200);
    let one = server.get("/api/parts/a/entries/one");
    assert_eq!((one.text(), one.header("xregistry-versionid")), ("{\"size\": 3}\n", Some("2")));
    let two = server.get("/api/parts/a/entries/two$details").json();
    assert_eq!((&two["name"], &two["versionid"]), (&json!("Two"), &json!("1")));
    run(Path::new("."), &["ledger", "verify", "--server", &server.url("127.0.0.1")]).expect(0);
}

#[test]
fn a_plan_that_is_refused_changes_nothing() {
    let server = Server::in_memory(&[]);
    apply(
        &server,
        &json!({"model": parts(), "documents": [
            document("/parts/a/entries/one", &json!({"needs": ["/parts/a/entries/two"]})),
            document("/parts/a/entries/two", &json!({})),
        ]}),
    )
    .expect(200);
    let good = document("/parts/a/entries/three", &json!({}));
    let bound = json!({"muster": {"schema": "/schemagroups/s/schemas/none"}});
    let position = server.position();
    for (part, target, code) in [
        (
            json!({"documents": [good, document("/parts/a/entries/four", &json!({"needs": ["/parts/a/entries/none"]}))]}),
            "/parts/a/entries/four",
            "invalid_document",
        ),
        (
            json!({"documents": [good], "delete": ["/parts/a/entries/two"]}),
            "/parts/a/entries/two",
            "referenced",
        ),
        (json!({"model": {"groups": {}}}), "/model", "model_error"),
        (json!({"documents": [good], "model": {"groups": {"parts": {}}}}), "/model", "model_error"),
        (
            json!({"documents": [good], "groups": [{"xid": "/parts/b", "attributes": bound}]}),
            "/parts/b",
            "binding_missing",
        ),
        (
            json!({"documents": [good, document("/parts/a/entries/One", &json!({}))]}),
            "/parts/a/entries/One",
            "mismatched_id",
        ),
        (
            json!({"documents": [good], "groups": [{"xid": "/parts/b", "attributes": {"nope": 1}}]}),
            "/parts/b",
            "unknown_attribute",
        ),
        (
            json!({"documents": [good], "groups": [{"xid": "/parts/b", "attributes": {"entries": {"x": {}}}}]}),
            "/parts/b",
            "unknown_attribute",
        ),
        (
            json!({"documents": [good, document("/games/a/entries/x", &json!({}))]}),
            "/games/a/entries/x",
            "not_found",
        ),
        (json!({"documents": [good, good]}), "/parts/a/entries/three", "bad_request"),
        (
            json!({"documents": [good], "delete": ["/parts/a"]}),
            "/parts/a/entries/three",
            "bad_request",
        ),
    ] {
        let answer = apply(&server, &part);
        assert_eq!(answer.code(), code, "{part}");
        assert_eq!(
            refused(&tried(&server, &part)),
            [(target.to_owned(), code.to_owned())],
            "{part}"
        );
        assert_eq!(server.position(), position, "{part}");
    }
    // Without the refused part, the rest is done.
    apply(&server, &json!({"documents": [good]})).expect(200);
    for (body, code) in [
        ("", "parsing_data"),
        ("[]", "parsing_data"),
        (r#"{"document": []}"#, "parsing_data"),
        (
            r#"{"documents": [{"xid": "/parts/a/entries/x", "text": "", "base64": ""}]}"#,
            "parsing_data",
        ),
        (r#"{"documents": [{"xid": "/parts/a/entries/x", "base64": "!"}]}"#, "parsing_data"),
        (r#"{"documents": [{"xid": "/parts/a"}]}"#, "malformed_xid"),
        (r#"{"groups": [{"xid": "/parts/a/entries/x"}]}"#, "malformed_xid"),
        (r#"{"delete": ["/parts/a/entries/one/versions/1"]}"#, "malformed_xid"),
    ] {
        assert_eq!(server.post("/apply", body).code(), code, "{body}");
    }
    server.post("/apply?dryrun", "{}").refused(400, "bad_flag");
}

#[test]
fn the_documents_of_a_refused_model_are_refused_with_it() {
    let server = Server::in_memory(&[]);
    let plan = json!({
        "model": {"groups": {"books": {"singular": "book", "nope": 1}}},
        "documents": [document("/books/a/entries/x", &json!({})), document("/books/a/entries/y", &json!({})),
                      document("/configs/a/entries/z", &json!({}))],
    });
    let told = refused(&tried(&server, &plan));
    let expect = [
        ("/model", "model_error"),
        ("/books/a/entries/x", "not_found"),
        ("/books/a/entries/y", "not_found"),
    ];
    assert_eq!(told, expect.map(|(target, code)| (target.to_owned(), code.to_owned())));
    apply(&server, &plan).refused(400, "model_error");
}

#[test]
fn what_no_longer_refers_lets_its_target_go() {
    let server = Server::in_memory(&[]);
    let refers = |to: &str| json!({"needs": [format!("/parts/a/entries/{to}")]});
    apply(
        &server,
        &json!({"model": parts(), "groups": [{"xid": "/parts/empty"}], "documents": [
            document("/parts/a/entries/one", &refers("two")),
            document("/parts/a/entries/two", &refers("three")),
            document("/parts/a/entries/three", &refers("two")),
        ]}),
    )
    .expect(200);
    // The circle goes as a whole, and what is written in the same command no longer refers to it.
    let plan = json!({"documents": [document("/parts/a/entries/one", &json!({}))],
        "delete": ["/parts/a/entries/two", "/parts/a/entries/three"]});
    assert_eq!(refused(&tried(&server, &plan)), []);
    apply(&server, &plan).expect(200);
    // What is deleted is no longer there to be referred to.
    let plan = json!({"documents": [document("/parts/a/entries/four", &refers("one"))],
        "delete": ["/parts/a/entries/one"]});
    apply(&server, &plan).refused(422, "invalid_document");
    // A type goes with its last groups.
    apply(&server, &json!({"model": {}})).refused(400, "model_error");
    apply(&server, &json!({"model": {}, "delete": ["/parts/empty"]})).refused(400, "model_error");
    apply(&server, &json!({"model": {}, "delete": ["/parts/empty", "/parts/a"]})).expect(200);
    assert!(server.get("/api/model").json()["groups"].get("parts").is_none());
    let position = server.position();
    apply(&server, &json!({"delete": ["/configs/none"]})).expect(200);
    assert_eq!(server.position(), position, "a deletion of nothing writes nothing");
}

/// A group whose 34 documents are bound to a schema, and of which 29 lack a field.
fn thirty_four(server: &Server) {
    let documents = (0..34).map(|index| {
        let value = if index < 5 { json!({"owner": "x"}) } else { json!({}) };
        document(&format!("/configs/shop/entries/e{index}"), &value)
    });
    let schema = document("/schemagroups/own/schemas/config", &json!({"type": "object"}));
    let plan = json!({
        "groups": [{"xid": "/configs/shop",
                    "attributes": {"muster": {"schema": "/schemagroups/own/schemas/config"}}}],
        "documents": documents.chain([schema]).collect::<Vec<Value>>(),
    });
    let done = apply(server, &plan).expect(200).json();
    assert_eq!(done["failing"], json!({"failing": 0, "judged": 0, "affected": 0}));
}

#[test]
fn a_plan_tells_how_many_stored_documents_stop_passing() {
    let server = Server::in_memory(&[]);
    thirty_four(&server);
    // A document of another group, and one that never passed, aren't counted.
    server.put("/api/configs/other/entries/a", "{}").expect(201);
    let schema = json!({"type": "object", "required": ["owner"]});
    let repaired = document("/configs/shop/entries/e33", &json!({"owner": "y"}));
    let by_schema = json!({"documents": [document("/schemagroups/own/schemas/config", &schema)]});
    let by_rule = json!({"groups": [{"xid": "/configs/shop", "attributes": {"muster": {"rules": ["/rulegroups/r"]}}}],
        "documents": [document("/rulegroups/r/rules/owned", &json!({"expression": "has(document.owner)",
            "severity": "error", "message": "nobody owns it", "pointer": "/owner"}))]});
    let with_repair = json!({"documents": [by_schema["documents"][0], repaired]});
    let harmless = json!({"documents": [document("/schemagroups/own/schemas/config", &json!({"type": "object", "title": "T"}))]});
    for (plan, failing, affected) in
        [(&by_schema, 29, 34), (&by_rule, 29, 34), (&with_repair, 28, 33), (&harmless, 0, 34)]
    {
        let told = tried(&server, plan);
        let found = &told["failing"];
        assert_eq!(
            (&found["failing"], &found["judged"], &found["affected"]),
            (&json!(failing), &json!(affected), &json!(affected)),
            "{plan} {told}"
        );
        let named = found["documents"].as_array().map_or(0, Vec::len);
        assert_eq!(named, failing, "{told}");
    }
    let told = tried(&server, &by_schema);
    let first = &told["failing"]["documents"][0];
    assert!(first["xid"].as_str().unwrap().starts_with("/configs/shop/entries/e"), "{told}");
    assert_eq!(first["violations"][0]["keyword"], "required", "{told}");
    let done = apply(&server, &by_schema).expect(200).json();
    assert_eq!(done["failing"]["failing"], 29);
    // They are stored as they were; what never passed isn't counted again.
    server.get("/api/configs/shop/entries/e33").expect(200);
    assert_eq!(tried(&server, &by_rule)["failing"]["failing"], 0);
}

#[test]
fn a_plan_names_the_state_of_the_model_and_may_be_repeated() {
    let server = Server::in_memory(&[]);
    let tag = server.get("/api/modelsource").etag();
    let send = |path: &str, tag: &str, key: &str, plan: &Value| {
        let ask = Ask::json("POST", path, plan.to_string()).header("if-match", tag);
        server.ask(&ask.header("idempotency-key", key))
    };
    let plan =
        json!({"model": parts(), "documents": [document("/parts/a/entries/one", &json!({}))]});
    let first = send("/apply", &tag, "one", &plan).expect(200).json();
    let repeated = send("/apply", &tag, "one", &plan).expect(200).json();
    assert_eq!(first["position"], repeated["position"]);
    let versions = server.get("/api/parts/a/entries/one$details").json()["versionscount"].clone();
    assert_eq!(versions, 1);
    for path in ["/apply", "/apply?dry_run"] {
        send(path, &tag, path, &plan).refused(412, "precondition_failed");
    }
    let now = server.get("/api/modelsource").etag();
    send(
        "/apply",
        &now,
        "two",
        &json!({"model": {"groups": {"parts": parts()["groups"]["parts"]}}}),
    )
    .expect(200);
}

#[test]
fn a_plan_has_at_most_twenty_thousand_entities() {
    let server = Server::in_memory(&[]);
    for (count, code) in [(20_000, None), (20_001, Some("command_too_large"))] {
        let names: Vec<String> =
            (0..count).map(|index| format!("/configs/g/entries/e{index}")).collect();
        let answer = apply(&server, &json!({"delete": names}));
        match code {
            None => drop(answer.expect(200)),
            Some(code) => assert_eq!(answer.code(), code),
        }
    }
}

/// Sends a plan of many documents and kills the server while it works on it. Returns whether it
/// was answered.
fn killed(data: &Path, round: u64) -> bool {
    let server = Server::on(data, &[]);
    let address = server.address;
    let documents: Vec<Value> = (0..300)
        .map(|index| document(&format!("/configs/r{round}/entries/e{index}"), &json!({"n": index})))
        .collect();
    let mut plan = json!({"documents": documents});
    if round > 0 {
        plan["delete"] = json!([format!("/configs/r{}", round - 1)]);
    }
    std::thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let mut client = Client::try_connect(address).ok()?;
            client.try_ask(&Ask::json("POST", "/apply", plan.to_string()))
        });
        if round == LAST {
            let answer = sending.join().unwrap();
            server.kill();
            return answer.is_some_and(|answer| answer.status == 200);
        }
        // sleeps: the moment of the crash is what the test varies, from none to 400 ms.
        std::thread::sleep(std::time::Duration::from_millis(round * 37 % 400));
        server.kill();
        sending.join().unwrap().is_some_and(|answer| answer.status == 200)
    })
}

/// The last round, which is killed only after the answer.
const LAST: u64 = 12;

#[test]
fn a_server_that_is_killed_holds_all_of_a_plan_or_nothing() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let (mut whole, mut none) = (0, 0);
    let mut there: Option<u64> = None;
    for round in 0..=LAST {
        let answered = killed(&data, round);
        let server = Server::on(&data, &[]);
        let groups = server.get("/api/configs?inline=entries").expect(200).json();
        let groups = groups.as_object().unwrap();
        let own = format!("r{round}");
        match groups.get(&own) {
            Some(group) => {
                assert_eq!(group["entriescount"], 300, "half of a plan is there");
                // The deletion came with it.
                let before = round.checked_sub(1).map(|before| format!("r{before}"));
                assert!(before.is_none_or(|before| !groups.contains_key(&before)), "{round}");
                there = Some(round);
                whole += 1;
            }
            None => {
                assert!(!answered, "an answered plan is lost");
                none += 1;
                if let Some(before) = there {
                    let kept = groups.contains_key(&format!("r{before}"));
                    assert!(kept, "the deletion of a plan that wasn't done");
                }
            }
        }
    }
    assert!(there == Some(LAST), "an answered plan is lost: {whole} {none}");
    run(scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()]).expect(0);
}
