//! Telling a CDN which files changed, so that it asks for them again before their time.

mod cloudfront;
mod requests;
mod spelling;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use muster_words::Moment;
use thiserror::Error;

pub use cloudfront::CloudFrontPurge;
pub use requests::RequestPurge;
pub use spelling::{BadPurge, PurgeAccess, purge_at};

use crate::{DestinationError, FileHeaders, SiteDestination, StoredFile};

/// How long a CDN may take for one order. Who isn't told by then is told with the next publication.
const ORDER_TIME_MAX: Duration = Duration::from_secs(30);

/// A CDN that keeps copies of a site's files.
#[async_trait]
pub trait SitePurge: Send + Sync {
    /// Asks the CDN to forget its copies. MUST return only when the CDN has taken the order, and it
    /// MUST do no harm to ask twice.
    async fn purge(&self, order: &PurgeOrder) -> Result<(), Untold>;
}

/// Which copies are outdated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeOrder {
    /// The address under which the site's files are read.
    pub base_url: String,
    /// The paths of the files, within the site. A file's compressed forms lie beside it, under
    /// `.gz` and `.br`.
    pub paths: BTreeSet<String>,
    /// A name that is the same whenever the same is ordered again.
    pub reference: String,
    /// When it is ordered.
    pub now: Moment,
}

/// What a CDN wasn't told, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct Untold {
    /// Why.
    pub error: PurgeError,
    /// The files of the order that it doesn't know of.
    pub paths: BTreeSet<String>,
}

/// Why a CDN wasn't told.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PurgeError {
    /// It can't be reached.
    #[error("{0}")]
    Unreachable(String),
    /// It refuses.
    #[error("{place} answered {status}{said}")]
    Refused {
        /// The address, without what it was asked.
        place: String,
        /// The status of HTTP.
        status: u16,
        /// A colon and the beginning of what it said; empty if it said nothing readable.
        said: String,
    },
    /// The order can't be written down as the CDN wants it.
    #[error("the order can't be sent: {0}")]
    Unusable(String),
}

impl PurgeError {
    /// Whether it may go better in a moment.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => *status == 408 || *status == 429 || *status >= 500,
            Self::Unusable(_) => false,
        }
    }
}

/// A destination before which a CDN is.
pub struct CachedDestination {
    files: Arc<dyn SiteDestination>,
    cdn: Arc<dyn SitePurge>,
}

impl CachedDestination {
    /// A destination, and the CDN before it.
    #[must_use]
    pub fn new(files: Arc<dyn SiteDestination>, cdn: Arc<dyn SitePurge>) -> Self {
        Self { files, cdn }
    }
}

#[async_trait]
impl SiteDestination for CachedDestination {
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError> {
        self.files.begin().await
    }

    fn is_locked(&self) -> bool {
        self.files.is_locked()
    }

    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError> {
        self.files.read(path).await
    }

    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
    ) -> Result<(), DestinationError> {
        self.files.write(path, bytes, headers).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        self.files.replace(path, bytes, headers, expected).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        self.files.remove(path).await
    }

    async fn outdate(&self, order: &PurgeOrder) -> Result<(), Untold> {
        self.cdn.purge(order).await
    }
}

#[cfg(test)]
mod tests;
