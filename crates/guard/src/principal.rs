use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Moment, XidPatterns};

use crate::Role;

/// The principal of everybody while there are no keys, and of a process that opens a data
/// directory.
pub const OPEN_ACTOR: &str = "admin";

/// The principal of callers without a key, if they may read.
pub const ANONYMOUS_ACTOR: &str = "anonymous";

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// An opaque id, which ledger entries hold. It is never a name or an address, because entries
    /// can't be erased.
    pub id: Arc<str>,
    /// Its role.
    pub role: Role,
    /// Its places; none means everywhere.
    pub scope: Option<Arc<XidPatterns>>,
    /// When it expires.
    pub expires: Option<Moment>,
    /// The ids of all keys with the same name, including its own. What was made with one of them is
    /// its own.
    pub same_name: Arc<BTreeSet<Arc<str>>>,
}

impl Principal {
    /// A principal with this role, without a scope and without an end.
    #[must_use]
    pub fn new(id: &str, role: Role) -> Self {
        let id: Arc<str> = id.into();
        let same_name = Arc::new([id.clone()].into());
        Self { id, role, scope: None, expires: None, same_name }
    }

    /// The principal with all permissions: of a process that opens a data directory, or of a
    /// registry without keys.
    #[must_use]
    pub fn owner() -> Self {
        Self::new(OPEN_ACTOR, Role::Admin)
    }

    /// The principal of a health probe, whose scope contains no place.
    #[must_use]
    pub fn probe() -> Self {
        let scope = Some(Arc::default());
        Self { scope, ..Self::new(ANONYMOUS_ACTOR, Role::Consumer) }
    }

    /// Whether it may see nothing at all: it asks for the health, or for a page to sign in.
    #[must_use]
    pub fn sees_nothing(&self) -> bool {
        self.scope.as_ref().is_some_and(|scope| scope.is_empty())
    }

    /// Whether it is somebody who shows no key where most callers need one.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        *self.id == *ANONYMOUS_ACTOR
    }

    /// Whether it is valid at a moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Moment) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
