use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{Fault, ProviderFaultKind, link::ANSWER_BYTES_MAX};

/// The most bytes of answers that are held at once, over all providers: eight of the largest, or
/// many thousands of the usual size. Each answer has a limit of its own, but callers and slow
/// servers decide how many are read at once.
const ANSWERS_BYTES_MAX: usize = 8 * ANSWER_BYTES_MAX;

/// The memory that all answers share while they are read.
#[derive(Clone, Debug)]
pub(crate) struct AnswerBudget {
    held: Arc<AtomicUsize>,
    most: usize,
}

impl Default for AnswerBudget {
    fn default() -> Self {
        Self::of(ANSWERS_BYTES_MAX)
    }
}

impl AnswerBudget {
    /// A budget of so many bytes.
    pub(crate) fn of(most: usize) -> Self {
        Self { held: Arc::default(), most }
    }

    /// A part of it, empty.
    pub(crate) fn part(&self) -> HeldBytes {
        HeldBytes { budget: self.clone(), bytes: 0 }
    }

    /// The bytes that are held now.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }
}

/// What one answer holds of the budget. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    budget: AnswerBudget,
    bytes: usize,
}

impl HeldBytes {
    /// Holds so many bytes from now on.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Fault> {
        let AnswerBudget { held, most } = &self.budget;
        if bytes <= self.bytes {
            held.fetch_sub(self.bytes - bytes, Ordering::AcqRel);
            self.bytes = bytes;
            return Ok(());
        }
        let more = bytes - self.bytes;
        let grown = |held: usize| held.checked_add(more).filter(|sum| sum <= most);
        if held.fetch_update(Ordering::AcqRel, Ordering::Acquire, grown).is_err() {
            let what = "too many answers are being read at once; try again";
            return Err(Fault::new(ProviderFaultKind::Busy, what));
        }
        self.bytes = bytes;
        Ok(())
    }

    /// What it holds, for another owner.
    pub(crate) fn taken(&mut self) -> Self {
        let empty = self.budget.part();
        std::mem::replace(self, empty)
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
