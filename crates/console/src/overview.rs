use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Call, Client, ClientError, Method, Query};
use muster_http::CONSOLE;
use muster_wire::{
    health::{HealthStatus, ReadinessReport},
    log::LogEntry,
    search::FoundDocument,
    status::StatusReport,
};
use muster_words::{Xid, json::Value};

use crate::{
    Section, Visitor,
    listing::count,
    place::{link, link_as},
    times::{number, time},
};

/// How many of the newest changes are shown.
const CHANGES_SHOWN: usize = 8;

/// How many documents are shown that wait for a decision.
const WAITING_SHOWN: usize = 8;

/// How many groups of a type are shown; the rest is a click away.
const GROUPS_SHOWN: usize = 12;

/// The type of the documents that are conflicts.
const CONFLICTS: &str = "conflicts/entries";

/// What is in the registry, whether it is well, and what happened last.
///
/// What the visitor's role doesn't show is left out.
pub async fn show(visitor: Visitor) -> Response {
    let client = &visitor.client;
    let (status, health) = (status(client).await, health(client).await);
    let collections = match collections(client).await {
        Ok(collections) => collections,
        Err(error) => {
            return crate::PageFault::from(error).page_for(Some(&visitor));
        }
    };
    let changes = changes(client).await;
    let waiting = waiting(client).await;
    let conflicts = open_conflicts(client).await;
    let scope = visitor.access.as_ref().and_then(|access| access.scope.as_ref());
    let body = html! {
        (figures(status.as_ref(), health.as_ref(), conflicts))
        @if status.is_none() {
            p.dim { "Your key doesn't show how much is in the registry." }
        }
        h2 { "Collections" }
        @if collections.is_empty() {
            @if let Some(scope) = scope {
                p { "There is nothing that your key shows. It is for " (scope.join(", ")) "." }
            } @else {
                p { "There is nothing here yet. " code { "muster apply FOLDER" } " puts a folder of documents, and " code { "muster serve --demo" } " an example." }
            }
        }
        div.cards { @for collection in &collections { (card(collection)) } }
        @if !waiting.is_empty() {
            h2 { "Waiting for a decision" }
            ul.plainlist { @for document in &waiting { li { (link(&document.xid)) " " span.tag.warn { (document.state) } " " (time(&document.modifiedat)) } } }
        }
        @if let Some(changes) = changes {
            h2 { "Newest changes " span.dim data-live-state { "" } }
            ul.plainlist data-live { @for change in &changes { li { (one_change(change)) } } }
            p { a href=(format!("{CONSOLE}/changes")) { "All changes" } }
        } @else {
            p.dim { "Your role doesn't show who changed what." }
        }
    };
    visitor.page(Section::Overview, "Overview", body)
}

/// A type of groups with some of its groups.
struct Collection {
    plural: String,
    description: Option<String>,
    count: u64,
    groups: Vec<(String, u64)>,
}

async fn status(client: &Client) -> Option<StatusReport> {
    client.status().await.ok()?.read().ok()
}

async fn health(client: &Client) -> Option<ReadinessReport> {
    let call = Call::new(Method::GET, "/health", &Query::new());
    serde_json::from_slice(&client.call(call).await.ok()?.bytes).ok()
}

async fn changes(client: &Client) -> Option<Vec<LogEntry>> {
    let query = Query::new().with("limit", CHANGES_SHOWN).with("changes", 1);
    Some(client.log(&Xid::Registry, &query).await.ok()?.read().ok()?.entries)
}

/// Documents whose default version is in review.
async fn waiting(client: &Client) -> Vec<FoundDocument> {
    let found = client.search_page(&waiting_query()).await;
    found.map(|answer| answer.documents).unwrap_or_default()
}

fn waiting_query() -> Query {
    Query::new().with("state", "review").with("limit", WAITING_SHOWN).with("show", "")
}

/// How many documents wait for a decision between two registries: a conflict that is closed is
/// erased. None where the model has no conflicts.
async fn open_conflicts(client: &Client) -> Option<u64> {
    let query = Query::new().with("type", CONFLICTS).with("limit", 1).with("show", "");
    Some(client.search_page(&query.with("facets", "")).await.ok()?.count)
}

