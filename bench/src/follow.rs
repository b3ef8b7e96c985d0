//! Following: the time from the answer of a put until a watcher holds the change, while clients
//! write as fast as they can. Both ends are in this process, so one clock measures.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    load::{AnsweredRequest, Load, StopCondition, percentile},
    order::Order,
    process::Running,
    ratio::{EARLIER, Report, Target, median},
    servers::muster,
    watcher::Watcher,
};

/// How long after the last answer changes may still come.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let (server, load) = start(order)?;
    let before = order.earlier().as_ref().map(start).transpose()?;
    report.say(&format!(
        "\nfollow: {} watcher(s) while {} clients write",
        order.watchers, order.clients
    ));
    if !order.warmup.is_zero() {
        load.run(StopCondition::Time(order.warmup))?;
        if let Some((_, load)) = &before {
            load.run(StopCondition::Time(order.warmup))?;
        }
    }
    let (mut p99, mut earlier) = (Vec::new(), Vec::new());
    for index in 1..=order.rounds {
        let (rate, delays) = round(order, &server, &load)?;
        let found = percentile(delays.clone(), 99);
        report.say(&format!(
            "round {index}: {rate:.0} puts/s, seen after {:.2} ms (median), {found:.2} ms (p99), \
             {:.2} ms (all)",
            percentile(delays.clone(), 50),
            percentile(delays, 100)
        ));
        p99.push(found);
        if let Some((server, load)) = &before {
            let (_, delays) = round(order, server, load)?;
            earlier.push(percentile(delays, 99));
        }
    }
    report.result("follow: p99", median(p99), " ms", Target::Below(10.0));
    if before.is_some() {
        let found = format!("{:.2} ms", median(earlier));
        report.fact(&format!("follow: p99 of {EARLIER}"), &found);
    }
    Ok(())
}

/// A server with a bound group, and the load that it gets.
fn start(order: &Order) -> Outcome<(Running, Load)> {
    std::fs::create_dir_all(&order.scratch)?;
    let server = muster::start(order, &order.scratch.join("follow"), None)?;
    muster::bind(&server)?;
    let load = Load {
        address: server.address,
        clients: order.clients,
        write: muster::put,
        next: Arc::new(AtomicU64::new(1)),
    };
    Ok((server, load))
}

/// The rate of puts, and how long after its answer each was seen by each watcher.
fn round(order: &Order, server: &Running, load: &Load) -> Outcome<(f64, Vec<Duration>)> {
    let watchers: Vec<_> =
        (0..order.watchers).map(|_| Watcher::begin(server.address)).collect::<Outcome<_>>()?;
    let loaded = load.run(StopCondition::Time(order.round))?;
    let until = Instant::now() + PATIENCE;
    let last = loaded.answered.iter().map(|answered| answered.number).collect::<Vec<_>>();
    let mut delays = Vec::with_capacity(loaded.answered.len() * watchers.len());
    for watcher in watchers {
        let seen = watcher.end(&last, until)?;
        delays.extend(join(&loaded.answered, &seen)?);
    }
    Ok((loaded.rate(), delays))
}

/// A change may be seen before the answer of its put is: that is no delay.
fn join(answered: &[AnsweredRequest], seen: &HashMap<u64, Instant>) -> Outcome<Vec<Duration>> {
    answered
        .iter()
        .map(|answered| {
            let seen = seen.get(&answered.number);
            let seen = seen.ok_or_else(|| format!("nobody saw document {}", answered.number))?;
            Ok(seen.saturating_duration_since(answered.at))
        })
        .collect()
}
