//! Entities over HTTP: what is put is there, what isn't is said to be missing.

use serde_json::json;

use crate::{client::Ask, harness::Server};

const DOCUMENT: &str = "/api/configs/app/entries/first";

#[test]
fn keeps_documents_byte_for_byte() {
    let server = Server::in_memory(&[]);
    let all_bytes: Vec<u8> = (0..=255).collect();
    for (id, kind, body) in [
        (
            "digits",
            "application/json",
            br#"{"n": 9007199254740993, "m": 1.10, "e": 1E400}"# as &[u8],
        ),
        (
            "nested",
            "application/json",
            br#" {"a" : {"b":null,"C":[null, {"d":null}]}, "A":1}
"#,
        ),
        ("unicode", "application/json", "{\"ключ\": \"\\u00e9\u{e9}\u{1F600}\"}".as_bytes()),
        ("order", "application/json", br#"{"z":1,"a":2,"m":3}"#),
        ("scalar", "application/json", b"3"),
        ("bytes", "application/octet-stream", &all_bytes),
        ("empty-text", "text/plain", b""),
        ("yaml", "application/yaml", b"a: [1, 2\n"),
    ] {
        let path = format!("/api/configs/app/entries/{id}");
        let put = Ask::new("PUT", &path).header("Content-Type", kind).body(body);
        let made = server.ask(&put).expect(201);
        assert!(made.header("location").unwrap().ends_with(&path), "{made:?}");
        assert_eq!(made.body, body, "{id}");
        for path in [path.clone(), format!("{path}/versions/1")] {
            let got = server.get(&path).expect(200);
            assert_eq!((got.body.as_slice(), got.header("content-type")), (body, Some(kind)));
            let head = server.ask(&Ask::new("HEAD", &path)).expect(200);
            assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
            assert_eq!(head.header("etag"), got.header("etag"));
        }
    }
}

#[test]
fn makes_parents_on_the_way_and_counts_what_they_hold() {
    let server = Server::in_memory(&["--registry-id", "here"]);
    let root = server.get("/api").expect(200).json();
    assert_eq!((&root["registryid"], &root["xid"]), (&json!("here"), &json!("/")));
    assert_eq!(root["configscount"], 0);
    let first = server.put(DOCUMENT, "{}").expect(201);
    assert_eq!(first.header("xregistry-versionid"), Some("1"));
    assert_eq!(first.header("xregistry-epoch"), Some("1"));
    for (path, field, expect) in [
        ("/api", "configscount", 1),
        ("/api/configs/app", "entriescount", 1),
        ("/api/configs/app", "epoch", 1),
        ("/api/configs/app/entries/first$details", "versionscount", 1),
    ] {
        assert_eq!(server.get(path).expect(200).json()[field], expect, "{path} {field}");
    }
    server.put("/api/configs/app/entries/second", "{}").expect(201);
    let group = server.get("/api/configs/app").expect(200).json();
    assert_eq!((&group["entriescount"], &group["epoch"]), (&json!(2), &json!(2)));
    let all = server.get("/api/configs/app/entries").expect(200).json();
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["first", "second"]);
}

#[test]
fn counts_epochs_up_and_makes_versions() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    let again = server.put(DOCUMENT, "2").expect(200);
    assert_eq!(again.header("xregistry-epoch"), Some("2"));
    assert_eq!(again.header("xregistry-versionid"), Some("1"));
    let second = server.post(DOCUMENT, "3").expect(201);
    assert_eq!(second.header("xregistry-versionid"), Some("2"));
    assert!(second.header("content-location").unwrap().ends_with("/versions/2"));
    assert_eq!(server.get(DOCUMENT).expect(200).body, b"3");
    let meta = server.get(&format!("{DOCUMENT}/meta")).expect(200).json();
    assert_eq!(meta["defaultversionid"], "2");
    // Pinned, the older one stays the default when a third comes.
    server
        .patch(
            &format!("{DOCUMENT}/meta"),
            r#"{"defaultversionid":"1","defaultversionsticky":true}"#,
        )
        .expect(200);
    server.post(DOCUMENT, "4").expect(201);
    assert_eq!(server.get(DOCUMENT).expect(200).body, b"2");
    // Without it, answers are the newest again.
    server.patch(&format!("{DOCUMENT}/meta"), r#"{"defaultversionsticky":null}"#).expect(200);
    assert_eq!(server.get(DOCUMENT).expect(200).body, b"4");
    server.delete(&format!("{DOCUMENT}/versions/3")).expect(204);
    assert_eq!(server.get(DOCUMENT).expect(200).body, b"3");
}

