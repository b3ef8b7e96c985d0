//! Secrets that documents name by reference, and who may receive which.
//!
//! A document never holds a secret, because everybody who reads it would have it, and the ledger
//! keeps it for ever. It names one instead: `env:NAME` or `file:/path`. A name is powerful, too:
//! who could put `env:ADMIN_TOKEN` into a target with a URL of their own would receive the token. So
//! the settings say which secret may go to which hosts, and a name that they don't list can only be
//! put by an admin.

mod list;
mod naming;
mod reference;

pub use list::{Secret, SecretError, SecretList, SecretListError, SecretSources, Variables};
pub use naming::{COLLECTIONS_THAT_NAME_SECRETS, SecretDenied};
pub use reference::{SecretReference, SecretReferenceError};

#[cfg(test)]
mod tests;
