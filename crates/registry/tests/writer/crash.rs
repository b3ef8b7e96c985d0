//! SIGKILL at random moments under concurrent writes, over SQLite and without HTTP.

mod writing;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use muster_journal::{LedgerHandle, SeededRandom};
use muster_ledger::Signer;
use muster_registry::CheckpointFile;
use muster_seal::KeyPair;
use muster_stores::{SqliteLedger, sqlite::Options};
use muster_words::Position;

use super::*;
use crate::commands::*;

const LEDGERS: u64 = 10;
const ROUNDS: u64 = 20;

/// What was acknowledged, by marker: where it ended, and how many documents it brought.
type Acknowledged = BTreeMap<String, (Position, usize)>;

/// Opens the ledger in a directory.
pub fn ledger(directory: &Path) -> Arc<SqliteLedger> {
    // A short log, so that it is copied and emptied under way.
    let options =
        Options { log_bytes_max: 512 * 1024, checkpoint_bytes: 128 * 1024, ..Options::default() };
    let path = directory.join("changes.db");
    Arc::new(SqliteLedger::open(&path, "changes", options).unwrap())
}

/// Opens the registry in a directory, with the checkpoint beside its ledger.
pub async fn open_in(directory: &Path, ledger: &Arc<SqliteLedger>, round: u64) -> Registry {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let ticks = CountingClock::default();
    ticks
        .moment
        .store(i64::try_from(now.as_micros()).unwrap() - 1_700_000_000_000_000, Ordering::Relaxed);
    ticks.command.store(round << 32, Ordering::Relaxed);
    let mut settings = settings(Foundation::BuiltIn, ticks.clock());
    let signer = Signer::new("test/changes".parse().unwrap(), KeyPair::from_seed(&[7; 32]));
    settings.checkpoint = Some(CheckpointFile::new(directory.join("changes.checkpoint"), signer));
    let ledger: Arc<dyn Ledger> = ledger.clone();
    Registry::open(Box::new(LedgerHandle(ledger)), settings).await.unwrap()
}

/// Starts this program again, to write until it is killed.
fn writer(directory: &Path, round: u64, seed: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::writing::writes_until_killed", "--ignored", "--nocapture"])
        .env("MUSTER_CRASH_DIRECTORY", directory)
        .env("MUSTER_CRASH_ROUND", round.to_string())
        .env("MUSTER_CRASH_DICE", seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a child write and kills it; answers what it had acknowledged.
fn kill_one(directory: &Path, round: u64, dice: &mut SeededRandom) -> Acknowledged {
    let mut child = writer(directory, round, dice.draw());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Acknowledged::new();
    // After some acknowledgements, or while it still opens; then a little later, which is the
    // random moment and waits for nothing.
    let patience = if dice.one_in(8) { 0 } else { 1 + dice.below(250) };
    let mut said = 0;
    while said < patience {
        let line = lines.next().unwrap().unwrap();
        said += u64::from(take(&line, &mut acknowledged));
    }
    let late = if patience == 0 { 60_000 } else { 4_000 };
    // sleeps: the random moment at which it is killed
    std::thread::sleep(Duration::from_micros(dice.below(late)));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it died counts too; a line cut short was not said.
    for line in lines.map_while(Result::ok) {
        take(&line, &mut acknowledged);
    }
    acknowledged
}

/// Reads `acknowledged <marker> <position> <count>.`; whether it was that.
fn take(line: &str, acknowledged: &mut Acknowledged) -> bool {
    let Some((_, said)) = line.split_once("acknowledged ") else { return false };
    let Some(said) = said.strip_suffix('.') else { return false };
    let fields: Vec<&str> = said.split(' ').collect();
    let [marker, position, count] = fields[..] else { return false };
    let position = Position(position.parse().unwrap());
    acknowledged.insert(marker.to_owned(), (position, count.parse().unwrap()));
    true
}

/// After a restart: the chain holds, and its tail has what was acknowledged and no half command.
async fn check_tail(
    directory: &Path,
    seed: u64,
    round: u64,
    after: Position,
    said: &Acknowledged,
) -> Position {
    let ledger = ledger(directory);
    // Opening walks and folds all of it, and compares it with the checkpoint.
    let registry = open_in(directory, &ledger, (round << 8) + 255).await;
    let found = documents_after(&*ledger, after).await;
    for (marker, (position, count)) in said {
        let there = found.get(&format!("[\"{marker}\"]")).cloned().unwrap_or_default();
        assert_eq!(there, vec![*position; *count], "seed {seed}, round {round}: {marker}");
    }
    for (marker, there) in &found {
        let whole = if marker.starts_with("[\"pair") { 2 } else { 1 };
        assert_eq!(there, &vec![there[0]; whole], "seed {seed}, round {round}: {marker}");
    }
    // It goes on where it stopped.
    let name = format!("/configs/app/entries/after-{round}");
    registry.submit(put(&name, &format!("[\"after-{round}\"]")), &by()).await.unwrap();
    let end = registry.view().position();
    registry.close().await;
    ledger.close().await;
    end
}

/// Twenty rounds in one ledger; answers how many writes were acknowledged.
#[expect(clippy::print_stdout, reason = "a failure is run again from its seed")]
async fn twenty(number: u64) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut dice = SeededRandom::new(number);
    let (mut all, mut after) = (Acknowledged::new(), Position::ZERO);
    for round in 1..=ROUNDS {
        let said = kill_one(directory, round, &mut dice);
        after = check_tail(directory, number, round, after, &said).await;
        all.extend(said);
    }
    let ledger = ledger(directory);
    let registry = open_in(directory, &ledger, u64::from(u16::MAX)).await;
    let verdict = registry.verify(|_| {}).await.unwrap();
    assert_eq!(Position(verdict.entries), after);
    assert_eq!(verdict.checkpoint, Some(after), "closed with a checkpoint of all");
    let found = documents_after(&*ledger, Position::ZERO).await;
    for (marker, (position, count)) in &all {
        assert_eq!(found[&format!("[\"{marker}\"]")], vec![*position; *count], "{marker}");
    }
    registry.close().await;
    ledger.close().await;
    println!("seed {number}: {ROUNDS} kills, {} acknowledged of {after}", all.len());
    all.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_registry_is_killed() {
    let mut acknowledged = 0;
    for number in 0..LEDGERS {
        acknowledged += twenty(seed(200 + number)).await;
    }
    assert!(acknowledged > 2_000, "the rounds did write: {acknowledged}");
}
