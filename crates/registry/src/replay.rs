//! Replay: folds a ledger's entries into a catalog, at every start and whenever another writer has
//! appended.
//!
//! Entries are read once and folded in order. Facts are lifted from documents ahead of the fold, a
//! few pages at a time, with the model in force at that position. If a later model lifts other
//! facts, the documents of its types are lifted again at the end.

mod lifting;

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use muster_catalog::{
    Catalog, Content,
    apply::{CommandFacts, RecordedCommand},
    changes::{Change, ChangeError, ModelWritten},
    decide::revived,
    facts::{VersionFacts, changed_types},
    state::Subtree,
};
use muster_history::changes_in;
use muster_journal::LedgerReader;
use muster_ledger::{ChainWalk, Entry, Head, MerkleTree, tree::FullSubtrees};
use muster_model::{Foundation, Model, ModelFault};
use muster_words::{Collection, ContentRef, Moment, Notation, Position, Xid, json};
use serde_json::Value;

use self::lifting::{InFlight, Lifter};
use crate::OpenError;

/// Entries per read.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_023);

/// Folds a ledger's entries into a catalog.
pub(crate) struct Replay {
    pub ledger: Arc<dyn LedgerReader>,
    foundation: Foundation,
    pub catalog: Catalog,
    pub head: Head,
    pub tree: MerkleTree,
    /// The roots of full subtrees, if the replay began at the first entry.
    pub subtrees: FullSubtrees,
    /// Types whose references a model changed, with the position of the last such change.
    changed: BTreeMap<Collection, Position>,
    /// Why the newest model doesn't compile.
    fault: Option<ModelFault>,
    purges: Vec<ContentRef>,
}

/// Commands that wait for the fold, each with its lifted facts.
type Lifted = Vec<(RecordedCommand, CommandFacts)>;

impl Replay {
    /// Starts with an empty catalog.
    pub(crate) fn begin(
        ledger: Arc<dyn LedgerReader>,
        foundation: Foundation,
    ) -> Result<Self, OpenError> {
        let model = Model::compile(&Value::Object(json::Map::new()), foundation)
            .map_err(OpenError::Model)?;
        Ok(Self {
            ledger,
            foundation,
            catalog: Catalog::empty(Arc::new(model)),
            head: Head::EMPTY,
            tree: MerkleTree::default(),
            subtrees: FullSubtrees::default(),
            changed: BTreeMap::new(),
            fault: None,
            purges: Vec::new(),
        })
    }

    /// Continues after a catalog.
    pub(crate) fn resume(self, catalog: Catalog, head: Head, tree: MerkleTree) -> Self {
        Self { catalog, head, tree, ..self }
    }

    /// The contents that the folded entries purged.
    pub(crate) fn purges(&self) -> &[ContentRef] {
        &self.purges
    }

    /// Folds everything after the head.
    pub(crate) async fn run(&mut self) -> Result<(), OpenError> {
        self.run_to(None).await
    }

    /// Folds everything after the head, up to a position at which a command ends.
    pub(crate) async fn run_to(&mut self, end: Option<Position>) -> Result<(), OpenError> {
        let mut walk = ChainWalk::new(self.head);
        let mut ahead = InFlight::default();
        let mut command = Vec::new();
        loop {
            let commands = match self.page(&mut walk, end, &mut command).await {
                Ok(Some(commands)) => commands,
                Ok(None) => break,
                Err(fault) => {
                    // If the fold finds an earlier fault, that one is reported.
                    self.fold_all(&mut ahead).await?;
                    return Err(fault);
                }
            };
            self.take(commands, &mut ahead).await?;
        }
        self.fold_all(&mut ahead).await?;
        self.head = walk.end()?;
        self.lift_again().await?;
        self.fault.take().map_or(Ok(()), |fault| Err(OpenError::Model(fault)))
    }

    /// Reads the next page; none at the end. Returns the commands that end in it, and keeps the
    /// entries of an incomplete one.
    async fn page(
        &mut self,
        walk: &mut ChainWalk,
        end: Option<Position>,
        command: &mut Vec<Entry>,
    ) -> Result<Option<Vec<Vec<Entry>>>, OpenError> {
        let mut page = self.ledger.read(walk.head().position, PAGE).await?;
        page.retain(|bytes| end.is_none_or(|end| bytes.position <= end));
        let mut commands = Vec::new();
        for bytes in &page {
            command.push(walk.step(bytes)?);
            let Self { tree, subtrees, .. } = &mut *self;
            tree.append_noting(walk.head().hash, |height, root| subtrees.note(height, root));
            if walk.is_between_commands() {
                commands.push(std::mem::take(command));
            }
        }
        Ok((!page.is_empty()).then_some(commands))
    }

