use std::{collections::BTreeSet, future::ready, pin::pin, time::Duration};

use futures_util::{StreamExt as _, stream};
use muster_wire::manifest::{MANIFEST_PATH, Manifest, history_path, object_path};
use muster_words::{Digest, Moment};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    DestinationError, MARKER_PATH, PublicationSource, SiteDestination, headers_of,
    plan::Marker,
    retired::{Day, KEPT_DAYS, RETIRED, RetiredObject, read_day, write_day},
};

/// How long a cleaning works at a stretch; the next publication goes on. Others wait for it.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How many objects are removed at once.
const AT_ONCE: usize = 16;

/// How long others believe that a cleaning is at work. It is longer than one works, so that clocks
/// may differ.
const BELIEVED_US: i64 = 180 * 1_000_000;

/// The most days that are looked at, should nothing have been cleaned for long.
const DAYS_MAX: i64 = 400;

/// What a cleaning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleaningReport {
    /// Objects that no manifest of the last 30 days names, and those of purged documents.
    pub objects: u64,
    /// Earlier manifests.
    pub manifests: u64,
    /// How many requests to the destination that took.
    pub requests: u64,
}

/// How far a destination is cleaned.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct CleaningState {
    /// The last day whose retired files are removed.
    until: Day,
    /// The position of the newest purge that was heeded.
    #[serde(default)]
    purges: u64,
    /// When a cleaning began that hasn't ended, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<i64>,
}

fn state_path() -> String {
    format!("{RETIRED}/cleaned.json")
}

/// The last day whose retired files may go.
fn due(now: Moment) -> Day {
    Day::of(now).plus(-KEPT_DAYS - 1)
}

async fn read_state(
    destination: &dyn SiteDestination,
) -> Result<Option<(CleaningState, String)>, DestinationError> {
    let file = destination.read(&state_path()).await?;
    let read = file.map(|file| (serde_json::from_slice(&file.bytes).ok(), file.tag));
    Ok(read.map(|(state, tag)| {
        // One that can't be understood counts as never cleaned.
        let never = CleaningState { until: Day(0), purges: 0, begun: None };
        (state.unwrap_or(never), tag)
    }))
}

impl CleaningState {
    /// Whether somebody else removes objects now.
    fn is_at_work(&self, destination: &dyn SiteDestination, now: Moment) -> bool {
        let is_new = |begun: i64| (now.microseconds() - begun).abs() < BELIEVED_US;
        // Under a lock, it was interrupted.
        !destination.is_locked() && self.begun.is_some_and(is_new)
    }
}

/// Whether somebody else removes objects now, so that one that is written may vanish.
pub(crate) async fn is_being_cleaned(
    destination: &dyn SiteDestination,
    now: Moment,
) -> Result<bool, DestinationError> {
    let state = read_state(destination).await?;
    Ok(state.is_some_and(|(state, _)| state.is_at_work(destination, now)))
}

/// Removes what no manifest has named for 30 days, and at once what was of purged documents. If
/// nothing is due, that takes one request.
///
/// Where a destination can't be locked, a publisher marks itself and then looks for a cleaning; a
/// cleaning marks itself and then looks for a publisher. So at least one of them sees the other.
pub(crate) async fn clean(
    destination: &dyn SiteDestination,
    source: &dyn PublicationSource,
    now: Moment,
) -> Result<CleaningReport, DestinationError> {
    let purges = source.newest_purge().unwrap_or_default();
    let mut report = CleaningReport { requests: 1, ..CleaningReport::default() };
    let found = match read_state(destination).await? {
        Some(found) => Some(found),
        // It was never cleaned.
        None => {
            report.requests += 2;
            let state = CleaningState { until: due(now), purges: 0, begun: None };
            write_state(destination, state).await?;
            read_state(destination).await?
        }
    };
    let Some((mut state, tag)) = found else { return Ok(report) };
    // One in the future is of a clock that was wrong.
    state.until = state.until.min(due(now));
    let is_due = state.until < due(now) || state.purges < purges;
    if !is_due || state.is_at_work(destination, now) {
        return Ok(report);
    }
    report.requests += 1;
    let begun = CleaningState { begun: Some(now.microseconds()), ..state };
    let bytes = serde_json::to_vec(&begun).unwrap_or_default();
    let path = state_path();
    match destination.replace(&path, bytes.into(), headers_of(&path), Some(&tag)).await {
        Err(DestinationError::Changed) => return Ok(report),
        begun => begun?,
    }
    let mut cleaning = Cleaning { destination, source, report, end: Instant::now() + TIME_MAX };
    let cleaned = cleaning.run(state.until, now).await;
    let report = cleaning.report;
    let next = match cleaned {
        Ok(true) => CleaningState { until: due(now), purges, begun: None },
        _ => state,
    };
    write_state(destination, CleaningState { begun: None, ..next }).await?;
    cleaned.map(|_| CleaningReport { requests: report.requests + 1, ..report })
}

