//! Cuts a plan into requests. What one request does is done as a whole or not at all.

use muster_wire::apply::{ApplyRequest, DocumentToApply, GroupToApply};
use muster_words::{
    Xid,
    limits::{BODY_BYTES_MAX, COMMAND_ENTITIES_MAX},
};
use serde::Serialize;

use super::{Plan, Request, Step, StepTarget, Unit, order::Section};
use crate::{Failure, OwnCode};

/// The size of a request's body, in bytes: as much as a server takes, without the brackets and
/// names around the parts.
const BYTES_MAX: usize = BODY_BYTES_MAX - 1024;

/// A request of a plan.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Its body.
    pub body: ApplyRequest,
    /// The number of steps in it.
    pub steps: usize,
    bytes: usize,
}

/// The requests of a plan without its refused steps, in order: a single one if everything fits;
/// else first the model with schemas and rules, then documents, then deletions.
///
/// # Errors
/// `circle_too_large`: documents that refer to each other don't fit into one request.
pub fn requests(plan: &Plan) -> Result<Vec<PlanRequest>, Failure> {
    let units: Vec<&Unit> = plan.units.iter().filter(|unit| !unit.is_refused()).collect();
    let mut parts = Vec::with_capacity(units.len());
    for unit in &units {
        parts.push(PlanRequest::of(unit)?);
    }
    let (steps, bytes) =
        parts.iter().fold((0, 0), |(steps, bytes), part| (steps + part.steps, bytes + part.bytes));
    let is_one = steps <= COMMAND_ENTITIES_MAX && bytes <= BYTES_MAX;
    let mut requests: Vec<PlanRequest> = Vec::new();
    let mut section = None;
    for (unit, part) in units.into_iter().zip(parts) {
        let own = unit.steps.first().map(Section::of).filter(|_| !is_one);
        match requests.last_mut() {
            Some(last) if own == section && last.has_room_for(&part) => last.add(part),
            _ => requests.push(part),
        }
        section = own;
    }
    Ok(requests)
}

impl PlanRequest {
    fn of(unit: &Unit) -> Result<Self, Failure> {
        let mut request = Self { steps: unit.steps.len(), ..Self::default() };
        for step in &unit.steps {
            request.push(step);
        }
        if request.bytes > BYTES_MAX && unit.steps.len() > 1 {
            let names = unit.steps.iter().map(Step::name);
            let what = format!(
                "{} documents refer to each other in a circle and have {} bytes; {BODY_BYTES_MAX} fit one request",
                unit.steps.len(),
                request.bytes
            );
            return Err(Failure::new(OwnCode::CircleTooLarge, what)
                .lines(names)
                .help("put some of them without the reference first, and apply again"));
        }
        Ok(request)
    }

    fn push(&mut self, step: &Step) {
        match (&step.request, &step.target) {
            (Request::Model(model), _) => {
                self.bytes += size(model);
                self.body.model = model.as_object().cloned();
            }
            (Request::CreateGroup(set) | Request::Patch(set), StepTarget::Entity(xid))
                if matches!(xid, Xid::Group { .. }) =>
            {
                let group = GroupToApply { xid: xid.to_string(), attributes: set.clone() };
                self.bytes += size(&group);
                self.body.groups.push(group);
            }
            (Request::CreateGroup(set) | Request::Patch(set), StepTarget::Entity(xid)) => {
                let attributes = set.clone();
                self.document(DocumentToApply {
                    xid: xid.to_string(),
                    attributes,
                    ..Default::default()
                });
            }
            (Request::Put(sent), StepTarget::Entity(xid)) => self.document(sent.to_apply(xid)),
            (Request::Delete, StepTarget::Entity(xid)) => {
                self.bytes += size(xid);
                self.body.delete.push(xid.to_string());
            }
            (_, StepTarget::Model) => {}
        }
    }

    fn document(&mut self, document: DocumentToApply) {
        self.bytes += size(&document);
        self.body.documents.push(document);
    }

