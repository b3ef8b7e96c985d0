//! Measures durable puts: batches appended to a SQLite ledger, against one thread that appends
//! 2 KiB to a file and calls fdatasync in a loop on the same file system. Both in turns, in one
//! run; the medians of the rounds are compared.
//!
//! ```text
//! cargo run --release -p muster-stores --example append -- [DIR] [SECONDS] [BATCH…]
//! ```

use std::{
    error::Error,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use muster_journal::{Batch, Ledger as _};
use muster_ledger::{EntryBytes, Head};
use muster_stores::{SqliteLedger, sqlite::Options};
use muster_words::{ContentRef, Digest};

/// Bytes of a document, of its attributes, and of the entry that names both.
const DOCUMENT: usize = 2_048;
const ATTRIBUTES: usize = 120;
const ENTRY: usize = 330;

const ROUNDS: usize = 5;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program for people")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let place = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let seconds = arguments.next().map_or(Ok(2.0), |text| text.parse())?;
    let mut batches: Vec<usize> = arguments.map(|text| text.parse()).collect::<Result<_, _>>()?;
    if batches.is_empty() {
        batches = vec![1, 16, 64, 256];
    }
    let span = Duration::from_secs_f64(seconds);
    println!(
        "{:>6} {:>12} {:>8} {:>8} {:>8} {:>14} {:>7}",
        "batch", "puts/s", "p50 ms", "p99 ms", "max ms", "fdatasync/s", "ratio"
    );
    for batch in batches {
        let (mut puts, mut plain, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            plain.push(fdatasync(&place, span)?);
            puts.push(appends(&place, span, batch, &mut times).await?);
        }
        puts.sort_by(f64::total_cmp);
        plain.sort_by(f64::total_cmp);
        times.sort();
        let (puts, plain) = (puts[ROUNDS / 2], plain[ROUNDS / 2]);
        let at = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index).or(times.last()).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        println!(
            "{batch:>6} {puts:>12.0} {:>8.2} {:>8.2} {:>8.2} {plain:>14.0} {:>7.1}",
            at(0.5),
            at(0.99),
            at(1.0),
            puts / plain
        );
    }
    Ok(())
}

/// Appends of 2 KiB a second, each synced.
fn fdatasync(place: &Path, span: Duration) -> Result<f64, Box<dyn Error>> {
    let path = place.join("append-example.log");
    let mut file = File::create(&path)?;
    let block = vec![7; DOCUMENT];
    let (start, mut count) = (Instant::now(), 0.0);
    while start.elapsed() < span {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1.0;
    }
    let rate = count / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Puts a second in batches of that many; the time of each batch is added to `times`.
async fn appends(
    place: &Path,
    span: Duration,
    puts: usize,
    times: &mut Vec<Duration>,
) -> Result<f64, Box<dyn Error>> {
    let path = place.join("append-example.db");
    let _ = std::fs::remove_file(&path);
    let ledger = SqliteLedger::open(&path, "changes", Options::default())?;
    let (mut head, mut count, mut spent) = (Head::EMPTY, 0.0, Duration::ZERO);
    while spent < span {
        // Making the batch isn't measured: the registry hashes and encodes while a batch is in
        // flight.
        let batch = batch(head, puts);
        let start = Instant::now();
        head = ledger.append(head, &batch).await?;
        let time = start.elapsed();
        times.push(time);
        spent += time;
        count += puts as f64;
    }
    ledger.close().await;
    std::fs::remove_file(path)?;
    Ok(count / spent.as_secs_f64())
}

fn batch(head: Head, puts: usize) -> Batch {
    let mut batch = Batch::default();
    let mut position = head.position;
    for _ in 0..puts {
        position = position.next();
        let filler = |length: usize| {
            let mut bytes = position.0.to_be_bytes().repeat(length / 8 + 1);
            bytes.truncate(length);
            Bytes::from(bytes)
        };
        batch.entries.push(EntryBytes { position, bytes: filler(ENTRY) });
        for length in [DOCUMENT, ATTRIBUTES] {
            let bytes = filler(length);
            let content = ContentRef { position, digest: Digest::of(&bytes) };
            batch.contents.push((content, bytes));
        }
    }
    batch
}
