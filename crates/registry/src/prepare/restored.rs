use std::sync::Arc;

use muster_catalog::{
    Absence, Catalog, Content, Reason, Refusal,
    command::{Command, Plan},
    decide::{
        NoDecision, PreparedAction, PreparedCommand, PreparedRestore, resources_coming,
        restore_next,
    },
};
use muster_schema::Violation;
use muster_words::{Xid, limits::PREPARE_ROUNDS_MAX};

use super::prepared;
use crate::{
    SubmitError,
    cache::{CachedAttributes, Fetched},
    registry::RegistryInner,
};

/// Prepared restores, their warnings, and the catalog after them if there are any.
type RestoredNames = (Vec<PreparedRestore>, Vec<Violation>, Option<Arc<Catalog>>);

impl RegistryInner {
    /// Judges what a plan restores, one name after another: a later one may be bound to what an
    /// earlier one brings back. References may lead to any of them.
    pub(super) async fn restore_names(
        &self,
        view: &Arc<Catalog>,
        command: &Command,
        plan: &Plan,
    ) -> Result<RestoredNames, SubmitError> {
        if plan.restored.is_empty() {
            return Ok((Vec::new(), Vec::new(), None));
        }
        let coming = resources_coming(view, plan.restored.iter());
        let as_prepared = prepared(command, PreparedAction::Refused(Refusal::not_found("/")));
        let mut catalog = (**view).clone();
        let (mut actions, mut warnings) = (Vec::new(), Vec::new());
        for xid in &plan.restored {
            let hidden = catalog.hidden.get(xid.to_string().as_str()).cloned();
            let gone = || Refusal::new(xid, Reason::NotFound(Absence::Deleted));
            let hidden = hidden.ok_or_else(gone)?;
            self.check_restored(&catalog, xid, &hidden).await?;
            let judged = self.judge_restored(&catalog, (xid, &hidden), &coming).await;
            let (action, found) = judged.map_err(|error| about(xid, error))?;
            self.restore_one(&mut catalog, &as_prepared, &action, &coming).await?;
            warnings.extend(found);
            actions.push(action);
        }
        Ok((actions, warnings, Some(Arc::new(catalog))))
    }

    /// The catalog is changed in place: a copy of it would cost as much as its past is long, for
    /// each name. A decision that isn't made changes nothing.
    async fn restore_one(
        &self,
        catalog: &mut Catalog,
        prepared: &PreparedCommand,
        action: &PreparedRestore,
        coming: &std::collections::BTreeSet<Xid>,
    ) -> Result<(), SubmitError> {
        let mut fetched = Fetched::new();
        for _ in 0..PREPARE_ROUNDS_MAX {
            let stored_attributes = CachedAttributes { cache: &self.contents, fetched: &fetched };
            let now = (self.settings.clock.now)().max(catalog.moment.next());
            match restore_next(catalog, &stored_attributes, prepared, action, coming, now) {
                Ok(_) => return Ok(()),
                Err(NoDecision::Missing(missing)) => {
                    let names = missing.iter().map(Content::reference);
                    fetched.extend(names.zip(self.maps(&missing).await?));
                }
                Err(NoDecision::Refused(refusal)) => return Err(refusal.into()),
                Err(NoDecision::Stale | NoDecision::Unjudged(_)) => {
                    return Err(SubmitError::Contended);
                }
            }
        }
        Err(SubmitError::Contended)
    }
}

/// A refusal that names something else, such as a schema, is told of the name that is restored.
fn about(xid: &Xid, error: SubmitError) -> SubmitError {
    match error {
        SubmitError::Refused(mut refusal) => {
            let is_within = refusal.subject.starts_with(&xid.to_string());
            if !is_within {
                refusal.subject = xid.to_string();
            }
            SubmitError::Refused(refusal)
        }
        error => error,
    }
}
