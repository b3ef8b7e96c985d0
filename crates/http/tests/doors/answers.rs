//! What every answer carries.

use std::io::Read;

use muster_http::health::StartupCondition;
use muster_wire::operations::{Endpoint, OPERATIONS};

use crate::harness::{Running, short};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")
}

#[tokio::test]
async fn carries_a_request_id_a_position_and_what_browsers_must_know() {
    let server = Running::start(short()).await;
    for (path, position) in [("/api/document", "41"), ("/api/who", "42"), ("/api/nowhere", "42")] {
        let answer = server.ask(get(path)).await;
        assert_eq!(answer.header("muster-position"), Some(position), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
        assert!(answer.header("x-request-id").unwrap().len() >= 10);
        assert!(answer.header("date").is_some());
    }
    let answer = server
        .ask("GET /api/who HTTP/1.1\r\nHost: localhost:8080\r\nx-request-id: mine-1\r\n\r\n")
        .await;
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.text(), format!("someone {}://localhost:8080 mine-1", crate::SCHEME));
}

#[tokio::test]
async fn answers_plain_requests_as_it_answers_all_others() {
    let server = Running::start(short()).await;
    let other = "GET /api/document HTTP/1.1\r\nHost: localhost:8080\r\nX-Other: 1\r\n\r\n";
    let headers = |answer: &crate::harness::Answer| {
        let mut headers = answer.headers.clone();
        // These differ from one answer to the next.
        headers.retain(|name, _| !["x-request-id", "date"].contains(&name.as_str()));
        headers
    };
    let expect = server.ask(other).await;
    // Plain ones, then another, then plain ones again, all sent before the first is answered.
    let mut client = server.connect().await;
    let plain = get("/api/document");
    client.send([plain.as_str(), &plain, other, &plain, &get("/api/who")].concat()).await;
    for _ in 0..4 {
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, expect.text()));
        assert_eq!(headers(&answer), headers(&expect));
        assert!(answer.header("date").is_some() && answer.header("x-request-id").is_some());
    }
    assert_eq!(client.answer().await.status, 200);
    let line = "muster_requests_total{method=\"GET\",route=\"/api/{groups}\",status=\"200\"}";
    assert_eq!(server.count(line), Some(6), "{}", server.metrics.text());
}

#[tokio::test]
async fn remembers_who_asks_until_the_keys_are_others() {
    let server = Running::start(short()).await;
    let get = |headers: &str| {
        format!("GET /api/document HTTP/1.1\r\nHost: registry.example\r\n{headers}\r\n")
    };
    let mut client = server.connect().await;
    for (is_open, headers, expect) in [
        (true, "", 421),
        (false, "Authorization: Bearer right\r\n", 200),
        (false, "Authorization: Bearer right\r\n", 200),
        (false, "Authorization: Bearer wrong\r\n", 401),
        (false, "", 401),
        (
            false,
            "authorization:Bearer right\r\nX-Forwarded-For: a\r\nSec-Fetch-Mode: cors\r\n",
            200,
        ),
        (false, "Authorization: Bearer right\r\nAuthorization: Bearer wrong\r\n", 401),
        (true, "Authorization: Bearer right\r\n", 421),
        (false, "Authorization: Bearer right\r\nX-Request-Id: mine-2\r\n", 200),
    ] {
        server.gate.open.store(is_open, std::sync::atomic::Ordering::Relaxed);
        client.send(get(headers)).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, expect, "{is_open} {headers}");
        assert_eq!(answer.header("x-request-id") == Some("mine-2"), headers.contains("mine-2"));
        assert_eq!(answer.header("muster-position").is_none(), expect == 401, "{headers}");
    }
}

