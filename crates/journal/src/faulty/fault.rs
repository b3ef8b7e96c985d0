use std::time::Duration;

use crate::SeededRandom;

/// What happens to one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFault {
    /// Nothing: it goes through.
    Pass,
    /// It goes through after a while (tokio's clock, which a test may pause).
    Delay(Duration),
    /// `Unavailable`, and nothing of it is there.
    Unavailable,
    /// `Full`, and nothing of it is there.
    Full,
    /// `TooLarge`, and nothing of it is there.
    TooLarge,
    /// Another writer's batch lands first, so that it answers `Moved`. Needs
    /// [`FaultyLedger::with_rival`](super::Faulty::with_rival); without, it goes through.
    Overtaken,
    /// `InDoubt`, and it lands as [`LateLanding`] says.
    Doubt(LateLanding),
    /// The handle dies in the middle: the append lands as [`LateLanding`] says, and this and every
    /// later call is answered as by a store that is out of reach. What is below lives on: a new
    /// handle over it is the restart.
    Crash(LateLanding),
}

/// When an append whose answer was lost reaches the ledger. It is compared with the head that it
/// finds there, as an append is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateLanding {
    /// Before the answer.
    AtOnce,
    /// After that many later operations on the handle have begun, just before the last of them is
    /// carried out: 1 is before whatever comes next, which may be its own repeat. Waiting
    /// (`moved`) is no operation.
    After(u32),
    /// When the test says so: [`FaultyLedger::land_late`](super::Faulty::land_late).
    WhenTold,
    /// It was lost on the way.
    Never,
}

/// What happens to one read: of the head, entries, leaves or contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Nothing.
    Pass,
    /// It is answered after a while.
    Delay(Duration),
    /// `Unavailable`.
    Unavailable,
}

/// How often each fault is drawn by [`AppendFault::from_seed`], as shares of their sum.
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
    /// Half of all appends meet something, and none a crash, which the driver must expect.
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
    /// An endless schedule that follows from a seed alone.
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
    /// Late more often than at once or never, because late is what goes wrong.
    fn draw(seed: &mut SeededRandom) -> Self {
        match seed.below(10) {
            0..2 => Self::AtOnce,
            2..4 => Self::Never,
            _ => Self::After(1 + u32::try_from(seed.below(5)).unwrap_or(0)),
        }
    }
}

impl ReadFault {
    /// An endless schedule that follows from a seed alone: one read in `unavailable` fails, one
    /// in `delayed` is late.
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
