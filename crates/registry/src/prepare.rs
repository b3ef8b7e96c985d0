//! What is done with a command before its turn, on the caller's own thread and at a view: its
//! body is read with the model, its documents are parsed and checked against what binds them.
//! Nothing is decided here.

mod bindings;
mod compiled;
mod compliance;
mod documents;
mod model;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use compiled::Compiled;
use muster_catalog::{
    Catalog, Content, Reason, Refusal,
    command::{Action, Body, Command, Mode, NewModel, Target, Write},
    decide::{Brought, Prepared, RestoreWork, Sight, Stop, Work, WriteWork, foresee, revived},
    state::{Bindings, Subtree},
    tree::{self, GroupNode, Tree},
};
use muster_schema::Violation;
use muster_words::{Xid, json::Value, limits::PREPARE_ROUNDS_MAX};

use crate::{
    SubmitError,
    cache::{Fetched, Hand},
    registry::{Heart, weight, writes_model},
    writer::Ready,
};

impl Heart {
    /// Prepares a command at a view.
    ///
    /// A refusal of a command that carries an idempotency key is handed to the writer: the
    /// command may be the repeat of one that was done.
    pub(crate) async fn prepare(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        fetched: Fetched,
        is_again: bool,
    ) -> Result<Ready, SubmitError> {
        let mut warnings = Vec::new();
        let answered = command.idempotency.is_some_and(|(key, _)| view.remembered(&key).is_some());
        let work = if answered {
            // What was answered is answered again, whatever the command would find now.
            Work::Refused(Box::new(Refusal::new("/", Reason::IdempotencyMismatch)))
        } else {
            match self.work(view, command, &fetched, is_again, &mut warnings).await {
                Ok(work) => work,
                Err(SubmitError::Refused(refusal)) if command.idempotency.is_some() => {
                    Work::Refused(refusal)
                }
                Err(error) => return Err(error),
            }
        };
        // Few commands make another version the default: only a second look is so thorough.
        let schemas = match is_again {
            true => self.schemas_of(view, &work).await?,
            false => BTreeMap::new(),
        };
        let prepared = Prepared {
            work,
            conditions: command.conditions.clone(),
            idempotency: command.idempotency,
            ignore: command.ignore,
            set_default: command.set_default.clone(),
            schemas,
        };
        Ok(Ready {
            prepared,
            warnings,
            fetched,
            model: view.model_stamp,
            at: writes_model(command).then(|| view.position()),
            weight: weight(command),
        })
    }

    async fn work(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        fetched: &Fetched,
        is_again: bool,
        warnings: &mut Vec<Violation>,
    ) -> Result<Work, SubmitError> {
        Ok(match &command.action {
            Action::Write(write) => {
                let brings = self.brings(write, command)?;
                let mut tree = tree::read(write.clone(), &view.model, brings)?;
                if command.ignore.capabilities && tree.registry.is_some() {
                    tree.capabilities = None;
                }
                let versions = match &tree.model {
                    Some(new) => self.check_model(view, new, &tree).await?,
                    None => BTreeMap::new(),
                };
                let capabilities = tree.capabilities.clone().map(Arc::new);
                let work = WriteWork { tree, versions, capabilities };
                Work::Write(Box::new(
                    self.judged(view, command, work, fetched, is_again, warnings).await?,
                ))
            }
            Action::Delete(delete) => Work::Delete(delete.clone()),
            Action::Restore(xid) => Work::Restore(self.restore(view, xid, warnings).await?),
            Action::CreateKey { id, record } => {
                Work::CreateKey { id: id.clone(), record: record.clone() }
            }
            Action::RevokeKey { id } => Work::RevokeKey { id: id.clone() },
        })
    }

    /// A write with what was found out about its documents, and about what it binds.
    ///
    /// A schema may stand on any document, through its `$ref`, and the writer judges by where names
    /// lead once the write is done. So a second look foresees that, and so does a first one that
    /// would refuse.
    async fn judged(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        mut work: WriteWork,
        fetched: &Fetched,
        is_again: bool,
        warnings: &mut Vec<Violation>,
    ) -> Result<WriteWork, SubmitError> {
        if !is_again && !brings_what_binds(view, &work.tree) {
            let refusal = match self.judge(view, None, &mut work, warnings).await {
                Ok(()) => return Ok(work),
                Err(SubmitError::Refused(refusal)) if stands_on_others(&refusal) => refusal,
                Err(error) => return Err(error),
            };
            warnings.clear();
            let (mut work, brought) = match self.foreseen(view, command, work, fetched).await {
                Ok((work, Some(brought))) => (work, brought),
                Ok((_, None)) | Err(SubmitError::Refused(_)) => {
                    return Err(SubmitError::Refused(refusal));
                }
                Err(error) => return Err(error),
            };
            self.judge(view, Some(&brought), &mut work, warnings).await?;
            return Ok(work);
        }
        let (mut work, brought) = self.foreseen(view, command, work, fetched).await?;
        self.judge(view, brought.as_ref(), &mut work, warnings).await?;
        Ok(work)
    }

    async fn judge(
        &self,
        view: &Arc<Catalog>,
        brought: Option<&Brought>,
        work: &mut WriteWork,
        warnings: &mut Vec<Violation>,
    ) -> Result<(), SubmitError> {
        let sight = Sight { view, brought };
        work.tree.bound = self.check_bindings(&sight, &work.tree).await?;
        self.check_documents(sight, &mut work.tree, warnings).await
    }

