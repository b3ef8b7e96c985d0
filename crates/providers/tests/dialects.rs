//! Every dialect against a server that fails in every way: what each fault is, whether it may be
//! tried again, and whose breaker it counts for. The page docs/reference/provider-faults.md is made
//! from what the tests see.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

#[path = "../examples/model_server/server.rs"]
#[expect(dead_code, reason = "others use more of it")]
mod server;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use muster_providers::{
    Blame, ChatRequest, EnvironmentSecrets, ProviderErrorCode, ProviderFaultKind, ProviderRegistry,
    RegistryOptions,
};
use serde_json::{Value, json};
use server::{Dialect, FAULTS, ModelFault, ModelServer};

const KEY: &str = "canary-key-7d1f3a9b5c";

fn registry() -> ProviderRegistry {
    let environment = BTreeMap::from([("TEST_KEY".to_owned(), KEY.to_owned())]);
    ProviderRegistry::new(RegistryOptions::new(Arc::new(EnvironmentSecrets::new(environment))))
}

fn config(dialect: Dialect, url: &str) -> Value {
    let (kind, path) = match dialect {
        Dialect::Openai => ("openai-compatible", "/v1"),
        Dialect::Anthropic => ("anthropic", ""),
        Dialect::Gemini => ("gemini", ""),
        Dialect::Azure => ("azure", ""),
        Dialect::Bedrock => ("bedrock", ""),
    };
    let mut config = json!({
        "type": kind, "base_url": format!("{url}{path}"), "credentials": "env:TEST_KEY",
        "timeout": "400ms"
    });
    if dialect == Dialect::Bedrock {
        config["region"] = "eu-west-1".into();
        config["credentials"] =
            json!({ "access_key_id": "env:TEST_KEY", "secret_access_key": "env:TEST_KEY" });
    }
    config
}

fn request(model: &str) -> ChatRequest {
    let body = json!({
        "messages": [
            { "role": "system", "content": "Be short." },
            { "role": "user", "content": "hello there" }
        ],
        "max_tokens": 20, "temperature": 0.5
    });
    let Value::Object(body) = body else { panic!("an object") };
    ChatRequest { model: model.to_owned(), body }
}

#[tokio::test]
async fn speaks_every_dialect() {
    let server = ModelServer::listen("127.0.0.1:0").await.unwrap();
    let registry = registry();
    for dialect in Dialect::ALL {
        let name = format!("{dialect:?}");
        registry.register(&name, &config(dialect, &server.url())).await.unwrap();
        let answer = registry.complete(&name, &request("tiny")).await.unwrap();
        let said = "tiny heard: hello there";
        assert_eq!(answer["choices"][0]["message"]["content"], said, "{dialect:?} {answer}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{dialect:?}");
        assert_eq!(answer["usage"]["total_tokens"], 8, "{dialect:?}");
        let mut stream = registry.stream(&name, &request("tiny")).await.unwrap();
        let (mut text, mut finish, mut usage) = (String::new(), Value::Null, Value::Null);
        while let Some(chunk) = stream.next().await.unwrap() {
            text.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
            for (kept, found) in [
                (&mut finish, &chunk["choices"][0]["finish_reason"]),
                (&mut usage, &chunk["usage"]["total_tokens"]),
            ] {
                if !found.is_null() {
                    *kept = found.clone();
                }
            }
        }
        assert_eq!(
            (text.as_str(), &finish, &usage),
            (said, &json!("stop"), &json!(8)),
            "{dialect:?}"
        );
        registry.probe_provider(&name).await.unwrap();
        let live = registry.get_provider(&name).unwrap();
        assert_eq!(live.capabilities().models[0].id, "tiny", "{dialect:?}");
    }
}

