use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use muster_wire::manifest::{MANIFEST_PATH, OBJECTS};
use muster_words::{
    Digest,
    json::{self, Value},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{SiteSource, SourceFault, VerifiedManifest};

/// A whole site in one file, which a program includes when it is built.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) manifest: VerifiedManifest,
    files: BTreeMap<String, String>,
}

/// The form of the file.
#[derive(Debug, Serialize, Deserialize)]
struct SnapshotFile {
    /// The manifest's bytes.
    manifest: String,
    /// The files' bytes, by their digests.
    files: BTreeMap<String, String>,
}

/// Why bytes aren't a snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// They have another form.
    #[error("it isn't a snapshot: {0}")]
    Form(#[from] serde_json::Error),
    /// Its manifest can't be used.
    #[error("{0}")]
    Manifest(String),
    /// A file is missing or was changed.
    #[error("the bytes of {0} are missing or were changed")]
    File(String),
    /// A file isn't text.
    #[error("{0} isn't text")]
    Text(String),
}

impl Snapshot {
    /// Reads a snapshot and checks every digest in it.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let read: SnapshotFile = serde_json::from_slice(bytes)?;
        let manifest = VerifiedManifest::read(read.manifest.into_bytes().into(), None, None);
        let manifest = manifest.map_err(|error| SnapshotError::Manifest(error.to_string()))?;
        let snapshot = Self { manifest, files: read.files };
        for (path, file) in &snapshot.manifest.manifest.files {
            let found = snapshot.files.get(&file.sha256);
            if found.is_none_or(|text| Digest::of(text.as_bytes()).to_string() != file.sha256) {
                return Err(SnapshotError::File(path.clone()));
            }
        }
        Ok(snapshot)
    }

    /// The bytes of a snapshot of these files, which `file` returns by their digests.
    ///
    /// # Errors
    /// A file is missing or isn't text.
    pub fn write(
        manifest: &VerifiedManifest,
        file: impl Fn(&str) -> Option<Bytes>,
    ) -> Result<Vec<u8>, SnapshotError> {
        let text = |path: &str, bytes: Vec<u8>| {
            String::from_utf8(bytes).map_err(|_| SnapshotError::Text(path.to_owned()))
        };
        let mut files = BTreeMap::new();
        for (path, listed) in &manifest.manifest.files {
            let bytes = file(&listed.sha256).ok_or_else(|| SnapshotError::File(path.clone()))?;
            files.insert(listed.sha256.clone(), text(path, bytes.to_vec())?);
        }
        let manifest = text("manifest.json", manifest.bytes.to_vec())?;
        let value = serde_json::to_value(SnapshotFile { manifest, files })?;
        Ok(json::to_canonical(&value))
    }

    /// The number of its manifest.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.manifest.manifest.version
    }

    /// A document with its version.
    pub(super) fn document(&self, path: &str) -> Option<(Value, String)> {
        let (_, file) = self.manifest.file(path)?;
        let text = self.files.get(&file.sha256)?;
        Some((serde_json::from_str(text).ok()?, file.version.clone()))
    }
}

/// As a source, a snapshot is a site that never changes.
#[async_trait]
impl SiteSource for Snapshot {
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault> {
        if path == MANIFEST_PATH {
            return Ok(Some(self.manifest.bytes.clone()));
        }
        let digest = match path.strip_prefix(OBJECTS) {
            Some(digest) => Some(digest.trim_start_matches('/')),
            None => self.manifest.file(path).map(|(_, file)| file.sha256.as_str()),
        };
        let text = digest.and_then(|digest| self.files.get(digest));
        Ok(text.map(|text| Bytes::copy_from_slice(text.as_bytes())))
    }

    fn refuse(&self, _path: &str) {}

    fn place(&self) -> &str {
        "the snapshot"
    }
}
