//! Publishing: renders a view as a site of static files with a signed manifest, and brings the site
//! to a destination so that its readers see the old state or the new one, and nothing between.
//!
//! It isn't a place of truth: a site can be deleted and published again. It serves no requests, and
//! it never decides what a document may say.

// The catalog's nested chains need more than the compiler's default of 128 steps.
#![recursion_limit = "256"]

#[cfg(feature = "buckets")]
mod bucket;
mod cleaning;
mod compression;
mod contents;
mod destination;
mod folder;
mod follower;
mod history;
mod keys;
mod large_files;
mod named;
mod place;
mod plan;
mod publish;
mod publisher;
mod purge;
mod render;
mod retired;
mod source;

#[cfg(feature = "buckets")]
pub use bucket::BucketDestination;
pub use cleaning::CleaningReport;
pub use contents::{DEFAULT_COLLECTIONS, SiteContents, SiteFile, UnknownCollection};
pub use destination::{DestinationError, FileHeaders, SiteDestination, StoredFile};
pub use folder::FolderDestination;
pub use follower::{FOLLOWER, PublicationFollower};
pub use history::{EarlierSite, HistoryError, PublishedSite, earlier_manifest, gaps};
pub use keys::{ReadKeys, SiteKeys, later_keys, next_key};
pub use large_files::{LargeFiles, Pieces, WantedPath, large_files_at, whole_of_draft};
pub use named::{aliases, headers_of};
pub use place::{
    AmazonAccess, AzureAccess, BadPlace, BucketAccess, BucketScheme, GoogleAccess, destination_at,
};
pub use plan::{MARKER_PATH, PublicationPlan};
pub use publish::{PublicationReport, PublishError, PublishOptions, publish};
pub use publisher::{Publisher, RunError};
pub use purge::{
    BadPurge, CachedDestination, CloudFrontPurge, PurgeAccess, PurgeError, PurgeOrder,
    RequestPurge, SitePurge, Untold, purge_at,
};
pub use render::{
    DEFAULT_CHANNEL, RENEWAL_US, RenderError, RenderRequest, RenderedSite, SiteRenderer,
    republished,
};
pub use source::{PublicationSource, SourceError};
