//! Undoing: rollbacks, differences between two states, and what tells of deletions.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, run},
};

const A: &str = "/api/configs/app/entries/a";
const B: &str = "/api/configs/app/entries/b";

/// A registry with a good state, at the position that is returned, and a bad afternoon after it.
fn after_a_bad_afternoon() -> (Server, u64) {
    let server = Server::in_memory(&[]);
    server.put(A, r#"{"name": "a", "tags": ["x", "y"]}"#).expect(201);
    server.put(B, "1").expect(201);
    server.put("/api/configs/lost/entries/one", "2").expect(201);
    server.patch("/api/configs/app", r#"{"name":"App","labels":{"a":"b"}}"#).expect(200);
    let good = server.position();
    // A put of a version overwrites its bytes.
    server.put(&format!("{A}/versions/1"), r#"{"name": "bad", "tags": ["x"]}"#).expect(200);
    server.delete(B).expect(204);
    server.delete("/api/configs/lost").expect(204);
    server.put("/api/configs/app/entries/new", "3").expect(201);
    server.patch("/api/configs/app", r#"{"name":"Apps","labels":null}"#).expect(200);
    (server, good)
}

#[test]
fn a_bad_afternoon_is_undone_with_its_history_kept() {
    let (scratch, (server, good)) = (TempDir::new().unwrap(), after_a_bad_afternoon());
    let url = server.url("127.0.0.1");
    let show = |words: &[&str]| run(scratch.path(), &[words, &["--server", &url]].concat());
    let (bad, to) = (server.position(), good.to_string());
    let plan = show(&["rollback", "--all", "--to", &to, "--dry-run"]).expect(0).out;
    for line in [
        "~ configs/app",
        "labels  + {\"a\": \"b\"}",
        "~ configs/app/entries/a     version 2",
        "name  \"bad\" → \"a\"",
        "+ configs/app/entries/b     version 1",
        "- configs/app/entries/new",
        "+ configs/lost",
        "+ configs/lost/entries/one  version 1",
        "2 to add, 1 to change, 1 to delete; also 2 groups, back to position",
    ] {
        assert!(plan.contains(line), "{line:?} isn't in:\n{plan}");
    }
    assert_eq!(server.position(), bad, "a dry run changes nothing");
    let unsure = show(&["rollback", "--all", "--to", &to]).expect(1).err;
    assert!(unsure.contains("[not_confirmed]"), "{unsure}");
    show(&["rollback", "--all", "--to", &to, "--yes", "--message", "a bad afternoon"]).expect(0);
    assert_eq!(server.get(A).expect(200).text(), r#"{"name": "a", "tags": ["x", "y"]}"#);
    assert_eq!(server.get(B).expect(200).text(), "1");
    assert_eq!(server.get("/api/configs/lost/entries/one").expect(200).text(), "2");
    server.get("/api/configs/app/entries/new").refused(404, "not_found");
    assert_eq!(server.get("/api/configs/app").expect(200).json()["name"], "App");
    // The bad state stays readable, and can come back in the same way.
    let old = server.get(&format!("{A}?at={bad}")).expect(200);
    assert_eq!(old.text(), r#"{"name": "bad", "tags": ["x"]}"#);
    let log = server.get("/log?limit=1").expect(200).json();
    assert_eq!(log["entries"][0]["message"], "a bad afternoon");
    let page = server.get(&format!("/diff?from={good}")).expect(200).json();
    assert_eq!(page["changes"], json!([]));
    let again = show(&["rollback", "--all", "--to", &to]).expect(0).out;
    assert!(again.starts_with("nothing to change"), "{again}");
    show(&["rollback", "configs/app/entries/a", "--to", "v1", "--yes"]).expect(0);
    assert_eq!(server.get(A).expect(200).text(), r#"{"name": "bad", "tags": ["x"]}"#);
}

#[test]
fn a_rollback_passes_the_checks_of_now_or_is_refused_as_a_whole() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    server.put(A, r#"{"n": "text"}"#).expect(201);
    server.put(B, r#"{"n": 1}"#).expect(201);
    let old = server.position();
    server.put(A, r#"{"n": 2}"#).expect(200);
    server.put(B, r#"{"n": 2}"#).expect(200);
    let schema = r#"{"type": "object", "properties": {"n": {"type": "number"}}}"#;
    server.put("/api/schemagroups/own/schemas/s", schema).expect(201);
    let bound = r#"{"muster": {"schema": "/schemagroups/own/schemas/s"}}"#;
    server.patch("/api/configs/app", bound).expect(200);
    let head = server.position();
    let place = "configs/app/entries";
    let words = ["rollback", place, "--to", &old.to_string(), "--yes", "--server", &url];
    let refused = run(scratch.path(), &words).expect(1);
    assert!(refused.out.contains("! configs/app/entries/a"), "{refused:#?}");
    assert!(refused.out.contains("~ configs/app/entries/b"), "{refused:#?}");
    assert!(refused.err.contains("1 document is refused; nothing was changed"), "{refused:#?}");
    let body = json!({"xid": "/configs/app/entries", "to": {"position": old}}).to_string();
    server.post("/rollback", body).refused(422, "invalid_document");
    assert_eq!(server.position(), head);
}

#[test]
fn a_rollback_that_was_planned_is_done_only_if_nothing_changed_at_its_place() {
    let server = Server::in_memory(&[]);
    server.put(A, r#"{"n": 1}"#).expect(201);
    let old = server.position();
    server.put(A, r#"{"n": 2}"#).expect(200);
    let planned = server.position();
    let roll_back = |xid: &str| {
        let to = json!({"position": old});
        server.post(
            "/rollback",
            json!({"xid": xid, "to": to, "unchanged_since": planned}).to_string(),
        )
    };
    // Elsewhere much may happen.
    server.put("/api/configs/other/entries/x", "{}").expect(201);
    // Somebody else's new document at the place isn't deleted with what was planned.
    server.put(B, r#"{"n": 3}"#).expect(201);
    roll_back("/configs/app").refused(412, "precondition_failed");
    server.get(B).expect(200);
    roll_back("/configs/app/entries/a").expect(200);
    assert_eq!(server.get(A).expect(200).text(), r#"{"n": 1}"#);
    // And it has changed since.
    roll_back("/configs/app/entries/a").refused(412, "precondition_failed");
}

#[test]
fn a_rollback_that_was_planned_sees_what_its_place_does_not_show() {
    let server = Server::in_memory(&[]);
    let versions = format!("{A}/versions");
    type Act<'a> = &'a dyn Fn();
    let rewrite = || drop(server.put(&format!("{versions}/1"), r#"{"n": 9}"#).expect(200));
    let drop_one = || drop(server.delete(&format!("{versions}/2")).expect(204));
    let make = || {
        for number in [1, 2, 3] {
            let version = format!("{versions}/{number}");
            server.put(&version, format!(r#"{{"n": {number}}}"#)).expect(201);
        }
    };
    let remake = || {
        server.delete(A).expect(204);
        make();
    };
    for (what, act) in
        [("rewritten", &rewrite as Act<'_>), ("deleted", &drop_one), ("made again", &remake)]
    {
        let _ = server.delete(A);
        make();
        let planned = server.position();
        act();
        let body = json!({
            "xid": "/configs/app/entries/a",
            "to": {"version": "1"},
            "unchanged_since": planned,
        });
        let refused = server.post("/rollback", body.to_string());
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (412, "precondition_failed"),
            "{what}: {refused:?}"
        );
    }
}

#[test]
fn refuses_rollbacks_and_differences_that_mean_nothing() {
    let (server, good) = after_a_bad_afternoon();
    let head = server.position();
    let everything = json!({"to": {"position": good}});
    for (body, status, code) in [
        (json!({"to": {}}), 400, "parsing_data"),
        (json!({"to": {"position": 1, "version": "1"}}), 400, "parsing_data"),
        (json!({"to": {"version": "1"}}), 400, "parsing_data"),
        (json!({"to": {"position": 1}, "also": 1}), 400, "parsing_data"),
        (json!({"to": {"position": 999_999}}), 400, "bad_position"),
        (json!({"to": {"time": "1999-01-01T00:00:00Z"}}), 400, "bad_position"),
        (json!({"to": {"time": "2999-01-01T00:00:00Z"}}), 400, "bad_position"),
        (json!({"to": {"time": "yesterday"}}), 400, "parsing_data"),
        (json!({"xid": "/configs/none", "to": {"position": good}}), 404, "not_found"),
        (json!({"xid": "/nothings", "to": {"position": good}}), 404, "not_found"),
        (json!({"xid": "/a/b/c/d/meta", "to": {"position": good}}), 400, "malformed_xid"),
        (json!({"xid": "/configs/app/entries/a", "to": {"version": "9"}}), 404, "not_found"),
    ] {
        let refused = server.post("/rollback", body.to_string());
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{body}: {refused:?}"
        );
    }
    for (path, status, code) in [
        ("/diff?from=5&to=2", 400, "bad_request"),
        ("/diff?from=soon", 400, "bad_position"),
        ("/diff?to=2999-01-01T00:00:00Z", 400, "bad_position"),
        ("/diff/configs/app?to=0", 404, "not_found"),
        ("/diff?from_version=1", 400, "bad_request"),
        ("/diff/configs/app/entries/a?from_version=7", 404, "not_found"),
        ("/diff/configs/none?from=1", 404, "not_found"),
        ("/diff?limit=0", 400, "bad_request"),
        ("/diff?after=nothing", 400, "bad_request"),
        ("/diff?flag=1", 400, "bad_flag"),
        ("/deleted/configs/app/entries/a/meta", 400, "malformed_xid"),
    ] {
        let refused = server.get(path);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (status, code),
            "{path}: {refused:?}"
        );
    }
    // Before the first command there was nothing, and nothing before that.
    for path in ["/diff?to=0", "/diff?from=0&to=0", "/diff/configs?to=0"] {
        let page = server.get(path).expect(200).json();
        assert_eq!(
            (&page["from"]["position"], &page["to"]["position"], &page["changes"]),
            (&json!(0), &json!(0), &json!([])),
            "{path}"
        );
    }
    assert_eq!(server.position(), head);
    // The same request with the same key is done once.
    let ask =
        || Ask::json("POST", "/rollback", everything.to_string()).header("Idempotency-Key", "once");
    let first = server.ask(&ask()).expect(200).json();
    assert_eq!(server.ask(&ask()).expect(200).json(), first);
    let other = Ask::json("POST", "/rollback", json!({"to": {"position": 1}}).to_string());
    server.ask(&other.header("Idempotency-Key", "once")).refused(422, "idempotency_mismatch");
}

#[test]
fn what_was_purged_is_named_and_stays_away() {
    let (server, good) = after_a_bad_afternoon();
    server.delete(&format!("{B}?purge")).expect(204);
    let body = json!({"to": {"position": good}}).to_string();
    let tried = server.post("/rollback?dry_run", body.clone()).expect(200).json();
    assert_eq!(tried["purged"], json!(["/configs/app/entries/b"]));
    let done = server.post("/rollback", body).expect(200).json();
    assert_eq!(done["purged"], json!(["/configs/app/entries/b"]));
    server.get(B).refused(404, "not_found");
    server.get("/api/configs/lost/entries/one").expect(200);
}

#[test]
fn differences_are_shown_to_people_and_as_patches_to_programs() {
    let (scratch, (server, good)) = (TempDir::new().unwrap(), after_a_bad_afternoon());
    let url = server.url("127.0.0.1");
    let show = |words: &[&str]| run(scratch.path(), &[words, &["--server", &url]].concat());
    let from = good.to_string();
    let shown = show(&["diff", "--from", &from]).expect(0).out;
    for line in [
        "~ configs/app\n",
        "attribute name    \"App\" → \"Apps\"",
        "~ configs/app/entries/a",
        "tags  - \"y\"",
        "- configs/app/entries/b",
        "+ configs/app/entries/new",
        "- configs/lost/entries/one",
        "1 added, 3 removed, 2 changed between",
    ] {
        assert!(shown.contains(line), "{line:?} isn't in:\n{shown}");
    }
    let patch = show(&["diff", "configs/app/entries/a", "--patch"]).expect(0).out;
    let patch: Value = serde_json::from_str(&patch).unwrap();
    assert_eq!(
        patch,
        json!([
            {"op": "replace", "path": "/name", "value": "bad"},
            {"op": "remove", "path": "/tags/1"},
        ])
    );
    // Page by page it is the same.
    let whole = server.get(&format!("/diff?from={good}")).expect(200).json();
    let (mut path, mut changes) = (format!("/diff?from={good}&limit=2"), Vec::new());
    loop {
        let page = server.get(&path).expect(200).json();
        changes.extend(page["changes"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = next[next.find("/diff").unwrap()..].to_owned();
    }
    assert_eq!(Value::from(changes), whole["changes"]);
    let text = |text: &str| {
        let ask =
            Ask::new("PUT", "/api/configs/app/entries/t").header("Content-Type", "text/plain");
        server.ask(&ask.body(text)).status
    };
    assert_eq!((text("a\nb\n"), text("a\nc\n")), (201, 200));
    let shown = show(&["diff", "configs/app/entries/t"]).expect(0).out;
    assert!(shown.contains("    @@ -1,2 +1,2 @@\n     a\n    -b\n    +c\n"), "{shown}");
}

#[test]
fn a_deleted_name_tells_who_deleted_it_and_how_to_restore_it() {
    let (scratch, (server, _)) = (TempDir::new().unwrap(), after_a_bad_afternoon());
    let url = server.url("127.0.0.1");
    let show = |words: &[&str]| run(scratch.path(), &[words, &["--server", &url]].concat());
    let listed = show(&["list", "--deleted"]).expect(0).out;
    let rows: Vec<&str> =
        listed.lines().skip(1).filter_map(|row| row.split_whitespace().next()).collect();
    assert_eq!(rows, ["configs/app/entries/b", "configs/lost"], "{listed}");
    assert!(listed.lines().skip(1).all(|row| row.trim_end().ends_with("admin")), "{listed}");
    let group = show(&["list", "configs/app", "--deleted", "--output", "json"]).expect(0).out;
    let group: Value = serde_json::from_str(&group).unwrap();
    assert_eq!(group["names"][0]["xid"], "/configs/app/entries/b");
    assert_eq!(group["names"].as_array().unwrap().len(), 1);
    for (name, restored) in [
        ("configs/app/entries/b", "configs/app/entries/b"),
        ("configs/lost/entries/one", "configs/lost"),
    ] {
        let gone = show(&["get", name]).expect(1).err;
        assert!(gone.contains("admin deleted"), "{gone}");
        assert!(gone.contains(&format!("muster restore {restored} restores it")), "{gone}");
    }
    let never = show(&["get", "configs/app/entries/b", "--at", "1"]).expect(1).err;
    assert!(never.contains("there was no configs/app/entries/b at 1"), "{never}");
}

#[test]
fn the_log_is_filtered_and_read_to_its_end() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    let show = |words: &[&str]| run(scratch.path(), &[words, &["--server", &url]].concat());
    for number in 0..60 {
        server.put(&format!("/api/configs/app/entries/e{number}"), "1").expect(201);
    }
    server.delete("/api/configs/app/entries/e7").expect(204);
    let count = |words: &[&str]| {
        let told = show(&[words, &["--output", "json"]].concat()).expect(0).out;
        let told: Value = serde_json::from_str(&told).unwrap();
        told["entries"].as_array().unwrap().len()
    };
    assert_eq!(count(&["log", "configs/app"]), 61);
    assert_eq!(count(&["log", "configs/app", "--kind", "deleted"]), 1);
    assert_eq!(count(&["log", "--kind", "model"]), 0);
    assert_eq!(count(&["log", "--actor", "admin", "--kind", "created", "--limit", "5"]), 5);
    assert_eq!(show(&["log", "configs/app"]).expect(0).out.lines().count(), 62);
    let cut = show(&["log", "--limit", "3"]).expect(0).err;
    assert!(cut.contains(&format!("--limit 3 --server {url} --before ")), "{cut}");
    let unknown = show(&["log", "--who", "admim"]).expect(1).err;
    assert!(unknown.contains("nobody called admim") && unknown.contains("admin?"), "{unknown}");
}
