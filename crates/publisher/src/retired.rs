use std::collections::{BTreeMap, BTreeSet};

use muster_wire::manifest::Manifest;
use muster_words::Moment;
use serde::{Deserialize, Serialize};

use crate::{DestinationError, SiteDestination, headers_of};

/// The folder with what manifests don't name any more, in one file for each day.
pub(crate) const RETIRED: &str = "retired";

/// How many full days a file stays after the last manifest that names it. A reader with an older
/// manifest is told by it that it is too old.
pub(crate) const KEPT_DAYS: i64 = 30;

/// How often a file is written again because another publisher was faster.
const ATTEMPTS_MAX: u32 = 5;

const DAY_US: i64 = 86_400 * 1_000_000;

/// A day in UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Day(pub i64);

impl Day {
    pub const fn of(moment: Moment) -> Self {
        Self(moment.microseconds().div_euclid(DAY_US))
    }

    pub const fn plus(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The file of what was retired on this day, such as `retired/2027-01-31.json`.
    pub fn path(self) -> String {
        let moment = Moment::from_microseconds(self.0.saturating_mul(DAY_US));
        let date = moment.unwrap_or(Moment::EPOCH).to_string();
        format!("{RETIRED}/{}.json", date.get(..10).unwrap_or_default())
    }
}

/// What the manifests of one day stopped to name. The file lies where others may write, so nothing
/// in it is believed but digests and numbers, and only what no manifest names is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetiredFiles {
    /// Objects, by their digests in hexadecimal.
    pub objects: BTreeMap<String, RetiredObject>,
    /// Numbers of manifests that are in the history alone.
    pub manifests: BTreeSet<u64>,
}

/// An object that no newer manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetiredObject {
    /// The named file that it was.
    pub path: String,
    /// The position of the ledger that the last manifest showed which named it.
    pub position: u64,
}

impl RetiredFiles {
    /// What one manifest names and the next one doesn't.
    pub fn between(published: &Manifest, next: &Manifest) -> Self {
        let named: BTreeSet<&str> = next.files.values().map(|file| file.sha256.as_str()).collect();
        let gone = published.files.iter().filter(|(_, file)| !named.contains(file.sha256.as_str()));
        let objects = gone.map(|(path, file)| {
            let object = RetiredObject { path: path.clone(), position: published.position };
            (file.sha256.clone(), object)
        });
        let manifest = (published.version != next.version).then_some(published.version);
        Self { objects: objects.collect(), manifests: manifest.into_iter().collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.manifests.is_empty()
    }

    fn extend(&mut self, other: &Self) {
        let others = other.objects.iter();
        self.objects.extend(others.map(|(digest, object)| (digest.clone(), object.clone())));
        self.manifests.extend(&other.manifests);
    }
}

/// A file of a day, with its tag; what can't be understood counts as empty, because it would keep
/// every publication from ending.
pub(crate) async fn read_day(
    destination: &dyn SiteDestination,
    day: Day,
) -> Result<(RetiredFiles, Option<String>), DestinationError> {
    let Some(file) = destination.read(&day.path()).await? else { return Ok(Default::default()) };
    Ok((serde_json::from_slice(&file.bytes).unwrap_or_default(), Some(file.tag)))
}

/// Writes down what isn't named from now on. Returns how many requests that took.
pub(crate) async fn retire(
    destination: &dyn SiteDestination,
    files: &RetiredFiles,
    now: Moment,
) -> Result<u64, DestinationError> {
    let day = Day::of(now);
    let mut requests = 0;
    loop {
        let (mut all, tag) = read_day(destination, day).await?;
        all.extend(files);
        requests += 2;
        match write_day(destination, day, &all, tag.as_deref()).await {
            Err(DestinationError::Changed) if requests < 2 * u64::from(ATTEMPTS_MAX) => {}
            written => return written.map(|()| requests),
        }
    }
}

/// Writes the file of a day, if it is still the one with this tag.
pub(crate) async fn write_day(
    destination: &dyn SiteDestination,
    day: Day,
    files: &RetiredFiles,
    tag: Option<&str>,
) -> Result<(), DestinationError> {
    let path = day.path();
    let bytes = serde_json::to_vec(files).unwrap_or_default();
    destination.replace(&path, bytes.into(), headers_of(&path), tag).await
}
