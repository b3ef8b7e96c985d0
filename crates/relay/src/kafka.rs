//! Deliveries to a topic of Kafka: a record for each event, which all replicas in sync have stored
//! before the delivery counts as made. Only what a producer needs is here, over the connections that
//! every target has: a client that finds brokers by itself would connect to whatever address they
//! name.
//!
//! Each delivery that runs has a producer of its own, which gives numbers to what it sends to a
//! partition. A broker stores a record with the same numbers once, so a try whose answer was lost is
//! made again by the same producer.

mod connection;
mod credentials;
mod fields;
mod messages;
mod producer;
mod record;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use muster_guard::{addresses::Destination, secret_references::SecretList};
use parking_lot::Mutex;

use self::{
    connection::KafkaConnection,
    messages::ClusterState,
    producer::{BrokerPlace, KafkaProducer, KafkaRun},
};
use crate::{
    connector::Connector,
    decision::{TryFailure, TryOutcome},
    idle::IdleConnections,
    target::{KafkaTarget, RelayTarget},
};

pub(crate) use self::record::KafkaRecord;

/// How many idle producers are kept for each topic: as many as a target may have at once. One is
/// little more than two numbers.
const IDLE_MAX: usize = 100;

/// How long what is known of a cluster is believed, as by other clients.
const CLUSTER_TIME_MAX: Duration = Duration::from_secs(300);

/// How long an idle connection is kept. Brokers end them after ten minutes, and balancers in front of
/// them after four.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// How many producers are kept for deliveries that are tried again. Without its own, a delivery is
/// repeated if it was stored.
const KEPT_MAX: usize = 1_000;

/// How long a producer is kept. Brokers forget one after a day by default.
const KEPT_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Sends records to Kafka, and keeps producers and connections for the next ones.
pub struct KafkaSender {
    producers: Mutex<Producers>,
    connections: IdleConnections<BrokerPlace, KafkaConnection>,
    /// What is known of clusters, and since when.
    clusters: Mutex<HashMap<Place, (Arc<ClusterState>, Instant)>>,
}

impl Default for KafkaSender {
    fn default() -> Self {
        let connections = IdleConnections::new(IDLE_TIME_MAX);
        Self { producers: Mutex::default(), connections, clusters: Mutex::default() }
    }
}

/// A topic of a cluster, and how we say who we are.
type Place = (String, String, Option<String>);

#[derive(Default)]
struct Producers {
    /// Those that wait for any record.
    idle: HashMap<Place, Vec<(KafkaProducer, Instant)>>,
    /// Those that wait for the same delivery once more, by its id.
    kept: HashMap<String, (Place, KafkaProducer, Instant)>,
}

impl KafkaSender {
    /// Sends a record, and waits until it is stored.
    pub(crate) async fn deliver(
        &self,
        (connector, secrets, random): (&Connector, &SecretList, [u8; 32]),
        (target, kafka): (&RelayTarget, &KafkaTarget),
        record: &KafkaRecord,
    ) -> TryOutcome {
        let place = (kafka.url.clone(), kafka.topic.clone(), kafka.credentials.clone());
        let mut producer = self.producers.lock().take(&place, &record.id);
        let resolve = |broker: &Destination| {
            let named = kafka.credentials.as_ref();
            let secret = named.map(|name| secrets.resolve(name, &broker.host)).transpose();
            secret.map_err(TryFailure::Secret)
        };
        let cluster = KnownCluster { sender: self, place: &place };
        let run = KafkaRun { connector, secret: &resolve, random, target, kafka, cluster };
        let sent = tokio::time::timeout(target.deadline, producer.send(&run, record)).await;
        let outcome = match sent {
            Ok(Ok(())) => TryOutcome::Taken,
            Ok(Err(failure)) => TryOutcome::Failed(failure),
            Err(_) => {
                // Somebody waits on one of them whom nobody hears any more.
                producer.connections.clear();
                cluster.forget();
                TryOutcome::Failed(TryFailure::Timeout)
            }
        };
        for (broker, connection) in producer.connections.drain() {
            self.connections.keep(broker, connection);
        }
        self.producers.lock().put(place, &record.id, producer);
        outcome
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

impl Producers {
    /// The producer that has tried a delivery, or else any other.
    fn take(&mut self, place: &Place, id: &str) -> KafkaProducer {
        if let Some((of, producer, _)) = self.kept.remove(id)
            && of == *place
        {
            return producer;
        }
        let is_fresh = |since: &Instant| since.elapsed() < KEPT_TIME_MAX;
        self.idle.retain(|_, waiting| {
            waiting.retain(|(_, since)| is_fresh(since));
            !waiting.is_empty()
        });
        let waiting = self.idle.get_mut(place).and_then(Vec::pop);
        waiting.map(|(producer, _)| producer).unwrap_or_default()
    }

    fn put(&mut self, place: Place, id: &str, producer: KafkaProducer) {
        let now = Instant::now();
        if producer.is_in_doubt {
            self.kept.retain(|_, (_, _, since)| since.elapsed() < KEPT_TIME_MAX);
            if self.kept.len() >= KEPT_MAX {
                let oldest = self.kept.iter().min_by_key(|(_, (_, _, since))| *since);
                let oldest = oldest.map(|(id, _)| id.clone()).unwrap_or_default();
                self.kept.remove(&oldest);
            }
            self.kept.insert(id.to_owned(), (place, producer, now));
            return;
        }
        let waiting = self.idle.entry(place).or_default();
        if waiting.len() < IDLE_MAX {
            waiting.push((producer, now));
        }
    }
}
