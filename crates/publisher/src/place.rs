use std::{fmt, path::PathBuf, sync::Arc};

use thiserror::Error;

use crate::{FolderDestination, SiteDestination};

/// With what a bucket is reached. Whoever starts the program gives it; documents never do.
#[derive(Clone, Default)]
pub struct BucketAccess {
    /// The id of the access key.
    pub key_id: String,
    /// The access key's secret.
    pub secret: String,
    /// The token of a key that expires; empty for one that doesn't.
    pub token: String,
    /// The region; empty: `us-east-1`.
    pub region: String,
    /// The address of a server that isn't AWS; empty for AWS.
    pub endpoint: String,
}

impl fmt::Debug for BucketAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BucketAccess");
        shown.field("region", &self.region).field("endpoint", &self.endpoint);
        shown.finish_non_exhaustive()
    }
}

/// Why a text isn't a place to publish to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadPlace {
    /// This program was built without buckets.
    #[error("this program was built without buckets")]
    NotBuilt,
    /// The kind of bucket isn't known.
    #[error("{0:?} isn't a folder, nor a bucket of S3 such as s3://bucket/folder")]
    Unknown(String),
    /// There is no key.
    #[error("a bucket needs a key: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    NoKey,
    /// The bucket can't be addressed.
    #[error("{0}")]
    Address(String),
}

/// The destination at a folder or an address such as `s3://bucket/folder`.
///
/// # Errors
/// See [`BadPlace`].
pub fn destination_at(
    place: &str,
    access: &BucketAccess,
) -> Result<Arc<dyn SiteDestination>, BadPlace> {
    match place.split_once("://") {
        None => Ok(Arc::new(FolderDestination::new(PathBuf::from(place)))),
        Some(("s3", bucket)) => bucket_at(bucket, access),
        Some(_) => Err(BadPlace::Unknown(place.chars().take(200).collect())),
    }
}

#[cfg(feature = "buckets")]
fn bucket_at(bucket: &str, access: &BucketAccess) -> Result<Arc<dyn SiteDestination>, BadPlace> {
    Ok(Arc::new(crate::BucketDestination::new(bucket, access)?))
}

#[cfg(not(feature = "buckets"))]
fn bucket_at(_bucket: &str, _access: &BucketAccess) -> Result<Arc<dyn SiteDestination>, BadPlace> {
    Err(BadPlace::NotBuilt)
}
