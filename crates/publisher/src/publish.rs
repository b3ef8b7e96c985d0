use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use muster_wire::{
    manifest::{MANIFEST_PATH, Manifest, ManifestError, ManifestFile, history_path, object_path},
    publications::PublicationOutcome,
};
use muster_words::{Digest, Moment, json};
use thiserror::Error;

use crate::{
    CleaningReport, DestinationError, MARKER_PATH, PublicationPlan, PublicationSource, PurgeError,
    PurgeOrder, RENEWAL_US, SiteDestination, SourceError, Untold,
    cleaning::{clean, is_being_cleaned},
    compression::compressed,
    headers_of,
    plan::Marker,
    retired::{RetiredFiles, retire},
};

/// How often a publication begins again because another publisher was faster. Each time the other
/// one has published something, so more would only mean that both fight for ever.
const ATTEMPTS_MAX: u32 = 5;

/// How a site is published.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// Only find out what would be done.
    pub is_trial: bool,
    /// Publish also what is older than what is there, or another registry's.
    pub may_go_back: bool,
    /// The present time, for when a manifest is renewed.
    pub now: Moment,
}

/// What a publication did, or would do.
#[derive(Debug)]
pub struct PublicationReport {
    /// What was written and removed.
    pub plan: PublicationPlan,
    /// The manifest that is there now.
    pub manifest: Manifest,
    /// The number of the publication before; none if there was none.
    pub before: Option<u64>,
    /// Whether nothing was written, because all of it is there.
    pub is_unchanged: bool,
    /// How many requests to the destination that took.
    pub requests: u64,
    /// Why those who keep copies weren't told; the next publication tells them.
    pub purge_error: Option<PurgeError>,
    /// What was removed because nobody needs it any more.
    pub cleaning: CleaningReport,
    /// Why not all of that could be removed; the next publication goes on.
    pub cleaning_error: Option<DestinationError>,
}

impl PublicationReport {
    /// The same for others: `to` names where the site lies.
    #[must_use]
    pub fn outcome(self, to: &str) -> PublicationOutcome {
        let Self { plan, manifest, before, is_unchanged, purge_error, cleaning, .. } = self;
        PublicationOutcome {
            to: to.to_owned(),
            dry_run: false,
            unchanged: is_unchanged,
            channel: manifest.channel,
            version: manifest.version,
            tag: manifest.tag,
            position: manifest.position,
            expires: manifest.expires,
            before,
            files: manifest.files.len() as u64,
            objects: plan.objects.len() as u64,
            written: plan.named.into_iter().map(|(path, _)| path).collect(),
            removed: plan.removed,
            purge_error: purge_error.map(|error| error.to_string()),
            cleaned: cleaning.objects,
            cleaning_error: self.cleaning_error.map(|error| error.to_string()),
        }
    }
}

