use std::collections::{BTreeMap, BTreeSet};

use muster_wire::manifest::{Manifest, ManifestFile};
use serde::{Deserialize, Serialize};

use crate::aliases;

/// The file that says which named files a publication was about to change, and of which files the
/// CDN must still hear. It is there while one is running, after one that was interrupted, and until
/// the CDN has heard.
pub const MARKER_PATH: &str = "publishing.json";

/// What a publication writes and removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicationPlan {
    /// The files whose bytes aren't there yet under their digest, each with a path that it has.
    pub objects: Vec<(String, ManifestFile)>,
    /// The named files to write, also under other spellings, with the path of the document.
    pub named: Vec<(String, String)>,
    /// The named files to remove.
    pub removed: Vec<String>,
}

/// The content of the marker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// What tells the publication that wrote it from others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The named files that may hold other bytes than the manifest says.
    #[serde(default)]
    pub paths: BTreeSet<String>,
    /// The files that are as the manifest says, and of which the CDN wasn't told yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untold: BTreeSet<String>,
}

impl Marker {
    /// Whether a publication is at work that wrote this marker, or was interrupted. One that can't be
    /// read may be.
    pub fn is_of_one_at_work(bytes: &[u8]) -> bool {
        let marker: Result<Self, _> = serde_json::from_slice(bytes);
        !marker.is_ok_and(|marker| marker.paths.is_empty() && !marker.untold.is_empty())
    }
}

impl PublicationPlan {
    /// What leads from the published manifest to the next one. `unsure` are named files that may
    /// hold anything, because an earlier publication was interrupted.
    #[must_use]
    pub fn between(
        published: Option<&Manifest>,
        next: &Manifest,
        unsure: &BTreeSet<String>,
    ) -> Self {
        let nothing = BTreeMap::new();
        let before = published.map_or(&nothing, |manifest| &manifest.files);
        let (named_before, named_next) = (named(before), named(&next.files));
        let known: BTreeSet<&str> = before.values().map(|file| file.sha256.as_str()).collect();
        let mut plan = Self::default();
        let mut taken = BTreeSet::new();
        for (path, file) in &next.files {
            // A publication that was interrupted may have removed nothing of the objects, so those
            // of the published manifest are there.
            if !known.contains(file.sha256.as_str()) && taken.insert(file.sha256.as_str()) {
                plan.objects.push((path.clone(), file.clone()));
            }
        }
        for (path, own) in &named_next {
            let digest = |files: &BTreeMap<String, ManifestFile>, own: Option<&String>| {
                own.and_then(|own| files.get(own)).map(|file| file.sha256.clone())
            };
            let changes = digest(before, named_before.get(path)) != digest(&next.files, Some(own));
            if changes || unsure.contains(path) {
                plan.named.push((path.clone(), own.clone()));
            }
        }
        let gone = named_before.keys().chain(unsure).filter(|path| !named_next.contains_key(*path));
        plan.removed = gone.cloned().collect::<BTreeSet<_>>().into_iter().collect();
        plan
    }

    /// Whether nothing but the manifest would be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.named.is_empty() && self.removed.is_empty()
    }

    /// The named files that it touches.
    pub(crate) fn touched(&self) -> BTreeSet<String> {
        let named = self.named.iter().map(|(path, _)| path);
        named.chain(&self.removed).cloned().collect()
    }
}

/// All names of files, each with the path in the manifest.
fn named(files: &BTreeMap<String, ManifestFile>) -> BTreeMap<String, String> {
    let own = files.keys().map(|path| (path.clone(), path.clone()));
    let paths = files.keys().map(String::as_str);
    own.chain(aliases(paths, |path| files.contains_key(path))).collect()
}
