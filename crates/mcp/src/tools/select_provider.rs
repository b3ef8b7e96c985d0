use muster_wire::providers::SelectionRequest;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AssistantTool, Effect};
use crate::{answer, asked::Asked, refusal::Refusal};

/// What is needed of an AI provider.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct SelectProviderArguments(SelectionRequest);

impl AssistantTool for SelectProviderArguments {
    const NAME: &'static str = "select_provider";
    const TITLE: &'static str = "Select an AI provider";
    const DESCRIPTION: &'static str = "Says which live AI provider and model fits a need best, and why: by model, capabilities, cost, latency, region. Providers that fail their health checks or are cut off aren't chosen; the answer says why others were not. For other kinds of providers (such as content management systems) use search.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let report = asked.client.select_provider(&self.0).await?.read()?;
        Ok(answer::fit(answer::json(&report), "refused"))
    }
}
