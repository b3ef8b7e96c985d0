use crate::door::{Door, Step};

#[tokio::test]
async fn deletes_no_version_that_is_to_be_the_default() {
    let door = Door::with_dirs().await;
    door.check(&[
        Step("POST /dirs/d1/facts/a/versions", r#"{"1": {}, "2": {}}"#, 200, &[]),
        Step(
            "DELETE /dirs/d1/facts/a/versions/2?setdefaultversionid=2",
            "",
            400,
            &[("/reason", "unknown_id")],
        ),
        Step("DELETE /dirs/d1/facts/a/versions/2?setdefaultversionid=1", "", 204, &[]),
    ])
    .await;
}

/// Each request that can't be done, with its error's code and subject.
#[tokio::test]
async fn names_the_fault_and_what_it_is_about() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1/files/f1", &[], "x").await.check("put", 201, &[]);
    door.send("PUT /dirs/d1/facts/a", &[], "{}").await.check("put", 201, &[]);
    for (line, body, status, code, subject) in [
        ("GET /nope", "", 404, "not_found", "/nope"),
        ("GET /dirs/nope", "", 404, "not_found", "/dirs/nope"),
        ("GET /dirs/d1/nope", "", 404, "not_found", "/dirs/d1/nope"),
        ("GET /dirs/nope/files", "", 404, "not_found", "/dirs/nope"),
        ("GET /dirs/d1/files/x/versions/1", "", 404, "not_found", "/dirs/d1/files/x/versions/1"),
        ("GET /dirs/d1/files/x$details", "", 404, "not_found", "/dirs/d1/files/x"),
        ("GET /dirs/d1/files/f1/other", "", 404, "not_found", "/dirs/d1/files/f1/other"),
        ("GET /dirs/d1$details", "", 400, "bad_details", "/dirs/d1$details"),
        ("PUT /dirs", "{}", 405, "action_not_supported", "/dirs"),
        ("DELETE /", "", 405, "action_not_supported", "/"),
        ("PATCH /model", "{}", 405, "action_not_supported", "/model"),
        ("PATCH /dirs/d1/files/f1", "{}", 405, "details_required", "/dirs/d1/files/f1"),
        ("PUT /dirs/d1", "", 400, "missing_body", "/dirs/d1"),
        ("PUT /dirs/d1", "{", 400, "parsing_data", "/dirs/d1"),
        ("PUT /dirs/d1", "[]", 400, "parsing_data", "/dirs/d1"),
        ("PUT /dirs/d1", r#"{"a": 1, "a": 2}"#, 400, "parsing_data", "/dirs/d1"),
        ("PUT /dirs/d1", r#"{"nope": 1}"#, 400, "unknown_attribute", "/dirs/d1"),
        ("PATCH /dirs/d1", r#"{"nope": null}"#, 400, "unknown_attribute", "/dirs/d1"),
        ("PUT /dirs/d1", r#"{"owner": 1}"#, 400, "invalid_attribute", "/dirs/d1"),
        ("PUT /dirs/d1", r#"{"dirid": "d2"}"#, 400, "mismatched_id", "/dirs/d1"),
        ("PUT /dirs/d1", r#"{"epoch": 77}"#, 400, "mismatched_epoch", "/dirs/d1"),
        ("PUT /dirs/-d", "{}", 400, "invalid_attribute", "/dirs/-d"),
        (
            "PUT /dirs/d1/facts/a/versions/7",
            r#"{"ancestorid": ""}"#,
            400,
            "invalid_attribute",
            "/dirs/d1/facts/a/versions/7",
        ),
        ("POST /", r#"{"name": "x"}"#, 400, "groups_only", "/"),
        ("POST /dirs/d1", r#"{"name": "x"}"#, 400, "resources_only", "/dirs/d1"),
        (
            "POST /dirs/d1/facts/new/versions",
            "{}",
            400,
            "missing_versions",
            "/dirs/d1/facts/new/versions",
        ),
        (
            "DELETE /dirs/d1/facts",
            r#"{"a": {"epoch": 1}}"#,
            400,
            "misplaced_epoch",
            "/dirs/d1/facts/a",
        ),
        ("DELETE /dirs", r#"{"d1": {"dirid": "d2"}}"#, 400, "mismatched_id", "/dirs/d1"),
        ("PUT /modelsource", "", 400, "missing_body", "/modelsource"),
        ("PUT /modelsource", r#"{"nope": 1}"#, 400, "model_error", "/model"),
        ("PUT /capabilities", r#"{"nope": 1}"#, 400, "capability_unknown", "/capabilities"),
        ("GET /?inline=nope", "", 400, "inline_noninlineable", "/?inline=nope"),
        ("GET /dirs?filter=a..b", "", 400, "bad_filter", "/dirs?filter=a..b"),
        ("GET /?sort=name", "", 400, "sort_noncollection", "/?sort=name"),
        ("GET /dirs?collections", "", 400, "bad_flag", "/dirs"),
        ("GET /?filter=name=x", "", 404, "not_found", "/"),
    ] {
        let says = [("/reason", code), ("/subject", subject), ("/instance", "r1")];
        door.send(line, &[], body).await.check(line, status, &says);
    }
}

#[tokio::test]
async fn refuses_headers_that_do_not_belong_or_cannot_be_read() {
    let door = Door::with_dirs().await;
    for (line, header, body, code) in [
        ("PUT /dirs/d1/files/f1$details", ("xregistry-name", "x"), "{}", "extra_xregistry_header"),
        ("PUT /dirs/d1", ("xregistry-name", "x"), "{}", "extra_xregistry_header"),
        ("PUT /dirs/d1/files/f1", ("xregistry-file", "x"), "", "extra_xregistry_header"),
        ("PUT /dirs/d1/files/f1", ("xregistry-contenttype", "x"), "", "extra_xregistry_header"),
        ("PUT /dirs/d1/files/f1", ("xregistry-fileurl", "u:x"), "y", "extra_xregistry_header"),
        ("PUT /dirs/d1/files/f1", ("xregistry-name", "%zz"), "", "header_error"),
        ("PUT /dirs/d1/files/f1", ("xregistry-name", "%C0%A0"), "", "header_error"),
        ("PUT /dirs/d1/files/f1", ("if-match", "x"), "", "header_error"),
        ("PUT /dirs/d1/files/f1", ("idempotency-key", ""), "", "header_error"),
        ("PUT /dirs/d1/files/f1", ("xregistry-count", "x"), "", "invalid_attribute"),
        ("PUT /dirs/d1/files/f1", ("xregistry-nope", "x"), "", "unknown_attribute"),
        ("PUT /dirs/d1/files/f1", ("xregistry-", "x"), "", "header_error"),
        ("PUT /dirs/d1/files/f1", ("xregistry-meta", "x"), "", "invalid_attribute"),
    ] {
        let reply = door.send(line, &[header], body).await;
        reply.check(line, 400, &[("/reason", code)]);
    }
    for name in ["idempotency-key", "muster-message"] {
        let line = "PUT /dirs/d1/files/f1";
        let reply = door.send(line, &[(name, "a"), (name, "b")], "").await;
        reply.check(line, 400, &[("/reason", "header_error"), ("/args/name", name)]);
    }
}

#[tokio::test]
async fn serves_only_what_the_capabilities_say() {
    let door = Door::with_dirs().await;
    door.check(&[
        Step("PATCH /capabilities", r#"{"flags": ["doc"]}"#, 200, &[("/flags", r#"["doc"]"#)]),
        // A flag that isn't among them is passed over.
        Step("GET /?inline=nope", "", 200, &[("/xid", "/")]),
        Step(
            "PATCH /",
            r#"{"capabilities": {"available": {"capabilities": {"mutable": true},
                "entities": {"mutable": false}, "model": {}}}}"#,
            200,
            &[],
        ),
        Step("GET /export", "", 400, &[("/reason", "not_available"), ("/subject", "/export")]),
        Step("GET /modelsource", "", 400, &[("/reason", "not_available")]),
        Step("PUT /dirs/d1", "{}", 400, &[("/reason", "not_available"), ("/subject", "/dirs/d1")]),
        Step("DELETE /dirs", "", 400, &[("/reason", "not_available")]),
        // What no capability could allow is refused for that reason.
        Step("PUT /model", "{}", 405, &[("/reason", "action_not_supported")]),
        Step("GET /dirs", "", 200, &[]),
    ])
    .await;
    let allowed = [
        ("OPTIONS /dirs", "GET, OPTIONS"),
        ("OPTIONS /dirs/d1/files/f1", "GET, OPTIONS"),
        ("OPTIONS /capabilities", "GET, OPTIONS, PATCH, PUT"),
    ];
    for (line, methods) in allowed {
        let reply = door.send(line, &[], "").await;
        for name in ["allow", "access-control-allow-methods"] {
            assert_eq!(reply.header(name), Some(methods), "{line} {name}");
        }
    }
    // A bare registry has what is named and its entities, as the reference has it.
    let names = r#"{"$schema": "urn:c", "available": {"export": {}}}"#;
    door.send("PUT /capabilities", &[], names).await.check(
        "names",
        200,
        &[("/available/entities/mutable", "true")],
    );
    door.check(&[
        Step("GET /export", "", 200, &[]),
        Step("GET /capabilities", "", 400, &[("/reason", "not_available")]),
        Step("PUT /capabilities", "{}", 400, &[("/reason", "not_available")]),
        Step("GET /model", "", 400, &[("/reason", "not_available")]),
    ])
    .await;
}

#[tokio::test]
async fn passes_over_what_says_what_a_body_is_and_refuses_what_is_no_entity() {
    let door = Door::with_dirs().await;
    door.check(&[
        Step("POST /dirs", r#"{"$schema": "urn:s", "d7": {"$schema": "urn:s"}}"#, 200, &[]),
        Step("POST /dirs/d7/files", r#"{"$schema": "urn:s"}"#, 200, &[]),
        Step("POST /dirs/d7/files/f1/versions", r#"{"$schema": "urn:s", "v1": {}}"#, 200, &[]),
        Step(
            "POST /dirs",
            r#"{"d8": "x"}"#,
            400,
            &[("/reason", "bad_request"), ("/subject", "/dirs")],
        ),
        Step("PATCH /", r#"{"dirs": {"d8": null}}"#, 400, &[("/reason", "bad_request")]),
        Step(
            "PATCH /dirs/d7",
            r#"{"files": {"f1": []}}"#,
            400,
            &[("/reason", "bad_request"), ("/subject", "/dirs/d7")],
        ),
        Step(
            "POST /dirs/d7/files",
            r#"{"f1": []}"#,
            400,
            &[("/reason", "bad_request"), ("/subject", "/dirs/d7/files")],
        ),
        Step(
            "POST /dirs/d7/files/f1/versions",
            r#"{"v2": 2}"#,
            400,
            &[("/reason", "bad_request"), ("/subject", "/dirs/d7/files/f1/versions")],
        ),
        Step("GET /dirs?sort=epoch=desc", "", 200, &[]),
        Step(
            "GET /dirs/d7?sort=epoch",
            "",
            400,
            &[("/reason", "sort_noncollection"), ("/subject", "/dirs/d7?sort=epoch")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn answers_with_every_collection_that_a_post_names() {
    let door = Door::with_dirs().await;
    for (line, body, expect) in [
        ("POST /", "{}", "{}"),
        ("POST /", r#"{"dirs": {}}"#, r#"{"dirs": {}}"#),
        ("POST /dirs/d1", r#"{"files": {}}"#, r#"{"files": {}}"#),
    ] {
        let reply = door.send(line, &[], body).await;
        let expect: serde_json::Value = serde_json::from_str(expect).unwrap();
        assert_eq!((reply.status, reply.json()), (200, expect), "{line} {body}");
    }
}

#[tokio::test]
async fn names_what_a_filter_leaves_out_as_it_was_asked_for() {
    let door = Door::with_dirs().await;
    let subject = "/dirs/d5/files/f$details";
    door.check(&[
        Step("PUT /dirs/d5/files/f$details", "{}", 201, &[]),
        Step(
            "GET /dirs/d5/files/f$details?filter=epoch=9",
            "",
            404,
            &[("/reason", "not_found"), ("/subject", subject)],
        ),
    ])
    .await;
}

#[tokio::test]
async fn finds_an_ancestor_anew_where_none_is_wanted() {
    let door = Door::with_dirs().await;
    door.check(&[
        Step("POST /dirs/d9/files/f/versions", r#"{"a": {}, "b": {}}"#, 200, &[]),
        Step("PUT /dirs/d9/files/f/versions/c$details", r#"{"ancestorid": "a"}"#, 201, &[]),
        // Nothing said leaves it, and null is as if the version were new.
        Step("PATCH /dirs/d9/files/f/versions/c$details", "{}", 200, &[("/ancestorid", "a")]),
        Step(
            "PATCH /dirs/d9/files/f/versions/c$details",
            r#"{"ancestorid": null}"#,
            200,
            &[("/ancestorid", "b"), ("/epoch", "3")],
        ),
    ])
    .await;
}

/// What is an attribute now would be a part of the document then.
#[tokio::test]
async fn gives_no_document_to_a_version_that_uses_its_names() {
    let door = Door::bare().await;
    let model = |hasdocument: bool, attributes: &str| {
        format!(
            r#"{{"groups": {{"dirs": {{"singular": "dir", "resources": {{"files": {{
            "singular": "file", "hasdocument": {hasdocument}, "attributes": {{{attributes}}}}}}}}}}}}}"#
        )
    };
    for name in ["file", "fileurl", "filebase64", "fileproxyurl"] {
        let own = format!(r#""{name}": {{"type": "string"}}"#);
        let (without, with) = (model(false, &own), model(true, ""));
        let refused = [
            ("/reason", "hasdocument_enable_violation"),
            ("/subject", "/dirs/d/files/f/versions/1"),
            ("/args/name", name),
        ];
        door.check(&[
            Step("PUT /modelsource", &without, 200, &[]),
            Step("PUT /dirs/d/files/f", &format!(r#"{{"{name}": "x"}}"#), 201, &[]),
            Step("PUT /modelsource", &with, 400, &refused),
            Step("PUT /dirs/d/files/f", "{}", 200, &[]),
            Step("PUT /modelsource", &with, 200, &[]),
            Step("DELETE /dirs/d", "", 204, &[]),
        ])
        .await;
    }
}

#[tokio::test]
async fn holds_versions_to_what_their_type_demands_of_all() {
    let door = Door::bare().await;
    let model = r#"{"groups": {"dirs": {"singular": "dir", "resources": {
        "alike": {"singular": "alik", "hasdocument": false, "attributes": {
            "unit": {"type": "string", "matchversions": true}}},
        "strict": {"singular": "stric", "validateformat": true, "strictvalidation": true},
        "lax": {"singular": "la", "validateformat": true}}}}}"#;
    door.send("PUT /modelsource", &[], model).await.check("model", 200, &[]);
    door.check(&[
        Step("PUT /dirs/d/alike/a", r#"{"unit": "m"}"#, 201, &[]),
        Step(
            "POST /dirs/d/alike/a",
            r#"{"unit": "ft"}"#,
            400,
            &[("/reason", "mismatched_version_attribute"), ("/subject", "/dirs/d/alike/a")],
        ),
        Step("POST /dirs/d/alike/a", r#"{"unit": "m"}"#, 201, &[]),
        Step(
            "PUT /dirs/d/strict/a$details",
            r#"{"format": "f/1"}"#,
            400,
            &[("/reason", "format_unknown"), ("/subject", "/dirs/d/strict/a/versions/1")],
        ),
        Step("PUT /dirs/d/strict/a$details", "{}", 201, &[]),
        Step(
            "PUT /dirs/d/lax/a$details",
            r#"{"format": "f/1"}"#,
            201,
            &[("/formatvalidated", "false"), ("/formatvalidatedreason", "Unknown format")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn checks_the_epoch_of_what_it_belongs_to_unless_it_is_to_be_ignored() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1/facts/a", &[], "{}").await.check("put", 201, &[]);
    door.send("POST /dirs/d1/facts/a/versions", &[], r#"{"7": {}}"#).await.check("post", 200, &[]);
    door.send("PUT /dirs/d1/facts/b", &[], "{}").await.check("put", 201, &[]);
    door.send("PUT /dirs/d2", &[], "{}").await.check("put", 201, &[]);
    // A resource's attributes are its default version's, and what it is itself is its Meta.
    let refused = [
        ("PUT /dirs/d1/facts/a", r#"{"epoch": 44}"#, "/dirs/d1/facts/a/versions/7"),
        ("POST /dirs/d1", r#"{"facts": {"a": {"epoch": 44}}}"#, "/dirs/d1/facts/a/versions/7"),
        ("DELETE /dirs/d1/facts/a?epoch=44", "", "/dirs/d1/facts/a/meta"),
        ("DELETE /dirs/d1/facts", r#"{"a": {"meta": {"epoch": 44}}}"#, "/dirs/d1/facts/a/meta"),
        ("DELETE /dirs/d1/facts/a/versions/7?epoch=44", "", "/dirs/d1/facts/a/versions/7"),
        ("DELETE /dirs/d2?epoch=44", "", "/dirs/d2"),
    ];
    for (line, body, subject) in refused {
        let says = [("/reason", "mismatched_epoch"), ("/subject", subject)];
        door.send(line, &[], body).await.check(line, 400, &says);
    }
    let misplaced = r#"{"a": {"epoch": 44}}"#;
    door.check(&[
        Step(
            "DELETE /dirs/d1/facts?ignore=epoch",
            misplaced,
            400,
            &[("/reason", "misplaced_epoch")],
        ),
        Step("DELETE /dirs/d1/facts/a/versions/7?epoch=44&ignore=epoch", "", 204, &[]),
        Step("DELETE /dirs/d1/facts?ignore=epoch", r#"{"a": {"meta": {"epoch": 44}}}"#, 204, &[]),
        Step("DELETE /dirs/d1/facts/b?epoch=44&ignore=epoch", "", 204, &[]),
        Step("DELETE /dirs?ignore=epoch", r#"{"d2": {"epoch": 44}}"#, 204, &[]),
        Step("GET /dirs/d1", "", 200, &[("/factscount", "0")]),
    ])
    .await;
}

/// What is sent to an entity may be another's export; what lies in it is named as it is there.
#[tokio::test]
async fn ignores_the_id_of_the_entity_that_a_request_is_for_and_no_other() {
    let door = Door::with_dirs().await;
    let wrong = |subject| [("/reason", "mismatched_id"), ("/subject", subject)];
    door.check(&[
        Step("PUT /?ignore=id", r#"{"registryid": "x"}"#, 200, &[("/xid", "/")]),
        Step("PUT /dirs/d1?ignore=id", r#"{"dirid": "x"}"#, 201, &[("/dirid", "d1")]),
        Step("PUT /dirs/d1/facts/a?ignore=id", r#"{"factid": "x"}"#, 201, &[("/factid", "a")]),
        Step(
            "PUT /dirs/d1/facts/a/versions/7?ignore=id",
            r#"{"factid": "x", "versionid": "y"}"#,
            201,
            &[("/factid", "a"), ("/versionid", "7")],
        ),
        Step(
            "PATCH /dirs/d1/facts/a/meta?ignore=id",
            r#"{"factid": "x"}"#,
            200,
            &[("/factid", "a")],
        ),
        // An export of another resource says that one's id in its versions and its Meta too.
        Step(
            "PATCH /dirs/d1/facts/a?ignore=id",
            r#"{"factid": "x", "meta": {"factid": "x"}, "versions": {"8": {"factid": "x"}}}"#,
            200,
            &[("/factid", "a"), ("/versionid", "8")],
        ),
    ])
    .await;
    for (line, body, subject) in [
        ("PATCH /?ignore=id", r#"{"dirs": {"d1": {"dirid": "x"}}}"#, "/dirs/d1"),
        ("POST /dirs?ignore=id", r#"{"d1": {"dirid": "x"}}"#, "/dirs/d1"),
        ("PATCH /dirs/d1?ignore=id", r#"{"facts": {"a": {"factid": "x"}}}"#, "/dirs/d1/facts/a"),
        (
            "PATCH /dirs/d1/facts/a?ignore=id",
            r#"{"versions": {"7": {"versionid": "x"}}}"#,
            "/dirs/d1/facts/a/versions/7",
        ),
    ] {
        door.send(line, &[], body).await.check(line, 400, &wrong(subject));
    }
}

#[tokio::test]
async fn says_with_an_invalid_id_what_the_entity_is_and_what_its_place_takes() {
    let door = Door::with_dirs().await;
    let (entity, version) =
        ("DELETE, GET, OPTIONS, PATCH, POST, PUT", "DELETE, GET, OPTIONS, PATCH, PUT");
    for (line, body, name, subject, methods) in [
        ("PUT /", r#"{"registryid": "*"}"#, "registryid", "/", "GET, OPTIONS, PATCH, POST, PUT"),
        ("PUT /dirs/d*", "{}", "dirid", "/dirs/d*", entity),
        ("PUT /dirs/d", r#"{"dirid": "d*"}"#, "dirid", "/dirs/d", entity),
        ("POST /dirs", r#"{"d*": {}}"#, "dirid", "/dirs/d*", "DELETE, GET, OPTIONS, PATCH, POST"),
        ("PUT /dirs/d/files/f*$details", "{}", "fileid", "/dirs/d/files/f*", entity),
        (
            "PUT /dirs/d/files/f$details",
            r#"{"versionid": "v*"}"#,
            "versionid",
            "/dirs/d/files/f/versions/v*",
            entity,
        ),
        (
            "PUT /dirs/d/files/f/versions/v*",
            "",
            "versionid",
            "/dirs/d/files/f/versions/v*",
            version,
        ),
        (
            "PUT /dirs/d/files/f/versions/v$details",
            r#"{"fileid": "f*"}"#,
            "fileid",
            "/dirs/d/files/f/versions/v",
            version,
        ),
    ] {
        let says = [
            ("/reason", "invalid_attribute"),
            ("/args/name", name),
            ("/subject", subject),
            ("access-control-allow-methods", methods),
        ];
        door.send(line, &[], body).await.check(line, 400, &says);
    }
}

#[tokio::test]
async fn inlines_collections_of_types_that_the_request_brings() {
    let door = Door::bare().await;
    let body = r#"{"modelsource": {"groups": {"dirs": {"singular": "dir", "resources": {
        "files": {"singular": "file"}}}}}, "dirs": {"d": {"files": {"f": {}}}}}"#;
    door.check(&[
        // What is refused changes nothing.
        Step("PUT /?inline=boxes", body, 400, &[("/reason", "inline_noninlineable")]),
        Step("GET /modelsource", "", 200, &[("/groups", "")]),
        Step("PUT /?inline=dirs.files.meta", body, 200, &[("/dirs/d/files/f/meta/epoch", "1")]),
    ])
    .await;
}

#[tokio::test]
async fn names_the_methods_that_the_capabilities_leave() {
    let door = Door::bare().await;
    let locked = r#"{"available": {"capabilities": {"mutable": false}}}"#;
    let says = [("access-control-allow-methods", "GET, OPTIONS")];
    door.send("PUT /capabilities", &[], locked).await.check("lock", 200, &[]);
    door.send("GET /capabilities", &[], "").await.check("read", 200, &says);
}
