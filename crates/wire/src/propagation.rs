//! Propagation: what is sent where, how far it is, and what operators may do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// The routes with their targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkList {
    /// A route and one of its targets each.
    pub sessions: Vec<LinkReport>,
    /// Routes and targets whose documents can't be used, and routes that don't run to all of their
    /// targets because there are too many; on the first page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<UnusableReport>,
    /// What `after` must be for the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A route with one of its targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkReport {
    /// The xid of the route.
    pub route: String,
    /// The xid of the target.
    pub target: String,
    /// How the route spreads: `unidirectional`, `bidirectional`, `multicast` or `broadcast`.
    pub mode: String,
    /// `running`, `held`, `waiting` (the circuit breaker is open), `failing` (something on this side
    /// must be mended), `finished` (it runs once), or `stopped` (no server runs it).
    pub state: String,
    /// Why it doesn't run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Everything at or before this position is finished; for a route that sends live events, the
    /// number of one.
    pub position: u64,
    /// Whether it sends live events instead of documents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The number of entries, or of live events, after it.
    pub behind: u64,
    /// How old the first of them is, in seconds.
    pub behind_s: u64,
    /// Deliveries that wait or run.
    pub waiting: u64,
    /// Deliveries that were made since the server started.
    pub delivered: u64,
    /// Dead letters that are kept.
    pub dead: u64,
    /// The way back of a route in both directions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<InboundReport>,
}

/// What is fetched from the other registry of a route in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboundReport {
    /// The id of the other registry; absent until it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Everything there at or before this position was taken.
    pub position: u64,
    /// The number of entries there after it, as far as is known.
    pub behind: u64,
    /// Documents that couldn't be taken yet. They are tried again.
    pub waiting: u64,
    /// Documents that were taken since the server started.
    pub taken: u64,
    /// Why nothing goes on, or why a document waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A route or a target that does nothing, or not all that its document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnusableReport {
    /// Its xid.
    pub xid: String,
    /// Why.
    pub reason: String,
}

/// The targets that are in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetList {
    /// One of them each.
    pub targets: Vec<TargetReport>,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// Its xid.
    pub target: String,
    /// What it is: `webhook`, `folder`, `registry`, `nats`, `kafka`, `kinesis`,
    /// `pubsub`, `bucket` or `websocket`.
    pub kind: String,
    /// Where it leads: a URL or a path.
    pub place: String,
    /// Whether its document lets anything be sent to it.
    #[serde(default = "is_on")]
    pub enabled: bool,
    /// Why nothing is sent to it: it is paused or disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The state of its circuit breaker: `closed`, `open` or `half-open`.
    pub breaker: String,
    /// Failures in a row.
    pub failures: u32,
    /// Deliveries that run now.
    pub in_flight: u32,
    /// How many may run at once.
    pub max_in_flight: u32,
}

/// Earlier servers said nothing of targets that are switched off.
const fn is_on() -> bool {
    true
}

/// What happened to routes and targets lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropagationEventPage {
    /// The events, oldest first.
    pub events: Vec<PropagationEvent>,
    /// The number after which to go on.
    pub last: u64,
}

/// Something that happened to a route or a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropagationEvent {
    /// Its number since the server started.
    pub number: u64,
    /// When, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// What happened: `link.started` or `link.stopped` (a link is a route with one of its targets),
    /// `target.paused`, `target.resumed` or `target.disabled`, `breaker.opened` or `breaker.reset`,
    /// `delivery.dead`, `link.missed` (live events that aren't kept any more were left out); about a document between registries `sync.conflict`, `sync.invalid` (it breaks
    /// the schema of a mapping), `sync.refused` (it was left out), `sync.waits` or
    /// `sync.warning`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The xid of the route.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub route: String,
    /// The xid of the target.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The newest tries of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TryPage {
    /// The tries, oldest first.
    pub tries: Vec<TryReport>,
    /// The number after which to go on.
    pub last: u64,
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TryReport {
    /// Its number since the server started.
    pub number: u64,
    /// When it ended, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// The xid of the route.
    pub route: String,
    /// The xid of the target.
    pub target: String,
    /// The id of the event.
    pub event: String,
    /// The xid of the document.
    pub xid: String,
    /// What happened to the document: `created`, `updated` or `deleted`.
    pub change: String,
    /// Which try of this delivery it was, from 1.
    pub attempt: u32,
    /// Whether the target took it.
    pub delivered: bool,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Deliveries that were given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterPage {
    /// One of them each, in the order of their numbers.
    pub letters: Vec<DeadLetterReport>,
    /// The number after which the next page begins; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterReport {
    /// Its number.
    pub letter: u64,
    /// The xid of the route.
    pub route: String,
    /// The xid of the target.
    pub target: String,
    /// The id of the event.
    pub event: String,
    /// The xid of the document.
    pub xid: String,
    /// What happened to the document: `created`, `updated` or `deleted`.
    pub change: String,
    /// The outcome of the last try.
    pub reason: String,
    /// The number of tries.
    pub attempts: u32,
    /// The time of the first try, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub first: String,
    /// The time of the last try, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub last: String,
}

/// Counts since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropagationMetrics {
    /// Deliveries that were made.
    pub delivered: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Tries after the first of their delivery.
    pub retried: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Deliveries that wait or run now.
    pub waiting: u64,
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PropagationRequest {
    /// What to do.
    pub action: PropagationAction,
    /// The xid of the target, for what is done to a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The numbers of dead letters, for what is done to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub letters: Vec<u64>,
}

/// Something that an operator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PropagationAction {
    /// Sends nothing more to the target, and loses nothing.
    Pause,
    /// Sends to the target again, after a pause or after it was disabled.
    Resume,
    /// Lets the waiting deliveries to the target try now.
    Retry,
    /// Closes the circuit breaker of the target.
    ResetBreaker,
    /// Tries dead letters once more; those that are delivered are removed.
    Replay,
    /// Removes dead letters.
    Purge,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropagationResult {
    /// How many targets or dead letters it was done to; of `retry`, how many deliveries are tried:
    /// none while the target is paused or disabled or its circuit breaker is open.
    pub done: u64,
    /// Dead letters that weren't delivered, with their reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedLetter>,
}

/// A dead letter that wasn't delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedLetter {
    /// Its number.
    pub letter: u64,
    /// Why.
    pub reason: String,
}

