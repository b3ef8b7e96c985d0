//! The client speaks what a server speaks: TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use muster_client::{Call, Client, Query, Socket, Timeouts, TrustedRoots};
use muster_words::json::Value;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::PrivateKeyDer,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Barrier,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How many requests for `/together` must be there before any is answered.
const TOGETHER: usize = 8;

/// A server that answers with the protocols of each request, and counts its connections.
struct Echo {
    address: String,
    folder: TempDir,
    connections: Arc<AtomicUsize>,
}

impl Echo {
    async fn serve(version: &'static SupportedProtocolVersion, protocols: &[&str]) -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = TempDir::new().unwrap();
        let encoded =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair.cert.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, all) = (Arc::clone(&connections), Arc::new(Barrier::new(TOGETHER)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Relaxed);
                let (acceptor, all) = (acceptor.clone(), Arc::clone(&all));
                tokio::spawn(
                    async move { answer(acceptor.accept(stream).await.unwrap(), all).await },
                );
            }
        });
        Self { address, folder, connections }
    }

    fn client(&self) -> Client {
        let roots = TrustedRoots::File(self.folder.path().join("ca.pem"));
        let socket = Socket::new(&self.address, Timeouts::default(), &roots).unwrap();
        Client::new(Arc::new(socket), None)
    }
}

async fn answer(stream: TlsStream<TcpStream>, all: Arc<Barrier>) {
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().unwrap();
    let speaks_http2 = session.alpn_protocol() == Some(b"h2");
    let service = service_fn(move |request: Request<Incoming>| {
        let all = Arc::clone(&all);
        async move {
            if request.uri().path() == "/together" {
                all.wait().await;
            }
            let host = request.headers().get("host").map(|host| host.to_str().unwrap());
            let authority = request.uri().authority().map(http::uri::Authority::as_str);
            let told = format!(
                "\"{:?} {version:?} {} {}",
                request.version(),
                host.or(authority).unwrap(),
                request.uri().path_and_query().unwrap(),
            );
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let told = format!("{told} {}\"", std::str::from_utf8(&body).unwrap());
            let mut response = Response::new(Full::new(Bytes::from(told)));
            response.headers_mut().insert("muster-position", 1.into());
            Ok::<_, Infallible>(response)
        }
    });
    let stream = TokioIo::new(stream);
    // How a connection ends is the client's business.
    let _ = match speaks_http2 {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
        false => http1::Builder::new().serve_connection(stream, service).await,
    };
}

fn put(path: &str) -> Call {
    let call = Call::new(Method::PUT, path, &Query::new().with("b", "c"));
    call.body("text/plain", Bytes::from_static(b"text"))
}

#[tokio::test]
async fn speaks_what_the_server_speaks() {
    for (version, named) in [(&TLS12, "TLSv1_2"), (&TLS13, "TLSv1_3")] {
        for (protocols, expect) in [
            (["h2", "http/1.1"].as_slice(), "HTTP/2.0"),
            (&["h2"], "HTTP/2.0"),
            (&["http/1.1"], "HTTP/1.1"),
            (&[], "HTTP/1.1"),
        ] {
            let echo = Echo::serve(version, protocols).await;
            let client = echo.client();
            let host = echo.address.strip_prefix("https://").unwrap();
            let expect = format!("{expect} {named} {host} /a?b=c text");
            for _ in 0..3 {
                let answer = client.call(put("/a")).await.unwrap().json().unwrap();
                assert_eq!(answer, Value::from(expect.as_str()), "{protocols:?}");
            }
            assert_eq!(echo.connections.load(Relaxed), 1, "{named} {protocols:?}");
        }
    }
}

#[tokio::test]
async fn sends_requests_side_by_side_on_one_connection_of_http_2() {
    let echo = Echo::serve(&TLS13, &["h2", "http/1.1"]).await;
    let client = Arc::new(echo.client());
    client.call(put("/a")).await.unwrap();
    let calls: Vec<_> = (0..TOGETHER)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.call(put("/together")).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(echo.connections.load(Relaxed), 1);
}
