use muster_client::Query;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AssistantTool, Effect};
use crate::{
    answer,
    asked::Asked,
    places::{self, NumberOrText},
    refusal::Refusal,
};

/// The number of entities that are compared if nothing else is asked for.
const LIMIT_USUAL: usize = 20;

/// The most entities that one answer compares.
const LIMIT_MAX: usize = 100;

/// Which states to compare.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffStatesArguments {
    /// A document, a group or a collection; left out for everything.
    place: Option<String>,
    /// The earlier state: a ledger position or a time (RFC 3339). Left out: before the last change.
    from: Option<NumberOrText>,
    /// The later state: a ledger position or a time. Left out: now.
    to: Option<NumberOrText>,
    /// For a document: compare this version, such as 1, instead of an earlier state.
    from_version: Option<NumberOrText>,
    /// For a document: with this version.
    to_version: Option<NumberOrText>,
    /// At most this many documents; 20 if left out, at most 100.
    limit: Option<usize>,
}

impl AssistantTool for DiffStatesArguments {
    const NAME: &'static str = "diff";
    const TITLE: &'static str = "What differs between two states";
    const DESCRIPTION: &'static str = "Shows what differs between two states of a document, a group, a collection or everything: fields with their earlier and later values, for documents that aren't JSON or YAML the differing lines, and what was added and removed. Without from and to: what the last change did.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let place = places::place(self.place.as_deref())?;
        let query = Query::new()
            .with_some("from", self.from)
            .with_some("to", self.to)
            .with_some("from_version", self.from_version)
            .with_some("to_version", self.to_version)
            .with("limit", self.limit.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX));
        let mut page = asked.client.diff(&place, &query).await?.read()?;
        let has_more = page.next.take().is_some();
        for change in &mut page.changes {
            // The fields say the same, for readers.
            change.patch = None;
        }
        let mut all = answer::json(&page);
        if has_more {
            all["note"] = "more differs than is shown: ask about a smaller place".into();
        }
        Ok(answer::fit(all, "changes"))
    }
}
