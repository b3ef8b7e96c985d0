use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Client, Query};
use muster_words::{Xid, json::Value};

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    form::answered,
    listing::{EntityPage, Parameters, count, page, parameter, state_tag, text},
    place::{link_as, page_of},
    times::number,
};

/// How many versions can be chosen from; the newest.
const VERSIONS_OFFERED: usize = 100;

/// The groups of schemas, and the schemas of one of them.
pub async fn show(
    visitor: Visitor,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let page = whole(&visitor, &parameters).await;
    answered(visitor, page)
}

async fn whole(visitor: &Visitor, parameters: &Parameters) -> Result<Response, PageFault> {
    let client = &visitor.client;
    let groups = match page(client, "/schemagroups", &Parameters::new()).await {
        Ok(groups) => groups.entries,
        Err(error) if error.is_absent() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let registry = client.details(&Xid::Registry, &Query::new()).await?.json()?;
    let first = groups.first().map(|(id, _)| id.clone());
    let chosen = parameter(parameters, "group").map(str::to_owned).or(first);
    let schemas = match &chosen {
        Some(group) => Some(page(client, &schemas_of(group)?, parameters).await?),
        None => None,
    };
    let body = html! {
        @if groups.is_empty() {
            p { "There are no schemas yet. " code { "muster put schemagroups/shop/schemas/order order.json" } " puts one." }
        } @else {
            h2 { "Groups" }
            (group_table(&groups, &registry, chosen.as_deref()))
        }
        @if let (Some(group), Some(schemas)) = (&chosen, &schemas) {
            h2 { "Schemas of " (group) }
            (schema_table(group, schemas))
            @if let Some(next) = next_of(schemas) {
                p { a.button rel="next" href=(address(group, Some(next))) { "Next page" } }
            }
        }
    };
    Ok(visitor.page(Section::Schemas, "Schemas", body))
}

/// The collection of a group's schemas.
fn schemas_of(group: &str) -> Result<String, PageFault> {
    let path = format!("/schemagroups/{group}");
    let xid: Xid = path.parse().map_err(|_| PageFault::NoSuchPage(path))?;
    Ok(format!("{xid}/schemas"))
}

/// The last schema of a page that isn't the last one.
fn next_of(schemas: &EntityPage) -> Option<&str> {
    schemas.has_next().then(|| schemas.entries.last().map(|(id, _)| id.as_str())).flatten()
}

fn address(group: &str, after: Option<&str>) -> String {
    let query = Query::new().with("group", group).with_some("after", after);
    format!("{}{query}", page_of("schemas", ""))
}

/// Which level the registry asks for in a group: its own, or the registry's.
fn level<'a>(group: &'a Value, registry: &'a Value) -> &'a str {
    let own = |entity: &'a Value| entity.get("muster")?.get("compatibility")?.as_str();
    own(group).or_else(|| own(registry)).unwrap_or("none asked for")
}

fn group_table(groups: &[(String, Value)], registry: &Value, chosen: Option<&str>) -> Markup {
    html! {
        div.scroll role="region" aria-label="Groups of schemas" tabindex="0" {
            table {
                thead { tr { th scope="col" { "Group" } th scope="col" { "What it is" } th scope="col" { "Compatibility" } th.number scope="col" { "Schemas" } } }
                tbody {
                    @for (id, group) in groups {
                        tr {
                            @let is_chosen = (chosen == Some(id)).then_some("true");
                            td { a href=(address(id, None)) aria-current=[is_chosen] { (id) } }
                            td { (text(group, "description")) }
                            td { (level(group, registry)) }
                            td.number { (number(count(group, "schemas"))) }
                        }
                    }
                }
            }
        }
    }
}

fn schema_table(group: &str, schemas: &EntityPage) -> Markup {
    html! {
        div.scroll role="region" aria-label="Schemas" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Schema" } th scope="col" { "Format" } th scope="col" { "State" }
                    th.number scope="col" { "Versions" } th scope="col" { "" }
                } }
                tbody {
                    @for (id, schema) in &schemas.entries {
                        @let path = format!("/schemagroups/{group}/schemas/{id}");
                        tr {
                            td { (link_as(&path, id)) @if schema.get("name").is_some() { br; span.dim { (text(schema, "name")) } } }
                            td { (format_of(schema)) }
                            td { (state_tag(&text(schema, "state"))) }
                            td.number { (number(count(schema, "versions"))) }
                            td {
                                a href=(page_of("schemas/compare", &path)) { "Compatibility" } " "
                                a href=(page_of("schemas/try", &path)) { "Try payloads" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn format_of(schema: &Value) -> String {
    let format = text(schema, "format");
    if format.is_empty() { "JSON Schema".to_owned() } else { format }
}

/// The ids of a schema's versions, newest first.
///
/// # Errors
/// There is no such schema.
pub async fn versions(client: &Client, schema: &Xid) -> Result<Vec<String>, PageFault> {
    let query = Query::new().with("sort", "createdat=desc").with("limit", VERSIONS_OFFERED);
    let page = client.first_page(&format!("{schema}/versions"), &query).await?;
    Ok(page.entries.into_iter().map(|(id, _)| id).collect())
}

/// A field in which one of a schema's versions is chosen.
pub fn version_field(name: &str, label: &str, versions: &[String], chosen: &str) -> Markup {
    choice((name, label), versions.iter().map(|id| (id.as_str(), id.as_str())), chosen)
}

/// A field with some values, each with its text.
pub fn choice<'a>(
    (name, label): (&str, &str),
    values: impl Iterator<Item = (&'a str, &'a str)>,
    chosen: &str,
) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                @for (value, text) in values {
                    option value=(value) selected[value == chosen] { (text) }
                }
            }
        }
    }
}
