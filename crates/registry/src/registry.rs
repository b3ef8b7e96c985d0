use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use muster_catalog::{
    Catalog, Content, Refusal, View,
    changes::Change,
    command::{Action, Authority, Command, Plan, PlannedDocument, Target, WriteBody},
    decide::{AnswerSubject, PreparedAction},
    judge::parsed_schema,
    tree::DocumentPart,
};
use muster_guard::{Principal, authorize_command, check_route};
use muster_journal::LedgerReader;
use muster_schema::{FormattedSchema, SchemaContext, SchemaFormat, Violation};
use muster_words::{
    ContentRef, Moment, Position, Xid,
    json::{self, Map, Value},
    limits::{BODY_BYTES_MAX, PREPARE_ROUNDS_MAX, WAITING_BYTES_MAX},
};
use parking_lot::RwLock;
use tokio::sync::{RwLock as Gate, watch};

use crate::{
    CheckpointFile, DocumentRefused, Done, FetchError, RegistrySettings, SubmitError,
    attended::attended,
    cache::{ContentCache, Fetched, ReadStart, size_of_map},
    long_work::{LongWork, SHORT_BYTES_MAX},
    prepare::Compiled,
    recent::WriteLatency,
    ring::CommandRing,
    tree_hashes::TreeHashes,
    turns::Turns,
    validations::ValidationTally,
    writer,
};

/// How long the ledger may take to answer a read, plus a time for each content, because a hard disk
/// needs some milliseconds to seek.
pub(crate) const READ_TIME: Duration = Duration::from_secs(30);
const READ_TIME_EACH: Duration = Duration::from_millis(10);

/// Who and what caused a command.
#[derive(Clone, Debug)]
pub struct CommandOrigin {
    /// The author: the guard checks its permissions, and entries hold its opaque id.
    pub principal: Arc<Principal>,
    /// The request's id.
    pub request: Option<String>,
    /// The trace of the request.
    pub trace: Option<String>,
}

impl CommandOrigin {
    /// A command of the registry's owner, without a request.
    #[must_use]
    pub fn of_owner() -> Self {
        Self { principal: Arc::new(Principal::owner()), request: None, trace: None }
    }
}

/// An open registry. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<RegistryInner>,
}

pub(crate) struct RegistryInner {
    pub ledger: Arc<dyn LedgerReader>,
    pub settings: RegistrySettings,
    pub contents: ContentCache,
    pub compiled: Compiled,
    pub turns: Turns,
    pub long_work: Arc<LongWork>,
    /// A change of the model closes it; everything else passes through.
    pub gate: Gate<()>,
    /// The newest catalog. Everything in it is durable.
    catalog: RwLock<Arc<Catalog>>,
    /// The newest position, for callers that wait for one.
    pub position: watch::Sender<Position>,
    pub queue: writer::Queue,
    /// The total size of waiting bodies, in bytes.
    pub waiting_bytes: AtomicUsize,
    pub writes: AtomicU64,
    /// Whether the writer has waited for the ledger longer than its callers wait.
    pub in_doubt: AtomicBool,
    /// The latencies of recent writes.
    pub recent: WriteLatency,
    /// The validations since the start.
    pub validations: ValidationTally,
    /// The newest commands, for followers.
    pub ring: CommandRing,
    /// The position of the first content that was found lost.
    pub lost: OnceLock<Position>,
    /// The hashes from which proofs and tiles are made.
    pub hashes: TreeHashes,
}

