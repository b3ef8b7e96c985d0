use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use muster_client::{
    TrustedRoots,
    site::{FolderSource, SiteOptions, SiteReader, SiteSource, UrlSource},
};
use pyo3::prelude::*;
use serde_json::Value;

use crate::{failure, own_source::OwnSource, snapshot::SiteSnapshot};

/// How a site is read, as Python says it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ReaderOptions {
    cache_ttl: f64,
    stale_while_revalidate: f64,
    max_retries: u32,
    timeout: f64,
    key: Option<String>,
    channel: Option<String>,
    disk: Option<PathBuf>,
    snapshot: Option<Py<SiteSnapshot>>,
    /// Documents by path, as JSON.
    fallback_data: String,
    use_registry: bool,
    fallback_enabled: bool,
    cache_bytes_max: usize,
    ca_cert: Option<PathBuf>,
}

impl ReaderOptions {
    /// A reader of these sources.
    pub fn reader(self, py: Python<'_>, sources: &[Bound<'_, PyAny>]) -> PyResult<SiteReader> {
        let timeout = seconds(py, "timeout", self.timeout)?;
        let roots = self.ca_cert.clone().map_or(TrustedRoots::System, TrustedRoots::File);
        let sources = sources.iter().map(|source| source_of(source, timeout, &roots));
        let sources = sources.collect::<PyResult<Vec<_>>>()?;
        Ok(SiteReader::new(sources, self.options(py, timeout)?))
    }

    fn options(self, py: Python<'_>, timeout: Duration) -> PyResult<SiteOptions> {
        let key = self.key.as_deref().map(|key| key.trim().parse());
        let fallback: Result<BTreeMap<String, Value>, _> =
            serde_json::from_str(&self.fallback_data);
        Ok(SiteOptions {
            cache_ttl: seconds(py, "cache_ttl", self.cache_ttl)?,
            stale_while_revalidate: seconds(
                py,
                "stale_while_revalidate",
                self.stale_while_revalidate,
            )?,
            max_retries: self.max_retries,
            timeout,
            key: key.transpose().map_err(|_| failure::of_option(py, &"key isn't a public key"))?,
            channel: self.channel,
            disk: self.disk,
            snapshot: self.snapshot.map(|one| one.get().snapshot.clone()),
            fallback_data: fallback.map_err(|error| failure::of_option(py, &error))?,
            use_registry: self.use_registry,
            fallback_enabled: self.fallback_enabled,
            cache_bytes_max: self.cache_bytes_max,
            ..SiteOptions::default()
        })
    }
}

/// The longest time that an option may name: a year.
const SECONDS_MAX: f64 = 365.0 * 24.0 * 3_600.0;

fn seconds(py: Python<'_>, name: &str, seconds: f64) -> PyResult<Duration> {
    match (0.0..=SECONDS_MAX).contains(&seconds) {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err(failure::of_option(py, &format!("{name} is no time in seconds: {seconds}"))),
    }
}

/// A source: an address, a folder, a snapshot, or the application's own.
fn source_of(
    source: &Bound<'_, PyAny>,
    timeout: Duration,
    roots: &TrustedRoots,
) -> PyResult<Arc<dyn SiteSource>> {
    let py = source.py();
    if let Ok(text) = source.extract::<String>() {
        if !text.contains("://") {
            return Ok(Arc::new(FolderSource::new(PathBuf::from(text))));
        }
        let source = UrlSource::new(&text, timeout, roots);
        return Ok(Arc::new(source.map_err(|error| failure::of_option(py, &error))?));
    }
    if let Ok(snapshot) = source.cast::<SiteSnapshot>() {
        return Ok(snapshot.get().snapshot.clone());
    }
    if source.hasattr("fetch")? {
        return Ok(Arc::new(OwnSource::new(source)?));
    }
    let folder: PathBuf = source.extract().map_err(|_| {
        failure::of_option(py, &"a source is an address, a folder, a snapshot or has fetch(path)")
    })?;
    Ok(Arc::new(FolderSource::new(folder)))
}
