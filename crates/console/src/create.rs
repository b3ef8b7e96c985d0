use axum::{
    Form,
    extract::{OriginalUri, Path, rejection::FormRejection},
    response::Response,
};
use http::{Method, StatusCode, header::IF_NONE_MATCH};
use maud::{Markup, html};
use muster_client::{Call, ClientError, Precondition, Query, path_of};
use muster_words::{
    Permission, Xid,
    json::{Map, Value},
};

use crate::{
    PageFault, Section, Visitor,
    accepted::{Consequences, failing_with},
    document_form::{DraftForm, FormStep, buttons},
    form::{answered, explained, may, read},
    judgement::{failing, findings, judge},
    place::{Location, LocationKind, link, page_of},
    sign_in, skeleton,
    visitor::Guest,
};

/// The page to create a document in a collection, or a group of a type.
pub async fn show(visitor: Visitor, Path(path): Path<String>) -> Response {
    let page = async {
        let place = Location::read(&path);
        if !may(&visitor, Permission::WriteDocuments) {
            return Err(PageFault::Unclear("your role doesn't create anything".to_owned()));
        }
        let form = match place.kind()? {
            LocationKind::Groups => DraftForm::default(),
            LocationKind::Resources => DraftForm {
                text: skeleton::of_collection(&visitor, &place).await,
                media_type: "application/json".to_owned(),
                ..DraftForm::default()
            },
            _ => return Err(PageFault::NoSuchPage(place.path())),
        };
        whole(&visitor, &place, (&form, html! {}, StatusCode::OK))
    };
    let page = page.await;
    answered(visitor, page)
}

/// Does what a button of the page asks for. What was typed is never lost.
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
        let (place, form) = (Location::read(&path), form?);
        if visitor.comes_from_elsewhere() {
            return Err(PageFault::StaleForm);
        }
        match step(&visitor, &place, &form).await {
            Ok(Outcome::Done(xid, consequences)) => {
                Ok(consequences.follow(&visitor, &Location::read(&xid.to_string())))
            }
            Ok(Outcome::Again(found, status)) => whole(&visitor, &place, (&form, found, status)),
            Err(fault) => whole(&visitor, &place, (&form, fault.notice(), fault.status())),
        }
    };
    let page = page.await;
    answered(visitor, page)
}

/// What a step leads to.
enum Outcome {
    /// It was created.
    Done(Xid, Box<Consequences>),
    /// The page again, with what was found.
    Again(Markup, StatusCode),
}

async fn step(visitor: &Visitor, place: &Location, form: &DraftForm) -> Result<Outcome, PageFault> {
    visitor.check_token(&form.token)?;
    let xid = new_xid(place, &form.name)?;
    if matches!(xid, Xid::Group { .. }) {
        return create_group(visitor, xid, form).await;
    }
    match form.step {
        FormStep::Check => {
            let report = judge(&visitor.client, &xid, form).await?;
            let found = html! { h2 { "Check" } (findings(&report)) };
            Ok(Outcome::Again(found, StatusCode::OK))
        }
        FormStep::Preview => {
            let report = judge(&visitor.client, &xid, form).await?;
            let found = html! {
                h2 { "What is created" }
                p { code { (xid) } ", " (form.bytes().len()) " bytes" }
                h2 { "What the judge says" }
                (findings(&report))
                h2 { "Stored documents" }
                (failing(&report.failing))
            };
            Ok(Outcome::Again(found, StatusCode::OK))
        }
        FormStep::Put => {
            let sent = form.upload(Precondition::Absent)?;
            let failing = failing_with(&visitor.client, &xid, form).await;
            let put = explained(&visitor.client, &form.why).put(&xid, &sent).await;
            let put = put.map(|answer| Consequences::of_put(&answer, failing));
            outcome(xid, put)
        }
    }
}

/// The xid of what is created: the name below the collection.
pub fn new_xid(place: &Location, name: &str) -> Result<Xid, PageFault> {
    let name = name.trim();
    if name.is_empty() {
        return Err(PageFault::Unclear("give it a name".to_owned()));
    }
    format!("{}/{name}", place.path())
        .parse()
        .map_err(|error| PageFault::Unclear(format!("{name} can't be a name: {error}")))
}

fn outcome(xid: Xid, done: Result<Consequences, ClientError>) -> Result<Outcome, PageFault> {
    match done {
        Ok(consequences) => Ok(Outcome::Done(xid, Box::new(consequences))),
        Err(error) if error.is("precondition_failed") => {
            let found = html! {
                div.notice.bad role="alert" {
                    p { strong { "There is one of this name already: " (link(&xid.to_string())) } }
                    p { "Nothing was changed. Choose another name, or edit that one." }
                }
            };
            Ok(Outcome::Again(found, StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}

async fn create_group(visitor: &Visitor, xid: Xid, form: &DraftForm) -> Result<Outcome, PageFault> {
    let mut attributes = Map::new();
    if !form.text.trim().is_empty() {
        attributes.insert("description".to_owned(), form.text.trim().into());
    }
    let call = Call::new(Method::PUT, &path_of(&xid), &Query::new())
        .json(&Value::Object(attributes))
        .header(IF_NONE_MATCH, "*");
    let put = explained(&visitor.client, &form.why).call(call).await;
    outcome(xid, put.map(|_| Consequences::default()))
}

fn whole(
    visitor: &Visitor,
    place: &Location,
    (form, found, status): (&DraftForm, Markup, StatusCode),
) -> Result<Response, PageFault> {
    let (path, is_group) = (place.path(), place.kind()? == LocationKind::Groups);
    let check = (!is_group).then(|| page_of("check", &path));
    let body = html! {
        (place.trail())
        (found)
        h2.hidden { "What is created" }
        form.card method="post" action=(page_of("new", &path)) data-check=[check] {
            label for="name" { "Name" }
            input #name name="name" value=(form.name) required autocomplete="off" spellcheck="false" aria-describedby="name-help";
            p.dim #name-help { "Its address ends with it: " code { (path) "/…" } ". It can't be changed later." }
            @if is_group { (group_fields(visitor, form, &path)) } @else {
                (form.fields(visitor))
                (buttons("Create", &page_of("browse", &path)))
            }
        }
    };
    let title = format!("New in {}", path.trim_start_matches('/'));
    let mut response = visitor.page(Section::None, title, body);
    *response.status_mut() = status;
    Ok(response)
}

fn group_fields(visitor: &Visitor, form: &DraftForm, path: &str) -> Markup {
    html! {
        (crate::form::token(visitor))
        label for="text" { "What it is for" }
        input #text name="text" value=(form.text) autocomplete="off";
        (crate::form::why(&form.why))
        div.actions {
            button.primary type="submit" name="step" value="put" { "Create" }
            a.button href=(page_of("browse", path)) { "Cancel" }
        }
    }
}
