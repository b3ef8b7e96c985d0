use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use std::sync::Arc;

use muster_stores::{LastUse, Place, Store};

use super::{assembly::LEDGER, directory_in_use};
use crate::{Failure, OwnCode};

/// The format of data directories that this release creates, and the newest that it can read.
const FORMAT: u32 = 1;

/// A data directory. This process holds its lock.
///
/// | name | what |
/// |---|---|
/// | `FORMAT` | the directory's format: `1`, or `1 bare` for a registry without the built-in model |
/// | `lock` | locked by the process that uses the directory; holds process, address and boot id, as JSON |
/// | `changes.*` | the ledger, in files of its engine |
/// | `followers.*` | the marks of the ledger's followers; not part of a backup |
/// | `search.*` | the index of words; it is built anew if it is missing, and is not part of a backup |
/// | `changes.checkpoint` | the newest signed checkpoint |
/// | `keys/ledger.key` | the ledger's signing key; only its owner can read it |
/// | `keys/site.key` | the key that signs the published site; made when it is first needed |
/// | `keys/site.keys` | the keys that signed the site after the first one; not secret |
/// | `logs`, `metrics` | where the settings `log.file` and `server.metrics_file` usually lead |
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    lock: File,
    /// The directory itself, locked as well: somebody may remove the file `lock`.
    _itself: File,
    last_use: LastUse,
    /// What the file `lock` says of the boot in which the log was last as it should be, and whether
    /// it was found damaged since.
    log: LogMemory,
    bare: bool,
}

/// What is remembered of the ledger's log between two uses of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LogMemory {
    /// The boot id of the computer when the log was last emptied, where its operating system has one
    /// (Linux).
    #[serde(default)]
    boot: Option<String>,
    /// Whether the log was found damaged. Only a restored directory forgets it: after a restart of
    /// the computer, the same damage would look like that of a loss of power.
    #[serde(default)]
    is_damaged: bool,
}

/// The process that uses a data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id.
    pub process: u32,
    /// The server's URL. None for a command, or while a server isn't listening yet.
    pub address: Option<String>,
    /// What is remembered of the ledger's log.
    #[serde(flatten)]
    log: LogMemory,
}

/// Why a data directory can't be opened.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// Another process uses it.
    #[error("{} is in use", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// What the lock file says about that process.
        holder: Holder,
    },
    /// It holds no registry.
    #[error("there is no registry in {}", path.display())]
    Absent {
        /// The directory.
        path: PathBuf,
    },
    /// It holds other files.
    #[error("{} holds files that don't belong to a registry", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// It holds a registry, but the file that says of which kind is missing.
    #[error("{} holds a registry, but its file FORMAT is missing", path.display())]
    NoFormat {
        /// The directory.
        path: PathBuf,
    },
    /// A newer release created it.
    #[error("{} has format {found}; this release reads up to {FORMAT}", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: String,
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

/// What to do if there is no registry yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Create one.
    Make,
    /// Fail.
    Refuse,
}

impl DirectoryError {
    /// The failure for people; `shown` is the directory as they write it.
    pub fn failure(&self, shown: &str) -> Failure {
        match self {
            Self::InUse { holder, .. } => {
                let process = (holder.process != 0).then_some(holder.process);
                directory_in_use(shown, holder.address.as_deref(), process)
            }
            Self::Absent { .. } => {
                Failure::new(OwnCode::NoRegistry, format!("there is no registry in {shown}"))
                    .help("muster init creates one; or name a server with --server URL")
            }
            Self::Foreign { .. } => {
                let what = format!("{shown} holds files that don't belong to a registry");
                Failure::new(OwnCode::ForeignFolder, what).help("use an empty folder: --data DIR")
            }
            Self::NoFormat { .. } => Failure::new(OwnCode::FormatMissing, self.to_string()).help(
                "restore the file from a backup; it holds the line 1, or 1 bare if the registry was \
                 created with --bare",
            ),
            Self::Format { .. } => Failure::new(OwnCode::FormatNewer, self.to_string())
                .help("a newer release of muster created it; use that release"),
            Self::System { .. } => Failure::new(OwnCode::System, self.to_string())
                .help("check that the folder exists, that its disk isn't full, and that you may write to it; only its owner may use a data directory"),
        }
    }
}

