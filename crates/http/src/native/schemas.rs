//! `POST /schemas/…` and `POST /validate`: questions about schemas and payloads. They change
//! nothing, and take stored schemas and those that the request brings.

mod convert;
mod payloads;
mod rating;
mod referenced;
mod source;
mod stored;

use std::time::{Duration, Instant};

use axum::{Extension, body::Body, extract::State, response::Response};
use http::StatusCode;
use muster_registry::attended_read;
use muster_schema::{Level, Policy, check_level};
use muster_wire::{
    ErrorKind, Problem, headers,
    schemas::{
        CompatibilityReport, CompatibilityRequest, SchemaDiffReport, SchemaDiffRequest,
        SchemaSource, VersionComparison,
    },
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use self::{
    convert::{change, finding},
    source::{ReadSchema, Reader},
};
use super::{Native, answer, body};
use crate::{Caller, IntoProblem, read_body};

/// The most earlier versions that one request compares, and that a stored schema is compared with.
const VERSIONS_MAX: usize = 1_000;

/// How long one request may work. It holds a turn, and others wait.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// The most findings in one answer; the rest is counted.
const FINDINGS_MAX: usize = 1_000;

const CHECK: &str = "/schemas/check";
const DIFF: &str = "/schemas/diff";
const QUALITY: &str = "/schemas/quality";
const PROFILE: &str = "/schemas/profile";
const VALIDATE: &str = "/validate";

/// `POST /schemas/check`: whether a new version of a schema is compatible with earlier ones.
pub(super) async fn check(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, IntoProblem> {
    asked(native, caller, body, CHECK, checked).await
}

/// `POST /schemas/diff`: what differs between two versions of a schema.
pub(super) async fn diff(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, IntoProblem> {
    asked(native, caller, body, DIFF, differing).await
}

/// `POST /schemas/quality`: how good a schema is.
pub(super) async fn rate(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, IntoProblem> {
    asked(native, caller, body, QUALITY, rating::rate).await
}

/// `POST /schemas/profile`: with which language models a schema can be used.
pub(super) async fn profile(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, IntoProblem> {
    asked(native, caller, body, PROFILE, rating::profile).await
}

/// `POST /validate`: which payloads pass a schema.
pub(super) async fn validate_payloads(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, IntoProblem> {
    asked(native, caller, body, VALIDATE, payloads::check).await
}

/// Reads a request, and answers it when there is a turn for it.
async fn asked<Q, A, F>(
    native: Native,
    caller: Caller,
    body: Body,
    path: &'static str,
    work: fn(Reader, Q) -> F,
) -> Result<Response, IntoProblem>
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Problem>> + Send + 'static,
{
    let bytes = read_body(body).await?;
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    let position = view.position();
    let answered = attended_read(async move {
        let answering = async {
            // A body of some megabytes takes long to read, too.
            let request: Q = body::read(&bytes, path)?;
            drop(bytes);
            let until = Instant::now() + REQUEST_TIME_MAX;
            let registry = native.registry.clone();
            work(Reader { registry, view, principal: caller.principal, path, until }, request).await
        };
        native.searches.run(answering).await
    });
    let found = answered.await.unwrap_or(Err(ErrorKind::ServerError.into()))?;
    let mut response = answer::json(StatusCode::OK, &found);
    response.headers_mut().insert(headers::MUSTER_POSITION, position.0.into());
    Ok(response)
}

async fn checked(
    reader: Reader,
    request: CompatibilityRequest,
) -> Result<CompatibilityReport, Problem> {
    let level: Level = reader.word(request.level.as_deref(), "level", Level::Backward)?;
    let policy: Policy = reader.word(request.policy.as_deref(), "policy", Policy::Sound)?;
    let earlier = match (&request.against, request.old.is_empty()) {
        (Some(xid), true) => reader.versions(xid, &request.new.references)?,
        (None, false) => request.old,
        (None, true) | (Some(_), false) => {
            let what =
                "name the earlier versions either in old, or by against, the xid of a schema";
            return Err(reader.refused(what.to_owned()));
        }
    };
    if earlier.len() > VERSIONS_MAX {
        let what = format!("there are more than {VERSIONS_MAX} earlier versions");
        return Err(reader.refused(what));
    }
    let beside = match &request.against {
        Some(xid) => Some(reader.xid(xid)?),
        None => None,
    };
    let new = reader.read(&request.new, "new", beside.as_ref()).await?;
    let mut report = CompatibilityReport {
        compatible: true,
        level: level.to_string(),
        policy: policy.to_string(),
        format: new.schema.format().to_string(),
        compared: Vec::new(),
    };
    let count = match level {
        Level::None => 0,
        level if level.is_transitive() => earlier.len(),
        _ => 1,
    };
    let mut room = FINDINGS_MAX;
    for (index, old) in earlier.iter().take(count).enumerate() {
        let old = reader.read(old, &format!("old[{index}]"), None).await?;
        let compare =
            |old: &&ReadSchema, direction| old.schema.compare(&new.schema, direction, policy);
        let compared = reader.work(|| check_level(level, [&old], compare))?;
        let broken = compared.into_iter().flat_map(|one| one.findings);
        let mut findings: Vec<_> = broken.map(finding).collect();
        let compatible = findings.is_empty();
        report.compatible &= compatible;
        let more = findings.len().saturating_sub(room);
        findings.truncate(room);
        room -= findings.len();
        let xid = old.xid.as_ref().map(ToString::to_string);
        report.compared.push(VersionComparison { xid, compatible, findings, more: more as u64 });
    }
    Ok(report)
}

async fn differing(
    reader: Reader,
    request: SchemaDiffRequest,
) -> Result<SchemaDiffReport, Problem> {
    let home = |source: &SchemaSource| match &source.xid {
        Some(text) => reader.xid(text).map(|xid| xid.resource()),
        None => Ok(None),
    };
    let (of_old, of_new) = (home(&request.old)?, home(&request.new)?);
    let old = reader.read(&request.old, "old", of_new.as_ref()).await?;
    let new = reader.read(&request.new, "new", of_old.as_ref()).await?;
    let changes = reader.work(|| old.schema.difference(&new.schema))?;
    let class = changes.iter().map(|change| change.class).min();
    Ok(SchemaDiffReport {
        format: new.schema.format().to_string(),
        class: class.map(|class| class.to_string()),
        changes: changes.into_iter().map(change).collect(),
    })
}
