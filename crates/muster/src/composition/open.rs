use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use muster_client::{InProcess, Transport};

use super::{
    assembly::{Assembly, OpenOptions, Storage},
    directory::{Directory, IfMissing},
};
use crate::{Context, Failure};

/// A data directory that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedDirectory {
    /// The registry's id.
    pub registry_id: String,
    /// The name of the key that signs its checkpoints.
    pub signer: String,
}

/// Makes a data directory with a registry that holds nothing. One that was begun and cut off
/// before its ledger's first entry is finished.
///
/// # Errors
/// There is one already, or the directory can't be written.
pub fn make(
    context: &Context,
    directory: &Path,
    registry_id: Option<&str>,
) -> Result<CreatedDirectory, Failure> {
    let id = registry_id.map(super::assembly::registry_id).transpose()?;
    let opened = Directory::open(directory, IfMissing::Make, false)
        .map_err(|error| error.failure(&context.shown(directory)))?;
    let open_options =
        OpenOptions { id, bare: opened.is_bare(), new_only: true, ..OpenOptions::default() };
    context.wait(async {
        let assembly = Assembly::open(Storage::Data(opened), &open_options).await?;
        let signer = assembly.registry.checkpoint().map(|file| file.verifier().to_string());
        let made = CreatedDirectory {
            registry_id: assembly.registry.view().id().to_string(),
            signer: signer.unwrap_or_default(),
        };
        assembly.close().await;
        Ok(made)
    })
}

/// Opens a data directory in this process and gives the way to its router, as an admin: the
/// folder's permissions have decided.
///
/// # Errors
/// There is none, it is in use, or it doesn't hold a registry that this release can read.
pub async fn open(context: &Context, directory: &Path) -> Result<Arc<dyn Transport>, Failure> {
    let opened = Directory::open(directory, IfMissing::Refuse, false)
        .map_err(|error| error.failure(&context.shown(directory)))?;
    let open_options = OpenOptions { bare: opened.is_bare(), ..OpenOptions::default() };
    let assembly = Arc::new(Assembly::open(Storage::Data(opened), &open_options).await?);
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(assembly.clone());
    Ok(Arc::new(in_process(&assembly, context.shown(directory))))
}

/// The registries that a command of this process has opened. A way to one is handed on to
/// whatever makes requests, so the end of the command is where they are closed.
static OPENED: Mutex<Vec<Arc<Assembly>>> = Mutex::new(Vec::new());

/// Closes what was opened: the last checkpoint is kept, and no log is left beside the database.
pub(crate) async fn close_opened() {
    let opened = std::mem::take(&mut *OPENED.lock().unwrap_or_else(PoisonError::into_inner));
    for assembly in opened {
        assembly.close().await;
    }
}

/// The way to an assembly's routes from within this process.
pub(super) fn in_process(assembly: &Arc<Assembly>, place: String) -> InProcess {
    let assembly = assembly.clone();
    InProcess::new(place, move |request| {
        let assembly = assembly.clone();
        async move { assembly.answer(request).await }
    })
}
