use std::{fmt, path::PathBuf, sync::Arc};

use thiserror::Error;

use crate::{FolderDestination, SiteDestination};

/// With what buckets are reached. Whoever starts the program gives it; documents never do.
#[derive(Clone, Debug, Default)]
pub struct BucketAccess {
    /// For S3, and servers that speak the same.
    pub amazon: AmazonAccess,
    /// For Google Cloud Storage.
    pub google: GoogleAccess,
    /// For Azure Blob Storage.
    pub azure: AzureAccess,
}

/// With what a bucket of S3 is reached.
#[derive(Clone, Default)]
pub struct AmazonAccess {
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

/// With what a bucket of Google Cloud Storage is reached.
#[derive(Clone, Default)]
pub struct GoogleAccess {
    /// The file with a service account's key; empty: none.
    pub key_file: String,
    /// A token that expires, which is preferred to the key; empty: none.
    pub token: String,
    /// The address of a server that isn't Google's; empty for Google's.
    pub endpoint: String,
}

/// With what a container of Azure Blob Storage is reached.
#[derive(Clone, Default)]
pub struct AzureAccess {
    /// The storage account.
    pub account: String,
    /// One of the account's keys, in base 64; empty: none.
    pub key: String,
    /// A shared access signature, which is preferred to the key; empty: none.
    pub signature: String,
    /// The address of the account where it isn't `https://<account>.blob.core.windows.net`.
    pub endpoint: String,
}

impl fmt::Debug for AmazonAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AmazonAccess");
        shown.field("region", &self.region).field("endpoint", &self.endpoint);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for GoogleAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("GoogleAccess");
        shown.field("key_file", &self.key_file).field("endpoint", &self.endpoint);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for AzureAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AzureAccess");
        shown.field("account", &self.account).field("endpoint", &self.endpoint);
        shown.finish_non_exhaustive()
    }
}

/// Whose API a bucket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketScheme {
    /// S3: `s3://bucket/folder`.
    Amazon,
    /// Google Cloud Storage: `gs://bucket/folder`.
    Google,
    /// Azure Blob Storage: `az://container/folder`.
    Azure,
}

impl BucketScheme {
    /// The scheme before `://`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "s3" => Some(Self::Amazon),
            "gs" => Some(Self::Google),
            "az" => Some(Self::Azure),
            _ => None,
        }
    }

    /// The variables of the environment that hold a key.
    #[must_use]
    pub const fn key_variables(self) -> &'static str {
        match self {
            Self::Amazon => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            Self::Google => {
                "GOOGLE_APPLICATION_CREDENTIALS (the file with a service account's key) or \
                 GOOGLE_OAUTH_ACCESS_TOKEN"
            }
            Self::Azure => {
                "AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or \
                 AZURE_STORAGE_SAS_TOKEN"
            }
        }
    }
}

/// Why a text isn't a place to publish to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadPlace {
    /// This program was built without buckets.
    #[error("this program was built without buckets")]
    NotBuilt,
    /// The kind of bucket isn't known.
    #[error(
        "{0:?} isn't a folder, nor a bucket such as s3://bucket/folder, gs://bucket/folder or \
         az://container/folder"
    )]
    Unknown(String),
    /// There is no key.
    #[error("a bucket needs a key: {}", .0.key_variables())]
    NoKey(BucketScheme),
    /// The key can't be used.
    #[error("{variable}: {what}")]
    BrokenKey {
        /// The variable with the key, or with the name of its file.
        variable: &'static str,
        /// Why.
        what: String,
    },
    /// The bucket can't be addressed.
    #[error("{0}")]
    Address(String),
}

/// What an address leads to.
pub(crate) enum Place {
    /// A folder of this computer.
    Folder(PathBuf),
    /// A folder in a bucket.
    #[cfg(feature = "buckets")]
    Bucket(crate::BucketDestination),
}

impl Place {
    /// The place at a folder or an address such as `s3://bucket/folder`.
    ///
    /// # Errors
    /// See [`BadPlace`].
    pub fn at(place: &str, access: &BucketAccess) -> Result<Self, BadPlace> {
        let Some((scheme, bucket)) = place.split_once("://") else {
            return Ok(Self::Folder(PathBuf::from(place)));
        };
        let unknown = || BadPlace::Unknown(place.chars().take(200).collect());
        bucket_at(BucketScheme::of(scheme).ok_or_else(unknown)?, bucket, access)
    }
}

/// The destination at a folder or an address such as `s3://bucket/folder`.
///
/// # Errors
/// See [`BadPlace`].
pub fn destination_at(
    place: &str,
    access: &BucketAccess,
) -> Result<Arc<dyn SiteDestination>, BadPlace> {
    Ok(match Place::at(place, access)? {
        Place::Folder(path) => Arc::new(FolderDestination::new(path)),
        #[cfg(feature = "buckets")]
        Place::Bucket(bucket) => Arc::new(bucket),
    })
}

#[cfg(feature = "buckets")]
fn bucket_at(scheme: BucketScheme, bucket: &str, access: &BucketAccess) -> Result<Place, BadPlace> {
    Ok(Place::Bucket(crate::BucketDestination::new(scheme, bucket, access)?))
}

#[cfg(not(feature = "buckets"))]
fn bucket_at(
    _scheme: BucketScheme,
    _bucket: &str,
    _access: &BucketAccess,
) -> Result<Place, BadPlace> {
    Err(BadPlace::NotBuilt)
}
