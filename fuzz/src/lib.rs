//! A registry without a socket, for the fuzz targets that send requests.
//!
//! It is not a test of its own and not the program: it listens nowhere, keeps nothing, and asks for
//! no key.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use muster_model::Foundation;
use muster_http::{
    Caller, Phase, Principal,
    xregistry::{DocumentCache, XRegistry},
};
use muster_journal::MemoryLedger;
use muster_ledger::CommandId;
use muster_registry::{Clock, Genesis, Registry, RegistrySettings};
use muster_words::{Digest, Moment};
use tokio::{runtime::Runtime, sync::watch};
use tower_service::Service as _;

/// A door to a registry with something in it.
pub struct Door {
    runtime: Runtime,
    registry: Registry,
    router: Router,
    phase: watch::Sender<Phase>,
}

/// Something to look for: names, labels, a number, nested values, two versions.
const FILLING: &[(&str, &str, &str)] = &[
    (
        "PUT",
        "/api/modelsource",
        r#"{"groups":{"dirs":{"singular":"dir","attributes":{"*":{"type":"any"}},"resources":{
            "facts":{"singular":"fact","hasdocument":false,"attributes":{"*":{"type":"any"}}},
            "files":{"singular":"file"}}}}}"#,
    ),
    ("PUT", "/api/dirs/d", r#"{"name":"D","labels":{"a":"1"},"n":5,"deep":{"x":[1,{"y":2}]}}"#),
    ("PUT", "/api/dirs/d/facts/f", r#"{"name":"F","count":3,"list":[1,2]}"#),
    ("PUT", "/api/dirs/d/files/f", "one"),
    ("POST", "/api/dirs/d/files/f", "two"),
];

impl Door {
    /// Opens one, bare or with the built-in model.
    pub fn open(foundation: Foundation) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let mut settings = RegistrySettings::new(foundation, clock());
        let registry = "fuzz".parse().expect("it is an id");
        settings.genesis = Some(Genesis { registry, actor: "fuzz".to_owned() });
        let opened = Registry::open(Box::new(MemoryLedger::new()), settings);
        let registry = runtime.block_on(opened).expect("an empty ledger opens");
        let documents = DocumentCache::new(registry.clone(), 1024 * 1024);
        let door = XRegistry::new(registry.clone(), foundation == Foundation::Bare);
        let router = door.with_documents(documents).router();
        let door = Self { runtime, registry, router, phase: watch::Sender::new(Phase::Running) };
        for (method, path, body) in FILLING {
            let status = door.send(method, path, &[], body.as_bytes());
            assert!(status.is_some_and(|status| status.is_success()), "{path}");
        }
        door
    }

    /// Sends a request; none: HTTP itself doesn't allow it. Fails where the server is at fault.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
    ) -> Option<StatusCode> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_vec())).ok()?;
        request.extensions_mut().insert(self.caller());
        let mut router = self.router.clone();
        let status = self.runtime.block_on(async {
            let response = router.call(request).await.unwrap_or_else(|never| match never {});
            let status = response.status();
            let body = muster_http::read_body(response.into_body()).await;
            assert!(body.is_ok_and(|body| body.len() < 16 * 1024 * 1024));
            status
        });
        assert!(!status.is_server_error(), "{status} for {method} {path}");
        Some(status)
    }

    /// Where its ledger stands.
    pub fn position(&self) -> u64 {
        self.registry.view().position().0
    }

    fn caller(&self) -> Caller {
        Caller {
            principal: Arc::new(Principal::owner()),
            base: "http://localhost".into(),
            request_id: "r".into(),
            trace: None,
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            phase: self.phase.subscribe(),
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.runtime.block_on(self.registry.close());
    }
}

/// Moments and command ids that follow from their number, so that a finding can be repeated.
fn clock() -> Clock {
    let ticks = Arc::new(AtomicI64::new(1_795_000_000_000_000));
    let ids = ticks.clone();
    Clock {
        now: Arc::new(move || {
            let tick = ticks.fetch_add(1_000, Ordering::Relaxed);
            Moment::from_microseconds(tick).unwrap_or(Moment::EPOCH)
        }),
        command_id: Arc::new(move || {
            let digest = Digest::of(&ids.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            CommandId(std::array::from_fn(|index| digest.0[index]))
        }),
    }
}
