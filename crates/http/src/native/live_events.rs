//! `GET /events`: what happens beside the ledger, to routes, targets and live AI providers.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use axum::{
    BoxError, Extension,
    extract::{RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use http::HeaderMap;
use muster_relay::live::LiveSource as _;
use muster_wire::{ErrorKind, Problem, live_events::LiveEvent};
use tokio::{sync::watch, time::timeout};

use super::{
    Native,
    gate::AccessGrant,
    query::{Parameters, bad_position, position},
    stream::{HEARTBEAT, Pieces, Source, beginning, event_stream},
};
use crate::{Body, Caller, IntoProblem, LiveEvents};

/// The most streams of events at once.
const WATCHERS_MAX: usize = 256;

/// How many events are sent at once.
const PAGE: usize = 256;

/// The streams that there are.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// `GET /events`. Without `after` and `Last-Event-ID`, the stream begins with the next event;
/// `after=0` begins with the oldest that is kept.
pub(super) async fn follow(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let parameters = Parameters::parse(query.as_deref(), &["after"], "/events")?;
    let moves = native.events.newest();
    let newest = *moves.borrow();
    let cursor = match beginning(&sent, &parameters) {
        Some(text) => position(text)?.0,
        None => newest,
    };
    if cursor > newest {
        let reason = format!("the newest event has the number {newest}");
        return Err(bad_position(&cursor.to_string(), &reason).into());
    }
    let busy = || Problem::new(ErrorKind::ServerBusy).subject("/events");
    let seat = Seat::take().ok_or_else(busy)?;
    let grant = native.gate.grant(&caller)?;
    let source = format!("{}/api", caller.base);
    let (events, sent) = (native.events.clone(), native.feed.sent().clone());
    let stream =
        EventStream { events, moves, cursor, grant, source, sent, _seat: seat, is_greeted: false };
    Ok(event_stream(Body::endless(Pieces::body(stream), caller.phase)))
}

/// One of the streams that there may be.
struct Seat;

impl Seat {
    fn take() -> Option<Self> {
        let taken = Self;
        (WATCHERS.fetch_add(1, Ordering::AcqRel) < WATCHERS_MAX).then_some(taken)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        WATCHERS.fetch_sub(1, Ordering::AcqRel);
    }
}

struct EventStream {
    events: Arc<LiveEvents>,
    moves: watch::Receiver<u64>,
    /// The last event that was sent.
    cursor: u64,
    grant: AccessGrant,
    source: String,
    /// Counts the events that streams were sent.
    sent: Arc<AtomicU64>,
    _seat: Seat,
    is_greeted: bool,
}

impl EventStream {
    /// The next events, as text.
    fn written(&mut self) -> String {
        let page = self.events.after(self.cursor, PAGE);
        let mut text = String::new();
        if page.missed > 0 {
            text = format!("event: missed\ndata: {{\"count\":{}}}\n\n", page.missed);
        }
        self.sent.fetch_add(page.events.len() as u64, Ordering::Relaxed);
        for event in page.events {
            self.cursor = event.id.parse().unwrap_or(self.cursor);
            let told = LiveEvent { source: self.source.clone(), ..(*event).clone() };
            let data = serde_json::to_string(&told).unwrap_or_default();
            let _ = write!(text, "id: {}\ndata: {data}\n\n", told.id);
        }
        text
    }
}

impl Source for EventStream {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if !std::mem::replace(&mut self.is_greeted, true) {
            let greeting = format!("retry: 1000\nid: {}\n\n", self.cursor);
            return Some(Ok(Bytes::from(greeting)));
        }
        loop {
            if !self.grant.holds() {
                return None;
            }
            // Marked before looking, so that nothing is missed.
            let newest = *self.moves.borrow_and_update();
            if self.cursor < newest {
                let written = self.written();
                if !written.is_empty() {
                    return Some(Ok(Bytes::from(written)));
                }
                // Nothing is kept up to there.
                self.cursor = newest;
            }
            let left = self.grant.left().map_or(HEARTBEAT, |left| HEARTBEAT.min(left));
            tokio::select! {
                biased;
                () = self.grant.ended() => return None,
                moved = timeout(left, self.moves.changed()) => match moved {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) if !self.grant.holds() => return None,
                    Err(_) => {
                        return Some(Ok(Bytes::from(format!(":\nid: {}\n\n", self.cursor))));
                    }
                },
            }
        }
    }
}
