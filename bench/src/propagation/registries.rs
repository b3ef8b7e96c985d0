//! Documents from one registry to another, against a client that posts the same in batches to an
//! empty one, and against clients that put them one by one.

use std::{
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, put_registry, put_route, rate};
use crate::{
    Outcome,
    load::{Load, StopCondition},
    order::Order,
    process::Running,
    ratio::{Report, median},
    servers::muster,
    talk,
};

/// How many documents go over.
const DOCUMENTS: u64 = 10_000;

/// How many documents are in a batch: as many as one request of an exchange may hold.
const BATCH: u64 = 100;

/// How many clients put one by one: as many as deliveries run at once.
const CLIENTS: usize = 10;

/// Documents per second, each way.
#[derive(Debug, Default)]
struct Rounds {
    batches: Vec<f64>,
    puts: Vec<f64>,
    sent: Vec<f64>,
    both: Vec<f64>,
}

/// Measures each way in each round, with registries of its own.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    report.say(&format!("\npropagation: {DOCUMENTS} documents to another registry"));
    let mut rounds = Rounds::default();
    for index in 1..=order.rounds {
        let folder = order.scratch.join(index.to_string());
        std::fs::create_dir_all(&folder)?;
        let start = |name: &str| muster::start_sending(order, &folder.join(name), None);
        let (source, other) = (start("source")?, start("other")?);
        let (time, cpu) = timed(&[&source], || post(&source, 0))?;
        rounds.batches.push(rate(DOCUMENTS, time));
        let batches_cpu = cpu;
        source.rest()?;
        let (time, sent_cpu) = timed(&[&source, &other], || send(&source, &other))?;
        rounds.sent.push(rate(DOCUMENTS, time));
        let (here, there) = (start("here")?, start("there")?);
        post(&here, 0)?;
        let (time, puts_cpu) = timed(&[&there], || put(&there, DOCUMENTS))?;
        rounds.puts.push(rate(DOCUMENTS, time));
        here.rest()?;
        let (time, both_cpu) = timed(&[&here, &there], || exchange(&here, &there))?;
        rounds.both.push(rate(2 * DOCUMENTS, time));
        report.say(&format!(
            "round {index}: batches {:.0}/s ({} ms of CPU), puts {:.0}/s ({} ms), sent {:.0}/s ({} \
             ms in both), exchanged {:.0}/s ({} ms in both)",
            rounds.batches[index - 1],
            batches_cpu.as_millis(),
            rounds.puts[index - 1],
            puts_cpu.as_millis(),
            rounds.sent[index - 1],
            sent_cpu.as_millis(),
            rounds.both[index - 1],
            both_cpu.as_millis(),
        ));
        for server in [source, other, here, there] {
            server.stop()?;
        }
        std::fs::remove_dir_all(&folder)?;
    }
    rounds.judge(report);
    Ok(())
}

impl Rounds {
    fn judge(self, report: &mut Report) {
        let ratio = |ours: &[f64], others: &[f64]| {
            median(ours.iter().zip(others).map(|(ours, other)| ours / other))
        };
        let (sent, both) = (ratio(&self.sent, &self.batches), ratio(&self.both, &self.batches));
        let puts = ratio(&self.sent, &self.puts);
        let say = |ratio: f64, rates: Vec<f64>| format!("{ratio:.2} ({:.0}/s)", median(rates));
        let what = "propagation: documents to a registry, of puts one by one";
        report.fact(what, &say(puts, self.sent.clone()));
        let what = "propagation: documents to a registry, of POST in batches of 100";
        report.fact(what, &say(sent, self.sent));
        let what = "propagation: documents in both directions, of POST in batches of 100";
        report.fact(what, &say(both, self.both));
    }
}

/// The time of something, and the CPU time of servers meanwhile.
fn timed(servers: &[&Running], work: impl FnOnce() -> Outcome) -> Outcome<(Duration, Duration)> {
    let cpu = || servers.iter().map(|server| server.cpu_time()).sum::<Outcome<Duration>>();
    let before = cpu()?;
    let started = Instant::now();
    work()?;
    let time = started.elapsed();
    Ok((time, cpu()? - before))
}

/// Posts documents in batches, one after another.
fn post(server: &Running, first: u64) -> Outcome {
    let write = move |number: u64| {
        let begin = first + number * BATCH;
        let mut body = vec![b'{'];
        for number in begin..begin + BATCH {
            let comma = if number == begin { "" } else { "," };
            let head = format!(r#"{comma}"d{number}":{{"contenttype":"application/json","entry":"#);
            body.extend(head.into_bytes());
            body.extend(muster::document(number));
            body.push(b'}');
        }
        body.push(b'}');
        let path = format!("/api{}/entries", muster::GROUP);
        talk::request("POST", &path, "content-type: application/json\r\n", &body)
    };
    load(server, 1, write).run(StopCondition::Count(DOCUMENTS / BATCH)).map(|_| ())
}

/// Puts documents one by one.
fn put(server: &Running, first: u64) -> Outcome {
    let write = move |number: u64| muster::put(first + number, None);
    load(server, CLIENTS, write).run(StopCondition::Count(DOCUMENTS)).map(|_| ())
}

fn load(
    server: &Running,
    clients: usize,
    write: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static,
) -> Load {
    let next = Arc::new(AtomicU64::new(0));
    Load { address: server.address, clients, write: Arc::new(write), next }
}

/// Has all documents sent to an empty registry.
fn send(source: &Running, other: &Running) -> Outcome {
    put_registry(source, other.address)?;
    put_route(source, "unidirectional", "beginning")?;
    wait(other, DOCUMENTS)
}

/// Has each registry get what the other one has.
fn exchange(here: &Running, there: &Running) -> Outcome {
    put_registry(here, there.address)?;
    put_route(here, "bidirectional", "beginning")?;
    wait(there, 2 * DOCUMENTS)?;
    wait(here, 2 * DOCUMENTS)
}

/// Waits until a registry has so many documents.
fn wait(server: &Running, count: u64) -> Outcome {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = talk::get(server.address, &format!("/api{}", muster::GROUP))?;
        let found = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
        let found = found.and_then(|group| group.get("entriescount")?.as_u64()).unwrap_or_default();
        if found >= count {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{found} of {count} documents are there").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
}
