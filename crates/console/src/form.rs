use axum::{
    Form,
    extract::rejection::FormRejection,
    response::{IntoResponse as _, Redirect, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use muster_client::Client;
use muster_words::{Permission, PermissionReach};

use crate::{PageFault, Visitor, visitor::Guest};

/// The largest document that a form takes, in bytes. Browsers become slow with larger ones; these
/// are put with the command line.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// The largest body of a form with a document, in bytes: each byte of its text may become three
/// (`%C3`), and each line break six; the rest is for the other fields.
pub const FORM_BYTES_MAX: usize = 3 * TEXT_BYTES_MAX + 256 * 1024;

/// The most letters of a reason, as the API has it.
const WHY_LETTERS_MAX: usize = 500;

/// A field that people don't see.
pub fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The field that shows whose form it is.
pub fn token(visitor: &Visitor) -> Markup {
    hidden("token", visitor.token())
}

/// The field for the reason of a change.
pub fn why(value: &str) -> Markup {
    html! {
        label for="why" { "Why" }
        input #why name="why" value=(value) maxlength=(WHY_LETTERS_MAX) autocomplete="off" aria-describedby="why-help";
        p.dim #why-help { "The log shows it beside the change." }
    }
}

/// A client that sends this reason with its changes, if there is one.
pub fn explained(client: &Client, why: &str) -> Client {
    let why = why.trim();
    if why.is_empty() { client.clone() } else { client.clone().explaining(why) }
}

/// The form that was sent.
///
/// # Errors
/// It is too large, or isn't a form of this console.
pub fn read<T>(form: Result<Form<T>, FormRejection>) -> Result<T, PageFault> {
    form.map(|Form(form)| form).map_err(|rejection| {
        PageFault::Unclear(if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            "the form is too large; muster put takes documents of up to 4 MiB".to_owned()
        } else {
            "this isn't a form of the console".to_owned()
        })
    })
}

/// Whether this person's role has a permission. It decides only which forms are shown; the API
/// decides what is done.
pub fn may(visitor: &Visitor, permission: Permission) -> bool {
    let principal = &visitor.caller.principal;
    let is_in_reach = principal.scope.is_none() || permission.reach() != PermissionReach::Whole;
    principal.role.extent(permission).is_some() && is_in_reach
}

/// A page, or the page of the fault that it has.
pub fn answered(visitor: Visitor, page: Result<Response, PageFault>) -> Response {
    page.unwrap_or_else(|fault| fault.page(&Guest(Some(visitor))))
}

/// Sends the browser to a page, as 303: one that is loaded anew then doesn't send the form again.
pub fn go_to(address: &str) -> Response {
    Redirect::to(address).into_response()
}
