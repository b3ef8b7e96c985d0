use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};

use crate::{BadPlace, BucketAccess, DestinationError, place::Place, publish};

/// The bytes of one read.
const READ_BYTES: usize = 1024 * 1024;

/// The ending of a file in a folder that isn't complete: `NAME.<letters>.part`.
const DRAFT: &str = ".part";

/// Which of many paths are wanted, so that the others aren't kept.
pub type WantedPath<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// The path of a file whose draft has this path; none if it isn't one.
#[must_use]
pub fn whole_of_draft(path: &str) -> Option<&str> {
    Some(path.strip_suffix(DRAFT)?.rsplit_once('.')?.0)
}

/// The pieces of a file, in order.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; none after the last one.
    ///
    /// # Errors
    /// What was read so far must not count, for this reason.
    async fn next(&mut self) -> Result<Option<Bytes>, String>;
}

/// A place for files that are too large for memory, such as backups: a folder, or a folder in a
/// bucket. A file appears whole or not at all, and only its owner may read it.
#[async_trait]
pub trait LargeFiles: fmt::Debug + Send + Sync {
    /// The paths of the files in it of which this is true, in any order.
    ///
    /// # Errors
    /// See [`DestinationError`].
    async fn paths(&self, is_wanted: WantedPath<'_>) -> Result<Vec<String>, DestinationError>;

    /// Writes a new file. Two writers of one path never mix.
    ///
    /// # Errors
    /// See [`DestinationError`]; then there is no new file of this one.
    async fn write(&self, path: &str, pieces: &mut dyn Pieces) -> Result<(), DestinationError>;

    /// Copies a file into a local one, which must not be there; none if there is no such file.
    ///
    /// # Errors
    /// See [`DestinationError`]; a part of it may be there.
    async fn copy(&self, path: &str, to: &Path) -> Result<Option<()>, DestinationError>;

    /// Removes a file; it may be gone already.
    ///
    /// # Errors
    /// See [`DestinationError`].
    async fn remove(&self, path: &str) -> Result<(), DestinationError>;
}

/// The place at a folder or an address such as `s3://bucket/folder`.
///
/// # Errors
/// See [`BadPlace`].
pub fn large_files_at(place: &str, access: &BucketAccess) -> Result<Arc<dyn LargeFiles>, BadPlace> {
    Ok(match Place::at(place, access)? {
        Place::Folder(root) => Arc::new(FolderFiles { root }),
        #[cfg(feature = "buckets")]
        Place::Bucket(bucket) => Arc::new(bucket),
    })
}

/// A folder. A file is written under another name, brought to disk and renamed.
#[derive(Debug)]
struct FolderFiles {
    root: PathBuf,
}

impl FolderFiles {
    fn failed(&self, path: &str) -> impl Fn(io::Error) -> DestinationError {
        let path = self.root.join(path).display().to_string();
        move |source| DestinationError::System { path: path.clone(), source }
    }

    async fn fill(&self, draft: &Path, pieces: &mut dyn Pieces) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft).await?;
        while let Some(piece) = pieces.next().await.map_err(io::Error::other)? {
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        file.sync_all().await
    }

    async fn place(&self, path: &str, pieces: &mut dyn Pieces) -> io::Result<()> {
        let whole = self.root.join(path);
        let folder = whole.parent().unwrap_or(&self.root);
        if !fs::try_exists(folder).await? {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).await?;
        }
        let mut draft = whole.clone().into_os_string();
        draft.push(format!(".{}{DRAFT}", publish::token()));
        let draft = PathBuf::from(draft);
        let done = match self.fill(&draft, pieces).await {
            // Unlike a rename, a link replaces no file that came meanwhile.
            Ok(()) => fs::hard_link(&draft, &whole).await,
            Err(error) => Err(error),
        };
        // It has its name, or is of no use; that it can't be removed changes nothing.
        let _ = fs::remove_file(&draft).await;
        done?;
        File::open(folder).await?.sync_all().await?;
        File::open(&self.root).await?.sync_all().await
    }

    async fn found(&self, is_wanted: WantedPath<'_>) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![String::new()];
        // Files lie in the folder and in those right below it.
        while let Some(below) = folders.pop() {
            let mut entries = match fs::read_dir(self.root.join(&below)).await {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            while let Some(entry) = entries.next_entry().await? {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let kind = entry.file_type().await?;
                let path = if below.is_empty() { name } else { format!("{below}/{name}") };
                if kind.is_file() && is_wanted(&path) {
                    found.push(path);
                } else if kind.is_dir() && below.is_empty() {
                    folders.push(path);
                }
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl LargeFiles for FolderFiles {
    async fn paths(&self, is_wanted: WantedPath<'_>) -> Result<Vec<String>, DestinationError> {
        self.found(is_wanted).await.map_err(self.failed(""))
    }

    async fn write(&self, path: &str, pieces: &mut dyn Pieces) -> Result<(), DestinationError> {
        self.place(path, pieces).await.map_err(self.failed(path))
    }

    async fn copy(&self, path: &str, to: &Path) -> Result<Option<()>, DestinationError> {
        let failed = self.failed(path);
        let mut from = match File::open(self.root.join(path)).await {
            Ok(from) => from,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut to = new_file(to).await?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = from.read(&mut buffer).await.map_err(&failed)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            to.write_all(bytes).await.map_err(&failed)?;
        }
        to.flush().await.map_err(failed)?;
        Ok(Some(()))
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        match fs::remove_file(self.root.join(path)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(path)(error)),
            _ => Ok(()),
        }
    }
}

/// A new local file that only its owner may read.
pub(crate) async fn new_file(path: &Path) -> Result<File, DestinationError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await;
    let shown = path.display().to_string();
    opened.map_err(|source| DestinationError::System { path: shown, source })
}
