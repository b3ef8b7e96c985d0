//! Documents between registries, as they travel and as the registry knows them.

use muster_catalog::sync::{DocumentOrigin, SyncContent, SyncSides, VersionVector};
use muster_registry::{DocumentState, IncomingDocument, SyncWay};
use muster_wire::sync::{SentVector, SyncDocument, SyncOrigin, SyncRequest};
use muster_words::{Moment, Position, Xid};
use thiserror::Error;

/// Why what came isn't a document between registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} isn't what it must be")]
pub struct NotCarried(pub &'static str);

/// A vector as it travels.
#[must_use]
pub fn sent_vector(vector: &VersionVector) -> SentVector {
    vector.iter().map(|(registry, position)| (registry.to_string(), position.0)).collect()
}

/// Reads a vector.
///
/// # Errors
/// An id isn't one, a position is zero, or there are too many.
pub fn vector_of(sent: &SentVector) -> Result<VersionVector, NotCarried> {
    let one = |(id, position): (&String, &u64)| {
        let id = id.parse().ok()?;
        (*position > 0).then_some((id, Position(*position)))
    };
    let all: Option<Vec<_>> = sent.iter().map(one).collect();
    let vector = all.and_then(|all| VersionVector::new(all).ok());
    vector.filter(|vector| !vector.is_empty()).ok_or(NotCarried("vector"))
}

/// A state as it travels; none if the document never existed.
#[must_use]
pub fn sent(xid: &Xid, state: &DocumentState) -> Option<SyncDocument> {
    let origin = state.origin.as_ref()?;
    let mut document = SyncDocument {
        xid: xid.to_string(),
        vector: sent_vector(&state.vector),
        origin: SyncOrigin {
            registry: origin.registry.to_string(),
            position: origin.position.0,
            time: origin.moment.to_string(),
        },
        deleted: state.content.is_none(),
        ..SyncDocument::default()
    };
    if let Some(content) = &state.content {
        document.state = Some(content.state.as_str().to_owned());
        document.contenttype.clone_from(&content.content_type);
        document.attributes.clone_from(&content.attributes);
        if let Some(bytes) = &content.bytes {
            document.set_bytes(bytes);
        }
    }
    Some(document)
}

/// Reads what a request says about the way of its documents.
///
/// # Errors
/// See [`NotCarried`].
pub fn way_of(request: &SyncRequest) -> Result<SyncWay, NotCarried> {
    let id = |text: &str, what| text.parse().map_err(|_| NotCarried(what));
    let route = request.route.as_deref().map(str::parse::<Xid>).transpose();
    Ok(SyncWay {
        sync: id(&request.sync, "sync")?,
        route: route.map_err(|_| NotCarried("route"))?,
        sides: SyncSides {
            source: id(&request.source, "source")?,
            target: id(&request.target, "target")?,
        },
        policy: request.policy.parse().map_err(|_| NotCarried("policy"))?,
    })
}

/// Reads what a document says; none if it is deleted.
///
/// # Errors
/// See [`NotCarried`].
pub fn content_of(sent: &SyncDocument) -> Result<Option<SyncContent>, NotCarried> {
    match sent.deleted {
        true if sent.text.is_some() || sent.base64.is_some() || !sent.attributes.is_empty() => {
            Err(NotCarried("deleted"))
        }
        true => Ok(None),
        false => Ok(Some(SyncContent {
            bytes: sent.bytes().map_err(|_| NotCarried("base64"))?.map(Into::into),
            content_type: sent.contenttype.clone(),
            attributes: sent.attributes.clone(),
            state: sent
                .state
                .as_deref()
                .unwrap_or("stable")
                .parse()
                .map_err(|_| NotCarried("state"))?,
        })),
    }
}

/// Reads a state.
///
/// # Errors
/// See [`NotCarried`].
pub fn incoming(sent: &SyncDocument, way: &SyncWay) -> Result<IncomingDocument, NotCarried> {
    let xid = sent.xid.parse().map_err(|_| NotCarried("xid"))?;
    if !matches!(xid, Xid::Resource { .. }) {
        return Err(NotCarried("xid"));
    }
    let content = content_of(sent)?;
    let base = match &sent.base {
        None => None,
        // There was nothing.
        Some(base) if base.is_empty() => Some(VersionVector::default()),
        Some(base) => Some(vector_of(base).map_err(|_| NotCarried("base"))?),
    };
    if sent.origin.position == 0 {
        return Err(NotCarried("origin.position"));
    }
    let origin = DocumentOrigin {
        registry: sent.origin.registry.parse().map_err(|_| NotCarried("origin.registry"))?,
        position: Position(sent.origin.position),
        moment: Moment::parse(&sent.origin.time).map_err(|_| NotCarried("origin.time"))?,
    };
    Ok(IncomingDocument {
        xid,
        vector: vector_of(&sent.vector)?,
        origin,
        content,
        base,
        way: way.clone(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn check(change: impl FnOnce(&mut SyncDocument), expect: Option<&str>) {
        let request = SyncRequest {
            sync: "s".into(),
            source: "a".into(),
            target: "b".into(),
            policy: "manual".into(),
            ..SyncRequest::default()
        };
        let mut document = SyncDocument {
            xid: "/configs/a/entries/x".into(),
            vector: [("a".to_owned(), 3)].into(),
            origin: SyncOrigin {
                registry: "a".into(),
                position: 3,
                time: "2026-01-01T00:00:00Z".into(),
            },
            ..SyncDocument::default()
        };
        change(&mut document);
        let found = incoming(&document, &way_of(&request).unwrap()).err();
        assert_eq!(found.map(|refused| refused.0), expect, "{document:?}");
    }

    #[test]
    fn refuses_what_contradicts_itself() {
        check(|document| document.text = Some("1".into()), None);
        check(|document| document.deleted = true, None);
        check(
            |document| {
                document.deleted = true;
                document.text = Some("1".into());
            },
            Some("deleted"),
        );
        check(
            |document| {
                document.deleted = true;
                document.base64 = Some("AA==".into());
            },
            Some("deleted"),
        );
        check(|document| document.origin.position = 0, Some("origin.position"));
        check(|document| document.vector = [("a".to_owned(), 0)].into(), Some("vector"));
        check(|document| document.xid = "/configs/a".into(), Some("xid"));
        check(|document| document.base = Some([].into()), None);
        check(|document| document.base = Some([("a".to_owned(), 0)].into()), Some("base"));
    }
}
