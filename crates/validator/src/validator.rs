use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_schema::{Payload, Violation};
use muster_words::Xid;
use serde::Serialize;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{
    CheckedPayload, Precompile, SchemaClosure, UncheckedPayload, ValidatorOptions, ValidatorSource,
    kept::{Age, KeptSchema, KeptSchemas, ReadySchema},
    local::schema_xid,
    rest::{Guarded, Rest},
};

/// For how long a schema isn't asked for again that isn't there or can't be used, and for how long
/// one counts that a later source gave because an earlier one failed.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// The most names whose refusals are remembered.
const REFUSALS_MAX: usize = 1_000;

/// Checks payloads against schemas from one source or several, which are asked in their order.
/// Clones share their memory.
///
/// ```
/// use muster_schema::{Payload, SchemaFormat};
/// use muster_validator::{
///     BundledSchemas, LocalSchema, PayloadValidator, ValidatorOptions, local_bundle,
/// };
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let size = LocalSchema::new(SchemaFormat::JsonSchema, r#"{"type": "integer"}"#);
/// let local = BundledSchemas::new(local_bundle([("size".to_owned(), size)])?, "local")?;
/// let validator = PayloadValidator::new(vec![Box::new(local)], ValidatorOptions::default());
/// let checked = validator.check("size", Payload::Json(&"large".into()), None).await?;
/// assert!(!checked.valid);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PayloadValidator {
    inner: Arc<Inner>,
}

struct Inner {
    sources: Vec<RestingSource>,
    options: ValidatorOptions,
    kept: KeptSchemas,
    /// What isn't there or can't be used, with the end of that.
    refusals: Guarded<HashMap<String, (Instant, UncheckedPayload)>>,
    /// One request at a time for each name.
    fetching: Guarded<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    checks: AtomicU64,
    hits: AtomicU64,
}

struct RestingSource {
    source: Box<dyn ValidatorSource>,
    rest: Guarded<Rest>,
}

/// How a validator is doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidatorStatus {
    /// The compiled schemas in memory.
    pub schemas: usize,
    /// Their memory in bytes, as it is estimated.
    pub bytes: usize,
    /// How many went because there was no room.
    pub evictions: u64,
    /// The checks that were asked for.
    pub checks: u64,
    /// Those that found their schema in memory.
    pub hits: u64,
    /// The sources, in their order.
    pub sources: Vec<SourceStatus>,
}

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// What it is called.
    pub place: String,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Why the last request failed; none if it didn't.
    pub last_error: Option<String>,
}

/// A schema to check with, and whether it may be old.
type Usable = (Arc<ReadySchema>, bool);

impl PayloadValidator {
    /// A validator with the schemas of these sources.
    #[must_use]
    pub fn new(sources: Vec<Box<dyn ValidatorSource>>, options: ValidatorOptions) -> Self {
        let resting = |source| RestingSource { source, rest: Guarded::default() };
        let kept = KeptSchemas::new(options.schemas_max, options.bytes_max);
        Self {
            inner: Arc::new(Inner {
                sources: sources.into_iter().map(resting).collect(),
                options,
                kept,
                refusals: Guarded::default(),
                fetching: Guarded::default(),
                checks: AtomicU64::new(0),
                hits: AtomicU64::new(0),
            }),
        }
    }

    /// Checks a payload against a schema or one of its versions, such as
    /// `schemagroups/shop/schemas/order`, and returns all violations. `message` names the message of
    /// a Protobuf schema; without it, its first one is meant.
    ///
    /// # Errors
    /// See [`UncheckedPayload`].
    pub async fn check(
        &self,
        schema: &str,
        payload: Payload<'_>,
        message: Option<&str>,
    ) -> Result<CheckedPayload, UncheckedPayload> {
        checked(self.usable(schema).await?, payload, message)
    }

