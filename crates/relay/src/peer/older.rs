//! Deliveries to a registry of an older release, which doesn't compare what several registries know:
//! the documents, through its API, unless they came from there.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use muster_client::DocumentUpload;
use muster_words::{
    Digest,
    json::{self, Map, Value},
};

use super::{ANSWER_BYTES_MAX, PeerCall, PeerDelivery, judged};
use crate::{
    changes::{DocumentChange, DocumentChangeKind},
    decision::{TryFailure, TryOutcome},
    delivery::Depot,
    event::{ChangedDocument, delivery_id},
    http_sender::Received,
    store::LinkKey,
};

/// Puts the document, or deletes it. What the other registry already has isn't put again, so that
/// two registries that send to each other come to rest.
pub(super) async fn deliver(
    call: &PeerCall<'_>,
    delivery: &PeerDelivery<'_>,
    (own, peer): (&str, &str),
) -> Result<TryOutcome, TryFailure> {
    let way = Way::of(call.depot, delivery.change).await?;
    if way.has_passed(peer) {
        // It came from there, or by way of it.
        return Ok(TryOutcome::Taken);
    }
    let message = way.message(own, delivery.change);
    let path = delivery.change.resource.to_string();
    let details = format!("{path}$details");
    let there = call
        .ask(
            Method::GET,
            &format!("/api{details}"),
            HeaderMap::new(),
            Bytes::new(),
            ANSWER_BYTES_MAX,
        )
        .await?;
    let has_it = there.status == 200;
    let is_erased = delivery.document.erased;
    if is_erased && !delivery.document.gone {
        // The change that replaced or erased it has a delivery of its own.
        return Ok(TryOutcome::Taken);
    }
    if delivery.change.kind == DocumentChangeKind::Deleted || is_erased {
        if there.status == 404 {
            return Ok(TryOutcome::Taken);
        }
        let mut headers = HeaderMap::new();
        set(&mut headers, "muster-message", &message)?;
        let answer = call
            .ask(Method::DELETE, &format!("/api{path}"), headers, Bytes::new(), ANSWER_BYTES_MAX)
            .await?;
        return Ok(if answer.status == 404 { TryOutcome::Taken } else { judged(&answer) });
    }
    let bytes = delivery.document.bytes.clone().unwrap_or_default();
    let (attributes, mut headers) = attributes_of(delivery.document);
    if has_it && is_same(&there, delivery.document, &attributes, &bytes) {
        return Ok(TryOutcome::Taken);
    }
    if let Some(media_type) = &delivery.document.content_type {
        set(&mut headers, "content-type", media_type)?;
    }
    set(&mut headers, "muster-message", &message)?;
    // A try whose answer was lost isn't done again.
    let LinkKey { route, target: name } = delivery.link;
    set(&mut headers, "idempotency-key", &delivery_id(own, delivery.change, route, name))?;
    // A POST makes a new version, also where versions are frozen.
    let answer =
        call.ask(Method::POST, &format!("/api{path}"), headers, bytes, ANSWER_BYTES_MAX).await?;
    Ok(judged(&answer))
}

/// Whether the other registry's details of a document say what would be sent: the bytes, the media
/// type, and every attribute, no less and no more.
fn is_same(
    there: &Received,
    document: &ChangedDocument,
    attributes: &Map<String, Value>,
    bytes: &Bytes,
) -> bool {
    let Ok(Value::Object(details)) = json::parse(&there.body) else { return false };
    let text = |name: &str| details.get(name).and_then(|value| value.as_str());
    // Without one, the other registry chooses.
    let has_type =
        document.content_type.is_none() || text("contenttype") == document.content_type.as_deref();
    text("digest") == Some(&Digest::of(bytes).to_string())
        && has_type
        && attributes.iter().all(|(name, value)| {
            details.get(name).is_some_and(|found| sent_text(found) == sent_text(value))
        })
        && details.keys().all(|name| attributes.contains_key(name) || is_derived(name, &details))
}

