use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AssistantTool, Effect};
use crate::{answer, asked::Asked, places, refusal::Refusal};

/// The most names of each kind that are shown.
const NAMES_MAX: usize = 500;

/// Whose references to show.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferencesOfArguments {
    /// The xid of a document, a schema or a group.
    xid: String,
}

impl AssistantTool for ReferencesOfArguments {
    const NAME: &'static str = "references";
    const TITLE: &'static str = "What depends on what";
    const DESCRIPTION: &'static str = "Shows to what a document, a schema or a group refers, and what refers to it: documents through their fields, groups and types through the schemas and rules that judge their documents. A name that is referred to and doesn't exist is marked.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let xid = places::xid(&self.xid)?;
        let mut found = asked.client.references(&xid).await?.read()?;
        let left_out = found.referred_by.len().saturating_sub(NAMES_MAX)
            + found.refers_to.len().saturating_sub(NAMES_MAX);
        found.referred_by.truncate(NAMES_MAX);
        found.refers_to.truncate(NAMES_MAX);
        let known = found.left_out.unwrap_or_default();
        let all_left_out = known + u64::try_from(left_out).unwrap_or_default();
        found.left_out = Some(all_left_out).filter(|count| *count > 0);
        Ok(answer::fit(answer::json(&found), "referred_by"))
    }
}
