//! A chat request through the gateway: its CPU time against that of a proxy that only passes bytes
//! on, and how many pass against LiteLLM's proxy. What answers is in this process, and isn't counted.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use super::{all_ready, declare};
use crate::{
    Outcome,
    load::{Load, StopCondition},
    order::Order,
    process::Running,
    ratio::{Report, Target, median},
    reads::CORES,
    servers::{litellm, muster, proxy, upstream::Upstream},
    talk,
};

/// Requests of a round.
const REQUESTS: u64 = 20_000;

/// Requests of a round of LiteLLM's, which is slower.
const REQUESTS_OF_LITELLM: u64 = 500;

/// Clients at the same time.
const CLIENTS: usize = 16;

/// What a proxy did in a round.
struct Passed {
    /// Microseconds of CPU time of a request.
    cpu: f64,
    per_second: f64,
}

/// Measures them in turns.
pub(super) fn run(order: &Order, report: &mut Report) -> Outcome {
    let upstream = Upstream::start()?;
    let bare = proxy::start(order, upstream.address, CORES.0)?;
    let server = muster::start_sending(order, &order.scratch.join("data"), CORES.0)?;
    declare(&server, "local", upstream.address)?;
    all_ready(&server, 1)?;
    let passed = |server: &Running, path: &'static str, model: &'static str, requests: u64| {
        pass(server, path, model, requests)
    };
    let (ours, theirs) = ("/providers/openai/v1/chat/completions", "/v1/chat/completions");
    for (server, path, model) in [(&server, ours, "local/tiny"), (&bare, theirs, "tiny")] {
        passed(server, path, model, REQUESTS / 10)?;
    }
    let (mut own, mut other, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..order.rounds {
        let bare = passed(&bare, theirs, "tiny", REQUESTS)?;
        let muster = passed(&server, ours, "local/tiny", REQUESTS)?;
        report.say(&format!(
            "gateway: {:.1} µs of CPU and {:.0}/s; bare proxy: {:.1} µs and {:.0}/s",
            muster.cpu, muster.per_second, bare.cpu, bare.per_second
        ));
        own.push(muster.cpu);
        other.push(bare.cpu);
        rates.push(muster.per_second);
    }
    let (own, other, rate) = (median(own), median(other), median(rates));
    let what = format!(
        "gateway: CPU time of a chat request ({own:.1} µs), of a bare proxy's ({other:.1} µs)"
    );
    report.result(&what, own / other, "", Target::Below(1.5));
    drop(bare);
    server.stop()?;
    match order.litellm.as_deref() {
        Some(program) => against_litellm(order, report, program, &upstream, rate),
        None => {
            report.skip("gateway against LiteLLM: name its program with --litellm");
            Ok(())
        }
    }
}

fn against_litellm(
    order: &Order,
    report: &mut Report,
    program: &Path,
    upstream: &Upstream,
    ours: f64,
) -> Outcome {
    let server = litellm::start(order, program, upstream.address, CORES.0)?;
    let path = "/v1/chat/completions";
    pass(&server, path, "tiny", REQUESTS_OF_LITELLM / 5)?;
    let mut rates = Vec::new();
    for _ in 0..order.rounds {
        rates.push(pass(&server, path, "tiny", REQUESTS_OF_LITELLM)?.per_second);
    }
    let theirs = median(rates);
    let what =
        format!("gateway: chat requests per second ({ours:.0}), of LiteLLM's proxy ({theirs:.0})");
    report.result(&what, ours / theirs, "", Target::AtLeast(20.0));
    Ok(())
}

fn pass(
    server: &Running,
    path: &'static str,
    model: &'static str,
    requests: u64,
) -> Outcome<Passed> {
    let body = body(model);
    let write = move |_| {
        let headers = "content-type: application/json\r\nauthorization: Bearer sk-bench\r\n";
        talk::request("POST", path, headers, body.as_bytes())
    };
    let before = server.cpu_time()?;
    let load = Load {
        address: server.address,
        clients: CLIENTS,
        write: Arc::new(write),
        next: Arc::new(AtomicU64::new(0)),
    };
    let result = load.run(StopCondition::Count(requests))?;
    // The time is counted in hundredths of a second, of which a round has many.
    std::thread::sleep(Duration::from_millis(20));
    let spent = server.cpu_time()? - before;
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    let cpu = spent.as_secs_f64() * 1_000_000.0 / requests as f64;
    Ok(Passed { cpu, per_second: result.rate() })
}

/// A request with a system prompt and a question, about as long as short ones are.
fn body(model: &str) -> String {
    let prompt = "You answer shortly and name your sources. ".repeat(20);
    let question = "What does a registry of documents do, and who needs one? ".repeat(4);
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"system","content":"{prompt}"}},{{"role":"user","content":"{question}"}}],"temperature":0.2,"max_tokens":256}}"#
    )
}