impl RegistryInner {
    pub(crate) fn new(
        ledger: Arc<dyn LedgerReader>,
        settings: RegistrySettings,
        catalog: Catalog,
        queue: writer::Queue,
        hashes: TreeHashes,
    ) -> Self {
        let position = watch::Sender::new(catalog.position());
        let contents = ContentCache::new(settings.cache_bytes);
        Self {
            ledger,
            settings,
            contents,
            compiled: Compiled::default(),
            turns: Turns::default(),
            long_work: Arc::default(),
            gate: Gate::new(()),
            catalog: RwLock::new(Arc::new(catalog)),
            position,
            queue,
            waiting_bytes: AtomicUsize::new(0),
            writes: AtomicU64::new(0),
            in_doubt: AtomicBool::new(false),
            recent: WriteLatency::default(),
            validations: ValidationTally::default(),
            ring: CommandRing::default(),
            lost: OnceLock::new(),
            hashes,
        }
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.read().clone()
    }

    pub(crate) fn publish(&self, catalog: Arc<Catalog>) {
        let position = catalog.position();
        // The old catalog is dropped after the lock: its last owner frees what a whole batch
        // replaced, and no reader may wait for that.
        let old = std::mem::replace(&mut *self.catalog.write(), catalog);
        self.position.send_replace(position);
        drop(old);
    }
}

/// The size of a waiting command. It is subtracted again when this is dropped.
struct Weight<'a>(&'a AtomicUsize, usize);

impl Drop for Weight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

impl Registry {
    /// The newest view.
    #[must_use]
    pub fn view(&self) -> View {
        View::newest(self.inner.catalog())
    }

    /// The newest catalog, for decisions and for comparisons of all of it.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog()
    }

    /// Reads a schema for a question about it, or finds it among those that were read lately.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parsed_schema(
        &self,
        format: SchemaFormat,
        bytes: &[u8],
        context: &SchemaContext<'_>,
    ) -> Result<Arc<FormattedSchema>, Vec<Violation>> {
        parsed_schema(&self.inner.compiled, format, bytes, context)
    }

    /// The time of the registry's clock.
    #[must_use]
    pub fn now(&self) -> Moment {
        (self.inner.settings.clock.now)()
    }

    /// Waits until the view has reached a position.
    pub async fn reached(&self, position: Position) -> View {
        let mut newest = self.inner.position.subscribe();
        // The sender lives as long as this handle, so waiting can't fail.
        let _ = newest.wait_for(|reached| *reached >= position).await;
        self.view()
    }

    /// Watches the newest position.
    #[must_use]
    pub fn positions(&self) -> watch::Receiver<Position> {
        self.inner.position.subscribe()
    }

    /// Executes a command. After `Ok`, it is durable in the ledger.
    ///
    /// The command continues if the caller stops waiting.
    ///
    /// # Errors
    /// See [`SubmitError`].
    pub async fn submit(&self, command: Command, by: &CommandOrigin) -> Result<Done, SubmitError> {
        let weight = weight(&command);
        let before = self.inner.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        if before + weight > WAITING_BYTES_MAX {
            self.inner.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            return Err(SubmitError::Busy);
        }
        let inner = self.inner.clone();
        let by = by.clone();
        let running = attended(async move {
            let _weight = Weight(&inner.waiting_bytes, weight);
            let began = Instant::now();
            let done = inner.run(command, by).await;
            if done.is_ok() {
                inner.recent.count(began.elapsed());
            }
            done
        });
        running.await.unwrap_or(Err(SubmitError::Fault))
    }

    /// The bytes of several contents; None for purged ones.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn contents(&self, wanted: &[Content]) -> Result<Vec<Option<Bytes>>, FetchError> {
        self.inner.fetch(wanted).await
    }

    /// The attributes in several contents; those of purged contents are empty.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn attributes(
        &self,
        wanted: &[Content],
    ) -> Result<Vec<Arc<Map<String, Value>>>, FetchError> {
        self.inner.maps(wanted).await
    }

    /// The record of an API key.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn record(&self, content: &Content) -> Result<Option<Bytes>, FetchError> {
        Ok(self.inner.fetch(std::slice::from_ref(content)).await?.pop().flatten())
    }

    /// Whether commands are refused because the result of an append is unknown.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.inner.in_doubt.load(Ordering::Relaxed)
    }

    /// Whether a command would be accepted now: the ledger answers, and no append is in doubt.
    pub async fn is_answering(&self) -> bool {
        !self.is_in_doubt() && self.inner.ledger.head().await.is_ok()
    }

    /// The turns for commands that use a processor for long.
    #[must_use]
    pub fn long_work(&self) -> &Arc<LongWork> {
        &self.inner.long_work
    }

    /// The checkpoint file, if there is one.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Arc<CheckpointFile>> {
        self.inner.settings.checkpoint.as_ref()
    }

    /// Accepts no more commands, finishes the waiting ones, and writes the last checkpoint.
    pub async fn close(&self) {
        self.inner.queue.close().await;
    }
}

