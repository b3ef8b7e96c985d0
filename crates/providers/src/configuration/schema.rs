use std::sync::LazyLock;

use muster_schema::{NoSources, Schema, Violation};
use muster_words::json::Value;
use serde_json::json;

use super::bounds::time;
use crate::known_type::{KnownType, ProviderDialect};

/// The JSON Schema of a configuration.
#[must_use]
pub fn configuration_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A live AI provider",
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": { "type": "string" },
            "base_url": { "type": "string", "maxLength": 2000 },
            "credentials": credentials(),
            "models": models(),
            "priority": { "type": "integer", "minimum": 0, "maximum": 1_000_000 },
            "enabled": { "type": "boolean" },
            "region": { "type": "string", "pattern": "^[a-z0-9-]{1,40}$" },
            "api_version": { "type": "string", "pattern": "^[A-Za-z0-9.-]{1,40}$" },
            "headers": {
                "type": "object", "maxProperties": 32, "additionalProperties": { "type": "string" }
            },
            "timeout": time("/timeout"),
            "version": { "type": "string", "maxLength": 100 },
            "description": { "type": "string" },
            "health": closed(&json!({
                "checkInterval": time("/health/checkInterval"), "timeout": time("/health/timeout"),
                "retries": { "type": "integer", "minimum": 0, "maximum": 10 }
            })),
            "circuitBreaker": closed(&json!({
                "failureThreshold": { "type": "integer", "minimum": 1, "maximum": 1000 },
                "recoveryTimeout": time("/circuitBreaker/recoveryTimeout"),
                "monitoringPeriod": time("/circuitBreaker/monitoringPeriod")
            })),
            "lifecycle": closed(&json!({
                "initTimeout": time("/lifecycle/initTimeout"),
                "disposeTimeout": time("/lifecycle/disposeTimeout"),
                "gracefulShutdownTimeout": time("/lifecycle/gracefulShutdownTimeout")
            }))
        }
    })
}

/// A map with these members and no others.
fn closed(members: &Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": members })
}

fn credentials() -> Value {
    let reference = json!({
        "type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$"
    });
    let mut pair = closed(&json!({
        "access_key_id": reference, "secret_access_key": reference, "session_token": reference
    }));
    pair["required"] = json!(["access_key_id", "secret_access_key"]);
    json!({
        "description": "Where the key is: env:NAME or file:/path; never the key.",
        "anyOf": [reference, pair]
    })
}

fn models() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string", "minLength": 1 } });
    let id = json!({ "type": "string", "minLength": 1, "maxLength": 300 });
    let mut facts = closed(&json!({
        "id": id,
        "context_tokens": { "type": "integer", "minimum": 1 },
        "input_cost": { "type": "number", "minimum": 0 },
        "output_cost": { "type": "number", "minimum": 0 },
        "capabilities": texts, "input": texts, "output": texts
    }));
    facts["required"] = json!(["id"]);
    json!({ "type": "array", "maxItems": 10000, "items": { "anyOf": [id, facts] } })
}

static COMPILED: LazyLock<Option<Schema>> =
    LazyLock::new(|| Schema::compile(&configuration_schema(), &NoSources).ok());

/// What the schema finds, in words that help here.
pub(super) fn violations(value: &Value, known: Option<&KnownType>) -> Vec<Violation> {
    let Some(schema) = COMPILED.as_ref() else { return Vec::new() };
    let mut found = schema.validate(value);
    for violation in &mut found {
        if violation.pointer.starts_with("/credentials") {
            // What stands there may be the secret itself, so it isn't repeated.
            let variable = known.and_then(|known| known.variables().next()).unwrap_or("NAME");
            violation.message = match known.map(|known| known.dialect) {
                Some(ProviderDialect::Bedrock) => "name where the keys are: {\"access_key_id\": \"env:AWS_ACCESS_KEY_ID\", \"secret_access_key\": \"env:AWS_SECRET_ACCESS_KEY\"}".to_owned(),
                _ => format!("credentials are named, never written: \"env:{variable}\" or \"file:/path\""),
            };
        }
    }
    found.dedup();
    found
}
