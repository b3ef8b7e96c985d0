use muster_providers::{
    Fault, HealthReport, LiveProvider, ModelFacts, ProviderSource, breaker::BreakerReport,
};
use muster_wire::providers::{
    LiveBreakerReport, LiveHealthReport, LiveModelReport, LiveProviderFault, LiveProviderReport,
};

use crate::LiveProviders;

/// Everything about a provider.
pub(super) fn of_provider(
    providers: &LiveProviders,
    live: &LiveProvider,
    now_ms: u64,
) -> LiveProviderReport {
    let report = live.report(now_ms);
    let declared = providers.live().explain(&report.name);
    let own = declared.into_iter().find(|(source, _)| *source == report.source);
    LiveProviderReport {
        origin: own.map(|(_, declaration)| declaration.origin),
        name: report.name,
        r#type: report.kind,
        base_url: report.base_url,
        status: report.status.to_string(),
        error: report.error.as_ref().map(fault),
        source: report.source.metadata().to_owned(),
        declared_by: ProviderSource::name(report.source).to_owned(),
        version: report.version,
        priority: report.priority,
        registered_at: report.registered_at.to_string(),
        capabilities: report.capabilities.names.into_iter().collect(),
        models: report.capabilities.models.into_iter().map(model).collect(),
        in_flight: report.in_flight as u64,
        calls: report.calls,
        failures: report.failures,
        health: of_health(report.health),
    }
}

/// How a provider is.
pub(super) fn of_health(health: HealthReport) -> LiveHealthReport {
    LiveHealthReport {
        provider: health.provider,
        status: health.status.to_string(),
        health: health.health.to_string(),
        last_health_check: health.last_health_check.map(|moment| moment.to_string()),
        failed_probes: health.failed_probes,
        probes: health.probes,
        good_probes: health.good_probes,
        proves: health.last_good.map(|good| format!("{:?}", good.class).to_lowercase()),
        last_error: health.last_fault.as_ref().map(fault),
        latency_ms: health.latency_ms,
        breaker: breaker(health.breaker),
        models: health.models.into_iter().map(|(name, report)| (name, breaker(report))).collect(),
    }
}

fn fault(fault: &Fault) -> LiveProviderFault {
    LiveProviderFault {
        code: fault.kind.code().to_owned(),
        message: fault.message.clone(),
        severity: format!("{:?}", fault.kind.severity()).to_lowercase(),
        retryable: fault.kind.is_retryable(),
    }
}

fn breaker(report: BreakerReport) -> LiveBreakerReport {
    LiveBreakerReport {
        state: report.state.to_string(),
        reason: report.reason.map(|reason| format!("{reason:?}").to_lowercase()),
        failures: report.failures,
        reopens_in_ms: report.reopens_in_ms,
        rests_for_ms: report.rests_for_ms,
    }
}

fn model(model: ModelFacts) -> LiveModelReport {
    LiveModelReport {
        id: model.id,
        context_tokens: model.context_tokens,
        input_cost: model.input_cost,
        output_cost: model.output_cost,
        capabilities: model.capabilities,
    }
}
