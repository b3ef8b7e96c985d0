use crate::door::{Door, Step};

#[tokio::test]
async fn keeps_documents_byte_for_byte_with_their_attributes_in_headers() {
    let door = Door::with_dirs().await;
    let sent = "{\"b\": 1.50,\n \"a\": null}";
    let headers = [
        ("content-type", "application/json"),
        ("xregistry-versionid", "v1"),
        ("xregistry-name", "two%20words"),
        ("xregistry-count", "7"),
        ("xregistry-labels.stage", "dev"),
        ("xregistry-labels.a.b", "%C3%A4"),
        ("xregistry-versionscount", "99"),
    ];
    let line = "PUT /dirs/d1/files/f1";
    let at = "{base}/api/dirs/d1/files/f1";
    let version = format!("{at}/versions/v1");
    let says = [
        ("content-type", "application/json"),
        ("content-disposition", "f1"),
        ("content-location", version.as_str()),
        ("xregistry-fileid", "f1"),
        ("xregistry-versionid", "v1"),
        ("xregistry-self", at),
        ("xregistry-xid", "/dirs/d1/files/f1"),
        ("xregistry-epoch", "1"),
        ("xregistry-isdefault", "true"),
        ("xregistry-name", "two words"),
        ("xregistry-count", "7"),
        ("xregistry-labels.stage", "dev"),
        ("xregistry-labels.a.b", "%C3%A4"),
        ("xregistry-ancestorid", "v1"),
        ("xregistry-versionscount", "1"),
        ("xregistry-contenttype", ""),
        ("xregistry-file", ""),
    ];
    let put = door.send(line, &headers, sent).await;
    put.check(line, 201, &says);
    put.check(line, 201, &[("location", at)]);
    let got = door.send("GET /dirs/d1/files/f1", &[], "").await;
    got.check("get", 200, &says);
    assert_eq!((put.text(), got.text()), (sent, sent));
    let inlined = door.send("GET /dirs/d1/files/f1$details?inline=file", &[], "").await;
    assert!(inlined.text().contains(sent), "{}", inlined.text());
}

#[tokio::test]
async fn shows_documents_within_json_as_their_type_says() {
    let door = Door::with_dirs().await;
    for (content_type, document, says) in [
        ("application/json", "[1]", ("/file", "[1]")),
        ("application/schema+json", "{}", ("/file", "{}")),
        ("application/json", "no json", ("/file", "no json")),
        ("text/plain", "hello", ("/file", "hello")),
        ("text/html", "hello", ("/filebase64", "aGVsbG8=")),
        ("application/json", "", ("/file", "")),
        ("text/plain", "", ("/filebase64", "")),
    ] {
        let headers = [("content-type", content_type)];
        door.send("PUT /dirs/d1/files/f1", &headers, document).await;
        let line = "GET /dirs/d1/files/f1$details?inline=file";
        door.send(line, &[], "").await.check(line, 200, &[says]);
        if !document.is_empty() {
            let line = "GET /dirs/d1/files/f1$details?inline=file&binary";
            let reply = door.send(line, &[], "").await;
            reply.check(line, 200, &[("/file", "")]);
            assert!(reply.json().get("filebase64").is_some());
        }
    }
}

#[tokio::test]
async fn changes_only_what_headers_say() {
    let door = Door::with_dirs().await;
    let line = "PUT /dirs/d1/files/f1";
    for (headers, says) in [
        (
            &[("xregistry-name", "n"), ("xregistry-labels.a", "1"), ("content-type", "a/b")][..],
            &[("xregistry-name", "n"), ("xregistry-labels.a", "1"), ("content-type", "a/b")][..],
        ),
        (&[], &[("xregistry-name", "n"), ("xregistry-labels.a", "1"), ("content-type", "a/b")]),
        (
            &[("xregistry-labels.b", "2")],
            &[("xregistry-name", "n"), ("xregistry-labels.a", ""), ("xregistry-labels.b", "2")],
        ),
        (&[("xregistry-name", "null")], &[("xregistry-name", ""), ("xregistry-labels.b", "2")]),
        (&[("xregistry-labels", "null")], &[("xregistry-labels.b", "")]),
        (
            &[("xregistry-labels.c.d", "3 4"), ("xregistry-labels", "null")],
            &[("xregistry-labels.c.d", "3 4")],
        ),
        (
            &[("xregistry-labels", "null"), ("xregistry-labels.e", "5")],
            &[("xregistry-labels.c.d", ""), ("xregistry-labels.e", "5")],
        ),
        (&[], &[("xregistry-labels.e", "5")]),
    ] {
        let reply = door.send(line, headers, "x").await;
        reply.check(line, reply.status, says);
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
    }
}

