//! The one way from a door to the registry's writer: it asks the guard, then submits.

use http::HeaderValue;
use muster_catalog::command::Command;
use muster_guard::{Principal, Role, authorize};
use muster_registry::{Done, Origin, Registry};
use muster_wire::{ErrorKind, Problem};

use crate::{Caller, xregistry::problem_of_failure};

/// Submits a command of a caller, if the guard lets it pass. `subject` is what errors are about.
///
/// # Errors
/// `role_denied`, or what [`problem_of_failure`] makes of the registry's refusal.
pub async fn submit(
    registry: &Registry,
    caller: &Caller,
    command: Command,
    subject: &str,
) -> Result<Done, Problem> {
    check(registry, caller, &command, subject)?;
    let done = registry.submit(command, &origin(caller)).await;
    done.map_err(|error| problem_of_failure(error, subject))
}

/// Asks the guard whether a caller may do this.
///
/// # Errors
/// `role_denied`.
pub fn check(
    registry: &Registry,
    caller: &Caller,
    command: &Command,
    subject: &str,
) -> Result<(), Problem> {
    let denied = |role: &str, action: &str| {
        Problem::new(ErrorKind::RoleDenied { role: role.to_owned(), action: action.to_owned() })
            .subject(subject)
    };
    let role = &*caller.principal.role;
    let known: Role = role.parse().map_err(|_| denied(role, "do this"))?;
    let principal = Principal { id: caller.principal.id.clone(), role: known };
    authorize(&principal, &registry.catalog(), command)
        .map_err(|refused| denied(role, refused.action))
}

/// The id that the events of a command carry, for the answer to what caused them (xRegistry
/// events, `xregcorrelationid`). The repeat of a command names the events of the first time.
pub async fn correlation(registry: &Registry, done: &Done) -> Option<HeaderValue> {
    let id = match done.command {
        Some(id) => id,
        // It had nothing to change, and no entry is its own.
        None if !done.repeat => return None,
        None => registry.entry_at(done.position).await.ok()?.command,
    };
    HeaderValue::from_str(&id.to_string()).ok()
}

/// Who and what caused a command, as its entries say.
#[must_use]
pub fn origin(caller: &Caller) -> Origin {
    Origin {
        actor: caller.principal.id.to_string(),
        request: Some(caller.request_id.to_string()),
        trace: caller.trace.as_deref().map(ToOwned::to_owned),
    }
}
