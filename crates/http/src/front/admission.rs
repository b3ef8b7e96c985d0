//! Decides whether a request is let in. Nothing here reads a body.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, header};
use hyper::body::{Body as _, Incoming};
use muster_guard::Principal;
use muster_wire::{ErrorKind, Problem};
use muster_words::Position;

use super::{
    RequestGuard,
    session::{is_home, is_page},
};
use crate::{
    host::{check_neighbour, check_opener, host_of, is_loopback},
    native::Session,
    upgrade::asks_for_websocket,
};

/// What is known of an admitted request.
pub(super) struct Admitted {
    pub principal: Arc<Principal>,
    pub session: Option<Session>,
    pub base: Arc<str>,
}

/// The host of this connection's last request. Clients rarely change it, so it is checked once.
#[derive(Clone)]
pub(super) struct CheckedHost {
    host: Box<str>,
    base: Arc<str>,
    loopback: bool,
}

/// Whom this connection's last request was from. Clients rarely change it, so it is looked up once,
/// until keys change or this one's time is over.
pub(super) struct KnownCaller {
    authorization: Option<Box<[u8]>>,
    keys_changed_at: Position,
    principal: Arc<Principal>,
}

impl RequestGuard {
    /// Whom a request is from that carries this `Authorization`, or none.
    ///
    /// # Errors
    /// `key_required`, `key_unknown` or `key_expired`.
    pub(super) fn principal(
        &self,
        authorization: Option<&[u8]>,
    ) -> Result<Arc<Principal>, Problem> {
        let gatekeeper = &self.front.gatekeeper;
        let keys_changed_at = gatekeeper.keys_changed_at();
        if let Some(known) = &*self.known_caller.borrow()
            && known.keys_changed_at == keys_changed_at
            && is_same(known.authorization.as_deref(), authorization)
            && gatekeeper.is_valid(&known.principal)
        {
            return Ok(known.principal.clone());
        }
        let principal = gatekeeper.admit(authorization, self.peer)?;
        let known = KnownCaller {
            authorization: authorization.map(Into::into),
            keys_changed_at,
            principal: principal.clone(),
        };
        *self.known_caller.borrow_mut() = Some(known);
        Ok(principal)
    }

    pub(super) fn admit(&self, request: &Request<Incoming>) -> Result<Admitted, Problem> {
        let headers = request.headers();
        let path = request.uri().path();
        check_codings(request)?;
        let host = host_of(request.version(), request.uri(), headers)?;
        let (base, loopback) = self.known(host);
        let (principal, session) = if path.starts_with("/health/") {
            // Probes have no keys, and call the server by whatever name they reach it.
            (self.anonymous.clone(), None)
        } else {
            if self.front.gatekeeper.is_open() {
                check_neighbour(request, (host, loopback), &self.front.origins)?;
            }
            let (principal, session) = self.authenticate(request, &base)?;
            if asks_for_websocket(headers) {
                check_opener(headers, &base, (&self.front.origins, session.is_some()))?;
            }
            (principal, session)
        };
        if !request.body().is_end_stream() {
            self.check_body(request)?;
        }
        Ok(Admitted { principal, session, base })
    }

    /// Whom a request is from: whoever signed in, or the holder of its key.
    fn authenticate(
        &self,
        request: &Request<Incoming>,
        base: &str,
    ) -> Result<(Arc<Principal>, Option<Session>), Problem> {
        let (headers, path) = (request.headers(), request.uri().path());
        let sent = authorization(headers)?;
        if let (Some(reader), None) = (&self.front.site_reader, sent)
            && path.starts_with("/site/")
        {
            return Ok((reader.clone(), None));
        }
        if let Some(bearer) = key_of_provider_client(path, headers)? {
            return Ok((self.principal(Some(&bearer))?, None));
        }
        if sent.is_none()
            && let Some(session) = self.front.session(request, base)
        {
            return Ok((session.principal.clone(), Some(session)));
        }
        match self.principal(sent) {
            // A page says how to sign in; it shows nothing else to who may see nothing.
            Err(_) if sent.is_none() && (is_page(path) || is_home(path, headers)) => {
                Ok((self.anonymous.clone(), None))
            }
            found => Ok((found?, None)),
        }
    }

