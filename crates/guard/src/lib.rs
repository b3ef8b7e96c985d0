//! May they? Principals, the API keys by which they are known, the table of roles, and the seam
//! through which every read and every command passes.
//!
//! Decisions are functions of a view and of what a request carried: nothing here does I/O, reads a
//! clock or draws a random number, but for the one module that keeps the ledger's own key in a
//! file ([`ledger_key`]), and it takes path and seed from its caller.

mod api_key;
mod authorize;
mod credentials;
mod keyring;
pub mod ledger_key;
mod principal;
mod record;
mod role;

pub use api_key::{
    ApiKey, ApiKeyError, GIVEN_KEY_LENGTH_MIN, GivenKey, GivenKeyError, KEY_ID_BYTES, SECRET_BYTES,
    credentials,
};
pub use authorize::{Forbidden, authorize, authorize_command};
pub use credentials::{AdmissionError, Credentials, is_open, keys_kept};
pub use keyring::Keyring;
pub use principal::{ANONYMOUS_ACTOR, OPEN_ACTOR, Principal};
pub use record::{KeyRecord, NAME_LENGTH_MAX, NameRefused, RecordError, SALT_BYTES};
pub use role::{Extent, Role, UnknownRole};
