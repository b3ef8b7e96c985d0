use std::{collections::BTreeMap, time::Duration};

use muster_schema::Violation;
use muster_words::{
    Digest, Xid,
    json::{Map, Value, to_canonical},
    time_span,
};
use thiserror::Error;

use crate::{
    breaker::BreakerSettings,
    known_type::{KnownType, ProviderDialect},
};

mod bounds;
mod headers;
mod schema;

pub use schema::configuration_schema;

/// A provider's configuration, as a document, a file or a program gives it.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// The type.
    pub known: &'static KnownType,
    /// Where it is, without a slash at the end.
    pub base_url: String,
    /// Where its secrets are.
    pub credentials: ProviderCredentials,
    /// The models that it declares; empty: whatever it has.
    pub models: Vec<ModelFacts>,
    /// A smaller number is preferred.
    pub priority: i64,
    /// Whether it should be live.
    pub enabled: bool,
    /// The region, where the provider has regions.
    pub region: Option<String>,
    /// The version of Azure's API.
    pub api_version: Option<String>,
    /// Headers that are sent with every request.
    pub headers: BTreeMap<String, String>,
    /// How long an answer may take to begin.
    pub answer_time: Duration,
    /// The version of the configuration, for people.
    pub version: Option<String>,
    /// Health monitoring.
    pub health: HealthSettings,
    /// The circuit breaker.
    pub breaker: BreakerSettings,
    /// The lifecycle.
    pub lifecycle: LifecycleSettings,
    /// The digest of what was written. Two configurations with the same digest are the same.
    pub digest: Digest,
}

/// References to secrets; never secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProviderCredentials {
    /// None are needed.
    #[default]
    None,
    /// One key.
    Key(String),
    /// Amazon's pair, with a token if the pair is short-lived.
    Aws {
        /// The id.
        access_key_id: String,
        /// The key.
        secret_access_key: String,
        /// The token.
        session_token: Option<String>,
    },
}

impl ProviderCredentials {
    /// Every reference.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            Self::None => [None, None, None],
            Self::Key(one) => [Some(one), None, None],
            Self::Aws { access_key_id, secret_access_key, session_token } => {
                [Some(access_key_id), Some(secret_access_key), session_token.as_ref()]
            }
        };
        all.into_iter().flatten().map(String::as_str)
    }
}

/// What is known about a model of a provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelFacts {
    /// The id that the provider knows.
    pub id: String,
    /// The most tokens of a request.
    pub context_tokens: Option<u64>,
    /// Dollars for a million tokens of requests.
    pub input_cost: Option<f64>,
    /// Dollars for a million tokens of answers.
    pub output_cost: Option<f64>,
    /// What it can do beside chat: `tools`, `vision`, `json`, …
    pub capabilities: Vec<String>,
    /// What it reads: `text`, `image`, `audio`, …
    pub input: Vec<String>,
    /// What it writes.
    pub output: Vec<String>,
}

/// Health monitoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// Between two probes.
    pub check_interval: Duration,
    /// How long a probe may take.
    pub timeout: Duration,
    /// How often a failed probe is tried again at once.
    pub retries: u32,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            retries: 0,
        }
    }
}

/// How long the parts of a life may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecycleSettings {
    /// To get ready.
    pub init_timeout: Duration,
    /// To be disposed.
    pub dispose_timeout: Duration,
    /// To let calls in flight end and to be disposed, when everything ends.
    pub graceful_shutdown_timeout: Duration,
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(30),
            dispose_timeout: Duration::from_secs(10),
            graceful_shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the configuration is wrong: {}", said(violations))]
pub struct ConfigError {
    /// Each fault, with its place.
    pub violations: Vec<Violation>,
}

