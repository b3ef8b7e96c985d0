use std::sync::Arc;

use super::NumberSet;

/// The numbers that one chunk covers: the upper 16 bits of a number name its chunk.
const CHUNK_BITS: u32 = 16;

/// Up to this many numbers a list is smaller than a bitmap of a whole chunk.
const SPARSE_MAX: usize = 4_096;

/// The words of a chunk's bitmap.
const CHUNK_WORDS: usize = (1 << CHUNK_BITS) / 64;

/// The most changes that are kept beside the chunks: few enough to be copied with each change, and
/// so many that the chunks are seldom copied.
const RECENT_MAX: usize = 32;

/// The resources for which a term was ever true. It also knows for which of them it is true now, so
/// that only views of the past must check each one.
///
/// It is a persistent value: a clone copies a pointer. A change copies the newest changes, and only
/// each [`RECENT_MAX`]th change copies chunks, of at most 8 KiB.
#[derive(Clone, Debug)]
pub(super) enum Postings {
    /// One resource. Many terms, such as prices, have no more, and this needs no allocation.
    One {
        /// Its number.
        number: u32,
        /// Whether the term is true now.
        is_now: bool,
    },
    /// More.
    Many(Arc<ManyPostings>),
}

/// The resources of a term, in chunks, and what changed since.
#[derive(Clone, Debug, Default)]
pub(super) struct ManyPostings {
    chunks: Arc<Vec<(u16, Arc<Chunk>)>>,
    /// The newest changes, by number; they replace what the chunks say.
    recent: Vec<(u32, bool)>,
}

/// The resources of one chunk.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    /// For which the term was ever true.
    ever: Bits,
    /// Of these, for which it isn't true now.
    gone: Bits,
}

/// A set of 16-bit numbers.
#[derive(Clone, Debug)]
enum Bits {
    Sparse(Vec<u16>),
    Dense(Box<[u64; CHUNK_WORDS]>),
}

impl Default for Bits {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

const fn parts(number: u32) -> (u16, u16) {
    ((number >> CHUNK_BITS) as u16, (number & 0xffff) as u16)
}

impl Postings {
    /// The postings of a new term that is true now for one resource.
    pub(super) const fn one(number: u32) -> Self {
        Self::One { number, is_now: true }
    }

    /// Sets whether the term is true now for a resource.
    pub(super) fn set(&mut self, number: u32, is_now: bool) {
        match self {
            Self::One { number: only, is_now: now } if *only == number => *now = is_now,
            Self::One { number: other, is_now: others } => {
                let mut recent = vec![(*other, *others), (number, is_now)];
                recent.sort_unstable();
                *self = Self::Many(Arc::new(ManyPostings { recent, ..ManyPostings::default() }));
            }
            Self::Many(many) => {
                if many.is_now(number) != Some(is_now) {
                    Arc::make_mut(many).set(number, is_now);
                }
            }
        }
    }

    /// Adds its resources to a set: those for which the term is true now, or ever was.
    pub(super) fn add_to(&self, set: &mut NumberSet, is_past: bool) {
        match self {
            Self::One { number, is_now } => {
                if *is_now || is_past {
                    set.insert(*number);
                }
            }
            Self::Many(many) => many.add_to(set, is_past),
        }
    }

    /// The number of resources of a set for which the term is true now.
    pub(super) fn count_in(&self, set: &NumberSet) -> u64 {
        match self {
            Self::One { number, is_now } => u64::from(*is_now && set.has(*number)),
            Self::Many(many) => many.count_in(set),
        }
    }

    /// Passes on each resource of a set for which the term is true now.
    pub(super) fn each_in(&self, set: &NumberSet, mut found: impl FnMut(u32)) {
        match self {
            Self::One { number, is_now } => {
                if *is_now && set.has(*number) {
                    found(*number);
                }
            }
            Self::Many(many) => many.each_in(set, found),
        }
    }
}

impl ManyPostings {
    /// Whether the term is true now for a resource; none if it never was.
    fn is_now(&self, number: u32) -> Option<bool> {
        match self.recent_place(number) {
            Ok(place) => self.recent.get(place).map(|(_, is_now)| *is_now),
            Err(_) => self.was_now(number),
        }
    }

