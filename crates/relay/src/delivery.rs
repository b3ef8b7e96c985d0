//! One delivery, from its first try to its end.

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use muster_fernet::KeyFile;
use muster_guard::secret_references::SecretList;
use muster_registry::Registry;
use muster_words::{Moment, Xid};
use tokio::{sync::watch, time::Instant};

use crate::{
    batch::Batching,
    bucket::{self, BucketDelivery},
    changes::DocumentChange,
    consent::ConsentQuestion,
    decision::{NextStep, Tried, TryFailure, TryOutcome, decide},
    event::{ChangedDocument, EventSource, OutgoingEvent, delivery_id, encrypted},
    folder,
    http_sender::HttpSender,
    kafka::{KafkaRecord, KafkaSender},
    kinesis::{KinesisRecord, KinesisSender},
    link::{LinkProgress, is_stopping},
    live::{self, LiveRoutes, LiveSource},
    nats::{NatsMessage, NatsSender},
    outgoing::{MadeEvent, RoutedChange},
    peer::{self, PeerDelivery, PeerOutcome},
    pubsub::{PubSubMessage, PubSubSender},
    receiver::{Receiver, ReceiverClosed},
    retry::RetryPolicy,
    route::Route,
    store::{DeadLetter, Held, LinkKey, RelayStore, Tries},
    target::TargetKind,
    trail::{RelayEvent, Trail, TryRecord},
    webhook::{self, WebhookDelivery},
    websocket::{SocketMessage, WebSocketSender},
};

/// How often it is told at most that live events weren't sent.
const MISSED_REST: Duration = Duration::from_secs(10);

