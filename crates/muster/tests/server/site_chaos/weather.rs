use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_journal::SeededRandom;

/// What befalls the way to a site: how often, and what has so far.
pub struct Weather {
    /// The folder of the site.
    pub site: PathBuf,
    seed: u64,
    /// Of a hundred requests, how many meet a fault.
    percent: AtomicU64,
    is_out: AtomicBool,
    is_over: AtomicBool,
    drawn: AtomicU64,
    met: Mutex<BTreeMap<&'static str, u64>>,
}

/// What befalls one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Reset,
    Slow,
    Drip,
    Cut,
    TooShort,
    TooLong,
    OtherType,
    Garbage,
    NotHttp,
    HugeHead,
    Flipped,
    OtherFile,
    Stale,
    Forged,
    Broken,
    Busy,
    Gone,
    Unmodified,
    Redirect,
}

/// Every fault of a request, with its name in the report.
pub const FAULTS: [(Fault, &str); 19] = [
    (Fault::Reset, "reset"),
    (Fault::Slow, "slow"),
    (Fault::Drip, "drip"),
    (Fault::Cut, "truncated"),
    (Fault::TooShort, "length too short"),
    (Fault::TooLong, "length too long"),
    (Fault::OtherType, "another media type"),
    (Fault::Garbage, "garbage"),
    (Fault::NotHttp, "no HTTP"),
    (Fault::HugeHead, "huge headers"),
    (Fault::Flipped, "one wrong bit"),
    (Fault::OtherFile, "another file"),
    (Fault::Stale, "an older file"),
    (Fault::Forged, "forged"),
    (Fault::Broken, "500"),
    (Fault::Busy, "503 with Retry-After"),
    (Fault::Gone, "404"),
    (Fault::Unmodified, "304 unasked"),
    (Fault::Redirect, "302"),
];

/// What befalls a greeting of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadGreeting {
    Stranger,
    ClearText,
    Hangup,
}

pub const BAD_GREETINGS: [(BadGreeting, &str); 3] = [
    (BadGreeting::Stranger, "TLS: a stranger's certificate"),
    (BadGreeting::ClearText, "TLS: clear text"),
    (BadGreeting::Hangup, "TLS: no greeting"),
];

/// The name of an outage in the report.
const OUTAGE: &str = "refused";

impl Weather {
    pub fn new(site: PathBuf, seed: u64) -> Self {
        Self {
            site,
            seed,
            percent: AtomicU64::new(0),
            is_out: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            drawn: AtomicU64::new(0),
            met: Mutex::default(),
        }
    }

    /// Random numbers of a connection's own.
    pub fn dice(&self) -> SeededRandom {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut dice = SeededRandom::new(self.seed ^ number.wrapping_mul(0x9e37_79b9));
        dice.draw();
        dice
    }

    /// Whether nothing listens.
    pub fn is_out(&self) -> bool {
        self.is_out.load(Ordering::SeqCst)
    }

    /// Whether the test ends.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// No more faults, or only so many.
    pub fn set(&self, percent: u64, is_out: bool) {
        self.percent.store(percent, Ordering::SeqCst);
        self.is_out.store(is_out, Ordering::SeqCst);
        if is_out {
            self.note(OUTAGE);
        }
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// The fault of the next request, if there is one.
    pub fn fault(&self, dice: &mut SeededRandom) -> Option<Fault> {
        self.strike(dice, &FAULTS)
    }

    /// The fault of the next greeting, if there is one.
    pub fn greeting(&self, dice: &mut SeededRandom) -> Option<BadGreeting> {
        self.strike(dice, &BAD_GREETINGS)
    }

    fn strike<T: Copy>(&self, dice: &mut SeededRandom, all: &[(T, &'static str)]) -> Option<T> {
        if dice.below(100) >= self.percent.load(Ordering::SeqCst) {
            return None;
        }
        let number = usize::try_from(dice.below(all.len() as u64)).unwrap();
        let (fault, name) = all[number];
        self.note(name);
        Some(fault)
    }

    fn note(&self, name: &'static str) {
        *self.met.lock().unwrap().entry(name).or_default() += 1;
    }

    /// How often each fault was met, by its name.
    pub fn report(&self) -> BTreeMap<&'static str, u64> {
        self.met.lock().unwrap().clone()
    }

    /// Waits, but not beyond the end of the test.
    pub fn wait(&self, time: Duration) {
        let end = std::time::Instant::now() + time;
        while std::time::Instant::now() < end && !self.is_over() {
            // sleeps: slowness is one of the faults, and weather lasts.
            std::thread::sleep(Duration::from_millis(10).min(time));
        }
    }

    /// Changes the weather until the time is over, or nobody reads any more.
    pub fn change_for(&self, time: Duration, are_readers_done: &AtomicBool) {
        let mut dice = SeededRandom::new(self.seed);
        let end = std::time::Instant::now() + time;
        while std::time::Instant::now() < end && !are_readers_done.load(Ordering::SeqCst) {
            let (percent, is_out, milliseconds) = match dice.below(10) {
                0 => (0, false, 300 + dice.below(1_000)),
                1 => (100, true, 50 + dice.below(500)),
                2 => (95, false, 300 + dice.below(1_500)),
                3..=5 => (10, false, 500 + dice.below(2_000)),
                _ => (40, false, 500 + dice.below(3_000)),
            };
            self.set(percent, is_out);
            self.wait(Duration::from_millis(milliseconds));
        }
        self.set(0, false);
    }
}
