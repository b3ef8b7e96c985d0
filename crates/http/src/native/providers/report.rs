use muster_providers::{
    Fault, HealthReport, LiveProvider, ModelFacts, ProviderSource, ReportLine,
    breaker::BreakerReport,
};
use muster_wire::providers::{
    DiscoveryLine, LiveBreakerReport, LiveHealthReport, LiveModelReport, LiveProviderFault,
    LiveProviderReport,
};
use muster_words::Permission;

use crate::{Caller, LiveProviders, check};

/// Everything about a provider that a caller may know.
pub(super) fn of_provider(
    providers: &LiveProviders,
    caller: &Caller,
    live: &LiveProvider,
) -> LiveProviderReport {
    let report = live.report(providers.live().now_ms());
    let sight = Sight::of(providers, caller, &report.name);
    let declared = providers.live().explain(&report.name);
    let own = declared.into_iter().find(|(source, _)| *source == report.source);
    LiveProviderReport {
        origin: own.map(|(_, declaration)| declaration.origin),
        name: report.name,
        r#type: report.kind,
        base_url: report.base_url,
        status: report.status.to_string(),
        error: report.error.as_ref().map(|error| fault(error, sight)),
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
        health: health_of(report.health, sight),
    }
}

/// How a provider is.
pub(super) fn of_health(
    providers: &LiveProviders,
    caller: &Caller,
    live: &LiveProvider,
) -> LiveHealthReport {
    let sight = Sight::of(providers, caller, live.name().as_str());
    health_of(live.health(providers.live().now_ms()), sight)
}

/// What a caller may read of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// What the provider answered, because the caller may call it.
    Answers,
    /// Only our own words. A base URL may lead to something that isn't a provider, and what it
    /// answers isn't for everybody who may read documents.
    OwnWords,
}

impl Sight {
    fn of(providers: &LiveProviders, caller: &Caller, name: &str) -> Self {
        let place = providers.owner(name).map_or_else(|| "/".to_owned(), |xid| xid.to_string());
        match check(&caller.principal, Permission::CallProviders, &place) {
            Ok(_) => Self::Answers,
            Err(_) => Self::OwnWords,
        }
    }
}

fn health_of(health: HealthReport, sight: Sight) -> LiveHealthReport {
    LiveHealthReport {
        provider: health.provider,
        status: health.status.to_string(),
        health: health.health.to_string(),
        last_health_check: health.last_health_check.map(|moment| moment.to_string()),
        failed_probes: health.failed_probes,
        probes: health.probes,
        good_probes: health.good_probes,
        proves: health.last_good.map(|good| format!("{:?}", good.class).to_lowercase()),
        last_error: health.last_fault.as_ref().map(|error| fault(error, sight)),
        latency_ms: health.latency_ms,
        breaker: breaker(health.breaker),
        models: health.models.into_iter().map(|(name, report)| (name, breaker(report))).collect(),
    }
}

fn fault(fault: &Fault, sight: Sight) -> LiveProviderFault {
    LiveProviderFault {
        code: fault.kind.code().to_owned(),
        message: match sight {
            Sight::Answers => fault.for_callers().to_owned(),
            Sight::OwnWords => fault.message.clone(),
        },
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

/// What became of a declaration.
pub(super) fn of_line(line: ReportLine) -> DiscoveryLine {
    DiscoveryLine {
        name: line.name,
        declared_by: ProviderSource::name(line.source).to_owned(),
        origin: line.origin,
        outcome: line.outcome.name().to_owned(),
        reason: line.reason,
    }
}
