use muster_client::{Client, Query};
use muster_words::Xid;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AssistantTool, Effect};
use crate::{
    answer,
    asked::Asked,
    places::{self, Cursor, NumberOrText},
    refusal::Refusal,
};

/// The number of entities that a list shows if nothing else is asked for.
const LIMIT_USUAL: usize = 50;

/// The most entities that one answer shows.
const LIMIT_MAX: usize = 200;

/// The attributes that a list shows; the tool get shows all.
const SHOWN: &[&str] =
    &["xid", "name", "description", "versionid", "state", "labels", "modifiedat", "deprecated"];

/// What to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPlaceArguments {
    /// The place: left out for the types of groups that there are; /providers for the groups of a
    /// type; /providers/cms for what a group holds; /providers/cms/entries for its documents;
    /// /providers/cms/entries/sanity/versions for a document's versions.
    place: Option<String>,
    /// A filter over attributes, such as name=s* or labels.team=web; commas mean and.
    filter: Option<String>,
    /// The attribute to sort by, such as name or modifiedat=desc.
    sort: Option<String>,
    /// List the registry as it was at this ledger position or time (RFC 3339).
    at: Option<NumberOrText>,
    /// At most this many; 50 if left out, at most 200.
    limit: Option<usize>,
    /// Where an earlier answer said that it goes on. The other arguments are then left out.
    cursor: Option<Cursor>,
}

impl AssistantTool for ListPlaceArguments {
    const NAME: &'static str = "list";
    const TITLE: &'static str = "List what is there";
    const DESCRIPTION: &'static str = "Lists what the registry holds, level by level: types of groups, the groups of a type, the documents of a group, the versions of a document. Documents lie at paths of four parts, such as /providers/cms/entries/sanity: type of group, group, type of document, document. Call it without arguments first, to see what this registry is about.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let client = &asked.client;
        let query = Query::new().with_some("at", self.at.as_ref());
        let limit = self.limit.unwrap_or(LIMIT_USUAL).clamp(1, LIMIT_MAX);
        let collection = match &self.cursor {
            Some(cursor) => cursor.path("/api")?["/api".len()..].to_owned(),
            None => places::place(self.place.as_deref())?,
        };
        if self.cursor.is_none() && !places::is_collection(&collection) {
            return contents(client, &collection, &query).await;
        }
        let query = match self.cursor {
            Some(_) => Query::new(),
            None => query
                .with("limit", limit)
                .with_some("filter", self.filter.as_deref())
                .with_some("sort", self.sort.as_deref()),
        };
        let page = client.first_page(&collection, &query).await?;
        let entities: Vec<Value> =
            page.entries.iter().map(|(id, entity)| shown(id, entity)).collect();
        let mut all = json!({ "entities": entities });
        if let Some(cursor) = Cursor::of(client, page.next()) {
            all["cursor"] = cursor.0.into();
        }
        Ok(answer::fit(all, "entities"))
    }
}

/// What an entity holds: its collections with their counts.
async fn contents(client: &Client, place: &str, query: &Query) -> Result<Value, Refusal> {
    let xid = if place.is_empty() { Xid::Registry } else { places::xid(place)? };
    let details = client.details(&xid, query).await?.json()?;
    let Value::Object(details) = details else { return Ok(details) };
    let collections: Vec<Value> = details
        .iter()
        .filter_map(|(name, count)| {
            let plural = name.strip_suffix("count").filter(|_| count.is_number())?;
            details.contains_key(&format!("{plural}url")).then_some(())?;
            Some(json!({ "place": format!("{place}/{plural}"), "count": count }))
        })
        .collect();
    Ok(json!({ "xid": xid.to_string(), "name": details.get("name"), "collections": collections }))
}

fn shown(id: &str, entity: &Value) -> Value {
    let mut one = Map::new();
    one.insert("id".to_owned(), id.into());
    for (name, value) in entity.as_object().into_iter().flatten() {
        if SHOWN.contains(&name.as_str()) || name.ends_with("count") {
            one.insert(name.clone(), value.clone());
        }
    }
    Value::Object(one)
}
