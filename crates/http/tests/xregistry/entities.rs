use crate::door::{Door, Step};

#[tokio::test]
async fn shows_the_defaults_of_the_registry_s_own_attributes() {
    let door = Door::bare().await;
    let model =
        r#"{"attributes": {"stage": {"type": "string", "required": true, "default": "dev"}}}"#;
    door.check(&[
        Step("PUT /modelsource", model, 200, &[]),
        Step("GET /", "", 200, &[("/stage", "dev")]),
        Step("PATCH /", r#"{"stage": "live"}"#, 200, &[("/stage", "live")]),
        Step("GET /", "", 200, &[("/stage", "live")]),
        Step("PUT /", "{}", 200, &[("/stage", "dev")]),
        Step("GET /model/x", "", 404, &[("access-control-allow-methods", "GET, OPTIONS")]),
    ])
    .await;
}

#[tokio::test]
async fn writes_entities_in_the_order_of_the_specification() {
    let door = Door::with_dirs().await;
    let body = r#"{"name": "n", "labels": {"a": "b"}, "icon": "http://a/b", "count": 3,
        "description": "d", "format": "f/1", "contenttype": "text/plain", "file": "hi"}"#;
    door.send("PUT /dirs/d1/files/f1$details", &[], body).await.check("put", 201, &[]);
    for (line, expect) in [
        (
            "GET /?inline=dirs,model,capabilities,modelsource",
            "specversion registryid self xid epoch createdat modifiedat capabilities model \
             modelsource dirsurl dirscount dirs",
        ),
        (
            "GET /dirs/d1?inline=files",
            "dirid self xid epoch createdat modifiedat factsurl factscount filesurl filescount \
             files",
        ),
        (
            "GET /dirs/d1/files/f1$details?inline=*",
            "fileid versionid self xid epoch name isdefault description icon labels createdat \
             modifiedat ancestorid contenttype format count file metaurl meta versionsurl \
             versionscount versions",
        ),
        (
            "GET /dirs/d1/files/f1/meta",
            "fileid self xid epoch createdat modifiedat readonly defaultversionid \
             defaultversionurl defaultversionsticky",
        ),
        (
            "GET /dirs/d1/files/f1$details?doc&inline=meta",
            "fileid self xid metaurl meta versionsurl versionscount",
        ),
    ] {
        let reply = door.send(line, &[], "").await;
        assert_eq!(reply.status, 200, "{line}");
        assert_eq!(reply.keys().join(" "), expect, "{line}");
    }
}

