use std::{fmt, str::FromStr};

use muster_words::Permission;
use thiserror::Error;

/// The role of a key: a set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has all permissions.
    Admin,
    /// Writes documents, and deletes and restores its own.
    Publisher,
    /// Approves or rejects versions in review.
    Reviewer,
    /// Reads documents.
    Consumer,
    /// Reads documents, the log and the ledger.
    Auditor,
}

/// What a permission applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    All,
    /// Only what was made under the same key's name.
    Own,
}

/// There is no role with this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no role {role:?}; roles are admin, publisher, reviewer, consumer and auditor")]
pub struct UnknownRole {
    /// The given name.
    pub role: String,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Admin, Self::Publisher, Self::Reviewer, Self::Consumer, Self::Auditor];

    /// The role's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Publisher => "publisher",
            Self::Reviewer => "reviewer",
            Self::Consumer => "consumer",
            Self::Auditor => "auditor",
        }
    }

    /// The table of roles: what a permission applies to for this role; none if the role doesn't
    /// have it.
    ///
    /// A new permission must be added to a row here; otherwise nothing compiles.
    #[must_use]
    pub const fn extent(self, permission: Permission) -> Option<Extent> {
        use Permission as May;
        use Role::{Admin, Auditor, Consumer, Publisher, Reviewer};
        let has = match (permission, self) {
            (_, Admin) => true,
            (May::DeleteDocuments | May::RestoreDocuments, Publisher) => return Some(Extent::Own),
            (May::ReadDocuments | May::ReadRegistry, _) => true,
            (May::WriteDocuments | May::Publish | May::CallProviders, role) => {
                matches!(role, Publisher)
            }
            (May::ApproveDocuments | May::RejectDocuments, role) => matches!(role, Reviewer),
            (May::ValidateDocuments, role) => matches!(role, Publisher | Reviewer | Consumer),
            (May::ReadLog | May::ReadStatus, role) => {
                matches!(role, Publisher | Reviewer | Auditor)
            }
            (May::ReadLedger | May::ReadMetrics | May::ListKeys, role) => matches!(role, Auditor),
            (
                May::DeleteDocuments
                | May::RestoreDocuments
                | May::PurgeDocuments
                | May::WriteRegistry
                | May::WriteModel
                | May::WriteCapabilities
                | May::Rollback
                | May::ManageRoutes
                | May::ControlProviders
                | May::Backup
                | May::ResumeFollowers
                | May::ManageKeys,
                _,
            ) => false,
        };
        if has { Some(Extent::All) } else { None }
    }

    /// Whether the role can change anything.
    #[must_use]
    pub fn changes(self) -> bool {
        let mut all = Permission::ALL.iter();
        all.any(|permission| permission.changes() && self.extent(*permission).is_some())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| UnknownRole { role: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line per permission, one column per role in the order of [`Role::ALL`]: `+` has it, `o`
    /// has it for its own, `-` doesn't have it.
    const TABLE: &str = "
        document:read       +++++
        document:write      ++---
        document:delete     +o---
        document:restore    +o---
        document:purge      +----
        document:approve    +-+--
        document:reject     +-+--
        document:validate   ++++-
        log:read            +++-+
        registry:read       +++++
        registry:write      +----
        model:write         +----
        capabilities:write  +----
        registry:rollback   +----
        publication:publish ++---
        route:manage        +----
        provider:control    +----
        provider:call       ++---
        ledger:read         +---+
        registry:backup     +----
        status:read         +++-+
        metrics:read        +---+
        follower:resume     +----
        key:list            +---+
        key:manage          +----";

    #[test]
    fn each_role_has_what_the_table_says() {
        let drawn: Vec<String> = Permission::ALL
            .iter()
            .map(|permission| {
                let letters = Role::ALL.map(|role| match role.extent(*permission) {
                    Some(Extent::All) => '+',
                    Some(Extent::Own) => 'o',
                    None => '-',
                });
                format!("{} {}", permission.name(), letters.iter().collect::<String>())
            })
            .collect();
        let expect: Vec<String> = TABLE
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(drawn, expect);
    }

    /// The page shows the same table to people.
    #[test]
    fn the_page_has_the_same_table() {
        let page = include_str!("../../../docs/explanation/keys-and-roles.md");
        for permission in Permission::ALL {
            let cells = Role::ALL.map(|role| match role.extent(*permission) {
                Some(Extent::All) => "yes",
                Some(Extent::Own) => "own",
                None => "–",
            });
            let row = format!("| `{}` | {} |\n", permission.name(), cells.join(" | "));
            assert!(page.contains(&row), "lacks {row}");
        }
    }

    #[test]
    fn knows_its_names_and_who_only_reads() {
        for (role, changes) in [
            (Role::Admin, true),
            (Role::Publisher, true),
            (Role::Reviewer, true),
            (Role::Consumer, false),
            (Role::Auditor, false),
        ] {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(role.changes(), changes, "{role}");
        }
        assert!("Admin".parse::<Role>().is_err());
    }
}
