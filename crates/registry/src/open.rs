//! Opening: the recovery path, which is the path of every start.

use std::{num::NonZeroU32, sync::Arc};

use muster_catalog::{
    Catalog, Content,
    apply::{ApplyError, Facts, Recorded},
    changes::{Change, ChangeError, RegistryOpened, RegistryWritten},
    decide::{Decision, revived},
    references::targets_of_bytes,
    state::{Bindings, Subtree},
};
use muster_journal::{AppendError, Batch, Ledger, LedgerReader, ReadError};
use muster_ledger::{ChainFault, Entry, Head, Tree, Walk};
use muster_model::{Foundation, Model, ModelFault};
use muster_words::{ContentRef, Id, Position, Xid, json};
use serde_json::Value;
use thiserror::Error;

use crate::{
    CheckpointError, Genesis, Origin, Registry, Settings, SubmitError,
    parts::{self, Stamped},
    registry::Heart,
    writer::{self, Writer},
};

/// Entries that are read at once while a ledger is replayed.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2_047);

/// Bytes of contents that a replay holds at once.
const CONTENT_BYTES_AT_ONCE: u64 = 32 * 1024 * 1024;

/// The format version of what a ledger holds.
const FORMAT: u32 = 1;

/// Why a registry can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The ledger is empty and nobody said that a new one may begin.
    #[error("the ledger is empty")]
    Empty,
    /// The ledger can't be read.
    #[error("the ledger can't be read")]
    Read(#[from] ReadError),
    /// The ledger can't be written.
    #[error("the ledger can't be written")]
    Append(#[from] AppendError),
    /// The chain doesn't hold.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A change doesn't decode.
    #[error("position {position}: {source}")]
    Change {
        /// The entry.
        position: Position,
        /// What is wrong with it.
        source: ChangeError,
    },
    /// A change doesn't fit what is there.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The stored model doesn't compile.
    #[error("the stored model doesn't compile: {0}")]
    Model(ModelFault),
    /// A newer release wrote the ledger.
    #[error("the ledger has format {0}, and this release reads up to {FORMAT}")]
    Format(u32),
    /// The file beside the ledger doesn't agree with it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl From<OpenError> for SubmitError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Read(error) => error.into(),
            OpenError::Chain(fault) => Self::Corrupt(fault.position()),
            OpenError::Change { position, .. } => Self::Corrupt(position),
            OpenError::Apply(error) => Self::Corrupt(error.position),
            _ => Self::Unavailable,
        }
    }
}

impl Registry {
    /// Opens a ledger: walks and folds all of it, checks it against the checkpoint's file, and
    /// starts the writer.
    ///
    /// # Errors
    /// See [`OpenError`]; each names the position where something is wrong.
    pub async fn open(ledger: Arc<dyn Ledger>, settings: Settings) -> Result<Self, OpenError> {
        if ledger.head().await?.position == Position::ZERO {
            let genesis = settings.genesis.as_ref().ok_or(OpenError::Empty)?;
            begin(&*ledger, &settings, genesis).await?;
        }
        let mut folder = Folder::begin(ledger.clone(), settings.foundation)?;
        folder.run().await?;
        if let Some(file) = &settings.checkpoint {
            let leaves = Leaves::of(&folder.ledger);
            file.check(&folder.catalog.id, &folder.tree, &leaves).await?;
        }
        purge_again(&*ledger, folder.head, &folder.purges).await?;
        let (queue, inbox) = writer::queue();
        let heart = Arc::new(Heart::new(ledger.clone(), settings, folder.catalog, queue));
        let writer = Writer::new(heart.clone(), inbox, ledger, (folder.head, folder.tree));
        writer::watch_over(heart.clone(), tokio::spawn(writer.run()));
        Ok(Self { heart })
    }
}

/// The leaves of a ledger, as who compares it with an older checkpoint needs them.
pub(crate) struct Leaves<'a> {
    ledger: &'a Arc<dyn LedgerReader>,
}

