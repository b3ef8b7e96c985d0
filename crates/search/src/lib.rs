//! Full text: an index of the words in documents, in SQLite's FTS5, and the follower of the ledger
//! that keeps it.
//!
//! It isn't a place of truth. It can be dropped and is built again from the registry; what it finds
//! is checked against a view by whoever asks, and fields with values belong to the catalog's own
//! indexes.

// The catalog's nested chains need more than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod background;
mod find;
mod follower;
mod index;
mod pace;
mod place;
mod query;
mod text;

pub use find::{TEXT_HITS_MAX, TextCandidates, TextHits};
pub use follower::{FOLLOWER, TextFollower, fill};
pub use index::{TextIndex, TextIndexError};
pub use query::{QUERY_BYTES_MAX, TextQuery, TextQueryError};
pub use text::{DocumentText, text_of};
