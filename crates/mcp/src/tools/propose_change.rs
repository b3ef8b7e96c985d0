use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    arguments::{DeleteArguments, PutArguments, RollbackArguments},
    asked::Asked,
    confirmation::VALID,
    plan::{self, Plan},
    refusal::Refusal,
};

/// The change to plan: exactly one of the three.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProposeChangeArguments {
    /// The arguments that the tool put would get, without confirmation.
    put: Option<PutArguments>,
    /// The arguments that the tool delete would get, without confirmation.
    delete: Option<DeleteArguments>,
    /// The arguments that the tool rollback would get, without confirmation.
    rollback: Option<RollbackArguments>,
}

impl AssistantTool for ProposeChangeArguments {
    const NAME: &'static str = "propose_change";
    const TITLE: &'static str = "Plan a change without making it";
    const DESCRIPTION: &'static str = "Plans a put, a deletion or a rollback and changes nothing. Answers what would change, what would be refused and why, which stored documents would stop passing, and what depends on it. If the change would be accepted and replaces or removes something, the answer has a confirmation: show the plan to the person you work for, then call the tool put, delete or rollback with the same arguments and this confirmation. It is valid for five minutes, for one call, and only while nothing that the plan is about changes.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let (tool, plan) = match (self.put, self.delete, self.rollback) {
            (Some(put), None, None) => ("put", plan::put(asked, &put).await?.plan),
            (None, Some(delete), None) => ("delete", plan::delete(asked, &delete).await?.plan),
            (None, None, Some(rollback)) => {
                ("rollback", plan::rollback(asked, &rollback).await?.plan)
            }
            _ => {
                return Err(Refusal::arguments("give exactly one of put, delete and rollback"));
            }
        };
        let mut all = json!({
            "tool": tool,
            "would_pass": plan.would_pass,
            "plan": plan.shown,
            "next": next(tool, &plan),
        });
        if let Some(confirmation) = plan.confirmation(asked)? {
            all["confirmation"] = confirmation.into();
            all["valid_for_seconds"] = VALID.as_secs().into();
        }
        Ok(all)
    }
}

fn next(tool: &str, plan: &Plan) -> String {
    match (plan.would_pass, plan.needs_confirmation) {
        (false, _) => "The change would be refused: correct what refused names.".to_owned(),
        (true, true) => format!(
            "Show the plan to the person you work for. If they agree, call {tool} with the same arguments and the confirmation."
        ),
        (true, false) => {
            format!(
                "Nothing is replaced: call {tool} with the same arguments, without confirmation."
            )
        }
    }
}
