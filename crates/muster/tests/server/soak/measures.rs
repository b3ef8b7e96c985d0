//! What is measured: memory, and how long small reads take.

use std::time::Duration;

/// Bytes that each further state may take.
const STATE_BYTES: u64 = 400;

/// Percent by which memory may be more than it was after the warm-up.
const GROWTH: u64 = 10;

/// A soak that is shorter than this ends before the database's caches of pages are full (32 MiB
/// for the writer, 4 MiB for each reader). They may grow by so many bytes in it.
const SHORT: Duration = Duration::from_secs(600);
const CACHES: u64 = 48 * 1024 * 1024;

/// What 99 of 100 small reads take at most, in a release build.
const READ: Duration = Duration::from_millis(20);

/// A look at the server's memory, and how many states there were.
#[derive(Clone, Copy, Debug)]
struct Look {
    bytes: u64,
    states: u64,
}

#[derive(Debug, Default)]
pub struct Measures {
    /// How long each small read took.
    pub waits: Vec<Duration>,
    /// The looks at each server.
    lives: Vec<Vec<Look>>,
    life: Vec<Look>,
}

impl Measures {
    pub fn note_memory(&mut self, bytes: u64, states: u64) {
        self.life.push(Look { bytes, states });
    }

    pub fn end_life(&mut self) {
        self.lives.push(std::mem::take(&mut self.life));
    }

    /// Says what was found; an error, if memory grew or small reads took too long.
    pub fn judge(&mut self, time: Duration) -> Result<(), String> {
        let (first, others) = self.lives.split_first().unwrap();
        let half = first.len() / 2;
        let rest = others.concat();
        let windows = [
            ("after the warm-up", &first[half / 2..half]),
            ("at the end of the first server", &first[half..]),
            ("after restarts", &rest[..rest.len() / 2]),
            ("at the end", &rest[rest.len() / 2..]),
        ];
        let windows = windows.map(|(when, looks)| (when, median(looks)));
        let base = windows[0].1;
        let caches = if time < SHORT { CACHES } else { 0 };
        let mut grown = None;
        for (when, look) in windows {
            let (held, states) = (mebibytes(look.bytes), look.states);
            println!("memory {when}: {held} with {states} states");
            let allowed = STATE_BYTES * (states - base.states);
            if look.bytes.saturating_sub(allowed) > base.bytes * (100 + GROWTH) / 100 + caches {
                let (less, base) = (mebibytes(allowed), mebibytes(base.bytes));
                grown.get_or_insert(format!(
                    "memory grows: {held} {when}, less {less} for further states, where it was \
                     {base} after the warm-up"
                ));
            }
        }
        self.waits.sort_unstable();
        let p99 = self.waits[self.waits.len() * 99 / 100];
        let median = self.waits[self.waits.len() / 2];
        println!("{} small reads: median {median:?}, p99 {p99:?}", self.waits.len());
        if let Some(grown) = grown {
            return Err(grown);
        }
        // A debug build says nothing about speed.
        if !cfg!(debug_assertions) && p99 > READ {
            return Err(format!(
                "small reads are slow: a p99 of {p99:?}, where it may be {READ:?}"
            ));
        }
        Ok(())
    }
}

/// The middle one by memory, with the middle count of states.
fn median(looks: &[Look]) -> Look {
    let middle = |mut numbers: Vec<u64>| {
        numbers.sort_unstable();
        numbers[numbers.len() / 2]
    };
    Look {
        bytes: middle(looks.iter().map(|look| look.bytes).collect()),
        states: middle(looks.iter().map(|look| look.states).collect()),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

#[test]
fn memory_that_grows_is_noticed() {
    let judge = |leak: u64| {
        let mut measures = Measures { waits: vec![Duration::ZERO; 100], ..Measures::default() };
        for life in 0..3 {
            for look in 0..100 {
                let states = (life * 100 + look) * 1_000;
                measures.note_memory(50_000_000 + states * STATE_BYTES + look * leak, states);
            }
            measures.end_life();
        }
        measures.judge(SHORT).is_ok()
    };
    assert!(judge(0));
    assert!(judge(50_000));
    assert!(!judge(200_000));
}
