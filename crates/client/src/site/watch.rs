use std::sync::Arc;

use bytes::Bytes;
use muster_wire::manifest::{MANIFEST_PATH, ManifestFile, object_path};
use muster_words::Digest;
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{ChangedField, SiteError, SiteReader, VerifiedManifest, difference::fields_changed};

/// What happened to a document of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteChangeKind {
    /// It is new.
    Created,
    /// It has other bytes.
    Updated,
    /// It isn't there any more.
    Deleted,
}

/// A document of a site that changed between two manifests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SiteChange {
    /// Its path.
    pub path: String,
    /// What happened to it.
    pub kind: SiteChangeKind,
    /// Its version; empty if it isn't there any more.
    pub version: String,
    /// The fields that differ; none if a document is new or gone, or one of the two can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<ChangedField>>,
    /// When the site last changed (RFC 3339).
    pub timestamp: String,
    /// The number of the manifest that shows it.
    pub manifest_version: u64,
}

/// Follows a site: says at each call what changed since the call before.
pub struct SiteWatch {
    reader: SiteReader,
    known: Option<Arc<VerifiedManifest>>,
}

impl SiteReader {
    /// Follows the site from its state at the first call of [`SiteWatch::changes`].
    #[must_use]
    pub fn watch(&self) -> SiteWatch {
        SiteWatch { reader: self.clone(), known: None }
    }
}

impl SiteWatch {
    /// Reads the manifest, and returns what changed since the last call, by path. The first call
    /// returns nothing.
    ///
    /// # Errors
    /// The source can't be read; the next call tells what this one would have.
    pub async fn changes(&mut self) -> Result<Vec<SiteChange>, SiteError> {
        let inner = &self.reader.inner;
        let unreachable = |why| SiteError::Unreachable { path: MANIFEST_PATH.to_owned(), why };
        inner.refresh(inner.deadline()).await.map_err(unreachable)?;
        let newest = inner.state.lock().manifest.clone();
        let Some(newest) = newest else { return Ok(Vec::new()) };
        let Some(known) = self.known.replace(newest.clone()) else { return Ok(Vec::new()) };
        if known.manifest.version == newest.manifest.version {
            return Ok(Vec::new());
        }
        let (old, new) = (&known.manifest.files, &newest.manifest.files);
        let mut changes = Vec::new();
        for (path, file) in new {
            let change = match old.get(path) {
                Some(was) if was.sha256 == file.sha256 => continue,
                Some(was) => {
                    let fields = self.fields(was, file).await;
                    change(&newest, path, (SiteChangeKind::Updated, &file.version), fields)
                }
                None => change(&newest, path, (SiteChangeKind::Created, &file.version), None),
            };
            changes.push(change);
        }
        let gone = old.keys().filter(|path| !new.contains_key(*path));
        changes.extend(gone.map(|path| change(&newest, path, (SiteChangeKind::Deleted, ""), None)));
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }

    /// The fields in which two documents differ, if both can be read.
    async fn fields(&self, was: &ManifestFile, is: &ManifestFile) -> Option<Vec<ChangedField>> {
        let (before, after) = (self.document(was).await?, self.document(is).await?);
        Some(fields_changed(&before, &after))
    }

    /// A document by its digest. That an old one is gone says nothing about the source's health.
    async fn document(&self, file: &ManifestFile) -> Option<Arc<Value>> {
        let inner = &self.reader.inner;
        let kept = inner.state.lock().memory.get(&file.sha256);
        if let Some((value, _)) = kept {
            return Some(value);
        }
        let on_disk = inner.disk.as_ref().and_then(|disk| disk.object(&file.sha256));
        let read = |bytes: Bytes| serde_json::from_slice(&bytes).ok().map(Arc::new);
        if let Some(bytes) = on_disk {
            return read(bytes);
        }
        for source in &inner.sources {
            let path = object_path(&file.sha256);
            let fetched = timeout(inner.options.timeout, source.fetch(&path));
            if let Ok(Ok(Some(bytes))) = fetched.await
                && Digest::of(&bytes).to_string() == file.sha256
            {
                return read(bytes);
            }
        }
        None
    }
}

/// What happened to one document.
fn change(
    newest: &VerifiedManifest,
    path: &str,
    (kind, version): (SiteChangeKind, &str),
    changes: Option<Vec<ChangedField>>,
) -> SiteChange {
    let manifest = &newest.manifest;
    SiteChange {
        path: path.to_owned(),
        kind,
        version: version.to_owned(),
        changes,
        timestamp: manifest.last_updated.clone(),
        manifest_version: manifest.version,
    }
}