/// The memory that a waiting command takes, in bytes.
pub(crate) fn weight(command: &Command) -> usize {
    match &command.action {
        Action::Write(write) => match &write.body {
            WriteBody::Document(document) => document.bytes.len() + 512,
            WriteBody::Tree(map) => {
                usize::try_from(size_of_map(map)).unwrap_or(usize::MAX).saturating_add(512)
            }
        },
        Action::Apply(plan) => weight_of_plan(plan),
        // Its documents are read when it is prepared, up to this size.
        Action::Rollback(_) => BODY_BYTES_MAX,
        Action::RegisterSchemas(schemas) => schemas.len().saturating_mul(512),
        _ => 512,
    }
}

fn weight_of_plan(plan: &Plan) -> usize {
    let of_map = |map: &Map<String, Value>| usize::try_from(size_of_map(map)).unwrap_or(usize::MAX);
    let of_document = |one: &PlannedDocument| {
        one.bytes.as_ref().map_or(0, Bytes::len) + of_map(&one.attributes) + 512
    };
    let model = plan.model.as_ref().and_then(Value::as_object).map_or(0, of_map);
    let groups: usize = plan.groups.iter().map(|(_, attributes)| of_map(attributes) + 512).sum();
    let documents: usize = plan.documents.iter().map(of_document).sum();
    model + groups + documents + plan.deleted.len() * 128 + 512
}

/// The entity whose turn a command takes if it can't be decided at once.
fn target(command: &Command) -> Xid {
    match &command.action {
        Action::Write(write) => of_target(&write.target),
        Action::Delete(delete) => of_target(&delete.target),
        Action::Restore(xid) => xid.resource().unwrap_or_else(|| xid.clone()),
        Action::Apply(_)
        | Action::Rollback(_)
        | Action::CreateKey { .. }
        | Action::RevokeKey { .. }
        | Action::ForgetKey { .. }
        | Action::RegisterSchemas(_) => Xid::Registry,
    }
}

fn of_target(target: &Target) -> Xid {
    match target {
        Target::Entity(xid) => xid.resource().unwrap_or_else(|| xid.clone()),
        Target::Versions(xid) => xid.clone(),
        Target::Resources { group, .. } => group.clone(),
        Target::Groups(_) | Target::Model | Target::Capabilities => Xid::Registry,
    }
}

impl RegistryInner {
    async fn run(&self, command: Command, by: CommandOrigin) -> Result<Done, SubmitError> {
        let authority = authorize_command(&by.principal, &command)?;
        let within = authority.within.clone();
        let done = self.run_behind_gate(&command, &authority, &by).await;
        let done = done.map_err(|error| match (error, within) {
            (SubmitError::Refused(refusal), Some(within)) => {
                SubmitError::Refused(refusal.seen_within(&within))
            }
            (error, _) => error,
        });
        self.as_answered_first(done?).await
    }

    /// Does the command behind the gate, which is let go at the end.
    async fn run_behind_gate(
        &self,
        command: &Command,
        authority: &Authority,
        by: &CommandOrigin,
    ) -> Result<Done, SubmitError> {
        if needs_gate(command) {
            let _closed = self.gate.write().await;
            return self.prepare_and_write(command, authority, by).await;
        }
        let _open = self.gate.read().await;
        self.prepare_and_write(command, authority, by).await
    }

