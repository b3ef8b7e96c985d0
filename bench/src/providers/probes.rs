//! What a thousand providers cost that nobody calls: each is probed every 30 seconds.

use std::time::Duration;

use super::{all_ready, declare};
use crate::{
    Outcome,
    order::Order,
    ratio::{Report, Target},
    servers::{muster, upstream::Upstream},
};

/// How many providers there are.
const PROVIDERS: usize = 1_000;

/// Two rounds of probes: they come every 30 seconds.
const TIME: Duration = Duration::from_secs(60);

/// The largest part of one core, in percent.
const PART_MAX: f64 = 2.0;

/// Measures the server's CPU time, and that the probes came.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    let upstream = Upstream::start()?;
    let server = muster::start_sending(order, &order.scratch.join("data"), None)?;
    for number in 0..PROVIDERS {
        declare(&server, &format!("p{number}"), upstream.address)?;
    }
    all_ready(&server, PROVIDERS)?;
    // The first probes come at once, over new connections.
    std::thread::sleep(TIME / 2);
    let (before, (probes, connections)) = (server.cpu_time()?, upstream.counts());
    std::thread::sleep(TIME);
    let spent = server.cpu_time()? - before;
    let after = upstream.counts();
    let (probes, connections) = (after.0 - probes, after.1 - connections);
    let expected = 2 * PROVIDERS as u64;
    if probes < expected * 8 / 10 {
        return Err(format!("{probes} probes came, and about {expected} were due").into());
    }
    let percent = spent.as_secs_f64() / TIME.as_secs_f64() * 100.0;
    let what = format!(
        "providers: {PROVIDERS} of them, {probes} probes in {} s over {connections} new connections, part of a core",
        TIME.as_secs()
    );
    report.result(&what, percent, " %", Target::Below(PART_MAX));
    server.stop()
}
