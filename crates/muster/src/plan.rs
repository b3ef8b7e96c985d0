//! What would have to happen so that a registry holds what a folder says: computed first, shown,
//! then done.

pub mod current;
pub mod desired;
mod execute;
mod order;
mod render;

pub use current::CurrentState;
pub use desired::DesiredState;
pub use execute::{PlanOutcome, execute};
pub use order::{Unit, arrange};
pub use render::{render, summary, to_json};

use muster_client::DocumentUpload;
use muster_history::difference::{self, FieldDifference};
use muster_words::{
    Digest, Xid,
    json::{Map, Value},
};

use crate::output::Finding;

/// What happens to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepAction {
    /// It isn't there yet.
    Add,
    /// It is there, and differs.
    Change,
    /// It is there, and isn't wanted.
    Delete,
    /// It is there as it is wanted.
    Keep,
}

/// What something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepTarget {
    /// The model.
    Model,
    /// A group or a document.
    Entity(Xid),
}

/// One thing and what happens to it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it is.
    pub target: StepTarget,
    /// What happens to it.
    pub act: StepAction,
    /// The version that comes to be, as far as that can be told now.
    pub version: Option<u64>,
    /// What differs.
    pub fields: Vec<FieldDifference>,
    /// What is wrong with the document.
    pub findings: Vec<Finding>,
    /// What to send.
    pub request: Request,
    /// The documents that it refers to.
    pub refers_to: Vec<Xid>,
}

/// What is sent for a step.
#[derive(Clone, Debug)]
pub enum Request {
    /// The model.
    Model(Value),
    /// A group with these attributes.
    CreateGroup(Map<String, Value>),
    /// A document, with its attributes.
    Put(Box<DocumentUpload>),
    /// Attributes alone.
    Patch(Map<String, Value>),
    /// A deletion.
    Delete,
}

/// All steps, in the order in which they are done; what happens together lies together.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub units: Vec<Unit>,
    /// How many are as they are wanted already.
    pub kept: usize,
}

impl Plan {
    /// Compares what is wanted with what is there. With `prune`, what isn't wanted is deleted, in
    /// the collections of which the folder has a part.
    #[must_use]
    pub fn compute(wanted: &DesiredState, there: &CurrentState, prune: bool) -> Self {
        let mut kept = 0;
        let mut steps = vec![];
        steps.extend(model_step(wanted, there));
        // A group without attributes of its own comes to be with its first document.
        for (xid, attributes) in wanted.groups.iter().filter(|(_, set)| !set.is_empty()) {
            steps.push(group_step(xid, attributes, there));
        }
        for (xid, document) in &wanted.documents {
            steps.push(document_step(xid, document, there));
        }
        if prune {
            steps.extend(deletions(wanted, there));
        }
        steps.retain(|step| {
            kept += usize::from(step.act == StepAction::Keep && step.is_document());
            step.act != StepAction::Keep
        });
        Self { units: arrange(steps), kept }
    }

    /// All steps, in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.units.iter().flat_map(|unit| &unit.steps)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Documents that would be refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.steps().filter(|step| step.is_refused()).count()
    }
}

impl Step {
    fn new(target: StepTarget, act: StepAction, request: Request) -> Self {
        let (fields, findings, refers_to) = (Vec::new(), Vec::new(), Vec::new());
        Self { target, act, version: None, fields, findings, request, refers_to }
    }

    /// Whether it is about a document.
    #[must_use]
    pub const fn is_document(&self) -> bool {
        matches!(self.target, StepTarget::Entity(Xid::Resource { .. }))
    }

    /// Whether something is wrong with it that the server wouldn't take.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| !finding.is_warning)
    }

    /// The entity it is about, if it isn't the model.
    #[must_use]
    pub const fn xid(&self) -> Option<&Xid> {
        match &self.target {
            StepTarget::Model => None,
            StepTarget::Entity(xid) => Some(xid),
        }
    }
}

fn model_step(wanted: &DesiredState, there: &CurrentState) -> Option<Step> {
    let model = wanted.model.as_ref()?;
    let fields = difference::fields(&there.model_source, model);
    let act = match (fields.is_empty(), there.has_model()) {
        (true, _) => StepAction::Keep,
        (false, true) => StepAction::Change,
        (false, false) => StepAction::Add,
    };
    let mut step = Step::new(StepTarget::Model, act, Request::Model(model.clone()));
    if act == StepAction::Change {
        step.fields = fields;
    }
    Some(step)
}

