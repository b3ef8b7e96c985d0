#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::PathBuf;

use rusqlite::Connection;

use super::*;

/// A log of SQLite itself, with this number of transactions, as a killed process would leave it.
/// With it, the place behind each transaction.
fn log_of(transactions: usize) -> (Vec<u8>, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changes.db");
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "page_size", super::super::file::PAGE_BYTES).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (b BLOB)").unwrap();
    let log: PathBuf = folder.path().join("changes.db-wal");
    let mut ends = vec![std::fs::metadata(&log).unwrap().len() as usize];
    for _ in 1..transactions {
        // Each needs several pages.
        connection.execute("INSERT INTO t VALUES (randomblob(40000))", []).unwrap();
        ends.push(std::fs::metadata(&log).unwrap().len() as usize);
    }
    (std::fs::read(&log).unwrap(), ends)
}

fn look(log: &[u8], last_use: LastUse) -> LogEnd {
    read(log, last_use).unwrap()
}

#[test]
fn finds_a_flipped_bit_wherever_a_later_transaction_shows_that_it_was_acknowledged() {
    let (log, ends) = log_of(12);
    for last_use in [LastUse::ThisBoot, LastUse::EarlierBoot] {
        assert_eq!(look(&log, last_use), LogEnd::Whole);
    }
    let before_last = ends[ends.len() - 2];
    // Bytes 4 to 7 hold the version and 12 to 15 count restarts: the checksum covers them too.
    for at in (0..before_last).step_by(97).chain(0..HEADER_BYTES).chain(32..56) {
        let mut rotten = log.clone();
        rotten[at] ^= 1 << (at % 8);
        let found = look(&rotten, LastUse::EarlierBoot);
        let LogEnd::Lost(tail) = found else {
            let nowhere = LostTail { byte: at as u64, transactions: 0 };
            return assert_eq!(found, LogEnd::Lost(nowhere), "byte {at}");
        };
        assert!(tail.byte <= at as u64, "byte {at}: {tail:?}");
        let behind = ends.iter().filter(|end| **end > at).count() as u64;
        // A flip in a frame's own header may hide that it ended a transaction, or say that it did.
        assert!((behind - 1..=behind + 1).contains(&tail.transactions), "byte {at}: {tail:?}");
    }
}

#[test]
fn of_the_last_transaction_only_a_loss_of_power_explains_a_broken_frame() {
    let (log, ends) = log_of(5);
    let frame = FRAME_HEADER_BYTES + super::super::file::PAGE_BYTES as usize;
    let (first, last) = (ends[3], ends[4] - frame);
    for at in (first + FRAME_HEADER_BYTES..last).step_by(1_001) {
        let mut rotten = log.clone();
        rotten[at] ^= 4;
        assert_eq!(look(&rotten, LastUse::EarlierBoot), LogEnd::Torn, "byte {at}");
        let found = look(&rotten, LastUse::ThisBoot);
        assert!(matches!(found, LogEnd::Lost(LostTail { transactions: 1, .. })), "{at}: {found:?}");
    }
}

#[test]
fn what_a_killed_process_leaves_is_whole() {
    let (log, ends) = log_of(5);
    // Cut off anywhere, as in a log that was growing.
    for at in (0..log.len()).step_by(1_013) {
        assert_eq!(look(&log[..at], LastUse::ThisBoot), LogEnd::Whole, "byte {at}");
    }
    // Cut off anywhere, as in a log that was restarted: frames of an earlier one are behind it.
    let (earlier, _) = log_of(9);
    for at in (HEADER_BYTES..ends[4]).step_by(1_013) {
        let restarted = [&log[..at], &earlier[at..]].concat();
        assert_eq!(look(&restarted, LastUse::ThisBoot), LogEnd::Whole, "byte {at}");
    }
    assert_eq!(look(&vec![0; 100_000], LastUse::ThisBoot), LogEnd::Whole);
    assert_eq!(
        inspect(Path::new("/nowhere/changes.db-wal"), LastUse::ThisBoot).unwrap(),
        LogEnd::Whole
    );
}
