//! May they? Principals, the API keys by which they are known, and the seam through which every
//! command passes before it is submitted.
//!
//! Decisions are functions of a view and of what a request carried: nothing here does I/O, reads a
//! clock or draws a random number, but for the one module that keeps the ledger's own key in a
//! file ([`ledger_key`]), and it takes path and seed from its caller.

mod admission;
mod api_key;
mod authorize;
mod keyring;
pub mod ledger_key;
mod principal;
mod record;

pub use admission::{Admission, NotAdmitted, OPEN_ACTOR, is_open, keys_in_force};
pub use api_key::{
    ApiKey, ApiKeyError, GIVEN_KEY_LENGTH_MIN, GivenKey, GivenKeyError, KEY_ID_BYTES, SECRET_BYTES,
    bearer,
};
pub use authorize::{Denied, authorize};
pub use keyring::Keyring;
pub use principal::{Principal, Role, UnknownRole};
pub use record::{KeyRecord, NAME_LENGTH_MAX, NameRefused, RecordError, SALT_BYTES};
