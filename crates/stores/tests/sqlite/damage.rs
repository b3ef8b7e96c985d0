use std::num::NonZeroU32;

use muster_journal::{Corrupt, Damage, LedgerReader as _, ReadError};
use muster_stores::{
    SqliteLedger,
    sqlite::{Options, StoreOpenError},
};
use muster_words::{Digest, Position};
use rusqlite::Connection;

use super::*;

/// A ledger of nine entries, closed, after something was done to its file by other means.
async fn damaged(sql: &str) -> (tempfile::TempDir, Batch) {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (_, batch) = filled(&ledger, 9).await;
    ledger.close().await;
    let file = Connection::open(file(directory.path())).unwrap();
    file.execute_batch(sql).unwrap();
    (directory, batch)
}

fn corrupt<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> Corrupt {
    match answer.unwrap_err() {
        ReadError::Corrupt(corrupt) => Ok(corrupt),
        other => Err(other),
    }
    .unwrap()
}

#[tokio::test]
async fn a_changed_content_is_named() {
    let set = "UPDATE contents SET bytes = CAST('forged' AS BLOB) WHERE key = 4 << 16";
    let (directory, batch) = damaged(set).await;
    let ledger = open(directory.path());
    let wanted: Vec<_> = batch.contents.iter().map(|(content, _)| *content).collect();
    let found = corrupt(ledger.contents(&wanted).await);
    assert_eq!(found.position, Position(4));
    let forged = Digest::of(b"forged");
    let Damage::ContentChanged { expected, found } = found.damage else {
        return assert_eq!(found.to_string(), "a changed content");
    };
    assert_eq!((expected, found), (wanted[6].digest, forged));
    // What is whole is still read.
    assert!(ledger.contents(&wanted[7..]).await.unwrap().iter().all(Option::is_some));
}

#[tokio::test]
async fn a_content_whose_digest_was_changed_is_not_taken_for_purged() {
    let (directory, batch) =
        damaged("UPDATE contents SET digest = zeroblob(32) WHERE key = 4 << 16").await;
    let found = corrupt(open(directory.path()).contents(&[batch.contents[6].0]).await);
    assert_eq!(found.position, Position(4));
}

#[tokio::test]
async fn damaged_entries_are_named() {
    let all = NonZeroU32::MAX;
    for (sql, expect) in [
        ("UPDATE entries SET bytes = CAST('forged' AS BLOB) WHERE position = 5", "has changed"),
        ("UPDATE entries SET leaf = zeroblob(32) WHERE position = 5", "has changed"),
        ("UPDATE entries SET leaf = zeroblob(3) WHERE position = 5", "can't read"),
        (
            "UPDATE entries SET position = 50 WHERE position = 5; DELETE FROM entries WHERE position = 50",
            "missing",
        ),
    ] {
        let (directory, _) = damaged(sql).await;
        let ledger = open(directory.path());
        let found = corrupt(ledger.read(Position(0), all).await);
        assert_eq!(found.position, Position(5), "{sql}");
        assert!(found.damage.to_string().contains(expect), "{found}");
        let before = ledger.read(Position(0), NonZeroU32::new(4).unwrap()).await.unwrap();
        assert_eq!(before.len(), 4, "what lies before is read");
        assert_eq!(ledger.read(Position(5), all).await.unwrap().len(), 4, "and what lies behind");
    }
}

#[tokio::test]
async fn a_damaged_end_refuses_to_open() {
    let (directory, _) =
        damaged("UPDATE entries SET bytes = CAST('forged' AS BLOB) WHERE position = 9").await;
    match SqliteLedger::open(&file(directory.path()), "changes", Options::default()) {
        Err(StoreOpenError::Corrupt(corrupt)) => assert_eq!(corrupt.position, Position(9)),
        answer => assert!(answer.is_err_and(|_| false), "a damaged ledger was opened"),
    }
}

#[tokio::test]
async fn pages_overwritten_with_noise_are_errors_with_a_position_and_never_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (head, batch) = filled(&ledger, 400).await;
    ledger.close().await;
    let whole = std::fs::read(file(directory.path())).unwrap();
    let wanted: Vec<_> = batch.contents.iter().map(|(content, _)| *content).collect();
    let mut seed = muster_journal::SeededRandom::new(3);
    let mut corrupted = 0;
    for page in 1..whole.len() / 8_192 {
        let mut bytes = whole.clone();
        for byte in &mut bytes[page * 8_192..(page + 1) * 8_192] {
            *byte = seed.draw() as u8;
        }
        std::fs::write(file(directory.path()), bytes).unwrap();
        let opened = SqliteLedger::open(&file(directory.path()), "changes", Options::default());
        let ledger = match opened {
            Ok(ledger) => ledger,
            Err(error) => {
                assert!(
                    matches!(error, StoreOpenError::Corrupt(_) | StoreOpenError::Foreign),
                    "{error:?}"
                );
                corrupted += 1;
                continue;
            }
        };
        if ledger.head().await.unwrap() != head {
            // An end that is cut off is for the checkpoint outside the file to find.
            continue;
        }
        let answers = [
            ledger.read(Position(0), NonZeroU32::MAX).await.err(),
            ledger.contents(&wanted).await.err(),
        ];
        for error in answers.into_iter().flatten() {
            assert!(matches!(error, ReadError::Corrupt(_)), "{error:?}");
            corrupted += 1;
        }
    }
    assert!(corrupted >= 10, "{corrupted} of the pages hold the ledger");
}