async fn collections(client: &Client) -> Result<Vec<Collection>, ClientError> {
    let registry = client.details(&Xid::Registry, &Query::new()).await?.json()?;
    let model = client.model().await?.json()?;
    let Some(types) = model.get("groups").and_then(Value::as_object) else { return Ok(Vec::new()) };
    let mut collections = Vec::new();
    for (plural, group_type) in types {
        let count = count(&registry, plural);
        if count == 0 {
            continue;
        }
        let description = group_type.get("description").and_then(Value::as_str);
        collections.push(Collection {
            plural: plural.clone(),
            description: description.map(str::to_owned),
            count,
            groups: groups(client, plural, group_type).await?,
        });
    }
    Ok(collections)
}

/// The first groups of a type, each with how many resources it has.
async fn groups(
    client: &Client,
    plural: &str,
    group_type: &Value,
) -> Result<Vec<(String, u64)>, ClientError> {
    let resources: Vec<&String> = group_type
        .get("resources")
        .and_then(Value::as_object)
        .map(|types| types.keys().collect())
        .unwrap_or_default();
    let query = Query::new().with("limit", GROUPS_SHOWN);
    let page = client.first_page(&format!("/{plural}"), &query).await?;
    let size = |group: &Value| resources.iter().map(|plural| count(group, plural)).sum();
    Ok(page.entries.iter().map(|(id, group)| (id.clone(), size(group))).collect())
}

fn figures(
    status: Option<&StatusReport>,
    health: Option<&ReadinessReport>,
    conflicts: Option<u64>,
) -> Markup {
    html! {
        dl.figures {
            @if let Some(health) = health {
                div {
                    dt { "health" }
                    dd { (health_tag(health.status)) }
                }
            }
            @if let Some(status) = status {
                (figure("documents", status.documents))
                (figure("groups", status.groups))
                (figure("schemas", status.schemas))
                (figure("rules", status.rules))
                (figure("position", status.position))
                div {
                    dt { a href=(format!("{CONSOLE}/deleted")) { "deleted, can be restored" } }
                    dd { (number(status.hidden)) }
                }
            }
            @if let Some(conflicts) = conflicts {
                div {
                    dt { a href=(format!("{CONSOLE}/search?type={CONFLICTS}")) { "open conflicts" } }
                    dd { (number(conflicts)) }
                }
            }
        }
    }
}

fn figure(name: &str, value: u64) -> Markup {
    html! { div { dt { (name) } dd { (number(value)) } } }
}

fn health_tag(status: HealthStatus) -> Markup {
    match status {
        HealthStatus::Healthy => html! { span.tag.good { "healthy" } },
        HealthStatus::Degraded => html! { span.tag.warn { "degraded" } },
        HealthStatus::Unhealthy => html! { span.tag.bad { "unhealthy" } },
    }
}

fn card(collection: &Collection) -> Markup {
    let address = format!("{CONSOLE}/browse/{}", collection.plural);
    let more = collection.count.saturating_sub(collection.groups.len() as u64);
    html! {
        section.card {
            h3 { a href=(address) { (collection.plural) } " " span.tag { (number(collection.count)) } }
            @if let Some(description) = &collection.description { p.dim { (description) } }
            ul.plainlist {
                @for (id, size) in &collection.groups {
                    li { a href=(format!("{address}/{id}")) { (id) } " " span.dim { (number(*size)) } }
                }
                @if more > 0 { li { a href=(address) { "and " (number(more)) " more" } } }
            }
        }
    }
}

fn one_change(change: &LogEntry) -> Markup {
    let xid = change.changes.first().map(|change| change.xid.as_str());
    html! {
        @match xid {
            Some(xid) if xid != "/" => { (link_as(xid, &change.what)) }
            _ => { (change.what) }
        }
        " "
        span.dim { "by " (change.name.as_deref().unwrap_or(&change.actor)) ", " (time(&change.time)) }
    }
}