#[tokio::test]
async fn goes_on_wherever_a_plain_request_is_cut() {
    let server = Running::start(short()).await;
    let bytes = get("/api/document").repeat(2);
    for cut in 1..bytes.len() {
        let mut client = server.connect().await;
        client.send(&bytes[..cut]).await;
        tokio::task::yield_now().await;
        client.send(&bytes[cut..]).await;
        for _ in 0..2 {
            assert_eq!(client.answer().await.text(), "{\"a\": 1}", "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn begins_urls_with_the_host_that_each_request_names() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    for host in ["localhost:8080", "127.0.0.1", "localhost:8080"] {
        client.send(format!("GET /api/document HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let expect = format!("{}://{host}/api/document", crate::SCHEME);
        assert_eq!(client.answer().await.header("x-self"), Some(expect.as_str()));
    }
}

#[tokio::test]
async fn answers_head_with_the_headers_of_get_and_no_body() {
    let server = Running::start(short()).await;
    for path in ["/api/document", "/api/long", "/health/live"] {
        let expect = server.ask(get(path)).await;
        let mut client = server.connect().await;
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n")).await;
        let answer = client.answer_to("HEAD").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), expect.header("content-length"), "{path}");
        assert_eq!(answer.header("content-type"), expect.header("content-type"), "{path}");
        // The next answer on the connection begins where this one ended.
        client.send(get("/api/document")).await;
        assert_eq!(client.answer().await.text(), "{\"a\": 1}");
    }
}

#[tokio::test]
async fn answers_head_of_what_it_would_compress_without_the_plain_length() {
    let server = Running::start(short()).await;
    let accepts = "Host: localhost\r\nAccept-Encoding: gzip\r\n";
    // One that is compressed, and one that is too short for it.
    for path in ["/api/long", "/api/who"] {
        let expect = server.ask(format!("GET {path} HTTP/1.1\r\n{accepts}\r\n")).await;
        let mut client = server.connect().await;
        client.send(format!("HEAD {path} HTTP/1.1\r\n{accepts}\r\n")).await;
        let answer = client.answer_to("HEAD").await;
        for name in ["content-encoding", "etag", "vary", "content-type"] {
            assert_eq!(answer.header(name), expect.header(name), "{name} of {path}");
        }
        let is_plain = answer.header("content-encoding").is_none();
        assert_eq!(answer.header("content-length").is_some(), is_plain, "{path}");
        client.send(get("/api/document")).await;
        assert_eq!(client.answer().await.text(), "{\"a\": 1}");
    }
}

#[tokio::test]
async fn names_unknown_paths_and_methods() {
    let server = Running::start(short()).await;
    let answer = server.ask(get("/nowhere")).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "api_not_found"));
    assert!(answer.text().contains("\"/nowhere\""));
    let answer = server.ask("DELETE /api/long HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "action_not_supported"));
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
}

#[tokio::test]
async fn survives_panics_and_does_not_tell_their_cause() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    for request in
        [get("/api/panics"), "POST /api/breaks HTTP/1.1\r\nHost: localhost\r\n\r\n".into()]
    {
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "server_error"));
        assert!(!answer.text().contains("secret"), "{answer:?}");
        let body: muster_wire::ErrorBody = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body.instance.as_deref(), answer.header("x-request-id"));
    }
    client.send(get("/api/document")).await;
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn compresses_for_who_asks_and_says_what_it_depends_on() {
    let server = Running::start(short()).await;
    let plain = server.ask(get("/api/long")).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("etag"), Some("\"7.abc-m\""));
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    let answer = server
        .ask("GET /api/long HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br, gzip\r\n\r\n")
        .await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert_eq!(answer.header("etag"), Some("\"7.abc-m-gzip\""));
    assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
}

#[tokio::test]
async fn tells_when_it_is_ready_and_that_the_store_is_slow() {
    let server = Running::start(short()).await;
    assert_eq!(server.ask(get("/health/live")).await.status, 200);
    for (condition, expect) in [
        (StartupCondition::Replayed, 503),
        (StartupCondition::ExampleLoaded, 503),
        (StartupCondition::PortsBound, 200),
    ] {
        server.readiness.reached(condition);
        // In these tests the store never answers, and without it nothing is ready.
        let answer = server.ask(get("/health/ready")).await;
        assert_eq!(answer.status, 503, "{condition:?}");
        let report: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!(report["stage"] == "ready", expect == 200, "{report}");
        assert_eq!(report["status"], "unhealthy", "{report}");
        assert_eq!(report["checks"]["database"]["status"], "unhealthy", "{report}");
        assert_eq!(report["checks"]["database"]["critical"], true, "{report}");
    }
    let answer = server.ask(get("/health/db")).await;
    assert_eq!((answer.status, answer.text()), (503, "{\"status\":\"slow\"}\n"));
    // What failed once and for all is said by both; that the process lives is as true as before.
    server.readiness.failed("a test says so");
    for (path, expect) in [("/health/ready", 503), ("/health/db", 503), ("/health/live", 200)] {
        let answer = server.ask(get(path)).await;
        assert_eq!(answer.status, expect, "{path}");
        assert_eq!(answer.text().contains("a test says so"), expect == 503, "{path}");
        assert_eq!(answer.text().contains("\"failed\""), expect == 503, "{path}");
    }
}

