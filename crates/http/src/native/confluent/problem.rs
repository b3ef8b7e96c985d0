//! The errors of Confluent's API: their codes and messages are what its clients look for.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use muster_catalog::{Reason, Refusal, VersionRefusal, registration::version_number};
use muster_registry::SubmitError;
use muster_wire::{Problem, confluent::ConfluentProblem};
use muster_words::Xid;

use super::answer;
use crate::{Body, problem::respond, xregistry::problem_of_failure};

/// An error of this API.
#[derive(Clone, Debug)]
pub(super) struct DoorError {
    status: StatusCode,
    code: u32,
    message: String,
    /// The name of an error of this registry.
    reason: Option<String>,
}

impl DoorError {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        let status = if code >= 1_000 { code / 100 } else { code };
        let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), reason: None }
    }

    pub(super) fn no_subject(subject: &str) -> Self {
        Self::new(40401, format!("Subject '{subject}' not found."))
    }

    pub(super) fn no_version(version: &str) -> Self {
        Self::new(40402, format!("Version {version} not found."))
    }

    pub(super) fn no_schema() -> Self {
        Self::new(40403, "Schema not found")
    }

    pub(super) fn no_schema_with(id: &str) -> Self {
        Self::new(40403, format!("Schema {id} not found"))
    }

    pub(super) fn invalid_schema(what: impl Into<String>) -> Self {
        Self::new(42201, what)
    }

    pub(super) fn not_permitted(what: impl Into<String>) -> Self {
        Self::new(42205, what)
    }

    pub(super) fn invalid_subject(subject: &str) -> Self {
        Self::new(42208, format!("The specified subject '{subject}' is not a valid."))
    }

    /// The refusal of a deletion, because others refer to a version.
    pub(super) fn references_exist(subject: &str, version: u32) -> Self {
        Self::new(
            42206,
            format!(
                "One or more references exist to the schema \
                 {{magic=1,keytype=SCHEMA,subject={subject},version={version}}}."
            ),
        )
    }

    pub(super) const fn is_about_references(&self) -> bool {
        self.code == 42206
    }

    pub(super) fn unprocessable(what: impl Into<String>) -> Self {
        Self::new(422, what)
    }

    pub(super) fn no_path() -> Self {
        Self::new(404, "HTTP 404 Not Found")
    }

    pub(super) fn no_method() -> Self {
        Self::new(405, "HTTP 405 Method Not Allowed")
    }

    /// What the registry says of a command; `subject` is what it is about.
    pub(super) fn of_submit(error: SubmitError, subject: &str) -> Self {
        match &error {
            SubmitError::Refused(refusal) => match of_refusal(refusal, subject) {
                Some(known) => known,
                None => problem_of_failure(error, subject).into(),
            },
            _ => problem_of_failure(error, subject).into(),
        }
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn into_response(self) -> Response {
        let Self { status, code, message, reason } = self;
        let body = ConfluentProblem { error_code: code, message, reason };
        answer::with_status(status, &body)
    }
}

/// The error for a refusal that has one in this API.
fn of_refusal(refusal: &Refusal, subject: &str) -> Option<DoorError> {
    Some(match &*refusal.reason {
        Reason::InvalidDocument { violations } => {
            let details: Vec<&str> =
                violations.iter().map(|violation| violation.message.as_str()).collect();
            incompatible(subject, &details)
        }
        Reason::Referenced { .. } => {
            let version = refusal.subject.parse::<Xid>().ok();
            let version = version.as_ref().and_then(Xid::id).and_then(version_number);
            DoorError::references_exist(subject, version.unwrap_or(1))
        }
        Reason::Version(VersionRefusal::SchemaMode { mode }) => {
            DoorError::not_permitted(format!("Subject {subject} is in mode {mode}"))
        }
        Reason::Version(VersionRefusal::SchemaIdTaken { id }) => {
            DoorError::not_permitted(format!("Overwrite new schema with id {id} is not permitted."))
        }
        _ => return None,
    })
}

/// The refusal of a schema that isn't compatible.
pub(super) fn incompatible(subject: &str, details: &[&str]) -> DoorError {
    DoorError::new(
        409,
        format!(
            "Schema being registered is incompatible with an earlier schema for subject \
             \"{subject}\", details: [{}]",
            details.join(", ")
        ),
    )
}

/// The response to a request that isn't let in, in this API's form.
pub(crate) fn refused(problem: &Problem) -> http::Response<Body> {
    let mut response = respond(problem);
    let error = DoorError::from(problem.clone());
    let body =
        ConfluentProblem { error_code: error.code, message: error.message, reason: error.reason };
    // Every value of a type in `wire` can be serialised.
    *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
    let content_type = HeaderValue::from_static(answer::MEDIA_TYPES[0]);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

impl From<Problem> for DoorError {
    /// An error of this registry: its code is the status, except where this API has one for it.
    fn from(problem: Problem) -> Self {
        let code = match problem.status().as_u16() {
            401 => 40101,
            403 => 40301,
            status => status.into(),
        };
        let body = problem.body();
        let detail = body.detail.map(|detail| format!(" {detail}")).unwrap_or_default();
        let message = format!("{}{detail}", problem.title());
        let reason = Some(problem.code().name().to_owned());
        Self { status: problem.status(), code, message, reason }
    }
}