    /// Queues commands for the fold. After a command that writes a model, nothing is lifted until
    /// that command is folded.
    async fn take(
        &mut self,
        commands: Vec<Vec<Entry>>,
        ahead: &mut InFlight<Lifted>,
    ) -> Result<(), OpenError> {
        let mut between = Vec::new();
        for command in commands {
            if writes_model(&command) {
                self.lift(std::mem::take(&mut between), ahead).await?;
                self.fold_all(ahead).await?;
                self.fold_model(command).await?;
            } else {
                between.push(command);
            }
        }
        self.lift(between, ahead).await
    }

    /// Starts to lift facts from commands, once there is room.
    async fn lift(
        &mut self,
        commands: Vec<Vec<Entry>>,
        ahead: &mut InFlight<Lifted>,
    ) -> Result<(), OpenError> {
        // Decoded here and not where it is lifted: what the catalog keeps of it must not lie
        // between what the lifting threads throw away, or their memory stays half empty.
        let commands = commands.into_iter().map(recorded).collect::<Result<Vec<_>, _>>()?;
        let lifter = self.lifter();
        if !lifter.lifts_from(&commands) {
            self.fold_all(ahead).await?;
            return self
                .fold(commands.into_iter().map(|c| (c, CommandFacts::default())).collect())
                .await;
        }
        if ahead.is_full()
            && let Some(lifted) = ahead.next().await?
        {
            self.fold(lifted).await?;
        }
        ahead.begin(async move { lifter.commands(commands).await });
        Ok(())
    }

    async fn fold_all(&mut self, ahead: &mut InFlight<Lifted>) -> Result<(), OpenError> {
        while let Some(lifted) = ahead.next().await? {
            self.fold(lifted).await?;
        }
        Ok(())
    }

    async fn fold(&mut self, lifted: Lifted) -> Result<(), OpenError> {
        for (command, mut facts) in lifted {
            self.lift_restored(&command, &mut facts).await?;
            let effects = self.catalog.apply(&command, &facts)?;
            self.purges.extend(effects.purges);
        }
        Ok(())
    }

    /// Folds a command that writes a model. Its own documents are lifted with that model.
    async fn fold_model(&mut self, entries: Vec<Entry>) -> Result<(), OpenError> {
        let command = recorded(entries)?;
        let model = self.model_of(&command).await?;
        let position = command.stamp().position;
        let changed: Vec<Collection> = changed_types(&self.catalog.model, &model).collect();
        let (at_once, later): (Vec<_>, Vec<_>) = changed
            .into_iter()
            .partition(|collection| reindexed(&self.catalog.model, &model, collection));
        self.changed.extend(later.into_iter().map(|collection| (collection, position)));
        let lifter = Lifter::new(self.ledger.clone(), model.clone());
        let mut lifted = lifter.commands(vec![command]).await?;
        for (_, facts) in &mut lifted {
            facts.model = Some(model.clone());
        }
        self.fold(lifted).await?;
        for collection in at_once {
            // Views between here and a later change of a document search by these facts, too.
            self.changed.remove(&collection);
            let documents = self.catalog.documents_before(&collection, position);
            self.lift_documents(documents).await?;
        }
        Ok(())
    }

    /// The compiled model of a command. A model that doesn't compile any more is an error only if
    /// it is the newest; until then, the previous one stays in force.
    async fn model_of(&mut self, command: &RecordedCommand) -> Result<Arc<Model>, OpenError> {
        let Some(content) = model_source(command) else { return Ok(self.catalog.model.clone()) };
        let source = self.ledger.contents(&[content.reference()]).await?.pop().flatten();
        let source = source.and_then(|bytes| json::parse(&bytes).ok()).unwrap_or_default();
        match Model::compile(&source, self.foundation) {
            Ok(model) => {
                self.fault = None;
                Ok(Arc::new(model))
            }
            Err(fault) => {
                self.fault = Some(fault);
                Ok(self.catalog.model.clone())
            }
        }
    }

