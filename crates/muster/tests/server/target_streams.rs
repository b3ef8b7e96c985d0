//! Targets that receivers read as streams of server-sent events, by the real program.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Ask, Client},
    harness::Server,
    websockets::key,
};

const STREAM: &str = "/propagation/streams/targets/ops/entries/dash";

/// What a receiver was told, without what is told in silences: the name of the event, its id and its
/// data.
#[derive(Debug, PartialEq)]
struct Told {
    kind: String,
    id: String,
    data: Value,
}

/// Reads an event stream as the HTML standard says, 9.2.6.
fn read(text: &str) -> Vec<Told> {
    let mut found = Vec::new();
    let text: String = text
        .lines()
        .filter(|line| !is_chunk_size(line))
        .fold(String::new(), |text, line| text + line + "\n");
    for event in text.split("\n\n") {
        let (mut kind, mut id, mut data) = (String::new(), String::new(), Vec::new());
        for line in event.lines() {
            match line.split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut kind),
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => data.push(value),
                _ => {}
            }
        }
        if let Ok(data) = serde_json::from_str(&data.join("\n")) {
            found.push(Told { kind, id, data });
        }
    }
    found
}

/// The server sends each event as a chunk.
fn is_chunk_size(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn open(server: &Server, query: &str) -> Client {
    let mut client = Client::connect(server.address);
    assert_eq!(client.begin(&format!("{STREAM}{query}")), Some(200));
    client
}

fn put(server: &Server, xid: &str, document: &Value) {
    server.put(&format!("/api{xid}"), document.to_string()).expect(201);
}

/// A target, and a route to it.
fn dash(server: &Server, route: &Value) {
    put(server, "/targets/ops/entries/dash", &json!({"kind": "sse"}));
    let mut whole = json!({"mode": "unidirectional", "targets": ["/targets/ops/entries/dash"]});
    whole.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
    put(server, "/routes/ops/entries/dash", &whole);
}

#[test]
fn goes_on_after_the_last_event_also_after_a_restart() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let flags = ["--data", data.to_str().unwrap()];
    let server = Server::with(&flags, &[]);
    put(&server, "/configs/web/entries/before", &json!(0));
    dash(&server, &json!({"select": {"collections": ["/configs"]}}));
    let mut first = open(&server, "");
    server.put("/api/configs/web/entries/a", "{\n  \"n\": 1\n}\n").expect(201);
    put(&server, "/entities/services/entries/other", &json!({}));
    put(&server, "/configs/web/entries/b", &json!({"n": 2}));
    let told = read(&first.read_until("\"n\":2}}\n\n"));
    let subjects: Vec<&Value> = told.iter().map(|one| &one.data["subject"]).collect();
    assert_eq!(subjects, ["/configs/web/entries/a", "/configs/web/entries/b"], "{told:?}");
    assert_eq!(told[0].data["data"], json!({"n": 1}));
    assert_eq!(told[0].data["type"], "io.xregistry.resource.created");
    assert_eq!(
        (&told[0].id, &told[0].kind),
        (&told[0].data["id"].as_str().unwrap().to_owned(), &String::new())
    );
    let seen = told[0].id.clone();
    assert!(server.stop().0.success());
    let server = Server::with(&flags, &[]);
    server.delete("/api/configs/web/entries/a").expect(204);
    let mut resumed = Client::connect(server.address);
    let ask = Ask::get(STREAM).header("Last-Event-ID", seen.as_str());
    assert_eq!(resumed.begin_asking(&ask), Some(200));
    let told = read(&resumed.read_until("resource.deleted"));
    assert_eq!(told[0].data["subject"], "/configs/web/entries/b", "{told:?}");
    // A receiver that knows nothing begins where the route does.
    let mut anew = open(&server, "");
    let told = read(&anew.read_until("resource.deleted"));
    assert_eq!(told[0].data["subject"], "/configs/web/entries/a", "{told:?}");
    assert_eq!(told[0].id, seen);
    // It ends with its target.
    server.delete("/api/routes/ops/entries/dash").expect(204);
    server.delete("/api/targets/ops/entries/dash").expect(204);
    put(&server, "/configs/web/entries/c", &json!(3));
    assert!(!resumed.read_until("\r\n0\r\n\r\n").contains("entries/c"));
    server.get(STREAM).refused(404, "not_found");
}

