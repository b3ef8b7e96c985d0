//! Bits that flip in the log of a server that was killed: what was acknowledged is there, or the
//! next start says what is missing.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::harness::{Server, run};

const WRITES: usize = 50;

/// The bytes before the first frame, and the bytes of a frame.
const HEADER: usize = 32;
const FRAME: usize = 24 + 8_192;

/// A data directory whose server was killed after 50 acknowledged writes.
fn killed(scratch: &TempDir) -> std::path::PathBuf {
    let data = scratch.path().join("data");
    let server = Server::on(&data, &[]);
    for number in 0..WRITES {
        let path = format!("/api/configs/app/entries/{number}");
        server.put(&path, number.to_string()).expect(201);
    }
    server.kill();
    data
}

fn flip(data: &Path, byte: usize) {
    let log = data.join("changes.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    bytes[byte] ^= 1;
    fs::write(&log, bytes).unwrap();
}

#[test]
fn a_flipped_bit_in_the_log_is_noticed_by_the_next_start_and_by_verify() {
    let scratch = TempDir::new().unwrap();
    let data = killed(&scratch);
    let whole = fs::read(data.join("changes.db-wal")).unwrap();
    let frames = (whole.len() - HEADER) / FRAME;
    for byte in [4, HEADER + 9, HEADER + FRAME * (frames / 2) + 5_000] {
        flip(&data, byte);
        let verified = run(scratch.path(), &["ledger", "verify", "--data", "data"]).expect(1);
        assert!(verified.err.contains("[tail_missing]"), "byte {byte}: {}", verified.err);
        let served = run(scratch.path(), &["serve", "--data", "data"]).expect(1);
        assert!(served.err.contains("[tail_missing]"), "byte {byte}: {}", served.err);
        assert!(served.err.contains("acknowledged"), "byte {byte}: {}", served.err);
        let now = fs::read(data.join("changes.db-wal")).unwrap();
        assert_eq!(now.len(), whole.len(), "byte {byte}: the log stays as it was found");
        flip(&data, byte);
    }
    let server = Server::on(&data, &[]);
    server.get(&format!("/api/configs/app/entries/{}", WRITES - 1)).expect(200);
    assert!(server.stop().0.success());
}

#[test]
fn damage_that_was_seen_is_no_torn_write_after_the_computer_was_started_anew() {
    let scratch = TempDir::new().unwrap();
    let data = killed(&scratch);
    let whole = fs::read(data.join("changes.db-wal")).unwrap();
    // In the last write, before its last frame.
    flip(&data, HEADER + FRAME * ((whole.len() - HEADER) / FRAME - 2) + 5_000);
    let reboot = || {
        let text = fs::read_to_string(data.join("lock")).unwrap();
        let mut lock: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(lock["boot"].is_string(), "{lock}");
        lock["boot"] = "another".into();
        fs::write(data.join("lock"), lock.to_string()).unwrap();
    };
    let refused = run(scratch.path(), &["serve", "--data", "data"]).expect(1);
    assert!(refused.err.contains("[tail_missing]"), "{refused:#?}");
    reboot();
    let refused = run(scratch.path(), &["serve", "--data", "data"]).expect(1);
    assert!(refused.err.contains("[tail_missing]"), "{refused:#?}");
    // Without anybody who saw it, the same is what a loss of power leaves, also if verify looks first.
    fs::write(data.join("lock"), r#"{"process":1,"boot":"another"}"#).unwrap();
    run(scratch.path(), &["ledger", "verify", "--data", "data"]);
    let server = Server::on(&data, &[]);
    assert!(server.log().contains("was cut off"), "{}", server.log());
    server.get(&format!("/api/configs/app/entries/{}", WRITES - 2)).expect(200);
    server.get(&format!("/api/configs/app/entries/{}", WRITES - 1)).expect(404);
}

#[test]
fn a_content_that_the_store_has_lost_is_not_taken_for_purged() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::on(&data, &[]);
    server.put("/api/configs/app/entries/lost", "\"lost\"").expect(201);
    server.put("/api/configs/app/entries/purged", "\"purged\"").expect(201);
    let position = server.position();
    server.delete("/api/configs/app/entries/purged?purge").expect(204);
    assert!(server.stop().0.success());
    let database = rusqlite::Connection::open(data.join("changes.db")).unwrap();
    let sql = "DELETE FROM contents WHERE instr(bytes, CAST('\"lost\"' AS BLOB)) > 0";
    assert_eq!(database.execute(sql, []).unwrap(), 1);
    drop(database);
    let server = Server::on(&data, &[]);
    let health = || server.get("/health/ready").expect(200).json();
    assert_eq!(health()["status"], "healthy", "{}", health());
    server.get("/api/configs/app/entries/lost").refused(500, "content_lost");
    server.get("/api/configs/app/entries/lost$details?inline=entry").refused(500, "content_lost");
    assert!(server.log().contains("a content is missing"), "{}", server.log());
    assert_eq!(health()["status"], "degraded", "{}", health());
    assert_eq!(health()["checks"]["storage"]["status"], "degraded", "{}", health());
    // The history shows what was purged as that.
    server.get(&format!("/log?limit={position}")).expect(200);
    let fault = run(scratch.path(), &["ledger", "verify", "--server", &server.url("127.0.0.1")]);
    assert!(fault.err.contains("[content_missing]"), "{fault:#?}");
}

#[test]
fn health_tells_how_each_part_does() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::on(&data, &[]);
    let report = server.get("/health/ready").expect(200).json();
    assert_eq!((&report["status"], &report["stage"]), (&"healthy".into(), &"ready".into()));
    assert!(report["timestamp"].as_str().unwrap().ends_with('Z'), "{report}");
    for (name, critical) in
        [("database", true), ("storage", true), ("cache", false), ("external-integrations", false)]
    {
        let check = &report["checks"][name];
        assert_eq!(check["status"], "healthy", "{name}: {report}");
        assert_eq!(check["critical"], critical, "{name}: {report}");
        assert!(check["took_ms"].is_u64(), "{name}: {report}");
    }
    fs::rename(data.join("changes.db"), data.join("elsewhere.db")).unwrap();
    let report = server.get("/health/ready").expect(503).json();
    assert_eq!(report["status"], "unhealthy", "{report}");
    assert_eq!(report["checks"]["storage"]["status"], "unhealthy", "{report}");
    assert!(!report.to_string().contains("elsewhere"), "{report}");
    assert!(!report.to_string().contains(data.to_str().unwrap()), "{report}");
    server.get("/health/live").expect(200);
    fs::rename(data.join("elsewhere.db"), data.join("changes.db")).unwrap();
    server.get("/health/ready").expect(200);
}

#[test]
fn a_start_after_a_kill_empties_the_log() {
    let scratch = TempDir::new().unwrap();
    let data = killed(&scratch);
    let log = data.join("changes.db-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    let server = Server::on(&data, &[]);
    assert_eq!(fs::metadata(&log).unwrap().len(), 0, "purged bytes could be in it");
    server.get("/api/configs/app/entries/0").expect(200);
    assert!(server.stop().0.success());
}
