//! Backups as files: written durably, and read piece by piece.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use muster_ledger::Verifier;
use muster_registry::{BackupCheck, BackupError, BackupFrames, BackupItem, CheckedBackup};

use crate::{Exit, Failure, OwnCode, output::progress::ProgressLine};

/// The bytes of one read.
const READ_BYTES: usize = 1024 * 1024;

/// Verifies the bytes of a backup as they arrive.
#[derive(Default)]
pub struct BackupReading {
    frames: BackupFrames,
    check: BackupCheck,
}

impl BackupReading {
    /// Takes the next bytes, and hands what they hold to `each`.
    pub fn take(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(BackupItem),
    ) -> Result<(), BackupError> {
        self.frames.feed(bytes);
        while let Some(frame) = self.frames.next(self.check.position())? {
            if let Some(item) = self.check.take(frame)? {
                each(item);
            }
        }
        Ok(())
    }

    /// Shows how far it is.
    pub fn show(&self, progress: &mut ProgressLine) {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let done = self.check.position().0;
        let total = self.check.header().map_or(0, |header| header.entries.max(done));
        progress.advance_of(count(done), count(total));
    }

    /// The header, once it was read.
    pub fn is_bare(&self) -> Option<bool> {
        self.check.header().map(|header| header.bare)
    }

    /// The result, after the last bytes.
    pub fn end(self, key: Option<&Verifier>) -> Result<CheckedBackup, BackupError> {
        if self.frames.has_rest() {
            return Err(BackupError::Truncated { after: self.check.position() });
        }
        self.check.end(key)
    }
}

/// A backup's file, read piece by piece.
pub struct BackupSource {
    file: File,
    buffer: Vec<u8>,
    shown: String,
}

impl BackupSource {
    /// Opens a file.
    pub fn open(path: &Path, shown: String) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(&shown, &error))?;
        Ok(Self { file, buffer: vec![0; READ_BYTES], shown })
    }

    /// The next bytes; empty at the end.
    pub fn next(&mut self) -> Result<&[u8], Failure> {
        let read = self.file.read(&mut self.buffer);
        let read = read.map_err(|error| unreadable(&self.shown, &error))?;
        Ok(self.buffer.get(..read).unwrap_or_default())
    }
}

fn unreadable(shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new(OwnCode::NoFile, format!("there is no {shown}"))
            .help("name the file that muster backup wrote"),
        _ => Failure::new(OwnCode::System, format!("{shown}: {error}"))
            .help("check that you may read the file"),
    }
}

/// The failure for a backup that isn't valid.
pub fn broken(shown: &str, error: &BackupError) -> Failure {
    let mut what = format!("{shown}: {error}");
    if let BackupError::Checkpoint(cause) = error {
        what = format!("{what}: {cause}");
    }
    // A file that is no backup isn't one that doesn't verify.
    let exit = match error {
        BackupError::Foreign | BackupError::Newer(_) => Exit::Refused,
        _ => Exit::Unverified,
    };
    Failure::new(OwnCode::BackupBroken, what).exit(exit).help(match error {
        BackupError::Foreign => "name a file that muster backup wrote",
        BackupError::Newer(_) => "use that release",
        BackupError::Truncated { .. } => "make the backup again, or use another one",
        BackupError::Failed { .. } => {
            "muster ledger verify names the fault; then follow \"When a ledger doesn't verify\" in Muster's documentation"
        }
        BackupError::OtherKey { .. } => {
            "muster keys ledger prints the key of a registry; a restored one has another"
        }
        _ => "the file was changed; use another backup",
    })
}

/// The name of a file or a folder before it is complete, beside its own one. No other command uses
/// the same.
pub fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:08x}.part", u32::from_be_bytes(crate::composition::random())));
    path.with_file_name(name)
}

/// A new file that appears under its name only once it is complete and on disk. Dropped before, it
/// is removed.
pub struct NewFile {
    file: File,
    draft: PathBuf,
    path: PathBuf,
    /// Whether another file may have its name.
    replaces: bool,
    is_kept: bool,
}

impl NewFile {
    /// Begins a file, which only its owner may read.
    pub fn create(path: &Path, shown: &str) -> Result<Self, Failure> {
        Self::check(path, shown)?;
        Self::begin(path, false, shown)
    }

    /// Finds out whether a new file may have this name.
    pub fn check(path: &Path, shown: &str) -> Result<(), Failure> {
        if path.exists() {
            return Err(Failure::new(OwnCode::FileExists, format!("{shown} exists already"))
                .help("choose another name, or remove the file"));
        }
        Ok(())
    }

    /// Begins a file that takes the place of another one, whole.
    pub fn create_over(path: &Path, shown: &str) -> Result<Self, Failure> {
        Self::begin(path, true, shown)
    }

    fn begin(path: &Path, replaces: bool, shown: &str) -> Result<Self, Failure> {
        let draft = draft_of(path);
        let mut open = OpenOptions::new();
        // Never a file that is there already: it may be another command's, or a link.
        let file = open.write(true).create_new(true).mode(0o600).open(&draft);
        let file = file.map_err(|error| unwritable(shown, &error))?;
        Ok(Self { file, draft, path: path.to_owned(), replaces, is_kept: false })
    }

    /// Writes the next bytes.
    pub fn write(&mut self, bytes: &[u8], shown: &str) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| unwritable(shown, &error))
    }

    /// Brings it to disk and gives it its name.
    pub fn keep(mut self, shown: &str) -> Result<(), Failure> {
        self.place().map_err(|error| unwritable(shown, &error))?;
        self.is_kept = true;
        Ok(())
    }

    fn place(&self) -> io::Result<()> {
        self.file.sync_all()?;
        if self.replaces {
            fs::rename(&self.draft, &self.path)?;
        } else {
            // Unlike a rename, a link replaces no file that came meanwhile.
            fs::hard_link(&self.draft, &self.path)?;
            fs::remove_file(&self.draft)?;
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left of it is of no use; that it can't be removed changes nothing.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn unwritable(shown: &str, error: &io::Error) -> Failure {
    Failure::new(OwnCode::System, format!("{shown}: {error}")).help(
        "check that the folder exists, that you may write to it, and that its disk isn't full",
    )
}
