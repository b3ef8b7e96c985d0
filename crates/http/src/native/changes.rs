//! `GET /changes`: a stream of changes, as server-sent events or as messages of a WebSocket.
//!
//! Each event is about one entity that a command changed, as a CloudEvent of xRegistry's types. Its
//! id is `<position>.<k>`: the k-th event of the command that ends at the position. Ids depend only
//! on the ledger, so a stream can be resumed at any event at any time.
//!
//! While there are watchers, one task follows the ledger and renders each command once, into a ring
//! that all watchers read. A watcher that falls behind the ring reads the ledger until it has
//! caught up; a stretch of it is read once for all watchers that are there. So a slow reader has a
//! longer delay but costs no memory, and the writer never waits for it.

mod feed;
mod form;
mod frame;
mod handshake;
mod render;
mod socket;
mod stretch;
mod watcher;

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
pub(super) use feed::Feed;
use http::{HeaderMap, HeaderValue, Method, header};
use muster_history::events;
use muster_registry::Registry;
use muster_wire::{ErrorKind, Problem, changes::EventId, headers::MUSTER_POSITION};
use muster_words::Position;

use self::{
    handshake::Handshake,
    socket::ChangeSocket,
    watcher::{EventStream, Watcher},
};
use super::{
    Native,
    query::{Parameters, bad_position},
    stream::{Pieces, Place, beginning, event_stream, last_event_id},
};
use crate::{Body, Caller, IntoProblem, upgrade::UpgradeSlot, xregistry::problem_of_fetch};

/// `GET /changes`. Without `after` and `Last-Event-ID`, the stream begins with the next change;
/// `after=0` begins with the first change of the ledger.
pub(super) async fn follow(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    slot: Option<Extension<UpgradeSlot>>,
    RawQuery(query): RawQuery,
    method: Method,
    sent: HeaderMap,
) -> Result<Response, IntoProblem> {
    let slot = slot.filter(|_| method == Method::GET);
    let upgrade = match slot {
        Some(Extension(slot)) => Some((slot, Handshake::read(&sent)?)),
        // A proxy took the header out that says so; nobody would read the stream.
        None if sent.contains_key(header::SEC_WEBSOCKET_KEY) => {
            return Err(handshake::without_upgrade().into());
        }
        None => None,
    };
    let (watcher, from) = watch(&native, &caller, query.as_deref(), &sent).await?;
    let mut response = match upgrade {
        Some((slot, handshake)) => {
            slot.leave(ChangeSocket { watcher, phase: caller.phase });
            handshake.answer()
        }
        None => event_stream(Body::endless(Pieces::body(EventStream(watcher)), caller.phase)),
    };
    // A client that loses the stream before its first event can resume here.
    response.headers_mut().insert(MUSTER_POSITION, HeaderValue::from(from.0));
    Ok(response)
}

/// A watcher, and the position that it begins after.
async fn watch(
    native: &Native,
    caller: &Caller,
    query: Option<&str>,
    sent: &HeaderMap,
) -> Result<(Watcher, Position), Problem> {
    let parameters = Parameters::parse(query, &["after"], "/changes")?;
    // The permit comes first: what is published from here on wakes the watcher.
    let busy = || Problem::new(ErrorKind::ServerBusy).subject("/changes");
    let permit = native.feed.admit().ok_or_else(busy)?;
    // And so does this: a key that is made from here on ends the stream.
    let pass = native.gate.grant(caller)?;
    let start = match beginning(sent, &parameters) {
        Some(text) => {
            // A command may have twenty thousand changes, which are counted.
            let starting = start(&native.registry, text, last_event_id(sent).is_some());
            native.feed.shared().catching_up.run(starting).await?
        }
        None => Start::after(native.registry.view().position()),
    };
    let source = format!("{}/api", caller.base);
    let watcher = Watcher::new(&native.feed, (permit, pass), start, &source);
    Ok((watcher, start.read_after))
}

/// The beginning of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    /// The last event that isn't sent.
    cursor: EventId,
    /// The ledger is read after this position, which is the end of a command.
    read_after: Position,
}

impl Start {
    /// After a position at which a command ends.
    const fn after(position: Position) -> Self {
        Self { cursor: EventId { position, k: u32::MAX }, read_after: position }
    }
}

/// Parses the beginning of a stream: a position, or the id of an event. If it was given by a stream,
/// as `Last-Event-ID` is, a position is the end of a command.
///
/// # Errors
/// `bad_position`: it is neither, it is ahead of the ledger, or there is no such event.
async fn start(registry: &Registry, text: &str, is_given: bool) -> Result<Start, Problem> {
    let (position, id) = match Place::parse(text)? {
        Place::Position(position) => (position, None),
        Place::Event(id) => (id.position, Some(id)),
    };
    let head = registry.view().position();
    if position > head {
        let reason = format!("the ledger has come to {head}");
        return Err(bad_position(text, &reason));
    }
    if position == Position::ZERO {
        return Ok(Start::after(position));
    }
    let bounds = registry.bounds_at(position).await;
    let bounds = bounds.map_err(|error| problem_of_fetch(error, "/changes"))?;
    match id {
        None if bounds.end == position => Ok(Start::after(position)),
        None if is_given => Err(bad_position(text, "no stream has given this id")),
        // The position is within a command, whose events all have the position of its end.
        None => Ok(Start { read_after: bounds.before, ..Start::after(position) }),
        Some(id) if bounds.end == position => {
            if !has_event(registry, id, bounds.before).await? {
                return Err(bad_position(text, "the command has no event of this number"));
            }
            Ok(Start { cursor: id, read_after: bounds.before })
        }
        Some(_) => Err(bad_position(text, "no command ends at this position")),
    }
}

/// Whether the command after a position may have had this event. What was purged since may have been
/// told of, so this counts it.
async fn has_event(registry: &Registry, id: EventId, before: Position) -> Result<bool, Problem> {
    let commands = registry.commands_after(before).await;
    let commands = commands.map_err(|error| problem_of_fetch(error, "/changes"))?;
    let view = registry.view();
    let count = commands.first().map_or(0, |command| events(command, &view).count_max());
    Ok((1..=count).contains(&(id.k as usize)))
}
