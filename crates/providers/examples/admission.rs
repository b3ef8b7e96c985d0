//! Measures what the registry adds to a call: looking a provider up, asking its breaker, and
//! settling the call, at two threads. Prints the median of each in nanoseconds, and how much memory
//! providers take: `cargo run --release -p muster-providers --example admission`.

use std::{
    collections::{BTreeMap, HashMap},
    hint::black_box,
    sync::{Arc, RwLock},
    time::Instant,
};

use async_trait::async_trait;
use muster_providers::{
    ChatRequest, ChatStream, EnvironmentSecrets, Fault, ModelFacts, Provider, ProviderCapabilities,
    ProviderFaultKind, ProviderRegistry, RegistryOptions,
    probe::{ProbeClass, ProbeResult},
};
use serde_json::Value;

/// How many calls are timed together: one takes less than a clock's step.
const BATCH: u32 = 1_000;

/// How many batches each thread times.
const BATCHES: usize = 2_000;

struct Idle;

#[async_trait]
impl Provider for Idle {
    async fn initialize(&self) -> Result<ProviderCapabilities, Fault> {
        Ok(ProviderCapabilities::default())
    }

    async fn models(&self) -> Result<Vec<ModelFacts>, Fault> {
        Ok(Vec::new())
    }

    async fn health_check(&self) -> Result<ProbeResult, Fault> {
        Ok(ProbeResult { class: ProbeClass::Reach, latency_ms: 0 })
    }

    async fn complete(&self, _request: &ChatRequest) -> Result<Value, Fault> {
        Ok(Value::Null)
    }

    async fn stream(&self, _request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault> {
        Err(Fault::new(ProviderFaultKind::InvalidRequest, "it is idle"))
    }

    async fn dispose(&self) {}
}

fn registry() -> ProviderRegistry {
    let secrets = Arc::new(EnvironmentSecrets::new(BTreeMap::new()));
    ProviderRegistry::new(RegistryOptions::new(secrets))
}

/// The median time of one call in nanoseconds, while two threads make them.
fn median(work: &(impl Fn(usize) + Sync)) -> f64 {
    let timed = |thread: usize| -> Vec<f64> {
        let batch = |index: usize| {
            let begun = Instant::now();
            (0..BATCH).for_each(|step| work(thread + index + step as usize));
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
        };
        (0..BATCHES).map(batch).collect()
    };
    let mut all: Vec<f64> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..2).map(|thread| scope.spawn(move || timed(thread))).collect();
        running.into_iter().flat_map(|one| one.join().unwrap_or_default()).collect()
    });
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The resident memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4_096
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "its numbers are for whoever runs it")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = registry();
    let names: Vec<String> = (0..1_000).map(|index| format!("provider-{index}")).collect();
    for name in &names {
        registry.register_with_instance(name, Arc::new(Idle)).await?;
    }
    let name = |index: usize| names[index % names.len()].as_str();
    let plain: RwLock<HashMap<String, Arc<u64>>> =
        RwLock::new(names.iter().map(|name| (name.clone(), Arc::default())).collect());
    let of_plain = median(&|index| {
        let found = plain.read().ok().and_then(|map| map.get(name(index)).cloned());
        black_box(found);
    });
    let of_lookup = median(&|index| {
        black_box(registry.get_provider(name(index)));
    });
    let of_admission = median(&|index| {
        black_box(registry.admit(name(index), "tiny").is_ok());
    });
    println!("look-up in one locked HashMap     {of_plain:7.1} ns");
    println!("look-up                           {of_lookup:7.1} ns");
    println!("look-up, admission and settlement {of_admission:7.1} ns");
    registry.dispose_all().await;
    let config = serde_json::json!({ "type": "ollama" });
    for count in [1_usize, 10, 100, 1_000, 10_000] {
        let before = resident();
        let begun = Instant::now();
        for index in 0..count {
            registry.register(&format!("p{index}"), &config).await?;
        }
        let took = begun.elapsed().as_secs_f64() * 1e6 / count as f64;
        let grown = resident().saturating_sub(before) / count;
        println!("{count:6} providers: {took:6.1} µs to register each, {grown:6} bytes each");
        registry.dispose_all().await;
    }
    let before = resident();
    for _ in 0..100_000 {
        registry.register("one", &config).await?;
        registry.unregister("one").await?;
    }
    let grown = resident().saturating_sub(before);
    println!("100000 registrations and removals: {grown} bytes more, {:?} held", registry.held());
    Ok(())
}
