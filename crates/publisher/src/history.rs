use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use muster_wire::manifest::{
    MANIFEST_PATH, Manifest, ManifestError, ManifestFile, history_path, object_path,
};
use muster_words::Moment;
use thiserror::Error;

use crate::{
    DestinationError, PublicationSource, SiteDestination, SiteKeys, SourceError, republished,
};

/// How many publications back one is looked for.
const STEPS_MAX: usize = 10_000;

/// An earlier publication of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EarlierSite {
    /// The one that is there now.
    Newest,
    /// With this number or this tag.
    Version(String),
    /// The one that was there at this time.
    At(Moment),
}

/// Why an earlier publication can't be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The destination can't be read.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A manifest can't be understood.
    #[error("{path} can't be read: {source}")]
    Manifest {
        /// Its path.
        path: String,
        /// Why.
        source: ManifestError,
    },
    /// None of the registry's own keys has signed a manifest.
    #[error("{path} isn't signed by a key of this registry")]
    Unsigned {
        /// Its path.
        path: String,
    },
    /// Several publications have a tag.
    #[error("{tag} names several publications; name one by its number, such as {older} or {newer}")]
    Ambiguous {
        /// The tag.
        tag: String,
        /// The number of one.
        older: u64,
        /// The number of the next one.
        newer: u64,
    },
    /// There is none.
    #[error("the destination's history has no such publication")]
    Absent,
}

/// The manifest of a publication in a destination's own history. With keys, one of them must have
/// signed each manifest on the way: what is published again is signed again, and nobody who can
/// write to the destination may choose what that is.
///
/// # Errors
/// See [`HistoryError`].
pub async fn earlier_manifest(
    destination: &dyn SiteDestination,
    wanted: &EarlierSite,
    keys: Option<&SiteKeys>,
) -> Result<Manifest, HistoryError> {
    let mut path = MANIFEST_PATH.to_owned();
    let mut found: Option<Manifest> = None;
    for _ in 0..STEPS_MAX {
        let manifest = match read_manifest(destination, &path, keys).await {
            Ok(manifest) => manifest,
            // What was found stands, whatever is before it.
            Err(error) => return found.ok_or(error),
        };
        let previous = manifest.previous;
        let is_passed = is_before(&manifest, wanted);
        let is_wanted = match wanted {
            EarlierSite::Newest => true,
            EarlierSite::Version(version) => manifest.version.to_string() == *version,
            EarlierSite::At(moment) => {
                Moment::parse(&manifest.issued).is_ok_and(|issued| issued <= *moment)
            }
        };
        if is_wanted {
            return Ok(manifest);
        }
        let has_tag = matches!(wanted, EarlierSite::Version(tag) if manifest.tag == *tag);
        match (found.take(), has_tag) {
            // Two publications of one second have the same tag.
            (Some(newer), true) => {
                return Err(HistoryError::Ambiguous {
                    tag: newer.tag,
                    older: manifest.version,
                    newer: newer.version,
                });
            }
            (Some(newer), false) => return Ok(newer),
            (None, true) => found = Some(manifest),
            (None, false) => {}
        }
        if found.is_none() && is_passed {
            break;
        }
        let Some(previous) = previous else { break };
        path = history_path(previous);
    }
    found.ok_or(HistoryError::Absent)
}

/// Whether a publication is earlier than a wanted version, so that it isn't further back: numbers and
/// tags are times.
fn is_before(manifest: &Manifest, wanted: &EarlierSite) -> bool {
    let EarlierSite::Version(wanted) = wanted else { return false };
    match wanted.parse::<u64>() {
        Ok(number) => manifest.version < number,
        Err(_) => manifest.tag < *wanted,
    }
}

/// Reads a manifest, which one of the keys must have signed, if there are any.
async fn read_manifest(
    destination: &dyn SiteDestination,
    path: &str,
    keys: Option<&SiteKeys>,
) -> Result<Manifest, HistoryError> {
    let file = destination.read(path).await?.ok_or(HistoryError::Absent)?;
    let read = Manifest::read(&file.bytes)
        .map_err(|source| HistoryError::Manifest { path: path.to_owned(), source })?;
    if keys.is_some_and(|keys| !keys.have_signed(&read)) {
        return Err(HistoryError::Unsigned { path: path.to_owned() });
    }
    Ok(read.manifest)
}

/// The paths of a publication whose bytes aren't at a destination any more.
///
/// # Errors
/// The destination can't be read.
pub async fn gaps(
    destination: &dyn SiteDestination,
    manifest: &Manifest,
) -> Result<Vec<String>, DestinationError> {
    let mut missing = Vec::new();
    for (path, file) in &manifest.files {
        if destination.read(&object_path(&file.sha256)).await?.is_none() {
            missing.push(path.clone());
        }
    }
    Ok(missing)
}

/// A site that was published before, as the source of another publication.
pub struct PublishedSite {
    /// Where its files are.
    pub destination: Arc<dyn SiteDestination>,
    /// Its manifest.
    pub manifest: Manifest,
    /// The channel of the new publication.
    pub channel: String,
    /// The address of the new publication.
    pub base_url: String,
    /// The keys that sign it, if there are any.
    pub keys: Arc<Option<SiteKeys>>,
    /// The present time.
    pub now: Moment,
}

#[async_trait]
impl PublicationSource for PublishedSite {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        let place = (self.channel.as_str(), self.base_url.as_str());
        let keys = self.keys.as_ref().as_ref();
        Ok(republished(&self.manifest, place, (previous, self.now), keys).to_bytes().into())
    }

    async fn file(&self, path: &str, file: &ManifestFile) -> Result<Bytes, SourceError> {
        let found = self.destination.read(&object_path(&file.sha256)).await?;
        let missing = || format!("{path} isn't there any more under its digest {}", file.sha256);
        Ok(found.ok_or_else(missing)?.bytes)
    }
}
