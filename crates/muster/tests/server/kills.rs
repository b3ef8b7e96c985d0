//! A process that is killed at any call that changes a file: what was acknowledged is there, what
//! was purged doesn't come back, and the directory opens again.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::{Server, run},
};

/// How many calls are tried, spread over all of them. `KILLS=1000` tries more.
const KILLS: u64 = 50;

/// What only the purged document holds.
const SECRET: &str = "what nobody may read again";

/// A library that kills its process, built once.
static LIBRARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let library = folder.path().join("killing.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/killing.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([library.as_os_str(), source.as_ref(), "-ldl".as_ref()])
        .status();
    assert!(built.unwrap().success(), "the C compiler that built SQLite builds this");
    (folder, library)
});

/// What was acknowledged before the end.
#[derive(Debug, Default)]
struct Acknowledged {
    documents: Vec<&'static str>,
    purged: bool,
    has_key: bool,
}

const PUTS: [&str; 4] = ["one", "two", "purged", "three"];

/// Begins a server, writes, purges, makes a key and stops it, until it is killed.
fn live(scratch: &Path, variables: &[(&str, &str)]) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    let data = scratch.join("data");
    let flags = ["--data", data.to_str().unwrap()];
    let library = LIBRARY.1.to_str().unwrap();
    let settings = [&[("LD_PRELOAD", library)], variables].concat();
    let Some(server) = Server::try_with(&flags, &settings) else { return acknowledged };
    let ask = |ask: Ask| Client::try_connect(server.address).ok()?.try_ask(&ask);
    let path = |name: &str| format!("/api/configs/app/entries/{name}");
    for name in PUTS {
        let text = if name == "purged" { SECRET } else { name };
        let Some(answer) = ask(Ask::json("PUT", path(name), format!("{text:?}"))) else {
            return acknowledged;
        };
        answer.expect(201);
        acknowledged.documents.push(name);
    }
    let Some(answer) = ask(Ask::new("DELETE", format!("{}?purge", path("purged")))) else {
        return acknowledged;
    };
    answer.expect(204);
    acknowledged.purged = true;
    let key = r#"{"role":"admin","name":"first"}"#;
    let Some(answer) = ask(Ask::json("POST", "/keys", key)) else { return acknowledged };
    answer.expect(201);
    acknowledged.has_key = true;
    drop(server.stop());
    acknowledged
}

/// What must hold after the end, whenever it came. Read without a server, because the key may have
/// been made and never told.
fn check(scratch: &Path, acknowledged: &Acknowledged, at: u64) {
    let show = |arguments: &[&str]| {
        let shown = run(scratch, &[arguments, &["--data", "data", "--output", "json"]].concat());
        shown.expect(0).out
    };
    if acknowledged.documents.is_empty() && !scratch.join("data/FORMAT").exists() {
        // Nothing was begun; what is there must not stand in the way of a second try.
        run(scratch, &["init", "--data", "data"]).expect(0);
    } else if acknowledged.documents.is_empty() {
        // A first start that was cut off is finished by the next.
        let again = run(scratch, &["init", "--data", "data"]);
        assert!(again.code == Some(0) || again.err.contains("already_there"), "{at}: {again:#?}");
    }
    let is_there = |name: &str| {
        let xid = format!("configs/app/entries/{name}");
        let got = run(scratch, &["get", &xid, "--data", "data"]);
        let text = if name == "purged" { SECRET } else { name };
        assert!(got.code != Some(0) || got.out.contains(text), "call {at}: {got:#?}");
        got.code == Some(0)
    };
    let tried = acknowledged.documents.len() == PUTS.len();
    for name in &acknowledged.documents {
        let may_be_gone = *name == "purged" && tried;
        assert!(is_there(name) || may_be_gone, "call {at}: {name} is lost");
    }
    let is_purged = tried && !is_there("purged");
    assert!(is_purged || !acknowledged.purged, "call {at}: the purge is lost");
    let has_key = show(&["keys", "list"]).contains("\"first\"");
    assert!(has_key || !acknowledged.has_key, "call {at}: the key is lost");
    if is_purged {
        for file in std::fs::read_dir(scratch.join("data")).unwrap() {
            let file = file.unwrap().path();
            let bytes = if file.is_file() { std::fs::read(&file).unwrap() } else { Vec::new() };
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "call {at}: {} holds what was purged", file.display());
        }
    }
    run(scratch, &["ledger", "verify", "--data", "data"]).expect(0);
}

#[test]
fn whatever_call_a_kill_comes_at_nothing_is_lost_and_nothing_comes_back() {
    let scratch = TempDir::new().unwrap();
    let count = scratch.path().join("count");
    let whole = live(scratch.path(), &[("KILLING_COUNT", count.to_str().unwrap())]);
    assert!(whole.purged && whole.has_key, "{whole:?}");
    check(scratch.path(), &whole, 0);
    let calls: u64 = std::fs::read_to_string(&count).unwrap().parse().unwrap();
    assert!(calls > 100, "{calls} calls change files");
    let kills = std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let mut acknowledged = 0;
    for kill in 0..kills {
        let scratch = TempDir::new().unwrap();
        let at = 1 + (kill * calls / kills + kill / calls) % calls;
        let done = live(scratch.path(), &[("KILLING_AT", &at.to_string())]);
        acknowledged += done.documents.len();
        check(scratch.path(), &done, at);
    }
    assert!(acknowledged > 0, "the kills came too early");
}
