use muster_catalog::command::{Action, Authority, Command, Mode, Plan, Target, Write, WriteBody};
use muster_words::{Coverage, Permission, PermissionReach, Xid};
use thiserror::Error;

use crate::{Extent, Principal, Role};

/// Why something is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// The role doesn't have the permission.
    #[error("the role {role} doesn't have the permission {permission}")]
    Role {
        /// The role.
        role: Role,
        /// The permission.
        permission: Permission,
    },
    /// The caller shows no key, and callers without one don't have the permission.
    #[error("callers without a key don't have the permission {permission}")]
    Anonymous {
        /// The permission.
        permission: Permission,
    },
    /// The place is outside the key's scope.
    #[error("the place is outside the key's scope")]
    Scope,
}

/// Decides whether a principal has a permission at a place. Every endpoint calls this function, for
/// reads and for writes. The place is the path of an entity or a collection; `/` is the registry.
///
/// A place above a key's scope passes, because it leads to the scope: a reader sees only what is in
/// the scope, and a command is checked entity by entity against the [`Authority`] that travels with
/// it. So the decision doesn't depend on the present state, and reveals nothing about which names
/// exist.
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
    role.extent(permission).ok_or_else(|| match principal.is_anonymous() {
        true => Forbidden::Anonymous { permission },
        false => Forbidden::Role { role, permission },
    })
}

/// Decides whether a principal may send a command. Returns the limits that depend on the state and
/// are checked later.
///
/// # Errors
/// See [`Forbidden`].
pub fn authorize_command(principal: &Principal, command: &Command) -> Result<Authority, Forbidden> {
    let mut authority = Authority { within: principal.scope.clone(), ..Authority::default() };
    // Without a scope the place doesn't matter, and most keys have none.
    let place = principal.scope.as_ref().map(|_| place_of(&command.action)).unwrap_or_default();
    for permission in needs(principal.role, command) {
        let extent = authorize(principal, permission, &place)?;
        if extent == Extent::Own {
            authority.own = Some(principal.same_name.clone());
        }
        authority.only_in_review |=
            matches!(permission, Permission::ApproveDocuments | Permission::RejectDocuments);
    }
    Ok(authority)
}

/// The permissions that a command needs.
fn needs(role: Role, command: &Command) -> Vec<Permission> {
    match &command.action {
        Action::Write(write) => of_write(role, command, write),
        Action::Apply(plan) => of_plan(plan),
        Action::Delete(delete) if delete.purge => vec![Permission::PurgeDocuments],
        Action::Delete(_) => vec![Permission::DeleteDocuments],
        Action::Restore(_) => vec![Permission::RestoreDocuments],
        Action::Rollback(_) => vec![Permission::Rollback],
        Action::CreateKey { .. } | Action::RevokeKey { .. } | Action::ForgetKey { .. } => {
            vec![Permission::ManageKeys]
        }
        // Only the server itself does it.
        Action::RegisterSchemas(_) => vec![Permission::WriteRegistry],
    }
}

/// What each part of a plan would need as a command of its own.
fn of_plan(plan: &Plan) -> Vec<Permission> {
    let writes = !plan.groups.is_empty() || !plan.documents.is_empty();
    let parts = [
        (plan.model.is_some(), Permission::WriteModel),
        // A plan of nothing needs what the door names.
        (writes || plan.entities() == 0 && plan.model.is_none(), Permission::WriteDocuments),
        (!plan.deleted.is_empty(), Permission::DeleteDocuments),
        (!plan.restored.is_empty(), Permission::RestoreDocuments),
    ];
    parts.into_iter().filter(|(is_part, _)| *is_part).map(|(_, needed)| needed).collect()
}

fn of_write(role: Role, command: &Command, write: &Write) -> Vec<Permission> {
    match (&write.target, &write.body) {
        (Target::Model, _) => vec![Permission::WriteModel],
        (Target::Capabilities, _) => vec![Permission::WriteCapabilities],
        (Target::Entity(Xid::Registry), body) => {
            let brings = |name| matches!(body, WriteBody::Tree(map) if map.contains_key(name));
            let mut needs = vec![match write.mode {
                Mode::Post => Permission::WriteDocuments,
                Mode::Put | Mode::Patch => Permission::WriteRegistry,
            }];
            if brings("modelsource") && !command.ignore.model_source {
                needs.push(Permission::WriteModel);
            }
            if brings("capabilities") && !command.ignore.capabilities {
                needs.push(Permission::WriteCapabilities);
            }
            needs
        }
        _ => match judgement(command, write) {
            // Permission to write documents is enough for this.
            Some(judgement) if role.extent(Permission::WriteDocuments).is_none() => vec![judgement],
            _ => vec![Permission::WriteDocuments],
        },
    }
}

/// The permission to approve or reject, if a write changes nothing but the state of one version.
fn judgement(command: &Command, write: &Write) -> Option<Permission> {
    if command.set_default.is_some() {
        return None;
    }
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

/// The path that a command is about.
fn place_of(action: &Action) -> String {
    let target = match action {
        Action::Write(write) => &write.target,
        Action::Delete(delete) => &delete.target,
        Action::Restore(xid) => return xid.to_string(),
        Action::Rollback(rollback) => return rollback.place.to_string(),
        Action::Apply(_)
        | Action::CreateKey { .. }
        | Action::RevokeKey { .. }
        | Action::ForgetKey { .. }
        | Action::RegisterSchemas(_) => return "/".to_owned(),
    };
    match target {
        Target::Model | Target::Capabilities => "/".to_owned(),
        target => target.to_string(),
    }
}

#[cfg(test)]
mod tests;
