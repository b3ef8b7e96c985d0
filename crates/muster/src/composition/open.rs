use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use muster_client::{InProcess, Transport};

use super::{
    assembly::{Assembly, OpenOptions, Storage},
    directory::{Directory, IfMissing},
    outbound::Outbound,
    site::Publishing,
};
use crate::{Context, Failure, settings::SiteArea};

/// A new data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedDirectory {
    /// The registry's id.
    pub registry_id: String,
    /// The name of the key that signs its checkpoints.
    pub signer: String,
}

/// Creates a data directory with an empty registry. If an earlier attempt was interrupted before
/// the first entry, it is completed.
///
/// # Errors
/// The directory already holds a registry, or can't be written.
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

/// Opens a data directory in this process and returns a transport to its routes. Requests have the
/// permissions of an admin, because the file system already decided who may open the folder.
///
/// # Errors
/// There is no registry, it is in use, or this release can't read it.
pub async fn open(context: &Context, directory: &Path) -> Result<Arc<dyn Transport>, Failure> {
    let opened = Directory::open(directory, IfMissing::Refuse, false)
        .map_err(|error| error.failure(&context.shown(directory)))?;
    let outbound = Outbound::read(&context.settings, &context.environment)?;
    // Nobody but this command reads it here.
    let site = SiteArea { public: false, ..context.settings.site.clone() };
    let open_options = OpenOptions {
        bare: opened.is_bare(),
        publishing: Publishing::read(&site, &context.environment)?,
        outbound,
        ..OpenOptions::default()
    };
    let assembly = Arc::new(Assembly::open(Storage::Data(opened), &open_options).await?);
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(assembly.clone());
    Ok(Arc::new(in_process(&assembly, context.shown(directory))))
}

/// Opens an empty registry in memory, for questions that need no stored documents.
///
/// # Errors
/// The registry can't be made.
pub async fn open_empty() -> Result<Arc<dyn Transport>, Failure> {
    let assembly = Arc::new(Assembly::open(Storage::Memory, &OpenOptions::default()).await?);
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).push(assembly.clone());
    Ok(Arc::new(in_process(&assembly, "this process".to_owned())))
}

/// The registries that commands of this process opened. Transports hold references to them, so they
/// are closed only at the end of the command.
static OPENED: Mutex<Vec<Arc<Assembly>>> = Mutex::new(Vec::new());

/// Closes the opened registries: writes the last checkpoint and removes the database's log file.
pub(crate) async fn close_opened() {
    let opened = std::mem::take(&mut *OPENED.lock().unwrap_or_else(PoisonError::into_inner));
    for assembly in opened {
        assembly.close().await;
    }
}

/// A transport to an assembly in this process.
pub(super) fn in_process(assembly: &Arc<Assembly>, place: String) -> InProcess {
    let assembly = assembly.clone();
    InProcess::new(place, move |request| {
        let assembly = assembly.clone();
        async move { assembly.answer(request).await }
    })
}