    /// The same before the newest changes.
    fn was_now(&self, number: u32) -> Option<bool> {
        let (key, low) = parts(number);
        let place = self.chunks.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let (_, chunk) = self.chunks.get(place)?;
        chunk.ever.has(low).then(|| !chunk.gone.has(low))
    }

    fn recent_place(&self, number: u32) -> Result<usize, usize> {
        self.recent.binary_search_by_key(&number, |(number, _)| *number)
    }

    fn set(&mut self, number: u32, is_now: bool) {
        match self.recent_place(number) {
            Ok(place) => self.recent[place].1 = is_now,
            Err(place) => self.recent.insert(place, (number, is_now)),
        }
        if self.recent.len() > RECENT_MAX {
            let chunks = Arc::make_mut(&mut self.chunks);
            for (number, is_now) in self.recent.drain(..) {
                set_in(chunks, number, is_now);
            }
        }
    }

    fn add_to(&self, set: &mut NumberSet, is_past: bool) {
        // What isn't true any more, and isn't in the set for another reason.
        let ended = self.recent.iter().filter(|(_, is_now)| !is_now && !is_past);
        let ended = ended.map(|(number, _)| *number).filter(|number| !set.has(*number));
        let ended: Vec<u32> = ended.collect();
        for (key, chunk) in self.chunks.iter() {
            let words = set.words_of(usize::from(*key) * CHUNK_WORDS, CHUNK_WORDS);
            chunk.add_to(words, is_past);
        }
        ended.into_iter().for_each(|number| set.remove(number));
        let begun = self.recent.iter().filter(|(_, is_now)| *is_now || is_past);
        begun.for_each(|(number, _)| set.insert(*number));
    }

    fn count_in(&self, set: &NumberSet) -> u64 {
        let chunks = self.chunks.iter();
        let before: u64 =
            chunks.map(|(key, chunk)| chunk.count_in(set, usize::from(*key) * CHUNK_WORDS)).sum();
        self.recent.iter().filter(|(number, _)| set.has(*number)).fold(before, |count, change| {
            match (self.was_now(change.0).unwrap_or(false), change.1) {
                (false, true) => count + 1,
                (true, false) => count - 1,
                _ => count,
            }
        })
    }

    fn each_in(&self, set: &NumberSet, mut found: impl FnMut(u32)) {
        for (key, chunk) in self.chunks.iter() {
            let first = u32::from(*key) << CHUNK_BITS;
            chunk.ever.each(|low| {
                let number = first | u32::from(low);
                if set.has(number) && !chunk.gone.has(low) && self.recent_place(number).is_err() {
                    found(number);
                }
            });
        }
        for (number, is_now) in &self.recent {
            if *is_now && set.has(*number) {
                found(*number);
            }
        }
    }
}

fn set_in(chunks: &mut Vec<(u16, Arc<Chunk>)>, number: u32, is_now: bool) {
    let (key, low) = parts(number);
    let place = match chunks.binary_search_by_key(&key, |(key, _)| *key) {
        Ok(place) => place,
        Err(place) => {
            chunks.insert(place, (key, Arc::default()));
            place
        }
    };
    let Some((_, chunk)) = chunks.get_mut(place) else { return };
    let is_there = chunk.ever.has(low);
    if is_there && chunk.gone.has(low) != is_now {
        return;
    }
    let chunk = Arc::make_mut(chunk);
    if !is_there {
        chunk.ever.insert(low);
    }
    if is_now {
        chunk.gone.remove(low);
    } else {
        chunk.gone.insert(low);
    }
}

impl Chunk {
    fn add_to(&self, words: &mut [u64], is_past: bool) {
        if is_past || self.gone.is_empty() {
            return self.ever.each_word(|at, word| words[at] |= word);
        }
        self.ever.each_word(|at, word| words[at] |= word & !self.gone.word(at));
    }

