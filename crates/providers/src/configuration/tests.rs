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
fn takes_times_within_their_bounds_and_no_others() {
    for (area, name, good, bad) in [
        (None, "timeout", &[json!(1), json!("1h")][..], &[json!(0), json!("61m")][..]),
        (
            Some("health"),
            "checkInterval",
            &[json!(1_000), json!("1s"), json!("1d"), json!(86_400_000)],
            &[json!(999), json!("999ms"), json!("0s"), json!("25h"), json!(86_400_001)],
        ),
        (
            Some("health"),
            "timeout",
            &[json!("5s")],
            &[json!(1.5), json!(1_500.0), json!("2d"), json!("2y")],
        ),
        (
            Some("circuitBreaker"),
            "recoveryTimeout",
            &[json!("250ms")],
            &[json!(u64::MAX), json!("99999999999999999999s"), json!("5000000000000w")],
        ),
        (Some("circuitBreaker"), "monitoringPeriod", &[json!("60s")], &[json!(-1), json!("8d")]),
        (Some("lifecycle"), "initTimeout", &[json!("30s")], &[json!("1w")]),
        (Some("lifecycle"), "disposeTimeout", &[json!("10s")], &[json!("")]),
        (Some("lifecycle"), "gracefulShutdownTimeout", &[json!("30s")], &[json!("2h")]),
    ] {
        for (times, is_good) in [(good, true), (bad, false)] {
            for time in times {
                let mut value = json!({ "type": "ollama" });
                match area {
                    Some(area) => value[area] = json!({ name: time }),
                    None => value[name] = time.clone(),
                }
                let found = configuration_violations(&value);
                assert_eq!(found.is_empty(), is_good, "{name}: {time}: {found:?}");
                assert!(found.len() <= 1, "{name}: {time}: {found:?}");
            }
        }
    }
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
        (
            json!({"type": "ollama", "headers": {
                "Authorization": "Bearer canary-1", "X-Team": "sk-canary-1234567", "Host": "x",
                "a b": "1", "c/d": "1\n2", "X-Fine": "yes"
            }}),
            &[
                "/headers/Authorization: a key is named",
                "/headers/X-Team: a key is named",
                "/headers/Host: the connection",
                "/headers/a b: a header has no such name",
                "/headers/c~1d: a header has no such name",
            ],
        ),
        (json!({"type": "ollama", "credentials": "vault:kv/key"}), &["named, never written"]),
    ] {
        let said = ProviderConfig::parse(&value).unwrap_err().to_string();
        for part in expect {
            assert!(said.contains(part), "{said:?} doesn't say {part:?}");
        }
        assert!(!said.contains("canary") && !said.contains("pass@"), "{said}");
    }
}
