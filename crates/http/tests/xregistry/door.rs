use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Request};
use muster_http::{
    Caller, Phase, Principal,
    xregistry::{DocumentCache, XRegistry},
};
use muster_journal::MemoryLedger;
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, Genesis, Registry, RegistrySettings};
use muster_words::{Digest, Moment};
use serde_json::Value;
use tokio::sync::watch;
use tower_service::Service as _;

/// What absolute URLs begin with in these tests.
pub const BASE: &str = "http://registry.test";

/// A door to a registry of its own.
pub struct Door {
    router: Router,
    pub documents: Arc<DocumentCache>,
    phase: watch::Sender<Phase>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Moments that are a millisecond apart, and ids that are their digests.
fn clock() -> Clock {
    let ticks = Arc::new(AtomicI64::new(1_795_000_000_000_000));
    let ids = ticks.clone();
    Clock {
        now: Arc::new(move || {
            Moment::from_microseconds(ticks.fetch_add(1_000, Ordering::Relaxed)).unwrap()
        }),
        command_id: Arc::new(move || {
            let number = ids.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            CommandId(Digest::of(&number).0[..16].try_into().unwrap())
        }),
    }
}

impl Door {
    pub async fn bare() -> Self {
        Self::open(Foundation::Bare).await
    }

    pub async fn with_our_model() -> Self {
        Self::open(Foundation::BuiltIn).await
    }

    async fn open(foundation: Foundation) -> Self {
        let mut settings = RegistrySettings::new(foundation, clock());
        let registry = "test".parse().unwrap();
        settings.genesis = Some(Genesis { registry, actor: "test".to_owned() });
        let registry = Registry::open(Box::new(MemoryLedger::new()), settings).await.unwrap();
        let documents = DocumentCache::new(registry.clone(), 1024 * 1024);
        let door = XRegistry::new(registry, foundation == Foundation::Bare);
        let router = door.with_documents(documents.clone()).router();
        Self { router, documents, phase: watch::Sender::new(Phase::Running) }
    }

    /// A bare registry with `dirs`, in them `files` with documents and `facts` without.
    pub async fn with_dirs() -> Self {
        let door = Self::bare().await;
        let model = r#"{"groups": {"dirs": {"singular": "dir",
            "attributes": {"owner": {"type": "string"}},
            "resources": {
                "facts": {"singular": "fact", "hasdocument": false,
                    "attributes": {"count": {"type": "integer"}, "*": {"type": "any"}}},
                "files": {"singular": "file", "attributes": {"count": {"type": "integer"}}}}}}}"#;
        assert_eq!(door.send("PUT /modelsource", &[], model).await.status, 200);
        door
    }

    /// Sends a request, given as method and path below `/api`.
    pub async fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.send_as(self.principal(), line, headers, body).await
    }

    /// Sends a request of somebody.
    pub async fn send_as(
        &self,
        principal: Arc<Principal>,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let (method, path) = line.split_once(' ').unwrap();
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut request = Request::builder().method(method).uri(format!("/api/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(axum::body::Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Caller { principal, ..self.caller() });
        let response = self.router.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = muster_http::read_body(body).await.unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub fn caller(&self) -> Caller {
        Caller {
            principal: self.principal(),
            base: BASE.into(),
            request_id: "r1".into(),
            trace: None,
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 4321)),
            session: None,
            phase: self.phase.subscribe(),
        }
    }

    pub fn principal(&self) -> Arc<Principal> {
        Arc::new(Principal::owner())
    }

    /// Does steps one after the other: a request, its body, the status, and what the answer says:
    /// a JSON Pointer with the value there (nothing: it isn't there), or a header with its value.
    pub async fn check(&self, steps: &[Step<'_>]) {
        for Step(line, body, status, says) in steps {
            let reply = self.send(line, &[], body).await;
            reply.check(line, *status, says);
        }
    }
}

/// A request line, a body, the status, and what the answer says.
pub struct Step<'a>(pub &'a str, pub &'a str, pub u16, pub &'a [(&'a str, &'a str)]);

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn check(&self, line: &str, status: u16, says: &[(&str, &str)]) {
        assert_eq!(self.status, status, "{line}: {self:?}");
        let json = self.json();
        for (what, expect) in says {
            let expect = expect.replace("{base}", BASE);
            let found = if what.starts_with('/') {
                match json.pointer(what) {
                    None => String::new(),
                    Some(Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                }
            } else {
                self.header(what).unwrap_or_default().to_owned()
            };
            assert_eq!(found, expect, "{line}: {what} of {self:?}");
        }
    }

    /// The names of an object's members, in the order in which they were written.
    pub fn keys(&self) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| line.strip_prefix("  \""));
        lines.map(|line| line.split('"').next().unwrap().to_owned()).collect()
    }
}
