use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    Method,
    header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use muster_wire::{headers as names, restore::Restoration};
use muster_words::{
    Digest, Xid,
    json::{Map, Value},
};

use super::path_of;
use crate::{Answer, Call, Client, ClientError, Query};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A document, with data from the answer's headers.
#[derive(Clone, Debug)]
pub struct FetchedDocument {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type, if it has one.
    pub content_type: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its entity tag, for conditional writes.
    pub etag: Option<String>,
    /// The URL of the document, if the registry has only its attributes.
    pub elsewhere: Option<String>,
    /// The document, or the version of one, that it stands for, if it is an alias. The bytes are the
    /// alias's own.
    pub alias_of: Option<Xid>,
}

/// A document to send.
#[derive(Clone, Debug, Default)]
pub struct DocumentUpload {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type; if empty, the registry decides.
    pub content_type: String,
    /// Attributes to set. If they don't fit into headers, the document is sent within JSON, as
    /// Base64, and attributes that aren't among them are reset.
    pub attributes: Map<String, Value>,
    /// Whether there are only attributes and no document.
    pub attributes_alone: bool,
    /// The singular name of the type (`entry`, `schema`), for the member with the Base64.
    pub singular: String,
    /// A condition on the write.
    pub precondition: Precondition,
    /// A key that makes it safe to repeat the request (`Idempotency-Key`).
    pub idempotency_key: Option<String>,
    /// Whether to make a new version even if nothing differs from the present one.
    pub always_new: bool,
}

/// A condition on a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The entity still has this tag.
    IfMatch(String),
    /// The entity doesn't exist.
    Absent,
}

impl Precondition {
    fn on(&self, call: Call) -> Call {
        match self {
            Self::None => call,
            Self::IfMatch(tag) => call.header(IF_MATCH, tag),
            Self::Absent => call.header(IF_NONE_MATCH, "*"),
        }
    }
}

/// Options of a deletion.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Whether to erase the entity instead of hiding it.
    pub purge: bool,
    /// Whether to delete it even if others refer to it.
    pub force: bool,
    /// The epoch that it must have.
    pub epoch: Option<u64>,
    /// A condition on the deletion.
    pub precondition: Precondition,
    /// A key that makes it safe to repeat the request (`Idempotency-Key`).
    pub idempotency_key: Option<String>,
}

impl DocumentUpload {
    /// The JSON with the attributes and the document.
    #[must_use]
    pub fn details(&self) -> Value {
        let mut details = self.attributes.clone();
        if self.attributes_alone {
            return Value::Object(details);
        }
        if !self.content_type.is_empty() {
            details.insert("contenttype".to_owned(), self.content_type.clone().into());
        }
        let base64 = STANDARD.encode(&self.bytes);
        details.insert(format!("{}base64", self.singular), base64.into());
        Value::Object(details)
    }

    /// The attributes as headers; none if they don't fit into headers.
    #[must_use]
    pub fn attribute_headers(&self) -> Option<Vec<(HeaderName, String)>> {
        let mut headers = Vec::new();
        for (name, value) in &self.attributes {
            match value {
                Value::Object(map) if name == "labels" && !map.is_empty() => {
                    for (key, value) in map {
                        headers.push(attribute_header(&format!("{name}.{key}"), value)?);
                    }
                }
                value => headers.push(attribute_header(name, value)?),
            }
        }
        let bytes: usize =
            headers.iter().map(|(name, text)| name.as_str().len() + text.len()).sum();
        let fits = headers.len() <= HEADERS_MAX && bytes <= HEADERS_BYTES_MAX;
        fits.then_some(headers)
    }
}

/// How many attributes are sent as headers, and their size in bytes. Servers and proxies refuse
/// requests with about a hundred headers, or with 8 KiB of them.
const HEADERS_MAX: usize = 50;
const HEADERS_BYTES_MAX: usize = 4 * 1024;

