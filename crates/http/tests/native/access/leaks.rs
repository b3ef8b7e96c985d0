//! Ways around a scope: nothing outside of it can be read through what is written inside, be named
//! by a refusal, or be broken by force.

use muster_guard::Role;
use muster_words::json::{self, Value};

use super::{
    code,
    served::{KeyState, MadeKey, start},
};
use crate::harness::Running;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Each request as one caller, with the status and the code that are expected.
async fn all(running: &Running, key: &str, steps: &[(&str, &str, u16, &str)]) {
    for (request, body, status, expect) in steps {
        let headers = [("authorization", key), ("content-type", "application/json")];
        let (found, said) = running.ask(request, &headers, body).await;
        assert_eq!((found, code(&said).as_str()), (*status, *expect), "{request} {body}: {said}");
        let is_told = *status >= 400 && said.contains("secret");
        assert!(!is_told, "{request} {body}: {said}");
    }
}

fn admin(keys: &[MadeKey]) -> String {
    let is_it = |made: &&MadeKey| made.role == Role::Admin && made.state == KeyState::Good;
    format!("Bearer {}", *keys.iter().find(is_it).unwrap().key.text())
}

async fn key(running: &Running, keys: &[MadeKey], grant: &str) -> String {
    let admin = admin(keys);
    let (status, said) = running.ask("POST /keys", &[("authorization", &admin)], grant).await;
    assert_eq!(status, 201, "{said}");
    let made = json::parse(said.as_bytes()).unwrap();
    format!("Bearer {}", made.get("key").and_then(Value::as_str).unwrap())
}

