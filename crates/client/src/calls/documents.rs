use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    Method,
    header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use muster_wire::restore::Restoration;
use muster_words::{
    Digest, Xid,
    json::{Map, Value},
};

use super::path_of;
use crate::{Answer, Call, Client, ClientError, Query};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A document as it was sent, with what the answer's headers say of it.
#[derive(Clone, Debug)]
pub struct FetchedDocument {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its type, if it has one.
    pub content_type: Option<String>,
    /// The version that answered.
    pub version: Option<String>,
    /// The entity tag, for a write that wants to be sure.
    pub etag: Option<String>,
    /// The URL where it lies, if the registry has its attributes alone.
    pub elsewhere: Option<String>,
}

/// A document on its way to the registry.
#[derive(Clone, Debug, Default)]
pub struct DocumentUpload {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its type.
    pub content_type: String,
    /// Attributes that are set with it. With any, the document travels within JSON, as Base64.
    pub attributes: Map<String, Value>,
    /// Whether there is no document: the attributes are all there is.
    pub attributes_alone: bool,
    /// The name of one document of this type (`entry`, `schema`), which heads the Base64.
    pub singular: String,
    /// What must hold.
    pub precondition: Precondition,
    /// A key under which the request takes effect once (`Idempotency-Key`).
    pub idempotency_key: Option<String>,
}

/// What must hold for a write to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The entity still has this tag.
    IfMatch(String),
    /// There is no entity of that name.
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

/// How something is deleted.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Erase it, rather than hide it.
    pub purge: bool,
    /// Delete it even though others refer to it.
    pub force: bool,
    /// Only if it has this epoch.
    pub epoch: Option<u64>,
}

impl DocumentUpload {
    /// The details that carry this document.
    #[must_use]
    pub fn details(&self) -> Value {
        let mut details = self.attributes.clone();
        if self.attributes_alone {
            return Value::Object(details);
        }
        details.insert("contenttype".to_owned(), self.content_type.clone().into());
        let base64 = STANDARD.encode(&self.bytes);
        details.insert(format!("{}base64", self.singular), base64.into());
        Value::Object(details)
    }
}

impl Client {
    /// A document of a resource (its default version) or of a version.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document(&self, xid: &Xid) -> Result<FetchedDocument, ClientError> {
        let answer = self.call(Call::new(Method::GET, &path_of(xid), &Query::new())).await?;
        let header = |name| answer.header(name).map(str::to_owned);
        Ok(FetchedDocument {
            content_type: header(CONTENT_TYPE.as_str()),
            version: header("xregistry-versionid"),
            etag: header("etag"),
            elsewhere: header("location").filter(|_| answer.status.is_redirection()),
            bytes: answer.bytes,
        })
    }

    /// The details of any entity: its attributes as JSON.
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
            // A type whose resources have no documents answers with details as they are.
            Err(error) if error.is("bad_details") => plain().await,
            answer => answer,
        }
    }

    /// Puts a document: a new version of a resource (which is made where there is none), or that
    /// version.
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
        let call = if sent.attributes_alone {
            Call::new(method, &path, &Query::new()).json(&sent.details())
        } else if sent.attributes.is_empty() {
            Call::new(method, &path, &Query::new()).body(&sent.content_type, sent.bytes.clone())
        } else {
            Call::new(method, &format!("{path}$details"), &Query::new()).json(&sent.details())
        };
        let call = sent.precondition.on(call);
        self.call(call.header_some(IDEMPOTENCY_KEY, sent.idempotency_key.as_deref())).await
    }

    /// Makes a group with these attributes, or replaces the attributes that it has.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put_group(&self, xid: &Xid, attributes: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::PUT, &path_of(xid), &Query::new()).json(attributes)).await
    }

    /// Changes attributes and leaves the rest, the document too.
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
        self.call(Call::new(Method::DELETE, &path_of(xid), &query)).await
    }

    /// Brings back what the last deletion of that name hid.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn restore(&self, xid: &Xid) -> Result<Answer<Restoration>, ClientError> {
        let path = format!("/restore{xid}");
        self.call(Call::new(Method::POST, &path, &Query::new())).await.map(Answer::of)
    }

    /// Changes several entities at once and leaves what isn't named: groups by type and id, as
    /// xRegistry nests them. All or none of it takes effect.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn patch_several(&self, groups: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::PATCH, "/api", &Query::new()).json(groups)).await
    }

    /// Puts several entities at once: groups by type and id, as xRegistry nests them. All or none
    /// of it takes effect. An entity that is there is replaced by what stands here of it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post_several(&self, groups: &Value) -> Result<Answer, ClientError> {
        self.call(Call::new(Method::POST, "/api", &Query::new()).json(groups)).await
    }
}

/// The digest of a document that its details give, where they do.
#[must_use]
pub fn digest_of(details: &Value) -> Option<Digest> {
    let text = details.get("digest")?.as_str()?;
    text.strip_prefix("sha256:").unwrap_or(text).parse().ok()
}
