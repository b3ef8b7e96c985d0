use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderMap, header};
use muster_catalog::{Catalog, Content};
use muster_guard::{
    Admission, ApiKey, GivenKey, KeyRecord, Keyring, NotAdmitted, OPEN_ACTOR, RecordError, is_open,
    keys_in_force,
};
use muster_registry::{FetchError, Registry};
use muster_wire::{ErrorKind, Problem};
use muster_words::Id;
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};

use crate::{Gatekeeper, Principal};

/// Stands before a registry: knows its keys and who may come in.
pub struct Gate {
    registry: Registry,
    keyring: Keyring,
    given: Option<GivenKey>,
    reachable: AtomicBool,
    /// Held by who revokes a key.
    turn: Mutex<()>,
    /// The principal of everybody while there are no keys; made once, because it is asked for
    /// with every request.
    everybody: Principal,
}

/// Why a registry's keys can't be known.
#[derive(Debug, Error)]
pub enum GateError {
    /// A record can't be read from the ledger.
    #[error("the record of the key {id} can't be read")]
    Read {
        /// The key.
        id: Id,
        /// Why.
        source: FetchError,
    },
    /// A content is no record.
    #[error("the record of the key {id} is damaged")]
    Record {
        /// The key.
        id: Id,
        /// What is wrong with it; none: it is gone.
        source: Option<RecordError>,
    },
}

impl Gate {
    /// Reads the records of all keys in force. `given` is a key that is accepted although the
    /// ledger doesn't have it.
    ///
    /// # Errors
    /// See [`GateError`]: a registry whose keys can't be read mustn't be served, because nobody
    /// could tell who may come in.
    pub async fn open(registry: Registry, given: Option<GivenKey>) -> Result<Arc<Self>, GateError> {
        let keyring = Keyring::default();
        let view = registry.catalog();
        for (id, content) in keyring.missing(&view) {
            let bytes = registry.record(&content).await;
            let bytes = bytes.map_err(|source| GateError::Read { id: id.clone(), source })?;
            let Some(bytes) = bytes else { return Err(GateError::Record { id, source: None }) };
            let record = KeyRecord::from_bytes(&bytes)
                .map_err(|source| GateError::Record { id: id.clone(), source: Some(source) })?;
            keyring.keep(&id, content, record);
        }
        let everybody = Principal { id: OPEN_ACTOR.into(), role: "admin".into() };
        let reachable = AtomicBool::new(false);
        Ok(Arc::new(Self { registry, keyring, given, reachable, turn: Mutex::new(()), everybody }))
    }

    /// Says whether the server listens on an address that other computers reach: then the last
    /// key can't be revoked.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Relaxed);
    }

    /// Whether requests need a key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        !is_open(&self.registry.catalog(), self.given.as_ref())
    }

    /// What lets a stream stay that was opened now by this principal.
    pub(super) fn pass(self: &Arc<Self>, principal: &Principal) -> Pass {
        let view = self.registry.catalog();
        let key = principal.id.parse::<Id>().ok().filter(|id| view.keys.contains_key(id));
        let was_open = is_open(&view, self.given.as_ref());
        Pass { gate: Arc::clone(self), key, was_open }
    }

    /// Whether the registry would be open to other computers without this key.
    pub(super) fn depends_on(&self, view: &Catalog, id: &Id) -> bool {
        self.reachable.load(Ordering::Relaxed)
            && self.given.is_none()
            && keys_in_force(view).all(|(other, _)| other == id)
    }

    /// Waits until nobody else revokes a key.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Remembers the record of a key that was made just now.
    pub(super) fn keep(&self, key: &ApiKey, content: Content, record: KeyRecord) {
        self.keyring.keep(key.id(), content, record);
    }

    /// Forgets the records of keys that were revoked.
    pub(super) fn forget_revoked(&self, view: &Catalog) {
        self.keyring.forget_revoked(view);
    }

    /// The record of a key in force.
    pub(super) fn record(&self, view: &Catalog, id: &Id) -> Option<KeyRecord> {
        self.keyring.record(view, id)
    }
}

/// By what somebody came in, for what lasts longer than a request: a key that is revoked ends its
/// streams, and so does the first key those of nobody in particular.
pub(super) struct Pass {
    gate: Arc<Gate>,
    /// The ledger's key that was shown; none: the given one, or none was needed.
    key: Option<Id>,
    was_open: bool,
}

impl Pass {
    /// Whether it still holds.
    pub fn holds(&self) -> bool {
        let view = self.gate.registry.catalog();
        match &self.key {
            Some(id) => view.keys.get(id).is_some_and(|key| key.revoked.is_none()),
            None => !self.was_open || is_open(&view, self.gate.given.as_ref()),
        }
    }
}

impl Gatekeeper for Gate {
    fn is_open(&self) -> bool {
        !self.needs_key()
    }

    fn admit(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<Principal, Problem> {
        let view = self.registry.catalog();
        let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let from_loopback = peer.ip().to_canonical().is_loopback();
        let admission = Admission { authorization, from_loopback };
        match admission.decide(&view, &self.keyring, self.given.as_ref()) {
            Ok(principal) if *principal.id == *self.everybody.id => Ok(self.everybody.clone()),
            Ok(principal) => {
                let role = principal.role.name().into();
                Ok(Principal { id: principal.id, role })
            }
            Err(NotAdmitted::KeyRequired) => Err(ErrorKind::KeyRequired.into()),
            Err(NotAdmitted::KeyUnknown) => Err(ErrorKind::KeyUnknown.into()),
        }
    }
}
