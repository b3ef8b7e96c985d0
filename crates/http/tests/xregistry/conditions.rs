use std::sync::Arc;

use muster_guard::Role;
use muster_http::Principal;

use crate::door::{Door, Step};

#[tokio::test]
async fn answers_304_until_something_changes() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1/files/f1", &[], "one").await.check("put", 201, &[]);
    for path in
        ["/", "/dirs", "/dirs/d1", "/dirs/d1/files/f1", "/dirs/d1/files/f1$details", "/model"]
    {
        let line = format!("GET {path}");
        let first = door.send(&line, &[], "").await;
        let tag = first.header("etag").unwrap().to_owned();
        let again = door.send(&line, &[("if-none-match", &tag)], "").await;
        let location = first.header("content-location").unwrap_or_default();
        again.check(&line, 304, &[("etag", &tag), ("content-location", location)]);
        assert!(again.body.is_empty(), "{line}");
    }
    let tag = door.send("GET /dirs/d1/files/f1", &[], "").await.header("etag").unwrap().to_owned();
    door.send("PUT /dirs/d1/files/f1", &[], "two").await.check("put", 200, &[]);
    let reply = door.send("GET /dirs/d1/files/f1", &[("if-none-match", &tag)], "").await;
    assert_eq!((reply.status, reply.text()), (200, "two"));
}

#[tokio::test]
async fn lets_one_of_two_writers_win() {
    let door = Door::with_dirs().await;
    let line = "PUT /dirs/d1/files/f1";
    let created = door.send(line, &[("if-none-match", "*")], "one").await;
    created.check(line, 201, &[]);
    door.send(line, &[("if-none-match", "*")], "x").await.check(line, 412, &[]);
    let tag = created.header("etag").unwrap();
    door.send(line, &[("if-match", tag)], "two").await.check(line, 200, &[]);
    let lost = door.send(line, &[("if-match", tag)], "three").await;
    lost.check(line, 412, &[("/reason", "precondition_failed")]);
    let newest = door.send(line, &[("if-match", "*")], "four").await;
    newest.check(line, 200, &[]);
    let tag = newest.header("etag").unwrap();
    let weak = format!("W/{tag}");
    door.send(line, &[("if-match", &weak)], "five").await.check(line, 412, &[]);
    // It was refused because it is weak, and for nothing else.
    assert_eq!(door.send("GET /dirs/d1/files/f1", &[], "").await.header("etag"), Some(tag));
    door.send("PUT /dirs/d1/files/new", &[("if-match", "*")], "x").await.check(line, 412, &[]);
    assert_eq!(door.send("GET /dirs/d1/files/f1", &[], "").await.text(), "four");
}

#[tokio::test]
async fn does_a_repeated_command_once() {
    let door = Door::with_dirs().await;
    let key = [("idempotency-key", "k1")];
    for _ in 0..2 {
        let reply = door.send("POST /dirs/d1/facts/f", &key, "{}").await;
        reply.check("post", 201, &[("/versionid", "1"), ("/epoch", "1")]);
    }
    let other = door.send("POST /dirs/d1/facts/f", &key, r#"{"count": 1}"#).await;
    other.check("post", 422, &[("/reason", "idempotency_mismatch")]);
    door.check(&[Step("GET /dirs/d1/facts/f", "", 200, &[("/versionscount", "1")])]).await;
}

/// Two callers may choose the same key: each command is done, and nobody gets another's answer.
#[tokio::test]
async fn a_key_of_a_repeated_command_is_its_callers_own() {
    let door = Door::with_dirs().await;
    let [alice, bob] = ["alice", "bob"].map(|id| Arc::new(Principal::new(id, Role::Admin)));
    let key = [("idempotency-key", "k1")];
    for (who, version) in [(&alice, "1"), (&bob, "2"), (&alice, "1"), (&bob, "2")] {
        let reply = door.send_as(who.clone(), "POST /dirs/d1/facts/f", &key, "{}").await;
        reply.check("post", 201, &[("/versionid", version)]);
    }
    // Nor is anybody told that it is another's.
    let other =
        door.send_as(bob, "POST /dirs/d1/facts/g", &[("idempotency-key", "k2")], "{}").await;
    other.check("post", 201, &[]);
    let reply =
        door.send_as(alice, "POST /dirs/d1/facts/h", &[("idempotency-key", "k2")], "{}").await;
    reply.check("post", 201, &[]);
}

#[tokio::test]
async fn changes_no_collection_on_a_condition_that_cannot_hold() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1", &[], "{}").await.check("put", 201, &[]);
    let tag = door.send("GET /dirs", &[], "").await.header("etag").unwrap().to_owned();
    for (line, condition, status) in [
        ("DELETE /dirs", ("if-match", tag.as_str()), 412),
        ("POST /dirs", ("if-none-match", "*"), 412),
        ("POST /dirs", ("if-match", "*"), 200),
        ("PUT /capabilities", ("if-match", tag.as_str()), 412),
    ] {
        door.send(line, &[condition], "{}").await.check(line, status, &[]);
    }
    door.send("GET /dirs/d1", &[], "").await.check("get", 200, &[]);
}

