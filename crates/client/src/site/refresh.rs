use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use muster_wire::manifest::{MANIFEST_PATH, ManifestFile, object_path};
use muster_words::Digest;
use tokio::time::{Instant, sleep, timeout_at};

use super::{SiteSource, SourceFault, VerifiedManifest, reader::Inner};

/// The longest pause after failures in a row, in which the source isn't asked.
const REST_MAX: Duration = Duration::from_secs(60);

impl Inner {
    /// When an answer must be there.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout.saturating_mul(self.options.max_retries.max(1))
    }

    /// Reads the newest manifest. One reads it at a time, and the others use what it found.
    pub(super) async fn refresh(&self, deadline: Instant) -> Result<(), String> {
        let asked = Instant::now();
        let refreshing = timeout_at(deadline, self.refreshing.lock()).await;
        let _turn = refreshing.map_err(|_| "the time is over".to_owned())?;
        if self.state.lock().checked.is_some_and(|checked| checked >= asked) {
            return Ok(());
        }
        self.is_resting()?;
        let accept = |bytes: Bytes| {
            let manifest = VerifiedManifest::read(
                bytes,
                self.options.key.as_ref(),
                self.options.channel.as_deref(),
            );
            let manifest = manifest.map_err(SourceFault::new)?;
            let seen = self.state.lock().seen;
            manifest.check_age(seen, (self.options.now)()).map_err(SourceFault::new)?;
            Ok(manifest)
        };
        let manifest = self.try_sources(MANIFEST_PATH, None, deadline, accept).await?;
        let manifest = Arc::new(manifest);
        let is_new = {
            let mut state = self.state.lock();
            let before = state.manifest.as_ref().map(|one| one.manifest.version);
            state.seen = state.seen.max(manifest.manifest.version);
            state.checked = Some(Instant::now());
            state.manifest = Some(manifest.clone());
            state.fresh.clear();
            before != Some(manifest.manifest.version)
        };
        if let Some(disk) = self.disk.clone().filter(|_| is_new) {
            let keep = move || disk.keep_manifest(&manifest.bytes, &manifest.manifest);
            // That it can't be kept is no reason not to answer.
            let _ = tokio::task::spawn_blocking(keep).await;
        }
        Ok(())
    }

    /// Reads the bytes of a file from the source, and checks them.
    pub(super) async fn fetch(
        &self,
        path: &str,
        file: &ManifestFile,
        deadline: Instant,
    ) -> Result<Bytes, String> {
        self.is_resting()?;
        let accept = |bytes: Bytes| match Digest::of(&bytes).to_string() == file.sha256 {
            true => Ok(bytes),
            false => Err(SourceFault::new(format!("{path} isn't what the manifest says"))),
        };
        let bytes =
            self.try_sources(&object_path(&file.sha256), Some(path), deadline, accept).await?;
        if let Some(disk) = self.disk.clone() {
            let (digest, kept) = (file.sha256.clone(), bytes.clone());
            let _ = tokio::task::spawn_blocking(move || disk.keep_object(&digest, &kept)).await;
        }
        Ok(bytes)
    }

    /// Whether the source is left alone, because it failed a moment ago.
    fn is_resting(&self) -> Result<(), String> {
        if !self.options.use_registry {
            return Err("the source isn't used".to_owned());
        }
        let state = self.state.lock();
        match state.rests_until.filter(|end| *end > Instant::now()) {
            None => Ok(()),
            Some(_) => Err(state.record.last_error.clone().unwrap_or_default()),
        }
    }

    /// Asks one source after another, and all of them again after a pause, until one has what is
    /// accepted.
    async fn try_sources<T>(
        &self,
        path: &str,
        otherwise: Option<&str>,
        deadline: Instant,
        accept: impl Fn(Bytes) -> Result<T, SourceFault>,
    ) -> Result<T, String> {
        let mut last = SourceFault::new("there is no source");
        for attempt in 0..self.options.max_retries.max(1) {
            if attempt > 0 {
                let pause = last.retry_after.unwrap_or_else(|| back_off(attempt));
                // A server may ask for more time than there is.
                if pause >= deadline.saturating_duration_since(Instant::now()) {
                    break;
                }
                sleep(pause).await;
            }
            for source in &self.sources {
                let began = Instant::now();
                let end = (began + self.options.timeout).min(deadline);
                let read = timeout_at(end, read(&**source, path, otherwise)).await;
                let read = read.unwrap_or_else(|_| {
                    Err(SourceFault::new(format!("{} takes too long", source.place())))
                });
                let accepted = read.and_then(|bytes| {
                    let accepted = accept(bytes);
                    if accepted.is_err() {
                        source.refuse(path);
                    }
                    accepted
                });
                match accepted {
                    Ok(found) => {
                        let mut state = self.state.lock();
                        state.record.succeeded(began.elapsed());
                        state.rests_until = None;
                        return Ok(found);
                    }
                    Err(fault) => {
                        let why = fault.what.clone();
                        self.state.lock().record.failed(why, began.elapsed());
                        last = fault;
                    }
                }
            }
        }
        let mut state = self.state.lock();
        let rest = last.retry_after.unwrap_or_else(|| back_off(state.record.consecutive_failures));
        state.rests_until = Some(Instant::now() + rest.min(REST_MAX));
        Err(last.what)
    }
}

/// Reads a file, by its other path where the first one isn't there.
async fn read(
    source: &dyn SiteSource,
    path: &str,
    otherwise: Option<&str>,
) -> Result<Bytes, SourceFault> {
    if let Some(bytes) = source.fetch(path).await? {
        return Ok(bytes);
    }
    let named = match otherwise {
        Some(other) => source.fetch(other).await?,
        None => None,
    };
    named.ok_or_else(|| SourceFault::new(format!("{} has no {path}", source.place())))
}

/// The pause before the next try: 2 to the power of the tries in seconds, and up to a second more,
/// so that many readers don't come back at once.
fn back_off(attempt: u32) -> Duration {
    let nanoseconds = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.subsec_nanos());
    Duration::from_secs(1 << attempt.min(6)) + Duration::from_nanos(u64::from(nanoseconds))
}
