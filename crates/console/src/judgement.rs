use maud::{Markup, html};
use muster_client::{Client, ClientError};
use muster_wire::{
    ErrorBody,
    apply::{ApplyReport, FailingDocuments, RefusedPart},
    references::ReferencesAnswer,
};
use muster_words::Xid;

use crate::{
    PageFault, document_form::DraftForm, fault::violations, place::link, plain_text::visible,
    times::number,
};

/// How many referring entities a page lists.
const REFERRING_SHOWN: usize = 50;

/// How many documents that would stop passing a page lists.
const FAILING_SHOWN: usize = 20;

/// Asks the server what it would do with a document; nothing is changed.
///
/// # Errors
/// The API refuses to judge it.
pub async fn judge(client: &Client, xid: &Xid, form: &DraftForm) -> Result<ApplyReport, PageFault> {
    Ok(client.try_apply(&form.request(xid)?, None).await?.read()?)
}

/// What the server says of a document: that it would be taken, or why not.
pub fn findings(report: &ApplyReport) -> Markup {
    html! {
        @if report.refused.is_empty() {
            div.notice.good { p { strong { "It passes." } " The schema and the rules have nothing against it." } }
        } @else {
            (refused(&report.refused))
        }
    }
}

/// Why parts of a change would be refused.
pub fn refused(parts: &[RefusedPart]) -> Markup {
    html! {
        @for part in parts {
            div.notice.bad {
                p { strong { (visible(&part.error.title)) } " " (link(&part.target)) }
                @if let Some(detail) = &part.error.detail { p { (visible(detail)) } }
                @if !part.error.violations.is_empty() { (violations(&part.error.violations)) }
                (referring_in(&part.error))
            }
        }
    }
}

/// What refers to something that can't go, as an error names it.
fn referring_in(error: &ErrorBody) -> Markup {
    let names = error.more.get("references").and_then(|value| value.as_array());
    let names: Vec<String> = names
        .map(|names| names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
        .unwrap_or_default();
    html! { @if !names.is_empty() { p { "It is referred to by:" } (xids(&names)) } }
}

/// What refers to something that a refusal says can't go.
pub fn referring(error: &ClientError) -> Markup {
    html! { @if let Some(refusal) = error.refusal() { (referring_in(&refusal.body)) } }
}

/// Stored documents that a change would make fail.
pub fn failing(failing: &FailingDocuments) -> Markup {
    html! {
        @if failing.affected == 0 {
            p { "No stored document is judged by it." }
        } @else if failing.failing == 0 {
            p { "All " (number(failing.judged)) " stored documents that were judged go on passing." }
        } @else {
            (failing_ones(failing, "would stop"))
        }
        (unjudged(failing))
    }
}

/// Stored documents that a change made fail.
pub fn stop_passing(failing: &FailingDocuments) -> Markup {
    html! { (failing_ones(failing, "stop")) (unjudged(failing)) }
}

fn failing_ones(failing: &FailingDocuments, verb: &str) -> Markup {
    html! {
        div.notice.warn {
            p {
                strong { (number(failing.failing)) " of " (number(failing.judged)) " stored documents " (verb) " passing." }
                " They stay as they are, and can't be put again like that."
            }
        }
        @for document in failing.documents.iter().take(FAILING_SHOWN) {
            h3 { (link(&document.xid)) }
            (violations(&document.violations))
        }
    }
}

fn unjudged(failing: &FailingDocuments) -> Markup {
    html! {
        @if failing.affected > failing.judged {
            p.dim { (number(failing.affected - failing.judged)) " more may be affected; there was no time to judge them." }
        }
    }
}

/// What depends on an entity, as links.
pub fn depending(references: &ReferencesAnswer) -> Markup {
    html! {
        @if references.referred_by.is_empty() {
            p { "Nothing refers to it." }
        } @else {
            (xids(&references.referred_by))
            @if let Some(left_out) = references.left_out { p.dim { "and " (number(left_out)) " more" } }
        }
    }
}

/// Entities as links.
fn xids(names: &[String]) -> Markup {
    let more = names.len().saturating_sub(REFERRING_SHOWN) as u64;
    html! {
        ul.plainlist {
            @for name in names.iter().take(REFERRING_SHOWN) {
                li { @if name == "/" { "the model" } @else { (link(name)) } }
            }
            @if more > 0 { li.dim { "and " (number(more)) " more" } }
        }
    }
}