#[tokio::test]
async fn translates_tools_in_every_dialect() {
    let server = ModelServer::listen("127.0.0.1:0").await.unwrap();
    let registry = registry();
    for dialect in Dialect::ALL {
        let name = format!("{dialect:?}");
        registry.register(&name, &config(dialect, &server.url())).await.unwrap();
        let mut asked = request("tiny");
        asked.body.insert(
            "tools".to_owned(),
            json!([{ "type": "function", "function": {
                "name": "look", "parameters": { "type": "object", "properties": {} } } }]),
        );
        let Value::Array(messages) = &mut asked.body["messages"] else { panic!("a list") };
        messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [
            { "id": "call_0", "type": "function", "function": { "name": "look", "arguments": "{}" } }] }));
        messages.push(json!({ "role": "tool", "tool_call_id": "call_0", "content": "seen" }));
        let answer = registry.complete(&name, &asked).await.unwrap();
        let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call["name"], "look", "{dialect:?} {answer}");
        assert_eq!(call["arguments"], "{\"at\":1}", "{dialect:?}");
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{dialect:?}");
    }
}

/// What a fault is, and what follows from it.
fn expected(dialect: Dialect, fault: ModelFault) -> ProviderFaultKind {
    match fault {
        ModelFault::BadKey => ProviderFaultKind::InvalidApiKey,
        ModelFault::Denied => ProviderFaultKind::PermissionDenied,
        ModelFault::RateLimited => ProviderFaultKind::RateLimited,
        ModelFault::Quota => ProviderFaultKind::QuotaExceeded,
        ModelFault::NoModel => ProviderFaultKind::ModelNotFound,
        ModelFault::TooLong => ProviderFaultKind::ContextTooLong,
        ModelFault::Refused => ProviderFaultKind::ContentRefused,
        ModelFault::Invalid => ProviderFaultKind::InvalidRequest,
        ModelFault::Overloaded | ModelFault::ErrorInStream => ProviderFaultKind::Overloaded,
        ModelFault::Maintenance => ProviderFaultKind::ProviderMaintenance,
        ModelFault::CutOff => ProviderFaultKind::Network,
        ModelFault::Hang => ProviderFaultKind::Timeout,
        ModelFault::ServerError
        | ModelFault::BadGateway
        | ModelFault::Html
        | ModelFault::WrongJson => {
            let _ = dialect;
            ProviderFaultKind::ProviderError
        }
    }
}

/// Calls once, and returns the kind of the fault.
async fn fault_of(registry: &ProviderRegistry, name: &str, streamed: bool) -> ProviderFaultKind {
    let failed = match streamed {
        false => registry.complete(name, &request("tiny")).await.map(drop),
        true => match registry.stream(name, &request("tiny")).await {
            Err(error) => Err(error),
            Ok(mut stream) => loop {
                match stream.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            },
        },
    };
    let error = failed.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("abcdefgh12345678"), "{error:?}");
    match error.code {
        ProviderErrorCode::Fault(kind) => kind,
        other => panic!("{name}: {other:?} {error}"),
    }
}

