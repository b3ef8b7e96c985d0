use async_trait::async_trait;
use bytes::Bytes;
use muster_client::Client;
use muster_publisher::{PublicationSource, SourceError};
use muster_wire::manifest::{ManifestFile, ManifestRequest, object_path};

/// A registry's site as a source: the manifest is signed for the channel and the address, and the
/// files come by their digests.
pub(super) struct ServedSite {
    pub client: Client,
    pub request: ManifestRequest,
}

#[async_trait]
impl PublicationSource for ServedSite {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        let request = ManifestRequest { previous, ..self.request.clone() };
        Ok(self.client.render_manifest(&request).await?.bytes)
    }

    async fn file(&self, _path: &str, file: &ManifestFile) -> Result<Bytes, SourceError> {
        Ok(self.client.site_file(&object_path(&file.sha256)).await?)
    }
}