/// What deliveries share.
pub struct Depot {
    /// The registry.
    pub registry: Registry,
    /// What survives a restart.
    pub store: RelayStore,
    /// Sends requests.
    pub sender: HttpSender,
    /// Sends messages to NATS.
    pub nats: NatsSender,
    /// Sends records to Kafka.
    pub kafka: KafkaSender,
    /// Writes records to streams of Kinesis.
    pub kinesis: KinesisSender,
    /// Publishes messages to Pub/Sub.
    pub pubsub: PubSubSender,
    /// Sends events over WebSockets.
    pub websocket: WebSocketSender,
    /// Secrets by reference.
    pub secrets: Arc<SecretList>,
    /// How events name this registry.
    pub source: EventSource,
    /// The folder for relative paths of targets.
    pub folder: PathBuf,
    /// What happened lately.
    pub trail: Trail,
    /// The live events that routes may send.
    pub live: Arc<dyn LiveSource>,
    /// The routes that send them.
    pub live_routes: LiveRoutes,
    /// The data directory with the key that encrypts; none in memory.
    pub directory: Option<PathBuf>,
    /// Draws random bytes.
    pub random: Box<dyn Fn() -> [u8; 32] + Send + Sync>,
    /// Draws a number between 0 and 1.
    pub chance: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Depot {
    /// Notes that something happened to a link, now.
    pub(crate) fn say(&self, kind: &'static str, key: &LinkKey, detail: String) {
        let (route, target) = (key.route.to_string(), key.target.to_string());
        self.happened(kind, (route, target), detail);
    }

    /// Notes that a route didn't send live events because they aren't kept any more. It is told with
    /// their number, and not often, because what is told is a live event as well.
    pub(crate) fn miss(&self, key: &LinkKey, progress: &LinkProgress, count: u64) {
        let mut missed = progress.missed.lock();
        missed.count += count;
        let is_due = missed.told.is_none_or(|told| told.elapsed() >= MISSED_REST);
        if is_due {
            let count = std::mem::take(&mut missed.count);
            missed.told = Some(Instant::now());
            drop(missed);
            self.say("link.missed", key, format!("{count} live events aren't kept any more"));
        }
    }

    /// Notes that something happened to a target, now.
    pub(crate) fn say_of_target(&self, kind: &'static str, target: &Xid, detail: String) {
        self.happened(kind, (String::new(), target.to_string()), detail);
    }

    /// Asks a webhook whether it agrees to get events from here, unless it was asked.
    pub(crate) async fn ask(&self, receiver: &Receiver) -> Result<(), TryFailure> {
        let target = &receiver.target;
        let TargetKind::Webhook(webhook) = &target.kind else { return Ok(()) };
        let (sender, secrets, source) = (&self.sender, &*self.secrets, &self.source);
        let question = ConsentQuestion { sender, secrets, target, webhook, source };
        receiver.consent.ask(question).await
    }

    /// Sends nothing more to a target until somebody lets it go again, or puts it anew.
    pub(crate) async fn disable(&self, receiver: &Receiver, why: &str) {
        let reason = format!("disabled: {why}");
        let held = Held { reason: reason.clone(), version: receiver.version.clone() };
        if let Err(error) = self.store.hold(receiver.name.to_string(), Some(held)).await {
            tracing::warn!(%error, "a disabled target can't be stored");
        }
        receiver.hold_if_free(reason);
    }

    fn happened(&self, kind: &'static str, (route, target): (String, String), detail: String) {
        let time = self.registry.now();
        self.trail.happened(RelayEvent { number: 0, time, kind, route, target, detail });
    }

    /// An event with its document encrypted by the current key. Each try encrypts anew.
    pub(crate) fn encrypt(
        &self,
        event: OutgoingEvent,
        bytes: &[u8],
    ) -> Result<OutgoingEvent, TryFailure> {
        let now = self.registry.now();
        let directory = self.directory.as_deref().ok_or(TryFailure::NoEncryption)?;
        let file = KeyFile::read_or_make(directory, (self.random)(), now);
        let file = file.map_err(|error| {
            tracing::error!(%error, "the key that encrypts can't be used");
            TryFailure::NoEncryption
        })?;
        let key = file.current().ok_or(TryFailure::NoEncryption)?;
        let seconds = u64::try_from(now.microseconds() / 1_000_000).unwrap_or_default();
        let random = (self.random)();
        let random = std::array::from_fn(|index| random[index]);
        Ok(encrypted(event, bytes, |bytes| key.encrypt(seconds, random, bytes)))
    }
}

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryEnd {
    /// It was made.
    Delivered,
    /// The route doesn't select the document.
    Skipped,
    /// It couldn't be made.
    Dead(Box<DeadLetter>),
    /// The link stops, and it waited. It is made after the next start.
    Stopped,
}

/// A delivery with everything that it needs.
pub struct Delivery {
    /// What deliveries share.
    pub depot: Arc<Depot>,
    /// The link.
    pub key: LinkKey,
    /// Which life of its route and target it is.
    pub life: String,
    /// The target.
    pub receiver: Arc<Receiver>,
    /// The route.
    pub route: Arc<Route>,
    /// When it is tried again.
    pub policy: RetryPolicy,
    /// The change.
    pub change: DocumentChange,
    /// The tries before a restart.
    pub tries: Option<Tries>,
    /// What people may see of the link.
    pub progress: Arc<LinkProgress>,
    /// Whether it goes alone although others are sent together: something in it may be why a request
    /// was refused, or somebody waits for it.
    pub is_alone: bool,
    /// Whether its link stops.
    pub stopping: watch::Receiver<bool>,
}

impl Drop for Delivery {
    /// Whatever is kept of it isn't sent any more.
    fn drop(&mut self) {
        if matches!(self.receiver.target.kind, TargetKind::Kafka(_)) && self.depot.kafka.keeps_any()
        {
            self.depot.kafka.ended(&self.id());
        }
    }
}

impl Delivery {
    /// Tries until the delivery is made or given up, or the link stops. It waits while the target is
    /// held or its breaker is open. A stop ends what waits, and never a try.
    pub async fn run(mut self) -> DeliveryEnd {
        let mut stopping = self.stopping.clone();
        let due = self.tries.map(|tries| Instant::now() + self.left(tries.due));
        let mut rest = due.map(|due| (due, self.receiver.nudges()));
        loop {
            let admitted = async {
                if let Some((due, nudges)) = rest.take() {
                    self.receiver.rest(due, nudges).await;
                }
                let alone = match self.is_alone && self.receiver.target.batching.size > 1 {
                    true => self.receiver.alone().await,
                    false => None,
                };
                (self.receiver.admitted().await, alone)
            };
            let (permit, _alone) = tokio::select! {
                biased;
                () = is_stopping(&mut stopping) => return DeliveryEnd::Stopped,
                permit = admitted => permit,
            };
            let begun = Instant::now();
            let first = self.tries.map_or_else(|| self.depot.registry.now(), |tries| tries.first);
            let Some(tried) = self.try_once().await else {
                return DeliveryEnd::Skipped;
            };
            let outcome = &tried.outcome;
            if *outcome == TryOutcome::Failed(TryFailure::Withdrawn) {
                continue;
            }
            self.is_alone |= outcome.may_be_of_content();
            let took = begun.elapsed();
            // It is taken before the failure is stored, so no nudge after the try is missed.
            let nudges = (*outcome != TryOutcome::Taken).then(|| self.receiver.nudges());
            if permit.settle(&tried, &self.policy) {
                self.say("breaker.opened", outcome.to_string());
            }
            let failed = self.tries.map_or(0, |tries| tries.failed) + 1;
            self.note(outcome, failed, took);
            match decide(&self.policy, failed, outcome, (self.depot.chance)()) {
                NextStep::Delivered => return DeliveryEnd::Delivered,
                NextStep::Dead => return self.dead(outcome, failed, first),
                NextStep::Disable => self.disable(outcome).await,
                NextStep::Again(delay) => {
                    let due = Instant::now() + delay;
                    self.fail(failed, first, delay).await;
                    rest = nudges.map(|nudges| (due, nudges));
                }
            }
        }
    }

