//! Where the rooms come together: opening a registry in this process, and serving one.
//!
//! What is asked for stands here as plain structs ([`Order`], [`Greeting`]); how it is done is in
//! the files below. A server and a command on a data directory open the same parts and answer from
//! the same routes; the server adds a socket. One command doesn't open what it is about: a ledger
//! that can't be opened can still be verified.

mod assembly;
mod clock;
mod demo;
mod directory;
mod doors;
mod greeting;
mod logging;
mod open;
mod order;
mod refusals;
mod serve;
mod signals;
mod verify;

pub use greeting::{Example, Greeting};
pub(crate) use open::close_opened;
pub use open::{make, open};
pub use order::Order;
pub use refusals::{directory_in_use, key_required};
pub use serve::serve;
pub use verify::verify;
