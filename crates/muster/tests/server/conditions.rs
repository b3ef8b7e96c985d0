//! Entity tags and epochs: nobody overwrites what they haven't seen.

use crate::{client::Ask, harness::Server};

const DOCUMENT: &str = "/api/configs/app/entries/first";
const DETAILS: &str = "/api/configs/app/entries/first$details";

fn put(path: &str, body: &str) -> Ask {
    Ask::json("PUT", path, body)
}

#[test]
fn answers_304_to_who_has_it_already() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    for path in [DOCUMENT, DETAILS, "/api/configs/app", "/api", "/api/configs", "/api/model"] {
        let tag = server.get(path).expect(200).etag();
        for (value, status) in [
            (tag.clone(), 304),
            (format!("\"else\", W/{}", tag.trim_start_matches("W/")), 304),
            ("*".to_owned(), 304),
            ("\"else\"".to_owned(), 200),
            ("\"1.00000000-m\"".to_owned(), 200),
        ] {
            for method in ["GET", "HEAD"] {
                let ask = Ask::new(method, path).header("If-None-Match", value.clone());
                let answer = server.ask(&ask);
                assert_eq!(answer.status, status, "{method} {path} {value}");
                assert_eq!(answer.etag(), tag);
                assert!(status == 200 || answer.body.is_empty());
            }
        }
    }
}

#[test]
fn refuses_writes_whose_condition_fails_and_changes_nothing() {
    let server = Server::in_memory(&[]);
    let stale = server.put(DOCUMENT, "1").expect(201).etag();
    server.put(DOCUMENT, "2").expect(200);
    let position = server.position();
    for ask in [
        put(DOCUMENT, "3").header("If-Match", stale.clone()),
        put(DOCUMENT, "3").header("If-Match", "\"else\""),
        put(DOCUMENT, "3").header("If-Match", format!("W/{}", server.get(DOCUMENT).etag())),
        put(DOCUMENT, "3").header("If-None-Match", "*"),
        put(DOCUMENT, "3").header("If-None-Match", server.get(DOCUMENT).etag()),
        put("/api/configs/app/entries/second", "3").header("If-Match", "*"),
        Ask::new("DELETE", DOCUMENT).header("If-Match", stale.clone()),
        Ask::json("PATCH", DETAILS, r#"{"name":"n"}"#).header("If-Match", stale.clone()),
        Ask::json("POST", DOCUMENT, "3").header("If-Match", stale),
    ] {
        server.ask(&ask).refused(412, "precondition_failed");
    }
    for ask in [
        put(DOCUMENT, "3").header("If-Match", "unquoted"),
        put(DOCUMENT, "3").header("If-Match", "\"open"),
        put(DOCUMENT, "3").header("If-None-Match", "*, \"a\""),
        Ask::get(DOCUMENT).header("If-None-Match", "\"a\" \"b\""),
    ] {
        server.ask(&ask).refused(400, "header_error");
    }
    assert_eq!(server.position(), position);
    assert_eq!(server.get(DOCUMENT).expect(200).body, b"2");
}

#[test]
fn lets_writes_pass_whose_condition_holds() {
    let server = Server::in_memory(&[]);
    server.ask(&put(DOCUMENT, "1").header("If-None-Match", "*")).expect(201);
    let tag = server.get(DOCUMENT).etag();
    let second = server.ask(&put(DOCUMENT, "2").header("If-Match", tag.clone())).expect(200);
    assert_ne!(second.etag(), tag);
    assert_eq!(server.get(DOCUMENT).etag(), second.etag());
    let details = server.get(DETAILS).etag();
    let named = Ask::json("PATCH", DETAILS, r#"{"name":"n"}"#).header("If-Match", details.clone());
    server.ask(&named).expect(200);
    server.ask(&named).refused(412, "precondition_failed");
    server.ask(&put(DOCUMENT, "3").header("If-Match", "*")).expect(200);
    let tag = server.get(DOCUMENT).etag();
    server
        .ask(&Ask::new("DELETE", DOCUMENT).header("If-Match", format!("\"x\", {tag}")))
        .expect(204);
    // The name is free, and what was seen of the old one doesn't name the new one.
    server.put(DOCUMENT, "3").expect(201);
    server.ask(&put(DOCUMENT, "4").header("If-Match", tag)).refused(412, "precondition_failed");
}

#[test]
fn checks_epochs_where_they_are_sent() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    server.put(DOCUMENT, "2").expect(200);
    let position = server.position();
    for ask in [
        Ask::json("PATCH", DETAILS, r#"{"name":"n","epoch":1}"#),
        put(DOCUMENT, "3").header("xRegistry-epoch", "1"),
        Ask::new("DELETE", format!("{DOCUMENT}/versions/1?epoch=1")),
        Ask::json("DELETE", "/api/configs", r#"{"app":{"epoch":7}}"#),
    ] {
        server.ask(&ask).refused(400, "mismatched_epoch");
    }
    for ask in [
        Ask::json("PATCH", DETAILS, r#"{"name":"n","epoch":"two"}"#),
        Ask::json("PATCH", DETAILS, r#"{"name":"n","epoch":-1}"#),
        Ask::json("PATCH", DETAILS, r#"{"name":"n","epoch":2.5}"#),
    ] {
        server.ask(&ask).refused(400, "invalid_attribute");
    }
    assert_eq!(server.position(), position);
    server.ask(&Ask::json("PATCH", DETAILS, r#"{"name":"n","epoch":2}"#)).expect(200);
    server.ask(&put(DOCUMENT, "3").header("xRegistry-epoch", "3")).expect(200);
    server.delete(&format!("{DOCUMENT}/versions/1?epoch=4")).expect(204);
}
