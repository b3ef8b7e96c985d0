//! The event that a target gets about a change: a CloudEvent in its structured JSON form.

use std::io::Write as _;

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

/// About how many bytes an event has besides its document.
const ATTRIBUTES_BYTES: usize = 768;

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

impl EventSource {
    /// The name by which receivers know this registry: the host of its URL, or its id.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.source.split_once("://") {
            Some((_, rest)) => {
                let authority = rest.split('/').next().unwrap_or_default();
                // The address of IPv6 has colons in its brackets.
                match authority.split_once(']') {
                    Some((address, _)) => &authority[..=address.len()],
                    None => authority.split(':').next().unwrap_or_default(),
                }
            }
            None => self.source.rsplit(':').next().unwrap_or_default(),
        }
    }
}

/// A document as it was after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedDocument {
    /// Its bytes; none if it was deleted, has none, or was erased since.
    pub bytes: Option<Bytes>,
    /// The document, or the version of one, that it stands for, if it is an alias: the bytes, the
    /// media type and the version are that one's.
    pub alias_of: Option<Xid>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The id of its default version.
    pub version: Option<String>,
    /// The state of that version.
    pub state: Option<&'static str>,
    /// The state of the alias itself, if it is one.
    pub alias_state: Option<&'static str>,
    /// The attributes that clients set on it.
    pub attributes: Map<String, Value>,
    /// Whether its bytes were erased since.
    pub erased: bool,
    /// Whether its bytes were erased, and no document has this name now. If one has, that one has
    /// deliveries of its own.
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
            alias_of: None,
            content_type: None,
            version: None,
            state: None,
            alias_state: None,
            attributes: Map::new(),
            erased: false,
            gone: false,
            previous: previous(&newest, change),
        };
        let view = newest.at_position(position);
        let Some(own) = view.version_at(&change.resource) else { return Ok(found) };
        found.state = Some(own.state.as_str());
        if let Some(content) = own.attributes {
            let read = registry.attributes(&[content]).await?;
            found.attributes = read.first().map(|map| (**map).clone()).unwrap_or_default();
        }
        found.alias_of = view.alias_target(&change.resource).cloned();
        if found.alias_of.is_some() {
            found.alias_state = found.state.take();
        }
        let shown = found.alias_of.as_ref().map_or(Some(own), |target| view.version_at(target));
        let Some(version) = shown else { return Ok(found) };
        found.version = Some(version.id.to_string());
        found.state = Some(version.state.as_str());
        found.content_type = version.content_type.as_deref().map(str::to_owned);
        if let Some(content) = version.document {
            found.bytes = registry.contents(&[content]).await?.pop().flatten();
            found.erased = found.bytes.is_none();
            let shown = found.alias_of.as_ref().unwrap_or(&change.resource);
            found.gone = found.erased && !newest.has(shown);
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
    let before = newest.at_position(change.begin);
    let stamp = |xid: &Xid| Some(before.resource_at(xid)?.stamp().position);
    let of_target = before.alias_target(&change.resource).and_then(stamp);
    stamp(&change.resource).max(of_target)
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

/// An event on its way to a target: its attributes, and what it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingEvent {
    /// The attributes, by their names.
    pub attributes: Map<String, Value>,
    /// The document; none if it was deleted or erased, or isn't in the event.
    pub data: Option<EventData>,
}

/// The document in an event, by the member that holds it (CloudEvents JSON format, 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventData {
    /// `data`, which is JSON. It is copied, because to write it anew takes a tenth of a delivery's time.
    Json(Bytes),
    /// `data`, which is a text.
    Text(String),
    /// `data_base64`.
    Base64(String),
}

impl OutgoingEvent {
    /// The event in its structured JSON form.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        let room = match &self.data {
            None => 0,
            Some(EventData::Json(bytes)) => bytes.len(),
            Some(EventData::Text(text) | EventData::Base64(text)) => text.len(),
        };
        let mut body = Vec::with_capacity(room + ATTRIBUTES_BYTES);
        for (name, value) in &self.attributes {
            body.push(if body.is_empty() { b'{' } else { b',' });
            // A vector takes everything that is written.
            let _ = write!(body, "\"{name}\":{value}");
        }
        match &self.data {
            None => {}
            Some(EventData::Json(bytes)) => {
                body.extend_from_slice(b",\"data\":");
                body.extend_from_slice(bytes);
            }
            Some(EventData::Text(text)) => {
                let _ = write!(body, ",\"data\":{}", Value::from(text.as_str()));
            }
            Some(EventData::Base64(text)) => {
                let _ = write!(body, ",\"data_base64\":\"{text}\"");
            }
        }
        body.push(b'}');
        body.into()
    }
}

