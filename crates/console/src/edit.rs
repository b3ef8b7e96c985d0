use axum::{
    Form,
    extract::{OriginalUri, Path, rejection::FormRejection},
    response::Response,
};
use http::StatusCode;
use maud::{Markup, html};
use muster_client::{ClientError, FetchedDocument, Precondition, Query};
use muster_wire::etag::EntityTag;
use muster_words::{Permission, Xid};

use crate::{
    PageFault, Section, Visitor,
    accepted::{Consequences, failing_with},
    comparison::{Compared, conflict, differences},
    document_form::{DraftForm, FormStep, buttons},
    form::{answered, explained, may, read},
    judgement::{depending, failing, findings, judge, refused},
    place::{Location, LocationKind, page_of},
    sign_in,
    visitor::Guest,
};

/// The page to edit a document.
pub async fn show(visitor: Visitor, Path(path): Path<String>) -> Response {
    let page = async {
        let (place, xid, version) = document_at(&path)?;
        let stored = visitor.client.document(&xid).await?;
        if !may(&visitor, Permission::WriteDocuments) {
            return Ok(visitor.page(Section::None, title(&xid), not_allowed(&place)));
        }
        let tag = stored.etag.clone();
        let (stored, notice) = match &version {
            Some(version) => (visitor.client.document(version).await?, of_version(version)),
            None => (stored, html! {}),
        };
        Ok(match DraftForm::of(&FetchedDocument { etag: tag, ..stored }) {
            Ok(form) => whole(&visitor, &place, &xid, (&form, notice, StatusCode::OK)),
            Err(why) => visitor.page(Section::None, title(&xid), not_here(&place, why)),
        })
    };
    let page = page.await;
    answered(visitor, page)
}

/// Does what a button of the page asks for, and shows the page again until the document is put. What
/// was typed is never lost.
pub async fn send(
    Guest(visitor): Guest,
    OriginalUri(uri): OriginalUri,
    Path(path): Path<String>,
    form: Result<Form<DraftForm>, FormRejection>,
) -> Response {
    let form = read(form);
    let Some(visitor) = visitor else {
        return sign_in::ended(uri.path(), form.as_ref().map_or("", |form| form.text.as_str()));
    };
    let page = async {
        let ((place, xid, _), form) = (document_at(&path)?, form?);
        if visitor.comes_from_elsewhere() {
            return Err(PageFault::StaleForm);
        }
        Ok(match step(&visitor, &xid, form.clone()).await {
            Ok(Outcome::Done(consequences)) => consequences.follow(&visitor, &place),
            Ok(Outcome::Again(form, found, status)) => {
                whole(&visitor, &place, &xid, (&form, found, status))
            }
            Err(fault) => whole(&visitor, &place, &xid, (&form, fault.notice(), fault.status())),
        })
    };
    let page = page.await;
    answered(visitor, page)
}

/// What a step leads to.
enum Outcome {
    /// The document was put.
    Done(Box<Consequences>),
    /// The page again, with what was found.
    Again(DraftForm, Markup, StatusCode),
}

/// The place of a document with its xid, and the version whose text is the start, if one is named.
fn document_at(path: &str) -> Result<(Location, Xid, Option<Xid>), PageFault> {
    let place = Location::read(path);
    match place.kind()? {
        LocationKind::Document(xid) => Ok((place, xid, None)),
        LocationKind::Version(version) => match version.resource() {
            Some(xid) => Ok((Location::read(&xid.to_string()), xid, Some(version))),
            None => Err(PageFault::NoSuchPage(place.path())),
        },
        _ => Err(PageFault::NoSuchPage(place.path())),
    }
}

async fn step(visitor: &Visitor, xid: &Xid, form: DraftForm) -> Result<Outcome, PageFault> {
    visitor.check_token(&form.token)?;
    match form.step {
        FormStep::Check => {
            let report = judge(&visitor.client, xid, &form).await?;
            let found = html! { h2 { "Check" } (findings(&report)) };
            Ok(Outcome::Again(form, found, StatusCode::OK))
        }
        FormStep::Preview => preview(visitor, xid, form).await,
        FormStep::Put => put(visitor, xid, form).await,
    }
}

async fn put(visitor: &Visitor, xid: &Xid, form: DraftForm) -> Result<Outcome, PageFault> {
    let sent = form.upload(Precondition::IfMatch(form.tag.clone()))?;
    let failing = failing_with(&visitor.client, xid, &form).await;
    match explained(&visitor.client, &form.why).put(xid, &sent).await {
        Ok(answer) => Ok(Outcome::Done(Box::new(Consequences::of_put(&answer, failing)))),
        Err(error) if was_changed(&error) => overtaken(visitor, xid, form).await,
        Err(error) => Err(error.into()),
    }
}

/// Whether a change was refused because somebody else was faster.
pub fn was_changed(error: &ClientError) -> bool {
    error.is("precondition_failed") || error.is("mismatched_epoch")
}

/// Somebody else was faster: shows what they did, and takes the tag of their state, so that the next
/// put overwrites it knowingly.
async fn overtaken(visitor: &Visitor, xid: &Xid, form: DraftForm) -> Result<Outcome, PageFault> {
    let theirs = match visitor.client.document(xid).await {
        Ok(theirs) => theirs,
        Err(error) if error.is_absent() => {
            return Ok(Outcome::Again(form, deleted(xid), StatusCode::CONFLICT));
        }
        Err(error) => return Err(error.into()),
    };
    // The form was sent twice, such as by loading the page anew: it is done already.
    if theirs.bytes == form.bytes() && theirs.content_type.as_deref() == form.media_type() {
        return Ok(Outcome::Done(Box::default()));
    }
    let found = three_way(visitor, xid, &form, &theirs).await;
    let form = DraftForm { tag: theirs.etag.unwrap_or_default(), ..form };
    Ok(Outcome::Again(form, found, StatusCode::CONFLICT))
}