/// A value as a header carries it.
fn sent_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What details hold besides the attributes that clients set.
const DERIVED: [&str; 19] = [
    "versionid",
    "self",
    "shortself",
    "xid",
    "epoch",
    "isdefault",
    "createdat",
    "modifiedat",
    "ancestorid",
    "contenttype",
    "digest",
    "formatvalidated",
    "formatvalidatedreason",
    "compatibilityvalidated",
    "compatibilityvalidatedreason",
    "metaurl",
    "meta",
    "versionsurl",
    "versionscount",
];

/// Whether a registry derives a member of a document's details. The one that names the document
/// itself depends on the type: `entryid`, with the last part of the xid.
fn is_derived(name: &str, details: &Map<String, Value>) -> bool {
    let is_own_name = |id: &str| {
        let (text, xid) = (details.get(name), details.get("xid"));
        let named = text.and_then(Value::as_str).zip(xid.and_then(Value::as_str));
        !id.is_empty() && named.is_some_and(|(text, xid)| xid.rsplit('/').next() == Some(text))
    };
    DERIVED.contains(&name) || name.strip_suffix("id").is_some_and(is_own_name)
}

/// The state and the attributes that clients set, as values and as headers. More than headers can
/// carry, or others than scalars and labels, aren't sent.
fn attributes_of(document: &ChangedDocument) -> (Map<String, Value>, HeaderMap) {
    let mut upload =
        DocumentUpload { attributes: document.attributes.clone(), ..DocumentUpload::default() };
    if let Some(state) = document.state {
        upload.attributes.insert("state".to_owned(), state.into());
    }
    // Empty ones are none.
    upload.attributes.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
    let headers = upload.attribute_headers().or_else(|| {
        upload.attributes.retain(|name, _| name == "state");
        upload.attribute_headers()
    });
    let headers = headers.into_iter().flatten();
    let valid =
        |(name, text): (HeaderName, String)| Some((name, HeaderValue::from_str(&text).ok()?));
    let headers = headers.filter_map(valid).collect();
    (upload.attributes, headers)
}

/// Where a change was first written, and by way of which registries it came here. It stands in the
/// reason of the command, which every registry keeps and shows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Way {
    /// The registry and the position; none if it was written here.
    origin: Option<(String, u64)>,
    via: Vec<String>,
}

/// The beginning of the reason of a propagated command.
const PROPAGATED: &str = "propagated from ";

/// How many registries a change may pass on its way. It bounds the length of its reason, and no
/// sensible chain is longer.
const HOPS_MAX: usize = 8;

impl Way {
    async fn of(depot: &Depot, change: &DocumentChange) -> Result<Self, TryFailure> {
        let unread = |_| TryFailure::Unread;
        let command = depot.registry.command_at(change.id.position).await.map_err(unread)?;
        let Some(message) = command.message() else { return Ok(Self::default()) };
        let bytes = depot.registry.contents(&[message]).await.map_err(unread)?.pop().flatten();
        Ok(bytes
            .and_then(|bytes| Self::read(std::str::from_utf8(&bytes).ok()?))
            .unwrap_or_default())
    }

    /// Reads the reason of a propagated command.
    fn read(message: &str) -> Option<Self> {
        let rest = message.strip_prefix(PROPAGATED)?;
        let (registry, rest) = rest.split_once(" at position ")?;
        let (position, via) = rest.split_once(" by way of ").unwrap_or((rest, ""));
        let origin = Some((registry.to_owned(), position.parse().ok()?));
        let via = via.split(", ").filter(|id| !id.is_empty()).map(str::to_owned).collect();
        Some(Self { origin, via })
    }

    /// Whether it was written in a registry or came by way of it.
    fn has_passed(&self, registry: &str) -> bool {
        self.via.len() >= HOPS_MAX
            || self.via.iter().any(|one| one == registry)
            || self.origin.as_ref().is_some_and(|(origin, _)| origin == registry)
    }