/// Creates a folder for its owner alone, because documents and keys lie in it. It and its parents
/// are created durably: each parent is synced, because it holds the folder's name.
fn make(path: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    if let Some(around) = path.parent() {
        fs::create_dir_all(around)?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for made in missing {
        let around = made.parent().filter(|around| !around.as_os_str().is_empty());
        File::open(around.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

impl Directory {
    /// Whether a folder is a data directory, as far as can be seen without opening it.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join("FORMAT").exists()
    }

    /// Opens a data directory and locks it until the value is dropped. A new directory is `bare` or
    /// not for ever, because the model is part of how its ledger is replayed.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub fn open(path: &Path, missing: IfMissing, bare: bool) -> Result<Self, DirectoryError> {
        let system = |path: &Path| {
            let path = path.to_owned();
            move |source| DirectoryError::System { path, source }
        };
        let format = path.join("FORMAT");
        let is_new = match fs::metadata(&format) {
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(system(&format)(error));
            }
            Err(_) => true,
        };
        if is_new {
            if missing == IfMissing::Refuse {
                return Err(DirectoryError::Absent { path: path.to_owned() });
            }
            make(path).map_err(system(path))?;
            refuse_foreign(path)?;
            // The file is written before the ledger is created.
            if store_in(path, LastUse::default()).file(LEDGER).is_some_and(|file| file.exists()) {
                return Err(DirectoryError::NoFormat { path: path.to_owned() });
            }
        }
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(system(&lock_path))?;
        let itself = File::open(path).map_err(system(path))?;
        // Some network file systems can't lock folders; the file's lock counts everywhere.
        let is_free = match lock.try_lock() {
            Ok(()) => !matches!(itself.try_lock(), Err(TryLockError::WouldBlock)),
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(source)) => {
                return Err(DirectoryError::System { path: lock_path, source });
            }
        };
        let holder = holder(&mut lock);
        if !is_free {
            return Err(DirectoryError::InUse { path: path.to_owned(), holder });
        }
        let (last_use, log) = (last_use(&holder.log), holder.log);
        let mut directory =
            Self { path: path.to_owned(), lock, _itself: itself, last_use, log, bare };
        directory.announce(None).map_err(system(&lock_path))?;
        if is_new {
            write_format(path, bare).map_err(system(&format))?;
        } else {
            directory.check_format(&format)?;
        }
        Ok(directory)
    }

    fn check_format(&mut self, file: &Path) -> Result<(), DirectoryError> {
        let text = fs::read_to_string(file)
            .map_err(|source| DirectoryError::System { path: file.to_owned(), source })?;
        let (number, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        match number.parse::<u32>() {
            Ok(found) if found <= FORMAT && matches!(rest, "" | "bare") => {
                self.bare = rest == "bare";
                Ok(())
            }
            _ => {
                let found = text.trim().chars().take(40).collect();
                Err(DirectoryError::Format { path: self.path.clone(), found })
            }
        }
    }

    /// Writes this process and its address to the lock file.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn announce(&mut self, address: Option<&str>) -> io::Result<()> {
        let holder = Holder {
            process: std::process::id(),
            address: address.map(ToOwned::to_owned),
            log: self.log.clone(),
        };
        let text = serde_json::to_vec(&holder)?;
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        self.lock.write_all(&text)?;
        self.lock.flush()
    }

    /// Remembers that the log is as it should be from now on: what an earlier process left in it was
    /// judged and is gone.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remember_log_emptied(&mut self) -> io::Result<()> {
        self.log = LogMemory { boot: boot(), is_damaged: false };
        self.announce(None)
    }

    /// Remembers that the log was found damaged.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remember_log_damaged(&mut self) -> io::Result<()> {
        self.log.is_damaged = true;
        self.announce(None)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its registry has no built-in model.
    #[must_use]
    pub const fn is_bare(&self) -> bool {
        self.bare
    }

    /// The store of its ledgers.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        store_in(&self.path, self.last_use)
    }

    /// The checkpoint's file.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("changes.checkpoint")
    }

    /// The ledger's signing key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.path.join("keys").join("ledger.key")
    }

    /// The file of the keys that came after the first one, each signed by the one before it.
    #[must_use]
    pub fn site_keys(&self) -> PathBuf {
        self.path.join("keys").join("site.keys")
    }

    /// The file of the key that signs the site.
    #[must_use]
    pub fn site_key(&self) -> PathBuf {
        self.path.join("keys").join("site.key")
    }
}

/// The store of the ledgers in a data directory.
fn store_in(path: &Path, last_use: LastUse) -> Arc<dyn Store> {
    muster_stores::open(&Place::Directory { path: path.to_owned(), last_use })
}

/// The id that Linux gives each start of the computer.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn last_use(log: &LogMemory) -> LastUse {
    match (&log.boot, boot()) {
        _ if log.is_damaged => LastUse::ThisBoot,
        (Some(then), Some(now)) if *then == now => LastUse::ThisBoot,
        _ => LastUse::EarlierBoot,
    }
}

/// Writes the format file atomically, so that an interrupted start leaves all or nothing of it.
fn write_format(path: &Path, bare: bool) -> io::Result<()> {
    let beside = path.join("FORMAT.new");
    let mut open = OpenOptions::new();
    let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{FORMAT}{}", if bare { " bare" } else { "" })?;
    file.sync_all()?;
    fs::rename(&beside, path.join("FORMAT"))?;
    File::open(path)?.sync_all()
}

/// Refuses a folder that holds other files.
fn refuse_foreign(path: &Path) -> Result<(), DirectoryError> {
    let entries = fs::read_dir(path)
        .map_err(|source| DirectoryError::System { path: path.to_owned(), source })?;
    let ours = [
        "lock",
        "FORMAT",
        "FORMAT.new",
        "keys",
        "search.db",
        "search.db-wal",
        "search.db-shm",
        "relay.db",
        "relay.db-wal",
        "relay.db-shm",
        "config",
        "propagation",
        "events",
        "logs",
        "metrics",
    ];
    let ours =
        [&ours[..], &["changes.checkpoint", "changes.checkpoint.new", "lost+found"]].concat();
    let store = store_in(path, LastUse::default());
    let is_ours = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            ours.iter().any(|own| name == *own)
                || name.to_str().is_some_and(|name| store.has_file(name))
        })
    };
    if entries.into_iter().all(is_ours) {
        return Ok(());
    }
    Err(DirectoryError::Foreign { path: path.to_owned() })
}

/// The address of the server that uses a data directory, as its lock says. The server may be gone.
#[must_use]
pub fn address_of(path: &Path) -> Option<String> {
    let mut lock = File::open(path.join("lock")).ok()?;
    holder(&mut lock).address
}

fn holder(lock: &mut File) -> Holder {
    let mut text = String::new();
    match lock.take(4_096).read_to_string(&mut text) {
        Ok(_) => serde_json::from_str(&text).unwrap_or_default(),
        Err(_) => Holder::default(),
    }
}
