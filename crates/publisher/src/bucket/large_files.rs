use std::path::Path as LocalPath;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, WriteMultipart, path::Path,
};
use tokio::io::AsyncWriteExt as _;

use super::{BucketDestination, refused};
use crate::{
    DestinationError,
    large_files::{LargeFiles, Pieces, WantedPath, new_file},
};

/// The bytes of a part: it must be sent within the time of a request, also over a slow line. S3 takes
/// 10,000 of them.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// How many parts are on their way at once.
const PARTS_AT_ONCE: usize = 1;

/// The bytes of one answer, which is held in memory.
const RANGE_BYTES: u64 = 16 * 1024 * 1024;

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
    async fn paths(&self, is_wanted: WantedPath<'_>) -> Result<Vec<String>, DestinationError> {
        let failed = |error| match error {
            error if self.is_absent(&error) => self.no_bucket(),
            error => refused(&self.folder, &error),
        };
        let begin =
            if self.folder.is_empty() { String::new() } else { format!("{}/", self.folder) };
        let folder = match self.folder.as_str() {
            "" => None,
            folder => Some(Path::parse(folder).map_err(|error| failed(error.into()))?),
        };
        let mut listed = self.store.list(folder.as_ref());
        let mut found = Vec::new();
        while let Some(one) = listed.try_next().await.map_err(failed)? {
            let path = one.location.as_ref().strip_prefix(&begin);
            found.extend(path.filter(|path| is_wanted(path)).map(str::to_owned));
        }
        Ok(found)
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
        let key = self.key(path)?;
        let found = match self.store.head(&key).await {
            Ok(found) => found,
            Err(error) if self.is_absent(&error) => return Err(self.no_bucket()),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(refused(path, &error)),
        };
        let mut file = new_file(to).await?;
        let shown = to.display().to_string();
        let failed = |source| DestinationError::System { path: shown.clone(), source };
        let mut at = 0;
        while at < found.size {
            let end = found.size.min(at + RANGE_BYTES);
            let part = GetOptions {
                range: Some(GetRange::Bounded(at..end)),
                // All of them are of one file.
                if_match: found.e_tag.clone(),
                ..GetOptions::default()
            };
            let got =
                self.store.get_opts(&key, part).await.map_err(|error| refused(path, &error))?;
            let bytes = got.bytes().await.map_err(|error| refused(path, &error))?;
            file.write_all(&bytes).await.map_err(failed)?;
            at = end;
        }
        file.flush().await.map_err(failed)?;
        Ok(Some(()))
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        crate::SiteDestination::remove(self, path).await
    }
}
