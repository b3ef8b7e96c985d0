use std::collections::BTreeSet;

use muster_schema::{NoSources, Schema};
use muster_wire::operations::{BodyContent, Endpoint, OPERATIONS};
use muster_words::json::{self, Value};

use crate::{
    followers::with_a_stopped_follower,
    harness::{Running, delete, put},
};

/// Whether a value keeps what the description says of the answer of an operation.
fn check(description: &Value, id: &str, status: u16, value: &Value) {
    let operation = OPERATIONS.iter().find(|operation| operation.id == id).unwrap();
    let path = json::escape_pointer(operation.path);
    let method = operation.verb.name().to_lowercase();
    let content = format!("/paths/{path}/{method}/responses/{status}/content");
    let media = description.pointer(&content).unwrap_or_else(|| panic!("{content} isn't said"));
    let media = media.as_object().unwrap().values().next().unwrap();
    let mut schema = media["schema"].clone();
    schema["components"] = description["components"].clone();
    let violations =
        Schema::compile(&schema, &NoSources).unwrap().validate_asserting_formats(value);
    assert!(violations.is_empty(), "{id}: {violations:?} in {value}");
}

const CHAT: &str = r#"{"model": "tiny", "messages": [{"role": "user", "content": "hello"}]}"#;

/// A state of which this registry knows nothing, so somebody must decide.
const SYNC: &str = r#"{"source": "other", "target": "test", "sync": "s1", "policy": "manual",
    "documents": [{"xid": "/providers/cms/entries/one", "vector": {"other": 5},
        "origin": {"registry": "other", "position": 5, "time": "2026-11-21T10:12:03Z"},
        "state": "stable", "contenttype": "application/json", "text": "{\"name\": \"two\"}"}]}"#;

