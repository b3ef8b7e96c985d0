use std::{collections::BTreeMap, time::Duration};

use muster_http::{LiveProviders, PROVIDERS_FOLLOWER, ProviderSurroundings, metrics::Metrics};
use muster_registry::Registry;
use muster_words::Id;

use super::assembly::{Assembly, OpenOptions};

/// The live AI providers of a registry; none is live yet. Only a server probes them.
pub(super) fn open(registry: &Registry, open_options: &OpenOptions) -> LiveProviders {
    let outbound = &open_options.outbound;
    let surroundings = ProviderSurroundings {
        secrets: outbound.secrets.clone(),
        addresses: outbound.addresses.clone(),
        discovery: outbound.discovery.clone(),
        monitors: open_options.connections_max > 0,
        tls: outbound.tls.clone(),
    };
    LiveProviders::new(registry.clone(), surroundings)
}

/// Makes live what is declared, and follows changes from here on. What is live is only in memory,
/// so its follower begins at the present position at each start.
pub(super) async fn begin(assembly: &Assembly, refresh: Duration) {
    let (providers, followers) = (&assembly.providers, &assembly.followers);
    if let Ok(name) = PROVIDERS_FOLLOWER.parse::<Id>()
        && let Err(error) = followers.begin_now(&name).await
    {
        tracing::warn!(%error, "the follower of AI providers begins at its mark");
    }
    providers.load().await;
    providers.discovery().start_auto_refresh(refresh.max(Duration::from_secs(1)));
}

/// Registers the metrics of the providers.
pub(super) fn measure(providers: &LiveProviders, metrics: &Metrics) {
    let live = providers.live().clone();
    metrics.labelled_gauge("providers", "Live AI providers, by status.", "status", move || {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for provider in live.get_providers() {
            *counts.entry(provider.status().to_string()).or_default() += 1;
        }
        counts.into_iter().collect()
    });
    let live = providers.live().clone();
    metrics.gauge("providers_cut_off", "Live AI providers whose breaker is open.", move || {
        let all = live.get_all_provider_health();
        let open = all.iter().filter(|health| health.breaker.reopens_in_ms.is_some()).count();
        i64::try_from(open).unwrap_or(i64::MAX)
    });
}