#[test]
fn shows_a_key_its_places_and_what_can_not_be_mapped() {
    let server = Server::in_memory(&[]);
    put(&server, "/configs/web/entries/good", &json!({"n": 4}));
    put(&server, "/configs/web/entries/zero", &json!({"n": 0}));
    put(&server, "/configs/other/entries/good", &json!({"n": 5}));
    let steps = json!([{"from": "$.n", "to": "$.m", "value": "100 / value"}]);
    dash(
        &server,
        &json!({"from": "beginning", "select": {"collections": ["/configs"]},
                          "mapping": {"outbound": steps}}),
    );
    let mut all = open(&server, "");
    let told = read(&all.read_until("{\"m\":20}}\n\n"));
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0].data["data"], json!({"m": 25}));
    assert_eq!(told[1].kind, "left_out");
    assert_eq!(told[1].data["subject"], "/configs/web/entries/zero");
    assert!(told[1].data["reason"].as_str().unwrap().contains("divides by zero"), "{told:?}");
    let (_, admin) = key(&server, "", &json!({"role": "admin"}));
    let (_, scoped) =
        key(&server, &admin, &json!({"role": "consumer", "scope": ["/configs/other"]}));
    server.get(STREAM).refused(401, "key_required");
    let mut some = Client::connect(server.address);
    assert_eq!(
        some.begin_asking(&Ask::get(STREAM).header("Authorization", scoped.as_str())),
        Some(200)
    );
    let told = read(&some.read_until("{\"m\":20}}\n\n"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].data["subject"], "/configs/other/entries/good");
}

#[test]
fn shows_a_key_no_document_elsewhere_through_an_alias() {
    let server = Server::in_memory(&[]);
    put(&server, "/configs/vault/entries/x", &json!({"n": "hidden"}));
    put(&server, "/configs/open/entries/x", &json!({"n": "shown"}));
    put(&server, "/aliases/mine/entries/a", &json!({"target": "/configs/vault/entries/x"}));
    put(&server, "/aliases/mine/entries/b", &json!({"target": "/configs/open/entries/x"}));
    for form in ["documents", "differences"] {
        let route =
            json!({"from": "beginning", "select": {"collections": ["/aliases"]}, "send": form});
        let name = format!("/targets/ops/entries/{form}");
        put(&server, &name, &json!({"kind": "sse"}));
        let mut whole = json!({"mode": "unidirectional", "targets": [name]});
        whole.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
        put(&server, &format!("/routes/ops/entries/{form}"), &whole);
    }
    // All stand for what the key may read now, and one stood for something else.
    let open = json!({"target": "/configs/open/entries/x"});
    server.post("/api/aliases/mine/entries/a", open.to_string()).expect(201);
    put(&server, "/aliases/mine/entries/c", &open);
    let (_, admin) = key(&server, "", &json!({"role": "admin"}));
    let (_, scoped) = key(
        &server,
        &admin,
        &json!({"role": "consumer", "scope": ["/aliases/mine", "/configs/open"]}),
    );
    for form in ["documents", "differences"] {
        let path = format!("/propagation/streams/targets/ops/entries/{form}");
        let mut some = Client::connect(server.address);
        let ask = Ask::get(&path).header("Authorization", scoped.as_str());
        assert_eq!(some.begin_asking(&ask), Some(200));
        let told = some.read_until("/aliases/mine/entries/c");
        assert!(told.contains("shown") && !told.contains("hidden"), "{form}: {told}");
    }
}

#[test]
fn tells_of_what_is_put_right_after_its_route() {
    let server = Server::in_memory(&[]);
    dash(&server, &json!({"select": {"collections": ["/configs/none"]}}));
    let mut all = open(&server, "");
    for number in 0..15 {
        let route = json!({"mode": "unidirectional", "targets": ["/targets/ops/entries/dash"],
                           "select": {"collections": [format!("/configs/g{number}")]}});
        put(&server, &format!("/routes/ops/entries/r{number}"), &route);
        put(&server, &format!("/configs/g{number}/entries/x"), &json!(number));
    }
    let told = read(&all.read_until("configs/g14/entries/x"));
    assert_eq!(told.len(), 15, "{told:?}");
}

#[test]
fn a_route_that_begins_nowhere_shuts_no_stream() {
    let server = Server::in_memory(&[]);
    dash(&server, &json!({"select": {"collections": ["/configs"]}}));
    let mut all = open(&server, "");
    let route = json!({"mode": "unidirectional", "targets": ["/targets/ops/entries/dash"],
                       "select": {"collections": ["/entities"]}});
    put(&server, "/routes/ops/entries/late", &route);
    let late = json!({"createdat": "2096-01-01T00:00:00Z"}).to_string();
    let ask = Ask::json("PATCH", "/api/routes/ops/entries/late/meta", late);
    assert_eq!(server.ask(&ask).status, 200);
    put(&server, "/configs/app/entries/x", &json!(1));
    all.read_until("configs/app/entries/x");
    open(&server, "").read_until("configs/app/entries/x");
}

#[test]
fn refuses_what_it_can_not_begin_with() {
    let server = Server::in_memory(&[]);
    dash(&server, &json!({"select": {"collections": ["/configs"]}}));
    drop(open(&server, ""));

    server.get(&format!("{STREAM}?after=999999")).refused(400, "bad_position");
    server.get(&format!("{STREAM}?after=soon")).refused(400, "bad_position");
    server.get(&format!("{STREAM}?since=1")).refused(400, "bad_flag");
    server.get("/propagation/streams/targets/ops/entries/none").refused(404, "not_found");
    // A webhook is no stream.
    put(&server, "/targets/ops/entries/hook", &json!({"kind": "folder", "path": "a"}));
    server.get("/propagation/streams/targets/ops/entries/hook").refused(404, "not_found");
}
