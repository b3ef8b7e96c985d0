use maud::{Markup, html};
use muster_client::{FetchedDocument, Query, path_of};
use muster_wire::references::ReferencesAnswer;
use muster_words::{
    Permission, Xid,
    json::{self, Value},
};

use crate::{
    Visitor,
    form::may,
    listing::{Parameters, Shown, page, parameter, state_tag, text, version_table},
    place::{Location, link, page_of},
    plain_text::{document_text, shortened, value_text, visible},
    skeleton::bound_schema,
    state::{ShownVersion, state_form},
    times::{number, time},
};

/// How many references are shown in each direction; the graph shows more.
const REFERENCES_SHOWN: usize = 25;

/// How many versions are shown; the rest is a click away.
const VERSIONS_SHOWN: usize = 8;

/// How many fields of a document are shown as fields. The text has them all.
const FIELDS_SHOWN: usize = 120;

/// The largest document that is shown as fields, in bytes. Reading a larger one would keep a thread
/// that serves connections for long, and hardly any of its fields would be shown.
const FIELDS_BYTES_MAX: usize = 256 * 1024;

/// How deep fields are taken apart.
const FIELD_DEPTH_MAX: usize = 4;

/// The most letters of a field's value.
const VALUE_LETTERS_MAX: usize = 400;

/// What the attributes of a document are called that are shown elsewhere on its page.
const SHOWN_ELSEWHERE: [&str; 12] = [
    "self",
    "shortself",
    "xid",
    "epoch",
    "isdefault",
    "metaurl",
    "versionsurl",
    "versionscount",
    "versionid",
    "state",
    "modifiedat",
    "digest",
];

/// A document or one of its versions, now or at an earlier position.
pub async fn document(
    visitor: &Visitor,
    place: &Location,
    xid: &Xid,
    parameters: &Parameters,
) -> Shown {
    let at = parameter(parameters, "at");
    let query = Query::new().with_some("at", at);
    let details = visitor.client.details(xid, &query).await?.json()?;
    let fetched = match visitor.client.document_as(xid, &query).await {
        Ok(fetched) => Some(fetched),
        // Resources without documents have only attributes.
        Err(error) if error.refusal().is_some() => None,
        Err(error) => return Err(error.into()),
    };
    let resource = xid.resource().unwrap_or_else(|| xid.clone());
    let descriptions = bound_schema(visitor, place).await.ok().flatten().unwrap_or_default();
    let body = html! {
        (place.trail())
        @if let Some(at) = at {
            div.notice.warn role="status" {
                p { strong { "The past: " } "this is what was there at " code { (at) } ". " a href=(page_of("browse", &place.path())) { "See what is there now" } }
            }
        }
        (facts(&details))
        (place_actions(visitor, place))
        (state_controls(visitor, &resource, &details, at).await)
        (time_travel(visitor, &resource, place, at).await)
        @if let Some(fetched) = &fetched { (contents(xid, fetched, &descriptions)) }
        (references(visitor, &resource).await)
        h2 { "Versions" }
        (versions(visitor, &resource).await)
        h2 { "Attributes" }
        (attributes(&details))
    };
    let name = details.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok((name.unwrap_or_else(|| place.steps().last().cloned().unwrap_or_default()), body))
}

/// What people want to know first.
fn facts(details: &Value) -> Markup {
    let digest: String = text(details, "digest").chars().take(8).collect();
    html! {
        p {
            (state_tag(&text(details, "state"))) " version " strong { (text(details, "versionid")) }
            @if details.get("isdefault").and_then(Value::as_bool) == Some(false) { " (not the default one)" }
            ", changed " (time(&text(details, "modifiedat")))
            @if !digest.is_empty() { ", digest " code { (digest) } }
        }
    }
}

