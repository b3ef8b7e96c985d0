/// A set of the numbers of resources, as a bitmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberSet(Vec<u64>);

impl NumberSet {
    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        let at = number as usize / 64;
        self.words_of(at, 1)[0] |= 1 << (number % 64);
    }

    /// Removes a number.
    pub fn remove(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Whether it holds a number.
    #[must_use]
    pub fn has(&self, number: u32) -> bool {
        self.word(number as usize / 64) & (1 << (number % 64)) != 0
    }

    /// How many it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Keeps only what another set holds, too.
    pub fn intersect(&mut self, other: &Self) {
        for (at, word) in self.0.iter_mut().enumerate() {
            *word &= other.word(at);
        }
    }

    /// Adds what another set holds.
    pub fn unite(&mut self, other: &Self) {
        for (word, others) in self.words_of(0, other.0.len()).iter_mut().zip(&other.0) {
            *word |= others;
        }
    }

    /// Removes what another set holds.
    pub fn subtract(&mut self, other: &Self) {
        for (at, word) in self.0.iter_mut().enumerate() {
            *word &= !other.word(at);
        }
    }

    /// Its numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(|(at, word)| {
            let bits = std::iter::successors(Some(*word), |left| Some(left & left.wrapping_sub(1)));
            let bits = bits.take_while(|left| *left != 0);
            bits.map(move |left| at as u32 * 64 + left.trailing_zeros())
        })
    }

    pub(super) fn word(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or_default()
    }

    /// These words, which are added if they aren't there.
    pub(super) fn words_of(&mut self, at: usize, count: usize) -> &mut [u64] {
        if self.0.len() < at + count {
            self.0.resize(at + count, 0);
        }
        &mut self.0[at..at + count]
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_sets_hold() {
        let of = |numbers: &[u32]| numbers.iter().copied().collect::<NumberSet>();
        let all = |set: &NumberSet| set.iter().collect::<Vec<_>>();
        let one = of(&[0, 63, 64, 1_000]);
        let other = of(&[63, 64, 5_000]);
        assert_eq!(all(&one), [0, 63, 64, 1_000]);
        let mut both = one.clone();
        both.intersect(&other);
        assert_eq!(all(&both), [63, 64]);
        let mut either = one.clone();
        either.unite(&other);
        assert_eq!(all(&either), [0, 63, 64, 1_000, 5_000]);
        let mut left = one.clone();
        left.subtract(&other);
        assert_eq!((all(&left), left.len()), (vec![0, 1_000], 2));
        left.remove(0);
        left.remove(1_000);
        left.remove(90_000);
        assert!(left.is_empty() && !left.has(90_000));
    }
}