    fn count_in(&self, set: &NumberSet, first: usize) -> u64 {
        let mut count = 0;
        self.ever.each_word(|at, word| {
            let mut found = word & set.word(first + at);
            if found != 0 && !self.gone.is_empty() {
                found &= !self.gone.word(at);
            }
            count += u64::from(found.count_ones());
        });
        count
    }
}

impl Bits {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Sparse(list) if list.is_empty())
    }

    fn has(&self, low: u16) -> bool {
        match self {
            Self::Sparse(list) => list.binary_search(&low).is_ok(),
            Self::Dense(words) => words[usize::from(low / 64)] & (1 << (low % 64)) != 0,
        }
    }

    fn insert(&mut self, low: u16) {
        match self {
            Self::Sparse(list) => {
                let Err(place) = list.binary_search(&low) else { return };
                list.insert(place, low);
                if list.len() > SPARSE_MAX {
                    let mut words = Box::new([0; CHUNK_WORDS]);
                    for low in list {
                        words[usize::from(*low / 64)] |= 1 << (*low % 64);
                    }
                    *self = Self::Dense(words);
                }
            }
            Self::Dense(words) => words[usize::from(low / 64)] |= 1 << (low % 64),
        }
    }

    fn remove(&mut self, low: u16) {
        match self {
            Self::Sparse(list) => {
                if let Ok(place) = list.binary_search(&low) {
                    list.remove(place);
                }
            }
            Self::Dense(words) => words[usize::from(low / 64)] &= !(1 << (low % 64)),
        }
    }

    fn word(&self, at: usize) -> u64 {
        match self {
            Self::Dense(words) => words.get(at).copied().unwrap_or_default(),
            Self::Sparse(list) => {
                let from = list.partition_point(|low| usize::from(*low / 64) < at);
                let inside = list[from..].iter().take_while(|low| usize::from(**low / 64) == at);
                inside.fold(0, |word, low| word | 1 << (low % 64))
            }
        }
    }

    /// Passes on each word that isn't zero, or a part of one.
    fn each_word(&self, mut found: impl FnMut(usize, u64)) {
        match self {
            Self::Sparse(list) => {
                list.iter().for_each(|low| found(usize::from(low / 64), 1 << (low % 64)));
            }
            Self::Dense(words) => {
                let words = words.iter().enumerate().filter(|(_, word)| **word != 0);
                words.for_each(|(at, word)| found(at, *word));
            }
        }
    }

    fn each(&self, mut found: impl FnMut(u16)) {
        match self {
            Self::Sparse(list) => list.iter().for_each(|low| found(*low)),
            Self::Dense(words) => {
                for (at, word) in words.iter().enumerate() {
                    let mut left = *word;
                    while left != 0 {
                        let bit = left.trailing_zeros() as usize;
                        left &= left - 1;
                        found((at * 64 + bit) as u16);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn agrees_with_a_map_when_it_grows_and_when_what_was_true_ends() {
        let mut postings = Postings::one(7);
        let mut expect: BTreeMap<u32, bool> = [(7, true)].into();
        let mut seed = 1_u64;
        for step in 0..40_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Dense in one chunk, sparse in another.
            let number = if step % 8 == 0 {
                200_000 + (seed >> 40) as u32 % 500
            } else {
                (seed >> 40) as u32 % 20_000
            };
            let is_now = seed >> 33 & 3 != 0;
            let shared = postings.clone();
            postings.set(number, is_now);
            drop(shared);
            expect.insert(number, is_now);
        }
        for is_past in [false, true] {
            let mut set = NumberSet::default();
            postings.add_to(&mut set, is_past);
            let wanted =
                expect.iter().filter(|(_, now)| **now || is_past).map(|(number, _)| *number);
            assert_eq!(set.iter().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
            let now = expect.values().filter(|now| **now).count();
            assert_eq!(postings.count_in(&set), now as u64);
            let mut each = 0;
            postings.each_in(&set, |_| each += 1);
            assert_eq!(each, now);
        }
    }

    #[test]
    fn leaves_an_earlier_copy_as_it_was() {
        let mut postings = Postings::one(1);
        postings.set(2, true);
        let before = postings.clone();
        postings.set(1, false);
        postings.set(3, true);
        let of = |postings: &Postings| {
            let mut set = NumberSet::default();
            postings.add_to(&mut set, false);
            set.iter().collect::<Vec<_>>()
        };
        assert_eq!((of(&before), of(&postings)), (vec![1, 2], vec![2, 3]));
    }
}
