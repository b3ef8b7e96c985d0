//! Trials: a plan is decided on a copy of the newest view, and nothing is stored.

mod blame;
mod failing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use muster_catalog::{
    Catalog, Content, Reason, Refusal,
    command::{Action, Command},
    decide::{Decided, Decision, NoDecision, decide},
};
use muster_guard::authorize_command;
use muster_ledger::Head;
use muster_words::{Digest, Moment, Position, Xid, limits::PREPARE_ROUNDS_MAX};

pub use failing::{FailingDocuments, changes_checks};

use crate::{
    CommandOrigin, Registry, SubmitError,
    cache::{CachedAttributes, Fetched},
    parts::{self, CommandHeader},
    prepare::UnstoredContents,
    registry::RegistryInner,
};

/// How long refused parts are looked for: people wait for the answer.
const TRIAL_TIME_MAX: Duration = Duration::from_secs(1);

/// The most refused parts that a trial names; nobody reads more at once.
const REFUSED_MAX: usize = 100;

/// A part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanPart {
    /// The model.
    Model,
    /// A group or a resource.
    Entity(Xid),
}

/// A part of a plan that is refused. The trial goes on without it.
#[derive(Clone, Debug)]
pub struct RefusedPart {
    /// The part.
    pub part: PlanPart,
    /// Why.
    pub refusal: Refusal,
}

impl RefusedPart {
    /// A part with its refusal. What is bound and can't be used is refused by its own name; here
    /// the part is meant that binds it.
    fn of(part: PlanPart, refusal: &Refusal) -> Self {
        let mut refusal = refusal.clone();
        if let Reason::BindingMissing { binding } | Reason::BindingBroken { binding, .. } =
            &*refusal.reason
            && binding.to_string() == refusal.subject
        {
            refusal.subject = match &part {
                PlanPart::Model => "/model".to_owned(),
                PlanPart::Entity(xid) => xid.to_string(),
            };
        }
        Self { part, refusal }
    }
}

/// What would become of a plan.
#[derive(Clone, Debug)]
pub struct PlanTrial {
    /// The position of the view with which it was tried.
    pub position: Position,
    /// The parts that would be refused, each without the ones before it.
    pub refused: Vec<RefusedPart>,
    /// Whether those are all.
    pub is_all: bool,
    /// The stored documents that would stop passing.
    pub failing: FailingDocuments,
}

/// A catalog in which a command was done, but which isn't stored.
struct TriedCatalog {
    before: Arc<Catalog>,
    after: Catalog,
    contents: UnstoredContents,
}

impl Registry {
    /// Finds out what would become of a plan. The action of the command is a plan.
    ///
    /// # Errors
    /// See [`SubmitError`]. A refusal that isn't about a part of the plan is an error.
    pub async fn try_plan(
        &self,
        command: Command,
        by: &CommandOrigin,
    ) -> Result<PlanTrial, SubmitError> {
        let began = Instant::now();
        let mut command = Command { idempotency: None, ..command };
        let mut trial = PlanTrial {
            position: self.inner.catalog().position(),
            refused: Vec::new(),
            is_all: true,
            failing: FailingDocuments::default(),
        };
        loop {
            let refusal = match self.inner.try_once(&command, by).await {
                Ok(tried) => {
                    let scope = by.principal.scope.as_deref();
                    trial.position = tried.before.position();
                    trial.failing = self.inner.newly_failing(&tried, scope).await?;
                    return Ok(trial);
                }
                Err(SubmitError::Refused(refusal)) => refusal,
                Err(error) => return Err(error),
            };
            let Action::Apply(plan) = &mut command.action else {
                return Err(SubmitError::Refused(refusal));
            };
            let parts = blame::take_refused(plan, &refusal);
            if parts.is_empty() {
                return Err(SubmitError::Refused(refusal));
            }
            let refused = |part| RefusedPart::of(part, &refusal);
            trial.refused.extend(parts.into_iter().map(refused));
            if plan.entities() == 0 && plan.model.is_none() {
                return Ok(trial);
            }
            if trial.refused.len() >= REFUSED_MAX || began.elapsed() >= TRIAL_TIME_MAX {
                trial.is_all = false;
                return Ok(trial);
            }
        }
    }

    /// The stored documents that stopped passing between two views.
    ///
    /// # Errors
    /// The ledger can't be read, or is damaged.
    pub async fn failing_since(
        &self,
        before: Arc<Catalog>,
        after: &Catalog,
        by: &CommandOrigin,
    ) -> Result<FailingDocuments, SubmitError> {
        let (after, contents) = (after.clone(), UnstoredContents::new());
        let tried = TriedCatalog { before, after, contents };
        self.inner.newly_failing(&tried, by.principal.scope.as_deref()).await
    }
}

impl RegistryInner {
    /// Decides a command on a copy of the newest view, as the writer would.
    async fn try_once(
        &self,
        command: &Command,
        by: &CommandOrigin,
    ) -> Result<TriedCatalog, SubmitError> {
        let authority = authorize_command(&by.principal, command)?;
        let view = self.catalog();
        let tried = self.try_with(&view, (command, &authority), by).await;
        tried.map_err(|error| match (error, &authority.within) {
            (SubmitError::Refused(refusal), Some(within)) => {
                SubmitError::Refused(refusal.seen_within(within))
            }
            (error, _) => error,
        })
    }

    async fn try_with(
        &self,
        view: &Arc<Catalog>,
        asked: (&Command, &muster_catalog::command::Authority),
        by: &CommandOrigin,
    ) -> Result<TriedCatalog, SubmitError> {
        let mut fetched = Fetched::new();
        for round in 0..PREPARE_ROUNDS_MAX {
            let preparing = self.prepare(view, asked, fetched.clone(), round > 0);
            let ready = self.long_work.run(Box::pin(preparing)).await?;
            let stored_attributes =
                CachedAttributes { cache: &self.contents, fetched: &ready.fetched };
            let moment = (self.settings.clock.now)().max(view.moment.next());
            match decide(view, &stored_attributes, &ready.prepared, moment) {
                Ok(Decided::Changes(decision)) => return self.folded(view, &decision, moment, by),
                Ok(Decided::Repeat(_)) => return Err(SubmitError::Fault),
                Err(NoDecision::Refused(refusal)) => return Err(SubmitError::Refused(refusal)),
                Err(NoDecision::Missing(missing)) => {
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                }
                Err(NoDecision::Stale | NoDecision::Unjudged(_)) => {}
            }
        }
        Err(SubmitError::Contended)
    }

    /// The catalog after a decision. Its entries go nowhere, so their hashes mean nothing.
    fn folded(
        &self,
        view: &Arc<Catalog>,
        decision: &Decision,
        moment: Moment,
        by: &CommandOrigin,
    ) -> Result<TriedCatalog, SubmitError> {
        let (before, mut after) = (view.clone(), (**view).clone());
        if decision.changes.is_empty() {
            return Ok(TriedCatalog { before, after, contents: UnstoredContents::new() });
        }
        let command = (self.settings.clock.command_id)();
        let stamped = CommandHeader { command, moment, origin: by, idempotency: None };
        let head = Head { position: view.position(), hash: Digest([0; 32]) };
        let written =
            parts::write(&stamped, decision, head).map_err(|_| SubmitError::CommandTooLarge)?;
        after.apply(&written.recorded, &decision.facts).map_err(|error| {
            tracing::error!(%error, "a tried decision couldn't be folded");
            SubmitError::Fault
        })?;
        Ok(TriedCatalog { before, after, contents: written.contents.into_iter().collect() })
    }
}
