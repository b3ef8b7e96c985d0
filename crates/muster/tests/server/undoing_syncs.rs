//! A sync with another registry is undone by one command, and what was changed since stays.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Server, run};

/// Has another registry write a document.
fn sync(server: &Server, (id, name): (&str, &str), position: u64, text: Option<&str>) {
    let registry = server.get("/status").expect(200).json()["registry"].clone();
    let mut document = json!({
        "xid": format!("/configs/app/entries/{name}"), "vector": {"peer": position},
        "origin": {"registry": "peer", "position": position, "time": "2026-01-01T00:00:00Z"},
    });
    match text {
        None => document["deleted"] = true.into(),
        Some(text) => {
            document["contenttype"] = "application/json".into();
            document["text"] = text.into();
        }
    }
    let sent = json!({"sync": id, "source": "peer", "target": registry,
        "policy": "source-wins", "documents": [document]});
    let answer = server.post("/sync", sent.to_string()).expect(200).json();
    assert_eq!(answer["documents"][0]["outcome"], "taken", "{answer}");
}

fn says(server: &Server, name: &str) -> Option<Value> {
    let answer = server.get(&format!("/api/configs/app/entries/{name}"));
    (answer.status == 200).then(|| answer.json())
}

/// A server on which two syncs wrote documents, and the position between the commands of the first.
fn synced() -> (Server, u64) {
    let server = Server::in_memory(&[]);
    for name in ["twice", "edited", "deleted", "other", "untouched"] {
        server.put(&format!("/api/configs/app/entries/{name}"), "1").expect(201);
    }
    sync(&server, ("s1", "twice"), 5, Some("2"));
    sync(&server, ("s1", "edited"), 6, Some("2"));
    let between = server.position();
    sync(&server, ("s1", "twice"), 7, Some("3"));
    sync(&server, ("s1", "new"), 8, Some("3"));
    sync(&server, ("s1", "deleted"), 9, None);
    sync(&server, ("s2", "other"), 10, Some("2"));
    server.post("/api/configs/app/entries/edited", "4").expect(201);
    (server, between)
}

#[test]
fn what_a_sync_wrote_is_undone_and_what_was_changed_since_stays() {
    let folder = TempDir::new().unwrap();
    let (server, _) = synced();
    let url = server.url("127.0.0.1");
    let ask = |words: &[&str], code| {
        run(folder.path(), &[&["rollback"], words, &["--server", &url]].concat()).expect(code)
    };
    let before = server.position();
    let plan = ask(&["--sync", "s1", "--dry-run"], 0);
    assert!(plan.out.contains("back to before the sync"), "{}", plan.out);
    assert!(
        plan.out.contains(
            "1 name was changed after that, and so left alone:\n  configs/app/entries/edited"
        ),
        "{}",
        plan.out
    );
    assert_eq!(server.position(), before);
    let done = ask(&["--sync", "s1", "--yes", "--message", "a bad afternoon"], 0);
    assert!(done.out.contains("back to before the sync"), "{}", done.out);
    for (name, expect) in [
        ("twice", Some(1)),
        ("edited", Some(4)),
        ("new", None),
        ("deleted", Some(1)),
        ("other", Some(2)),
        ("untouched", Some(1)),
    ] {
        assert_eq!(says(&server, name), expect.map(|number| json!(number)), "{name}");
    }
    let again = ask(&["--sync", "s1", "--yes"], 0);
    assert!(again.out.contains("nothing to change"), "{}", again.out);
    let unknown = ask(&["--sync", "s9", "--yes"], 1);
    assert!(
        unknown.err.contains("No sync s9 wrote anything there in that time"),
        "{}",
        unknown.err
    );
    ask(&["--sync", "s1", "--to", "@3"], 2);
    ask(&["--all", "--to", "@3", "--since", "2h"], 2);
}

#[test]
fn what_became_known_of_a_document_later_keeps_nothing_from_being_undone() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/d", "1").expect(201);
    sync(&server, ("s1", "d"), 5, Some("2"));
    // The same document, of which the other registry holds more by now.
    let registry = server.get("/status").expect(200).json()["registry"].clone();
    let sent = json!({"sync": "s1", "source": "peer", "target": registry,
        "policy": "source-wins", "documents": [{
            "xid": "/configs/app/entries/d", "vector": {"peer": 5, "third": 9},
            "origin": {"registry": "peer", "position": 5, "time": "2026-01-01T00:00:00Z"},
            "contenttype": "application/json", "text": "2",
    }]});
    let before = server.position();
    server.post("/sync", sent.to_string()).expect(200);
    assert!(server.position() > before);
    server.post("/rollback", json!({"to": {"sync": "s1"}}).to_string()).expect(200);
    assert_eq!(says(&server, "d"), Some(json!(1)));
}

#[test]
fn a_sync_is_undone_from_a_position_on_and_at_a_place() {
    let (server, between) = synced();
    let undo = |body: Value, code| server.post("/rollback", body.to_string()).expect(code);
    let only = json!({"xid": "/configs/app/entries/new", "to": {"sync": "s1"}});
    assert_eq!(undo(only, 200).json()["steps"].as_array().unwrap().len(), 1);
    assert_eq!((says(&server, "new"), says(&server, "twice")), (None, Some(json!(3))));
    // What comes after a plan isn't in it.
    let planned = server.position();
    sync(&server, ("s1", "late"), 11, Some("1"));
    let since = json!({"to": {"sync": "s1", "since": between.to_string(), "until": planned}});
    undo(since, 200);
    assert_eq!(says(&server, "twice"), Some(json!(2)));
    assert_eq!(says(&server, "deleted"), Some(json!(1)));
    assert_eq!(says(&server, "late"), Some(json!(1)));
    for to in [
        json!({"sync": "s1", "position": 3}),
        json!({"position": 3, "since": "2"}),
        json!({"sync": "no id!"}),
    ] {
        undo(json!({"to": to}), 400);
    }
}
