//! Progress of long work, on standard error: one redrawn line on a terminal, elsewhere a line every
//! few seconds.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{Screen, numbers::separated};

/// The time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The time between two redraws on a terminal.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// The progress of one task.
pub struct ProgressLine {
    what: String,
    total: usize,
    done: usize,
    began: Instant,
    shown_at: Instant,
    on_terminal: bool,
    silent: bool,
    drawn: bool,
}

impl ProgressLine {
    /// Starts counting, as in `applying 12 of 29`. Prints nothing if errors are read by programs.
    #[must_use]
    pub fn new(screen: &Screen, what: &str, total: usize) -> Self {
        let now = Instant::now();
        Self {
            what: what.to_owned(),
            total,
            done: 0,
            began: now,
            shown_at: now,
            on_terminal: screen.error_is_terminal,
            silent: !screen.is_table(),
            drawn: false,
        }
    }

    /// Sets the number of finished steps.
    pub fn advance(&mut self, done: usize) {
        self.done = done;
        let every = if self.on_terminal { DRAWN_EVERY } else { PLAIN_EVERY };
        if self.silent || self.shown_at.elapsed() < every {
            return;
        }
        self.shown_at = Instant::now();
        let text = state(&self.what, self.done, self.total, self.began.elapsed());
        let mut error = io::stderr().lock();
        // If nobody reads the output, that isn't a failure.
        let _ = if self.on_terminal {
            self.drawn = true;
            write!(error, "\r\x1b[K{text}").and_then(|()| error.flush())
        } else {
            writeln!(error, "{text}")
        };
    }

    /// Sets the number of finished steps and their total.
    pub fn advance_of(&mut self, done: usize, total: usize) {
        self.total = total;
        self.advance(done);
    }

    /// Removes the line, before other output.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let mut error = io::stderr().lock();
            let _ = write!(error, "\r\x1b[K").and_then(|()| error.flush());
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The task, how many of how many, the rate, and the time left.
fn state(what: &str, done: usize, total: usize, elapsed: Duration) -> String {
    let count = separated(done as u64);
    let milliseconds = elapsed.as_millis().max(1);
    let rate = done as u128 * 1_000 / milliseconds;
    let rate = separated(u64::try_from(rate).unwrap_or(u64::MAX));
    if total == 0 || done == 0 {
        return format!("{what} {count}, {rate} a second");
    }
    let left = (total.saturating_sub(done)) as u128 * milliseconds / done as u128 / 1_000;
    format!("{what} {count} of {}, {rate} a second, {left} s left", separated(total as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_many_how_fast_and_how_long() {
        for (done, total, seconds, expect) in [
            (1_500, 3_000, 10, "applying 1,500 of 3,000, 150 a second, 10 s left"),
            (7, 0, 2, "applying 7, 3 a second"),
            (0, 9, 1, "applying 0, 0 a second"),
        ] {
            let text = state("applying", done, total, Duration::from_secs(seconds));
            assert_eq!(text, expect);
        }
    }
}
