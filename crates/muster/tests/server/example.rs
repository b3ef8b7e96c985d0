//! The example: all of it passes, and each way to break it is caught in every document.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask, Client},
    harness::{Server, ended, spawn},
};

/// Where the example lies.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogs/webstack")
}

/// The example's documents, by xid.
pub fn documents() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for groups in ["providers", "stacks"] {
        for group in std::fs::read_dir(folder().join(groups)).unwrap() {
            let group = group.unwrap();
            if !group.file_type().unwrap().is_dir() {
                continue;
            }
            for file in std::fs::read_dir(group.path()).unwrap() {
                let path = file.unwrap().path();
                let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let group = group.file_name().into_string().unwrap();
                let document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
                found.insert(format!("/{groups}/{group}/entries/{id}"), document);
            }
        }
    }
    found
}

/// Ways to break the example; the file says what its fields mean.
struct Breakages(Value);

/// One of them.
struct Breakage<'a> {
    name: &'a str,
    case: &'a Value,
}

impl Breakages {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webstack/breaks.json");
        Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    fn all(&self) -> Vec<Breakage<'_>> {
        let list = |name: &'static str| {
            self.0[name].as_array().unwrap().iter().map(move |case| Breakage { name, case })
        };
        let rules = self.0["rules"].as_object().unwrap().iter();
        let rules = rules.flat_map(|(name, cases)| {
            cases.as_array().unwrap().iter().map(|case| Breakage { name, case })
        });
        rules.chain(list("schemas")).chain(list("references")).collect()
    }

    fn accepted(&self) -> &[Value] {
        self.0["accepted"].as_array().unwrap()
    }
}

fn applies(case: &Value, xid: &str) -> bool {
    let above = case["applies_to"].as_array().unwrap();
    above.iter().any(|above| xid.starts_with(&format!("{}/", above.as_str().unwrap())))
}

/// Applies a merge patch (RFC 7396).
fn patched(document: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut members = document.as_object().cloned().unwrap_or_else(Map::new);
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            let before = members.remove(name).unwrap_or_default();
            members.insert(name.clone(), patched(&before, value));
        }
    }
    Value::Object(members)
}

fn demo() -> Server {
    let server = Server::in_memory(&["--demo"]);
    assert!(
        server.greeting.contains("29 documents, 3 schemas and 17 rules of the example"),
        "{}",
        server.greeting
    );
    server
}

fn count(server: &Server) -> u64 {
    let groups = ["providers", "stacks"].map(|groups| server.get(&format!("/api/{groups}")).json());
    let groups = groups.iter().flat_map(|groups| groups.as_object().unwrap().values());
    groups.map(|group| group["entriescount"].as_u64().unwrap()).sum()
}

#[test]
fn serves_the_example_as_it_lies_in_its_folder() {
    let server = demo();
    assert_eq!((documents().len(), count(&server)), (29, 29));
    for (xid, document) in documents() {
        let got = server.get(&format!("/api{xid}")).expect(200);
        assert_eq!(got.json(), document, "{xid}");
        assert_eq!(got.header("xregistry-state"), Some("stable"));
    }
    server.get("/health/ready").expect(200);
}

#[test]
fn catches_every_break_in_every_document() {
    let server = demo();
    let mut client = Client::connect(server.address);
    let breaks = Breakages::read();
    let documents = documents();
    let mut tried = 0;
    for one in breaks.all() {
        let mut touched = 0;
        for (xid, document) in documents.iter().filter(|(xid, _)| applies(one.case, xid)) {
            let broken = patched(document, &one.case["patch"]);
            let answer = client.ask(&Ask::json("PUT", format!("/api{xid}"), broken.to_string()));
            check(&answer, one.name, &one.case["expect"], xid);
            touched += 1;
        }
        assert!(touched > 0, "{} {} touches nothing", one.name, one.case);
        tried += touched;
    }
    assert!(tried > 1_500, "only {tried}");
    for (xid, document) in documents {
        // Warnings don't refuse: those documents were replaced.
        let now = server.get(&format!("/api{xid}")).json();
        assert!(now["best_for"].as_str().map(str::len).unwrap() > 120, "{xid}");
        assert_eq!(now["schema_version"], document["schema_version"]);
    }
}

