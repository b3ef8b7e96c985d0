use crate::door::{Door, Step};

#[tokio::test]
async fn shows_what_is_ours_where_our_model_is() {
    let door = Door::with_our_model().await;
    let put = door.send("PUT /configs/c/entries/e", &[("content-type", "text/plain")], "hi").await;
    let digest = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
    put.check("put", 201, &[("xregistry-state", "stable"), ("xregistry-digest", digest)]);
    door.check(&[
        Step(
            "PATCH /configs/c/entries/e$details?inline=meta",
            r#"{"state": "deprecated"}"#,
            200,
            &[("/state", "deprecated"), ("/digest", digest), ("/meta/deprecated", "{}")],
        ),
        Step(
            "PATCH /configs/c/entries/e/meta",
            r#"{"deprecated": {"alternative": "http://a/b"}}"#,
            200,
            &[("/deprecated/alternative", "http://a/b")],
        ),
        Step("GET /configs?at=1", "", 400, &[("/code", "not_available")]),
        Step("GET /configs?force", "", 400, &[("/code", "bad_flag")]),
    ])
    .await;
}

#[tokio::test]
async fn lists_what_was_deleted_until_it_is_erased() {
    let door = Door::with_our_model().await;
    door.send("PUT /configs/c/entries/e", &[], "hi").await.check("put", 201, &[]);
    door.check(&[
        Step("GET /configs/c/entries?deleted", "", 200, &[("/e", "")]),
        Step("DELETE /configs/c/entries/e", "", 204, &[]),
        Step(
            "GET /configs/c/entries?deleted",
            "",
            200,
            &[("/e/xid", "/configs/c/entries/e"), ("/e/kind", "document")],
        ),
        Step("DELETE /configs/c/entries/e?purge", "", 204, &[]),
        Step("GET /configs/c/entries?deleted", "", 200, &[("/e", "")]),
        Step("DELETE /configs/c/entries/e?purge", "", 404, &[]),
    ])
    .await;
}

#[tokio::test]
async fn names_what_is_wrong_with_a_document_and_who_refers_to_one() {
    let door = Door::with_our_model().await;
    let schema = r#"{"type": "object", "required": ["name"]}"#;
    door.send("PUT /schemagroups/g/schemas/s", &[], schema).await.check("put", 201, &[]);
    let bound = r#"{"muster": {"schema": "/schemagroups/g/schemas/s"}}"#;
    door.check(&[
        Step("PUT /configs/c", bound, 201, &[]),
        Step(
            "PUT /configs/c/entries/e",
            "{}",
            422,
            &[
                ("/code", "invalid_document"),
                ("/title", "The document was refused: 1 violation."),
                ("/violations/0/pointer", "/name"),
                ("/violations/0/keyword", "required"),
            ],
        ),
        Step("PUT /configs/c/entries/e", r#"{"name": 1}"#, 201, &[]),
        Step(
            "DELETE /schemagroups/g/schemas/s",
            "",
            409,
            &[("/code", "referenced"), ("/references/0", "/configs/c")],
        ),
        Step("DELETE /schemagroups/g/schemas/s?force", "", 204, &[]),
    ])
    .await;
}

#[tokio::test]
async fn tells_the_warnings_of_an_accepted_document() {
    let door = Door::with_our_model().await;
    let rule = r#"{"expression": "size(document.name) < 4", "severity": "warning",
        "message": "longer than anybody reads", "pointer": "/name"}"#;
    let json = [("content-type", "application/json")];
    door.send("PUT /rulegroups/g/rules/short", &json, rule).await.check("rule", 201, &[]);
    let bound = r#"{"muster": {"rules": ["/rulegroups/g/rules/short"]}}"#;
    door.check(&[Step("PUT /configs/c", bound, 201, &[])]).await;
    let line = "PUT /configs/c/entries/e";
    door.send(line, &json, r#"{"name": "a"}"#).await.check(line, 201, &[("muster-warnings", "")]);
    let reply = door.send(line, &json, r#"{"name": "abcdef"}"#).await;
    let said: serde_json::Value =
        serde_json::from_str(reply.header("muster-warnings").unwrap()).unwrap();
    assert_eq!((reply.status, &said[0]["rule"]), (200, &"short".into()));
    assert_eq!(said[0]["pointer"], "/name");
}

#[tokio::test]
async fn takes_any_json_value_as_a_document_of_our_collections() {
    let door = Door::with_our_model().await;
    let path = "/configs/c/entries/e";
    for (body, document) in [
        (r#"{"entry": "text"}"#, "\"text\""),
        (r#"{"entry": "5"}"#, "\"5\""),
        (r#"{"entry": 5}"#, "5"),
        (r#"{"entry": true}"#, "true"),
        (r#"{"entry": ["a"]}"#, r#"["a"]"#),
        (r#"{"entry": "a\"b", "contenttype": "application/x+json"}"#, r#""a\"b""#),
        (r#"{"entry": "text", "contenttype": "text/plain"}"#, "text"),
    ] {
        let put = door.send(&format!("PUT {path}$details"), &[], body).await;
        assert!(matches!(put.status, 200 | 201), "{body}: {put:?}");
        assert_eq!(door.send(&format!("GET {path}"), &[], "").await.text(), document, "{body}");
        // What is shown can be sent again, and is the same document.
        let line = format!("GET {path}$details?inline=entry");
        let shown = door.send(&line, &[], "").await;
        let again = door.send(&format!("PUT {path}$details"), &[], shown.text()).await;
        again.check(body, 200, &[]);
        assert_eq!(door.send(&format!("GET {path}"), &[], "").await.text(), document, "{body}");
    }
}
