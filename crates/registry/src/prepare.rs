//! What is done with a command before its turn, on the caller's own thread and at a view: its
//! body is read with the model, its documents are parsed and checked against what binds them.
//! Nothing is decided here.

mod bindings;
mod compiled;
mod compliance;
mod documents;
mod model;

use std::{collections::BTreeMap, sync::Arc};

pub(crate) use compiled::Compiled;
use muster_catalog::{
    Catalog, Content, Refusal,
    command::{Action, Body, Command, Mode, NewModel, Target, Write},
    decide::{Prepared, RestoreWork, Work, WriteWork, revived},
    state::{Bindings, Subtree},
    tree::{self, GroupNode},
};
use muster_schema::Violation;
use muster_words::{Xid, json::Value};

use crate::{
    SubmitError,
    cache::Fetched,
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
            Work::Refused(Box::new(Refusal::new("idempotency_mismatch", "/")))
        } else {
            match self.work(view, command, &mut warnings).await {
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
        warnings: &mut Vec<Violation>,
    ) -> Result<Work, SubmitError> {
        Ok(match &command.action {
            Action::Write(write) => {
                let brings = self.brings(write, command)?;
                let mut tree = tree::read(write.clone(), &view.model, brings)?;
                if command.ignore.capabilities && tree.registry.is_some() {
                    tree.capabilities = None;
                }
                let references = match &tree.model {
                    Some(new) => self.check_model(view, new, &tree).await?,
                    None => BTreeMap::new(),
                };
                tree.bound = self.check_bindings(view, &tree).await?;
                self.check_documents(view, &mut tree, warnings).await?;
                let capabilities = tree.capabilities.clone().map(Arc::new);
                Work::Write(Box::new(WriteWork { tree, references, capabilities }))
            }
            Action::Delete(delete) => Work::Delete(delete.clone()),
            Action::Restore(xid) => Work::Restore(self.restore(view, xid, warnings).await?),
            Action::CreateKey { id, record } => {
                Work::CreateKey { id: id.clone(), record: record.clone() }
            }
            Action::RevokeKey { id } => Work::RevokeKey { id: id.clone() },
        })
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

/// The content that a document's name leads to at a view.
fn document_at(view: &Catalog, xid: &Xid) -> Option<Content> {
    view.version_at(xid)?.document
}