    pub(super) fn known(&self, host: &str) -> (Arc<str>, bool) {
        let mut known = self.known_host.borrow_mut();
        match &*known {
            Some(known) if &*known.host == host => (Arc::clone(&known.base), known.loopback),
            _ => {
                let base = match &self.front.public {
                    Some(public) => public.base(),
                    None => format!("{}://{host}", self.scheme).into(),
                };
                let loopback = is_loopback(host);
                *known = Some(CheckedHost { host: host.into(), base: Arc::clone(&base), loopback });
                (base, loopback)
            }
        }
    }

    /// Refuses a body that is too large or encoded, before it is read.
    fn check_body(&self, request: &Request<Incoming>) -> Result<(), Problem> {
        let limit = self.bounds.body.bytes_max;
        if request.body().size_hint().lower() > limit {
            return Err(
                Problem::new(ErrorKind::BodyTooLarge { limit }).subject(request.uri().path())
            );
        }
        let mut encodings = request.headers().get_all(header::CONTENT_ENCODING).iter();
        let plain = |encoding: &HeaderValue| encoding.as_bytes().eq_ignore_ascii_case(b"identity");
        match encodings.find(|encoding| !plain(encoding)) {
            None => Ok(()),
            Some(encoding) => Err(unsupported(request, encoding)),
        }
    }
}

/// The request's `Authorization`. More than one is refused like a key that isn't known: a proxy in
/// front may have looked at another one than this server.
fn authorization(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter().map(HeaderValue::as_bytes);
    let first = all.next();
    match all.next() {
        None => Ok(first),
        Some(_) => Err(ErrorKind::KeyUnknown.into()),
    }
}

/// The key of a client of Anthropic's API, which sends it in a header of its own. It counts only
/// where such clients ask, and only without `Authorization`.
fn key_of_provider_client(path: &str, headers: &HeaderMap) -> Result<Option<Vec<u8>>, Problem> {
    if !path.starts_with("/providers/") || headers.contains_key(header::AUTHORIZATION) {
        return Ok(None);
    }
    let mut all = headers.get_all("x-api-key").iter().map(HeaderValue::as_bytes);
    let Some(key) = all.next() else { return Ok(None) };
    match all.next() {
        None => Ok(Some([b"Bearer ", key].concat())),
        Some(_) => Err(ErrorKind::KeyUnknown.into()),
    }
}

/// Whether two headers are the same. It looks at all of both, because clients of a proxy share its
/// connections, and how long this takes must tell none of them about the key of another.
fn is_same(known: Option<&[u8]>, sent: Option<&[u8]>) -> bool {
    match (known, sent) {
        (None, None) => true,
        (Some(known), Some(sent)) if known.len() == sent.len() => {
            known.iter().zip(sent).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
        }
        _ => false,
    }
}

/// Refuses every transfer coding except a single `chunked`. The HTTP library accepts any list that
/// ends with it, and would pass on a compressed body as if it were the document (RFC 9112, 6.1).
fn check_codings(request: &Request<Incoming>) -> Result<(), Problem> {
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let Some(first) = codings.next() else { return Ok(()) };
    let odd = if first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        codings.next()
    } else {
        Some(first)
    };
    odd.map_or(Ok(()), |coding| Err(unsupported(request, coding)))
}

fn unsupported(request: &Request<Incoming>, encoding: &HeaderValue) -> Problem {
    Problem::new(ErrorKind::UnsupportedEncoding {
        encoding: String::from_utf8_lossy(encoding.as_bytes()).into_owned(),
    })
    .subject(request.uri().path())
}
