//! Encrypted payloads: Fernet tokens, and the file with the keys that make and read them. Who sends
//! payloads and who receives them use the same code and the same form of file.
//!
//! Nothing here decides what is encrypted, and nothing here draws a random number or reads a clock:
//! random bytes and times are arguments.

mod key_file;
mod token;

pub use key_file::{KeyFile, KeyFileError, ROTATION_DAYS};
pub use token::{FernetError, FernetKey, decrypt};
