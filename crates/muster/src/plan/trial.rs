//! Asks the registry what would become of a plan, before anything is written.

use muster_client::{Client, ErrorResponse};
use muster_wire::apply::RefusedPart;
use muster_words::{Places, Xid};

use super::{CurrentState, DesiredState, Plan, Step, StepTarget, execute::Sender, requests};
use crate::{
    Failure,
    output::{Finding, findings::places},
};

/// What people should know of a plan of several steps.
pub const LATER_STEPS: &str = "the registry has judged the first step; it judges each later one, which \
     depends on those before it, right before it is done";

/// Has the first request of a plan judged by the registry, and notes in the plan what it says. The
/// later requests depend on the first, so they are judged when their turn comes.
///
/// # Errors
/// The registry can't be asked, or documents in a circle don't fit into one request.
pub async fn try_out(
    client: &Client,
    plan: &mut Plan,
    (wanted, there): (&DesiredState, &CurrentState),
) -> Result<(), Failure> {
    let mut requests = requests(plan)?;
    plan.requests = requests.len();
    let Some(first) = requests.first_mut() else { return Ok(()) };
    let sender = Sender { client, wanted, there };
    let report = match sender.try_out(&mut first.body).await {
        Ok(answer) => answer.read()?,
        Err(error) if error.refusal().is_some() => {
            plan.refusal = Some(Failure::from(error));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for refused in report.refused {
        note_refused(plan, refused, |xid| {
            let document = wanted.documents.get(xid)?;
            let sent = &document.sent;
            Some((document.path.clone(), places(Some(&sent.content_type), &sent.bytes)))
        });
    }
    if report.is_cut {
        plan.notes.push("the registry may refuse more; it stopped looking after a second".into());
    }
    plan.failing = report.failing;
    Ok(())
}

/// Notes a refusal at its step; at the plan if it has no step of that name. `file` gives the file of
/// a document, with the places of its values.
pub fn note_refused(
    plan: &mut Plan,
    refused: RefusedPart,
    file: impl Fn(&Xid) -> Option<(String, Places)>,
) {
    let failure = Failure::from(ErrorResponse::of_body(refused.error.clone()));
    let is_meant = |step: &&mut Step| match &step.target {
        StepTarget::Model => refused.target == "/model",
        StepTarget::Entity(xid) => xid.to_string() == refused.target,
    };
    let mut steps = plan.units.iter_mut().flat_map(|unit| &mut unit.steps);
    let Some(step) = steps.find(is_meant) else {
        plan.refusal = Some(failure);
        return;
    };
    let file = step.xid().and_then(file);
    let (path, places) = file.unwrap_or_else(|| (step.name(), Places::default()));
    let found = refused.error.violations.iter();
    step.findings.extend(found.map(|one| Finding::of_answer(one, &path, &places)));
    if !step.findings.iter().any(|finding| !finding.is_warning) {
        step.refusal = Some(failure);
    }
}
