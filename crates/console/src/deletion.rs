use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::Response,
};
use http::StatusCode;
use maud::{Markup, html};
use muster_client::{DeleteOptions, Precondition, Query};
use muster_words::{Permission, Xid, json::Value};
use serde::Deserialize;

use crate::{
    PageFault, Section, Visitor,
    edit::was_changed,
    form::{answered, explained, go_to, hidden, may, read, token, why},
    judgement::{depending, referring},
    place::{Location, page_of},
    times::number,
};

/// The form of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeletionForm {
    token: String,
    tag: String,
    why: String,
}

/// Says what a deletion takes with it, and asks.
pub async fn show(visitor: Visitor, Path(path): Path<String>) -> Response {
    let page = whole(&visitor, &path, ("", html! {}, StatusCode::OK)).await;
    answered(visitor, page)
}

/// Deletes, if the entity still is what the page showed.
pub async fn delete(
    visitor: Visitor,
    Path(path): Path<String>,
    form: Result<Form<DeletionForm>, FormRejection>,
) -> Response {
    let page = async {
        let form = read(form)?;
        visitor.check_token(&form.token)?;
        let xid = Location::read(&path).entity()?;
        let options = DeleteOptions {
            precondition: Precondition::IfMatch(form.tag.clone()),
            ..DeleteOptions::default()
        };
        let error = match explained(&visitor.client, &form.why).delete(&xid, &options).await {
            Ok(_) => return Ok(go_to(&page_of("browse", &above(&xid)))),
            Err(error) => error,
        };
        let was_changed = was_changed(&error);
        let referring = referring(&error);
        let fault = PageFault::from(error);
        let (status, notice) = (fault.status(), fault.notice());
        let found = html! {
            @if was_changed {
                div.notice.warn role="alert" {
                    p { strong { "It was changed since you looked." } " Nothing was deleted. Below is what it is now." }
                }
            } @else { (notice) (referring) }
        };
        whole(&visitor, &path, (&form.why, found, status)).await
    };
    let page = page.await;
    answered(visitor, page)
}

/// The page of what is left when an entity is gone.
fn above(xid: &Xid) -> String {
    let path = xid.to_string();
    path.rsplit_once('/').map_or_else(String::new, |(above, _)| above.to_owned())
}

async fn whole(
    visitor: &Visitor,
    path: &str,
    (reason, found, status): (&str, Markup, StatusCode),
) -> Result<Response, PageFault> {
    let place = Location::read(path);
    let xid = place.entity()?;
    let answer = visitor.client.details(&xid, &Query::new()).await?;
    let (details, tag) = (answer.json()?, answer.header("etag").unwrap_or_default().to_owned());
    let references = visitor.client.references(&xid).await?.read()?;
    let back = page_of("browse", &place.path());
    let body = html! {
        (place.trail())
        (found)
        h2 { "What is deleted" }
        (contents(&xid, &details))
        p { "It can be restored: " a href=(page_of("deleted", "")) { "deleted names" } " lists it. The log and the ledger keep what it was." }
        h2 { "What depends on it" }
        (depending(&references))
        @if !references.referred_by.is_empty() {
            p.dim { "As long as something else refers to it, the deletion is refused." }
        }
        @if may(visitor, Permission::DeleteDocuments) {
            h2.hidden { "Confirm" }
            form.card method="post" action=(page_of("delete", &place.path())) {
                (token(visitor))
                (hidden("tag", &tag))
                (why(reason))
                div.actions {
                    button.danger type="submit" { "Delete " (xid) }
                    a.button href=(back) { "Keep it" }
                }
            }
        } @else {
            p { "Your role deletes nothing. " a href=(back) { "Back" } }
        }
    };
    let title = format!("Delete {}?", xid.id().map_or("", |id| id.as_str()));
    let mut response = visitor.page(Section::None, title, body);
    *response.status_mut() = status;
    Ok(response)
}

/// What goes with it: what is in a group, the versions of a document.
fn contents(xid: &Xid, details: &Value) -> Markup {
    let members = details.as_object();
    let counts = members.into_iter().flatten().filter_map(|(name, value)| {
        let what = name.strip_suffix("count")?;
        value.as_u64().map(|count| (what.to_owned(), count))
    });
    html! {
        ul {
            li { code { (xid) } }
            @for (what, count) in counts { li { (number(count)) " " (what) } }
        }
    }
}