const ROUTE: &str = "/routes/ops/entries/services";
const TARGET: &str = "/targets/ops/entries/hook";
const DOCUMENT: &str = "/entities/services/entries/billing";
const TIME: &str = "2026-11-21T10:12:03.000412Z";

impl Sample for LinkList {
    fn sample() -> Self {
        let link = LinkReport {
            route: ROUTE.to_owned(),
            target: TARGET.to_owned(),
            mode: "multicast".to_owned(),
            state: "running".to_owned(),
            reason: None,
            position: 1192,
            live: false,
            behind: 12,
            behind_s: 2,
            waiting: 3,
            delivered: 840,
            dead: 1,
            inbound: None,
        };
        Self { sessions: vec![link], broken: Vec::new(), next: None }
    }
}

impl Sample for TargetList {
    fn sample() -> Self {
        let target = TargetReport {
            target: TARGET.to_owned(),
            kind: "webhook".to_owned(),
            place: "https://hooks.example/in".to_owned(),
            enabled: true,
            held: None,
            breaker: "closed".to_owned(),
            failures: 0,
            in_flight: 3,
            max_in_flight: 10,
        };
        Self { targets: vec![target] }
    }
}

impl Sample for PropagationEventPage {
    fn sample() -> Self {
        let event = PropagationEvent {
            number: 7,
            time: TIME.to_owned(),
            event_type: "breaker.opened".to_owned(),
            route: ROUTE.to_owned(),
            target: TARGET.to_owned(),
            detail: "the receiver answered 503".to_owned(),
        };
        Self { events: vec![event], last: 7 }
    }
}

impl Sample for TryPage {
    fn sample() -> Self {
        let one = TryReport {
            number: 903,
            time: TIME.to_owned(),
            route: ROUTE.to_owned(),
            target: TARGET.to_owned(),
            event: "1204.0".to_owned(),
            xid: DOCUMENT.to_owned(),
            change: "updated".to_owned(),
            attempt: 1,
            delivered: true,
            outcome: "delivered".to_owned(),
            took_ms: 12,
        };
        Self { tries: vec![one], last: 903 }
    }
}

impl Sample for DeadLetterPage {
    fn sample() -> Self {
        let letter = DeadLetterReport {
            letter: 4,
            route: ROUTE.to_owned(),
            target: TARGET.to_owned(),
            event: "1180.0".to_owned(),
            xid: DOCUMENT.to_owned(),
            change: "updated".to_owned(),
            reason: "the receiver answered 500".to_owned(),
            attempts: 5,
            first: TIME.to_owned(),
            last: "2026-11-21T10:12:18.204013Z".to_owned(),
        };
        Self { letters: vec![letter], next: None }
    }
}

impl Sample for PropagationMetrics {
    fn sample() -> Self {
        Self { delivered: 840, failed: 12, retried: 9, dead: 1, waiting: 3 }
    }
}

impl Sample for PropagationRequest {
    fn sample() -> Self {
        let target = Some(TARGET.to_owned());
        Self { action: PropagationAction::Pause, target, letters: Vec::new() }
    }
}

impl Sample for PropagationResult {
    fn sample() -> Self {
        Self { done: 1, failed: Vec::new() }
    }
}
