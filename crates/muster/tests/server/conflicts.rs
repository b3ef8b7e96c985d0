//! Conflicts from the command line: many of them, what a program is told, and how each command ends.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Server, run};

/// What another registry sends, of which nothing was known here: one state for each document.
fn send(server: &Server, peer: &str, ids: impl Iterator<Item = String>) {
    let registry = server.get("/status").expect(200).json()["registry"].clone();
    let documents: Vec<Value> = ids
        .map(|id| {
            json!({
                "xid": format!("/configs/app/entries/{id}"), "vector": {peer: 5},
                "contenttype": "application/json", "text": "{\"n\":2}",
                "origin": {"registry": peer, "position": 5, "time": "2026-01-01T00:00:00Z"},
            })
        })
        .collect();
    for some in documents.chunks(100) {
        let sent = json!({
            "sync": "s", "source": peer, "target": registry, "policy": "manual",
            "documents": some,
        });
        let answer = server.post("/sync", sent.to_string()).expect(200).json();
        for one in answer["documents"].as_array().unwrap() {
            assert_eq!(one["outcome"], "conflict", "{one}");
        }
    }
}

/// A server with a conflict about each of these documents.
fn undecided(ids: &[&str]) -> Server {
    let server = Server::in_memory(&[]);
    for id in ids {
        server.put(&format!("/api/configs/app/entries/{id}"), r#"{"n":1}"#).expect(201);
    }
    send(&server, "peer", ids.iter().map(|id| (*id).to_owned()));
    server
}

#[test]
fn each_conflict_is_found_by_its_name_however_many_there_are() {
    const COUNT: usize = 1_005;
    let folder = TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    let ids = || (0..COUNT).map(|at| format!("d{at:04}"));
    let documents: Vec<Value> = ids()
        .map(|id| json!({"xid": format!("/configs/app/entries/{id}"), "text": "{\"n\":1}"}))
        .collect();
    for some in documents.chunks(500) {
        server.post("/apply", json!({ "documents": some }).to_string()).expect(200);
    }
    send(&server, "peer", ids());
    let url = server.url("127.0.0.1");
    let ask =
        |words: &[&str]| run(folder.path(), &[&["conflicts"], words, &["--server", &url]].concat());
    let listed = ask(&["list"]).expect(0);
    assert!(listed.err.contains("and 5 more"), "{}", listed.err);
    let value: Value =
        serde_json::from_str(&ask(&["list", "--output", "json"]).expect(0).out).unwrap();
    assert_eq!(value["left_out"], 5);
    let shown = |id: &str| format!("configs/app/entries/{id}");
    // The last one is among them.
    for id in ids().step_by(251) {
        let about = ask(&["show", &shown(&id), "--output", "json"]).expect(0);
        let document: Value = serde_json::from_str(&about.out).unwrap();
        assert_eq!(document["document"], format!("/{}", shown(&id)));
        ask(&["resolve", &shown(&id), "--take", "ours"]).expect(0);
    }
}

#[test]
fn a_program_is_told_everything_about_a_conflict_but_what_the_documents_say() {
    let folder = TempDir::new().unwrap();
    let server = undecided(&["a"]);
    let url = server.url("127.0.0.1");
    let words = ["conflicts", "list", "--server", &url, "--output", "json"];
    let listed: Value = serde_json::from_str(&run(folder.path(), &words).expect(0).out).unwrap();
    let one = &listed["conflicts"][0];
    for (pointer, expect) in [
        ("/document", json!("/configs/app/entries/a")),
        ("/peer", json!("peer")),
        ("/policy", json!("manual")),
        ("/differences", json!(1)),
        ("/ours/origin/position", json!(2)),
        ("/ours/state", json!("stable")),
        ("/theirs/origin/time", json!("2026-01-01T00:00:00Z")),
        ("/theirs/vector/peer", json!(5)),
    ] {
        assert_eq!(one.pointer(pointer), Some(&expect), "{pointer}: {one}");
    }
    let since = one["since"].as_str().unwrap();
    assert!(since > "2026-01-01", "{one}");
    assert!(one["theirs"].get("text").is_none(), "{one}");
    let table = run(folder.path(), &words[..4]).expect(0).out;
    assert!(table.starts_with("DOCUMENT") && table.contains(since), "{table}");
}

#[test]
fn the_commands_about_conflicts_end_as_their_help_says() {
    let folder = TempDir::new().unwrap();
    let server = undecided(&["a", "b"]);
    // About one of them there is a conflict with a second registry, too.
    send(&server, "other", std::iter::once("b".to_owned()));
    let url = server.url("127.0.0.1");
    let first = "configs/app/entries/a";
    let ask = |words: &[&str], code: i32| {
        run(folder.path(), &[&["conflicts"], words, &["--server", &url]].concat()).expect(code)
    };
    let nothing = "configs/app/entries/none";
    for words in [&["show", nothing][..], &["resolve", nothing, "--take", "ours"]] {
        let refused = ask(words, 1);
        assert!(refused.err.contains("[not_found]"), "{}", refused.err);
    }
    let several = ask(&["show", "configs/app/entries/b"], 2);
    assert!(several.err.contains("name one of conflicts/"), "{}", several.err);
    let named = several.err.split_once("name one of ").unwrap().1.split(',').next().unwrap();
    ask(&["show", named.trim()], 0);
    ask(&["resolve", first, "--take", "nothing.json"], 1);
    server.put("/api/configs/app/entries/a", r#"{"n":3}"#).expect(200);
    let refused = ask(&["resolve", first, "--take", "theirs"], 1);
    assert!(refused.err.contains("[precondition_failed]"), "{}", refused.err);
    ask(&["resolve", first, "--take", "theirs"], 0);
    ask(&["resolve", first, "--take", "theirs"], 1);
    ask(&["list"], 0);
    let help = run(folder.path(), &["conflicts", "resolve", "--help"]).expect(0).out;
    assert!(help.contains("Exit codes: 0 done"), "{help}");
}

#[test]
fn a_decision_is_a_new_version_here_whichever_side_it_takes() {
    let folder = TempDir::new().unwrap();
    let ids = ["ours", "theirs", "file"];
    let server = undecided(&ids);
    let url = server.url("127.0.0.1");
    std::fs::write(folder.path().join("merged.json"), r#"{"n":3}"#).unwrap();
    for (id, take, says) in
        [("ours", "ours", 1), ("theirs", "theirs", 2), ("file", "--take=~/merged.json", 3)]
    {
        let document = format!("configs/app/entries/{id}");
        let take = if take.starts_with("--") { vec![take] } else { vec!["--take", take] };
        let words = [&["conflicts", "resolve", &document, "--server", &url][..], &take].concat();
        run(folder.path(), &words).expect(0);
        let versions = server.get(&format!("/api/{document}/versions")).expect(200).json();
        assert_eq!(versions.as_object().unwrap().len(), 2, "{id}: {versions}");
        let newest = server.get(&format!("/api/{document}")).expect(200).json();
        assert_eq!(newest["n"], says, "{id}");
    }
}
