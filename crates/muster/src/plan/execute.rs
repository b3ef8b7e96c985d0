use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use muster_client::{Answer, Client, ClientError, DeleteOptions, DocumentUpload};
use muster_words::{
    Xid,
    json::{Map, Places, Value, to_canonical},
    limits::BODY_BYTES_MAX,
};
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{CurrentState, DesiredState, Plan, Request, Step, StepAction, StepTarget, Unit};
use crate::{
    Failure, OwnCode, model,
    output::{Finding, findings::places, progress::ProgressLine},
};

/// The result of executing a plan.
#[derive(Debug, Default)]
pub struct PlanOutcome {
    /// The number of finished steps.
    pub done: usize,
    /// The refusals.
    pub failed: Vec<Failure>,
    /// The number of steps that weren't tried.
    pub left: usize,
    /// Warnings about accepted documents.
    pub warnings: Vec<Finding>,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// How many units run at the same time: enough for the writer to form batches, and few enough that
/// other clients are still served.
const AT_ONCE: usize = 16;

/// How often a model is merged again because somebody else changed it. Each attempt fails only if
/// another one succeeded.
const MODEL_TRIES_MAX: usize = 8;

/// Executes a plan, wave by wave. Without `keep_going`, nothing new starts after the first refusal.
/// After one Ctrl-C, running requests end first; after a second one they don't.
pub async fn execute(
    client: &Client,
    plan: &Plan,
    (wanted, there): (&DesiredState, &CurrentState),
    keep_going: bool,
    progress: &mut ProgressLine,
) -> PlanOutcome {
    let doing = Executor { client, wanted, there };
    let mut outcome = PlanOutcome::default();
    let mut stops = stops();
    let mut running: Vec<Running<'_>> = Vec::new();
    let mut wave = 0;
    let mut units = plan.units.iter().filter(|unit| !unit.is_refused()).peekable();
    loop {
        outcome.interrupted |= *stops.borrow() > 0;
        let goes_on = !outcome.interrupted && (keep_going || outcome.failed.is_empty());
        if running.is_empty() {
            wave = units.peek().map_or(wave, |unit| unit.wave);
        }
        while goes_on
            && running.len() < AT_ONCE
            && let Some(unit) = units.next_if(|unit| unit.wave == wave)
        {
            running.push(Box::pin(doing.unit(unit)));
        }
        if running.is_empty() {
            break;
        }
        let (steps, result) = tokio::select! {
            done = next_of(&mut running) => done,
            _ = stops.wait_for(|count| *count > 1) => {
                outcome.interrupted = true;
                break;
            }
        };
        match result {
            Ok(warnings) => {
                outcome.done += steps;
                outcome.warnings.extend(warnings);
            }
            Err(failure) => outcome.failed.push(failure),
        }
        progress.advance(outcome.done);
    }
    outcome.left = plan.steps().count() - outcome.done;
    outcome
}

/// A running unit: its number of steps, and its result.
type Running<'a> =
    Pin<Box<dyn Future<Output = (usize, Result<Vec<Finding>, Failure>)> + Send + 'a>>;

/// Waits for the unit that ends first.
async fn next_of(running: &mut Vec<Running<'_>>) -> (usize, Result<Vec<Finding>, Failure>) {
    poll_fn(|context| {
        for at in 0..running.len() {
            if let Poll::Ready(done) = running[at].as_mut().poll(context) {
                drop(running.swap_remove(at));
                return Poll::Ready(done);
            }
        }
        Poll::Pending
    })
    .await
}

/// Counts how often the user pressed Ctrl-C.
fn stops() -> watch::Receiver<u32> {
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        let Ok(mut presses) = signal(SignalKind::interrupt()) else {
            // Signals can't be received, so no second one ever comes.
            return sender.closed().await;
        };
        loop {
            tokio::select! {
                _ = presses.recv() => sender.send_modify(|count| *count += 1),
                () = sender.closed() => return,
            }
        }
    });
    receiver
}

struct Executor<'a> {
    client: &'a Client,
    wanted: &'a DesiredState,
    there: &'a CurrentState,
}

