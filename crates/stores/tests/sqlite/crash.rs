use std::{
    io::{BufRead as _, BufReader, Write as _},
    num::NonZeroU32,
    process::{Child, Command, Stdio},
};

use muster_journal::{
    Ledger as _, LedgerReader as _, SeededRandom,
    conformance::{sample_batch, sample_entry},
};
use muster_words::{ContentRef, Digest, Position};

use super::*;

const ROUNDS: u64 = 25;

/// Entries in one batch: a head that is no multiple of it stands within a batch.
const BATCH: usize = 3;

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut seed = SeededRandom::new(11);
    let mut acknowledged = Position::ZERO;
    for round in 0..ROUNDS {
        let mut child = appender(directory.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // After some acknowledgements, or at once, while it still opens the file.
        let patience = if seed.one_in(6) { 0 } else { seed.below(200) };
        let mut last = None;
        for _ in 0..patience {
            last = Some(lines.next().unwrap().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it died counts too; a line cut short was not said.
        for line in lines.map_while(Result::ok) {
            last = Some(line);
        }
        if let Some(position) = last.as_deref().and_then(position_of) {
            acknowledged = position;
        }
        let ledger = open(directory.path());
        let head = ledger.head().await.unwrap();
        assert!(head.position >= acknowledged, "round {round}: {head:?} < {acknowledged}");
        assert_eq!(head.position.0 % BATCH as u64, 0, "round {round}: half a batch");
        check_chain(&ledger, head).await;
        ledger.close().await;
    }
    assert!(acknowledged > Position(100), "the rounds did append: {acknowledged}");
}

fn position_of(line: &str) -> Option<Position> {
    let number = line.rsplit_once("acknowledged ")?.1.strip_suffix('.')?;
    number.parse().ok().map(Position)
}

fn appender(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::appends_until_killed", "--ignored", "--nocapture"])
        .env("LEDGER_DIRECTORY", directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The entries are those that were appended, each with the hash of the one before, and each has
/// the contents that it should.
async fn check_chain(ledger: &SqliteLedger, head: Head) {
    let mut last = Head::EMPTY;
    while last.position < head.position {
        let entries = ledger.read(last.position, NonZeroU32::MAX).await.unwrap();
        for entry in entries {
            assert_eq!(entry, sample_entry(last, salt(entry.position)), "at {}", entry.position);
            last = Head::after(&entry);
            let is_kept = ledger.contents(&[equal(entry.position)]).await.unwrap()[0].is_some();
            let is_purged = (entry.position.0 + 2).is_multiple_of(BATCH as u64 * 5);
            assert_eq!(is_kept, !is_purged, "at {}", entry.position);
        }
    }
    assert_eq!(last, head);
}

/// The salt of the batch that holds a position.
fn salt(position: Position) -> u64 {
    (position.0 - 1) / BATCH as u64
}

fn equal(position: Position) -> ContentRef {
    ContentRef { position, digest: Digest::of(b"equal") }
}

#[tokio::test]
#[ignore = "run by the test above, which kills it"]
async fn appends_until_killed() {
    let Ok(directory) = std::env::var("LEDGER_DIRECTORY").map(PathBuf::from) else { return };
    // A short log, so that it is copied and emptied under way.
    let options =
        Options { log_bytes_max: 256 * 1024, checkpoint_bytes: 64 * 1024, ..Options::default() };
    let ledger = SqliteLedger::open(&file(&directory), "changes", options).unwrap();
    let mut head = ledger.head().await.unwrap();
    loop {
        let mut batch = sample_batch(head, salt(head.position.next()), BATCH);
        let last = Position(head.position.0 + BATCH as u64);
        if last.0.is_multiple_of(BATCH as u64 * 5) {
            batch.purges.push(equal(Position(last.0 - 2)));
        }
        head = ledger.append(head, &batch).await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "acknowledged {}.", head.position).unwrap();
        out.flush().unwrap();
    }
}
