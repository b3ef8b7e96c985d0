//! Confluent's Schema Registry API, under `/confluent` and at the root of a port of its own. A
//! subject is a schema of the native API: what one writes, the other reads.
//!
//! Facts about that API, its codes and its messages are from its public documentation and from runs
//! against its clients.

mod answer;
mod kept;
mod names;
mod problem;
mod register;
mod rules;
mod schemas;
mod settings;
mod stored;
mod subjects;
mod tags;

use std::time::{Duration, Instant};

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, Method, header};
use muster_catalog::View;
use muster_registry::attended_read;
use muster_wire::{confluent::ModeBody, headers};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

pub use self::kept::{SchemaAnswers, SchemaReads};
pub(crate) use self::problem::refused;
use self::{
    names::{Context, Place, Subject},
    problem::DoorError,
    stored::Shown,
};
use super::Native;
use crate::{Caller, read_body, xregistry::percent_decoded};

/// How long one request may work.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// The path below which this API is.
const PREFIX: &str = "/confluent";

/// What a request is answered from.
#[derive(Clone)]
struct Door {
    native: Native,
    caller: Caller,
    view: View,
    /// Where a name without a context is.
    context: Context,
    /// When the request is late.
    until: Instant,
}

/// The parameters of a query. Those that aren't known are ignored.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = |text: &str| percent_decoded(&text.replace('+', " ")).unwrap_or_default();
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn value(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    }

    fn values(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(own, _)| own == name).map(|(_, value)| value.clone()).collect()
    }

    fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Which versions are meant; `deletedOnly` wins.
    fn shown(&self) -> Shown {
        match (self.flag("deletedOnly"), self.flag("deleted")) {
            (true, _) => Shown::Deleted,
            (false, true) => Shown::All,
            (false, false) => Shown::Live,
        }
    }

    /// The part of a list that `offset` and `limit` choose.
    fn page<T>(&self, all: impl Iterator<Item = T>, max: usize) -> Vec<T> {
        let number = |name| self.value(name).and_then(|text| text.parse::<i64>().ok());
        let offset = number("offset").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let limit = number("limit").and_then(|n| usize::try_from(n).ok());
        let limit = limit.filter(|limit| (1..=max).contains(limit)).unwrap_or(max);
        all.skip(offset).take(limit).collect()
    }
}

