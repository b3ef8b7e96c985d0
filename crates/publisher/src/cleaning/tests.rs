#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{Arc, atomic::AtomicU64};

use async_trait::async_trait;
use bytes::Bytes;
use muster_wire::manifest::ManifestFile;

use super::*;
use crate::{
    FileHeaders, FolderDestination, PublicationReport, PublishError, PublishOptions, SourceError,
    StoredFile, publish,
    publish::tests::{AFTER, BEFORE, Documents, Killed, MemoryDestination, read_site},
};

const DAY_US: i64 = 86_400 * 1_000_000;

fn day(number: i64) -> Moment {
    Moment::from_microseconds(number * DAY_US).unwrap()
}

async fn try_publish(
    source: &dyn PublicationSource,
    destination: &Arc<dyn SiteDestination>,
    now: Moment,
) -> Result<PublicationReport, PublishError> {
    let options = PublishOptions { is_trial: false, may_go_back: false, now };
    publish(source, destination, &options).await
}

async fn published(
    source: &dyn PublicationSource,
    destination: &Arc<dyn SiteDestination>,
    now: Moment,
) -> PublicationReport {
    let report = try_publish(source, destination, now).await.unwrap();
    assert!(report.cleaning_error.is_none(), "{:?}", report.cleaning_error);
    report
}

/// The object of a text.
fn object(text: &str) -> String {
    object_path(&Digest::of(text.as_bytes()).to_string())
}

/// Which of these texts have an object, with its compressed copies.
async fn held<'a>(destination: &Arc<dyn SiteDestination>, texts: &[&'a str]) -> Vec<&'a str> {
    let mut held = Vec::new();
    for text in texts {
        let path = object(text);
        let mut found = Vec::new();
        for path in [format!("{path}.gz"), format!("{path}.br"), path] {
            found.push(destination.read(&path).await.unwrap().is_some());
        }
        assert!(found.windows(2).all(|two| two[0] == two[1]), "{text}: {found:?}");
        if found[0] {
            held.push(*text);
        }
    }
    held
}

fn both_kinds(folder: &tempfile::TempDir) -> [Arc<dyn SiteDestination>; 2] {
    let folder = FolderDestination::new(folder.path().join("site"));
    [Arc::new(folder), Arc::new(MemoryDestination::default())]
}

/// Documents of which some were hard-deleted.
struct Purged {
    documents: Documents,
    purge: u64,
    paths: &'static [&'static str],
}

#[async_trait]
impl PublicationSource for Purged {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        self.documents.manifest(previous).await
    }

    async fn file(&self, path: &str, file: &ManifestFile) -> Result<Bytes, SourceError> {
        self.documents.file(path, file).await
    }

    fn newest_purge(&self) -> Option<u64> {
        Some(self.purge)
    }

    fn is_erased(&self, path: &str, position: u64) -> bool {
        self.paths.contains(&path) && position < self.purge
    }
}

