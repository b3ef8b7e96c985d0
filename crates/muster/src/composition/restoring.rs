use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use muster_ledger::{Verifier, checkpoint};
use muster_registry::{BackupItem, BackupRestoration, CheckedBackup, RestoreError};
use muster_stores::Store;

use super::{
    assembly::{Assembly, LEDGER, OpenOptions, Storage, registry_id},
    clock::{clock, random},
    directory::{Directory, IfMissing},
};
use crate::{
    Context, Failure, OwnCode,
    backup_file::{BackupReading, BackupSource, broken},
    output::progress::ProgressLine,
};

/// What to restore, and where.
#[derive(Clone, Copy, Debug)]
pub struct BackupToRestore<'a> {
    /// The backup.
    pub file: &'a Path,
    /// The data directory to make.
    pub directory: &'a Path,
    /// The key that must have signed it.
    pub key: Option<&'a Verifier>,
}

/// A registry that was made from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredRegistry {
    /// Its id.
    pub registry: String,
    /// The entries of the backup, and one that says that it was restored.
    pub entries: u64,
    /// The key that signs its ledger from now on.
    pub key: String,
    /// The key that signed the backup.
    pub former_key: String,
}

/// Makes a data directory from a backup. Everything is verified, written beside the directory, and
/// opened once, before the directory gets its name.
///
/// # Errors
/// The directory isn't empty, the backup isn't valid, or the system refuses.
pub async fn restore_backup(
    context: &Context,
    wanted: BackupToRestore<'_>,
    progress: &mut ProgressLine,
) -> Result<RestoredRegistry, Failure> {
    refuse_used(context, wanted.directory)?;
    let beside = Beside::make(context, wanted.directory)?;
    let (opened, backup) = write(context, wanted, &beside, progress).await?;
    // Folds the ledger, and signs its first checkpoint.
    let open_options = OpenOptions { bare: opened.is_bare(), ..OpenOptions::default() };
    let assembly = Assembly::open(Storage::Data(opened), &open_options).await?;
    let restored = RestoredRegistry {
        registry: assembly.registry.view().id().to_string(),
        entries: assembly.registry.view().position().0,
        key: assembly
            .registry
            .checkpoint()
            .map_or_else(String::new, |file| file.verifier().to_string()),
        former_key: backup.key.to_string(),
    };
    assembly.close().await;
    drop(assembly);
    beside.place(wanted.directory).map_err(|error| refused(context, wanted.directory, &error))?;
    Ok(restored)
}

/// Refuses a directory that holds anything.
fn refuse_used(context: &Context, directory: &Path) -> Result<(), Failure> {
    let shown = context.shown(directory);
    match fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(OwnCode::AlreadyThere, format!("{shown} isn't empty"))
            .help("a backup is restored into a new directory, so that nothing is lost")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(context, directory, &error)),
    }
}

/// Writes the backup's ledger into the directory beside the wanted one.
async fn write(
    context: &Context,
    wanted: BackupToRestore<'_>,
    beside: &Beside,
    progress: &mut ProgressLine,
) -> Result<(Directory, CheckedBackup), Failure> {
    let shown = context.shown(wanted.file);
    let mut source = BackupSource::open(wanted.file, shown.clone())?;
    let mut reading = BackupReading::default();
    let mut target: Option<(Directory, Arc<dyn Store>, BackupRestoration)> = None;
    loop {
        let piece = source.next()?;
        if piece.is_empty() {
            break;
        }
        let mut items: Vec<BackupItem> = Vec::new();
        let taken = reading.take(piece, |item| items.push(item));
        taken.map_err(|error| broken(&shown, &error))?;
        if let (None, Some(is_bare)) = (&target, reading.is_bare()) {
            target = Some(begin(context, beside, is_bare).await?);
        }
        for item in items {
            if let Some((.., restoration)) = &mut target {
                restoration.add(item).await.map_err(|error| unwritten(&error))?;
            }
        }
        reading.show(progress);
    }
    let backup = reading.end(wanted.key).map_err(|error| broken(&shown, &error))?;
    let Some((directory, store, restoration)) = target else {
        return Err(Failure::new(OwnCode::BackupBroken, format!("{shown} is empty")));
    };
    // Eight digits of chance keep the names of several restorations of one backup apart.
    let ledger = format!("{LEDGER}-{:08x}", u32::from_be_bytes(random()));
    let origin = checkpoint::origin(&registry_id(&backup.header.registry)?, &ledger)
        .map_err(|error| Failure::new(OwnCode::BadId, error.to_string()))?;
    muster_guard::ledger_key::make(&directory.key(), origin, &random())
        .map_err(|error| Failure::new(OwnCode::LedgerKey, error.to_string()).help(error.help()))?;
    let finished = restoration.finish(&backup, &ledger, &clock()).await;
    finished.map_err(|error| unwritten(&error))?;
    store.close().await;
    Ok((directory, backup))
}

async fn begin(
    context: &Context,
    beside: &Beside,
    is_bare: bool,
) -> Result<(Directory, Arc<dyn Store>, BackupRestoration), Failure> {
    let directory = Directory::open(&beside.path, IfMissing::Make, is_bare)
        .map_err(|error| error.failure(&context.shown(&beside.path)))?;
    let store = directory.store();
    let file = store.file(LEDGER);
    let ledger =
        store.ledger(LEDGER).map_err(|error| super::assembly::unusable(file.as_deref(), &error))?;
    let begun = BackupRestoration::begin(ledger).await;
    let begun = begun.map_err(|error| unwritten(&error))?;
    Ok((directory, store, begun))
}

fn unwritten(error: &RestoreError) -> Failure {
    let mut what = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        what = format!("{what}: {error}");
        cause = error.source();
    }
    Failure::new(OwnCode::System, what).help("check that the disk isn't full, then try again")
}

fn refused(context: &Context, directory: &Path, error: &io::Error) -> Failure {
    Failure::new(OwnCode::System, format!("{}: {error}", context.shown(directory)))
        .help("check that the folder around it exists and that you may write to it")
}

/// A directory beside the wanted one, or in it if it exists: it may be another file system. Dropped,
/// it is removed with everything in it.
struct Beside {
    path: PathBuf,
    /// The wanted directory, if it exists.
    there: Option<PathBuf>,
}

/// The file without which a directory holds no registry: it is moved last.
const LAST: &str = "FORMAT";

impl Beside {
    fn make(context: &Context, directory: &Path) -> Result<Self, Failure> {
        let name = format!(".muster-restoring-{:08x}", u32::from_be_bytes(random()));
        // A link leads to where it leads.
        if let Ok(there) = fs::canonicalize(directory) {
            return Ok(Self { path: there.join(name), there: Some(there) });
        }
        let around = around(directory);
        fs::create_dir_all(around).map_err(|error| refused(context, directory, &error))?;
        Ok(Self { path: around.join(name), there: None })
    }

    /// Makes the wanted directory of it, which is absent or empty.
    fn place(self, directory: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        let Some(there) = &self.there else {
            fs::rename(&self.path, directory)?;
            return File::open(around(directory))?.sync_all();
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.push(entry?.file_name());
        }
        names.sort_by_key(|name| name == LAST);
        for name in names {
            if name == LAST {
                File::open(there)?.sync_all()?;
            }
            fs::rename(self.path.join(&name), there.join(&name))?;
        }
        fs::remove_dir(&self.path)?;
        File::open(there)?.sync_all()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After `place` there is nothing left to remove.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn around(directory: &Path) -> &Path {
    let around = directory.parent().filter(|around| !around.as_os_str().is_empty());
    around.unwrap_or(Path::new("."))
}
