use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use muster_seal::{jws, note::Verifier};
use muster_wire::manifest::{MANIFEST_PATH, Manifest, ManifestFile, history_path, object_path};
use muster_words::Digest;
use serde_json::Value;

/// What was published, from the folder itself: each manifest by its number, and each document by its
/// digest.
pub struct Published {
    site: PathBuf,
    key: Verifier,
    manifests: Mutex<BTreeMap<u64, Arc<Manifest>>>,
    documents: Mutex<HashMap<String, Arc<Value>>>,
}

impl Published {
    pub fn new(site: PathBuf, key: Verifier) -> Self {
        Self { site, key, manifests: Mutex::default(), documents: Mutex::default() }
    }

    /// The newest manifest.
    pub fn newest(&self) -> Arc<Manifest> {
        let bytes = fs::read(self.site.join(MANIFEST_PATH)).unwrap();
        Arc::new(Manifest::read(&bytes).unwrap().manifest)
    }

    /// The manifest of this number; none if none was published.
    pub fn manifest(&self, version: u64) -> Option<Arc<Manifest>> {
        let mut manifests = self.manifests.lock().unwrap();
        if let Some(known) = manifests.get(&version) {
            return Some(known.clone());
        }
        let bytes = fs::read(self.site.join(history_path(version))).ok()?;
        let read = Manifest::read(&bytes).ok()?;
        let signature = read.manifest.signature.as_deref()?;
        jws::verify_detached(signature, &read.signed_part, [&self.key]).ok()?;
        let manifest = Arc::new(read.manifest);
        manifests.insert(version, manifest.clone());
        Some(manifest)
    }

    /// All manifests from one number to another, the newest first.
    pub fn span(&self, from: u64, to: u64) -> Vec<Arc<Manifest>> {
        let mut found = Vec::new();
        let mut next = Some(to);
        while let Some(manifest) =
            next.filter(|version| *version >= from).and_then(|version| self.manifest(version))
        {
            next = manifest.previous;
            found.push(manifest);
        }
        found
    }

    /// The document with this digest, which must be there.
    pub fn document(&self, digest: &str) -> Arc<Value> {
        let mut documents = self.documents.lock().unwrap();
        if let Some(known) = documents.get(digest) {
            return known.clone();
        }
        let bytes = fs::read(self.site.join(object_path(digest))).unwrap();
        assert_eq!(Digest::of(&bytes).to_string(), digest);
        let value: Arc<Value> = Arc::new(serde_json::from_slice(&bytes).unwrap());
        documents.insert(digest.to_owned(), value.clone());
        value
    }

    /// Whether one of these manifests names exactly this document, with this version.
    pub fn belongs(
        &self,
        manifests: &[Arc<Manifest>],
        path: &str,
        (value, version): (&Value, &str),
    ) -> bool {
        manifests.iter().any(|manifest| {
            named(manifest, path).is_some_and(|file| {
                file.version == version && *self.document(&file.sha256) == *value
            })
        })
    }
}

/// A file of a manifest, by a path in which `-` and `_` may stand for each other, and a stack's
/// category is `*`.
pub fn named<'a>(manifest: &'a Manifest, path: &str) -> Option<&'a ManifestFile> {
    let alike = |path: &str| path.replace('-', "_");
    if let Some(stack) = path.strip_prefix("stacks/*/") {
        let mut files = manifest.files.iter().filter(|(path, _)| path.starts_with("stacks/"));
        let is_it =
            |path: &str| path.rsplit('/').next().is_some_and(|own| alike(own) == alike(stack));
        return files.find(|(path, _)| is_it(path)).map(|(_, file)| file);
    }
    let own = manifest.files.get(path);
    own.or_else(|| manifest.files.iter().find(|(own, _)| alike(own) == alike(path)).map(|(_, f)| f))
}
