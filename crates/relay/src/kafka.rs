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
    time::{Duration, Instant},
};

use muster_guard::{addresses::Destination, secret_references::SecretList};
use parking_lot::Mutex;

use self::producer::{KafkaProducer, KafkaRun};
use crate::{
    connector::Connector,
    decision::{TryFailure, TryOutcome},
    target::{KafkaTarget, RelayTarget},
};

pub(crate) use self::record::KafkaRecord;

/// How many idle producers are kept for each topic: as many as a target may have at once.
const IDLE_MAX: usize = 100;

/// How many producers are kept for deliveries that are tried again. Without its own, a delivery is
/// repeated if it was stored.
const KEPT_MAX: usize = 1_000;

/// How long a producer is kept. Brokers forget one after a day by default.
const KEPT_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Sends records to Kafka, and keeps producers for the next ones.
#[derive(Default)]
pub struct KafkaSender {
    producers: Mutex<Producers>,
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
        let run = KafkaRun { connector, secret: &resolve, random, target, kafka };
        let sent = tokio::time::timeout(target.deadline, producer.send(&run, record)).await;
        let outcome = match sent {
            Ok(Ok(())) => TryOutcome::Taken,
            Ok(Err(failure)) => TryOutcome::Failed(failure),
            Err(_) => {
                producer.disconnect();
                TryOutcome::Failed(TryFailure::Timeout)
            }
        };
        self.producers.lock().put(place, &record.id, producer);
        outcome
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

    fn put(&mut self, place: Place, id: &str, mut producer: KafkaProducer) {
        let now = Instant::now();
        if producer.is_in_doubt {
            // Its connections would only wait with it.
            producer.disconnect();
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
