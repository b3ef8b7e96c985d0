use std::path::Path;

use muster_http::native::{last_line, progress_line};
use muster_registry::VerifyProgress;
use muster_wire::ledger::VerificationLine;
use muster_words::Digest;
use tokio::sync::{mpsc, oneshot};

use super::{
    assembly::{LEDGER, OpenOptions, opening, remember_log, unusable},
    directory::{Directory, IfMissing},
};
use crate::{Context, Failure};

/// Queued lines. If the reader is slower, progress lines are dropped.
const LINES_MAX: usize = 16;

/// The verification of a ledger in a data directory.
pub struct DirectoryVerification {
    /// The same lines as a server's.
    pub lines: mpsc::Receiver<VerificationLine>,
    /// The root of as many entries as were asked for, once the ledger verified; none if it has
    /// fewer.
    pub root: oneshot::Receiver<Option<Digest>>,
}

/// Verifies the ledger of a data directory without opening its registry, because a damaged registry
/// can't be opened. Writes nothing. Sends the same lines as a server's verification, and the root
/// of the first `size` entries.
///
/// # Errors
/// There is no registry, it is in use, or nothing of its ledger can be read.
pub fn verify(
    context: &Context,
    directory: &Path,
    size: u64,
) -> Result<DirectoryVerification, Failure> {
    let mut opened = Directory::open(directory, IfMissing::Refuse, false)
        .map_err(|error| error.failure(&context.shown(directory)))?;
    let store = opened.store();
    let read = store.reader(LEDGER);
    // It empties no log, so only damage is remembered.
    if read.is_err() {
        remember_log(Some(&mut opened), read.as_ref().err());
    }
    let ledger = read.map_err(|error| unusable(store.file(LEDGER).as_deref(), &error))?;
    let open_options = OpenOptions { bare: opened.is_bare(), ..OpenOptions::default() };
    let settings = opening(&open_options, Some(&opened), false)?;
    let (lines, read) = mpsc::channel(LINES_MAX);
    let (rooted, root) = oneshot::channel();
    tokio::spawn(async move {
        let progress = |progress: VerifyProgress| {
            // If the queue is full, the line in it says nearly the same.
            let _ = lines.try_send(progress_line(progress));
        };
        let outcome = muster_registry::verify(&ledger, &settings, progress).await;
        if outcome.is_ok() {
            // What can't be read again differs, which is what the reader is told.
            let found = muster_registry::root(&ledger, size).await;
            let _ = rooted.send(found.ok().flatten());
        }
        // The reader may be gone.
        let _ = lines.send(last_line(&outcome)).await;
        // The lock is held until the end of the verification.
        drop(opened);
    });
    Ok(DirectoryVerification { lines: read, root })
}
