//! Deliveries to a folder: a file for each event, named by its position.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    changes::DocumentChange,
    decision::{TryFailure, TryOutcome},
};

/// Writes an event as `<position>-<number>.json`, whole or not at all. Writing it again replaces it
/// with the same bytes.
pub async fn deliver(folder: PathBuf, change: &DocumentChange, body: bytes::Bytes) -> TryOutcome {
    let name = format!("{:020}-{:06}.json", change.id.position.0, change.id.index);
    let written = tokio::task::spawn_blocking(move || write(&folder, &name, &body)).await;
    match written {
        Ok(Ok(())) => TryOutcome::Taken,
        Ok(Err(error)) => TryOutcome::Failed(TryFailure::File(error.kind().to_string())),
        Err(_) => TryOutcome::Failed(TryFailure::File("the write was cut off".to_owned())),
    }
}

fn write(folder: &Path, name: &str, body: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{name}.part"));
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(body)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    // The name is durable when the folder is.
    fs::File::open(folder)?.sync_all()
}
