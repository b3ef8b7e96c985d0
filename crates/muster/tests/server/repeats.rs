//! Idempotency keys: a request that is sent again isn't done again.

use tempfile::TempDir;

use crate::{
    client::{Answer, Ask},
    harness::Server,
};

const DOCUMENT: &str = "/api/configs/app/entries/first";

fn keyed(method: &'static str, path: &str, body: &str, key: &str) -> Ask {
    Ask::json(method, path, body).header("Idempotency-Key", key)
}

/// What a repeated answer has to share with the first.
fn told(answer: &Answer) -> (u16, Option<String>, Option<String>) {
    let header = |name| answer.header(name).map(str::to_owned);
    (answer.status, header("xregistry-xid"), header("xregistry-versionid"))
}

#[test]
fn does_a_repeated_request_once_and_answers_alike() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    for (method, path, body) in [
        ("POST", DOCUMENT, "1"),
        ("PUT", "/api/configs/app/entries/made", "1"),
        ("PUT", "/api/configs/app/entries/made", "2"),
        ("PATCH", "/api/configs/app", r#"{"name":"n"}"#),
        ("POST", "/api/configs/app", r#"{"entries":{"a":{"entry":1},"b":{"entry":2}}}"#),
        ("DELETE", "/api/configs/app/entries/made", ""),
    ] {
        let ask = keyed(method, path, body, &format!("{method}-{path}-{body}"));
        let first = server.ask(&ask);
        assert!(first.status < 300, "{first:?}");
        let position = server.position();
        let again = server.ask(&ask);
        assert_eq!(told(&again), told(&first), "{method} {path} {again:?}");
        assert_eq!(again.header("location"), first.header("location"), "{method} {path}");
        assert_eq!(server.position(), position, "{method} {path}");
    }
}

#[test]
fn shows_again_what_it_showed() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    for (method, path, body, shown) in [
        (
            "POST",
            "/api/configs/app/entries",
            r#"{"x":{"entry":1},"y":{"entry":2}}"#,
            vec!["x", "y"],
        ),
        ("POST", "/api/configs", r#"{"one":{},"two":{}}"#, vec!["one", "two"]),
        ("POST", "/api/configs/app", r#"{"entries":{"z":{"entry":1}}}"#, vec!["entries"]),
        ("POST", "/api/configs/app/entries/x/versions", r#"{"8":{"entry":1}}"#, vec!["8"]),
        ("PUT", "/api/modelsource", r#"{"groups":{"dirs":{"singular":"dir"}}}"#, vec!["groups"]),
        ("DELETE", "/api/configs/app/entries", r#"{"z":{}}"#, vec![]),
    ] {
        let ask = keyed(method, path, body, &format!("{method}-{path}"));
        let first = server.ask(&ask);
        assert!(first.status < 300, "{first:?}");
        // Somebody else writes meanwhile.
        server.put(DOCUMENT, "1").expect(200);
        let position = server.position();
        let again = server.ask(&ask);
        assert_eq!(again.status, first.status, "{path} {again:?}");
        assert_eq!(again.text(), first.text(), "{path}");
        let correlation = "xregistry-xregcorrelationid";
        assert!(first.header(correlation).is_some(), "{path}");
        assert_eq!(again.header(correlation), first.header(correlation), "{path}");
        assert_eq!(server.position(), position, "{path}");
        if !shown.is_empty() {
            let keys: Vec<String> = again.json().as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, shown, "{path}");
        }
    }
    // Capabilities are shown as they are, and so is a change of some of them.
    let ask = keyed("PATCH", "/api/capabilities", r#"{"pagination":false}"#, "capabilities");
    let first = server.ask(&ask).expect(200);
    assert_eq!(server.ask(&ask).expect(200).text(), first.text());
}

#[test]
fn a_repeat_carries_the_entity_tag_of_its_own_position() {
    let server = Server::in_memory(&[]);
    let ask = keyed("PUT", DOCUMENT, r#""mine""#, "k");
    let first = server.ask(&ask).expect(201);
    let details = keyed("PATCH", "/api/configs/app/entries/first$details", r#"{"name":"n"}"#, "d");
    let named = server.ask(&details).expect(200);
    server.put(DOCUMENT, r#""theirs""#).expect(200);
    for (ask, first) in [(&ask, &first), (&details, &named)] {
        let again = server.ask(ask).expect(first.status);
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.text(), first.text());
        assert_eq!(again.header("muster-position"), first.header("muster-position"));
    }
    // So nobody overwrites what they never saw.
    let tag = first.header("etag").unwrap();
    let blind = Ask::json("PUT", DOCUMENT, r#""mine""#).header("If-Match", tag);
    server.ask(&blind).refused(412, "precondition_failed");
    // What was purged meanwhile can't be shown, but it was done.
    server.delete("/api/configs/app/entries/first?purge").expect(204);
    let again = server.ask(&ask).expect(201);
    assert_eq!(again.text(), "");
    assert_eq!(again.header("muster-omitted"), Some("body"));
    assert_eq!(again.header("xregistry-xid"), Some("/configs/app/entries/first"));
    assert_eq!(again.header("etag"), None);
}

#[test]
fn what_is_done_is_not_refused_because_it_cannot_be_shown() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    let before = server.position();
    let path = "/api/configs/app/entries/first$details?filter=name=other";
    let done = server.ask(&Ask::json("PATCH", path, r#"{"name":"n"}"#)).expect(200);
    assert_eq!(server.position(), before + 1);
    assert_eq!(done.text(), "");
    assert_eq!(done.header("muster-omitted"), Some("body"));
    let tag = done.header("etag").unwrap().to_owned();
    let shown = server.get("/api/configs/app/entries/first$details").expect(200);
    assert_eq!(shown.header("etag"), Some(&*tag));
    // More than an answer may hold.
    let four_mib = format!("\"{}\"", "a".repeat(4 * 1024 * 1024 - 2));
    for number in 0..33 {
        server.put(&format!("/api/configs/large/entries/{number}"), &*four_mib).expect(201);
    }
    let path = "/api/configs/large?inline=*";
    let done = server.ask(&Ask::json("PATCH", path, r#"{"name":"n"}"#)).expect(200);
    assert_eq!(done.header("muster-omitted"), Some("body"));
    assert_eq!(server.get("/api/configs/large").expect(200).json()["name"], "n");
}

#[test]
fn an_epoch_that_would_not_be_compared_is_refused() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    let position = server.position();
    for (method, path) in [
        ("PATCH", "/api/configs/app/entries/first$details?epoch=99"),
        ("PUT", "/api/configs/app?epoch=99"),
        ("POST", "/api/configs/app/entries/first?epoch=1"),
    ] {
        server.ask(&Ask::json(method, path, "{}")).refused(400, "bad_flag");
    }
    assert_eq!(server.position(), position);
    server.delete("/api/configs/app/entries/first?epoch=99").refused(400, "mismatched_epoch");
    server.delete("/api/configs/app/entries/first?epoch=1").expect(204);
}

#[test]
fn writes_nothing_where_there_is_nothing_to_delete() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    let position = server.position();
    let ask = Ask::json("DELETE", "/api/configs/app/entries", "{}");
    let answer = server.ask(&ask).expect(204);
    assert_eq!(answer.header("xregistry-xregcorrelationid"), None, "no entry is its own");
    assert_eq!(server.position(), position);
    server.get(DOCUMENT).expect(200);
}

#[test]
fn deletes_nothing_in_a_repeat_that_deleted_nothing_before() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/other", "0").expect(201);
    let ask = keyed("DELETE", "/api/configs/app/entries", r#"{"first":{}}"#, "k");
    let first = server.ask(&ask).expect(204);
    server.put(DOCUMENT, "0").expect(201);
    let position = server.position();
    let again = server.ask(&ask).expect(204);
    assert_eq!(told(&again), told(&first));
    let correlation = "xregistry-xregcorrelationid";
    assert!(first.header(correlation).is_some(), "the entry that remembers it is its own");
    assert_eq!(again.header(correlation), first.header(correlation));
    server
        .ask(&keyed("DELETE", "/api/configs/app/entries", r#"{"other":{}}"#, "k"))
        .refused(422, "idempotency_mismatch");
    assert_eq!(server.position(), position);
    server.get(DOCUMENT).expect(200);
}

#[test]
fn refuses_another_request_under_the_same_key() {
    let server = Server::in_memory(&[]);
    server.ask(&keyed("PUT", DOCUMENT, "1", "k")).expect(201);
    let position = server.position();
    for ask in [
        keyed("PUT", DOCUMENT, "2", "k"),
        keyed("PUT", "/api/configs/app/entries/second", "1", "k"),
        keyed("POST", DOCUMENT, "1", "k"),
        keyed("PUT", DOCUMENT, "1", "k").header("If-Match", "*"),
        keyed("PUT", DOCUMENT, "1", "k").header("xRegistry-name", "n"),
        keyed("DELETE", DOCUMENT, "", "k"),
        // Even one that would be refused by itself.
        keyed("PUT", DOCUMENT, "{\"a\":1,\"a\":2}", "k"),
    ] {
        server.ask(&ask).refused(422, "idempotency_mismatch");
    }
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        server.ask(&keyed("PUT", DOCUMENT, "1", key)).refused(400, "header_error");
    }
    assert_eq!(server.position(), position);
    server.ask(&keyed("PUT", DOCUMENT, "1", &long[1..])).expect(200);
}

#[test]
fn judges_a_refused_request_anew() {
    let server = Server::in_memory(&[]);
    let ask = keyed("PATCH", "/api/configs/app", r#"{"name":"n"}"#, "k").header("If-Match", "*");
    server.ask(&ask).refused(412, "precondition_failed");
    server.put(DOCUMENT, "1").expect(201);
    server.ask(&ask).expect(200);
    let position = server.position();
    server.ask(&ask).expect(200);
    assert_eq!(server.position(), position);
}

#[test]
fn remembers_keys_over_a_restart() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let ask = keyed("POST", DOCUMENT, "1", "k");
    let server = Server::on(&data, &[]);
    let first = server.ask(&ask).expect(201);
    server.kill();
    let server = Server::on(&data, &[]);
    let position = server.position();
    let again = server.ask(&ask);
    assert_eq!(told(&again), told(&first));
    server.ask(&keyed("POST", DOCUMENT, "2", "k")).refused(422, "idempotency_mismatch");
    assert_eq!(server.position(), position);
}
