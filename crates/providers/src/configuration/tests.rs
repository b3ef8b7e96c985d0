#![expect(clippy::unwrap_used, reason = "a test may")]

use serde_json::json;

use super::*;

#[test]
fn reads_what_the_issue_shows() {
    let value = json!({
        "type": "openai-compatible", "base_url": "http://127.0.0.1:9000/v1/",
        "credentials": "env:LOCAL_KEY", "models": ["tiny"],
        "health": { "checkInterval": 1500, "timeout": "2s" },
        "circuitBreaker": { "recoveryTimeout": "250ms" }
    });
    let config = ProviderConfig::parse(&value).unwrap();
    assert_eq!(config.base_url, "http://127.0.0.1:9000/v1");
    assert_eq!(config.host(), "127.0.0.1");
    assert_eq!(config.credentials, ProviderCredentials::Key("env:LOCAL_KEY".to_owned()));
    assert_eq!(config.health.check_interval, Duration::from_millis(1500));
    assert_eq!(config.health.timeout, Duration::from_secs(2));
    assert_eq!(config.breaker.recovery_timeout_ms, 250);
    assert_eq!((config.priority, config.enabled), (100, true));
}

#[test]
fn names_everything_that_is_wrong_and_repeats_no_secret() {
    for (value, expect) in [
        (json!({}), &["type"][..]),
        (json!({"type": "opnai", "priority": "high"}), &["did you mean openai?", "/priority"]),
        (json!({"type": "openai"}), &["credentials is missing", "env:OPENAI_API_KEY"]),
        (json!({"type": "openai", "credentials": "sk-canary-1234567"}), &["named, never written"]),
        (
            json!({"type": "openai-compatible", "base_url": "ftp://x", "enabled": "yes", "x": 1}),
            &["/base_url", "/enabled", "x"],
        ),
        (json!({"type": "openai-compatible"}), &["needs base_url"]),
        (json!({"type": "openai-compatible", "base_url": "http://u:pass@x/"}), &["no user"]),
        (json!({"type": "bedrock", "credentials": "env:A"}), &["needs region"]),
        (
            json!({"type": "ollama", "health": {"checkInterval": "soon"}}),
            &["/health/checkInterval"],
        ),
    ] {
        let said = ProviderConfig::parse(&value).unwrap_err().to_string();
        for part in expect {
            assert!(said.contains(part), "{said:?} doesn't say {part:?}");
        }
        assert!(!said.contains("canary") && !said.contains("pass@"), "{said}");
    }
}
