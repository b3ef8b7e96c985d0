//! Backups with the real program: made while a server runs, verified, restored, and refused.

use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, run},
    publishing::wait_for,
};

fn json(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.out).unwrap()
}

/// A server with a few documents, and a backup of it.
fn backed_up(folder: &Path) -> Server {
    let server = Server::on(&folder.join("data"), &[]);
    server.ask(&Ask::json("PUT", "/api/configs/app/entries/a", "[1]")).expect(201);
    server.ask(&Ask::json("PUT", "/api/configs/app/entries/a", "[2]")).expect(200);
    server.ask(&Ask::json("PUT", "/api/configs/app/entries/gone", "[\"secret\"]")).expect(201);
    server.ask(&Ask::new("DELETE", "/api/configs/app/entries/gone?purge")).expect(204);
    let url = server.url("127.0.0.1");
    let made = run(folder, &["backup", "a.backup", "--server", &url, "--output", "json"]).expect(0);
    assert_eq!(json(&made)["entries"], server.position());
    server
}

#[test]
fn a_backup_of_a_running_server_is_restored_with_its_past() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = backed_up(folder);
    let (position, url) = (server.position(), server.url("127.0.0.1"));
    // Made again, it is the same copy; a file is never replaced.
    let again = run(folder, &["backup", "a.backup", "--server", &url]).expect(1);
    assert!(again.err.contains("file_exists"), "{}", again.err);
    drop(server);

    let made = ["restore-backup", "a.backup", "--data", "new", "--output", "json"];
    let made = json(&run(folder, &made).expect(0));
    assert_eq!(made["entries"], position + 1);
    let restored = Server::on(&folder.join("new"), &[]);
    assert_eq!(restored.get("/api/configs/app/entries/a").expect(200).text(), "[2]");
    // What was put first stands at the position at which it stood.
    let log = restored.get("/log/configs/app/entries/a").expect(200).json();
    let first = log["entries"].as_array().unwrap().last().unwrap()["position"].as_u64().unwrap();
    let then = format!("/api/configs/app/entries/a?at={first}");
    assert_eq!(restored.get(&then).expect(200).text(), "[1]");
    let newest = &restored.get("/log?limit=1").expect(200).json()["entries"][0];
    assert_eq!(newest["changes"][0]["action"], "moved", "{newest}");
    let ledger = restored.get("/ledger").expect(200).json();
    assert_eq!(ledger["key"], made["key"]);
    assert_ne!(made["key"], made["formerkey"]);
    drop(restored);
    run(folder, &["ledger", "verify", "--data", "new"]).expect(0);
    let full = run(folder, &["restore-backup", "a.backup", "--data", "new"]).expect(1);
    assert!(full.err.contains("already_there"), "{}", full.err);
}

#[test]
fn a_data_directory_is_backed_up_without_a_server() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    drop(backed_up(folder));
    run(folder, &["backup", "b.backup", "--data", "data"]).expect(0);
    run(folder, &["restore-backup", "b.backup", "--data", "new"]).expect(0);
    run(folder, &["backup", "again.backup", "--data", "new"]).expect(0);
    let checked = run(folder, &["backup", "--check", "again.backup"]).expect(0);
    assert!(checked.out.contains("is sound"), "{}", checked.out);
}

#[test]
fn a_broken_backup_leaves_nothing_behind() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = backed_up(folder);
    let key = server.get("/ledger").expect(200).json()["key"].as_str().unwrap().to_owned();
    drop(server);
    let bytes = std::fs::read(folder.join("a.backup")).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"secret"), "what was erased isn't in it");
    let checked = run(folder, &["backup", "--check", "a.backup", "--key", &key]).expect(0);
    assert!(checked.out.contains("is sound"), "{}", checked.out);
    let other = key.replace("/changes+", "/others+");
    run(folder, &["backup", "--check", "a.backup", "--key", &other]).expect(2);

    let mut flipped = bytes.clone();
    let middle = bytes.len() / 2;
    flipped[middle] ^= 1;
    for (name, content) in [
        ("flipped", flipped.as_slice()),
        ("cut", &bytes[..bytes.len() - 30]),
        ("longer", &[&bytes, b"more bytes".as_slice()].concat()),
        ("foreign", b"PK\x03\x04"),
        ("empty", b""),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
        for command in
            [&["backup", "--check", name][..], &["restore-backup", name, "--data", "never"]]
        {
            let refused = run(folder, command).expect(if name == "foreign" { 1 } else { 3 });
            assert!(refused.err.contains("[backup_broken]"), "{name}: {}", refused.err);
        }
    }
    let missing = run(folder, &["restore-backup", "none", "--data", "never"]).expect(1);
    assert!(missing.err.contains("[no_file]"), "{}", missing.err);
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("restoring")).collect();
    assert!(left.is_empty() && !folder.join("never").exists(), "{left:?}");
}

