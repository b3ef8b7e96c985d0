use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_journal::ReadError;
use muster_ledger::{Checkpoint, KeyName, MerkleTree, Signer};
use muster_words::Position;
use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::open::Leaves;

/// The shortest time between two checkpoints: each costs an fsync that competes with the writer's.
const INTERVAL: Duration = Duration::from_secs(1);

/// The newest signed checkpoint, in a file outside the database. If the end of the database is
/// lost, the next start sees that it doesn't reach the checkpoint.
pub struct CheckpointFile {
    path: PathBuf,
    signer: Signer,
    newest: Arc<Newest>,
    /// The size in the last written checkpoint.
    kept: AtomicU64,
    /// Held while the file is replaced, because closing the registry replaces it, too.
    replacing: Mutex<()>,
}

#[derive(Default)]
struct Newest {
    tree: Mutex<(Option<MerkleTree>, bool)>,
    changed: Condvar,
}

/// Why the ledger disagrees with its checkpoint.
#[derive(Debug, Error)]
pub enum CheckpointFileError {
    /// The file can't be read.
    #[error("the checkpoint {} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no checkpoint signed with the ledger's key.
    #[error("the checkpoint {} isn't signed with the ledger's key", path.display())]
    Unsigned {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: muster_ledger::checkpoint::CheckpointError,
    },
    /// The key belongs to another ledger.
    #[error("the key belongs to {found}, not to {expected}")]
    Key {
        /// The ledger's origin.
        expected: String,
        /// The key's name.
        found: String,
    },
    /// The ledger ends before the checkpoint: acknowledged entries are lost.
    #[error("the ledger ends at position {head}, but its checkpoint is of position {checkpoint}")]
    TailMissing {
        /// The ledger's last position.
        head: Position,
        /// The ledger's last position when the checkpoint was signed.
        checkpoint: Position,
    },
    /// The entries up to the checkpoint differ from those that were signed.
    #[error("the entries up to position {checkpoint} don't match the signed checkpoint")]
    Forked {
        /// The checkpoint's position.
        checkpoint: Position,
    },
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Ledger(#[from] ReadError),
}

impl CheckpointFile {
    /// A checkpoint file and the thread that writes it.
    #[must_use]
    pub fn new(path: PathBuf, signer: Signer) -> Arc<Self> {
        let newest = Arc::<Newest>::default();
        let file = Arc::new(Self {
            path,
            signer,
            newest: newest.clone(),
            kept: AtomicU64::new(0),
            replacing: Mutex::new(()),
        });
        let weak = Arc::downgrade(&file);
        std::thread::spawn(move || {
            while let Some(tree) = newest.wait() {
                let Some(file) = weak.upgrade() else { return };
                file.keep_now(&tree);
                drop(file);
                newest.rest();
            }
        });
        file
    }

    /// The key that verifies the file.
    #[must_use]
    pub fn verifier(&self) -> &muster_ledger::Verifier {
        self.signer.verifier()
    }

    /// The position of the last checkpoint in the file.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.kept.load(Ordering::Relaxed))
    }