impl<'a> Leaves<'a> {
    /// The leaves of a ledger.
    pub(crate) const fn of(ledger: &'a Arc<dyn LedgerReader>) -> Self {
        Self { ledger }
    }

    /// The tree of the first entries.
    pub(crate) async fn tree(&self, size: u64) -> Result<Tree, ReadError> {
        let mut tree = Tree::default();
        let mut after = Position::ZERO;
        while tree.size() < size {
            let left = u32::try_from(size - tree.size()).unwrap_or(u32::MAX);
            let limit = NonZeroU32::new(left).map_or(PAGE, |left| left.min(PAGE));
            let leaves = self.ledger.leaves(after, limit).await?;
            if leaves.is_empty() {
                break;
            }
            for leaf in leaves {
                tree.append(leaf);
                after = after.next();
            }
        }
        Ok(tree)
    }
}

/// Appends the first entry.
async fn begin(
    ledger: &dyn Ledger,
    settings: &Settings,
    genesis: &Genesis,
) -> Result<(), OpenError> {
    let now = (settings.clock.now)();
    let opened = RegistryOpened {
        registry: genesis.registry.clone(),
        ledger: "changes".to_owned(),
        format: FORMAT,
    };
    let written = RegistryWritten { attributes: None, epoch: 1, created: now, modified: now };
    let decision = Decision {
        changes: vec![Change::RegistryOpened(opened), Change::RegistryWritten(written)],
        ..Decision::default()
    };
    let origin = Origin { actor: genesis.actor.clone(), ..Origin::default() };
    let stamped = Stamped {
        command: (settings.clock.command_id)(),
        moment: now,
        origin: &origin,
        idempotency: None,
    };
    let Ok(written) = parts::write(&stamped, &decision, Head::EMPTY) else {
        return Err(AppendError::TooLarge.into());
    };
    let batch = Batch { entries: written.entries, contents: written.contents, purges: Vec::new() };
    ledger.append(Head::EMPTY, &batch).await?;
    Ok(())
}

/// Repeats the purges that a crash may have cut off: a content of a purged name that still
/// answers is erased now.
async fn purge_again(
    ledger: &dyn Ledger,
    head: Head,
    purges: &[ContentRef],
) -> Result<(), OpenError> {
    let found = ledger.contents(purges).await?;
    let left: Vec<ContentRef> = purges
        .iter()
        .zip(found)
        .filter(|(_, bytes)| bytes.is_some())
        .map(|(content, _)| *content)
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    tracing::warn!(contents = left.len(), "erasing again what a purge had left");
    ledger.append(head, &Batch { purges: left, ..Batch::default() }).await?;
    Ok(())
}

/// Folds entries into a catalog, page by page.
pub(crate) struct Folder {
    ledger: Arc<dyn LedgerReader>,
    foundation: Foundation,
    pub catalog: Catalog,
    pub head: Head,
    pub tree: Tree,
    /// The newest model in what is folded: all facts are of it.
    model: Option<Arc<Model>>,
    purges: Vec<ContentRef>,
}

impl Folder {
    /// Begins with an empty catalog.
    pub(crate) fn begin(
        ledger: Arc<dyn LedgerReader>,
        foundation: Foundation,
    ) -> Result<Self, OpenError> {
        let model = Model::compile(&Value::Object(json::Map::new()), foundation)
            .map_err(OpenError::Model)?;
        let catalog = Catalog::empty(Arc::new(model));
        let (head, tree) = (Head::EMPTY, Tree::default());
        Ok(Self { ledger, foundation, catalog, head, tree, model: None, purges: Vec::new() })
    }

    /// Goes on behind a catalog.
    pub(crate) fn resume(self, catalog: Catalog, head: Head, tree: Tree) -> Self {
        Self { catalog, head, tree, ..self }
    }

    /// The contents that the folded entries erased.
    pub(crate) fn purges(&self) -> &[ContentRef] {
        &self.purges
    }

