use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::{
    BOARD,
    description::{DescribedOperation, Description, referred, text_of},
    in_code,
};
use crate::plain_text::shortened;

/// How many letters of an example are shown.
const EXAMPLE_LETTERS_MAX: usize = 700;

/// An operation with its parameters, its body and its answers. Refusals are the same everywhere, so
/// only their statuses are listed.
pub fn shown(operation: &DescribedOperation<'_>) -> Markup {
    let parameters = names(operation);
    let permission = text_of(operation.all, "x-permission");
    html! {
        h3 id=(operation.id) {
            a href=(format!("#{}", operation.id)) { (operation.method) " " (operation.path) }
        }
        p { (in_code(operation.summary)) }
        dl.fields {
            dt { "Permission" } dd { @if permission == "anyone" { "none; anyone may ask" } @else { code { (permission) } } }
            @if !parameters.is_empty() {
                dt { "Parameters" } dd { @for (index, name) in parameters.iter().enumerate() {
                    @if index > 0 { ", " }
                    a href="#parameters" { (name) }
                } }
            }
            @if let Some(body) = operation.all.get("requestBody") { dt { "Body" } dd { (content(body)) (example(body)) } }
            dt { "Answers" } dd { (answers(operation.all)) }
        }
    }
}

/// The names of the parameters that several operations have.
fn names<'a>(operation: &DescribedOperation<'a>) -> Vec<&'a str> {
    let parameters = operation.all.get("parameters").and_then(Value::as_array);
    parameters.into_iter().flatten().filter_map(referred).collect()
}

/// The parameters of these operations, each once.
pub fn parameters<'a>(operations: &[DescribedOperation<'a>]) -> BTreeSet<&'a str> {
    operations.iter().flat_map(names).collect()
}

/// What parameters mean.
pub fn parameter_table(description: &Description, names: &BTreeSet<&str>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Parameters" {
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "In" } th scope="col" { "Type" } th scope="col" { "Meaning" } } }
                tbody { @for (name, parameter) in names.iter().filter_map(|name| Some((name, description.parameter(name)?))) {
                    tr {
                        th scope="row" { code { (name) } }
                        td { (text_of(parameter, "in")) }
                        td { (parameter.get("schema").map(type_of).unwrap_or_default()) }
                        td { (in_code(text_of(parameter, "description"))) }
                    }
                } }
            }
        }
    }
}

/// The media types of a body or of an answer, each with its type.
fn content(holder: &Value) -> Markup {
    let content = holder.get("content").and_then(Value::as_object);
    html! {
        @for (index, (media_type, body)) in content.into_iter().flatten().enumerate() {
            @if index > 0 { ", " }
            code { (media_type) }
            @if let Some(schema) = body.get("schema") { ": " (type_of(schema)) }
        }
    }
}

/// An example of a body.
fn example(holder: &Value) -> Markup {
    let content = holder.get("content").and_then(Value::as_object);
    let example = content.into_iter().flatten().find_map(|(_, body)| body.get("example"));
    let text = match example {
        Some(Value::String(text)) => text.clone(),
        Some(example) => serde_json::to_string_pretty(example).unwrap_or_default(),
        None => return html! {},
    };
    html! { details { summary { "Example" } pre tabindex="0" { (shortened(&text, EXAMPLE_LETTERS_MAX)) } } }
}

/// The answers of an operation: those that aren't refusals with their types, then the refusals.
fn answers(operation: &Value) -> Markup {
    let answers = operation.get("responses").and_then(Value::as_object);
    let (refusals, answers): (Vec<_>, Vec<_>) =
        answers.into_iter().flatten().partition(|(_, answer)| referred(answer).is_some());
    let refusals: Vec<&str> = refusals.into_iter().map(|(status, _)| status.as_str()).collect();
    html! {
        @for (status, answer) in answers {
            div { strong { (status) } " " (content(answer)) }
        }
        @if !refusals.is_empty() { div.dim { "Refusals: " (refusals.join(", ")) } }
    }
}

/// The type of a value: a link to its page, or the name of a simple one.
pub fn type_of(schema: &Value) -> Markup {
    if let Some(name) = referred(schema) {
        return html! { a href=(BOARD.address(&format!("/types/{name}"))) { (name) } };
    }
    let inner = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    if let Some(several) = inner {
        return html! { @for (index, one) in several.iter().enumerate() { @if index > 0 { " or " } (type_of(one)) } };
    }
    if let Some(inner) = schema.get("items") {
        return html! { "list of " (type_of(inner)) };
    }
    if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
        return html! { "map of " (type_of(inner)) };
    }
    match schema.get("type") {
        Some(Value::String(name)) => html! { (name) },
        Some(Value::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            html! { (names.join(" or ")) }
        }
        _ => html! { "anything" },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_types_for_people() {
        for (schema, expect) in [
            (json!({"type": "string"}), "string"),
            (json!({"type": ["string", "null"]}), "string or null"),
            (json!({"type": "array", "items": {"type": "integer"}}), "list of integer"),
            (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), "string or null"),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "map of string",
            ),
            (json!({"$ref": "#/components/schemas/A"}), "<a href=\"/console/api/types/A\">A</a>"),
            (json!(true), "anything"),
        ] {
            assert_eq!(type_of(&schema).into_string(), expect, "{schema}");
        }
    }
}
