//! Decisions: how a command changes a catalog, or why it is refused.
//!
//! A decision is a function of the catalog, the prepared command and a moment only. The writer
//! decides with the tentative catalog, which includes all earlier decisions; preparing a command
//! may decide with a view, to refuse it early. A decision parses no document and compiles nothing.
//! Documents come with verdicts, and a verdict is valid only while its dependencies are unchanged.

mod answered;
mod attributes;
mod checked;
mod conditions;
mod delete;
mod draft;
mod emit;
mod group;
mod identifiers;
mod keys;
mod lineage;
mod meta;
mod model;
mod preview;
mod references;
mod registered;
mod resource;
mod restore;
mod restored;
mod succession;
mod synced;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_words::{Digest, Id, Moment, Xid};
use serde_json::{Map, Value};

pub use checked::{StoredVerdict, StoredVerdicts, UnjudgedDocument};
use draft::Draft;
pub use preview::Preview;
pub use restore::revived;
pub(crate) use restore::versions_in_group;
pub use restored::{resources_coming, restore_next};
pub use version::check_frozen;

use crate::{
    Catalog, Content, Reason, Refusal,
    apply::CommandFacts,
    capabilities::ChangedMetadata,
    changes::{Change, ContentName, Explained, Outcome},
    command::{
        Authority, Condition, Delete, Ignore, KeyGrant, KeyManagerRule, SetDefault, Succession,
        UnregisteredSchema,
    },
    facts::VersionFacts,
    judge::Verdict,
    state::{RememberedAnswer, Stamp},
    sync::SyncMark,
    tree::{Subject, WriteTree},
};

/// A command that can be decided: its body is parsed and its documents are judged.
#[derive(Clone, Debug)]
pub struct PreparedCommand {
    /// The action.
    pub action: PreparedAction,
    /// The conditions on the target.
    pub conditions: Vec<Condition>,
    /// The digests of principal and idempotency key, and of the request.
    pub idempotency: Option<(Digest, Digest)>,
    /// What to ignore in the request.
    pub ignore: Ignore,
    /// Which version becomes the default.
    pub set_default: Option<SetDefault>,
    /// What a new version takes over from the default version.
    pub succession: Succession,
    /// The judgements on stored documents that become what their resources show.
    pub stored: StoredVerdicts,
    /// The limits of the author.
    pub authority: Authority,
    /// What it changes, as far as capabilities can forbid it.
    pub changed: ChangedMetadata,
    /// The stamp of the capabilities that its own were merged with.
    pub capabilities_over: Option<Stamp>,
    /// The author's reason.
    pub message: Option<Bytes>,
    /// What it says about a document for a sync.
    pub sync: Option<SyncMark>,
}

/// The action of a prepared command.
#[derive(Clone, Debug)]
pub enum PreparedAction {
    /// Creates or updates entities.
    Write(Box<PreparedWrite>),
    /// Deletes or purges entities.
    Delete(Delete),
    /// Undoes the last deletion of a name.
    Restore(PreparedRestore),
    /// Records an API key.
    CreateKey {
        /// The key's id.
        id: Id,
        /// Its record.
        record: Bytes,
        /// The facts about it outside its record.
        grant: KeyGrant,
        /// The rule for the first key.
        rule: KeyManagerRule,
    },
    /// Revokes an API key.
    RevokeKey {
        /// The key's id.
        id: Id,
        /// The rule for the last key.
        rule: KeyManagerRule,
    },
    /// Erases the record of an invalid API key.
    ForgetKey {
        /// The key's id.
        id: Id,
    },
    /// Gives ids to stored versions of schemas.
    RegisterSchemas(Arc<[UnregisteredSchema]>),
    /// Nothing, because preparing refused the command. The refusal applies only after the
    /// idempotency key was looked up, because the command may repeat an earlier one.
    Refused(Refusal),
}

/// A write with the results of its preparation.
#[derive(Clone, Debug)]
pub struct PreparedWrite {
    /// The entities to write.
    pub tree: WriteTree,
    /// For a new model: the facts that it lifts from stored documents, by version.
    pub versions: BTreeMap<Xid, VersionFacts>,
    /// The parsed capabilities after it, if it writes them.
    pub capabilities: Option<Arc<Value>>,
    /// The names that it restores first, in this order.
    pub restored: Vec<PreparedRestore>,
}

/// A restore with the results of its preparation.
#[derive(Clone, Debug)]
pub struct PreparedRestore {
    /// The name.
    pub xid: Xid,
    /// The deletion to undo; none if there is none.
    pub of: Option<Stamp>,
    /// The verdict on each version's document, by the version's xid.
    pub verdicts: BTreeMap<Xid, Arc<Verdict>>,
}

/// The attributes that clients set on entities, if they are in memory.
pub trait StoredAttributes {
    /// The attributes in this content; none if they aren't in memory.
    fn attributes(&self, content: &Content) -> Option<Arc<Map<String, Value>>>;
}

/// Why there is no decision.
#[derive(Clone, Debug)]
pub enum NoDecision {
    /// The command is refused.
    Refused(Refusal),
    /// Some attributes aren't in memory: fetch them and decide again.
    Missing(Vec<Content>),
    /// These stored documents must be judged first: prepare the command again.
    Unjudged(Vec<UnjudgedDocument>),
    /// A verdict or other results of preparing are outdated: prepare the command again.
    Stale,
}

