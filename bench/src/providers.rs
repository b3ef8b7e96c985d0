//! Live AI providers: finding and admitting one against maps that everybody knows, registering one,
//! the gateway against a bare proxy and LiteLLM's, and what a thousand of them cost at rest.

mod gateway;
mod lookups;
mod probes;
mod registrations;

use crate::{Outcome, order::Order, process::Running, ratio::Report, servers::muster, talk};

/// Measures one of them.
type Part = fn(&Order, &mut Report) -> Outcome;

/// Measures all of them. One that fails doesn't take the others with it.
pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let parts: [(&str, Part); 4] = [
        ("look-ups", lookups::run),
        ("registrations", registrations::run),
        ("gateway", gateway::run),
        ("probes", probes::run),
    ];
    for (name, part) in parts {
        if order.part.as_deref().is_some_and(|part| part != name) {
            continue;
        }
        let folder = order.scratch.join(name);
        std::fs::create_dir_all(&folder)?;
        let order = Order { scratch: folder.clone(), ..order.clone() };
        if let Err(error) = part(&order, report) {
            report.skip(&format!("providers, {name}: {error}"));
        }
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

/// Declares a provider that speaks OpenAI's dialect, with one model.
fn declare(server: &Running, name: &str, upstream: std::net::SocketAddr) -> Outcome {
    let variable = muster::SECRET_VARIABLE;
    let document = format!(
        r#"{{"type": "openai-compatible", "base_url": "http://{upstream}/v1", "credentials": "env:{variable}", "models": ["tiny"]}}"#
    );
    talk::put(
        server.address,
        &format!("/api/aiproviders/bench/entries/{name}"),
        document.as_bytes(),
    )
}

/// Waits until so many providers are ready.
fn all_ready(server: &Running, count: usize) -> Outcome {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let answer = talk::get(server.address, "/providers")?;
        if answer.status != 200 {
            return Err(format!("/providers was answered {}", answer.status).into());
        }
        let listed: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let all = listed.get("providers").and_then(serde_json::Value::as_array);
        let is_ready = |live: &&serde_json::Value| {
            live.get("status").and_then(serde_json::Value::as_str) == Some("ready")
        };
        let ready = all.map_or(0, |all| all.iter().filter(is_ready).count());
        if ready >= count {
            return Ok(());
        }
        if std::time::Instant::now() > until {
            return Err(format!("{ready} of {count} providers got ready").into());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