    /// Takes a refused part out.
    pub fn remove(&mut self, target: &str) {
        let before = self.parts();
        let body = &mut self.body;
        body.model = body.model.take().filter(|_| target != "/model");
        body.groups.retain(|group| group.xid != target);
        body.documents.retain(|document| document.xid != target);
        body.delete.retain(|xid| xid != target);
        self.steps -= before - self.parts();
    }

    /// The number of parts; each is a step.
    const fn parts(&self) -> usize {
        let body = &self.body;
        body.model.is_some() as usize + body.groups.len() + body.documents.len() + body.delete.len()
    }

    fn has_room_for(&self, other: &Self) -> bool {
        self.steps + other.steps <= COMMAND_ENTITIES_MAX && self.bytes + other.bytes <= BYTES_MAX
    }

    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.bytes += other.bytes;
        self.body.model = self.body.model.take().or(other.body.model);
        self.body.groups.extend(other.body.groups);
        self.body.documents.extend(other.body.documents);
        self.body.delete.extend(other.body.delete);
    }
}

/// The size of a part in the body, with the comma after it, in bytes.
fn size(part: &(impl Serialize + ?Sized)) -> usize {
    serde_json::to_vec(part).map_or(0, |bytes| bytes.len()) + 1
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_client::DocumentUpload;
    use muster_words::json::Map;
    use serde_json::json;

    use super::*;
    use crate::plan::{StepAction, arrange};

    fn step(target: &str, act: StepAction, request: Request) -> Step {
        let target = match target {
            "model" => StepTarget::Model,
            xid => StepTarget::Entity(xid.parse().unwrap()),
        };
        Step::new(target, act, request)
    }

    fn put(xid: &str, length: usize) -> Step {
        let bytes = "x".repeat(length).into();
        let sent =
            DocumentUpload { bytes, content_type: "text/plain".into(), ..Default::default() };
        step(xid, StepAction::Add, Request::Put(Box::new(sent)))
    }

    fn shape(steps: Vec<Step>) -> Vec<(bool, usize, usize, usize)> {
        let plan = Plan { units: arrange(steps), ..Plan::default() };
        let requests = requests(&plan).unwrap();
        let shape = requests.iter().map(|request| {
            let body = &request.body;
            assert!(serde_json::to_vec(body).unwrap().len() <= BODY_BYTES_MAX);
            (body.model.is_some(), body.groups.len(), body.documents.len(), body.delete.len())
        });
        shape.collect()
    }

    #[test]
    fn sends_everything_at_once_where_it_fits_and_else_in_sections() {
        let mixed = |length: usize| {
            vec![
                step("model", StepAction::Change, Request::Model(json!({"groups": {}}))),
                put("/schemagroups/s/schemas/a", 10),
                step("/configs/g", StepAction::Add, Request::CreateGroup(Map::new())),
                put("/configs/g/entries/a", length),
                put("/configs/g/entries/b", length),
                put("/configs/g/entries/c", length),
                step("/configs/g/entries/d", StepAction::Delete, Request::Delete),
                step("/schemagroups/s/schemas/b", StepAction::Delete, Request::Delete),
            ]
        };
        assert_eq!(shape(mixed(1000)), [(true, 1, 4, 2)]);
        let large = shape(mixed(3_000_000));
        assert_eq!(large, [(true, 0, 1, 0), (false, 1, 2, 0), (false, 0, 1, 0), (false, 0, 0, 2)]);
        let many = |count: usize| (0..count).map(|n| put(&format!("/configs/g/entries/e{n}"), 1));
        assert_eq!(shape(many(COMMAND_ENTITIES_MAX).collect()), [(false, 0, 20_000, 0)]);
        let more = shape(many(COMMAND_ENTITIES_MAX + 1).collect());
        assert_eq!(more, [(false, 0, 20_000, 0), (false, 0, 1, 0)]);
    }
}