    /// One try, whatever the schedule says.
    ///
    /// # Errors
    /// See `ReceiverClosed`.
    pub async fn run_once(self) -> Result<DeliveryEnd, ReceiverClosed> {
        let permit = self.receiver.admitted_now().await?;
        let begun = Instant::now();
        let first = self.depot.registry.now();
        let Some(tried) = self.try_once().await else { return Ok(DeliveryEnd::Skipped) };
        permit.settle(&tried, &self.policy);
        self.note(&tried.outcome, 1, begun.elapsed());
        Ok(match tried.outcome {
            TryOutcome::Taken => DeliveryEnd::Delivered,
            outcome => self.dead(&outcome, 1, first),
        })
    }

    /// Remembers a failure.
    async fn fail(&mut self, failed: u32, first: Moment, delay: Duration) {
        let now = self.depot.registry.now();
        let delay_microseconds = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        let due = now.microseconds().saturating_add(delay_microseconds);
        let due = Moment::from_microseconds(due).unwrap_or(now);
        let tries = Tries { failed, first, due };
        self.tries = Some(tries);
        if let Err(error) = self.depot.store.note(&self.key, self.change.id, tries).await {
            // After a restart it would be tried more often, which does no harm.
            tracing::warn!(%error, "the tries of a delivery can't be stored");
        }
    }

    /// The time until a moment.
    fn left(&self, due: Moment) -> Duration {
        let left = due.microseconds().saturating_sub(self.depot.registry.now().microseconds());
        Duration::from_micros(u64::try_from(left).unwrap_or_default())
    }

    /// The target said that it is gone, or that it wants nothing from here. This delivery goes on when
    /// somebody lets it go again.
    async fn disable(&self, outcome: &TryOutcome) {
        if self.receiver.held().is_none() {
            self.say("target.disabled", outcome.to_string());
        }
        self.depot.disable(&self.receiver, &outcome.to_string()).await;
    }

    fn dead(&self, outcome: &TryOutcome, failed: u32, first: Moment) -> DeliveryEnd {
        self.say(
            "delivery.dead",
            format!("{} {}: {outcome}", self.change.id, self.change.resource),
        );
        DeliveryEnd::Dead(Box::new(DeadLetter {
            id: 0,
            key: self.key.clone(),
            change: self.change.id,
            resource: self.change.resource.clone(),
            kind: self.change.kind,
            moment: self.change.moment,
            reason: outcome.to_string(),
            failed,
            first,
            last: self.depot.registry.now(),
        }))
    }

    /// Says something about the document, once for all tries.
    fn tell(&self, kind: &'static str, text: Option<String>) {
        if let Some(text) = text.filter(|_| self.tries.is_none()) {
            self.say(kind, format!("{}: {text}", self.change.resource));
        }
    }

