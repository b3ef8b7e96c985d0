//! A disk that is full: writes are refused by name, reads go on, and room is all that it takes.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::{Answer, Ask, Client},
    harness::{PATIENCE, Server, left_out, run},
};

/// Why a test is left out.
const MAY_NOT_MOUNT: &str = "this user may not mount one";

fn put(client: &mut Client, number: usize, bytes: usize) -> Answer {
    let path = format!("/api/configs/app/entries/d{number}");
    let body = vec![b'a'; bytes];
    client.ask(&Ask::new("PUT", path).header("Content-Type", "text/plain").body(body))
}

/// Writes until there is no room, in ever smaller pieces; answers how many documents there are.
fn fill(server: &Server) -> usize {
    let mut client = Client::connect(server.address);
    let mut count = 0;
    for bytes in [100_000, 10_000, 1_000] {
        loop {
            let answer = put(&mut client, count, bytes);
            if answer.status != 201 {
                answer.refused(507, "disk_full");
                break;
            }
            count += 1;
            assert!(count < 10_000, "it is never full");
        }
    }
    count
}

/// Fails the test unless the full server refuses writes, answers reads, and has all that it had.
fn check_full(server: &Server, count: usize) {
    let position = server.position();
    let mut client = Client::connect(server.address);
    for number in 0..20 {
        put(&mut client, count + number, 50_000).refused(507, "disk_full");
        let pair = format!(
            r#"{{"entries":{{"p":{{"entry":["{0}"]}},"q":{{"entry":["{0}"]}}}}}}"#,
            "a".repeat(50_000)
        );
        client.ask(&Ask::json("POST", "/api/configs/app", pair)).refused(507, "disk_full");
        let last = format!("/api/configs/app/entries/d{}", count - 1);
        client.ask(&Ask::get(last)).expect(200);
    }
    for path in ["/api/configs/app/entries/d0", "/api/configs?inline", "/health/live", "/metrics"] {
        client.ask(&Ask::get(path)).expect(200);
    }
    client.ask(&Ask::get("/api/configs/app/entries/p")).refused(404, "not_found");
    assert_eq!(server.position(), position);
}

/// Fails the test unless the server goes on as if nothing had been.
fn check_recovered(server: &Server, count: usize) {
    let mut client = Client::connect(server.address);
    for number in 0..10 {
        put(&mut client, count + number, 50_000).expect(201);
    }
    for number in 0..count + 10 {
        let got = client.ask(&Ask::get(format!("/api/configs/app/entries/d{number}"))).expect(200);
        assert!(got.body.iter().all(|byte| *byte == b'a'));
    }
}

fn check_whole(folder: &Path, data: &Path) {
    run(folder, &["ledger", "verify", "--data", data.to_str().unwrap()]).expect(0);
}

#[test]
fn survives_a_limit_on_the_size_of_files() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("registry");
    let flags = ["--data", data.to_str().unwrap()];
    // 4 MiB in units of 512 bytes. A process that doesn't ignore the signal ends here.
    let server = Server::under(r#"ulimit -S -f 8192; exec "$0" "$@""#, &flags, &[]);
    let count = fill(&server);
    check_full(&server, count);
    let raised = Command::new("prlimit")
        .args(["--pid", &server.process().to_string(), "--fsize=unlimited:unlimited"])
        .status();
    assert!(raised.unwrap().success());
    check_recovered(&server, count);
    let position = server.position();
    assert!(server.stop().0.success());
    check_whole(scratch.path(), &data);
    let server = Server::on(&data, &[]);
    assert_eq!(server.position(), position);
}

/// A small file system of the server's own, that is gone with it. None where this user may not
/// make one.
struct Disk {
    server: Server,
    folder: PathBuf,
}

impl Disk {
    fn mount(scratch: &Path, megabytes: u32) -> Option<Self> {
        let folder = scratch.join("disk");
        std::fs::create_dir(&folder).unwrap();
        let may = Command::new("unshare")
            .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"])
            .arg(&folder)
            .status();
        if !may.is_ok_and(|status| status.success()) {
            return None;
        }
        let shell = format!(
            r#"exec unshare --map-root-user --mount sh -c '
            mount -t tmpfs -o size={megabytes}m tmpfs "$DISK" &&
            dd if=/dev/zero of="$DISK/ballast" bs=1M count=2 status=none &&
            exec "$0" "$@"' "$0" "$@""#
        );
        let data = folder.join("registry");
        let flags = ["--data", data.to_str().unwrap()];
        let server = Server::under(&shell, &flags, &[("DISK", folder.to_str().unwrap())]);
        Some(Self { server, folder })
    }

