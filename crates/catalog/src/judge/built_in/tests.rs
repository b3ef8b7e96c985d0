#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::{Value, json};

use super::*;

#[test]
fn every_schema_compiles() {
    for (groups, text) in SCHEMAS {
        let compiled = Schema::parse(text.as_bytes(), &NoSources);
        assert!(compiled.is_ok(), "{groups}: {:?}", compiled.err());
    }
    assert_eq!(COMPILED.len(), SCHEMAS.len());
}

fn faults(groups: &str, document: &Value) -> Vec<String> {
    let schema = &COMPILED.iter().find(|(name, _)| *name == groups).unwrap().1;
    let xid = format!("/{groups}/a/entries/b").parse().unwrap();
    let found = schema.validate(document).into_iter().chain(built_in_faults(&xid, document));
    let mut places: Vec<String> = found.map(|violation| violation.pointer).collect();
    places.dedup();
    places
}

#[test]
fn a_target_says_what_it_is_and_has_what_that_needs() {
    for (document, expect) in [
        (
            json!({"kind": "webhook", "url": "https://hooks.example/in",
                   "secret": "env:HOOK_SECRET", "retry": "patient"}),
            vec![],
        ),
        (json!({"kind": "webhook", "url": "http://127.0.0.1:9000/in?a=b"}), vec![]),
        (json!({"kind": "folder", "path": "out"}), vec![]),
        (json!({"kind": "registry", "url": "https://b.example", "key": "env:KEY"}), vec![]),
        (
            json!({"kind": "webhook", "url": "https://a.example", "retry": {
                "enabled": true, "max_retries": 5, "base_delay_seconds": 1,
                "max_delay_seconds": 300, "backoff_multiplier": 2.0, "jitter_enabled": true,
                "circuit_breaker_enabled": true, "circuit_breaker_threshold": 5,
                "circuit_breaker_timeout_seconds": 60}}),
            vec![],
        ),
        (json!({"kind": "nats", "url": "tls://a.example"}), vec![]),
        (
            json!({"kind": "nats", "url": "nats://127.0.0.1:4222", "subject": "a.b-c_1",
                   "credentials": "file:/etc/nats.creds"}),
            vec![],
        ),
        (json!({"kind": "nats", "url": "https://a.example"}), vec!["/url"]),
        (json!({"kind": "nats", "url": "nats://me@a.example"}), vec!["/url"]),
        (json!({"kind": "nats", "url": "nats://a.example/b"}), vec!["/url"]),
        (json!({"kind": "nats", "url": "tls://a", "subject": "a.*"}), vec!["/subject"]),
        (json!({"kind": "nats", "url": "tls://a", "subject": "a..b"}), vec!["/subject"]),
        (json!({"kind": "nats", "url": "tls://a", "credentials": "me:word"}), vec!["/credentials"]),
        (json!({"kind": "nats", "url": "tls://a", "secret": "env:A"}), vec!["/secret"]),
        (json!({"kind": "webhook", "url": "https://a", "subject": "a"}), vec!["/subject"]),
        (json!({"kind": "kafka", "url": "kafkas://a.example"}), vec![]),
        (
            json!({"kind": "kafka", "url": "kafka://127.0.0.1:9092,b.example:9093",
                   "topic": "a.b-c_1", "partition_key": "group", "mechanism": "scram-sha-512",
                   "credentials": "env:KAFKA_LOGIN"}),
            vec![],
        ),
        (json!({"kind": "kafka"}), vec!["/url"]),
        (json!({"kind": "kafka", "url": "nats://a.example"}), vec!["/url"]),
        (json!({"kind": "kafka", "url": "kafka://a,,b"}), vec!["/url"]),
        (json!({"kind": "kafka", "url": "kafka://a/topic"}), vec!["/url"]),
        (json!({"kind": "kafka", "url": "kafka://me:word@a"}), vec!["/url"]),
        (json!({"kind": "kafka", "url": "kafka://a", "topic": ".."}), vec!["/topic"]),
        (json!({"kind": "kafka", "url": "kafka://a", "topic": "a/b"}), vec!["/topic"]),
        (json!({"kind": "kafka", "url": "kafka://a", "subject": "a"}), vec!["/subject"]),
        (
            json!({"kind": "kafka", "url": "kafka://a", "partition_key": "version"}),
            vec!["/partition_key"],
        ),
        (json!({"kind": "nats", "url": "tls://a", "topic": "a"}), vec!["/topic"]),
        (
            json!({"kind": "bucket", "url": "https://s3.eu-central-1.amazonaws.com/b/of/web",
                   "region": "eu-central-1", "credentials": "env:BUCKET_KEY"}),
            vec![],
        ),
        (
            json!({"kind": "bucket", "url": "http://127.0.0.1:7070/b/", "credentials": "file:/k"}),
            vec![],
        ),
        (json!({"kind": "bucket", "url": "https://a/b"}), vec!["/credentials"]),
        (json!({"kind": "bucket", "credentials": "env:A"}), vec!["/url"]),
        (json!({"kind": "bucket", "url": "s3://b", "credentials": "env:A"}), vec!["/url"]),
        (json!({"kind": "bucket", "url": "https://a/b?c", "credentials": "env:A"}), vec!["/url"]),
        (
            json!({"kind": "bucket", "url": "https://a/b/../c", "credentials": "env:A"}),
            vec!["/url"],
        ),
        (
            json!({"kind": "bucket", "url": "https://a/b", "credentials": "env:A", "region": "a/b"}),
            vec!["/region"],
        ),
        (json!({"kind": "webhook", "url": "https://a", "region": "a"}), vec!["/region"]),
        (
            json!({"kind": "kinesis", "url": "https://kinesis.eu-west-1.amazonaws.com",
                   "stream": "a.b-c_1", "partition_key": "type", "credentials": "env:A"}),
            vec![],
        ),
        (
            json!({"kind": "kinesis", "url": "http://127.0.0.1:4567/", "region": "eu-west-1",
                   "credentials": "file:/key"}),
            vec![],
        ),
        (json!({"kind": "kinesis", "url": "https://a"}), vec!["/credentials"]),
        (json!({"kind": "kinesis", "credentials": "env:A"}), vec!["/url"]),
        (json!({"kind": "kinesis", "url": "https://a/b", "credentials": "env:A"}), vec!["/url"]),
        (
            json!({"kind": "kinesis", "url": "kinesis://a", "credentials": "id:word",
                   "stream": "a/b", "partition_key": "version", "topic": "a", "region": "a.b"}),
            vec!["/credentials", "/partition_key", "/region", "/stream", "/topic", "/url"],
        ),
        (json!({"kind": "kafka", "url": "kafka://a", "stream": "a"}), vec!["/stream"]),
        (
            json!({"kind": "kafka", "url": "kafka://a", "batch_size": 1_000,
                   "flush_interval_seconds": 0.02, "max_in_flight": 1_000}),
            vec![],
        ),
        (
            json!({"kind": "kafka", "url": "kafka://a", "flush_interval_seconds": 1}),
            vec!["/batch_size"],
        ),
        (
            json!({"kind": "kafka", "url": "kafka://a", "batch_size": 0,
                   "flush_interval_seconds": -1, "max_in_flight": 1_001}),
            vec!["/batch_size", "/flush_interval_seconds", "/max_in_flight"],
        ),
        (
            json!({"kind": "kinesis", "url": "https://a", "credentials": "env:A",
                   "batch_size": 501, "flush_interval_seconds": 61}),
            vec!["/batch_size", "/flush_interval_seconds"],
        ),
        (
            json!({"kind": "webhook", "url": "https://a", "batch_size": 2, "max_in_flight": 101,
                   "flush_interval_seconds": 1}),
            vec!["/batch_size", "/flush_interval_seconds", "/max_in_flight"],
        ),
        (json!({"kind": "pubsub", "project": "my-project", "credentials": "env:A"}), vec![]),
        (
            json!({"kind": "pubsub", "url": "https://europe-west1-pubsub.googleapis.com",
                   "project": "example.com:my-project", "topic": "a.b-c_1~+%",
                   "partition_key": "none", "credentials": "file:/key.json"}),
            vec![],
        ),
        (json!({"kind": "pubsub", "url": "http://127.0.0.1:8085", "project": "a"}), vec![]),
        (json!({"kind": "pubsub", "url": "https://a", "project": "a"}), vec!["/credentials"]),
        (json!({"kind": "pubsub"}), vec!["/project", "/credentials"]),
        (
            json!({"kind": "pubsub", "project": "a/b", "topic": "goog-a", "stream": "a",
                   "url": "https://a/v1", "credentials": "env:A", "partition_key": "version"}),
            vec!["/partition_key", "/project", "/stream", "/topic", "/url"],
        ),
        (
            json!({"kind": "pubsub", "project": "a", "topic": "1a", "credentials": "env:A"}),
            vec!["/topic"],
        ),
        (
            json!({"kind": "kafka", "url": "kafka://a", "partition_key": "none", "project": "a"}),
            vec!["/partition_key", "/project"],
        ),
        (json!({"kind": "kafka", "url": "kafka://a", "region": "a"}), vec!["/region"]),
        (
            json!({"kind": "nats", "url": "tls://a", "partition_key": "type"}),
            vec!["/partition_key"],
        ),
        (json!({"kind": "websocket", "url": "wss://a.example/in?a=b"}), vec![]),
        (
            json!({"kind": "websocket", "url": "ws://127.0.0.1:1",
                   "headers": {"authorization": "env:LOGIN"}}),
            vec![],
        ),
        (json!({"kind": "websocket", "url": "https://a.example/in"}), vec!["/url"]),
        (json!({"kind": "websocket", "url": "wss://me@a.example/in"}), vec!["/url"]),
        (json!({"kind": "websocket", "url": "wss://a", "secret": "env:A"}), vec!["/secret"]),
        (
            json!({"kind": "websocket", "url": "wss://a", "headers": {"Sec-WebSocket-Key": "a"}}),
            vec!["/headers"],
        ),
        (json!({"kind": "webhook", "url": "nats://a"}), vec!["/url"]),
        (json!({}), vec!["/kind"]),
        (json!([]), vec![""]),
        (json!({"kind": "webhook"}), vec!["/url"]),
        (json!({"kind": "pigeon", "url": "ftp://a"}), vec!["/kind"]),
        (json!({"kind": "webhook", "url": "https://user:word@a.example"}), vec!["/url"]),
        (json!({"kind": "webhook", "url": "https://a", "secret": "whsec_abc"}), vec!["/secret"]),
        (json!({"kind": "webhook", "url": "https://a", "secret": "vault:a"}), vec!["/secret"]),
        (json!({"kind": "webhook", "url": "https://a", "retry": "slow"}), vec!["/retry"]),
        (
            json!({"kind": "webhook", "url": "https://a", "max_in_flight": 0}),
            vec!["/max_in_flight"],
        ),
        (
            json!({"kind": "webhook", "url": "https://a", "headers": {"Host": "b"}}),
            vec!["/headers"],
        ),
        (
            json!({"kind": "webhook", "url": "https://a", "headers": {"x": "a\r\nb: c"}}),
            vec!["/headers/x"],
        ),
        (json!({"kind": "folder", "path": "../out"}), vec!["/path"]),
        (json!({"kind": "folder", "path": "a/../../b"}), vec!["/path"]),
        (json!({"kind": "folder", "path": "/etc/cron.d"}), vec!["/path"]),
        (json!({"kind": "folder", "path": "a..b"}), vec![]),
        (json!({"kind": "sse", "send_whole": true, "description": "a dashboard"}), vec![]),
        (json!({"kind": "sse", "url": "https://a", "retry": "quick"}), vec!["/retry", "/url"]),
        (json!({"kind": "folder", "path": "a", "url": "https://a"}), vec!["/url"]),
    ] {
        assert_eq!(faults("targets", &document), expect, "{document}");
    }
}

