//! Clients that write as fast as they are answered, or at a steady rate, each on one connection of
//! HTTP/1.1 that it keeps. One thread drives them all and parses no more of an answer than its status and length,
//! because it shares the machine with what it measures.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep_until,
};

use crate::{Outcome, talk};

/// Writes the request of a number.
pub(crate) type Write = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// When clients stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StopCondition {
    Time(Duration),
    /// So many requests by all of them.
    Count(u64),
    /// So many requests, each at its time, whether those before it were answered or not.
    Schedule {
        count: u64,
        per_second: u32,
    },
}

/// What is asked of whom.
pub(crate) struct Load {
    pub address: SocketAddr,
    pub clients: usize,
    pub write: Write,
    /// The next request's number; no number is sent twice.
    pub next: Arc<AtomicU64>,
}

/// A request that was answered well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredRequest {
    pub number: u64,
    /// When it was sent, or when it was due.
    pub sent: Instant,
    pub at: Instant,
}

/// What came of it.
pub(crate) struct LoadResult {
    pub answered: Vec<AnsweredRequest>,
    pub time: Duration,
}

impl LoadResult {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
        let count = self.answered.len() as f64;
        count / self.time.as_secs_f64()
    }

    /// Milliseconds that 99 of 100 requests took at most.
    pub(crate) fn p99(&self) -> f64 {
        let waits = self.answered.iter().map(|answered| answered.at - answered.sent);
        percentile(waits.collect(), 99)
    }
}

/// Milliseconds that so many of 100 waits took at most.
pub(crate) fn percentile(mut waits: Vec<Duration>, percent: usize) -> f64 {
    waits.sort_unstable();
    let place = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    let wait = waits.get(place).copied().unwrap_or_default();
    wait.as_secs_f64() * 1_000.0
}

impl Load {
    /// Runs all clients to their end.
    pub(crate) fn run(&self, until: StopCondition) -> Outcome<LoadResult> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.drive(until))
    }

    async fn drive(&self, until: StopCondition) -> Outcome<LoadResult> {
        let mut streams = Vec::with_capacity(self.clients);
        for _ in 0..self.clients {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let plan = Plan::new(until, self.next.load(Ordering::Relaxed));
        let clients: Vec<_> = streams
            .into_iter()
            .map(|stream| {
                let client = Client { stream, buffer: Vec::with_capacity(16 * 1024) };
                tokio::spawn(client.run(self.write.clone(), self.next.clone(), plan))
            })
            .collect();
        let mut answered = Vec::new();
        for client in clients {
            answered.extend(client.await??);
        }
        let time = plan.started.elapsed();
        if answered.is_empty() {
            return Err("no request was answered".into());
        }
        Ok(LoadResult { answered, time })
    }
}

/// When clients send, and when they stop.
#[derive(Clone, Copy)]
struct Plan {
    started: Instant,
    /// The number of the first request.
    first: u64,
    end: Option<Instant>,
    /// The number after the last one.
    count: Option<u64>,
    /// The time between two requests of a schedule.
    interval: Option<Duration>,
}

impl Plan {
    fn new(until: StopCondition, first: u64) -> Self {
        let started = Instant::now();
        let plan = Self { started, first, end: None, count: None, interval: None };
        match until {
            StopCondition::Time(time) => Self { end: Some(started + time), ..plan },
            StopCondition::Count(count) => Self { count: Some(first + count), ..plan },
            StopCondition::Schedule { count, per_second } => {
                let interval = Some(Duration::from_secs(1) / per_second);
                Self { count: Some(first + count), interval, ..plan }
            }
        }
    }

    /// When a request is due; none if it is due at once.
    fn due(&self, number: u64) -> Option<Instant> {
        let nanoseconds = u64::try_from(self.interval?.as_nanos()).unwrap_or(u64::MAX);
        Some(self.started + Duration::from_nanos(nanoseconds * (number - self.first)))
    }
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn run(
        mut self,
        write: Write,
        next: Arc<AtomicU64>,
        plan: Plan,
    ) -> Outcome<Vec<AnsweredRequest>> {
        let mut answered = Vec::new();
        while plan.end.is_none_or(|end| Instant::now() < end) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if plan.count.is_some_and(|count| number >= count) {
                // It was never sent: the next run begins with it.
                next.fetch_sub(1, Ordering::Relaxed);
                break;
            }
            let request = write(number);
            let due = plan.due(number);
            if let Some(due) = due {
                sleep_until(due.into()).await;
            }
            let sent = due.unwrap_or_else(Instant::now);
            self.stream.write_all(&request).await?;
            self.answer(number).await?;
            answered.push(AnsweredRequest { number, sent, at: Instant::now() });
        }
        Ok(answered)
    }

    /// Waits for an answer; another status than 2xx ends the measurement.
    async fn answer(&mut self, number: u64) -> Outcome {
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(format!("the connection ended at request {number}").into());
            }
            let Some(frame) = talk::frame(&self.buffer)? else { continue };
            if self.buffer.len() < frame.head + frame.length {
                continue;
            }
            if !matches!(frame.status, 200..300) {
                let said = String::from_utf8_lossy(&self.buffer);
                return Err(format!("request {number} was answered {said}").into());
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_percentiles() {
        let waits: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        for (percent, expect) in [(0, 1.0), (50, 101.0), (99, 199.0), (100, 200.0)] {
            let found = percentile(waits.clone(), percent);
            assert!((found - expect).abs() < 1e-9, "{percent}: {found}");
        }
    }
}
