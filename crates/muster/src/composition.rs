//! Where the rooms come together: opening a registry in this process, and serving one.
//!
//! What is asked for stands here as plain structs ([`ServeOptions`], [`StartupMessage`]); how it is done is in
//! the files below. A server and a command on a data directory open the same parts and answer from
//! the same routes; the server adds a socket. One command doesn't open what it is about: a ledger
//! that can't be opened can still be verified.

mod assembly;
mod clock;
mod demo;
mod directory;
mod logging;
mod open;
mod refusals;
mod routes;
mod serve;
mod serve_options;
mod signals;
mod startup_message;
mod verify;

pub(crate) use open::close_opened;
pub use open::{make, open};
pub use refusals::{directory_in_use, key_required};
pub use serve::serve;
pub use serve_options::ServeOptions;
pub use startup_message::{Example, StartupMessage};
pub use verify::verify;
