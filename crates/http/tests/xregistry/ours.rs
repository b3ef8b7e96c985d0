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
        Step("GET /configs?at=soon", "", 400, &[("/reason", "bad_position")]),
        Step("GET /configs?force", "", 400, &[("/reason", "bad_flag")]),
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
                ("/reason", "invalid_document"),
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
            &[("/reason", "referenced"), ("/references/0", "/configs/c")],
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

#[tokio::test]
async fn makes_a_new_version_only_where_something_differs() {
    let door = Door::with_our_model().await;
    let json = ("content-type", "application/json");
    let line = "POST /configs/c/entries/e";
    let named = [json, ("xregistry-name", "N"), ("xregistry-labels.team", "web")];
    door.send(line, &named, "1").await.check(line, 201, &[("xregistry-versionid", "1")]);
    let kept = [("xregistry-name", "N"), ("xregistry-labels.team", "web")];
    for (headers, body, status, version) in [
        // The same again, whatever is said of it and whatever isn't.
        (&[json][..], "1", 200, "1"),
        (&[], "1", 200, "1"),
        (&[json, ("xregistry-name", "N")], "1", 200, "1"),
        (&[("muster-new-version", "if-different")], "1", 200, "1"),
        // Something differs: the bytes, the type, the state, the place, or the wish.
        (&[json], "2", 201, "2"),
        (&[json], "1", 201, "3"),
        (&[("content-type", "application/x+json")], "1", 201, "4"),
        (&[json, ("xregistry-state", "draft")], "1", 201, "5"),
        (&[json, ("xregistry-state", "draft")], "1", 200, "5"),
        (&[json], "1", 201, "6"),
        (&[json, ("muster-new-version", "always")], "1", 201, "7"),
        (&[json, ("xregistry-versionid", "mine")], "1", 201, "mine"),
        (&[json, ("xregistry-createdat", "2020-01-01T00:00:00Z")], "1", 201, "8"),
    ] {
        let reply = door.send(line, headers, body).await;
        reply.check(body, status, &[("xregistry-versionid", version)]);
        reply.check(body, status, &kept);
    }
    let renamed = [json, ("xregistry-name", "M")];
    let says = [("xregistry-versionid", "9"), ("xregistry-name", "M"), kept[1]];
    door.send(line, &renamed, "1").await.check(line, 201, &says);
    let wish = [("muster-new-version", "perhaps")];
    door.send(line, &wish, "1").await.check(line, 400, &[("/reason", "header_error")]);
    // Nothing is written where nothing differs.
    let before = door.send("GET /configs/c/entries/e", &[], "").await;
    let again = door.send(line, &[], "1").await;
    for name in ["muster-position", "xregistry-epoch", "xregistry-modifiedat"] {
        assert_eq!(again.header(name), before.header(name), "{name}");
    }
}

#[tokio::test]
async fn makes_no_version_of_attributes_that_are_there_already() {
    let door = Door::with_our_model().await;
    let body = r#"{"entry": {"a": 1}, "name": "N", "state": "draft"}"#;
    let other = r#"{"entry": {"a": 1}, "state": "draft"}"#;
    let line = "POST /configs/c/entries/e$details";
    door.check(&[
        Step(line, body, 201, &[("/versionid", "1")]),
        Step(line, body, 200, &[("/versionid", "1")]),
        // What is sent as attributes is all of them.
        Step(line, other, 201, &[("/versionid", "2"), ("/name", "")]),
    ])
    .await;
}

#[tokio::test]
async fn a_pinned_default_and_the_newest_are_both_what_is_there() {
    let door = Door::with_our_model().await;
    let line = "POST /configs/c/entries/e";
    for body in ["1", "2"] {
        door.send(line, &[], body).await.check(line, 201, &[]);
    }
    let pinned = r#"{"defaultversionid": "1", "defaultversionsticky": true}"#;
    door.check(&[Step("PATCH /configs/c/entries/e/meta", pinned, 200, &[])]).await;
    for (body, status, version) in [("1", 200, "1"), ("2", 200, "2"), ("3", 201, "3")] {
        let reply = door.send(line, &[], body).await;
        reply.check(body, status, &[("xregistry-versionid", version)]);
    }
}

