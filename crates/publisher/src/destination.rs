use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use crate::{PurgeOrder, Untold};

/// Where a site is published to: a folder or a bucket.
///
/// A path is relative, has `/` between its steps, and no step is empty, `.` or `..`.
#[async_trait]
pub trait SiteDestination: Send + Sync {
    /// Begins a publication. Where the destination can be locked, it MUST stay locked until the
    /// result is dropped; elsewhere [`SiteDestination::replace`] tells publishers apart.
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError>;

    /// Whether [`SiteDestination::begin`] locks it, so that nobody else publishes or cleans.
    fn is_locked(&self) -> bool {
        false
    }

    /// A file with its tag; none if it isn't there.
    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError>;

    /// Writes a file, also over another one. Readers MUST see the old bytes or the new ones, whole,
    /// and the file MUST be durable when this returns.
    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
    ) -> Result<(), DestinationError>;

    /// As [`SiteDestination::write`], but only if the file still has this tag; none: if there is no such
    /// file. Otherwise it MUST answer [`DestinationError::Changed`] and write nothing.
    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError>;

    /// Removes a file. That it isn't there is no error.
    async fn remove(&self, path: &str) -> Result<(), DestinationError>;

    /// Tells whoever keeps copies of the files that some are outdated. Where nobody does, nothing
    /// happens.
    async fn outdate(&self, _order: &PurgeOrder) -> Result<(), Untold> {
        Ok(())
    }
}

/// The bytes of a file, and a tag that changes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The bytes.
    pub bytes: Bytes,
    /// The tag.
    pub tag: String,
}

/// With which headers a file is served, where the destination can say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeaders {
    /// Its media type.
    pub content_type: &'static str,
    /// How long it may be kept.
    pub cache_control: &'static str,
    /// How its bytes are compressed.
    pub content_encoding: Option<&'static str>,
}

/// Why a destination refuses.
#[derive(Debug, Error)]
pub enum DestinationError {
    /// Another publication to it is running.
    #[error("another publication to it is running")]
    Busy,
    /// It holds something that isn't a site.
    #[error("it holds other files and no site")]
    Foreign,
    /// The file is another one by now.
    #[error("another publisher was faster")]
    Changed,
    /// It is larger than it may be.
    #[error("{path} is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit.
        limit: u64,
    },
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    System {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no such bucket.
    #[error("there is no bucket {bucket}")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// The service that keeps the files doesn't accept the key, or the key may not do this.
    #[error("{path}: access is denied: {what}")]
    Denied {
        /// The file.
        path: String,
        /// What it said.
        what: String,
    },
    /// The service that keeps the files refuses.
    #[error("{path}: {what}")]
    Refused {
        /// The file.
        path: String,
        /// What it said.
        what: String,
    },
}
