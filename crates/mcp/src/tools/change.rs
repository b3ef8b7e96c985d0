//! The tools that change something. Each makes its plan anew, and is refused unless it is the
//! confirmed one.

use muster_client::{Client, DeleteOptions};
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    answer,
    arguments::{DeleteArguments, PutArguments, RollbackArguments},
    asked::Asked,
    plan,
    refusal::Refusal,
};

/// A client that says why.
fn explaining(asked: &Asked, message: Option<&str>) -> Client {
    match message {
        Some(message) => asked.client.clone().explaining(message),
        None => asked.client.clone(),
    }
}

impl AssistantTool for PutArguments {
    const NAME: &'static str = "put";
    const TITLE: &'static str = "Put a document";
    const DESCRIPTION: &'static str = "Creates a document, or gives an existing one a new version; earlier versions stay readable. The document is judged by schema, rules and references first, and refused with the places of all violations if it doesn't pass. Replacing an existing document needs the confirmation that propose_change returns; creating a new one doesn't.";
    const EFFECT: Effect = Effect::ChangesAgain;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let planned = plan::put(asked, &self).await?;
        planned.plan.check(asked, self.confirmation.as_deref()).await?;
        let client = explaining(asked, self.message.as_deref());
        let done = match client.put(&planned.xid, &planned.upload).await {
            // Somebody was faster than the check.
            Err(error) if error.is("precondition_failed") => {
                return Err(Refusal::own("plan_changed", error.to_string()));
            }
            done => done?,
        };
        let what = if planned.plan.needs_confirmation { "replaced" } else { "created" };
        let mut all = json!({ "done": what, "xid": planned.xid.to_string() });
        if let Some(version) = done.header("xregistry-versionid") {
            all["version"] = version.into();
        }
        if let Some(position) = done.position() {
            all["position"] = position.0.into();
        }
        let warnings = done.warnings();
        if !warnings.is_empty() {
            all["warnings"] = answer::json(&warnings);
        }
        Ok(answer::fit(all, "warnings"))
    }
}

impl AssistantTool for DeleteArguments {
    const NAME: &'static str = "delete";
    const TITLE: &'static str = "Delete a document or a group";
    const DESCRIPTION: &'static str = "Deletes a document, or a group with everything in it. What others refer to isn't deleted; the refusal names them. What is deleted stays in the history and can be brought back with rollback. Needs the confirmation that propose_change returns.";
    const EFFECT: Effect = Effect::Changes;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let planned = plan::delete(asked, &self).await?;
        planned.plan.check(asked, self.confirmation.as_deref()).await?;
        let client = explaining(asked, self.message.as_deref());
        let options =
            DeleteOptions { precondition: planned.precondition, ..DeleteOptions::default() };
        let done = match client.delete(&planned.xid, &options).await {
            Err(error) if error.is("precondition_failed") => {
                return Err(Refusal::own("plan_changed", error.to_string()));
            }
            done => done?,
        };
        let position = done.position().map(|position| position.0);
        Ok(json!({ "done": "deleted", "xid": planned.xid.to_string(), "position": position }))
    }
}

impl AssistantTool for RollbackArguments {
    const NAME: &'static str = "rollback";
    const TITLE: &'static str = "Roll back to an earlier state";
    const DESCRIPTION: &'static str = "Gives a document, a group, a collection or everything an earlier state again, as one new change: what changed since is put back, what was deleted since is restored, what was created since is deleted. The history stays whole, so a rollback can be rolled back. Needs the confirmation that propose_change returns.";
    const EFFECT: Effect = Effect::Changes;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let planned = plan::rollback(asked, &self).await?;
        planned.plan.check(asked, self.confirmation.as_deref()).await?;
        let client = explaining(asked, self.message.as_deref());
        let report = match client.roll_back(&planned.request, false).await {
            Err(error) if error.is("precondition_failed") => {
                return Err(Refusal::own("plan_changed", error.to_string()));
            }
            report => report?.read()?,
        };
        let all = json!({
            "done": "rolled back",
            "position": report.position,
            "to_position": report.to,
            "steps": report.steps.iter().map(answer::json).collect::<Vec<_>>(),
        });
        Ok(answer::fit(all, "steps"))
    }
}
