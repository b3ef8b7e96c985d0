//! How endpoints ask the guard: for a read, and for a command that they submit to the registry.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use muster_catalog::command::Command;
use muster_guard::{Extent, Forbidden, Principal, authorize};
use muster_registry::{CommandOrigin, Done, Registry};
use muster_wire::{
    ErrorKind, Problem,
    headers::{IDEMPOTENCY_KEY, MUSTER_MESSAGE, decode},
};
use muster_words::{Digest, Permission, is_message, limits::MESSAGE_LENGTH_MAX};

use crate::{Caller, xregistry::problem_of_failure};

/// The maximum length of an idempotency key: enough for URLs, for example.
const KEY_BYTES_MAX: usize = 255;

/// Submits a command of a caller; the registry asks the guard. Errors are about `subject`.
///
/// # Errors
/// The registry's refusal as converted by [`problem_of_failure`].
pub async fn submit(
    registry: &Registry,
    caller: &Caller,
    command: Command,
    subject: &str,
) -> Result<Done, Problem> {
    let done = registry.submit(command, &origin(caller)).await;
    done.map_err(|error| problem_of_failure(error, subject))
}

/// Asks the guard whether a caller has a permission at a place: the path of an entity or a
/// collection; `/` is the registry.
///
/// # Errors
/// `role_denied`, `out_of_scope`, or `key_required` if the caller showed no key.
pub fn check(
    principal: &Principal,
    permission: Permission,
    place: &str,
) -> Result<Extent, Problem> {
    authorize(principal, permission, place)
        .map_err(|forbidden| problem_of_forbidden(forbidden, place))
}

/// The error for a refusal of the guard.
#[must_use]
pub fn problem_of_forbidden(forbidden: Forbidden, subject: &str) -> Problem {
    let kind = match forbidden {
        Forbidden::Role { role, permission } => ErrorKind::RoleDenied {
            role: role.name().to_owned(),
            permission: permission.name().to_owned(),
        },
        // A key would help, so the answer asks for one.
        Forbidden::Anonymous { .. } => ErrorKind::KeyRequired,
        Forbidden::Scope => ErrorKind::OutOfScope,
    };
    // The subject comes from the request and may be long.
    let problem = Problem::new(kind).subject(subject.chars().take(400).collect::<String>());
    match forbidden {
        Forbidden::Anonymous { permission } => problem.detail(format!(
            "Callers without a key don't have the permission {} here.",
            permission.name()
        )),
        _ => problem,
    }
}

/// The command's id, which its events carry (xRegistry events, `xregcorrelationid`). A repetition
/// gets the id of the first command.
pub async fn correlation(registry: &Registry, done: &Done) -> Option<HeaderValue> {
    let id = match done.command {
        Some(id) => id,
        // It changed nothing, so it has no entry.
        None if !done.repeat => return None,
        None => registry.bounds_at(done.position).await.ok()?.entry.command,
    };
    HeaderValue::from_str(&id.to_string()).ok()
}

/// The digest of a request's idempotency key, which includes the caller: two callers may choose the
/// same key.
///
/// # Errors
/// `header_error`: it is empty or too long, or there are several.
pub fn idempotency_key(
    caller: &Caller,
    headers: &HeaderMap,
    subject: &str,
) -> Result<Option<Digest>, Problem> {
    let Some(key) = only(headers, &IDEMPOTENCY_KEY, subject)? else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Problem::new(ErrorKind::HeaderError {
            name: IDEMPOTENCY_KEY.as_str().to_owned(),
            error_detail: format!("a key has 1 to {KEY_BYTES_MAX} bytes"),
        })
        .subject(subject));
    }
    Ok(Some(Digest::of_parts(&[caller.principal.id.as_bytes(), b"\0", key.as_bytes()])))
}

/// The reason for a change, from the header `Muster-Message`.
///
/// # Errors
/// `header_error`: it is empty, too long, or not valid text, or there are several.
pub fn message(headers: &HeaderMap, subject: &str) -> Result<Option<Bytes>, Problem> {
    let Some(sent) = only(headers, &MUSTER_MESSAGE, subject)? else { return Ok(None) };
    let refused = |detail: String| {
        let name = MUSTER_MESSAGE.as_str().to_owned();
        Problem::new(ErrorKind::HeaderError { name, error_detail: detail }).subject(subject)
    };
    let text = decode(sent.as_bytes()).map_err(|fault| refused(fault.to_string()))?;
    if !is_message(&text) {
        return Err(refused(format!(
            "a message has 1 to {MESSAGE_LENGTH_MAX} characters, and no control characters"
        )));
    }
    Ok(Some(text.into()))
}

/// The only header of a name.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    subject: &str,
) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut all = headers.get_all(name).iter();
    let first = all.next();
    if all.next().is_none() {
        return Ok(first);
    }
    let (name, error_detail) = (name.as_str().to_owned(), "it may be sent once".to_owned());
    Err(Problem::new(ErrorKind::HeaderError { name, error_detail }).subject(subject))
}

/// Who and what caused a command, as its entries say.
#[must_use]
pub fn origin(caller: &Caller) -> CommandOrigin {
    CommandOrigin {
        principal: caller.principal.clone(),
        request: Some(caller.request_id.to_string()),
        trace: caller.trace.as_deref().map(ToOwned::to_owned),
    }
}
