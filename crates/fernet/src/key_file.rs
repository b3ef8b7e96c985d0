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
    sync::atomic::{AtomicU64, Ordering},
};

use muster_words::Moment;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::FernetKey;

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
        Self::read_at(Self::path_in(directory))
    }

    fn read_at(path: PathBuf) -> Result<Self, KeyFileError> {
        // Asked first: the marker is made after the key, so a key that is made meanwhile isn't taken
        // for a lost one.
        let was_made = marker(&path).exists();
        let system = |source| KeyFileError::System { path: path.clone(), source };
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(match was_made {
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

    /// Reads the keys, or makes the first one. Of several that make it at once, one wins, and all
    /// read its key.
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
                Self { path, keys: vec![(FernetKey::of(&random), now)] }.write_first()?;
                Self::read(directory)
            }
            Ok(file) => {
                // A crash may have come between the key and its marker.
                if !marker(&file.path).exists() {
                    private(&marker(&file.path)).map_err(|source| KeyFileError::System {
                        path: file.path.clone(),
                        source,
                    })?;
                }
                Ok(file)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes another key the current one; the others go on reading.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn rotate(&mut self, random: [u8; 32], now: Moment) -> Result<(), KeyFileError> {
        self.change(|keys| {
            keys.insert(0, (FernetKey::of(&random), now));
            keys.truncate(KEYS_MAX);
        })
    }

    /// Forgets every key but the current one: what the others encrypted can't be read any more.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn forget_older(&mut self) -> Result<usize, KeyFileError> {
        let mut count = 0;
        self.change(|keys| {
            count = keys.len().saturating_sub(1);
            keys.truncate(1);
        })?;
        Ok(count)
    }

    /// Changes the keys as they are in the file now, one change at a time: of two that rotate at
    /// once, neither may drop the other's key, which may have encrypted something already.
    fn change(
        &mut self,
        change: impl FnOnce(&mut Vec<(FernetKey, Moment)>),
    ) -> Result<(), KeyFileError> {
        let system = |source| KeyFileError::System { path: self.path.clone(), source };
        let folder = folder_of(&self.path);
        // The lock ends with the file.
        let turn = fs::File::open(folder).map_err(system)?;
        turn.lock().map_err(system)?;
        self.keys = Self::read_at(self.path.clone())?.keys;
        change(&mut self.keys);
        self.write()
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

    /// Writes the first file, unless somebody else was faster.
    fn write_first(&self) -> Result<(), KeyFileError> {
        self.placed(|unfinished| match fs::hard_link(unfinished, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        })
    }

    /// Writes the file again, whole or not at all.
    fn write(&self) -> Result<(), KeyFileError> {
        self.placed(|unfinished| fs::rename(unfinished, &self.path))
    }

    /// Writes the keys to a file of this writer alone, and lets it be put in its place.
    fn placed(&self, place: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), KeyFileError> {
        let folder = folder_of(&self.path);
        let mut text = Zeroizing::new(String::new());
        for (key, made) in &self.keys {
            text.push_str(&format!("{} {made}\n", key.text()));
        }
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path.with_extension(format!("{}-{number}.part", std::process::id()));
        let written = || {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut file = private(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            place(&unfinished)?;
            fs::File::open(folder)?.sync_all()?;
            // After the key is durable: a marker without a key means that the key was lost.
            private(&marker(&self.path))?;
            fs::File::open(folder)?.sync_all()
        };
        let done = written();
        // A file that was renamed isn't there any more.
        let _ = fs::remove_file(&unfinished);
        done.map_err(|source| KeyFileError::System { path: self.path.clone(), source })
    }
}

/// Numbers unfinished files, of which a process may have several.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Makes an empty file that only its owner can read.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // The mode above is cut by the umask, and ignored for a file that is left from a crash.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The file that says that there was a key.
fn marker(path: &Path) -> PathBuf {
    path.with_extension("made")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::decrypt;

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
    fn of_several_first_keys_at_once_one_wins_and_all_use_it() {
        for round in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let begin = std::sync::Barrier::new(8);
            let used: Vec<String> = std::thread::scope(|scope| {
                let make = |number: u8| {
                    let (folder, begin) = (folder.path(), &begin);
                    scope.spawn(move || {
                        begin.wait();
                        let random = [round * 8 + number; 32];
                        let made = KeyFile::read_or_make(folder, random, Moment::EPOCH).unwrap();
                        made.current().unwrap().text().to_string()
                    })
                };
                let threads: Vec<_> = (0..8).map(make).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(used.iter().all(|key| *key == used[0]), "{used:?}");
            let config = folder.path().join("config");
            let names = fs::read_dir(config).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            assert_eq!(names, ["encryption.key", "encryption.made"]);
        }
    }

    #[test]
    fn of_rotations_at_once_none_drops_the_key_of_another() {
        let folder = tempfile::tempdir().unwrap();
        KeyFile::read_or_make(folder.path(), [200; 32], Moment::EPOCH).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let folder = folder.path();
                scope.spawn(move || {
                    let mut file = KeyFile::read(folder).unwrap();
                    file.rotate([number; 32], Moment::EPOCH).unwrap();
                });
            }
        });
        assert_eq!(KeyFile::read(folder.path()).unwrap().keys().count(), 9);
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