    fn say(&self, kind: &'static str, detail: String) {
        self.depot.say(kind, &self.key, detail);
    }

    fn note(&self, outcome: &TryOutcome, attempt: u32, took: Duration) {
        let own = match outcome {
            TryOutcome::Failed(failure) if failure.is_own() => Some(failure.to_string()),
            _ => None,
        };
        *self.progress.own_fault.lock() = own;
        let failure = Some(outcome).filter(|outcome| **outcome != TryOutcome::Taken);
        *self.progress.last_failure.lock() = failure.map(ToString::to_string);
        let is_told = !matches!(outcome, TryOutcome::Failed(TryFailure::Refused(_)));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if self.receiver.target.is_webhook() {
            self.depot.trail.webhooks.tried(attempt, *outcome == TryOutcome::Taken);
        }
        self.depot.trail.tried(TryRecord {
            number: 0,
            time: self.depot.registry.now(),
            key: self.key.clone(),
            change: self.change.clone(),
            attempt,
            taken: *outcome == TryOutcome::Taken,
            outcome: outcome.to_string(),
            milliseconds: if is_told { milliseconds } else { 0 },
        });
    }

    /// One try; none if the route doesn't select the document. It is in a box of its own, because a
    /// thousand deliveries may wait for each that is tried.
    fn try_once(&self) -> Pin<Box<dyn Future<Output = Option<Tried>> + Send + '_>> {
        Box::pin(async {
            if self.route.live.is_some() {
                return Box::pin(self.send_live()).await;
            }
            let document = match self.routed().read().await {
                Ok(Some(document)) => document,
                Ok(None) => return None,
                Err(failure) => return Some(TryOutcome::Failed(failure).into()),
            };
            match self.receiver.target.kind {
                // It maps what goes there by itself.
                TargetKind::Registry { .. } => {
                    Box::pin(self.send_state(&document)).await.map(Tried::from)
                }
                _ => self.send_event(document).await,
            }
        })
    }

    /// Sends the state of the document to another registry; none if nothing in it is mapped.
    async fn send_state(&self, document: &ChangedDocument) -> Option<TryOutcome> {
        if self.route.encrypt {
            return Some(TryOutcome::Failed(TryFailure::Unencryptable));
        }
        let Self { key: link, life, route, change, .. } = self;
        let progress = &*self.progress;
        let delivery = PeerDelivery { link, life, progress, route, change, document };
        let PeerOutcome { outcome, conflict, invalid, warnings } =
            peer::deliver(&self.depot, &self.receiver.target, delivery).await;
        let conflict = conflict.map(|name| format!("it waits in the other registry: {name}"));
        self.tell("sync.conflict", conflict);
        self.tell("sync.invalid", invalid);
        self.tell("sync.warning", warnings.filter(|_| route.notifies_on_warning()));
        outcome
    }

    /// Sends a live event; none if it isn't kept any more. That makes no dead letter: it can't be sent
    /// later either, and the event about the letter would displace the next one that is still kept.
    async fn send_live(&self) -> Option<Tried> {
        let depot = &*self.depot;
        let number = self.change.id.position.0;
        let Some(found) = live::event_with(&*depot.live, number) else {
            self.depot.miss(&self.key, &self.progress, 1);
            return None;
        };
        let (mut event, data) = live::relayed(&depot.source, &found);
        if self.route.encrypt {
            event = match depot.encrypt(event, &data) {
                Ok(event) => event,
                Err(failure) => return Some(TryOutcome::Failed(failure).into()),
            };
        }
        Some(self.send(&event, Some(&data)).await)
    }

    /// Sends the event about the change; none if the route's mapping leaves the document out.
    async fn send_event(&self, document: ChangedDocument) -> Option<Tried> {
        let made = self.routed().event(document, self.receiver.target.send_whole).await;
        match made {
            Ok(Some(MadeEvent { event, bytes, invalid, .. })) => {
                self.tell("sync.invalid", invalid);
                Some(self.send(&event, bytes.as_ref()).await)
            }
            Ok(None) => None,
            Err(failure) => Some(TryOutcome::Failed(failure).into()),
        }
    }