    /// Folds everything behind the head.
    pub(crate) async fn run(&mut self) -> Result<(), OpenError> {
        self.run_to(None).await
    }

    /// Folds what lies behind the head, up to a position at which a command ends.
    pub(crate) async fn run_to(&mut self, end: Option<Position>) -> Result<(), OpenError> {
        self.model = self.newest_model(end).await?;
        let mut walk = Walk::new(self.head);
        let mut command: Vec<Entry> = Vec::new();
        loop {
            let mut page = self.ledger.read(walk.head().position, PAGE).await?;
            page.retain(|bytes| end.is_none_or(|end| bytes.position <= end));
            if page.is_empty() {
                break;
            }
            let mut commands = Vec::new();
            for bytes in &page {
                command.push(walk.step(bytes)?);
                self.tree.append(walk.head().hash);
                if walk.is_between_commands() {
                    commands.push(recorded(std::mem::take(&mut command))?);
                }
            }
            self.fold(commands).await?;
        }
        self.head = walk.end()?;
        Ok(())
    }

    /// The last model that the entries bring, up to a position, compiled.
    pub(crate) async fn newest_model(
        &self,
        end: Option<Position>,
    ) -> Result<Option<Arc<Model>>, OpenError> {
        let mut after = self.head.position;
        let mut newest = None;
        loop {
            let mut page = self.ledger.read(after, PAGE).await?;
            page.retain(|bytes| end.is_none_or(|end| bytes.position <= end));
            let Some(last) = page.last() else { break };
            after = last.position;
            for bytes in &page {
                let Ok(entry) = bytes.decode() else { continue };
                for record in &entry.changes {
                    if let Ok(change @ Change::ModelWritten(_)) =
                        Change::decode(record.kind, &record.body)
                    {
                        newest =
                            change.contents().next().map(|named| named.resolve(bytes.position));
                    }
                }
            }
        }
        let Some(content) = newest else { return Ok(None) };
        let source = self.ledger.contents(&[content.reference()]).await?.pop().flatten();
        let source = source.and_then(|bytes| json::parse(&bytes).ok()).unwrap_or_default();
        let model = Model::compile(&source, self.foundation).map_err(OpenError::Model)?;
        Ok(Some(Arc::new(model)))
    }

    fn model(&self) -> &Arc<Model> {
        self.model.as_ref().unwrap_or(&self.catalog.model)
    }

    async fn fold(&mut self, commands: Vec<Recorded>) -> Result<(), OpenError> {
        let model = self.model().clone();
        let wanted = wanted(&model, &commands);
        let mut learned = vec![Facts::default(); commands.len()];
        let mut left = wanted.as_slice();
        while !left.is_empty() {
            let (piece, rest) = left.split_at(piece(left));
            let names: Vec<ContentRef> =
                piece.iter().map(|(_, content)| content.reference()).collect();
            for ((wanted, _), bytes) in piece.iter().zip(self.ledger.contents(&names).await?) {
                if let Some(facts) = learned.get_mut(wanted.command) {
                    wanted.what.learn(&model, bytes.as_deref(), facts);
                }
            }
            left = rest;
        }
        for (command, mut facts) in commands.iter().zip(learned) {
            facts.model = Some(model.clone());
            self.learn_restored(command, &mut facts);
            let effects = self.catalog.apply(command, &facts)?;
            self.purges.extend(effects.purges);
            self.head.position = command.stamp().position;
        }
        Ok(())
    }

    /// What a restore brings back has the facts that it was hidden with.
    fn learn_restored(&self, command: &Recorded, facts: &mut Facts) {
        for change in command.parts.iter().flat_map(|(_, changes)| changes) {
            let Change::Restored(restored) = change else { continue };
            let name = restored.xid.to_string();
            let Some(hidden) = self.catalog.hidden.get(name.as_str()) else { continue };
            for (xid, version) in revived(&restored.xid, hidden) {
                facts.references.insert(xid, version.references.clone());
            }
            if let Subtree::Group(group) = &hidden.what {
                facts.bindings.insert(restored.xid.clone(), group.own.bindings.clone());
            }
        }
    }
}

