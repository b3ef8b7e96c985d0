//! The assistant's door: who is let in, what belongs to whom, and how it ends.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::{
    client::{Answer, Ask, Client},
    harness::{PATIENCE, Server, ended, program},
};

const SANITY: &str = "/providers/cms/entries/sanity";
const ADMIN: &str = "muster_admin_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A server with the example and a key.
fn keyed() -> Server {
    Server::with(&["--memory", "--demo"], &[("MUSTER_ADMIN_KEY", ADMIN)])
}

fn key_of(server: &Server, name: &str, role: &str) -> String {
    let body = json!({ "name": name, "role": role }).to_string();
    let ask = Ask::json("POST", "/keys", body).header("Authorization", format!("Bearer {ADMIN}"));
    server.ask(&ask).expect(201).json()["key"].as_str().unwrap().to_owned()
}

/// A message to the assistant's door.
fn message(key: Option<&str>, id: u64, method: &str, params: &Value) -> Ask {
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let ask = Ask::json("POST", "/mcp", body.to_string())
        .header("Accept", "application/json, text/event-stream");
    match key {
        Some(key) => ask.header("Authorization", format!("Bearer {key}")),
        None => ask,
    }
}

/// A request in the protocol of now, in which each stands alone.
fn alone(key: Option<&str>, method: &str, mut params: Value) -> Ask {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message(key, 1, method, &params)
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", method)
}

fn call_alone(key: Option<&str>, tool: &str, arguments: &Value) -> Ask {
    alone(key, "tools/call", json!({ "name": tool, "arguments": arguments }))
        .header("Mcp-Name", tool)
}

/// The result of a request: the last message of the answer, which is JSON or a stream of it.
fn result(answer: &Answer) -> Value {
    let text = answer.text();
    let last = text.lines().rfind(|line| line.starts_with("data: {"));
    let json = last.map_or(text, |line| &line["data: ".len()..]);
    let message: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{answer:?}"));
    assert!(message["error"].is_null(), "{message}");
    message["result"].clone()
}

/// Opens a connection of the protocol before, and answers its id.
fn opened(server: &Server, key: Option<&str>) -> String {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let answer = server.ask(&message(key, 1, "initialize", &params)).expect(200);
    assert_eq!(result(&answer)["serverInfo"]["name"], "muster");
    let id = answer.header("mcp-session-id").unwrap().to_owned();
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    let ready = Ask::json("POST", "/mcp", body)
        .header("Accept", "application/json, text/event-stream")
        .header("Mcp-Session-Id", id.clone());
    let ready = match key {
        Some(key) => ready.header("Authorization", format!("Bearer {key}")),
        None => ready,
    };
    server.ask(&ready).expect(202);
    id
}

fn listing(key: Option<&str>, id: &str) -> Ask {
    message(key, 2, "tools/list", &json!({})).header("Mcp-Session-Id", id)
}

#[test]
fn a_key_decides_what_an_assistant_may_do() {
    let server = keyed();
    let reader = key_of(&server, "assistant", "consumer");
    server.ask(&call_alone(None, "list", &json!({}))).refused(401, "key_required");
    let asked = |key: &str, tool: &str, arguments: &Value| {
        result(&server.ask(&call_alone(Some(key), tool, arguments)).expect(200))
    };
    let read = asked(&reader, "get", &json!({ "xid": SANITY }));
    assert_eq!(read["structuredContent"]["document"]["provider_name"], "sanity");
    let position = server.ask(&Ask::get("/api").header("Authorization", format!("Bearer {ADMIN}")));
    for (tool, arguments) in [
        ("put", json!({ "xid": "/providers/cms/entries/new", "document": {} })),
        ("propose_change", json!({ "delete": { "xid": SANITY } })),
        ("history", json!({})),
    ] {
        let refused = asked(&reader, tool, &arguments);
        assert_eq!(refused["isError"], true, "{tool}: {refused}");
        assert_eq!(refused["structuredContent"]["reason"], "role_denied", "{refused}");
    }
    let now = server.ask(&Ask::get("/api").header("Authorization", format!("Bearer {ADMIN}")));
    assert_eq!(now.position(), position.position());
    let metrics = Ask::get("/metrics").header("Authorization", format!("Bearer {ADMIN}"));
    let metrics = server.ask(&metrics).expect(200);
    assert!(metrics.text().contains("\"/mcp\""), "{}", metrics.text());
}

