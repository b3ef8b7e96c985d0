mod amazon;
mod azure;
mod connector;
mod google;
mod large_files;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{
    Attribute, Attributes, Error, GetResult, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    UpdateVersion, path::Path,
};
use tokio::sync::OnceCell;

use crate::{
    BadPlace, BucketAccess, BucketScheme, DestinationError, FileHeaders, SiteDestination,
    StoredFile, headers_of,
};

/// The file with which the server is tried.
const PROBE: &str = "publishing.probe";

/// The largest file that is read back, in bytes: a manifest of a million files has about 200 MB.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What services answer where there is no such bucket, within their answer's text.
const ABSENT_BUCKETS: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];

/// A folder in a bucket of S3, of Google or of Azure, or of a server that speaks the same.
///
/// A bucket can't be locked. Publishers are told apart by the manifest alone: it is replaced only if
/// it is still the one that was read.
#[derive(Debug)]
pub struct BucketDestination {
    store: Box<dyn ObjectStore>,
    scheme: BucketScheme,
    bucket: String,
    folder: String,
    /// Whether the server keeps conditions; found out once.
    is_tried: OnceCell<()>,
}

impl BucketDestination {
    /// The bucket and the folder in it, as `bucket/folder`.
    ///
    /// # Errors
    /// There is no key, or it can't be used, or the bucket can't be addressed.
    pub fn new(scheme: BucketScheme, place: &str, access: &BucketAccess) -> Result<Self, BadPlace> {
        let (bucket, folder) = place.split_once('/').unwrap_or((place, ""));
        let store = match scheme {
            BucketScheme::Amazon => amazon::store(bucket, &access.amazon)?,
            BucketScheme::Google => google::store(bucket, &access.google)?,
            BucketScheme::Azure => azure::store(bucket, &access.azure)?,
        };
        let (bucket, folder) = (bucket.to_owned(), folder.trim_matches('/').to_owned());
        Ok(Self { store, scheme, bucket, folder, is_tried: OnceCell::new() })
    }

    fn key(&self, path: &str) -> Result<Path, DestinationError> {
        let whole = match self.folder.as_str() {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        };
        Path::parse(whole).map_err(|error| refused(path, &error.into()))
    }

    async fn put(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        mode: PutMode,
    ) -> Result<(), DestinationError> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, headers.content_type.into());
        attributes.insert(Attribute::CacheControl, self.cache_control(headers).into());
        if let Some(encoding) = headers.content_encoding {
            attributes.insert(Attribute::ContentEncoding, encoding.into());
        }
        let is_update = matches!(mode, PutMode::Update(_));
        let is_conditional = mode != PutMode::Overwrite;
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&self.key(path)?, bytes.into(), options).await;
        match put {
            Ok(_) => Ok(()),
            Err(error) if self.is_absent(&error) => Err(self.no_bucket()),
            Err(Error::NotFound { .. }) if is_update => Err(DestinationError::Changed),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) if is_conditional => {
                Err(DestinationError::Changed)
            }
            Err(error) => Err(refused(path, &error)),
        }
    }

    /// Google unpacks a compressed file for whoever doesn't ask for compressed ones, unless its
    /// headers forbid it. The name promises the compressed bytes.
    fn cache_control(&self, headers: FileHeaders) -> String {
        let FileHeaders { cache_control, content_encoding, .. } = headers;
        match (self.scheme, content_encoding) {
            (BucketScheme::Google, Some(_)) => format!("{cache_control}, no-transform"),
            _ => cache_control.to_owned(),
        }
    }

    /// What tells the states of a file apart. The tag of Google's files is of their bytes alone;
    /// their generation is a new one with each write.
    fn tag(&self, found: &GetResult) -> String {
        let tag = match self.scheme {
            BucketScheme::Google => &found.meta.version,
            BucketScheme::Amazon | BucketScheme::Azure => &found.meta.e_tag,
        };
        tag.clone().unwrap_or_default()
    }

    fn is_absent(&self, error: &Error) -> bool {
        let is_about = |text: &str| ABSENT_BUCKETS.iter().any(|code| text.contains(code));
        matches!(error, Error::NotFound { .. }) && is_about(&error.to_string())
    }

    fn no_bucket(&self) -> DestinationError {
        DestinationError::NoBucket { bucket: self.bucket.clone() }
    }

    /// Finds out whether the server keeps conditions. One that doesn't would let two publishers
    /// overwrite each other's manifests without a word.
    async fn try_conditions(&self) -> Result<(), DestinationError> {
        let create = || {
            let bytes = Bytes::from_static(b"{}");
            self.put(PROBE, bytes, headers_of(PROBE), PutMode::Create)
        };
        for _ in 0..2 {
            match create().await {
                // It is there, from now or from earlier, and wasn't created again.
                Err(DestinationError::Changed) => return Ok(()),
                done => done?,
            }
        }
        let what = "this server ignores conditions (If-None-Match), so publishers could overwrite \
                    each other";
        Err(DestinationError::Refused { path: PROBE.to_owned(), what: what.to_owned() })
    }
}

#[async_trait]
impl SiteDestination for BucketDestination {
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError> {
        self.is_tried.get_or_try_init(|| self.try_conditions()).await?;
        Ok(Box::new(()))
    }

    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError> {
        let found = match self.store.get(&self.key(path)?).await {
            Ok(found) => found,
            Err(error) if self.is_absent(&error) => return Err(self.no_bucket()),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(refused(path, &error)),
        };
        if found.meta.size > READ_BYTES_MAX {
            let (path, limit) = (path.to_owned(), READ_BYTES_MAX);
            return Err(DestinationError::TooLarge { path, limit });
        }
        let tag = self.tag(&found);
        let bytes = found.bytes().await.map_err(|error| refused(path, &error))?;
        Ok(Some(StoredFile { bytes, tag }))
    }

    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
    ) -> Result<(), DestinationError> {
        self.put(path, bytes, headers, PutMode::Overwrite).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        let mode = match expected {
            None => PutMode::Create,
            // Google refuses what isn't a generation. No file has such a tag.
            Some(tag) if self.scheme == BucketScheme::Google && tag.parse::<u64>().is_err() => {
                return Err(DestinationError::Changed);
            }
            Some(tag) => PutMode::Update(UpdateVersion {
                e_tag: Some(tag.to_owned()),
                version: Some(tag.to_owned()),
            }),
        };
        match self.put(path, bytes.clone(), headers, mode).await {
            // The answer to the first try may have been lost, and the next one met its own work.
            Err(DestinationError::Changed) => match self.read(path).await? {
                Some(found) if found.bytes == bytes => Ok(()),
                _ => Err(DestinationError::Changed),
            },
            done => done,
        }
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        match self.store.delete(&self.key(path)?).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refused(path, &error)),
        }
    }
}

fn refused(path: &str, error: &Error) -> DestinationError {
    let (path, what) = (path.to_owned(), error.to_string());
    match error {
        Error::Unauthenticated { .. } | Error::PermissionDenied { .. } => {
            DestinationError::Denied { path, what }
        }
        _ => DestinationError::Refused { path, what },
    }
}

#[cfg(test)]
mod tests;
