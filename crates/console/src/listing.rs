use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, html};
use muster_client::{Answer, Call, Client, ClientError, Method, Query, next_link};
use muster_words::{Permission, Xid, json::Value};

use crate::{
    AddressQuery, Console, PageFault, Section, Visitor, document,
    form::may,
    found::{self, Found},
    place::{Location, LocationKind, link_as, page_of},
    plain_text::visible,
    times::{number, time},
};

/// How many entities a page of a collection has.
const PAGE_SIZE: usize = 50;

/// The parameters of a page, in their order.
pub type Parameters = Vec<(String, String)>;

/// The first value of a parameter, unless it is empty.
pub fn parameter<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The registry: all types of groups.
pub async fn show_all(
    state: State<Console>,
    visitor: Visitor,
    parameters: AddressQuery<Parameters>,
) -> Response {
    show(state, visitor, Path(String::new()), parameters).await
}

/// What is at a place: a collection as a table, an entity with what is in it.
pub async fn show(
    State(_): State<Console>,
    visitor: Visitor,
    Path(path): Path<String>,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let place = Location::read(&path);
    let page = match place.kind() {
        Err(fault) => Err(fault),
        Ok(LocationKind::Registry) => types(&visitor, &place).await,
        Ok(LocationKind::Groups) => groups(&visitor, &place, &parameters).await,
        Ok(LocationKind::Group(xid)) => group(&visitor, &place, &xid).await,
        Ok(LocationKind::Resources) => resources(&visitor, &place, &parameters).await,
        Ok(LocationKind::Document(xid)) => {
            document::document(&visitor, &place, &xid, &parameters).await
        }
        Ok(LocationKind::Versions(xid)) => versions(&visitor, &place, &xid, &parameters).await,
        Ok(LocationKind::Version(xid)) => {
            document::document(&visitor, &place, &xid, &parameters).await
        }
    };
    visitor.answer(Section::Browse, page)
}

/// A title with the page below it, or why there is none.
pub type Shown = Result<(String, Markup), PageFault>;

/// The types of groups that the model has.
async fn types(visitor: &Visitor, place: &Location) -> Shown {
    let model = visitor.client.model().await?.json()?;
    let registry = visitor.client.details(&Xid::Registry, &Query::new()).await?.json()?;
    let types = model.get("groups").and_then(Value::as_object).cloned().unwrap_or_default();
    let body = html! {
        (place.trail())
        div.scroll role="region" aria-label="Types of groups" tabindex="0" {
            table {
                thead { tr { th scope="col" { "Type" } th scope="col" { "What it is" } th scope="col" { "Resources" } th.number scope="col" { "Groups" } } }
                tbody {
                    @for (plural, group_type) in &types {
                        tr {
                            td { (link_as(&format!("/{plural}"), plural)) }
                            td { (text(group_type, "description")) }
                            td { (resource_types(group_type).join(", ")) }
                            td.number { (number(count(&registry, plural))) }
                        }
                    }
                }
            }
        }
    };
    Ok(("Everything".to_owned(), body))
}

/// The names of a group type's types of resources.
fn resource_types(group_type: &Value) -> Vec<String> {
    let types = group_type.get("resources").and_then(Value::as_object);
    types.map(|types| types.keys().cloned().collect()).unwrap_or_default()
}

async fn groups(visitor: &Visitor, place: &Location, parameters: &Parameters) -> Shown {
    let plural = &place.steps()[0];
    let model = visitor.client.model().await?.json()?;
    let group_type = model.get("groups").and_then(|groups| groups.get(plural)).cloned();
    let group_type = group_type.ok_or_else(|| PageFault::NoSuchPage(place.path()))?;
    let kinds = resource_types(&group_type);
    let page = page(&visitor.client, &place.path(), parameters).await?;
    let body = html! {
        (place.trail())
        @if let Some(description) = group_type.get("description").and_then(Value::as_str) { p { (description) } }
        @if may(visitor, Permission::WriteDocuments) {
            div.actions { a.button href=(page_of("new", &place.path())) { "New group" } }
        }
        div.scroll role="region" aria-label="Groups" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Group" } th scope="col" { "Name" } th scope="col" { "Description" }
                    @for kind in &kinds { th.number scope="col" { (kind) } }
                    th scope="col" { "Changed" }
                } }
                tbody {
                    @for (id, group) in &page.entries {
                        tr {
                            td { (link_as(&format!("/{plural}/{id}"), id)) }
                            td { (text(group, "name")) }
                            td { (text(group, "description")) }
                            @for kind in &kinds { td.number { (number(count(group, kind))) } }
                            td { (time(&text(group, "modifiedat"))) }
                        }
                    }
                }
            }
        }
        (page.onward(place))
    };
    Ok((plural.clone(), body))
}

