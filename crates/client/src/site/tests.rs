#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_seal::{
    KeyPair, jws,
    note::{Signer, Verifier},
};
use muster_wire::{
    Sample as _,
    manifest::{MANIFEST_PATH, Manifest, ManifestFile, SiteKey, object_path},
};
use muster_words::{Digest, Moment};
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use super::*;

mod corners;
mod environment;

const DAY_US: u64 = 24 * 3_600 * 1_000_000;
const SANITY: &str = "providers/cms/sanity.json";

fn signer(seed: u8) -> Signer {
    Signer::new("registry.example/site".parse().unwrap(), KeyPair::from_seed(&[seed; 32]))
}

fn time(us: u64) -> Moment {
    Moment::from_microseconds(i64::try_from(us).unwrap()).unwrap()
}

/// The files of a site whose provider says this price.
fn site_of(
    version: u64,
    price: u64,
    signed_by: &Signer,
    keys: Vec<SiteKey>,
) -> BTreeMap<String, Bytes> {
    let documents = [
        (SANITY, json!({"provider_name": "sanity", "price": price})),
        ("stacks/cms-tiers/sanity_cms_tier.json", json!({"stack": price})),
    ];
    let mut files = BTreeMap::new();
    let mut listed = BTreeMap::new();
    for (path, value) in documents {
        let bytes = Bytes::from(serde_json::to_vec(&value).unwrap());
        let sha256 = Digest::of(&bytes).to_string();
        files.insert(object_path(&sha256), bytes.clone());
        let size = bytes.len() as u64;
        files.insert(path.to_owned(), bytes);
        listed.insert(path.to_owned(), ManifestFile { sha256, size, version: price.to_string() });
    }
    let one = |name: &str, item: &str| [(name.to_owned(), vec![item.to_owned()])].into();
    let mut manifest = Manifest {
        files: listed,
        providers: one("cms", "sanity"),
        stacks: one("cms-tiers", "sanity_cms_tier"),
        version,
        issued: time(version).to_string(),
        expires: time(version + 30 * DAY_US).to_string(),
        keys,
        signature: None,
        ..Manifest::sample()
    };
    manifest.signature = Some(jws::sign_detached(signed_by, &manifest.signed_part()));
    files.insert(MANIFEST_PATH.to_owned(), manifest.to_bytes().into());
    files
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Healthy,
    Slow,
    Failing,
    Lying,
    Gone,
    /// It has a manifest and nothing else.
    Hollow,
    /// It takes nine seconds, and then wants to be asked again at once.
    Tiring,
}

/// A source of a test.
struct Moody {
    files: Mutex<BTreeMap<String, Bytes>>,
    mood: Mutex<Mood>,
    asked: AtomicU64,
}

impl Moody {
    fn new(files: BTreeMap<String, Bytes>) -> Arc<Self> {
        let (files, mood) = (Mutex::new(files), Mutex::new(Mood::Healthy));
        Arc::new(Self { files, mood, asked: AtomicU64::new(0) })
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn shows(&self, files: BTreeMap<String, Bytes>) {
        *self.files.lock().unwrap() = files;
    }
}

#[async_trait]
impl SiteSource for Moody {
    async fn fetch(&self, path: &str) -> Result<Option<Bytes>, SourceFault> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // As a network does, so that others come meanwhile.
        tokio::task::yield_now().await;
        let mood = *self.mood.lock().unwrap();
        let found = self.files.lock().unwrap().get(path).cloned();
        match mood {
            Mood::Healthy => Ok(found),
            Mood::Slow => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Ok(found)
            }
            Mood::Failing => Err(SourceFault::new("it fails")),
            Mood::Lying => Ok(found.map(|bytes| [b" ", &bytes[..]].concat().into())),
            Mood::Gone => Ok(None),
            Mood::Hollow if path == MANIFEST_PATH => Ok(found),
            Mood::Hollow => Ok(None),
            Mood::Tiring => {
                tokio::time::sleep(Duration::from_secs(9)).await;
                Err(SourceFault { what: "busy".to_owned(), retry_after: Some(Duration::ZERO) })
            }
        }
    }

    fn refuse(&self, _path: &str) {}

    fn place(&self) -> &str {
        "the test"
    }
}

fn options(key: &Signer) -> SiteOptions {
    let key = Some(key.verifier().clone());
    SiteOptions { key, now: Arc::new(|| time(100 * DAY_US)), ..SiteOptions::default() }
}

fn price(answer: &SiteAnswer) -> Option<u64> {
    answer.value.get("price").and_then(Value::as_u64)
}

