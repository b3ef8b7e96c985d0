//! Live AI providers: what they are, how they are, how one is chosen, and what they are asked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Sample;

/// The live providers, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveProviderList {
    /// The providers.
    pub providers: Vec<LiveProviderReport>,
    /// What is declared and can't be used, and why. What was live before it stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<DiscoveryLine>,
}

/// A live provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveProviderReport {
    /// Its name, unique in the registry.
    pub name: String,
    /// Its type, such as `openai-compatible`.
    pub r#type: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// `initializing`, `ready`, `error` or `disposed`.
    pub status: String,
    /// Why it couldn't get ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<LiveProviderFault>,
    /// Where it came from: `config` or `api`.
    pub source: String,
    /// What declares it: `program`, `document`, `file` or `environment`.
    pub declared_by: String,
    /// The place of its declaration: an xid, a file, or variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The version that its configuration gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A smaller number is preferred.
    pub priority: i64,
    /// When it was registered, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub registered_at: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// Its models, as declared; if none are, as it listed them itself.
    pub models: Vec<LiveModelReport>,
    /// The calls that it is answering now.
    pub in_flight: u64,
    /// The calls since it was registered.
    pub calls: u64,
    /// The calls that failed.
    pub failures: u64,
    /// How it is.
    pub health: LiveHealthReport,
}

/// A model of a live provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveModelReport {
    /// Its id.
    pub id: String,
    /// The most tokens of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// Dollars for a million tokens of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_cost: Option<f64>,
    /// Dollars for a million tokens of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_cost: Option<f64>,
    /// What it can do beside chat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

/// A fault of a provider. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveProviderFault {
    /// Its code, such as `invalid_api_key`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// `low`, `medium` or `high`.
    pub severity: String,
    /// Whether the same request may work later.
    pub retryable: bool,
}

/// How a live provider is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveHealthReport {
    /// The provider's name.
    pub provider: String,
    /// `initializing`, `ready`, `error` or `disposed`.
    pub status: String,
    /// What probes say: `unknown`, `healthy`, `degraded` or `unhealthy`.
    pub health: String,
    /// When the last probe was, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_health_check: Option<String>,
    /// The probes that failed since the last good one. Three make it unhealthy.
    pub failed_probes: u32,
    /// The probes so far.
    pub probes: u64,
    /// Those that were good.
    pub good_probes: u64,
    /// What the last good probe proved: `reach`, `key`, `credit` or `completion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proves: Option<String>,
    /// What went wrong with the last probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LiveProviderFault>,
    /// The usual time until an answer begins, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Its circuit breaker.
    pub breaker: LiveBreakerReport,
    /// The circuit breakers of single models, where they have something to say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, LiveBreakerReport>,
}

/// A circuit breaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveBreakerReport {
    /// `closed`, `open` or `half-open`.
    pub state: String,
    /// Why it opened: `failures`, `trial` or `probes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The failures that count now.
    pub failures: u32,
    /// When the next call may be tried, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopens_in_ms: Option<u64>,
    /// How long the provider asked to be left alone, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_for_ms: Option<u64>,
}

/// Something that happened to a live provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveProviderEvent {
    /// `provider-registered`, `provider-unregistered`, `provider-error`, `health-status-changed`,
    /// `circuit-breaker-opened` or `circuit-breaker-closed`.
    pub event: String,
    /// The provider's name.
    pub provider: String,
    /// When, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// More about it: `reason`, `from`, `to`, `model`, `code`, `message`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// What a provider and its model must be like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelectionRequest {
    /// The model, by its id; `provider/model` for one of one provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only these providers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// What the model must be able to do, such as `tools` or `vision`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// The tokens that a request may have, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    /// The most dollars for a million tokens of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_cost: Option<f64>,
    /// The most dollars for a million tokens of answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_cost: Option<f64>,
    /// The most milliseconds until an answer usually begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u64>,
    /// The region of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the model must read, such as `image`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<String>,
    /// What the model must write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// What decides among those that fit: `priority` (the default), `cost` or `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefer: Option<SelectionPreference>,
}

/// What decides among the providers that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SelectionPreference {
    /// The priority of the provider, then cost, then latency.
    #[default]
    Priority,
    /// The cost, then priority, then latency.
    Cost,
    /// The latency, then priority, then cost.
    Latency,
}

/// The provider that was chosen, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelectionReport {
    /// The best one.
    pub chosen: SelectionCandidate,
    /// The next ones, the best first.
    pub runners_up: Vec<SelectionCandidate>,
    /// Those that don't fit, and why.
    pub refused: Vec<SelectionRefusal>,
}

/// A provider with a model that fits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelectionCandidate {
    /// The provider.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// Why it is at this place.
    pub why: String,
    /// Whether it is cut off now, and only offered because every other one is, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_resort: bool,
}

/// A provider that doesn't fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelectionRefusal {
    /// The provider.
    pub provider: String,
    /// Why not.
    pub why: String,
}

/// What a discovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscoveryReport {
    /// One line for each provider and each source.
    pub providers: Vec<DiscoveryLine>,
    /// What else was noticed, such as a variable that several providers share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What became of one declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscoveryLine {
    /// The provider's name.
    pub name: String,
    /// What declares it.
    pub declared_by: String,
    /// The place of the declaration.
    pub origin: String,
    /// `registered`, `unchanged`, `updated`, `removed`, `refused`, `hidden` or `disabled`.
    pub outcome: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Every declaration of a provider's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderExplanation {
    /// The name.
    pub name: String,
    /// The declarations, the one that wins first.
    pub declarations: Vec<ExplainedDeclaration>,
}

