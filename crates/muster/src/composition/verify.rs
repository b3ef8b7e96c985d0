use std::path::Path;

use muster_http::native::{last_line, progress_line};
use muster_registry::VerifyProgress;
use muster_wire::ledger::VerificationLine;
use tokio::sync::mpsc;

use super::{
    assembly::{LEDGER, OpenOptions, opening, unusable},
    directory::{Directory, IfMissing},
};
use crate::{Context, Failure};

/// Lines that wait to be told. Where they are told more slowly, some of the progress is left out.
const LINES_MAX: usize = 16;

/// Verifies the ledger of a data directory without opening its registry, which a damaged one
/// wouldn't let, and without writing to it. Gives the lines that a server's verification has.
///
/// # Errors
/// There is none, it is in use, or nothing of its ledger can be read.
pub fn verify(
    context: &Context,
    directory: &Path,
) -> Result<mpsc::Receiver<VerificationLine>, Failure> {
    let opened = Directory::open(directory, IfMissing::Refuse, false)
        .map_err(|error| error.failure(&context.shown(directory)))?;
    let store = opened.store();
    let ledger =
        store.reader(LEDGER).map_err(|error| unusable(store.file(LEDGER).as_deref(), &error))?;
    let open_options = OpenOptions { bare: opened.is_bare(), ..OpenOptions::default() };
    let settings = opening(&open_options, Some(&opened), false)?;
    let (lines, read) = mpsc::channel(LINES_MAX);
    tokio::spawn(async move {
        let progress = |progress: VerifyProgress| {
            // A line that nobody has read yet says nearly the same.
            let _ = lines.try_send(progress_line(progress));
        };
        let outcome = muster_registry::verify(&ledger, &settings, progress).await;
        // Whoever asked may have stopped listening.
        let _ = lines.send(last_line(&outcome)).await;
        // Nobody else may have the directory while it is read.
        drop(opened);
    });
    Ok(read)
}
