use muster_wire::ErrorCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    advice::advice,
    asked::Asked,
    refusal::{OWN_REASONS, Refusal},
};

/// Which refusal to explain.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRefusalArguments {
    /// The reason of a refusal, such as invalid_document, forbidden or plan_changed.
    reason: String,
}

impl AssistantTool for ExplainRefusalArguments {
    const NAME: &'static str = "explain_refusal";
    const TITLE: &'static str = "Explain a refusal";
    const DESCRIPTION: &'static str = "Explains the reason of a refusal: what it means, what to do, whether the same request may succeed later, and whether nothing was done. Every refused call of these tools and of the registry's API has such a reason.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, _: &Asked) -> Result<Value, Refusal> {
        let reason = self.reason.trim();
        if let Some(own) = OWN_REASONS.iter().find(|own| own.name == reason) {
            return Ok(json!({
                "reason": own.name,
                "meaning": own.meaning,
                "advice": own.help,
                "try_again_unchanged": matches!(own.name, "unreachable" | "too_many_plans"),
                "nothing_was_done": !matches!(own.name, "unreachable" | "answer_too_large"),
            }));
        }
        let Some(code) = ErrorCode::find(reason) else {
            let known: Vec<&str> = ErrorCode::all()
                .map(ErrorCode::name)
                .chain(OWN_REASONS.iter().map(|o| o.name))
                .collect();
            let refusal = Refusal::arguments(format!("there is no reason {reason:?}"));
            return Err(refusal.with("known", known));
        };
        let facts = code.facts();
        Ok(json!({
            "reason": code.name(),
            "status": facts.status,
            "message": facts.title,
            "meaning": facts.meaning,
            "advice": advice(code),
            "try_again_unchanged": code.is_retryable(),
            "nothing_was_done": code.has_no_side_effects(),
        }))
    }
}