    /// Finds where names will lead once a write is done.
    async fn foreseen(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        work: WriteWork,
        fetched: &Fetched,
    ) -> Result<(WriteWork, Option<Brought>), SubmitError> {
        let mut fetched = fetched.clone();
        let prepared = Prepared {
            work: Work::Write(Box::new(work)),
            conditions: Vec::new(),
            idempotency: None,
            ignore: command.ignore,
            set_default: command.set_default.clone(),
            schemas: BTreeMap::new(),
        };
        // The writer's moment will be later, and is chosen like this one.
        let now = (self.settings.clock.now)().max(view.moment.next());
        let mut brought = None;
        for _ in 0..PREPARE_ROUNDS_MAX {
            let at_hand = Hand { cache: &self.contents, fetched: &fetched };
            match foresee(view, &at_hand, &prepared, now) {
                Ok(found) => brought = Some(found),
                Err(Stop::Missing(missing)) => {
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                    continue;
                }
                Err(Stop::Refused(refusal)) => return Err(SubmitError::Refused(refusal)),
                Err(Stop::Stale) => {}
            }
            break;
        }
        match prepared.work {
            Work::Write(work) => Ok((*work, brought)),
            _ => Err(SubmitError::Fault),
        }
    }

    /// The model that a write brings, compiled.
    fn brings(&self, write: &Write, command: &Command) -> Result<Option<NewModel>, SubmitError> {
        let Body::Tree(map) = &write.body else { return Ok(None) };
        let source = match &write.target {
            Target::Model => Some(Value::Object(map.clone())),
            Target::Entity(Xid::Registry) if !command.ignore.model_source => {
                map.get("modelsource").filter(|source| !source.is_null()).cloned()
            }
            _ => None,
        };
        source.map(|source| self.compile_model(&source)).transpose()
    }

    async fn restore(
        &self,
        view: &Arc<Catalog>,
        xid: &Xid,
        warnings: &mut Vec<Violation>,
    ) -> Result<RestoreWork, SubmitError> {
        let mut verdicts = BTreeMap::new();
        let Some(hidden) = view.hidden.get(xid.to_string().as_str()) else {
            return Ok(RestoreWork { xid: xid.clone(), of: None, verdicts });
        };
        let own = match &hidden.what {
            Subtree::Group(group) => Some(group.own.bindings.clone()),
            _ => view.group_at(xid).map(|group| group.own.bindings.clone()),
        };
        let comes_back = revived(xid, hidden);
        self.check_restored(view, xid, hidden).await?;
        let coming = comes_back.iter().filter_map(|(name, _)| name.resource()).collect();
        for (name, version) in comes_back {
            let Some(content) = version.document else { continue };
            let bytes = self.fetch(&[content]).await?.pop().flatten();
            let Some(bytes) = bytes else { continue };
            let content_type = version.content_type.as_deref();
            let own = own.as_deref();
            let verdict = self
                .check_one(view, &name, own, content_type, &bytes, Some(&coming), warnings)
                .await?;
            verdicts.insert(name, Arc::new(verdict));
        }
        Ok(RestoreWork { xid: xid.clone(), of: Some(hidden.stamp), verdicts })
    }
}

/// Whether a refusal may hang on documents besides the one that is refused.
fn stands_on_others(refusal: &Refusal) -> bool {
    matches!(
        *refusal.reason,
        Reason::InvalidDocument { .. }
            | Reason::BindingBroken { .. }
            | Reason::BindingMissing { .. }
    )
}

/// What binds the documents of a group that a command may write itself.
fn bindings_of(view: &Catalog, mode: Mode, node: &GroupNode) -> Option<Arc<Bindings>> {
    let xid = &node.xid;
    if let Some(sent) = &node.attributes
        && (sent.contains_key("muster") || mode != Mode::Patch)
    {
        return Bindings::read(xid, &node.kind, sent).ok().map(Arc::new);
    }
    view.group_at(xid).map(|group| group.own.bindings.clone())
}

/// Whether a write brings something that its documents, or what it binds, will most likely stand
/// on, so that the first look foresees it.
fn brings_what_binds(view: &Catalog, tree: &Tree) -> bool {
    let holds_own = |group: &GroupNode| {
        group.kind.built_in
            && matches!(group.kind.plural.as_str(), "schemagroups" | "rulegroups")
            && !group.resources.is_empty()
    };
    if tree.groups.iter().any(holds_own) {
        return true;
    }
    let nodes = || tree.groups.iter().flat_map(|group| &group.resources);
    let writes = |target: &Xid| {
        let resource = target.resource();
        tree.groups.iter().any(|group| group.xid == *target)
            || nodes().any(|node| Some(&node.xid) == resource.as_ref())
    };
    let of_groups = tree.groups.iter().filter_map(|group| bindings_of(view, tree.mode, group));
    let mut bound: BTreeSet<Xid> =
        of_groups.flat_map(|own| own.targets().cloned().collect::<Vec<_>>()).collect();
    let model = tree.model.iter().flat_map(|new| new.model.group_types());
    let of_model = model.flat_map(|group| group.resources.values());
    for kind in nodes().map(|node| &node.kind).chain(of_model) {
        bound.extend(kind.aspect.schema.iter().chain(&kind.aspect.rules).cloned());
    }
    bound.iter().any(writes)
}
