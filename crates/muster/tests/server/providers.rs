//! Live AI providers of the program: declared, found, called, cut off, and stopped.

#[path = "../../../providers/examples/model_server/server.rs"]
#[expect(dead_code, reason = "others use more of it")]
mod models;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::models::{ModelFault, ModelServer};
use crate::{
    client::{Answer, Ask, Client},
    harness::{PATIENCE, Server, run},
    identity::pem,
};

/// The key of a provider. It may be nowhere but in the environment and in requests to the provider.
const CANARY: &str = "canary-5d2c81f07e";

const KEY: [(&str, &str); 1] = [("LOCAL_KEY", CANARY)];

/// A server of models, on a runtime of its own.
struct Models {
    server: ModelServer,
    _runtime: Runtime,
}

impl Models {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let server = runtime.block_on(ModelServer::listen("127.0.0.1:0")).unwrap();
        Self { server, _runtime: runtime }
    }

    fn document(&self, more: &Value) -> String {
        let mut document = json!({
            "type": "openai-compatible", "base_url": format!("{}/v1", self.server.url()),
            "credentials": "env:LOCAL_KEY", "models": ["tiny"]
        });
        for (name, value) in more.as_object().unwrap() {
            document[name] = value.clone();
        }
        document.to_string()
    }
}

/// Waits until something is so.
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        // sleeps: the condition is asked again
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn status(server: &Server, name: &str) -> Option<String> {
    let answer = server.get(&format!("/providers/{name}"));
    (answer.status == 200).then(|| answer.json()["status"].as_str().unwrap().to_owned())
}

fn chat(server: &Server, body: &Value) -> Answer {
    server.post("/providers/chat", body.to_string())
}

fn hello() -> Value {
    json!({ "model": "tiny", "messages": [{ "role": "user", "content": "hello" }] })
}

/// Whether a text is in any file of a folder.
fn is_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => is_in(&path, text),
            false => {
                let bytes = fs::read(&path).unwrap_or_default();
                bytes.windows(text.len()).any(|part| part == text.as_bytes())
            }
        }
    })
}

#[test]
fn a_document_is_live_within_a_second_and_after_a_restart() {
    let (models, scratch) = (Models::start(), TempDir::new().unwrap());
    let data = scratch.path().join("data");
    let server = Server::with(&["--data", data.to_str().unwrap()], &KEY);
    let begun = Instant::now();
    server.put("/api/aiproviders/local/entries/local", models.document(&json!({}))).expect(201);
    until("it is ready", || status(&server, "local").as_deref() == Some("ready"));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let answer = chat(&server, &hello()).expect(200);
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "tiny heard: hello");
    assert_eq!(answer.header("muster-provider"), Some("local"));
    let mistyped = json!({ "model": "tinny", "messages": hello()["messages"] });
    let refused = chat(&server, &mistyped).refused(400, "bad_request");
    assert!(refused.text().contains("did you mean tiny?"), "{}", refused.text());
    for door in ["openai/v1/chat/completions", "anthropic/v1/messages"] {
        let refused = server.post(&format!("/providers/{door}"), mistyped.to_string()).expect(404);
        assert!(refused.text().contains("did you mean tiny?"), "{}", refused.text());
    }
    let taken = server.put("/api/aiproviders/b/entries/local", models.document(&json!({})));
    taken.refused(409, "already_exists");
    let written = models.document(&json!({ "credentials": CANARY, "priority": "x" }));
    let refused = server.put("/api/aiproviders/b/entries/other", written);
    let refused = refused.refused(422, "invalid_document");
    assert_eq!(refused.json()["violations"].as_array().unwrap().len(), 2, "{}", refused.text());
    assert!(!refused.text().contains(CANARY));
    let name = server.put("/api/aiproviders/b/entries/select", models.document(&json!({})));
    name.refused(422, "invalid_document");
    server.stop();
    let server = Server::with(&["--data", data.to_str().unwrap()], &KEY);
    until("it is live again", || status(&server, "local").as_deref() == Some("ready"));
    // Stopped, it stays stopped; its document says so.
    let stopped = server.post("/providers/local/stop", "").expect(200).json();
    assert_eq!((&stopped["status"], status(&server, "local")), (&json!("disposed"), None));
    assert_eq!(server.get("/api/aiproviders/local/entries/local").json()["enabled"], false);
    server.post("/providers/local/start", "").expect(200);
    assert!(status(&server, "local").is_some());
    until("it is back", || status(&server, "local").as_deref() == Some("ready"));
    server.delete("/api/aiproviders/local").expect(204);
    until("it went with its group", || status(&server, "local").is_none());
    server.post("/restore/aiproviders/local", "").expect(200);
    until("it came back with its group", || status(&server, "local").is_some());
    let log = server.log();
    server.stop();
    assert!(!log.contains(CANARY) && !is_in(&data, CANARY));
}