/// The event about a change.
#[must_use]
pub fn event(
    source: &EventSource,
    change: &DocumentChange,
    document: &ChangedDocument,
    send_whole: bool,
) -> OutgoingEvent {
    let mut event = OutgoingEvent { attributes: Map::new(), data: None };
    let mut set =
        |name: &str, value: String| event.attributes.insert(name.to_owned(), value.into());
    let resource = change.resource.to_string();
    set("specversion", "1.0".to_owned());
    set("id", change.id.to_string());
    set("source", source.source.clone());
    set("type", format!("io.xregistry.resource.{}", change.kind.name()));
    set("subject", resource.clone());
    set("time", change.moment.to_string());
    set("sequence", format!("{:020}", change.id.position.0));
    set("partitionkey", resource);
    if let Some(cause) = &change.cause {
        set("cause", cause.to_string());
    }
    if let Some(target) = &document.alias_of {
        set("aliasof", target.to_string());
    }
    if let Some(previous) = document.previous {
        set("previous", format!("{:020}", previous.0));
    }
    if change.kind == DocumentChangeKind::Deleted {
        return event;
    }
    if let Some(version) = &document.version {
        set("versionid", version.clone());
    }
    if let Some(state) = document.state {
        set("state", state.to_owned());
    }
    let Some(bytes) = &document.bytes else {
        if document.erased {
            event.attributes.insert("erased".to_owned(), true.into());
        }
        return event;
    };
    let media_type = document.content_type.clone();
    set("datacontenttype", media_type.unwrap_or_else(|| "application/json".to_owned()));
    if bytes.len() > INLINE_BYTES_MAX && !send_whole {
        let version = document.version.as_deref().unwrap_or_default();
        let shown = document.alias_of.as_ref().and_then(Xid::resource);
        let shown = shown.as_ref().unwrap_or(&change.resource);
        set("dataref", format!("{}{shown}/versions/{version}", source.api));
        return event;
    }
    event.data = Some(data_of(document.notation(), bytes));
    event
}

/// The media type of an encrypted document.
const ENCRYPTED: &str = "application/vnd.fernet";

/// The same event with its document encrypted: `data` is a Fernet token of the document's bytes, and
/// `plaincontenttype` is its media type. Everything else stays readable, because receivers route by
/// it.
#[must_use]
pub fn encrypted(
    mut event: OutgoingEvent,
    bytes: &[u8],
    encrypt: impl FnOnce(&[u8]) -> String,
) -> OutgoingEvent {
    if event.data.is_none() {
        return event;
    }
    let attributes = &mut event.attributes;
    if let Some(plain) = attributes.insert("datacontenttype".to_owned(), ENCRYPTED.into()) {
        attributes.insert("plaincontenttype".to_owned(), plain);
    }
    event.data = Some(EventData::Text(encrypt(bytes)));
    event
}

fn data_of(notation: Notation, bytes: &Bytes) -> EventData {
    let is_json = notation == Notation::Json;
    if is_json && json::is_json(bytes) {
        return EventData::Json(bytes.clone());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_json => EventData::Text(text.to_owned()),
        _ => EventData::Base64(STANDARD.encode(bytes)),
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
    fn an_event_is_json_whatever_its_document_is() {
        let attributes = Map::from_iter([("id".to_owned(), Value::from("1.0"))]);
        for (data, expect) in [
            (None, r#"{"id":"1.0"}"#),
            (
                Some(EventData::Json(Bytes::from_static(b" [1.50,\n2e400] "))),
                "{\"id\":\"1.0\",\"data\": [1.50,\n2e400] }",
            ),
            (Some(EventData::Text("a\"b".to_owned())), r#"{"id":"1.0","data":"a\"b"}"#),
            (Some(EventData::Base64("AA==".to_owned())), r#"{"id":"1.0","data_base64":"AA=="}"#),
        ] {
            let body = OutgoingEvent { attributes: attributes.clone(), data }.to_json();
            assert_eq!(std::str::from_utf8(&body).unwrap(), expect);
            assert!(json::parse(&body).is_ok(), "{expect}");
        }
    }

    #[test]
    fn what_is_no_json_is_never_copied_as_json() {
        for (notation, bytes, expect) in [
            (Notation::Json, &b"{\"a\":1}"[..], EventData::Json(Bytes::from_static(b"{\"a\":1}"))),
            (Notation::Json, b"{} {}", EventData::Base64("e30ge30=".to_owned())),
            (Notation::Json, b"\"\xff\"", EventData::Base64("Iv8i".to_owned())),
            (Notation::Yaml, b"a: 1", EventData::Text("a: 1".to_owned())),
        ] {
            assert_eq!(data_of(notation, &Bytes::from_static(bytes)), expect);
        }
    }

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
                cause: None,
            };
            let (route, target) = (name("/routes/r/entries/a"), name("/targets/t/entries/a"));
            delivery_id("here", &change, &route, &target)
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
