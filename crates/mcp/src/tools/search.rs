use muster_client::{Call, Method, Query};
use muster_wire::search::SearchAnswer;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    answer,
    asked::Asked,
    places::{Cursor, NumberOrText},
    refusal::Refusal,
};

/// The number of documents that a search shows if nothing else is asked for.
const LIMIT_USUAL: usize = 20;

/// The most documents that one answer shows.
const LIMIT_MAX: usize = 100;

/// What to find.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Words that must all occur in the document; quotes make a phrase, - excludes a word, * ends
    /// the beginning of a word. Example: visual "git based" -wordpress.
    words: Option<String>,
    /// A condition over indexed fields, such as: monthly_cost_range < 100 && "hugo" in
    /// ssg_engine_options. Operators: == != < <= > >= in has() ! && || ( ). A field that isn't
    /// indexed is refused, and the refusal lists those that are.
    #[serde(rename = "where")]
    condition: Option<String>,
    /// Only documents of this type: providers, or providers/entries.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Only documents of this group, such as cms or providers/cms.
    group: Option<String>,
    /// Only entities of this class or this family of classes, such as services or AI systems.
    classification: Option<String>,
    /// Only documents in this lifecycle state: draft, review, stable, deprecated or retired.
    state: Option<String>,
    /// Only documents with this label, as name=value.
    label: Option<String>,
    /// The indexed field to sort by, such as monthly_cost_range or monthly_cost_range=desc.
    sort: Option<String>,
    /// Search the registry as it was at this ledger position or time (RFC 3339); not with words.
    at: Option<NumberOrText>,
    /// Count how often each value of these fields occurs, such as complexity_level,provider_type.
    facets: Option<String>,
    /// Show the documents themselves too, not only their names.
    #[serde(default)]
    with_documents: bool,
    /// At most this many; 20 if left out, at most 100.
    limit: Option<usize>,
    /// Where an earlier answer said that it goes on. The other arguments are then left out.
    cursor: Option<Cursor>,
}

impl AssistantTool for SearchArguments {
    const NAME: &'static str = "search";
    const TITLE: &'static str = "Search documents";
    const DESCRIPTION: &'static str = "Finds documents by words, by conditions over their fields, or both. Start here when you know what you need but not where it is, for example the cheapest provider with a feature. Answers the documents' xids (paths such as /providers/cms/entries/sanity), which the other tools take, and how many there are in all. The tool list shows which types and groups there are.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let client = &asked.client;
        let call = match &self.cursor {
            Some(cursor) => Call::new(Method::GET, cursor.path("/search")?, &Query::new()),
            None => Call::new(Method::GET, "/search", &self.query()),
        };
        let found = client.call(call).await?;
        let found: SearchAnswer = serde_json::from_value(found.json()?)
            .map_err(|error| Refusal::own("unreachable", error.to_string()))?;
        let mut all = json!({
            "count": found.count,
            "documents": found.documents.iter().map(|one| self.shown(one)).collect::<Vec<_>>(),
        });
        if found.count_is_least {
            all["note"] = "there may be more than count: narrow the words".into();
        }
        if self.facets.is_some() {
            all["facets"] = answer::json(&found.facets);
        }
        if let Some(cursor) = Cursor::of(client, found.next.as_deref()) {
            all["cursor"] = cursor.0.into();
        }
        Ok(answer::fit(all, "documents"))
    }
}

impl SearchArguments {
    fn query(&self) -> Query {
        let show = (!self.with_documents).then_some("");
        Query::new()
            .with_some("show", show)
            .with_some("q", self.words.as_deref())
            .with_some("where", self.condition.as_deref())
            .with_some("type", self.kind.as_deref())
            .with_some("group", self.group.as_deref())
            .with_some("classification", self.classification.as_deref())
            .with_some("state", self.state.as_deref())
            .with_some("label", self.label.as_deref())
            .with_some("sort", self.sort.as_deref())
            .with_some("at", self.at.as_ref())
            .with("facets", self.facets.as_deref().unwrap_or_default())
            .with("limit", self.limit.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX))
    }

    fn shown(&self, found: &muster_wire::search::FoundDocument) -> Value {
        let mut one = answer::json(found);
        if let (false, Some(members)) = (self.with_documents, one.as_object_mut()) {
            members.remove("document");
        }
        one
    }
}
