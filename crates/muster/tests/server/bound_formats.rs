//! Avro and Protobuf schemas that are bound to documents.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask},
    harness::{CommandOutput, Server, run},
};

const SCHEMA: &str = "/schemagroups/shop/schemas/order";
const GROUP: &str = "/api/configs/shop";

/// A format with a schema of an order, one that asks for more, a document that passes the first, and
/// one that doesn't, with what is said of it.
struct Format {
    name: &'static str,
    extension: &'static str,
    schema: &'static str,
    stricter: &'static str,
    good: &'static str,
    bad: &'static str,
    found: &'static [(&'static str, &'static str)],
    /// The pointer and the rule of what the stricter schema finds in the good document.
    then: (&'static str, &'static str),
}

const FORMATS: [Format; 3] = [
    Format {
        name: "JSONSchema/draft-07",
        extension: "json",
        schema: r#"{"type":"object","properties":{"id":{"type":"string"},"count":{"type":"integer"}}}"#,
        stricter: r#"{"type":"object","properties":{"count":{"type":"string"}}}"#,
        good: r#"{"id":"a","count":1}"#,
        bad: r#"{"id":7,"count":"x"}"#,
        found: &[("/count", "type"), ("/id", "type")],
        then: ("/count", "type"),
    },
    Format {
        name: "Avro/1.12.0",
        extension: "avsc",
        schema: r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"count","type":"int"}]}"#,
        stricter: r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"count","type":"string"}]}"#,
        good: r#"{"id":"a","count":1}"#,
        bad: r#"{"id":7,"count":"x"}"#,
        found: &[("/count", "type"), ("/id", "type")],
        then: ("/count", "type"),
    },
    Format {
        name: "Protobuf/3",
        extension: "proto",
        schema: "syntax = \"proto3\";\nmessage Order { string id = 1; int32 count = 2; }\n",
        stricter: "syntax = \"proto3\";\nmessage Order { string id = 1; bool count = 2; }\n",
        good: r#"{"id":"a","count":1}"#,
        bad: r#"{"id":7,"count":"x"}"#,
        found: &[("/count", "type"), ("/id", "type")],
        then: ("/count", "type"),
    },
];

fn put_schema(server: &Server, format: &str, text: &str) -> Answer {
    let request = Ask::new("POST", format!("/api{SCHEMA}"))
        .body(text)
        .header("content-type", "text/plain")
        .header("xRegistry-format", format);
    server.ask(&request)
}

fn bind(server: &Server, binding: &Value) -> Answer {
    server.put(GROUP, json!({"muster": binding}).to_string())
}

/// A server on which a group is bound to the first schema of a format.
fn bound(server: &Server, format: &Format) {
    put_schema(server, format.name, format.schema).expect(201);
    bind(server, &json!({"schema": SCHEMA})).expect(201);
}

/// The places and the rules of violations, sorted.
fn told(violations: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = violations.as_array().unwrap().iter();
    let mut found: Vec<_> = all.map(|one| (text(one, "pointer"), text(one, "keyword"))).collect();
    found.sort();
    found
}

fn expected(found: &[(&str, &str)]) -> Vec<(String, String)> {
    found.iter().map(|(pointer, rule)| ((*pointer).to_owned(), (*rule).to_owned())).collect()
}

#[test]
fn a_document_must_pass_a_bound_schema_of_any_format_before_and_after_a_restart() {
    for format in &FORMATS {
        let data = TempDir::new().unwrap();
        let mut server = Server::on(data.path(), &[]);
        bound(&server, format);
        for round in ["first", "again"] {
            let place = format!("{GROUP}/entries/{round}");
            let position = server.position();
            let refused = server.put(&place, format.bad).refused(422, "invalid_document").json();
            assert_eq!(told(&refused["violations"]), expected(format.found), "{}", format.name);
            server.put(&place, "{").refused(422, "invalid_document");
            let url = Ask::new("PUT", &place).header("xRegistry-entryurl", "http://x.example/e");
            server.ask(&url).refused(422, "invalid_document");
            assert_eq!(server.position(), position, "a refusal changes nothing");
            server.put(&place, format.good).expect(201);
            drop(server);
            server = Server::on(data.path(), &[]);
        }
        let page = server.get("/validate").expect(200).json();
        assert_eq!(page["findings"], json!([]), "{}: {page}", format.name);
    }
}

