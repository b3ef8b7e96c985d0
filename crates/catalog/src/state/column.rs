use std::sync::Arc;

use imbl::Vector;

/// The number of entries per block. Adding an entry copies at most the last block.
const BLOCK_ENTRIES: usize = 32;

/// An append-only list in the order of positions: cheap to clone, and without overhead per entry.
#[derive(Clone, Debug)]
pub struct Column<E> {
    /// The full blocks.
    full: Vector<Arc<[E]>>,
    last: Arc<[E]>,
}

impl<E> Default for Column<E> {
    fn default() -> Self {
        Self { full: Vector::new(), last: Arc::default() }
    }
}

impl<E: Clone> Column<E> {
    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: E) {
        if self.last.len() == BLOCK_ENTRIES {
            self.full.push_back(std::mem::replace(&mut self.last, Arc::from([entry])));
        } else {
            self.last = self.last.iter().cloned().chain([entry]).collect();
        }
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<&E> {
        self.last.last()
    }

    /// All entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.full.iter().flat_map(|block| block.iter()).chain(self.last.iter())
    }

    /// Splits the list for a predicate that is true up to some entry and false after it: the last
    /// entry for which it is true, and the first for which it is false.
    pub(crate) fn split(&self, holds: impl Fn(&E) -> bool) -> (Option<&E>, Option<&E>) {
        // The block with the first false entry begins at or before that entry.
        let begins = |index: usize| self.block(index).and_then(|block| block.first());
        let (mut low, mut high) = (0, self.full.len() + 1);
        while low < high {
            let middle = low.midpoint(high);
            if begins(middle).is_some_and(&holds) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let next = self.block(low).and_then(|block| block.first());
        let Some(block) = low.checked_sub(1).and_then(|index| self.block(index)) else {
            return (None, next);
        };
        let count = block.partition_point(holds);
        (count.checked_sub(1).and_then(|index| block.get(index)), block.get(count).or(next))
    }

    fn block(&self, index: usize) -> Option<&Arc<[E]>> {
        if index == self.full.len() { Some(&self.last) } else { self.full.get(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_a_walk_does() {
        let mut column = Column::default();
        for length in 0..200_u32 {
            for at in [0, 1, 7, 31, 32, 33, 63, 64, 65, 100, 199, 200] {
                let before = column.iter().take_while(|entry| **entry < at).last();
                let after = column.iter().find(|entry| **entry >= at);
                assert_eq!(column.split(|entry| *entry < at), (before, after), "{length} {at}");
            }
            assert_eq!(column.iter().count(), length as usize);
            column.push(length);
            assert_eq!(column.last(), Some(&length));
        }
    }
}
