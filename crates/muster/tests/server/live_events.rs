//! Events of what runs beside the ledger, on `/events`.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::Server,
    websockets::key,
};

/// Opens the stream, and reads until this text is there.
fn heard(server: &Server, query: &str, last: &str) -> (Client, String) {
    let mut client = Client::connect(server.address);
    assert_eq!(client.begin(&format!("/events{query}")), Some(200));
    let text = client.read_until(last);
    (client, text)
}

fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn last_id(text: &str) -> u64 {
    let mut ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.next_back().unwrap().trim().parse().unwrap()
}

#[test]
fn tells_of_routes_and_providers_and_goes_on_after_a_restart() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let flags = ["--data", data.to_str().unwrap()];
    let server = Server::with(&flags, &[]);
    let (mut watcher, greeting) = heard(&server, "", "id: ");
    assert!(events(&greeting).is_empty(), "{greeting}");
    let target = json!({"kind": "folder", "path": "out"}).to_string();
    server.put("/api/targets/ops/entries/out", target).expect(201);
    let route = json!({"mode": "unidirectional", "select": {"collections": ["/configs"]},
                       "targets": ["/targets/ops/entries/out"], "from": "now"});
    server.put("/api/routes/ops/entries/all", route.to_string()).expect(201);
    let text = watcher.read_until("link.started");
    let told = events(&text);
    let started = told.last().unwrap();
    assert_eq!(started["type"], "io.muster.propagation.link.started");
    assert_eq!(started["subject"], "/targets/ops/entries/out");
    assert_eq!(started["data"]["route"], "/routes/ops/entries/all");
    assert!(started["source"].as_str().unwrap().ends_with("//localhost/api"), "{started}");
    // Nobody is at this port.
    let provider = json!({"type": "openai-compatible", "base_url": "http://127.0.0.1:9/v1",
                          "models": ["tiny"]});
    server.put("/api/aiproviders/local/entries/local", provider.to_string()).expect(201);
    let text = watcher.read_until("provider-registered");
    let told = events(&text);
    let registered =
        told.iter().find(|one| one["type"] == "io.muster.providers.provider-registered");
    assert_eq!(registered.unwrap()["subject"], "local");
    let seen = last_id(&text);
    drop(watcher);
    assert!(server.stop().0.success());
    let server = Server::with(&flags, &[]);
    // What was told before is there, and the numbers go on.
    let (_, again) = heard(&server, "?after=0", &format!("\"id\":\"{}\"", seen + 1));
    let ids: Vec<String> =
        events(&again).iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let expect: Vec<String> = (1..).take(ids.len()).map(|id: u64| id.to_string()).collect();
    assert_eq!(ids, expect);
    let ask = Ask::get("/events").header("Last-Event-ID", (seen + 1_000_000).to_string());
    server.ask(&ask).refused(400, "bad_position");
    server.get("/events?after=soon").refused(400, "bad_position");
    server.get("/events?since=1").refused(400, "bad_flag");
}

#[test]
fn the_stream_is_for_those_who_may_read_the_status_of_everything() {
    let server = Server::in_memory(&[]);
    let (_, admin) = key(&server, "", &json!({"role": "admin"}));
    let (_, scoped) = key(&server, &admin, &json!({"role": "admin", "scope": ["/targets/b"]}));
    server.get("/events").refused(401, "key_required");
    let ask = Ask::get("/events").header("Authorization", scoped.as_str());
    server.ask(&ask).refused(403, "out_of_scope");
}