/// Why a site can't be published.
#[derive(Debug, Error)]
pub enum PublishError {
    /// What is published can't be read.
    #[error("{0}")]
    Source(SourceError),
    /// The source's manifest or one of its files isn't what it should be.
    #[error("{path} of the source is broken: {what}")]
    BrokenSource {
        /// The file.
        path: String,
        /// Why.
        what: String,
    },
    /// The destination refuses.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// The destination's manifest can't be understood.
    #[error("the manifest that is there can't be read: {0}")]
    BrokenManifest(#[from] ManifestError),
    /// The destination holds another registry's site.
    #[error("it holds the site of the registry {found}, not of {expected}")]
    OtherRegistry {
        /// The registry whose site is there.
        found: String,
        /// The registry that is published.
        expected: String,
    },
    /// The destination holds a later state.
    #[error("it holds position {published}, which is later than {offered}")]
    Later {
        /// The position that is published.
        published: u64,
        /// The position that would be.
        offered: u64,
    },
    /// The file can't be compressed.
    #[error("a file can't be compressed: {0}")]
    Compression(#[from] std::io::Error),
}

/// Brings a site to a destination.
///
/// The objects come first, then the named files, and the manifest last; what isn't needed any more
/// goes after that, and then those are told who keep copies. A marker names the files that change,
/// so that after an interruption the next publication knows which of them to mistrust and to tell;
/// where only the telling failed, the next one tells, and writes nothing again.
///
/// # Errors
/// See [`PublishError`]. Whatever happened, readers that begin with the manifest find the old state
/// or the new one, and another publication ends right.
pub async fn publish(
    source: &dyn PublicationSource,
    destination: &Arc<dyn SiteDestination>,
    options: &PublishOptions,
) -> Result<PublicationReport, PublishError> {
    let _begun = match options.is_trial {
        true => None,
        false => Some(destination.begin().await?),
    };
    let mut publication = Publication {
        source,
        destination,
        options,
        requests: 0,
        unsure: BTreeSet::new(),
        untold: BTreeSet::new(),
        written: BTreeSet::new(),
        fetched: BTreeMap::new(),
        token: token(),
        marker: None,
    };
    let mut attempts = 1;
    loop {
        match publication.attempt().await {
            Err(PublishError::Destination(DestinationError::Changed))
                if attempts < ATTEMPTS_MAX =>
            {
                attempts += 1;
            }
            Ok(mut report) if !options.is_trial => {
                publication.clean(&mut report).await;
                return Ok(report);
            }
            Ok(report) => return Ok(report),
            Err(error) => {
                // Where that can't be done either, the marker names them.
                if let Err(left) = publication.give_back().await {
                    tracing::warn!(error = %left, "named files wait for the next publication");
                }
                return Err(error);
            }
        }
    }
}

struct Publication<'a> {
    source: &'a dyn PublicationSource,
    destination: &'a Arc<dyn SiteDestination>,
    options: &'a PublishOptions,
    requests: u64,
    /// Named files that may hold anything.
    unsure: BTreeSet<String>,
    /// Files of which those who keep copies weren't told.
    untold: BTreeSet<String>,
    /// Named files that this publication has written.
    written: BTreeSet<String>,
    /// Files that were read for their objects, because their named copies come later.
    fetched: BTreeMap<String, Bytes>,
    /// What tells this publication's marker from others'.
    token: String,
    /// The marker that it wrote last.
    marker: Option<Bytes>,
}

/// A text that no other publication has, nor another draft.
pub(crate) fn token() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let what = format!("{} {count} {}", std::process::id(), now.as_nanos());
    Digest::of(what.as_bytes()).to_string().chars().rev().take(16).collect()
}

/// How many bytes of files are kept in memory between their objects and their named copies.
const FETCHED_BYTES_MAX: usize = 32 * 1024 * 1024;

