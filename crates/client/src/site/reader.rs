use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use bytes::Bytes;
use muster_wire::manifest::{MANIFEST_PATH, Manifest, ManifestFile};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    CacheStatistics, FreshDocument, SiteAnswer, SiteError, SiteHealth, SiteOptions, SiteSource,
    Tier, VerifiedManifest,
    disk::Disk,
    fresh::{FreshDocuments, PATHS_MAX, REFRESH_AHEAD},
    health::Record,
    memory::Memory,
};

/// Reads a published site. Clones share their memory.
#[derive(Clone)]
pub struct SiteReader {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub sources: Vec<Arc<dyn SiteSource>>,
    pub options: SiteOptions,
    pub disk: Option<Disk>,
    pub state: Guarded<State>,
    /// Whether the disk was looked at. It is held while somebody does: whoever comes meanwhile must
    /// not take an earlier manifest from the source.
    is_disk_read: Guarded<bool>,
    pub refreshing: tokio::sync::Mutex<()>,
    /// One request at a time for each document.
    fetching: Guarded<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
pub(super) struct State {
    /// The newest manifest that was read.
    pub manifest: Option<Arc<VerifiedManifest>>,
    /// When the source last confirmed it; none: it is from disk or from the snapshot.
    pub checked: Option<Instant>,
    /// The digest and the version of each document that was answered with last, by its path.
    known: HashMap<String, (String, String)>,
    /// The largest number of a manifest that was ever read.
    pub seen: u64,
    pub memory: Memory,
    /// What of it is fresh, by the paths that were asked for.
    pub fresh: FreshDocuments,
    pub record: Record,
    /// Until when the source isn't asked.
    pub rests_until: Option<Instant>,
}

/// A value behind a lock that is never held across a wait. A panic while it was held leaves it as it
/// was, which is no worse than a cache that lacks something.
#[derive(Default)]
pub(super) struct Guarded<T>(StdMutex<T>);

impl<T> Guarded<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SiteReader {
    /// A reader of these sources, which are asked in their order.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn SiteSource>>, options: SiteOptions) -> Self {
        let disk = options.disk.clone().map(Disk::new);
        let state = Guarded::<State>::default();
        // Whoever shows an older state than the program brought holds news back.
        let brought = options.snapshot.as_ref().map(|one| one.manifest.manifest.version);
        state.lock().seen = brought.unwrap_or_default();
        Self {
            inner: Arc::new(Inner {
                sources,
                options,
                disk,
                state,
                is_disk_read: Guarded::default(),
                refreshing: tokio::sync::Mutex::default(),
                fetching: Guarded::default(),
            }),
        }
    }

