use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::{View, entity::Entity};
use muster_registry::{FetchError, Registry};
use muster_wire::{
    manifest::{Manifest, ManifestFile},
    publications::{PUBLICATIONS, Publication, PublicationStatus},
};
use muster_words::{Position, Xid};
use parking_lot::Mutex;
use thiserror::Error;

use crate::{
    DEFAULT_CHANNEL, EarlierSite, HistoryError, PublicationReport, PublicationSource, PublishError,
    PublishOptions, PublishedSite, PurgeError, RenderError, RenderRequest, RenderedSite,
    SiteDestination, SiteRenderer, SourceError, contents::document_at, earlier_manifest, publish,
};

/// Runs the publications of a registry: documents that say what is published where.
///
/// A document only names a destination; where that is, the operator has said. So nobody who may
/// write a document can let the server write where it shouldn't.
pub struct Publisher {
    registry: Registry,
    renderer: Arc<SiteRenderer>,
    destinations: BTreeMap<String, Arc<dyn SiteDestination>>,
    /// One publication runs at a time, because each reads all that it writes.
    turn: tokio::sync::Mutex<()>,
    results: Mutex<BTreeMap<String, LastRun>>,
}

/// What the last run of a publication led to.
#[derive(Clone, Debug, Default)]
struct LastRun {
    tag: Option<String>,
    position: Option<u64>,
    error: Option<String>,
}

/// Why a publication didn't run.
#[derive(Debug, Error)]
pub enum RunError {
    /// There is no such publication.
    #[error("there is no publication {0}")]
    Absent(Xid),
    /// Its document can't be understood.
    #[error("{xid} isn't a publication: {what}")]
    Document {
        /// The publication.
        xid: Xid,
        /// Why.
        what: String,
    },
    /// The settings don't list its destination.
    #[error("{xid} names the destination {name}, which the settings don't list")]
    Unlisted {
        /// The publication.
        xid: Xid,
        /// The destination.
        name: String,
    },
    /// The publication that it takes its files from can't be read.
    #[error("{xid} can't be read: {source}")]
    From {
        /// The other publication.
        xid: String,
        /// Why.
        source: Box<HistoryError>,
    },
    /// The keys can't be read.
    #[error(transparent)]
    Keys(#[from] RenderError),
    /// The registry can't be read.
    #[error("the ledger can't be read")]
    Fetch(#[from] FetchError),
    /// The site is published, but the CDN before it wasn't told.
    #[error("{xid}: {}", untold(source))]
    Untold {
        /// The publication.
        xid: Xid,
        /// Why.
        source: Box<PurgeError>,
    },
    /// The site can't be published.
    #[error("{xid}: {source}")]
    Publish {
        /// The publication.
        xid: Xid,
        /// Why.
        source: Box<PublishError>,
    },
}

impl Publisher {
    /// A publisher to these destinations, by their names.
    #[must_use]
    pub fn new(
        registry: Registry,
        renderer: Arc<SiteRenderer>,
        destinations: BTreeMap<String, Arc<dyn SiteDestination>>,
    ) -> Self {
        let (turn, results) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { registry, renderer, destinations, turn, results }
    }

    /// Whether anything could be published at all.
    #[must_use]
    pub fn has_destinations(&self) -> bool {
        !self.destinations.is_empty()
    }

    /// The publications that a view shows, and how each stands.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn statuses(&self, view: &View) -> Result<Vec<PublicationStatus>, FetchError> {
        let mut statuses = Vec::new();
        for xid in xids(view) {
            let read = match self.read(view, &xid).await {
                Err(RunError::Fetch(error)) => return Err(error),
                read => read,
            };
            let last = self.results.lock().get(&xid.to_string()).cloned().unwrap_or_default();
            let error = last.error.or_else(|| read.as_ref().err().map(ToString::to_string));
            let publication = read.ok();
            statuses.push(PublicationStatus {
                xid: xid.to_string(),
                on_change: publication.as_ref().is_some_and(is_on_change),
                channel: publication.as_ref().map(channel_of),
                destination: publication.map(|publication| publication.destination),
                tag: last.tag,
                position: last.position,
                error,
            });
        }
        Ok(statuses)
    }

    /// Runs a publication now, or finds out what it would do.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(&self, xid: &Xid, is_trial: bool) -> Result<PublicationReport, RunError> {
        let view = self.registry.view();
        let publication = self.read(&view, xid).await?;
        let _turn = self.turn.lock().await;
        let ran = self.run_as(xid, &publication, is_trial, &view).await;
        if !is_trial {
            let last = match &ran {
                Ok(report) => LastRun {
                    tag: Some(report.manifest.tag.clone()),
                    position: Some(report.manifest.position),
                    error: report.purge_error.as_ref().map(untold),
                },
                Err(error) => {
                    let before = self.results.lock().get(&xid.to_string()).cloned();
                    LastRun { error: Some(error.to_string()), ..before.unwrap_or_default() }
                }
            };
            self.results.lock().insert(xid.to_string(), last);
        }
        ran
    }