fn group_step(xid: &Xid, attributes: &Map<String, Value>, there: &CurrentState) -> Step {
    let target = StepTarget::Entity(xid.clone());
    let Some(present) = there.groups.get(xid) else {
        return Step::new(target, StepAction::Add, Request::CreateGroup(attributes.clone()));
    };
    let (changed, fields) = attributes_that_differ(attributes, present);
    let act = if changed.is_empty() { StepAction::Keep } else { StepAction::Change };
    Step { fields, ..Step::new(target, act, Request::Patch(changed)) }
}

fn document_step(xid: &Xid, document: &desired::DesiredDocument, there: &CurrentState) -> Step {
    let target = StepTarget::Entity(xid.clone());
    let put = || Request::Put(Box::new(document.sent.clone()));
    let step = |act, request| Step {
        findings: document.findings.clone(),
        refers_to: document.refers_to.clone(),
        ..Step::new(target.clone(), act, request)
    };
    let Some(present) = there.documents.get(xid) else {
        return Step { version: Some(1), ..step(StepAction::Add, put()) };
    };
    let attributes = &document.sent.attributes;
    let (changed, mut fields) = attributes_that_differ(attributes, &present.details);
    if document.sent.attributes_alone {
        let act = if changed.is_empty() { StepAction::Keep } else { StepAction::Change };
        return Step { fields, ..step(act, Request::Patch(changed)) };
    }
    let same_type = present.content_type() == Some(document.sent.content_type.as_str());
    if present.digest == Some(Digest::of(&document.sent.bytes)) && same_type {
        let act = if changed.is_empty() { StepAction::Keep } else { StepAction::Change };
        return Step { fields, ..step(act, Request::Patch(changed)) };
    }
    let before = present.bytes.as_deref().unwrap_or_default();
    fields.splice(0..0, difference::documents(before, &document.sent.bytes));
    if !same_type {
        let difference = difference::Difference::Changed(
            present.content_type().map_or(Value::Null, Value::from),
            document.sent.content_type.as_str().into(),
        );
        fields.push(FieldDifference { path: "contenttype".to_owned(), difference });
    }
    Step { version: present.next_version(), fields, ..step(StepAction::Change, put()) }
}

/// Of the attributes that a folder sets, those that differ from what is there: as what to send,
/// and as people read it. What the folder doesn't name stays.
fn attributes_that_differ(
    wanted: &Map<String, Value>,
    present: &Value,
) -> (Map<String, Value>, Vec<FieldDifference>) {
    let mut changed = Map::new();
    let mut before = Map::new();
    for (name, value) in wanted {
        let present = present.get(name).unwrap_or(&Value::Null);
        if !says_all_of(present, value) {
            changed.insert(name.clone(), value.clone());
            if !present.is_null() {
                before.insert(name.clone(), present.clone());
            }
        }
    }
    let fields = difference::fields(&before.into(), &Value::Object(changed.clone()));
    (changed, fields)
}

/// Whether an attribute is as it is wanted. Of Meta, which has attributes that nobody set, it is
/// enough that those wanted are there.
fn says_all_of(present: &Value, wanted: &Value) -> bool {
    match (present, wanted) {
        (Value::Object(present), Value::Object(wanted)) if present.contains_key("epoch") => {
            wanted.iter().all(|(name, value)| present.get(name).unwrap_or(&Value::Null) == value)
        }
        (present, wanted) => present == wanted,
    }
}

fn deletions(wanted: &DesiredState, there: &CurrentState) -> Vec<Step> {
    let is_ours = |xid: &&Xid| {
        xid.collection()
            .is_some_and(|collection| wanted.group_types.contains(collection.groups.as_str()))
    };
    let delete =
        |xid: &Xid| Step::new(StepTarget::Entity(xid.clone()), StepAction::Delete, Request::Delete);
    let documents = there
        .documents
        .iter()
        .filter(|(xid, _)| is_ours(xid) && !wanted.documents.contains_key(*xid))
        .map(|(xid, present)| Step { refers_to: present.refers_to.clone(), ..delete(xid) });
    let groups = there
        .groups
        .keys()
        .filter(|xid| is_ours(xid) && !wanted.groups.contains_key(*xid))
        .map(delete);
    documents.chain(groups).collect()
}

#[cfg(test)]
mod tests;