    /// A file of the site by its path, such as `providers/cms/sanity.json`, or `manifest.json`.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get(&self, path: &str) -> Result<SiteAnswer, SiteError> {
        if let Some(known) = self.fresh(path) {
            return Ok(known.answer());
        }
        self.get_until(path, self.inner.deadline()).await
    }

    /// A file that isn't known to be fresh, until then.
    async fn get_until(&self, path: &str, deadline: Instant) -> Result<SiteAnswer, SiteError> {
        let answer = self.inner.answer(path, deadline).await;
        let is_from_memory = |tier| matches!(tier, Tier::Fresh | Tier::Stale);
        if answer.as_ref().is_ok_and(|answer| is_from_memory(answer.tier))
            && self.inner.is_due_soon()
        {
            let inner = self.inner.clone();
            tokio::spawn(async move {
                let deadline = inner.deadline();
                // Whoever asks next finds the old one still fresh.
                let _ = inner.refresh(deadline).await;
            });
        }
        answer
    }

    /// The manifest.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get_manifest(&self) -> Result<SiteAnswer, SiteError> {
        self.get(MANIFEST_PATH).await
    }

    /// A provider of a category.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get_provider(&self, category: &str, name: &str) -> Result<SiteAnswer, SiteError> {
        self.get(&format!("providers/{category}/{name}.json")).await
    }

    /// A stack by its type, whatever its category is.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub async fn get_stack_metadata(&self, stack_type: &str) -> Result<SiteAnswer, SiteError> {
        if let Some(known) = self.fresh_stack(stack_type) {
            return Ok(known.answer());
        }
        // One time for both, or the answer could take twice as long.
        let deadline = self.inner.deadline();
        let options = &self.inner.options;
        let (path, why) = match self.inner.manifest(deadline).await {
            Ok((manifest, _)) => (manifest.find("stacks", stack_type), None),
            Err(why) => {
                let snapshot = options.snapshot.as_ref();
                (snapshot.and_then(|own| own.manifest.find("stacks", stack_type)), Some(why))
            }
        };
        // The documents of the application may still have it.
        let own = || {
            let name = format!("/{stack_type}.json");
            let mut paths = options.fallback_data.keys();
            paths.find(|path| path.starts_with("stacks/") && path.ends_with(&name)).cloned()
        };
        match path.or_else(own) {
            Some(path) => {
                let answer = self.get_until(&path, deadline).await;
                self.inner.state.lock().fresh.also(&stack_key(stack_type), &path);
                answer
            }
            None => self.inner.nothing(&format!("stacks/{stack_type}"), why),
        }
    }

    /// A document that is fresh and in memory. It waits for nothing and may be called anywhere. None
    /// also where the document should be read again soon, which [`SiteReader::get`] begins.
    #[must_use]
    pub fn fresh(&self, path: &str) -> Option<Arc<FreshDocument>> {
        let mut state = self.inner.state.lock();
        let use_number = state.memory.next_use();
        let (found, is_ahead) = state.fresh.find(path, use_number)?;
        if is_ahead && self.inner.may_refresh(&state) {
            return None;
        }
        state.record.answers += 1;
        state.record.hits += 1;
        state.record.stale_since = None;
        Some(found)
    }

    /// As [`SiteReader::fresh`], for a stack by its type.
    #[must_use]
    pub fn fresh_stack(&self, stack_type: &str) -> Option<Arc<FreshDocument>> {
        self.fresh(&stack_key(stack_type))
    }

    /// The paths of all documents. Without a manifest, of those that the program brought.
    pub(super) async fn listed(&self) -> Result<Vec<String>, SiteError> {
        let options = &self.inner.options;
        let why = match self.inner.manifest(self.inner.deadline()).await {
            Ok((manifest, _)) => return Ok(manifest.manifest.files.keys().cloned().collect()),
            Err(why) => why,
        };
        let mut paths: Vec<String> = options.fallback_data.keys().cloned().collect();
        if let Some(snapshot) = &options.snapshot {
            paths.extend(snapshot.manifest.manifest.files.keys().cloned());
        }
        if paths.is_empty() || !options.fallback_enabled {
            return Err(SiteError::Unreachable { path: MANIFEST_PATH.to_owned(), why });
        }
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// The manifest in use and the bytes of all its files, for a snapshot.
    ///
    /// # Errors
    /// The source can't be read.
    pub async fn whole(
        &self,
    ) -> Result<(Arc<VerifiedManifest>, BTreeMap<String, Bytes>), SiteError> {
        let unreachable = |path: &str, why| SiteError::Unreachable { path: path.to_owned(), why };
        let deadline = self.inner.deadline();
        let refreshed = self.inner.refresh(deadline).await;
        refreshed.map_err(|why| unreachable(MANIFEST_PATH, why))?;
        let manifest = self.inner.state.lock().manifest.clone();
        let manifest = manifest.ok_or_else(|| unreachable(MANIFEST_PATH, String::new()))?;
        let mut files = BTreeMap::new();
        for (path, file) in &manifest.manifest.files {
            let bytes = self.inner.fetch(path, file, self.inner.deadline()).await;
            files.insert(file.sha256.clone(), bytes.map_err(|why| unreachable(path, why))?);
        }
        Ok((manifest, files))
    }

    /// How the source is doing.
    #[must_use]
    pub fn get_health_status(&self) -> SiteHealth {
        let state = self.inner.state.lock();
        let record = &state.record;
        let seconds = |since: Instant| since.elapsed().as_secs_f64();
        SiteHealth {
            status: record.status(),
            uptime_score: record.uptime_score(),
            consecutive_failures: record.consecutive_failures,
            last_successful_fetch: record.last_success.map(seconds),
            cache_hit_ratio: record.hit_ratio(),
            average_response_time_ms: record.average_ms(),
            stale_for_seconds: record.stale_since.map(seconds),
            last_error: record.last_error.clone(),
            manifest_version: state.manifest.as_ref().map(|one| one.manifest.version),
        }
    }

    /// What is in memory.
    #[must_use]
    pub fn get_cache_stats(&self) -> CacheStatistics {
        let is_fresh = self.inner.age().is_some_and(|age| age < self.inner.options.cache_ttl);
        let state = self.inner.state.lock();
        let entries = state.memory.len();
        let fresh = if is_fresh { entries } else { 0 };
        CacheStatistics {
            cache_entries: entries,
            fresh_entries: fresh,
            stale_entries: entries - fresh,
            cache_hit_ratio: state.record.hit_ratio(),
            cache_size_bytes: state.memory.bytes(),
            oldest_entry_age_seconds: state
                .memory
                .oldest()
                .map_or(0.0, |since| since.elapsed().as_secs_f64()),
            cache_evictions: state.memory.evictions,
        }
    }

    /// Forgets what is in memory; the disk stays.
    pub fn clear_cache(&self) {
        let mut is_disk_read = self.inner.is_disk_read.lock();
        let mut state = self.inner.state.lock();
        state.memory.clear();
        state.fresh.clear();
        state.known.clear();
        (state.manifest, state.checked, *is_disk_read) = (None, None, false);
    }
}

