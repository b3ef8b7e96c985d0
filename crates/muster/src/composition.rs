//! Assembles the rooms: opens a registry in this process, and serves one.
//!
//! Requests and results are plain structs ([`ServeOptions`], [`StartupMessage`]); the files below do the work. A
//! server and a command on a data directory open the same parts and use the same routes; the server
//! adds a socket. Only one command doesn't open the registry: `ledger verify` must also work on a
//! ledger that can't be opened.

mod assembly;
mod backups;
mod certificate;
mod clock;
mod demo;
mod directory;
mod events;
mod health_checks;
mod listen_address;
mod live_providers;
mod log_file;
mod logging;
mod measuring;
mod notices;
mod open;
mod open_files;
mod outbound;
mod pages;
mod purges;
mod refusals;
mod relaying;
mod restoring;
mod routes;
mod serve;
mod serve_options;
mod signals;
mod site;
mod startup_message;
mod stop_report;
mod texts;
mod trusted_clock;
mod verify;
mod vital_signs;

pub use backups::FetchedBackup;
pub use certificate::TlsFiles;
pub(crate) use clock::random;
pub use directory::address_of;
pub(crate) use open::close_opened;
pub use open::{make, open, open_empty};
pub use purges::purge;
pub use refusals::directory_in_use;
pub use restoring::{BackupToRestore, restore_backup};
pub use serve::serve;
pub use serve_options::ServeOptions;
pub use site::{bucket_access, rotate_site_key};
pub use startup_message::{Example, StartupMessage};
pub use verify::verify;