impl Executor<'_> {
    async fn unit(&self, unit: &Unit) -> (usize, Result<Vec<Finding>, Failure>) {
        let mut warnings = Vec::new();
        let result = self.steps(unit, &mut warnings).await;
        (unit.steps.len(), result.map(|()| warnings))
    }

    async fn steps(&self, unit: &Unit, warnings: &mut Vec<Finding>) -> Result<(), Failure> {
        let puts = unit.steps.iter().filter(|step| matches!(step.request, Request::Put(_)));
        let together: Vec<&Step> = puts.collect();
        if together.len() > 1 {
            let changes = together.iter().any(|step| step.act == StepAction::Change);
            let body = self.body_of(&together, changes);
            check_size(&together, &body)?;
            // A POST would replace attributes of versions that should stay.
            let answer = if changes {
                self.client.patch_several(&body).await
            } else {
                self.client.post_several(&body).await
            };
            answer.map_err(|error| {
                let names: Vec<String> =
                    together.iter().filter_map(|step| step.xid()).map(Xid::to_string).collect();
                Failure::from(error).lines(names)
            })?;
        }
        let is_cycle = unit.steps.len() > 1;
        for step in &unit.steps {
            if together.len() < 2 || !matches!(step.request, Request::Put(_)) {
                self.step(step, is_cycle, warnings).await?;
            }
        }
        Ok(())
    }

    async fn step(
        &self,
        step: &Step,
        is_cycle: bool,
        warnings: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let answer = match (&step.request, &step.target) {
            (Request::Model(model), _) => self.put_model(model).await,
            (Request::CreateGroup(attributes), StepTarget::Entity(xid)) => {
                self.client.put_group(xid, &Value::Object(attributes.clone())).await
            }
            (Request::Put(sent), StepTarget::Entity(xid)) => self.client.put(xid, sent).await,
            (Request::Patch(attributes), StepTarget::Entity(xid)) => {
                self.client.patch(xid, &Value::Object(attributes.clone())).await
            }
            (Request::Delete, StepTarget::Entity(xid)) => {
                // In a circle of references, each document would protect another one.
                let removal = DeleteOptions { force: is_cycle, ..DeleteOptions::default() };
                match self.client.delete(xid, &removal).await {
                    Err(error) if error.is_absent() => return Ok(()),
                    answer => answer,
                }
            }
            _ => return Ok(()),
        };
        let (path, places) = self.file_of(step);
        match answer {
            Ok(answer) => {
                let found = answer.warnings();
                warnings.extend(found.iter().map(|one| Finding::of_answer(one, &path, &places)));
                Ok(())
            }
            Err(error) => Err(explain(step, error, &path, &places)),
        }
    }

    /// Puts the merged model. If somebody else changed the model meanwhile, it is merged again, so
    /// that nothing of theirs is lost.
    async fn put_model(&self, merged: &Value) -> Result<Answer, ClientError> {
        let (mut merged, mut tag) = (merged.clone(), self.there.model_tag.clone());
        for _ in 1..MODEL_TRIES_MAX {
            match self.client.put_model(&merged, tag.as_deref()).await {
                Err(error) if error.is("precondition_failed") => {}
                answer => return answer,
            }
            let (there, newer) = model::source_of(self.client).await?;
            if let Some(said) = &self.wanted.said_model {
                (merged, tag) = (said.merged_into(&there), newer);
            }
        }
        self.client.put_model(&merged, tag.as_deref()).await
    }

    /// The file of a step's document, and the lines of its values.
    fn file_of(&self, step: &Step) -> (String, Places) {
        let document = step.xid().and_then(|xid| self.wanted.documents.get(xid));
        match document {
            Some(document) => (document.path.clone(), places(&document.sent.bytes)),
            None => (shown(step), Places::new()),
        }
    }

    /// The documents of a unit, nested as in xRegistry. If the request replaces a group in it, the
    /// group's present attributes are included.
    fn body_of(&self, steps: &[&Step], leaves_the_rest: bool) -> Value {
        let mut body = json!({});
        for step in steps {
            let (Some(xid), Request::Put(sent)) = (step.xid(), &step.request) else { continue };
            let Xid::Resource { groups, group, resources, resource } = xid else { continue };
            let nested = &mut body[groups.as_str()][group.as_str()];
            if nested.is_null() {
                let attributes =
                    if leaves_the_rest { Map::new() } else { self.attributes_of_group(xid) };
                *nested = Value::Object(attributes);
            }
            nested[resources.as_str()][resource.as_str()] = nested_document(step, sent);
        }
        body
    }

    fn attributes_of_group(&self, xid: &Xid) -> Map<String, Value> {
        let Some(group) = xid.group() else { return Map::new() };
        let mut attributes = self.there.groups.get(&group).map(own_attributes).unwrap_or_default();
        if let Some(wanted) = self.wanted.groups.get(&group) {
            attributes.extend(wanted.clone());
        }
        attributes
    }
}

/// A new document as a resource; a changed one as a new version of its resource.
fn nested_document(step: &Step, sent: &DocumentUpload) -> Value {
    match (step.act, step.version) {
        (StepAction::Change, Some(version)) => {
            json!({"versions": {version.to_string(): sent.details()}})
        }
        _ => sent.details(),
    }
}

/// The attributes of a group that clients set, without those that the registry sets.
fn own_attributes(group: &Value) -> Map<String, Value> {
    let given = ["self", "shortself", "xid", "epoch", "createdat", "modifiedat"];
    let members = group.as_object().into_iter().flatten();
    members
        .filter(|(name, value)| {
            let collection = name.strip_suffix("url").or_else(|| name.strip_suffix("count"));
            let counts = collection.is_some_and(|plural| {
                group.get(format!("{plural}url")).is_some()
                    && group.get(format!("{plural}count")).is_some()
            });
            let is_id = name.ends_with("id")
                && value.as_str().is_some_and(|id| {
                    group.get("xid").and_then(Value::as_str).is_some_and(|xid| xid.ends_with(id))
                });
            !given.contains(&name.as_str()) && !counts && !is_id
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn check_size(steps: &[&Step], body: &Value) -> Result<(), Failure> {
    let size = to_canonical(body).len();
    if size <= BODY_BYTES_MAX {
        return Ok(());
    }
    let names = steps.iter().map(|step| shown(step));
    let what = format!(
        "{} documents refer to each other in a circle and have {size} bytes; {BODY_BYTES_MAX} fit one request",
        steps.len()
    );
    Err(Failure::new(OwnCode::CircleTooLarge, what)
        .lines(names)
        .help("put some of them without the reference first, and apply again"))
}

fn shown(step: &Step) -> String {
    match &step.target {
        StepTarget::Model => "the model".to_owned(),
        StepTarget::Entity(xid) => xid.to_string().trim_start_matches('/').to_owned(),
    }
}

fn explain(step: &Step, error: ClientError, path: &str, places: &Places) -> Failure {
    let findings: Vec<Finding> = error
        .refusal()
        .map(|refusal| refusal.violations().iter().map(|one| Finding::of_answer(one, path, places)))
        .into_iter()
        .flatten()
        .collect();
    let failure = Failure::from(error);
    let what = format!("{}: {}", shown(step), failure.what());
    let failure = failure.with_message(what);
    if findings.is_empty() { failure } else { failure.findings(findings) }
}
