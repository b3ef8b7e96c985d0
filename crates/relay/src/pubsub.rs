//! Deliveries to a topic of Google Cloud Pub/Sub: a message for each event, by its REST interface. The
//! requests go over the connections that every target has.

mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use muster_guard::secret_references::{Secret, SecretList};
use muster_words::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use self::token::AccessTokens;
use crate::{
    batch::{BatchRecord, Batches, Batching, Halves, place_of},
    changes::DocumentChange,
    decision::{Tried, TryFailure, TryOutcome, shown},
    delivery::Depot,
    event::OutgoingEvent,
    http_sender::{ANSWER_BYTES_MAX, HttpSender, Received, Sending},
    partition_key::PartitionKey,
    receiver::Receiver,
    target::{PubSubTarget, RelayTarget},
    webhook,
};

/// The largest message (Pub/Sub, quotas and limits), in bytes.
const MESSAGE_BYTES_MAX: usize = 10_000_000;

/// The most bytes of messages in one request: its limit is that of one message, and in base64 they take
/// a third more.
const REQUEST_BYTES_MAX: usize = 7_000_000;

/// The longest value of a message's attribute, in bytes (the same).
const VALUE_BYTES_MAX: usize = 1_024;

/// The media type of an event, in the attribute by which receivers know its form.
const EVENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// A message for a topic: an event in the structured mode of the Pub/Sub binding of CloudEvents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PubSubMessage {
    data: Bytes,
    /// What subscriptions filter by.
    attributes: Map<String, Value>,
    /// The ordering key; empty: none.
    key: String,
}

impl PubSubMessage {
    /// The message of an event. The binding lets the attributes of an event stand beside it as well,
    /// and a filter sees nothing else.
    pub fn new(target: &PubSubTarget, change: &DocumentChange, event: &OutgoingEvent) -> Self {
        let mut attributes = Map::new();
        attributes.insert("Content-Type".to_owned(), EVENT_TYPE.into());
        for (name, value) in &event.attributes {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            // The media type of the message is that of the whole event.
            if name != "datacontenttype" && text.len() <= VALUE_BYTES_MAX {
                attributes.insert(format!("ce-{name}"), text.into());
            }
        }
        Self { data: event.to_json(), attributes, key: target.partition_key.of(change) }
    }

    /// What counts for the limits of the service.
    pub fn bytes(&self) -> usize {
        let value = |value: &Value| value.as_str().map_or(0, str::len);
        let attributes = self.attributes.iter().map(|(name, text)| name.len() + value(text));
        self.data.len() + self.key.len() + attributes.sum::<usize>()
    }
}

/// Publishes messages, several in one request where targets say so, and keeps the tokens that it got
/// for the next ones.
#[derive(Default)]
pub struct PubSubSender {
    tokens: AccessTokens,
    /// All messages of a request must have the same ordering key.
    batches: Batches<(usize, String), PubSubMessage>,
}

/// A target with what its messages are sent with.
struct PubSubRun<'a> {
    sender: &'a HttpSender,
    secrets: &'a SecretList,
    target: &'a RelayTarget,
    pubsub: &'a PubSubTarget,
    /// The time of this try.
    now: Moment,
}

impl PubSubSender {
    /// Sends a message, and waits until it is stored.
    pub(crate) async fn deliver(
        &self,
        (batching, leave): (Batching, impl Future<Output = ()>),
        (depot, receiver): (&Arc<Depot>, &Arc<Receiver>),
        (pubsub, message): (&PubSubTarget, PubSubMessage),
    ) -> Tried {
        // Each has a key of its own there, so nothing can be sent with it.
        let batching = match pubsub.partition_key {
            PartitionKey::Document => Batching::ALONE,
            _ => batching,
        };
        let added = BatchRecord {
            place: (place_of(receiver), message.key.clone()),
            bytes: message.bytes(),
            record: message,
            bytes_max: REQUEST_BYTES_MAX,
        };
        let (depot, receiver, pubsub) = (depot.clone(), receiver.clone(), pubsub.clone());
        let send = move |messages: Vec<PubSubMessage>| {
            let (depot, receiver, pubsub) = (depot.clone(), receiver.clone(), pubsub.clone());
            async move {
                let (sender, secrets, now) = (&depot.sender, &depot.secrets, depot.registry.now());
                let (target, pubsub) = (&receiver.target, &pubsub);
                let run = PubSubRun { sender, secrets, target, pubsub, now };
                depot.pubsub.publish(&run, &messages).await
            }
        };
        self.batches.deliver(batching, added, leave, send).await
    }

    /// Publishes messages that have the same ordering key. The outcome of each.
    async fn publish(&self, run: &PubSubRun<'_>, messages: &[PubSubMessage]) -> Vec<TryOutcome> {
        let until = Instant::now() + run.target.deadline;
        let fits = |message: &&PubSubMessage| message.bytes() <= MESSAGE_BYTES_MAX;
        let fitting: Vec<&PubSubMessage> = messages.iter().filter(fits).collect();
        let mut halves = Halves::of(fitting.len(), TryOutcome::is_too_large);
        while let Some(piece) = halves.next() {
            let sending = self.send(run, &fitting[piece.clone()]);
            let sent = timeout_at(until, sending).await;
            let sent = sent.unwrap_or(Err(TryFailure::Timeout)).unwrap_or_else(TryOutcome::Failed);
            let count = piece.len();
            halves.told(piece, vec![sent; count]);
        }
        let timeout = || TryOutcome::Failed(TryFailure::Timeout);
        let mut sent = halves.outcomes(timeout).into_iter();
        let too_large = TryFailure::TooLarge { bytes_max: Some(MESSAGE_BYTES_MAX) };
        let outcome = |message| match fits(&message) {
            true => sent.next().unwrap_or_else(timeout),
            false => TryOutcome::Failed(too_large.clone()),
        };
        messages.iter().map(outcome).collect()
    }