#[test]
fn a_route_names_its_targets_as_its_mode_says() {
    for (document, expect) in [
        (
            json!({"mode": "multicast",
                   "select": {"collections": ["/entities/services/entries"],
                              "labels": {"tier": "gold"}},
                   "targets": ["/targets/ops/entries/hook"], "from": "now", "encrypt": false}),
            vec![],
        ),
        (json!({"mode": "broadcast", "exclude": ["/targets/a/entries/b"]}), vec![]),
        (json!({"mode": "broadcast"}), vec![]),
        (json!({"mode": "unidirectional", "targets": ["/targets/a/entries/b"], "from": 7}), vec![]),
        (
            json!({"mode": "unidirectional", "targets": ["/targets/a/entries/b"],
                   "from": "2026-11-30T10:00:00Z"}),
            vec![],
        ),
        (
            json!({"mode": "bidirectional", "targets": ["/targets/a/entries/b"],
                   "conflict": "highest-version"}),
            vec![],
        ),
        (
            json!({"mode": "bidirectional", "targets": ["/targets/a/entries/b"],
                   "conflict": "loudest", "once": true}),
            vec!["/conflict", "/once"],
        ),
        (
            json!({"mode": "bidirectional",
                   "targets": ["/targets/a/entries/b", "/targets/a/entries/c"]}),
            vec!["/targets"],
        ),
        (json!({"mode": "unidirectional"}), vec!["/targets"]),
        (json!({"mode": "everywhere", "targets": ["/targets/a/entries/b"]}), vec!["/mode"]),
        (
            json!({"mode": "unidirectional",
                   "targets": ["/targets/a/entries/b", "/targets/a/entries/c"]}),
            vec!["/targets"],
        ),
        (json!({"mode": "multicast", "targets": ["https://a"]}), vec!["/targets/0"]),
        (json!({"mode": "broadcast", "targets": ["/targets/a/entries/b"]}), vec!["/targets"]),
        (
            json!({"mode": "broadcast", "from": "yesterday", "select": {"events": ["read"]}}),
            vec!["/from", "/select/events/0"],
        ),
        (json!({"mode": "broadcast", "select": {"live": ["propagation.*", "*.dead"]}}), vec![]),
        (
            json!({"mode": "broadcast",
                   "select": {"categories": ["errorEvents"], "live": ["providers.*"]}}),
            vec![],
        ),
        (
            json!({"mode": "broadcast",
                   "select": {"categories": ["schemaLifecycle"], "groups": ["a"]}}),
            vec![],
        ),
        (
            json!({"mode": "broadcast", "select": {"categories": ["errors", "usageAnalytics"]}}),
            vec!["/select/categories/0", "/select/categories/1"],
        ),
        (
            json!({"mode": "broadcast", "once": true, "mapping": {},
                   "select": {"live": ["*"], "names": ["a"], "categories": ["schemaLifecycle"]}}),
            vec!["/select/names", "/select/categories", "/mapping", "/once"],
        ),
        (
            json!({"mode": "bidirectional", "targets": ["/targets/a/entries/b"],
                   "select": {"live": ["*"]}}),
            vec!["/mode"],
        ),
        (json!({"mode": "broadcast", "send": "differences", "encrypt": true}), vec![]),
        (json!({"mode": "broadcast", "send": "documents", "once": true}), vec![]),
        (json!({"mode": "broadcast", "send": "patches"}), vec!["/send"]),
        (json!({"mode": "broadcast", "send": "differences", "once": true}), vec!["/once"]),
        (
            json!({"mode": "bidirectional", "targets": ["/targets/a/entries/b"],
                   "send": "differences"}),
            vec!["/mode"],
        ),
        (
            json!({"mode": "broadcast", "send": "differences", "select": {"live": ["*"]}}),
            vec!["/send"],
        ),
    ] {
        assert_eq!(faults("routes", &document), expect, "{document}");
    }
}

#[test]
fn a_publication_names_a_destination_and_an_address() {
    for (document, passes) in [
        (json!({"destination": "web", "base_url": "https://cdn.example"}), true),
        (json!({"destination": "web", "base_url": "http://a/b", "on_change": false}), true),
        (
            json!({"destination": "web", "base_url": "https://a", "channel": "staging",
            "collections": ["providers"], "from": "/publications/a/entries/b"}),
            true,
        ),
        (json!({"destination": "web"}), false),
        (json!({"base_url": "https://a"}), false),
        (json!({"destination": "/etc", "base_url": "https://a"}), false),
        (json!({"destination": "web", "base_url": "ftp://a"}), false),
        (json!({"destination": "web", "base_url": "https://a", "form": "x"}), false),
        (json!({"destination": "web", "base_url": "https://a", "from": "/providers/a"}), false),
        (json!([]), false),
    ] {
        assert_eq!(faults("publications", &document).is_empty(), passes, "{document}");
    }
}