    /// The manifest of what a publication has published, which one of the registry's keys has signed.
    ///
    /// # Errors
    /// See [`RunError`]; that there was none is [`HistoryError::Absent`].
    pub async fn earlier(&self, xid: &Xid, wanted: &EarlierSite) -> Result<Manifest, RunError> {
        let publication = self.read(&self.registry.view(), xid).await?;
        let destination = self.destination(xid, &publication)?;
        let keys = self.renderer.keys()?;
        let found = earlier_manifest(&*destination, wanted, keys.as_ref().as_ref()).await;
        found.map_err(|error| RunError::From { xid: xid.to_string(), source: Box::new(error) })
    }

    /// Runs every publication that follows changes. All are tried before the first error counts.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run_all(&self) -> Result<(), RunError> {
        let view = self.registry.view();
        let mut failed = None;
        for xid in xids(&view) {
            // What can't be understood stays in the status, and waits for its author.
            let Ok(publication) = self.read(&view, &xid).await else { continue };
            if !is_on_change(&publication) {
                continue;
            }
            match self.run(&xid, false).await {
                Ok(PublicationReport { purge_error: Some(error), .. }) => {
                    tracing::warn!(publication = %xid, %error, "a CDN wasn't told of a publication");
                    failed.get_or_insert(RunError::Untold { xid, source: Box::new(error) });
                }
                Ok(report) if !report.is_unchanged => {
                    let tag = &report.manifest.tag;
                    tracing::info!(publication = %xid, tag, "published");
                    warn_of_cleaning(&xid, &report);
                }
                Ok(report) => warn_of_cleaning(&xid, &report),
                Err(RunError::Unlisted { .. }) => {
                    tracing::warn!(publication = %xid, "its destination isn't in the settings");
                }
                Err(error) => {
                    tracing::warn!(publication = %xid, %error, "a publication failed");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Runs every publication that follows changes, and signs anew what the others have published
    /// and what would soon be too old to be believed. Errors are logged and in the status.
    pub async fn renew(&self) {
        let _ = self.run_all().await;
        let view = self.registry.view();
        for xid in xids(&view) {
            let Ok(publication) = self.read(&view, &xid).await else { continue };
            if is_on_change(&publication) {
                continue;
            }
            if let Err(error) = self.renew_one(&xid, &publication).await {
                tracing::warn!(publication = %xid, %error, "a publication can't be renewed");
            }
        }
    }

    /// Publishes what is at a destination once more, as it is there. That changes nothing while its
    /// manifest is young.
    async fn renew_one(&self, xid: &Xid, publication: &Publication) -> Result<(), RunError> {
        let _turn = self.turn.lock().await;
        let destination = self.destination(xid, publication)?;
        let of_this = |error| RunError::From { xid: xid.to_string(), source: Box::new(error) };
        let keys = self.renderer.keys()?;
        let newest = &EarlierSite::Newest;
        let found = earlier_manifest(&*destination, newest, keys.as_ref().as_ref()).await;
        let manifest = match found {
            Err(HistoryError::Absent) => return Ok(()),
            found => found.map_err(of_this)?,
        };
        let source = PublishedSite {
            destination: destination.clone(),
            channel: manifest.channel.clone(),
            base_url: manifest.cdn_urls.base.clone(),
            manifest,
            keys,
            now: self.registry.now(),
        };
        let options = PublishOptions { is_trial: false, may_go_back: false, now: source.now };
        let source = WithPurges { source: Box::new(source), renderer: self.renderer.clone() };
        let published = publish(&source, &destination, &options).await;
        published
            .map(|report| warn_of_cleaning(xid, &report))
            .map_err(|error| RunError::Publish { xid: xid.clone(), source: Box::new(error) })
    }

    async fn run_as(
        &self,
        xid: &Xid,
        publication: &Publication,
        is_trial: bool,
        view: &View,
    ) -> Result<PublicationReport, RunError> {
        let destination = self.destination(xid, publication)?;
        let now = self.registry.now();
        let options = PublishOptions { is_trial, may_go_back: false, now };
        let source: Box<dyn PublicationSource> = match &publication.from {
            None => Box::new(RegistrySource::new(self.renderer.clone(), publication)),
            Some(from) => Box::new(self.staged(view, from, publication).await?),
        };
        let source = WithPurges { source, renderer: self.renderer.clone() };
        let published = publish(&source, &destination, &options).await;
        published.map_err(|error| RunError::Publish { xid: xid.clone(), source: Box::new(error) })
    }

    /// The files of another publication, as they are at its destination.
    async fn staged(
        &self,
        view: &View,
        from: &str,
        publication: &Publication,
    ) -> Result<PublishedSite, RunError> {
        let absent = || HistoryError::Absent;
        let other = |error| RunError::From { xid: from.to_owned(), source: Box::new(error) };
        let from_xid: Xid = from.parse().map_err(|_| other(absent()))?;
        let from_publication = self.read(view, &from_xid).await?;
        let destination = self.destination(&from_xid, &from_publication)?;
        let keys = self.renderer.keys()?;
        let newest = &EarlierSite::Newest;
        let found = earlier_manifest(&*destination, newest, keys.as_ref().as_ref()).await;
        let manifest = found.map_err(other)?;
        Ok(PublishedSite {
            destination,
            manifest,
            channel: channel_of(publication),
            base_url: publication.base_url.clone(),
            keys,
            now: self.registry.now(),
        })
    }

    fn destination(
        &self,
        xid: &Xid,
        publication: &Publication,
    ) -> Result<Arc<dyn SiteDestination>, RunError> {
        let name = &publication.destination;
        self.destinations
            .get(name)
            .cloned()
            .ok_or_else(|| RunError::Unlisted { xid: xid.clone(), name: name.clone() })
    }

    async fn read(&self, view: &View, xid: &Xid) -> Result<Publication, RunError> {
        let is_one = xid.collection().is_some_and(|all| all.groups.as_str() == PUBLICATIONS);
        let version = view.version_at(xid).filter(|_| is_one);
        let content = version.and_then(|version| version.document);
        let content = content.ok_or_else(|| RunError::Absent(xid.clone()))?;
        let bytes = self.registry.contents(&[content]).await?.into_iter().flatten().next();
        let bytes = bytes.ok_or_else(|| RunError::Absent(xid.clone()))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| RunError::Document { xid: xid.clone(), what: error.to_string() })
    }
}

/// Says that a site keeps what nobody needs any more. The next publication tries again.
fn warn_of_cleaning(xid: &Xid, report: &PublicationReport) {
    if let Some(error) = &report.cleaning_error {
        tracing::warn!(publication = %xid, %error, "old files of a publication can't be removed");
    }
}

/// What is said of a publication whose CDN wasn't told.
fn untold(error: &PurgeError) -> String {
    format!("published, but the CDN keeps its copies until it is told: {error}")
}

/// The publications of a view.
fn xids(view: &View) -> Vec<Xid> {
    let mut found = Vec::new();
    if view.model().group_type(PUBLICATIONS).is_none() {
        return found;
    }
    for group in Entity::Registry.members_after(view, PUBLICATIONS, None) {
        let members = group.members_after(view, "entries", None);
        let names =
            members.map(|one| format!("/{PUBLICATIONS}/{}/entries/{}", group.id(), one.id()));
        found.extend(names.filter_map(|name| name.parse::<Xid>().ok()));
    }
    found
}

fn is_on_change(publication: &Publication) -> bool {
    publication.on_change.unwrap_or(publication.from.is_none())
}

fn channel_of(publication: &Publication) -> String {
    publication.channel.clone().unwrap_or_else(|| DEFAULT_CHANNEL.to_owned())
}

/// The registry itself as the source of a publication.
struct RegistrySource {
    renderer: Arc<SiteRenderer>,
    request: RenderRequest,
    /// The site whose manifest was asked for last; its files are read from the same view.
    site: Mutex<Option<Arc<RenderedSite>>>,
}

impl RegistrySource {
    fn new(renderer: Arc<SiteRenderer>, publication: &Publication) -> Self {
        let request = RenderRequest {
            channel: channel_of(publication),
            base_url: publication.base_url.clone(),
            collections: publication.collections.clone(),
            previous: None,
        };
        Self { renderer, request, site: Mutex::default() }
    }
}

#[async_trait]
impl PublicationSource for RegistrySource {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        let request = RenderRequest { previous, ..self.request.clone() };
        let site = self.renderer.render(request).await?;
        let bytes = site.bytes.clone();
        *self.site.lock() = Some(site);
        Ok(bytes)
    }

    async fn file(&self, path: &str, _file: &ManifestFile) -> Result<Bytes, SourceError> {
        let site = self.site.lock().clone();
        let file = site.as_ref().and_then(|site| site.file(path));
        let file = file.ok_or("the site has no such file")?;
        let bytes = self.renderer.bytes(file).await?;
        Ok(bytes.ok_or("the document was purged meanwhile")?)
    }
}

/// A source, and what the registry knows of hard deletes.
struct WithPurges {
    source: Box<dyn PublicationSource>,
    renderer: Arc<SiteRenderer>,
}

#[async_trait]
impl PublicationSource for WithPurges {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        self.source.manifest(previous).await
    }

    async fn file(&self, path: &str, file: &ManifestFile) -> Result<Bytes, SourceError> {
        self.source.file(path, file).await
    }

    fn newest_purge(&self) -> Option<u64> {
        self.renderer.view().newest_purge().map(|position| position.0)
    }

    fn is_erased(&self, path: &str, position: u64) -> bool {
        let view = self.renderer.view();
        let purge = document_at(&view, path).and_then(|xid| view.last_purge(&xid));
        purge.is_some_and(|purge| purge.position > Position(position))
    }
}
