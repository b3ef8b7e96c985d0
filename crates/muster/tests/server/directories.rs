//! Data directories that aren't what they were: none is served, and the refusal says why.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use tempfile::TempDir;

use crate::harness::{
    CommandOutput, PATIENCE, Server, ended, left_out, program, run, signal, spawn,
};

/// A directory with a registry in it, that no server has open.
struct TestDirectory {
    scratch: TempDir,
}

impl TestDirectory {
    fn make() -> Self {
        let kept = Self { scratch: TempDir::new().unwrap() };
        kept.write("first");
        kept
    }

    fn write(&self, name: &str) {
        let server = Server::on(&self.data(), &[]);
        server.put(&format!("/api/configs/app/entries/{name}"), "1").expect(201);
        assert!(server.stop().0.success());
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("registry")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    fn serve(&self) -> CommandOutput {
        serve(self.scratch.path(), &self.data())
    }

    fn init(&self) -> CommandOutput {
        run(self.scratch.path(), &["init", "--data", self.data().to_str().unwrap()])
    }

    fn verify(&self) -> CommandOutput {
        let data = self.data();
        run(self.scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()])
    }
}

fn serve(folder: &Path, data: &Path) -> CommandOutput {
    run(folder, &["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
}

#[test]
fn refuses_folders_that_are_somebody_elses() {
    let scratch = TempDir::new().unwrap();
    std::fs::write(scratch.path().join("letters.txt"), "dear").unwrap();
    let refused = serve(scratch.path(), scratch.path()).expect(1);
    assert!(refused.err.contains("foreign_folder"), "{refused:#?}");
    let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was left behind: {left:?}");
}

#[test]
fn refuses_a_format_of_a_later_release() {
    let kept = TestDirectory::make();
    for text in ["2\n", "99", "", "x", "-1", "1.5"] {
        std::fs::write(kept.file("FORMAT"), text).unwrap();
        let refused = kept.serve().expect(1);
        assert!(refused.err.contains("format_newer"), "{text:?} {refused:#?}");
    }
    std::fs::write(kept.file("FORMAT"), "1").unwrap();
    kept.write("second");
}

/// Only root can give files away, so elsewhere there is nothing to see.
#[test]
fn a_command_of_root_takes_no_file_away_from_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let directory = TestDirectory::make();
    if chown(directory.file("changes.checkpoint"), Some(65_534), Some(65_534)).is_err() {
        return left_out("giving files away", "only root may do it");
    }
    for file in ["", "FORMAT", "lock", "changes.db", "keys", "keys/ledger.key"] {
        chown(directory.file(file), Some(65_534), Some(65_534)).unwrap();
    }
    let data = directory.data();
    let create = ["keys", "create", "--name", "me", "--data", data.to_str().unwrap()];
    run(directory.scratch.path(), &create).expect(0);
    for file in ["FORMAT", "lock", "changes.db", "changes.checkpoint", "keys/ledger.key"] {
        let owner = std::fs::metadata(directory.file(file)).unwrap().uid();
        assert_eq!(owner, 65_534, "{file}");
    }
}

#[test]
fn refuses_a_registry_of_which_nobody_knows_the_kind() {
    let directory = TestDirectory::make();
    let format = std::fs::read(directory.file("FORMAT")).unwrap();
    std::fs::remove_file(directory.file("FORMAT")).unwrap();
    for refused in [directory.serve().expect(1), directory.init().expect(1)] {
        assert!(refused.err.contains("[format_missing]"), "{refused:#?}");
        assert!(refused.err.contains("1 bare"), "{refused:#?}");
    }
    std::fs::write(directory.file("FORMAT"), format).unwrap();
    directory.write("second");
}

#[test]
fn stays_locked_when_somebody_removes_the_lock() {
    let directory = TestDirectory::make();
    let server = Server::on(&directory.data(), &[]);
    std::fs::remove_file(directory.file("lock")).unwrap();
    let refused = directory.serve().expect(1);
    assert!(refused.err.contains("[in_use]"), "{refused:#?}");
    server.put("/api/configs/app/entries/second", "1").expect(201);
}

#[test]
fn refuses_a_ledger_that_has_lost_its_end() {
    let kept = TestDirectory::make();
    let before = std::fs::read(kept.file("changes.db")).unwrap();
    kept.write("second");
    let after = std::fs::read(kept.file("changes.db")).unwrap();
    std::fs::write(kept.file("changes.db"), before).unwrap();
    let refused = kept.serve().expect(1);
    assert!(refused.err.contains("tail_missing"), "{refused:#?}");
    let refused = kept.verify().expect(3);
    assert!(refused.err.contains("tail_missing"), "{refused:#?}");
    std::fs::write(kept.file("changes.db"), after).unwrap();
    kept.verify().expect(0);
    kept.write("third");
}

#[test]
fn begins_no_ledger_where_one_was() {
    let kept = TestDirectory::make();
    let before = std::fs::read(kept.file("changes.db")).unwrap();
    std::fs::remove_file(kept.file("changes.db")).unwrap();
    let data = kept.data();
    let data = data.to_str().unwrap();
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0", "--data", data][..],
        &["init", "--data", data],
        &["status", "--data", data],
        &["keys", "create", "--data", data],
    ] {
        let refused = run(kept.scratch.path(), arguments).expect(1);
        assert!(refused.err.contains("tail_missing"), "{refused:#?}");
        assert!(!kept.file("changes.db").exists(), "{arguments:?}");
    }
    // Nor where somebody has put an empty file.
    std::fs::write(kept.file("changes.db"), "").unwrap();
    let refused = kept.serve().expect(1);
    assert!(refused.err.contains("tail_missing"), "{refused:#?}");
    std::fs::write(kept.file("changes.db"), before).unwrap();
    kept.write("second");
}

