//! Heads of requests: where we say that one ends, the HTTP library must find its end too, and
//! whatever is answered without the library must be the same request to it. Else a client and a
//! proxy could be told different things.
#![no_main]

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock, Mutex},
};

use http::{HeaderMap, Method, Request, Response, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::{
    io::AsyncWriteExt as _,
    runtime::{Builder, Runtime},
};

/// The longest body that is sent along.
const BODY_BYTES_MAX: u64 = 1_000;

/// What follows a request.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/// Headers that the library heeds, or an answer depends on.
const HEEDED: [&str; 5] =
    ["content-length", "expect", "if-match", "transfer-encoding", "upgrade"];

/// A request as the library gives it, with its body's length.
struct Seen {
    method: Method,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    body: Option<u64>,
}

/// Lets the library read some bytes, and answers which requests it found.
fn seen(bytes: &[u8]) -> Vec<Seen> {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
    let found = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        let told = Arc::clone(&told);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.ok().map(|body| body.to_bytes().len() as u64);
            told.lock().expect("no panic").push(Seen {
                method: parts.method,
                uri: parts.uri,
                version: parts.version,
                headers: parts.headers,
                body,
            });
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    });
    RUNTIME.block_on(async {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(bytes).await.expect("it fits");
        client.shutdown().await.expect("it is open");
        let _ = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    let mut found = found.lock().expect("no panic");
    std::mem::take(&mut *found)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((length, body, plain)) = muster_http::read_head(bytes) else { return };
    if body > BODY_BYTES_MAX {
        return;
    }
    let body_bytes = vec![b'x'; usize::try_from(body).expect("a short one")];
    let found = seen(&[&bytes[..length], &body_bytes, NEXT].concat());
    let first = found.first().expect("what is lent to the library is a request to it");
    assert_eq!(first.body, Some(body));
    for next in found.iter().skip(1) {
        assert_eq!((next.uri.path(), next.body), ("/next", Some(0)));
    }
    let Some(plain) = plain else { return };
    assert_eq!((&first.method, first.version, body), (&Method::GET, Version::HTTP_11, 0));
    let (path, query, authority) = (first.uri.path(), first.uri.query(), first.uri.authority());
    assert_eq!((path, query, authority), (plain.path, None, None));
    let values = |name: &str| {
        first.headers.get_all(name).iter().map(|value| value.as_bytes()).collect::<Vec<_>>()
    };
    assert_eq!(values("host"), [plain.host.as_bytes()]);
    assert_eq!(values("if-none-match"), Vec::from_iter(plain.known));
    assert_eq!(values("authorization"), Vec::from_iter(plain.authorization));
    assert_eq!(values("accept-encoding"), Vec::from_iter(plain.encoding.map(str::as_bytes)));
    assert_eq!(values("x-request-id"), Vec::from_iter(plain.request_id.map(str::as_bytes)));
    for value in values("connection") {
        assert!(value.eq_ignore_ascii_case(b"keep-alive"));
    }
    for name in HEEDED {
        assert!(values(name).is_empty(), "{name} is heeded by the library");
    }
});
