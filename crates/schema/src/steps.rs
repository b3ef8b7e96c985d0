//! The steps that work on a thread may still take, and who may stop it.
//!
//! Neither the validator nor this room has a clock. What costs much counts its steps in advance;
//! when they are used up, or when the caller's sign says stop, the work unwinds (with
//! `resume_unwind`, so no panic message appears) to the one who limited it.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

/// Says whether work is to stop: its client has left, the server stops, or it is late. It is asked
/// about once a millisecond.
pub type StopSign = Arc<dyn Fn() -> bool + Send + Sync>;

/// The work was stopped by its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// The steps are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// So many steps pass between two looks at the sign: about a millisecond.
const SLICE: u64 = 8_192;

thread_local! {
    /// The steps that the work on this thread has left.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Who may stop the work on this thread.
    static SIGN: RefCell<Option<StopSign>> = const { RefCell::new(None) };
}

/// Runs work that counts steps until a sign says stop.
///
/// # Errors
/// The work was stopped. What it has changed meanwhile must not be used.
pub fn stoppable<T>(sign: &StopSign, work: impl FnOnce() -> T) -> Result<T, Stopped> {
    // Short work never asks, and of much short work each piece begins here.
    if sign() {
        return Err(Stopped);
    }
    under(Some(Arc::clone(sign)), work)
}

/// Leaves stoppable work if its sign says so.
pub fn heed_stop() {
    // The sign is asked outside of the borrow, because it is the caller's code.
    let sign = SIGN.with_borrow(Clone::clone);
    if sign.is_some_and(|sign| sign()) {
        resume_unwind(Box::new(Stopped));
    }
}

/// The sign of this thread's work, for a thread that takes over a part of it.
pub(crate) fn sign() -> Option<StopSign> {
    SIGN.with_borrow(Clone::clone)
}

/// Runs work with this sign.
pub(crate) fn under<T>(sign: Option<StopSign>, work: impl FnOnce() -> T) -> Result<T, Stopped> {
    let outer = SIGN.replace(sign);
    let result = catch_unwind(AssertUnwindSafe(work));
    SIGN.set(outer);
    result.map_err(caught::<Stopped>)
}

/// Leaves stoppable work that another thread was stopped in.
pub(crate) fn stop(stopped: Stopped) -> ! {
    resume_unwind(Box::new(stopped))
}

/// Runs `work` with a limited number of steps.
pub(crate) fn metered<T>(steps: u64, work: impl FnOnce() -> T) -> Result<T, Exhausted> {
    LEFT.set(steps);
    let result = catch_unwind(AssertUnwindSafe(work));
    LEFT.set(u64::MAX);
    result.map_err(caught::<Exhausted>)
}

/// Uses up steps; leaves the work if too few are left, or if its sign says so.
pub(crate) fn count(cost: u64) {
    let left = LEFT.get();
    let Some(rest) = left.checked_sub(cost) else { resume_unwind(Box::new(Exhausted)) };
    LEFT.set(rest);
    if left / SLICE != rest / SLICE {
        heed_stop();
    }
}

/// What was thrown, if it is of this kind; anything else goes on.
fn caught<E: 'static>(payload: Box<dyn Any + Send>) -> E {
    match payload.downcast::<E>() {
        Ok(ours) => *ours,
        Err(other) => resume_unwind(other),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_that_is_counted_adds_up() {
        for (steps, expect) in [(10, Ok(())), (9, Err(Exhausted)), (0, Err(Exhausted))] {
            let work = || (0..5).for_each(|_| count(2));
            assert_eq!(metered(steps, work), expect, "{steps}");
        }
        // Work that isn't metered has all steps that there are.
        count(1_000_000);
    }

    #[test]
    fn stops_within_a_slice_of_the_sign() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&asked);
        let sign: StopSign = Arc::new(move || counting.fetch_add(1, Ordering::Relaxed) == 2);
        let done = Cell::new(0);
        let result = stoppable(&sign, || {
            let inner = metered(u64::MAX, || {
                loop {
                    count(1);
                    done.set(done.get() + 1);
                }
            });
            inner.unwrap_or("exhausted")
        });
        assert_eq!(result, Err(Stopped));
        assert!(done.get() <= 3 * SLICE, "{}", done.get());
        // The sign is gone with the work.
        heed_stop();
        count(2 * SLICE);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn ends_when_the_steps_are_used_up() {
        assert_eq!(metered(10, || count(10)), Ok(()));
        assert_eq!(metered(10, || count(11)), Err(Exhausted));
    }
}
