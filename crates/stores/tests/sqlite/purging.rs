use bytes::Bytes;
use muster_journal::{Ledger as _, LedgerReader as _, conformance::sample_batch};
use muster_words::{ContentRef, Digest, Position};

use super::*;

/// Bytes that are easily found in a file, of a length that fills pages of their own.
const SECRET: &[u8] = b"this sentence must not be found on the medium; ";

fn with_secret() -> (Batch, ContentRef) {
    let mut batch = sample_batch(Head::EMPTY, 1, 3);
    let bytes = Bytes::from(SECRET.repeat(700));
    let content = ContentRef { position: Position(2), digest: Digest::of(&bytes) };
    batch.contents.push((content, bytes));
    (batch, content)
}

fn holds_secret(directory: &Path) -> bool {
    files(directory).iter().any(|name| {
        let bytes = std::fs::read(directory.join(name)).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    })
}

/// A copy of the files as they are now: this process mustn't open the live ones.
fn copied(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("cp")
        .arg("-r")
        .arg(directory.join("."))
        .arg(copy.path())
        .status()
        .unwrap();
    assert!(status.success());
    copy
}

#[tokio::test]
async fn purged_bytes_are_gone_from_the_file_and_from_its_log_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let (batch, content) = with_secret();
    let head = ledger.append(Head::EMPTY, &batch).await.unwrap();
    assert!(holds_secret(copied(directory.path()).path()), "the search finds what is there");
    let purge = Batch { purges: vec![content], ..Batch::default() };
    ledger.append(head, &purge).await.unwrap();
    assert!(!holds_secret(copied(directory.path()).path()));
    assert_eq!(ledger.contents(&[content]).await.unwrap(), [None]);
    ledger.close().await;
    assert!(!holds_secret(directory.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purged_bytes_are_gone_even_while_others_read() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = std::sync::Arc::new(open(directory.path()));
    let (batch, content) = with_secret();
    let mut head = ledger.append(Head::EMPTY, &batch).await.unwrap();
    let reading = {
        let (ledger, content) = (std::sync::Arc::clone(&ledger), batch.contents[0].0);
        tokio::spawn(async move {
            while ledger.contents(&[content]).await.unwrap() != [None] {
                tokio::task::yield_now().await;
            }
        })
    };
    let purge = Batch { purges: vec![content], ..Batch::default() };
    head = ledger.append(head, &purge).await.unwrap();
    assert!(!holds_secret(copied(directory.path()).path()));
    let purge = Batch { purges: vec![batch.contents[0].0], ..Batch::default() };
    ledger.append(head, &purge).await.unwrap();
    reading.await.unwrap();
}
