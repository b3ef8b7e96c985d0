//! Prepares a command before its turn, on the caller's own thread and with a view: reads its body
//! with the model, parses its documents, and checks them against their schemas and rules. Nothing
//! is decided here.

mod compiled;
mod compliance;
mod judging;
mod model;
mod restored;
mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) use compiled::Compiled;
pub(crate) use judging::{CommandView, UnstoredContents};
use muster_catalog::{
    Catalog, Reason, Refusal, View,
    capabilities::{Capabilities, ChangedMetadata, updated},
    command::{Action, Authority, Command, Mode, NewModel, Plan, Target, Write, WriteBody},
    decide::{
        PreparedAction, PreparedCommand, PreparedRestore, PreparedWrite, check_frozen,
        check_model_conditions,
    },
    tree::{self, WriteTree},
};
use muster_model::Foundation;
use muster_schema::Violation;
use muster_words::{Xid, json::Value};
pub use stored::StoredDocument;

use crate::{
    SubmitError,
    cache::Fetched,
    registry::{RegistryInner, needs_gate, weight},
    writer::ReadyCommand,
};

impl RegistryInner {
    /// Prepares a command with a view.
    ///
    /// A refused command with an idempotency key still goes to the writer, because it may repeat a
    /// command that was done before.
    pub(crate) async fn prepare(
        &self,
        view: &Arc<Catalog>,
        (command, authority): (&Command, &Authority),
        fetched: Fetched,
        is_again: bool,
    ) -> Result<ReadyCommand, SubmitError> {
        let answered = command.idempotency.is_some_and(|(key, _)| view.remembered(&key).is_some());
        let judged = if answered {
            // A repetition gets the first answer, whatever the command would give now.
            Err(Refusal::new("/", Reason::IdempotencyMismatch).into())
        } else {
            self.with_verdicts(view, (command, authority), &fetched, is_again).await
        };
        let (mut prepared, warnings) = match judged {
            Ok(judged) => judged,
            Err(SubmitError::Refused(refusal)) if command.idempotency.is_some() => {
                (prepared(command, PreparedAction::Refused(refusal)), Vec::new())
            }
            Err(error) => return Err(error),
        };
        prepared.authority = authority.clone();
        Ok(ReadyCommand {
            prepared,
            warnings,
            fetched,
            model: view.model_stamp,
            at: needs_gate(command).then(|| view.position()),
            weight: weight(command),
        })
    }

    /// The command with the judgements on its documents, and their warnings.
    async fn with_verdicts(
        &self,
        view: &Arc<Catalog>,
        (command, authority): (&Command, &Authority),
        fetched: &Fetched,
        is_again: bool,
    ) -> Result<(PreparedCommand, Vec<Violation>), SubmitError> {
        ChangedMetadata::of(command).check(view)?;
        let mut restored = None;
        let (action, mut warnings) = match &command.action {
            Action::Write(write) => {
                let action = self.read_write(view, command, write).await?;
                (PreparedAction::Write(Box::new(action)), Vec::new())
            }
            Action::Apply(plan) => {
                check_model_conditions(view, &command.conditions)?;
                self.read_plan(view, (command, plan), &mut restored).await?
            }
            Action::Delete(delete) => (PreparedAction::Delete(delete.clone()), Vec::new()),
            Action::Restore(xid) => {
                let asked =
                    PreparedRestore { xid: xid.clone(), of: None, verdicts: BTreeMap::new() };
                authority.check(view, &PreparedAction::Restore(asked))?;
                let (action, warnings) = self.restore(view, xid).await?;
                (PreparedAction::Restore(action), warnings)
            }
            Action::Rollback(rollback) => {
                let found = self.plan_rollback(view, rollback).await?;
                self.read_plan(view, (command, &found.plan), &mut restored).await?
            }
            Action::CreateKey { id, record, grant, rule } => {
                let (id, record) = (id.clone(), record.clone());
                let (grant, rule) = (*grant, *rule);
                (PreparedAction::CreateKey { id, record, grant, rule }, Vec::new())
            }
            Action::RevokeKey { id, rule } => {
                (PreparedAction::RevokeKey { id: id.clone(), rule: *rule }, Vec::new())
            }
            Action::ForgetKey { id } => (PreparedAction::ForgetKey { id: id.clone() }, Vec::new()),
            Action::RegisterSchemas(schemas) => {
                (PreparedAction::RegisterSchemas(schemas.clone()), Vec::new())
            }
        };
        // What a plan restores is there for the rest of it.
        let view = restored.as_ref().unwrap_or(view);
        // Checked first, because later checks could reveal what exists elsewhere.
        authority.check(view, &action)?;
        if let PreparedAction::Write(write) = &action {
            check_frozen(view, &write.tree)?;
        }
        let mut prepared = prepared(command, action);
        if let PreparedAction::Write(write) = &prepared.action
            && write.capabilities.is_some()
            && write.tree.mode == Mode::Patch
        {
            prepared.capabilities_over = Some(view.capabilities_stamp);
        }
        warnings.extend(self.judge_write(view, &mut prepared, fetched).await?);
        if is_again {
            self.judge_defaults(view, &mut prepared, fetched).await?;
        }
        Ok((prepared, warnings))
    }

