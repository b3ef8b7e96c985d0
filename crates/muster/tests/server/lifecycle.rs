//! States of versions, and collections whose documents never change.

use crate::{client::Ask, harness::Server};

const DOCUMENT: &str = "/api/configs/app/entries/first";

fn put_in_state(path: &str, body: &str, state: &str) -> Ask {
    Ask::json("POST", path, body).header("xRegistry-state", state)
}

#[test]
fn walks_through_the_states_as_drawn_and_no_other_way() {
    const STATES: [&str; 5] = ["draft", "review", "stable", "deprecated", "retired"];
    let server = Server::in_memory(&[]);
    for from in STATES {
        for to in STATES {
            let id = format!("/api/configs/app/entries/{from}-{to}");
            server.ask(&put_in_state(&id, "1", from)).expect(201);
            let change = format!("{{\"state\":{to:?}}}");
            let answer = server.patch(&format!("{id}/versions/1$details"), change);
            let drawn = matches!(
                (from, to),
                ("draft", "review" | "retired")
                    | ("review", "draft" | "stable" | "retired")
                    | ("stable", "deprecated" | "retired")
                    | ("deprecated", "stable" | "retired")
            );
            match (drawn || from == to, from) {
                (true, _) => assert_eq!(answer.expect(200).json()["state"], to),
                (false, "retired") => drop(answer.refused(409, "state_final")),
                (false, _) => drop(answer.refused(409, "state_unreachable")),
            }
        }
    }
    let answer = server.patch("/api/configs/app/entries/draft-draft$details", r#"{"state":"new"}"#);
    answer.refused(400, "invalid_attribute");
}

#[test]
fn offers_the_newest_version_that_is_in_use() {
    let server = Server::in_memory(&[]);
    for (body, state, expect) in [
        ("1", "draft", "1"),
        ("2", "stable", "2"),
        ("3", "draft", "2"),
        ("4", "deprecated", "4"),
        ("5", "review", "4"),
        ("6", "stable", "6"),
    ] {
        server.ask(&put_in_state(DOCUMENT, body, state)).expect(201);
        assert_eq!(server.get(DOCUMENT).expect(200).text(), expect);
    }
    let retire = |version: &str| {
        let path = format!("{DOCUMENT}/versions/{version}$details");
        server.patch(&path, r#"{"state":"retired"}"#).expect(200);
    };
    retire("6");
    assert_eq!(server.get(DOCUMENT).expect(200).text(), "4");
    let meta = server.get(&format!("{DOCUMENT}/meta")).expect(200).json();
    assert_eq!(meta["deprecated"], serde_json::json!({}));
    retire("4");
    assert_eq!(server.get(DOCUMENT).expect(200).text(), "2");
    // Somebody may pin one that isn't offered.
    server
        .patch(
            &format!("{DOCUMENT}/meta"),
            r#"{"defaultversionid":"3","defaultversionsticky":true}"#,
        )
        .expect(200);
    assert_eq!(server.get(DOCUMENT).expect(200).text(), "3");
}

#[test]
fn takes_no_document_for_a_retired_version() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    let version = format!("{DOCUMENT}/versions/1");
    server.patch(&format!("{version}$details"), r#"{"state":"retired"}"#).expect(200);
    let position = server.position();
    server.put(&version, "2").refused(409, "state_final");
    assert_eq!(server.position(), position);
    assert_eq!(server.get(&version).expect(200).text(), "1");
    // A new version may follow.
    server.post(DOCUMENT, "2").expect(201);
    assert_eq!(server.get(DOCUMENT).expect(200).text(), "2");
}

#[test]
fn a_broken_document_for_a_frozen_version_is_refused_as_frozen() {
    let server = Server::in_memory(&[]);
    let schema = "/api/schemagroups/g/schemas/s";
    server.put(schema, r#"{"type":"object"}"#).expect(201);
    let bind = r#"{"muster":{"schema":"/schemagroups/g/schemas/s"}}"#;
    server.put("/api/configs/app", bind).expect(201);
    for broken in [r#"{"type":"no such type"}"#, "{"] {
        server.put(schema, broken).refused(409, "frozen");
        server.put(&format!("{schema}/versions/1"), broken).refused(409, "frozen");
        server.post(schema, broken).refused(422, "invalid_document");
    }
    server.patch(&format!("{schema}/versions/1$details"), r#"{"state":"retired"}"#).expect(200);
    server.put(&format!("{schema}/versions/1"), "{").refused(409, "state_final");
}

#[test]
fn keeps_documents_of_frozen_collections() {
    let server = Server::in_memory(&[]);
    let rule = |message: &str| {
        format!(r#"{{"expression":"true","severity":"error","message":{message:?},"pointer":""}}"#)
    };
    for (path, first, second) in [
        (
            "/api/schemagroups/g/schemas/s",
            r#"{"type":"object"}"#.to_owned(),
            r#"{"type":"array"}"#.to_owned(),
        ),
        ("/api/rulegroups/g/rules/r", rule("one"), rule("two")),
    ] {
        server.put(path, first.clone()).expect(201);
        let position = server.position();
        server.put(&format!("{path}/versions/1"), second.clone()).refused(409, "frozen");
        server.put(path, second.clone()).refused(409, "frozen");
        assert_eq!(server.position(), position);
        server.patch(&format!("{path}$details"), r#"{"name":"still changes"}"#).expect(200);
        server.post(path, second.clone()).expect(201);
        assert_eq!(server.get(&format!("{path}/versions/1")).expect(200).text(), first);
        assert_eq!(server.get(path).expect(200).text(), second);
    }
}
