use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

/// Who a request is from, as far as anybody needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// An opaque id, which entries of the ledger carry: never a name or an address, because what
    /// stands in an entry can't be erased.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Role,
}

/// What somebody may do. Until there are policies this is the only role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
}

/// There is no role of that name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no role {role:?}; until there are policies the only one is admin")]
pub struct UnknownRole {
    /// What was given.
    pub role: String,
}

impl Role {
    /// The role's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
        }
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
        match text {
            "admin" => Ok(Self::Admin),
            other => Err(UnknownRole { role: other.chars().take(64).collect() }),
        }
    }
}
