use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::Response,
};
use http::StatusCode;
use maud::{Markup, html};
use muster_wire::schemas::{PayloadsReport, PayloadsRequest, SchemaSource};
use muster_words::{
    Xid,
    json::{self, Value},
};
use serde::Deserialize;

use crate::{
    PageFault, Section, Visitor,
    fault::violations,
    form::{answered, read, token},
    place::{Location, page_of},
    schema_pages::{choice, version_field, versions},
    times::number,
};

/// How a payload may be written.
const ENCODINGS: [(&str, &str); 3] = [
    ("json", "JSON"),
    ("binary", "Avro or Protobuf in binary, as Base64"),
    ("confluent", "the same behind Confluent's five bytes, as Base64"),
];

/// A payload with the schema that it is checked against.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PayloadForm {
    token: String,
    version: String,
    encoding: String,
    message: String,
    payload: String,
}

/// The page to try payloads.
pub async fn show(visitor: Visitor, Path(path): Path<String>) -> Response {
    let place = Location::read(&path);
    let form = PayloadForm { encoding: "json".to_owned(), ..PayloadForm::default() };
    let page = whole(&visitor, &place, (form, html! {}, StatusCode::OK)).await;
    answered(visitor, page)
}

/// Checks a payload. Nothing is stored.
pub async fn check(
    visitor: Visitor,
    Path(path): Path<String>,
    form: Result<Form<PayloadForm>, FormRejection>,
) -> Response {
    let page = async {
        let (place, form) = (Location::read(&path), read(form)?);
        let (found, status) = match judged(&visitor, &place, &form).await {
            Ok(report) => (findings(&report), StatusCode::OK),
            Err(fault) => (fault.notice(), fault.status()),
        };
        whole(&visitor, &place, (form, found, status)).await
    };
    let page = page.await;
    answered(visitor, page)
}

async fn judged(
    visitor: &Visitor,
    place: &Location,
    form: &PayloadForm,
) -> Result<PayloadsReport, PageFault> {
    visitor.check_token(&form.token)?;
    let schema = schema_at(place)?;
    let payload = if form.encoding == "json" {
        json::parse(form.payload.as_bytes())
            .map_err(|error| PageFault::Unclear(format!("the payload isn't JSON: {error}")))?
    } else {
        Value::from(form.payload.trim())
    };
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let request = PayloadsRequest {
        schema: SchemaSource {
            xid: Some(format!("{schema}/versions/{}", form.version)),
            ..SchemaSource::default()
        },
        payloads: vec![payload],
        encoding: some(&form.encoding),
        message: some(&form.message),
    };
    Ok(visitor.client.validate_payloads(&request).await?.read()?)
}

fn schema_at(place: &Location) -> Result<Xid, PageFault> {
    place.entity()?.resource().ok_or_else(|| PageFault::NoSuchPage(place.path()))
}

fn findings(report: &PayloadsReport) -> Markup {
    html! {
        h2 { "What was found" }
        @for result in &report.results {
            @if result.valid {
                div.notice.good role="status" { p { strong { "It passes." } } }
            } @else {
                div.notice.bad role="alert" { p { strong { "It doesn't pass." } } }
            }
            @if !result.violations.is_empty() { (violations(&result.violations)) }
            @if result.more > 0 { p.dim { "and " (number(result.more)) " more" } }
        }
    }
}

async fn whole(
    visitor: &Visitor,
    place: &Location,
    (form, found, status): (PayloadForm, Markup, StatusCode),
) -> Result<Response, PageFault> {
    let schema = schema_at(place)?;
    let versions = versions(&visitor.client, &schema).await?;
    let named = match place.entity()? {
        Xid::Version { version, .. } => version.as_str().to_owned(),
        _ => versions.first().cloned().unwrap_or_default(),
    };
    let version = if form.version.is_empty() { named } else { form.version.clone() };
    let body = html! {
        (place.trail())
        (found)
        h2.hidden { "The payload" }
        form.card method="post" action=(page_of("schemas/try", &schema.to_string())) {
            (token(visitor))
            (version_field("version", "Version", &versions, &version))
            (choice(("encoding", "Written as"), ENCODINGS.into_iter(), &form.encoding))
            label for="message" { "Message " span.dim { "(Protobuf; empty for the first one)" } }
            input #message name="message" value=(form.message) autocomplete="off" spellcheck="false";
            label for="payload" { "Payload" }
            // HTML drops the first line break of the element, so that one is the page's own.
            textarea #payload name="payload" rows="16" spellcheck="false" wrap="off" autocomplete="off" { "\n" (form.payload) }
            p.dim { "Nothing is stored." }
            div.actions { button.primary type="submit" { "Check" } }
        }
    };
    let title = format!("Try {}", schema.id().map_or("", |id| id.as_str()));
    let mut response = visitor.page(Section::Schemas, title, body);
    *response.status_mut() = status;
    Ok(response)
}