#[tokio::test]
async fn knows_each_fault_of_each_dialect_and_the_page_says_so() {
    let server = ModelServer::listen("127.0.0.1:0").await.unwrap();
    let mut page = String::from(BEFORE);
    for (fault_name, fault) in FAULTS {
        let mut row = format!("| `{fault_name}` |");
        let mut kinds = Vec::new();
        for dialect in Dialect::ALL {
            for streamed in [false, true] {
                if *fault == ModelFault::ErrorInStream && !streamed {
                    continue;
                }
                let registry = registry();
                let name = format!("{dialect:?}");
                server.set_fault(None);
                registry.register(&name, &config(dialect, &server.url())).await.unwrap();
                server.set_fault(Some(*fault));
                let mut kind = fault_of(&registry, &name, streamed).await;
                // A stream that isn't one ends before the answer does.
                if streamed && matches!(fault, ModelFault::Html | ModelFault::WrongJson) {
                    assert!(matches!(
                        kind,
                        ProviderFaultKind::Network | ProviderFaultKind::ProviderError
                    ));
                    kind = ProviderFaultKind::ProviderError;
                }
                let expect = expected(dialect, *fault);
                assert_eq!(kind, expect, "{dialect:?} {fault_name} streamed: {streamed}");
                let failures = registry.get_provider_health(&name).unwrap();
                let of_provider = failures.breaker.failures;
                let of_model = failures.models.first().map_or(0, |(_, model)| model.failures);
                let counted = match kind.blame() {
                    Blame::Provider => (1, 0),
                    Blame::Model => (0, 1),
                    Blame::Nobody => (0, 0),
                };
                assert_eq!((of_provider, of_model), counted, "{dialect:?} {fault_name}");
                kinds.push(kind);
            }
        }
        kinds.dedup();
        let kind = kinds[0];
        assert_eq!(kinds.len(), 1, "{fault_name}");
        let retry = if kind.is_retryable() { "yes" } else { "no" };
        let other = if kind.may_fail_over() { "yes" } else { "no" };
        let blame = match kind.blame() {
            Blame::Provider => "the provider's",
            Blame::Model => "the model's",
            Blame::Nobody => "nobody's",
        };
        write!(row, " `{kind}` | {retry} | {other} | {blame} |").unwrap();
        writeln!(page, "{row}").unwrap();
    }
    page.push_str(AFTER);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/provider-faults.md");
    if std::env::var_os("MUSTER_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, page, "MUSTER_BLESS=1 writes docs/reference/provider-faults.md");
}

const BEFORE: &str = "\
# Faults of AI providers

What a fault of a provider is called, in every dialect (OpenAI and compatible, Anthropic, Gemini, Azure, Bedrock), whether the same request may work later, whether another provider is tried, and whose circuit breaker it counts for. A test calls a server that fails in each of these ways, plain and streamed, and compares what it sees with this page.

| what the server does | error | again later | elsewhere | counts for |
|---|---|---|---|---|
";

const AFTER: &str = "
`Retry-After`, `retry-after-ms` and Google's `retryDelay` are observed: the provider, or the model at the provider, rests for that long. A provider whose quota is used up rests for a minute. A refused key sets the provider's status to `error`, until a probe finds that it is accepted again. `busy` is no fault of a provider: this server reads more answers at once than it has memory for (256 MiB).
";

#[tokio::test]
async fn shows_no_key_in_answers_errors_and_events() {
    let server = ModelServer::listen("127.0.0.1:0").await.unwrap();
    let registry = registry();
    let told = Arc::new(std::sync::Mutex::new(String::new()));
    let heard = told.clone();
    registry.on(None, move |event| {
        write!(heard.lock().unwrap(), "{event:?}").unwrap();
    });
    let live = registry.register("local", &config(Dialect::Openai, &server.url())).await.unwrap();
    let mut asked = request("tiny");
    // The server repeats what it hears, and a prompt may hold our key.
    asked.body.insert("messages".to_owned(), json!([{ "role": "user", "content": KEY }]));
    let answer = registry.complete("local", &asked).await.unwrap();
    let mut said = format!("{answer} {live:?} {:?}", live.report(0));
    let mut stream = registry.stream("local", &asked).await.unwrap();
    while let Some(chunk) = stream.next().await.unwrap() {
        said.push_str(&chunk.to_string());
    }
    assert!(said.contains("[redacted]"), "{said}");
    drop(stream);
    server.set_fault(Some(ModelFault::BadKey));
    let error = registry.complete("local", &asked).await.unwrap_err();
    write!(said, "{error} {error:?} {:?}", live.report(0)).unwrap();
    registry.unregister("local").await.unwrap();
    said.push_str(&told.lock().unwrap());
    assert!(said.contains("provider-error") || said.contains("Error"), "{said}");
    assert!(!said.contains(KEY), "{said}");
    // The key did arrive where it belongs.
    let seen = server.last().unwrap();
    assert!(seen.headers.iter().any(|(_, value)| value.contains(KEY)));
    drop(live);
    server::until("connections, tasks and secrets are let go", || registry.held() == (0, 0, 0))
        .await;
}

#[tokio::test]
async fn reads_a_file_of_keys_again_when_the_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "first-key-1234").unwrap();
    let server = ModelServer::listen("127.0.0.1:0").await.unwrap();
    server.set_key("first-key-1234");
    let registry = registry();
    let mut value = config(Dialect::Openai, &server.url());
    value["credentials"] = format!("file:{}", file.display()).into();
    registry.register("local", &value).await.unwrap();
    registry.complete("local", &request("tiny")).await.unwrap();
    server.set_key("second-key-5678");
    std::fs::write(&file, "second-key-5678").unwrap();
    registry.complete("local", &request("tiny")).await.unwrap();
}
