//! The doors beside `/api`: restore, the log, the changes, keys, the status and the ledger.

use std::time::Instant;

use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{PATIENCE, Server, run},
};

const DOCUMENT: &str = "/api/configs/app/entries/first";

fn restore(server: &Server, xid: &str) -> crate::client::Answer {
    server.ask(&Ask::new("POST", format!("/restore/{xid}")))
}

#[test]
fn restores_what_was_hidden_last_and_nothing_that_was_erased() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    server.put(DOCUMENT, "2").expect(200);
    let xid = "configs/app/entries/first";
    restore(&server, xid).expect_refusal();
    server.delete(DOCUMENT).expect(204);
    restore(&server, xid).expect(200);
    let back = server.get(DOCUMENT).expect(200);
    assert_eq!(back.text(), "2");
    let epoch: u64 = back.header("xregistry-epoch").unwrap().parse().unwrap();
    assert!(epoch > 2, "epochs count on");
    // A group comes back with all that lay in it.
    server.put("/api/configs/app/entries/second", "3").expect(201);
    server.delete("/api/configs/app").expect(204);
    restore(&server, xid).expect_refusal();
    restore(&server, "configs/app").expect(200);
    assert_eq!(server.get("/api/configs/app/entries/second").expect(200).text(), "3");
    // A name that was taken meanwhile stays with who has it.
    server.delete(DOCUMENT).expect(204);
    server.put(DOCUMENT, "4").expect(201);
    let position = server.position();
    restore(&server, xid).expect_refusal();
    assert_eq!((server.position(), server.get(DOCUMENT).text()), (position, "4"));
    server.delete(&format!("{DOCUMENT}?purge"));
    restore(&server, xid).expect_refusal();
    for wrong in ["configs", "configs/app/entries", "a/b/c/d/e/f/g", "..%2f..", "%00"] {
        restore(&server, wrong).expect_refusal();
    }
}

impl crate::client::Answer {
    /// Fails the test unless it is refused, by whatever code.
    #[track_caller]
    fn expect_refusal(self) {
        assert!((400..500).contains(&self.status) && !self.code().is_empty(), "{self:?}");
    }
}

#[test]
fn restores_only_what_would_be_accepted_now() {
    let server = Server::in_memory(&["--demo"]);
    let path = "/api/stacks/templates/entries/hugo_template";
    server.delete(path).expect(204);
    server.delete("/api/providers/ssg/entries/hugo?force").expect(204);
    let position = server.position();
    let refused = restore(&server, "stacks/templates/entries/hugo_template");
    let refused = refused.refused(422, "invalid_document").json();
    assert!(refused["violations"].to_string().contains("/providers/ssg/entries/hugo"), "{refused}");
    assert_eq!(server.position(), position);
    restore(&server, "providers/ssg/entries/hugo").expect(200);
    restore(&server, "stacks/templates/entries/hugo_template").expect(200);
    server.get(path).expect(200);
}

/// The ids of a stream's events, up to the one with that id. What has no data is no event.
fn events(client: &mut Client, last: &str) -> Vec<String> {
    let text = client.read_until(&format!("id: {last}\n"));
    let mut ids = Vec::new();
    for block in text.split_once("\r\n\r\n").unwrap().1.split("\n\n") {
        let line = |name| block.lines().find_map(|line| line.strip_prefix(name));
        // The last one may still be on its way.
        if let Some(id) = line("id: ").filter(|id| *id == last || line("data: ").is_some()) {
            ids.push(id.to_owned());
        }
    }
    ids
}

#[test]
fn streams_changes_in_order_and_resumes_where_it_was() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    let start = server.position();
    let mut live = Client::connect(server.address);
    live.send_what_it_takes(&Ask::get(format!("/changes?after={start}")).bytes());
    live.read_until("\r\n\r\n");
    let mut last = 0;
    for number in 1..30 {
        last = server.put(DOCUMENT, number.to_string()).expect(200).position();
    }
    let last = format!("{last}.1");
    let seen = events(&mut live, &last);
    let positions: Vec<u64> =
        seen.iter().map(|id| id.split('.').next().unwrap().parse().unwrap()).collect();
    assert!(positions.is_sorted(), "{seen:?}");
    let expect: Vec<u64> = (start + 1..=start + 29).collect();
    let mut distinct = positions.clone();
    distinct.dedup();
    assert_eq!(distinct, expect, "nothing is missed");
    // Who was cut off goes on behind what it saw, by either way of saying so.
    for ask in [
        Ask::get(format!("/changes?after={}", seen[9])),
        Ask::get("/changes").header("Last-Event-ID", seen[9].clone()),
    ] {
        let mut again = Client::connect(server.address);
        again.send_what_it_takes(&ask.bytes());
        assert_eq!(events(&mut again, &last), seen[10..]);
    }
    for wrong in ["x", "-1", "99999999999999999999", "1.x", "999999"] {
        server.get(&format!("/changes?after={wrong}")).refused(400, "bad_position");
    }
}

