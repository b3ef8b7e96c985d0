use std::path::Path as LocalPath;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use object_store::{Error, ObjectStoreExt as _, WriteMultipart, path::Path};
use tokio::io::AsyncWriteExt as _;

use super::{BucketDestination, refused};
use crate::{
    DestinationError,
    large_files::{LargeFiles, Pieces, new_file},
};

/// The bytes of a part. S3 takes 10,000 of them.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// How many parts are on their way at once.
const PARTS_AT_ONCE: usize = 2;

impl BucketDestination {
    async fn fill(
        &self,
        path: &str,
        upload: &mut WriteMultipart,
        pieces: &mut dyn Pieces,
    ) -> Result<(), DestinationError> {
        loop {
            let piece = pieces.next().await.map_err(|what| {
                let path = path.to_owned();
                DestinationError::Refused { path, what }
            })?;
            let Some(piece) = piece else { return Ok(()) };
            let room = upload.wait_for_capacity(PARTS_AT_ONCE).await;
            room.map_err(|error| refused(path, &error))?;
            upload.put(piece);
        }
    }
}

#[async_trait]
impl LargeFiles for BucketDestination {
    async fn paths(&self) -> Result<Vec<String>, DestinationError> {
        let folder = (!self.folder.is_empty()).then(|| Path::from(self.folder.as_str()));
        let listed = self.store.list(folder.as_ref());
        let found: Vec<_> = listed.try_collect().await.map_err(|error| match error {
            error if self.is_absent(&error) => self.no_bucket(),
            error => refused("", &error),
        })?;
        let begin = format!("{}/", self.folder);
        let path = |whole: &str| match self.folder.as_str() {
            "" => Some(whole.to_owned()),
            _ => whole.strip_prefix(&begin).map(str::to_owned),
        };
        Ok(found.iter().filter_map(|one| path(one.location.as_ref())).collect())
    }

    async fn write(&self, path: &str, pieces: &mut dyn Pieces) -> Result<(), DestinationError> {
        let begun = self.store.put_multipart(&self.key(path)?).await;
        let begun = begun.map_err(|error| match error {
            error if self.is_absent(&error) => self.no_bucket(),
            error => refused(path, &error),
        })?;
        let mut upload = WriteMultipart::new_with_chunk_size(begun, PART_BYTES);
        if let Err(error) = self.fill(path, &mut upload, pieces).await {
            if let Err(left) = upload.abort().await {
                tracing::warn!(path, error = %left, "parts of a file that isn't complete stay in the bucket");
            }
            return Err(error);
        }
        upload.finish().await.map(drop).map_err(|error| refused(path, &error))
    }

    async fn copy(&self, path: &str, to: &LocalPath) -> Result<Option<()>, DestinationError> {
        let found = match self.store.get(&self.key(path)?).await {
            Ok(found) => found,
            Err(error) if self.is_absent(&error) => return Err(self.no_bucket()),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(refused(path, &error)),
        };
        let mut file = new_file(to).await?;
        let mut pieces = found.into_stream();
        let shown = to.display().to_string();
        let failed = |source| DestinationError::System { path: shown.clone(), source };
        while let Some(piece) = pieces.try_next().await.map_err(|error| refused(path, &error))? {
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        Ok(Some(()))
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        crate::SiteDestination::remove(self, path).await
    }
}