#[test]
fn yaml_is_checked_as_the_data_that_it_is() {
    for format in &FORMATS {
        let server = Server::in_memory(&[]);
        bound(&server, format);
        let put = |text: &str| {
            let ask = Ask::new("PUT", format!("{GROUP}/entries/e")).body(text);
            server.ask(&ask.header("content-type", "application/yaml"))
        };
        let refused = put("id: a\ncount: x\n").refused(422, "invalid_document").json();
        let first = &refused["violations"][0];
        assert_eq!((&first["pointer"], &first["line"]), (&json!("/count"), &json!(2)), "{refused}");
        put("id: a\ncount: 1\n").expect(201);
    }
}

#[test]
fn a_changed_schema_says_which_documents_no_longer_pass() {
    for format in &FORMATS {
        let server = Server::in_memory(&[]);
        bound(&server, format);
        for index in 0..3 {
            server.put(&format!("{GROUP}/entries/e{index}"), format.good).expect(201);
        }
        let attributes = json!({"format": format.name, "contenttype": "text/plain"});
        let document = json!({"xid": SCHEMA, "attributes": attributes, "text": format.stricter});
        let plan = json!({"documents": [document]}).to_string();
        let tried = server.post("/apply?dry_run", plan.clone()).expect(200).json();
        let found = &tried["failing"];
        assert_eq!((&found["failing"], &found["affected"]), (&json!(3), &json!(3)), "{tried}");
        let first = &found["documents"][0]["violations"];
        assert_eq!(told(first), expected(&[format.then]), "{}", format.name);
        let done = server.post("/apply", plan).expect(200).json();
        assert_eq!(done["failing"]["failing"], 3, "{done}");
        // They stay, and are told of; what is written from now on must pass.
        let page = server.get("/validate").expect(200).json();
        assert_eq!(page["findings"].as_array().unwrap().len(), 3, "{page}");
        server.put(&format!("{GROUP}/entries/e0"), format.good).refused(422, "invalid_document");
    }
}