#[tokio::test]
async fn what_no_manifest_names_goes_after_thirty_days() {
    let gone = [r#"{"n":1}"#, r#"{"n":3}"#];
    let folder = tempfile::tempdir().unwrap();
    for destination in both_kinds(&folder) {
        published(&Documents::new(100, &BEFORE), &destination, day(1)).await;
        published(&Documents::new(200, &AFTER), &destination, day(2)).await;
        let after = Documents::new(300, &AFTER);
        for (now, expect) in [(31, &gone[..]), (32, &gone[..]), (33, &[][..])] {
            // Its age makes the manifest new each time.
            published(&after, &destination, day(now)).await;
            assert_eq!(held(&destination, &gone).await, expect, "on day {now}");
            read_site(&destination).await;
        }
        let old = destination.read(&history_path(100)).await.unwrap();
        assert_eq!(old, None);
        assert_eq!(destination.read("retired/1970-01-03.json").await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_came_back_stays_until_thirty_days_after_its_second_end() {
    let text = r#"{"n":1}"#;
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    published(&Documents::new(100, &BEFORE), &destination, day(1)).await;
    published(&Documents::new(200, &AFTER), &destination, day(2)).await;
    published(&Documents::new(300, &BEFORE), &destination, day(20)).await;
    published(&Documents::new(400, &BEFORE), &destination, day(40)).await;
    assert_eq!(held(&destination, &[text]).await, [text], "the manifest names it");
    published(&Documents::new(500, &AFTER), &destination, day(41)).await;
    for (now, expect) in [(70, &[text][..]), (71, &[text]), (72, &[])] {
        published(&Documents::new(600, &AFTER), &destination, day(now)).await;
        assert_eq!(held(&destination, &[text]).await, expect, "on day {now}");
    }
}

#[tokio::test]
async fn what_was_hard_deleted_goes_at_once() {
    let (purged, other) = (r#"{"n":1}"#, r#"{"n":3}"#);
    let folder = tempfile::tempdir().unwrap();
    for destination in both_kinds(&folder) {
        published(&Documents::new(100, &BEFORE), &destination, day(1)).await;
        published(&Documents::new(200, &AFTER), &destination, day(2)).await;
        assert_eq!(held(&destination, &[purged, other]).await, [purged, other]);
        let source = |purge, paths| Purged { documents: Documents::new(200, &AFTER), purge, paths };
        // The manifest doesn't change: an older version was deleted.
        let sanity = &["providers/cms/sanity.json"];
        let report = published(&source(250, sanity), &destination, day(2)).await;
        assert!(report.is_unchanged);
        assert_eq!(report.cleaning.objects, 1);
        assert_eq!(held(&destination, &[purged, other]).await, [other]);
        assert_eq!(published(&source(250, sanity), &destination, day(2)).await.cleaning.objects, 0);
        // What the manifest names stays, whatever is said of it.
        let tina = &["providers/cms/tina.json"];
        assert_eq!(published(&source(260, tina), &destination, day(3)).await.cleaning.objects, 0);
        read_site(&destination).await;
    }
}

#[tokio::test]
async fn a_cdn_that_was_not_told_and_a_clock_that_was_ahead_keep_nothing_from_going() {
    let (purged, other) = (r#"{"n":1}"#, r#"{"n":3}"#);
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    published(&Documents::new(100, &BEFORE), &destination, day(1)).await;
    published(&Documents::new(200, &AFTER), &destination, day(2)).await;
    let write = async |path: &str, text: &'static str| {
        destination
            .write(path, Bytes::from_static(text.as_bytes()), headers_of(path))
            .await
            .unwrap();
    };
    write("retired/cleaned.json", r#"{"until": 400, "purges": 0}"#).await;
    write(MARKER_PATH, r#"{"untold": ["manifest.json"]}"#).await;
    let sanity = &["providers/cms/sanity.json"];
    let source = Purged { documents: Documents::new(200, &AFTER), purge: 250, paths: sanity };
    clean(&*destination, &source, day(2)).await.unwrap();
    assert_eq!(held(&destination, &[purged, other]).await, [other]);
    clean(&*destination, &source, day(40)).await.unwrap();
    assert_eq!(held(&destination, &[purged, other]).await, [""; 0]);
}

/// A destination that keeps one of its files.
struct Stubborn {
    inner: Arc<dyn SiteDestination>,
    path: String,
}

#[async_trait]
impl SiteDestination for Stubborn {
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError> {
        self.inner.begin().await
    }

    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError> {
        self.inner.read(path).await
    }

    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
    ) -> Result<(), DestinationError> {
        self.inner.write(path, bytes, headers).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        self.inner.replace(path, bytes, headers, expected).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        match path == self.path {
            true => Err(DestinationError::Refused { path: path.to_owned(), what: "no".to_owned() }),
            false => self.inner.remove(path).await,
        }
    }
}

#[tokio::test]
async fn a_cleaning_that_did_not_end_writes_down_what_is_gone() {
    let inner: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    published(&Documents::new(100, &BEFORE), &inner, day(1)).await;
    published(&Documents::new(200, &AFTER), &inner, day(2)).await;
    let text = r#"{"n":1}"#;
    let stubborn = Stubborn { inner: inner.clone(), path: object(text) };
    for _ in 0..2 {
        assert!(clean(&stubborn, &Documents::new(200, &AFTER), day(40)).await.is_err());
        let (left, _) = read_day(&*inner, Day(2)).await.unwrap();
        let left: Vec<String> = left.objects.into_keys().collect();
        assert_eq!(left, [Digest::of(text.as_bytes()).to_string()]);
    }
    let report = clean(&*inner, &Documents::new(200, &AFTER), day(40)).await.unwrap();
    assert_eq!((report.objects, held(&inner, &[text]).await.len()), (1, 0));
}

#[tokio::test]
async fn killed_at_each_step_of_a_cleaning_the_site_is_whole_and_the_next_one_ends_it() {
    let gone = [r#"{"n":1}"#, r#"{"n":3}"#];
    let mut steps = 0;
    loop {
        let inner: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
        published(&Documents::new(100, &BEFORE), &inner, day(1)).await;
        published(&Documents::new(200, &AFTER), &inner, day(2)).await;
        let killed = Killed { inner: inner.clone(), left: AtomicU64::new(steps) };
        let killed: Arc<dyn SiteDestination> = Arc::new(killed);
        let ended = try_publish(&Documents::new(300, &AFTER), &killed, day(40)).await;
        read_site(&inner).await;
        // Whoever finds a cleaning that was interrupted waits until it can't go on any more.
        published(&Documents::new(300, &AFTER), &inner, day(41)).await;
        read_site(&inner).await;
        assert_eq!(held(&inner, &gone).await, [""; 0], "after {steps} steps");
        steps += 1;
        if ended.is_ok_and(|report| report.cleaning_error.is_none()) {
            break;
        }
    }
    assert!(steps > 12, "{steps}");
}

#[tokio::test]
async fn a_publisher_and_a_cleaning_stay_out_of_each_other_s_way() {
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    published(&Documents::new(100, &BEFORE), &destination, day(1)).await;
    published(&Documents::new(200, &AFTER), &destination, day(2)).await;
    let gone = [r#"{"n":1}"#, r#"{"n":3}"#];
    let headers = headers_of(MARKER_PATH);
    // Another publisher is at work.
    destination.write(MARKER_PATH, Bytes::from_static(b"{}"), headers).await.unwrap();
    let source = Documents::new(300, &AFTER);
    clean(&*destination, &source, day(40)).await.unwrap();
    assert_eq!(held(&destination, &gone).await, gone);
    destination.remove(MARKER_PATH).await.unwrap();
    // Another cleaning is at work.
    let path = "retired/cleaned.json";
    let begun = day(40).microseconds() - 1_000_000;
    let state = format!(r#"{{"until": 0, "begun": {begun}}}"#);
    destination.write(path, state.into(), headers_of(path)).await.unwrap();
    let new = Documents::new(400, &BEFORE);
    let refused = try_publish(&new, &destination, day(40)).await;
    let is_busy = matches!(refused, Err(PublishError::Destination(DestinationError::Busy)));
    assert!(is_busy, "{refused:?}");
    // It was killed, long ago.
    published(&new, &destination, day(41)).await;
    read_site(&destination).await;
}