    /// As [`PayloadValidator::check`], with what is in memory and without waiting. An old schema
    /// counts, and is refreshed in the background.
    ///
    /// # Errors
    /// See [`UncheckedPayload`]; `NotReady` if it isn't in memory.
    pub fn check_in_memory(
        &self,
        schema: &str,
        payload: Payload<'_>,
        message: Option<&str>,
    ) -> Result<CheckedPayload, UncheckedPayload> {
        let name = key_of(schema);
        let Some(kept) = self.inner.kept.find(&name) else {
            return Err(UncheckedPayload::NotReady { name: schema.to_owned() });
        };
        self.inner.count(true);
        let age = kept.age();
        if age != Age::Fresh {
            self.refresh(&name, &kept);
        }
        checked((kept.ready.clone(), kept.is_old || age == Age::Old), payload, message)
    }

    /// Whether a schema is in memory and fresh, so that a check needn't wait.
    #[must_use]
    pub fn is_ready(&self, schema: &str) -> bool {
        let kept = self.inner.kept.find(&key_of(schema));
        self.inner.options.cache_enabled && kept.is_some_and(|kept| kept.age() != Age::Old)
    }

    /// Fetches and compiles a schema, before it is needed.
    ///
    /// # Errors
    /// See [`UncheckedPayload`].
    pub async fn prepare(&self, schema: &str) -> Result<(), UncheckedPayload> {
        self.usable(schema).await.map(|_| ())
    }

    /// Fetches and compiles schemas, and says how many. One that can't be used is an error at once,
    /// unless all are meant: then it is left out, as its name says when it is used.
    ///
    /// # Errors
    /// See [`UncheckedPayload`].
    pub async fn precompile(&self, which: &Precompile) -> Result<usize, UncheckedPayload> {
        let names = match which {
            Precompile::Nothing => return Ok(0),
            Precompile::Named(names) => {
                for name in names {
                    self.prepare(name).await?;
                }
                return Ok(names.len());
            }
            Precompile::All => self.names().await,
        };
        let mut count = 0;
        for name in names.iter().take(self.inner.options.schemas_max) {
            if self.prepare(&name.to_string()).await.is_ok() {
                count += 1;
            }
        }
        Ok(count)
    }

    /// The names of the schemas of all sources that can be asked, without versions.
    pub async fn names(&self) -> Vec<Xid> {
        let mut all = Vec::new();
        for one in &self.inner.sources {
            let asked = timeout(self.inner.options.timeout, one.source.names()).await;
            match asked {
                Ok(Ok(names)) => all.extend(names),
                Ok(Err(error)) => one.rest.lock().failed(error.to_string()),
                Err(_) => one.rest.lock().failed(one.takes_too_long()),
            }
        }
        all.sort();
        all.dedup();
        all
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> ValidatorStatus {
        let (schemas, bytes, evictions) = self.inner.kept.counts();
        let source = |one: &RestingSource| {
            let Rest { failures, last_error, .. } = one.rest.lock().clone();
            let place = one.source.place().to_owned();
            SourceStatus { place, consecutive_failures: failures, last_error }
        };
        ValidatorStatus {
            schemas,
            bytes,
            evictions,
            checks: self.inner.checks.load(Ordering::Relaxed),
            hits: self.inner.hits.load(Ordering::Relaxed),
            sources: self.inner.sources.iter().map(source).collect(),
        }
    }

    /// Forgets what is in memory.
    pub fn clear(&self) {
        self.inner.kept.clear();
        self.inner.refusals.lock().clear();
    }

    async fn usable(&self, schema: &str) -> Result<Usable, UncheckedPayload> {
        let (name, options) = (key_of(schema), &self.inner.options);
        if let Some(kept) = self.inner.kept.find(&name).filter(|_| options.cache_enabled) {
            let age = kept.age();
            let is_usable =
                age != Age::Old || kept.is_old_by_less_than(options.stale_while_revalidate);
            if age != Age::Fresh && is_usable {
                self.refresh(&name, &kept);
            }
            if is_usable {
                self.inner.count(true);
                return Ok((kept.ready.clone(), kept.is_old || age == Age::Old));
            }
        }
        self.inner.count(false);
        self.inner.fetch(&name, Instant::now()).await
    }

    /// Asks for a schema again in the background, if nobody does.
    fn refresh(&self, name: &str, kept: &Arc<KeptSchema>) {
        let runtime = self.inner.options.runtime.clone();
        let Some(runtime) = runtime.or_else(|| Handle::try_current().ok()) else { return };
        if self.inner.is_resting() || kept.is_refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let (inner, name, kept) = (self.inner.clone(), name.to_owned(), kept.clone());
        runtime.spawn(async move {
            // Whoever asks next finds the old one, and why it is old in the status.
            let _ = inner.fetch(&name, Instant::now()).await;
            kept.is_refreshing.store(false, Ordering::Release);
        });
    }
}

impl Inner {
    fn count(&self, is_hit: bool) {
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.hits.fetch_add(u64::from(is_hit), Ordering::Relaxed);
    }