/// How many contents to read at once: at least one, and no more bytes than are worth holding.
fn piece(wanted: &[(Wanted, Content)]) -> usize {
    let mut bytes = 0_u64;
    let fits = wanted.iter().take_while(|(_, content)| {
        bytes += u64::from(content.size);
        bytes <= CONTENT_BYTES_AT_ONCE
    });
    fits.count().max(1)
}

/// A content that facts are made of.
struct Wanted {
    /// Which command of the page names it.
    command: usize,
    what: What,
}

enum What {
    Bindings(Xid),
    References(Xid),
    Capabilities,
}

impl What {
    fn learn(&self, model: &Model, bytes: Option<&[u8]>, facts: &mut Facts) {
        let Some(bytes) = bytes else { return };
        match self {
            Self::Bindings(xid) => {
                let Ok(Value::Object(map)) = json::parse(bytes) else { return };
                let Xid::Group { groups, .. } = xid else { return };
                let Some(kind) = model.group_type(groups.as_str()) else { return };
                if let Ok(bindings) = Bindings::read(xid, kind, &map) {
                    facts.bindings.insert(xid.clone(), Arc::new(bindings));
                }
            }
            Self::References(xid) => {
                let Some(kind) = kind_of(model, xid) else { return };
                facts.references.insert(xid.clone(), targets_of_bytes(&kind.aspect, bytes));
            }
            Self::Capabilities => {
                facts.capabilities = json::parse(bytes).ok().map(Arc::new);
            }
        }
    }
}

fn kind_of<'a>(model: &'a Model, xid: &Xid) -> Option<&'a Arc<muster_model::ResourceType>> {
    let collection = xid.collection()?;
    let resources: Id = collection.resources?;
    model.resource_type(collection.groups.as_str(), resources.as_str())
}

fn wanted(model: &Model, commands: &[Recorded]) -> Vec<(Wanted, Content)> {
    let mut found = Vec::new();
    for (command, recorded) in commands.iter().enumerate() {
        for (position, changes) in &recorded.parts {
            for change in changes {
                let (what, named) = match change {
                    Change::GroupWritten(body) => {
                        (What::Bindings(body.group.clone()), body.attributes)
                    }
                    Change::VersionWritten(body)
                        if kind_of(model, &body.version)
                            .is_some_and(|kind| !kind.aspect.references.is_empty()) =>
                    {
                        (What::References(body.version.clone()), body.document)
                    }
                    Change::CapabilitiesWritten(body) => {
                        (What::Capabilities, Some(body.capabilities))
                    }
                    _ => continue,
                };
                if let Some(named) = named {
                    found.push((Wanted { command, what }, named.resolve(*position)));
                }
            }
        }
    }
    found
}

/// The parts of a command as the catalog folds them.
fn recorded(entries: Vec<Entry>) -> Result<Recorded, OpenError> {
    let mut command = Recorded {
        moment: muster_words::Moment::EPOCH,
        tag: [0; 4],
        idempotency: None,
        parts: Vec::with_capacity(entries.len()),
    };
    for entry in entries {
        let [a, b, c, d, ..] = entry.command.0;
        command.tag = [a, b, c, d];
        command.moment = entry.moment;
        command.idempotency = entry.idempotency.map(|own| (own.key, own.request));
        let position = entry.position;
        let mut changes = Vec::with_capacity(entry.changes.len());
        for record in &entry.changes {
            match Change::decode(record.kind, &record.body) {
                Ok(change) => changes.push(change),
                Err(ChangeError::Unknown(_)) if record.skippable => {}
                Err(source) => return Err(OpenError::Change { position, source }),
            }
        }
        if let Some(Change::RegistryOpened(opened)) = changes.first()
            && opened.format > FORMAT
        {
            return Err(OpenError::Format(opened.format));
        }
        command.parts.push((position, changes));
    }
    Ok(command)
}
