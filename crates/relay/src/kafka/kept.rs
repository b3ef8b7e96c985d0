use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Place,
    producer::{KafkaProducer, KafkaRun},
    record::KafkaRecord,
    sending::KafkaSending,
};
use crate::decision::TryOutcome;

/// How many deliveries are waited for whose outcome is in doubt: some batches of the largest size.
/// Without what is kept of it, a delivery is repeated if it was stored.
const KEPT_MAX: usize = 4_000;

/// How much of records is kept with them, in bytes: what was sent together must be sent so again.
const KEPT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a producer is kept. Brokers forget one after a day by default.
pub(super) const KEPT_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Producers of what may be stored although nobody said so, by the deliveries that wait for it.
///
/// What was sent together is kept together or not at all: if one of the deliveries ends, newer changes
/// of its document may be stored, and its record must not come behind them.
#[derive(Default)]
pub(super) struct KeptProducers {
    all: Mutex<KeptBatches>,
}

#[derive(Default)]
struct KeptBatches {
    by_number: BTreeMap<u64, Kept>,
    by_id: HashMap<String, u64>,
    /// How many there were.
    count: u64,
}

struct Kept {
    place: Place,
    batch: SharedBatch,
    /// The deliveries that wait for it.
    ids: BTreeSet<String>,
    /// What is kept of the records.
    bytes: usize,
    since: Instant,
}

pub(super) type SharedBatch = Arc<tokio::sync::Mutex<KeptBatch>>;

/// A producer with what it has to send again before anything else.
pub(super) struct KeptBatch {
    /// None: nothing is in doubt any more.
    pub producer: Option<KafkaProducer>,
    /// What may be stored.
    pieces: Vec<KeptPiece>,
    /// The deliveries whose records are known to be stored.
    stored: BTreeSet<String>,
}

/// Records that were sent together to a partition. They are sent so again: a broker knows them by the
/// number of the first one and by how many there are.
struct KeptPiece {
    partition: i32,
    ids: Vec<String>,
    /// None where there is one alone: its delivery brings it again.
    records: Vec<KafkaRecord>,
}

impl KeptPiece {
    fn of((partition, piece): &(i32, Vec<&KafkaRecord>)) -> Self {
        Self {
            partition: *partition,
            ids: piece.iter().map(|record| record.id.clone()).collect(),
            records: match piece.len() {
                1 => Vec::new(),
                _ => piece.iter().map(|record| (*record).clone()).collect(),
            },
        }
    }
}

impl KeptBatches {
    fn end(&mut self, number: u64) {
        for id in self.by_number.remove(&number).into_iter().flat_map(|kept| kept.ids) {
            self.by_id.remove(&id);
        }
    }

    fn end_with(&mut self, id: &str) {
        if let Some(number) = self.by_id.get(id).copied() {
            self.end(number);
        }
    }

    fn bytes(&self) -> usize {
        self.by_number.values().map(|kept| kept.bytes).sum()
    }
}

impl KeptProducers {
    /// Keeps a producer until these records are sent again.
    pub fn keep(
        &self,
        place: &Place,
        producer: KafkaProducer,
        pieces: &[(i32, Vec<&KafkaRecord>)],
    ) {
        let pieces: Vec<KeptPiece> = pieces.iter().map(KeptPiece::of).collect();
        let records = pieces.iter().flat_map(|piece| &piece.records);
        let bytes = records.map(KafkaRecord::bytes).sum::<usize>();
        let ids: BTreeSet<String> = pieces.iter().flat_map(|piece| piece.ids.clone()).collect();
        let mut all = self.all.lock();
        let is_old = |(_, kept): &(&u64, &Kept)| kept.since.elapsed() >= KEPT_TIME_MAX;
        let old: Vec<u64> =
            all.by_number.iter().filter(is_old).map(|(number, _)| *number).collect();
        old.into_iter().for_each(|number| all.end(number));
        ids.iter().for_each(|id| all.end_with(id));
        if all.bytes().saturating_add(bytes) > KEPT_BYTES_MAX {
            return;
        }
        while all.by_id.len() + ids.len() > KEPT_MAX
            && let Some(oldest) = all.by_number.keys().next().copied()
        {
            all.end(oldest);
        }
        all.count += 1;
        let number = all.count;
        all.by_id.extend(ids.iter().map(|id| (id.clone(), number)));
        let batch = KeptBatch { producer: Some(producer), pieces, stored: BTreeSet::new() };
        let batch = Arc::new(tokio::sync::Mutex::new(batch));
        let kept = Kept { place: place.clone(), batch, ids, bytes, since: Instant::now() };
        all.by_number.insert(number, kept);
    }

