use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_http::metrics::Metrics;
use muster_publisher::{LargeFiles, Pieces, large_files_at, whole_of_draft};
use muster_registry::{BackupStream, Registry};
use muster_words::{Id, Moment};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::site::bucket_access;
use crate::{
    Context, Failure, OwnCode,
    backup_file::{BackupReading, draft_of},
    settings::BackupArea,
};

/// The longest pause after a backup that failed.
const REST_MAX: Duration = Duration::from_secs(600);

/// How long a stop waits for a backup that runs.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The age of a file that isn't complete at which it never will be, in microseconds: a day.
const UNFINISHED_TIME_MAX_US: i64 = 86_400_000_000;

/// The end of a backup's name.
const ENDING: &str = ".backup";

/// Complete backups that a server makes by itself, each verified while it is written.
#[derive(Debug)]
pub(super) struct ScheduledBackups {
    files: Arc<dyn LargeFiles>,
    every: Duration,
    /// How many are kept; none: all.
    keep: Option<usize>,
    /// Why the newest attempt failed.
    error: Mutex<Option<String>>,
    /// When the newest one was made, in seconds since 1970; 0: it isn't known yet.
    newest: AtomicI64,
    /// Whether the server stops.
    stopping: watch::Sender<bool>,
    /// What makes them.
    making: Mutex<Option<JoinHandle<()>>>,
}

impl ScheduledBackups {
    /// Reads the settings; none if no backups are made.
    ///
    /// # Errors
    /// The place can't be used.
    pub(super) fn read(
        area: &BackupArea,
        environment: &BTreeMap<String, String>,
    ) -> Result<Option<Arc<Self>>, Failure> {
        let place = area.to.trim();
        if place.is_empty() {
            return Ok(None);
        }
        let refused = |what: String| {
            Failure::usage(format!("backup.to: {what}"))
                .help("muster config default explains the setting")
        };
        // A relative path would depend on where the server was started.
        if !(place.starts_with('/') || place.contains("://")) {
            return Err(refused(format!("{place:?} isn't an absolute path, nor a bucket")));
        }
        // Their lists and uploads in parts were never tried against a server of Google's API.
        if place.starts_with("gs://") {
            return Err(refused("backups go to a folder, s3:// or az://, not to gs://".to_owned()));
        }
        let files = large_files_at(place, &bucket_access(environment));
        Ok(Some(Arc::new(Self {
            files: files.map_err(|error| refused(error.to_string()))?,
            every: Duration::from_secs(u64::from(area.every_s)),
            keep: usize::try_from(area.keep).ok().filter(|keep| *keep > 0),
            error: Mutex::default(),
            newest: AtomicI64::default(),
            stopping: watch::Sender::new(false),
            making: Mutex::default(),
        })))
    }

    /// Begins to make backups.
    pub(super) fn begin(self: &Arc<Self>, registry: Registry) {
        let making = tokio::spawn(self.clone().run(registry));
        *self.making.lock().unwrap_or_else(PoisonError::into_inner) = Some(making);
    }

    /// Begins no more backups. What was sent of one that runs is removed, unless the place doesn't
    /// answer in time.
    pub(super) async fn stop(&self) {
        self.stopping.send_replace(true);
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(making) = making
            && timeout(STOP_GRACE, making).await.is_err()
        {
            tracing::warn!("a backup that wasn't complete may have left a part");
        }
    }

