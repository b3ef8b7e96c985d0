use std::time::Duration;

use crate::SeededRandom;

/// What happens to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// Nothing; it succeeds.
    Pass,
    /// It succeeds after a delay (with tokio's clock, which a test may pause).
    Delay(Duration),
    /// `Unavailable`; nothing is written.
    Unavailable,
    /// `Full`; nothing is written.
    Full,
    /// `TooLarge`; nothing is written.
    TooLarge,
    /// Another writer's batch is appended first, so the answer is `Moved`. Needs
    /// [`FaultyLedger::with_rival`](super::FaultyLedger::with_rival); without it, the append succeeds.
    Overtaken,
    /// `InDoubt`; it is written according to [`LateLanding`].
    Doubt(LateLanding),
    /// The handle dies: the append is written according to [`LateLanding`], and this and every later
    /// call is answered as if the store were out of reach. The ledger below lives on; a new handle
    /// over it is a restart.
    Crash(LateLanding),
}

/// When an append with a lost answer reaches the ledger. Then it is compared with the head, like
/// any append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateLanding {
    /// Before the answer.
    AtOnce,
    /// When this many later operations on the handle have begun, just before the last one is
    /// carried out. 1 means before the next operation, which may be its own repetition. Waiting
    /// (`moved`) doesn't count.
    After(u32),
    /// When the test calls [`FaultyLedger::land_late`](super::FaultyLedger::land_late).
    WhenTold,
    /// Never; it was lost.
    Never,
}

/// What happens to a read of the head, of entries, of leaves or of contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Nothing; it succeeds.
    Pass,
    /// It succeeds after a delay.
    Delay(Duration),
    /// `Unavailable`.
    Unavailable,
}

/// The weights with which [`AppendFault::from_seed`] draws each fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the share of the fault of its name")]
pub struct FaultWeights {
    pub pass: u32,
    pub delay: u32,
    pub unavailable: u32,
    pub full: u32,
    pub too_large: u32,
    pub overtaken: u32,
    pub doubt: u32,
    pub crash: u32,
}

impl Default for FaultWeights {
    /// Half of all appends meet a fault, but never a crash, which the driver must be prepared for.
    fn default() -> Self {
        Self {
            pass: 50,
            delay: 5,
            unavailable: 8,
            full: 5,
            too_large: 0,
            overtaken: 10,
            doubt: 22,
            crash: 0,
        }
    }
}

impl AppendFault {
    /// An endless schedule from a seed.
    pub fn from_seed(seed: u64, mix: FaultWeights) -> impl Iterator<Item = Self> + Send {
        let mut seed = SeededRandom::new(seed);
        std::iter::repeat_with(move || Self::draw(&mut seed, mix))
    }

    fn draw(seed: &mut SeededRandom, mix: FaultWeights) -> Self {
        let delay = Duration::from_millis(1 + seed.below(20));
        let landing = LateLanding::draw(seed);
        let choices = [
            (mix.delay, Self::Delay(delay)),
            (mix.unavailable, Self::Unavailable),
            (mix.full, Self::Full),
            (mix.too_large, Self::TooLarge),
            (mix.overtaken, Self::Overtaken),
            (mix.doubt, Self::Doubt(landing)),
            (mix.crash, Self::Crash(landing)),
        ];
        let sum = choices.iter().map(|(share, _)| u64::from(*share)).sum::<u64>();
        let mut at = seed.below(sum + u64::from(mix.pass));
        for (share, fault) in choices {
            match at.checked_sub(u64::from(share)) {
                Some(rest) => at = rest,
                None => return fault,
            }
        }
        Self::Pass
    }
}

impl LateLanding {
    /// Late is drawn more often than at once or never, because it finds more bugs.
    fn draw(seed: &mut SeededRandom) -> Self {
        match seed.below(10) {
            0..2 => Self::AtOnce,
            2..4 => Self::Never,
            _ => Self::After(1 + u32::try_from(seed.below(5)).unwrap_or(0)),
        }
    }
}

impl ReadFault {
    /// An endless schedule from a seed: one in `unavailable` reads fails, and one in `delayed` is
    /// late.
    pub fn from_seed(
        seed: u64,
        unavailable: u64,
        delayed: u64,
    ) -> impl Iterator<Item = Self> + Send {
        let mut seed = SeededRandom::new(seed);
        std::iter::repeat_with(move || {
            let delay = Duration::from_millis(1 + seed.below(20));
            match (seed.one_in(unavailable), seed.one_in(delayed)) {
                (true, _) => Self::Unavailable,
                (false, true) => Self::Delay(delay),
                (false, false) => Self::Pass,
            }
        })
    }
}
