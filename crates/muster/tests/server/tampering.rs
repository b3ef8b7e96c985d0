//! Registries whose files somebody changed: verifying names the first thing wrong without opening
//! them, writes nothing, and a server that can't open one leads to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use muster_words::Digest;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, run},
};

/// A whole registry, from which each case takes a copy.
struct SoundRegistry {
    scratch: TempDir,
    /// The position of each marked content.
    positions: Vec<(&'static str, u64)>,
    last: u64,
}

const RULE: &str = r#"{"expression":"true","severity":"error","message":"never","pointer":""}"#;

/// What is searched for in the stored contents, to learn where they lie.
const MARKED: [(&str, &str); 5] = [
    ("document", "\"the third\""),
    ("attributes", "{\"description\":\"patched\"}"),
    ("group", "\"/rulegroups/own\""),
    ("key", "\"deployer\""),
    ("model", "\"gadgets\""),
];

impl SoundRegistry {
    fn make() -> Self {
        let scratch = TempDir::new().unwrap();
        let data = scratch.path().join("whole");
        let server = Server::on(&data, &["--registry-id", "one"]);
        server.put("/api/rulegroups/own/rules/all", RULE).expect(201);
        let bound = r#"{"muster":{"rules":["/rulegroups/own"]}}"#;
        let group = Ask::json("PUT", "/api/configs/bound", bound.to_owned());
        server.ask(&group).expect(201);
        let model = r#"{"groups":{"gadgets":{"singular":"gadget"}}}"#.to_owned();
        server.ask(&Ask::json("PUT", "/api/modelsource", model)).expect(200);
        for name in ["first", "second", "third", "fourth"] {
            let path = format!("/api/configs/app/entries/{name}");
            server.put(&path, format!("\"the {name}\"")).expect(201);
        }
        let patch = r#"{"description":"patched"}"#.to_owned();
        let details = "/api/configs/app/entries/first$details";
        server.ask(&Ask::json("PATCH", details, patch)).expect(200);
        server.delete("/api/configs/app/entries/second?purge").expect(204);
        assert!(server.stop().0.success());
        let create = ["keys", "create", "--role", "admin", "--name", "deployer", "--data", "whole"];
        run(scratch.path(), &create).expect(0);
        let database = Connection::open(data.join("changes.db")).unwrap();
        let positions = MARKED.map(|(name, text)| {
            let sql = "SELECT key >> 16 FROM contents WHERE instr(bytes, cast(?1 AS BLOB)) > 0";
            let position: i64 = database.query_row(sql, [text], |row| row.get(0)).unwrap();
            (name, u64::try_from(position).unwrap())
        });
        let last: i64 =
            database.query_row("SELECT max(position) FROM entries", [], |row| row.get(0)).unwrap();
        drop(database);
        Self { scratch, positions: positions.to_vec(), last: u64::try_from(last).unwrap() }
    }

    fn at(&self, name: &str) -> u64 {
        self.positions.iter().find(|(own, _)| *own == name).unwrap().1
    }