    /// Makes backups until the server stops.
    async fn run(self: Arc<Self>, registry: Registry) {
        let mut stopping = self.stopping.subscribe();
        loop {
            let rest = match self.round(&registry).await {
                Ok(rest) => {
                    self.note(None);
                    rest
                }
                Err(_) if *stopping.borrow() => return,
                Err(error) => {
                    tracing::error!(%error, "no backup was made");
                    self.note(Some(error));
                    self.every.min(REST_MAX)
                }
            };
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    fn note(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// Makes a backup if it is time for one. Returns how long it is until the next one.
    async fn round(&self, registry: &Registry) -> Result<Duration, String> {
        // A registry and its copy, which was restored from a backup, may share a folder.
        let view = registry.view();
        let id = view.writer_at(view.position().next());
        let now = registry.now();
        let is_own = |path: &str| made_at(&id, whole_of_draft(path).unwrap_or(path)).is_some();
        let paths = self.files.paths(&is_own).await.map_err(|error| error.to_string())?;
        self.remove_unfinished(&id, &paths, now).await;
        let mut known = known(&id, paths, now);
        if let Some((newest, _)) = known.last() {
            self.newest.store(seconds(*newest), Ordering::Relaxed);
            let left = self.left(*newest, now);
            if !left.is_zero() {
                return Ok(left);
            }
        }
        let path = path_of(&id, now);
        let stream = registry.backup().ok_or("a registry in memory has no backup")?;
        let mut pieces = VerifiedPieces::new(registry.clone(), stream, self.stopping.subscribe());
        let written = self.files.write(&path, &mut pieces).await;
        written.map_err(|error| error.to_string())?;
        tracing::info!(path, bytes = pieces.bytes, "a backup was made");
        self.newest.store(seconds(now), Ordering::Relaxed);
        known.push((now, path));
        self.remove_old(&known).await;
        Ok(self.left(now, registry.now()))
    }

    /// How long it is until the next one.
    fn left(&self, newest: Moment, now: Moment) -> Duration {
        let age = now.microseconds().saturating_sub(newest.microseconds());
        self.every.saturating_sub(Duration::from_micros(u64::try_from(age).unwrap_or_default()))
    }

    /// Removes what a killed server left, once nobody can be writing it any more.
    async fn remove_unfinished(&self, id: &Id, paths: &[String], now: Moment) {
        for path in paths {
            let made = whole_of_draft(path).and_then(|whole| made_at(id, whole));
            let age = made.map(|made| now.microseconds().saturating_sub(made.microseconds()));
            if age.is_some_and(|age| age > UNFINISHED_TIME_MAX_US) {
                match self.files.remove(path).await {
                    Ok(()) => tracing::info!(path, "a backup that was never complete was removed"),
                    Err(error) => tracing::warn!(path, %error, "it can't be removed"),
                }
            }
        }
    }

    async fn remove_old(&self, known: &[(Moment, String)]) {
        let Some(keep) = self.keep else { return };
        for (_, path) in known.iter().rev().skip(keep) {
            match self.files.remove(path).await {
                Ok(()) => tracing::info!(path, "an old backup was removed"),
                // It is tried again after the next one.
                Err(error) => tracing::warn!(path, %error, "an old backup can't be removed"),
            }
        }
    }

    /// Why backups need somebody; none if they don't. It names no place: everybody reads it.
    pub(super) fn ailing(&self) -> Option<String> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.is_some().then(|| "the newest backup failed (the log says why)".to_owned())
    }

    /// Shows when the newest backup was made.
    pub(super) fn measure(self: &Arc<Self>, metrics: &Metrics) {
        let backups = self.clone();
        metrics.gauge(
            "backup_timestamp_seconds",
            "When the newest scheduled backup was made, in seconds since 1970; 0: none is known.",
            move || backups.newest.load(Ordering::Relaxed),
        );
    }
}

/// A backup in a bucket, copied into a file that goes with this value.
#[derive(Debug)]
pub struct FetchedBackup(PathBuf);

impl FetchedBackup {
    /// Copies `s3://bucket/path` or `az://…` into a new file beside this one.
    ///
    /// # Errors
    /// There is no such file, the key can't be used, or it can't be written.
    pub async fn fetch(context: &Context, address: &str, beside: &Path) -> Result<Self, Failure> {
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        let place = format!("{scheme}://{bucket}");
        let files = large_files_at(&place, &bucket_access(&context.environment));
        let files = files.map_err(|error| {
            Failure::usage(format!("{address}: {error}"))
                .help("name a backup such as s3://bucket/backups/2026-11/NAME.backup")
        })?;
        let fetched = Self(draft_of(beside));
        let copied = files.copy(path, &fetched.0).await;
        let copied = copied.map_err(|error| {
            Failure::new(OwnCode::System, format!("{address}: {error}"))
                .help("check the bucket, the key, and what the key may read")
        })?;
        match copied {
            Some(()) => Ok(fetched),
            None => Err(Failure::new(OwnCode::NoFile, format!("there is no {address}"))
                .help("list the bucket, and name a file that ends in .backup")),
        }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.0
    }
}

impl Drop for FetchedBackup {
    fn drop(&mut self) {
        // It is a copy, and may not have been made.
        let _ = fs::remove_file(&self.0);
    }
}

/// The backups of a registry among these files, from the oldest to the newest. Those from the future
/// say nothing: a clock was wrong when they were made.
fn known(id: &Id, paths: Vec<String>, now: Moment) -> Vec<(Moment, String)> {
    let made = paths.into_iter().filter_map(|path| Some((made_at(id, &path)?, path)));
    let (mut known, later): (Vec<_>, Vec<_>) = made.partition(|(made, _)| *made <= now);
    if let Some((_, path)) = later.first() {
        tracing::warn!(path, "a backup is from the future and doesn't count: a clock was wrong");
    }
    known.sort();
    known
}

fn seconds(moment: Moment) -> i64 {
    moment.microseconds().div_euclid(1_000_000)
}

/// The path of a backup: `2026-11/<registry id>-20261121T101203Z.backup`.
fn path_of(id: &Id, made: Moment) -> String {
    let text = made.to_string();
    let (month, whole) = (text.get(..7).unwrap_or_default(), text.get(..19).unwrap_or_default());
    let stamp: String = whole.chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
    format!("{month}/{id}-{stamp}Z{ENDING}")
}

/// When the backup with this path was made; none if it isn't one of the registry's.
fn made_at(id: &Id, path: &str) -> Option<Moment> {
    let (_, name) = path.rsplit_once('/')?;
    let stamp = name.strip_suffix(ENDING)?.strip_prefix(id.as_str())?.strip_prefix('-')?;
    let part = |from: usize, to: usize| stamp.get(from..to);
    let (date, time) = (
        [part(0, 4)?, part(4, 6)?, part(6, 8)?].join("-"),
        [part(9, 11)?, part(11, 13)?, part(13, 15)?].join(":"),
    );
    let made = Moment::parse(&format!("{date}T{time}Z")).ok()?;
    // The whole name must be one of ours.
    (path_of(id, made) == path).then_some(made)
}

/// The pieces of a backup. What doesn't verify counts as nothing.
struct VerifiedPieces {
    registry: Registry,
    stream: BackupStream,
    reading: Option<BackupReading>,
    bytes: u64,
    stopping: watch::Receiver<bool>,
}

impl VerifiedPieces {
    fn new(registry: Registry, stream: BackupStream, stopping: watch::Receiver<bool>) -> Self {
        let reading = Some(BackupReading::default());
        Self { registry, stream, reading, bytes: 0, stopping }
    }
}

#[async_trait]
impl Pieces for VerifiedPieces {
    async fn next(&mut self) -> Result<Option<Bytes>, String> {
        if *self.stopping.borrow() {
            return Err("the server stops".to_owned());
        }
        let long_work = self.registry.long_work().clone();
        let piece = long_work.run(self.stream.next()).await;
        let Some(piece) = piece else {
            let end = self.reading.take().map(|reading| reading.end(None));
            return match end {
                Some(Ok(_)) | None => Ok(None),
                Some(Err(error)) => Err(error.to_string()),
            };
        };
        self.bytes += piece.len() as u64;
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let taken = long_work.run(async { reading.take(&piece, drop) }).await;
        taken.map_err(|error| error.to_string())?;
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_backup_has_a_name_that_says_when_it_was_made() {
        let id: Id = "r.example".parse().unwrap();
        let made = Moment::parse("2026-11-21T10:12:03.5Z").unwrap();
        let path = path_of(&id, made);
        assert_eq!(path, "2026-11/r.example-20261121T101203Z.backup");
        assert_eq!(made_at(&id, &path), Moment::parse("2026-11-21T10:12:03Z").ok());
        for other in [
            "r.example-20261121T101203Z.backup",
            "2026-12/r.example-20261121T101203Z.backup",
            "2026-11/r.example-20261121T101203Z.backup.part",
            "2026-11/r.example-2-20261121T101203Z.backup",
            "2026-11/other-20261121T101203Z.backup",
            "2026-11/r.example-20261321T101203Z.backup",
            "2026-11/r.example-é0261121T101203Z.backup",
            "2026-11/r.example-.backup",
        ] {
            assert_eq!(made_at(&id, other), None, "{other}");
        }
    }
}
