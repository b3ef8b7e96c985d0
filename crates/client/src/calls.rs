//! The calls, one file per part of the API.

mod apply;
mod backup;
mod changes;
mod collections;
mod deleted;
mod diff;
mod documents;
mod export;
mod keys;
mod lines;
mod model;
mod proofs;
mod propagation;
mod providers;
mod references;
mod rollback;
mod schemas;
mod search;
mod site;
mod sync;

pub use backup::BackupBytes;
pub use changes::{ChangeStream, ReceivedChange, StreamItem, StreamStart};
pub use collections::Page;
pub use documents::{DeleteOptions, DocumentUpload, FetchedDocument, Precondition, digest_of};
pub use lines::JsonLines;

use muster_words::Xid;

/// The path of an entity on the server: `/api/providers/cms` for `/providers/cms`.
#[must_use]
pub fn path_of(xid: &Xid) -> String {
    match xid {
        Xid::Registry => "/api".to_owned(),
        xid => format!("/api{xid}"),
    }
}
