use muster_client::{Call, Method, Query};
use muster_wire::log::{LogEntry, LogPage};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{answer, asked::Asked, places, refusal::Refusal};

/// The number of commands that the history shows if nothing else is asked for.
const LIMIT_USUAL: usize = 20;

/// The most commands that one answer shows.
const LIMIT_MAX: usize = 100;

/// The most changes that are listed of one command.
const CHANGES_MAX: usize = 20;

/// Whose history to show.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HistoryArguments {
    /// A document, a group or a collection, such as /providers/cms; left out for everything.
    place: Option<String>,
    /// Only what happened before this ledger position; for the next page, the next_before of the
    /// earlier answer.
    before: Option<u64>,
    /// At most this many commands; 20 if left out, at most 100.
    limit: Option<usize>,
}

impl AssistantTool for HistoryArguments {
    const NAME: &'static str = "history";
    const TITLE: &'static str = "Who changed what, when and why";
    const DESCRIPTION: &'static str = "Shows what happened to a document, a group, a collection or everything, newest first: who (a key's name), when, why, and what. Each item has its ledger position, which get, list, search and diff take as at or from, and rollback as to_position.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let path = format!("/log{}", places::place(self.place.as_deref())?);
        let query = Query::new()
            .with("limit", self.limit.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX))
            .with_some("before", self.before);
        let page = asked.client.call(Call::new(Method::GET, &path, &query)).await?;
        let page: LogPage = serde_json::from_value(page.json()?)
            .map_err(|error| Refusal::own("unreachable", error.to_string()))?;
        let mut all = json!({ "items": page.entries.iter().map(shown).collect::<Vec<_>>() });
        if let (Some(_), Some(last)) = (&page.next, page.entries.last()) {
            all["next_before"] = last.position.into();
        }
        Ok(answer::fit(all, "items"))
    }
}

fn shown(entry: &LogEntry) -> Value {
    let changes: Vec<Value> = entry
        .changes
        .iter()
        .take(CHANGES_MAX)
        .map(|change| {
            let mut one =
                json!({ "action": change.action, "kind": change.kind, "xid": change.xid });
            if let Some(version) = &change.versionid {
                one["version"] = version.as_str().into();
            }
            one
        })
        .collect();
    let left_out = entry.changes.len().saturating_sub(CHANGES_MAX)
        + entry.changes_left_out.unwrap_or_default();
    let mut one = json!({
        "position": entry.position,
        "time": entry.time,
        "actor": entry.name.as_ref().unwrap_or(&entry.actor),
        "what": entry.what,
        "changes": changes,
    });
    if let Some(message) = &entry.message {
        one["why"] = message.as_str().into();
    }
    if left_out > 0 {
        one["changes_left_out"] = left_out.into();
    }
    one
}
