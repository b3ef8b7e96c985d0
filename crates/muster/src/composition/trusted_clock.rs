use std::{
    fmt, fs, io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use muster_http::health::{Readiness, WarningSource};
use muster_registry::Clock;
use muster_words::Moment;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::clock;

/// How far this computer's clock may be set at once, in microseconds. Whoever sets it further may be
/// wrong, and what is written under a later time keeps it for ever: no later moment may be earlier.
const JUMP_MAX: i64 = 60 * 60 * 1_000_000;

/// How often the clock is looked at while nobody writes.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// This computer's clock, as long as it goes on as the monotonic one does. If it jumps by more than
/// an hour, the time goes on by the monotonic clock until an operator decides.
pub(super) struct TrustedClock {
    sources: TimeSources,
    /// What is added to the monotonic time.
    offset: AtomicI64,
    /// How long the computer had slept when the clock was believed last: the monotonic clock stands
    /// still meanwhile.
    slept: AtomicI64,
    /// How far the clock is ahead of the time that is used; 0: it is believed.
    jump: AtomicI64,
}

/// Where times come from, all in microseconds.
struct TimeSources {
    /// This computer's clock.
    wall: Box<dyn Fn() -> i64 + Send + Sync>,
    /// The time since the start, without that in which the computer slept.
    monotonic: Box<dyn Fn() -> i64 + Send + Sync>,
    /// How long the computer has slept since the start, as far as it tells.
    slept: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl TrustedClock {
    /// Begins with what this computer's clock says: whoever starts a server believes it.
    pub fn start() -> Arc<Self> {
        let started = Instant::now();
        let monotonic = move || microseconds(started.elapsed());
        let up_at_start = uptime();
        let slept = move || match (up_at_start, uptime()) {
            (Some(before), Some(now)) => (now - before - monotonic()).max(0),
            _ => 0,
        };
        Self::over(TimeSources {
            wall: Box::new(|| clock::now().microseconds()),
            monotonic: Box::new(monotonic),
            slept: Box::new(slept),
        })
    }

    fn over(sources: TimeSources) -> Arc<Self> {
        let offset = (sources.wall)() - (sources.monotonic)();
        let slept = (sources.slept)();
        let (offset, slept) = (AtomicI64::new(offset), AtomicI64::new(slept));
        Arc::new(Self { sources, offset, slept, jump: AtomicI64::new(0) })
    }

    /// The clock of a registry.
    pub fn clock(self: &Arc<Self>) -> Clock {
        let trusted = Arc::clone(self);
        Clock { now: Arc::new(move || trusted.now()), ..clock::clock() }
    }

    /// The time.
    fn now(&self) -> Moment {
        let (wall, monotonic) = ((self.sources.wall)(), (self.sources.monotonic)());
        let offset = self.offset.load(Ordering::Relaxed);
        let jump = wall - monotonic - offset;
        let time = if jump.abs() <= JUMP_MAX || self.has_slept(jump) {
            self.believe(wall - monotonic);
            wall
        } else {
            self.jump.store(jump, Ordering::Relaxed);
            monotonic + offset
        };
        Moment::from_microseconds(time).unwrap_or(Moment::EPOCH)
    }

    fn believe(&self, offset: i64) {
        self.offset.store(offset, Ordering::Relaxed);
        self.jump.store(0, Ordering::Relaxed);
    }

    /// Whether the computer has slept for as long as its clock has jumped. This is asked rarely,
    /// because it reads a file.
    fn has_slept(&self, jump: i64) -> bool {
        let slept = (self.sources.slept)();
        let has_slept = (jump - (slept - self.slept.load(Ordering::Relaxed))).abs() <= JUMP_MAX;
        if has_slept {
            self.slept.store(slept, Ordering::Relaxed);
        }
        has_slept
    }

    /// How far this computer's clock is ahead of the time that is used, in seconds; none if it is
    /// believed.
    pub fn jump_s(&self) -> Option<i64> {
        let jump = self.jump.load(Ordering::Relaxed);
        (jump != 0).then_some(jump / 1_000_000)
    }

    /// Believes this computer's clock from now on.
    fn accept(&self) {
        self.slept.store((self.sources.slept)(), Ordering::Relaxed);
        self.believe((self.sources.wall)() - (self.sources.monotonic)());
    }

    /// Looks at the clock for as long as the process lives, and says when it jumps. An operator who
    /// sends SIGHUP believes it.
    pub fn follow(self: Arc<Self>, readiness: Arc<Readiness>) -> io::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::spawn(async move {
            let mut said = None;
            loop {
                let is_told = tokio::select! {
                    told = hang_up.recv() => told.is_some(),
                    _ = looks.tick() => false,
                };
                if is_told {
                    self.accept();
                }
                self.say(&mut said, &readiness);
            }
        });
        Ok(())
    }

    /// Says in the log and to operators whether the clock is believed, if that has changed.
    fn say(&self, said: &mut Option<i64>, readiness: &Readiness) {
        let now = self.now();
        let jump = self.jump_s();
        if jump.is_some() == said.is_some() {
            return;
        }
        *said = jump;
        match jump {
            Some(seconds) => {
                tracing::warn!(%now, seconds, help = HELP, "this computer's clock has jumped");
                let warning = format!("this computer's clock has jumped by {seconds} s: {HELP}");
                readiness.warn(WarningSource::Clock, Some(warning));
            }
            None => {
                tracing::info!(%now, "this computer's clock is believed again");
                readiness.warn(WarningSource::Clock, None);
            }
        }
    }
}

const HELP: &str = "the time goes on without it; set the clock right, or send SIGHUP to believe it";

impl fmt::Debug for TrustedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedClock").field("jump_s", &self.jump_s()).finish_non_exhaustive()
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// How long this computer has been running, with the time in which it slept. Only Linux says it in a
/// file (proc_uptime(5)).
fn uptime() -> Option<i64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(microseconds(Duration::try_from_secs_f64(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = JUMP_MAX;

    /// Clocks that a test sets: of this computer, the monotonic one, and the time slept.
    struct Clocks {
        set: Arc<[AtomicI64; 3]>,
        trusted: Arc<TrustedClock>,
    }

    impl Clocks {
        fn new() -> Self {
            let set = Arc::new([100 * HOUR, 7, 0].map(AtomicI64::new));
            let source = |index: usize| {
                let set = Arc::clone(&set);
                Box::new(move || set[index].load(Ordering::Relaxed)) as Box<_>
            };
            let (wall, monotonic, slept) = (source(0), source(1), source(2));
            let trusted = TrustedClock::over(TimeSources { wall, monotonic, slept });
            Self { set, trusted }
        }

        /// Time goes by, as each clock sees it.
        fn go(&self, by: [i64; 3]) {
            for (clock, by) in self.set.iter().zip(by) {
                clock.fetch_add(by, Ordering::Relaxed);
            }
        }

        fn now(&self) -> i64 {
            self.trusted.now().microseconds() - 100 * HOUR
        }
    }

    #[test]
    fn goes_on_by_the_monotonic_clock_after_a_jump() {
        let years = 13 * 365 * 24 * HOUR;
        for (by, time, jump) in [
            ([5, 5, 0], 5, None),
            // A clock that is set by less than an hour is set right.
            ([HOUR, 0, 0], HOUR, None),
            ([5 - HOUR, 5, 0], 5 - HOUR, None),
            ([HOUR + 1, 0, 0], 0, Some(HOUR / 1_000_000)),
            ([years, 5, 0], 5, Some((years - 5) / 1_000_000)),
            ([-2 * HOUR, 5, 0], 5, Some((-2 * HOUR - 5) / 1_000_000)),
            // Whoever wakes up finds that the clock went on.
            ([8 * HOUR, 5, 8 * HOUR], 8 * HOUR, None),
            ([years, 5, 8 * HOUR], 5, Some((years - 5) / 1_000_000)),
        ] {
            let clocks = Clocks::new();
            clocks.go(by);
            assert_eq!((clocks.now(), clocks.trusted.jump_s()), (time, jump), "{by:?}");
        }
    }

    #[test]
    fn believes_a_clock_that_is_set_right_or_that_an_operator_believes() {
        let clocks = Clocks::new();
        clocks.go([50 * HOUR, 0, 0]);
        assert_eq!(clocks.now(), 0);
        clocks.go([-50 * HOUR + 9, 9, 0]);
        assert_eq!((clocks.now(), clocks.trusted.jump_s()), (9, None));
        clocks.go([50 * HOUR, 0, 0]);
        assert_eq!(clocks.now(), 9);
        clocks.trusted.accept();
        assert_eq!((clocks.now(), clocks.trusted.jump_s()), (50 * HOUR + 9, None));
        clocks.go([3, 3, 0]);
        assert_eq!(clocks.now(), 50 * HOUR + 12);
    }

    #[test]
    fn drifts_are_followed() {
        let clocks = Clocks::new();
        for day in 1..=400 {
            clocks.go([24 * HOUR + HOUR / 100, 24 * HOUR, 0]);
            assert_eq!(clocks.now(), day * (24 * HOUR + HOUR / 100));
        }
    }

    #[test]
    fn says_once_that_the_clock_has_jumped() {
        let (clocks, readiness) = (Clocks::new(), Readiness::new());
        let mut said = None;
        for (by, warns) in [(0, false), (30 * HOUR, true), (HOUR, true), (-31 * HOUR, false)] {
            clocks.go([by, 0, 0]);
            clocks.trusted.say(&mut said, &readiness);
            let warning = readiness.warning().unwrap_or_default();
            assert_eq!(warning.contains("clock has jumped by 108000 s"), warns, "{warning}");
        }
    }
}