#[tokio::test]
async fn leads_to_documents_that_lie_elsewhere() {
    let door = Door::with_dirs().await;
    let url = "http://elsewhere.test/x";
    let put = door.send("PUT /dirs/d1/files/f1", &[("xregistry-fileurl", url)], "").await;
    let at = "{base}/api/dirs/d1/files/f1";
    put.check("put", 201, &[("location", at), ("xregistry-fileurl", url)]);
    let got = door.send("GET /dirs/d1/files/f1", &[], "").await;
    got.check("get", 303, &[("location", url), ("xregistry-fileurl", url)]);
    assert!(got.body.is_empty());
    door.check(&[
        Step("GET /dirs/d1/files/f1$details", "", 200, &[("/fileurl", url)]),
        Step("PUT /dirs/d1/files/f1$details", r#"{"file": {"a": 1}}"#, 200, &[("/fileurl", "")]),
        Step("GET /dirs/d1/files/f1", "", 200, &[("/a", "1")]),
    ])
    .await;
}

#[tokio::test]
async fn says_maps_in_headers_and_objects_only_in_details() {
    let door = Door::bare().await;
    let model = r#"{"groups": {"dirs": {"singular": "dir", "resources": {"files": {
        "singular": "file", "attributes": {
            "sizes": {"type": "map", "item": {"type": "integer"}},
            "list": {"type": "array", "item": {"type": "string"}},
            "thing": {"type": "object", "attributes": {"a": {"type": "string"}}}}}}}}}"#;
    door.send("PUT /modelsource", &[], model).await.check("model", 200, &[]);
    let body = r#"{"sizes": {"x": 1}, "list": ["a"], "thing": {"a": "b"}, "file": "hi"}"#;
    door.send("PUT /dirs/d/files/f$details", &[], body).await.check("put", 201, &[]);
    let says = [
        ("xregistry-sizes.x", "1"),
        ("xregistry-thing.a", ""),
        ("xregistry-thing", ""),
        ("xregistry-list", ""),
    ];
    door.send("GET /dirs/d/files/f", &[], "").await.check("get", 200, &says);
}

/// Clients refuse answers with more than a hundred headers, or with more than some kilobytes of
/// them. A map is left out whole: a part of it, written back, would delete the rest.
#[tokio::test]
async fn leaves_out_headers_that_a_client_could_not_read_and_names_them() {
    let door = Door::with_dirs().await;
    let labels = |count: usize, length: usize| {
        let all = (0..count).map(|key| format!(r#""k{key}":"{}""#, "v".repeat(length)));
        all.collect::<Vec<_>>().join(",")
    };
    for (labels, name, omitted) in [
        (labels(3, 1), "n", ""),
        (labels(200, 1), "n", "labels"),
        (labels(3, 3_000), "n", "labels"),
        (labels(1, 1), &*"ü".repeat(1_500), "name"),
    ] {
        let body = format!(r#"{{"name": "{name}", "labels": {{{labels}}}, "file": "hi"}}"#);
        door.send("PUT /dirs/d1/files/f1$details", &[], &body).await;
        let got = door.send("GET /dirs/d1/files/f1", &[], "").await;
        let first = if omitted == "labels" { "" } else { labels.split('"').nth(3).unwrap() };
        got.check("get", 200, &[("muster-omitted", omitted), ("xregistry-labels.k0", first)]);
        assert!(got.headers.len() < 80, "{got:?}");
        let bytes: usize = got.headers.iter().map(|(k, v)| k.as_str().len() + v.len() + 4).sum();
        assert!(bytes < 8 * 1024, "{bytes}");
        // A write that says nothing about what was left out keeps it.
        let put = door.send("PUT /dirs/d1/files/f1", &[("xregistry-count", "1")], "ho").await;
        put.check("put", 200, &[("muster-omitted", omitted)]);
        let details = door.send("GET /dirs/d1/files/f1$details", &[], "").await;
        details.check("details", 200, &[("/name", name)]);
        assert_eq!(details.json()["labels"].to_string(), {
            let whole: serde_json::Value = serde_json::from_str(&format!("{{{labels}}}")).unwrap();
            whole.to_string()
        });
    }
}

#[tokio::test]
async fn redirects_to_any_url_that_was_put() {
    let door = Door::with_dirs().await;
    for (url, location) in [
        ("http://a/b?c=%20", "http://a/b?c=%20"),
        ("http://a/b c", "http://a/b%20c"),
        ("http://a/\\u0001\\r\\nx: y", "http://a/%01%0D%0Ax:%20y"),
        ("http://b\u{fc}cher/", "http://b%C3%BCcher/"),
    ] {
        let body = format!(r#"{{"fileurl": "{url}"}}"#);
        let put = door.send("PUT /dirs/d1/files/f$details", &[], &body).await;
        assert!(matches!(put.status, 200 | 201), "{url}: {put:?}");
        let reply = door.send("GET /dirs/d1/files/f", &[], "").await;
        reply.check(url, 303, &[("location", location)]);
    }
}
