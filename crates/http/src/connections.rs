//! What the server knows of each connection. There is no timer per connection or request: one
//! sweep looks at all of them, and what is noted on the way of a request is a few relaxed stores.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Poll, Waker},
    time::Instant,
};

use tokio::sync::Notify;

use crate::ServerLimits;

/// What a connection is told to do. It stays told; a stronger order replaces a weaker one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ConnectionOrder {
    /// Nothing.
    None = 0,
    /// Finish what is in flight, then end.
    Drain = 1,
    /// Tell the client that its head came too slowly, then end.
    RefuseSlowHead = 2,
    /// End now.
    Close = 3,
}

/// A write of HTTP/2 of so many bytes brings some of an answer. A shorter one may be but an
/// acknowledgement, and those alone keep no connection.
const ANSWER_BYTES_MIN: usize = 256;

/// How many times the stall time one answer may wait while others of its connection move.
const PASSED_OVER_STALLS: u32 = 8;

/// One connection, as seen by its socket, its requests and the sweep.
pub(crate) struct ConnectionWatch {
    clock: Arc<AtomicU64>,
    in_flight: AtomicU32,
    head_begun: AtomicBool,
    since: AtomicU64,
    /// When a write first had to wait, plus 1; 0 while none does.
    stalled: AtomicU64,
    order: AtomicU8,
    lingers: AtomicBool,
    closing: AtomicBool,
    asked_back: AtomicBool,
    http2: AtomicBool,
    /// HTTP/2's answers that the client could take more of, by their numbers, and since when. In
    /// HTTP/1 the socket itself tells. There `since` is also when any answer last moved.
    offered: Mutex<HashMap<u64, u64>>,
    next_answer: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl ConnectionWatch {
    fn new(clock: Arc<AtomicU64>) -> Self {
        let since = AtomicU64::new(clock.load(Relaxed));
        Self {
            clock,
            in_flight: AtomicU32::new(0),
            head_begun: AtomicBool::new(false),
            since,
            stalled: AtomicU64::new(0),
            order: AtomicU8::new(ConnectionOrder::None as u8),
            lingers: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            asked_back: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            offered: Mutex::default(),
            next_answer: AtomicU64::new(0),
            waker: Mutex::new(None),
        }
    }

    /// The connection speaks HTTP/2. There bytes come between requests as well (what was read is
    /// acknowledged, a ping is answered), and the library bounds what a head may be.
    pub(crate) fn speak_http2(&self) {
        self.http2.store(true, Relaxed);
        self.end_head();
    }

    /// Numbers an answer whose client has to make room for it: in HTTP/2.
    pub(crate) fn number_answer(&self) -> Option<u64> {
        self.http2.load(Relaxed).then(|| self.next_answer.fetch_add(1, Relaxed))
    }

    /// An answer has more for its client.
    pub(crate) fn offer(&self, answer: u64) {
        let now = self.clock.load(Relaxed);
        self.since.store(now, Relaxed);
        locked(&self.offered).insert(answer, now);
    }

    /// The client made room for more of an answer, or the answer is over.
    pub(crate) fn took(&self, answer: u64) {
        locked(&self.offered).remove(&answer);
    }

    /// Bytes came in.
    pub(crate) fn received(&self) {
        if self.http2.load(Relaxed) {
            return;
        }
        if self.in_flight.load(Relaxed) == 0 && !self.head_begun.load(Relaxed) {
            self.since.store(self.clock.load(Relaxed), Relaxed);
            self.head_begun.store(true, Relaxed);
        }
    }

    /// What must come whole within a head's time has come: a greeting of TLS.
    pub(crate) fn end_head(&self) {
        self.since.store(self.clock.load(Relaxed), Relaxed);
        self.head_begun.store(false, Relaxed);
        self.forgive_slow_head();
    }

    /// A request's head is complete.
    pub(crate) fn begin_request(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.head_begun.store(false, Relaxed);
        self.forgive_slow_head();
    }

    /// A request's answer has been handed over whole, or will never be.
    pub(crate) fn end_request(&self) {
        if self.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.since.store(self.clock.load(Relaxed), Relaxed);
        }
    }

    pub(crate) fn is_between_requests(&self) -> bool {
        self.in_flight.load(Relaxed) == 0
    }

    /// What was read isn't for the HTTP library, which is to give the connection back.
    pub(crate) fn ask_back(&self) {
        self.asked_back.store(true, Relaxed);
    }

    /// Whether the library was to give the connection back. It is asked once.
    pub(crate) fn is_asked_back(&self) -> bool {
        self.asked_back.swap(false, Relaxed)
    }

    pub(crate) fn write_waits(&self) {
        if self.stalled.load(Relaxed) == 0 {
            self.stalled.store(self.clock.load(Relaxed) + 1, Relaxed);
        }
    }

    /// So many bytes went out. The library writes on after an answer was handed over whole: who
    /// still takes of it isn't idle.
    pub(crate) fn write_moves(&self, length: usize) {
        let waited = self.stalled.load(Relaxed) != 0;
        if waited {
            self.stalled.store(0, Relaxed);
        }
        if waited || length >= ANSWER_BYTES_MIN && self.http2.load(Relaxed) {
            self.since.store(self.clock.load(Relaxed), Relaxed);
        }
    }

