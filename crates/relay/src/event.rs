//! The event that a target gets about a change: a CloudEvent in its structured JSON form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use muster_catalog::View;
use muster_registry::{FetchError, Registry};
use muster_words::{Digest, Notation, Position, Xid, json};
use serde_json::{Map, Value};

use crate::changes::{DocumentChange, DocumentChangeKind};

/// The largest document that an event holds, unless its target asks for all of them, in bytes.
/// Receivers of webhooks commonly refuse more than 64 KiB, and queues behind them less.
pub const INLINE_BYTES_MAX: usize = 20 * 1024;

/// How events name this registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSource {
    /// The attribute `source`.
    pub source: String,
    /// The beginning of references to documents: the absolute URL of the API, or its path.
    pub api: String,
}

impl EventSource {
    /// The source of a registry, whose absolute URL may be known.
    #[must_use]
    pub fn of(registry: &Registry, public: Option<&str>) -> Self {
        match public {
            Some(base) => {
                let api = format!("{}/api", base.trim_end_matches('/'));
                Self { source: api.clone(), api }
            }
            None => Self {
                source: format!("urn:muster:registry:{}", registry.view().id()),
                api: "/api".to_owned(),
            },
        }
    }
}

/// A document as it was after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedDocument {
    /// Its bytes; none if it was deleted, has none, or was erased since.
    pub bytes: Option<Bytes>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The id of its default version.
    pub version: Option<String>,
    /// The state of that version.
    pub state: Option<&'static str>,
    /// The attributes that clients set on it.
    pub attributes: Map<String, Value>,
    /// Whether its bytes were erased since.
    pub erased: bool,
    /// Whether there is no document of this name any more. One whose bytes were erased may have newer
    /// ones, which have deliveries of their own.
    pub gone: bool,
    /// The position of the change of the document before this one.
    pub previous: Option<Position>,
}

impl ChangedDocument {
    /// Reads the document of a change.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn read(registry: &Registry, change: &DocumentChange) -> Result<Self, FetchError> {
        Self::read_at(registry, change, change.id.position).await
    }

    /// Reads the document as it was before a change: before all entries of its command.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn read_before(
        registry: &Registry,
        change: &DocumentChange,
    ) -> Result<Self, FetchError> {
        Self::read_at(registry, change, change.begin).await
    }

    async fn read_at(
        registry: &Registry,
        change: &DocumentChange,
        position: Position,
    ) -> Result<Self, FetchError> {
        let newest = registry.view();
        let mut found = Self {
            bytes: None,
            content_type: None,
            version: None,
            state: None,
            attributes: Map::new(),
            erased: false,
            gone: !newest.has(&change.resource),
            previous: previous(&newest, change),
        };
        let view = newest.at_position(position);
        let Some(version) = view.version_at(&change.resource) else { return Ok(found) };
        found.version = Some(version.id.to_string());
        found.state = Some(version.state.as_str());
        found.content_type = version.content_type.as_deref().map(str::to_owned);
        if let Some(content) = version.attributes {
            let read = registry.attributes(&[content]).await?;
            found.attributes = read.first().map(|map| (**map).clone()).unwrap_or_default();
        }
        if let Some(content) = version.document {
            found.bytes = registry.contents(&[content]).await?.pop().flatten();
            found.erased = found.bytes.is_none();
        }
        Ok(found)
    }

    /// Its notation.
    #[must_use]
    pub fn notation(&self) -> Notation {
        Notation::of(self.content_type.as_deref())
    }
}

/// The position of the last change of a document before another one.
fn previous(newest: &View, change: &DocumentChange) -> Option<Position> {
    Some(newest.at_position(change.begin).resource_at(&change.resource)?.stamp().position)
}

/// The id of a delivery, which is the same for every try: from the change, the route and the target.
/// The time of the change is in it, because a registry that was restored from a backup uses positions
/// twice.
#[must_use]
pub fn delivery_id(registry: &str, change: &DocumentChange, route: &Xid, target: &Xid) -> String {
    let (id, moment) = (change.id, change.moment);
    let parts = format!("{registry}\n{id}\n{moment}\n{route}\n{target}");
    let digest = Digest::of(parts.as_bytes()).to_string();
    let hex: String = digest.chars().filter(char::is_ascii_hexdigit).collect();
    format!("msg_{}", &hex[hex.len() - 32..])
}