#[tokio::test]
async fn finds_the_type_of_a_document_that_comes_without_one() {
    let door = Door::with_our_model().await;
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let text = ("content-type", "text/plain");
    for (line, headers, body, expect) in [
        ("PUT a", &[][..], "{\"a\": 1}", "application/json"),
        ("PUT b", &[form], "[1]", "application/json"),
        ("PUT c", &[form], "a: 1", ""),
        ("PUT d", &[text], "{}", "text/plain"),
        ("PUT d", &[form], "[]", "text/plain"),
        ("PUT d", &[], "[2]", "text/plain"),
        ("POST d", &[form], "[3]", "text/plain"),
        ("PUT d/versions/9", &[], "[4]", "application/json"),
        ("POST e", &[form], "[3]", "application/json"),
        ("POST e", &[form], "[4]", "application/json"),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let reply = door.send(&format!("{method} /configs/c/entries/{path}"), headers, body).await;
        assert!(matches!(reply.status, 200 | 201), "{line}: {reply:?}");
        assert_eq!(reply.header("content-type").unwrap_or_default(), expect, "{line} {body}");
    }
    // What keeps the type JSON must be JSON.
    for line in ["PUT /configs/c/entries/a", "POST /configs/c/entries/a"] {
        let reply = door.send(line, &[form], "no json").await;
        reply.check(line, 422, &[("/violations/0/keyword", "json")]);
    }
    // A bare registry does as the specification says.
    let bare = Door::with_dirs().await;
    bare.send("POST /dirs/d/files/f", &[], "1").await.check("bare", 201, &[("content-type", "")]);
    let says = [("xregistry-versionid", "2"), ("content-type", "")];
    bare.send("POST /dirs/d/files/f", &[], "1").await.check("bare", 201, &says);
}

/// A type's binding survives a client that reads the model, doesn't know our aspects, and writes it
/// back.
#[tokio::test]
async fn shows_our_aspects_of_a_type_as_labels_that_a_get_and_a_put_keep() {
    let door = Door::with_our_model().await;
    let schema = r#"{"type": "object", "required": ["name"]}"#;
    door.send("PUT /schemagroups/g/schemas/s", &[], schema).await.check("put", 201, &[]);
    let former = r#"{"groups": {"teams": {"singular": "team", "resources": {"pages": {
        "singular": "page", "labels": {"a": "b"},
        "muster": {"schema": "/schemagroups/g/schemas/s",
            "indexed": [{"field": "/x", "type": "string"}]}}}}}}"#;
    let labels = "/groups/teams/resources/pages/labels";
    let shown = [
        (format!("{labels}/a"), "b"),
        (format!("{labels}/muster.schema"), "/schemagroups/g/schemas/s"),
        (format!("{labels}/muster.indexed"), r#"[{"field":"/x","type":"string"}]"#),
        ("/groups/teams/resources/pages/muster".to_owned(), ""),
    ];
    let shown: Vec<(&str, &str)> = shown.iter().map(|(place, text)| (&**place, *text)).collect();
    door.send("PUT /modelsource", &[], former).await.check("put", 200, &shown);
    let source = door.send("GET /modelsource", &[], "").await;
    source.check("get", 200, &shown);
    door.send("GET /model", &[], "").await.check("model", 200, &shown);
    door.send("PUT /modelsource", &[], source.text()).await.check("put back", 200, &shown);
    door.check(&[
        Step("PUT /teams/t/pages/p", "{}", 422, &[("/reason", "invalid_document")]),
        Step("PUT /teams/t/pages/p", r#"{"name": 1}"#, 201, &[]),
        Step(
            "PUT /modelsource",
            r#"{"groups": {"teams": {"singular": "team", "labels": {"muster.shema": "x"}}}}"#,
            400,
            &[("/reason", "model_error")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn says_which_names_collide() {
    let door = Door::with_our_model().await;
    let clash = |id: &str, other: &str| {
        format!("{id} and {other} differ only in case, and {other} is there already")
    };
    door.send("PUT /configs/c/entries/A", &[], "1").await.check("put", 201, &[]);
    for (line, body, detail) in [
        ("PUT /configs/c/entries/a", "1", clash("a", "A")),
        ("PUT /configs/C/entries/b", "1", clash("C", "c")),
        ("PUT /configs/C", "{}", clash("C", "c")),
    ] {
        let says = [("/reason", "mismatched_id"), ("/detail", &*detail)];
        door.send(line, &[], body).await.check(line, 400, &says);
    }
}