#[test]
fn what_fails_is_cut_off_and_comes_back_and_others_answer_meanwhile() {
    let (first, second) = (Models::start(), Models::start());
    let server = Server::with(&["--memory"], &KEY);
    let breaker = json!({ "failureThreshold": 3, "recoveryTimeout": "400ms" });
    let document = first.document(&json!({ "priority": 1, "circuitBreaker": breaker }));
    server.put("/api/aiproviders/a/entries/first", document).expect(201);
    server.put("/api/aiproviders/a/entries/second", second.document(&json!({}))).expect(201);
    for name in ["first", "second"] {
        until("it is ready", || status(&server, name).as_deref() == Some("ready"));
    }
    let answered_by = || {
        let answer = chat(&server, &hello()).expect(200);
        answer.header("muster-provider").unwrap().to_owned()
    };
    assert_eq!(answered_by(), "first");
    let mut events = Client::connect(server.address);
    assert_eq!(events.begin("/providers/events"), Some(200));
    first.server.set_fault(Some(ModelFault::ServerError));
    for _ in 0..3 {
        assert_eq!(answered_by(), "second");
    }
    let health = server.get("/providers/first/health").json();
    assert_eq!(health["breaker"]["state"], "open", "{health}");
    let asked = first.server.requests();
    assert_eq!((answered_by().as_str(), first.server.requests()), ("second", asked));
    let told = events.read_until("circuit-breaker-opened\",");
    assert!(told.contains("\"provider\":\"first\""), "{told}");
    first.server.set_fault(None);
    until("it comes back", || answered_by() == "first");
    // A caller's mistake is told at once, and nobody else is asked.
    first.server.set_fault(Some(ModelFault::TooLong));
    let asked = second.server.requests();
    let refused = chat(&server, &hello()).refused(400, "bad_request");
    assert!(refused.text().contains("context_too_long"), "{}", refused.text());
    assert_eq!(second.server.requests(), asked);
    // A stream that fails before its first word is answered by the other one.
    first.server.set_fault(Some(ModelFault::Overloaded));
    let mut streamed = hello();
    streamed["stream"] = true.into();
    let answer = chat(&server, &streamed).expect(200);
    assert_eq!(answer.header("muster-providers-failed"), Some("first overloaded"));
    assert!(answer.text().trim_end().ends_with("data: [DONE]"), "{}", answer.text());
    first.server.set_fault(Some(ModelFault::BadKey));
    server.post("/providers/first/probe", "").expect(200);
    assert_eq!(status(&server, "first").as_deref(), Some("error"));
    let selected = server.post("/providers/select", json!({ "model": "tiny" }).to_string());
    let selected = selected.expect(200).json();
    assert_eq!(selected["chosen"]["provider"], "second");
    assert_eq!(selected["refused"][0]["why"], "its status is error", "{selected}");
    assert!(!server.log().contains(CANARY));
}

