use muster_catalog::{
    Catalog,
    command::{Action, Command},
};
use muster_words::Position;
use thiserror::Error;

use crate::{Principal, Role};

/// The principal's role doesn't allow the command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{role} may not {action}, as of position {position}")]
pub struct Denied {
    /// The role.
    pub role: Role,
    /// What was asked for.
    pub action: &'static str,
    /// The view at which it was decided.
    pub position: Position,
}

/// Whether somebody may do this, at a view: the seam through which every command passes before it
/// is submitted. Doors submit nothing without it.
///
/// # Errors
/// See [`Denied`]. Until there are policies there is no role that is denied anything.
pub fn authorize(principal: &Principal, view: &Catalog, command: &Command) -> Result<(), Denied> {
    let is_allowed = match principal.role {
        Role::Admin => true,
    };
    if is_allowed {
        return Ok(());
    }
    let (role, position) = (principal.role, view.position());
    Err(Denied { role, action: action(&command.action), position })
}

/// What a command does, as a denial says it.
const fn action(action: &Action) -> &'static str {
    match action {
        Action::Write(_) => "write",
        Action::Delete(delete) if delete.purge => "erase",
        Action::Delete(_) => "delete",
        Action::Restore(_) => "restore",
        Action::CreateKey { .. } => "create keys",
        Action::RevokeKey { .. } => "revoke keys",
    }
}
