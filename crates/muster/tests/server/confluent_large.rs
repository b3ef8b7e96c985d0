//! Confluent's API with a subject of very many versions.

use serde_json::{Map, Value, json};

use crate::{client::Ask, harness::Server};

/// How many versions the subject has.
const COUNT: u64 = 10_000;

fn schema(version: u64) -> Value {
    json!({"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "long"},
        {"name": format!("f{version}"), "type": "int", "default": version},
    ]})
}

fn body(schema: &Value) -> String {
    json!({"schema": schema.to_string()}).to_string()
}

fn ask(server: &Server, method: &'static str, path: &str, body: &str) -> (u16, Value) {
    let mut ask = Ask::new(method, format!("/confluent{path}"));
    if !body.is_empty() {
        ask = ask.body(body).header("content-type", "application/vnd.schemaregistry.v1+json");
    }
    let answer = server.ask(&ask);
    (answer.status, answer.json())
}

#[test]
fn ten_thousand_versions_of_a_subject_are_listed_found_and_followed_by_another() {
    let server = Server::in_memory(&[]);
    let mut versions = Map::new();
    for version in 1..=COUNT {
        versions.insert(
            version.to_string(),
            json!({"format": "Avro/1.12.0", "contenttype": "application/json",
                "schema": schema(version)}),
        );
    }
    server.put("/api/schemagroups/default", "{}").expect(201);
    let path = "/api/schemagroups/default/schemas/s/versions";
    server.post(path, Value::Object(versions).to_string()).expect(200);

    let (_, numbers) = ask(&server, "GET", "/subjects/s/versions", "");
    assert_eq!(numbers, json!((1..=COUNT).collect::<Vec<u64>>()));
    let (_, newest) = ask(&server, "GET", "/subjects/s/versions/latest", "");
    assert_eq!(newest["version"], COUNT);
    let (_, found) = ask(&server, "POST", "/subjects/s", &body(&schema(7)));
    assert_eq!(found["version"], 7);
    let (status, _) = ask(&server, "POST", "/subjects/s", &body(&schema(COUNT + 9)));
    assert_eq!(status, 404);

    let (status, made) = ask(&server, "POST", "/subjects/s/versions", &body(&schema(COUNT + 1)));
    assert_eq!((status, &made["version"]), (200, &json!(COUNT + 1)), "{made}");
    let other = json!({"type": "record", "name": "R", "fields": [{"name": "id", "type": "bytes"}]});
    let (status, refused) = ask(&server, "POST", "/subjects/s/versions", &body(&other));
    assert_eq!(status, 409, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains(&format!("{}", COUNT + 1)), "{refused}");

    // With all of them it isn't compared in one request, and the answer says so.
    ask(&server, "PUT", "/config/s", r#"{"compatibility": "BACKWARD_TRANSITIVE"}"#);
    let (status, refused) = ask(&server, "POST", "/subjects/s/versions", &body(&schema(COUNT + 2)));
    assert!((400..500).contains(&status), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("more than 1000"), "{refused}");
    let (_, numbers) = ask(&server, "GET", "/subjects/s/versions", "");
    assert_eq!(numbers.as_array().unwrap().len() as u64, COUNT + 1);
    let (_, gone) = ask(&server, "DELETE", "/subjects/s", "");
    assert_eq!(gone.as_array().unwrap().len() as u64, COUNT + 1);
}
