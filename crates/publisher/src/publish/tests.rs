#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use muster_seal::{KeyPair, jws, note::Signer};
use muster_wire::{Sample as _, manifest::tag_of};
use parking_lot::Mutex;

use super::*;
use crate::{FileHeaders, FolderDestination, StoredFile, aliases};

/// A source with these documents.
pub(crate) struct Documents {
    files: BTreeMap<String, Bytes>,
    version: u64,
    signer: Signer,
}

impl Documents {
    pub(crate) fn new(version: u64, files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Bytes::copy_from_slice(text.as_bytes())));
        let signer =
            Signer::new("registry.example/site".parse().unwrap(), KeyPair::from_seed(&[7; 32]));
        Self { files: files.collect(), version, signer }
    }

    fn manifest_of(&self, version: u64) -> Manifest {
        let file = |bytes: &Bytes| ManifestFile {
            sha256: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            version: "1".to_owned(),
        };
        let time = |us| Moment::from_microseconds(us).unwrap().to_string();
        let issued = i64::try_from(version).unwrap();
        let mut manifest = Manifest {
            files: self.files.iter().map(|(path, bytes)| (path.clone(), file(bytes))).collect(),
            registry: "registry.example".to_owned(),
            position: self.version,
            version,
            tag: tag_of(version),
            issued: time(issued),
            expires: time(issued + 2 * RENEWAL_US),
            signature: None,
            ..Manifest::sample()
        };
        let signature = jws::sign_detached(&self.signer, &manifest.signed_part());
        manifest.signature = Some(signature);
        manifest
    }

    /// All names of files with the bytes that belong there.
    fn named(&self) -> BTreeMap<String, Bytes> {
        let paths = self.files.keys().map(String::as_str);
        let others = aliases(paths, |path| self.files.contains_key(path));
        let others = others.into_iter().map(|(path, own)| (path, self.files[&own].clone()));
        others.chain(self.files.clone()).collect()
    }
}

#[async_trait]
impl PublicationSource for Documents {
    async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
        let least = previous.map_or(0, |version| version + 1);
        Ok(self.manifest_of(self.version.max(least)).to_bytes().into())
    }

    async fn file(&self, path: &str, _file: &ManifestFile) -> Result<Bytes, SourceError> {
        self.files.get(path).cloned().ok_or_else(|| "there is no such file".into())
    }
}

/// Files in memory, without a lock, as in a bucket.
#[derive(Default)]
pub(crate) struct MemoryDestination {
    pub(crate) files: Mutex<BTreeMap<String, Bytes>>,
}

#[async_trait]
impl SiteDestination for MemoryDestination {
    async fn begin(&self) -> Result<Box<dyn Send>, DestinationError> {
        Ok(Box::new(()))
    }

    async fn read(&self, path: &str) -> Result<Option<StoredFile>, DestinationError> {
        let found = self.files.lock().get(path).cloned();
        Ok(found.map(|bytes| StoredFile { tag: Digest::of(&bytes).to_string(), bytes }))
    }

    async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        _headers: FileHeaders,
    ) -> Result<(), DestinationError> {
        self.files.lock().insert(path.to_owned(), bytes);
        Ok(())
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        if self.read(path).await?.map(|file| file.tag).as_deref() != expected {
            return Err(DestinationError::Changed);
        }
        self.write(path, bytes, headers).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        self.files.lock().remove(path);
        Ok(())
    }
}

/// A destination whose writes stop after some, as if the publisher had been killed there.
pub(crate) struct Killed {
    pub(crate) inner: Arc<dyn SiteDestination>,
    pub(crate) left: AtomicU64,
}

impl Killed {
    fn step(&self) -> Result<(), DestinationError> {
        let taken = |left: u64| left.checked_sub(1);
        let what = || DestinationError::Refused { path: String::new(), what: "killed".to_owned() };
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken)
            .map(drop)
            .map_err(|_| what())
    }
}

#[async_trait]
impl SiteDestination for Killed {
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
        self.step()?;
        self.inner.write(path, bytes, headers).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        self.step()?;
        self.inner.replace(path, bytes, headers, expected).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        self.step()?;
        self.inner.remove(path).await
    }
}

pub(crate) fn options() -> PublishOptions {
    PublishOptions { is_trial: false, may_go_back: false, now: Moment::EPOCH }
}

pub(crate) async fn done(
    source: &Documents,
    destination: &Arc<dyn SiteDestination>,
) -> PublicationReport {
    publish(source, destination, &options()).await.unwrap()
}

