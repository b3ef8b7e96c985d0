use std::{num::NonZero, thread::available_parallelism, time::Duration};

use muster_words::Position;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// While writes come, indexing uses at most one part in this many of the machine's processors: a
/// write must not wait for words that nobody searches yet.
const PARTS: u32 = 32;

/// No write for so long means that nobody waits for one. A commit of a slow disk takes some dozen
/// milliseconds.
const IDLE: Duration = Duration::from_millis(200);

/// The longest rest, so that words are found while writes never end.
const REST_MAX: Duration = Duration::from_secs(1);

/// Lets work rest between its pieces while writes come.
#[derive(Debug)]
pub(crate) struct Pace {
    positions: watch::Receiver<Position>,
    /// How much longer than the work the rest is.
    factor: u32,
    rested: Instant,
}

impl Pace {
    /// The pace beside the writes that move a position.
    pub(crate) fn new(positions: watch::Receiver<Position>) -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get);
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        let factor = (PARTS / processors).saturating_sub(1);
        Self { positions, factor, rested: Instant::now() }
    }

    /// Notes that a piece of work took so long.
    pub(crate) fn worked(&mut self, time: Duration) {
        self.rested = Instant::now() + time.saturating_mul(self.factor).min(REST_MAX);
    }

    /// Waits until the work has rested enough, or until no write comes.
    pub(crate) async fn rest(&mut self) {
        self.positions.mark_unchanged();
        while Instant::now() < self.rested {
            let idle = self.rested.min(Instant::now() + IDLE);
            match timeout_at(idle, self.positions.changed()).await {
                Ok(Ok(())) => {}
                // No write came, or the registry is closed.
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rests_while_writes_come_and_only_then() {
        let (position, positions) = watch::channel(Position::ZERO);
        let mut pace = Pace { positions, factor: 10, rested: Instant::now() };
        pace.worked(Duration::from_secs(10));
        let begun = Instant::now();
        // Nobody writes.
        pace.rest().await;
        assert!(begun.elapsed() < REST_MAX, "{:?}", begun.elapsed());
        pace.worked(Duration::from_millis(20));
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        let writes = async {
            loop {
                ticks.tick().await;
                position.send_modify(|position| position.0 += 1);
            }
        };
        let begun = Instant::now();
        tokio::select! {
            () = pace.rest() => {}
            () = writes => {}
        }
        assert!(begun.elapsed() >= Duration::from_millis(199), "{:?}", begun.elapsed());
    }
}