impl Publication<'_> {
    async fn attempt(&mut self) -> Result<PublicationReport, PublishError> {
        let found = self.read(MANIFEST_PATH).await?;
        let published = found.as_ref().map(|file| Manifest::read(&file.bytes)).transpose()?;
        let published = published.map(|read| read.manifest);
        let is_marked = self.read_marker().await?;
        let previous = published.as_ref().map(|manifest| manifest.version);
        let bytes = self.source.manifest(previous).await.map_err(PublishError::Source)?;
        let next = Manifest::read(&bytes).map_err(|error| broken(MANIFEST_PATH, &error))?.manifest;
        if let Some(published) = &published {
            self.check_order(published, &next)?;
        }
        let plan = PublicationPlan::between(published.as_ref(), &next, &self.unsure);
        let is_unchanged = published.as_ref().is_some_and(|published| {
            published.says_the_same_as(&next) && plan.is_empty() && !self.is_renewed(published)
        });
        if !is_unchanged && !self.options.is_trial {
            let expected = found.as_ref().map(|file| file.tag.as_str());
            let before = (published.as_ref(), expected);
            self.write_all(&plan, &next, bytes, before).await?;
            self.untold.extend(plan.touched());
            self.untold.insert(MANIFEST_PATH.to_owned());
        }
        let manifest = if is_unchanged { published.unwrap_or(next) } else { next };
        let is_over = !self.options.is_trial && (is_marked || !is_unchanged);
        let purge_error = if is_over { self.end(&manifest).await? } else { None };
        Ok(PublicationReport {
            plan,
            manifest,
            before: previous,
            is_unchanged,
            requests: self.requests,
            purge_error,
            cleaning: CleaningReport::default(),
            cleaning_error: None,
        })
    }

    /// Removes what nobody needs any more. The site is published, whatever comes of it.
    async fn clean(&self, report: &mut PublicationReport) {
        if report.is_unchanged && self.source.newest_purge().is_none() {
            return;
        }
        match clean(&**self.destination, self.source, self.options.now).await {
            Ok(cleaning) => report.cleaning = cleaning,
            Err(error) => report.cleaning_error = Some(error),
        }
        report.requests += report.cleaning.requests;
    }

    /// Tells those who keep copies which files they should ask for again. The marker goes once they
    /// have heard of all; until then it says what is left.
    async fn end(&mut self, manifest: &Manifest) -> Result<Option<PurgeError>, PublishError> {
        self.unsure.clear();
        let before = self.untold.clone();
        let told = match before.is_empty() {
            true => Ok(()),
            false => self.destination.outdate(&self.order(manifest)).await,
        };
        let Err(Untold { error, paths }) = told else {
            self.requests += 1;
            self.unmark().await?;
            return Ok(None);
        };
        self.untold = paths;
        self.mark().await?;
        Ok(Some(error))
    }

    fn order(&self, manifest: &Manifest) -> PurgeOrder {
        let Manifest { registry, channel, version, .. } = manifest;
        let base_url = manifest.cdn_urls.base.clone();
        // A CDN takes one reference once, whatever it is about.
        let what = json::to_canonical(&serde_json::json!([base_url, self.untold]));
        let about = Digest::of(&what);
        PurgeOrder {
            base_url,
            paths: self.untold.clone(),
            reference: format!("{registry}-{channel}-{version}-{about}"),
            now: self.options.now,
        }
    }

    async fn write_all(
        &mut self,
        plan: &PublicationPlan,
        next: &Manifest,
        bytes: Bytes,
        (published, expected): (Option<&Manifest>, Option<&str>),
    ) -> Result<(), PublishError> {
        self.unsure.extend(plan.touched());
        if !self.unsure.is_empty() {
            self.mark().await?;
        }
        if !plan.objects.is_empty() && !self.destination.is_locked() {
            self.requests += 1;
            if is_being_cleaned(&**self.destination, self.options.now).await? {
                return Err(DestinationError::Busy.into());
            }
        }
        for (path, file) in &plan.objects {
            let bytes = self.fetch(path, file).await?;
            self.write_compressed(&object_path(&file.sha256), bytes).await?;
        }
        for (path, own) in &plan.named {
            let Some(file) = next.files.get(own) else { continue };
            let bytes = self.fetch(own, file).await?;
            self.written.insert(path.clone());
            self.write_compressed(path, bytes).await?;
        }
        self.write(&history_path(next.version), bytes.clone()).await?;
        // Before the manifest, so that nothing is forgotten; what it still names isn't removed.
        let retired = published.map(|published| RetiredFiles::between(published, next));
        if let Some(retired) = retired.filter(|retired| !retired.is_empty()) {
            self.requests += retire(&**self.destination, &retired, self.options.now).await?;
        }
        // Whoever goes on from this manifest must not meet a name that disappears later. Where nobody
        // else can be at work, readers of the manifest before find its names until there is a new one.
        let is_locked = self.destination.is_locked();
        if !is_locked {
            self.written.extend(plan.removed.iter().cloned());
            self.remove_names(&plan.removed).await?;
        }
        self.requests += 1;
        let headers = headers_of(MANIFEST_PATH);
        self.destination.replace(MANIFEST_PATH, bytes, headers, expected).await?;
        if is_locked {
            self.remove_names(&plan.removed).await?;
        }
        Ok(())
    }

    /// Gives the names that were written back what belongs there, because another publisher was
    /// faster, and again if a third one did meanwhile. The marker stays: that one may be at work
    /// still. Where nobody else can be at work, the next publication does it.
    async fn give_back(&mut self) -> Result<(), PublishError> {
        if self.written.is_empty() || self.destination.is_locked() {
            return Ok(());
        }
        self.unsure.extend(self.written.clone());
        self.mark().await?;
        let mut published = self.read_manifest().await?;
        for _ in 0..ATTEMPTS_MAX {
            let Some(before) = published else { break };
            self.write_as_in(&before).await?;
            // Its own marker may have taken the place of the one above. Either it finds this one when
            // it ends, or its manifest is found here.
            self.mark().await?;
            published = self.read_manifest().await?;
            published = published.filter(|newer| newer.version != before.version);
        }
        Ok(())
    }

    async fn read_manifest(&mut self) -> Result<Option<Manifest>, PublishError> {
        let found = self.read(MANIFEST_PATH).await?;
        let found = found.map(|file| Manifest::read(&file.bytes)).transpose()?;
        Ok(found.map(|read| read.manifest))
    }

    /// Gives the names that were written what a manifest says.
    async fn write_as_in(&mut self, published: &Manifest) -> Result<(), PublishError> {
        let plan = PublicationPlan::between(Some(published), published, &self.written);
        for (path, own) in &plan.named {
            let file = published.files.get(own);
            let object = file.map(|file| object_path(&file.sha256)).unwrap_or_default();
            if let Some(found) = self.read(&object).await? {
                self.write_compressed(path, found.bytes).await?;
            }
        }
        self.remove_names(&plan.removed).await
    }

    async fn mark(&mut self) -> Result<(), PublishError> {
        let marker = serde_json::to_value(Marker {
            by: self.token.clone(),
            paths: self.unsure.clone(),
            untold: self.untold.clone(),
        });
        let marker = Bytes::from(json::to_canonical(&marker.unwrap_or_default()));
        self.marker = Some(marker.clone());
        self.write(MARKER_PATH, marker).await
    }

    /// Removes the marker. One of another publisher that was too slow stays: it may have written names
    /// since, and gives them back; the next publication looks at them again.
    async fn unmark(&mut self) -> Result<(), PublishError> {
        if let Some(own) = self.marker.take()
            && !self.destination.is_locked()
            && self.read(MARKER_PATH).await?.is_some_and(|found| found.bytes != own)
        {
            return Ok(());
        }
        Ok(self.destination.remove(MARKER_PATH).await?)
    }

    async fn remove_names(&mut self, paths: &[String]) -> Result<(), PublishError> {
        for path in paths {
            for ending in ["", ".gz", ".br"] {
                self.requests += 1;
                self.destination.remove(&format!("{path}{ending}")).await?;
            }
        }
        Ok(())
    }

    async fn fetch(&mut self, path: &str, file: &ManifestFile) -> Result<Bytes, PublishError> {
        if let Some(bytes) = self.fetched.get(&file.sha256) {
            return Ok(bytes.clone());
        }
        let bytes = self.source.file(path, file).await.map_err(PublishError::Source)?;
        if Digest::of(&bytes).to_string() != file.sha256 {
            return Err(broken(path, &"its digest isn't the one in the manifest"));
        }
        let kept: usize = self.fetched.values().map(Bytes::len).sum();
        if kept + bytes.len() <= FETCHED_BYTES_MAX {
            self.fetched.insert(file.sha256.clone(), bytes.clone());
        }
        Ok(bytes)
    }

    async fn read(&mut self, path: &str) -> Result<Option<crate::StoredFile>, PublishError> {
        self.requests += 1;
        Ok(self.destination.read(path).await?)
    }

    async fn write(&mut self, path: &str, bytes: Bytes) -> Result<(), PublishError> {
        self.requests += 1;
        Ok(self.destination.write(path, bytes, headers_of(path)).await?)
    }

    async fn write_compressed(&mut self, path: &str, bytes: Bytes) -> Result<(), PublishError> {
        for (ending, bytes) in compressed(&bytes)? {
            self.write(&format!("{path}.{ending}"), bytes).await?;
        }
        self.write(path, bytes).await
    }

    /// Reads what an interrupted publication left. Returns whether there is a marker.
    async fn read_marker(&mut self) -> Result<bool, PublishError> {
        let Some(file) = self.read(MARKER_PATH).await? else { return Ok(false) };
        // One that can't be read names nothing; it is written before anything that it would name.
        let marker: Marker = serde_json::from_slice(&file.bytes).unwrap_or_default();
        // Only this one is removed at the end, unless it is replaced by an own one.
        self.marker = Some(file.bytes);
        self.unsure.extend(marker.paths.into_iter().filter(|path| is_below(path)));
        let is_file = |path: &String| is_below(path) || path == MANIFEST_PATH;
        self.untold.extend(marker.untold.into_iter().filter(is_file));
        Ok(true)
    }

    fn check_order(&self, published: &Manifest, next: &Manifest) -> Result<(), PublishError> {
        if self.options.may_go_back {
            return Ok(());
        }
        if published.registry != next.registry {
            let (found, expected) = (published.registry.clone(), next.registry.clone());
            return Err(PublishError::OtherRegistry { found, expected });
        }
        let is_earlier = published.position > next.position || published.version > next.version;
        if is_earlier && !published.says_the_same_as(next) {
            let (published, offered) = (published.position, next.position);
            return Err(PublishError::Later { published, offered });
        }
        Ok(())
    }

    /// Whether less than half of a manifest's life is left.
    fn is_renewed(&self, published: &Manifest) -> bool {
        let left = published.expires_at().map(|end| end.microseconds());
        left.is_none_or(|end| end - self.options.now.microseconds() < RENEWAL_US)
    }
}

/// Whether a path of a marker is one of a site's. The file lies where others may write.
fn is_below(path: &str) -> bool {
    let is_step = |step: &str| !step.is_empty() && step != "." && step != "..";
    path.split('/').all(is_step) && !path.starts_with("objects/") && path != MANIFEST_PATH
}

fn broken(path: &str, what: &dyn std::fmt::Display) -> PublishError {
    PublishError::BrokenSource { path: path.to_owned(), what: what.to_string() }
}

#[cfg(test)]
pub(crate) mod tests;
