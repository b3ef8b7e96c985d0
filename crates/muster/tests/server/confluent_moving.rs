//! Schemas that move between registries with Confluent's API: there and back, cut off in the middle,
//! and what a plan says about two that differ.

use std::{fmt::Write as _, path::Path, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, program, run},
};

fn ask(server: &Server, request: &'static str, body: &str) -> Value {
    let (method, path) = request.split_once(' ').unwrap();
    let mut ask = Ask::new(method, format!("/confluent{path}"));
    if !body.is_empty() {
        ask = ask.body(body).header("content-type", "application/json");
    }
    server.ask(&ask).expect(200).json()
}

/// What a registry exports.
fn exported(folder: &Path, server: &Server) -> String {
    let url = server.url("127.0.0.1");
    run(folder, &["export", "confluent", "--server", &url]).expect(0).out
}

/// Copies one registry to another; returns what was said.
fn import(folder: &Path, from: &Server, to: &Server, more: &[&str]) -> String {
    let (from, to) = (format!("{}/confluent", from.url("127.0.0.1")), to.url("127.0.0.1"));
    let words = ["import", "confluent", "--from", &from, "--server", &to];
    run(folder, &[&words, more].concat()).expect(0).out
}

/// A registry with everything that moves.
fn full() -> Server {
    let server = Server::in_memory(&[]);
    let record =
        r#"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"#;
    let referring =
        r#"{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}"#;
    let rules = json!({"domainRules": [{"name": "check", "kind": "CONDITION", "mode": "WRITE",
        "type": "CEL", "expr": "message.id > 0", "disabled": false}]});
    for (request, body) in [
        ("PUT /config", r#"{"compatibility": "FULL"}"#.to_owned()),
        ("PUT /config/r", r#"{"compatibility": "NONE", "normalize": true}"#.to_owned()),
        ("PUT /config/:.team:", r#"{"compatibility": "FORWARD"}"#.to_owned()),
        ("POST /subjects/r/versions", format!(r#"{{"schema": "{record}"}}"#)),
        ("POST /subjects/r/versions", format!(r#"{{"schema": "\"int\"", "ruleSet": {rules}}}"#)),
        (
            "POST /subjects/b/versions",
            format!(
                r#"{{"schema": "{referring}", "references": [{{"name": "R", "subject": "r", "version": 1}}],
                "metadata": {{"properties": {{"owner": "us"}}, "tags": {{"a": ["x"]}}}}}}"#
            ),
        ),
        ("POST /subjects/j/versions", r#"{"schemaType": "JSON", "schema": "{ \"type\":  \"object\" }"}"#.to_owned()),
        (
            "POST /subjects/p/versions",
            r#"{"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\"; message P { int32 a = 1; }"}"#.to_owned(),
        ),
        ("POST /subjects/gone/versions", r#"{"schema": "\"long\""}"#.to_owned()),
        ("POST /subjects/:.team:x%2Fy/versions", r#"{"schema": "\"string\""}"#.to_owned()),
        ("DELETE /subjects/gone", String::new()),
        ("DELETE /subjects/r/versions/2", String::new()),
        ("PUT /mode/p", r#"{"mode": "READONLY"}"#.to_owned()),
    ] {
        ask(&server, request, &body);
    }
    server
}

#[test]
fn what_moves_there_and_back_is_exported_byte_for_byte() {
    let folder = TempDir::new().unwrap();
    let (first, second, third) = (full(), Server::in_memory(&[]), Server::in_memory(&[]));
    import(folder.path(), &first, &second, &[]);
    import(folder.path(), &second, &third, &[]);
    let before = exported(folder.path(), &first);
    assert_eq!(before.lines().filter(|line| line.contains(r#""SCHEMA""#)).count(), 7, "{before}");
    assert_eq!(exported(folder.path(), &second), before);
    assert_eq!(exported(folder.path(), &third), before);
    // Back where it came from, nothing is left to do.
    let back = import(folder.path(), &third, &first, &[]);
    assert_eq!(back, "copied: 0 versions, 0 other steps; 7 unchanged\n");
    assert_eq!(exported(folder.path(), &first), before);
}

#[test]
fn an_export_that_is_only_tried_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = full();
    let url = server.url("127.0.0.1");
    let export = |more: &[&str], code: i32| {
        let words = ["export", "confluent", "--server", &url];
        run(folder.path(), &[&words[..], more].concat()).expect(code)
    };
    let tried = export(&["--to", "schemas.jsonl", "--dry-run"], 0).out;
    assert_eq!(tried, "would write 7 versions to schemas.jsonl\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let tried = export(&["--dry-run"], 0).out;
    assert_eq!(tried, "would write 7 versions to standard output\n");
    let tried = export(&["--to", "schemas.jsonl", "--dry-run", "--output", "json"], 0).out;
    let tried: Value = serde_json::from_str(&tried).unwrap();
    assert_eq!(tried, json!({"to": "schemas.jsonl", "versions": 7, "dry_run": true}));
    // The home is meant, as the shell means it where it sees it.
    assert_eq!(export(&["--to=~/schemas.jsonl"], 0).out, "wrote 7 versions to ~/schemas.jsonl\n");
    assert!(folder.path().join("schemas.jsonl").exists());
    // What the command itself would refuse, its trial refuses too.
    for more in [&["--to", "schemas.jsonl"][..], &["--to", "schemas.jsonl", "--dry-run"]] {
        let refused = export(more, 1);
        assert!(refused.err.contains("[file_exists]"), "{}", refused.err);
    }
}

#[test]
fn another_end_that_does_not_answer_is_named_with_the_flag_that_holds_it() {
    let folder = TempDir::new().unwrap();
    let server = full();
    let url = server.url("127.0.0.1");
    // Nobody listens there.
    let nobody = "http://127.0.0.1:9";
    let other = Server::in_memory(&[]);
    let page = format!("{}/console", other.url("127.0.0.1"));
    for (words, flag) in [(["import", "confluent"], "--from"), (["export", "confluent"], "--to")] {
        for (place, said, code) in [
            (nobody, "no server answers at http://127.0.0.1:9", "[no_server]"),
            ("http://no.such.host.invalid", "http://no.such.host.invalid", "[no_server]"),
            (&*page, "/console answers: it doesn't know Confluent's API", "[unexpected_answer]"),
        ] {
            let all = [&words[..], &[flag, place, "--server", &url]].concat();
            let refused = run(folder.path(), &all).expect(1).err;
            for part in [said, code, flag] {
                assert!(refused.contains(part), "{part}: {refused}");
            }
            assert!(!refused.contains("--server"), "{refused}");
        }
    }
    // Our own server is named by its own flag.
    let words = ["export", "confluent", "--server", nobody];
    assert!(run(folder.path(), &words).expect(1).err.contains("--server"));
}

#[test]
fn a_muster_is_found_also_where_only_its_address_is_given() {
    let folder = TempDir::new().unwrap();
    let (source, target) = (full(), Server::in_memory(&[]));
    let (from, to) = (source.url("127.0.0.1"), target.url("127.0.0.1"));
    let words = ["import", "confluent", "--from", &from, "--server", &to];
    let done = run(folder.path(), &words).expect(0).out;
    assert!(done.starts_with("copied: 7 versions"), "{done}");
    let words = ["export", "confluent", "--to", &to, "--server", &from];
    let done = run(folder.path(), &words).expect(0).out;
    assert_eq!(done, "copied: 0 versions, 0 other steps; 7 unchanged\n");
}

#[test]
fn a_plan_names_every_difference() {
    let folder = TempDir::new().unwrap();
    let (source, target) = (full(), Server::in_memory(&[]));
    import(folder.path(), &source, &target, &[]);
    for (server, request, body) in [
        // Deleted on one side only, each way.
        (&source, "DELETE /subjects/j", ""),
        (&target, "DELETE /subjects/:.team:x%2Fy", ""),
        // Only there, and only here.
        (&source, "POST /subjects/new/versions", r#"{"schema": "\"double\""}"#),
        (&target, "POST /subjects/own/versions", r#"{"schema": "\"float\""}"#),
        (&target, "PUT /config/own", r#"{"compatibility": "NONE"}"#),
        // Removed and changed at the source.
        (&source, "DELETE /config/r", ""),
        (&source, "DELETE /mode/p", ""),
        (&source, "PUT /config/b", r#"{"compatibility": "BACKWARD"}"#),
    ] {
        ask(server, request, body);
    }
    let plan = import(folder.path(), &source, &target, &["--dry-run"]);
    let expected = [
        "+ register new version 1 with id 7",
        "+ register :.team:x/y version 1 with id 1",
        "- delete j version 1",
        "~ set the configuration of b",
        "- remove the configuration of r",
        "- remove the mode of p",
        "= own version 1 is only here; it stays",
        "= the configuration of own is only here; it stays",
    ];
    for line in expected {
        assert!(plan.lines().any(|own| own == line), "{line}\nisn't in\n{plan}");
    }
    assert_eq!(plan.lines().count(), expected.len() + 1, "{plan}");
}

#[test]
fn a_plan_is_done_and_leaves_nothing_to_do() {
    let folder = TempDir::new().unwrap();
    let (source, target) = (full(), Server::in_memory(&[]));
    import(folder.path(), &source, &target, &[]);
    for (server, request, body) in [
        (&source, "DELETE /subjects/j", ""),
        (&target, "DELETE /subjects/:.team:x%2Fy", ""),
        (&source, "DELETE /config/r", ""),
        (&source, "DELETE /mode/p", ""),
    ] {
        ask(server, request, body);
    }
    import(folder.path(), &source, &target, &[]);
    let again = import(folder.path(), &source, &target, &[]);
    assert_eq!(again, "copied: 0 versions, 0 other steps; 7 unchanged\n");
    assert_eq!(exported(folder.path(), &target), exported(folder.path(), &source));
}

#[test]
fn an_import_that_is_cut_off_goes_on_when_it_is_run_again() {
    const COUNT: usize = 400;
    let folder = TempDir::new().unwrap();
    let mut dump = String::new();
    for id in 1..=COUNT {
        let text = json!({"type": "record", "name": format!("R{id}"), "fields": []}).to_string();
        let subject = format!("s{id}");
        let key = json!({"keytype": "SCHEMA", "magic": 1, "subject": subject, "version": 1});
        let value = json!({"subject": subject, "version": 1, "id": id, "schema": text, "ts": id,
            "deleted": false});
        writeln!(dump, "{}", json!({"key": key, "value": value})).unwrap();
    }
    let file = folder.path().join("dump.jsonl");
    std::fs::write(&file, dump).unwrap();
    let target = Server::in_memory(&[]);
    let url = target.url("127.0.0.1");
    let words = ["import", "confluent", "--from", file.to_str().unwrap(), "--server", &url];
    let mut running = program(folder.path())
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let count = || ask(&target, "GET /subjects", "").as_array().unwrap().len();
    while count() == 0 {}
    running.kill().unwrap();
    running.wait().unwrap();
    let left = COUNT - count();
    assert!(left > 0, "it was done before it could be cut off");
    let again = run(folder.path(), &words).expect(0).out;
    // The last request of the killed program may have been answered after the count. The mode in
    // which the import left everything is what it ends as well.
    let copied = again.strip_prefix("copied: ").and_then(|rest| rest.split_once(' ')).unwrap().0;
    let copied: usize = copied.parse().unwrap();
    assert!(copied == left || copied + 1 == left, "{left} were left: {again}");
    assert_eq!(count(), COUNT);
    assert_eq!(ask(&target, "GET /mode", "")["mode"], "READWRITE");
    assert_eq!(ask(&target, "GET /subjects/s7/versions/1", "")["ts"], 7);
}