    /// Sends one request, of which all messages are taken or none is.
    async fn send(
        &self,
        run: &PubSubRun<'_>,
        messages: &[&PubSubMessage],
    ) -> Result<TryOutcome, TryFailure> {
        let PubSubRun { sender, secrets, target, pubsub, now } = run;
        let url = format!("{}:publish", pubsub.url);
        let destination = sender.destination(&url).map_err(TryFailure::Refused)?;
        let named = pubsub.credentials.as_ref();
        let secret = named.map(|name| secrets.resolve(name, &destination.host)).transpose();
        let secret: Option<Secret> = secret.map_err(TryFailure::Secret)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = body(messages);
        let mut is_first = true;
        loop {
            let mut token = None;
            if let Some(secret) = &secret {
                let got = self.tokens.get(sender, secret, (target.deadline, *now)).await?;
                headers.insert(header::AUTHORIZATION, got.clone());
                token = Some((secret, got));
            }
            let sent = sender.send(Sending {
                method: Method::POST,
                url: &url,
                headers: headers.clone(),
                body: body.clone(),
                deadline: target.deadline,
                answer_max: ANSWER_BYTES_MAX,
            });
            let received = sent.await?;
            match token {
                // It may have been withdrawn, and another one isn't.
                Some((secret, token)) if received.status == 401 && is_first => {
                    self.tokens.forget(secret, &token).await;
                }
                _ => return Ok(outcome(&received, pubsub, messages.len())),
            }
            is_first = false;
        }
    }
}

/// The body of a request (Pub/Sub REST, `projects.topics.publish`).
fn body(messages: &[&PubSubMessage]) -> Bytes {
    #[derive(Serialize)]
    struct Publish<'a> {
        messages: Vec<Published<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Published<'a> {
        data: String,
        attributes: &'a Map<String, Value>,
        #[serde(skip_serializing_if = "str::is_empty")]
        ordering_key: &'a str,
    }
    let message = |message: &&'_ PubSubMessage| STANDARD.encode(&message.data);
    let encoded = messages.iter().map(message);
    let messages = messages.iter().zip(encoded).map(|(message, data)| Published {
        data,
        attributes: &message.attributes,
        ordering_key: &message.key,
    });
    // Texts, and lists and maps of them, can always be written.
    serde_json::to_vec(&Publish { messages: messages.collect() }).unwrap_or_default().into()
}

/// Whether an answer has an id for each message: only then they are stored.
fn has_all(body: &[u8], count: usize) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        message_ids: Vec<String>,
    }
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    answer.is_some_and(|answer| {
        answer.message_ids.len() == count && answer.message_ids.iter().all(|id| !id.is_empty())
    })
}

/// The outcome that an answer to so many messages means.
fn outcome(received: &Received, pubsub: &PubSubTarget, count: usize) -> TryOutcome {
    #[derive(Default, Deserialize)]
    struct Refusal {
        #[serde(default)]
        error: Refused,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refused {
        status: String,
        message: String,
    }
    // These have a meaning of their own for what comes next.
    if matches!(received.status, 413 | 429 | 503) {
        return webhook::outcome(received);
    }
    if received.status == 200 {
        return match has_all(&received.body, count) {
            true => TryOutcome::Taken,
            false => TryOutcome::Failed(TryFailure::Broken),
        };
    }
    let refusal: Refusal = serde_json::from_slice(&received.body).unwrap_or_default();
    let topic = pubsub.topic();
    let said = match (shown(&refusal.error.status), shown(&refusal.error.message)) {
        (status, _) if status.is_empty() => format!("status {}", received.status),
        (status, message) => format!("{status}: {message}"),
    };
    if refusal.error.status == "INVALID_ARGUMENT" {
        // One of the messages may be the cause. Of the size there is only this text.
        let is_large = ["too large", "exceeds the limit"];
        return TryOutcome::Failed(match is_large.iter().any(|text| said.contains(text)) {
            true => TryFailure::TooLarge { bytes_max: None },
            false => TryFailure::Content(said),
        });
    }
    TryOutcome::Failed(TryFailure::Answer(match refusal.error.status.as_str() {
        "NOT_FOUND" => {
            format!(
                "it has no topic {topic}: make it, or name another one in `project` and `topic`"
            )
        }
        "PERMISSION_DENIED" => format!(
            "the service account may not publish to {topic} (the role Pub/Sub Publisher lets it); {said}"
        ),
        "UNAUTHENTICATED" if pubsub.credentials.is_none() => {
            "it asks for credentials: name the key of a service account in `credentials`".to_owned()
        }
        // Nobody knows whether one of several messages is the cause.
        _ if received.status == 400 && count > 1 => {
            return TryOutcome::Failed(TryFailure::Content(said));
        }
        _ => said,
    }))
}
