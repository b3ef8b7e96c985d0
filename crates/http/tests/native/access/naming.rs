//! What documents may name that the server acts on: secrets, and what a route selects.

use muster_guard::Role;
use muster_words::json::{self, Value};

use super::{
    code,
    served::{KeyState, start},
};

#[tokio::test]
async fn names_secrets_and_selects_places_as_its_author_may() {
    let (running, keys) = start(None).await;
    let bearer = |role: Role| {
        let is_it =
            |made: &&super::served::MadeKey| made.role == role && made.state == KeyState::Good;
        format!("Bearer {}", *keys.iter().find(is_it).unwrap().key.text())
    };
    let (admin, publisher) = (bearer(Role::Admin), bearer(Role::Publisher));
    let grant = r#"{"name": "ops", "role": "publisher",
        "scope": ["/targets/ops", "/routes/ops", "/configs/ops", "/publications/ops",
            "/aiproviders/ops"]}"#;
    let (status, said) = running.ask("POST /keys", &[("authorization", &admin)], grant).await;
    assert_eq!(status, 201, "{said}");
    let made = json::parse(said.as_bytes()).unwrap();
    let scoped = format!("Bearer {}", made.get("key").and_then(Value::as_str).unwrap());
    let target = "PUT /api/targets/ops/entries/hook";
    let named = r#"{"kind": "webhook", "url": "https://hooks.example/in", "secret": "env:HOOK_SECRET",
        "retry": "patient"}"#;
    let plain = r#"{"kind": "webhook", "url": "https://hooks.example/in"}"#;
    let nested = format!(r#"{{"entries": {{"other": {{"entry": {named}}}}}}}"#);
    let route = |more: &str| {
        format!(r#"{{"mode": "unidirectional", "targets": ["/targets/ops/entries/hook"]{more}}}"#)
    };
    let selects = |places: &str| route(&format!(r#", "select": {{"collections": [{places}]}}"#));
    let put_route = "PUT /api/routes/ops/entries/out";
    for (who, request, body, status, expect) in [
        (&publisher, target, named, 403, "secret_denied"),
        (&publisher, "POST /api/targets/ops", &*nested, 403, "secret_denied"),
        (&scoped, target, named, 403, "secret_denied"),
        (&scoped, target, plain, 403, "out_of_scope"),
        (
            &scoped,
            "PUT /api/publications/ops/entries/site",
            r#"{"destination": "try", "base_url": "https://try.example", "channel": "staging"}"#,
            403,
            "out_of_scope",
        ),
        (
            &scoped,
            "PUT /api/aiproviders/ops/entries/one",
            r#"{"type": "openai-compatible", "base_url": "https://api.example/v1"}"#,
            403,
            "out_of_scope",
        ),
        (&publisher, target, plain, 201, ""),
        (&admin, target, named, 409, "frozen"),
        (&admin, "POST /api/targets/ops/entries/hook", named, 201, ""),
        (
            &admin,
            "PUT /api/targets/ops/entries/other",
            r#"{"kind": "webhook", "retry": "slow"}"#,
            422,
            "invalid_document",
        ),
        (&scoped, put_route, &*route(""), 403, "out_of_scope"),
        (&scoped, put_route, &*selects(r#""/configs""#), 403, "out_of_scope"),
        (&scoped, put_route, &*selects(r#""/configs/ops", "/*""#), 403, "out_of_scope"),
        (&scoped, put_route, &*selects(r#""/configs/ops/entries""#), 201, ""),
        (&publisher, "PUT /api/routes/ops/entries/all", &*route(""), 201, ""),
        (&admin, "DELETE /api/targets/ops/entries/hook", "", 409, "referenced"),
    ] {
        let headers = [("authorization", &**who), ("content-type", "application/json")];
        let (found, said) = running.ask(request, &headers, body).await;
        let found = if found == 200 { 201 } else { found };
        assert_eq!((found, code(&said).as_str()), (status, expect), "{request} {body}: {said}");
        assert!(status != 422 || said.contains("/retry") && said.contains("/url"), "{said}");
    }
}
