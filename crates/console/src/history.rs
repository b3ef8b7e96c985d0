use axum::{
    extract::{Path, State},
    response::Response,
};
use maud::{Markup, html};
use muster_client::Query;
use muster_wire::{diff::EntityDiff, difference::FieldChange, log::LogEntry};
use muster_words::Xid;

use crate::{
    AddressQuery, Console, PageFault, Section, Visitor,
    compare::field_table,
    listing::{Parameters, Shown, parameter},
    place::{Location, LocationKind, page_of},
    plain_text::visible,
    times::{number, time},
};

/// How many commands a page shows. Each is compared with what was there before it.
const PAGE_SIZE: usize = 20;

/// How many fields of a change are shown; the comparison shows all.
const FIELDS_SHOWN: usize = 6;

/// What happened to an entity: who, when, why, and what differs.
pub async fn show(
    State(_): State<Console>,
    visitor: Visitor,
    Path(path): Path<String>,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let page = timeline(&visitor, &Location::read(&path), &parameters).await;
    visitor.answer(Section::Browse, page)
}

async fn timeline(visitor: &Visitor, place: &Location, parameters: &Parameters) -> Shown {
    let xid = match place.kind()? {
        LocationKind::Registry => Xid::Registry,
        LocationKind::Group(xid) | LocationKind::Document(xid) | LocationKind::Version(xid) => xid,
        _ => return Err(PageFault::NoSuchPage(place.path())),
    };
    let query = Query::new().with("limit", PAGE_SIZE).with("changes", 1);
    let query = query.with_some("before", parameter(parameters, "before"));
    let log = visitor.client.log(&xid, &query).await?.read()?;
    let mut steps = Vec::new();
    for entry in &log.entries {
        let differs = difference(visitor, place, entry.position).await;
        steps.push((entry, differs));
    }
    let last = log.entries.last().map(|entry| entry.position);
    let body = html! {
        (place.trail())
        @if steps.is_empty() { p { "Nothing happened here yet." } }
        ol.timeline { @for (entry, differs) in &steps { li { (step(place, entry, differs.as_ref())) } } }
        @if let (Some(_), Some(last)) = (&log.next, last) {
            p { a.button rel="next" href=(format!("{}?before={last}", page_of("history", &place.path()))) { "Earlier" } }
        }
    };
    Ok((format!("History of {}", place.steps().last().map_or("everything", String::as_str)), body))
}

/// What a command at this position changed of a document.
async fn difference(visitor: &Visitor, place: &Location, position: u64) -> Option<EntityDiff> {
    if place.steps().len() != 4 {
        return None;
    }
    let query = Query::new().with("from", position.saturating_sub(1)).with("to", position);
    let page = visitor.client.diff(&place.path(), &query).await.ok()?.read().ok()?;
    page.changes.into_iter().next()
}

fn step(place: &Location, entry: &LogEntry, differs: Option<&EntityDiff>) -> Markup {
    let (path, position) = (place.path(), entry.position);
    let name = entry.name.as_deref().unwrap_or(&entry.actor);
    html! {
        p {
            strong { (visible(&entry.what)) } " by " (visible(name)) ", " (time(&entry.time))
            " " span.dim { "at position " (number(position)) }
        }
        @if let Some(message) = &entry.message { p { "“" (visible(message)) "”" } }
        @if let Some(differs) = differs { (changed_fields(&differs.fields)) }
        p {
            @if place.steps().len() > 3 {
                a href=(format!("{}?at={position}", page_of("browse", &path))) { "See it as it was" } " · "
            }
            a href=(format!("{}?from={}&to={position}", page_of("compare", &path), position.saturating_sub(1))) { "Compare with before" }
            @if place.steps().len() > 1 {
                " · " a href=(format!("{}?to=@{position}", page_of("roll-back", &path))) { "Roll back to this" }
            }
        }
    }
}

fn changed_fields(fields: &[FieldChange]) -> Markup {
    html! {
        @if !fields.is_empty() {
            (field_table(&fields[..fields.len().min(FIELDS_SHOWN)]))
            @if fields.len() > FIELDS_SHOWN { p.dim { "and " (fields.len() - FIELDS_SHOWN) " more fields" } }
        }
    }
}
