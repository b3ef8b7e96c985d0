//! Authentication and authorisation: principals, API keys, the table of roles, and the check that
//! every read and every command passes.
//!
//! Decisions are functions of a view and a request. Nothing here does I/O, reads a clock or draws a
//! random number, except [`ledger_key`], which keeps the ledger's signing key in a file; its caller
//! passes the path and the seed; and [`secret_references`], which reads the files that hold secrets.

pub mod addresses;
mod api_key;
mod authorize;
mod credentials;
mod keyring;
pub mod ledger_key;
mod principal;
mod record;
mod role;
pub mod secret_references;

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
