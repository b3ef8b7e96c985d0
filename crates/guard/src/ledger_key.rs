//! The file that holds the key with which a ledger's checkpoints are signed.
//!
//! | | |
//! |---|---|
//! | where | `keys/ledger.key` in the data directory |
//! | what | one line: `PRIVATE+KEY+<name>+<id>+<base64>` (C2SP signed-note), the name being the ledger's origin |
//! | mode | 0600, in a folder of mode 0700; a wider one is refused, because others may have read it |

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use muster_seal::{
    KeyPair,
    note::{KeyError, KeyName, Signer},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// The maximum size of a key file, in bytes; a name of 128 characters and the rest take a quarter.
const FILE_BYTES_MAX: u64 = 4_096;

/// Why the ledger's key can't be used.
#[derive(Debug, Error)]
pub enum LedgerKeyError {
    /// The file doesn't exist.
    #[error("the ledger's key {} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Other users can read or write the file.
    #[error("the ledger's key {} has mode {mode:04o}; users other than its owner can access it", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} doesn't hold the key of a ledger: {source}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: KeyError,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl LedgerKeyError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Missing { .. } => "restore it from a backup; without it the ledger can't be \
                                     signed as before"
                .to_owned(),
            Self::TooOpen { path, .. } => format!("chmod 600 {}", path.display()),
            Self::NoKey { .. } => "restore the file that was created with this registry".to_owned(),
            Self::System { .. } => "check who owns the data directory".to_owned(),
        }
    }
}

/// Reads the key.
///
/// # Errors
/// See [`LedgerKeyError`].
pub fn read(path: &Path) -> Result<Signer, LedgerKeyError> {
    let system = |source| LedgerKeyError::System { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LedgerKeyError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(system(error)),
    };
    // Checked on the open file, so that the file can't be exchanged in between.
    let mode = file.metadata().map_err(system)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(LedgerKeyError::TooOpen { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(512));
    let read = (&mut file).take(FILE_BYTES_MAX).read_to_string(&mut text);
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let (path, source) = (path.to_owned(), KeyError::Malformed);
            return Err(LedgerKeyError::NoKey { path, source });
        }
        Err(error) => return Err(system(error)),
    }
    let key = text.trim_end().parse();
    key.map_err(|source| LedgerKeyError::NoKey { path: path.to_owned(), source })
}

/// Creates the key of a new ledger and its file, durably: a ledger must not be signed with a key
/// that a power failure could lose. If the file exists, an earlier start was interrupted before the
/// first entry, and its key is used. The key's name may then belong to another registry id than
/// `origin`; the caller must use the key's name.
///
/// # Errors
/// See [`LedgerKeyError`].
pub fn make(path: &Path, origin: KeyName, seed: &[u8; 32]) -> Result<Signer, LedgerKeyError> {
    match read(path) {
        Err(LedgerKeyError::Missing { .. }) => {}
        there => return there,
    }
    let signer = Signer::new(origin, KeyPair::from_seed(seed));
    let folder = path.parent().unwrap_or(Path::new("."));
    let system = |path: &Path| {
        let path = path.to_owned();
        move |source| LedgerKeyError::System { path, source }
    };
    let is_new = !folder.exists();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(system(folder))?;
    if is_new && let Some(around) = folder.parent() {
        // The folder's name lies there.
        let around = if around.as_os_str().is_empty() { Path::new(".") } else { around };
        File::open(around).and_then(|around| around.sync_all()).map_err(system(around))?;
    }
    let draft = path.with_extension("new");
    write(&draft, &signer).map_err(system(&draft))?;
    fs::rename(&draft, path).map_err(system(path))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(system(folder))?;
    Ok(signer)
}

fn write(draft: &Path, signer: &Signer) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(signer.secret_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn origin() -> KeyName {
        "muster.example/changes".parse().unwrap()
    }

    #[test]
    fn is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("ledger.key");
        assert!(matches!(read(&path), Err(LedgerKeyError::Missing { .. })));
        let made = make(&path, origin(), &[7; 32]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(read(&path).unwrap().verifier(), made.verifier());
        // After an interrupted start, the existing key is used.
        let again = make(&path, "other.example/changes".parse().unwrap(), &[8; 32]).unwrap();
        assert_eq!(again.verifier(), made.verifier());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn is_refused_when_others_can_use_it_or_it_is_something_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.key");
        let signer = make(&path, origin(), &[7; 32]).unwrap();
        let good = format!("{}\n", *signer.secret_text());
        for (text, mode, expect) in [
            (good.as_str(), 0o600, ""),
            (good.trim_end(), 0o400, ""),
            (good.as_str(), 0o640, "0640; users other"),
            (good.as_str(), 0o604, "0604; users other"),
            ("", 0o600, "the text isn't a key"),
            ("PRIVATE+KEY+a+00000000+AQ==", 0o600, "the text isn't a key"),
            (&good.replace("muster.", "master."), 0o600, "doesn't match its name"),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let said = read(&path).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(expect) && said.is_empty() == expect.is_empty(), "{said}");
            assert!(!said.contains("PRIVATE"), "{said}");
        }
    }

    #[test]
    fn a_half_written_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.key");
        fs::write(path.with_extension("new"), "PRIVATE+KEY+").unwrap();
        let made = make(&path, origin(), &[7; 32]).unwrap();
        assert_eq!(read(&path).unwrap().verifier(), made.verifier());
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&path), Err(LedgerKeyError::NoKey { .. })));
    }
}
