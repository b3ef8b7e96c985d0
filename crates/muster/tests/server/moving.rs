//! Export and import: what leaves one registry arrives in another one, again and again, and what
//! can't arrive is named.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, left_out, run},
};

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The lines of an export without the one that names the registry.
fn items(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("{\"registry\"")).collect()
}

/// The line of a document.
fn line(xid: &str, text: &str) -> String {
    let document = serde_json::json!({"document": {
        "xid": xid, "text": text, "attributes": {"contenttype": "application/json"},
    }});
    format!("{document}\n")
}

#[test]
fn what_is_exported_is_imported_and_exported_the_same() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let source = Server::in_memory(&["--demo"]);
    source
        .ask(&Ask::json(
            "PATCH",
            "/api/providers/cms/entries/tina$details",
            r#"{"state":"deprecated"}"#,
        ))
        .expect(200);
    let bytes =
        Ask::new("PUT", "/api/configs/app/entries/raw").header("Content-Type", "image/x-icon");
    source.ask(&bytes.body(vec![0, 255, 254, 10])).expect(201);
    let from = source.url("127.0.0.1");
    run(folder, &["export", "--server", &from, "--to", "a.jsonl"]).expect(0);
    run(folder, &["export", "--server", &from, "--to", "a.yaml", "--format", "yaml"]).expect(0);
    run(folder, &["export", "--server", &from, "--to", "a", "--format", "folder"]).expect(0);
    let first = read(folder, "a.jsonl");
    assert!(items(&first).len() > 60, "{first}");

    for (number, command) in
        [&["import", "a.jsonl"][..], &["import", "a.yaml"], &["apply", "a", "--yes"]]
            .iter()
            .enumerate()
    {
        let target = Server::in_memory(&[]);
        let to = target.url("127.0.0.1");
        let command = [*command, &["--server", &to]].concat();
        run(folder, &command).expect(0);
        let name = format!("b{number}.jsonl");
        run(folder, &["export", "--server", &to, "--to", &name]).expect(0);
        let second = read(folder, &name);
        if number < 2 {
            assert_eq!(items(&second), items(&first), "{command:?}");
        } else {
            // Only the label that says which folder brought a type is new.
            assert_eq!(items(&second)[1..], items(&first)[1..], "{command:?}");
        }
        let position = target.position();
        let again = run(folder, &command).expect(0);
        assert_eq!(target.position(), position, "{command:?}: {}", again.out);
        assert!(again.out.contains("nothing to change"), "{command:?}: {}", again.out);
    }
}

#[test]
fn a_part_and_the_past_are_exported() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    for (path, body) in [("a", "1"), ("b", "2")] {
        let path = format!("/api/configs/app/entries/{path}");
        server.ask(&Ask::json("PUT", path, body)).expect(201);
    }
    let (position, url) = (server.position().to_string(), server.url("127.0.0.1"));
    server.ask(&Ask::new("DELETE", "/api/configs/app/entries/a")).expect(204);
    let documents = |arguments: &[&str]| {
        let all = run(folder, &[&["export", "--server", &url], arguments].concat()).expect(0).out;
        let named = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            Some(line.get("document")?["xid"].as_str().unwrap().to_owned())
        };
        all.lines().filter_map(named).collect::<Vec<_>>()
    };
    let (a, b) = ("/configs/app/entries/a", "/configs/app/entries/b");
    assert_eq!(documents(&[]), [b]);
    assert_eq!(documents(&["--at", &position]), [a, b]);
    assert_eq!(documents(&["configs/app", "--at", &position]), [a, b]);
    assert_eq!(documents(&["configs/app/entries/a", "--at", &position]), [a]);
    run(folder, &["export", "configs/none", "--server", &url]).expect(1);
    run(folder, &["export", "--format", "folder", "--server", &url]).expect(2);
    write(folder, "there", "");
    let refused = run(folder, &["export", "--to", "there", "--server", &url]).expect(1);
    assert!(refused.err.contains("[file_exists]"), "{}", refused.err);
}

