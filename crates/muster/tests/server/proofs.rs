//! Proofs that a stranger checks: written by the program over a server or a directory, checked
//! offline, and refused after any change.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, run},
};

/// A registry with some documents, and a folder for files.
struct Proving {
    scratch: TempDir,
    server: Server,
}

impl Proving {
    fn start() -> Self {
        let scratch = TempDir::new().unwrap();
        let server = Server::on(&scratch.path().join("data"), &["--registry-id", "one"]);
        server.put("/api/configs/app/entries/first", r#"{"a": 1}"#).expect(201);
        server.put("/api/configs/app/entries/second", r#"{"b": 1}"#).expect(201);
        Self { scratch, server }
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs a command with this server.
    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let url = self.server.url("127.0.0.1");
        run(self.folder(), &[arguments, &["--server", &url]].concat())
    }

    fn key(&self) -> String {
        self.run(&["keys", "ledger"]).expect(0).out.trim().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder().join(name), text).unwrap();
    }

    /// Checks a file offline.
    fn check(&self, file: &str, more: &[&str]) -> CommandOutput {
        let key = self.key();
        run(self.folder(), &[&["ledger", "check", file, "--key", &key], more].concat())
    }
}

#[test]
fn proves_a_document_to_somebody_without_a_registry() {
    let proving = Proving::start();
    let prove = ["ledger", "prove", "configs/app/entries/first", "--out", "first.tlog-proof"];
    let said = proving.run(&prove).expect(0);
    assert!(said.out.contains("first.tlog-proof: 1 document, in the checkpoint of "), "{said:?}");
    assert!(said.err.contains("muster ledger check first.tlog-proof --key 'one/changes+"));
    proving.write("first.json", r#"{"a": 1}"#);
    let key = proving.key();
    proving.write("ledger.key", format!("{key}\n"));
    let checked = proving.check("first.tlog-proof", &["--document", "first.json"]).expect(0).out;
    for part in [
        "/configs/app/entries/first, version 1\n",
        "  recorded at position ",
        "  document sha256:",
        ", 8 bytes\n",
        "  first.json is this document\n",
        "1 proof verified; checkpoint of ",
        " signed by one/changes+",
    ] {
        assert!(checked.contains(part), "{part} isn't in {checked}");
    }
    // The key may be in a file, and programs read JSON.
    let json = ["ledger", "check", "first.tlog-proof", "--key", "ledger.key", "--output", "json"];
    let json: Value = serde_json::from_str(&run(proving.folder(), &json).expect(0).out).unwrap();
    assert_eq!(json["verified"], true);
    assert_eq!(json["proofs"][0]["xid"], "/configs/app/entries/first/versions/1");
    assert_eq!(json["proofs"][0]["version"], "1");
    assert_eq!(json["proofs"][0]["contents"][0]["part"], "document");
    // Another document isn't it.
    proving.write("other.json", r#"{"a": 2}"#);
    let other = proving.check("first.tlog-proof", &["--document", "other.json"]).expect(3);
    assert!(other.err.contains("[document_differs]"), "{other:?}");
    // Standard output is the same file.
    let out = proving.run(&["ledger", "prove", "configs/app/entries/first"]).expect(0).out;
    assert!(out.starts_with("c2sp.org/tlog-proof@v1\nextra "), "{out}");
}

#[test]
fn refuses_a_proof_that_was_changed_or_that_another_key_signed() {
    let proving = Proving::start();
    let prove = ["ledger", "prove", "configs/app/entries/first", "--out", "p"];
    proving.run(&prove).expect(0);
    let whole = proving.read("p");
    // A bit in each line, behind the words that the format demands.
    for (number, line) in whole.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        let mut letters: Vec<char> = line.chars().collect();
        let at = letters.len() * 2 / 3;
        letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
        lines[number] = letters.into_iter().collect();
        proving.write("changed", lines.join("\n") + "\n");
        let refused = proving.check("changed", &[]).expect(3);
        assert!(refused.err.contains("[proof_invalid]"), "line {number}: {refused:?}");
    }
    for text in ["", "c2sp.org/tlog-proof@v1\n", &whole[..whole.len() - 1]] {
        proving.write("changed", text);
        proving.check("changed", &[]).expect(3);
    }
    let other = Server::on(&proving.folder().join("other"), &["--registry-id", "one"]);
    let url = other.url("127.0.0.1");
    let key = run(proving.folder(), &["keys", "ledger", "--server", &url]).expect(0).out;
    let check = ["ledger", "check", "p", "--key", key.trim()];
    let refused = run(proving.folder(), &check).expect(3);
    assert!(refused.err.contains("[proof_invalid]"), "{refused:?}");
    run(proving.folder(), &["ledger", "check", "p", "--key", "none"]).expect(2);
    run(proving.folder(), &["ledger", "check", "absent", "--key", key.trim()]).expect(1);
}

#[test]
fn proves_versions_groups_and_what_came_later() {
    let proving = Proving::start();
    let first = "/api/configs/app/entries/first";
    proving.server.post(first, r#"{"a": 2}"#).expect(201);
    let details = format!("{first}/versions/1$details");
    let patch = r#"{"description":"patched"}"#;
    proving.server.ask(&Ask::json("PATCH", &details, patch.to_owned())).expect(200);
    let all = proving.run(&["ledger", "prove", "configs/app", "--out", "app"]).expect(0);
    assert!(all.out.contains("app: 2 documents"), "{all:?}");
    let checked = proving.check("app", &[]).expect(0).out;
    assert!(checked.contains("/configs/app/entries/first, version 2\n"), "{checked}");
    assert!(checked.contains("/configs/app/entries/second, version 1\n"), "{checked}");
    assert!(checked.contains("2 proofs verified"), "{checked}");
    // The document of version 1 was recorded before its attributes were patched.
    let version = ["ledger", "prove", "configs/app/entries/first", "--version", "1"];
    let current = [&version[..], &["--current", "--out", "v1"]].concat();
    proving.run(&current).expect(0);
    proving.write("first.json", r#"{"a": 1}"#);
    let checked = proving.check("v1", &["--document", "first.json"]).expect(0).out;
    for part in [
        "/configs/app/entries/first, version 1\n",
        "first.json is this document",
        "that there are no others can't be proven",
        "    /configs/app/entries/first/versions/2 was written with sha256:",
        "    version 2 is the default of /configs/app/entries/first",
        "    /configs/app/entries/first/versions/1 was written with sha256:",
        "3 proofs verified",
    ] {
        assert!(checked.contains(part), "{part} isn't in {checked}");
    }
    for (arguments, code) in [
        (&["configs/app", "--version", "1"][..], 2),
        (&["configs/app/entries/none"], 1),
        (&["configs/none"], 1),
        (&["configs/app/entries/first", "--version", "9"], 1),
    ] {
        proving.run(&[&["ledger", "prove"], arguments].concat()).expect(code);
    }
}

#[test]
fn what_was_erased_stays_provable_by_its_digest() {
    let proving = Proving::start();
    proving.server.delete("/api/configs/app/entries/first?purge").expect(204);
    let prove = ["ledger", "prove", "configs/app/entries/first", "--current", "--out", "gone"];
    proving.run(&prove).expect(0);
    proving.write("first.json", r#"{"a": 1}"#);
    let checked = proving.check("gone", &["--document", "first.json"]).expect(0).out;
    assert!(checked.contains("first.json is this document"), "{checked}");
    assert!(checked.contains("/configs/app/entries/first was erased"), "{checked}");
}

#[test]
fn an_older_checkpoint_is_the_beginning_of_a_ledger_that_was_not_rewritten() {
    let proving = Proving::start();
    let data = proving.folder().join("data");
    let data = data.to_str().unwrap();
    let url = proving.server.url("127.0.0.1");
    let old = proving.run(&["ledger", "checkpoint"]).expect(0).out;
    proving.write("old", &old);
    proving.server.put("/api/configs/app/entries/third", "3").expect(201);
    let verified = proving.run(&["ledger", "verify", "--against", "old"]).expect(0).out;
    assert!(verified.contains("old: its "), "{verified}");
    assert!(verified.contains(" are the beginning of these "), "{verified}");
    let Proving { scratch, server } = proving;
    let (folder, at) = (scratch.path(), ["--data", data]);
    let verify = |more: &[&str]| run(folder, &[&["ledger", "verify"], more].concat());
    assert!(server.stop().0.success());
    verify(&[&at[..], &["--against", "old"]].concat()).expect(0);
    run(folder, &["ledger", "prove", "configs/app/entries/third", "--data", data]).expect(0);
    // The same registry, restored from before, goes another way: same key, same origin.
    let fork = folder.join("fork");
    run(folder, &["init", "--data", "fork", "--registry-id", "one"]).expect(0);
    for file in fs::read_dir(folder.join("data/keys")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), fork.join("keys").join(file.file_name())).unwrap();
    }
    fs::remove_file(fork.join("changes.checkpoint")).unwrap();
    let fork_data = fork.to_str().unwrap();
    let forked = Server::on(&fork, &[]);
    for name in ["x", "y", "z", "w"] {
        forked.put(&format!("/api/configs/app/entries/{name}"), "1").expect(201);
    }
    let fork_url = forked.url("127.0.0.1");
    let refused = verify(&["--against", "old", "--server", &fork_url]).expect(3);
    assert!(refused.err.contains("[ledger_forked]"), "{refused:?}");
    assert!(forked.stop().0.success());
    let refused = verify(&["--against", "old", "--data", fork_data]).expect(3);
    assert!(refused.err.contains("[ledger_forked]"), "{refused:?}");
    // What isn't a checkpoint of this ledger is refused before anything is compared.
    fs::write(folder.join("changed"), old.replace("one/changes\n", "two/changes\n")).unwrap();
    let refused = verify(&["--against", "changed", "--data", data]).expect(3);
    assert!(refused.err.contains("[proof_invalid]"), "{refused:?}");
    verify(&["--against", "absent", "--data", data]).expect(1);
    drop(url);
}

#[test]
fn a_registry_in_memory_has_no_key_and_proves_nothing() {
    let scratch = TempDir::new().unwrap();
    let server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/first", "1").expect(201);
    let url = server.url("127.0.0.1");
    for command in [&["keys", "ledger"][..], &["ledger", "prove", "configs/app/entries/first"]] {
        let refused = run(scratch.path(), &[command, &["--server", &url]].concat()).expect(1);
        assert!(refused.err.contains("[not_signed]"), "{refused:?}");
    }
}
