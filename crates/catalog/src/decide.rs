//! Decisions: what a command does to a catalog, or why it is refused.
//!
//! A decision is a function of the catalog, the prepared command and a moment, and of nothing
//! else. The writer decides on the tentative catalog, so it sees everything decided before.
//! Preparing may decide at a view as well, to refuse early. A decision parses no document and
//! compiles nothing: what was found out about documents arrives as verdicts, which hold only
//! while what they stood on is unchanged.

mod answered;
mod attributes;
mod conditions;
mod delete;
mod draft;
mod emit;
mod group;
mod keys;
mod lineage;
mod meta;
mod model;
mod preview;
mod references;
mod resource;
mod restore;
mod version;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_schema::Violation;
use muster_words::{ContentRef, Digest, Id, Moment, Xid};
use serde_json::{Map, Value};

use draft::Draft;
pub use preview::Preview;
pub use restore::revived;
pub use version::check_frozen;

use crate::{
    Catalog, Content, Reason, Refusal,
    apply::CommandFacts,
    changes::{Change, ContentName, Explained, Outcome},
    command::{Authority, Condition, Delete, Ignore, KeyGrant, LastKeyRule, SetDefault},
    facts::VersionFacts,
    judge::Verdict,
    state::{RememberedAnswer, Stamp},
    tree::{Subject, WriteTree},
};

/// A command that is ready to be decided: its body was read and its documents were checked.
#[derive(Clone, Debug)]
pub struct PreparedCommand {
    /// What it is to do.
    pub action: PreparedAction,
    /// What must hold of the target.
    pub conditions: Vec<Condition>,
    /// The digests of principal and idempotency key, and of the request.
    pub idempotency: Option<(Digest, Digest)>,
    /// What the client asks to have ignored.
    pub ignore: Ignore,
    /// Which version shall be the default.
    pub set_default: Option<SetDefault>,
    /// Stored documents that may become what something binds as a schema, each with what keeps it
    /// from being one.
    pub schemas: BTreeMap<ContentRef, Vec<Violation>>,
    /// What whoever gives it may do.
    pub authority: Authority,
    /// The last change of the capabilities over which those that it brings were laid.
    pub capabilities_over: Option<Stamp>,
    /// Why it is given.
    pub message: Option<Bytes>,
}

/// What a prepared command is to do.
#[derive(Clone, Debug)]
pub enum PreparedAction {
    /// Create or update entities.
    Write(Box<PreparedWrite>),
    /// Hide entities, or erase them.
    Delete(Delete),
    /// Bring back what the last deletion of that name hid.
    Restore(PreparedRestore),
    /// Record an API key.
    CreateKey {
        /// The key's id.
        id: Id,
        /// Its record.
        record: Bytes,
        /// What is known of it without its record.
        grant: KeyGrant,
    },
    /// Revoke an API key.
    RevokeKey {
        /// The key's id.
        id: Id,
        /// What becomes of the last key.
        last: LastKeyRule,
    },
    /// Erase the record of an API key that opens nothing any more.
    ForgetKey {
        /// The key's id.
        id: Id,
    },
    /// Nothing: preparing refused the command. The refusal is given only after the idempotency key
    /// was looked up, because the command may repeat one that was done.
    Refused(Refusal),
}

/// A write with what was found out about it.
#[derive(Clone, Debug)]
pub struct PreparedWrite {
    /// What it brings.
    pub tree: WriteTree,
    /// For a new model: what it lifts from stored documents, by version.
    pub versions: BTreeMap<Xid, VersionFacts>,
    /// The parsed capabilities in force after it, where it brings any.
    pub capabilities: Option<Arc<Value>>,
}

/// A restore with what was found out about what comes back.
#[derive(Clone, Debug)]
pub struct PreparedRestore {
    /// The name.
    pub xid: Xid,
    /// The deletion that it undoes; none: there was nothing to undo.
    pub of: Option<Stamp>,
    /// What was found out about each version's document, by the version's xid.
    pub verdicts: BTreeMap<Xid, Arc<Verdict>>,
}

/// The attributes that clients set on entities, as far as they are in memory.
pub trait StoredAttributes {
    /// The attributes that this content holds; none: they aren't in memory.
    fn attributes(&self, content: &Content) -> Option<Arc<Map<String, Value>>>;
}

/// Why a decision wasn't reached.
#[derive(Clone, Debug)]
pub enum NoDecision {
    /// The command is refused.
    Refused(Refusal),
    /// Attributes are needed that aren't in memory: fetch them and decide again.
    Missing(Vec<Content>),
    /// What a verdict depends on has changed: prepare the command again.
    Stale,
}

impl From<Refusal> for NoDecision {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What was decided.
#[derive(Clone, Debug)]
pub enum Decided {
    /// These changes.
    Changes(Box<Decision>),
    /// Nothing: the same command was answered before.
    Repeat(Arc<RememberedAnswer>),
}

/// The changes that a command makes, with what goes beside them.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// The changes, in the order in which they are folded.
    pub changes: Vec<Change>,
    /// The contents that they name and that aren't stored yet, by digest.
    pub contents: BTreeMap<Digest, Bytes>,
    /// Those of the contents that are attributes, as they were before they became bytes.
    pub attributes: BTreeMap<Digest, Arc<Map<String, Value>>>,
    /// The facts that folding them needs.
    pub facts: CommandFacts,
    /// What became of the entity that the command was about.
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
    prepared.authority.check(catalog, &prepared.action)?;
    let mut decision = match &prepared.action {
        PreparedAction::Write(action) => write(catalog, stored_attributes, prepared, action, now)?,
        PreparedAction::Delete(action) => {
            delete::delete(catalog, stored_attributes, prepared, action, now)?
        }
        PreparedAction::Restore(action) => {
            restore::restore(catalog, stored_attributes, prepared, action, now)?
        }
        PreparedAction::CreateKey { id, record, grant } => {
            keys::create(catalog, id, record, *grant)?
        }
        PreparedAction::RevokeKey { id, last } => keys::revoke(catalog, id, *last, now)?,
        PreparedAction::ForgetKey { id } => keys::forget(catalog, id, now)?,
        PreparedAction::Refused(refusal) => return Err(NoDecision::Refused(refusal.clone())),
    };
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
        return Err(Refusal::new("/capabilities", Reason::CapabilitiesMoved).into());
    }
    if let Subject::Entity(xid) | Subject::VersionOf(xid) = &tree.subject {
        conditions::check(catalog, xid, &prepared.conditions)?;
    }
    let mut draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.mode = tree.mode;
    let outcome = draft.write_tree(tree);
    draft.check_loaded(outcome)?;
    if !draft.verdicts_hold(tree) {
        return Err(NoDecision::Stale);
    }
    draft.finish(&tree.subject, action)
}

/// Finds where names will lead once a write is done, for who prepares it: its documents are judged
/// by what it brings as well. The moment is one at which the write might be decided: which version
/// is the default may hang on it.
///
/// # Errors
/// See [`NoDecision`]. Whether verdicts hold isn't looked at.
pub fn preview(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    now: Moment,
) -> Result<Preview, NoDecision> {
    let PreparedAction::Write(action) = &prepared.action else { return Ok(Preview::default()) };
    let mut draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.mode = action.tree.mode;
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
        if tree.model.is_some() { self.apply_new_model() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