fn said(violations: &[Violation]) -> String {
    let one = |violation: &Violation| match violation.pointer.as_str() {
        "" => violation.message.clone(),
        pointer => format!("{pointer}: {}", violation.message),
    };
    violations.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// How long an answer may take to begin, unless the configuration says otherwise. Large models
/// think for minutes before the first word.
const ANSWER_TIME: Duration = Duration::from_secs(120);

impl ProviderConfig {
    /// Reads a configuration, and names everything that is wrong with it.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn parse(value: &Value) -> Result<Self, ConfigError> {
        let violations = configuration_violations(value);
        let known = value.get("type").and_then(Value::as_str).and_then(KnownType::find);
        let (true, Some(known), Value::Object(map)) = (violations.is_empty(), known, value) else {
            return Err(ConfigError { violations });
        };
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        let region = text("region");
        let base_url = text("base_url")
            .or_else(|| known.base_url.clone())
            .or_else(|| region.as_deref().map(bedrock_url))
            .unwrap_or_default();
        let headers = map.get("headers").and_then(Value::as_object).into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?)));
        let health = map.get("health");
        let lifecycle = map.get("lifecycle");
        let defaults = (HealthSettings::default(), LifecycleSettings::default());
        let answer_time = time_of(Some(value), "timeout").unwrap_or(ANSWER_TIME);
        Ok(Self {
            known,
            base_url: base_url.trim_end_matches('/').to_owned(),
            credentials: credentials(map.get("credentials")),
            models: models(map.get("models")),
            priority: map.get("priority").and_then(Value::as_i64).unwrap_or(100),
            enabled: map.get("enabled").and_then(Value::as_bool).unwrap_or(true),
            region,
            api_version: text("api_version"),
            headers: headers.map(|(name, value)| (name, value.to_owned())).collect(),
            answer_time,
            version: text("version"),
            health: HealthSettings {
                check_interval: time_of(health, "checkInterval")
                    .unwrap_or(defaults.0.check_interval),
                timeout: time_of(health, "timeout").unwrap_or(defaults.0.timeout),
                retries: number_of(health, "retries").unwrap_or(defaults.0.retries),
            },
            breaker: breaker(map.get("circuitBreaker"), answer_time),
            lifecycle: LifecycleSettings {
                init_timeout: time_of(lifecycle, "initTimeout").unwrap_or(defaults.1.init_timeout),
                dispose_timeout: time_of(lifecycle, "disposeTimeout")
                    .unwrap_or(defaults.1.dispose_timeout),
                graceful_shutdown_timeout: time_of(lifecycle, "gracefulShutdownTimeout")
                    .unwrap_or(defaults.1.graceful_shutdown_timeout),
            },
            digest: Digest::of(&to_canonical(value)),
        })
    }

    /// The host of the base URL, in small letters.
    #[must_use]
    pub fn host(&self) -> String {
        let uri: Option<http::Uri> = self.base_url.parse().ok();
        uri.and_then(|uri| uri.host().map(str::to_lowercase)).unwrap_or_default()
    }
}

/// Where Bedrock is in a region.
fn bedrock_url(region: &str) -> String {
    format!("https://bedrock-runtime.{region}.amazonaws.com")
}

/// Everything that is wrong with a configuration; empty: nothing is.
#[must_use]
pub fn configuration_violations(value: &Value) -> Vec<Violation> {
    let named = value.get("type").and_then(Value::as_str);
    let known = named.and_then(KnownType::find);
    let mut violations = schema::violations(value, known);
    violations.extend(bounds::violations(value));
    violations.extend(headers::violations(value));
    if let (Some(named), None) = (named, known) {
        let hint = KnownType::nearest_to(named)
            .map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let message = format!(
            "there is no type {named:?}{hint} openai-compatible takes any server that speaks OpenAI's dialect"
        );
        violations.push(Violation::keyword("/type", "enum", message));
    }
    if let Some(known) = known {
        violations.extend(of_type(value, known));
    }
    violations
}

/// What only this type asks for.
fn of_type(value: &Value, known: &KnownType) -> Vec<Violation> {
    let has = |name: &str| value.get(name).is_some();
    let mut found = Vec::new();
    let mut lacks = |pointer: &str, message: String| {
        found.push(Violation::keyword(pointer, "required", message));
    };
    let has_place = known.base_url.is_some()
        || has("base_url")
        || known.dialect == ProviderDialect::Bedrock && has("region");
    if !has_place {
        let what = if known.dialect == ProviderDialect::Bedrock { "region" } else { "base_url" };
        lacks("", format!("a provider of the type {} needs {what}", known.id));
    }
    if known.dialect == ProviderDialect::Bedrock && !has("region") && has("base_url") {
        lacks("", "requests to Bedrock are signed for a region: add region".to_owned());
    }
    if !known.key_optional && !has("credentials") {
        let variable = known.variables().next().unwrap_or("NAME");
        lacks("", format!("credentials is missing; such as \"env:{variable}\""));
    }
    if let Some(url) = value.get("base_url").and_then(Value::as_str)
        && let Err(message) = check_url(url)
    {
        found.push(Violation::keyword("/base_url", "format", message));
    }
    found
}

