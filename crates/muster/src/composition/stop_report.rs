use muster_words::Position;

use super::assembly::Assembly;
use crate::output::numbers::{counted, separated};

/// What was going on when a server was told to stop, and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StopReport {
    /// Requests that were being answered; a stream of server-sent events is one, too.
    pub requests: u64,
    /// Streams of changes that were open.
    pub streams: u64,
    /// Deliveries that were on their way to targets.
    pub deliveries: u64,
    /// Those of them that had no answer in time, and are made again after the next start.
    pub repeated: u32,
}

impl StopReport {
    /// Notes once what is going on when it is called. It must be called before the stop begins: a
    /// stream ends within microseconds of it.
    pub fn noting(assembly: &Assembly) -> impl Fn() + Send + use<> {
        let (front, doors) = (assembly.front.clone(), assembly.doors().clone());
        let (engine, noted) = (assembly.engine.clone(), assembly.at_stop.clone());
        move || {
            let in_flight = engine.as_ref().map_or(0, |engine| engine.in_flight());
            noted.get_or_init(|| Self {
                requests: front.metrics().requests_in_flight(),
                streams: doors.watchers() as u64,
                deliveries: in_flight as u64,
                repeated: 0,
            });
        }
    }

    /// Writes it to the log.
    pub fn log(self, position: Position) {
        let Self { requests, streams, deliveries, repeated } = self;
        let position = position.0;
        tracing::info!(position, requests, streams, deliveries, repeated, "muster has stopped");
    }

    /// The same for people.
    pub fn sentence(self, position: Position) -> String {
        let count = |number: u64, one, many| {
            counted(usize::try_from(number).unwrap_or(usize::MAX), one, many)
        };
        let mut parts = vec![format!("stopped at position {}", separated(position.0))];
        if self.requests > 0 {
            parts.push(format!("{} ended", count(self.requests, "open request", "open requests")));
        }
        if self.streams > 0 {
            parts.push(format!("{} closed", count(self.streams, "stream", "streams")));
        }
        let done = self.deliveries.saturating_sub(u64::from(self.repeated));
        if done > 0 {
            parts.push(format!("{} finished", count(done, "delivery", "deliveries")));
        }
        if self.repeated > 0 {
            let again = count(u64::from(self.repeated), "delivery", "deliveries");
            parts.push(format!("{again} made again after the next start"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_there_was() {
        let quiet = StopReport::default();
        assert_eq!(quiet.sentence(Position(1_204)), "stopped at position 1,204");
        let busy = StopReport { requests: 2, streams: 1, deliveries: 4, repeated: 3 };
        assert_eq!(
            busy.sentence(Position(7)),
            "stopped at position 7, 2 open requests ended, 1 stream closed, 1 delivery finished, \
             3 deliveries made again after the next start"
        );
    }
}