/// What the visitor may do with the version's state. The past can't be changed.
async fn state_controls(
    visitor: &Visitor,
    resource: &Xid,
    details: &Value,
    at: Option<&str>,
) -> Markup {
    let version = text(details, "versionid").parse().ok();
    let version = version.and_then(|id| resource.version(id)).filter(|_| at.is_none());
    let (Some(xid), Some(meta)) = (version, resource.meta()) else { return html! {} };
    let meta = visitor.client.details(&meta, &Query::new()).await;
    let meta = meta.and_then(|meta| meta.json()).unwrap_or_default();
    let is = |entity: &Value, name: &str| entity.get(name).and_then(Value::as_bool) == Some(true);
    let shown = ShownVersion {
        xid: &xid,
        state: &text(details, "state"),
        is_default: is(details, "isdefault"),
        is_pinned: is(&meta, "defaultversionsticky"),
    };
    state_form(visitor, &shown)
}

/// What can be done with an entity. The buttons are those that the visitor's role may use; the
/// server decides when one is pressed.
pub fn place_actions(visitor: &Visitor, place: &Location) -> Markup {
    let path = place.path();
    let is_document = place.steps().len() > 2;
    let changes = PlaceChanges::of(place, |permission| may(visitor, permission));
    html! {
        div.actions {
            @if changes.edit { a.button.primary href=(page_of("edit", &path)) { "Edit" } }
            @if visitor.may_read_log() { a.button href=(page_of("history", &path)) { "History" } }
            a.button href=(page_of("compare", &path)) { "Compare" }
            a.button href=(format!("{}?around={path}", page_of("graph", ""))) { "Graph" }
            @if place.steps().first().is_some_and(|step| step == "schemagroups") && is_document {
                a.button href=(page_of("schemas/try", &path)) { "Try payloads" }
                a.button href=(page_of("schemas/compare", &path)) { "Compatibility" }
            }
            a.button href=(api_address(&path, is_document)) { "As the API answers" }
            @if changes.roll_back { a.button href=(page_of("roll-back", &path)) { "Roll back" } }
            @if changes.delete { a.button.danger href=(page_of("delete", &path)) { "Delete" } }
        }
    }
}

/// Which changes of an entity are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PlaceChanges {
    edit: bool,
    roll_back: bool,
    delete: bool,
}

impl PlaceChanges {
    /// Each change by the permission that it needs. Groups have no form of their own, and a version
    /// is rolled back to, not itself.
    fn of(place: &Location, may: impl Fn(Permission) -> bool) -> Self {
        let steps = place.steps().len();
        Self {
            edit: steps > 2 && may(Permission::WriteDocuments),
            roll_back: steps <= 4 && may(Permission::Rollback),
            delete: may(Permission::DeleteDocuments),
        }
    }
}

fn api_address(path: &str, is_document: bool) -> String {
    format!("/api{path}{}", if is_document { "$details" } else { "" })
}