fn referring(target: &str) -> String {
    format!(r#"{{"$schema": "{DRAFT}", "properties": {{"a": {{"$ref": "{target}"}}}}}}"#)
}

#[tokio::test]
async fn a_schema_follows_references_to_schemas_alone() {
    let (running, keys) = start(None).await;
    let admin = admin(&keys);
    let steps = [
        ("PUT /api/configs/vault/entries/doc", r#"{"password": {"const": "secret"}}"#, 201, ""),
        ("PUT /api/schemagroups/other/schemas/doc", r#"{"$defs": {"p": {"const": 1}}}"#, 201, ""),
    ];
    all(&running, &admin, &steps).await;
    let mut answers = Vec::new();
    for (schema, target) in [
        ("s1", "/configs/vault/entries/doc#/password"),
        ("s2", "/configs/vault/entries/nil#/password"),
        ("s3", "/schemagroups/other/schemas/doc#/$defs/p"),
    ] {
        let put = format!("PUT /api/schemagroups/mine/schemas/{schema}");
        all(&running, &admin, &[(&*put, &*referring(target), 201, "")]).await;
        let bound = format!(r#"{{"muster": {{"schema": "/schemagroups/mine/schemas/{schema}"}}}}"#);
        let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
        let group = format!("PUT /api/configs/{schema}");
        let (status, said) = running.ask(&group, &headers, &bound).await;
        // Only the names differ, and the number of the request.
        let said = said.replace(schema, "it").replace("entries/nil", "entries/doc");
        let said = said.lines().filter(|line| !line.contains("\"instance\""));
        answers.push((status, said.collect::<Vec<_>>().join("\n")));
    }
    assert_eq!(answers[0], answers[1], "whether there is such a document or not");
    assert!(answers[0].0 >= 400 && !answers[0].1.contains("secret"), "{answers:?}");
    assert_eq!(answers[2].0, 201, "{answers:?}");
    let put = ("PUT /api/configs/s3/entries/e", r#"{"a": 2}"#, 422, "invalid_document");
    all(&running, &admin, &[put]).await;
}

#[tokio::test]
async fn a_scoped_key_refers_and_binds_within_its_scope_alone() {
    let (running, keys) = start(None).await;
    let hidden = "/schemagroups/hidden/schemas/s";
    let bound = |name: &str| format!(r#"{{"muster": {{"schema": "{name}"}}}}"#);
    let ruled = |name: &str| format!(r#"{{"muster": {{"rules": ["{name}"]}}}}"#);
    let constant = format!(r#"{{"$schema": "{DRAFT}", "const": {{"a": "secret"}}}}"#);
    let loose = format!(r#"{{"$schema": "{DRAFT}", "required": ["a"]}}"#);
    let given = bound("/schemagroups/loose/schemas/s");
    let steps = [
        ("PUT /api/schemagroups/hidden/schemas/s", constant.as_str(), 201, ""),
        ("PUT /api/schemagroups/loose/schemas/s", loose.as_str(), 201, ""),
        ("PUT /api/configs/given", given.as_str(), 201, ""),
    ];
    all(&running, &admin(&keys), &steps).await;
    let grant = r#"{"role": "publisher", "scope":
        ["/schemagroups/mine", "/rulegroups/mine", "/configs/mine", "/configs/given"]}"#;
    let scoped = key(&running, &keys, grant).await;
    let (put, group) = ("PUT /api/schemagroups/mine/schemas/s", "PATCH /api/configs/mine");
    for there in ["hidden", "nil"] {
        let schema = format!("/schemagroups/{there}/schemas/s");
        let nested = format!(r#"{{"schemas": {{"s": {{"schema": {}}}}}}}"#, referring(&schema));
        let steps = [
            (put, &*referring(&schema), 403, "out_of_scope"),
            (put, &*referring(&format!("{schema}/versions/1#/const")), 403, "out_of_scope"),
            (put, &*referring(&format!("../../{there}/schemas/s")), 403, "out_of_scope"),
            ("POST /api/schemagroups/mine", &*nested, 403, "out_of_scope"),
            (group, &*bound(&schema), 403, "out_of_scope"),
            ("PUT /api/configs/given", &*bound(&schema), 403, "out_of_scope"),
            (group, &*ruled(&format!("/rulegroups/{there}")), 403, "out_of_scope"),
            (group, &*ruled(&format!("/rulegroups/{there}/rules/r")), 403, "out_of_scope"),
        ];
        all(&running, &scoped, &steps).await;
    }
    // Text becomes a schema when its media type becomes that of YAML.
    for kind in ["application/yaml", "text/plain", "application/json"] {
        let headers = [("authorization", scoped.as_str()), ("content-type", kind)];
        let text = format!("a:\n  $ref: {hidden}\n");
        let (status, said) = running.ask(put, &headers, &text).await;
        assert_eq!((status, code(&said).as_str()), (403, "out_of_scope"), "{kind}: {said}");
    }
    // A document that isn't among the schemas was written without a look at its references.
    let steps = [
        ("PUT /api/configs/mine/entries/s", &*referring(hidden), 201, ""),
        (group, &*bound("/configs/mine/entries/s"), 403, "out_of_scope"),
        (put, r#"{"$defs": {"p": {"const": 1}}}"#, 201, ""),
        (
            "PUT /api/schemagroups/mine/schemas/t",
            &*referring("/schemagroups/mine/schemas/s#/$defs/p"),
            201,
            "",
        ),
        (group, &*bound("/schemagroups/mine/schemas/t"), 200, ""),
        // What an admin bound goes on, and may be sent again.
        ("PUT /api/configs/given/entries/e", r#"{"a": 1}"#, 201, ""),
        ("PUT /api/configs/given/entries/f", "{}", 422, "invalid_document"),
        ("PUT /api/configs/given", &given, 200, ""),
        ("PATCH /api/configs/given", r#"{"name": "x"}"#, 200, ""),
    ];
    all(&running, &scoped, &steps).await;
}

#[tokio::test]
async fn force_breaks_only_references_of_what_the_key_could_delete() {
    let (running, keys) = start(None).await;
    let bound = r#"{"muster": {"schema": "/schemagroups/mine/schemas/s"}}"#;
    let schema = format!(r#"{{"$schema": "{DRAFT}"}}"#);
    let publisher = key(&running, &keys, r#"{"role": "publisher", "name": "p"}"#).await;
    let put = "PUT /api/schemagroups/mine/schemas/s";
    let delete = "DELETE /api/schemagroups/mine/schemas/s?force";
    all(&running, &publisher, &[(put, &schema, 201, "")]).await;
    let steps =
        [("PUT /api/configs/mine", bound, 201, ""), ("PUT /api/configs/other", bound, 201, "")];
    all(&running, &admin(&keys), &steps).await;
    all(&running, &publisher, &[(delete, "", 409, "referenced")]).await;
    let grant = r#"{"role": "admin", "scope": ["/schemagroups/mine", "/configs/mine"]}"#;
    let scoped = key(&running, &keys, grant).await;
    let purge = format!("{delete}&purge");
    let steps = [(delete, "", 409, "referenced"), (&*purge, "", 409, "referenced")];
    all(&running, &scoped, &steps).await;
    all(&running, &admin(&keys), &[("DELETE /api/configs/other", "", 204, "")]).await;
    let unforced = delete.trim_end_matches("?force");
    all(&running, &scoped, &[(unforced, "", 409, "referenced"), (delete, "", 204, "")]).await;
    all(&running, &admin(&keys), &[(put, &schema, 201, ""), (delete, "", 204, "")]).await;
}

#[tokio::test]
async fn refusals_name_nothing_outside_of_the_scope() {
    let (running, keys) = start(None).await;
    let headers = admin(&keys);
    let headers = [("authorization", headers.as_str()), ("content-type", "application/json")];
    for place in ["configs/mine/entries/ABCsecret", "configs/MYsecret/entries/a"] {
        let put = format!("PUT /api/{place}");
        assert_eq!(running.ask(&put, &headers, "{}").await.0, 201);
    }
    let grant = r#"{"role": "admin", "scope": ["/configs/mine/entries/abc*", "/configs/my*"]}"#;
    let scoped = key(&running, &keys, grant).await;
    let (status, said) =
        running.ask("DELETE /api/configs/mine/entries", &[("authorization", &scoped)], "").await;
    assert_eq!((status, code(&said).as_str()), (403, "out_of_scope"), "{said}");
    assert!(said.contains("/configs/mine/entries\"") && !said.contains("secret"), "{said}");
    for place in ["configs/mine/entries/abcsecret", "configs/mysecret"] {
        let put = format!("PUT /api/{place}");
        let sent = [("authorization", scoped.as_str()), headers[1]];
        let (status, said) = running.ask(&put, &sent, "{}").await;
        assert_eq!((status, code(&said).as_str()), (403, "out_of_scope"), "{said}");
        assert!(!said.contains("ABC") && !said.contains("MY"), "{said}");
    }
    // A twin inside is named, as to everybody.
    let sent = [("authorization", scoped.as_str()), headers[1]];
    let put = "PUT /api/configs/mine/entries/abcown";
    assert_eq!(running.ask(put, &sent, "{}").await.0, 201);
    let twin = "PUT /api/configs/mine/entries/abcOWN";
    let (status, said) = running.ask(twin, &sent, "{}").await;
    assert_eq!((status, code(&said).as_str()), (400, "mismatched_id"), "{said}");
    assert!(said.contains("abcown"), "{said}");
}

#[tokio::test]
async fn a_scoped_key_exchanges_documents_of_its_places_alone() {
    let (running, keys) = start(None).await;
    let admin = admin(&keys);
    let steps = [
        ("PUT /api/configs/mine/entries/a", "1", 201, ""),
        ("PUT /api/configs/vault/entries/a", "\"secret\"", 201, ""),
    ];
    all(&running, &admin, &steps).await;
    let grant = r#"{"name": "peer", "role": "publisher", "scope": ["/configs/mine"]}"#;
    let key = key(&running, &keys, grant).await;
    let sent = |place: &str, more: &str| {
        format!(
            r#"{{"source": "other", "target": "test", "sync": "s1", "policy": "last-writer",
                "documents": [{{"xid": "/configs/{place}/entries/a", "vector": {{"other": 5}},
                    "origin": {{"registry": "other", "position": 5, "time": "2096-11-21T10:12:03Z"}},
                    {more}}}]}}"#
        )
    };
    let put = r#""state": "stable", "contenttype": "application/json", "text": "2""#;
    for (body, expect) in [
        (sent("mine", put), "taken"),
        (sent("vault", put), "refused"),
        (sent("vault", r#""deleted": true"#), "refused"),
        // Somebody else made the first version.
        (sent("mine", r#""deleted": true"#).replace(": 5", ": 6"), "refused"),
    ] {
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let (status, said) = running.ask("POST /sync", &headers, &body).await;
        let outcome = json::parse(said.as_bytes()).unwrap();
        let outcome = outcome.pointer("/documents/0/outcome").and_then(Value::as_str);
        assert_eq!((status, outcome), (200, Some(expect)), "{body}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let headers = [("authorization", key.as_str())];
    let (status, said) = running.ask("GET /sync?after=0", &headers, "").await;
    assert_eq!(
        (status, said.contains("/configs/mine/"), said.contains("vault")),
        (200, true, false)
    );
    let show = ("GET /sync/configs/vault/entries/a", "", 403, "out_of_scope");
    all(&running, &key, &[show]).await;
}

#[tokio::test]
async fn an_alias_stands_for_a_document_within_the_scope_alone() {
    let (running, keys) = start(None).await;
    let steps = [
        ("PUT /api/configs/vault/entries/doc", r#"{"password": "secret"}"#, 201, ""),
        ("PUT /api/configs/mine/entries/doc", "{}", 201, ""),
        ("PUT /api/targets/ops/entries/out", r#"{"kind": "sse"}"#, 201, ""),
    ];
    all(&running, &admin(&keys), &steps).await;
    let grant = r#"{"role": "publisher", "scope":
        ["/aliases/mine", "/configs/mine", "/routes/mine"]}"#;
    let scoped = key(&running, &keys, grant).await;
    let put = "PUT /api/aliases/mine/entries/a";
    let told = |place: &str| {
        format!(
            r#"{{"mode": "unidirectional", "targets": ["/targets/ops/entries/out"],
                 "select": {{"collections": ["{place}"]}}}}"#
        )
    };
    let steps = [
        (put, r#"{"target": "/configs/vault/entries/doc"}"#, 403, "out_of_scope"),
        (put, r#"{"target": "/configs/vault/entries/doc/versions/1"}"#, 403, "out_of_scope"),
        (put, r#"{"target": "/configs/vault/entries/nil"}"#, 403, "out_of_scope"),
        (
            "POST /api/aliases/mine",
            r#"{"entries": {"a": {"entry": {"target": "/configs/vault/entries/doc"}}}}"#,
            403,
            "out_of_scope",
        ),
        (put, r#"{"target": "/configs/mine/entries/doc"}"#, 201, ""),
        // Somebody else may have put an alias there, for a document elsewhere.
        ("PUT /api/routes/mine/entries/r", &*told("/aliases/mine"), 403, "out_of_scope"),
        ("PUT /api/routes/mine/entries/r", &*told("/configs/mine"), 201, ""),
    ];
    all(&running, &scoped, &steps).await;
}
