use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use muster_guard::Principal;
use muster_wire::{ErrorKind, Problem};
use muster_words::Digest;
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{AccessGrant, Gate};
use crate::Gatekeeper as _;

/// How long a session lasts without a request.
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);

/// The most sessions at once. One takes about 300 bytes. Beyond it, the one that was used longest
/// ago ends.
const SESSIONS_MAX: usize = 10_000;

/// The most sessions of one principal, so that nobody ends those of others by signing in.
const SESSIONS_OF_ONE_MAX: usize = 100;

/// Bytes of a session's id and of its token. Nobody guesses 256 bits.
const SECRET_BYTES: usize = 32;

/// The sessions of people who signed in to the console with an API key. They are in memory only, so
/// a restart ends them all.
///
/// A session is as good as its key: it ends when the key is revoked or expires.
pub struct Sessions {
    gate: Arc<Gate>,
    /// By the digest of the id: who reads the memory can't use a session.
    open: Mutex<HashMap<Digest, OpenSession>>,
}

/// A session that is open.
struct OpenSession {
    grant: AccessGrant,
    token: Arc<str>,
    life: Arc<SessionLife>,
}

/// Whether a session is still open; its streams watch it.
#[derive(Debug)]
pub(super) struct SessionLife {
    /// When it was used last; none: it has ended.
    last_used: watch::Sender<Option<Instant>>,
}

impl SessionLife {
    fn new() -> Arc<Self> {
        Arc::new(Self { last_used: watch::Sender::new(Some(Instant::now())) })
    }

    fn last_used(&self) -> Option<Instant> {
        *self.last_used.borrow()
    }

    fn end(&self) {
        self.last_used.send_replace(None);
    }

    /// Whether it hasn't ended, and was used in the last half hour.
    pub fn is_open(&self) -> bool {
        self.last_used().is_some_and(|at| at.elapsed() < IDLE_TIME)
    }

    /// Waits until it isn't open any more.
    pub async fn over(&self) {
        let mut uses = self.last_used.subscribe();
        loop {
            let used = *uses.borrow_and_update();
            let Some(used) = used else { return };
            tokio::select! {
                () = sleep_until(used + IDLE_TIME) => return,
                // The sender is this life's own.
                _ = uses.changed() => {}
            }
        }
    }
}

/// A session as a request has it.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who signed in.
    pub principal: Arc<Principal>,
    /// What a change must carry besides the cookie. Pages of the console know it, others don't.
    pub token: Arc<str>,
    pub(super) life: Arc<SessionLife>,
}

impl Session {
    /// Whether this is the session's token. It compares all bytes, because the time that it takes
    /// must tell nothing.
    #[must_use]
    pub fn has_token(&self, sent: &[u8]) -> bool {
        let own = self.token.as_bytes();
        own.len() == sent.len() && own.iter().zip(sent).fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }
}

impl Sessions {
    /// No sessions yet, for the keys that this gate knows.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate, open: Mutex::default() })
    }

    /// Begins a session for whom this key is. Answers its id, which nobody but the browser keeps.
    ///
    /// # Errors
    /// `key_unknown`, `key_expired`, or `server_error` where the system has no random numbers.
    pub fn begin(&self, key: &str, peer: SocketAddr) -> Result<String, Problem> {
        let authorization = format!("Bearer {}", key.trim());
        let principal = self.gate.admit(Some(authorization.as_bytes()), peer)?;
        let (id, token) = (secret()?, secret()?);
        let grant = self.gate.grant_of_key(&principal)?;
        let session = OpenSession { grant, token: token.into(), life: SessionLife::new() };
        let mut open = self.open.lock();
        make_room_for_one(&mut open, &session.grant.principal().id);
        if open.len() >= SESSIONS_MAX {
            make_room(&mut open);
        }
        open.insert(Digest::of(id.as_bytes()), session);
        Ok(id)
    }

    /// The session with this id, if it is still open. It is used now, so its time begins again.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Session> {
        let digest = Digest::of(id.as_bytes());
        let mut open = self.open.lock();
        let session = open.get(&digest)?;
        if !session.is_open() {
            remove(&mut open, &digest);
            return None;
        }
        session.life.last_used.send_replace(Some(Instant::now()));
        let principal = session.grant.shared_principal();
        Some(Session { principal, token: session.token.clone(), life: session.life.clone() })
    }

    /// Ends the session with this id.
    pub fn end(&self, id: &str) {
        remove(&mut self.open.lock(), &Digest::of(id.as_bytes()));
    }
}

impl OpenSession {
    fn is_open(&self) -> bool {
        self.life.is_open() && self.grant.holds()
    }
}

/// Removes a session and ends its streams.
fn remove(open: &mut HashMap<Digest, OpenSession>, digest: &Digest) {
    if let Some(session) = open.remove(digest) {
        session.life.end();
    }
}

/// Removes the session of a principal that was used longest ago, if it has as many as one may have.
fn make_room_for_one(open: &mut HashMap<Digest, OpenSession>, principal: &str) {
    let own = || open.iter().filter(|(_, session)| &*session.grant.principal().id == principal);
    if own().count() < SESSIONS_OF_ONE_MAX {
        return;
    }
    let oldest =
        own().min_by_key(|(_, session)| session.life.last_used()).map(|(digest, _)| *digest);
    if let Some(oldest) = oldest {
        remove(open, &oldest);
    }
}

/// Removes what is over, or else the session that was used longest ago.
fn make_room(open: &mut HashMap<Digest, OpenSession>) {
    open.retain(|_, session| session.is_open());
    if open.len() < SESSIONS_MAX {
        return;
    }
    let oldest = open.iter().min_by_key(|(_, session)| session.life.last_used());
    if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
        remove(open, &oldest);
    }
}

/// Random text.
fn secret() -> Result<String, Problem> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Problem::from(ErrorKind::ServerError))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
#[path = "sessions/tests.rs"]
mod tests;
