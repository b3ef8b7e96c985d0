#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::path::Path;

use muster_journal::conformance::sample_batch;

use super::*;
use crate::sqlite::Options;

fn writer(directory: &Path) -> Writer {
    let file = Arc::new(File::new(directory.join("changes.db"), Options::default()));
    let connection = file.open("changes").unwrap();
    let head = file::tail(&connection).unwrap();
    let reads = Arc::new(Reads::new(Arc::clone(&file)));
    Writer::new(connection, file, reads, watch::Sender::new(head)).unwrap()
}

/// The writer's knowledge after the COMMIT of a batch has failed.
fn doubt(head: Head, batch: &Batch) -> Doubt {
    let failure = cause(std::io::Error::other("the disk went away"));
    Doubt { after: batch.head_after(head), purges: batch.purges.clone(), failure }
}

/// Carries out an append without the writer, like one whose COMMIT failed but was written.
fn land(writer: &Writer, batch: &Batch) {
    let Some(connection) = &writer.connection else { return };
    assert!(write(connection, batch).is_ok());
}

fn purge(contents: &[(ContentRef, Bytes)]) -> Batch {
    let purges = contents.iter().map(|(content, _)| *content).collect();
    Batch { purges, ..Batch::default() }
}

#[test]
fn a_doubtful_append_that_landed_is_there_and_synced() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let head = writer.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).unwrap();
    let batch = sample_batch(head, 2, 3);
    land(&writer, &batch);
    // While somebody else has the file open, closing our connections doesn't empty the log: only
    // the checkpoint, which syncs, does.
    let other = writer.file.connect(Role::Reader).unwrap();
    file::tail(&other).unwrap();
    assert!(log_bytes(directory.path()) > 0);
    assert!(writer.resolve_doubt(doubt(head, &batch)).unwrap());
    assert_eq!(*writer.announce.borrow(), batch.head_after(head));
    assert_eq!(log_bytes(directory.path()), 0, "it is in the file, whatever became of the log");
    let again = writer.append(head, &batch);
    assert!(matches!(again, Err(AppendError::Moved(present)) if present == batch.head_after(head)));
}

#[test]
fn a_doubtful_append_that_did_not_land_never_will() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let head = writer.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).unwrap();
    let batch = sample_batch(head, 2, 3);
    assert!(!writer.resolve_doubt(doubt(head, &batch)).unwrap());
    assert_eq!(*writer.announce.borrow(), head);
    assert_eq!(writer.append(head, &batch).unwrap(), batch.head_after(head));
}

#[test]
fn a_purge_that_a_reader_holds_up_empties_the_log_later() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let batch = sample_batch(Head::EMPTY, 1, 2);
    let head = writer.append(Head::EMPTY, &batch).unwrap();
    let reader = writer.file.connect(Role::Reader).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    file::tail(&reader).unwrap();
    // So that the test needn't wait as long as the writer would.
    writer.connection.as_ref().unwrap().busy_timeout(std::time::Duration::ZERO).unwrap();
    writer.append(head, &purge(&batch.contents[..1])).unwrap();
    assert!(writer.must_empty_log, "what the reader needs is still in the log");
    assert!(log_bytes(directory.path()) > 0);
    drop(reader);
    writer.maintain_log();
    assert!(!writer.must_empty_log);
    assert_eq!(log_bytes(directory.path()), 0);
}

#[test]
fn doubtful_purges_are_settled_by_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let batch = sample_batch(Head::EMPTY, 1, 2);
    let head = writer.append(Head::EMPTY, &batch).unwrap();
    let purge = purge(&batch.contents[..2]);
    assert!(!writer.resolve_doubt(doubt(head, &purge)).unwrap());
    land(&writer, &purge);
    assert!(writer.resolve_doubt(doubt(head, &purge)).unwrap());
}

#[test]
fn stays_in_doubt_while_the_file_can_not_be_asked_and_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let (here, gone) = (directory.path().join("here"), directory.path().join("gone"));
    std::fs::create_dir(&here).unwrap();
    let mut writer = writer(&here);
    let batch = sample_batch(Head::EMPTY, 1, 2);
    land(&writer, &batch);
    std::fs::rename(&here, &gone).unwrap();
    for answer in [
        writer.resolve_doubt(doubt(Head::EMPTY, &batch)).map(|_| Head::EMPTY),
        writer.append(Head::EMPTY, &batch),
        writer.append(Head::EMPTY, &sample_batch(Head::EMPTY, 2, 1)),
    ] {
        let error = answer.unwrap_err();
        assert!(matches!(error, AppendError::InDoubt(_)), "{error:?}");
        assert_eq!(*writer.announce.borrow(), Head::EMPTY, "what isn't known isn't announced");
    }
    std::fs::rename(&gone, &here).unwrap();
    let landed = batch.head_after(Head::EMPTY);
    let answer = writer.append(Head::EMPTY, &batch);
    assert!(matches!(answer, Err(AppendError::Moved(present)) if present == landed), "{answer:?}");
    let next = sample_batch(landed, 3, 1);
    assert_eq!(writer.append(landed, &next).unwrap(), next.head_after(landed));
}

#[test]
fn a_lost_connection_is_made_again_only_where_the_file_ends_as_it_should() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    let batch = sample_batch(Head::EMPTY, 1, 2);
    writer.connection = None;
    let head = writer.append(Head::EMPTY, &batch).unwrap();
    let other = sample_batch(head, 2, 1);
    land(&writer, &other);
    writer.connection = None;
    let answer = writer.append(head, &sample_batch(head, 3, 1));
    let present = other.head_after(head);
    assert!(matches!(answer, Err(AppendError::Moved(found)) if found == present), "{answer:?}");
}

/// The size of the write-ahead log's file, in bytes.
fn log_bytes(directory: &Path) -> u64 {
    std::fs::metadata(directory.join("changes.db-wal")).map_or(0, |metadata| metadata.len())
}

/// The number of pages in the log since it was last restarted.
fn log_pages(writer: &Writer) -> i64 {
    let connection = writer.connection.as_ref().unwrap();
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1)).unwrap()
}

#[test]
fn the_log_is_begun_anew_when_it_is_long() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { log_bytes_max: 100_000, checkpoint_bytes: 1, ..Options::default() };
    let file = Arc::new(File::new(directory.path().join("changes.db"), options));
    let connection = file.open("changes").unwrap();
    let reads = Arc::new(Reads::new(Arc::clone(&file)));
    let announce = watch::Sender::new(Head::EMPTY);
    let mut writer = Writer::new(connection, file, reads, announce).unwrap();
    let mut head = Head::EMPTY;
    let (mut before, mut anew, mut salt) = (0, 0, 0);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while anew < 3 {
        assert!(std::time::Instant::now() < until, "the log grew to {before} pages");
        head = writer.append(head, &sample_batch(head, salt, 2)).unwrap();
        writer.maintain_log();
        let pages = log_pages(&writer);
        anew += u32::from(pages < before);
        before = pages;
        salt += 1;
    }
}
