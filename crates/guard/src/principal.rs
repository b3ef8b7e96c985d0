use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Moment, XidPatterns};

use crate::Role;

/// The principal of everybody while there are no keys, and of who opens a data directory.
pub const OPEN_ACTOR: &str = "admin";

/// The principal of whoever shows no key, where people may read without one.
pub const ANONYMOUS_ACTOR: &str = "anonymous";

/// Who a request is from, as far as anybody needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// An opaque id, which entries of the ledger carry: never a name or an address, because what
    /// stands in an entry can't be erased.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// Where it may do it; none: everywhere.
    pub scope: Option<Arc<XidPatterns>>,
    /// From when on it is nobody.
    pub expires: Option<Moment>,
    /// The ids of all keys of its key's name, its own included: what was made under one of them
    /// is its own.
    pub same_name: Arc<BTreeSet<Arc<str>>>,
}

impl Principal {
    /// Somebody of that role, everywhere and for ever.
    #[must_use]
    pub fn new(id: &str, role: Role) -> Self {
        let id: Arc<str> = id.into();
        let same_name = Arc::new([id.clone()].into());
        Self { id, role, scope: None, expires: None, same_name }
    }

    /// Whoever may do everything: who opens a data directory, or a registry without keys.
    #[must_use]
    pub fn owner() -> Self {
        Self::new(OPEN_ACTOR, Role::Admin)
    }

    /// Who asks only how the server is: no place is in its scope.
    #[must_use]
    pub fn probe() -> Self {
        let scope = Some(Arc::default());
        Self { scope, ..Self::new(ANONYMOUS_ACTOR, Role::Consumer) }
    }

    /// Whether it is still somebody at a moment.
    #[must_use]
    pub fn is_valid_at(&self, now: Moment) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