    /// The way to a file that only the server's own namespace has.
    fn inside(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.server.process()));
        root.join(self.folder.strip_prefix("/").unwrap()).join(name)
    }

    /// Copies the registry out while nobody writes.
    fn copy(&self, to: &Path) {
        let copied = Command::new("cp").arg("-a").arg(self.inside("registry")).arg(to).status();
        assert!(copied.unwrap().success());
    }
}

#[test]
fn survives_a_full_file_system() {
    let scratch = TempDir::new().unwrap();
    // Where it can't be made, the limit on the size of files stands for it.
    let Some(disk) = Disk::mount(scratch.path(), 8) else {
        return left_out("the server on a full file system", MAY_NOT_MOUNT);
    };
    let count = fill(&disk.server);
    check_full(&disk.server, count);
    std::fs::remove_file(disk.inside("ballast")).unwrap();
    check_recovered(&disk.server, count);
    disk.copy(&scratch.path().join("copy"));
    check_whole(scratch.path(), &scratch.path().join("copy"));
}

/// The documents of which a folder got events.
fn told(out: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(out).into_iter().flatten().map(|file| file.unwrap().path());
    let events = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let subject = |path: PathBuf| {
        let event: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        event["subject"].as_str().unwrap().to_owned()
    };
    events.map(subject).collect()
}

#[test]
fn what_finds_no_room_at_a_target_is_sent_when_there_is_room() {
    let scratch = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(scratch.path(), 12) else {
        return left_out("deliveries on a full file system", MAY_NOT_MOUNT);
    };
    let mut client = Client::connect(disk.server.address);
    let target = r#"{"kind": "folder", "path": "out", "retry": {"max_retries": 100,
        "base_delay_seconds": 0.1, "max_delay_seconds": 1, "circuit_breaker_enabled": false}}"#;
    let route = r#"{"mode": "unidirectional", "targets": ["/targets/ops/entries/out"],
        "select": {"collections": ["/configs"]}}"#;
    for (path, document) in
        [("/api/targets/ops/entries/out", target), ("/api/routes/ops/entries/out", route)]
    {
        client.ask(&Ask::json("PUT", path, document.to_owned())).expect(201);
    }
    let count = fill(&disk.server);
    let out = disk.inside("registry/propagation/out");
    let until = Instant::now() + PATIENCE;
    while !client.ask(&Ask::get("/propagation/logs")).text().contains("can't be written") {
        assert!(Instant::now() < until, "{} of {count} found room", told(&out).len());
    }
    std::fs::remove_file(disk.inside("ballast")).unwrap();
    for number in 0..3 {
        put(&mut client, count + number, 1_000).expect(201);
    }
    let all: BTreeSet<String> =
        (0..count + 3).map(|number| format!("/configs/app/entries/d{number}")).collect();
    let until = Instant::now() + PATIENCE;
    while told(&out) != all {
        assert!(Instant::now() < until, "{} of {}", told(&out).len(), all.len());
    }
    let dead = client.ask(&Ask::get("/propagation/dead-letters")).json();
    assert_eq!(dead["letters"], serde_json::json!([]));
}

#[test]
fn survives_a_checkpoint_that_finds_no_room() {
    let scratch = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(scratch.path(), 12) else {
        return left_out("the server's checkpoint that finds no room", MAY_NOT_MOUNT);
    };
    let mut client = Client::connect(disk.server.address);
    // Leaves a log with room in it, so that small writes pass where no new file does.
    for number in 0..3 {
        put(&mut client, number, 500_000).expect(201);
    }
    let filler = Command::new("dd")
        .args(["if=/dev/zero", "bs=4096", "status=none"])
        .arg(format!("of={}", disk.inside("filler").display()))
        .stderr(Stdio::null())
        .status();
    assert!(!filler.unwrap().success(), "the disk is never full");
    let mut number = 3;
    let until = Instant::now() + PATIENCE;
    while !disk.server.log().contains("the checkpoint couldn't be written") {
        assert!(Instant::now() < until, "the checkpoint has room all the time");
        let answer = put(&mut client, number, 10);
        match answer.status {
            201 => number += 1,
            _ => drop(answer.refused(507, "disk_full")),
        }
        client.ask(&Ask::get("/api/configs/app/entries/d0")).expect(200);
    }
    std::fs::remove_file(disk.inside("filler")).unwrap();
    put(&mut client, number, 10).expect(201);
    for earlier in 0..=number {
        client.ask(&Ask::get(format!("/api/configs/app/entries/d{earlier}"))).expect(200);
    }
    disk.copy(&scratch.path().join("copy"));
    check_whole(scratch.path(), &scratch.path().join("copy"));
}
