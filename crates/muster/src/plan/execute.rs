use muster_client::{Answer, Client, ClientError, ErrorResponse};
use muster_wire::apply::{ApplyReport, ApplyRequest, FailingDocuments};
use muster_words::Places;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{CurrentState, DesiredState, Plan, PlanRequest, requests};
use crate::{
    Failure, model,
    output::{Finding, findings::places, progress::ProgressLine},
};

/// The result of executing a plan.
#[derive(Debug, Default)]
pub struct PlanOutcome {
    /// The number of finished steps.
    pub done: usize,
    /// The refusals.
    pub failed: Vec<Failure>,
    /// The number of steps that weren't done.
    pub left: usize,
    /// The stored documents that stopped passing.
    pub failing: FailingDocuments,
    /// Whether the user interrupted it.
    pub interrupted: bool,
}

/// How often a model is merged again because somebody else changed it. Each attempt fails only if
/// another one succeeded.
const MODEL_TRIES_MAX: usize = 8;

/// Executes a plan, request by request: each is done as a whole or not at all. Without `keep_going`
/// it ends with the first refusal. After one Ctrl-C, the running request ends first; after a second
/// one it doesn't.
pub async fn execute(
    client: &Client,
    plan: &Plan,
    (wanted, there): (&DesiredState, &CurrentState),
    keep_going: bool,
    progress: &mut ProgressLine,
) -> PlanOutcome {
    let sender = Sender { client, wanted, there };
    let mut outcome = PlanOutcome { left: plan.steps().count(), ..PlanOutcome::default() };
    let mut stops = stops();
    let requests = match requests(plan) {
        Ok(requests) => requests,
        Err(failure) => {
            outcome.failed.push(failure);
            return outcome;
        }
    };
    for (index, mut request) in requests.into_iter().enumerate() {
        outcome.interrupted |= *stops.borrow() > 0;
        if outcome.interrupted || !keep_going && !outcome.failed.is_empty() {
            break;
        }
        let running = sender.done(&mut request, index > 0, keep_going, &mut outcome);
        tokio::select! {
            () = running => {}
            _ = stops.wait_for(|count| *count > 1) => outcome.interrupted = true,
        }
        progress.advance(outcome.done);
    }
    outcome.left -= outcome.done;
    outcome
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

/// Sends the requests of a plan.
pub(super) struct Sender<'a> {
    pub client: &'a Client,
    pub wanted: &'a DesiredState,
    pub there: &'a CurrentState,
}

impl Sender<'_> {
    /// Asks what a request would do.
    pub async fn try_out(
        &self,
        body: &mut ApplyRequest,
    ) -> Result<Answer<ApplyReport>, ClientError> {
        self.send(body, true).await
    }

    /// Does a request. A later one is judged first, because it wasn't when the plan was shown.
    async fn done(
        &self,
        request: &mut PlanRequest,
        is_later: bool,
        keep_going: bool,
        outcome: &mut PlanOutcome,
    ) {
        if is_later && !self.without_refused(request, keep_going, outcome).await {
            return;
        }
        match self.send(&mut request.body, false).await {
            Ok(answer) => {
                outcome.done += request.steps;
                if let Ok(report) = answer.read() {
                    add(&mut outcome.failing, report.failing);
                }
            }
            Err(error) => outcome.failed.push(self.explained(error)),
        }
    }

    /// Takes what would be refused out of a request. Returns whether to go on with the rest.
    async fn without_refused(
        &self,
        request: &mut PlanRequest,
        keep_going: bool,
        outcome: &mut PlanOutcome,
    ) -> bool {
        let report = match self.try_out(&mut request.body).await.and_then(|answer| answer.read()) {
            Ok(report) => report,
            Err(error) => {
                outcome.failed.push(self.explained(error));
                return false;
            }
        };
        for refused in report.refused {
            request.remove(&refused.target);
            outcome.failed.push(self.explained_refusal(ErrorResponse::of_body(refused.error)));
        }
        keep_going || outcome.failed.is_empty()
    }

    /// Sends a request. If somebody else changed the model meanwhile, the folder's types are merged
    /// again, so that nothing of theirs is lost.
    async fn send(
        &self,
        body: &mut ApplyRequest,
        is_trial: bool,
    ) -> Result<Answer<ApplyReport>, ClientError> {
        let mut tag = self.there.model_tag.clone().filter(|_| body.model.is_some());
        for _ in 1..MODEL_TRIES_MAX {
            match (self.send_once(body, tag.as_deref(), is_trial).await, &self.wanted.said_model) {
                (Err(error), Some(said)) if error.is("precondition_failed") => {
                    let (there, newer) = model::source_of(self.client).await?;
                    body.model = said.merged_into(&there).as_object().cloned();
                    tag = newer;
                }
                (answer, _) => return answer,
            }
        }
        self.send_once(body, tag.as_deref(), is_trial).await
    }

    async fn send_once(
        &self,
        body: &ApplyRequest,
        tag: Option<&str>,
        is_trial: bool,
    ) -> Result<Answer<ApplyReport>, ClientError> {
        match is_trial {
            true => self.client.try_apply(body, tag).await,
            false => self.client.apply(body, tag).await,
        }
    }

    fn explained(&self, error: ClientError) -> Failure {
        match error {
            ClientError::Refused(refusal) => self.explained_refusal(*refusal),
            error => error.into(),
        }
    }

    /// A refusal with what it is about, and with the lines of the file.
    fn explained_refusal(&self, refusal: ErrorResponse) -> Failure {
        let subject = refusal.body.subject.clone().unwrap_or_default();
        let document = subject.parse().ok().and_then(|xid| self.wanted.documents.get(&xid));
        let (path, places) = match document {
            Some(document) => (
                document.path.clone(),
                places(Some(&document.sent.content_type), &document.sent.bytes),
            ),
            None => (subject.trim_start_matches('/').to_owned(), Places::default()),
        };
        let found = refusal.violations().iter();
        let findings: Vec<Finding> =
            found.map(|one| Finding::of_answer(one, &path, &places)).collect();
        let failure = Failure::from(refusal);
        let failure = match path.is_empty() {
            true => failure,
            false => {
                let what = format!("{}: {}", subject.trim_start_matches('/'), failure.what());
                failure.with_message(what)
            }
        };
        if findings.is_empty() { failure } else { failure.findings(findings) }
    }
}

/// Adds what another request made fail.
fn add(all: &mut FailingDocuments, more: FailingDocuments) {
    all.failing += more.failing;
    all.judged += more.judged;
    all.affected += more.affected;
    all.documents.extend(more.documents);
}