/// What a reader finds that begins with the manifest: whole files that match it.
pub(crate) async fn read_site(destination: &Arc<dyn SiteDestination>) -> Manifest {
    let manifest = destination.read(MANIFEST_PATH).await.unwrap().unwrap();
    let manifest = Manifest::read(&manifest.bytes).unwrap().manifest;
    for (path, file) in &manifest.files {
        let object = destination.read(&object_path(&file.sha256)).await.unwrap();
        let object = object.unwrap_or_else(|| panic!("the object of {path} is missing"));
        assert_eq!(Digest::of(&object.bytes).to_string(), file.sha256, "{path}");
    }
    manifest
}

/// That every named file holds the bytes that belong there.
pub(crate) async fn check_names(
    destination: &Arc<dyn SiteDestination>,
    source: &Documents,
    gone: &[&str],
) {
    for (path, bytes) in source.named() {
        let found = destination.read(&path).await.unwrap().unwrap_or_else(|| panic!("{path}"));
        assert_eq!(found.bytes, bytes, "{path}");
        for (ending, bytes) in compressed(&bytes).unwrap() {
            let found = destination.read(&format!("{path}.{ending}")).await.unwrap().unwrap();
            assert_eq!(found.bytes, bytes, "{path}.{ending}");
        }
    }
    for path in gone.iter().copied().chain([MARKER_PATH]) {
        assert_eq!(destination.read(path).await.unwrap(), None, "{path}");
    }
}

