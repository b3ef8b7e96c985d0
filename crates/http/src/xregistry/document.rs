use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use muster_catalog::{
    Content, View,
    entity::{Entity, EntityReader},
};
use muster_model::{AttributeOrigin, Kind};
use muster_registry::{FetchError, Registry};
use muster_wire::{
    ErrorKind, Problem,
    etag::Rendition,
    headers::{self, AttributeRoom},
};
use muster_words::Xid;
use serde_json::Value;

use super::{
    render::{Links, LoadedContents, NeededContents},
    tags,
};

/// A document with its attributes as headers (xRegistry HTTP binding, "Serializing Resource
/// Domain-Specific Documents"). It is rendered once and sent often.
#[derive(Clone, Debug)]
pub(super) struct Representation {
    /// 200, or 303 if the document is stored elsewhere or stands for another one.
    pub status: StatusCode,
    /// All headers that depend on the document and on the base URL.
    pub headers: HeaderMap,
    /// The document's bytes.
    pub body: Bytes,
}

/// Renders a document.
///
/// # Errors
/// `not_found`, `purged`, or an error of reading the ledger.
pub(super) async fn represent(
    registry: &Registry,
    view: &View,
    xid: &Xid,
    root: &str,
) -> Result<Representation, Problem> {
    let missing = || Problem::new(ErrorKind::NotFound).subject(xid);
    let entity = Entity::find(view, xid).ok_or_else(missing)?;
    check_contents(view, xid, &entity)?;
    let mut wanted = NeededContents::default();
    wanted.attributes.extend(entity.contents(view));
    wanted.documents.extend(entity.document());
    let mut contents = LoadedContents::default();
    let failed = |error: FetchError| super::refused::problem_of_fetch(error, &xid.to_string());
    contents.load(registry, wanted).await.map_err(failed)?;
    render(view, &contents, &entity, xid, root)
}

fn render(
    view: &View,
    contents: &LoadedContents,
    entity: &Entity<'_>,
    xid: &Xid,
    root: &str,
) -> Result<Representation, Problem> {
    let mut representation = Representation {
        status: StatusCode::OK,
        headers: HeaderMap::with_capacity(24),
        body: Bytes::new(),
    };
    let elsewhere =
        attribute_headers(view, contents, entity, xid, root, &mut representation.headers);
    if let Some(elsewhere) = elsewhere {
        representation.status = StatusCode::SEE_OTHER;
        put(&mut representation.headers, header::LOCATION, &headers::location(&elsewhere));
    } else if let Some(content) = entity.document() {
        representation.body = match contents.document(content) {
            Some(bytes) => bytes.clone(),
            None => return Err(purged(xid, content)),
        };
    }
    if let Some(target) = view.alias_target(xid) {
        let target = target.to_string();
        representation.status = StatusCode::SEE_OTHER;
        let at = (!view.is_newest()).then(|| format!("?at={}", view.position()));
        let location = Links::api(root).absolute(&target) + &at.unwrap_or_default();
        put(&mut representation.headers, header::LOCATION, &headers::location(&location));
        put(&mut representation.headers, headers::MUSTER_ALIAS_OF, &target);
    }
    if let Some(tag) = tags::tag(view, xid, Rendition::Document) {
        representation.headers.insert(header::ETAG, tags::header_value(tag));
    }
    Ok(representation)
}

/// Refuses to show contents that were purged after the view's position.
///
/// # Errors
/// `purged`.
pub(super) fn check_contents(view: &View, xid: &Xid, entity: &Entity<'_>) -> Result<(), Problem> {
    if view.erased(xid).is_none() {
        return Ok(());
    }
    match entity.document().or_else(|| entity.attributes(view)) {
        Some(content) => Err(purged(xid, content)),
        None => Err(Problem::new(ErrorKind::Purged { digest: None }).subject(xid)),
    }
}

fn purged(xid: &Xid, content: Content) -> Problem {
    Problem::new(ErrorKind::Purged { digest: Some(content.digest) }).subject(xid)
}

/// Writes the headers; returns the document's URL if it is stored elsewhere.
fn attribute_headers(
    view: &View,
    contents: &LoadedContents,
    entity: &Entity<'_>,
    xid: &Xid,
    root: &str,
    out: &mut HeaderMap,
) -> Option<String> {
    let (Entity::Resource(kind, resource) | Entity::Version(kind, resource, _)) = entity else {
        return None;
    };
    entity.version()?;
    let links = Links::beside_document(root);
    let path = xid.to_string();
    let reader = EntityReader { view, loaded: contents, urls: &links };
    let url_name = format!("{}url", kind.singular);
    let mut elsewhere = None;
    let mut optional = Vec::new();
    reader.each(entity, &path, &|_| false, &mut |name, value| {
        if name == "contenttype" {
            put(out, header::CONTENT_TYPE, value.as_str().unwrap_or_default());
            return;
        }
        let defined = kind.attributes.find(name);
        let of_document =
            defined.is_some_and(|attribute| attribute.origin == AttributeOrigin::Document);
        if of_document && (name == kind.singular || name.ends_with("base64")) {
            return;
        }
        if name == url_name {
            elsewhere = value.as_str().map(str::to_owned);
        }
        let is_map = defined.is_some_and(|attribute| attribute.kind == Kind::Map);
        if value.is_object() && !is_map {
            return;
        }
        let headers = attribute(name, value);
        // What every document has is always there.
        if defined.is_some_and(|found| found.required || found.readonly) || name == url_name {
            out.extend(headers);
        } else {
            optional.push((name.to_owned(), headers));
        }
    });
    let mut room = AttributeRoom::default();
    for (name, headers) in optional {
        if room.fits(&name, &headers) {
            out.extend(headers);
        }
    }
    if let Some(omitted) = room.omitted() {
        out.insert(headers::MUSTER_OMITTED, omitted);
    }
    if matches!(entity, Entity::Resource(..)) {
        out.extend(attribute("metaurl", &links.absolute(&format!("{path}/meta")).into()));
        out.extend(attribute("versionsurl", &links.absolute(&format!("{path}/versions")).into()));
        out.extend(attribute("versionscount", &resource.version_count().into()));
    }
    put(out, header::CONTENT_DISPOSITION, resource.id().as_str());
    if let Some(location) = content_location(view, xid, root) {
        put(out, header::CONTENT_LOCATION, &location);
    }
    elsewhere
}

/// The URL of the version whose document is shown.
pub(super) fn content_location(view: &View, xid: &Xid, root: &str) -> Option<String> {
    let version = Entity::find(view, xid)?.version()?;
    Some(Links::api(root).absolute(&format!("{}/versions/{}", xid.resource()?, version.id)))
}

/// A scalar becomes one header, a map of scalars one header per key; other types are left out.
fn attribute(name: &str, value: &Value) -> Vec<(HeaderName, HeaderValue)> {
    match value {
        Value::Object(map) => {
            let members = map.iter();
            members.filter_map(|(key, value)| header_of(&format!("{name}.{key}"), value)).collect()
        }
        _ => header_of(name, value).into_iter().collect(),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn header_of(name: &str, value: &Value) -> Option<(HeaderName, HeaderValue)> {
    let text = scalar(value)?;
    let name = format!("{}{name}", headers::XREGISTRY_PREFIX);
    // A key may have characters that aren't allowed in header names (`:`); it appears only in the
    // details.
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some((name, HeaderValue::from_str(&headers::encode(&text)).ok()?))
}

fn put(out: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        out.insert(name, value);
    }
}
