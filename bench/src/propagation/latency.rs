//! From a put to its webhook: clients write at a steady rate, and a receiver in this process notes
//! when each event came. One clock measures both.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use super::{PATIENCE, put_hook, put_route};
use crate::{
    Outcome,
    load::{AnsweredRequest, Load, StopCondition, percentile},
    order::Order,
    ratio::{Report, Target, median},
    servers::{muster, receiver::Receiver},
};

/// How many changes are written in a second, whatever the answers say.
const PER_SECOND: u32 = 1_000;

/// Measures it.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    let server = muster::start_sending(order, &order.scratch.join("registry"), None)?;
    let receiver = Receiver::start()?;
    put_hook(&server, receiver.address)?;
    put_route(&server, "unidirectional", "now")?;
    let load = Load {
        address: server.address,
        clients: order.clients,
        write: Arc::new(|number| muster::put(number, None)),
        next: Arc::new(AtomicU64::new(1)),
    };
    report.say(&format!("\npropagation: {PER_SECOND} puts a second to one webhook"));
    let (mut p99, mut whole) = (Vec::new(), Vec::new());
    for index in 0..=order.rounds {
        let time = if index == 0 { order.warmup } else { order.round };
        let count = u64::from(PER_SECOND) * time.as_secs();
        if count == 0 {
            continue;
        }
        let before = server.cpu_time()?;
        let loaded = load.run(StopCondition::Schedule { count, per_second: PER_SECOND })?;
        let (arrivals, _) = receiver.take(usize::try_from(count)?, PATIENCE)?;
        let spent = server.cpu_time()? - before;
        let seen = arrivals.iter().map(|arrival| (arrival.number, arrival.at)).collect();
        let delays = since(&loaded.answered, &seen, |answered| answered.at)?;
        let all = since(&loaded.answered, &seen, |answered| answered.sent)?;
        if index == 0 {
            continue;
        }
        let found = percentile(delays.clone(), 99);
        report.say(&format!(
            "round {index}: {:.0} puts/s; received after the answer: {:.2} ms (median), {found:.2} \
             ms (p99), {:.2} ms (all); after the put was due: {:.2} ms (median), {:.2} ms (p99); \
             {:.0} % of a core",
            loaded.rate(),
            percentile(delays.clone(), 50),
            percentile(delays, 100),
            percentile(all.clone(), 50),
            percentile(all.clone(), 99),
            100.0 * spent.as_secs_f64() / loaded.time.as_secs_f64(),
        ));
        p99.push(found);
        whole.push(percentile(all, 99));
    }
    let what = "propagation: from the answer of a put to its webhook at 1,000/s, p99";
    report.result(what, median(p99), " ms", Target::Below(10.0));
    let what = "propagation: the same from when the put was due, p99";
    report.fact(what, &format!("{:.2} ms", median(whole)));
    server.stop()
}

/// A webhook may come before the answer of its put: that is no delay.
fn since(
    answered: &[AnsweredRequest],
    seen: &HashMap<u64, Instant>,
    from: impl Fn(&AnsweredRequest) -> Instant,
) -> Outcome<Vec<Duration>> {
    let delays = answered.iter().map(|answered| {
        let seen = seen.get(&answered.number);
        let seen = seen.ok_or_else(|| format!("no webhook told of {}", answered.number))?;
        Ok(seen.saturating_duration_since(from(answered)))
    });
    delays.collect()
}
