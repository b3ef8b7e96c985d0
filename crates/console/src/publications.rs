use axum::{Form, response::Response};
use maud::{Markup, html};
use muster_wire::publications::{PublicationOutcome, PublicationStatus};
use muster_words::{Permission, Xid};
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    board::{Board, done},
    form::{may, token},
    place::{link, link_as},
    plain_text::shortened,
    times::{number, time},
    visitor::Guest,
};

const BOARD: Board =
    Board { section: Section::Publications, title: "Publications", path: "/publications" };

/// How many publications a page shows.
const PUBLICATIONS_SHOWN: usize = 50;

/// How many files of a run are named.
const FILES_SHOWN: usize = 100;

/// How many letters of an error are shown.
const LETTERS_MAX: usize = 400;

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// How many publications were shown before.
    #[serde(default)]
    skip: usize,
    /// What a form did.
    #[serde(default)]
    done: String,
}

/// A publication that somebody wants to run.
#[derive(Deserialize)]
pub struct Run {
    #[serde(default)]
    token: String,
    publication: String,
    action: String,
}

/// What is published where, and how each publication stands.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = body(&visitor, &wanted).await;
    BOARD.show(visitor, body)
}

/// Runs a publication, or finds out what that would change.
pub async fn run(visitor: Visitor, Form(form): Form<Run>) -> Response {
    let outcome = match visitor.check_token(&form.token) {
        Ok(()) => outcome(&visitor, &form).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(outcome) if outcome.dry_run => BOARD.show(visitor, Ok(trial(&outcome))),
        Ok(outcome) if outcome.unchanged => BOARD.after(visitor, Ok("unchanged")),
        Ok(_) => BOARD.after(visitor, Ok("run")),
        Err(fault) => fault.page(&Guest(Some(visitor))),
    }
}

async fn outcome(visitor: &Visitor, form: &Run) -> Result<PublicationOutcome, PageFault> {
    let xid: Xid = form
        .publication
        .parse()
        .map_err(|_| PageFault::Unclear(format!("{:?} isn't a publication", form.publication)))?;
    let is_trial = form.action != "run";
    let answer = visitor.client.run_publication(&xid, is_trial).await?;
    let outcome = answer.read()?;
    Ok(PublicationOutcome { dry_run: is_trial, ..outcome })
}

async fn body(visitor: &Visitor, wanted: &Wanted) -> Result<Markup, PageFault> {
    let publications = visitor.client.publications().await?.read()?.publications;
    let shown = publications.iter().skip(wanted.skip).take(PUBLICATIONS_SHOWN);
    let next = wanted.skip.saturating_add(PUBLICATIONS_SHOWN);
    let may_publish = may(visitor, Permission::Publish);
    Ok(html! {
        @match wanted.done.as_str() {
            "run" => { (done("It was published.")) }
            "unchanged" => { (done("Everything was there already; nothing was written.")) }
            _ => {}
        }
        @if publications.is_empty() {
            p { "Nothing is published. A document in " code { "/publications" } " says what is published where; see \"Publish to a folder, a bucket and a CDN\" in Muster's documentation." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Publications" {
                table {
                    thead { tr {
                        th scope="col" { "Publication" }
                        th scope="col" { "Destination" }
                        th scope="col" { "Channel" }
                        th scope="col" { "When" }
                        th scope="col" { "Last run" }
                        th.number scope="col" { "Position" }
                        @if may_publish { th scope="col" { "Run" } }
                    } }
                    tbody { @for one in shown { (row(visitor, one, may_publish)) } }
                }
            }
            @if !may_publish { p.dim { "Your role sees publications, but doesn't run them." } }
        }
        @if next < publications.len() {
            p { a.button rel="next" href=(format!("?skip={next}")) { "More" } }
        }
    })
}

fn row(visitor: &Visitor, one: &PublicationStatus, may_publish: bool) -> Markup {
    html! {
        tr {
            th scope="row" { (link(&one.xid)) }
            td { (one.destination.as_deref().unwrap_or("–")) }
            td { (one.channel.as_deref().unwrap_or("–")) }
            td { @if one.on_change { "each change" } @else { "on demand" } }
            td {
                @match (&one.error, &one.tag) {
                    (Some(error), _) => { span.tag.bad { "failed" } " " (shortened(error, LETTERS_MAX)) }
                    (None, Some(tag)) => { span.tag.good { "published" } " " (tag) }
                    (None, None) => { span.dim { "not yet by this server" } }
                }
            }
            td.number { @match one.position { Some(position) => { (number(position)) } None => { "–" } } }
            @if may_publish {
                td {
                    form.actions method="post" action=(BOARD.address("")) {
                        (token(visitor))
                        input type="hidden" name="publication" value=(one.xid);
                        button type="submit" name="action" value="try" { "Try" span.hidden { " " (one.xid) } }
                        button type="submit" name="action" value="run" { "Publish" span.hidden { " " (one.xid) } }
                    }
                }
            }
        }
    }
}

/// What a run would change.
fn trial(outcome: &PublicationOutcome) -> Markup {
    html! {
        p.notice role="status" {
            "This was a trial; nothing was published. "
            @if outcome.unchanged { "Everything is there already." }
        }
        dl.fields {
            dt { "Publication" } dd { (link_as(&outcome.to, &outcome.to)) }
            dt { "Channel" } dd { (outcome.channel) }
            dt { "Shows position" } dd { (number(outcome.position)) }
            dt { "Files" } dd { (number(outcome.files)) ", " (number(outcome.objects)) " of them new by their digests" }
            dt { "May be believed until" } dd { (time(&outcome.expires)) }
        }
        (files("Would be written", "+", &outcome.written))
        (files("Would be removed", "-", &outcome.removed))
        p { a href=(BOARD.address("")) { "Back to the publications" } }
    }
}

fn files(title: &str, sign: &str, names: &[String]) -> Markup {
    let more = names.len().saturating_sub(FILES_SHOWN);
    html! {
        @if !names.is_empty() {
            h2 { (title) " " span.dim { (number(names.len() as u64)) } }
            ul.plainlist { @for name in names.iter().take(FILES_SHOWN) { li { (sign) " " code { (name) } } } }
            @if more > 0 { p { "and " (number(more as u64)) " more" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn shows_what_a_run_would_change() {
        let outcome = PublicationOutcome {
            written: (0..FILES_SHOWN + 2).map(|n| format!("file-{n}")).collect(),
            ..PublicationOutcome::sample()
        };
        let text = trial(&outcome).into_string();
        for part in ["nothing was published", "1,204", "+ <code>file-99", "and 2 more"] {
            assert!(text.contains(part), "lacks {part}: {text}");
        }
        assert!(!text.contains("Would be removed"), "{text}");
    }
}