/// The event about a change.
#[must_use]
pub fn event(
    source: &EventSource,
    change: &DocumentChange,
    document: &ChangedDocument,
    send_whole: bool,
) -> Value {
    let mut event = Map::new();
    let mut set = |name: &str, value: String| event.insert(name.to_owned(), value.into());
    set("specversion", "1.0".to_owned());
    set("id", change.id.to_string());
    set("source", source.source.clone());
    set("type", format!("io.xregistry.resource.{}", change.kind.name()));
    set("subject", change.resource.to_string());
    set("time", change.moment.to_string());
    set("sequence", format!("{:020}", change.id.position.0));
    set("partitionkey", change.resource.to_string());
    if let Some(previous) = document.previous {
        set("previous", format!("{:020}", previous.0));
    }
    if change.kind == DocumentChangeKind::Deleted {
        return Value::Object(event);
    }
    if let Some(version) = &document.version {
        set("versionid", version.clone());
    }
    if let Some(state) = document.state {
        set("state", state.to_owned());
    }
    let Some(bytes) = &document.bytes else {
        if document.erased {
            event.insert("erased".to_owned(), true.into());
        }
        return Value::Object(event);
    };
    let media_type = document.content_type.clone();
    set("datacontenttype", media_type.unwrap_or_else(|| "application/json".to_owned()));
    if bytes.len() > INLINE_BYTES_MAX && !send_whole {
        let version = document.version.as_deref().unwrap_or_default();
        set("dataref", format!("{}{}/versions/{version}", source.api, change.resource));
        return Value::Object(event);
    }
    let (name, data) = data_of(document.notation(), bytes);
    event.insert(name.to_owned(), data);
    Value::Object(event)
}

/// The media type of an encrypted document.
const ENCRYPTED: &str = "application/vnd.fernet";

/// The same event with its document encrypted: `data` is a Fernet token of the document's bytes, and
/// `plaincontenttype` is its media type. Everything else stays readable, because receivers route by
/// it.
#[must_use]
pub fn encrypted(event: Value, bytes: &[u8], encrypt: impl FnOnce(&[u8]) -> String) -> Value {
    let Value::Object(mut event) = event else { return event };
    if event.remove("data").is_none() && event.remove("data_base64").is_none() {
        return Value::Object(event);
    }
    if let Some(plain) = event.insert("datacontenttype".to_owned(), ENCRYPTED.into()) {
        event.insert("plaincontenttype".to_owned(), plain);
    }
    event.insert("data".to_owned(), encrypt(bytes).into());
    Value::Object(event)
}

/// A document within an event, by the member that holds it (CloudEvents JSON format, 3.1).
fn data_of(notation: Notation, bytes: &Bytes) -> (&'static str, Value) {
    let is_json = notation == Notation::Json;
    if let Some(value) = is_json.then(|| json::parse(bytes).ok()).flatten() {
        return ("data", value);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_json => ("data", text.into()),
        _ => ("data_base64", STANDARD.encode(bytes).into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::time::Duration;

    use muster_words::Moment;

    use super::*;
    use crate::changes::ChangeId;

    #[test]
    fn a_position_that_is_used_twice_gives_two_ids() {
        let name = |text: &str| text.parse::<Xid>().unwrap();
        let id = |seconds: u64| {
            let change = DocumentChange {
                id: ChangeId { position: Position(7), index: 0 },
                begin: Position(6),
                resource: name("/configs/web/entries/a"),
                kind: DocumentChangeKind::Updated,
                moment: Moment::after_epoch(Duration::from_secs(seconds)),
            };
            let (route, target) = (name("/routes/r/entries/a"), name("/targets/t/entries/a"));
            delivery_id("here", &change, &route, &target)
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
