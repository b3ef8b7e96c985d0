mod connector;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{
    Attribute, Attributes, Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    UpdateVersion, aws::AmazonS3Builder, path::Path,
};
use tokio::sync::OnceCell;

use self::connector::OwnConnections;
use crate::{
    BadPlace, BucketAccess, DestinationError, FileHeaders, SiteDestination, StoredFile, headers_of,
};

/// The region of a bucket, if nobody says it.
const REGION: &str = "us-east-1";

/// The file with which the server is tried.
const PROBE: &str = "publishing.probe";

/// The largest file that is read back, in bytes: a manifest of a million files has about 200 MB.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A folder in a bucket of S3, or of a server that speaks the same.
///
/// A bucket can't be locked. Publishers are told apart by the manifest alone: it is replaced only if
/// it is still the one that was read.
#[derive(Debug)]
pub struct BucketDestination {
    store: Box<dyn ObjectStore>,
    folder: String,
    /// Whether the server keeps conditions; found out once.
    is_tried: OnceCell<()>,
}

impl BucketDestination {
    /// The bucket and the folder in it, as `bucket/folder`.
    ///
    /// # Errors
    /// There is no key, or the bucket can't be addressed.
    pub fn new(place: &str, access: &BucketAccess) -> Result<Self, BadPlace> {
        if access.key_id.is_empty() || access.secret.is_empty() {
            return Err(BadPlace::NoKey);
        }
        let (bucket, folder) = place.split_once('/').unwrap_or((place, ""));
        let region = if access.region.is_empty() { REGION } else { &access.region };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_access_key_id(&access.key_id)
            .with_secret_access_key(&access.secret)
            .with_http_connector(OwnConnections::default());
        if !access.token.is_empty() {
            builder = builder.with_token(&access.token);
        }
        if !access.endpoint.is_empty() {
            // The operator has named this address; a server of a test has no certificate.
            builder = builder.with_endpoint(access.endpoint.trim_end_matches('/'));
            builder = builder.with_allow_http(access.endpoint.starts_with("http://"));
        }
        let store = builder.build().map_err(|error| BadPlace::Address(error.to_string()))?;
        let folder = folder.trim_matches('/').to_owned();
        Ok(Self { store: Box::new(store), folder, is_tried: OnceCell::new() })
    }

    fn key(&self, path: &str) -> Result<Path, DestinationError> {
        let whole = match self.folder.as_str() {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        };
        Path::parse(whole).map_err(|error| refused(path, &error))
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
        attributes.insert(Attribute::CacheControl, headers.cache_control.into());
        if let Some(encoding) = headers.content_encoding {
            attributes.insert(Attribute::ContentEncoding, encoding.into());
        }
        let is_conditional = mode != PutMode::Overwrite;
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&self.key(path)?, bytes.into(), options).await;
        match put {
            Ok(_) => Ok(()),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) if is_conditional => Err(DestinationError::Changed),
            Err(error) => Err(refused(path, &error)),
        }
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
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(refused(path, &error)),
        };
        if found.meta.size > READ_BYTES_MAX {
            let (path, limit) = (path.to_owned(), READ_BYTES_MAX);
            return Err(DestinationError::TooLarge { path, limit });
        }
        let tag = found.meta.e_tag.clone().unwrap_or_default();
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
            Some(tag) => {
                PutMode::Update(UpdateVersion { e_tag: Some(tag.to_owned()), version: None })
            }
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

fn refused(path: &str, error: &dyn std::fmt::Display) -> DestinationError {
    DestinationError::Refused { path: path.to_owned(), what: error.to_string() }
}

#[cfg(test)]
mod tests;