/// Under what a stack is kept, beside its path. No path begins like this.
fn stack_key(stack_type: &str) -> String {
    format!("/stack/{stack_type}")
}

/// Why a document that the manifest lists isn't there.
enum NoDocument {
    /// It can't be read now.
    Unreachable(String),
    /// It isn't JSON.
    Data(SiteError),
}

impl Inner {
    async fn answer(&self, path: &str, deadline: Instant) -> Result<SiteAnswer, SiteError> {
        let result = self.look(path, deadline).await;
        let mut state = self.state.lock();
        state.record.answers += 1;
        if let Ok(answer) = &result {
            match answer.tier {
                Tier::Fresh => {
                    state.record.hits += 1;
                    state.record.stale_since = None;
                }
                Tier::Source => state.record.stale_since = None,
                _ => {
                    state.record.stale_since.get_or_insert_with(Instant::now);
                }
            }
        }
        result
    }

    async fn look(&self, path: &str, deadline: Instant) -> Result<SiteAnswer, SiteError> {
        let (manifest, tier) = match self.manifest(deadline).await {
            Ok(found) => found,
            Err(why) => return self.nothing(path, Some(why)),
        };
        if path == MANIFEST_PATH {
            let value = Arc::new(serde_json::to_value(&manifest.manifest).unwrap_or_default());
            let document = (value.clone(), String::new());
            self.keep_fresh(path, &manifest, tier, document, Arc::default());
            return Ok(self.found(value, tier, String::new()));
        }
        let Some((own, file)) = manifest.file(path) else {
            // The application's documents may hold more than the site.
            return match self.options.fallback_data.contains_key(path) {
                true => self.nothing(path, None),
                false => Err(SiteError::Absent { path: path.to_owned() }),
            };
        };
        let (value, used, tier) = match self.document((own, file), tier, deadline).await {
            Ok(found) => found,
            Err(NoDocument::Unreachable(why)) => {
                let earlier = self.earlier(own);
                return earlier.map_or_else(|| self.nothing(path, Some(why)), Ok);
            }
            Err(NoDocument::Data(error)) => return Err(error),
        };
        self.note_known(own, file);
        self.keep_fresh(path, &manifest, tier, (value.clone(), file.version.clone()), used);
        Ok(self.found(value, tier, file.version.clone()))
    }

