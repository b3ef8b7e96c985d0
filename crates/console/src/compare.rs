use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, html};
use muster_client::Query;
use muster_wire::{
    OrOther,
    diff::{DiffAct, DiffPage, DiffSide, EntityDiff},
    difference::FieldChange,
};
use muster_words::json::Value;

use crate::{
    AddressQuery, Console, Section, Visitor,
    listing::{Parameters, Shown, parameter},
    place::{Location, link, page_of},
    plain_text::{shortened, value_text, visible},
    times::{number, time},
};

/// How many entities a page compares.
const PAGE_SIZE: usize = 50;

/// The most letters of a value.
const VALUE_LETTERS_MAX: usize = 300;

/// What differs between two states of a place.
pub async fn show(
    State(_): State<Console>,
    visitor: Visitor,
    Path(path): Path<String>,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let page = compared(&visitor, &Location::read(&path), &parameters).await;
    visitor.answer(Section::Browse, page)
}

/// What differs between two states of everything.
pub async fn show_all(
    state: State<Console>,
    visitor: Visitor,
    parameters: AddressQuery<Parameters>,
) -> Response {
    show(state, visitor, Path(String::new()), parameters).await
}

async fn compared(visitor: &Visitor, place: &Location, parameters: &Parameters) -> Shown {
    let named = ["from", "to", "from_version", "to_version", "after"];
    let query = named.into_iter().fold(Query::new().with("limit", PAGE_SIZE), |query, name| {
        query.with_some(name, parameter(parameters, name))
    });
    let differs = visitor.client.diff(&place.path(), &query).await?.read()?;
    let is_inline = parameter(parameters, "view") == Some("inline");
    let body = html! {
        (place.trail())
        (form(place, &differs, parameters))
        p { (side(&differs.from)) " → " (side(&differs.to)) }
        @if differs.changes.is_empty() { p { "Nothing differs." } }
        @for entity in &differs.changes { (entity_view(place, entity, is_inline)) }
        @if let Some(after) = after(&differs) {
            p { a.button rel="next" href=(format!("{}?from={}&to={}&after={after}", page_of("compare", &place.path()), differs.from.position, differs.to.position)) { "More" } }
        }
    };
    Ok((format!("Compare {}", place.steps().last().map_or("everything", String::as_str)), body))
}

/// Where the next page begins.
fn after(differs: &DiffPage) -> Option<&str> {
    let next = differs.next.as_deref()?;
    next.split(['?', '&']).find_map(|part| part.strip_prefix("after="))
}

fn form(place: &Location, differs: &DiffPage, parameters: &Parameters) -> Markup {
    let view = parameter(parameters, "view").unwrap_or("side");
    let given = |name: &str, position: u64| {
        parameter(parameters, name).map_or_else(|| position.to_string(), str::to_owned)
    };
    html! {
        form.filters action=(page_of("compare", &place.path())) {
            div { label for="from" { "From (position or time)" } input #from name="from" value=(given("from", differs.from.position)); }
            div { label for="to" { "To" } input #to name="to" value=(given("to", differs.to.position)); }
            @if place.steps().len() == 4 {
                div { label for="from-version" { "or from version" } input #from-version name="from_version" size="6" value=(parameter(parameters, "from_version").unwrap_or_default()); }
                div { label for="to-version" { "to version" } input #to-version name="to_version" size="6" value=(parameter(parameters, "to_version").unwrap_or_default()); }
            }
            div {
                label for="view" { "Show" }
                select #view name="view" {
                    option value="side" selected[view == "side"] { "side by side" }
                    option value="inline" selected[view == "inline"] { "one below the other" }
                }
            }
            button type="submit" { "Compare" }
        }
    }
}

fn side(side: &DiffSide) -> Markup {
    html! {
        @if let Some(version) = &side.version { "version " strong { (version) } }
        @else { "position " strong { (number(side.position)) } }
        @if let Some(moment) = &side.time { " (" (time(moment)) ")" }
    }
}

fn entity_view(place: &Location, entity: &EntityDiff, is_inline: bool) -> Markup {
    let act = match entity.act {
        OrOther::Known(DiffAct::Added) => html! { span.tag.good { "+ added" } },
        OrOther::Known(DiffAct::Removed) => html! { span.tag.bad { "- removed" } },
        OrOther::Known(DiffAct::Changed) => html! { span.tag.warn { "~ changed" } },
        OrOther::Other(_) => html! {},
    };
    html! {
        @if entity.xid != place.path() { h2 { (link(&entity.xid)) " " (act) } } @else { p { (act) } }
        @if entity.purged { p { "Contents were erased, so they can't be compared." } }
        @for (name, fields) in [("Document", &entity.fields), ("Attributes", &entity.attributes)] {
            @if !fields.is_empty() {
                h3 { (name) }
                @if is_inline { (inline(fields)) } @else { (field_table(fields)) }
            }
        }
        @if let Some(lines) = &entity.lines { (unified(lines)) }
    }
}

/// Fields side by side: what was, what is.
pub fn field_table(fields: &[FieldChange]) -> Markup {
    html! {
        div.scroll role="region" aria-label="Differing fields" tabindex="0" {
            table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Was" } th scope="col" { "Is" } } }
                tbody {
                    @for field in fields {
                        tr {
                            td { code { (name_of(field)) } }
                            td { @for value in was(field) { del.removed { (value) } br; } }
                            td { @for value in is(field) { ins.added { (value) } br; } }
                        }
                    }
                }
            }
        }
    }
}

/// Fields one below the other: `-` what was, `+` what is.
fn inline(fields: &[FieldChange]) -> Markup {
    html! {
        pre tabindex="0" aria-label="Differing fields" {
            @for field in fields {
                (name_of(field)) "\n"
                @for value in was(field) { del.removed { "- " (value) } "\n" }
                @for value in is(field) { ins.added { "+ " (value) } "\n" }
            }
        }
    }
}

/// A unified diff of lines.
fn unified(lines: &str) -> Markup {
    html! {
        pre tabindex="0" aria-label="Differing lines" {
            @for line in lines.lines() {
                @match line.as_bytes().first() {
                    Some(b'+') => { ins.added { (visible(line)) } },
                    Some(b'-') => { del.removed { (visible(line)) } },
                    _ => { (visible(line)) },
                }
                "\n"
            }
        }
    }
}

fn name_of(field: &FieldChange) -> String {
    if field.field.is_empty() {
        "(the whole document)".to_owned()
    } else {
        visible(&field.field).into_owned()
    }
}

fn was(field: &FieldChange) -> Vec<String> {
    let lost = field.lost.iter().flatten();
    field.before.iter().chain(&field.removed).chain(lost).map(shown).collect()
}

fn is(field: &FieldChange) -> Vec<String> {
    let gained = field.gained.iter().flatten();
    field.after.iter().chain(&field.added).chain(gained).map(shown).collect()
}

/// A value for people; long ones are cut.
fn shown(value: &Value) -> String {
    visible(&shortened(&value_text(value), VALUE_LETTERS_MAX)).into_owned()
}