#[tokio::test]
async fn lets_one_of_two_writers_of_the_model_win() {
    let door = Door::with_dirs().await;
    let line = "PUT /modelsource";
    let model = r#"{"groups": {"dirs": {"singular": "dir"}}}"#;
    let first = door.send("GET /modelsource", &[], "").await.header("etag").unwrap().to_owned();
    assert!(!first.starts_with("W/"), "{first}");
    // What isn't the model doesn't change its tag.
    door.send("PUT /dirs/d1", &[], "{}").await.check("put", 201, &[]);
    let unchanged = door.send("GET /modelsource", &[("if-none-match", &first)], "").await;
    unchanged.check("get", 304, &[("etag", &first)]);
    let won = door.send(line, &[("if-match", &first)], model).await;
    won.check(line, 200, &[]);
    let now = won.header("etag").unwrap().to_owned();
    assert_ne!(now, first);
    let lost = door.send(line, &[("if-match", &first)], "{}").await;
    lost.check(line, 412, &[("/reason", "precondition_failed"), ("/subject", "/modelsource")]);
    for (condition, status) in
        [(("if-none-match", "*"), 412), (("if-match", "*"), 200), (("if-match", &*now), 412)]
    {
        door.send(line, &[condition], model).await.check(line, status, &[]);
    }
    door.send("GET /dirs/d1", &[], "").await.check("get", 200, &[]);
}

#[tokio::test]
async fn takes_an_epoch_as_a_number_alone() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1", &[], "{}").await.check("put", 201, &[("/epoch", "1")]);
    for (epoch, status, code) in [
        ("\"1\"", 400, "invalid_attribute"),
        ("1.0", 400, "invalid_attribute"),
        ("-1", 400, "invalid_attribute"),
        ("true", 400, "invalid_attribute"),
        ("[1]", 400, "invalid_attribute"),
        ("7", 400, "mismatched_epoch"),
        ("1", 200, ""),
        ("null", 200, ""),
    ] {
        let body = format!(r#"{{"epoch": {epoch}}}"#);
        door.send("PATCH /dirs/d1", &[], &body).await.check(&body, status, &[("/reason", code)]);
    }
    // A header has no types.
    door.send("PUT /dirs/d1/files/f", &[], "one").await.check("put", 201, &[]);
    let line = "PUT /dirs/d1/files/f";
    door.send(line, &[("xregistry-epoch", "9")], "two").await.check(line, 400, &[]);
    door.send(line, &[("xregistry-epoch", "1")], "two").await.check(line, 200, &[]);
}

#[tokio::test]
async fn loses_none_of_many_patches_of_the_capabilities() {
    let door = Door::with_our_model().await;
    let send = |line: &'static str, body: &'static str| async {
        let reply = door.send(line, &[], body).await;
        reply.check(line, 200, &[]);
    };
    tokio::join!(
        send("PATCH /capabilities", r#"{"pagination": false}"#),
        send("PATCH /capabilities", r#"{"ignores": ["epoch"]}"#),
        send("PATCH /", r#"{"capabilities": {"versionmodes": ["manual"]}}"#),
        send("PATCH /capabilities", r#"{"flags": ["inline"]}"#),
        send("PATCH /", r#"{"name": "other"}"#),
    );
    let says = [
        ("/pagination", "false"),
        ("/ignores", r#"["epoch"]"#),
        ("/versionmodes", r#"["manual"]"#),
        ("/flags", r#"["inline"]"#),
    ];
    door.send("GET /capabilities", &[], "").await.check("get", 200, &says);
}
