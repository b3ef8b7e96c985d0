use axum::response::Response;
use maud::{Markup, html};
use muster_client::{Answer, Client};
use muster_wire::{Violation, apply::FailingDocuments};
use muster_words::Xid;

use crate::{
    Section, Visitor,
    document_form::DraftForm,
    fault::violations,
    form::go_to,
    judgement::{judge, stop_passing},
    place::{Location, link, page_of},
};

/// What there is to say of a change that was done.
#[derive(Debug, Default)]
pub struct Consequences {
    /// The warnings about what was accepted.
    pub warnings: Vec<Violation>,
    /// The stored documents that stop passing.
    pub failing: FailingDocuments,
}

impl Consequences {
    /// Those of a put, with the documents that the judge said before it would stop passing.
    pub fn of_put(answer: &Answer, failing: FailingDocuments) -> Self {
        Self { warnings: answer.warnings(), failing }
    }

    fn is_nothing(&self) -> bool {
        self.warnings.is_empty() && self.failing.failing == 0
    }

    /// What follows a change: the place that it was about or, if there is something to say, a page
    /// that says it. A redirection could carry only a part of it.
    pub fn follow(&self, visitor: &Visitor, place: &Location) -> Response {
        if self.is_nothing() {
            return go_to(&page_of("browse", &place.path()));
        }
        visitor.page(Section::None, "Done, with warnings", self.body(place))
    }

    fn body(&self, place: &Location) -> Markup {
        let path = place.path();
        html! {
            (place.trail())
            div.notice.good role="status" { p { strong { "The change is done: " } @if path.is_empty() { "everything" } @else { (link(&path)) } } }
            @if !self.warnings.is_empty() {
                h2 { "Warnings" }
                div.notice.warn { p { "It was accepted, but the schema or the rules have something to say." } }
                div.scroll tabindex="0" role="region" aria-label="Warnings" { (violations(&self.warnings)) }
            }
            @if self.failing.failing > 0 {
                h2 { "Stored documents" }
                (stop_passing(&self.failing))
            }
            p.actions { a.button.primary href=(page_of("browse", &path)) { "Go on" } }
        }
    }
}

/// The stored documents that stop passing with a document, because it is their schema or rule. The
/// answer to a put doesn't say it, so the judge is asked before.
pub async fn failing_with(client: &Client, xid: &Xid, form: &DraftForm) -> FailingDocuments {
    // The put itself says what is wrong with it.
    judge(client, xid, form).await.map(|report| report.failing).unwrap_or_default()
}