    /// A document from memory, and where it isn't there, from disk or from the source. One asks for
    /// it at a time, and the others find what that one kept.
    async fn document(
        &self,
        named: (&str, &ManifestFile),
        tier: Tier,
        deadline: Instant,
    ) -> Result<(Arc<Value>, Arc<AtomicU64>, Tier), NoDocument> {
        let (path, file) = named;
        let kept = || {
            let kept = self.state.lock().memory.get(&file.sha256);
            kept.map(|(value, used)| (value, used, tier))
        };
        if let Some(found) = kept() {
            return Ok(found);
        }
        let turn = self.fetching.lock().entry(file.sha256.clone()).or_default().clone();
        let over = || NoDocument::Unreachable("the time is over".to_owned());
        let held = timeout_at(deadline, turn.lock()).await.map_err(|_| over())?;
        if let Some(found) = kept() {
            return Ok(found);
        }
        let read = self.bytes(named, tier, deadline).await;
        let found = read.map_err(NoDocument::Unreachable).and_then(|(bytes, tier)| {
            let (value, used) = self.keep(path, file, &bytes).map_err(NoDocument::Data)?;
            Ok((value, used, tier))
        });
        drop(held);
        self.fetching.lock().remove(&file.sha256);
        found
    }

    /// Keeps a document in memory.
    fn keep(
        &self,
        path: &str,
        file: &ManifestFile,
        bytes: &[u8],
    ) -> Result<(Arc<Value>, Arc<AtomicU64>), SiteError> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| SiteError::Data { path: path.to_owned(), why: error.to_string() })?;
        let (value, most) = (Arc::new(value), self.options.cache_bytes_max);
        let mut state = self.state.lock();
        let kept = state.memory.keep(&file.sha256, value.clone(), bytes.len(), most);
        let (used, are_others_gone) = kept;
        if are_others_gone {
            state.fresh.clear();
        }
        Ok((value, used))
    }

    /// Keeps a document under the path that was asked for, if its manifest still counts.
    fn keep_fresh(
        &self,
        path: &str,
        manifest: &Arc<VerifiedManifest>,
        tier: Tier,
        document: (Arc<Value>, String),
        used: Arc<AtomicU64>,
    ) {
        let mut state = self.state.lock();
        let is_newest = state.manifest.as_ref().is_some_and(|one| Arc::ptr_eq(one, manifest));
        if let (Some(checked), true, true) = (state.checked, is_newest, tier <= Tier::Source) {
            let document = FreshDocument::new(document, used, checked, &self.options);
            state.fresh.keep(path, document);
        }
    }

    /// Notes with what a document was answered.
    fn note_known(&self, path: &str, file: &ManifestFile) {
        let mut state = self.state.lock();
        if state.known.get(path).is_some_and(|(digest, _)| *digest == file.sha256) {
            return;
        }
        if state.known.len() >= PATHS_MAX {
            state.known.clear();
        }
        state.known.insert(path.to_owned(), (file.sha256.clone(), file.version.clone()));
    }

    /// What a document was before, if that is still in memory: the site changed it and went away
    /// before it could be read.
    fn earlier(&self, path: &str) -> Option<SiteAnswer> {
        if !self.options.fallback_enabled {
            return None;
        }
        let (value, version) = {
            let mut state = self.state.lock();
            let (digest, version) = state.known.get(path)?.clone();
            (state.memory.get(&digest)?.0, version)
        };
        Some(self.found(value, Tier::Stale, version))
    }

    /// The bytes of a file that isn't in memory, and where they come from. What an earlier run read
    /// has the digest that the manifest names, so it is right.
    async fn bytes(
        &self,
        (path, file): (&str, &ManifestFile),
        tier: Tier,
        deadline: Instant,
    ) -> Result<(Bytes, Tier), String> {
        let on_disk = || self.disk.as_ref().and_then(|disk| disk.object(&file.sha256));
        match (tier, on_disk()) {
            (Tier::Fresh | Tier::Source, Some(bytes)) => Ok((bytes, tier)),
            (_, Some(bytes)) => Ok((bytes, Tier::Disk)),
            (_, None) => {
                let fetched = self.fetch(path, file, deadline).await;
                // With a manifest that may be old, the answer may be old as well.
                let from = if tier <= Tier::Source { Tier::Source } else { tier };
                fetched.map(|bytes| (bytes, from))
            }
        }
    }

    /// The manifest to answer by, and what an answer by it is.
    pub(super) async fn manifest(
        &self,
        deadline: Instant,
    ) -> Result<(Arc<VerifiedManifest>, Tier), String> {
        let ttl = self.options.cache_ttl;
        if let (Some(age), Some(kept)) = (self.age(), self.kept())
            && age < ttl
        {
            return Ok((kept, Tier::Fresh));
        }
        if let (Some(age), Some(kept)) = (self.age(), self.kept())
            && age < ttl + self.options.stale_while_revalidate
        {
            return Ok((kept, Tier::Stale));
        }
        self.remember();
        let refreshed = self.refresh(deadline).await;
        let kept = self.kept();
        match (refreshed, kept) {
            (Ok(()), Some(kept)) => Ok((kept, Tier::Source)),
            (Err(why), _) if !self.options.fallback_enabled => Err(why),
            (_, Some(kept)) if self.age().is_some() => Ok((kept, Tier::Stale)),
            (_, Some(kept)) => Ok((kept, Tier::Disk)),
            (refreshed, None) => Err(refreshed.err().unwrap_or_default()),
        }
    }

    /// Reads the manifest of an earlier run, once. It counts as seen, so that nobody can show an
    /// older one after a restart.
    fn remember(&self) {
        let mut is_disk_read = self.is_disk_read.lock();
        if std::mem::replace(&mut *is_disk_read, true) {
            return;
        }
        let Some(bytes) = self.disk.as_ref().and_then(Disk::manifest) else { return };
        let (key, channel) = (self.options.key.as_ref(), self.options.channel.as_deref());
        let Ok(manifest) = VerifiedManifest::read(bytes, key, channel) else { return };
        let mut state = self.state.lock();
        // After the memory was cleared, the disk may be behind what was seen.
        if manifest.manifest.version >= state.seen {
            state.seen = manifest.manifest.version;
            state.manifest.get_or_insert_with(|| Arc::new(manifest));
        }
    }

    /// The answer where the site itself has none: from the program, or that there is none.
    fn nothing(&self, path: &str, why: Option<String>) -> Result<SiteAnswer, SiteError> {
        let unreachable = |why| SiteError::Unreachable { path: path.to_owned(), why };
        if let Some(why) = why.clone().filter(|_| !self.options.fallback_enabled) {
            return Err(unreachable(why));
        }
        let snapshot = self.options.snapshot.as_ref();
        if path == MANIFEST_PATH
            && let Some(snapshot) = snapshot
        {
            let value = serde_json::to_value(&snapshot.manifest.manifest).unwrap_or_default();
            return Ok(self.found(Arc::new(value), Tier::Embedded, String::new()));
        }
        if let Some((value, version)) = snapshot.and_then(|snapshot| snapshot.document(path)) {
            return Ok(self.found(Arc::new(value), Tier::Embedded, version));
        }
        if let Some(value) = self.options.fallback_data.get(path) {
            return Ok(self.found(Arc::new(value.clone()), Tier::Embedded, String::new()));
        }
        let Some(why) = why else { return Err(SiteError::Absent { path: path.to_owned() }) };
        let value = json!({"status": "degraded", "reason": why, "path": path});
        Ok(self.found(Arc::new(value), Tier::Degraded, String::new()))
    }

    fn found(&self, value: Arc<Value>, tier: Tier, version: String) -> SiteAnswer {
        SiteAnswer { value, tier, age: self.age(), version }
    }

    fn kept(&self) -> Option<Arc<VerifiedManifest>> {
        self.state.lock().manifest.clone()
    }

    /// How long ago the source confirmed the manifest.
    fn age(&self) -> Option<Duration> {
        self.state.lock().checked.map(|checked| checked.elapsed())
    }

    /// Whether the manifest should be read again in the background, and nobody does.
    fn is_due_soon(&self) -> bool {
        let due = self.options.cache_ttl / 10 * REFRESH_AHEAD;
        self.age().is_some_and(|age| age >= due) && self.may_refresh(&self.state.lock())
    }

    /// Whether nobody asks the source, and it isn't left alone.
    fn may_refresh(&self, state: &State) -> bool {
        self.options.use_registry
            && state.rests_until.is_none_or(|end| end <= Instant::now())
            && self.refreshing.try_lock().is_ok()
    }
}

/// The manifest as a type.
impl SiteAnswer {
    /// The manifest, if this is one.
    #[must_use]
    pub fn manifest(&self) -> Option<Manifest> {
        serde_json::from_value((*self.value).clone()).ok()
    }
}
