//! Lifts facts from contents ahead of the fold, on separate threads.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
    thread::available_parallelism,
};

use muster_catalog::{
    Content,
    apply::{CommandFacts, RecordedCommand},
    changes::{Change, ContentName, VersionWritten},
    facts::VersionFacts,
    index::terms_of_labels,
    registration::is_schema,
    schema_settings::settings_in,
    state::Bindings,
};
use muster_journal::LedgerReader;
use muster_model::{Model, ResourceType};
use muster_words::{ContentRef, Notation, Xid, json};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{LongWork, OpenError};

/// The most bytes of contents that a replay holds at once.
const CONTENT_BYTES_AT_ONCE: u64 = 32 * 1024 * 1024;

/// Work that runs ahead, on as many threads as there are processors. Results come in the order of
/// the starts.
pub(super) struct InFlight<T> {
    running: VecDeque<JoinHandle<Result<T, OpenError>>>,
    threads: Arc<LongWork>,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { running: VecDeque::new(), threads: Arc::default() }
    }
}

impl<T: Send + 'static> InFlight<T> {
    /// Whether a result must be taken before more work may start.
    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= processors()
    }

    pub(super) fn begin(
        &mut self,
        action: impl Future<Output = Result<T, OpenError>> + Send + 'static,
    ) {
        let threads = self.threads.clone();
        self.running.push_back(tokio::spawn(async move { threads.run(action).await }));
    }

    /// The oldest result; none if nothing runs.
    pub(super) async fn next(&mut self) -> Result<Option<T>, OpenError> {
        let Some(oldest) = self.running.pop_front() else { return Ok(None) };
        match oldest.await {
            Ok(done) => done.map(Some),
            Err(lost) => match lost.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, so nobody waits for this result.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl<T> Drop for InFlight<T> {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

fn processors() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Lifts the facts that a fold needs from contents.
pub(super) struct Lifter {
    ledger: Arc<dyn LedgerReader>,
    /// The model in force.
    model: Arc<Model>,
}

/// A kind of fact.
enum Fact {
    Bindings(Xid),
    Settings(Xid),
    Version(Xid, Notation),
    Labels(Xid),
    Capabilities,
}

impl Lifter {
    pub(super) fn new(ledger: Arc<dyn LedgerReader>, model: Arc<Model>) -> Self {
        Self { ledger, model }
    }

    /// Whether facts are lifted from any contents of these commands.
    pub(super) fn lifts_from(&self, commands: &[RecordedCommand]) -> bool {
        commands.iter().any(|command| self.named_by(command).next().is_some())
    }

    /// Lifts facts from all contents of commands.
    pub(super) async fn commands(
        &self,
        commands: Vec<RecordedCommand>,
    ) -> Result<Vec<(RecordedCommand, CommandFacts)>, OpenError> {
        let mut wanted = Vec::new();
        for (index, command) in commands.iter().enumerate() {
            wanted.extend(self.named_by(command).map(|(fact, content)| ((index, fact), content)));
        }
        let mut lifted = vec![CommandFacts::default(); commands.len()];
        self.read(&wanted, |(index, fact), bytes| {
            if let Some(facts) = lifted.get_mut(*index) {
                self.lift(fact, bytes, facts);
            }
        })
        .await?;
        Ok(commands.into_iter().zip(lifted).collect())
    }

    /// Lifts facts from the documents of versions.
    pub(super) async fn versions(
        &self,
        documents: Vec<(Xid, Content, Notation)>,
    ) -> Result<BTreeMap<Xid, VersionFacts>, OpenError> {
        let names = documents.iter().map(|(xid, ..)| xid.clone());
        let mut lifted: BTreeMap<_, _> = names.map(|xid| (xid, VersionFacts::default())).collect();
        let wanted = documents.into_iter().filter(|(xid, ..)| self.lifts(xid));
        let wanted: Vec<_> =
            wanted.map(|(xid, content, notation)| ((xid, notation), content)).collect();
        self.read(&wanted, |(xid, notation), bytes| {
            if let Some(kind) = self.type_of(xid) {
                lifted.insert(xid.clone(), VersionFacts::of(kind, xid, *notation, bytes));
            }
        })
        .await?;
        Ok(lifted)
    }

    /// Reads contents in batches; purged ones are skipped.
    async fn read<W: Sync>(
        &self,
        wanted: &[(W, Content)],
        mut take: impl FnMut(&W, &[u8]),
    ) -> Result<(), OpenError> {
        let mut left = wanted;
        while !left.is_empty() {
            let (piece, rest) = left.split_at(piece(left));
            let names: Vec<ContentRef> = piece.iter().map(|(_, c)| c.reference()).collect();
            let found = self.ledger.contents(&names).await?;
            for ((wanted, _), bytes) in piece.iter().zip(found) {
                if let Some(bytes) = bytes {
                    take(wanted, &bytes);
                }
            }
            left = rest;
        }
        Ok(())
    }

    /// The contents of a command from which facts are lifted.
    fn named_by<'a>(
        &'a self,
        command: &'a RecordedCommand,
    ) -> impl Iterator<Item = (Fact, Content)> + 'a {
        let all = command
            .parts
            .iter()
            .flat_map(|(position, changes)| changes.iter().map(move |change| (*position, change)));
        all.flat_map(|(position, change)| {
            let both = match change {
                Change::GroupWritten(body) => {
                    [Some((Fact::Bindings(body.group.clone()), body.attributes)), None]
                }
                Change::RegistryWritten(body) => {
                    [Some((Fact::Settings(Xid::Registry), body.attributes)), None]
                }
                Change::MetaWritten(body) if is_schema(&body.resource) => {
                    [Some((Fact::Settings(body.resource.clone()), body.attributes)), None]
                }
                Change::VersionWritten(body) => self.named_by_version(body),
                Change::CapabilitiesWritten(body) => {
                    [Some((Fact::Capabilities, Some(body.capabilities))), None]
                }
                _ => [None, None],
            };
            let named = both.into_iter().flatten();
            named.filter_map(move |(fact, named)| Some((fact, named?.resolve(position))))
        })
    }

    fn named_by_version(&self, body: &VersionWritten) -> [Option<(Fact, Option<ContentName>)>; 2] {
        let notation = Notation::of(body.content_type.as_deref());
        let version = Fact::Version(body.version.clone(), notation);
        let document = self.lifts(&body.version).then_some((version, body.document));
        // Attributes that stay have the labels that the fold knows.
        let attributes = body.attributes.filter(|named| named.at.is_none());
        let labels = attributes.map(|named| (Fact::Labels(body.version.clone()), Some(named)));
        [document, labels]
    }

    fn lift(&self, fact: &Fact, bytes: &[u8], facts: &mut CommandFacts) {
        match fact {
            Fact::Bindings(xid) => {
                let Ok(Value::Object(map)) = json::parse(bytes) else { return };
                let Xid::Group { groups, .. } = xid else { return };
                let Some(kind) = self.model.group_type(groups.as_str()) else { return };
                if let Ok(bindings) = Bindings::read(xid, kind, &map) {
                    facts.bindings.insert(xid.clone(), Arc::new(bindings));
                }
            }
            Fact::Settings(xid) => {
                let Ok(Value::Object(map)) = json::parse(bytes) else { return };
                let level = match xid {
                    Xid::Registry => Some(self.model.registry()),
                    _ => self.type_of(xid).map(|kind| &kind.meta_attributes),
                };
                let settings = level.and_then(|level| settings_in(level, &map));
                facts.settings.extend(settings.map(|own| (xid.clone(), own)));
            }
            Fact::Version(xid, notation) => {
                let Some(kind) = self.type_of(xid) else { return };
                let lifted = VersionFacts::of(kind, xid, *notation, bytes);
                facts.versions.insert(xid.clone(), lifted);
            }
            Fact::Labels(xid) => {
                let Ok(Value::Object(map)) = json::parse(bytes) else { return };
                let labels = terms_of_labels(&map);
                if !labels.is_empty() {
                    facts.labels.insert(xid.clone(), labels);
                }
            }
            Fact::Capabilities => facts.capabilities = json::parse(bytes).ok().map(Arc::new),
        }
    }

    fn lifts(&self, xid: &Xid) -> bool {
        self.type_of(xid).is_some_and(|kind| VersionFacts::are_lifted(kind))
    }

    fn type_of(&self, xid: &Xid) -> Option<&Arc<ResourceType>> {
        let collection = xid.collection()?;
        self.model.resource_type(collection.groups.as_str(), collection.resources?.as_str())
    }
}

/// The number of contents in the next batch: at least one, limited by their bytes.
fn piece<W>(wanted: &[(W, Content)]) -> usize {
    let bytes_max = CONTENT_BYTES_AT_ONCE / processors() as u64;
    let mut bytes = 0_u64;
    let fits = wanted.iter().take_while(|(_, content)| {
        bytes += u64::from(content.size);
        bytes <= bytes_max
    });
    fits.count().max(1)
}