fn deleted(xid: &Xid) -> Markup {
    let path = xid.to_string();
    html! {
        div.notice.bad role="alert" {
            p { strong { "Somebody deleted this document since you loaded it." } }
            p { "What you typed is below. "
                a href=(page_of("deleted", "")) { "Restore the document" } " in another tab, then put again; or copy the text into "
                a href=(page_of("new", path.rsplit_once('/').map_or("", |(above, _)| above))) { "a new one" } "." }
        }
    }
}

async fn three_way(
    visitor: &Visitor,
    xid: &Xid,
    form: &DraftForm,
    theirs: &FetchedDocument,
) -> Markup {
    let was = loaded(visitor, xid, &form.tag).await;
    let (bytes, version) = (form.bytes(), theirs.version.as_deref().unwrap_or_default());
    html! {
        div.notice.warn role="alert" {
            p { strong { "Somebody else was faster: the document is at version " (version) " now." } }
            p { "Nothing was changed, and what you typed is below. Take over from theirs what should stay; putting yours then replaces theirs. "
                a href=(page_of("history", &xid.to_string())) { "Who it was, and why" } }
        }
        h2 { "Was, theirs, and yours" }
        (conflict(was.as_ref().map(compared), compared(theirs), (&bytes, Some(&form.media_type))))
    }
}

/// The document as it was loaded; none if it was erased since, or the tag isn't one of the registry.
async fn loaded(visitor: &Visitor, xid: &Xid, tag: &str) -> Option<FetchedDocument> {
    let position = EntityTag::read(tag.trim_matches('"'), false)?.position;
    visitor.client.document_as(xid, &Query::new().with("at", position)).await.ok()
}

fn compared(document: &FetchedDocument) -> Compared<'_> {
    (&document.bytes, document.content_type.as_deref())
}

/// What the change does: the difference, what would be refused, what would stop passing, and what
/// depends on the document.
async fn preview(visitor: &Visitor, xid: &Xid, form: DraftForm) -> Result<Outcome, PageFault> {
    let client = &visitor.client;
    let now = client.document(xid).await?;
    let report = judge(client, xid, &form).await?;
    let references = client.references(xid).await?.read()?;
    let is_overtaken = now.etag.as_deref() != Some(&form.tag);
    let bytes = form.bytes();
    let found = html! {
        @if is_overtaken { (three_way(visitor, xid, &form, &now).await) }
        h2 { "What differs" }
        (differences(compared(&now), (&bytes, Some(&form.media_type))))
        h2 { "What the judge says" }
        (findings(&report))
        @if report.is_cut { p.dim { "There was no time to look for everything." } }
        h2 { "Stored documents" }
        (failing(&report.failing))
        h2 { "What depends on it" }
        (depending(&references))
    };
    let form = match is_overtaken {
        true => DraftForm { tag: now.etag.unwrap_or_default(), ..form },
        false => form,
    };
    Ok(Outcome::Again(form, found, StatusCode::OK))
}

/// Judges a document as it is typed: the findings alone, for the page's script.
pub async fn check(
    visitor: Visitor,
    Path(path): Path<String>,
    form: Result<Form<DraftForm>, FormRejection>,
) -> Response {
    let found = async {
        let form = read(form)?;
        visitor.check_token(&form.token)?;
        let place = Location::read(&path);
        let xid = match place.kind()? {
            LocationKind::Document(xid) => xid,
            LocationKind::Resources => super::create::new_xid(&place, &form.name)?,
            _ => return Err(PageFault::NoSuchPage(place.path())),
        };
        let report = judge(&visitor.client, &xid, &form).await?;
        Ok(if report.refused.is_empty() { findings(&report) } else { refused(&report.refused) })
    };
    let found: Result<Markup, PageFault> = found.await;
    crate::frame::respond_part(&found.unwrap_or_else(|fault| fault.notice()))
}

fn of_version(version: &Xid) -> Markup {
    let id = version.id().map_or("", |id| id.as_str());
    html! { div.notice { p { "This is the text of version " (id) ". Putting it makes a new version of the document." } } }
}

fn title(xid: &Xid) -> String {
    format!("Edit {}", xid.id().map_or("", |id| id.as_str()))
}

fn whole(
    visitor: &Visitor,
    place: &Location,
    xid: &Xid,
    (form, found, status): (&DraftForm, Markup, StatusCode),
) -> Response {
    let path = place.path();
    let body = html! {
        (place.trail())
        (found)
        h2.hidden { "The document" }
        form.card method="post" action=(page_of("edit", &path)) data-check=(page_of("check", &path)) {
            (form.fields(visitor))
            (buttons("Put as a new version", &page_of("browse", &path)))
        }
    };
    let mut response = visitor.page(Section::None, title(xid), body);
    *response.status_mut() = status;
    response
}

fn not_allowed(place: &Location) -> Markup {
    html! {
        (place.trail())
        div.notice.warn { p { "Your role doesn't change documents. " a href=(page_of("browse", &place.path())) { "Back to the document" } } }
    }
}

fn not_here(place: &Location, why: &str) -> Markup {
    html! {
        (place.trail())
        div.notice.warn {
            p { (why) " It can't be edited here. "
                a href=(format!("/api{}", place.path())) download { "Download it" }
                ", change it, and put it with " code { "muster put" } "." }
        }
    }
}
