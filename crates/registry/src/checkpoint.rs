use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_journal::ReadError;
use muster_ledger::{Checkpoint, KeyName, MerkleTree, Signer};
use muster_words::{Id, Position};
use parking_lot::{Condvar, Mutex};
use thiserror::Error;

use crate::open::Leaves;

/// The shortest time between two checkpoints in the file: each costs an fsync beside the writer's.
const INTERVAL: Duration = Duration::from_secs(1);

/// The newest signed checkpoint, kept in a file outside the database: a database whose end was
/// cut off doesn't reach it any more, and says so at the next start.
pub struct CheckpointFile {
    path: PathBuf,
    signer: Signer,
    newest: Arc<Newest>,
    /// The size of the last checkpoint in the file.
    kept: AtomicU64,
    /// Held while the file is replaced: its thread and who closes the registry may want to at once.
    replacing: Mutex<()>,
}

#[derive(Default)]
struct Newest {
    tree: Mutex<(Option<MerkleTree>, bool)>,
    changed: Condvar,
}

/// Why the ledger isn't what its checkpoint says.
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
    /// The file holds no checkpoint that the ledger's key has signed.
    #[error("the checkpoint {} isn't signed with the ledger's key", path.display())]
    Unsigned {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: muster_ledger::checkpoint::CheckpointError,
    },
    /// The key is another ledger's.
    #[error("the key is that of {found}, not of {expected}")]
    Key {
        /// The ledger's origin.
        expected: String,
        /// The key's name.
        found: String,
    },
    /// The ledger ends before the checkpoint: entries that were acknowledged are gone.
    #[error("the ledger ends at position {head}, and its checkpoint is of position {checkpoint}")]
    TailMissing {
        /// Where the ledger ends.
        head: Position,
        /// Where it ended when the checkpoint was signed.
        checkpoint: Position,
    },
    /// The entries up to the checkpoint aren't those that were signed.
    #[error("the entries up to position {checkpoint} aren't those that its checkpoint signed")]
    Forked {
        /// The checkpoint's position.
        checkpoint: Position,
    },
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Ledger(#[from] ReadError),
}

impl CheckpointFile {
    /// A checkpoint's file, and the thread that writes it.
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

    /// The verifier of what the file holds.
    #[must_use]
    pub fn verifier(&self) -> &muster_ledger::Verifier {
        self.signer.verifier()
    }

    /// The position of the last checkpoint in the file.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.kept.load(Ordering::Relaxed))
    }

    /// How long ago the file was written; none: there is no file yet.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let written = fs::metadata(&self.path).ok()?.modified().ok()?;
        Some(written.elapsed().unwrap_or_default())
    }

    /// The newest checkpoint that the file holds, as the signed note.
    ///
    /// # Errors
    /// See [`CheckpointFileError`]; none: there is no file yet.
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
        registry: &Id,
        tree: &MerkleTree,
        leaves: &Leaves<'_>,
    ) -> Result<(), CheckpointFileError> {
        let found = self.read()?.map(|(checkpoint, _)| checkpoint);
        self.compare(registry, found.as_ref(), tree, leaves).await?;
        if let Some(checkpoint) = found {
            self.kept.store(checkpoint.size, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Compares the ledger with a checkpoint that the file held, where it held one.
    pub(crate) async fn compare(
        &self,
        registry: &Id,
        checkpoint: Option<&Checkpoint>,
        tree: &MerkleTree,
        leaves: &Leaves<'_>,
    ) -> Result<(), CheckpointFileError> {
        let expected = format!("{registry}/changes");
        let found = self.verifier().name().to_string();
        if found != expected {
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

    /// Lets the file follow soon: at most once a second.
    pub(crate) fn keep(&self, tree: &MerkleTree) {
        self.newest.tree.lock().0 = Some(tree.clone());
        self.newest.changed.notify_one();
    }

    /// Writes the file now. What can't be written is logged: the ledger itself is durable.
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
    /// The newest tree once there is one; none: the file is no longer needed.
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

    /// Waits out the interval, or until the file is no longer needed.
    fn rest(&self) {
        let mut newest = self.tree.lock();
        let end = std::time::Instant::now() + INTERVAL;
        while !newest.1 && !self.changed.wait_until(&mut newest, end).timed_out() {}
    }
}

/// Replaces a file as one step: written beside it, made durable, renamed.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("checkpoint.new");
    let mut file = File::create(&beside)?;
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
