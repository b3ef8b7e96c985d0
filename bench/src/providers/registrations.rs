//! Registering a provider, besides what it does itself to get ready.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use muster_providers::{
    ChatRequest, ChatStream, EnvironmentSecrets, Fault, ModelFacts, Provider, ProviderCapabilities,
    ProviderFaultKind, ProviderRegistry, RegistryOptions,
    probe::{ProbeClass, ProbeResult},
};
use serde_json::{Value, json};

use crate::{
    Outcome,
    load::percentile,
    order::Order,
    process::memory_of,
    ratio::{Report, Target},
};

/// How many are registered.
const PROVIDERS: usize = 10_000;

/// How many there are at once while their memory is measured.
const COUNTS: [u64; 4] = [10, 100, 1_000, 10_000];

/// How often one comes and goes.
const TURNS: u32 = 100_000;

/// A provider that does nothing, so that only the registry's own work is measured.
pub(super) struct Idle;

fn nothing() -> Fault {
    Fault::new(ProviderFaultKind::ProviderError, "it does nothing")
}

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
        Err(nothing())
    }

    async fn stream(&self, _request: &ChatRequest) -> Result<Box<dyn ChatStream>, Fault> {
        Err(nothing())
    }

    async fn dispose(&self) {}
}

/// Registers instances, and configurations, which are validated as well.
pub(super) fn run(_order: &Order, report: &mut Report) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secrets = BTreeMap::from([("KEY".to_owned(), "none".to_owned())]);
    let options = RegistryOptions::new(Arc::new(EnvironmentSecrets::new(secrets)));
    let of_instances = ProviderRegistry::new(options.clone());
    let of_configurations = ProviderRegistry::new(options);
    let config = json!({
        "type": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "credentials": "env:KEY",
        "models": ["tiny"],
    });
    let (mut instances, mut configurations) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        for number in 0..PROVIDERS {
            let name = format!("provider-{number}");
            let began = Instant::now();
            of_instances.register_with_instance(&name, Arc::new(Idle)).await?;
            instances.push(began.elapsed());
            let began = Instant::now();
            of_configurations.register(&name, &config).await?;
            configurations.push(began.elapsed());
        }
        Ok::<_, muster_providers::ProviderError>(())
    })?;
    tell(report, "instance", instances);
    tell(report, "configuration", configurations);
    drop((of_instances, of_configurations));
    runtime.block_on(memory(report, &config))
}

/// What providers take while they are there, and what is left of many that came and went.
async fn memory(report: &mut Report, config: &Value) -> Outcome {
    let secrets = BTreeMap::from([("KEY".to_owned(), "none".to_owned())]);
    let options = RegistryOptions::new(Arc::new(EnvironmentSecrets::new(secrets)));
    let registry = ProviderRegistry::new(options);
    let own = || memory_of(std::process::id());
    let mut sizes = Vec::new();
    for count in COUNTS {
        let before = own()?;
        for number in 0..count {
            registry.register(&format!("p{number}"), config).await?;
        }
        let grown = own()?.saturating_sub(before);
        sizes.push(format!("{} at {count}", grown / count));
        registry.dispose_all().await;
    }
    report.fact("providers: bytes of each", &sizes.join(", "));
    let before = own()?;
    for _ in 0..TURNS {
        registry.register("one", config).await?;
        registry.unregister("one").await?;
    }
    let grown = own()?.saturating_sub(before) / 1_024;
    let what = format!("providers: memory after {TURNS} registrations and removals of one");
    #[expect(clippy::cast_precision_loss, reason = "a process has less than 2^52 bytes")]
    let grown = grown as f64;
    report.result(&what, grown, " KiB more", Target::Below(1_024.0));
    match registry.held() {
        (0, 0, _) => Ok(()),
        held => Err(format!("connections and tasks are left: {held:?}").into()),
    }
}

fn tell(report: &mut Report, of: &str, times: Vec<Duration>) {
    let what = format!("providers: registering {PROVIDERS}, each by its {of}, p99");
    report.result(&what, percentile(times, 99), " ms", Target::Below(5.0));
}
