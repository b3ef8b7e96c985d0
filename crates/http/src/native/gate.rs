mod sessions;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use muster_catalog::{Catalog, Content, command::KeyManagerRule};
use muster_guard::{
    AdmissionError, ApiKey, Credentials, GivenKey, KeyRecord, Keyring, Principal, RecordError,
    is_open,
};
use muster_registry::{FetchError, Registry};
use muster_wire::{ErrorKind, Problem};
use muster_words::{Id, Moment, Position};
use sessions::SessionLife;
pub use sessions::{Session, Sessions};
use thiserror::Error;
use tokio::time::timeout;

use crate::{Caller, Gatekeeper};

/// The shortest time until a key is looked at again that is about to expire.
const TICK: Duration = Duration::from_millis(1);

/// The authentication of a registry: it knows the keys and decides who is admitted.
pub struct Gate {
    registry: Registry,
    keyring: Keyring,
    given: Option<GivenKey>,
    reachable: AtomicBool,
    /// The principal of everybody on this computer while there are no keys; created once, because
    /// every request needs it.
    owner: Arc<Principal>,
    /// The principal of callers without a key; none if a key is required.
    anonymous: Option<Arc<Principal>>,
    /// The keys that were used since the start.
    used: Mutex<BTreeSet<Arc<str>>>,
}

/// How callers are admitted besides the ledger's keys.
#[derive(Debug, Default)]
pub struct Access {
    /// A key that is accepted although it isn't in the ledger.
    pub given: Option<GivenKey>,
    /// The principal of callers without a key.
    pub anonymous: Option<Principal>,
}

/// Why a registry's keys can't be loaded.
#[derive(Debug, Error)]
pub enum GateError {
    /// A record can't be read from the ledger.
    #[error("the record of the key {id} can't be read")]
    Read {
        /// The key.
        id: Id,
        /// The error.
        source: FetchError,
    },
    /// A content isn't a record.
    #[error("the record of the key {id} is damaged")]
    Record {
        /// The key.
        id: Id,
        /// The fault; none if the content is missing.
        source: Option<RecordError>,
    },
}

impl Gate {
    /// Reads the records of all keys.
    ///
    /// # Errors
    /// See [`GateError`]. A registry whose keys can't be read must not be served, because it
    /// couldn't decide who is admitted.
    pub async fn open(registry: Registry, access: Access) -> Result<Arc<Self>, GateError> {
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
        let Access { given, anonymous } = access;
        let (owner, anonymous) = (Arc::new(Principal::owner()), anonymous.map(Arc::new));
        let reachable = AtomicBool::new(false);
        let used = Mutex::default();
        Ok(Arc::new(Self { registry, keyring, given, reachable, owner, anonymous, used }))
    }

    /// Sets whether the server can be reached from other computers. If so, the last key can't be
    /// revoked.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Relaxed);
    }

    /// Whether requests need a key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        !is_open(&self.registry.catalog(), self.given.as_ref())
    }

    /// Whether a key was given at the start, which isn't in the ledger.
    pub(super) const fn has_given_key(&self) -> bool {
        self.given.is_some()
    }

    /// What lets a stream stay that a caller opened: as long as the key is valid, and the session of
    /// the console that it came with is open.
    ///
    /// # Errors
    /// `key_unknown`, `key_expired` or `key_required`: it ended after the caller was admitted.
    pub fn grant(self: &Arc<Self>, caller: &Caller) -> Result<AccessGrant, Problem> {
        let session = caller.session.as_ref().map(|session| session.life.clone());
        self.begun(&caller.principal, session).checked()
    }

    /// What holds as long as the key of this principal is valid, as it was admitted.
    ///
    /// # Errors
    /// As of [`Gate::grant`].
    fn grant_of_key(self: &Arc<Self>, principal: &Arc<Principal>) -> Result<AccessGrant, Problem> {
        self.begun(principal, None).checked()
    }

    fn begun(
        self: &Arc<Self>,
        principal: &Arc<Principal>,
        session: Option<Arc<SessionLife>>,
    ) -> AccessGrant {
        let view = self.registry.catalog();
        let key = principal.id.parse::<Id>().ok().filter(|id| view.keys.contains_key(id));
        // The registry may have got its first key since the admission, so it isn't asked again.
        let by_openness = self.given.is_none() && Arc::ptr_eq(principal, &self.owner);
        AccessGrant { gate: self.clone(), key, by_openness, principal: principal.clone(), session }
    }

    /// Logs the first use of a key. A connection asks once for a key, so this is rarely called.
    fn note_use(&self, principal: &Principal, peer: SocketAddr) {
        if Arc::ptr_eq(&self.owner.id, &principal.id) {
            return;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.insert(Arc::clone(&principal.id)) {
            let (key, role) = (&*principal.id, principal.role.name());
            tracing::info!(key, role, %peer, "a key is used for the first time since the start");
        }
    }

    /// Whether one of the keys must be able to manage keys.
    pub(super) fn key_manager_rule(&self) -> KeyManagerRule {
        match (&self.given, self.reachable.load(Ordering::Relaxed)) {
            (Some(_), _) => KeyManagerRule::NotNeeded,
            (None, true) => KeyManagerRule::Always,
            (None, false) => KeyManagerRule::WhileKeys,
        }
    }

    /// Caches the record of a key that was just created.
    pub(super) fn keep(&self, key: &ApiKey, content: Content, record: KeyRecord) {
        self.keyring.keep(key.id(), content, record);
    }

    /// Drops the records that were erased.
    pub(super) fn drop_forgotten(&self, view: &Catalog) {
        self.keyring.drop_forgotten(view);
    }

    /// The record of a key, revoked or not.
    pub(super) fn record(&self, view: &Catalog, id: &Id) -> Option<KeyRecord> {
        self.keyring.record(view, id)
    }

    /// The time for checking whether keys have expired.
    pub(super) fn now(&self) -> Moment {
        self.registry.now()
    }
}