    /// A copy of it to be changed.
    fn copy(&self) -> RegistryCopy {
        let scratch = TempDir::new().unwrap();
        let data = scratch.path().join("copy");
        copy(&self.scratch.path().join("whole"), &data);
        RegistryCopy { scratch, data }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

struct RegistryCopy {
    scratch: TempDir,
    data: PathBuf,
}

impl RegistryCopy {
    fn database(&self) -> Connection {
        Connection::open(self.data.join("changes.db")).unwrap()
    }

    fn do_sql(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }

    fn verify(&self) -> CommandOutput {
        run(self.scratch.path(), &["ledger", "verify", "--data", "copy"])
    }

    fn serve(&self) -> CommandOutput {
        run(self.scratch.path(), &["serve", "--listen", "127.0.0.1:0", "--data", "copy"])
    }

    /// Changes bytes of an entry, and the hash beside them so that the store sees nothing.
    fn rewrite_entry(&self, position: u64, change: impl Fn(&mut [u8])) {
        let database = self.database();
        let position = i64::try_from(position).unwrap();
        let sql = "SELECT bytes FROM entries WHERE position = ?1";
        let mut bytes: Vec<u8> = database.query_row(sql, [position], |row| row.get(0)).unwrap();
        change(&mut bytes);
        let leaf = Digest::of_parts(&[&[0], &bytes]);
        let sql = "UPDATE entries SET bytes = ?2, leaf = ?3 WHERE position = ?1";
        assert_eq!(database.execute(sql, params![position, bytes, leaf.0]).unwrap(), 1);
    }
}

/// Lets an entry be of somebody else.
fn another_actor(bytes: &mut [u8]) {
    let at = bytes.windows(5).position(|window| window == b"admin").unwrap();
    bytes[at] = b'A';
}

fn contents_at(position: u64) -> String {
    format!("key >> 16 = {position}")
}

fn append_space(position: u64) -> String {
    format!(
        "UPDATE contents SET bytes = cast(bytes || x'20' AS BLOB) WHERE {}",
        contents_at(position)
    )
}

/// What a case does, and what must be said of it: the code, the position, and a text.
type Case = (
    &'static str,
    fn(&SoundRegistry, &RegistryCopy),
    &'static str,
    fn(&SoundRegistry) -> Option<u64>,
    &'static str,
);

const CASES: [Case; 17] = [
    (
        "a document",
        |whole, copy| copy.do_sql(&append_space(whole.at("document"))),
        "content_changed",
        |whole| Some(whole.at("document")),
        "the document of /configs/app/entries/third/versions/1: its digest is ",
    ),
    (
        "a document's digest",
        |whole, copy| {
            let at = contents_at(whole.at("document"));
            copy.do_sql(&format!("UPDATE contents SET digest = zeroblob(32) WHERE {at}"));
        },
        "content_changed",
        |whole| Some(whole.at("document")),
        ": its digest is 0000000000000000000000000000000000000000000000000000000000000000;",
    ),
    (
        "a document that is gone",
        |whole, copy| {
            let at = contents_at(whole.at("document"));
            copy.do_sql(&format!("DELETE FROM contents WHERE {at}"));
        },
        "content_missing",
        |whole| Some(whole.at("document")),
        "the document of /configs/app/entries/third/versions/1 is missing",
    ),
    (
        "attributes",
        |whole, copy| copy.do_sql(&append_space(whole.at("attributes"))),
        "content_changed",
        |whole| Some(whole.at("attributes")),
        "the attributes of /configs/app/entries/first/versions/1: its digest is ",
    ),
    (
        "a group's attributes, without which nothing can be folded",
        |whole, copy| copy.do_sql(&append_space(whole.at("group"))),
        "content_changed",
        |whole| Some(whole.at("group")),
        "the attributes of /configs/bound: its digest is ",
    ),
    (
        "the model, without which nothing can be folded",
        |whole, copy| copy.do_sql(&append_space(whole.at("model"))),
        "content_changed",
        |whole| Some(whole.at("model")),
        "the model: its digest is ",
    ),
    (
        "a key's record",
        |whole, copy| copy.do_sql(&append_space(whole.at("key"))),
        "content_changed",
        |whole| Some(whole.at("key")),
        "the record of the key ",
    ),
    (
        "an entry's bytes",
        |_, copy| {
            copy.do_sql(
                "UPDATE entries SET bytes = cast(bytes || x'00' AS BLOB) WHERE position = 5",
            )
        },
        "chain_broken",
        |_| Some(5),
        "the entry has changed",
    ),
    (
        "an entry's bytes, with the hash beside them",
        |_, copy| copy.rewrite_entry(5, another_actor),
        "chain_broken",
        |_| Some(6),
        "position 6 follows an entry with hash ",
    ),
    (
        "the last entry's bytes",
        |whole, copy| {
            let last = whole.last;
            copy.do_sql(&format!(
                "UPDATE entries SET bytes = cast(bytes || x'00' AS BLOB) WHERE position = {last}"
            ));
        },
        "chain_broken",
        |whole| Some(whole.last),
        "the entry has changed",
    ),
    (
        "the last entry's bytes, with the hash beside them",
        |whole, copy| copy.rewrite_entry(whole.last, another_actor),
        "checkpoint_broken",
        |_| None,
        "don't match the signed checkpoint",
    ),
    (
        "an entry in the middle that is gone",
        |_, copy| copy.do_sql("DELETE FROM entries WHERE position = 4"),
        "chain_broken",
        |_| Some(4),
        "the entry is missing",
    ),
    (
        "the last entry that is gone",
        |whole, copy| {
            copy.do_sql(&format!("DELETE FROM entries WHERE position = {}", whole.last));
        },
        "tail_missing",
        |whole| Some(whole.last),
        "the ledger ends at position ",
    ),
    (
        "two entries that changed places",
        |_, copy| {
            copy.do_sql(
                "UPDATE entries SET position = -1 WHERE position = 4;
                 UPDATE entries SET position = 4 WHERE position = 5;
                 UPDATE entries SET position = 5 WHERE position = -1;",
            );
        },
        "chain_broken",
        |_| Some(4),
        "position 4",
    ),
    (
        "the checkpoint's bytes",
        |_, copy| {
            let path = copy.data.join("changes.checkpoint");
            let mut note = fs::read(&path).unwrap();
            note[1] ^= 1;
            fs::write(path, note).unwrap();
        },
        "checkpoint_broken",
        |_| None,
        "isn't signed with the ledger's key",
    ),
    (
        "the checkpoint of another ledger of that name",
        |_, copy| {
            let other = copy.scratch.path().join("other");
            assert!(Server::on(&other, &["--registry-id", "one"]).stop().0.success());
            let name = "changes.checkpoint";
            fs::copy(other.join(name), copy.data.join(name)).unwrap();
        },
        "checkpoint_broken",
        |_| None,
        "isn't signed with the ledger's key",
    ),
    (
        "a page of the database",
        |_, copy| {
            let path = copy.data.join("changes.db");
            let mut file = fs::read(&path).unwrap();
            file[..8_192].fill(0xff);
            fs::write(path, file).unwrap();
        },
        "ledger_unusable",
        |_| None,
        "changes.db",
    ),
];

/// Cases that a start doesn't meet, because it reads no document that nothing needs.
const SERVED: [&str; 4] =
    ["a document", "a document's digest", "a document that is gone", "attributes"];

#[test]
fn names_the_first_thing_that_was_changed_and_writes_nothing() {
    let whole = SoundRegistry::make();
    for (case, change, code, position, text) in CASES {
        let copy = whole.copy();
        change(&whole, &copy);
        let before = fs::read(copy.data.join("changes.db")).unwrap();
        let said = copy.verify().expect(3).err;
        assert!(said.contains(&format!("[{code}]")) && said.contains(text), "{case}: {said}");
        assert!(
            said.contains("\"When a ledger doesn't verify\" in Muster's documentation"),
            "{case}: {said}"
        );
        if let Some(position) = position(&whole) {
            assert!(said.contains(&format!("position {position}")), "{case}: {said}");
            let whole = format!("all entries up to {} verify", position - 1);
            assert!(said.contains(&whole), "{case}: {said}");
        } else {
            assert!(!said.contains("all entries up to"), "{case}: {said}");
        }
        if code == "content_changed" {
            let digests = said.split(|at: char| !at.is_ascii_alphanumeric()).filter(|word| {
                word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            assert_eq!(digests.count(), 2, "{case}: {said}");
            assert!(said.contains("Z: "), "{case} has no time: {said}");
        }
        let after = fs::read(copy.data.join("changes.db")).unwrap();
        assert!(before == after, "{case}: verifying has written");
        assert!(!copy.data.join("changes.db-wal").exists(), "{case}");
        if !SERVED.contains(&case) {
            let refused = copy.serve().expect(1).err;
            assert!(refused.contains("muster ledger verify"), "{case}: {refused}");
            assert!(
                refused.contains("\"When a ledger doesn't verify\" in Muster's documentation"),
                "{case}: {refused}"
            );
        }
    }
}

#[test]
fn a_whole_ledger_verifies_and_says_what_it_was_compared_with() {
    let whole = SoundRegistry::make();
    let copy = whole.copy();
    let said = copy.verify().expect(0).out;
    assert!(said.contains(&format!("{} entries, ", whole.last)), "{said}");
    assert!(said.contains(&format!("checkpoint of {} signed by", whole.last)), "{said}");
    fs::remove_file(copy.data.join("changes.checkpoint")).unwrap();
    let said = copy.verify().expect(0).out;
    assert!(said.contains("there is no checkpoint, "), "{said}");
}

#[test]
fn what_a_crash_left_in_the_log_is_verified_and_stays_there() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("copy");
    let server = Server::on(&data, &[]);
    for number in 0..5 {
        server.put(&format!("/api/configs/app/entries/e{number}"), "1").expect(201);
    }
    let position = server.position();
    server.kill();
    let log = data.join("changes.db-wal");
    let before = fs::read(&log).unwrap();
    assert!(!before.is_empty());
    let copy = RegistryCopy { scratch, data };
    let said = copy.verify().expect(0).out;
    assert!(said.contains(&format!("{position} entries, ")), "{said}");
    assert!(fs::read(&log).unwrap() == before, "verifying has touched the log");
}
