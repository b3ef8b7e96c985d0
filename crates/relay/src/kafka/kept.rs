use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    Place,
    producer::{KafkaProducer, KafkaRun},
    record::KafkaRecord,
    sending::KafkaSending,
};
use crate::decision::TryOutcome;

/// How many deliveries' producers are kept until they are tried again. Without its own, a delivery is
/// repeated if it was stored.
const KEPT_MAX: usize = 1_000;

/// How much of records is kept with them, in bytes: what was sent together must be sent so again.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a producer is kept. Brokers forget one after a day by default.
pub(super) const KEPT_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Producers of what may be stored although nobody said so, by the deliveries that wait for it.
#[derive(Default)]
pub(super) struct KeptProducers {
    by_id: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    place: Place,
    batch: Arc<tokio::sync::Mutex<KeptBatch>>,
    /// What is kept of the record.
    bytes: usize,
    since: Instant,
}

/// A producer with what it has to send again before anything else.
pub(super) struct KeptBatch {
    /// None: nothing is in doubt any more.
    pub producer: Option<KafkaProducer>,
    pieces: Vec<KeptPiece>,
}

/// Records that were sent together to a partition. They are sent so again: a broker knows them by the
/// number of the first one and by how many there are.
struct KeptPiece {
    ids: Vec<String>,
    /// None where there is one alone: its delivery brings it again.
    records: Vec<KafkaRecord>,
    /// Which of them are stored, when that is known.
    stored: Option<BTreeSet<String>>,
}

impl KeptProducers {
    /// Keeps a producer until these records are sent again.
    pub fn keep(&self, place: &Place, producer: KafkaProducer, pieces: &[Vec<&KafkaRecord>]) {
        let mut by_id = self.by_id.lock();
        by_id.retain(|_, kept| kept.since.elapsed() < KEPT_TIME_MAX);
        let is_alone = |piece: &Vec<&KafkaRecord>| piece.len() == 1;
        let size = |piece: &Vec<&KafkaRecord>, record: &KafkaRecord| match is_alone(piece) {
            true => 0,
            false => record.bytes(),
        };
        let all = || pieces.iter().flat_map(|piece| piece.iter().map(move |one| (piece, *one)));
        let more: usize = all().map(|(piece, record)| size(piece, record)).sum();
        let there: usize = by_id.values().map(|kept| kept.bytes).sum();
        if there.saturating_add(more) > KEPT_BYTES_MAX {
            return;
        }
        let of = |piece: &Vec<&KafkaRecord>| KeptPiece {
            ids: piece.iter().map(|record| record.id.clone()).collect(),
            records: match is_alone(piece) {
                true => Vec::new(),
                false => piece.iter().map(|record| (*record).clone()).collect(),
            },
            stored: None,
        };
        let batch = KeptBatch { producer: Some(producer), pieces: pieces.iter().map(of).collect() };
        let batch = Arc::new(tokio::sync::Mutex::new(batch));
        for (piece, record) in all() {
            if by_id.len() >= KEPT_MAX {
                let oldest = by_id.iter().min_by_key(|(_, kept)| kept.since);
                let oldest = oldest.map(|(id, _)| id.clone()).unwrap_or_default();
                by_id.remove(&oldest);
            }
            let (place, batch, bytes) = (place.clone(), batch.clone(), size(piece, record));
            let kept = Kept { place, batch, bytes, since: Instant::now() };
            by_id.insert(record.id.clone(), kept);
        }
    }

    /// What is kept for a delivery. One of another target is of no use.
    pub fn of(&self, place: &Place, id: &str) -> Option<Arc<tokio::sync::Mutex<KeptBatch>>> {
        let mut by_id = self.by_id.lock();
        let kept = by_id.get_mut(id)?;
        if kept.place != *place {
            by_id.remove(id);
            return None;
        }
        kept.since = Instant::now();
        Some(kept.batch.clone())
    }

    /// A delivery needs nothing any more.
    pub fn forget(&self, id: &str) {
        self.by_id.lock().remove(id);
    }
}

impl KeptBatch {
    /// Sends again what a record was sent with. Its outcome; none if it is known not to be stored, so
    /// that it can be sent like any other.
    pub async fn resolve(
        &mut self,
        run: &KafkaRun<'_>,
        record: &KafkaRecord,
    ) -> Option<TryOutcome> {
        let piece = self.pieces.iter_mut().find(|piece| piece.ids.contains(&record.id))?;
        if let Some(stored) = &piece.stored {
            return stored.contains(&record.id).then_some(TryOutcome::Taken);
        }
        let producer = self.producer.as_mut()?;
        let records = match piece.records.is_empty() {
            true => std::slice::from_ref(record),
            false => &piece.records,
        };
        let mut sending = KafkaSending::new(records);
        producer.send(run, &mut sending).await;
        let is_in_doubt = !sending.in_doubt(&producer.in_doubt).is_empty();
        let outcomes = sending.outcomes();
        let named = records.iter().map(|record| &record.id).zip(&outcomes);
        let own = named.clone().find(|(id, _)| **id == record.id);
        let own = own.map(|(_, outcome)| outcome.clone());
        if !is_in_doubt {
            let taken = named.filter(|(_, outcome)| **outcome == TryOutcome::Taken);
            piece.stored = Some(taken.map(|(id, _)| id.clone()).collect());
            piece.records.clear();
        }
        own
    }

    /// The producer, when nothing is in doubt any more.
    pub fn release(&mut self) -> Option<KafkaProducer> {
        let is_known = self.pieces.iter().all(|piece| piece.stored.is_some());
        self.producer.take_if(|_| is_known)
    }
}
