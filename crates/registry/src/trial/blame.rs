//! Finds the parts of a plan that a refusal is about.

use std::{collections::BTreeSet, iter::successors};

use muster_catalog::{Absence, Reason, Refusal, command::Plan};
use muster_words::{Id, Xid, json::Value};

use super::PlanPart;

/// Takes the parts that a refusal is about out of a plan; empty if it is about none.
pub(super) fn take_refused(plan: &mut Plan, refusal: &Refusal) -> Vec<PlanPart> {
    match &*refusal.reason {
        Reason::NotFound(Absence::GroupType(groups)) => take(plan, |xid| is_of(xid, groups, None)),
        Reason::NotFound(Absence::ResourceType(resources)) => {
            let groups = refusal.subject.trim_start_matches('/').split('/').next();
            match groups.and_then(|groups| groups.parse().ok()) {
                Some(groups) => take(plan, |xid| is_of(xid, &groups, Some(resources))),
                None => Vec::new(),
            }
        }
        Reason::PreconditionFailed { .. } | Reason::ChangedSince { .. } => Vec::new(),
        Reason::Model(_) => take_model(plan),
        reason => {
            let named = take_subject(plan, &refusal.subject);
            if !named.is_empty() {
                return named;
            }
            match reason {
                Reason::BindingMissing { binding } | Reason::BindingBroken { binding, .. } => {
                    take_bound(plan, binding)
                }
                // A new model that stored entities violate; they aren't part of the plan.
                _ if is_stored(refusal) => take_model(plan),
                _ => Vec::new(),
            }
        }
    }
}

/// The entity that the refusal names: its own part of the plan, or the one of its parent.
fn take_subject(plan: &mut Plan, subject: &str) -> Vec<PlanPart> {
    if matches!(subject, "/model" | "/modelsource") {
        return take_model(plan);
    }
    let Ok(xid) = subject.parse::<Xid>() else { return Vec::new() };
    let names = successors(Some(xid.clone()), Xid::parent);
    for name in names.filter(|name| *name != Xid::Registry) {
        let found = take(plan, |xid| *xid == name);
        if !found.is_empty() {
            return found;
        }
    }
    // A group that only its documents create.
    match xid {
        Xid::Group { .. } => take(plan, |member| member.group().as_ref() == Some(&xid)),
        _ => Vec::new(),
    }
}

/// The groups that bind a document, else the model if it does.
fn take_bound(plan: &mut Plan, binding: &Xid) -> Vec<PlanPart> {
    let name = binding.to_string();
    let bind = |attributes: &serde_json::Map<String, Value>| {
        attributes.values().any(|value| holds(value, &name))
    };
    let groups = plan.groups.iter().filter(|(_, attributes)| bind(attributes));
    let groups: Vec<Xid> = groups.map(|(xid, _)| xid.clone()).collect();
    if !groups.is_empty() {
        return take(plan, |xid| groups.contains(xid));
    }
    let by_model = plan.model.as_ref().is_some_and(|model| holds(model, &name));
    if by_model { take_model(plan) } else { Vec::new() }
}

/// Whether a value holds a text that names an entity. A binding may be written in a text of JSON.
fn holds(value: &Value, name: &str) -> bool {
    match value {
        Value::String(text) => text.contains(name),
        Value::Array(items) => items.iter().any(|item| holds(item, name)),
        Value::Object(members) => members.values().any(|member| holds(member, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_stored(refusal: &Refusal) -> bool {
    refusal.subject.parse::<Xid>().is_ok_and(|xid| xid != Xid::Registry)
}

fn is_of(xid: &Xid, groups: &Id, resources: Option<&Id>) -> bool {
    xid.collection().is_some_and(|collection| {
        collection.groups == *groups
            && resources.is_none_or(|resources| collection.resources.as_ref() == Some(resources))
    })
}

fn take_model(plan: &mut Plan) -> Vec<PlanPart> {
    plan.model.take().map(|_| PlanPart::Model).into_iter().collect()
}

fn take(plan: &mut Plan, is_meant: impl Fn(&Xid) -> bool) -> Vec<PlanPart> {
    let mut taken = BTreeSet::new();
    let mut stays = |xid: &Xid| {
        let is_meant = is_meant(xid);
        if is_meant {
            taken.insert(xid.clone());
        }
        !is_meant
    };
    plan.groups.retain(|(xid, _)| stays(xid));
    plan.documents.retain(|document| stays(&document.xid));
    plan.deleted.retain(|xid| stays(xid));
    plan.restored.retain(|xid| stays(xid));
    taken.into_iter().map(PlanPart::Entity).collect()
}
