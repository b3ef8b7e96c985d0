use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use muster_wire::manifest::ManifestFile;

/// Why what is published can't be read.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// Where a publication reads from: the registry itself, a server's API, or a site that was published
/// before.
#[async_trait]
pub trait PublicationSource: Send + Sync {
    /// The manifest to publish, as it is signed. `previous` is the number of the one that is there; a
    /// source that makes manifests SHOULD make one with a larger number, which names it.
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError>;

    /// The bytes of a file in that manifest. The caller checks their digest.
    async fn file(&self, path: &str, file: &ManifestFile) -> Result<Bytes, SourceError>;

    /// The position of the newest hard delete that the source knows. Where it knows none, what was
    /// published stays until its time is over.
    fn newest_purge(&self) -> Option<u64> {
        None
    }

    /// Whether a named file, as it was at a position, was erased by a hard delete since.
    fn is_erased(&self, _path: &str, _position: u64) -> bool {
        false
    }
}