#[test]
fn ends_streams_at_once_when_it_is_told_to_stop() {
    let server = Server::in_memory(&[]);
    let mut streams: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(server.address);
            client.send_what_it_takes(&Ask::get("/changes").bytes());
            client.read_until("\r\n\r\n");
            client
        })
        .collect();
    let began = Instant::now();
    assert!(server.stop().0.success());
    assert!(began.elapsed() < PATIENCE / 6, "{:?}", began.elapsed());
    for stream in &mut streams {
        stream.rest();
    }
}

#[test]
fn tells_who_changed_what() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "{\"a\":1}").expect(201);
    server.put(DOCUMENT, "{\"a\":2}").expect(200);
    server.delete(DOCUMENT).expect(204);
    for path in ["/log", "/log/configs/app/entries/first", "/log/configs/app"] {
        let text = server.get(path).expect(200).text().to_owned();
        assert!(text.contains("/configs/app/entries/first"), "{path}: {text}");
    }
    server.get("/log/configs/none").refused(404, "not_found");
    server.get("/log?limit=x").expect_refusal();
    let status = server.get("/status").expect(200).json();
    assert_eq!((&status["documents"], &status["hidden"]), (&json!(0), &json!(1)));
    assert_eq!(status["position"], server.position());
    let metrics = server.get("/metrics").expect(200).text().to_owned();
    let position = format!("muster_ledger_position {}", server.position());
    assert!(metrics.contains(&position), "{metrics}");
}