#[test]
fn changes_attributes_without_the_document() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "\"kept\"").expect(201);
    let details = format!("{DOCUMENT}$details");
    let patched = server.patch(&details, r#"{"name":"First","labels":{"team":"web"}}"#).expect(200);
    assert_eq!(patched.json()["labels"], json!({"team": "web"}));
    server.patch(&details, r#"{"labels":{"tier":"1"}}"#).expect(200);
    let now = server.get(&details).expect(200).json();
    assert_eq!((&now["name"], &now["labels"]), (&json!("First"), &json!({"tier": "1"})));
    let got = server.get(DOCUMENT).expect(200);
    assert_eq!(
        (got.body.as_slice(), got.header("xregistry-labels.tier")),
        (b"\"kept\"" as &[u8], Some("1"))
    );
    server.patch(&details, r#"{"name":null}"#).expect(200);
    assert!(server.get(&details).expect(200).json().get("name").is_none());
}

#[test]
fn hides_what_is_deleted_and_erases_what_is_purged() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    server.delete(DOCUMENT).expect(204);
    for path in [
        DOCUMENT,
        "/api/configs/app/entries/first$details",
        "/api/configs/app/entries/first/versions/1",
    ] {
        server.get(path).refused(404, "not_found");
    }
    server.delete(DOCUMENT).refused(404, "not_found");
    let hidden = server.get("/api/configs/app/entries?deleted").expect(200).json();
    assert_eq!(hidden["first"]["xid"], "/configs/app/entries/first");
    // The name is free at once.
    let anew = server.put(DOCUMENT, "2").expect(201);
    assert_eq!(anew.header("xregistry-epoch"), Some("1"));
    let purged = server.delete(&format!("{DOCUMENT}?purge"));
    assert!(matches!(purged.status, 200 | 204), "{purged:?}");
    assert_eq!(server.get(DOCUMENT).status, 404);
    assert_eq!(server.get("/api/configs/app/entries?deleted").expect(200).json(), json!({}));
    // A hidden name can be purged too.
    server.put(DOCUMENT, "3").expect(201);
    server.delete(DOCUMENT).expect(204);
    let purged = server.delete(&format!("{DOCUMENT}?purge"));
    assert!(matches!(purged.status, 200 | 204), "{purged:?}");
    assert_eq!(server.get("/api/configs/app/entries?deleted").expect(200).json(), json!({}));
}

#[test]
fn names_what_is_unknown() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    let position = server.position();
    for (method, path, body, status, code) in [
        ("GET", "/api/nothing", "", 404, "not_found"),
        ("GET", "/api/configs/other", "", 404, "not_found"),
        ("GET", "/api/configs/other/entries", "", 404, "not_found"),
        ("GET", "/api/configs/app/nothing", "", 404, "not_found"),
        ("GET", "/api/configs/app/entries/other", "", 404, "not_found"),
        ("GET", "/api/configs/app/entries/First", "", 404, "not_found"),
        ("GET", "/api/configs/app/entries/first/versions/9", "", 404, "not_found"),
        ("GET", "/api/configs/app/entries/first/nothing", "", 404, "not_found"),
        ("GET", "/api/model/more", "", 404, "api_not_found"),
        ("GET", "/nothing", "", 404, "api_not_found"),
        ("PUT", "/api/nothing/a/entries/b", "1", 404, "not_found"),
        ("PUT", "/api/configs/app/nothing/b", "1", 404, "not_found"),
        ("PUT", "/api/configs", "{}", 405, "action_not_supported"),
        ("DELETE", "/api", "", 405, "action_not_supported"),
        ("DELETE", "/api/configs/app/entries/first/meta", "", 405, "action_not_supported"),
        ("PATCH", "/api/configs/app/entries/first", "{}", 405, "details_required"),
        ("BREW", "/api/configs/app/entries/first", "", 405, "action_not_supported"),
        ("PUT", "/api/configs/app/entries/FIRST", "1", 400, "mismatched_id"),
        ("PATCH", "/api/configs/app", r#"{"nothing":1}"#, 400, "unknown_attribute"),
        ("PATCH", "/api/configs/app", r#"{"name":1}"#, 400, "invalid_attribute"),
        ("PATCH", "/api/configs/app", r#"{"epoch":99}"#, 400, "mismatched_epoch"),
        ("PATCH", "/api/configs/app", r#"{"configid":"b"}"#, 400, "mismatched_id"),
        ("GET", "/api/configs/app/entries?at=99999", "", 400, "bad_position"),
        ("PUT", "/api/configs/app/entries/x?at=1", "1", 400, "bad_flag"),
        ("GET", "/api/configs/app/entries?sort=a=b", "", 400, "bad_sort"),
        ("GET", "/api/configs/app?sort=name", "", 400, "sort_noncollection"),
        ("GET", "/api/configs/app/entries?filter=a..b", "", 400, "bad_filter"),
        ("GET", "/api/configs/app?inline=nothing", "", 400, "inline_noninlineable"),
        ("GET", "/api/configs?specversion=9.9", "", 400, "unsupported_specversion"),
        ("GET", "/api/configs?limit=0", "", 400, "bad_flag"),
        ("GET", "/api/configs/app?purge", "", 400, "bad_flag"),
        ("PUT", "/api/configs/app/entries/first/versions/null", "1", 400, "invalid_attribute"),
    ] {
        let ask = match body {
            "" => Ask::new(method, path),
            body => Ask::json(method, path, body),
        };
        let answer = server.ask(&ask);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}");
        answer.refused(status, code);
    }
    assert_eq!(server.position(), position);
    // What nobody knows of a query isn't in the way.
    server.get("/api/configs?whatever=1").expect(200);
}

#[test]
fn keeps_everything_over_a_restart() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let server = Server::on(&data, &["--registry-id", "kept"]);
    server.put(DOCUMENT, "{\"kept\": true}").expect(201);
    server.patch("/api/configs/app", r#"{"name":"Application"}"#).expect(200);
    server.delete("/api/configs/app/entries/first").expect(204);
    server.put("/api/configs/app/entries/second", "[1]").expect(201);
    let before: Vec<_> = ["/api?inline", "/api/model", "/api/configs/app/entries?deleted"]
        .map(|path| server.get(path).expect(200))
        .into();
    let etag = server.get("/api/configs/app/entries/second").etag();
    let (status, log) = server.stop();
    assert!(status.success() && !log.contains("ERROR"), "{log}");
    assert!(!data.join("changes.db-wal").exists(), "a log is left after a clean stop");

    let server = Server::on(&data, &[]);
    assert!(!server.greeting.contains("(new)"), "{}", server.greeting);
    for (path, before) in
        ["/api?inline", "/api/model", "/api/configs/app/entries?deleted"].iter().zip(before)
    {
        let now = server.get(path).expect(200);
        assert_eq!(now.position(), before.position());
        let without_port = |text: &str| {
            let text = text.to_owned();
            text.lines().filter(|line| !line.contains("http://")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(without_port(now.text()), without_port(before.text()), "{path}");
    }
    assert_eq!(server.get("/api/configs/app/entries/second").etag(), etag);
}

#[test]
fn refuses_a_directory_that_another_server_has_and_names_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let first = Server::on(&data, &[]);
    let (mut second, scratch) = crate::harness::spawn(&["--data", data.to_str().unwrap()], &[]);
    assert_eq!(crate::harness::ended(&mut second).code(), Some(1));
    let said = std::fs::read_to_string(scratch.path().join("log")).unwrap();
    assert!(said.contains(&format!("http://{}", first.address)), "{said}");
    drop(second);
    first.get("/health/ready").expect(200);
}
