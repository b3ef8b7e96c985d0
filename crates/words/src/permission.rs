use std::fmt;

/// What somebody may be allowed to do. Every operation of the API names one, and a role is a set
/// of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See documents with their attributes and versions, list and filter them, and follow their
    /// changes.
    ReadDocuments,
    /// Create and update documents, their versions and the groups that hold them.
    WriteDocuments,
    /// Delete documents and versions so that they can be restored.
    DeleteDocuments,
    /// Undo a deletion.
    RestoreDocuments,
    /// Erase documents for good.
    PurgeDocuments,
    /// Make a version that is in review stable.
    ApproveDocuments,
    /// Make a version that is in review a draft again.
    RejectDocuments,
    /// Have documents checked without writing them.
    ValidateDocuments,
    /// See who changed what.
    ReadLog,
    /// See the model, the capabilities and the description of the API, and whether the server is
    /// ready.
    ReadRegistry,
    /// Change the registry's own attributes.
    WriteRegistry,
    /// Change the model.
    WriteModel,
    /// Change the capabilities.
    WriteCapabilities,
    /// Take many documents back to what they were.
    Rollback,
    /// Publish documents to where they are served from.
    Publish,
    /// Say what is told to whom.
    ManageRoutes,
    /// Start, stop and configure live providers.
    ControlProviders,
    /// Send something to live providers.
    CallProviders,
    /// Read and verify the ledger itself.
    ReadLedger,
    /// Copy everything, keys included.
    Backup,
    /// See how the registry is.
    ReadStatus,
    /// See what is counted.
    ReadMetrics,
    /// Say where a follower of the ledger goes on.
    ResumeFollowers,
    /// See which keys there are.
    ListKeys,
    /// Create and revoke keys, and erase their names.
    ManageKeys,
}

/// What a key's scope has to do with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionReach {
    /// It is used at a place, which must lie in the scope.
    Place,
    /// It is about the whole registry: a key with a scope never has it.
    Whole,
    /// It tells nothing of any place.
    Anywhere,
}

impl Permission {
    /// Every permission, in the order in which tables show them.
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

    /// The name, as errors and the description of the API write it.
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

    /// What a key's scope has to do with it.
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

    /// Whether whoever has it can change something.
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
