//! The file with the keys that encrypt what routes send.
//!
//! | | |
//! |---|---|
//! | where | `config/encryption.key` in the data directory |
//! | what | a line for each key, the current one first: the key, a space, and when it was made (RFC 3339) |
//! | mode | 0600, in a folder of mode 0700 |
//! | beside it | `encryption.made`, which says that there was a key: without it a lost key would be replaced silently, and what it encrypted could never be read |

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use muster_words::Moment;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::fernet::FernetKey;

/// After how many days the current key should be replaced.
pub const ROTATION_DAYS: i64 = 90;

/// How many keys a file holds: those of many years.
const KEYS_MAX: usize = 1_000;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 128 * 1024;

/// The keys, the current one first.
pub struct KeyFile {
    path: PathBuf,
    keys: Vec<(FernetKey, Moment)>,
}

/// Why the keys can't be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There was a key, and it is gone.
    #[error("{} is missing, but there was one: restore it, or what it encrypted can't be read; remove encryption.made beside it to begin with a new key", .0.display())]
    Missing(PathBuf),
    /// There is no key yet.
    #[error("{} doesn't exist yet; the first encryption makes it", .0.display())]
    NotMade(PathBuf),
    /// Others can read the file.
    #[error("{} has mode {mode:04o}; users other than its owner can access it: chmod 600", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} holds no keys", .0.display())]
    NoKeys(PathBuf),
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl KeyFile {
    /// The path of the file in a data directory.
    #[must_use]
    pub fn path_in(directory: &Path) -> PathBuf {
        directory.join("config/encryption.key")
    }

    /// Reads the keys of a data directory.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read(directory: &Path) -> Result<Self, KeyFileError> {
        let path = Self::path_in(directory);
        let system = |source| KeyFileError::System { path: path.clone(), source };
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(match marker(&path).exists() {
                    true => KeyFileError::Missing(path),
                    false => KeyFileError::NotMade(path),
                });
            }
            Err(error) => return Err(system(error)),
        };
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::TooOpen { path, mode });
        }
        if metadata.len() > FILE_BYTES_MAX {
            return Err(KeyFileError::NoKeys(path));
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(system)?);
        let key = |line: &str| {
            let (key, made) = line.split_once(' ')?;
            Some((FernetKey::read(key).ok()?, Moment::parse(made).ok()?))
        };
        let keys: Option<Vec<_>> = text.lines().map(key).collect();
        match keys.filter(|keys| !keys.is_empty() && keys.len() <= KEYS_MAX) {
            Some(keys) => Ok(Self { path, keys }),
            None => Err(KeyFileError::NoKeys(path)),
        }
    }

    /// Reads the keys, or makes the first one.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn read_or_make(
        directory: &Path,
        random: [u8; 32],
        now: Moment,
    ) -> Result<Self, KeyFileError> {
        match Self::read(directory) {
            Err(KeyFileError::NotMade(path)) => {
                let made = Self { path, keys: vec![(FernetKey::of(&random), now)] };
                made.write()?;
                Ok(made)
            }
            read => read,
        }
    }

    /// Makes another key the current one; the others go on reading.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn rotate(&mut self, random: [u8; 32], now: Moment) -> Result<(), KeyFileError> {
        self.keys.insert(0, (FernetKey::of(&random), now));
        self.keys.truncate(KEYS_MAX);
        self.write()
    }

    /// Forgets every key but the current one: what the others encrypted can't be read any more.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn forget_older(&mut self) -> Result<usize, KeyFileError> {
        let count = self.keys.len() - 1;
        self.keys.truncate(1);
        self.write()?;
        Ok(count)
    }

    /// The current key.
    #[must_use]
    pub fn current(&self) -> Option<&FernetKey> {
        self.keys.first().map(|(key, _)| key)
    }

    /// All keys, the current one first.
    pub fn keys(&self) -> impl Iterator<Item = &FernetKey> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// When each key was made, the current one first.
    pub fn made(&self) -> impl Iterator<Item = Moment> {
        self.keys.iter().map(|(_, made)| *made)
    }

    /// Writes the file, whole or not at all.
    fn write(&self) -> Result<(), KeyFileError> {
        let system = |source| KeyFileError::System { path: self.path.clone(), source };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(system)?;
        let unfinished = self.path.with_extension("part");
        let mut text = Zeroizing::new(String::new());
        for (key, made) in &self.keys {
            text.push_str(&format!("{} {made}\n", key.text()));
        }
        let create = |path: &Path| {
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
        };
        let mut file = create(&unfinished).map_err(system)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(system)?;
        create(&marker(&self.path)).map_err(system)?;
        fs::rename(&unfinished, &self.path).map_err(system)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(system)
    }
}

/// The file that says that there was a key.
fn marker(path: &Path) -> PathBuf {
    path.with_extension("made")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::fernet::decrypt;

    #[test]
    fn the_first_key_is_made_once_and_older_ones_go_on_reading() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(KeyFile::read(folder.path()), Err(KeyFileError::NotMade(_))));
        let mut file = KeyFile::read_or_make(folder.path(), [1; 32], Moment::EPOCH).unwrap();
        let token = file.current().unwrap().encrypt(1, [0; 16], b"old");
        file.rotate([2; 32], Moment::EPOCH.next()).unwrap();
        let again = KeyFile::read_or_make(folder.path(), [3; 32], Moment::EPOCH).unwrap();
        assert_eq!(again.current().unwrap().text(), FernetKey::of(&[2; 32]).text());
        assert_eq!(again.made().collect::<Vec<_>>(), [Moment::EPOCH.next(), Moment::EPOCH]);
        assert_eq!(decrypt(again.keys(), &token), Ok(b"old".to_vec()));
        let mode = fs::metadata(KeyFile::path_in(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(file.forget_older().unwrap(), 1);
        assert!(decrypt(KeyFile::read(folder.path()).unwrap().keys(), &token).is_err());
    }

    #[test]
    fn a_lost_an_open_and_a_broken_file_are_errors_and_never_a_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = KeyFile::path_in(folder.path());
        KeyFile::read_or_make(folder.path(), [1; 32], Moment::EPOCH).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let make = || KeyFile::read_or_make(folder.path(), [2; 32], Moment::EPOCH);
        assert!(matches!(make(), Err(KeyFileError::TooOpen { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "key\n", "key 1970-01-01T00:00:00Z\n"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(make(), Err(KeyFileError::NoKeys(_))), "{text}");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(make(), Err(KeyFileError::Missing(_))));
    }
}