pub(crate) const BEFORE: [(&str, &str); 4] = [
    ("fallback.json", "{}"),
    ("providers/cms/sanity.json", r#"{"n":1}"#),
    ("stacks/templates/hugo_template.json", r#"{"n":2}"#),
    ("stacks/templates/old-one.json", r#"{"n":3}"#),
];

pub(crate) const AFTER: [(&str, &str); 4] = [
    ("fallback.json", "{}"),
    ("providers/cms/sanity.json", r#"{"n":10}"#),
    ("providers/cms/tina.json", r#"{"n":11}"#),
    ("stacks/templates/hugo_template.json", r#"{"n":2}"#),
];

pub(crate) const GONE: [&str; 3] = [
    "stacks/templates/old-one.json",
    "stacks/templates/old_one.json",
    "stacks/templates/old_one.json.gz",
];

/// Kills a publication after some steps, and looks at what readers find then and after the next one.
/// Returns whether the publication had ended, and the state that was there after the kill.
pub(crate) async fn kill_after(
    steps: u64,
    is_first: bool,
    inner: &Arc<dyn SiteDestination>,
) -> (bool, Option<u64>) {
    let (old, new) = (Documents::new(100, &BEFORE), Documents::new(200, &AFTER));
    // Back to what was there: an interrupted publication must leave nothing of itself.
    let (back, gone_again) = (Documents::new(300, &BEFORE), ["providers/cms/tina.json"]);
    if !is_first {
        done(&old, inner).await;
    }
    let killed = Killed { inner: inner.clone(), left: AtomicU64::new(steps) };
    let killed: Arc<dyn SiteDestination> = Arc::new(killed);
    let ended = publish(&new, &killed, &options()).await.is_ok();
    let mut state = None;
    if !is_first {
        state = Some(read_site(inner).await.position);
        for path in ["providers/cms/sanity.json", "stacks/templates/hugo-template.json"] {
            let found = inner.read(path).await.unwrap().unwrap().bytes;
            let whole = [&old.named()[path], &new.named()[path]];
            assert!(whole.contains(&&found), "{path}: {found:?}");
        }
        if steps.is_multiple_of(2) {
            done(&back, inner).await;
            assert_eq!(read_site(inner).await.files, back.manifest_of(300).files);
            check_names(inner, &back, &gone_again).await;
        }
    }
    let last = if is_first || steps % 2 == 1 { &new } else { &back };
    done(last, inner).await;
    check_names(inner, last, if steps % 2 == 1 { &GONE } else { &[] }).await;
    read_site(inner).await;
    (ended, state)
}

#[tokio::test]
async fn killed_at_each_step_readers_see_one_state_and_the_next_publication_ends_right() {
    let mut states = BTreeSet::new();
    for is_first in [true, false] {
        let mut steps = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("site");
            let inner: Arc<dyn SiteDestination> = Arc::new(FolderDestination::new(root));
            let (ended, state) = kill_after(steps, is_first, &inner).await;
            states.extend(state);
            steps += 1;
            if ended {
                break;
            }
        }
        assert!(steps > 15, "{steps}");
    }
    assert_eq!(states, [100, 200].into());
}

#[tokio::test]
async fn one_change_among_ten_thousand_documents_takes_few_requests() {
    let texts: Vec<(String, String)> = (0..10_000)
        .map(|n| (format!("providers/cms/one_{n}.json"), format!(r#"{{"n":{n}}}"#)))
        .collect();
    let mut files: Vec<(&str, &str)> =
        texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    // Writing all of them is what other tests do.
    let bytes = Documents::new(1, &files).manifest(None).await.unwrap();
    destination.write(MANIFEST_PATH, bytes, headers_of(MANIFEST_PATH)).await.unwrap();
    files[17].1 = "{}";
    let changed = Documents::new(2, &files);
    let report = done(&changed, &destination).await;
    assert!(report.requests <= 24, "{}", report.requests);
    assert_eq!(report.plan.objects.len(), 1);
    let again = done(&changed, &destination).await;
    assert!(again.is_unchanged && again.requests == 2, "{}", again.requests);
}

/// A destination at which another publisher is faster, once.
struct Raced {
    pub(crate) inner: Arc<dyn SiteDestination>,
    other: Mutex<Option<Documents>>,
    /// The file before which the other one publishes.
    before: &'static str,
}

impl Raced {
    async fn race(&self, path: &str) {
        let other = match path == self.before {
            true => self.other.lock().take(),
            false => None,
        };
        if let Some(other) = other {
            publish(&other, &self.inner, &options()).await.unwrap();
        }
    }
}

#[async_trait]
impl SiteDestination for Raced {
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
        self.race(path).await;
        self.inner.write(path, bytes, headers).await
    }

    async fn replace(
        &self,
        path: &str,
        bytes: Bytes,
        headers: FileHeaders,
        expected: Option<&str>,
    ) -> Result<(), DestinationError> {
        self.race(path).await;
        self.inner.replace(path, bytes, headers, expected).await
    }

    async fn remove(&self, path: &str) -> Result<(), DestinationError> {
        self.inner.remove(path).await
    }
}

/// Lets another publisher be faster at some place, each time at another destination.
pub(crate) async fn race(destination: impl Fn(usize) -> Arc<dyn SiteDestination>) {
    let named = "providers/x/y_z.json";
    let cases = [
        (200, 300, MANIFEST_PATH, true),
        (200, 300, named, true),
        (300, 200, MANIFEST_PATH, false),
    ];
    for (number, (mine, other, before, is_refused)) in cases.into_iter().enumerate() {
        let inner = destination(number);
        done(&Documents::new(100, &BEFORE), &inner).await;
        let states = |version| match version {
            300 => Documents::new(300, &AFTER),
            _ => Documents::new(200, &[("fallback.json", "{}"), ("providers/x/y_z.json", "[]")]),
        };
        let raced = Raced { inner: inner.clone(), other: Mutex::new(Some(states(other))), before };
        let raced: Arc<dyn SiteDestination> = Arc::new(raced);
        let ended = publish(&states(mine), &raced, &options()).await;
        assert_eq!(matches!(ended, Err(PublishError::Later { .. })), is_refused, "{ended:?}");
        // The loser has given back what it had written.
        for (path, bytes) in states(300).named() {
            assert_eq!(inner.read(&path).await.unwrap().unwrap().bytes, bytes, "{path}");
        }
        assert_eq!(inner.read(named).await.unwrap(), None);
        done(&states(300), &inner).await;
        assert_eq!(read_site(&inner).await.position, 300);
        check_names(&inner, &states(300), &["providers/x/y_z.json", "providers/x/y-z.json"]).await;
    }
}

#[tokio::test]
async fn of_two_publishers_at_once_the_later_state_stays_whole() {
    race(|_| Arc::new(MemoryDestination::default())).await;
}

#[tokio::test]
async fn is_renewed_at_half_its_life_and_not_before() {
    let source = Documents::new(100, &BEFORE);
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    done(&source, &destination).await;
    for (now, is_unchanged) in [(0, true), (RENEWAL_US, true), (RENEWAL_US + 101, false)] {
        let options = PublishOptions { now: Moment::from_microseconds(now).unwrap(), ..options() };
        let report = publish(&source, &destination, &options).await.unwrap();
        assert_eq!(report.is_unchanged, is_unchanged, "{now}");
    }
}

#[tokio::test]
async fn a_tag_of_two_publications_is_refused_and_their_numbers_are_named() {
    use crate::{EarlierSite, HistoryError, earlier_manifest};
    let destination = MemoryDestination::default();
    let mut previous = None;
    for version in [100, 200, 3_000_000] {
        let manifest = Manifest { version, previous, tag: tag_of(version), ..Manifest::sample() };
        let bytes = Bytes::from(manifest.to_bytes());
        for path in [history_path(version), MANIFEST_PATH.to_owned()] {
            destination.write(&path, bytes.clone(), headers_of(&path)).await.unwrap();
        }
        previous = Some(version);
    }
    let find = async |wanted: String| {
        earlier_manifest(&destination, &EarlierSite::Version(wanted), None).await
    };
    for (wanted, expect) in [
        (tag_of(3_000_000), 3_000_000),
        ("3000000".to_owned(), 3_000_000),
        ("200".to_owned(), 200),
        ("100".to_owned(), 100),
    ] {
        assert_eq!(find(wanted).await.unwrap().version, expect);
    }
    let refused = find(tag_of(100)).await.unwrap_err();
    assert!(matches!(refused, HistoryError::Ambiguous { older: 100, newer: 200, .. }), "{refused}");
    assert!(matches!(find("150".to_owned()).await, Err(HistoryError::Absent)));
    // What was found stands, though the one before it is gone.
    destination.remove(&history_path(200)).await.unwrap();
    assert_eq!(find(tag_of(3_000_000)).await.unwrap().version, 3_000_000);
}

#[tokio::test]
async fn refuses_what_would_destroy_something() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| -> Arc<dyn SiteDestination> {
        Arc::new(FolderDestination::new(folder.path().join(name)))
    };
    std::fs::create_dir(folder.path().join("home")).unwrap();
    std::fs::write(folder.path().join("home/letter.txt"), "dear").unwrap();
    let source = Documents::new(100, &BEFORE);
    let refused = publish(&source, &place("home"), &options()).await.unwrap_err();
    assert!(matches!(refused, PublishError::Destination(DestinationError::Foreign)), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path().join("home")).unwrap().count(), 1);
    let site = place("site");
    done(&Documents::new(200, &AFTER), &site).await;
    let refused = publish(&source, &site, &options()).await.unwrap_err();
    assert!(matches!(refused, PublishError::Later { published: 200, offered: 100 }), "{refused}");
    let _begun = site.begin().await.unwrap();
    let refused = publish(&source, &place("site"), &options()).await.unwrap_err();
    assert!(matches!(refused, PublishError::Destination(DestinationError::Busy)), "{refused}");
}

#[tokio::test]
async fn a_source_that_lies_changes_nothing_that_readers_see() {
    let destination: Arc<dyn SiteDestination> = Arc::new(MemoryDestination::default());
    done(&Documents::new(100, &BEFORE), &destination).await;
    struct Lying(Documents);
    #[async_trait]
    impl PublicationSource for Lying {
        async fn manifest(&self, previous: Option<u64>) -> Result<Bytes, SourceError> {
            self.0.manifest(previous).await
        }
        async fn file(&self, _path: &str, _file: &ManifestFile) -> Result<Bytes, SourceError> {
            Ok(Bytes::from_static(b"other bytes"))
        }
    }
    let lying = Lying(Documents::new(200, &AFTER));
    let refused = publish(&lying, &destination, &options()).await.unwrap_err();
    assert!(matches!(refused, PublishError::BrokenSource { .. }), "{refused}");
    assert_eq!(read_site(&destination).await.position, 100);
}

/// What every destination does.
pub(crate) async fn conforms(destination: &dyn SiteDestination) {
    let headers = headers_of(MANIFEST_PATH);
    let _begun = destination.begin().await.unwrap();
    assert_eq!(destination.read("a/b.json").await.unwrap(), None);
    destination.remove("a/b.json").await.unwrap();
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    destination.write("a/b.json", bytes("1"), headers).await.unwrap();
    destination.write("a/b.json", bytes("2"), headers).await.unwrap();
    let found = destination.read("a/b.json").await.unwrap().unwrap();
    assert_eq!(found.bytes, "2");
    for wrong in [None, Some("other")] {
        let refused = destination.replace("a/b.json", bytes("3"), headers, wrong).await;
        assert!(matches!(refused, Err(DestinationError::Changed)), "{refused:?}");
    }
    destination.replace("a/b.json", bytes("3"), headers, Some(&found.tag)).await.unwrap();
    let stale = destination.replace("a/b.json", bytes("4"), headers, Some(&found.tag)).await;
    assert!(matches!(stale, Err(DestinationError::Changed)), "{stale:?}");
    assert_eq!(destination.read("a/b.json").await.unwrap().unwrap().bytes, "3");
    destination.replace("c.json", bytes("5"), headers, None).await.unwrap();
    destination.remove("a/b.json").await.unwrap();
    assert_eq!(destination.read("a/b.json").await.unwrap(), None);
}

#[tokio::test]
async fn destinations_keep_their_contract() {
    conforms(&MemoryDestination::default()).await;
    let folder = tempfile::tempdir().unwrap();
    conforms(&FolderDestination::new(folder.path().join("site"))).await;
}