#[test]
fn refuses_files_that_were_changed() {
    let kept = TestDirectory::make();
    let whole = std::fs::read(kept.file("changes.checkpoint")).unwrap();
    let key = std::fs::read(kept.file("keys/ledger.key")).unwrap();
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    for (file, bytes) in [
        ("changes.checkpoint", Vec::new()),
        ("changes.checkpoint", whole[..whole.len() / 2].to_vec()),
        ("changes.checkpoint", changed(&whole, 3)),
        ("changes.checkpoint", changed(&whole, whole.len() - 8)),
        ("changes.checkpoint", vec![0; 100_000]),
        ("keys/ledger.key", Vec::new()),
        ("keys/ledger.key", changed(&key, key.len() - 8)),
        ("changes.db", b"not a database at all, but long enough to be looked at".repeat(100)),
    ] {
        let before = std::fs::read(kept.file(file)).unwrap();
        std::fs::write(kept.file(file), bytes).unwrap();
        let refused = kept.serve().expect(1);
        assert!(
            refused.err.contains("help: ") && !refused.err.contains("panicked"),
            "{refused:#?}"
        );
        std::fs::write(kept.file(file), before).unwrap();
    }
    kept.verify().expect(0);
    // Without its key nobody could sign; a new one would be another registry's.
    std::fs::remove_file(kept.file("keys/ledger.key")).unwrap();
    kept.serve().expect(1);
    assert!(!kept.file("keys/ledger.key").exists());
}

/// What each step of making a directory leaves behind where it is the last one.
fn cut_off(data: &Path, steps: usize) {
    let step = |number: usize, name: &str, text: &str| {
        if steps >= number {
            std::fs::write(data.join(name), text).unwrap();
        }
    };
    std::fs::create_dir(data).unwrap();
    step(1, "lock", "");
    step(2, "lock", "{\"process\":1}");
    step(3, "FORMAT.new", "");
    step(4, "FORMAT", "1\n");
    step(5, "changes.db", "");
    if steps >= 6 {
        std::fs::create_dir(data.join("keys")).unwrap();
    }
    step(7, "keys/ledger.new", "PRIVATE+KEY+he");
}

#[test]
fn finishes_a_directory_that_was_begun() {
    for steps in 0..=7 {
        let scratch = TempDir::new().unwrap();
        let data = scratch.path().join("registry");
        cut_off(&data, steps);
        let asked = ["init", "--registry-id", "here", "--data", data.to_str().unwrap()];
        let made = run(scratch.path(), &asked).expect(0);
        assert!(made.out.starts_with("registry here in "), "{steps} {made:#?}");
        let refused = run(scratch.path(), &asked).expect(1);
        assert!(refused.err.contains("[already_there]"), "{steps} {refused:#?}");
        run(scratch.path(), &["ledger", "verify", "--data", data.to_str().unwrap()]).expect(0);
    }
}

#[test]
fn finishes_a_directory_that_has_a_key_and_no_entry_with_that_key() {
    let scratch = TempDir::new().unwrap();
    let [made, begun] = ["made", "begun"].map(|name| scratch.path().join(name));
    let init = |data: &Path, id: &str| {
        run(scratch.path(), &["init", "--data", data.to_str().unwrap(), "--registry-id", id])
    };
    init(&made, "here").expect(0);
    cut_off(&begun, 6);
    std::fs::copy(made.join("keys/ledger.key"), begun.join("keys/ledger.key")).unwrap();
    let refused = init(&begun, "there").expect(1);
    assert!(refused.err.contains("holds the registry here, not there"), "{refused:#?}");
    assert!(refused.err.contains("[other_id]"), "{refused:#?}");
    let made = init(&begun, "here").expect(0);
    assert!(made.out.starts_with("registry here in "), "{made:#?}");
}

