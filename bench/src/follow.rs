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
    talk,
    watcher::Watcher,
};

/// How long after the last answer changes may still come.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let ours = start(order)?;
    let before = order.earlier().as_ref().map(start).transpose()?;
    report.say(&format!(
        "\nfollow: {} watcher(s) while {} clients write",
        order.watchers, order.clients
    ));
    if !order.warmup.is_zero() {
        for followed in [Some(&ours), before.as_ref()].into_iter().flatten() {
            followed.load.run(StopCondition::Time(order.warmup))?;
        }
    }
    let (mut p99, mut earlier) = (Vec::new(), Vec::new());
    for index in 1..=order.rounds {
        let (rate, delays) = round(order, &ours)?;
        let found = percentile(delays.clone(), 99);
        report.say(&format!(
            "round {index}: {rate:.0} puts/s, seen after {:.2} ms (median), {found:.2} ms (p99), \
             {:.2} ms (all)",
            percentile(delays.clone(), 50),
            percentile(delays, 100)
        ));
        p99.push(found);
        if let Some(before) = &before {
            let (_, delays) = round(order, before)?;
            earlier.push(percentile(delays, 99));
        }
    }
    report.result("follow: p99", median(p99), " ms", Target::Below(8.0));
    if before.is_some() {
        let found = format!("{:.2} ms", median(earlier));
        report.fact(&format!("follow: p99 of {EARLIER}"), &found);
    }
    Ok(())
}

/// A server with a bound group that requires a key, and the load that it gets.
struct Followed {
    server: Running,
    key: String,
    load: Load,
}

fn start(order: &Order) -> Outcome<Followed> {
    std::fs::create_dir_all(&order.scratch)?;
    let server = muster::start(order, &order.scratch.join("follow"), None)?;
    muster::bind(&server)?;
    let key = talk::create_key(server.address)?;
    let shown = key.clone();
    let load = Load {
        address: server.address,
        clients: order.clients,
        write: Arc::new(move |number| muster::put(number, Some(&shown))),
        next: Arc::new(AtomicU64::new(1)),
    };
    Ok(Followed { server, key, load })
}

/// The rate of puts, and how long after its answer each was seen by each watcher.
fn round(order: &Order, followed: &Followed) -> Outcome<(f64, Vec<Duration>)> {
    let begin = |_| Watcher::begin(followed.server.address, &followed.key);
    let watchers: Vec<_> = (0..order.watchers).map(begin).collect::<Outcome<_>>()?;
    let loaded = followed.load.run(StopCondition::Time(order.round))?;
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