async fn write_state(
    destination: &dyn SiteDestination,
    state: CleaningState,
) -> Result<(), DestinationError> {
    let path = state_path();
    let bytes = serde_json::to_vec(&state).unwrap_or_default();
    destination.write(&path, bytes.into(), headers_of(&path)).await
}

/// What of some objects is gone, and why not all, if something failed.
#[derive(Debug, Default)]
struct RemovedObjects {
    gone: Vec<String>,
    error: Option<DestinationError>,
}

struct Cleaning<'a> {
    destination: &'a dyn SiteDestination,
    source: &'a dyn PublicationSource,
    report: CleaningReport,
    end: Instant,
}

impl Cleaning<'_> {
    /// Returns whether everything is removed that was due.
    async fn run(&mut self, until: Day, now: Moment) -> Result<bool, DestinationError> {
        self.report.requests += 2;
        let marker = self.destination.read(MARKER_PATH).await?;
        if marker.is_some_and(|file| Marker::is_of_one_at_work(&file.bytes)) {
            return Ok(false);
        }
        let Some(file) = self.destination.read(MANIFEST_PATH).await? else { return Ok(false) };
        let Ok(read) = Manifest::read(&file.bytes) else { return Ok(false) };
        // What is needed still: by the manifest, or because a later day retired it once more.
        let named = read.manifest.files.values().map(|file| file.sha256.clone());
        let mut needed: BTreeSet<String> = named.collect();
        let today = Day::of(now);
        let mut day = today;
        while day > until && day > today.plus(-DAYS_MAX) {
            if !self.clean_day(day, day <= due(now), read.manifest.version, &mut needed).await? {
                return Ok(false);
            }
            day = day.plus(-1);
        }
        Ok(true)
    }

    async fn clean_day(
        &mut self,
        day: Day,
        is_due: bool,
        version: u64,
        needed: &mut BTreeSet<String>,
    ) -> Result<bool, DestinationError> {
        self.report.requests += 1;
        let (files, tag) = read_day(self.destination, day).await?;
        let Some(tag) = tag else { return Ok(true) };
        let mut kept = files.clone();
        kept.objects
            .retain(|digest, _| !needed.contains(digest) && digest.parse::<Digest>().is_ok());
        let goes =
            |object: &RetiredObject| is_due || self.source.is_erased(&object.path, object.position);
        let going = kept.objects.iter().filter(|(_, object)| goes(object));
        let going: Vec<String> = going.map(|(digest, _)| digest.clone()).collect();
        let removed = self.remove_objects(&going).await;
        for digest in &removed.gone {
            kept.objects.remove(digest);
        }
        let is_done = removed.error.is_none() && removed.gone.len() == going.len();
        if is_due && is_done {
            for number in files.manifests.iter().filter(|number| **number != version) {
                self.remove(&history_path(*number)).await?;
                self.report.manifests += 1;
            }
            self.remove(&day.path()).await?;
            return Ok(true);
        }
        needed.extend(kept.objects.keys().cloned());
        if kept != files {
            self.report.requests += 1;
            match write_day(self.destination, day, &kept, Some(&tag)).await {
                // A publisher has added something; that some of it is gone does no harm.
                Ok(()) | Err(DestinationError::Changed) => {}
                Err(error) => return Err(error),
            }
        }
        removed.error.map_or(Ok(is_done), Err)
    }

    /// Removes objects and their compressed copies, until the time is over or one can't be removed.
    async fn remove_objects(&mut self, digests: &[String]) -> RemovedObjects {
        let (destination, end) = (self.destination, self.end);
        let in_time = stream::iter(digests.to_vec()).take_while(|_| ready(Instant::now() <= end));
        let removed = in_time.map(|digest| async move {
            let path = object_path(&digest);
            for path in [format!("{path}.gz"), format!("{path}.br"), path] {
                destination.remove(&path).await?;
            }
            Ok(digest)
        });
        let mut removed = pin!(removed.buffer_unordered(AT_ONCE));
        let mut all = RemovedObjects::default();
        while let Some(one) = removed.next().await {
            self.report.requests += 3;
            match one {
                Ok(digest) => all.gone.push(digest),
                Err(error) => {
                    all.error = Some(error);
                    break;
                }
            }
        }
        self.report.objects += all.gone.len() as u64;
        all
    }

    async fn remove(&mut self, path: &str) -> Result<(), DestinationError> {
        self.report.requests += 1;
        self.destination.remove(path).await
    }
}

#[cfg(test)]
mod tests;