fn filled_disk(folder: &Path, files: &BTreeMap<String, Bytes>) {
    std::fs::create_dir_all(folder.join("objects")).unwrap();
    std::fs::write(folder.join(MANIFEST_PATH), &files[MANIFEST_PATH]).unwrap();
    for (path, bytes) in files {
        if let Some(digest) = path.strip_prefix("objects/sha256/") {
            std::fs::write(folder.join("objects").join(digest), bytes).unwrap();
        }
    }
}

/// Writes garbage into every file of a folder.
fn garble(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { garble(&path) } else { std::fs::write(path, "garbage").unwrap() }
    }
}

fn snapshot(files: &BTreeMap<String, Bytes>) -> Arc<Snapshot> {
    let manifest = VerifiedManifest::read(files[MANIFEST_PATH].clone(), None, None).unwrap();
    let file = |digest: &str| files.get(&object_path(digest)).cloned();
    let bytes = Snapshot::write(&manifest, file).unwrap();
    Arc::new(Snapshot::read(&bytes).unwrap())
}

/// Every cell of the table in docs/how-to/read-a-site.md.
#[tokio::test(start_paused = true)]
async fn every_source_with_every_cache_disk_and_snapshot_answers_as_documented() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let mut cells = 0;
    for mood in [Mood::Healthy, Mood::Slow, Mood::Failing, Mood::Lying, Mood::Gone] {
        for cache in ["fresh", "stale", "empty"] {
            for disk in ["present", "absent", "corrupt"] {
                for has_snapshot in [true, false] {
                    let cell = format!("{mood:?}, {cache}, {disk}, {has_snapshot}");
                    let folder = tempfile::tempdir().unwrap();
                    let source = Moody::new(files.clone());
                    let mut options = options(&key);
                    if has_snapshot {
                        options.snapshot = Some(snapshot(&files));
                    }
                    if disk != "absent" {
                        options.disk = Some(folder.path().to_owned());
                    }
                    let reader = SiteReader::new(vec![source.clone()], options);
                    if cache != "empty" {
                        assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Source, "{cell}");
                    }
                    if cache == "stale" {
                        advance(Duration::from_secs(301)).await;
                    }
                    if disk != "absent" {
                        filled_disk(folder.path(), &files);
                    }
                    if disk == "corrupt" {
                        garble(folder.path());
                    }
                    source.is(mood);
                    let began = Instant::now();
                    let answer = reader.get(SANITY).await.unwrap();
                    let expect = match (mood, cache, disk, has_snapshot) {
                        (_, "fresh", ..) => Tier::Fresh,
                        (Mood::Healthy, ..) => Tier::Source,
                        (_, "stale", ..) => Tier::Stale,
                        (_, _, "present", _) => Tier::Disk,
                        (.., true) => Tier::Embedded,
                        _ => Tier::Degraded,
                    };
                    assert_eq!(answer.tier, expect, "{cell}: {answer:?}");
                    let whole = (expect != Tier::Degraded).then_some(65);
                    assert_eq!(price(&answer), whole, "{cell}");
                    assert!(began.elapsed() <= Duration::from_secs(30), "{cell}");
                    let health = reader.get_health_status();
                    let is_well = expect <= Tier::Source;
                    assert_eq!(health.status == SourceCondition::Healthy, is_well, "{cell}");
                    assert_eq!(health.stale_for_seconds.is_none(), is_well, "{cell}");
                    // Without anybody's help it is well again.
                    source.is(Mood::Healthy);
                    advance(Duration::from_secs(400)).await;
                    let answer = reader.get(SANITY).await.unwrap();
                    assert_eq!((answer.tier, price(&answer)), (Tier::Source, Some(65)), "{cell}");
                    assert_eq!(
                        reader.get_health_status().status,
                        SourceCondition::Healthy,
                        "{cell}"
                    );
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 90);
}

#[tokio::test(start_paused = true)]
async fn any_changed_byte_of_a_file_is_refused() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let read = |path: &str| path == MANIFEST_PATH || path.starts_with("objects/");
    for (path, bytes) in files.iter().filter(|(path, _)| read(path)) {
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1 << (at % 8);
            let mut forged = files.clone();
            forged.insert(path.clone(), changed.clone().into());
            // Also the copy under the file's name, which is read where the object is missing.
            let named = files.iter().find(|(name, one)| *one == bytes && *name != path);
            if let Some((name, _)) = named {
                forged.insert(name.clone(), changed.into());
            }
            let mut options = options(&key);
            options.max_retries = 1;
            let reader = SiteReader::new(vec![Moody::new(forged)], options);
            let mut degraded = 0;
            for wanted in [SANITY, "stacks/cms-tiers/sanity_cms_tier.json"] {
                let answer = reader.get(wanted).await.unwrap();
                match answer.tier {
                    Tier::Degraded => degraded += 1,
                    tier => {
                        assert!(tier <= Tier::Source, "{path}, byte {at}: {answer:?}");
                        let whole = serde_json::from_slice::<Value>(&files[wanted]).unwrap();
                        assert_eq!(*answer.value, whole, "{path}, byte {at}");
                    }
                }
            }
            assert!(degraded > 0, "{path}: byte {at} was believed");
            assert_ne!(reader.get_health_status().status, SourceCondition::Healthy);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_state_and_an_expired_one_bring_nothing_new() {
    let key = signer(1);
    let [old, new] =
        [(98, 60), (99, 65)].map(|(day, price)| site_of(day * DAY_US, price, &key, Vec::new()));
    let folder = tempfile::tempdir().unwrap();
    let source = Moody::new(new.clone());
    let with_disk = || SiteOptions { disk: Some(folder.path().to_owned()), ..options(&key) };
    let reader = SiteReader::new(vec![source.clone()], with_disk());
    assert_eq!(price(&reader.get(SANITY).await.unwrap()), Some(65));
    source.shows(old.clone());
    advance(Duration::from_secs(301)).await;
    let answer = reader.get(SANITY).await.unwrap();
    assert_eq!((answer.tier, price(&answer)), (Tier::Stale, Some(65)));
    let why = reader.get_health_status().last_error.unwrap();
    assert!(why.contains("is older than"), "{why}");
    // Nor after a restart, where the disk remembers.
    let again = SiteReader::new(vec![source.clone()], with_disk());
    let answer = again.get(SANITY).await.unwrap();
    assert_eq!((answer.tier, price(&answer)), (Tier::Disk, Some(65)));
    // Frozen: the newest is shown for longer than it may be believed.
    source.shows(new);
    let late = Arc::new(|| time(130 * DAY_US));
    let options = SiteOptions { now: late, ..with_disk() };
    let frozen = SiteReader::new(vec![source], options);
    assert_eq!(frozen.get(SANITY).await.unwrap().tier, Tier::Disk);
    let why = frozen.get_health_status().last_error.unwrap();
    assert!(why.contains("expired"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_trusted_through_the_old_one_and_the_old_one_no_more() {
    let [first, second, stranger] = [1, 2, 3].map(signer);
    let link = |by: &Signer, key: &Verifier| {
        let mut link = SiteKey { key: key.to_string(), signature: String::new() };
        link.signature = jws::sign_detached(by, &link.signed_part());
        link
    };
    let rotated = link(&first, second.verifier());
    let forged = link(&stranger, stranger.verifier());
    for (signed_by, keys, is_trusted) in [
        (&first, vec![], true),
        (&second, vec![rotated.clone()], true),
        (&first, vec![rotated.clone()], false),
        (&second, vec![], false),
        (&stranger, vec![], false),
        (&stranger, vec![forged.clone()], false),
        (&stranger, vec![rotated, forged], false),
    ] {
        let source = Moody::new(site_of(99 * DAY_US, 65, signed_by, keys));
        let reader = SiteReader::new(vec![source], options(&first));
        let tier = reader.get(SANITY).await.unwrap().tier;
        assert_eq!(tier == Tier::Source, is_trusted, "{tier:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_resolve_in_both_spellings_and_stacks_in_any_category() {
    let key = signer(1);
    let reader = SiteReader::new(
        vec![Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()))],
        options(&key),
    );
    for name in ["sanity_cms_tier", "sanity-cms-tier", "sanity-cms_tier"] {
        assert_eq!(reader.get_stack_metadata(name).await.unwrap().value["stack"], 65, "{name}");
    }
    let absent = reader.get_provider("cms", "ghost").await;
    assert_eq!(absent, Err(SiteError::Absent { path: "providers/cms/ghost.json".to_owned() }));
    let all = reader.get_all_providers(None).await.unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["cms/sanity"]);
    assert!(reader.get_all_providers(Some("ssg")).await.unwrap().is_empty());
    assert_eq!(reader.get_manifest().await.unwrap().value["version"], 99 * DAY_US);
    let stats = reader.get_cache_stats();
    assert_eq!((stats.cache_entries, stats.fresh_entries, stats.stale_entries), (2, 2, 0));
    reader.clear_cache();
    assert_eq!(reader.get_cache_stats().cache_entries, 0);
}

#[tokio::test(start_paused = true)]
async fn many_readers_of_one_document_ask_once_and_a_dead_source_is_left_alone() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    let readers = (0..50).map(|_| {
        let reader = reader.clone();
        tokio::spawn(async move { price(&reader.get(SANITY).await.unwrap()) })
    });
    for reading in readers.collect::<Vec<_>>() {
        assert_eq!(reading.await.unwrap(), Some(65));
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    source.is(Mood::Failing);
    advance(Duration::from_secs(301)).await;
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Stale);
    let asked = source.asked.load(Ordering::SeqCst);
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Stale);
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), asked);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_second_source_answers_where_the_first_one_fails() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let [first, second] = [Moody::new(files.clone()), Moody::new(files)];
    first.is(Mood::Failing);
    let reader = SiteReader::new(vec![first, second], options(&key));
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Source);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_and_a_snapshot_that_was_changed_is_refused() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let small = SiteOptions { cache_bytes_max: 40, ..options(&key) };
    let reader = SiteReader::new(vec![Moody::new(files.clone())], small);
    reader.get(SANITY).await.unwrap();
    reader.get_stack_metadata("sanity_cms_tier").await.unwrap();
    let stats = reader.get_cache_stats();
    assert_eq!((stats.cache_entries, stats.cache_evictions), (1, 1));
    let manifest = VerifiedManifest::read(files[MANIFEST_PATH].clone(), None, None).unwrap();
    let file = |digest: &str| files.get(&object_path(digest)).cloned();
    let text = String::from_utf8(Snapshot::write(&manifest, file).unwrap()).unwrap();
    let changed = text.replace(r#"\"price\":65"#, r#"\"price\":66"#);
    assert_ne!(changed, text);
    match Snapshot::read(changed.as_bytes()) {
        Err(SnapshotError::File(path)) => assert_eq!(path, SANITY),
        other => panic!("{other:?}"),
    }
    assert!(Snapshot::write(&manifest, |_| None).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_fresh_is_found_at_once_and_no_longer_than_it_is_fresh() {
    let key = signer(1);
    let [old, new] =
        [(98, 60), (99, 65)].map(|(day, price)| site_of(day * DAY_US, price, &key, Vec::new()));
    let source = Moody::new(old);
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    assert!(reader.fresh(SANITY).is_none());
    reader.get(SANITY).await.unwrap();
    reader.get_stack_metadata("sanity-cms-tier").await.unwrap();
    let fresh = reader.fresh(SANITY).unwrap();
    fresh.attach("a form");
    fresh.attach("another one");
    assert_eq!(reader.fresh(SANITY).unwrap().attached::<&str>(), Some(&"a form"));
    assert_eq!(reader.fresh_stack("sanity-cms-tier").unwrap().value["stack"], 60);
    assert!(reader.fresh_stack("sanity_cms_tier").is_none(), "nobody asked for this spelling");
    // A newer manifest, and nothing of the old one is fresh.
    source.shows(new);
    advance(Duration::from_secs(301)).await;
    assert!(reader.fresh(SANITY).is_none());
    assert_eq!(reader.get_stack_metadata("sanity-cms-tier").await.unwrap().value["stack"], 65);
    assert!(reader.fresh(SANITY).is_none());
    assert_eq!(price(&reader.get(SANITY).await.unwrap()), Some(65));
    assert_eq!(reader.fresh(SANITY).unwrap().value["price"], 65);
    assert_eq!(reader.fresh(SANITY).unwrap().attached::<&str>(), None);
    reader.clear_cache();
    assert!(reader.fresh(SANITY).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_read_again_before_its_end_and_a_failing_source_not_with_each_read() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    reader.get(SANITY).await.unwrap();
    advance(Duration::from_secs(250)).await;
    assert!(reader.fresh(SANITY).is_none(), "somebody must begin");
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Fresh);
    until(|| source.asked.load(Ordering::SeqCst) == 3).await;
    until(|| reader.get_health_status().last_successful_fetch < Some(1.0)).await;
    advance(Duration::from_secs(200)).await;
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Fresh, "450 s after the first read");
    // A source that failed in the background is left alone, and what is fresh stays found.
    source.is(Mood::Failing);
    advance(Duration::from_secs(50)).await;
    reader.get(SANITY).await.unwrap();
    until(|| reader.get_health_status().consecutive_failures == 3).await;
    assert!(reader.fresh(SANITY).is_some());
}

/// Lets the background go on until something holds.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
        advance(Duration::from_millis(1)).await;
    }
    panic!("it never holds");
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_is_given_at_once_where_that_is_wanted() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let soon = Duration::from_secs(60);
    let with = SiteOptions { stale_while_revalidate: soon, ..options(&key) };
    let reader = SiteReader::new(vec![source.clone()], with);
    reader.get(SANITY).await.unwrap();
    source.is(Mood::Slow);
    advance(Duration::from_secs(301)).await;
    let began = Instant::now();
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Stale);
    assert_eq!(began.elapsed(), Duration::ZERO);
    until(|| source.asked.load(Ordering::SeqCst) == 3).await;
    source.is(Mood::Healthy);
    // After that time whoever asks waits. Twice: what was slow ends, and the source rests a while.
    advance(Duration::from_secs(120)).await;
    reader.get(SANITY).await.unwrap();
    advance(Duration::from_secs(120)).await;
    assert_eq!(reader.get(SANITY).await.unwrap().tier, Tier::Source);
}