    /// Whether no source would be asked now.
    fn is_resting(&self) -> bool {
        self.sources.iter().all(|one| one.rest.lock().is_resting())
    }

    /// Asks the sources for a schema. One asks at a time, and the others use what it found.
    async fn fetch(&self, name: &str, asked: Instant) -> Result<Usable, UncheckedPayload> {
        let xid = xid_of(name)?;
        let turn = self.fetching.lock().entry(name.to_owned()).or_default().clone();
        let held = turn.lock().await;
        let found = match self.found_meanwhile(name, asked) {
            Some(found) => found,
            None => self.ask(name, &xid).await,
        };
        drop(held);
        // Whoever waits has a copy of the turn.
        self.fetching.lock().retain(|other, one| other != name || Arc::strong_count(one) > 2);
        found
    }

    fn found_meanwhile(
        &self,
        name: &str,
        asked: Instant,
    ) -> Option<Result<Usable, UncheckedPayload>> {
        if let Some(kept) = self.kept.find(name).filter(|_| self.options.cache_enabled)
            && kept.confirmed.is_none_or(|confirmed| confirmed >= asked)
        {
            return Some(Ok((kept.ready.clone(), kept.is_old)));
        }
        let refusals = self.refusals.lock();
        let (until, refusal) = refusals.get(name)?;
        (*until > Instant::now() && self.kept.find(name).is_none()).then(|| Err(refusal.clone()))
    }

    async fn ask(&self, name: &str, xid: &Xid) -> Result<Usable, UncheckedPayload> {
        let mut failure = None;
        for one in &self.sources {
            match self.ask_one(one, xid).await {
                Ok(Some(found)) => {
                    let life = self.life(one, failure.is_some() || found.is_old);
                    match self.compiled(name, &found).await {
                        Ok(ready) => return Ok(self.keep(name, ready, life, found.is_old)),
                        Err(refusal) => return self.refused(name, refusal),
                    }
                }
                Ok(None) => {}
                Err(why) => failure = Some(why),
            }
        }
        let Some(why) = failure else {
            self.kept.forget(name);
            return self.refused(name, UncheckedPayload::Unknown { schema: xid.clone() });
        };
        match self.kept.find(name) {
            Some(old) => Ok((old.ready.clone(), true)),
            None => Err(UncheckedPayload::Unreachable { schema: xid.clone(), why }),
        }
    }

    /// How long a schema counts that a source gave; none: for ever. For a moment, if what should
    /// have been asked couldn't be.
    fn life(&self, one: &RestingSource, is_unconfirmed: bool) -> Option<Duration> {
        match (is_unconfirmed, one.source.is_fixed()) {
            (true, _) => Some(SHORT_LIFE.min(self.options.cache_ttl)),
            (false, true) => None,
            (false, false) => Some(self.options.cache_ttl),
        }
    }