#[tokio::test]
async fn creates_replaces_patches_and_deletes() {
    let door = Door::with_dirs().await;
    door.check(&[
        Step("PUT /dirs/d1", "{}", 201, &[("location", "{base}/api/dirs/d1"), ("/epoch", "1")]),
        Step("PUT /dirs/d1", r#"{"owner": "jo"}"#, 200, &[("location", ""), ("/owner", "jo")]),
        Step("PATCH /dirs/d1", r#"{"name": "n"}"#, 200, &[("/owner", "jo"), ("/epoch", "3")]),
        Step("PATCH /dirs/d1", r#"{"owner": null}"#, 200, &[("/owner", ""), ("/name", "n")]),
        Step("PUT /dirs/d1", "{}", 200, &[("/name", ""), ("/epoch", "5")]),
        Step(
            "POST /dirs",
            r#"{"d2": {"owner": "a"}, "d3": {}}"#,
            200,
            &[("/d2/owner", "a"), ("/d3/dirid", "d3"), ("/d1", "")],
        ),
        Step(
            "POST /",
            r#"{"dirs": {"d4": {"facts": {"a": {}}}}}"#,
            200,
            &[("/dirs/d4/factscount", "1"), ("/dirs/d4/facts", "")],
        ),
        Step(
            "POST /dirs/d4?inline=facts.versions",
            r#"{"facts": {"b": {"count": 1}}}"#,
            200,
            &[("/facts/b/count", "1"), ("/facts/b/versions/1/epoch", "1"), ("/facts/a", "")],
        ),
        Step("DELETE /dirs/d4/facts", r#"{"a": {}, "nope": {}}"#, 204, &[]),
        Step("GET /dirs/d4/facts", "", 200, &[("/a", ""), ("/b/epoch", "1")]),
        Step("DELETE /dirs/d4/facts", "", 204, &[]),
        Step("GET /dirs/d4", "", 200, &[("/factscount", "0")]),
        Step("DELETE /dirs/d1?epoch=9", "", 400, &[("/reason", "mismatched_epoch")]),
        Step("DELETE /dirs/d1?epoch=5", "", 204, &[]),
        Step("GET /dirs/d1", "", 404, &[("/subject", "/dirs/d1")]),
    ])
    .await;
}

#[tokio::test]
async fn keeps_versions_and_the_default_one() {
    let door = Door::with_dirs().await;
    let at = "{base}/api/dirs/d1/facts/f/versions";
    let third = format!("{at}/v3");
    door.check(&[
        Step("PUT /dirs/d1/facts/f", r#"{"versionid": "v1"}"#, 201, &[("/versionid", "v1")]),
        Step("POST /dirs/d1/facts/f", r#"{"count": 2}"#, 201, &[("/versionid", "1")]),
        Step(
            "PUT /dirs/d1/facts/f/versions/v3",
            r#"{"count": 3}"#,
            201,
            &[("/ancestorid", "1"), ("/isdefault", "true"), ("location", &third)],
        ),
        Step("GET /dirs/d1/facts/f", "", 200, &[("/count", "3"), ("/versionscount", "3")]),
        Step(
            "PATCH /dirs/d1/facts/f/meta",
            r#"{"defaultversionid": "v1"}"#,
            200,
            &[("/defaultversionsticky", "true"), ("/defaultversionurl", &format!("{at}/v1"))],
        ),
        Step("GET /dirs/d1/facts/f", "", 200, &[("/count", ""), ("/versionid", "v1")]),
        Step("DELETE /dirs/d1/facts/f/versions/v1?setdefaultversionid=1", "", 204, &[]),
        Step("GET /dirs/d1/facts/f", "", 200, &[("/versionid", "1"), ("/count", "2")]),
        Step("DELETE /dirs/d1/facts/f/meta", "", 405, &[("/reason", "action_not_supported")]),
        Step("DELETE /dirs/d1/facts/f/versions", "", 204, &[]),
        Step("GET /dirs/d1/facts/f", "", 404, &[]),
    ])
    .await;
}

#[tokio::test]
async fn says_which_methods_each_path_has() {
    let door = Door::with_dirs().await;
    door.send("PUT /dirs/d1/files/f1/versions/v1", &[], "x").await.check("put", 201, &[]);
    for (path, expect) in [
        ("/", "GET, OPTIONS, PATCH, POST, PUT"),
        ("/model", "GET, OPTIONS"),
        ("/modelsource", "GET, OPTIONS, PUT"),
        ("/capabilities", "GET, OPTIONS, PATCH, PUT"),
        ("/export", "GET, OPTIONS"),
        ("/dirs", "DELETE, GET, OPTIONS, PATCH, POST"),
        ("/dirs/d1", "DELETE, GET, OPTIONS, PATCH, POST, PUT"),
        ("/dirs/d1/files/f1", "DELETE, GET, OPTIONS, PATCH, POST, PUT"),
        ("/dirs/d1/files/f1/meta", "DELETE, GET, OPTIONS, PATCH, PUT"),
        ("/dirs/d1/files/f1/versions/v1", "DELETE, GET, OPTIONS, PATCH, PUT"),
    ] {
        let line = format!("OPTIONS {path}");
        let both = [("allow", expect), ("access-control-allow-methods", expect)];
        door.send(&line, &[], "").await.check(&line, 200, &both);
        let line = format!("GET {path}");
        let link = ("link", "<{base}/api>;rel=xregistry-root");
        door.send(&line, &[], "").await.check(&line, 200, &[both[1], link]);
    }
}
