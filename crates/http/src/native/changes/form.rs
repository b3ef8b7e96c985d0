use std::sync::Arc;

use bytes::Bytes;
use muster_wire::changes::EventId;

use super::{
    Start,
    frame::{EventSight, Frame},
};

/// How a watcher is told of events.
pub(super) trait Form {
    /// What is sent at once.
    type Piece: Send;

    /// What comes before all events, if anything does.
    fn greeting(start: Start) -> Option<Self::Piece>;

    /// The events of a frame after a cursor that the watcher may see; none: there are none.
    fn events(
        frame: &Frame,
        cursor: EventId,
        source: &Arc<str>,
        sight: EventSight<'_>,
    ) -> Option<Self::Piece>;

    /// What breaks a silence, with the id to resume from. Without that a client whose scope rarely
    /// changes would resume far back, and everything since would be read again for it.
    fn silence(cursor: EventId) -> Self::Piece;
}

/// Server-sent events (the HTML standard, 9.2).
pub(super) enum ServerSentEvents {}

/// Messages of a WebSocket.
pub(super) enum Messages {}

/// What a WebSocket sends at once.
pub(super) enum SocketPiece {
    /// One message for each event.
    Events(Vec<String>),
    /// A ping, which carries the id to resume from.
    Silence(String),
}

impl Form for ServerSentEvents {
    type Piece = Bytes;

    /// Shows that the stream is open, and gives a client that started at the present an id to
    /// resume from before anything changes.
    fn greeting(start: Start) -> Option<Bytes> {
        let Start { cursor, read_after } = start;
        Some(match cursor.k {
            u32::MAX if cursor.position == read_after => {
                format!("retry: 1000\nid: {read_after}\n\n").into()
            }
            _ => Bytes::from_static(b"retry: 1000\n\n"),
        })
    }

    fn events(
        frame: &Frame,
        cursor: EventId,
        source: &Arc<str>,
        sight: EventSight<'_>,
    ) -> Option<Bytes> {
        let bytes = frame.after(cursor, source, sight);
        (!bytes.is_empty()).then_some(bytes)
    }

    /// A comment, and the id.
    fn silence(cursor: EventId) -> Bytes {
        format!(":\nid: {}\n\n", resume_id(cursor)).into()
    }
}

impl Form for Messages {
    type Piece = SocketPiece;

    /// That the socket is open, and where it begins, stands in the answer to its request.
    fn greeting(_: Start) -> Option<SocketPiece> {
        None
    }

    fn events(
        frame: &Frame,
        cursor: EventId,
        source: &Arc<str>,
        sight: EventSight<'_>,
    ) -> Option<SocketPiece> {
        let texts = frame.messages(cursor, source, sight);
        (!texts.is_empty()).then_some(SocketPiece::Events(texts))
    }

    fn silence(cursor: EventId) -> SocketPiece {
        SocketPiece::Silence(resume_id(cursor))
    }
}

/// The id to resume from: of an event, or the position at which a command ends.
fn resume_id(cursor: EventId) -> String {
    match cursor.k {
        u32::MAX => cursor.position.to_string(),
        _ => cursor.to_string(),
    }
}
