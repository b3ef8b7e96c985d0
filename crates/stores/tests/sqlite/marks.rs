use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use muster_journal::{
    Marks, MarksError,
    conformance::marks::{self, MarksFixture, sample_mark},
};
use muster_stores::sqlite::{SqliteMarks, StoreOpenError};
use muster_words::Id;
use rusqlite::Connection;

/// The marks of each name in a file of that name.
struct Directory(PathBuf);

#[async_trait]
impl MarksFixture for Directory {
    async fn open(&self, name: &str) -> Arc<dyn Marks> {
        Arc::new(SqliteMarks::open(&self.0.join(format!("{name}.db"))).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    marks::run(&Directory(directory.path().to_owned())).await;
}

fn name() -> Id {
    "search".parse().unwrap()
}

#[tokio::test]
async fn closed_marks_are_unavailable_and_leave_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("followers.db");
    let marks = SqliteMarks::open(&path).unwrap();
    let epoch = marks.claim(&name()).await.unwrap();
    marks.save(&name(), epoch, sample_mark(1, 1)).await.unwrap();
    marks.close().await;
    marks.close().await;
    assert!(matches!(marks.load(&name()).await, Err(MarksError::Unavailable(_))));
    let saved = marks.save(&name(), epoch, sample_mark(2, 2)).await;
    assert!(matches!(saved, Err(MarksError::Unavailable(_))));
    assert_eq!(super::files(directory.path()), ["followers.db"]);
}

/// Each save is synced by itself: what a copy of the files holds is what a crash would leave.
#[tokio::test]
async fn what_was_saved_is_in_the_files_before_it_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let marks = SqliteMarks::open(&directory.path().join("followers.db")).unwrap();
    let epoch = marks.claim(&name()).await.unwrap();
    for position in 1..=20 {
        marks.save(&name(), epoch, sample_mark(position, 3)).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new("cp");
        command.arg("-r").arg(directory.path().join(".")).arg(copy.path());
        assert!(command.status().unwrap().success());
        let copied = SqliteMarks::open(&copy.path().join("followers.db")).unwrap();
        assert_eq!(copied.load(&name()).await.unwrap(), Some(sample_mark(position, 3)));
        assert!(copied.claim(&name()).await.unwrap() > epoch);
    }
}

#[tokio::test]
async fn refuses_other_files_and_newer_formats() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("followers.db");
    std::fs::write(&path, "certainly no database, and longer than a header".repeat(9)).unwrap();
    assert!(matches!(SqliteMarks::open(&path), Err(StoreOpenError::Foreign)));
    std::fs::remove_file(&path).unwrap();
    // A ledger's file holds no marks.
    drop(muster_stores::SqliteLedger::open(&path, "changes", super::Options::default()).unwrap());
    assert!(matches!(SqliteMarks::open(&path), Err(StoreOpenError::Foreign)));
    std::fs::remove_file(&path).unwrap();
    drop(SqliteMarks::open(&path).unwrap());
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    assert!(matches!(
        SqliteMarks::open(&path),
        Err(StoreOpenError::Newer { found: 2, known: 1, .. })
    ));
}

#[tokio::test]
async fn a_damaged_file_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("followers.db");
    let marks = SqliteMarks::open(&path).unwrap();
    marks.claim(&name()).await.unwrap();
    marks.close().await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("UPDATE followers SET position = 3, hash = x'00'").unwrap();
    drop(other);
    let marks = SqliteMarks::open(&path).unwrap();
    assert!(matches!(marks.load(&name()).await, Err(MarksError::Corrupt(_))));
    // The connection was given up; a new one does what can be done.
    assert_eq!(marks.names().await.unwrap(), [name()]);
}

#[tokio::test]
async fn a_damaged_file_can_be_replaced_while_the_marks_are_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("followers.db");
    let copy = directory.path().join("copy.db");
    let marks = SqliteMarks::open(&path).unwrap();
    let epoch = marks.claim(&name()).await.unwrap();
    marks.save(&name(), epoch, sample_mark(1, 1)).await.unwrap();
    marks.close().await;
    std::fs::copy(&path, &copy).unwrap();
    let marks = SqliteMarks::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("UPDATE followers SET hash = x'00'").unwrap();
    drop(other);
    assert!(matches!(marks.load(&name()).await, Err(MarksError::Corrupt(_))));
    // A connection that was kept would go on with the file that is gone.
    std::fs::rename(&copy, &path).unwrap();
    assert_eq!(marks.load(&name()).await.unwrap(), Some(sample_mark(1, 1)));
}