/// Every request of this API.
pub(super) async fn serve(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let accept = request.headers().get(header::ACCEPT);
    let media_type = answer::accepted(accept.and_then(|value| value.to_str().ok()));
    let Some(media_type) = media_type else {
        return DoorError::new(406, "HTTP 406 Not Acceptable").into_response();
    };
    let (parts, body) = request.into_parts();
    let position = native.registry.view().position();
    let answered = match read_body(body).await {
        Err(problem) => Err(DoorError::from(problem)),
        Ok(bytes) => {
            let answering = async move { answer_to(native, caller, &parts, &bytes).await };
            let lost = || Err(DoorError::new(500, "the request couldn't be finished"));
            attended_read(answering).await.unwrap_or_else(lost)
        }
    };
    let mut response = answered.unwrap_or_else(DoorError::into_response);
    let kept = response.headers_mut();
    if kept.contains_key(header::CONTENT_TYPE) {
        kept.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    kept.insert(headers::MUSTER_POSITION, position.0.into());
    response
}

/// Answers one request.
async fn answer_to(
    native: Native,
    caller: Caller,
    parts: &http::request::Parts,
    body: &[u8],
) -> Result<Response, DoorError> {
    let path = parts.uri.path();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let steps: Option<Vec<String>> =
        path.trim_matches('/').split('/').map(percent_decoded).collect();
    let steps = steps.ok_or_else(DoorError::no_path)?;
    let mut steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let mut context = Context::named(".")?;
    if let ["contexts", name, _, ..] = steps.as_slice() {
        context = Context::named(name.trim_matches(':'))?;
        steps.drain(..2);
    }
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    let until = Instant::now() + REQUEST_TIME_MAX;
    let door = Door { native, caller, view, context, until };
    let query = Query::of(parts.uri.query());
    let verb = match &parts.method {
        &Method::HEAD => &Method::GET,
        other => other,
    };
    match *verb {
        Method::GET => door.get(&steps, &query).await,
        Method::POST => door.post(&steps, &query, body).await,
        Method::PUT => door.put(&steps, &query, body).await,
        Method::DELETE => door.delete(&steps, &query).await,
        _ => Err(DoorError::no_method()),
    }
}

impl Door {
    async fn get(&self, steps: &[&str], query: &Query) -> Result<Response, DoorError> {
        match steps {
            [""] => Ok(answer::json(&json!({}))),
            ["contexts"] => self.long(async { self.list_contexts(query) }).await,
            ["subjects"] => self.long(async { self.list_subjects(query) }).await,
            ["subjects", subject, rest @ ..] => {
                let subject = self.aliased(subject)?;
                match rest {
                    ["versions"] => self.list_versions(&subject, query),
                    ["versions", version] => {
                        self.show_version(&subject, version, (query, false)).await
                    }
                    ["versions", version, "schema"] => {
                        self.show_version(&subject, version, (query, true)).await
                    }
                    ["versions", version, "referencedby"] => {
                        self.referenced_by(&subject, version, query)
                    }
                    ["metadata"] => self.show_by_metadata(&subject, query).await,
                    [] => Err(DoorError::no_method()),
                    _ => Err(DoorError::no_path()),
                }
            }
            ["schemas"] => self.long(self.list_schemas(query)).await,
            ["schemas", "types"] => Ok(answer::json(&["JSON", "PROTOBUF", "AVRO"])),
            ["schemas", "ids", id] => self.show_by_id(id, (query, false)).await,
            ["schemas", "ids", id, "schema"] => self.show_by_id(id, (query, true)).await,
            ["schemas", "ids", id, "subjects"] => self.subjects_of_id(id, query),
            ["schemas", "ids", id, "versions"] => self.versions_of_id(id, query),
            ["schemas", "guids", guid] => self.show_by_guid(guid, query).await,
            ["schemas", "guids", guid, "ids"] => self.ids_of_guid(guid),
            ["config"] => self.show_config(&self.around(), query),
            ["config", place] => self.show_config(&self.place(place)?, query),
            ["mode"] => self.show_mode(&self.around(), query),
            ["mode", place] => self.show_mode(&self.place(place)?, query),
            ["v1", "metadata", "id"] => Ok(answer::json(&self.cluster())),
            ["v1", "metadata", "version"] => {
                let version = env!("CARGO_PKG_VERSION");
                Ok(answer::json(&json!({ "version": version, "commitId": "" })))
            }
            ["v1", "metadata", "deployment"] => Ok(answer::json(&json!({ "attributes": [] }))),
            _ => Err(DoorError::no_path()),
        }
    }

    async fn post(
        &self,
        steps: &[&str],
        query: &Query,
        body: &[u8],
    ) -> Result<Response, DoorError> {
        match steps {
            [""] => Ok(answer::json(&json!({}))),
            ["subjects", subject] => {
                let subject = self.aliased(subject)?;
                self.look_up(&subject, read(body)?, query).await
            }
            ["subjects", subject, "versions"] => {
                let subject = self.aliased(subject)?;
                self.register(&subject, read(body)?, query).await
            }
            ["subjects", subject, "versions", version, "tags"] => {
                let subject = self.aliased(subject)?;
                self.change_tags(&subject, version, read(body)?).await
            }
            ["compatibility", "subjects", subject, "versions"] => {
                let subject = self.aliased(subject)?;
                self.compare(&subject, None, read(body)?, query).await
            }
            ["compatibility", "subjects", subject, "versions", version] => {
                let subject = self.aliased(subject)?;
                self.compare(&subject, Some(version), read(body)?, query).await
            }
            _ => Err(DoorError::no_path()),
        }
    }

    async fn put(&self, steps: &[&str], query: &Query, body: &[u8]) -> Result<Response, DoorError> {
        match steps {
            ["config"] => self.set_config(&self.around(), read(body)?).await,
            ["config", place] => self.set_config(&self.place(place)?, read(body)?).await,
            ["mode"] => self.set_mode(&self.around(), read::<ModeBody>(body)?, query).await,
            ["mode", place] => self.set_mode(&self.place(place)?, read(body)?, query).await,
            _ => Err(DoorError::no_path()),
        }
    }

    async fn delete(&self, steps: &[&str], query: &Query) -> Result<Response, DoorError> {
        match steps {
            ["contexts", name] => self.delete_context(name).await,
            ["subjects", subject] => self.delete_subject(&self.aliased(subject)?, query).await,
            ["subjects", subject, "versions", version] => {
                self.delete_version(&self.aliased(subject)?, version, query).await
            }
            ["config"] => self.delete_config(&self.around()).await,
            ["config", place] => self.delete_config(&self.place(place)?).await,
            ["mode"] => self.delete_mode(&self.around()).await,
            ["mode", place] => self.delete_mode(&self.place(place)?).await,
            _ => Err(DoorError::no_path()),
        }
    }

    /// Runs work that keeps a processor busy, when there is a turn for it.
    async fn long<T>(
        &self,
        work: impl Future<Output = Result<T, DoorError>>,
    ) -> Result<T, DoorError> {
        self.native.searches.run(async { Ok(work.await) }).await?
    }

    /// The place of a request that names none: everything or, below a context, that context.
    fn around(&self) -> Place {
        match self.context.is_default() {
            true => Place::Global,
            false => Place::Context(self.context.clone()),
        }
    }

    fn place(&self, text: &str) -> Result<Place, DoorError> {
        Place::named(text, &self.context)
    }

    /// The subject with this name, or the one for which the name is an alias.
    fn aliased(&self, text: &str) -> Result<Subject, DoorError> {
        let subject = Subject::named(text, &self.context)?;
        let settings = self.settings_of(&subject);
        let alias = settings.confluent("alias").and_then(|alias| alias.as_str());
        match alias.filter(|alias| !alias.is_empty()) {
            Some(alias) => Subject::named(alias, &subject.context),
            None => Ok(subject),
        }
    }

    fn cluster(&self) -> impl Serialize {
        let id = self.view.id().as_str();
        json!({
            "id": "",
            "scope": {
                "path": [],
                "clusters": { "kafka-cluster": id, "schema-registry-cluster": "muster" },
            },
        })
    }
}

/// Reads the body of a request.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DoorError> {
    serde_json::from_slice(body)
        .map_err(|error| DoorError::unprocessable(format!("the body can't be read: {error}")))
}
