use std::time::Duration;

use muster_words::limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX, WAITING_BYTES_MAX};

/// What bounds connections and requests. Tests shorten the times.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections at once. A connection that waits costs about 20 KiB, so all of them about
    /// 200 MiB.
    pub connections_max: usize,
    /// Bytes of a request's line and headers; more get 431.
    pub header_bytes_max: usize,
    /// Bytes of a request's body; more get 413.
    pub body_bytes_max: u64,
    /// Bytes of all bodies together; a body that would pass it gets 503.
    pub bodies_bytes_max: usize,
    /// How long a head may take from its first byte; then 408.
    pub head_time: Duration,
    /// How long a connection may do nothing between requests.
    pub idle_time: Duration,
    /// How long a client may leave an answer unread.
    pub stall_time: Duration,
    /// While a body is waited for, each stretch of this length …
    pub body_window: Duration,
    /// … must bring so many bytes; else 408.
    pub body_window_bytes_min: u64,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// Answers of HTTP/2 that wait for their clients at once. Large ones are counted by their bytes;
    /// a small one holds up to 16 KiB, so all of them 512 MiB. Beyond it, the connections end that
    /// have taken nothing for longest.
    pub waiting_answers_max: usize,
    /// How often connections are looked at; every time above is exact to this.
    pub sweep_interval: Duration,
    /// How long requests in flight get when the server stops.
    pub drain_grace: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            header_bytes_max: HEADER_BYTES_MAX,
            body_bytes_max: BODY_BYTES_MAX as u64,
            bodies_bytes_max: WAITING_BYTES_MAX,
            head_time: Duration::from_secs(10),
            // Longer than the 60 s of common proxies, so that they and not we end a connection:
            // who ends it races with a request that is on its way.
            idle_time: Duration::from_secs(75),
            stall_time: Duration::from_secs(30),
            body_window: Duration::from_secs(10),
            // 1 KiB a second: slower than any real client, and an 8 MiB body at that rate is
            // still refused by nobody.
            body_window_bytes_min: 10 * 1024,
            streams_max: 128,
            waiting_answers_max: 32 * 1024,
            sweep_interval: Duration::from_millis(500),
            drain_grace: Duration::from_secs(25),
        }
    }
}
