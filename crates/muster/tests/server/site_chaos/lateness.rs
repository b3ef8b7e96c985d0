use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How late a thread wakes that only sleeps: how much of the time this machine gave to others. An
/// answer isn't late because of that.
#[derive(Default)]
pub struct Lateness {
    stalls: Mutex<Vec<(Instant, Duration)>>,
    is_over: AtomicBool,
}

/// Between two looks at the clock.
const STEP: Duration = Duration::from_millis(20);

/// What an answer may take beyond its time for what isn't counted, such as reading a file.
const ALLOWED: Duration = Duration::from_millis(500);

impl Lateness {
    /// Looks at the clock until it is ended.
    pub fn start() -> Arc<Self> {
        let lateness = Arc::new(Self::default());
        let own = lateness.clone();
        thread::spawn(move || {
            while !own.is_over.load(Ordering::SeqCst) {
                let began = Instant::now();
                thread::sleep(STEP); // sleeps: how late this ends is what is measured.
                let late = began.elapsed().saturating_sub(STEP);
                if late > Duration::from_millis(5) {
                    own.stalls.lock().unwrap().push((Instant::now(), late));
                }
            }
        });
        lateness
    }

    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// How much longer something may have taken since then: half a second, and twice what the
    /// clock was late, because a reader wakes several times for one answer.
    pub fn allowed_since(&self, began: Instant) -> Duration {
        let stalls = self.stalls.lock().unwrap();
        let since = stalls.iter().rev().take_while(|(at, _)| *at >= began);
        ALLOWED + since.map(|(_, late)| *late).sum::<Duration>() * 2
    }
}
