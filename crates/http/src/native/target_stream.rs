//! `GET /propagation/streams/<target>`: what routes send to a target that receivers read here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    BoxError, Extension,
    extract::{RawQuery, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, Uri};
use muster_guard::authorize;
use muster_relay::{
    changes::ChangeId,
    stream::{StreamError, StreamedEvent, TargetStream},
};
use muster_wire::{ErrorKind, Problem};
use muster_words::{Permission, Position};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    Native,
    gate::AccessGrant,
    propagation::engine,
    query::{Parameters, bad_position},
    stream::{HEARTBEAT, Pieces, Place, Source, beginning, event_stream},
};
use crate::{Body, Caller, IntoProblem, xregistry::problem_of_fetch};

/// The most streams of targets at once. Each reads the ledger by itself.
pub(super) const STREAMS_MAX: usize = 256;

const PLACE: &str = "/propagation/streams";

/// Follows what routes send to a target.
pub(super) async fn follow(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    RawQuery(query): RawQuery,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let target = uri.path().strip_prefix(PLACE).unwrap_or_default();
    let target = super::validate::xid(target, "propagation/streams")?;
    let parameters = Parameters::parse(query.as_deref(), &["after"], PLACE)?;
    let after = beginning(&sent, &parameters).map(Place::parse).transpose()?.map(cursor);
    let busy = || Problem::new(ErrorKind::ServerBusy).subject(PLACE);
    let seats: Arc<Semaphore> = native.target_streams.clone();
    let seat = seats.try_acquire_owned().map_err(|_| busy())?;
    let grant = native.gate.grant(&caller)?;
    let subject = target.to_string();
    let stream = engine(&native)?.stream(&target, after).await;
    let stream = stream.map_err(|error| refused(error, after, &subject))?;
    let sent = native.feed.sent().clone();
    let stream = Streaming { stream, grant, sent, is_greeted: false, _seat: seat };
    Ok(event_stream(Body::endless(Pieces::body(stream), caller.phase)))
}

/// The change that a stream begins after.
const fn cursor(place: Place) -> ChangeId {
    match place {
        Place::Position(position) => ChangeId { position, index: u32::MAX },
        Place::Event(id) => ChangeId { position: id.position, index: id.k },
    }
}

fn refused(error: StreamError, after: Option<ChangeId>, target: &str) -> Problem {
    match error {
        StreamError::Absent => Problem::new(ErrorKind::NotFound).subject(target),
        StreamError::Ahead(_) => {
            let asked = after.map(|after| after.position).unwrap_or_default();
            bad_position(&asked.to_string(), &error.to_string())
        }
        StreamError::Fetch(error) => problem_of_fetch(error, PLACE),
    }
}

struct Streaming {
    stream: TargetStream,
    grant: AccessGrant,
    /// Counts the events that streams were sent.
    sent: Arc<AtomicU64>,
    is_greeted: bool,
    _seat: OwnedSemaphorePermit,
}

impl Streaming {
    /// The text of an event; none if its place, or that of a document that it shows because an alias
    /// stands for it, is outside of the key's scope.
    fn written(&self, told: &StreamedEvent) -> Option<String> {
        for shown in std::iter::once(&told.resource).chain(&told.shows) {
            let place = shown.to_string();
            authorize(self.grant.principal(), Permission::ReadDocuments, &place).ok()?;
        }
        let place = told.resource.to_string();
        let id = told.id;
        Some(match &told.event {
            // A document keeps the breaks between its tokens.
            Ok(event) => format!("id: {id}\n{}\n", data_lines(&String::from_utf8_lossy(event))),
            Err(reason) => {
                let about = json!({"subject": place, "reason": reason});
                format!("id: {id}\nevent: left_out\ndata: {about}\n\n")
            }
        })
    }

    /// What is sent in a silence: an id to go on after.
    fn silence(&self) -> String {
        format!(":\nid: {}\n\n", shown(self.stream.cursor()))
    }
}

/// A text as the field `data` of an event, one line for each of its lines.
fn data_lines(text: &str) -> String {
    text.split(['\n', '\r']).map(|line| format!("data: {line}\n")).collect()
}

fn shown(cursor: ChangeId) -> String {
    match cursor {
        ChangeId { position: Position(position), index: u32::MAX } => position.to_string(),
        id => id.to_string(),
    }
}

impl Source for Streaming {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if !std::mem::replace(&mut self.is_greeted, true) {
            let greeting = format!("retry: 1000\nid: {}\n\n", shown(self.stream.cursor()));
            return Some(Ok(Bytes::from(greeting)));
        }
        // One for the whole wait: changes that are outside of the scope must not begin it anew.
        let left = self.grant.left().map_or(HEARTBEAT, |left| HEARTBEAT.min(left));
        let deadline = Instant::now() + left;
        loop {
            if !self.grant.holds() {
                return None;
            }
            let found = tokio::select! {
                biased;
                () = self.grant.ended() => return None,
                found = timeout_at(deadline, self.stream.next()) => found,
            };
            let told = match found {
                Err(_) if !self.grant.holds() => return None,
                Err(_) => return Some(Ok(Bytes::from(self.silence()))),
                Ok(Ok(None)) => return None,
                Ok(Ok(Some(told))) => told,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a stream of a target ends: no reading the ledger");
                    return Some(Err(error.into()));
                }
            };
            if let Some(text) = self.written(&told) {
                self.sent.fetch_add(1, Ordering::Relaxed);
                return Some(Ok(Bytes::from(text)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn begins_after_a_position_or_an_event() {
        for (text, expect) in [
            ("1204", Some("1204")),
            ("1204.0", Some("1204.0")),
            ("0", Some("0")),
            ("", None),
            (".1", None),
            ("a.1", None),
            ("1.2.3", None),
            ("-1", None),
            ("+3", None),
            ("+3.+0", None),
            ("3.-0", None),
        ] {
            let found = Place::parse(text).ok().map(cursor).map(shown);
            assert_eq!(found.as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn data_of_several_lines_stays_one_event() {
        assert_eq!(data_lines("{\"a\":\n1}"), "data: {\"a\":\ndata: 1}\n");
        let read: Vec<&str> = "data: {\"a\":\ndata: 1}\n"
            .lines()
            .map(|line| line.strip_prefix("data: ").unwrap())
            .collect();
        assert_eq!(read.join("\n"), "{\"a\":\n1}");
    }
}