#[tokio::test]
async fn has_the_routes_of_its_own_that_the_description_lists() {
    let server = Running::start(short()).await;
    let listed =
        OPERATIONS.iter().filter(|operation| matches!(operation.endpoint, Endpoint::Server(_)));
    let mut asked = 0;
    for operation in listed {
        let head = format!("{} {}", operation.verb.name(), operation.sample_path());
        let answer = server.ask(format!("{head} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let outcome = operation.answers.iter().find(|outcome| outcome.status == answer.status);
        assert!(outcome.is_some(), "{head}");
        asked += 1;
    }
    assert_eq!(asked, 7);
}

#[tokio::test]
async fn describes_itself() {
    let server = Running::start(short()).await;
    let answer = server.ask(get("/openapi.json")).await;
    let description: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    assert!(description["paths"]["/health/live"]["get"].is_object());
}

#[tokio::test]
async fn answers_the_same_process_without_a_socket() {
    let server = Running::start(short()).await;
    server.gate.open.store(false, std::sync::atomic::Ordering::Relaxed);
    let request = http::Request::get("/api/who").body(axum::body::Body::empty()).unwrap();
    let owner =
        std::sync::Arc::new(muster_http::Principal::new("owner", muster_guard::Role::Admin));
    let answer = server.front.answer(request, owner, server.phase.subscribe()).await;
    assert_eq!(answer.headers()["muster-position"], "42");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = muster_http::read_body(answer.into_body().into()).await.unwrap();
    assert_eq!(text, format!("owner http://localhost {id}"));
}

#[tokio::test]
async fn counts_what_it_answers() {
    let server = Running::start(short()).await;
    for _ in 0..3 {
        server.ask(get("/api/document")).await;
    }
    // Both from memory and from a route.
    for path in ["/api/document", "/api/long"] {
        let mut client = server.connect().await;
        client.send(get(path).replacen("GET", "HEAD", 1)).await;
        client.answer_to("HEAD").await;
    }
    server.ask(get("/nowhere")).await;
    let answer = server.ask(get("/metrics")).await;
    assert_eq!(answer.status, 200);
    for line in [
        r#"muster_requests_total{method="GET",route="/api/{groups}",status="200"} 3"#,
        r#"muster_requests_total{method="GET",route="other",status="404"} 1"#,
        r#"muster_requests_total{method="HEAD",route="/api/{groups}",status="200"} 2"#,
        "muster_requests_in_flight 1",
    ] {
        assert!(answer.text().lines().any(|found| found == line), "{line}:\n{}", answer.text());
    }
}

#[tokio::test]
async fn answers_head_with_the_headers_of_get() {
    let server = Running::start(short()).await;
    for path in ["/api/document", "/api/long", "/api/who", "/openapi.json", "/health/live"] {
        let mut seen = Vec::new();
        for method in ["GET", "HEAD"] {
            let mut client = server.connect().await;
            client.send(get(path).replacen("GET", method, 1)).await;
            let mut answer = client.answer_to(method).await;
            assert_eq!((answer.status, answer.body.is_empty()), (200, method == "HEAD"), "{path}");
            // These differ from one answer to the next.
            for name in ["x-request-id", "date"] {
                answer.headers.remove(name);
            }
            if path == "/api/who" {
                answer.headers.remove("content-length");
            }
            seen.push(answer.headers);
        }
        assert_eq!(seen[0], seen[1], "{path}");
    }
}
