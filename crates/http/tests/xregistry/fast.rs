use bytes::Bytes;
use http::Response;
use muster_http::{Body, FastRead as _, FastRequest};

use crate::door::{BASE, Door, Reply};

/// Asks the table of rendered documents alone.
fn ask(door: &Door, path: &str, base: &str, headers: &[(&str, &str)]) -> Option<Reply> {
    let named = |name| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let principal = door.principal();
    let asked = FastRequest {
        path,
        base,
        accepts_gzip: named("accept-encoding") == Some("gzip"),
        accept: named("accept").map(str::as_bytes),
        known: named("if-none-match").map(str::as_bytes),
        principal: &principal,
    };
    door.documents.read(&asked).map(|(response, position)| reply(response.respond(position)))
}

fn reply(response: Response<Body>) -> Reply {
    let (parts, body) = response.into_parts();
    let body = if let Body::Full(bytes) = body { bytes } else { Bytes::new() };
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

#[tokio::test]
async fn answers_as_the_routes_do_and_never_anything_old() {
    let door = Door::with_dirs().await;
    let path = "/api/dirs/d1/files/f1";
    door.send("PUT /dirs/d1/files/f1", &[("xregistry-name", "n")], "one").await;
    assert!(ask(&door, path, BASE, &[]).is_none(), "nobody asked for it yet");
    let routed = door.send("GET /dirs/d1/files/f1", &[], "").await;
    let fast = ask(&door, path, BASE, &[]).unwrap();
    assert_eq!((fast.status, fast.text()), (200, "one"));
    let mut headers = routed.headers.clone();
    // The server adds the length to both.
    headers.remove("content-length");
    assert_eq!(fast.headers, headers);
    let tag = routed.header("etag").unwrap();
    let unchanged = ask(&door, path, BASE, &[("if-none-match", tag)]).unwrap();
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    assert!(ask(&door, path, "http://other.test", &[]).is_none());
    // Another version leaves the document as it is, but not its headers.
    for (line, body) in [
        ("PUT /dirs/d1/files/f1/versions/0", "other"),
        ("PATCH /dirs/d1/files/f1/meta", r#"{"labels": {"a": "b"}}"#),
        ("PUT /dirs/d1/files/f1", "two"),
        ("PUT /capabilities", "{}"),
        ("DELETE /dirs/d1/files/f1", ""),
    ] {
        let before = door.send("GET /dirs/d1/files/f1", &[], "").await;
        assert_eq!(before.status, 200, "{line}");
        assert!(ask(&door, path, BASE, &[]).is_some(), "{line}");
        let changed = door.send(line, &[], body).await;
        assert!(changed.status < 300, "{line}: {changed:?}");
        assert!(ask(&door, path, BASE, &[]).is_none(), "{line}");
    }
}

#[tokio::test]
async fn compresses_what_is_worth_it_and_forgets_what_is_erased() {
    let door = Door::with_our_model().await;
    let path = "/api/configs/c/entries/e";
    let long = "a document that repeats itself; ".repeat(200);
    let headers = [("content-type", "text/plain")];
    door.send("PUT /configs/c/entries/e", &headers, &long).await.check("put", 201, &[]);
    door.send("GET /configs/c/entries/e", &[], "").await.check("get", 200, &[]);
    let plain = ask(&door, path, BASE, &[]).unwrap();
    let gzip = ask(&door, path, BASE, &[("accept-encoding", "gzip")]).unwrap();
    assert_eq!(plain.text(), long);
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < plain.body.len() / 10);
    let vary = plain.header("vary").map(ToOwned::to_owned);
    assert_eq!(vary.as_deref(), Some("Accept-Encoding"));
    let [plain, gzip] = [plain, gzip].map(|reply| reply.header("etag").unwrap().to_owned());
    assert_ne!(plain, gzip);
    for tag in [plain, gzip] {
        let reply = ask(&door, path, BASE, &[("if-none-match", &tag)]).unwrap();
        assert_eq!(reply.status, 304, "{tag}");
        // A cache keeps these with the stored answer (RFC 9110, 15.4.5).
        assert_eq!(reply.header("vary"), vary.as_deref(), "{tag}");
    }
    // Nothing is answered from a stale state, so that alone doesn't show that the bytes are gone.
    let held = door.documents.held_bytes();
    assert!(held > 0);
    door.send("DELETE /configs/c?purge", &[], "").await.check("purge", 204, &[]);
    assert!(ask(&door, path, BASE, &[]).is_none());
    assert_eq!(door.documents.held_bytes(), 0, "of {held}");
}
