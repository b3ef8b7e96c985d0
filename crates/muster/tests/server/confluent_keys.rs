//! Keys at Confluent's API: who isn't let in, and what a scope hides.

use serde_json::{Value, json};

use crate::{
    client::Ask,
    confluent::{avro, id},
    harness::Server,
};

const DOOR: &str = "/confluent";

/// What a key may not see, its schemas may not name: at the door it isn't there, natively it is
/// beyond the scope, whether it exists or not.
#[test]
fn references_stay_within_the_scope_of_a_key() {
    let server = Server::with(&["--memory"], &[("MUSTER_ADMIN_KEY", ADMIN)]);
    let admin = |request: &'static str, body: &str| ask_as(&server, ADMIN, request, body);
    let (status, _) = admin("POST /subjects/:.secret:r/versions", &avro(&json!([id()])));
    assert_eq!(status, 200);
    let made = server.ask(
        &Ask::json(
            "POST",
            "/keys",
            json!({"name": "cms", "role": "admin", "scope": ["/schemagroups/default"]}).to_string(),
        )
        .header("authorization", format!("Bearer {ADMIN}")),
    );
    let key = made.expect(201).json()["key"].as_str().unwrap().to_owned();
    let text = r#"{"type":"record","name":"B","fields":[{"name":"r","type":"R"}]}"#;
    for subject in [":.secret:r", ":.secret:none"] {
        let references = json!([{"name": "R", "subject": subject, "version": 1}]);
        let body = json!({"schema": text, "references": references}).to_string();
        let (_, answer) = ask_as(&server, &key, "POST /subjects/b/versions", &body);
        assert_eq!(answer["error_code"], 42201, "{answer}");
        let put = Ask::new("PUT", "/api/schemagroups/default/schemas/b/versions/1$details")
            .body(json!({"format": "Avro/1.12.0", "schema": serde_json::from_str::<Value>(text).unwrap(),
                "contenttype": "application/json", "references": references}).to_string())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {key}"));
        server.ask(&put).refused(403, "out_of_scope");
    }
}

/// Who isn't let in is told so in the form that this API's clients read.
#[test]
fn refusals_of_keys_have_confluents_form() {
    let server = Server::with(&["--memory"], &[("MUSTER_ADMIN_KEY", ADMIN)]);
    let made = server.ask(
        &Ask::json("POST", "/keys", json!({"name": "reader", "role": "consumer"}).to_string())
            .header("authorization", format!("Bearer {ADMIN}")),
    );
    let reader = made.expect(201).json()["key"].as_str().unwrap().to_owned();
    let wrong = ADMIN.replace('a', "b");
    for (key, request, status, code) in [
        ("", "GET /subjects", 401, 40101),
        (wrong.as_str(), "GET /schemas/ids/1", 401, 40101),
        (&reader, "GET /subjects", 200, 200),
        (&reader, "POST /subjects/s/versions", 403, 40301),
        (&reader, "DELETE /subjects/s", 404, 40401),
        (&reader, "PUT /config", 403, 40301),
    ] {
        let body = if request.starts_with("POST") {
            r#"{"schema": "\"int\""}"#
        } else {
            r#"{"compatibility":"NONE"}"#
        };
        let body = if request.starts_with("GET") { "" } else { body };
        let (found, answer) = ask_as(&server, key, request, body);
        assert_eq!(found, status, "{request}: {answer}");
        if status > 400 {
            assert_eq!(answer["error_code"], code, "{request}: {answer}");
            assert!(
                answer["message"].is_string() && answer["reason"].is_string() || status == 404,
                "{answer}"
            );
        }
    }
}

const ADMIN: &str = "muster_admin_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Asks with a key, as Confluent's clients send it.
fn ask_as(server: &Server, key: &str, request: &'static str, body: &str) -> (u16, Value) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (method, path) = request.split_once(' ').unwrap();
    let mut ask = Ask::new(method, format!("{DOOR}{path}"));
    if !key.is_empty() {
        let password = STANDARD.encode(format!("anybody:{key}"));
        ask = ask.header("authorization", format!("Basic {password}"));
    }
    if !body.is_empty() {
        ask = ask.body(body).header("content-type", "application/vnd.schemaregistry.v1+json");
    }
    let answer = server.ask(&ask);
    let value = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, value)
}
