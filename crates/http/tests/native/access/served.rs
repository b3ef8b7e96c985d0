use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_catalog::command::{Action, Command, KeyManagerRule};
use muster_guard::{ApiKey, KeyRecord, Principal, Role, SALT_BYTES};
use muster_http::{
    Front, Gatekeeper, Phase, Server, ServerLimits,
    health::{HealthState, Readiness, routes},
    metrics::Metrics,
    native::{Access, Gate, Native},
    xregistry::{DocumentCache, XRegistry},
};
use muster_journal::{Ledger, MemoryLedger};
use muster_registry::{CommandOrigin, Registry};
use muster_words::{Moment, XidPatterns};
use tokio::sync::watch;

use crate::harness::{Running, engine, open, put};

/// How it is with the key that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Good,
    /// Good, at `/providers/cms`.
    Scoped,
    Expired,
    Revoked,
    /// Nobody's.
    Unknown,
    /// None is shown.
    None,
}

/// A key of a role and a state.
pub struct MadeKey {
    pub role: Role,
    pub state: KeyState,
    pub key: ApiKey,
}

/// What a request shows of who sends it.
pub struct Shown {
    pub role: Role,
    pub state: KeyState,
    pub anonymous: Option<Role>,
    pub authorization: Option<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.role, self.state)
    }
}

/// Everybody who asks: each role with a good key, without and with a scope, by both schemes; and
/// those whose keys aren't good.
pub fn everybody(keys: &[MadeKey], anonymous: Option<Role>) -> Vec<Shown> {
    let shown = |(index, made): (usize, &MadeKey)| {
        let text = made.key.text();
        let authorization = match index % 2 {
            0 => format!("Bearer {}", *text),
            _ => format!("Basic {}", STANDARD.encode(format!("anybody:{}", *text))),
        };
        Shown { role: made.role, state: made.state, anonymous, authorization: Some(authorization) }
    };
    let none = Shown { role: Role::Admin, state: KeyState::None, anonymous, authorization: None };
    keys.iter().enumerate().map(shown).chain([none]).collect()
}

/// A server with all its doors over a registry with documents and keys.
pub async fn start(anonymous: Option<Role>) -> (Running, Vec<MadeKey>) {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger).await;
    for entry in ["cms/entries/sanity", "ssg/entries/hugo"] {
        let xid = format!("/providers/{entry}");
        registry.submit(put(&xid, "{}"), &CommandOrigin::of_owner()).await.unwrap();
    }
    let keys = make_keys(&registry).await;
    let publisher = keys.iter().find(|made| made.role == Role::Publisher).unwrap();
    let principal = Arc::new(Principal::new(publisher.key.id().as_str(), Role::Publisher));
    let by = CommandOrigin { principal, ..CommandOrigin::of_owner() };
    registry.submit(put("/providers/cms/entries/own", "{}"), &by).await.unwrap();
    (serve(registry, ledger, anonymous).await, keys)
}

async fn make_keys(registry: &Registry) -> Vec<MadeKey> {
    let good = Role::ALL.into_iter().flat_map(|role| {
        [(role, KeyState::Good), (role, KeyState::Scoped), (role, KeyState::Expired)]
    });
    let bad = [(Role::Admin, KeyState::Revoked), (Role::Admin, KeyState::Unknown)];
    let mut keys = Vec::new();
    for ((role, state), number) in good.chain(bad).zip(1..) {
        let key = ApiKey::new([number; 4], [number; 32]).unwrap();
        if state != KeyState::Unknown {
            submit_key(registry, &key, role, state).await;
        }
        keys.push(MadeKey { role, state, key });
    }
    keys
}

async fn submit_key(registry: &Registry, key: &ApiKey, role: Role, state: KeyState) {
    // All publishers are called the same, so what one made is the others' own.
    let mut record = key.record([7; SALT_BYTES], role, Some(role.name().to_owned()));
    if state == KeyState::Scoped {
        let place = "/providers/cms".parse().unwrap();
        record.scope = Some(Arc::new(XidPatterns::new(vec![place])));
    }
    if state == KeyState::Expired {
        record.expires = Some(Moment::EPOCH.next());
    }
    let (id, grant) = (key.id().clone(), record.grant());
    let (record_bytes, rule) = (record.to_bytes(), KeyManagerRule::NotNeeded);
    let make = Action::CreateKey { id: id.clone(), record: record_bytes, grant, rule };
    registry.submit(Command::new(make), &CommandOrigin::of_owner()).await.unwrap();
    if state == KeyState::Revoked {
        let revoke = Action::RevokeKey { id, rule };
        registry.submit(Command::new(revoke), &CommandOrigin::of_owner()).await.unwrap();
    }
    assert_eq!(KeyRecord::from_bytes(&record.to_bytes()).as_ref(), Ok(&record));
}

/// Serves all doors of a registry.
pub async fn serve(
    registry: Registry,
    ledger: Arc<dyn Ledger>,
    anonymous: Option<Role>,
) -> Running {
    let anonymous = anonymous.map(|role| Principal::new("anonymous", role));
    let gate = Gate::open(registry.clone(), Access { given: None, anonymous }).await.unwrap();
    let metrics = Arc::new(Metrics::new());
    let vitals = HealthState {
        readiness: Readiness::new(),
        store: Arc::new(|| Box::pin(async { true })),
        store_time: std::time::Duration::from_secs(5),
        checks: Vec::new(),
        metrics: metrics.clone(),
    };
    let documents = DocumentCache::new(registry.clone(), 1024 * 1024);
    let door = XRegistry::new(registry.clone(), false).with_documents(documents.clone());
    let native = Native::new(registry.clone(), gate.clone()).with_engine(Some(engine(&registry)));
    let router = routes(vitals).merge(door.router()).merge(native.router());
    let gatekeeper: Arc<dyn Gatekeeper> = gate.clone();
    let front = Front::new(router, gatekeeper, metrics).with_fast_read(documents);
    let limits = ServerLimits::default();
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = server.local_address().unwrap();
    let (phase, seen) = watch::channel(Phase::Running);
    let served = tokio::spawn(server.serve(Arc::new(front), seen));
    Running { registry, ledger, gate, address, phase, served }
}
