use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::record::KafkaRecord;
use crate::decision::{TryFailure, TryOutcome};

/// Why records aren't known to be stored.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub failure: TryFailure,
    /// Whether asking again may help at once.
    pub passes: bool,
}

impl Fault {
    pub const fn passing(failure: TryFailure) -> Self {
        Self { failure, passes: true }
    }
}

impl From<TryFailure> for Fault {
    fn from(failure: TryFailure) -> Self {
        let passes = matches!(failure, TryFailure::Broken | TryFailure::Unreachable);
        Self { failure, passes }
    }
}

/// The records of one try, and what is known of each. Those of a partition are sent in pieces, one
/// after the other: usually there is one, and where a broker doesn't take it as a whole, its halves.
pub(super) struct KafkaSending<'a> {
    records: &'a [KafkaRecord],
    outcomes: Vec<Option<Result<(), TryFailure>>>,
    /// The places of the records, by their partition.
    pieces: BTreeMap<i32, VecDeque<Vec<usize>>>,
    is_arranged: bool,
    /// Whether something must be asked again.
    pub is_delayed: bool,
    /// Why, the last time.
    last: TryFailure,
}

impl<'a> KafkaSending<'a> {
    pub fn new(records: &'a [KafkaRecord]) -> Self {
        Self {
            records,
            outcomes: vec![None; records.len()],
            pieces: BTreeMap::new(),
            is_arranged: false,
            is_delayed: false,
            last: TryFailure::Timeout,
        }
    }

    /// Records that were sent before, in the pieces in which they were.
    pub fn again(records: &'a [KafkaRecord], pieces: BTreeMap<i32, Vec<usize>>) -> Self {
        let pieces = pieces.into_iter().map(|(partition, piece)| (partition, [piece].into()));
        Self { pieces: pieces.collect(), is_arranged: true, ..Self::new(records) }
    }

    pub fn is_finished(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    /// Puts the records into their partitions, the first time. There are never fewer partitions later
    /// on, and what is in doubt mustn't be put together in another way.
    pub fn arrange(&mut self, count: usize) {
        if std::mem::replace(&mut self.is_arranged, true) {
            return;
        }
        for (index, record) in self.records.iter().enumerate() {
            let partition = i32::try_from(record.partition(count)).unwrap_or_default();
            let pieces = self.pieces.entry(partition).or_insert_with(|| [Vec::new()].into());
            pieces.iter_mut().for_each(|piece| piece.push(index));
        }
    }

    /// The partitions to which something is left to be sent.
    pub fn partitions(&self) -> Vec<i32> {
        let is_open =
            |piece: &Vec<usize>| piece.iter().any(|index| self.outcomes[*index].is_none());
        let open = self.pieces.iter().filter(|(_, pieces)| pieces.front().is_some_and(is_open));
        open.map(|(partition, _)| *partition).collect()
    }

    /// What is sent next to a partition.
    pub fn piece(&self, partition: i32) -> Vec<&'a KafkaRecord> {
        let piece = self.pieces.get(&partition).and_then(VecDeque::front);
        piece.into_iter().flatten().map(|index| &self.records[*index]).collect()
    }

    /// A piece is stored.
    pub fn stored(&mut self, partition: i32) {
        self.end(partition, &Ok(()));
    }

    /// A piece is sent as its two halves, if it has more than one record.
    pub fn split(&mut self, partition: i32) -> bool {
        let Some(pieces) = self.pieces.get_mut(&partition) else { return false };
        let Some(first) = pieces.front_mut().filter(|piece| piece.len() > 1) else { return false };
        let second = first.split_off(first.len() / 2);
        pieces.insert(1, second);
        true
    }

    /// The records of a piece are sent one after the other, if it has more than one.
    pub fn scatter(&mut self, partition: i32) -> bool {
        let Some(pieces) = self.pieces.get_mut(&partition) else { return false };
        let Some(first) = pieces.pop_front_if(|piece| piece.len() > 1) else { return false };
        first.into_iter().rev().for_each(|index| pieces.push_front(vec![index]));
        true
    }

    /// A piece isn't known to be stored. While it may be, none behind it is sent: it would have the
    /// same numbers.
    pub fn failed(&mut self, partition: i32, fault: Fault, is_in_doubt: bool) {
        match fault {
            Fault { failure, passes: true } => {
                self.is_delayed = true;
                self.last = failure;
            }
            Fault { failure, passes: false } if is_in_doubt => {
                let pieces = self.pieces.get(&partition);
                for index in pieces.into_iter().flatten().flatten() {
                    self.outcomes[*index] = Some(Err(failure.clone()));
                }
            }
            Fault { failure, passes: false } => self.end(partition, &Err(failure)),
        }
    }

    /// Nothing that is left can be sent.
    pub fn failed_all(&mut self, fault: Fault) {
        self.last = fault.failure;
        self.is_delayed = fault.passes;
        if !fault.passes {
            self.give_up();
        }
    }

    /// Whatever is left has failed.
    pub fn give_up(&mut self) {
        for outcome in &mut self.outcomes {
            outcome.get_or_insert_with(|| Err(self.last.clone()));
        }
    }

    fn end(&mut self, partition: i32, outcome: &Result<(), TryFailure>) {
        let pieces = self.pieces.get_mut(&partition);
        for index in pieces.and_then(VecDeque::pop_front).unwrap_or_default() {
            self.outcomes[index] = Some(outcome.clone());
        }
    }

    /// The pieces that may be stored although nobody said so.
    pub fn in_doubt(&self, partitions: &BTreeSet<i32>) -> Vec<(i32, Vec<&'a KafkaRecord>)> {
        let pieces = partitions.iter().map(|partition| (*partition, self.piece(*partition)));
        pieces.filter(|(_, piece)| !piece.is_empty()).collect()
    }

    /// The outcome of each record. What was cut off took too long.
    pub fn outcomes(&self) -> Vec<TryOutcome> {
        let of = |outcome: &Option<Result<(), TryFailure>>| match outcome {
            Some(Ok(())) => TryOutcome::Taken,
            Some(Err(failure)) => TryOutcome::Failed(failure.clone()),
            None => TryOutcome::Failed(TryFailure::Timeout),
        };
        self.outcomes.iter().map(of).collect()
    }
}
