use axum::{
    Router,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use maud::{Markup, html};
use muster_client::{Answer, ClientError};
use muster_http::CONSOLE;
use serde::de::DeserializeOwned;

use crate::{
    Console, PageFault, Section, Visitor, api_reference, changes, form::go_to, graph, keys, ledger,
    live_providers, metrics, propagation, publications, visitor::Guest,
};

/// A page of the navigation that shows one part of the API.
pub struct Board {
    /// Its entry in the navigation.
    pub section: Section,
    /// Its heading.
    pub title: &'static str,
    /// Its address below the console.
    pub path: &'static str,
}

/// The pages of this kind.
pub fn routes() -> Router<Console> {
    Router::new()
        .route("/changes", get(changes::show))
        .route("/ledger", get(ledger::show))
        .route("/ledger/verify", post(ledger::verify))
        .route("/providers", get(live_providers::show).post(live_providers::control))
        .route("/propagation", get(propagation::show).post(propagation::act))
        .route("/publications", get(publications::show).post(publications::run))
        .route("/keys", get(keys::show).post(keys::create))
        .route("/keys/{key}/revoke", get(keys::confirm).post(keys::revoke))
        .route("/graph", get(graph::show))
        .route("/metrics", get(metrics::show))
        .route("/api", get(api_reference::show))
        .route("/api/{tag}", get(api_reference::show_tag))
        .route("/api/types/{name}", get(api_reference::show_type))
}

impl Board {
    /// The page. If the visitor may not see it, it says so in a sentence: the entry is in
    /// everybody's navigation.
    pub fn show(&self, visitor: Visitor, body: Result<Markup, PageFault>) -> Response {
        match body {
            Ok(body) => visitor.page(self.section, self.title, body),
            Err(PageFault::Api(error)) if is_forbidden(&error) => {
                visitor.page(self.section, self.title, unseen(&error))
            }
            Err(fault) => fault.page(&Guest(Some(visitor))),
        }
    }

    /// The answer to a form: the page again, which then says what was done, or why it wasn't.
    pub fn after(&self, visitor: Visitor, done: Result<&str, PageFault>) -> Response {
        match done {
            Ok(done) => self.again(&format!("?done={done}")),
            Err(fault) => fault.page(&Guest(Some(visitor))),
        }
    }

    /// Sends the browser to the page with this query.
    pub fn again(&self, query: &str) -> Response {
        go_to(&self.address(query))
    }

    /// The address of the page, or of one below it.
    pub fn address(&self, below: &str) -> String {
        format!("{CONSOLE}{}{below}", self.path)
    }
}

/// Reads the answer to a call that the client has no function for.
///
/// # Errors
/// The answer is another one than this release expects.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, PageFault> {
    serde_json::from_slice(&answer.bytes)
        .map_err(|error| PageFault::Unclear(format!("the server's answer can't be read: {error}")))
}

/// Whether the API says that somebody may not see something.
pub fn is_forbidden(error: &ClientError) -> bool {
    let status = error.refusal().map(|refusal| refusal.status);
    matches!(status, Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED))
}

/// What somebody is told who may not see something.
pub fn unseen(error: &ClientError) -> Markup {
    html! { p.notice { "You can't see this: " (error) "." } }
}

/// A sentence about what was done by a form.
pub fn done(text: &str) -> Markup {
    html! { p.notice.good role="status" { (text) } }
}
