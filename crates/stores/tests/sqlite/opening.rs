use muster_journal::{
    AppendError, Ledger as _, LedgerReader as _, ReadError, conformance::sample_batch,
};
use muster_ledger::Head;
use muster_stores::{
    SqliteLedger,
    sqlite::{Options, StoreOpenError},
};
use muster_words::Position;
use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn leaves_one_file_after_a_clean_close() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (head, _) = filled(&ledger, 3).await;
    assert!(files(directory.path()).contains(&"changes.db-wal".to_owned()));
    ledger.close().await;
    assert_eq!(files(directory.path()), ["changes.db"]);
    assert_eq!(open(directory.path()).head().await.unwrap(), head);
    assert_eq!(files(directory.path()), ["changes.db"], "dropped is closed");
}

#[tokio::test]
async fn a_closed_ledger_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (head, batch) = filled(&ledger, 1).await;
    let waiting = ledger.moved(Position(1));
    ledger.close().await;
    ledger.close().await;
    let is_closed = |error: ReadError| matches!(error, ReadError::Unavailable(_));
    assert!(is_closed(waiting.await.unwrap_err()));
    assert!(is_closed(ledger.head().await.unwrap_err()));
    assert!(is_closed(ledger.contents(&[batch.contents[0].0]).await.unwrap_err()));
    let error = ledger.append(head, &sample_batch(head, 2, 1)).await.unwrap_err();
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");
}

#[test]
fn refuses_what_is_no_ledger_and_another_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path());
    let opened = |name| SqliteLedger::open(&path, name, Options::default());

    std::fs::write(&path, "certainly no database, and longer than a header".repeat(9)).unwrap();
    assert!(matches!(opened("changes"), Err(StoreOpenError::Foreign)));

    std::fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    drop(other);
    assert!(matches!(opened("changes"), Err(StoreOpenError::Foreign)));

    std::fs::remove_file(&path).unwrap();
    drop(opened("changes").unwrap());
    match opened("access") {
        Err(StoreOpenError::Name { found, wanted }) => {
            assert_eq!((found.as_str(), wanted.as_str()), ("changes", "access"));
        }
        answer => assert!(answer.is_err_and(|_| false), "another ledger's file was opened"),
    }
    let nowhere = directory.path().join("missing/changes.db");
    let error = SqliteLedger::open(&nowhere, "changes", Options::default()).unwrap_err();
    assert!(matches!(error, StoreOpenError::Unavailable(_)), "{error:?}");
}

#[test]
fn refuses_a_newer_format_and_names_the_release_that_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let later = Connection::open(file(directory.path())).unwrap();
    later.execute_batch("PRAGMA user_version = 2; UPDATE about SET needs = '9.4.0'").unwrap();
    drop(later);
    match SqliteLedger::open(&file(directory.path()), "changes", Options::default()) {
        Err(error @ StoreOpenError::Newer { .. }) => {
            let expect = "the file has format 2, which needs Muster 9.4.0 or later; \
                          this one reads up to 1";
            assert_eq!(error.to_string(), expect);
        }
        answer => assert!(answer.is_err_and(|_| false), "a newer format was opened"),
    }
}

#[test]
fn finishes_a_file_whose_making_was_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let cut = Connection::open(file(directory.path())).unwrap();
    cut.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    drop(cut);
    drop(open(directory.path()));
    std::fs::write(file(directory.path()), "").unwrap();
    drop(open(directory.path()));
}

#[tokio::test]
async fn the_file_is_what_the_format_says() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (_, batch) = filled(&ledger, 2).await;
    ledger.close().await;
    let file = Connection::open(file(directory.path())).unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    for (sql, expect) in [
        ("PRAGMA application_id", 0x4d75_7374),
        ("PRAGMA user_version", 1),
        ("PRAGMA page_size", 8_192),
        ("SELECT count(*) FROM about WHERE name = 'changes' AND needs = '0.1.0'", 1),
        ("SELECT count(*) FROM entries WHERE position IN (1, 2)", 2),
        ("SELECT count(*) FROM contents WHERE key IN (65536, 65537, 131072, 131073)", 4),
        ("SELECT count(*) FROM contents", 4),
    ] {
        assert_eq!(number(sql), expect, "{sql}");
    }
    let sql = "SELECT leaf, bytes FROM entries WHERE position = 2";
    let row = file.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let entry = &batch.entries[1];
    assert_eq!(row, (entry.leaf().0.to_vec(), entry.bytes.to_vec()));
    assert_eq!(Head::after(entry).position, Position(2));
}