#[test]
fn finds_providers_in_a_file_and_in_the_environment() {
    let (models, scratch) = (Models::start(), TempDir::new().unwrap());
    let file = scratch.path().join("providers.yaml");
    let url = format!("{}/v1", models.server.url());
    let yaml = |names: &[&str]| {
        let one = |name: &&str| {
            format!(
                "  {name}: {{type: openai-compatible, base_url: '{url}', credentials: 'env:LOCAL_KEY'}}\n"
            )
        };
        format!("providers:\n{}", names.iter().map(one).collect::<String>())
    };
    fs::write(&file, yaml(&["a", "b"])).unwrap();
    let settings = [
        ("LOCAL_KEY", CANARY),
        ("OPENAI_API_KEY", CANARY),
        ("OPENAI_BASE_URL", &url),
        ("MUSTER_PROVIDERS_FILE", file.to_str().unwrap()),
        ("MUSTER_PROVIDERS_REFRESH_S", "1"),
        ("MUSTER_PROVIDERS_ENVIRONMENT", "on"),
    ];
    let server = Server::with(&["--memory"], &settings);
    for name in ["a", "b", "openai"] {
        until("it is ready", || status(&server, name).as_deref() == Some("ready"));
    }
    fs::write(&file, yaml(&["a", "b", "c"]) + "  d: {type: nothing}\n").unwrap();
    until("the new one is live", || status(&server, "c").as_deref() == Some("ready"));
    let listed = server.get("/providers").json();
    assert_eq!(listed["providers"].as_array().unwrap().len(), 4, "{listed}");
    assert_eq!(listed["refused"][0]["name"], "d", "{listed}");
    assert!(listed["refused"][0]["reason"].as_str().unwrap().contains("no type"), "{listed}");
    let (folder, url) = (TempDir::new().unwrap(), format!("http://{}", server.address));
    let shown = run(folder.path(), &["providers", "list", "--server", &url]).expect(0);
    assert!(
        shown.err.contains("d is refused: the configuration is wrong: /type: there is no"),
        "{}",
        shown.err
    );
    fs::write(&file, "providers: {").unwrap();
    let report = server.post("/providers/discover", "").expect(200).json();
    assert!(report["warnings"][0].as_str().unwrap().contains("what was live stays"), "{report}");
    assert!(status(&server, "c").is_some());
    // A document wins over the file, and what it says is undone with it.
    server.put("/api/aiproviders/x/entries/a", models.document(&json!({}))).expect(201);
    let declared_by =
        |name: &str| server.get(&format!("/providers/{name}")).json()["declared_by"].clone();
    until("the document wins", || declared_by("a") == "document");
    let explained = server.get("/providers/a/explain").json();
    let declared = explained["declarations"].as_array().unwrap();
    let order: Vec<_> = declared.iter().map(|one| (&one["declared_by"], &one["wins"])).collect();
    assert_eq!(order, [(&json!("document"), &json!(true)), (&json!("file"), &json!(false))]);
    server.delete("/api/aiproviders/x/entries/a").expect(204);
    until("the file is what there is", || declared_by("a") == "file");
    assert!(!server.log().contains(CANARY));
}

#[test]
fn who_may_call_and_see_which_provider_is_decided_by_keys() {
    let models = Models::start();
    let admin = "muster_admin_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let server = Server::with(&["--memory"], &[KEY[0], ("MUSTER_ADMIN_KEY", admin)]);
    let ask = |key: &str, method, path: &str, body: String| {
        let ask = Ask::json(method, path, body).header("authorization", format!("Bearer {key}"));
        server.ask(&ask)
    };
    let create = |role: &str, scope: &[&str]| {
        let body = match scope {
            [] => json!({ "role": role }),
            scope => json!({ "role": role, "scope": scope }),
        };
        let made = ask(admin, "POST", "/keys", body.to_string()).expect(201).json();
        made["key"].as_str().unwrap().to_owned()
    };
    for (group, name) in [("team", "ours"), ("others", "theirs")] {
        let path = format!("/api/aiproviders/{group}/entries/{name}");
        ask(admin, "PUT", &path, models.document(&json!({}))).expect(201);
        let is_ready = || {
            let answer = ask(admin, "GET", &format!("/providers/{name}"), String::new());
            answer.status == 200 && answer.json()["status"] == "ready"
        };
        until("it is ready", is_ready);
    }
    let publisher = create("publisher", &[]);
    let scoped = create("publisher", &["/aiproviders/team"]);
    let consumer = create("consumer", &[]);
    let call = |key: &str, body: &Value| ask(key, "POST", "/providers/chat", body.to_string());
    call(&publisher, &hello()).expect(200);
    call(&consumer, &hello()).refused(403, "role_denied");
    assert_eq!(call(&scoped, &hello()).expect(200).header("muster-provider"), Some("ours"));
    let theirs = json!({ "model": "theirs/tiny", "messages": [] });
    call(&scoped, &theirs).refused(400, "bad_request");
    let listed = ask(&scoped, "GET", "/providers", String::new()).expect(200).json();
    assert_eq!(listed["providers"].as_array().unwrap().len(), 1, "{listed}");
    for path in ["/providers/theirs", "/providers/theirs/health", "/providers/theirs/explain"] {
        ask(&scoped, "GET", path, String::new()).refused(404, "not_found");
    }
    for action in ["start", "stop", "restart", "probe", "reset"] {
        let path = format!("/providers/ours/{action}");
        ask(&publisher, "POST", &path, String::new()).refused(403, "role_denied");
        ask(admin, "POST", &path, String::new());
    }
    // Only an admin names a secret that the settings don't list.
    let denied =
        ask(&publisher, "PUT", "/api/aiproviders/x/entries/x", models.document(&json!({})));
    denied.refused(403, "secret_denied");
    // Clients of Anthropic send the key in a header of their own.
    let body = json!({ "model": "tiny", "max_tokens": 9, "messages": hello()["messages"] });
    let ask = Ask::json("POST", "/providers/anthropic/v1/messages", body.to_string());
    let answer = server.ask(&ask.clone().header("x-api-key", publisher)).expect(200).json();
    assert_eq!(answer["content"][0]["text"], "tiny heard: hello");
    assert_eq!(server.ask(&ask).status, 401);
    assert!(!server.log().contains(CANARY));
}

