//! Memory while a target is down: the same changes are written to a registry whose route leads to a
//! closed port, and to one without a route. What both differ by is what the backlog costs.

use std::net::SocketAddr;

use super::{put_hook, put_route};
use crate::{
    Outcome,
    order::Order,
    process::{Running, free_address},
    ratio::{Report, Target},
    servers::muster,
    talk,
};

/// How many documents the changes are of.
const DOCUMENTS: u64 = 10_000;

/// How many documents a batch changes.
const BATCH: u64 = 500;

/// How often memory is read.
const STEPS: u64 = 10;

/// Measures both in turns.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    let start = |name: &str| muster::start_sending(order, &order.scratch.join(name), None);
    let (relaying, plain) = (start("relaying")?, start("plain")?);
    put_hook(&relaying, free_address()?)?;
    put_route(&relaying, "unidirectional", "now")?;
    report.say(&format!("\npropagation: {} changes while the target is down", order.changes));
    let say = |step: u64, memory: [u64; 2]| {
        let [ours, plain] = memory.map(mebibytes);
        report.say(&format!(
            "{} changes: {ours:.1} MiB with the route, {plain:.1} without, {:.1} more",
            order.changes * step / STEPS,
            ours - plain
        ));
    };
    let begin = memory([&relaying, &plain])?;
    say(0, begin);
    let batches = order.changes.div_ceil(BATCH);
    let mut differences = Vec::new();
    for step in 1..=STEPS {
        for server in [&relaying, &plain] {
            for batch in batches * (step - 1) / STEPS..batches * step / STEPS {
                post(server.address, batch)?;
            }
        }
        let [ours, plain] = [&relaying, &plain];
        ours.rest()?;
        plain.rest()?;
        let found = memory([ours, plain])?;
        say(step, found);
        differences.push(mebibytes(found[0]) - mebibytes(found[1]));
    }
    check_backlog(&relaying)?;
    let end = differences.last().copied().unwrap_or_default();
    let first = differences.first().copied().unwrap_or_default();
    let changes = order.changes;
    let what =
        format!("propagation: memory of {changes} undelivered changes, besides the registry's");
    report.result(&what, end, " MiB", Target::Below(32.0));
    let what = format!("propagation: what of it came after the first {}", changes / STEPS);
    report.result(&what, end - first, " MiB", Target::Below(16.0));
    relaying.stop()?;
    plain.stop()?;
    // After a start, all of it is there to be read at once.
    let (relaying, plain) = (start("relaying")?, start("plain")?);
    [&relaying, &plain].into_iter().try_for_each(Running::rest)?;
    let [ours, without] = memory([&relaying, &plain])?.map(mebibytes);
    report.say(&format!("after a start: {ours:.1} MiB with the route, {without:.1} without"));
    check_backlog(&relaying)?;
    let what = format!("propagation: the same after a start with {changes} undelivered changes");
    report.result(&what, ours - without, " MiB", Target::Below(32.0));
    relaying.stop()?;
    plain.stop()
}

fn memory(servers: [&Running; 2]) -> Outcome<[u64; 2]> {
    let [one, other] = servers;
    Ok([one.memory()?, other.memory()?])
}

fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory in bytes is far below 2^52")]
    let bytes = bytes as f64;
    bytes / f64::from(1 << 20)
}

/// Nothing was given up and nothing delivered: all of it waits.
fn check_backlog(server: &Running) -> Outcome {
    let answer = talk::get(server.address, "/propagation/sessions")?;
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    match answer.status {
        200 if is_backlog(&answer.body) => Ok(()),
        _ => Err(format!("the route isn't waiting: {said}").into()),
    }
}

/// Whether the only link has delivered nothing and given up nothing, and something waits.
fn is_backlog(sessions: &[u8]) -> bool {
    let Ok(list) = serde_json::from_slice::<serde_json::Value>(sessions) else { return false };
    let link = &list["sessions"][0];
    link["delivered"] == 0 && link["dead"] == 0 && link["behind"].as_u64() > Some(0)
}

fn post(address: SocketAddr, batch: u64) -> Outcome {
    let mut body = "{".to_owned();
    for number in batch * BATCH..(batch + 1) * BATCH {
        let comma = if body.len() > 1 { "," } else { "" };
        body.push_str(&format!(
            r#"{comma}"d{}":{{"contenttype":"application/json","entry":{{"number":{number},"kind":"service","owner":{{"team":"platform"}}}}}}"#,
            number % DOCUMENTS
        ));
    }
    body.push('}');
    let path = format!("/api{}/entries", muster::GROUP);
    let json = "content-type: application/json\r\n";
    let answer = talk::ask(address, &talk::request("POST", &path, json, body.as_bytes()))?;
    match answer.status {
        200 => Ok(()),
        status => {
            let said = String::from_utf8_lossy(&answer.body);
            Err(format!("POST {path} was answered {status}: {said}").into())
        }
    }
}
