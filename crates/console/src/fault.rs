use axum::{
    extract::OriginalUri,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use muster_client::ClientError;
use muster_wire::{Violation, ViolationCause};
use thiserror::Error;

use crate::{
    frame::{self, FramedPage, Section},
    visitor::{Guest, Visitor},
};

/// Why a page can't be shown, or a form can't be done.
#[derive(Debug, Error)]
pub enum PageFault {
    /// The API refused, or didn't answer.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// There is no such page.
    #[error("there is no page {0}")]
    NoSuchPage(String),
    /// The address or the form lacks something, or says something that can't be.
    #[error("{0}")]
    Unclear(String),
    /// The form was made before somebody signed in anew, or not by a page of this console.
    #[error("this form doesn't belong to your session")]
    StaleForm,
    /// The request came past the server's front.
    #[error("the request was not admitted")]
    NotAdmitted,
}

impl PageFault {
    /// The status of an answer with this fault.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Api(error) => match error.refusal() {
                Some(refusal) => refusal.status,
                None => StatusCode::BAD_GATEWAY,
            },
            Self::NoSuchPage(_) => StatusCode::NOT_FOUND,
            Self::Unclear(_) => StatusCode::BAD_REQUEST,
            Self::StaleForm => StatusCode::FORBIDDEN,
            Self::NotAdmitted => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to do next.
    fn help(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.refusal().and_then(|refusal| refusal.help()),
            Self::NoSuchPage(_) => Some("Look in the navigation, or search."),
            Self::Unclear(_) => Some("Go back, correct it, and try again."),
            Self::StaleForm => Some("Go back, load the page again, and send the form once more."),
            Self::NotAdmitted => None,
        }
    }

    /// The fault as a part of a page, such as above a form that was refused.
    pub fn notice(&self) -> Markup {
        let refusal = match self {
            Self::Api(error) => error.refusal(),
            _ => None,
        };
        let violations = refusal.map_or(&[][..], |refusal| refusal.violations());
        html! {
            div.notice.bad role="alert" {
                p { strong { (self) } }
                @if let Some(refusal) = refusal { p.dim { "Reason: " code { (refusal.code()) } } }
                @if !violations.is_empty() { (self::violations(violations)) }
                @if let Some(help) = self.help() { p { (help) } }
            }
        }
    }

    /// The whole page for this fault.
    pub fn page(&self, guest: &Guest) -> Response {
        self.page_for(guest.0.as_ref())
    }

    /// The whole page for this fault, in the frame of a visitor.
    pub fn page_for(&self, visitor: Option<&Visitor>) -> Response {
        let title = match self.status() {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            status if status.is_server_error() => "Something went wrong",
            _ => "That didn't work",
        };
        let page =
            FramedPage { title: title.to_owned(), section: Section::None, body: self.notice() };
        let mut response = frame::respond(visitor, page);
        *response.status_mut() = self.status();
        response
    }
}

/// The places where a document violates its schema or a rule.
pub fn violations(violations: &[Violation]) -> Markup {
    html! {
        table.violations {
            thead { tr { th scope="col" { "Location" } th scope="col" { "Rule" } th scope="col" { "What is wrong" } } }
            tbody {
                @for violation in violations {
                    tr {
                        td { code { (violation.pointer) } }
                        td { (violated(&violation.violated)) }
                        td { (violation.message) }
                    }
                }
            }
        }
    }
}

/// What was violated, by the name under which people find it.
fn violated(cause: &ViolationCause) -> &str {
    match cause {
        ViolationCause::Keyword(name) | ViolationCause::Rule(name) => name,
        ViolationCause::Reference(_) => "reference",
        ViolationCause::Other(_) => "",
    }
}

/// A fault of a page that nobody is known for: it has no navigation.
impl IntoResponse for PageFault {
    fn into_response(self) -> Response {
        self.page(&Guest(None))
    }
}

/// What a page answers: itself, or a fault within the frame of this visitor.
pub async fn no_such_page(OriginalUri(uri): OriginalUri, guest: Guest) -> Response {
    PageFault::NoSuchPage(uri.path().to_owned()).page(&guest)
}