/// Fails the test unless the answer has the violation.
#[track_caller]
fn check(answer: &Answer, name: &str, expect: &Value, xid: &str) {
    let is_warning = expect["severity"] == "warning";
    let violations: Value = if is_warning {
        assert_eq!(answer.status, 200, "{name} in {xid}: {answer:?}");
        serde_json::from_str(answer.header("muster-warnings").unwrap()).unwrap()
    } else {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (422, "invalid_document"),
            "{name} {xid}"
        );
        answer.json()["violations"].clone()
    };
    let is_it = |violation: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rule = text(&violation["rule"]);
        let by = match (expect.get("rule"), expect.get("keyword"), expect.get("reference")) {
            (Some(xid), ..) => !rule.is_empty() && text(xid).ends_with(&format!("/{rule}")),
            (_, Some(keyword), _) => violation["keyword"] == *keyword,
            (.., Some(target)) => {
                violation.get("reference").is_some()
                    && text(&violation["message"]).contains(&text(target))
            }
            _ => false,
        };
        let severity = expect["severity"].as_str().unwrap_or("error");
        let says = expect.get("message").is_none_or(|message| violation["message"] == *message);
        by && says && violation["pointer"] == expect["pointer"] && violation["severity"] == severity
    };
    let found = violations.as_array().unwrap().iter().any(is_it);
    assert!(found, "{name} in {xid}: no {expect} in {violations:#}");
}

#[test]
fn accepts_what_stands_at_the_edges_of_the_rules() {
    let server = demo();
    let mut client = Client::connect(server.address);
    let breaks = Breakages::read();
    for case in breaks.accepted() {
        for (xid, document) in documents().iter().filter(|(xid, _)| applies(case, xid)) {
            let body = patched(document, &case["patch"]).to_string();
            let answer = client.ask(&Ask::json("PUT", format!("/api{xid}"), body));
            assert_eq!(answer.status, 200, "{case} in {xid}: {}", answer.text());
            assert_eq!(answer.header("muster-warnings"), None, "{case} in {xid}");
        }
    }
}

#[test]
fn every_provider_that_a_stack_names_is_held_by_it() {
    let server = demo();
    let position = server.position();
    let mut held = 0;
    for xid in documents().keys().filter(|xid| xid.starts_with("/providers/")) {
        let answer = server.delete(&format!("/api{xid}?epoch=99"));
        assert_eq!(answer.code(), "mismatched_epoch");
        // Hugo and the like are named by many, others by none: only those may go.
        let answer =
            server.ask(&Ask::new("DELETE", format!("/api{xid}")).header("If-Match", "\"no\""));
        assert_eq!(answer.code(), "precondition_failed");
        let text = documents().values().map(Value::to_string).collect::<String>();
        let id = xid.rsplit('/').next().unwrap();
        if text.contains(&format!("_provider\":{id:?}"))
            || text.contains(&format!("ssg_engine\":{id:?}"))
        {
            let refused = server.delete(&format!("/api{xid}")).refused(409, "referenced").json();
            assert!(!refused["references"].as_array().unwrap().is_empty());
            held += 1;
        }
    }
    assert!(held >= 8, "only {held}");
    assert_eq!(server.position(), position);
}

#[test]
fn finishes_an_example_that_was_cut_off() {
    let whole = demo().position();
    for stop_at in [1, whole / 4, whole / 2, whole * 3 / 4, whole] {
        let scratch = TempDir::new().unwrap();
        let data = scratch.path().join("registry");
        let flags = ["--demo", "--data", data.to_str().unwrap()];
        let (mut child, _log) = spawn(&flags, &[]);
        let address = address_in(&data);
        let mut client = Client::connect(address);
        while client.ask(&Ask::get("/api")).position() < stop_at {}
        child.kill().unwrap();
        ended(&mut child);

        let server = Server::on(&data, &["--demo"]);
        assert_eq!(count(&server), 29, "cut off at {stop_at}");
        for (xid, document) in documents() {
            let got = server.get(&format!("/api{xid}")).expect(200);
            assert_eq!(got.json(), document, "{xid}");
            let details = (got.header("xregistry-versionid"), got.header("xregistry-epoch"));
            assert_eq!(details, (Some("1"), Some("1")), "{xid} was put twice");
        }
        assert!(server.position() <= whole + 5, "{} and not {whole}", server.position());
        // The third start changes nothing.
        let position = server.position();
        assert!(server.stop().0.success());
        let server = Server::on(&data, &["--demo"]);
        assert_eq!(server.position(), position);
        assert!(
            server.greeting.contains("29 documents, 3 schemas and 17 rules, ledger at position"),
            "{}",
            server.greeting
        );
    }
}