#[test]
fn commands_show_and_control_providers() {
    let (models, scratch) = (Models::start(), TempDir::new().unwrap());
    let server = Server::with(&["--memory"], &KEY);
    let url = format!("http://{}", server.address);
    let muster = |words: &[&str]| {
        let words = [&["providers"], words, &["--server", url.as_str()]].concat();
        run(scratch.path(), &words)
    };
    let base = format!("{}/v1", models.server.url());
    let add =
        ["add", "local", "--type", "openai-compatible", "--base-url", &base, "--model", "tiny"];
    assert!(muster(&add).expect(0).out.contains("declared local"));
    until("it is ready", || status(&server, "local").as_deref() == Some("ready"));
    for (words, code, part) in [
        (&["list"][..], 0, "ready"),
        (&["show", "local"], 0, "openai-compatible"),
        (&["probe", "local"], 0, "local is ready, healthy"),
        (&["health", "local"], 0, "closed"),
        (&["explain", "local"], 0, "document"),
        (&["select", "--model", "tiny"], 0, "local"),
        (&["select", "--model", "large"], 1, "it has no model large"),
        (&["board", "--times", "1"], 0, "taking calls: 1 of 1"),
        (&["discover"], 0, "nothing to discover"),
        (&["add", "302ai", "--type", "ollama"], 2, "such as p-302ai"),
        (&["add", "x", "--type", "openai", "--credentials", CANARY], 2, "named, never written"),
        (&["show", "nothing"], 1, "there is no live provider nothing"),
        (&["reset", "local"], 0, "local is ready"),
        (&["remove", "local", "--yes"], 0, "deleted"),
    ] {
        let done = muster(words).expect(code);
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains(part), "{words:?}: {said}");
        assert!(!said.contains(CANARY), "{said}");
    }
    until("it is gone", || status(&server, "local").is_none());
}

#[test]
fn a_catalogue_of_models_tells_what_they_cost() {
    let models = Models::start();
    let server = Server::with(&["--memory"], &KEY);
    let plain = |more: Value| {
        let mut document: Value = serde_json::from_str(&models.document(&more)).unwrap();
        document["type"] = "mistral".into();
        document.to_string()
    };
    server
        .put("/api/aiproviders/a/entries/one", plain(json!({ "models": ["cheap", "dear"] })))
        .expect(201);
    until("it is ready", || status(&server, "one").as_deref() == Some("ready"));
    let need = json!({ "max_input_cost": 2, "capabilities": ["tools"] }).to_string();
    let refused = server.post("/providers/select", need.clone());
    refused.refused(503, "provider_unavailable");
    let collection = json!({ "groups": { "modelproviders": { "singular": "modelprovider",
        "resources": { "models": { "singular": "model" } } } } });
    server.put("/api/modelsource", collection.to_string()).expect(200);
    for (id, cost) in [("cheap", 0.2), ("dear", 8.0)] {
        let facts = json!({ "modelid": id, "input_cost": cost, "output_cost": cost * 3.0,
            "context_tokens": 32_000, "abilities": ["function_calling"] });
        let path = format!("/api/modelproviders/mistral/models/{id}");
        server.put(&path, facts.to_string()).expect(201);
    }
    let chosen = || {
        let answer = server.post("/providers/select", need.clone());
        (answer.status == 200).then(|| answer.json()["chosen"]["model"].clone())
    };
    until("the catalogue is known", || chosen() == Some(json!("cheap")));
    server.delete("/api/modelproviders/mistral/models/cheap").expect(204);
    until("the catalogue is followed", || chosen().is_none());
}

