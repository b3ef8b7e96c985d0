//! Publications that the registry holds, from the command line: all of them at once, their list, and
//! what each has shown before.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Server, run};

/// A server with one publication that works, and one before and one after it that can't.
fn serving(folder: &Path) -> Server {
    let destinations = format!("web={}", folder.join("web").display());
    let data = folder.join("data");
    let flags = ["--data", data.to_str().unwrap(), "--demo"];
    let server = Server::with(&flags, &[("MUSTER_SITE_DESTINATIONS", &destinations)]);
    for (name, destination) in [("a-broken", "nowhere"), ("good", "web"), ("z-broken", "nowhere")] {
        let publication = json!({
            "destination": destination, "base_url": "https://cdn.example", "on_change": false,
        });
        let place = format!("/api/publications/site/entries/{name}");
        server.put(&place, publication.to_string()).expect(201);
    }
    server
}

#[test]
fn one_broken_publication_stops_no_other_one() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = serving(folder);
    let url = server.url("127.0.0.1");
    let publish = |more: &[&str]| run(folder, &[&["publish", "--server", &url], more].concat());
    let trial = publish(&["--dry-run"]).expect(1);
    assert!(trial.out.contains("would publish position"), "{trial:?}");
    assert!(!folder.join("web/manifest.json").exists(), "{trial:?}");
    let told = publish(&[]).expect(1);
    assert!(told.out.contains("to /publications/site/entries/good: 33 files"), "{told:?}");
    assert!(folder.join("web/manifest.json").exists(), "{told:?}");
    for part in [
        "2 of 3 publications failed  [not_published]",
        "publications/site/entries/a-broken: ",
        "publications/site/entries/z-broken: ",
        "nowhere, which the settings don't list",
        "muster publish --list",
    ] {
        assert!(told.err.contains(part), "{part}: {}", told.err);
    }
    let value = publish(&["--output", "json"]).expect(1);
    let report: Value = serde_json::from_str(&value.out).unwrap();
    let publications = report["publications"].as_array().unwrap();
    assert_eq!(publications.len(), 3, "{report}");
    for (at, name) in [(0, "a-broken"), (2, "z-broken")] {
        let failed = &publications[at];
        assert_eq!(failed["to"], format!("/publications/site/entries/{name}"));
        assert_eq!(failed["error"]["reason"], "publication_broken", "{failed}");
    }
    assert_eq!(publications[1]["unchanged"], true, "{report}");
    assert!(value.err.contains(r#""reason":"not_published""#), "{}", value.err);
    // Alone, the one that works is done, and a broken one says why itself.
    publish(&["good"]).expect(0);
    let alone = publish(&["a-broken"]).expect(1);
    assert!(alone.err.contains("[publication_broken]"), "{}", alone.err);
}

#[test]
fn publications_are_listed_with_what_they_show_and_with_their_problems() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = serving(folder);
    let url = server.url("127.0.0.1");
    let list = |more: &[&str]| {
        let words = ["publish", "--list", "--server", &url];
        run(folder, &[&words[..], more].concat()).expect(0).out
    };
    run(folder, &["publish", "--server", &url]).expect(1);
    let table = list(&[]);
    let row = |name: &str| table.lines().find(|line| line.contains(name)).unwrap();
    for (name, parts) in [
        ("entries/good", &["web", "production", "by hand", " v2"][..]),
        ("entries/a-broken", &["nowhere", "production", "don't list"]),
        ("entries/z-broken", &["nowhere", "production", "don't list"]),
    ] {
        for part in parts {
            assert!(row(name).contains(part), "{part}: {table}");
        }
    }
    let listed: Value = serde_json::from_str(&list(&["good", "--output", "json"])).unwrap();
    let only = listed["publications"].as_array().unwrap();
    assert_eq!(only.len(), 1, "{listed}");
    assert_eq!(only[0]["destination"], "web", "{listed}");
    assert!(only[0]["tag"].as_str().unwrap().starts_with('v'), "{listed}");
    let both = run(folder, &["publish", "--list", "--to", "x", "--server", &url]).expect(2);
    assert!(both.err.contains("can't be used together"), "{}", both.err);
}

#[test]
fn only_what_was_published_can_be_rolled_back_to() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = serving(folder);
    let url = server.url("127.0.0.1");
    let publish = || {
        let words = ["publish", "good", "--server", &url, "--output", "json"];
        let done: Value = serde_json::from_str(&run(folder, &words).expect(0).out).unwrap();
        done
    };
    const SANITY: &str = "/api/providers/cms/entries/sanity";
    let first = publish();
    let before = server.get(SANITY).expect(200).text().to_owned();
    let changed = before.replace("65,", "61,");
    server.put(SANITY, changed).expect(200);
    publish();
    let back = |version: &str, code: i32| {
        let words = ["rollback", "--publication", "good", "--yes", "--server", &url];
        run(folder, &[&words[..], &["--version-id", version]].concat()).expect(code)
    };
    let position = server.position();
    // A moment between both, one before the registry, one to come, and what is no tag at all.
    let between = (first["version"].as_u64().unwrap() + 1).to_string();
    for version in [&*between, "v20010131-120000", "v20990131-120000", "4102444800000000", "ü/../x"]
    {
        let refused = back(version, 1);
        let said = format!("publications/site/entries/good never published {version}  [not_found]");
        assert!(refused.err.contains(&said), "{said}: {}", refused.err);
        assert!(refused.err.contains("muster publish --list"), "{}", refused.err);
    }
    assert_eq!(server.position(), position);
    back(&first["version"].to_string(), 0);
    assert_eq!(server.get(SANITY).expect(200).text(), before);
}

#[test]
fn a_position_that_is_to_come_is_refused_with_the_way_to_those_that_there_are() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = Server::in_memory(&["--demo"]);
    let url = server.url("127.0.0.1");
    for to in ["999999", "@999999", "2099-01-01"] {
        let words = ["rollback", "--all", "--to", to, "--yes", "--server", &url];
        let refused = run(folder, &words).expect(1);
        for part in ["[bad_position]", "muster log shows the positions and times"] {
            assert!(refused.err.contains(part), "{to}: {part}: {}", refused.err);
        }
    }
}