    /// What is kept for these deliveries, with those that wait for the same. What is kept of another
    /// target is of no use.
    pub fn of_all<'a>(
        &self,
        place: &Place,
        records: &'a [KafkaRecord],
    ) -> Vec<(SharedBatch, Vec<&'a KafkaRecord>)> {
        let mut all = self.all.lock();
        let mut found: BTreeMap<u64, Vec<&KafkaRecord>> = BTreeMap::new();
        for record in records {
            if let Some(number) = all.by_id.get(&record.id) {
                found.entry(*number).or_default().push(record);
            }
        }
        let mut of_place = Vec::new();
        for (number, records) in found {
            match all.by_number.get_mut(&number).filter(|kept| kept.place == *place) {
                Some(kept) => {
                    kept.since = Instant::now();
                    of_place.push((kept.batch.clone(), records));
                }
                None => all.end(number),
            }
        }
        of_place
    }

    /// Whether this is still kept for a delivery.
    pub fn holds(&self, id: &str, batch: &SharedBatch) -> bool {
        let all = self.all.lock();
        let kept = all.by_id.get(id).and_then(|number| all.by_number.get(number));
        kept.is_some_and(|kept| Arc::ptr_eq(&kept.batch, batch))
    }

    pub fn is_empty(&self) -> bool {
        self.all.lock().by_id.is_empty()
    }

    /// A delivery needs nothing any more, because it is known whether it is stored.
    pub fn forget(&self, id: &str) {
        let mut all = self.all.lock();
        let Some(number) = all.by_id.remove(id) else { return };
        if let Some(kept) = all.by_number.get_mut(&number) {
            kept.ids.remove(id);
            if kept.ids.is_empty() {
                all.by_number.remove(&number);
            }
        }
    }

    /// A delivery has ended. What it was sent with is sent anew, without it.
    pub fn ended(&self, id: &str) {
        self.all.lock().end_with(id);
    }
}

impl KeptBatch {
    /// Sends again what records were sent with. The outcome of each; none if it is known not to be
    /// stored, so that it can be sent like any other.
    pub async fn resolve(
        &mut self,
        run: &KafkaRun<'_>,
        wanted: &[&KafkaRecord],
    ) -> Vec<Option<TryOutcome>> {
        let mut records: Vec<KafkaRecord> = Vec::new();
        let mut places = BTreeMap::new();
        for piece in &self.pieces {
            let mut own = wanted.iter().filter(|record| piece.ids.contains(&record.id));
            let Some(first) = own.next() else { continue };
            let begin = records.len();
            match &piece.records[..] {
                [] => records.push((*first).clone()),
                all => records.extend_from_slice(all),
            }
            places.insert(piece.partition, (begin..records.len()).collect());
        }
        let mut sent = HashMap::new();
        if let Some(producer) = self.producer.as_mut().filter(|_| !records.is_empty()) {
            let again: Vec<i32> = places.keys().copied().collect();
            let mut sending = KafkaSending::again(&records, places);
            producer.send(run, &mut sending).await;
            let ids = records.iter().map(|record| record.id.as_str());
            sent.extend(ids.zip(sending.outcomes()));
            // It may have been sent in parts. Whoever is told that its record is stored waits no more,
            // and a newer one may follow: only what is still in doubt may come again.
            self.pieces.retain(|piece| !again.contains(&piece.partition));
            self.pieces.extend(sending.in_doubt(&producer.in_doubt).iter().map(KeptPiece::of));
            let taken = sent.iter().filter(|(_, outcome)| **outcome == TryOutcome::Taken);
            self.stored.extend(taken.map(|(id, _)| (*id).to_owned()));
        }
        let of = |record: &&KafkaRecord| match sent.remove(record.id.as_str()) {
            Some(outcome) => Some(outcome),
            None => self.stored.contains(&record.id).then_some(TryOutcome::Taken),
        };
        wanted.iter().map(of).collect()
    }

    /// The producer, when nothing is in doubt any more.
    pub fn release(&mut self) -> Option<KafkaProducer> {
        let is_known = self.pieces.is_empty();
        self.producer.take_if(|_| is_known)
    }
}