/// A slider over the states that the document had, and a field for a date.
async fn time_travel(visitor: &Visitor, xid: &Xid, place: &Location, at: Option<&str>) -> Markup {
    let log = visitor.client.log(xid, &Query::new().with("limit", 100).with("changes", 1)).await;
    let entries = match log.and_then(|answer| answer.read()) {
        Ok(log) => log.entries,
        Err(_) => return html! {},
    };
    let states: Vec<u64> = entries.iter().rev().map(|entry| entry.position).collect();
    let position = at.and_then(|at| at.parse::<u64>().ok());
    let current = match position {
        Some(at) => states.iter().filter(|state| **state <= at).count().max(1),
        None => states.len(),
    };
    let list = states.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    let address = page_of("browse", &place.path());
    html! {
        details.travel open[at.is_some()] {
            summary { "Go back in time" }
            form.filters action=(address) data-states=(list) {
                @if states.len() > 1 {
                    div {
                        label for="state-slider" { "State " output for="state-slider" { (current) " of " (states.len()) } }
                        input #state-slider type="range" min="1" max=(states.len()) value=(current) step="1";
                    }
                }
                div { label for="at" { "Position or time" } input #at name="at" value=(at.unwrap_or_default()) placeholder="1204 or 2026-11-21T10:00:00Z" required; }
                button type="submit" { "Show" }
            }
        }
    }
}

/// The document as fields, with what its schema says of them, and as text.
fn contents(xid: &Xid, fetched: &FetchedDocument, descriptions: &Value) -> Markup {
    let media_type = fetched.content_type.as_deref().unwrap_or_default();
    let is_small = fetched.bytes.len() <= FIELDS_BYTES_MAX;
    let parsed = (is_small && media_type.contains("json"))
        .then(|| json::parse(&fetched.bytes).ok())
        .flatten();
    let fields = parsed.as_ref().map(|value| fields(value, descriptions)).unwrap_or_default();
    html! {
        @if let Some(elsewhere) = &fetched.elsewhere {
            p { "The document is elsewhere: " code { (visible(elsewhere)) } }
        }
        @if !fields.is_empty() {
            h2 { "Fields" }
            dl.fields {
                @for field in fields.iter().take(FIELDS_SHOWN) {
                    dt { code { (field.path) } @if let Some(description) = &field.description { br; (description) } }
                    dd { (field.value) }
                }
            }
            @if fields.len() > FIELDS_SHOWN { p.dim { "and " (number((fields.len() - FIELDS_SHOWN) as u64)) " more fields; the text has them all" } }
        }
        h2 { "Text " span.tag { (media_type) } }
        (document_text(&fetched.bytes, media_type, &path_of(xid)))
    }
}

/// A field of a document.
struct Field {
    path: String,
    value: String,
    description: Option<String>,
}

/// The fields of a document in the order of their names, with what a schema says of each.
fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(document, schema, "", 0, &mut fields);
    fields
}

fn collect(value: &Value, schema: &Value, path: &str, depth: usize, fields: &mut Vec<Field>) {
    // One more than is shown says that there are more.
    if fields.len() > FIELDS_SHOWN * 4 {
        return;
    }
    match value {
        Value::Object(members) if !members.is_empty() && depth < FIELD_DEPTH_MAX => {
            for (name, member) in members {
                let below = schema.get("properties").and_then(|properties| properties.get(name));
                let name = visible(name);
                let path =
                    if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") };
                collect(member, below.unwrap_or(&Value::Null), &path, depth + 1, fields);
            }
        }
        _ if path.is_empty() => {}
        value => fields.push(Field {
            path: path.to_owned(),
            value: shown(value),
            description: schema
                .get("description")
                .and_then(Value::as_str)
                .map(|it| visible(it).into_owned()),
        }),
    }
}

/// A value for people: a list of scalars without its brackets.
fn shown(value: &Value) -> String {
    let is_scalar = |value: &Value| !value.is_object() && !value.is_array();
    let text = match value {
        Value::Array(items) if items.iter().all(is_scalar) => {
            items.iter().map(value_text).collect::<Vec<_>>().join(", ").into()
        }
        value => value_text(value),
    };
    visible(&shortened(&text, VALUE_LETTERS_MAX)).into_owned()
}

async fn references(visitor: &Visitor, xid: &Xid) -> Markup {
    let answer = visitor.client.references(xid).await.and_then(|answer| answer.read());
    let Ok(references) = answer else { return html! {} };
    html! {
        @if !references.refers_to.is_empty() || !references.referred_by.is_empty() {
            h2 { "References" }
            div.cards {
                section.card { h3 { "It refers to" } (outgoing(&references)) }
                section.card { h3 { "Who refers to it" } (incoming(&references)) }
            }
        }
    }
}

fn outgoing(references: &ReferencesAnswer) -> Markup {
    html! {
        @if references.refers_to.is_empty() { p.dim { "Nothing." } }
        ul.plainlist {
            @for referred in references.refers_to.iter().take(REFERENCES_SHOWN) {
                li { (link(&referred.xid)) @if !referred.exists { " " span.tag.bad { "missing" } } }
            }
        }
        (left_out(references.refers_to.len()))
    }
}

