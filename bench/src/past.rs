//! Reading the past without HTTP: one document as it was at a position, by the view there and the
//! ledger's bytes.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_catalog::{
    View,
    command::{Action, Command, Mode, Target, Write, WriteBody},
};
use muster_registry::Registry;
use muster_words::{Position, Xid, json};

use crate::{
    Outcome,
    core_writes::{by, open, put},
    load::percentile,
    order::Order,
    ratio::{self, Report},
};

/// Documents that one command brings while the registry is filled.
const AT_ONCE: u64 = 200;

/// States of the document that is written most.
const STATES: u64 = 10_000;

/// Reads that are measured.
const READS: u64 = 20_000;

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(order, report))
}

async fn measure(order: &Order, report: &mut Report) -> Outcome {
    let count = order.sizes.iter().copied().max().unwrap_or(1);
    let folder = order.scratch.join("past");
    let registry = open(&folder).await?;
    report.say(&format!("\npast: {count} documents, one of them with {STATES} states"));
    registry.submit(group("/configs/bench")?, &by()).await?;
    fill(&registry, count, order.clients).await?;
    // A tenth is written again, so that the past differs from now.
    write_each(&registry, count / 10, order.clients, |number| number * 10).await?;
    write_each(&registry, STATES, 1, |_| 0).await?;
    let head = registry.view().position().0;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (what, choose) in [("any document", count), ("the one of many states", 1)] {
        let mut waits = Vec::new();
        let mut found = 0_u64;
        for _ in 0..READS {
            let position = Position(random.below(head) + 1);
            let xid = name(random.below(choose))?;
            let asked = Instant::now();
            let read = read(&registry, position, &xid).await?;
            waits.push(asked.elapsed());
            found += u64::from(read);
        }
        let middle = percentile(waits.clone(), 50);
        let slowest = percentile(waits, 99);
        report.say(&format!(
            "{what}: {READS} reads at positions up to {head}, {found} found, median {middle:.3} ms"
        ));
        report.result(&format!("past: {what}, p99"), slowest, " ms", ratio::Target::Below(2.0));
    }
    report.say(&format!("counting a group of the past: {:?}", count_group(&registry, head).await?));
    registry.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Reads a document as it was. Answers whether it was there.
async fn read(registry: &Registry, position: Position, xid: &Xid) -> Outcome<bool> {
    let view: View = registry.view_at(position).await?;
    let Some(document) = view.version_at(xid).and_then(|version| version.document) else {
        return Ok(false);
    };
    let read = registry.contents(&[document]).await?;
    Ok(read.into_iter().flatten().next().is_some())
}

/// How long it takes to say how many documents a group had halfway.
async fn count_group(registry: &Registry, head: u64) -> Outcome<(usize, Duration)> {
    let view = registry.view_at(Position(head / 2)).await?;
    let asked = Instant::now();
    let group = view.group_at(&name(0)?).ok_or("the group wasn't there")?;
    Ok((group.resource_count("entries"), asked.elapsed()))
}

fn group(xid: &str) -> Outcome<Command> {
    let (target, body) = (Target::Entity(xid.parse()?), WriteBody::Tree(json::Map::new()));
    Ok(Command::new(Action::Write(Write { mode: Mode::Put, target, body })))
}

fn name(number: u64) -> Outcome<Xid> {
    Ok(format!("/configs/bench/entries/d{number}").parse()?)
}

fn document(number: u64) -> String {
    format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat(200))
}

/// Makes documents, many with one command.
async fn fill(registry: &Registry, count: u64, clients: usize) -> Outcome {
    let next = Arc::new(AtomicU64::new(0));
    let filling = (0..clients.min(8)).map(|_| {
        let (registry, next) = (registry.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let begin = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                if begin >= count {
                    return Outcome::Ok(());
                }
                let mut body = String::new();
                for number in begin..count.min(begin + AT_ONCE) {
                    let comma = if body.is_empty() { "" } else { "," };
                    let document = document(number);
                    let _ = write!(
                        body,
                        "{comma}\"d{number}\":{{\"contenttype\":\"application/json\",\"entry\":{document}}}"
                    );
                }
                let body = format!("{{\"entries\":{{{body}}}}}");
                let json::Value::Object(body) = json::parse(body.as_bytes())? else { continue };
                let target = Target::Entity("/configs/bench".parse()?);
                let write = Write { mode: Mode::Post, target, body: WriteBody::Tree(body) };
                registry.submit(Command::new(Action::Write(write)), &by()).await?;
            }
        })
    });
    for filler in filling.collect::<Vec<_>>() {
        filler.await??;
    }
    Ok(())
}

/// Writes documents again, one with each command.
async fn write_each(
    registry: &Registry,
    count: u64,
    clients: usize,
    which: fn(u64) -> u64,
) -> Outcome {
    let next = Arc::new(AtomicU64::new(0));
    let writing = (0..clients).map(|_| {
        let (registry, next) = (registry.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Outcome::Ok(());
                }
                let xid = name(which(number))?.to_string();
                registry.submit(put(&xid, document(number + 1))?, &by()).await?;
            }
        })
    });
    for writer in writing.collect::<Vec<_>>() {
        writer.await??;
    }
    Ok(())
}

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}
