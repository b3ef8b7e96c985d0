//! Live events as something that routes send: what happens beside the ledger, to routes, targets and
//! live AI providers.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use muster_wire::live_events::LiveEvent;
use muster_words::{Moment, Position, Xid, XidPattern};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    changes::{ChangeId, DocumentChange, DocumentChangeKind},
    event::{EventData, EventSource, OutgoingEvent},
    trail::NEEDS_SOMEBODY,
};

/// What the types of all live events begin with.
const PREFIX: &str = "io.muster.";

/// The type of the groups in the places of live events. Queues put them into partitions and subjects
/// by these places.
const PLACE: &str = "events";

/// How many events are read at once.
const PAGE: usize = 100;

/// The live events that are kept, by their numbers, which grow.
pub trait LiveSource: Send + Sync {
    /// The number of the newest event, as it grows; 0 before the first.
    fn newest(&self) -> watch::Receiver<u64>;

    /// So many events after a number, oldest first, without a gap between them.
    fn after(&self, number: u64, at_most: usize) -> LivePage;

    /// The number after which everything is as new as a time, or newer.
    fn before(&self, time: Moment) -> u64;
}

/// Events after a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LivePage {
    /// The events.
    pub events: Vec<Arc<LiveEvent>>,
    /// How many before them aren't kept any more.
    pub missed: u64,
}

/// The routes that send live events. What happens to them is sent by none of them, or two of them
/// whose deliveries fail would send each other's failures for ever.
#[derive(Debug, Default)]
pub struct LiveRoutes {
    names: Mutex<BTreeSet<Xid>>,
}

impl LiveRoutes {
    /// From now on, these are they.
    pub(crate) fn set(&self, names: BTreeSet<Xid>) {
        *self.names.lock() = names;
    }

    /// Whether an event is about one of them.
    pub(crate) fn has_route_of(&self, event: &LiveEvent) -> bool {
        route_of(event).is_some_and(|route| self.names.lock().contains(&route))
    }
}

/// Which live events a route sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSelector {
    /// Types without `io.muster.`; `*` stands for any letters.
    types: Vec<String>,
}

/// The events of live AI providers that say that something needs somebody.
const PROVIDER_ERRORS: [&str; 2] = ["providers.circuit-breaker-opened", "providers.provider-error"];

impl LiveSelector {
    /// A selector of these types.
    #[must_use]
    pub const fn new(types: Vec<String>) -> Self {
        Self { types }
    }

    /// The selector of the category `errorEvents`: what says that something needs somebody.
    #[must_use]
    pub fn errors() -> Self {
        let propagation = NEEDS_SOMEBODY.map(|kind| format!("propagation.{kind}"));
        let providers = PROVIDER_ERRORS.map(str::to_owned);
        Self { types: propagation.into_iter().chain(providers).collect() }
    }

    /// Selects what the other one selects, too.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.types.extend(other.types);
        self
    }

    /// Whether an event is selected.
    #[must_use]
    pub fn takes(&self, event: &LiveEvent) -> bool {
        let kind = event.event_type.strip_prefix(PREFIX).unwrap_or(&event.event_type);
        self.types.iter().any(|pattern| XidPattern::step_matches(pattern, kind))
    }
}

/// The number of an event.
pub(crate) fn number_of(event: &LiveEvent) -> Option<u64> {
    event.id.parse().ok()
}

/// The xid of the route that an event is about, if it is about one.
fn route_of(event: &LiveEvent) -> Option<Xid> {
    event.data.get("route")?.as_str()?.parse().ok()
}

/// An event as a delivery's change. Its place is made of its type: `/events/propagation/entries/…`.
pub(crate) fn change_of(event: &LiveEvent) -> Option<DocumentChange> {
    let number = number_of(event)?;
    let kind = event.event_type.strip_prefix(PREFIX)?;
    let (area, name) = kind.split_once('.')?;
    Some(DocumentChange {
        id: ChangeId { position: Position(number), index: 0 },
        begin: Position(number.saturating_sub(1)),
        resource: format!("/{PLACE}/{area}/entries/{name}").parse().ok()?,
        kind: DocumentChangeKind::Created,
        moment: Moment::parse(&event.time).ok()?,
        cause: None,
    })
}