#[tokio::test(start_paused = true)]
async fn many_documents_are_read_at_the_same_time() {
    let key = signer(1);
    let source = Moody::new(site_of(99 * DAY_US, 65, &key, Vec::new()));
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    let stack = "stacks/cms-tiers/sanity_cms_tier.json";
    let paths = [SANITY, SANITY, stack, "ghost.json"].map(str::to_owned);
    let answers = reader.get_many(paths).await;
    assert_eq!(answers.len(), 3);
    assert_eq!(price(answers[SANITY].as_ref().unwrap()), Some(65));
    assert!(matches!(answers["ghost.json"], Err(SiteError::Absent { .. })));
    assert_eq!(source.asked.load(Ordering::SeqCst), 3);
    let stacks = reader.get_all_stacks().await.unwrap();
    assert_eq!(stacks.keys().collect::<Vec<_>>(), ["sanity_cms_tier"]);
    // Without a source, what the program brought.
    source.is(Mood::Gone);
    let own = [("stacks/a/b.json".to_owned(), json!({}))].into();
    let with = SiteOptions { fallback_data: own, ..options(&key) };
    let reader = SiteReader::new(vec![source.clone()], with);
    let stacks = reader.get_all_stacks().await.unwrap();
    assert_eq!(stacks["b"].tier, Tier::Embedded);
    assert!(SiteReader::new(vec![source], options(&key)).get_all_stacks().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_each_change_once_with_its_fields() {
    let key = signer(1);
    let mut changing = site_of(98 * DAY_US, 60, &key, Vec::new());
    let source = Moody::new(changing.clone());
    let reader = SiteReader::new(vec![source.clone()], options(&key));
    let mut watch = reader.watch();
    assert_eq!(watch.changes().await.unwrap(), []);
    // Old objects stay where they are.
    changing.extend(site_of(99 * DAY_US, 65, &key, Vec::new()));
    source.is(Mood::Failing);
    advance(Duration::from_millis(1)).await;
    assert!(watch.changes().await.is_err());
    source.is(Mood::Healthy);
    source.shows(changing);
    advance(Duration::from_secs(61)).await;
    let changes = watch.changes().await.unwrap();
    let told: Vec<_> = changes.iter().map(|one| (one.path.as_str(), one.kind)).collect();
    let stack = "stacks/cms-tiers/sanity_cms_tier.json";
    assert_eq!(told, [(SANITY, SiteChangeKind::Updated), (stack, SiteChangeKind::Updated)]);
    let fields = serde_json::to_value(&changes[0].changes).unwrap();
    assert_eq!(fields, json!([{"pointer": "/price", "before": 60, "after": 65}]));
    assert_eq!(watch.changes().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_a_source_and_a_document_a_type() {
    let key = signer(1);
    let files = site_of(99 * DAY_US, 65, &key, Vec::new());
    let reader = SiteReader::new(vec![snapshot(&files)], options(&key));
    let answer = reader.get(SANITY).await.unwrap();
    assert_eq!((answer.tier, price(&answer)), (Tier::Source, Some(65)));
    let value = json!({
        "provider_name": "sanity", "provider_type": "cms", "monthly_cost_range": [65, 280.5],
        "cms_type": "api_based",
    });
    let answer = SiteAnswer { value: Arc::new(value.clone()), ..answer };
    let provider: ProviderDocument = answer.read().unwrap();
    assert_eq!(provider.offer.monthly_cost_range, [65.0, 280.5]);
    assert_eq!(provider.offer.others["cms_type"], "api_based");
    assert!(matches!(answer.read::<StackDocument>(), Err(SiteError::Data { .. })));
}
