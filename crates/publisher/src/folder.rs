use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_wire::manifest::MANIFEST_PATH;
use muster_words::Digest;

use crate::{DestinationError, FileHeaders, MARKER_PATH, SiteDestination, StoredFile};

/// The file that a publication holds locked.
const LOCK: &str = ".muster-publish.lock";

/// The ending of a file that isn't complete.
const DRAFT: &str = ".muster-part";

/// The largest file that is read back: a manifest of a million files has about 200 MB.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A folder, which any web server can serve.
///
/// A file is written under another name, brought to disk and renamed, so a reader finds it whole.
#[derive(Clone, Debug)]
pub struct FolderDestination {
    root: Arc<Path>,
    drafts: Arc<AtomicU64>,
}

/// A fault that is told as it is, or of the operating system.
enum Fault {
    Known(DestinationError),
    System(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<DestinationError> for Fault {
    fn from(error: DestinationError) -> Self {
        Self::Known(error)
    }
}

impl FolderDestination {
    /// The folder with this path. It is created by the first publication.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root: root.into(), drafts: Arc::default() }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Self, &str) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, DestinationError> {
        let (folder, name) = (self.clone(), path.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&folder, &name)).await;
        let done = done.unwrap_or_else(|error| Err(io::Error::other(error).into()));
        done.map_err(|fault| match fault {
            Fault::Known(error) => error,
            Fault::System(source) => {
                let path = self.root.join(path).display().to_string();
                DestinationError::System { path, source }
            }
        })
    }

    fn lock(&self) -> Result<File, Fault> {
        fs::create_dir_all(&self.root)?;
        let is_ours = |name: &str| [LOCK, MANIFEST_PATH, MARKER_PATH].contains(&name);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        if !names.is_empty() && !names.iter().any(|name| is_ours(name)) {
            return Err(DestinationError::Foreign.into());
        }
        let mut open = File::options();
        let file = open.create(true).truncate(false).write(true).open(self.root.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(DestinationError::Busy.into()),
            Err(fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn load(&self, path: &str) -> Result<Option<StoredFile>, Fault> {
        let file = match File::open(self.root.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(READ_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > READ_BYTES_MAX {
            let (path, limit) = (path.to_owned(), READ_BYTES_MAX);
            return Err(DestinationError::TooLarge { path, limit }.into());
        }
        let tag = Digest::of(&bytes).to_string();
        Ok(Some(StoredFile { bytes: bytes.into(), tag }))
    }

    fn store(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.root.join(path);
        let folder = target.parent().unwrap_or(&self.root).to_owned();
        self.create_folder(&folder)?;
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = folder.join(format!(".{}-{number}{DRAFT}", std::process::id()));
        let written = (|| {
            let mut file = File::options().write(true).create(true).truncate(true).open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &target)
        })();
        if written.is_err() {
            // What is left of it is of no use; that it can't be removed changes nothing.
            let _ = fs::remove_file(&draft);
        }
        written?;
        File::open(&folder)?.sync_all()
    }

    /// Creates a folder and those above it, durably: a file in a folder that a power failure loses
    /// is lost with it.
    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|above| above.starts_with(&self.root)) {
            self.create_folder(above)?;
        }
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        folder.parent().map_or(Ok(()), |above| File::open(above)?.sync_all())
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        let target = self.root.join(path);
        match fs::remove_file(&target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A folder that isn't empty stays.
        let mut above = target.parent();
        while let Some(folder) = above.filter(|folder| *folder != &*self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
            above = folder.parent();
        }
        Ok(())
    }
}

#[async_trait]
impl SiteDestination for FolderDestination {
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError> {
        let lock = self.blocking(LOCK, |folder, _| folder.lock()).await?;
        Ok(Box::new(lock))
    }

    fn is_locked(&self) -> bool {
        true
    }

    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError> {
        self.blocking(path, Self::load).await
    }

    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        _headers: FileHeaders,
    ) -> Result<(), DestinationError> {
        self.blocking(path, move |folder, path| Ok(folder.store(path, &bytes)?)).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        _headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        let expected = expected.map(str::to_owned);
        // The lock keeps other publishers out; the comparison finds whoever ignores it.
        let work = move |folder: &Self, path: &str| {
            let found = folder.load(path)?.map(|file| file.tag);
            if found != expected {
                return Err(DestinationError::Changed.into());
            }
            Ok(folder.store(path, &bytes)?)
        };
        self.blocking(path, work).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        self.blocking(path, |folder, path| Ok(folder.delete(path)?)).await
    }
}