    /// The age of the file; none if there is no file yet.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let written = fs::metadata(&self.path).ok()?.modified().ok()?;
        Some(written.elapsed().unwrap_or_default())
    }

    /// The newest checkpoint in the file, with its signed note; none if there is no file yet.
    ///
    /// # Errors
    /// See [`CheckpointFileError`].
    pub fn read(&self) -> Result<Option<(Checkpoint, String)>, CheckpointFileError> {
        let path = &self.path;
        let note = match fs::read(path) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CheckpointFileError::Read { path: path.clone(), source }),
        };
        let found = Checkpoint::open(&note, self.verifier())
            .map_err(|source| CheckpointFileError::Unsigned { path: path.clone(), source })?;
        Ok(Some((found, String::from_utf8_lossy(&note).into_owned())))
    }

    /// Checks the ledger against the file.
    pub(crate) async fn check(
        &self,
        origin: &str,
        tree: &MerkleTree,
        leaves: &Leaves<'_>,
    ) -> Result<(), CheckpointFileError> {
        let found = self.read()?.map(|(checkpoint, _)| checkpoint);
        self.compare(origin, found.as_ref(), tree, leaves).await?;
        if let Some(checkpoint) = found {
            self.kept.store(checkpoint.size, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Compares the ledger with a checkpoint, if there is one.
    pub(crate) async fn compare(
        &self,
        origin: &str,
        checkpoint: Option<&Checkpoint>,
        tree: &MerkleTree,
        leaves: &Leaves<'_>,
    ) -> Result<(), CheckpointFileError> {
        let found = self.verifier().name().to_string();
        if found != origin {
            let expected = origin.to_owned();
            return Err(CheckpointFileError::Key { expected, found });
        }
        let Some(checkpoint) = checkpoint else { return Ok(()) };
        let (head, position) = (Position(tree.size()), Position(checkpoint.size));
        if head < position {
            return Err(CheckpointFileError::TailMissing { head, checkpoint: position });
        }
        let root = match head == position {
            true => tree.root(),
            false => leaves.tree(checkpoint.size).await?.root(),
        };
        if root != checkpoint.root {
            return Err(CheckpointFileError::Forked { checkpoint: position });
        }
        Ok(())
    }

    /// The signed checkpoint of a tree, without writing it.
    ///
    /// # Errors
    /// It can't be signed.
    pub(crate) fn sign(&self, tree: &MerkleTree) -> Result<String, CheckpointFileError> {
        let origin: KeyName = self.verifier().name().clone();
        let signed = Checkpoint::of(origin, tree).sign(&self.signer);
        let path = self.path.clone();
        signed.map_err(|error| CheckpointFileError::Read { path, source: io::Error::other(error) })
    }

    /// The signed checkpoint of a ledger of this size, without writing it.
    ///
    /// # Errors
    /// It can't be signed.
    pub(crate) fn sign_root(
        &self,
        size: u64,
        root: muster_words::Digest,
    ) -> Result<String, muster_ledger::checkpoint::SignError> {
        Checkpoint { origin: self.verifier().name().clone(), size, root }.sign(&self.signer)
    }

    /// A text as a note, signed with the ledger's key.
    ///
    /// # Errors
    /// The text can't be part of a note.
    pub(crate) fn sign_text(&self, text: &str) -> Result<String, CheckpointFileError> {
        let path = self.path.clone();
        let signed = self.signer.sign(text);
        signed.map_err(|error| CheckpointFileError::Read { path, source: io::Error::other(error) })
    }

    /// Schedules a checkpoint of this tree; at most one per second is written.
    pub(crate) fn keep(&self, tree: &MerkleTree) {
        self.newest.tree.lock().0 = Some(tree.clone());
        self.newest.changed.notify_one();
    }

    /// Writes a checkpoint now. A failure is only logged, because the ledger itself is durable.
    pub(crate) fn keep_now(&self, tree: &MerkleTree) {
        let _replacing = self.replacing.lock();
        if tree.size() < self.kept.load(Ordering::Relaxed) {
            return;
        }
        let origin: KeyName = self.verifier().name().clone();
        let written = Checkpoint::of(origin, tree)
            .sign(&self.signer)
            .map_err(io::Error::other)
            .and_then(|note| replace(&self.path, note.as_bytes()));
        match written {
            Ok(()) => self.kept.store(tree.size(), Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the checkpoint couldn't be written"),
        }
    }
}

impl Drop for CheckpointFile {
    fn drop(&mut self) {
        self.newest.tree.lock().1 = true;
        self.newest.changed.notify_one();
    }
}

impl Newest {
    /// Waits for a newer tree; none when the file is no longer needed.
    fn wait(&self) -> Option<MerkleTree> {
        let mut newest = self.tree.lock();
        loop {
            if newest.1 {
                return None;
            }
            if let Some(tree) = newest.0.take() {
                return Some(tree);
            }
            self.changed.wait(&mut newest);
        }
    }

    /// Waits for the interval, or until the file is no longer needed.
    fn rest(&self) {
        let mut newest = self.tree.lock();
        let end = std::time::Instant::now() + INTERVAL;
        while !newest.1 && !self.changed.wait_until(&mut newest, end).timed_out() {}
    }
}

/// Replaces a file atomically: writes a new one beside it, syncs it, and renames it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("checkpoint.new");
    // For its owner alone, like everything in a data directory.
    let mut open = File::options();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // A command of root in the directory of a service must not take the file away from it. Whoever
    // isn't root can't give files away, and need not.
    if let Some(folder) = path.parent().and_then(|folder| fs::metadata(folder).ok())
        && file.metadata().is_ok_and(|own| own.uid() != folder.uid())
    {
        fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
