//! Deliveries to one webhook against loops of reqwest: the same number of posts with as many bytes
//! to the same receiver, each sender on the same core. Compared in CPU time of the sender, because
//! the receiver may be what ends first.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::{MARK_TIME, PATIENCE, check_order, delete_link, put_hook, put_route, rate};
use crate::{
    Outcome,
    load::{Load, StopCondition},
    order::Order,
    process::Running,
    ratio::{Report, Target, median},
    reads::CORES,
    servers::{
        muster,
        posts::{Posts, WARMUP},
        receiver::{Arrival, Receiver},
    },
    talk,
};

/// What is delivered.
struct Case {
    name: &'static str,
    changes: u64,
    /// How many documents the changes are of.
    documents: u64,
    /// How many loops post: as many as deliveries run at once.
    loops: u64,
}

const CASES: [Case; 2] = [
    Case { name: "one document, one after another", changes: 10_000, documents: 1, loops: 1 },
    Case { name: "1,000 documents, ten at once", changes: 20_000, documents: 1_000, loops: 10 },
];

/// What a sender did.
struct Sent {
    per_cpu_second: f64,
    per_second: f64,
    bytes: usize,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} and {:.0}", self.per_cpu_second, self.per_second)
    }
}

/// Measures all cases.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    for (index, case) in CASES.iter().enumerate() {
        let folder = order.scratch.join(index.to_string());
        measure(order, case, &folder, report)?;
    }
    Ok(())
}

/// Ours to theirs, of each round.
#[derive(Default)]
struct Ratios {
    cpu: Vec<f64>,
    wall: Vec<f64>,
    rates: Vec<f64>,
}

fn measure(order: &Order, case: &Case, folder: &std::path::Path, report: &mut Report) -> Outcome {
    let server = muster::start_sending(order, folder, CORES.0)?;
    fill(order, &server, case)?;
    let receiver = Receiver::start()?;
    report.say(&format!("\npropagation: {} changes of {}", case.changes, case.name));
    let mut ratios = Ratios::default();
    for index in 0..=order.rounds {
        server.rest()?;
        let ours = deliver(&server, &receiver, case)?;
        let theirs = post(&receiver, case, ours.bytes)?;
        let cpu = ours.per_cpu_second / theirs.per_cpu_second;
        report.say(&format!(
            "round {index}: per CPU second and in time: ours {ours}, reqwest {theirs}; ratio {cpu:.2}; {} bytes each",
            ours.bytes
        ));
        // The first round of each warms up.
        if index > 0 || order.warmup.is_zero() {
            ratios.cpu.push(cpu);
            ratios.wall.push(ours.per_second / theirs.per_second);
            ratios.rates.push(ours.per_second);
        }
    }
    let name = case.name;
    let what = format!("propagation: deliveries per CPU second of reqwest's, {name}");
    report.result(&what, median(ratios.cpu), "", Target::AtLeast(0.7));
    let what = format!("propagation: deliveries per second of reqwest's, {name}");
    report.fact(&what, &format!("{:.2} ({:.0}/s)", median(ratios.wall), median(ratios.rates)));
    server.stop()
}

/// Puts the changes.
fn fill(order: &Order, server: &Running, case: &Case) -> Outcome {
    let documents = case.documents;
    let write = move |number: u64| {
        let path = muster::path(number % documents);
        let body = muster::document(number);
        talk::request("PUT", &path, "content-type: application/json\r\n", &body)
    };
    let load = Load {
        address: server.address,
        clients: order.clients,
        write: Arc::new(write),
        next: Arc::new(AtomicU64::new(0)),
    };
    load.run(StopCondition::Count(case.changes)).map(|_| ())
}

/// Has all of them delivered by a new route, and deletes it. Its CPU time includes all of that, also
/// the marks.
fn deliver(server: &Running, receiver: &Receiver, case: &Case) -> Outcome<Sent> {
    let before = server.cpu_time()?;
    put_hook(server, receiver.address)?;
    put_route(server, "unidirectional", "beginning")?;
    let (arrivals, bytes) = receiver.take(usize::try_from(case.changes)?, PATIENCE)?;
    std::thread::sleep(MARK_TIME);
    let spent = server.cpu_time()? - before;
    check_order(&arrivals)?;
    delete_link(server)?;
    Ok(Sent {
        per_cpu_second: rate(case.changes, spent),
        per_second: rate(case.changes, between(&arrivals)),
        bytes,
    })
}

/// From the first arrival to the last.
fn between(arrivals: &[Arrival]) -> Duration {
    let ends = arrivals.first().zip(arrivals.last());
    ends.map_or(Duration::ZERO, |(first, last)| last.at - first.at)
}

fn post(receiver: &Receiver, case: &Case, bytes: usize) -> Outcome<Sent> {
    let posts = Posts { posts: case.changes, loops: case.loops, bytes };
    let spent = posts.run(receiver.address, CORES.0)?;
    let (arrivals, _) = receiver.take(usize::try_from(WARMUP + case.changes)?, PATIENCE)?;
    let arrivals = arrivals.get(usize::try_from(WARMUP)?..).unwrap_or_default();
    Ok(Sent {
        per_cpu_second: rate(case.changes, spent),
        per_second: rate(case.changes, between(arrivals)),
        bytes,
    })
}
