use std::borrow::Cow;

use muster_catalog::command::{Action, Authority, Command, Mode, Target, Write, WriteBody};
use muster_words::{Coverage, Permission, PermissionReach, Xid};
use thiserror::Error;

use crate::{Extent, Principal, Role};

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// The role hasn't the permission.
    #[error("the role {role} has no permission {permission}")]
    Role {
        /// The role.
        role: Role,
        /// The permission.
        permission: Permission,
    },
    /// The key's scope doesn't reach so far.
    #[error("the key's scope doesn't reach so far")]
    Scope,
}

/// Whether somebody may do something at a place: the one function that every door asks, for reads
/// as for writes. The place is the path of an entity or of a collection; `/` is the registry.
///
/// A place above a key's scope passes, because it leads to the scope: who reads there sees only
/// what lies in the scope, and a command is held to it entity by entity, by the [`Authority`] that
/// travels with it. So it is decided here without looking at what is there, and the answer is the
/// same whether a name exists or not.
///
/// # Errors
/// See [`Forbidden`].
pub fn authorize(
    principal: &Principal,
    permission: Permission,
    place: &str,
) -> Result<Extent, Forbidden> {
    if let Some(scope) = &principal.scope {
        let reaches = match permission.reach() {
            PermissionReach::Anywhere => true,
            PermissionReach::Whole => false,
            PermissionReach::Place => scope.coverage(place) != Coverage::Outside,
        };
        if !reaches {
            return Err(Forbidden::Scope);
        }
    }
    let role = principal.role;
    role.extent(permission).ok_or(Forbidden::Role { role, permission })
}

/// Whether somebody may give a command, and what is left to decide because it depends on what is
/// there.
///
/// # Errors
/// See [`Forbidden`].
pub fn authorize_command(principal: &Principal, command: &Command) -> Result<Authority, Forbidden> {
    let mut authority = Authority { within: principal.scope.clone(), ..Authority::default() };
    for (permission, place) in needs(principal.role, command) {
        let extent = authorize(principal, permission, &place)?;
        if extent == Extent::Own {
            authority.own = Some(principal.same_name.clone());
        }
        authority.only_in_review |=
            matches!(permission, Permission::ApproveDocuments | Permission::RejectDocuments);
    }
    Ok(authority)
}

type Need = (Permission, Cow<'static, str>);

/// What a command needs, and where.
fn needs(role: Role, command: &Command) -> Vec<Need> {
    match &command.action {
        Action::Write(write) => of_write(role, command, write),
        Action::Delete(delete) => {
            let permission = match delete.purge {
                true => Permission::PurgeDocuments,
                false => Permission::DeleteDocuments,
            };
            vec![(permission, place_of(&delete.target))]
        }
        Action::Restore(xid) => vec![(Permission::RestoreDocuments, xid.to_string().into())],
        Action::CreateKey { .. } | Action::RevokeKey { .. } | Action::ForgetKey { .. } => {
            vec![(Permission::ManageKeys, "/".into())]
        }
    }
}

fn of_write(role: Role, command: &Command, write: &Write) -> Vec<Need> {
    let root = |permission| (permission, Cow::Borrowed("/"));
    match (&write.target, &write.body) {
        (Target::Model, _) => vec![root(Permission::WriteModel)],
        (Target::Capabilities, _) => vec![root(Permission::WriteCapabilities)],
        (Target::Entity(Xid::Registry), body) => {
            let brings = |name| matches!(body, WriteBody::Tree(map) if map.contains_key(name));
            let mut needs = vec![root(match write.mode {
                Mode::Post => Permission::WriteDocuments,
                Mode::Put | Mode::Patch => Permission::WriteRegistry,
            })];
            if brings("modelsource") && !command.ignore.model_source {
                needs.push(root(Permission::WriteModel));
            }
            if brings("capabilities") && !command.ignore.capabilities {
                needs.push(root(Permission::WriteCapabilities));
            }
            needs
        }
        (target, _) => {
            let permission = match judgement(write) {
                // Whoever writes documents needs no further permission for this.
                Some(judgement) if role.extent(Permission::WriteDocuments).is_none() => judgement,
                _ => Permission::WriteDocuments,
            };
            vec![(permission, place_of(target))]
        }
    }
}

/// What a write does that says of one version nothing but its next state: approve it, or send it
/// back.
fn judgement(write: &Write) -> Option<Permission> {
    let (Mode::Patch, Target::Entity(_), WriteBody::Tree(map)) =
        (write.mode, &write.target, &write.body)
    else {
        return None;
    };
    match (map.len(), map.get("state").and_then(|state| state.as_str())) {
        (1, Some("stable")) => Some(Permission::ApproveDocuments),
        (1, Some("draft")) => Some(Permission::RejectDocuments),
        _ => None,
    }
}

fn place_of(target: &Target) -> Cow<'static, str> {
    match target {
        Target::Entity(xid) => xid.to_string().into(),
        Target::Groups(groups) => format!("/{groups}").into(),
        Target::Resources { group, resources } => format!("{group}/{resources}").into(),
        Target::Versions(resource) => format!("{resource}/versions").into(),
        Target::Model | Target::Capabilities => "/".into(),
    }
}

#[cfg(test)]
mod tests;