    /// Prepares the command and hands it to the writer, again where what it depends on changed. From
    /// the second round on it holds its target's turn.
    async fn prepare_and_write(
        &self,
        command: &Command,
        authority: &Authority,
        by: &CommandOrigin,
    ) -> Result<Done, SubmitError> {
        let mut turn = None;
        let mut fetched = Fetched::new();
        for round in 0..PREPARE_ROUNDS_MAX {
            if round == 1 {
                turn = Some(self.turns.take(&target(command)).await?);
            }
            let view = self.catalog();
            let asked = (command, authority);
            let preparing = self.prepare(&view, asked, fetched.clone(), round > 0);
            let ready = if weight(command) > SHORT_BYTES_MAX {
                self.long_work.run(Box::pin(preparing)).await?
            } else {
                preparing.await?
            };
            self.check_named(&by.principal, &ready.prepared.action)?;
            self.check_documents(&View::newest(view.clone()), &ready.prepared.action)?;
            match self.queue.decide(ready, by.clone()).await? {
                writer::Reply::Done(done) => return Ok(*done),
                writer::Reply::Again(missing) => {
                    // They travel with the command, because the cache may have no room for them.
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                }
            }
        }
        drop(turn);
        Err(SubmitError::Contended)
    }

    /// Checks that the author of a command may name what its documents name: secrets, and what
    /// routes select. This is the one
    /// place for it: every way to write a document leads here.
    fn check_named(&self, by: &Principal, action: &PreparedAction) -> Result<(), SubmitError> {
        let PreparedAction::Write(write) = action else { return Ok(()) };
        for (resource, version) in write.tree.versions() {
            if let DocumentPart::Bytes(document) = &version.document {
                self.settings.secrets.check_document(by, resource, &document.bytes)?;
                check_route(by, resource, &document.bytes)?;
            }
        }
        Ok(())
    }

    /// Checks documents that the server acts on; whoever acts on them says what must hold.
    fn check_documents(&self, view: &View, action: &PreparedAction) -> Result<(), SubmitError> {
        let PreparedAction::Write(write) = action else { return Ok(()) };
        for (resource, version) in write.tree.versions() {
            let DocumentPart::Bytes(document) = &version.document else { continue };
            for check in &self.settings.checks {
                check.check(view, resource, &document.bytes).map_err(|refused| match refused {
                    DocumentRefused::Wrong(found) => {
                        SubmitError::Refused(Refusal::invalid_document(resource, found))
                    }
                    DocumentRefused::NameTaken(existing) => SubmitError::NameTaken {
                        resource: Box::new(resource.clone()),
                        existing: Box::new(existing),
                    },
                })?;
            }
        }
        Ok(())
    }

    /// Gives a repetition what the first answer showed: the view at the end of its command, and its
    /// members. With the present view, its entity tag would let the client overwrite changes that
    /// it never saw.
    async fn as_answered_first(&self, mut done: Done) -> Result<Done, SubmitError> {
        if !done.repeat {
            return Ok(done);
        }
        let reading = async {
            let bounds = self.bounds_at(done.position).await?;
            let has_members = matches!(done.shows, AnswerSubject::Members(_));
            let changes = match has_members {
                true => self.command_at(done.position).await?.changes,
                false => Vec::new(),
            };
            Ok::<_, FetchError>((bounds, changes))
        };
        let read = tokio::time::timeout(READ_TIME, reading).await.unwrap_or_else(|_| {
            tracing::error!("the ledger didn't answer a read");
            Err(FetchError::TimedOut)
        });
        let (bounds, changes) = read?;
        done.view = done.view.back_to(bounds.stamp(), bounds.entry.moment);
        if let AnswerSubject::Members(members) = &mut done.shows {
            for (_, change) in changes {
                if let Change::Answered(answered) = change {
                    members.extend(answered.members);
                }
            }
        }
        Ok(done)
    }