#[test]
fn a_registry_in_memory_and_a_key_with_a_scope_have_no_backup() {
    let server = Server::in_memory(&[]);
    server.get("/backup").expect(404);
    let scratch = TempDir::new().unwrap();
    let server = Server::on(&scratch.path().join("data"), &[]);
    let created = |body: &str| {
        let key = server.ask(&Ask::json("POST", "/keys", body)).expect(201).json();
        key["key"].as_str().unwrap().to_owned()
    };
    let admin = created(r#"{"name":"root","role":"admin"}"#);
    let bearer = format!("Bearer {admin}");
    let scoped =
        Ask::json("POST", "/keys", r#"{"name":"cms","role":"admin","scope":["/configs"]}"#);
    let scoped = server.ask(&scoped.header("Authorization", &bearer)).expect(201).json();
    let auditor = Ask::json("POST", "/keys", r#"{"name":"eve","role":"auditor"}"#);
    let auditor = server.ask(&auditor.header("Authorization", &bearer)).expect(201).json();
    for (key, code) in [(&scoped["key"], "out_of_scope"), (&auditor["key"], "role_denied")] {
        let bearer = format!("Bearer {}", key.as_str().unwrap());
        server.ask(&Ask::get("/backup").header("Authorization", bearer)).refused(403, code);
    }
    server.ask(&Ask::get("/backup").header("Authorization", bearer)).expect(200);
}

#[test]
fn a_directory_that_exists_is_filled_and_an_older_checkpoint_stays_provable() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let server = backed_up(folder);
    let url = server.url("127.0.0.1");
    let noted = run(folder, &["ledger", "checkpoint", "--server", &url]).expect(0);
    std::fs::write(folder.join("old.note"), &noted.out).unwrap();
    let key = run(folder, &["keys", "ledger", "--server", &url]).expect(0);
    std::fs::write(folder.join("old.pub"), &key.out).unwrap();
    run(folder, &["backup", "b.backup", "--server", &url]).expect(0);
    drop(server);
    std::fs::create_dir(folder.join("volume")).unwrap();
    std::os::unix::fs::symlink(folder.join("volume"), folder.join("link")).unwrap();
    run(folder, &["restore-backup", "b.backup", "--data", "link", "--key", "old.pub"]).expect(0);
    let restored = Server::on(&folder.join("volume"), &[]);
    let url = restored.url("127.0.0.1");
    restored.ask(&Ask::json("PUT", "/api/configs/app/entries/later", "1")).expect(201);
    let against =
        ["ledger", "verify", "--server", &url, "--against", "old.note", "--key", "old.pub"];
    let said = run(folder, &against).expect(0);
    assert!(said.out.contains("are the beginning of"), "{}", said.out);
}

/// The backups in a folder, by name; those that aren't complete don't count.
fn backups_in(folder: &Path) -> BTreeSet<PathBuf> {
    let all = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let months = all(folder).map(|month| month.path());
    let files = months.flat_map(|month| all(&month).map(|file| file.path()).collect::<Vec<_>>());
    files.filter(|file| file.extension().is_some_and(|ending| ending == "backup")).collect()
}

#[test]
fn a_server_makes_backups_by_itself_and_keeps_the_newest() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    let safe = folder.join("safe");
    let settings = [
        ("MUSTER_BACKUP_TO", safe.to_str().unwrap()),
        ("MUSTER_BACKUP_EVERY_S", "1"),
        ("MUSTER_BACKUP_KEEP", "2"),
    ];
    let data = folder.join("data");
    // What a killed server left, of this registry and of another one.
    std::fs::create_dir_all(safe.join("2020-01")).unwrap();
    let left = |id: &str| safe.join(format!("2020-01/{id}-20200101T000000Z.backup.0a1b.part"));
    for id in ["here", "there"] {
        std::fs::write(left(id), "").unwrap();
    }
    // And one that was made while a clock was wrong, which must not stop all others.
    std::fs::create_dir_all(safe.join("2200-01")).unwrap();
    std::fs::write(safe.join("2200-01/here-22000101T000000Z.backup"), "").unwrap();
    let flags = ["--data", data.to_str().unwrap(), "--registry-id", "here"];
    let server = Server::with(&flags, &settings);
    server.ask(&Ask::json("PUT", "/api/configs/app/entries/a", "[1]")).expect(201);
    let mut seen = BTreeSet::new();
    wait_for("four backups", || {
        let mut now = backups_in(&safe);
        now.retain(|path| !path.to_string_lossy().contains("2200"));
        assert!(now.len() <= 3, "one more than it keeps, while it removes: {now:?}");
        seen.extend(now);
        seen.len() >= 4
    });
    assert!(!left("here").exists() && left("there").exists());
    let metrics = server.get("/metrics").expect(200).text().to_owned();
    let made = metrics.lines().find(|line| line.starts_with("muster_backup_timestamp_seconds"));
    assert!(made.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    drop(server);
    let newest = seen.last().unwrap().to_str().unwrap();
    let mode = std::fs::metadata(newest).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    run(folder, &["backup", "--check", newest]).expect(0);
    run(folder, &["restore-backup", newest, "--data", "new"]).expect(0);
    let restored = Server::on(&folder.join("new"), &[]);
    assert_eq!(restored.get("/api/configs/app/entries/a").expect(200).text(), "[1]");
}

#[test]
fn a_backup_that_fails_shows_in_health() {
    let scratch = TempDir::new().unwrap();
    let folder = scratch.path();
    std::fs::write(folder.join("file"), "").unwrap();
    let place = folder.join("file/below");
    let (data, to) = (folder.join("data"), ("MUSTER_BACKUP_TO", place.to_str().unwrap()));
    let server = Server::with(&["--data", data.to_str().unwrap()], &[to]);
    let checks = || server.get("/health/ready").expect(200).json()["checks"].to_string();
    wait_for("a failure in health", || checks().contains("the newest backup failed"));
    assert!(!checks().contains(folder.to_str().unwrap()), "everybody reads it");
}