/// A registry whose links must lead somewhere and whose numbers must be numbers.
fn strict() -> Server {
    let server = Server::in_memory(&[]);
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#;
    server.ask(&Ask::json("PUT", "/api/schemagroups/own/schemas/link", schema)).expect(201);
    let model = r#"{"groups":{"links":{"singular":"link","resources":{"entries":{
        "singular":"entry","labels":{
            "muster.schema":"/schemagroups/own/schemas/link",
            "muster.references":"[{\"field\":\"/to\",\"collection\":\"/links/entries\",\"group\":\"g\"}]"
        }}}}}}"#;
    server.ask(&Ask::json("PUT", "/api/modelsource", model)).expect(200);
    server
}

#[test]
fn one_bad_document_among_many_is_named_and_the_rest_arrives() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = strict();
    let url = server.url("127.0.0.1");
    // Each refers to the one after it, over more than one request.
    let count = 4_200;
    let mut text = String::new();
    for number in 0..count {
        let to = (number + 1) % count;
        let body = match number {
            1_234 => r#"{"n":"x"}"#.to_owned(),
            _ if to == 1_234 => r#"{"n":1}"#.to_owned(),
            _ => format!(r#"{{"n":1,"to":"e{to}"}}"#),
        };
        text += &line(&format!("/links/g/entries/e{number}"), &body);
    }
    write(folder, "many.jsonl", &text);
    let atomic = run(folder, &["import", "many.jsonl", "--atomic", "--server", &url]).expect(1);
    assert!(atomic.err.contains("e1234"), "{}", atomic.err);
    server.get("/api/links/g").expect(404);
    let imported = ["import", "many.jsonl", "--server", &url, "--output", "json"];
    let imported = run(folder, &imported).expect(1);
    let report: Value = serde_json::from_str(&imported.out).unwrap();
    assert_eq!(report["documents"], count - 1, "{}", imported.err);
    let refused = report["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["xid"], "/links/g/entries/e1234");
    assert_eq!(refused[0]["violations"][0]["pointer"], "/n");
    assert!(imported.err.contains("partly_applied"), "{}", imported.err);
}

#[test]
fn a_file_that_breaks_off_or_is_no_export_says_where() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let head =
        r#"{"registry":{"id":"r","position":9,"time":"2026-01-01T00:00:00Z","documents":2}}"#;
    let one = line("/configs/app/entries/a", "1");
    let cases = [
        ("cut.jsonl", format!("{head}\n{one}"), "before its last line", 1),
        ("half.jsonl", format!("{one}{{\"docu"), "line 2", 1),
        ("other.jsonl", format!("{one}{{\"city\":1}}\n"), "line 2", 1),
        ("bad.yaml", "---\na: [1\n".to_owned(), "bad.yaml", 0),
        ("same.yaml", "---\ndocument:\n  xid: /x/y/z/a\n  xid: /x/y/z/b\n".to_owned(), "xid", 0),
    ];
    for (name, text, expect, documents) in &cases {
        write(folder, name, text);
        let atomic = run(folder, &["import", name, "--atomic", "--server", &url]).expect(1);
        assert!(atomic.err.contains("[bad_file]"), "{name}: {}", atomic.err);
        server.get("/api/configs/app/entries/a").expect(404);
        let refused = run(folder, &["import", name, "--server", &url]).expect(1);
        assert!(refused.err.contains(expect), "{name}: {}", refused.err);
        let said = if *documents > 0 { "imported 0 groups and 1 document" } else { "0 documents" };
        assert!(refused.out.contains(said), "{}", refused.out);
        if *documents > 0 {
            let gone = Ask::new("DELETE", "/api/configs/app");
            server.ask(&gone).expect(204);
        }
    }
    let missing = run(folder, &["import", "none", "--server", &url]).expect(1);
    assert!(missing.err.contains("[no_file]"), "{}", missing.err);
}