/// One declaration of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedDeclaration {
    /// What declares it: `program`, `document`, `file` or `environment`.
    pub declared_by: String,
    /// The place.
    pub origin: String,
    /// Whether it is the one that is live.
    pub wins: bool,
    /// Whether it says that the provider should be live.
    pub enabled: bool,
    /// Why it can't be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A request for a chat completion, in the form of OpenAI's, with the provider left open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatCompletionRequest {
    /// The messages.
    pub messages: Vec<Value>,
    /// The model: its id, or `provider/model`. Without it, `select` decides alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether the answer is streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// How the provider is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<SelectionRequest>,
    /// Everything else is passed on.
    #[serde(flatten)]
    pub more: BTreeMap<String, Value>,
}

/// An answer in a provider's form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassedOn(pub BTreeMap<String, Value>);

impl Sample for LiveProviderList {
    fn sample() -> Self {
        let refused = DiscoveryLine {
            name: "groq".to_owned(),
            declared_by: "file".to_owned(),
            origin: "/etc/muster/providers.yaml".to_owned(),
            outcome: "refused".to_owned(),
            reason: Some("/priority: is not of type integer".to_owned()),
        };
        Self { providers: vec![LiveProviderReport::sample()], refused: vec![refused] }
    }
}

impl Sample for LiveProviderReport {
    fn sample() -> Self {
        Self {
            name: "local".to_owned(),
            r#type: "openai-compatible".to_owned(),
            base_url: Some("http://127.0.0.1:9000/v1".to_owned()),
            status: "ready".to_owned(),
            error: None,
            source: "api".to_owned(),
            declared_by: "document".to_owned(),
            origin: Some("/aiproviders/local/entries/local".to_owned()),
            version: None,
            priority: 100,
            registered_at: "2026-11-21T10:12:03Z".to_owned(),
            capabilities: vec!["chat".to_owned(), "streaming".to_owned(), "tools".to_owned()],
            models: vec![LiveModelReport { id: "tiny".to_owned(), ..LiveModelReport::default() }],
            in_flight: 0,
            calls: 12,
            failures: 1,
            health: LiveHealthReport::sample(),
        }
    }
}

impl Sample for LiveHealthReport {
    fn sample() -> Self {
        Self {
            provider: "local".to_owned(),
            status: "ready".to_owned(),
            health: "healthy".to_owned(),
            last_health_check: Some("2026-11-21T10:12:33Z".to_owned()),
            probes: 4,
            good_probes: 4,
            proves: Some("key".to_owned()),
            latency_ms: Some(120),
            breaker: LiveBreakerReport {
                state: "closed".to_owned(),
                failures: 1,
                ..LiveBreakerReport::default()
            },
            ..Self::default()
        }
    }
}

impl Sample for LiveProviderEvent {
    fn sample() -> Self {
        Self {
            event: "circuit-breaker-opened".to_owned(),
            provider: "local".to_owned(),
            time: "2026-11-21T10:12:03Z".to_owned(),
            facts: BTreeMap::from([("reason".to_owned(), "failures".to_owned())]),
        }
    }
}

impl Sample for SelectionRequest {
    fn sample() -> Self {
        Self {
            capabilities: vec!["tools".to_owned()],
            max_input_cost: Some(3.0),
            prefer: Some(SelectionPreference::Cost),
            ..Self::default()
        }
    }
}

impl Sample for SelectionReport {
    fn sample() -> Self {
        let candidate = |provider: &str, why: &str| SelectionCandidate {
            provider: provider.to_owned(),
            model: "tiny".to_owned(),
            why: why.to_owned(),
            last_resort: false,
        };
        Self {
            chosen: candidate("local", "priority 10, cost 0.00"),
            runners_up: vec![candidate("other", "priority 100, cost 0.15")],
            refused: vec![SelectionRefusal {
                provider: "groq".to_owned(),
                why: "its status is error".to_owned(),
            }],
        }
    }
}

impl Sample for DiscoveryReport {
    fn sample() -> Self {
        Self {
            providers: vec![DiscoveryLine {
                name: "mistral".to_owned(),
                declared_by: "environment".to_owned(),
                origin: "MISTRAL_API_KEY".to_owned(),
                outcome: "registered".to_owned(),
                reason: None,
            }],
            warnings: Vec::new(),
        }
    }
}

impl Sample for ProviderExplanation {
    fn sample() -> Self {
        let one = |declared_by: &str, origin: &str, wins| ExplainedDeclaration {
            declared_by: declared_by.to_owned(),
            origin: origin.to_owned(),
            wins,
            enabled: true,
            error: None,
        };
        Self {
            name: "mistral".to_owned(),
            declarations: vec![
                one("document", "/aiproviders/team/entries/mistral", true),
                one("environment", "MISTRAL_API_KEY", false),
            ],
        }
    }
}

impl Sample for ChatCompletionRequest {
    fn sample() -> Self {
        Self {
            messages: vec![json!({ "role": "user", "content": "Say hello." })],
            model: Some("tiny".to_owned()),
            ..Self::default()
        }
    }
}

impl Sample for PassedOn {
    fn sample() -> Self {
        Self(BTreeMap::from([("object".to_owned(), json!("chat.completion"))]))
    }
}
