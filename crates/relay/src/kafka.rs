//! Deliveries to a topic of Kafka: a record for each event, which all replicas in sync have stored
//! before the delivery counts as made. Only what a producer needs is here, over the connections that
//! every target has: a client that finds brokers by itself would connect to whatever address they
//! name.
//!
//! Each request that runs has a producer of its own, which gives numbers to what it sends to a
//! partition. A broker stores a record with the same numbers once, so what was sent is sent again as it
//! was, by the same producer, until its answer is known.

mod connection;
mod credentials;
mod fields;
mod kept;
mod messages;
mod producer;
mod record;
mod sending;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use muster_guard::{addresses::Destination, secret_references::SecretList};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use self::{
    connection::KafkaConnection,
    kept::{KEPT_TIME_MAX, KeptBatch, KeptProducers},
    messages::ClusterState,
    producer::{BrokerPlace, KafkaProducer, KafkaRun},
    sending::KafkaSending,
};
use crate::{
    batch::{BatchRecord, Batches, Batching, place_of},
    connector::Connector,
    decision::{Tried, TryFailure, TryOutcome},
    delivery::Depot,
    idle::IdleConnections,
    receiver::Receiver,
    target::{KafkaTarget, RelayTarget},
};

pub(crate) use self::record::KafkaRecord;

/// How many idle producers are kept for each topic: as many as a target usually has at once. One is
/// little more than two numbers.
const IDLE_MAX: usize = 100;

/// The most bytes of records in one request, with room for what is around them: less than a broker takes
/// for one partition by default (1,048,588).
const REQUEST_BYTES_MAX: usize = 900_000;

/// How long what is known of a cluster is believed, as by other clients.
const CLUSTER_TIME_MAX: Duration = Duration::from_secs(300);

/// How long an idle connection is kept. Brokers end them after ten minutes, and balancers in front of
/// them after four.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// Sends records to Kafka, several in one request where targets say so, and keeps producers and
/// connections for the next ones.
pub struct KafkaSender {
    batches: Batches<usize, KafkaRecord>,
    /// Producers that wait for any record.
    idle: Mutex<HashMap<Place, Vec<(KafkaProducer, Instant)>>>,
    kept: KeptProducers,
    connections: IdleConnections<BrokerPlace, KafkaConnection>,
    /// What is known of clusters, and since when.
    clusters: Mutex<HashMap<Place, (Arc<ClusterState>, Instant)>>,
}

impl Default for KafkaSender {
    fn default() -> Self {
        Self {
            batches: Batches::default(),
            idle: Mutex::default(),
            kept: KeptProducers::default(),
            connections: IdleConnections::new(IDLE_TIME_MAX),
            clusters: Mutex::default(),
        }
    }
}

/// A topic of a cluster, and how we say who we are.
type Place = (String, String, Option<String>);

impl KafkaSender {
    /// Sends a record, and waits until it is stored.
    pub(crate) async fn deliver(
        &self,
        (batching, leave): (Batching, impl Future<Output = ()>),
        (depot, receiver): (&Arc<Depot>, &Arc<Receiver>),
        (kafka, record): (&KafkaTarget, KafkaRecord),
    ) -> Tried {
        let added = BatchRecord {
            place: place_of(receiver),
            bytes: record.bytes(),
            record,
            bytes_max: REQUEST_BYTES_MAX,
        };
        let (depot, receiver, kafka) = (depot.clone(), receiver.clone(), kafka.clone());
        let send = move |records: Vec<KafkaRecord>| {
            let (depot, receiver, kafka) = (depot.clone(), receiver.clone(), kafka.clone());
            async move {
                let parts = (depot.sender.connector(), &*depot.secrets, (depot.random)());
                depot.kafka.send(parts, (&receiver.target, &kafka), &records).await
            }
        };
        self.batches.deliver(batching, added, leave, send).await
    }

    /// Whether anything is kept of deliveries.
    pub(crate) fn keeps_any(&self) -> bool {
        !self.kept.is_empty()
    }

    /// A delivery has ended, however it did.
    pub(crate) fn ended(&self, id: &str) {
        self.kept.ended(id);
    }

    /// Sends records, and waits until they are stored. The outcome of each.
    async fn send(
        &self,
        (connector, secrets, random): (&Connector, &SecretList, [u8; 32]),
        (target, kafka): (&RelayTarget, &KafkaTarget),
        records: &[KafkaRecord],
    ) -> Vec<TryOutcome> {
        let place = (kafka.url.clone(), kafka.topic.clone(), kafka.credentials.clone());
        let resolve = |broker: &Destination| {
            let named = kafka.credentials.as_ref();
            let secret = named.map(|name| secrets.resolve(name, &broker.host)).transpose();
            secret.map_err(TryFailure::Secret)
        };
        let cluster = KnownCluster { sender: self, place: &place };
        let until = Instant::now() + target.deadline;
        let run = KafkaRun { connector, secret: &resolve, random, kafka, cluster, until };
        // What was sent together is sent again together, whatever else is tried now.
        let kept = self.kept.of_all(&place, records);
        let again = kept.iter().map(|(batch, records)| self.send_again(&run, batch, records));
        let of_kept: HashSet<&str> =
            kept.iter().flat_map(|(_, all)| all).map(|record| &*record.id).collect();
        let is_new = |record: &&KafkaRecord| !of_kept.contains(&*record.id);
        let mut unsent: Vec<&KafkaRecord> = records.iter().filter(is_new).collect();
        let (again, new) = tokio::join!(join_all(again), self.send_new(&run, &unsent));
        let mut outcomes: HashMap<&str, TryOutcome> = HashMap::new();
        outcomes.extend(unsent.iter().map(|record| &*record.id).zip(new));
        outcomes
            .extend(again.into_iter().flatten().map(|(record, outcome)| (&*record.id, outcome)));
        // What is known not to be stored is sent like any other.
        unsent = records.iter().filter(|record| !outcomes.contains_key(&*record.id)).collect();
        let new = self.send_new(&run, &unsent).await;
        outcomes.extend(unsent.iter().map(|record| &*record.id).zip(new));
        let lost = || TryOutcome::Failed(TryFailure::Broken);
        records.iter().map(|record| outcomes.remove(&*record.id).unwrap_or_else(lost)).collect()
    }

