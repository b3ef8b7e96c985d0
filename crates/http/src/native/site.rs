//! `/site/<file>`: the newest state as static files, for caches in front and for clients; and
//! `POST /publish`, the manifest of what is published elsewhere.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use muster_guard::Forbidden;
use muster_publisher::{DEFAULT_CHANNEL, RenderError, RenderRequest, RenderedSite, headers_of};
use muster_wire::{
    ErrorKind, Problem,
    manifest::{FALLBACK_PATH, MANIFEST_PATH, ManifestRequest, OBJECTS, history_path},
};
use muster_words::{Digest, Id};

use super::{Native, body};
use crate::{
    Body, Caller, IntoProblem, problem_of_forbidden, read_body, xregistry::problem_of_fetch,
};

const PLACE: &str = "/publish";

/// A file of the site, or its manifest for elsewhere.
pub(super) fn one(method: MethodFilter) -> MethodRouter<Native> {
    if method == MethodFilter::POST { on(method, render) } else { on(method, show) }
}

/// The longest address of a site, in bytes, as browsers and caches take it.
const BASE_URL_BYTES_MAX: usize = 2_000;

/// `GET /site/<file>`.
async fn show(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let subject = format!("/site/{path}");
    let site = rendered(&native, &caller, ManifestRequest::default(), &subject).await?;
    let (bytes, digest) = if path == MANIFEST_PATH || path == history_path(site.manifest.version) {
        (Some(site.bytes.clone()), Digest::of(&site.bytes))
    } else {
        let object = path.strip_prefix(OBJECTS).and_then(|rest| rest.strip_prefix('/'));
        let file = match object.map(str::parse::<Digest>) {
            Some(Ok(digest)) => {
                native.site.object(&site, &digest, !caller.principal.is_anonymous())
            }
            Some(Err(_)) => None,
            None => site.file(&path).cloned(),
        };
        let Some(file) = file else { return missing(&native, &site, &subject).await };
        if is_known(&sent, &file.digest) {
            (None, file.digest)
        } else {
            let read = native.site.bytes(&file).await;
            let read = read.map_err(|error| problem_of_fetch(error, &subject))?;
            // Purged between the rendering and the reading.
            let Some(bytes) = read else { return missing(&native, &site, &subject).await };
            (Some(bytes), file.digest)
        }
    };
    let bytes = bytes.filter(|_| !is_known(&sent, &digest));
    Ok(answer(&native, &path, bytes, &digest))
}

/// `POST /publish`.
async fn render(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let bytes = read_body(body).await?;
    let request: ManifestRequest = match bytes.is_empty() {
        true => ManifestRequest::default(),
        false => body::read(&bytes, PLACE)?,
    };
    let site = rendered(&native, &caller, request, PLACE).await?;
    let mut response = http::Response::new(Body::from(site.bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response.map(Into::into))
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

async fn rendered(
    native: &Native,
    caller: &Caller,
    request: ManifestRequest,
    subject: &str,
) -> Result<Arc<RenderedSite>, Problem> {
    // One site shows all documents of its collections.
    if caller.principal.scope.is_some() {
        return Err(problem_of_forbidden(Forbidden::Scope, subject));
    }
    let request = checked(request, caller)?;
    native.site.render(request).await.map_err(|error| match error {
        RenderError::Collection(error) => refused(format!("{error}")),
        RenderError::Fetch(error) => problem_of_fetch(error, subject),
        RenderError::Key(error) => {
            tracing::error!(%error, "the key of the site can't be used");
            ErrorKind::ServerError.into()
        }
    })
}

fn checked(request: ManifestRequest, caller: &Caller) -> Result<RenderRequest, Problem> {
    let channel = request.channel.unwrap_or_else(|| DEFAULT_CHANNEL.to_owned());
    let named = channel.parse::<Id>();
    named.map_err(|_| refused(format!("{channel:?} can't be the name of a channel")))?;
    let base_url = request.base_url.unwrap_or_else(|| format!("{}/site", caller.base));
    let is_url = ["https://", "http://"].iter().any(|scheme| {
        base_url.strip_prefix(scheme).is_some_and(|rest| !rest.trim_matches('/').is_empty())
    });
    let is_plain = base_url.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    if !is_url || !is_plain || base_url.len() > BASE_URL_BYTES_MAX {
        let what = "base_url is the address of a web server, such as https://cdn.example";
        return Err(refused(what.to_owned()));
    }
    let (collections, previous) = (request.collections, request.previous);
    Ok(RenderRequest { channel, base_url, collections, previous })
}

fn refused(error_detail: String) -> Problem {
    Problem::new(ErrorKind::BadRequest { error_detail }).subject(PLACE)
}

/// Whether the client has these bytes already. A compressed answer's tag begins the same.
fn is_known(sent: &HeaderMap, digest: &Digest) -> bool {
    let digest = digest.to_string();
    let values = sent.get_all(header::IF_NONE_MATCH).iter().filter_map(|one| one.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| {
        let tag = tag.trim_start_matches("W/").trim_matches('"');
        tag == "*" || tag.split('-').next() == Some(digest.as_str())
    })
}

/// The answer with a file; without bytes, that the client has them.
fn answer(native: &Native, path: &str, bytes: Option<Bytes>, digest: &Digest) -> Response {
    let is_there = bytes.is_some();
    let mut response = http::Response::new(bytes.map_or(Body::Empty, Body::from));
    if !is_there {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    if is_there {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        headers.insert(header::ETAG, tag);
    }
    let kept = headers_of(path).cache_control;
    // A shared cache keeps an answer to a request with a key only if it says so (RFC 9111, 3.5).
    let is_shared = |directive: &&str| *directive == "public" || directive.starts_with("s-");
    let for_one = || {
        let directives = kept.split(", ").filter(|one| !is_shared(one));
        directives.collect::<Vec<_>>().join(", ")
    };
    let kept = if native.site_is_public { kept.to_owned() } else { for_one() };
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        headers.insert(header::CACHE_CONTROL, kept);
    }
    share(native, headers);
    response.map(Into::into)
}

/// Lets pages of every origin read a public site.
fn share(native: &Native, headers: &mut HeaderMap) {
    if native.site_is_public {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
}

/// The answer for a file that isn't there, which says where to look.
async fn missing(
    native: &Native,
    site: &RenderedSite,
    subject: &str,
) -> Result<Response, IntoProblem> {
    let not_found = || Problem::new(ErrorKind::NotFound).subject(subject);
    let file = site.file(FALLBACK_PATH).ok_or_else(not_found)?;
    let read = native.site.bytes(file).await;
    let read = read.map_err(|error| problem_of_fetch(error, subject))?;
    let mut response = http::Response::new(Body::from(read.unwrap_or_default()));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    share(native, headers);
    Ok(response.map(Into::into))
}
