//! What the server writes to its log: enough to find out what happened, and nothing secret.

use std::{path::Path, time::Instant};

use serde_json::Value;

use crate::{
    client::{Ask, Client},
    harness::{PATIENCE, Server},
};

const DOCUMENT: &str = "/api/configs/app/entries/first";
const INFO: [(&str, &str); 1] = [("MUSTER_LOG_REQUESTS", "info")];

/// All lines of a log, each of which is one JSON object. The last one may be half written.
fn lines(log: &str) -> Vec<Value> {
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The line of the request with this id.
fn line_of(server: &Server, id: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let log = server.log();
        if let Some(line) = lines(&log).into_iter().find(|line| line["request"] == id) {
            return line;
        }
        assert!(Instant::now() < until, "{id} isn't in {log}");
    }
}

#[test]
fn tells_of_its_start_and_its_end() {
    let scratch = tempfile::TempDir::new().unwrap();
    let server = Server::on(&scratch.path().join("registry"), &[]);
    server.put(DOCUMENT, "1").expect(201);
    let (address, position) = (server.url("127.0.0.1"), server.position());
    let (_, log) = server.stop();
    let told = lines(&log);
    let messages: Vec<&str> = told.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(
        messages,
        ["muster starts", "muster is ready", "stopping after a signal", "muster has stopped"]
    );
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        (told[0]["version"].as_str(), told[0]["level"].as_str()),
        (Some(version), Some("INFO"))
    );
    let directory = Path::new(told[1]["directory"].as_str().unwrap());
    assert!(directory.ends_with("registry"), "{directory:?}");
    assert_eq!(told[1]["address"], address);
    assert_eq!((&told[1]["position"], &told[1]["documents"]), (&1.into(), &0.into()));
    assert_eq!(told[3]["position"], position);
}

#[test]
fn a_requests_line_tells_what_was_asked_by_whom_and_how_it_ended() {
    let server = Server::with(&["--memory"], &INFO);
    let made = server.ask(&Ask::json("POST", "/keys", r#"{"name": "ci"}"#)).expect(201).json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let with = |ask: Ask, request: &str| {
        ask.header("Authorization", format!("Bearer {key}")).header("x-request-id", request)
    };
    server.ask(&with(Ask::json("PUT", DOCUMENT, r#"{"password": "hunter2"}"#), "put")).expect(201);
    // A connection that only reads is answered from memory; its requests are logged as well.
    let mut client = Client::connect(server.address);
    client.ask(&with(Ask::get(DOCUMENT), "first-get")).expect(200);
    client.ask(&with(Ask::get(DOCUMENT), "second-get")).expect(200);
    server.ask(&with(Ask::get("/api/configs/app/entries/none?secret=s3"), "absent")).expect(404);
    let wrong = Ask::get("/status").header("Authorization", "Bearer muster_00000000_wrong");
    server.ask(&wrong.header("x-request-id", "wrong")).expect(401);
    let entry = "/api/{groups}/{group}/{resources}/{resource}";
    for (request, method, route, status, code, principal) in [
        ("put", "PUT", entry, 201, None, Some(id)),
        ("first-get", "GET", entry, 200, None, Some(id)),
        ("second-get", "GET", entry, 200, None, Some(id)),
        ("absent", "GET", entry, 404, Some("not_found"), Some(id)),
        ("wrong", "GET", "/status", 401, Some("key_unknown"), None),
    ] {
        let line = line_of(&server, request);
        assert_eq!((line["method"].as_str(), line["route"].as_str()), (Some(method), Some(route)));
        assert_eq!(
            (&line["status"], line["level"].as_str()),
            (&status.into(), Some("INFO")),
            "{line}"
        );
        assert_eq!(
            (line["code"].as_str(), line["principal"].as_str()),
            (code, principal),
            "{line}"
        );
        assert!(line["duration_us"].is_u64() && line["peer"].is_string(), "{line}");
        if request.ends_with("get") {
            assert_eq!(line["bytes"], 23, "{line}");
        }
        assert_ne!(line["path"].as_str(), Some(""), "{line}");
    }
    let used = server.logged("a key is used for the first time since the start");
    assert_eq!((used["key"].as_str(), used["role"].as_str()), (Some(id), Some("admin")));
    assert_eq!(server.logged("a key was created")["key"], id);
    let log = server.log();
    assert_eq!(log.matches("a key is used for the first time").count(), 1, "{log}");
    for secret in [&key[16..], "hunter2", "muster_00000000_wrong", "s3", "Bearer"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}

#[test]
fn says_of_usual_requests_nothing_unless_it_is_told_to() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "1").expect(201);
    server.get(DOCUMENT).expect(200);
    server.get("/api/nowhere").expect(404);
    let (_, log) = server.stop();
    assert!(lines(&log).iter().all(|line| line["request"].is_null()), "{log}");
    let settings = [("LOG_LEVEL", "debug"), ("MUSTER_LOG_REQUESTS", "off")];
    let server = Server::with(&["--memory"], &settings);
    server.get("/api").expect(200);
    let (_, log) = server.stop();
    assert!(lines(&log).iter().all(|line| line["request"].is_null()), "{log}");
}

#[test]
fn warns_of_a_request_that_is_slow() {
    let server = Server::with(&["--memory"], &[("MUSTER_LOG_SLOW_MS", "1")]);
    // Whatever is asked for takes longer than that at some time.
    let until = Instant::now() + PATIENCE;
    let line = loop {
        server.post("/ledger/verify", "").expect(200);
        server.put(DOCUMENT, "1");
        if let Some(line) = lines(&server.log()).into_iter().find(|line| line["level"] == "WARN") {
            break line;
        }
        assert!(Instant::now() < until, "{}", server.log());
    };
    assert_eq!(line["message"], "a request was slow");
    assert!(line["duration_us"].as_u64().unwrap() >= 1_000, "{line}");
    assert!(line["request"].is_string() && line["principal"] == "admin", "{line}");
}

#[test]
fn no_client_can_write_a_line_or_colour_of_its_own() {
    for format in ["text", "json"] {
        let settings = [("MUSTER_LOG_FORMAT", format), ("LOG_LEVEL", "trace"), INFO[0]];
        let server = Server::with(&["--memory"], &settings);
        for path in
            ["/api/configs/%1b[31m", "/%0a%7B%22level%22", "/log/%0d%0aINFO", "/api?%0a=%1b"]
        {
            let ask = Ask::get(path).header("x-request-id", "a{b\"c");
            server.ask(&ask.header("traceparent", "\u{e9}\u{9b}31m").header("origin", "http://a"));
        }
        server.raw(b"GET /\x1b[31m HTTP/1.1\r\nhost: localhost\r\n\r\n");
        server.raw(b"GET /a\x0bb HTTP/1.1\r\nhost: local\x1bhost\r\nx: \x1b\r\n\r\n");
        let (_, log) = server.stop();
        let odd = log.chars().find(|letter| letter.is_control() && *letter != '\n');
        assert_eq!(odd, None, "{format}: {log:?}");
        if format == "json" {
            lines(&log);
        }
    }
}