    fn routed(&self) -> RoutedChange<'_> {
        RoutedChange { depot: &self.depot, route: &self.route, change: &self.change }
    }

    /// Sends an event, which has these bytes in it, if it isn't encrypted.
    async fn send(&self, event: &OutgoingEvent, bytes: Option<&Bytes>) -> Tried {
        let (depot, target) = (&*self.depot, &self.receiver.target);
        if let TargetKind::Webhook(hook) = &target.kind {
            if let Err(failure) = depot.ask(&self.receiver).await {
                return TryOutcome::Failed(failure).into();
            }
            let (id, body, now) = (self.id(), event.to_json(), depot.registry.now());
            let delivery = WebhookDelivery { id: &id, body, now };
            let sent = webhook::deliver(&depot.sender, &depot.secrets, (target, hook), delivery);
            return sent.await.into();
        }
        match Box::pin(self.send_together(event, bytes)).await {
            Some(tried) => tried,
            None => Box::pin(self.send_otherwise(event)).await.into(),
        }
    }

    /// The id of the delivery.
    fn id(&self) -> String {
        let registry = self.depot.registry.view().id().to_string();
        delivery_id(&registry, &self.change, &self.key.route, &self.key.target)
    }

    /// Sends an event to a target that may get several in one request; none if it isn't one.
    async fn send_together(&self, event: &OutgoingEvent, bytes: Option<&Bytes>) -> Option<Tried> {
        let (depot, change) = (&*self.depot, &self.change);
        let batching = match self.is_alone {
            true => Batching::ALONE,
            false => self.receiver.target.batching,
        };
        let shared = (&self.depot, &self.receiver);
        let way = (batching, self.leaves());
        Some(match &self.receiver.target.kind {
            TargetKind::Kafka(kafka) => {
                let record = KafkaRecord::new(kafka, change, self.id(), (event, bytes));
                depot.kafka.deliver(way, shared, (kafka, record)).await
            }
            TargetKind::Kinesis(kinesis) => {
                let record = KinesisRecord::new(kinesis, change, event.to_json());
                depot.kinesis.deliver(way, shared, (kinesis, record)).await
            }
            TargetKind::PubSub(pubsub) => {
                let message = PubSubMessage::new(pubsub, change, event);
                depot.pubsub.deliver(way, shared, (pubsub, message)).await
            }
            _ => return None,
        })
    }

    /// Waits until it must not wait any more for others to be sent with: the link stops, or the target
    /// is held.
    async fn leaves(&self) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = is_stopping(&mut stopping) => {}
            () = self.receiver.until_held() => {}
        }
    }

    /// Sends an event to a target of another kind.
    async fn send_otherwise(&self, event: &OutgoingEvent) -> TryOutcome {
        let depot = &*self.depot;
        let target = &self.receiver.target;
        let (key, change) = (&self.key, &self.change);
        let parts = || (depot.sender.connector(), &*depot.secrets, (depot.random)());
        match &target.kind {
            // They have ways of their own.
            TargetKind::Webhook(_)
            | TargetKind::Registry { .. }
            | TargetKind::Kafka(_)
            | TargetKind::Kinesis(_)
            | TargetKind::PubSub(_)
            | TargetKind::Sse => TryOutcome::Failed(TryFailure::Broken),
            TargetKind::Folder { path } => {
                folder::deliver(depot.folder.join(path), key, change, event.to_json()).await
            }
            TargetKind::Nats(nats) => {
                let message = NatsMessage::new(nats, change, &self.id(), event.to_json());
                depot.nats.deliver(parts(), (target, nats), &message).await
            }
            TargetKind::WebSocket(socket) => {
                let message = SocketMessage { id: change.id.to_string(), body: event.to_json() };
                depot.websocket.deliver(parts(), (target, socket), &message).await
            }
            TargetKind::Bucket(bucket) => {
                let (id, now) = (self.id(), depot.registry.now());
                let delivery = BucketDelivery { change, id: &id, body: event.to_json(), now };
                bucket::deliver(&depot.sender, &depot.secrets, (target, bucket), delivery).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of the future that a function returns.
    fn future_bytes<A, F>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_delivery_that_waits_is_small() {
        let bytes = future_bytes(Delivery::run);
        assert!(bytes < 2_048, "a thousand may wait on each link, and each takes {bytes} bytes");
    }
}