/// What is sent of an event, and the bytes of its data.
pub(crate) fn relayed(source: &EventSource, event: &LiveEvent) -> (OutgoingEvent, Bytes) {
    let sequence = format!("{:0>20}", event.id);
    let attributes = [
        ("specversion", event.specversion.as_str()),
        ("id", &event.id),
        ("source", &source.source),
        ("type", &event.event_type),
        ("subject", &event.subject),
        ("time", &event.time),
        ("sequence", &sequence),
        ("partitionkey", &event.subject),
        ("datacontenttype", "application/json"),
    ];
    let attributes = attributes.map(|(name, text)| (name.to_owned(), Value::from(text)));
    let data = Bytes::from(Value::Object(event.data.clone()).to_string());
    let attributes = Map::from_iter(attributes);
    (OutgoingEvent { attributes, data: Some(EventData::Json(data.clone())) }, data)
}

/// Follows the live events after a number.
pub(crate) struct LiveFollower {
    source: Arc<dyn LiveSource>,
    newest: watch::Receiver<u64>,
    read: u64,
}

impl LiveFollower {
    /// Follows after a number.
    pub fn new(source: Arc<dyn LiveSource>, read: u64) -> Self {
        let newest = source.newest();
        Self { source, newest, read }
    }

    /// The next events, as soon as there are some. Nothing is lost if it is dropped before its end.
    pub async fn next(&mut self) -> LivePage {
        loop {
            let read = self.read;
            if self.newest.wait_for(|newest| *newest > read).await.is_err() {
                // The source is gone, and with it the server.
                std::future::pending::<()>().await;
            }
            let newest = *self.newest.borrow();
            let page = self.source.after(self.read, PAGE);
            match page.events.last().and_then(|event| number_of(event)) {
                Some(last) => {
                    self.read = last;
                    return page;
                }
                // Nothing is kept up to there.
                None => self.read = newest,
            }
        }
    }
}

/// The time of the first event after a number, if there is one.
pub(crate) fn time_after(source: &dyn LiveSource, number: u64) -> Option<Moment> {
    let found = source.after(number, 1).events.into_iter().next()?;
    Moment::parse(&found.time).ok()
}

/// The event with this number, if it is kept.
pub(crate) fn event_with(source: &dyn LiveSource, number: u64) -> Option<Arc<LiveEvent>> {
    let found = source.after(number.checked_sub(1)?, 1).events.into_iter().next();
    found.filter(|event| number_of(event) == Some(number))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn selects_by_type() {
        let event =
            |kind: &str| LiveEvent { event_type: format!("{PREFIX}{kind}"), ..LiveEvent::sample() };
        for (types, kind, expect) in [
            (&["propagation.*"][..], "propagation.delivery.dead", true),
            (&["*"], "providers.provider-error", true),
            (&["providers.*"], "propagation.delivery.dead", false),
            (&["providers.*", "*.dead"], "propagation.delivery.dead", true),
            (&["delivery.dead"], "propagation.delivery.dead", false),
            (&[], "propagation.delivery.dead", false),
        ] {
            let types = types.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(LiveSelector::new(types).takes(&event(kind)), expect, "{kind}");
        }
        assert!(LiveSelector::errors().takes(&event("propagation.delivery.dead")));
        assert!(!LiveSelector::errors().takes(&event("propagation.link.started")));
    }

    #[test]
    fn an_event_is_sent_whole_and_has_a_place() {
        let event = LiveEvent::sample();
        let change = change_of(&event).unwrap();
        assert_eq!(change.resource.to_string(), "/events/propagation/entries/breaker.opened");
        assert_eq!((change.id.position, change.begin), (Position(1_042), Position(1_041)));
        assert_eq!(route_of(&event).unwrap().to_string(), "/routes/ops/entries/services");
        let source =
            EventSource { source: "https://r.example/api".to_owned(), api: "/api".to_owned() };
        let sent: Value = serde_json::from_slice(&relayed(&source, &event).0.to_json()).unwrap();
        assert_eq!(sent["source"], "https://r.example/api");
        assert_eq!(sent["type"], "io.muster.propagation.breaker.opened");
        assert_eq!(sent["data"]["detail"], "the receiver answered 500");
        assert_eq!(sent["sequence"], "00000000000000001042");
    }
}