#[test]
fn refuses_another_id_than_the_registrys() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let data = data.to_str().unwrap();
    run(scratch.path(), &["init", "--data", data, "--registry-id", "here"]).expect(0);
    for (arguments, code) in [
        (&["init", "--data", data][..], "already_there"),
        (&["init", "--data", data, "--registry-id", "here"], "already_there"),
        (&["init", "--data", data, "--registry-id", "there"], "other_id"),
        (
            &["serve", "--data", data, "--listen", "127.0.0.1:0", "--registry-id", "there"],
            "other_id",
        ),
    ] {
        let refused = run(scratch.path(), arguments).expect(1);
        assert!(refused.err.contains(&format!("[{code}]")), "{refused:#?}");
        assert!(refused.err.contains("the registry here") || code != "other_id", "{refused:#?}");
    }
    let server = Server::start(&["--data", data, "--registry-id", "here"]);
    assert_eq!(server.get("/api").expect(200).json()["registryid"], "here");
}

#[test]
fn nothing_is_made_for_what_was_not_understood() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let flags = ["serve", "--data", data.to_str().unwrap()];
    for wrong in [
        ["--listen", "nowhere"],
        ["--metrics-listen", "nowhere"],
        ["--registry-id", "no id"],
        ["--public-url", "ftp://x"],
    ] {
        run(scratch.path(), &[&flags[..], &wrong].concat()).expect(2);
        assert!(!data.exists(), "{wrong:?}");
    }
}

#[test]
fn a_new_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = TempDir::new().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let made = scratch.path().join("a/b/registry");
    run(scratch.path(), &["init", "--data", made.to_str().unwrap()]).expect(0);
    assert_eq!(mode(&made), 0o700);
    assert_ne!(mode(made.parent().unwrap()), 0o700, "what is around it is as the user has it");
    for file in ["FORMAT", "lock", "changes.db", "changes.checkpoint", "keys/ledger.key"] {
        assert_eq!(mode(&made.join(file)), 0o600, "{file}");
    }
    let server = Server::on(&made, &[]);
    server.put("/api/configs/app/entries/first", "1").expect(201);
    for file in ["changes.db-wal", "changes.db-shm"] {
        assert_eq!(mode(&made.join(file)), 0o600, "{file}");
    }
    drop(server);
    // One that is there stays as somebody has set it.
    let there = scratch.path().join("there");
    std::fs::create_dir(&there).unwrap();
    std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o750)).unwrap();
    run(scratch.path(), &["init", "--data", there.to_str().unwrap()]).expect(0);
    assert_eq!(mode(&there), 0o750);
}

#[test]
fn a_public_url_of_a_network_needs_a_key() {
    let scratch = TempDir::new().unwrap();
    let url = "https://registry.example";
    let serve = ["serve", "--memory", "--listen", "127.0.0.1:0", "--public-url", url];
    let refused = run(scratch.path(), &serve).expect(1);
    assert!(refused.err.contains("[key_required]"), "{refused:#?}");
    assert!(refused.err.contains("or leave out the public URL"), "{refused:#?}");
    let key = [("MUSTER_API_KEY", "correct-horse-battery-staple")];
    for (url, settings) in [(url, &key[..]), ("http://localhost:9", &[])] {
        let (mut child, scratch) = spawn(&["--memory", "--public-url", url], settings);
        let log = || std::fs::read_to_string(scratch.path().join("log")).unwrap();
        let until = Instant::now() + PATIENCE;
        while !log().contains("muster is ready") {
            assert!(Instant::now() < until && child.try_wait().unwrap().is_none(), "{}", log());
        }
        signal(child.id(), "TERM");
        assert!(ended(&mut child).success());
    }
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    let scratch = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let data = scratch.path().join("data");
    let directory = data.to_str().unwrap();
    let free = "127.0.0.1:0";
    for (flags, code) in [
        (&["--listen", &taken][..], "address_in_use"),
        (&["--listen", free, "--metrics-listen", &taken], "address_in_use"),
        (&["--listen", free, "--confluent-listen", &taken], "address_in_use"),
        (&["--listen", "127.0.0.1:19", "--confluent-listen", "127.0.0.1:19"], "address_in_use"),
        (&["--listen", "0.0.0.0:0"], "key_required"),
        (&["--listen", free, "--confluent-listen", "0.0.0.0:0"], "key_required"),
        (&["--listen", free, "--public-url", "https://registry.example"], "key_required"),
    ] {
        let serve = [&["serve", "--data", directory][..], flags].concat();
        let refused = run(scratch.path(), &serve).expect(1);
        assert!(refused.err.contains(&format!("[{code}]")), "{flags:?}: {refused:#?}");
        assert!(!data.exists(), "{flags:?} made a directory");
    }
    // A first key isn't made either, where there is a registry without one.
    run(scratch.path(), &["init", "--data", directory]).expect(0);
    let key = format!("muster_admin_{}", "0123456789abcdef".repeat(4));
    let mut command = program(scratch.path());
    command.args(["serve", "--data", directory, "--listen", &taken]);
    let refused = command.env("MUSTER_ADMIN_KEY", key).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let keys = run(scratch.path(), &["keys", "list", "--data", directory, "--output", "json"]);
    assert!(!keys.expect(0).out.contains("\"id\""));
}
