use std::fmt;

/// A permission. Every operation of the API needs one, and a role is a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read documents with their attributes and versions, list and filter them, and follow their
    /// changes.
    ReadDocuments,
    /// Create and update documents, their versions and their groups.
    WriteDocuments,
    /// Delete documents and versions; they can be restored.
    DeleteDocuments,
    /// Undo a deletion.
    RestoreDocuments,
    /// Erase documents for ever.
    PurgeDocuments,
    /// Make a version in review stable.
    ApproveDocuments,
    /// Make a version in review a draft again.
    RejectDocuments,
    /// Validate documents without writing them.
    ValidateDocuments,
    /// Read the log.
    ReadLog,
    /// Read the model, the capabilities, the OpenAPI document and the readiness of the server.
    ReadRegistry,
    /// Change the registry's own attributes.
    WriteRegistry,
    /// Change the model.
    WriteModel,
    /// Change the capabilities.
    WriteCapabilities,
    /// Roll documents back to an earlier state.
    Rollback,
    /// Publish documents to where they are served.
    Publish,
    /// Manage the routes of notifications.
    ManageRoutes,
    /// Start, stop and configure live providers.
    ControlProviders,
    /// Send requests to live providers.
    CallProviders,
    /// Read and verify the ledger.
    ReadLedger,
    /// Copy everything, including keys.
    Backup,
    /// Read the status of the registry.
    ReadStatus,
    /// Read the metrics.
    ReadMetrics,
    /// Resume a follower of the ledger.
    ResumeFollowers,
    /// List keys.
    ListKeys,
    /// Create and revoke keys, and erase their records.
    ManageKeys,
}

/// How a key's scope limits a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionReach {
    /// It applies to a place, which must be in the scope.
    Place,
    /// It applies to the whole registry, so a key with a scope never has it.
    Whole,
    /// It reveals nothing about places, so the scope doesn't matter.
    Anywhere,
}

impl Permission {
    /// Every permission, in the order of tables.
    pub const ALL: &[Self] = &[
        Self::ReadDocuments,
        Self::WriteDocuments,
        Self::DeleteDocuments,
        Self::RestoreDocuments,
        Self::PurgeDocuments,
        Self::ApproveDocuments,
        Self::RejectDocuments,
        Self::ValidateDocuments,
        Self::ReadLog,
        Self::ReadRegistry,
        Self::WriteRegistry,
        Self::WriteModel,
        Self::WriteCapabilities,
        Self::Rollback,
        Self::Publish,
        Self::ManageRoutes,
        Self::ControlProviders,
        Self::CallProviders,
        Self::ReadLedger,
        Self::Backup,
        Self::ReadStatus,
        Self::ReadMetrics,
        Self::ResumeFollowers,
        Self::ListKeys,
        Self::ManageKeys,
    ];

    /// The name in errors and in the OpenAPI document.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadDocuments => "document:read",
            Self::WriteDocuments => "document:write",
            Self::DeleteDocuments => "document:delete",
            Self::RestoreDocuments => "document:restore",
            Self::PurgeDocuments => "document:purge",
            Self::ApproveDocuments => "document:approve",
            Self::RejectDocuments => "document:reject",
            Self::ValidateDocuments => "document:validate",
            Self::ReadLog => "log:read",
            Self::ReadRegistry => "registry:read",
            Self::WriteRegistry => "registry:write",
            Self::WriteModel => "model:write",
            Self::WriteCapabilities => "capabilities:write",
            Self::Rollback => "registry:rollback",
            Self::Publish => "publication:publish",
            Self::ManageRoutes => "route:manage",
            Self::ControlProviders => "provider:control",
            Self::CallProviders => "provider:call",
            Self::ReadLedger => "ledger:read",
            Self::Backup => "registry:backup",
            Self::ReadStatus => "status:read",
            Self::ReadMetrics => "metrics:read",
            Self::ResumeFollowers => "follower:resume",
            Self::ListKeys => "key:list",
            Self::ManageKeys => "key:manage",
        }
    }

    /// How a key's scope limits it.
    #[must_use]
    pub const fn reach(self) -> PermissionReach {
        match self {
            Self::ReadDocuments
            | Self::WriteDocuments
            | Self::DeleteDocuments
            | Self::RestoreDocuments
            | Self::PurgeDocuments
            | Self::ApproveDocuments
            | Self::RejectDocuments
            | Self::ValidateDocuments
            | Self::ReadLog
            | Self::CallProviders => PermissionReach::Place,
            Self::ReadRegistry => PermissionReach::Anywhere,
            Self::WriteRegistry
            | Self::WriteModel
            | Self::WriteCapabilities
            | Self::Rollback
            | Self::Publish
            | Self::ManageRoutes
            | Self::ControlProviders
            | Self::ReadLedger
            | Self::Backup
            | Self::ReadStatus
            | Self::ReadMetrics
            | Self::ResumeFollowers
            | Self::ListKeys
            | Self::ManageKeys => PermissionReach::Whole,
        }
    }

    /// Whether it allows changes.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Self::ReadDocuments
                | Self::ValidateDocuments
                | Self::ReadLog
                | Self::ReadRegistry
                | Self::ReadLedger
                | Self::Backup
                | Self::ReadStatus
                | Self::ReadMetrics
                | Self::ListKeys
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lists_each_permission_once_under_a_name_of_its_own() {
        let all: BTreeSet<_> = Permission::ALL.iter().collect();
        let names: BTreeSet<_> = Permission::ALL.iter().map(|one| one.name()).collect();
        assert_eq!((all.len(), names.len()), (Permission::ALL.len(), Permission::ALL.len()));
        assert_eq!(Permission::ALL.last(), Some(&Permission::ManageKeys));
        let index = |permission: &Permission| *permission as usize;
        assert!(Permission::ALL.iter().map(index).eq(0..Permission::ALL.len()));
    }
}