#[tokio::test]
async fn answers_as_the_description_says() {
    let running = with_a_stopped_follower().await;
    running.submit(put("/providers/cms/entries/one", "{}")).await;
    running.submit(delete("/providers/cms/entries/one", false)).await;
    let publication = r#"{"destination": "web", "base_url": "https://cdn.example"}"#;
    running.submit(put("/publications/site/entries/web", publication)).await;
    let description = muster_wire::openapi::document("0.0.0");
    let mut checked = BTreeSet::new();
    for (id, request, body, expect) in [
        ("getStatus", "GET /status", "", 200),
        ("getLedger", "GET /ledger", "", 200),
        ("restoreResource", "POST /restore/providers/cms/entries/one", "", 200),
        ("syncDocuments", "POST /sync", SYNC, 200),
        ("listSyncChanges", "GET /sync?after=0", "", 200),
        ("getSyncState", "GET /sync/providers/cms/entries/one", "", 200),
        (
            "resolveConflict",
            "POST /sync/resolve",
            r#"{"conflict": "/conflicts/other/entries/083522a04d1cffaf", "take": "theirs"}"#,
            200,
        ),
        ("verifyLedger", "POST /ledger/verify", "", 200),
        ("proveInclusion", "GET /ledger/proofs/inclusion?position=1", "", 200),
        ("proveConsistency", "GET /ledger/proofs/consistency?from=1", "", 200),
        ("getLog", "GET /log?limit=1", "", 200),
        ("getLogOfResource", "GET /log/providers/cms/entries/one", "", 200),
        ("listDeleted", "GET /deleted", "", 200),
        ("listDeletedInGroup", "GET /deleted/providers/cms", "", 200),
        ("diffAll", "GET /diff?from=0", "", 200),
        ("diffResource", "GET /diff/providers/cms/entries/one?from=0", "", 200),
        ("rollBack", "POST /rollback?dry_run", r#"{"to": {"position": 1}}"#, 200),
        (
            "checkSchema",
            "POST /schemas/check",
            r#"{"new": {"schema": {"minimum": 2}}, "old": [{"schema": {"minimum": 1}}]}"#,
            200,
        ),
        (
            "diffSchemas",
            "POST /schemas/diff",
            r#"{"new": {"schema": {"minimum": 2}}, "old": {"schema": {"minimum": 1}}}"#,
            200,
        ),
        ("rateSchema", "POST /schemas/quality", r#"{"schema": {"schema": {"minimum": 2}}}"#, 200),
        (
            "profileSchema",
            "POST /schemas/profile",
            r#"{"schema": {"schema": {"minimum": 2}}}"#,
            200,
        ),
        (
            "validatePayloads",
            "POST /validate",
            r#"{"schema": {"schema": {"minimum": 2}}, "payloads": [1, 2]}"#,
            200,
        ),
        ("exportAll", "GET /export", "", 200),
        ("exportResource", "GET /export/providers/cms/entries/one", "", 200),
        ("validateAll", "GET /validate", "", 200),
        ("search", "GET /search?q=one&facets=state,key_features", "", 200),
        ("searchProviders", "GET /search/providers?max_cost=1", "", 200),
        ("getReferencesOfResource", "GET /references/providers/cms/entries/one", "", 200),
        ("validateResource", "GET /validate/providers/cms/entries/one", "", 200),
        (
            "applyPlan",
            "POST /apply?dry_run",
            r#"{"documents": [{"xid": "/none/a/entries/b"}]}"#,
            200,
        ),
        ("applyPlan", "POST /apply", r#"{"groups": [{"xid": "/providers/ssg"}]}"#, 200),
        ("listLiveProviders", "GET /providers", "", 200),
        ("getLiveProvider", "GET /providers/echo", "", 200),
        ("getProviderHealth", "GET /providers/echo/health", "", 200),
        ("explainProvider", "GET /providers/echo/explain", "", 200),
        ("probeProvider", "POST /providers/echo/probe", "", 200),
        ("discoverProviders", "POST /providers/discover", "", 200),
        ("selectProvider", "POST /providers/select", r#"{"model": "tiny"}"#, 200),
        ("chat", "POST /providers/chat", CHAT, 200),
        ("chatAsOpenai", "POST /providers/openai/v1/chat/completions", CHAT, 200),
        ("chatAsAnthropic", "POST /providers/anthropic/v1/messages", CHAT, 200),
        ("listModelsAsOpenai", "GET /providers/openai/v1/models", "", 200),
        ("renderManifest", "POST /publish", "{}", 200),
        ("listPublications", "GET /publish", "", 200),
        ("runPublication", "POST /publish/publications/site/entries/web?dry_run", "", 200),
        ("runPublication", "POST /publish/publications/site/entries/web", "", 200),
        ("getPublished", "GET /publish/publications/site/entries/web", "", 200),
        ("listKeys", "GET /keys", "", 200),
        ("getOwnKey", "GET /keys/self", "", 200),
        ("resumeFollower", "POST /followers/search/resume", r#"{"from": "now"}"#, 200),
        ("listPropagationSessions", "GET /propagation/sessions", "", 200),
        ("listPropagationTargets", "GET /propagation/targets", "", 200),
        ("listPropagationEvents", "GET /propagation/events?after=0", "", 200),
        ("listPropagationLogs", "GET /propagation/logs?target=/targets/a/entries/b", "", 200),
        ("getPropagationMetrics", "GET /propagation/metrics", "", 200),
        ("listDeadLetters", "GET /propagation/dead-letters?limit=5", "", 200),
        (
            "actOnPropagation",
            "POST /propagation/actions",
            r#"{"action": "purge", "letters": [1]}"#,
            200,
        ),
        // The last, for from then on a key is needed.
        ("createKey", "POST /keys", r#"{"name": "a"}"#, 201),
    ] {
        let (status, body) = running.ask(request, &[], body).await;
        assert_eq!(status, expect, "{request}: {body}");
        let is_lines = id == "verifyLedger" || id.starts_with("export");
        let values: Vec<&str> = if is_lines { body.lines().collect() } else { vec![&body] };
        for value in values {
            check(&description, id, status, &json::parse(value.as_bytes()).unwrap());
        }
        let operation = OPERATIONS.iter().find(|operation| operation.id == id).unwrap();
        checked.insert(format!("{:?}", operation.endpoint));
    }
    let all: BTreeSet<_> = OPERATIONS
        .iter()
        .filter(|operation| matches!(operation.endpoint, Endpoint::Native(_)))
        .filter(|operation| {
            let typed =
                |content| matches!(content, BodyContent::Json(_) | BodyContent::JsonLines(_));
            operation.answers.iter().any(|outcome| typed(outcome.content))
        })
        .map(|operation| format!("{:?}", operation.endpoint))
        .collect();
    assert_eq!(checked, all);
}

#[tokio::test]
async fn sends_events_as_the_description_says() {
    let running = Running::start().await;
    running.submit(put("/providers/cms/entries/one", "{}")).await;
    running.submit(put("/providers/cms/entries/one", "[]")).await;
    let last = running.submit(delete("/providers/cms", false)).await.position;
    let description = muster_wire::openapi::document("0.0.0");
    let events = running.follow("?after=0", None).await.until(&format!("{last}.1")).await;
    assert!(events.len() > 5, "{events:?}");
    for event in events {
        check(&description, "followChanges", 200, &event.value);
    }
}

#[tokio::test]
async fn asks_for_a_key_where_the_table_says() {
    let ledger = std::sync::Arc::new(muster_journal::MemoryLedger::new());
    let running = Running::over(ledger, Some("correct-horse-battery")).await;
    for operation in OPERATIONS {
        let request = format!("{} {}", operation.verb.name(), operation.sample_path());
        let (status, _) = running.ask(&request, &[], "").await;
        let is_open = operation.permission.is_none();
        assert_eq!(status == 401, !is_open, "{request}: {status}");
    }
}
