use std::{collections::VecDeque, ops::Range};

/// The records of a batch in pieces: first there is one, and where a receiver finds it too large, its
/// two halves. So only what is too large by itself has that as its outcome. Pure.
pub(crate) struct Halves<T> {
    outcomes: Vec<Option<T>>,
    left: VecDeque<Range<usize>>,
    is_too_large: fn(&T) -> bool,
}

impl<T> Halves<T> {
    /// So many records.
    pub fn of(count: usize, is_too_large: fn(&T) -> bool) -> Self {
        let outcomes = std::iter::repeat_with(|| None).take(count).collect();
        let left = std::iter::once(0..count).filter(|all| !all.is_empty()).collect();
        Self { outcomes, left, is_too_large }
    }

    /// What is sent next, in their order.
    pub fn next(&mut self) -> Option<Range<usize>> {
        self.left.pop_front()
    }

    /// What became of a piece.
    pub fn told(&mut self, piece: Range<usize>, outcomes: Vec<T>) {
        if piece.len() > 1 && outcomes.iter().all(self.is_too_large) {
            let middle = piece.start + piece.len() / 2;
            self.left.push_front(middle..piece.end);
            self.left.push_front(piece.start..middle);
            return;
        }
        for (place, outcome) in self.outcomes[piece].iter_mut().zip(outcomes) {
            *place = Some(outcome);
        }
    }

    /// The outcome of each; this one of what wasn't sent.
    pub fn outcomes(self, unsent: impl Fn() -> T) -> Vec<T> {
        self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(&unsent)).collect()
    }
}