#[test]
fn a_confirmation_is_of_no_use_to_another_key() {
    let server = keyed();
    let other = key_of(&server, "other", "admin");
    let asked = |key: &str, tool: &str, arguments: &Value| {
        let answer = server.ask(&call_alone(Some(key), tool, arguments)).expect(200);
        result(&answer)["structuredContent"].clone()
    };
    let spare = "/providers/cms/entries/spare";
    let decap = asked(ADMIN, "get", &json!({ "xid": "/providers/cms/entries/decap" }));
    let mut document = decap["document"].clone();
    document["provider_name"] = "spare".into();
    let made = asked(ADMIN, "put", &json!({ "xid": spare, "document": document }));
    assert_eq!(made["done"], "created", "{made}");
    let plan = asked(ADMIN, "propose_change", &json!({ "delete": { "xid": spare } }));
    let delete = json!({ "xid": spare, "confirmation": plan["confirmation"] });
    let refused = asked(&other, "delete", &delete);
    assert_eq!(refused["reason"], "confirmation_unknown", "{refused}");
    let done = asked(ADMIN, "delete", &delete);
    assert_eq!(done["done"], "deleted", "{done}");
    let again = asked(ADMIN, "delete", &delete);
    assert_eq!(again["reason"], "not_found", "{again}");
}

#[test]
fn advice_names_what_an_assistant_can_do() {
    let server = keyed();
    let asked = |tool: &str, arguments: &Value| {
        let answer = server.ask(&call_alone(Some(ADMIN), tool, arguments)).expect(200);
        result(&answer)["structuredContent"].clone()
    };
    let referred = json!({ "xid": "/providers/ssg/entries/hugo" });
    let plan = asked("propose_change", &json!({ "delete": referred }));
    let refused = &plan["plan"]["refused"][0];
    assert_eq!(refused["reason"], "referenced", "{plan}");
    let advice = refused["advice"].as_str().unwrap();
    assert!(advice.contains("the tool references") && !advice.contains("force"), "{advice}");
    let explained = asked("explain_refusal", &json!({ "reason": "referenced" }));
    assert_eq!(explained["advice"], advice);
    // A part of the registry is a place, for a rollback as for what only reads.
    let position = server.ask(&Ask::get("/api").header("Authorization", format!("Bearer {ADMIN}")));
    let back = json!({ "place": "/providers/cms", "to_position": position.position() });
    let plan = asked("propose_change", &json!({ "rollback": back }));
    assert_eq!(plan["would_pass"], true, "{plan}");
}

#[test]
fn a_connection_belongs_to_the_key_that_opened_it() {
    let server = keyed();
    let (own, other) = (key_of(&server, "own", "consumer"), key_of(&server, "other", "admin"));
    let id = opened(&server, Some(&own));
    let tools = result(&server.ask(&listing(Some(&own), &id)).expect(200));
    assert_eq!(tools["tools"].as_array().unwrap().len(), 15, "{tools}");
    server.ask(&listing(Some(&other), &id)).refused(404, "connection_not_found");
    server.ask(&listing(Some(&other), "made-up")).refused(404, "connection_not_found");
    server.ask(&listing(None, &id)).refused(401, "key_required");
    let end = |key: &str| {
        let ask = Ask::new("DELETE", "/mcp").header("Mcp-Session-Id", id.clone());
        server.ask(&ask.header("Authorization", format!("Bearer {key}")))
    };
    end(&other).refused(404, "connection_not_found");
    assert!(end(&own).status < 300);
    server.ask(&listing(Some(&own), &id)).refused(404, "connection_not_found");
}

#[test]
fn pages_elsewhere_are_refused_with_and_without_keys() {
    let allowed = [("MUSTER_HTTP_ALLOWED_ORIGINS", "https://console.example")];
    let with_key = [allowed[0], ("MUSTER_ADMIN_KEY", ADMIN)];
    for (settings, key) in [(&allowed[..], None), (&with_key[..], Some(ADMIN))] {
        let server = Server::with(&["--memory"], settings);
        let call = call_alone(key, "list", &json!({}));
        let from = |origin: &str| server.ask(&call.clone().header("Origin", origin));
        from("https://evil.example").refused(403, "origin_refused");
        from("null").refused(403, "origin_refused");
        from("https://console.example").expect(200);
        from("http://localhost").expect(200);
        server.ask(&call).expect(200);
    }
}