#[test]
fn what_is_bound_stays_a_schema_of_its_format() {
    for format in &FORMATS {
        let server = Server::in_memory(&[]);
        bound(&server, format);
        let position = server.position();
        for (name, text) in [(format.name, "message {"), (format.name, "7")] {
            put_schema(&server, name, text).refused(422, "invalid_document");
        }
        for path in [format!("/api{SCHEMA}"), "/api/schemagroups/shop".to_owned()] {
            server.delete(&path).refused(409, "referenced");
        }
        assert_eq!(server.position(), position, "{}", format.name);
    }
    // A name of a type that isn't there may come later, but not once something is bound.
    let server = Server::in_memory(&[]);
    let text = r#"{"type":"array","items":"shop.Order"}"#;
    put_schema(&server, "Avro/1.12.0", text).expect(201);
    bind(&server, &json!({"schema": SCHEMA})).refused(422, "binding_broken");
    put_schema(&server, "Avro/1.12.0", r#""int""#).expect(201);
    bind(&server, &json!({"schema": SCHEMA})).expect(201);
    put_schema(&server, "Avro/1.12.0", text).refused(422, "invalid_document");
}

#[test]
fn a_binding_names_a_message_that_is_there() {
    let server = Server::in_memory(&[]);
    let text = "syntax = \"proto3\";\npackage p;\nmessage A { int32 n = 1; }\nmessage B { string s = 1; }\n";
    put_schema(&server, "Protobuf/3", text).expect(201);
    let none = bind(&server, &json!({"schema": SCHEMA, "message": "C"}));
    let none = none.refused(422, "binding_broken").text().to_owned();
    assert!(none.contains("p.A, p.B"), "{none}");
    bind(&server, &json!({"schema": SCHEMA, "message": "p.B"})).expect(201);
    let place = format!("{GROUP}/entries/e");
    server.put(&place, r#"{"n":1}"#).expect(201);
    let refused = server.put(&place, r#"{"s":1}"#).refused(422, "invalid_document").json();
    assert_eq!(told(&refused["violations"]), expected(&[("/s", "type")]));
    // Another message is another check.
    let first = bind(&server, &json!({"schema": SCHEMA, "message": "p.A"}));
    first.expect(200);
    server.put(&place, r#"{"n":"x"}"#).refused(422, "invalid_document");
    // A schema without any message would check nothing.
    let nothing = "syntax = \"proto3\";\nenum E { A = 0; }\n";
    let lost = put_schema(&server, "Protobuf/3", nothing).refused(422, "invalid_document");
    assert!(lost.text().contains("no message"), "{}", lost.text());
}

#[test]
fn schemas_of_one_plan_may_name_each_other() {
    let server = Server::in_memory(&[]);
    let text = |xid: &str, format: &str, text: &str, references: Value| {
        json!({"xid": xid, "text": text,
            "attributes": {"format": format, "references": references, "contenttype": "text/plain"}})
    };
    let refers =
        |name: &str, subject: &str| json!([{"name": name, "subject": subject, "version": 1}]);
    let holder = r#"{"type":"record","name":"H","fields":[{"name":"id","type":"Id"}]}"#;
    let order = "syntax = \"proto3\";\nimport \"m.proto\";\nmessage O { M total = 1; }\n";
    let bound = |group: &str, schema: &str| json!({"xid": group, "attributes": {"muster": {"schema": schema}}});
    let plan = json!({
        "groups": [bound("/configs/a", "/schemagroups/s/schemas/a"),
                   bound("/configs/p", "/schemagroups/s/schemas/p")],
        "documents": [
            text("/schemagroups/s/schemas/a", "Avro/1.12.0", holder, refers("Id", "z")),
            text("/schemagroups/s/schemas/z", "Avro/1.12.0", r#"{"type":"fixed","name":"Id","size":2}"#, json!([])),
            text("/schemagroups/s/schemas/p", "Protobuf/3", order, refers("m.proto", "m")),
            text("/schemagroups/s/schemas/m", "Protobuf/3", "syntax = \"proto3\";\nmessage M { int64 cents = 1; }\n", json!([])),
            {"xid": "/configs/a/entries/e", "text": r#"{"id":"ab"}"#},
            {"xid": "/configs/p/entries/e", "text": r#"{"total":{"cents":"5"}}"#},
        ],
    });
    server.post("/apply", plan.to_string()).expect(200);
    for (group, bad, pointer) in
        [("a", r#"{"id":"abc"}"#, "/id"), ("p", r#"{"total":{"cents":true}}"#, "/total/cents")]
    {
        let refused = server.put(&format!("/api/configs/{group}/entries/e"), bad);
        let refused = refused.refused(422, "invalid_document").json();
        assert_eq!(refused["violations"][0]["pointer"], pointer, "{refused}");
    }
    // What a bound schema names isn't deleted.
    server.delete("/api/schemagroups/s/schemas/z").refused(409, "referenced");
}

/// A folder with a bound schema and two documents, of which one doesn't pass.
fn folder(root: &Path, format: &Format) {
    let write = |path: &str, text: &str| {
        let path = root.join("catalog").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let extension = format.extension;
    write("model.json", r#"{"groups":{}}"#);
    write(&format!("schemagroups/shop/order.{extension}"), format.schema);
    let attributes = json!({"format": format.name}).to_string();
    write("schemagroups/shop/order.attributes.json", &attributes);
    let binding = json!({"muster": {"schema": SCHEMA}}).to_string();
    write("configs/shop.attributes.json", &binding);
    write("configs/shop/good.json", format.good);
    write("configs/shop/bad.json", format.bad);
}

/// The places and the rules of what a command finds, sorted.
fn findings(output: &CommandOutput) -> Vec<(String, String)> {
    let told: Value = serde_json::from_str(&output.out).unwrap();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = told["violations"].as_array().unwrap().iter();
    let mut found: Vec<_> = all.map(|one| (text(one, "pointer"), text(one, "rule"))).collect();
    found.sort();
    found
}

#[test]
fn a_folder_is_judged_offline_and_by_a_plan_as_the_server_judges_it() {
    for format in &FORMATS {
        let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
        folder(scratch.path(), format);
        let url = server.url("127.0.0.1");
        let offline = run(scratch.path(), &["validate", "catalog", "--output", "json"]).expect(1);
        assert_eq!(findings(&offline), expected(format.found), "{}", format.name);
        let apply = |flags: &[&str]| {
            run(scratch.path(), &[&["apply", "catalog", "--server", &url], flags].concat())
        };
        let plan = apply(&["--dry-run"]).expect(1);
        assert!(format!("{}{}", plan.out, plan.err).contains("configs/shop/bad"), "{plan:#?}");
        std::fs::remove_file(scratch.path().join("catalog/configs/shop/bad.json")).unwrap();
        apply(&["--yes"]).expect(0);
        run(scratch.path(), &["validate", "catalog"]).expect(0);
        // Documents alone, against the schemas of the server.
        for gone in [format!("order.{}", format.extension), "order.attributes.json".to_owned()] {
            std::fs::remove_file(scratch.path().join("catalog/schemagroups/shop").join(gone))
                .unwrap();
        }
        std::fs::write(scratch.path().join("catalog/configs/shop/bad.json"), format.bad).unwrap();
        let against =
            run(scratch.path(), &["validate", "catalog", "--against", &url, "--output", "json"]);
        assert_eq!(findings(&against.expect(1)), expected(format.found), "{}", format.name);
    }
}

#[test]
fn a_bound_schema_that_gets_another_format_must_be_one_of_it() {
    let server = Server::in_memory(&[]);
    let named = format!("/api{SCHEMA}/versions/first");
    let put = |format: &str| {
        let ask = Ask::new("PUT", &named).body(r#"{"type":"string"}"#);
        let ask = ask.header("content-type", "application/json").header("xRegistry-format", format);
        server.ask(&ask)
    };
    put("Avro/1.12.0").expect(201);
    bind(&server, &json!({"schema": SCHEMA})).expect(201);
    let details = format!("{named}$details");
    let refused = server.patch(&details, r#"{"format":"Protobuf/3"}"#);
    refused.refused(422, "invalid_document");
    server.patch(&details, r#"{"format":"JSONSchema/draft-07"}"#).expect(200);
    server.put(&format!("{GROUP}/entries/e"), r#""text""#).expect(201);
    server.put(&format!("{GROUP}/entries/e"), "1").refused(422, "invalid_document");
}

#[test]
fn a_new_version_is_what_its_schemas_format_says_however_it_is_sent() {
    let server = Server::in_memory(&[]);
    let mut number = 0;
    for format in &FORMATS {
        for first in [None, Some("text/plain"), Some("application/x-protobuf")] {
            for then in [None, Some("text/plain"), Some("application/json")] {
                number += 1;
                let path = format!("/api/schemagroups/shop/schemas/s{number}");
                let mut put = Ask::new("PUT", path.clone()).body(format.schema);
                put = put.header("xRegistry-format", format.name);
                put = first.map_or(put.clone(), |value| put.clone().header("content-type", value));
                server.ask(&put).expect(201);
                // A text that isn't JSON can't be sent as JSON.
                let is_json = !format.stricter.starts_with('{') && then == Some("application/json");
                let good = if is_json { 422 } else { 201 };
                for (text, expect) in
                    [("rubbish (", 422), (r#"{"type":7}"#, 422), (format.stricter, good)]
                {
                    let ask = Ask::new("POST", path.clone()).body(text);
                    let ask =
                        then.map_or(ask.clone(), |value| ask.clone().header("content-type", value));
                    let answer = server.ask(&ask);
                    let what = format!("{} {first:?} {then:?} {text}", format.name);
                    assert_eq!(answer.status, expect, "{what}: {answer:?}");
                }
                let details = server.ask(&Ask::new("GET", format!("{path}$details")));
                assert_eq!(details.json()["format"], format.name);
            }
        }
    }
}

#[test]
fn a_bound_message_stays_in_its_schema() {
    let server = Server::in_memory(&[]);
    let two = "syntax = \"proto3\";\nmessage A { int32 x = 1; }\nmessage B { int32 y = 1; }\n";
    let one = "syntax = \"proto3\";\nmessage A { int32 x = 1; }\n";
    put_schema(&server, "Protobuf/3", two).expect(201);
    bind(&server, &json!({"schema": SCHEMA, "message": "B"})).expect(201);
    let refused = put_schema(&server, "Protobuf/3", one);
    let refused = refused.refused(422, "invalid_document");
    assert!(refused.text().contains("no message"), "{}", refused.text());
    // Without the binding it may go.
    bind(&server, &json!({"schema": SCHEMA})).expect(200);
    put_schema(&server, "Protobuf/3", one).expect(201);
}
