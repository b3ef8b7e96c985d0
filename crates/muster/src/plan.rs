//! The plan of `muster apply`: the changes that bring a registry in line with a folder. It is
//! computed first, then shown, then executed.

pub mod current;
pub mod desired;
mod execute;
mod order;
mod pruned_types;
mod render;
mod requests;
mod trial;

pub use current::CurrentState;
pub use desired::DesiredState;
pub use execute::{PlanOutcome, execute};
pub use order::{Unit, arrange};
pub use pruned_types::PrunedTypes;
pub use render::{failing, render, render_fields, summary, to_json};
pub use requests::{PlanRequest, requests};
pub use trial::{LATER_STEPS, note_refused, try_out};

use muster_client::DocumentUpload;
use muster_history::difference::{self, FieldDifference};
use muster_wire::apply::FailingDocuments;
use muster_words::{
    Digest, Notation, Xid,
    json::{Map, Value},
};

use crate::{Failure, output::Finding};

/// The change to one entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepAction {
    /// It doesn't exist yet.
    Add,
    /// It exists, but differs.
    Change,
    /// It exists, but isn't wanted.
    Delete,
    /// It is already as it should be.
    Keep,
}

/// The target of a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepTarget {
    /// The model.
    Model,
    /// A group or a document.
    Entity(Xid),
}

/// One target and its change.
#[derive(Clone, Debug)]
pub struct Step {
    /// The target.
    pub target: StepTarget,
    /// The change.
    pub act: StepAction,
    /// The new version, if it is known already.
    pub version: Option<u64>,
    /// The differing fields.
    pub fields: Vec<FieldDifference>,
    /// The violations of the document.
    pub findings: Vec<Finding>,
    /// Why the registry would refuse it, if not for violations.
    pub refusal: Option<Failure>,
    /// The request to send.
    pub request: Request,
    /// The documents that it refers to.
    pub refers_to: Vec<Xid>,
}

/// The request of a step.
#[derive(Clone, Debug)]
pub enum Request {
    /// The model.
    Model(Value),
    /// Creates a group with these attributes.
    CreateGroup(Map<String, Value>),
    /// Puts a document with its attributes.
    Put(Box<DocumentUpload>),
    /// Changes attributes only.
    Patch(Map<String, Value>),
    /// Deletes the entity.
    Delete,
}

/// All steps in their order. Steps that belong together form a unit.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The steps.
    pub units: Vec<Unit>,
    /// How many entities are already as they should be.
    pub kept: usize,
    /// The number of requests; none if it isn't known yet.
    pub requests: usize,
    /// The stored documents that stop passing.
    pub failing: FailingDocuments,
    /// Why the registry would refuse the plan as a whole.
    pub refusal: Option<Failure>,
    /// Remarks about what the plan leaves as it is.
    pub notes: Vec<String>,
}

impl Plan {
    /// Compares the wanted state with the present one. With `prune`, unwanted entities are deleted,
    /// but only in collections that the folder has.
    #[must_use]
    pub fn compute(wanted: &DesiredState, there: &CurrentState, prune: bool) -> Self {
        let mut kept = 0;
        let mut steps = vec![];
        steps.extend(model_step(wanted, there));
        // A group without attributes is created together with its first document.
        for (xid, attributes) in wanted.groups.iter().filter(|(_, set)| !set.is_empty()) {
            steps.push(group_step(xid, attributes, there));
        }
        for (xid, document) in &wanted.documents {
            steps.push(document_step(xid, document, there));
        }
        if prune {
            steps.extend(deletions(wanted, there));
            steps.extend(wanted.gone_groups.iter().map(deletion));
        }
        steps.retain(|step| {
            kept += usize::from(step.act == StepAction::Keep && step.is_document());
            step.act != StepAction::Keep
        });
        Self { units: arrange(steps), kept, ..Self::default() }
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

    /// The number of steps that would be refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.steps().filter(|step| step.is_refused()).count()
    }
}

impl Step {
    /// A step of which no more is known yet.
    #[must_use]
    pub fn new(target: StepTarget, act: StepAction, request: Request) -> Self {
        let (fields, findings, refers_to) = (Vec::new(), Vec::new(), Vec::new());
        let (version, refusal) = (None, None);
        Self { target, act, version, fields, findings, refusal, request, refers_to }
    }

    /// The target's name for people.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.target {
            StepTarget::Model => "the model".to_owned(),
            StepTarget::Entity(xid) => xid.to_string().trim_start_matches('/').to_owned(),
        }
    }

    /// Whether the target is a document.
    #[must_use]
    pub const fn is_document(&self) -> bool {
        matches!(self.target, StepTarget::Entity(Xid::Resource { .. }))
    }

    /// Whether the registry would refuse it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refusal.is_some() || self.findings.iter().any(|finding| !finding.is_warning)
    }

    /// The target's xid; none for the model.
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
    let was = Notation::of(present.content_type());
    let is = Notation::of(Some(&document.sent.content_type));
    fields.splice(0..0, difference::documents((was, before), (is, &document.sent.bytes)));
    if !same_type {
        let difference = difference::Difference::Changed(
            present.content_type().map_or(Value::Null, Value::from),
            document.sent.content_type.as_str().into(),
        );
        fields.push(FieldDifference { path: "contenttype".to_owned(), difference });
    }
    Step { version: present.next_version(), fields, ..step(StepAction::Change, put()) }
}

/// The attributes in the folder that differ from the registry's: as the request and for people.
/// Attributes that the folder doesn't name stay as they are.
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

/// Whether an attribute already has the wanted value. Meta also holds attributes that nobody set,
/// so only the wanted ones are compared.
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
    let documents = there
        .documents
        .iter()
        .filter(|(xid, _)| is_ours(xid) && !wanted.documents.contains_key(*xid))
        .map(|(xid, present)| Step { refers_to: present.refers_to.clone(), ..deletion(xid) });
    let groups = there
        .groups
        .keys()
        .filter(|xid| is_ours(xid) && !wanted.groups.contains_key(*xid))
        .map(deletion);
    documents.chain(groups).collect()
}

fn deletion(xid: &Xid) -> Step {
    Step::new(StepTarget::Entity(xid.clone()), StepAction::Delete, Request::Delete)
}

#[cfg(test)]
mod tests;