    /// Restored documents keep the facts from before their deletion, unless the model has changed
    /// since: a new model doesn't lift deleted documents again.
    async fn lift_restored(
        &self,
        command: &RecordedCommand,
        facts: &mut CommandFacts,
    ) -> Result<(), OpenError> {
        let mut again = Vec::new();
        for change in command.parts.iter().flat_map(|(_, changes)| changes) {
            let Change::Restored(restored) = change else { continue };
            let name = restored.xid.to_string();
            let Some(hidden) = self.catalog.hidden.get(name.as_str()) else { continue };
            for (xid, version) in revived(&restored.xid, hidden) {
                match version.document {
                    Some(content) if version.stamp < self.catalog.model_stamp => {
                        let notation = Notation::of(version.content_type.as_deref());
                        again.push((xid, content, notation));
                    }
                    _ => {
                        facts.versions.insert(xid, version.facts.clone());
                    }
                }
            }
            if let Subtree::Group(group) = &hidden.what {
                facts.bindings.insert(restored.xid.clone(), group.own.bindings.clone());
            }
        }
        if !again.is_empty() {
            facts.versions.extend(self.lifter().versions(again).await?);
        }
        Ok(())
    }

    /// Lifts documents again if a later model lifts other facts.
    async fn lift_again(&mut self) -> Result<(), OpenError> {
        let mut documents = Vec::new();
        for (collection, changed) in std::mem::take(&mut self.changed) {
            documents.extend(self.catalog.documents_before(&collection, changed));
        }
        self.lift_documents(documents).await
    }

    /// Lifts facts from documents with the model in force, and sets them.
    async fn lift_documents(
        &mut self,
        documents: Vec<(Xid, Content, Notation)>,
    ) -> Result<(), OpenError> {
        let mut ahead = InFlight::default();
        let mut left = documents.into_iter();
        loop {
            let documents: Vec<_> = left.by_ref().take(PAGE.get() as usize).collect();
            if documents.is_empty() {
                break;
            }
            if ahead.is_full()
                && let Some(lifted) = ahead.next().await?
            {
                self.catalog.refresh(&lifted);
            }
            let lifter = self.lifter();
            ahead.begin(async move { lifter.versions(documents).await });
        }
        while let Some(lifted) = ahead.next().await? {
            self.catalog.refresh(&lifted);
        }
        Ok(())
    }

    /// Lifts with the model in force at the fold's position.
    fn lifter(&self) -> Lifter {
        Lifter::new(self.ledger.clone(), self.catalog.model.clone())
    }
}

/// Whether a new model indexes other fields of a type.
fn reindexed(old: &Model, new: &Model, collection: &Collection) -> bool {
    let Some(resources) = &collection.resources else { return false };
    let find = |model: &Model| {
        model.resource_type(collection.groups.as_str(), resources.as_str()).cloned()
    };
    match (find(old), find(new)) {
        (Some(old), Some(new)) => !VersionFacts::are_indexed_alike(&old, &new),
        (old, new) => old.is_some() || new.is_some(),
    }
}

/// The source of the model that a command writes.
fn model_source(command: &RecordedCommand) -> Option<Content> {
    let mut sources = command.parts.iter().flat_map(|(position, changes)| {
        changes.iter().filter_map(|change| match change {
            Change::ModelWritten(body) => Some(body.source.resolve(*position)),
            _ => None,
        })
    });
    sources.next_back()
}

/// Whether a command writes a model.
fn writes_model(command: &[Entry]) -> bool {
    command.iter().flat_map(|entry| &entry.changes).any(|record| record.kind == ModelWritten::KIND)
}

/// The command in the form that the catalog folds.
fn recorded(entries: Vec<Entry>) -> Result<RecordedCommand, OpenError> {
    let mut command = RecordedCommand {
        moment: Moment::EPOCH,
        tag: [0; 4],
        actor: "".into(),
        idempotency: None,
        parts: Vec::with_capacity(entries.len()),
    };
    for entry in entries {
        command.tag = entry.command.tag();
        command.moment = entry.moment;
        command.actor = entry.actor.as_str().into();
        command.idempotency = entry.idempotency.map(|own| (own.key, own.request));
        let position = entry.position;
        let changes =
            changes_in(&entry).collect::<Result<_, _>>().map_err(|source| match source {
                ChangeError::Newer(format) => OpenError::Format(format),
                source => OpenError::Change { position, source },
            })?;
        command.parts.push((position, changes));
    }
    Ok(command)
}
