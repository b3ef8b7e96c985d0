//! Documents, groups and collections as resources.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_client::{Client, ClientError, Query};
use muster_words::Xid;
use rmcp::{
    ErrorData,
    model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::Value;

use crate::{limits::RESOURCE_BYTES_MAX, places, refusal::Refusal};

/// What the address of each resource begins with. An xid stands behind it.
const PREFIX: &str = "muster://registry/api";

/// The most entities that a collection shows as a resource.
const ENTITIES_MAX: usize = 100;

/// The address of a place.
pub(crate) fn uri_of(place: &str) -> String {
    format!("{PREFIX}{place}")
}

/// The place that an address names.
pub(crate) fn place_of(uri: &str) -> Result<String, ErrorData> {
    let unknown = || {
        let message = format!("{uri:?} is no resource of a registry: {PREFIX}/<groups>/<group>/…");
        ErrorData::resource_not_found(message, None)
    };
    let place = uri.strip_prefix(PREFIX).ok_or_else(unknown)?;
    if !place.is_empty() && !place.starts_with('/') {
        return Err(unknown());
    }
    places::place(Some(place)).map_err(|_| unknown())
}

/// The types of groups, each as a resource.
pub(crate) async fn list(client: &Client) -> Result<Vec<Resource>, ErrorData> {
    let model = client.model().await.map_err(|error| fault(&error))?;
    let model = model.json().map_err(|error| fault(&error))?;
    let groups = model.get("groups").and_then(Value::as_object);
    let resources = groups.into_iter().flatten().map(|(plural, kind)| {
        let description = kind.get("description").and_then(Value::as_str);
        let text =
            description.map_or_else(|| format!("All groups of the type {plural}"), str::to_owned);
        Resource::new(uri_of(&format!("/{plural}")), plural.as_str())
            .with_description(text)
            .with_mime_type("application/json")
    });
    Ok(resources.collect())
}

/// The forms of addresses.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    let document = format!("{PREFIX}/{{groups}}/{{group}}/{{resources}}/{{resource}}");
    [
        (
            document.clone(),
            "document",
            "A document, such as muster://registry/api/providers/cms/entries/sanity",
        ),
        (format!("{document}/versions/{{version}}"), "version", "A version of a document"),
        (format!("{PREFIX}/{{groups}}/{{group}}"), "group", "A group's attributes"),
        (
            format!("{PREFIX}/{{groups}}/{{group}}/{{resources}}"),
            "collection",
            "The first documents of a group, without their contents",
        ),
    ]
    .into_iter()
    .map(|(template, name, text)| ResourceTemplate::new(template, name).with_description(text))
    .collect()
}

/// Reads a resource.
pub(crate) async fn read(client: &Client, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let place = place_of(uri)?;
    let contents = if places::is_collection(&place) {
        let query = Query::new().with("limit", ENTITIES_MAX);
        let page = client.first_page(&place, &query).await.map_err(|error| fault(&error))?;
        json_contents(page.json(), uri)
    } else {
        let xid = if place.is_empty() { Ok(Xid::Registry) } else { places::xid(&place) };
        let xid = xid.map_err(|refusal| ErrorData::invalid_params(refusal.message, None))?;
        match xid {
            Xid::Resource { .. } | Xid::Version { .. } => document(client, &xid, uri).await?,
            xid => {
                let details = client.details(&xid, &Query::new()).await;
                let text = details.and_then(|details| details.text());
                json_contents(text.map_err(|error| fault(&error))?, uri)
            }
        }
    }?;
    Ok(ReadResourceResult::new(vec![contents]))
}

async fn document(
    client: &Client,
    xid: &Xid,
    uri: &str,
) -> Result<Result<ResourceContents, ErrorData>, ErrorData> {
    let document = client.document(xid).await.map_err(|error| fault(&error))?;
    if document.bytes.len() > RESOURCE_BYTES_MAX {
        return Ok(Err(too_large(document.bytes.len())));
    }
    let contents = match std::str::from_utf8(&document.bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(_) => ResourceContents::blob(STANDARD.encode(&document.bytes), uri),
    };
    Ok(Ok(match document.content_type {
        Some(content_type) => contents.with_mime_type(content_type),
        None => contents,
    }))
}

fn json_contents(text: String, uri: &str) -> Result<ResourceContents, ErrorData> {
    if text.len() > RESOURCE_BYTES_MAX {
        return Err(too_large(text.len()));
    }
    Ok(ResourceContents::text(text, uri).with_mime_type("application/json"))
}

fn too_large(bytes: usize) -> ErrorData {
    let message = format!(
        "the resource has {bytes} bytes, and at most {RESOURCE_BYTES_MAX} are shown; the tools get and list show it in parts"
    );
    ErrorData::invalid_params(message, None)
}

/// A failed call as an error of the protocol, with what a tool's refusal would say as its data.
pub(crate) fn fault(error: &ClientError) -> ErrorData {
    let refusal = Refusal::from(error.clone());
    let (message, data) = (refusal.message.clone(), Some(refusal.json()));
    if error.is_absent() {
        return ErrorData::resource_not_found(message, data);
    }
    match error.refusal() {
        Some(_) => ErrorData::invalid_request(message, data),
        None => ErrorData::internal_error(message, data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_place_that_an_address_names() {
        for (uri, expect) in [
            ("muster://registry/api", Some("")),
            ("muster://registry/api/", Some("")),
            ("muster://registry/api/providers", Some("/providers")),
            ("muster://registry/api/a/b/c/d/versions/1", Some("/a/b/c/d/versions/1")),
            ("muster://registry/apiary", None),
            ("muster://registry/keys", None),
            ("muster://registry/api/../keys", None),
            ("muster://elsewhere/api/a", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(place_of(uri).ok().as_deref(), expect, "{uri}");
        }
        assert_eq!(place_of(&uri_of("/a/b")).ok().as_deref(), Some("/a/b"));
    }
}
