use std::{num::NonZeroU32, process::Command};

use muster_journal::{
    AppendError, Damage, Ledger as _, LedgerReader as _, conformance::sample_batch,
};
use muster_ledger::EntryBytes;
use muster_stores::sqlite::StoreOpenError;
use muster_words::Position;

use super::*;

/// Commands that one history carries out.
const COMMANDS: u64 = 400;

/// The disk fails in syncs, writes and reads; a writer that repeats what is in doubt carries out
/// each command once, whatever the ledger could or couldn't find out.
#[tokio::test]
async fn each_append_is_there_once_however_the_disk_fails() {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("failing.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sqlite/failing.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([library.as_os_str(), source.as_ref(), "-ldl".as_ref()])
        .status();
    assert!(built.unwrap().success(), "the C compiler that built SQLite builds this");
    for (round, failing) in [
        &[("FAILING_SYNCS", "6")][..],
        &[("FAILING_WRITES", "40")],
        &[("FAILING_READS", "40")],
        &[("FAILING_SYNCS", "15"), ("FAILING_WRITES", "100"), ("FAILING_READS", "200")],
    ]
    .into_iter()
    .enumerate()
    {
        let place = directory.path().join(round.to_string());
        std::fs::create_dir(&place).unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "failing::appends_through_failures", "--ignored", "--nocapture"])
            .env("LEDGER_DIRECTORY", &place)
            .env("LD_PRELOAD", &library)
            .envs(failing.iter().copied())
            .status();
        assert!(status.unwrap().success(), "{failing:?}");
        let said = std::fs::read_to_string(place.join("appended")).unwrap();
        let ledger = open(&place);
        let entries = ledger.read(Position::ZERO, NonZeroU32::MAX).await.unwrap();
        assert_eq!(leaves(&entries), said, "{failing:?}");
        for position in entries.iter().map(|entry| entry.position) {
            let content = sample_content(position);
            assert!(ledger.contents(&[content]).await.unwrap()[0].is_some(), "{position}");
        }
    }
}

fn leaves(entries: &[EntryBytes]) -> String {
    entries.iter().map(|entry| format!("{} {}\n", entry.position, entry.leaf())).collect()
}

/// The content that a sample batch puts beside each of its entries.
fn sample_content(position: Position) -> muster_words::ContentRef {
    muster_words::ContentRef { position, digest: muster_words::Digest::of(b"equal") }
}

#[tokio::test]
#[ignore = "run by the test above, on a failing disk"]
async fn appends_through_failures() {
    let Ok(directory) = std::env::var("LEDGER_DIRECTORY").map(PathBuf::from) else { return };
    let options =
        Options { log_bytes_max: 256 * 1024, checkpoint_bytes: 64 * 1024, ..Options::default() };
    let path = file(&directory);
    // A file that can't be opened now can be later; a half-made one is finished.
    let ledger = loop {
        match SqliteLedger::open(&path, "changes", options) {
            Ok(ledger) => break ledger,
            Err(error) => assert!(!matches!(error, StoreOpenError::Foreign), "{error:?}"),
        }
    };
    let (mut head, mut appended, mut failures) = (Head::EMPTY, Vec::new(), 0);
    for command in 0..COMMANDS {
        let mut decisions = 0;
        let batch = loop {
            decisions += 1;
            let salt = command + 1_000_000 * decisions;
            let batch = sample_batch(head, salt, 1 + command as usize % 5);
            if append(&ledger, head, &batch, &mut failures).await {
                break batch;
            }
        };
        head = batch.head_after(head);
        appended.extend(batch.entries);
    }
    assert!(failures > 5 || std::env::var("FAILING_READS").is_ok(), "{failures} appends failed");
    ledger.close().await;
    std::fs::write(directory.join("appended"), leaves(&appended)).unwrap();
}

/// Appends a batch, the same one again while it is in doubt; answers whether it is there.
async fn append(ledger: &SqliteLedger, head: Head, batch: &Batch, failures: &mut usize) -> bool {
    loop {
        match ledger.append(head, batch).await {
            Ok(_) => return true,
            // Nobody else appends.
            Err(AppendError::Moved(present)) => {
                assert_eq!(present, batch.head_after(head));
                return true;
            }
            Err(AppendError::InDoubt(_)) => *failures += 1,
            // What SQLite makes of a read that fails: a medium that can't be read is damaged.
            Err(AppendError::Corrupt(corrupt)) if matches!(corrupt.damage, Damage::Medium(_)) => {
                assert!(std::env::var("FAILING_READS").is_ok(), "{corrupt:?}");
                *failures += 1;
                return false;
            }
            Err(error) => {
                assert!(
                    matches!(error, AppendError::Full | AppendError::Unavailable(_)),
                    "{error:?}"
                );
                *failures += 1;
                return false;
            }
        }
    }
}