fn incoming(references: &ReferencesAnswer) -> Markup {
    html! {
        @if references.referred_by.is_empty() { p.dim { "Nobody." } }
        ul.plainlist {
            @for xid in references.referred_by.iter().take(REFERENCES_SHOWN) { li { (link(xid)) } }
        }
        (left_out(references.referred_by.len()))
    }
}

fn left_out(count: usize) -> Markup {
    html! {
        @if count > REFERENCES_SHOWN { p.dim { "and " (number((count - REFERENCES_SHOWN) as u64)) " more" } }
    }
}

async fn versions(visitor: &Visitor, xid: &Xid) -> Markup {
    let page = page(&visitor.client, &format!("{xid}/versions"), &Parameters::new()).await;
    let Ok(page) = page else { return html! {} };
    let newest: Vec<_> = page.entries.into_iter().rev().take(VERSIONS_SHOWN).collect();
    html! {
        (version_table(xid, &newest))
        p { a href=(page_of("browse", &format!("{xid}/versions"))) { "All versions" } }
    }
}

/// The attributes of an entity that aren't shown elsewhere.
pub fn attributes(details: &Value) -> Markup {
    let members = details.as_object().cloned().unwrap_or_default();
    let is_shown = |name: &str| {
        !SHOWN_ELSEWHERE.contains(&name) && !name.ends_with("url") && !name.ends_with("count")
    };
    html! {
        dl.fields {
            @for (name, value) in members.iter().filter(|(name, _)| is_shown(name)) {
                dt { code { (visible(name)) } }
                dd {
                    @match value.as_str() {
                        Some(moment) if name.ends_with("at") => (time(moment)),
                        _ => (shown(value)),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn offers_the_changes_of_a_place_that_a_role_may_make() {
        let [group, document, version] =
            ["providers/cms", "providers/cms/entries/a", "providers/cms/entries/a/versions/1"];
        use Permission::{DeleteDocuments, ReadDocuments, Rollback, WriteDocuments};
        let all = &[WriteDocuments, DeleteDocuments, Rollback][..];
        for (place, permissions, expect) in [
            (group, all, [false, true, true]),
            (group, &[WriteDocuments], [false, false, false]),
            (group, &[Rollback], [false, true, false]),
            (group, &[WriteDocuments, DeleteDocuments], [false, false, true]),
            (document, all, [true, true, true]),
            (document, &[WriteDocuments, DeleteDocuments], [true, false, true]),
            (document, &[ReadDocuments], [false, false, false]),
            (version, all, [true, false, true]),
        ] {
            let may = |permission| permissions.contains(&permission);
            let PlaceChanges { edit, roll_back, delete } =
                PlaceChanges::of(&Location::read(place), may);
            assert_eq!([edit, roll_back, delete], expect, "{place} {permissions:?}");
        }
    }

    #[test]
    fn takes_documents_apart_with_what_their_schema_says() {
        let schema = json!({"properties": {
            "a": {"description": "The first."},
            "b": {"properties": {"c": {"description": "Deep."}}}}});
        let document = json!({"a": 1, "b": {"c": ["x", "y"], "d": {}}, "e": [{"f": 1}]});
        let found: Vec<_> = fields(&document, &schema)
            .into_iter()
            .map(|field| (field.path, field.value, field.description.unwrap_or_default()))
            .collect();
        let expect = [
            ("a", "1", "The first."),
            ("b.c", "x, y", "Deep."),
            ("b.d", "{}", ""),
            ("e", r#"[{"f":1}]"#, ""),
        ];
        let expect =
            expect.map(|(path, value, text)| (path.to_owned(), value.to_owned(), text.to_owned()));
        assert_eq!(found, expect);
        assert!(fields(&json!("text"), &schema).is_empty());
    }
}