    async fn ask_one(
        &self,
        one: &RestingSource,
        xid: &Xid,
    ) -> Result<Option<SchemaClosure>, String> {
        if one.rest.lock().is_resting() {
            return Err(one.rest.lock().last_error.clone().unwrap_or_default());
        }
        let asked = timeout(self.options.timeout, one.source.find(xid)).await;
        let found = match asked {
            Ok(Ok(found)) => {
                one.rest.lock().succeeded();
                return Ok(found);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => one.takes_too_long(),
        };
        one.rest.lock().failed(found.clone());
        Err(found)
    }

    /// A schema, compiled unless it is the one that is kept.
    async fn compiled(
        &self,
        name: &str,
        found: &SchemaClosure,
    ) -> Result<Arc<ReadySchema>, UncheckedPayload> {
        if let Some(kept) = self.kept.find(name).filter(|kept| kept.ready.digest == found.digest) {
            return Ok(kept.ready.clone());
        }
        let closure = found.clone();
        let refused = |why| UncheckedPayload::Schema { schema: found.version.clone(), why };
        // A large one takes longer than others should wait.
        let compiled = tokio::task::spawn_blocking(move || {
            closure.schemas.compile(&closure.version).map_err(|error| error.to_string())
        });
        let compiled = compiled.await.map_err(|error| refused(error.to_string()))?;
        let compiled = compiled.map_err(refused)?;
        let version = found.version.id().map(ToString::to_string).unwrap_or_default();
        Ok(Arc::new(ReadySchema {
            compiled: compiled.schema,
            schema: found.version.resource().unwrap_or_else(|| found.version.clone()),
            version,
            digest: found.digest,
            text_bytes: compiled.text_bytes,
        }))
    }

    fn keep(
        &self,
        name: &str,
        ready: Arc<ReadySchema>,
        life: Option<Duration>,
        is_old: bool,
    ) -> Usable {
        self.kept.keep(name, KeptSchema::new(ready.clone(), life, is_old));
        self.refusals.lock().remove(name);
        (ready, is_old)
    }

    /// Remembers a refusal for a moment. An older version that can be used goes on being used where
    /// the newest one can't.
    fn refused(&self, name: &str, refusal: UncheckedPayload) -> Result<Usable, UncheckedPayload> {
        if let Some(old) = self.kept.find(name) {
            return Ok((old.ready.clone(), true));
        }
        let mut refusals = self.refusals.lock();
        if refusals.len() >= REFUSALS_MAX {
            refusals.clear();
        }
        let until = Instant::now() + SHORT_LIFE.min(self.options.cache_ttl);
        refusals.insert(name.to_owned(), (until, refusal.clone()));
        Err(refusal)
    }
}

impl RestingSource {
    fn takes_too_long(&self) -> String {
        format!("{} takes too long", self.source.place())
    }
}

fn checked(
    (ready, is_stale): Usable,
    payload: Payload<'_>,
    message: Option<&str>,
) -> Result<CheckedPayload, UncheckedPayload> {
    let violations = ready.compiled.check(payload, message)?;
    let valid = !violations.iter().any(Violation::is_error);
    let (schema, version) = (ready.schema.clone(), ready.version.clone());
    Ok(CheckedPayload { valid, violations, schema, version, is_stale })
}

/// The name under which a schema is kept: that of a local one is short for its xid.
fn key_of(schema: &str) -> Cow<'_, str> {
    let name = plain(schema);
    if name.starts_with("schemagroups/") {
        return name.into();
    }
    match schema_xid(name) {
        Ok(xid) => plain(&xid.to_string()).to_owned().into(),
        Err(_) => name.into(),
    }
}

/// People write a name with or without the first `/`.
fn plain(schema: &str) -> &str {
    schema.strip_prefix('/').unwrap_or(schema)
}

/// The xid of a schema. A name of another form is one of the local group.
fn xid_of(name: &str) -> Result<Xid, UncheckedPayload> {
    let why = match schema_xid(name) {
        Ok(xid @ (Xid::Resource { .. } | Xid::Version { .. })) => return Ok(xid),
        Ok(_) => "it names no schema; write schemagroups/<group>/schemas/<schema>".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(UncheckedPayload::Name { name: name.chars().take(200).collect(), why })
}

#[cfg(test)]
mod tests;
