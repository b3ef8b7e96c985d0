mod description;
mod operation;

use axum::{extract::Path, response::Response};
use maud::{Markup, html};
use muster_client::{Call, Client, Method, Query, encoded_step};
use serde_json::Value;

use self::description::{Description, text_of};
use crate::{
    PageFault, Section, Visitor,
    board::{Board, read},
    plain_text::shortened,
    times::number,
};

const BOARD: Board = Board { section: Section::ApiReference, title: "API reference", path: "/api" };

/// How many members of a type are shown.
const MEMBERS_SHOWN: usize = 150;

/// How many letters of a type's schema are shown.
const SCHEMA_LETTERS_MAX: usize = 20_000;

/// All operations, each with a line.
pub async fn show(visitor: Visitor) -> Response {
    let body = description(&visitor.client).await.map(|found| index(&found));
    BOARD.show(visitor, body)
}

/// The operations of a part of the API.
pub async fn show_tag(visitor: Visitor, Path(tag): Path<String>) -> Response {
    let body = match description(&visitor.client).await {
        Ok(found) => of_tag(&found, &tag),
        Err(fault) => Err(fault),
    };
    BOARD.show(visitor, body)
}

/// A type of bodies.
pub async fn show_type(visitor: Visitor, Path(name): Path<String>) -> Response {
    let body = match description(&visitor.client).await {
        Ok(found) => of_type(&found, &name),
        Err(fault) => Err(fault),
    };
    BOARD.show(visitor, body)
}

async fn description(client: &Client) -> Result<Description, PageFault> {
    let answer = client.call(Call::new(Method::GET, "/openapi.json", &Query::new())).await?;
    Ok(Description::new(read::<Value>(&answer)?))
}

fn index(description: &Description) -> Markup {
    html! {
        p { "Everything that this server answers. " a href="/openapi.json" { "/openapi.json" } " says the same to programs (OpenAPI 3.1); generators make clients from it." }
        @for paragraph in description.introduction().split("\n\n") { p { (in_code(paragraph)) } }
        @for (tag, meaning) in description.tags() {
            h2 { a href=(address_of(tag)) { (tag) } }
            p { (meaning) }
            div.scroll tabindex="0" role="region" aria-label=(format!("Operations of {tag}")) {
                table {
                    thead { tr { th scope="col" { "Operation" } th scope="col" { "What it does" } } }
                    tbody { @for operation in description.operations(tag) {
                        tr {
                            th scope="row" { a href=(format!("{}#{}", address_of(tag), operation.id)) { (operation.method) " " (operation.path) } }
                            td { (in_code(first_sentence(operation.summary))) }
                        }
                    } }
                }
            }
        }
    }
}

fn of_tag(description: &Description, tag: &str) -> Result<Markup, PageFault> {
    let meaning = description.tags().find(|(name, _)| *name == tag);
    let Some((_, meaning)) = meaning else {
        return Err(PageFault::NoSuchPage(BOARD.address(&format!("/{tag}"))));
    };
    let operations = description.operations(tag);
    let parameters = operation::parameters(&operations);
    Ok(html! {
        p { a href=(BOARD.address("")) { "All parts of the API" } " · " a href="/openapi.json" { "/openapi.json" } }
        h2 { (tag) }
        p { (meaning) }
        @for operation in &operations { (operation::shown(operation)) }
        @if !parameters.is_empty() {
            h2 #parameters { "Parameters and headers of requests" }
            (operation::parameter_table(description, &parameters))
        }
    })
}

fn of_type(description: &Description, name: &str) -> Result<Markup, PageFault> {
    let Some(schema) = description.schema(name) else {
        return Err(PageFault::NoSuchPage(BOARD.address(&format!("/types/{name}"))));
    };
    let members = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let whole = serde_json::to_string_pretty(schema).unwrap_or_default();
    Ok(html! {
        p { a href=(BOARD.address("")) { "All parts of the API" } }
        h2 { (name) }
        p { (in_code(text_of(schema, "description"))) }
        @if let Some(members) = members {
            div.scroll tabindex="0" role="region" aria-label=(format!("Members of {name}")) {
                table {
                    thead { tr { th scope="col" { "Member" } th scope="col" { "Type" } th scope="col" { "Always there" } th scope="col" { "Meaning" } } }
                    tbody { @for (member, schema) in members.iter().take(MEMBERS_SHOWN) {
                        tr {
                            th scope="row" { code { (member) } }
                            td { (operation::type_of(schema)) }
                            td { @if is_required(member) { "yes" } @else { "no" } }
                            td { (in_code(text_of(schema, "description"))) }
                        }
                    } }
                }
            }
            @if members.len() > MEMBERS_SHOWN { p { "and " (number((members.len() - MEMBERS_SHOWN) as u64)) " more" } }
        }
        h3 { "Its JSON Schema" }
        pre tabindex="0" { (shortened(&whole, SCHEMA_LETTERS_MAX)) }
    })
}

fn address_of(tag: &str) -> String {
    BOARD.address(&format!("/{}", encoded_step(tag)))
}

/// The first sentence of a text; the rest is on the page of its part.
fn first_sentence(text: &str) -> &str {
    match text.find(". ") {
        Some(end) => &text[..=end],
        None => text,
    }
}

/// A text in which backquotes mark code, as descriptions have it.
fn in_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_wire::openapi::document;

    use super::*;

    #[test]
    fn every_part_and_every_type_has_a_page_below_100_kb() {
        let description = Description::new(document("1.0.0"));
        let room = 95_000;
        assert!(index(&description).into_string().len() < room);
        let tags: Vec<String> = description.tags().map(|(tag, _)| tag.to_owned()).collect();
        assert!(tags.len() > 20);
        for tag in tags {
            let page = of_tag(&description, &tag).unwrap().into_string();
            assert!(page.len() < room, "{tag}: {} bytes", page.len());
        }
        let names: Vec<String> = description.schema_names().map(str::to_owned).collect();
        for name in names {
            let page = of_type(&description, &name).unwrap().into_string();
            assert!(page.len() < room, "{name}: {} bytes", page.len());
        }
        assert!(of_tag(&description, "nothing").is_err());
        assert!(of_type(&description, "Nothing").is_err());
    }

    #[test]
    fn every_operation_is_in_the_index_once() {
        let description = Description::new(document("1.0.0"));
        let page = index(&description).into_string();
        for operation in muster_wire::operations::OPERATIONS {
            let anchor = format!("#{}\"", operation.id);
            assert_eq!(page.matches(&anchor).count(), 1, "{}", operation.id);
        }
    }

    #[test]
    fn marks_code() {
        assert_eq!(in_code("a `<b>` c").into_string(), "a <code>&lt;b&gt;</code> c");
        assert_eq!(first_sentence("One. Two."), "One.");
        assert_eq!(first_sentence("One."), "One.");
    }
}
