use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use muster_wire::manifest::{MANIFEST_PATH, Manifest};
use muster_words::Digest;

/// What earlier runs read: the newest manifest, and documents by their digests. Everything is
/// checked when it is read, so a damaged file is as good as none.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn manifest(&self) -> Option<Bytes> {
        fs::read(self.folder.join(MANIFEST_PATH)).ok().map(Bytes::from)
    }

    pub fn object(&self, digest: &str) -> Option<Bytes> {
        let bytes = fs::read(self.objects().join(digest)).ok()?;
        (Digest::of(&bytes).to_string() == digest).then(|| bytes.into())
    }

    /// Keeps a document. That it can't be kept is no reason not to answer.
    pub fn keep_object(&self, digest: &str, bytes: &[u8]) {
        let _ = write(&self.objects(), digest, bytes);
    }

    /// Keeps a manifest, and drops the documents that it doesn't name.
    pub fn keep_manifest(&self, bytes: &[u8], manifest: &Manifest) {
        if write(&self.folder, MANIFEST_PATH, bytes).is_err() {
            return;
        }
        let named: BTreeSet<&str> =
            manifest.files.values().map(|file| file.sha256.as_str()).collect();
        for entry in fs::read_dir(self.objects()).into_iter().flatten().flatten() {
            if !named.contains(entry.file_name().to_string_lossy().as_ref()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }
}

/// Writes a file whole: another reader may read or write it at the same time, in this process or in
/// another one.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(folder)?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".{name}.{}.{number}", std::process::id()));
    fs::write(&draft, bytes)?;
    fs::rename(&draft, folder.join(name))
}