/// Waits until the server in a directory says where it answers.
fn address_in(data: &Path) -> std::net::SocketAddr {
    loop {
        let text = std::fs::read_to_string(data.join("lock")).unwrap_or_default();
        let holder: Value = serde_json::from_str(&text).unwrap_or_default();
        if let Some(url) = holder["address"].as_str() {
            return url.strip_prefix("http://").unwrap().parse().unwrap();
        }
        std::thread::yield_now();
    }
}

#[test]
fn leaves_a_registry_alone_that_holds_something_else() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let server = Server::on(&data, &[]);
    server.put("/api/configs/app/entries/mine", "1").expect(201);
    let position = server.position();
    assert!(server.stop().0.success());
    let server = Server::on(&data, &["--demo"]);
    assert_eq!(server.position(), position);
    server.get("/health/ready").expect(200);
    assert!(server.log().contains("the example wasn't loaded"), "{}", server.log());
    assert_eq!(server.get("/api/providers").expect(200).json(), json!({}));
}

/// A copy of a data directory that no server has open.
fn copied(data: &Path, to: &Path) -> PathBuf {
    let copy = to.join("copy");
    let status = std::process::Command::new("cp").arg("-r").args([data, &copy]).status();
    assert!(status.unwrap().success());
    copy
}

#[test]
fn never_touches_an_example_that_somebody_has_worked_on() {
    let scratch = TempDir::new().unwrap();
    let filled = scratch.path().join("filled");
    assert!(Server::on(&filled, &["--demo"]).stop().0.success());
    let hugo = "/api/providers/ssg/entries/hugo";
    let free = "/api/stacks/composed/entries/cms_ecommerce_composed";
    let edited = serde_json::to_vec(&{
        let mut document = documents()["/providers/ssg/entries/hugo"].clone();
        document["cost_notes"] = json!("ours");
        document
    });
    let model =
        r#"{"groups":{"teams":{"singular":"team","resources":{"notes":{"singular":"note"}}}}}"#;
    for (name, deed) in [
        ("an edit", Ask::json("PUT", hugo, edited.unwrap())),
        ("a deletion", Ask::new("DELETE", free)),
        ("an erasure", Ask::new("DELETE", format!("{free}?purge"))),
        ("a label", Ask::json("PATCH", format!("{hugo}$details"), r#"{"labels":{"a":"b"}}"#)),
        ("a group's name", Ask::json("PATCH", "/api/providers/ssg", r#"{"name":"Ours"}"#)),
        ("a group's deletion", Ask::new("DELETE", "/api/stacks/composed")),
        ("a group's erasure", Ask::new("DELETE", "/api/stacks/composed?purge")),
        ("a model", Ask::json("PATCH", "/api", format!(r#"{{"modelsource":{model}}}"#))),
        ("a group", Ask::json("PUT", "/api/configs/ours", "{}")),
    ] {
        let scratch = TempDir::new().unwrap();
        let data = copied(&filled, scratch.path());
        let server = Server::on(&data, &[]);
        let answer = server.ask(&deed);
        assert!(answer.status < 300, "{name}: {answer:?}");
        let (position, export) = (server.position(), server.get("/api/export").text().to_owned());
        assert!(server.stop().0.success());
        let server = Server::on(&data, &["--demo"]);
        assert_eq!(server.position(), position, "{name}");
        assert_eq!(server.get("/api/export").text(), export, "{name}");
        // A label isn't what the example says: nothing is left to do.
        let says = ["it stays as it is", "the example wasn't loaded"];
        let told = says.iter().any(|text| server.log().contains(text));
        assert!(told || name == "a label", "{name}: {}", server.log());
    }
}