#[test]
fn a_newer_catalogue_of_models_replaces_an_older_one() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let older = r#"{
        "acme":{"name":"Acme","models":{
            "x/Big":{"id":"x/Big","name":"Big","cost":{"input":0.5,"output":1}},
            "same":{"id":"same","name":"Same","cost":{"input":2,"output":3}}}},
        "gone":{"name":"Gone","models":{"old":{"id":"old","name":"Old"}}}}"#;
    // The name of a model changed its case, one price changed, one provider went, one came.
    let newer = r#"{"providers":{
        "acme":{"name":"Acme","models":{
            "x/big":{"id":"x/big","name":"Big","pricing":{"input_cost_per_token":5e-07}},
            "same":{"id":"same","name":"Same",
                "pricing":{"input_cost_per_token":2.5e-06,"output_cost_per_token":3e-06}}}},
        "new":{"name":"New","models":{"one":{"id":"one","name":"One"}}}}}"#;
    write(folder, "older.json", older);
    write(folder, "newer.json", newer);
    let import = |name: &str, catalogue: &str| {
        let command = ["import", name, "--from", catalogue, "--prune", "--server", &url];
        run(folder, &command).expect(0)
    };
    import("older.json", "models.dev");
    let before = server.position();
    let said = import("newer.json", "liter-llm").out;
    assert!(
        said.contains("imported 2 groups and 3 documents") && said.contains("deleted 2 names"),
        "{said}"
    );
    let same = server.get("/api/modelproviders/acme/models/same").expect(200).json();
    assert_eq!(same["input_cost"].to_string(), "2.5");
    let big = server.get("/api/modelproviders/acme/models/x~big").expect(200).json();
    assert_eq!(big["modelid"], "x/big");
    let old = format!("/api/modelproviders/acme/models/x~Big?at={before}");
    assert_eq!(server.get(&old).expect(200).json()["modelid"], "x/Big");
    server.get("/api/modelproviders/gone").expect(404);
    // It is found by its true id, and the cheapest one first.
    let found = server.get("/search?where=modelid%20%3D%3D%20%22x/big%22").expect(200).json();
    assert_eq!(found["count"], 1, "{found}");
    let position = server.position();
    import("newer.json", "liter-llm");
    assert_eq!(server.position(), position, "nothing is left to do");
    let wrong = ["import", "older.json", "--from", "liter-llm", "--server", &url];
    let wrong = run(folder, &wrong).expect(1);
    assert!(wrong.err.contains("[bad_file]"), "{}", wrong.err);
}

/// A server that sends these lines as an export, once.
fn forged(lines: &str) -> (String, std::thread::JoinHandle<()>) {
    use std::io::{BufRead as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nMuster-Position: 1\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{lines}",
        lines.len()
    );
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
        while head.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (url, answering)
}

#[test]
fn no_name_that_a_server_sends_leads_out_of_the_folder() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path().join("deep/er");
    std::fs::create_dir_all(&folder).unwrap();
    for xid in ["/../../escape/grp", "/configs/../../../escape", "/configs/a/../b", "/configs"] {
        for kind in ["group", "document"] {
            let lines = format!(
                "{{\"{kind}\":{{\"xid\":\"{xid}\",\"attributes\":{{\"name\":\"n\"}}}}}}\n{{\"end\":{{\"groups\":1,\"documents\":0}}}}\n"
            );
            let (url, answering) = forged(&lines);
            let command = ["export", "--server", &url, "--format", "folder", "--to", "out"];
            let refused = run(&folder, &command).expect(1);
            answering.join().unwrap();
            assert!(refused.err.contains("[unexpected_answer]"), "{xid}: {}", refused.err);
            let left = |path: &Path| std::fs::read_dir(path).unwrap().count();
            assert_eq!((left(scratch.path()), left(&folder)), (1, 0), "{kind} {xid}");
        }
    }
}

#[test]
fn a_file_that_is_there_is_never_written_through() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&["--demo"]);
    let url = server.url("127.0.0.1");
    write(folder, "mine", "precious");
    std::os::unix::fs::symlink(folder.join("mine"), folder.join("all.jsonl.part")).unwrap();
    let command = ["export", "--server", &url, "--to", "all.jsonl"];
    run(folder, &command).expect(0);
    assert_eq!(read(folder, "mine"), "precious");
    assert!(read(folder, "all.jsonl").ends_with("\"purged\":0}}\n"));
    run(folder, &command).expect(1);
}

