use serde_json::Value;

use crate::door::Door;

/// What an export holds can be put into an empty registry, and comes out again as it was.
#[tokio::test]
async fn an_export_is_what_makes_the_same_registry_again() {
    let one = Door::with_dirs().await;
    for (line, headers, body) in [
        ("PUT /", &[][..], r#"{"name": "the one"}"#),
        ("PUT /dirs/d1", &[], r#"{"owner": "jo", "labels": {"a": "b"}}"#),
        ("PUT /dirs/d1/files/f1", &[("content-type", "application/json")], "[1.0,2]"),
        ("POST /dirs/d1/files/f1", &[("content-type", "a/b")], "\u{1}binary"),
        ("PATCH /dirs/d1/files/f1/meta", &[], r#"{"defaultversionid": "1"}"#),
        ("PUT /dirs/d1/facts/f", &[], r#"{"versions": {"x": {}, "y": {"count": 2}}}"#),
    ] {
        let reply = one.send(line, headers, body).await;
        assert!(reply.status < 300, "{line}: {reply:?}");
    }
    let export = one.send("GET /export", &[], "").await;
    export.check(
        "export",
        200,
        &[
            ("/self", "#/"),
            ("/dirsurl", "#/dirs"),
            ("/dirs/d1/files/f1/self", "#/dirs/d1/files/f1"),
            ("/dirs/d1/files/f1/versionid", ""),
            ("/dirs/d1/files/f1/meta/defaultversionurl", "#/dirs/d1/files/f1/versions/1"),
            ("/dirs/d1/files/f1/versions/1/file", "[1.0,2]"),
            ("/dirs/d1/files/f1/versions/2/filebase64", "AWJpbmFyeQ=="),
        ],
    );
    let two = Door::bare().await;
    two.send("PUT /?ignore=epoch", &[], export.text()).await.check("import", 200, &[]);
    let again = two.send("GET /export", &[], "").await;
    assert_eq!(without_epochs(again.json()), without_epochs(export.json()));
}

/// Epochs count what was done to a registry, and modification of the parents is when it was done.
fn without_epochs(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| name != "epoch" && name != "modifiedat");
            Value::Object(kept.map(|(name, value)| (name, without_epochs(value))).collect())
        }
        other => other,
    }
}