    /// At its end the connection still reads what is on the way: closing with unread bytes would
    /// reset it, and the client might never see the answer (RFC 9112, 9.6).
    pub(crate) fn linger_at_end(&self) {
        self.lingers.store(true, Relaxed);
    }

    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
    }

    pub(crate) fn begin_closing(&self) {
        self.forgive_slow_head();
        if !self.closing.swap(true, Relaxed) {
            self.since.store(self.clock.load(Relaxed), Relaxed);
        }
    }

    /// Wakes the task that calls it when there is an order.
    pub(crate) async fn wake_this_task(&self) {
        poll_fn(|context| {
            *locked(&self.waker) = Some(context.waker().clone());
            Poll::Ready(())
        })
        .await;
    }

    /// What the connection is told.
    pub(crate) fn order(&self) -> ConnectionOrder {
        match self.order.load(Relaxed) {
            0 => ConnectionOrder::None,
            1 => ConnectionOrder::Drain,
            2 => ConnectionOrder::RefuseSlowHead,
            _ => ConnectionOrder::Close,
        }
    }

    /// # Errors
    /// There is an order.
    pub(crate) fn is_unordered(&self) -> Result<(), ConnectionOrder> {
        match self.order() {
            ConnectionOrder::None => Ok(()),
            order => Err(order),
        }
    }

    /// Waits for something, in the task that is woken when there is an order.
    ///
    /// # Errors
    /// There is an order first.
    pub(crate) async fn unless_ordered<F: Future>(
        &self,
        awaited: F,
    ) -> Result<F::Output, ConnectionOrder> {
        let mut awaited = pin!(awaited);
        poll_fn(|context| match awaited.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => match self.is_unordered() {
                Ok(()) => Poll::Pending,
                Err(order) => Poll::Ready(Err(order)),
            },
        })
        .await
    }

    /// Waits for something that looks itself whether the server drains. None: the connection is to
    /// end at once.
    pub(crate) async fn unless_closed<F: Future>(&self, awaited: F) -> Option<F::Output> {
        let mut awaited = pin!(awaited);
        poll_fn(|context| match awaited.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.order() == ConnectionOrder::Close => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// A head is whole, or refused: that it was slow calls for nothing more.
    fn forgive_slow_head(&self) {
        let (slow, none) = (ConnectionOrder::RefuseSlowHead as u8, ConnectionOrder::None as u8);
        if self.order.load(Relaxed) == slow {
            // Where it is told anything else meanwhile, that holds.
            let _ = self.order.compare_exchange(slow, none, Relaxed, Relaxed);
        }
    }

    fn give(&self, order: ConnectionOrder) {
        self.order.fetch_max(order as u8, Relaxed);
        if let Some(waker) = &*locked(&self.waker) {
            waker.wake_by_ref();
        }
    }

    /// What the time that has passed calls for.
    fn due(&self, now: u64, limits: &ServerLimits) -> ConnectionOrder {
        let passed = |since: u64, time: std::time::Duration| {
            u128::from(now.saturating_sub(since)) >= time.as_millis()
        };
        let since = self.since.load(Relaxed);
        let stalled = self.stalled.load(Relaxed);
        if stalled != 0 && passed(stalled - 1, limits.stall_time) {
            return ConnectionOrder::Close;
        }
        if self.closing.load(Relaxed) {
            // Lingering is a courtesy; it gets no longer than a head does.
            return if passed(since, limits.head_time) {
                ConnectionOrder::Close
            } else {
                ConnectionOrder::None
            };
        }
        if self.leaves_answers(|begun, times| passed(begun, limits.stall_time * times)) {
            return ConnectionOrder::Close;
        }
        if !self.is_between_requests() || stalled != 0 {
            return ConnectionOrder::None;
        }
        if self.http2.load(Relaxed) {
            // Told that it ends, a client sends nothing more that would be lost.
            return match passed(since, limits.idle_time) {
                true if passed(since, limits.idle_time + limits.head_time) => {
                    ConnectionOrder::Close
                }
                true => ConnectionOrder::Drain,
                false => ConnectionOrder::None,
            };
        }
        match self.head_begun.load(Relaxed) {
            true if passed(since, limits.head_time) => ConnectionOrder::RefuseSlowHead,
            false if passed(since, limits.idle_time) => ConnectionOrder::Close,
            _ => ConnectionOrder::None,
        }
    }

    /// Whether the client takes nothing of all that is there for it. With many answers at once
    /// each has its turn seldom, so what counts is that none moves; but one that is passed over
    /// for long isn't held only because others move.
    fn leaves_answers(&self, has_waited: impl Fn(u64, u32) -> bool) -> bool {
        let offered = locked(&self.offered);
        let none_moves = !offered.is_empty() && has_waited(self.since.load(Relaxed), 1);
        none_moves || offered.values().any(|begun| has_waited(*begun, PASSED_OVER_STALLS))
    }

    /// The answers that wait for the client, and since when the oldest does; none if none waits.
    fn oldest_offer(&self) -> Option<OldestOffer> {
        let offered = locked(&self.offered);
        let since = offered.values().copied().min()?;
        Some(OldestOffer { since, count: offered.len() })
    }

    /// Whether no request is in flight, none is begun, and the last answer is out.
    pub(crate) fn is_idle(&self) -> bool {
        let waits = self.stalled.load(Relaxed) != 0;
        self.is_between_requests() && !self.head_begun.load(Relaxed) && !waits
    }
}

/// Answers of a connection that wait for their client.
#[derive(Clone, Copy)]
struct OldestOffer {
    /// The beginning of the longest wait, in milliseconds of the connections' clock.
    since: u64,
    count: usize,
}

/// All connections there are.
pub(crate) struct Connections {
    limits: Arc<ServerLimits>,
    began: Instant,
    /// Milliseconds since the server began, as of the last sweep: reading it costs no system call.
    clock: Arc<AtomicU64>,
    open: Mutex<Open>,
    emptied: Notify,
}

struct Open {
    next: u64,
    watches: HashMap<u64, Arc<ConnectionWatch>>,
    draining: bool,
}

/// A connection's place among all; left when dropped.
pub(crate) struct ConnectionSlot {
    connections: Arc<Connections>,
    number: u64,
    watch: Arc<ConnectionWatch>,
}

impl ConnectionSlot {
    pub(crate) fn watch(&self) -> &Arc<ConnectionWatch> {
        &self.watch
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.watches.remove(&self.number);
        if open.watches.is_empty() {
            self.connections.emptied.notify_waiters();
        }
    }
}

impl Connections {
    pub(crate) fn new(limits: Arc<ServerLimits>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            began: Instant::now(),
            clock: Arc::default(),
            open: Mutex::new(Open { next: 0, watches: HashMap::new(), draining: false }),
            emptied: Notify::new(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        locked(&self.open)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.open().watches.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count() >= self.limits.connections_max
    }

    pub(crate) fn enter(self: &Arc<Self>) -> ConnectionSlot {
        let watch = Arc::new(ConnectionWatch::new(Arc::clone(&self.clock)));
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.watches.insert(number, Arc::clone(&watch));
        if open.draining {
            watch.give(ConnectionOrder::Drain);
        }
        drop(open);
        ConnectionSlot { connections: Arc::clone(self), number, watch }
    }

    /// Looks at every connection and orders what is due.
    pub(crate) fn sweep(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.clock.store(now, Relaxed);
        let open = self.open();
        let mut waiting = Vec::new();
        for watch in open.watches.values() {
            let order = watch.due(now, &self.limits);
            if order != ConnectionOrder::None {
                watch.give(order);
            }
            if let Some(oldest) = watch.oldest_offer().filter(|_| order < ConnectionOrder::Close) {
                waiting.push((oldest, watch));
            }
        }
        self.end_slowest(waiting);
    }

    /// Ends the connections whose answers have waited longest, where too many wait.
    fn end_slowest(&self, mut waiting: Vec<(OldestOffer, &Arc<ConnectionWatch>)>) {
        let mut count: usize = waiting.iter().map(|(oldest, _)| oldest.count).sum();
        if count <= self.limits.waiting_answers_max {
            return;
        }
        tracing::warn!(answers = count, "too many answers wait for their clients; the slowest end");
        // Who lets many wait goes before who is only slow.
        waiting.sort_unstable_by_key(|(oldest, _)| (std::cmp::Reverse(oldest.count), oldest.since));
        for (oldest, watch) in waiting {
            if count <= self.limits.waiting_answers_max {
                return;
            }
            watch.give(ConnectionOrder::Close);
            count -= oldest.count;
        }
    }

    /// Ends the sixty-fourth part of the connections, those that have idled longest, so that an
    /// attacker who fills the server with silence keeps nobody out. Answers whether any was idle.
    pub(crate) fn evict_idle(&self) -> bool {
        let open = self.open();
        let mut idle: Vec<_> = open
            .watches
            .iter()
            .filter(|(_, watch)| watch.is_idle() && watch.order() == ConnectionOrder::None)
            .collect();
        // The clock moves with the sweeps; within one, the older connection comes first.
        idle.sort_unstable_by_key(|(number, watch)| (watch.since.load(Relaxed), **number));
        let share = open.watches.len() / 64 + 1;
        for (_, watch) in idle.iter().take(share) {
            watch.give(ConnectionOrder::Close);
        }
        !idle.is_empty()
    }

    pub(crate) fn order_all(&self, order: ConnectionOrder) {
        let mut open = self.open();
        open.draining = true;
        for watch in open.watches.values() {
            watch.give(order);
        }
    }

    /// Waits until there is none.
    pub(crate) async fn emptied(&self) {
        loop {
            let notified = self.emptied.notified();
            tokio::pin!(notified);
            // Registered before looking, so that the last one can't leave in between.
            notified.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// The guarded value. A panic while a lock was held has left these values whole: each is changed
/// by one statement.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