    /// Sends records that were never sent before, or that are known not to be stored.
    async fn send_new(&self, run: &KafkaRun<'_>, records: &[&KafkaRecord]) -> Vec<TryOutcome> {
        if records.is_empty() {
            return Vec::new();
        }
        let records: Vec<KafkaRecord> = records.iter().map(|record| (*record).clone()).collect();
        let place = run.cluster.place;
        let mut producer = self.take(place);
        let mut sending = KafkaSending::new(&records);
        let sent = timeout_at(run.until, producer.send(run, &mut sending)).await;
        if sent.is_err() {
            // Somebody waits on one of them whom nobody hears any more.
            producer.connections.clear();
            run.cluster.forget();
        }
        self.keep_connections(&mut producer);
        match &sending.in_doubt(&producer.in_doubt)[..] {
            [] => self.put(place, producer),
            pieces => self.kept.keep(place, producer, pieces),
        }
        sending.outcomes()
    }

    /// Sends records again that may be stored, with what they were sent with. The outcomes of those
    /// that aren't known not to be stored.
    async fn send_again<'a>(
        &self,
        run: &KafkaRun<'_>,
        batch: &Arc<tokio::sync::Mutex<KeptBatch>>,
        records: &[&'a KafkaRecord],
    ) -> Vec<(&'a KafkaRecord, TryOutcome)> {
        let sending = async {
            // Others that were sent with them may come at the same time.
            let mut kept = batch.lock().await;
            // One of them may have ended meanwhile, and then nothing of it is sent any more.
            let is_kept = records.iter().all(|record| self.kept.holds(&record.id, batch));
            if !is_kept {
                return Vec::new();
            }
            let outcomes = kept.resolve(run, records).await;
            if let Some(producer) = &mut kept.producer {
                self.keep_connections(producer);
            }
            if let Some(producer) = kept.release() {
                self.put(run.cluster.place, producer);
            }
            outcomes
        };
        let Ok(outcomes) = timeout_at(run.until, sending).await else {
            run.cluster.forget();
            let late = || TryOutcome::Failed(TryFailure::Timeout);
            return records.iter().map(|record| (*record, late())).collect();
        };
        let mut known = Vec::new();
        for (record, outcome) in records.iter().zip(outcomes) {
            if matches!(outcome, None | Some(TryOutcome::Taken)) {
                self.kept.forget(&record.id);
            }
            known.extend(outcome.map(|outcome| (*record, outcome)));
        }
        known
    }

    /// A producer that waits for any record.
    fn take(&self, place: &Place) -> KafkaProducer {
        let mut idle = self.idle.lock();
        idle.retain(|_, waiting| {
            waiting.retain(|(_, since)| since.elapsed() < KEPT_TIME_MAX);
            !waiting.is_empty()
        });
        let waiting = idle.get_mut(place).and_then(Vec::pop);
        waiting.map(|(producer, _)| producer).unwrap_or_default()
    }

    /// Keeps a producer for any record. One with something in doubt has used numbers that a broker may
    /// have stored: it would take the next record for a repetition.
    fn put(&self, place: &Place, producer: KafkaProducer) {
        if !producer.in_doubt.is_empty() {
            return;
        }
        let mut idle = self.idle.lock();
        let waiting = idle.entry(place.clone()).or_default();
        if waiting.len() < IDLE_MAX {
            waiting.push((producer, Instant::now()));
        }
    }

    fn keep_connections(&self, producer: &mut KafkaProducer) {
        for (broker, connection) in producer.connections.drain() {
            self.connections.keep(broker, connection);
        }
    }
}

/// What is known of the cluster that one try is about.
#[derive(Clone, Copy)]
struct KnownCluster<'a> {
    sender: &'a KafkaSender,
    place: &'a Place,
}

impl KnownCluster<'_> {
    fn state(&self) -> Option<Arc<ClusterState>> {
        let mut clusters = self.sender.clusters.lock();
        clusters.retain(|_, (_, since)| since.elapsed() < CLUSTER_TIME_MAX);
        clusters.get(self.place).map(|(known, _)| known.clone())
    }

    fn learn(&self, known: &Arc<ClusterState>) {
        let learned = (known.clone(), Instant::now());
        self.sender.clusters.lock().insert(self.place.clone(), learned);
    }

    fn forget(&self) {
        self.sender.clusters.lock().remove(self.place);
    }
}