/// A scalar as the header of an attribute. The text `null` has no header, because it would delete.
fn attribute_header(name: &str, value: &Value) -> Option<(HeaderName, String)> {
    let text = match value {
        Value::String(text) if text != "null" => names::encode(text).into_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let header = format!("{}{name}", names::XREGISTRY_PREFIX).parse().ok().filter(|_| is_lower)?;
    Some((header, text))
}

impl Client {
    /// The document of a resource (of its default version) or of a version.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document(&self, xid: &Xid) -> Result<FetchedDocument, ClientError> {
        self.document_as(xid, &Query::new()).await
    }

    /// The document of a resource or of a version, as a query asks for it: `at` a position or a
    /// time.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document_as(
        &self,
        xid: &Xid,
        query: &Query,
    ) -> Result<FetchedDocument, ClientError> {
        let answer = self.call(Call::new(Method::GET, &path_of(xid), query)).await?;
        let header = |name| answer.header(name).map(str::to_owned);
        let alias_of = answer.header(names::MUSTER_ALIAS_OF.as_str());
        let alias_of: Option<Xid> = alias_of.and_then(|text| text.parse().ok());
        let is_elsewhere = answer.status.is_redirection() && alias_of.is_none();
        Ok(FetchedDocument {
            alias_of,
            content_type: header(CONTENT_TYPE.as_str()),
            version: header("xregistry-versionid"),
            etag: header("etag"),
            elsewhere: header("location").filter(|_| is_elsewhere),
            bytes: answer.bytes,
        })
    }

    /// The attributes of any entity, as JSON.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn details(&self, xid: &Xid, query: &Query) -> Result<Answer, ClientError> {
        let path = path_of(xid);
        let plain = || self.call(Call::new(Method::GET, &path, query));
        if !matches!(xid, Xid::Resource { .. } | Xid::Version { .. }) {
            return plain().await;
        }
        let details = Call::new(Method::GET, &format!("{path}$details"), query);
        match self.call(details).await {
            // Resources without documents have no `$details`.
            Err(error) if error.is("bad_details") => plain().await,
            answer => answer,
        }
    }

    /// Puts a document: as a new version of a resource, which is created if it doesn't exist, or as
    /// the given version.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put(&self, xid: &Xid, sent: &DocumentUpload) -> Result<Answer, ClientError> {
        let creates_only = sent.precondition == Precondition::Absent;
        let method = match xid {
            Xid::Resource { .. } if !creates_only && !sent.attributes_alone => Method::POST,
            _ => Method::PUT,
        };
        let path = path_of(xid);
        let mut call = if sent.attributes_alone {
            Call::new(method, &path, &Query::new()).json(&sent.details())
        } else if let Some(headers) = sent.attribute_headers() {
            let call = Call::new(method, &path, &Query::new());
            let call = call.body(&sent.content_type, sent.bytes.clone());
            headers.into_iter().fold(call, |call, (name, text)| call.header(name, &text))
        } else {
            Call::new(method, &format!("{path}$details"), &Query::new()).json(&sent.details())
        };
        if sent.always_new {
            call = call.header(names::MUSTER_NEW_VERSION, "always");
        }
        let call = sent.precondition.on(call);
        self.call(call.header_some(IDEMPOTENCY_KEY, sent.idempotency_key.as_deref())).await
    }

    /// Creates a group with these attributes, or replaces its attributes.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put_group(&self, xid: &Xid, attributes: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::PUT, &path_of(xid), &Query::new()).json(attributes)).await
    }

    /// Changes some attributes; everything else stays, including the document.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn patch(&self, xid: &Xid, attributes: &Value) -> Result<Answer, ClientError> {
        let path = path_of(xid);
        let patch =
            |path: &str| self.call(Call::new(Method::PATCH, path, &Query::new()).json(attributes));
        if !matches!(xid, Xid::Resource { .. } | Xid::Version { .. }) {
            return patch(&path).await;
        }
        match patch(&format!("{path}$details")).await {
            Err(error) if error.is("bad_details") => patch(&path).await,
            answer => answer,
        }
    }

    /// Deletes an entity.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&self, xid: &Xid, removal: &DeleteOptions) -> Result<Answer, ClientError> {
        let query = Query::new()
            .flag_if("purge", removal.purge)
            .flag_if("force", removal.force)
            .with_some("epoch", removal.epoch);
        let call = removal.precondition.on(Call::new(Method::DELETE, &path_of(xid), &query));
        self.call(call.header_some(IDEMPOTENCY_KEY, removal.idempotency_key.as_deref())).await
    }

    /// Undoes the last deletion of a name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn restore(&self, xid: &Xid) -> Result<Answer<Restoration>, ClientError> {
        let path = format!("/restore{xid}");
        self.call(Call::new(Method::POST, &path, &Query::new())).await.map(Answer::of)
    }

    /// Changes several entities in one request; everything else stays. Groups are nested by type
    /// and id, as in xRegistry. The change is atomic.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn patch_several(&self, groups: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::PATCH, "/api", &Query::new()).json(groups)).await
    }

    /// Puts several entities in one request. Groups are nested by type and id, as in xRegistry. The
    /// change is atomic. Existing entities are replaced.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post_several(&self, groups: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::POST, "/api", &Query::new()).json(groups)).await
    }
}

/// The digest of a document in its details, if they have it.
#[must_use]
pub fn digest_of(details: &Value) -> Option<Digest> {
    let text = details.get("digest")?.as_str()?;
    text.strip_prefix("sha256:").unwrap_or(text).parse().ok()
}