#[test]
fn the_later_line_of_two_with_one_name_counts() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let xid = "/configs/app/entries/a";
    write(folder, "twice.jsonl", &(line(xid, "1") + &line(xid, "2")));
    let atomic = run(folder, &["import", "twice.jsonl", "--atomic", "--server", &url]).expect(1);
    assert!(atomic.err.contains("named twice"), "{}", atomic.err);
    run(folder, &["import", "twice.jsonl", "--server", &url]).expect(0);
    assert_eq!(server.get(&format!("/api{xid}")).expect(200).text(), "2");
    assert_eq!(server.get(&format!("/api{xid}/versions/1")).expect(200).text(), "1");
}

/// The catalogues of two moments, and what differs between them as the files themselves say.
#[test]
fn two_real_catalogues_differ_as_their_files_do() {
    let data = std::env::var("MUSTER_TEST_DATA").unwrap_or_default();
    let file = |name: &str| Path::new(&data).join(name);
    let (older, newer) = (file("models-dev-api.json"), file("liter-llm-catalog.json"));
    let parsed = |path: &Path| {
        let bytes = std::fs::read(path).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let (Some(before), Some(after)) = (parsed(&older), parsed(&newer)) else {
        return left_out("two real catalogues of models", "MUSTER_TEST_DATA doesn't hold them");
    };
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&[]);
    let url = server.url("127.0.0.1");
    let import = |path: &Path, catalogue: &str| {
        let path = path.to_str().unwrap();
        run(folder, &["import", path, "--from", catalogue, "--prune", "--server", &url]).expect(0);
        server.position().to_string()
    };
    let (from, to) = (import(&older, "models.dev"), import(&newer, "liter-llm"));
    let diff = ["diff", "modelproviders", "--from", &from, "--to", &to];
    let diff = run(folder, &[&diff[..], &["--server", &url, "--output", "json"]].concat());
    let diff: Value = serde_json::from_str(&diff.expect(0).out).unwrap();
    let changes = diff["changes"].as_array().unwrap();
    let groups = |act: &str| {
        let of_groups =
            changes.iter().filter(|one| one["xid"].as_str().unwrap().split('/').count() == 3);
        of_groups.filter(|one| one["act"] == act).count()
    };
    let repriced = changes.iter().filter(|one| {
        let mut fields = one["fields"].as_array().into_iter().flatten();
        fields.any(|field| {
            let is_cost = field["field"] == "input_cost" || field["field"] == "output_cost";
            is_cost && field.get("before").is_some() && field.get("after").is_some()
        })
    });
    let found = (groups("added"), groups("removed"), repriced.count());
    assert_eq!(found, counted_in(&before, &after["providers"]));
}

/// The providers that came and went, and the models of which a price changed, by the files.
fn counted_in(before: &Value, after: &Value) -> (usize, usize, usize) {
    let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
    let added = after.keys().filter(|name| !before.contains_key(*name)).count();
    let removed = before.keys().filter(|name| !after.contains_key(*name)).count();
    let mut repriced = 0;
    for (provider, models) in before {
        for (id, old) in models["models"].as_object().unwrap() {
            let new = &after.get(provider).map_or(&Value::Null, |found| &found["models"][id]);
            let differs = |old: &Value, new: &Value| match (old.as_f64(), new.as_f64()) {
                // Two decimals of the same price differ by their rounding at most.
                (Some(old), Some(new)) => (old - new * 1e6).abs() > 1e-9 * old.abs().max(1e-9),
                _ => false,
            };
            let (cost, pricing) = (&old["cost"], &new["pricing"]);
            let changed = differs(&cost["input"], &pricing["input_cost_per_token"])
                || differs(&cost["output"], &pricing["output_cost_per_token"]);
            repriced += usize::from(changed);
        }
    }
    (added, removed, repriced)
}
