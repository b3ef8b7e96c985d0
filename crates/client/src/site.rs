//! Reads a published site, and is never left without an answer: from memory, from the source, from
//! what is old in memory, from disk, from a snapshot in the program, and at last with an answer that
//! says that there is none.
//!
//! Documents are kept by their digests and a manifest says which belong together, so an answer is
//! never of another state than the manifest that it comes with.

mod answer;
mod batch;
mod difference;
mod disk;
mod documents;
mod fresh;
mod health;
mod memory;
mod options;
mod reader;
mod refresh;
mod snapshot;
mod source;
mod verified;
mod watch;

pub use answer::{SiteAnswer, SiteError, Tier};
pub use difference::{ChangedField, fields_changed};
pub use documents::{Offer, ProviderDocument, StackDocument};
pub use fresh::FreshDocument;
pub use health::{CacheStatistics, SiteHealth, SourceCondition};
pub use options::SiteOptions;
pub use reader::SiteReader;
pub use snapshot::{Snapshot, SnapshotError};
pub use source::{FolderSource, SiteSource, SourceFault, UrlSource};
pub use verified::{ManifestRefused, VerifiedManifest};
pub use watch::{SiteChange, SiteChangeKind, SiteWatch};

#[cfg(test)]
mod tests;