/// Something on this computer that isn't a provider, and answers each request with these bytes.
fn something_else(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_isnt_a_provider_is_repeated_to_nobody_who_may_only_read() {
    let admin = "muster_admin_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let server = Server::with(&["--memory"], &[("MUSTER_ADMIN_KEY", admin)]);
    let ask = |key: &str, method, path: &str, body: String| {
        let ask = Ask::json(method, path, body).header("authorization", format!("Bearer {key}"));
        server.ask(&ask)
    };
    let create = |role: &str| {
        let body = json!({ "role": role }).to_string();
        let made = ask(admin, "POST", "/keys", body).expect(201).json();
        made["key"].as_str().unwrap().to_owned()
    };
    let (reader, caller) = (create("consumer"), create("publisher"));
    let page =
        "HTTP/1.1 500 Oh\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<p>door code 4711";
    let text = "HTTP/1.1 403 No\r\nconnection: close\r\n\r\ndoor code 4711";
    let value = "HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n{\"message\": \"door code 4711\"}";
    let good = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndoor code 4711";
    for (name, answer, is_json) in [
        ("page", page, false),
        ("text", text, false),
        ("value", value, true),
        ("good", good, false),
    ] {
        let document = json!({ "type": "openai-compatible", "base_url": something_else(answer) });
        let path = format!("/api/aiproviders/a/entries/{name}");
        ask(admin, "PUT", &path, document.to_string()).expect(201);
        let probed = || {
            let path = format!("/providers/{name}/probe");
            let shown = ask(admin, "POST", &path, String::new());
            shown.status == 200 && shown.json()["health"]["last_error"].is_object()
        };
        until("a probe failed", probed);
        for path in [&format!("/providers/{name}"), &format!("/providers/{name}/health")] {
            let shown = ask(&reader, "GET", path, String::new()).expect(200).json().to_string();
            assert!(shown.contains("last_error") && !shown.contains("4711"), "{shown}");
            let shown = ask(&caller, "GET", path, String::new()).expect(200).json().to_string();
            assert_eq!(shown.contains("4711"), is_json, "{shown}");
        }
    }
    let shown = ask(&reader, "GET", "/providers", String::new()).expect(200).json().to_string();
    assert!(shown.contains("an answer that isn't JSON (17 bytes, text/html)"), "{shown}");
    assert!(!shown.contains("4711") && !server.log().contains("4711"), "{shown}");
}

/// A server of models within TLS, with a certificate that nobody has signed, and that certificate.
fn models_within_tls() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut within = rustls::StreamOwned::new(connection, stream);
            let _ = within.read(&mut [0; 4096]);
            let body = r#"{"data": [{"id": "tiny"}]}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
            let _ = within.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
            within.conn.send_close_notify();
            let _ = within.flush();
        }
    });
    (port, pem("CERTIFICATE", made.cert.der()))
}

#[test]
fn trusts_the_authority_that_the_settings_name() {
    let (port, certificate) = models_within_tls();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, certificate).unwrap();
    for (settings, health) in [
        (vec![], "unhealthy"),
        (vec![("MUSTER_PROPAGATION_CA_CERT", file.to_str().unwrap())], "healthy"),
    ] {
        let server = Server::with(&["--memory"], &settings);
        let url = format!("https://localhost:{port}/v1");
        let document = json!({ "type": "openai-compatible", "base_url": url }).to_string();
        server.put("/api/aiproviders/a/entries/within", document).expect(201);
        until("it is as it is", || {
            let shown = server.post("/providers/within/probe", "");
            shown.status == 200 && shown.json()["health"]["health"] == health
        });
        let shown = server.get("/providers/within").json();
        let known = if health == "healthy" { "tiny" } else { "TLS with localhost failed" };
        assert!(shown.to_string().contains(known), "{shown}");
    }
}