impl From<Refusal> for NoDecision {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The result of deciding.
#[derive(Clone, Debug)]
pub enum Decided {
    /// The changes to record.
    Changes(Box<Decision>),
    /// The remembered answer to an earlier command with the same key.
    Repeat(Arc<RememberedAnswer>),
}

/// The changes of a command, with everything that they need.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The changes, in the order of folding.
    pub changes: Vec<Change>,
    /// The new contents to store, by digest.
    pub contents: BTreeMap<Digest, Bytes>,
    /// Those of them that are attributes, in parsed form.
    pub attributes: BTreeMap<Digest, Arc<Map<String, Value>>>,
    /// The facts for the fold.
    pub facts: CommandFacts,
    /// What happened to the command's subject.
    pub outcome: Option<Outcome>,
    /// What the answer shows.
    pub shows: AnswerSubject,
}

/// What the answer to a command shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AnswerSubject {
    /// Nothing (204).
    #[default]
    Nothing,
    /// One entity.
    Entity(Xid),
    /// These entities of a collection, by id.
    Members(Vec<Xid>),
    /// The model's source.
    Model,
    /// The capabilities.
    Capabilities,
}

/// Decides a command.
///
/// # Errors
/// See [`NoDecision`].
pub fn decide(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    now: Moment,
) -> Result<Decided, NoDecision> {
    if let Some((key, request)) = &prepared.idempotency
        && let Some(answer) = catalog.remembered(key)
    {
        if answer.request != *request {
            return Err(Refusal::new(&answer.subject, Reason::IdempotencyMismatch).into());
        }
        return Ok(Decided::Repeat(answer.clone()));
    }
    prepared.changed.check(catalog)?;
    prepared.authority.check(catalog, &prepared.action)?;
    if let Some(mark) = &prepared.sync {
        synced::check(catalog, &prepared.authority, mark)?;
    }
    let mut decision = match &prepared.action {
        PreparedAction::Write(action) if !action.restored.is_empty() => {
            restored::write(catalog, stored_attributes, prepared, action, now)?
        }
        PreparedAction::Write(action) => write(catalog, stored_attributes, prepared, action, now)?,
        PreparedAction::Delete(action) => {
            delete::delete(catalog, stored_attributes, prepared, action, now)?
        }
        PreparedAction::Restore(action) => {
            let alone = BTreeSet::new();
            restore::restore((catalog, stored_attributes), prepared, action, &alone, now)?
        }
        PreparedAction::CreateKey { id, record, grant, rule } => {
            keys::create(catalog, (id, record), (*grant, *rule), now)?
        }
        PreparedAction::RevokeKey { id, rule } => keys::revoke(catalog, id, *rule, now)?,
        PreparedAction::ForgetKey { id } => keys::forget(catalog, id, now)?,
        PreparedAction::RegisterSchemas(schemas) => registered::stored(catalog, schemas),
        PreparedAction::Refused(refusal) => return Err(NoDecision::Refused(refusal.clone())),
    };
    decision.changes.extend(prepared.sync.as_ref().map(synced::change));
    if let (Some(message), false) = (&prepared.message, decision.changes.is_empty()) {
        let named = ContentName::new(message);
        decision.changes.push(Change::Explained(Explained { message: named }));
        decision.contents.insert(named.digest, message.clone());
    }
    // Even where nothing changed: at the repeat there may be something to change.
    if prepared.idempotency.is_some() {
        let answers = answered::changes(&decision, &prepared.action);
        decision.changes.extend(answers);
    }
    Ok(Decided::Changes(Box::new(decision)))
}

fn write(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    action: &PreparedWrite,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let tree = &action.tree;
    if prepared.capabilities_over.is_some_and(|over| over != catalog.capabilities_stamp) {
        return Err(NoDecision::Stale);
    }
    match &tree.subject {
        Subject::Entity(xid) | Subject::VersionOf(xid) => {
            conditions::check(catalog, xid, &prepared.conditions)?;
        }
        Subject::Model | Subject::Plan => {
            conditions::check_model(catalog, &prepared.conditions)?;
        }
        Subject::Members | Subject::Capabilities => {}
    }
    let mut draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.mode = tree.mode;
    draft.schemas = tree.schemas;
    let outcome = draft.write_tree(tree);
    draft.check_loaded(outcome)?;
    if !draft.verdicts_hold(tree) {
        return Err(NoDecision::Stale);
    }
    draft.finish(&tree.subject, action)
}

/// Checks the conditions of a command that replaces the model, before its stored entities are
/// checked: a client whose model is outdated must hear that, and not what the outdated model would
/// break. The decision checks again.
///
/// # Errors
/// `PreconditionFailed`.
pub fn check_model_conditions(catalog: &Catalog, conditions: &[Condition]) -> Result<(), Refusal> {
    conditions::check_model(catalog, conditions)
}

/// Finds out which documents names will lead to after a write, because the write's documents are
/// judged against that state. `now` is a possible moment of the decision; the choice of the default
/// version may depend on it.
///
/// # Errors
/// See [`NoDecision`]. Verdicts aren't checked.
pub fn preview(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    now: Moment,
) -> Result<Preview, NoDecision> {
    let PreparedAction::Write(action) = &prepared.action else { return Ok(Preview::default()) };
    let mut draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.mode = action.tree.mode;
    draft.schemas = action.tree.schemas;
    let outcome = draft.write_tree(&action.tree);
    draft.check_loaded(outcome)?;
    Ok(draft.preview())
}

impl Draft<'_> {
    fn write_tree(&mut self, tree: &WriteTree) -> Result<(), NoDecision> {
        if let Some(new) = &tree.model {
            self.set_model(new);
        }
        if let Some(sent) = &tree.capabilities {
            self.set_capabilities(sent);
        }
        if let Some(sent) = &tree.registry {
            self.write_registry(sent)?;
        }
        tree.groups.iter().try_for_each(|node| self.write_group_node(node))?;
        self.remove_planned(&tree.removed)?;
        if tree.model.is_some() { self.apply_new_model() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
