//! Propagation: from a change to its webhook, deliveries against a loop of posts, documents between
//! registries against clients that write the same, and memory while a target is down.

mod deliveries;
mod down;
mod latency;
mod registries;

use std::{net::SocketAddr, thread, time::Duration};

use crate::{
    Outcome,
    order::Order,
    process::Running,
    ratio::Report,
    servers::{muster, receiver::Arrival},
    talk,
};

/// Where the route and the target are.
const ROUTE: &str = "/api/routes/bench/entries/route";
const TARGET: &str = "/api/targets/bench/entries/target";

/// How long deliveries may take, all together.
const PATIENCE: Duration = Duration::from_secs(300);

/// After this time at rest a mark is stored.
const MARK_TIME: Duration = Duration::from_millis(400);

/// Measures one of them.
type Part = fn(&Order, &mut Report) -> Outcome;

/// Measures all of them. One that fails doesn't take the others with it.
pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let parts: [(&str, Part); 4] = [
        ("latency", latency::run),
        ("deliveries", deliveries::run),
        ("registries", registries::run),
        ("memory", down::run),
    ];
    let is_wanted = |name: &str| order.part.as_deref().is_none_or(|part| part == name);
    for (name, part) in parts.into_iter().filter(|(name, _)| is_wanted(name)) {
        let folder = order.scratch.join(name);
        std::fs::create_dir_all(&folder)?;
        let order = Order { scratch: folder.clone(), ..order.clone() };
        if let Err(error) = part(&order, report) {
            report.skip(&format!("propagation, {name}: {error}"));
        }
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// Puts a target that is a webhook.
fn put_hook(server: &Running, receiver: SocketAddr) -> Outcome {
    let secret = muster::SECRET_VARIABLE;
    let target = format!(
        r#"{{"kind": "webhook", "url": "http://{receiver}/hook", "secret": "env:{secret}"}}"#
    );
    talk::put(server.address, TARGET, target.as_bytes())
}

/// Puts a target that is another registry.
fn put_registry(server: &Running, other: SocketAddr) -> Outcome {
    let target = format!(r#"{{"kind": "registry", "url": "http://{other}"}}"#);
    talk::put(server.address, TARGET, target.as_bytes())
}

/// Puts the route to the target.
fn put_route(server: &Running, mode: &str, from: &str) -> Outcome {
    let route = format!(
        r#"{{"mode": "{mode}", "select": {{"collections": ["{}/entries"]}}, "targets": ["{}"], "from": "{from}"}}"#,
        muster::GROUP,
        TARGET.trim_start_matches("/api"),
    );
    talk::put(server.address, ROUTE, route.as_bytes())
}

/// Deletes the route and the target, with what is stored of them.
fn delete_link(server: &Running) -> Outcome {
    for path in [ROUTE, TARGET] {
        let answer = talk::ask(server.address, &talk::request("DELETE", path, "", b""))?;
        if !matches!(answer.status, 200..300) {
            return Err(format!("DELETE {path} was answered {}", answer.status).into());
        }
    }
    thread::sleep(MARK_TIME);
    Ok(())
}

/// Whether the changes of each document came in order, none of them twice.
fn check_order(arrivals: &[Arrival]) -> Outcome {
    let mut newest = std::collections::HashMap::new();
    for arrival in arrivals {
        let before = newest.insert(arrival.number, arrival.sequence);
        if before.is_some_and(|before| before >= arrival.sequence) {
            let Arrival { number, sequence, .. } = arrival;
            return Err(format!("change {sequence} of document {number} came out of order").into());
        }
    }
    Ok(())
}

/// How many per second.
fn rate(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count of changes is far below 2^52")]
    let count = count as f64;
    count / time.as_secs_f64()
}