#[test]
fn asks_for_a_key_once_there_is_one() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let server = Server::on(&data, &[]);
    server.put(DOCUMENT, "1").expect(201);
    let mut kept = Client::connect(server.address);
    for _ in 0..3 {
        kept.ask(&Ask::get(DOCUMENT)).expect(200);
    }
    let made = server.ask(&Ask::json("POST", "/keys", r#"{"role":"admin"}"#));
    assert!(matches!(made.status, 200 | 201), "{made:?}");
    let made = made.json();
    let key = made["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("muster_"), "{made}");
    kept.ask(&Ask::get(DOCUMENT)).refused(401, "key_required");
    let with = |ask: Ask, key: &str| ask.header("Authorization", format!("Bearer {key}"));
    for path in [DOCUMENT, "/api", "/log", "/changes", "/status", "/keys", "/metrics"] {
        server.get(path).refused(401, "key_required");
        let wrong = format!("{}x", &key[..key.len() - 1]);
        server.ask(&with(Ask::get(path), &wrong)).refused(401, "key_unknown");
    }
    server.get("/health/ready").expect(200);
    for _ in 0..3 {
        server.ask(&with(Ask::get(DOCUMENT), &key)).expect(200);
        server.get(DOCUMENT).refused(401, "key_required");
    }
    server.ask(&Ask::json("POST", "/keys", r#"{"role":"admin"}"#)).refused(401, "key_required");
    let reader = with(Ask::json("POST", "/keys", r#"{"role":"reader"}"#), &key);
    server.ask(&reader).refused(400, "role_unknown");
    // With keys it answers under any name.
    server.ask(&with(Ask::get(DOCUMENT), &key).header("Host", "registry.example")).expect(200);
    let listed = server.ask(&with(Ask::get("/keys"), &key)).expect(200).text().to_owned();
    assert!(!listed.contains(key.rsplit('_').next().unwrap()), "a secret is shown twice");
    let (_, log) = server.stop();
    assert!(!log.contains(key.rsplit('_').next().unwrap()), "a secret is in the log");
    let server = Server::on(&data, &[]);
    server.get(DOCUMENT).refused(401, "key_required");
    let id = made["id"].as_str().unwrap();
    server.ask(&with(Ask::new("DELETE", format!("/keys/{id}")), &key)).expect(204);
    server.get(DOCUMENT).expect(200);
}

#[test]
fn does_not_listen_to_others_without_a_key() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let flags = ["--listen", "0.0.0.0:0"];
    for place in [&["--memory"] as &[&str], &["--data", data.to_str().unwrap()]] {
        let scratch = TempDir::new().unwrap();
        let ran = run(scratch.path(), &[&["serve"], place, &flags].concat()).expect(1);
        assert!(ran.err.contains("key_required"), "{ran:#?}");
    }
    // It leaves nothing; what the message says works.
    let place = data.to_str().unwrap();
    assert!(!data.exists());
    let refused =
        run(folder.path(), &["serve", "--listen", "0.0.0.0:0", "--data", place]).expect(1);
    for command in ["init", "keys create --role admin"] {
        let said = format!("muster {command} --data {place}");
        assert!(refused.err.contains(&said), "{said}: {refused:#?}");
        let words: Vec<&str> = command.split(' ').chain(["--data", place]).collect();
        run(folder.path(), &words).expect(0);
    }
}

#[test]
fn verifies_its_ledger_while_it_runs_and_names_what_was_changed() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let place = data.to_str().unwrap().to_owned();
    let server = Server::on(&data, &["--demo"]);
    let url = format!("http://{}", server.address);
    let verified = run(folder.path(), &["ledger", "verify", "--server", &url]).expect(0);
    assert!(verified.out.contains("agree"), "{verified:#?}");
    // The checkpoint is of what was verified, however new that is.
    for _ in 0..3 {
        server.put("/api/configs/app/entries/new", "1");
        let verified = run(folder.path(), &["ledger", "verify", "--server", &url]).expect(0);
        let position = server.position();
        assert!(verified.out.starts_with(&format!("{position} entries")), "{verified:#?}");
        let covered = format!("; checkpoint of {position} signed by ");
        assert!(verified.out.contains(&covered), "{verified:#?}");
    }
    // The directory is the server's.
    let refused = run(folder.path(), &["get", "providers/cms/entries/sanity", "--data", &place]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains(&url), "{refused:#?}");
    assert!(server.stop().0.success());
    run(folder.path(), &["ledger", "verify", "--data", &place]).expect(0);
    run(folder.path(), &["get", "providers/cms/entries/sanity", "--data", &place]).expect(0);
    // Somebody changes one word of one document.
    let file = data.join("changes.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let word = b"Sanity CMS";
    let at = bytes.windows(word.len()).position(|window| window == word).unwrap();
    bytes[at] = b'V';
    std::fs::write(&file, bytes).unwrap();
    let broken = run(folder.path(), &["ledger", "verify", "--data", &place]).expect(3);
    assert!(broken.err.contains("position "), "{broken:#?}");
}

#[test]
fn the_index_leads_to_every_door() {
    let server = Server::in_memory(&[]);
    let index = server.get("/").expect(200).json();
    assert_eq!(index["server"], "muster");
    let base = "http://localhost";
    assert_eq!(index["description"], format!("{base}/openapi.json"));
    let doors = index["doors"].as_array().unwrap();
    let reads = doors.iter().filter(|door| {
        let is_read = door["methods"].as_array().unwrap().contains(&json!("GET"));
        is_read && !door["url"].as_str().unwrap().contains('{')
    });
    let mut count = 0;
    for door in reads {
        let path = door["url"].as_str().unwrap().strip_prefix(base).unwrap();
        // A stream goes on for ever, and its head says that it is there. In memory nothing is signed.
        let answer = match path {
            "/changes" | "/events" | "/providers/events" => server.ask(&Ask::new("HEAD", path)),
            _ => server.get(path),
        };
        let expect = match path {
            "/ledger/checkpoint" | "/tlog/checkpoint" | "/backup" => 404,
            // They need to be told what to prove.
            "/ledger/proofs/inclusion" | "/ledger/proofs/consistency" => 400,
            _ => 200,
        };
        assert_eq!(answer.status, expect, "{path}: {answer:?}");
        count += 1;
    }
    assert!(count > 10, "{count}");
    // The registry itself says as well where its description is.
    let api = server.get("/api").expect(200);
    let link = format!("<{base}/openapi.json>;rel=service-desc");
    assert!(api.headers.contains(&("link".to_owned(), link)), "{api:?}");
}

#[test]
fn a_misspelt_parameter_gets_the_nearest_name() {
    let server = Server::in_memory(&[]);
    for (path, said) in [
        ("/log?befor=3", "Did you mean \\\"before\\\"?"),
        ("/validate?aftr=3", "Did you mean \\\"after\\\"?"),
        ("/keys?al", "Did you mean \\\"all\\\"?"),
        ("/status?verbose=true", "There are no query parameters here."),
        ("/metrics?name=a", "There are no query parameters here."),
        ("/openapi.json?format=yaml", "There are no query parameters here."),
        ("/?a", "There are no query parameters here."),
    ] {
        let refused = server.get(path).refused(400, "bad_flag");
        assert!(refused.text().contains(said), "{path}: {}", refused.text());
    }
    server.get("/api?whatever=1").expect(200);
    server.get("/health/live?t=1").expect(200);
}