    /// The reason for the next registry.
    fn message(&self, own: &str, change: &DocumentChange) -> String {
        match &self.origin {
            None => format!("{PROPAGATED}{own} at position {}", change.id.position),
            Some((registry, position)) => {
                let via: Vec<&str> =
                    self.via.iter().map(String::as_str).chain(std::iter::once(own)).collect();
                let via = via.join(", ");
                format!("{PROPAGATED}{registry} at position {position} by way of {via}")
            }
        }
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), TryFailure> {
    let value = HeaderValue::from_str(value).map_err(|_| TryFailure::Broken)?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use muster_words::{Moment, Position};
    use serde_json::json;

    use super::*;
    use crate::changes::ChangeId;

    #[test]
    fn the_same_document_says_every_attribute_that_is_sent_and_no_other() {
        let attributes = json!({"name": "N", "labels": {"a": "b"}, "tier": 3, "list": []});
        let document = ChangedDocument {
            bytes: None,
            alias_of: None,
            alias_state: None,
            content_type: Some("application/json".to_owned()),
            version: Some("1".to_owned()),
            state: Some("stable"),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            erased: false,
            gone: false,
            previous: None,
        };
        let (sent, _) = attributes_of(&document);
        // A list isn't for headers, so only the state is sent.
        assert_eq!(Value::Object(sent), json!({"state": "stable"}));
        let mut document = document;
        document.attributes.remove("list");
        let (sent, headers) = attributes_of(&document);
        assert_eq!(headers.len(), 4);
        let bytes = Bytes::from_static(b"1");
        let there = json!({
            "entryid": "a", "versionid": "7", "self": "http://h/api/configs/x/entries/a",
            "xid": "/configs/x/entries/a", "epoch": 3, "isdefault": true, "ancestorid": "6",
            "createdat": "2026-11-21T10:12:03Z", "modifiedat": "2026-11-21T10:12:03Z",
            "contenttype": "application/json", "digest": Digest::of(&bytes).to_string(),
            "metaurl": "http://h/meta", "versionsurl": "http://h/versions", "versionscount": 2,
            "name": "N", "labels": {"a": "b"}, "tier": 3, "state": "stable",
        });
        for (name, value, expect) in [
            ("epoch", json!(4), true),
            ("tier", json!("3"), true),
            ("name", json!("M"), false),
            ("name", Value::Null, false),
            ("labels", json!({"a": "c"}), false),
            ("tier", json!(4), false),
            ("state", json!("draft"), false),
            ("digest", json!("sha256:0"), false),
            ("contenttype", json!("text/plain"), false),
            ("description", json!("which isn't there any more"), false),
            ("ownerid", json!("b"), false),
        ] {
            let mut there = there.clone();
            there[name] = value;
            if let Some(all) = there.as_object_mut() {
                all.retain(|_, value| !value.is_null());
            }
            let body = there.to_string().into_bytes();
            let there = Received { status: 200, headers: HeaderMap::new(), body };
            assert_eq!(is_same(&there, &document, &sent, &bytes), expect, "{name}");
        }
    }

    #[test]
    fn what_a_key_may_not_do_says_nothing_about_the_document() {
        for (status, is_conflict) in
            [(400, true), (401, false), (403, false), (404, false), (409, true), (422, true)]
        {
            let answer = Received { status, headers: HeaderMap::new(), body: Vec::new() };
            let found = matches!(judged(&answer), TryOutcome::Failed(TryFailure::Conflict(_)));
            assert_eq!(found, is_conflict, "{status}");
        }
    }

    #[test]
    fn a_change_names_its_way_and_never_goes_back() {
        let change = DocumentChange {
            id: ChangeId { position: Position(7), index: 0 },
            begin: Position(6),
            resource: muster_words::Xid::Registry,
            kind: DocumentChangeKind::Updated,
            moment: Moment::EPOCH,
            cause: None,
        };
        let mut way = Way::default();
        for (own, expect) in [
            ("a", "propagated from a at position 7"),
            ("b", "propagated from a at position 7 by way of b"),
            ("c", "propagated from a at position 7 by way of b, c"),
        ] {
            let message = way.message(own, &change);
            assert_eq!(message, expect);
            way = Way::read(&message).unwrap_or_default();
            assert!(way.has_passed(own) && way.has_passed("a") && !way.has_passed("d"));
        }
        for text in ["", "a correction", "propagated from a", "propagated from a at position x"] {
            assert_eq!(Way::read(text), None, "{text}");
        }
        let long = Way { origin: None, via: vec![String::new(); HOPS_MAX] };
        assert!(long.has_passed("d"));
    }
}