async fn group(visitor: &Visitor, place: &Location, xid: &Xid) -> Shown {
    let details = visitor.client.details(xid, &Query::new()).await?.json()?;
    let model = visitor.client.model().await?.json()?;
    let group_type = model.get("groups").and_then(|groups| groups.get(&place.steps()[0]));
    let kinds = group_type.map(resource_types).unwrap_or_default();
    let name = details.get("name").and_then(Value::as_str).map(str::to_owned);
    let body = html! {
        (place.trail())
        (document::place_actions(visitor, place))
        @for kind in &kinds {
            h2 { (link_as(&format!("{xid}/{kind}"), kind)) " " span.tag { (number(count(&details, kind))) } }
            (found::newest(visitor, place, kind).await)
        }
        h2 { "Attributes" }
        (document::attributes(&details))
    };
    Ok((name.unwrap_or_else(|| place.steps()[1].clone()), body))
}

/// The documents of a collection, with the columns that the model declares.
async fn resources(visitor: &Visitor, place: &Location, parameters: &Parameters) -> Shown {
    let [groups, group, kind] = place.steps() else {
        return Err(PageFault::NoSuchPage(place.path()));
    };
    let found = Found::of_collection(visitor, (groups, group, kind), parameters).await?;
    let body = html! {
        (place.trail())
        @if may(visitor, Permission::WriteDocuments) {
            div.actions { a.button href=(page_of("new", &place.path())) { "New document" } }
        }
        (found.view(&page_of("browse", &place.path())))
    };
    Ok((format!("{group} / {kind}"), body))
}

async fn versions(
    visitor: &Visitor,
    place: &Location,
    xid: &Xid,
    parameters: &Parameters,
) -> Shown {
    let page = page(&visitor.client, &place.path(), parameters).await?;
    let body = html! {
        (place.trail())
        (version_table(xid, &page.entries))
        (page.onward(place))
    };
    Ok((format!("Versions of {}", place.steps()[3]), body))
}

/// Versions of a document as a table.
pub fn version_table(xid: &Xid, versions: &[(String, Value)]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Versions" tabindex="0" {
            table {
                thead { tr { th scope="col" { "Version" } th scope="col" { "State" } th scope="col" { "Derived from" } th scope="col" { "Made" } th scope="col" { "Digest" } } }
                tbody {
                    @for (id, version) in versions {
                        tr {
                            td {
                                (link_as(&format!("{xid}/versions/{id}"), id))
                                @if version.get("isdefault").and_then(Value::as_bool) == Some(true) { " " span.tag.good { "default" } }
                            }
                            td { (state_tag(&text(version, "state"))) }
                            td { (text(version, "ancestorid")) }
                            td { (time(&text(version, "createdat"))) }
                            td { code { (text(version, "digest").chars().take(8).collect::<String>()) } }
                        }
                    }
                }
            }
        }
    }
}

/// A lifecycle state, told apart by more than its colour: by its name.
pub fn state_tag(state: &str) -> Markup {
    match state {
        "stable" => html! { span.tag.good { (state) } },
        "draft" | "review" => html! { span.tag.warn { (state) } },
        "deprecated" | "retired" => html! { span.tag.bad { (state) } },
        _ => html! { span.tag { (state) } },
    }
}

/// A page of a collection.
pub struct EntityPage {
    pub entries: Vec<(String, Value)>,
    /// The query of the next page.
    next: Option<String>,
}

impl EntityPage {
    /// Whether there are more.
    pub const fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// The link to the next page.
    fn onward(&self, place: &Location) -> Markup {
        html! {
            @if let Some(next) = &self.next {
                p { a.button rel="next" href=(format!("{}?{next}", page_of("browse", &place.path()))) { "Next page" } }
            }
        }
    }
}

/// A page of a collection: the first one, or the one that `after` names.
pub async fn page(
    client: &Client,
    collection: &str,
    parameters: &Parameters,
) -> Result<EntityPage, ClientError> {
    let query = Query::new()
        .with("limit", PAGE_SIZE)
        .with_some("after", parameter(parameters, "after"))
        .with_some("at", parameter(parameters, "at"));
    let answer: Answer =
        client.call(Call::new(Method::GET, &format!("/api{collection}"), &query)).await?;
    let links = answer.headers.get_all("link");
    let next = links.iter().filter_map(|link| link.to_str().ok()).find_map(next_link);
    let next = next.and_then(|next| next.split_once('?').map(|(_, query)| query.to_owned()));
    let entries = muster_client::Page::read(&answer.bytes).map(|page| page.entries);
    let entries = entries.unwrap_or_default();
    Ok(EntityPage { entries, next })
}

/// An attribute as text; empty if it isn't there.
pub fn text(entity: &Value, name: &str) -> String {
    match entity.get(name) {
        Some(Value::String(text)) => visible(text).into_owned(),
        Some(Value::Null) | None => String::new(),
        Some(value) => value.to_string(),
    }
}

/// How many members of a type an entity has.
pub fn count(entity: &Value, plural: &str) -> u64 {
    entity.get(format!("{plural}count")).and_then(Value::as_u64).unwrap_or_default()
}