/// Whether a text is the base of addresses.
fn check_url(url: &str) -> Result<(), String> {
    let form = || "write a base URL such as https://api.example.com/v1".to_owned();
    let uri: http::Uri = url.parse().map_err(|_| form())?;
    let authority = uri.authority().ok_or_else(form)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(form());
    }
    if authority.as_str().contains('@') {
        return Err("a base URL has no user and no password; use credentials".to_owned());
    }
    if uri.query().is_some() || url.contains('#') {
        return Err("a base URL has no query and no fragment".to_owned());
    }
    Ok(())
}

fn credentials(value: Option<&Value>) -> ProviderCredentials {
    let text = |map: &Map<String, Value>, name: &str| {
        map.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    match value {
        Some(Value::String(one)) => ProviderCredentials::Key(one.clone()),
        Some(Value::Object(map)) => ProviderCredentials::Aws {
            access_key_id: text(map, "access_key_id").unwrap_or_default(),
            secret_access_key: text(map, "secret_access_key").unwrap_or_default(),
            session_token: text(map, "session_token"),
        },
        _ => ProviderCredentials::None,
    }
}

fn models(value: Option<&Value>) -> Vec<ModelFacts> {
    let texts = |value: &Value, name: &str| -> Vec<String> {
        let all = value.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let one = |value: &Value| match value {
        Value::String(id) => ModelFacts { id: id.clone(), ..ModelFacts::default() },
        value => ModelFacts {
            id: value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            context_tokens: value.get("context_tokens").and_then(Value::as_u64),
            input_cost: value.get("input_cost").and_then(Value::as_f64),
            output_cost: value.get("output_cost").and_then(Value::as_f64),
            capabilities: texts(value, "capabilities"),
            input: texts(value, "input"),
            output: texts(value, "output"),
        },
    };
    value.and_then(Value::as_array).into_iter().flatten().map(one).collect()
}

fn breaker(value: Option<&Value>, answer_time: Duration) -> BreakerSettings {
    let usual = BreakerSettings::default();
    let time = |name| time_of(value, name).and_then(|time| u64::try_from(time.as_millis()).ok());
    BreakerSettings {
        failure_threshold: number_of(value, "failureThreshold").unwrap_or(usual.failure_threshold),
        monitoring_period_ms: time("monitoringPeriod").unwrap_or(usual.monitoring_period_ms),
        recovery_timeout_ms: time("recoveryTimeout").unwrap_or(usual.recovery_timeout_ms),
        // A model that may think for long may do so in a trial, too.
        trial_ms_max: u64::try_from(answer_time.as_millis())
            .unwrap_or(u64::MAX)
            .max(usual.trial_ms_max),
    }
}

fn number_of(value: Option<&Value>, name: &str) -> Option<u32> {
    value?.get(name)?.as_u64().and_then(|number| u32::try_from(number).ok())
}

fn time_of(value: Option<&Value>, name: &str) -> Option<Duration> {
    time_in(value?.get(name)?)
}

/// A time: a number of milliseconds, or a text such as `30s`.
#[must_use]
pub fn time_in(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(number) => number.as_u64().map(Duration::from_millis),
        Value::String(text) => match text.strip_suffix("ms") {
            Some(number) => number.parse().ok().map(Duration::from_millis),
            None => time_span(text),
        },
        _ => None,
    }
}

/// Whether an xid is a declared provider's.
#[must_use]
pub fn declares_provider(xid: &Xid) -> bool {
    let text = xid.to_string();
    let mut steps = text.split('/').skip(1);
    steps.next() == Some("aiproviders") && steps.nth(1) == Some("entries")
}

#[cfg(test)]
mod tests;