#[test]
fn who_listens_is_told_until_the_key_is_revoked() {
    let server = keyed();
    let body = json!({ "name": "listener", "role": "consumer" }).to_string();
    let admin = |ask: Ask| server.ask(&ask.header("Authorization", format!("Bearer {ADMIN}")));
    let made = admin(Ask::json("POST", "/keys", body)).expect(201).json();
    let uri = format!("muster://registry/api{SANITY}");
    let params = json!({ "notifications": { "resourceSubscriptions": [uri] } });
    let mut client = Client::connect(server.address);
    let listen = alone(made["key"].as_str(), "subscriptions/listen", params);
    client.send_what_it_takes(&listen.bytes());
    client.read_until("notifications/subscriptions/acknowledged");
    let path = format!("/api{SANITY}");
    let mut document = admin(Ask::get(path.clone())).expect(200).json();
    document["best_for"] = "Everybody".into();
    admin(Ask::json("POST", path, document.to_string())).expect(201);
    let told = client.read_until("notifications/resources/updated");
    assert!(!told.contains("\"result\""), "{told}");
    let id = made["id"].as_str().unwrap();
    admin(Ask::new("DELETE", format!("/keys/{id}"))).expect(204);
    client.read_until("\"result\"");
}

#[test]
fn silent_streams_end_with_their_key() {
    let server = keyed();
    let admin = |ask: Ask| server.ask(&ask.header("Authorization", format!("Bearer {ADMIN}")));
    let body = json!({ "name": "listener", "role": "consumer" }).to_string();
    let made = admin(Ask::json("POST", "/keys", body)).expect(201).json();
    let key = made["key"].as_str();
    let id = opened(&server, key);
    let get = Ask::get("/mcp")
        .header("Accept", "text/event-stream")
        .header("Mcp-Session-Id", id)
        .header("Authorization", format!("Bearer {}", key.unwrap()));
    let nothing = json!({ "notifications": { "resourceSubscriptions": [] } });
    let (mut kept, mut listening) =
        (Client::connect(server.address), Client::connect(server.address));
    kept.send_what_it_takes(&get.bytes());
    kept.read_until("text/event-stream");
    listening.send_what_it_takes(&alone(key, "subscriptions/listen", nothing).bytes());
    listening.read_until("notifications/subscriptions/acknowledged");
    admin(Ask::new("DELETE", format!("/keys/{}", made["id"].as_str().unwrap()))).expect(204);
    listening.read_until("\"result\"");
    kept.read_until("\r\n0\r\n\r\n");
}

#[test]
fn open_streams_end_with_the_server() {
    let server = Server::in_memory(&[]);
    let id = opened(&server, None);
    let mut client = Client::connect(server.address);
    let ask = Ask::get("/mcp").header("Accept", "text/event-stream").header("Mcp-Session-Id", id);
    client.send_what_it_takes(&ask.bytes());
    client.read_until("text/event-stream");
    let began = std::time::Instant::now();
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(began.elapsed() < PATIENCE / 4, "{log}");
}

/// A process of `muster mcp`, which answers line by line.
#[test]
fn standard_output_holds_nothing_but_the_protocol() {
    let scratch = tempfile::TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::on(&data, &["--demo"]);
    let url = server.url("127.0.0.1");
    let ways = [vec!["--server", &url], vec!["--data", data.to_str().unwrap()]];
    let mut server = Some(server);
    for (flags, needs_server) in ways.iter().zip([true, false]) {
        if !needs_server {
            let (status, log) = server.take().unwrap().stop();
            assert!(status.success(), "{log}");
        }
        let mut child = program(scratch.path())
            .arg("mcp")
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let mut say = |message: Value| writeln!(to, "{message}").unwrap();
        let mut hear = || {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("{line:?}"))
        };
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        say(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }));
        assert_eq!(hear()["result"]["serverInfo"]["name"], "muster");
        say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let params = json!({ "name": "get", "arguments": { "xid": SANITY } });
        say(json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }));
        let answer = hear();
        let document = &answer["result"]["structuredContent"]["document"];
        assert_eq!(document["provider_name"], "sanity", "{answer}");
        drop(to);
        let mut rest = String::new();
        from.read_line(&mut rest).unwrap();
        assert_eq!(rest, "");
        assert!(ended(&mut child).success());
    }
}