    /// Reads contents from the ledger, with a time limit: the caller may hold a turn, or the gate
    /// that a change of the model waits for.
    async fn read(&self, names: &[ContentRef]) -> Result<Vec<Option<Bytes>>, FetchError> {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let time = READ_TIME + READ_TIME_EACH.saturating_mul(count);
        match tokio::time::timeout(time, self.ledger.contents(names)).await {
            Ok(read) => Ok(read?),
            Err(_) => {
                tracing::error!(count, "the ledger didn't answer a read");
                Err(FetchError::TimedOut)
            }
        }
    }

    pub(crate) async fn fetch(&self, wanted: &[Content]) -> Result<Vec<Option<Bytes>>, FetchError> {
        let names: Vec<ContentRef> = wanted.iter().map(Content::reference).collect();
        self.fetch_named(&names).await
    }

    /// The bytes of contents, from the cache or from the ledger; None for purged ones.
    pub(crate) async fn fetch_named(
        &self,
        wanted: &[ContentRef],
    ) -> Result<Vec<Option<Bytes>>, FetchError> {
        let found = wanted.iter().map(|name| self.contents.raw(*name)).collect();
        self.completed(wanted, found, |reading, name, bytes| {
            if let Some(bytes) = &bytes {
                self.contents.keep_read_raw(reading, name, bytes.clone());
            }
            Ok(bytes)
        })
        .await
    }

    /// What was found in memory, completed by what the ledger holds.
    async fn completed<T: Send>(
        &self,
        names: &[ContentRef],
        mut found: Vec<Option<T>>,
        keep: impl Fn(ReadStart, ContentRef, Option<Bytes>) -> Result<Option<T>, FetchError> + Send,
    ) -> Result<Vec<Option<T>>, FetchError> {
        let absent: Vec<usize> = (0..names.len()).filter(|index| found[*index].is_none()).collect();
        if absent.is_empty() {
            return Ok(found);
        }
        let names: Vec<ContentRef> = absent.iter().map(|index| names[*index]).collect();
        let reading = self.contents.begin();
        let read = self.read(&names).await?;
        let gone = names.iter().zip(&read).filter(|(_, bytes)| bytes.is_none());
        let gone: Vec<ContentRef> = gone.map(|(name, _)| *name).collect();
        self.check_purged(&gone).await?;
        for ((index, name), bytes) in absent.into_iter().zip(names).zip(read) {
            found[index] = keep(reading, name, bytes)?;
        }
        Ok(found)
    }

    pub(crate) async fn maps(
        &self,
        wanted: &[Content],
    ) -> Result<Vec<Arc<Map<String, Value>>>, FetchError> {
        let names: Vec<ContentRef> = wanted.iter().map(Content::reference).collect();
        let found = names.iter().map(|name| self.contents.map(*name)).collect();
        let found = self.completed(&names, found, |reading, name, bytes| {
            let map = Arc::new(parsed(name.position, bytes)?);
            self.contents.keep_read_map(reading, name, map.clone());
            Ok(Some(map))
        });
        Ok(found.await?.into_iter().map(Option::unwrap_or_default).collect())
    }
}

fn parsed(position: Position, bytes: Option<Bytes>) -> Result<Map<String, Value>, FetchError> {
    let Some(bytes) = bytes else { return Ok(Map::new()) };
    match json::parse(&bytes) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(FetchError::Corrupt(position)),
    }
}

/// Whether a command needs the gate for itself: it changes the model, which all documents are
/// checked with, or it compares everything at a place with the past.
pub(crate) fn needs_gate(command: &Command) -> bool {
    let write = match &command.action {
        Action::Rollback(_) => return true,
        Action::Write(write) => write,
        Action::Apply(plan) => return plan.model.is_some(),
        _ => return false,
    };
    match (&write.target, &write.body) {
        (Target::Model, _) => true,
        (Target::Entity(Xid::Registry), WriteBody::Tree(map)) => map.contains_key("modelsource"),
        _ => false,
    }
}
