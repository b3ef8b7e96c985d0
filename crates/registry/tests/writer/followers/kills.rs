//! SIGKILL at random moments under a follower, with writes going on.

mod child;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use muster_journal::SeededRandom;
use muster_stores::sqlite::SqliteMarks;

use super::*;
use crate::crash::{ledger, open_in};

const LEDGERS: u64 = 10;
const ROUNDS: u64 = 24;

/// The file in which the follower writes down what it does, one line each: `begin`, `take
/// <position>` before it answers, and `saved <position>` once its mark is saved.
const DIARY: &str = "diary";

/// Starts this program again, to write and follow until it is killed.
fn start(directory: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "followers::kills::child::follows_until_killed"])
        .args(["--ignored", "--nocapture"])
        .env("MUSTER_FOLLOWER_DIRECTORY", directory)
        .env("MUSTER_FOLLOWER_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a child write and follow, and kills it.
fn kill_one(directory: &Path, round: u64, dice: &mut SeededRandom) {
    let mut child = start(directory, round);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // After some writes, or while it still opens; then a little later, which is the random moment
    // and waits for nothing.
    let patience = if dice.one_in(8) { 0 } else { 1 + dice.below(200) };
    let mut written = 0;
    while written < patience {
        written += u64::from(lines.next().unwrap().unwrap().contains("written"));
    }
    let late = if patience == 0 { 60_000 } else { 8_000 };
    // sleeps: the random moment at which it is killed
    std::thread::sleep(Duration::from_micros(dice.below(late)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What the follower did in all of its lives.
#[derive(Default)]
struct Found {
    lives: usize,
    taken: usize,
    saved: usize,
    again: usize,
}

/// Reads the diary: each life goes on behind the last saved mark at the earliest, and behind what
/// was taken at the latest; within a life no command is left out, and none comes twice.
fn check(diary: &str, ends: &[Position], at: &str) -> Found {
    let index = |text: &str| {
        let position = Position(text.parse().unwrap());
        ends.binary_search(&position).unwrap_or_else(|_| panic!("{at}: no command ends at {text}"))
    };
    let mut found = Found::default();
    // How many commands were taken, and how many lie before the last mark that was saved.
    let (mut taken, mut saved) = (0, 0);
    let mut next: Option<usize> = None;
    for line in diary.lines() {
        match line.split_once(' ') {
            None => {
                assert_eq!(line, "begin", "{at}");
                found.lives += 1;
                next = None;
            }
            Some(("take", position)) => {
                let index = index(position);
                match next {
                    Some(next) => assert_eq!(index, next, "{at}: in order, none left out"),
                    None => {
                        assert!(index >= saved, "{at}: {position} again, behind a saved mark");
                        assert!(index <= taken, "{at}: {position} and not the one before");
                        found.again += taken - index;
                    }
                }
                next = Some(index + 1);
                taken = taken.max(index + 1);
                found.taken += 1;
            }
            Some((_, position)) => {
                saved = index(position) + 1;
                assert!(saved <= taken, "{at}: saved what wasn't taken");
                found.saved += 1;
            }
        }
    }
    assert_eq!(taken, ends.len(), "{at}: every command was taken");
    found
}

/// Many rounds over one ledger.
#[expect(clippy::print_stdout, reason = "a failure is run again from its seed")]
async fn many(number: u64) -> Found {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut dice = SeededRandom::new(number);
    for round in 1..=ROUNDS {
        kill_one(directory, round, &mut dice);
    }
    // The last life isn't cut off.
    let ledger = ledger(directory);
    let registry = open_in(directory, &ledger, u64::from(u16::MAX)).await;
    let running = child::follow(directory, &registry).await;
    write(&registry, 5).await;
    caught_up(&running).await;
    running.stop(Duration::from_secs(30)).await;
    let ends = ends(&registry).await;
    let marks = SqliteMarks::open(&directory.join("followers.db")).unwrap();
    let mark = marks.load(&id("search")).await.unwrap().unwrap();
    assert_eq!(Some(&mark.position), ends.last());
    let diary = std::fs::read_to_string(directory.join(DIARY)).unwrap();
    let found = check(&diary, &ends, &format!("seed {number}"));
    println!(
        "seed {number}: {} lives, {} commands, {} taken, {} marks saved, {} again",
        found.lives,
        ends.len(),
        found.taken,
        found.saved,
        found.again
    );
    registry.close().await;
    ledger.close().await;
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_takes_every_command_in_order_and_none_behind_a_saved_mark_again() {
    let mut all = Found::default();
    for number in 0..LEDGERS {
        let found = many(seed(700 + number)).await;
        all.lives += found.lives;
        all.taken += found.taken;
        all.saved += found.saved;
        all.again += found.again;
    }
    // Some processes are killed before their follower begins; the last life isn't cut off.
    let killed = all.lives - usize::try_from(LEDGERS).unwrap();
    assert!(killed >= 200 && all.taken > 2_000, "{killed} killed, {} taken", all.taken);
    assert!(all.saved > 200 && all.again > 0, "{} saved, {} again", all.saved, all.again);
}

#[test]
fn the_diary_tells_what_is_wrong() {
    let ends = [1, 2, 5, 6].map(Position);
    let right = "begin\ntake 1\ntake 2\nsaved 2\ntake 5\nbegin\ntake 5\ntake 6\nsaved 6\n";
    let found = check(right, &ends, "right");
    assert_eq!((found.lives, found.taken, found.saved, found.again), (2, 5, 2, 1));
    for (wrong, diary) in [
        ("again behind a mark", "begin\ntake 1\ntake 2\nsaved 2\nbegin\ntake 2\ntake 5\ntake 6\n"),
        ("left out", "begin\ntake 1\ntake 5\ntake 6\n"),
        ("left out by a life", "begin\ntake 1\nbegin\ntake 5\ntake 6\n"),
        ("twice", "begin\ntake 1\ntake 1\ntake 2\ntake 5\ntake 6\n"),
        ("not to the end", "begin\ntake 1\ntake 2\ntake 5\n"),
        ("no command's end", "begin\ntake 1\ntake 2\ntake 4\n"),
        ("saved too early", "begin\ntake 1\nsaved 2\ntake 2\ntake 5\ntake 6\n"),
    ] {
        assert!(std::panic::catch_unwind(|| check(diary, &ends, wrong)).is_err(), "{wrong}");
    }
}
