//! Requests that cost much more than they look: each is bounded, and small reads go on meanwhile.
//! What they cost others is measured by `bench/run starve`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    client::{Answer, Ask, Client},
    harness::Server,
};

fn list(item: &str, count: usize) -> String {
    format!("[{}]", vec![item; count].join(","))
}

fn violations(answer: Answer) -> Value {
    answer.refused(422, "invalid_document").json()["violations"].clone()
}

/// Binds a group to a schema, or to a rule.
fn bind(server: &Server, group: &str, binding: &Value) {
    server
        .put(&format!("/api/configs/{group}"), json!({"muster": binding}).to_string())
        .expect(201);
}

#[test]
fn refuses_numbers_that_fill_pages_wherever_something_is_bound() {
    let server = Server::in_memory(&[]);
    let body = list("1.5e-9000", 6_000);
    for (name, schema) in [
        ("minimum", r#"{"items":{"minimum":0.5}}"#),
        ("enum", r#"{"items":{"enum":[0.5]}}"#),
        ("unique", r#"{"uniqueItems":true}"#),
    ] {
        let path = format!("/schemagroups/own/schemas/{name}");
        server.put(&format!("/api{path}"), schema).expect(201);
        bind(&server, name, &json!({ "schema": path }));
    }
    let rule = json!({"expression": "document.all(a, a < 1.0)", "severity": "error",
        "message": "no", "pointer": ""});
    server.put("/api/rulegroups/own/rules/small", rule.to_string()).expect(201);
    bind(&server, "ruled", &json!({"rules": ["/rulegroups/own/rules/small"]}));
    for group in ["minimum", "enum", "unique", "ruled"] {
        let answer = server.put(&format!("/api/configs/{group}/entries/a"), body.clone());
        let found = violations(answer);
        assert_eq!(found.as_array().map(Vec::len), Some(100), "{group}");
        assert_eq!((&found[0]["pointer"], &found[0]["keyword"]), (&json!("/0"), &json!("number")));
    }
    // Where nothing is bound, a document is only bytes.
    server.put("/api/configs/free/entries/a", body).expect(201);
    let schema = server.put("/api/schemagroups/own/schemas/huge", r#"{"minimum":1e9000}"#);
    assert_eq!(violations(schema)[0]["pointer"], "/minimum");
}

#[test]
fn names_a_hundred_violations_whatever_finds_them() {
    let server = Server::in_memory(&[]);
    let references = json!([{"field": "/see/*", "collection": "/things/files"}]);
    let files = json!({"singular": "file", "muster": {"references": references}});
    let model = json!({"groups": {"things": {"singular": "thing", "resources": {"files": files}}}});
    server.put("/api/modelsource", model.to_string()).expect(200);
    server.put("/api/things/one", "{}").expect(201);
    let see = |items: &str| format!(r#"{{"see":{items}}}"#);
    let long = format!(r#"{{"{}":1}}"#, "n".repeat(1 << 20));
    for (body, count) in [
        (see(&list("\"nobody here\"", 160_000)), 100),
        (see(&list("\"nobody\"", 300_000)), 100),
        (see(&long), 1),
    ] {
        let answer = server.put("/api/things/one/files/a", body);
        assert!(answer.body.len() < 200_000, "{} bytes", answer.body.len());
        let found = violations(answer);
        assert_eq!(found.as_array().map(Vec::len), Some(count));
    }
}

#[test]
fn an_answer_is_as_large_as_it_is_written() {
    let server = Server::in_memory(&[]);
    // Every byte is written with six.
    let text = vec![1_u8; 4 * 1024 * 1024 - 64];
    for number in 0..4 {
        let path = format!("/api/configs/large/entries/d{number}");
        let put = Ask::new("PUT", &path).header("Content-Type", "text/plain");
        server.ask(&put.body(text.clone())).expect(201);
    }
    let all = server.get("/api/configs/large/entries?inline=entry");
    all.refused(406, "too_large");
    let one = server.get("/api/configs/large/entries/d1$details?inline=entry");
    assert!(one.expect(200).body.len() > 6 * text.len());
    assert!(server.resident_bytes() < 512 * 1024 * 1024, "{}", server.resident_bytes());
}

#[test]
fn many_watchers_of_one_large_command_all_get_it() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/many", "{}").expect(201);
    let first = server.position();
    let entries: serde_json::Map<String, Value> =
        (0..2_000).map(|number| (format!("e{number}"), json!({}))).collect();
    server.post("/api/configs/many", json!({"entries": entries}).to_string()).expect(200);
    server.put("/api/configs/many/entries/last", "{}").expect(201);
    let last = server.position();
    let address = server.address;
    let watchers: Vec<_> = (0..40)
        .map(|_| {
            thread::spawn(move || -> std::io::Result<usize> {
                let mut stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(Duration::from_secs(60)))?;
                write!(stream, "GET /changes?after={first} HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
                let (mut text, mut part) = (Vec::new(), vec![0; 64 * 1024]);
                let end = format!("id: {last}.1\n");
                while !text.windows(end.len()).any(|bytes| bytes == end.as_bytes()) {
                    let read = stream.read(&mut part)?;
                    // Only the end is looked through again.
                    let begin = text.len().saturating_sub(end.len());
                    text.drain(..begin);
                    text.extend_from_slice(&part[..read]);
                    if read == 0 {
                        return Ok(0);
                    }
                }
                Ok(1)
            })
        })
        .collect();
    let mut client = Client::connect(server.address);
    for _ in 0..20 {
        client.ask(&Ask::get("/health/live")).expect(200);
    }
    let whole: usize =
        watchers.into_iter().map(|watcher| watcher.join().unwrap().unwrap_or(0)).sum();
    assert_eq!(whole, 40);
}