    /// Reads a write with the model. Its documents are judged later.
    async fn read_write(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        write: &Write,
    ) -> Result<PreparedWrite, SubmitError> {
        if matches!(write.target, Target::Model) {
            check_model_conditions(view, &command.conditions)?;
        }
        let new_model = self.new_model(write, command)?;
        let mut tree = tree::read(write.clone(), &view.model, new_model)?;
        self.check_not_empty(view, &tree)?;
        tree.settle_media_types(view, command.succession);
        tree.schemas = command.schemas;
        if command.ignore.capabilities && tree.registry.is_some() {
            tree.capabilities = None;
        }
        let versions = match &tree.model {
            Some(new) => self.check_model(view, new, &tree).await?,
            None => BTreeMap::new(),
        };
        if let Some(sent) = &tree.capabilities {
            tree.capabilities = Some(self.capabilities(view, sent, write.mode)?);
        }
        let capabilities = tree.capabilities.clone().map(Arc::new);
        Ok(PreparedWrite { tree, versions, capabilities, restored: Vec::new() })
    }

    /// Reads a plan with the model, or with the one that it brings. If it restores something,
    /// `after` becomes the catalog after that.
    async fn read_plan(
        &self,
        view: &Arc<Catalog>,
        (command, plan): (&Command, &Plan),
        after: &mut Option<Arc<Catalog>>,
    ) -> Result<(PreparedAction, Vec<Violation>), SubmitError> {
        let (restored, warnings, catalog) = self.restore_names(view, command, plan).await?;
        let view = catalog.as_ref().unwrap_or(view);
        let new_model = plan.model.as_ref().map(|source| self.compile_model(source)).transpose()?;
        let tree = tree::read_plan(plan.clone(), &view.model, new_model)?;
        self.check_not_empty(view, &tree)?;
        let versions = match &tree.model {
            Some(new) => self.check_model(view, new, &tree).await?,
            None => BTreeMap::new(),
        };
        *after = catalog;
        let action = PreparedWrite { tree, versions, capabilities: None, restored };
        Ok((PreparedAction::Write(Box::new(action)), warnings))
    }

    /// A bare registry takes empty names, as the specification's reference server does.
    fn check_not_empty(&self, view: &Catalog, tree: &WriteTree) -> Result<(), Refusal> {
        match self.settings.foundation {
            Foundation::BuiltIn => tree.check_not_empty(&view.model),
            Foundation::Bare => Ok(()),
        }
    }

    /// All capabilities after a write of some.
    fn capabilities(
        &self,
        view: &Arc<Catalog>,
        sent: &Value,
        mode: Mode,
    ) -> Result<Value, SubmitError> {
        let foundation = self.settings.foundation;
        let current = Capabilities::of(&View::newest(view.clone()), foundation);
        let settled = updated(&current, sent, mode, foundation).map_err(Refusal::from)?;
        serde_json::to_value(settled).map_err(|_| SubmitError::Fault)
    }

    /// The compiled model, if the write brings one.
    fn new_model(&self, write: &Write, command: &Command) -> Result<Option<NewModel>, SubmitError> {
        let WriteBody::Tree(map) = &write.body else { return Ok(None) };
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
        view: &Catalog,
        xid: &Xid,
    ) -> Result<(PreparedRestore, Vec<Violation>), SubmitError> {
        let Some(hidden) = view.hidden.get(xid.to_string().as_str()) else {
            let action = PreparedRestore { xid: xid.clone(), of: None, verdicts: BTreeMap::new() };
            return Ok((action, Vec::new()));
        };
        self.check_restored(view, xid, hidden).await?;
        self.judge_restored(view, (xid, hidden), &BTreeSet::new()).await
    }
}

/// The prepared command, without judgements.
fn prepared(command: &Command, action: PreparedAction) -> PreparedCommand {
    PreparedCommand {
        action,
        conditions: command.conditions.clone(),
        idempotency: command.idempotency,
        ignore: command.ignore,
        set_default: command.set_default.clone(),
        succession: command.succession,
        stored: BTreeMap::new(),
        authority: Authority::default(),
        changed: ChangedMetadata::of(command),
        capabilities_over: None,
        message: command.message.clone(),
        sync: command.sync.clone(),
    }
}