/// The authentication of a long-lived stream. Its streams end when the key is revoked or expires,
/// when the session ends that they were opened with, and streams without a key when the first key
/// is created.
pub struct AccessGrant {
    gate: Arc<Gate>,
    /// The key; none for the given key, or if no key was needed.
    key: Option<Id>,
    /// Whether it was admitted because there was no key.
    by_openness: bool,
    principal: Arc<Principal>,
    /// The session of the console that it came with; none: it came with a key.
    session: Option<Arc<SessionLife>>,
}

impl AccessGrant {
    /// The grant, if it holds. Keys end at any time, also between the admission of a request and
    /// this; then nothing is begun that would have to end at once.
    fn checked(self) -> Result<Self, Problem> {
        if self.holds() {
            return Ok(self);
        }
        Err(match (&self.key, &self.session) {
            (Some(_), _) if !self.gate.is_valid(&self.principal) => ErrorKind::KeyExpired,
            (Some(_), None) => ErrorKind::KeyUnknown,
            _ => ErrorKind::KeyRequired,
        }
        .into())
    }

    /// The principal.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The principal, shared.
    fn shared_principal(&self) -> Arc<Principal> {
        self.principal.clone()
    }

    /// Whether it still holds.
    pub(super) fn holds(&self) -> bool {
        let view = self.gate.registry.catalog();
        let is_kept = match &self.key {
            Some(id) => view.keys.get(id).is_some_and(|key| key.revoked.is_none()),
            None => !self.by_openness || is_open(&view, self.gate.given.as_ref()),
        };
        let is_open = self.session.as_ref().is_none_or(|session| session.is_open());
        is_kept && is_open && self.gate.is_valid(&self.principal)
    }

    /// Waits until it holds no more.
    pub async fn ended(&self) {
        tokio::select! {
            () = self.key_ended() => {}
            () = self.session_over() => {}
        }
    }

    /// Waits until the session is over that it came with; for ever if it came with a key.
    pub(super) async fn session_over(&self) {
        match &self.session {
            Some(session) => session.over().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the key isn't valid any more. A key is revoked by a command, and every command
    /// wakes this; a key that expires does so at a time that is known.
    async fn key_ended(&self) {
        let mut moves = self.gate.registry.positions();
        loop {
            // Marked before checking, so that no command is missed.
            moves.mark_unchanged();
            if !self.holds() {
                return;
            }
            // Without a registry there is nothing to hold.
            let moved = match self.left() {
                Some(left) => timeout(left.max(TICK), moves.changed()).await.unwrap_or(Ok(())),
                None => moves.changed().await,
            };
            if moved.is_err() {
                return;
            }
        }
    }

    /// How long it stays valid if its key isn't revoked; none means without end.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.principal.expires?.microseconds() - self.gate.now().microseconds();
        Some(Duration::from_micros(u64::try_from(left).unwrap_or_default()))
    }
}

impl Gatekeeper for Gate {
    fn is_open(&self) -> bool {
        !self.needs_key()
    }

    fn admit(
        &self,
        authorization: Option<&[u8]>,
        peer: SocketAddr,
    ) -> Result<Arc<Principal>, Problem> {
        let admission = Credentials {
            authorization,
            from_loopback: peer.ip().to_canonical().is_loopback(),
            now: self.now(),
            anonymous: self.anonymous.as_ref(),
            owner: &self.owner,
        };
        let view = self.registry.catalog();
        let decided = admission.decide(&view, &self.keyring, self.given.as_ref());
        if let Ok(principal) = &decided
            && authorization.is_some()
        {
            self.note_use(principal, peer);
        }
        decided.map_err(|refused| match refused {
            AdmissionError::Required => ErrorKind::KeyRequired.into(),
            AdmissionError::Unknown => ErrorKind::KeyUnknown.into(),
            AdmissionError::Expired => ErrorKind::KeyExpired.into(),
        })
    }

    fn keys_changed_at(&self) -> Position {
        self.registry.catalog().keys_stamp.position
    }

    fn is_valid(&self, principal: &Principal) -> bool {
        // Few keys expire, so the clock is rarely read.
        principal.expires.is_none() || principal.is_valid_at(self.now())
    }
}

#[cfg(test)]
mod tests;
