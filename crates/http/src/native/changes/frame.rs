use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use muster_wire::changes::EventId;
use muster_words::{Coverage, Position, XidPatterns};

/// The maximum size of a frame in bytes: what a socket accepts at once.
pub(super) const FRAME_BYTES: usize = 64 * 1024;

/// A rendered event without the registry's URL, which depends on the request.
#[derive(Clone, Debug)]
pub(super) struct RenderedEvent {
    pub id: EventId,
    /// The path of the changed entity, for watchers with a limited scope.
    subject: Box<str>,
    /// Who did it, as a string of JSON, for those who may know.
    actor: Option<Box<str>>,
    before: Box<str>,
    after: Box<str>,
}

/// The text at which the registry's URL is inserted.
const PLACE: &str = "\"source\":\"";

impl RenderedEvent {
    /// Takes an event that was written as JSON with an empty `source`.
    pub fn new(id: EventId, subject: &str, actor: Option<&str>, text: &str) -> Self {
        let cut = text.find(PLACE).map_or(text.len(), |at| at + PLACE.len());
        let (before, after) = text.split_at(cut);
        let actor = actor.map(|actor| serde_json::Value::from(actor).to_string().into());
        Self { id, subject: subject.into(), actor, before: before.into(), after: after.into() }
    }

    fn len(&self) -> usize {
        self.subject.len() + self.before.len() + self.after.len()
    }

    /// Adds the JSON.
    fn write(&self, text: &mut String, source: &str, sight: EventSight<'_>) {
        text.push_str(&self.before);
        text.push_str(source);
        if let (Some(actor), true) = (&self.actor, sight.actors) {
            // The text goes on with the quotation mark that ends the source.
            text.push_str("\",\"actorname\":");
            text.push_str(actor.strip_suffix('"').unwrap_or(actor));
        }
        text.push_str(&self.after);
    }

    fn is_seen_by(&self, within: Option<&XidPatterns>) -> bool {
        within.is_none_or(|within| within.coverage(&self.subject) == Coverage::Within)
    }
}

/// Which parts of events a caller may see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EventSight<'a> {
    /// The entities that it may see; none: all.
    pub within: Option<&'a XidPatterns>,
    /// Whether it may see the actors.
    pub actors: bool,
}

/// Consecutive events that are sent together.
#[derive(Debug)]
pub(super) struct Frame {
    events: Vec<RenderedEvent>,
    /// Everything up to here is in this frame or an earlier one.
    pub last: EventId,
    /// The position after which the ledger continues after this frame: the end of a command. It is
    /// before `last` if the frame ends within a command.
    pub resume: Position,
    bytes: usize,
    /// The bytes of the first use, with their URL, because most watchers use the same one.
    sent: [OnceLock<(Arc<str>, Bytes)>; 2],
}

impl Frame {
    /// The memory of a frame.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The events after a cursor, as they are sent: all, or those at these places.
    pub fn after(&self, cursor: EventId, source: &Arc<str>, sight: EventSight<'_>) -> Bytes {
        let write = || self.write(cursor, source, sight);
        let is_whole = self.events.first().is_some_and(|event| event.id > cursor);
        if !is_whole || sight.within.is_some() {
            return write();
        }
        let sent = &self.sent[usize::from(sight.actors)];
        let sent = sent.get_or_init(|| (Arc::clone(source), write()));
        if sent.0 == *source { sent.1.clone() } else { write() }
    }

    /// The events after a cursor, each as a text of JSON: all, or those at these places.
    pub fn messages(&self, cursor: EventId, source: &str, sight: EventSight<'_>) -> Vec<String> {
        let events = self.seen(cursor, sight).map(|event| {
            let mut text = String::with_capacity(event.len() + source.len());
            event.write(&mut text, source, sight);
            text
        });
        events.collect()
    }

    /// The events in the format of server-sent events: each with its id and one line of JSON. There
    /// is no `event` line: with one, a browser delivers the event only to listeners of that type.
    fn write(&self, cursor: EventId, source: &str, sight: EventSight<'_>) -> Bytes {
        let mut text = String::with_capacity(self.bytes + self.events.len() * source.len());
        for event in self.seen(cursor, sight) {
            // Writing into a text can't fail.
            let _ = write!(text, "id: {}\ndata: ", event.id);
            event.write(&mut text, source, sight);
            text.push_str("\n\n");
        }
        text.into()
    }

    /// How many events there are after a cursor, at these places.
    pub fn count(&self, cursor: EventId, sight: EventSight<'_>) -> u64 {
        self.seen(cursor, sight).count() as u64
    }

    fn seen(&self, cursor: EventId, sight: EventSight<'_>) -> impl Iterator<Item = &RenderedEvent> {
        let events = self.events.iter().filter(move |event| event.id > cursor);
        events.filter(move |event| event.is_seen_by(sight.within))
    }
}

/// Collects events into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    done: Vec<Arc<Frame>>,
    events: Vec<RenderedEvent>,
    bytes: usize,
    bytes_done: usize,
}

/// The memory of a frame or an event besides its text.
const OVERHEAD: usize = 64;

impl Frames {
    /// Adds the events of a command; `start` is the position before its first entry.
    pub fn push(&mut self, start: Position, end: Position, events: Vec<RenderedEvent>) {
        let count = events.len();
        for (index, event) in events.into_iter().enumerate() {
            let id = event.id;
            self.bytes += event.len() + OVERHEAD;
            self.events.push(event);
            if self.bytes >= FRAME_BYTES && index + 1 < count {
                self.close(id, start);
            }
        }
        // A command without events also moves the end.
        let last = EventId { position: end, k: u32::MAX };
        if self.bytes >= FRAME_BYTES {
            self.close(last, end);
        }
    }

    /// The number of added bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes_done + self.bytes
    }

    /// The frames of all added events, up to the end of a command.
    pub fn finish(mut self, end: Position) -> Vec<Arc<Frame>> {
        self.close(EventId { position: end, k: u32::MAX }, end);
        self.done
    }

    fn close(&mut self, last: EventId, resume: Position) {
        let events = std::mem::take(&mut self.events);
        let bytes = std::mem::take(&mut self.bytes) + OVERHEAD;
        self.bytes_done += bytes;
        self.done.push(Arc::new(Frame { events, last, resume, bytes, sent: Default::default() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(position: u64, k: u32, size: usize) -> RenderedEvent {
        let id = EventId { position: Position(position), k };
        let text = format!("[\"source\":\"\" {}]", "x".repeat(size));
        RenderedEvent::new(id, &format!("/a/b{k}"), (k == 2).then_some("c\"i"), &text)
    }

    /// Both forms tell of the same events: those of position 4 with these numbers and URLs.
    fn assert_told(
        frame: &Frame,
        (cursor, source, sight): (EventId, &Arc<str>, EventSight<'_>),
        expect: &[(u32, &str)],
    ) {
        let json = |url: &str| format!("[\"source\":\"{url}\" ]");
        let texts: Vec<_> = expect.iter().map(|(_, url)| json(url)).collect();
        assert_eq!(frame.messages(cursor, source, sight), texts);
        let stream = expect.iter().map(|(k, url)| format!("id: 4.{k}\ndata: {}\n\n", json(url)));
        assert_eq!(frame.after(cursor, source, sight), stream.collect::<String>());
    }

    #[test]
    fn puts_the_url_into_its_place_and_leaves_out_what_was_sent() {
        let mut frames = Frames::default();
        frames.push(Position(3), Position(4), vec![event(4, 1, 0), event(4, 2, 0)]);
        frames.push(Position(4), Position(5), Vec::new());
        let frames = frames.finish(Position(5));
        assert_eq!(frames.len(), 1);
        let (one, other): (Arc<str>, Arc<str>) = ("http://a".into(), "http://b".into());
        let cursor = |position, k| EventId { position: Position(position), k };
        for (cursor, source, expect) in [
            (cursor(3, u32::MAX), &one, &[(1, "http://a"), (2, "http://a")][..]),
            (cursor(3, u32::MAX), &other, &[(1, "http://b"), (2, "http://b")][..]),
            (cursor(4, 1), &one, &[(2, "http://a")]),
            (cursor(4, 2), &one, &[]),
        ] {
            assert_told(&frames[0], (cursor, source, EventSight::default()), expect);
        }
        for (place, expect) in [
            ("/a", &[(1, "http://b"), (2, "http://b")][..]),
            ("/a/b2", &[(2, "http://b")]),
            ("/a/b2/c", &[]),
        ] {
            let within = place.parse().map(|place| XidPatterns::new(vec![place])).ok();
            let sight = EventSight { within: within.as_ref(), actors: false };
            let cursor = cursor(3, u32::MAX);
            assert_told(&frames[0], (cursor, &other, sight), expect);
        }
        let sight = EventSight { within: None, actors: true };
        let told = frames[0].after(cursor(4, 1), &one, sight);
        let expect = r#"["source":"http://a","actorname":"c\"i" ]"#;
        assert_eq!(told, format!("id: 4.2\ndata: {expect}\n\n"));
        assert_eq!(frames[0].messages(cursor(4, 1), &one, sight), [expect]);
        assert_eq!((frames[0].last, frames[0].resume), (cursor(5, u32::MAX), Position(5)));
    }

    #[test]
    fn cuts_a_long_command_where_it_can_be_resumed() {
        let mut frames = Frames::default();
        let events = (1..=10).map(|k| event(9, k, FRAME_BYTES / 4)).collect();
        frames.push(Position(6), Position(9), events);
        let frames = frames.finish(Position(9));
        let ends: Vec<_> = frames.iter().map(|frame| (frame.last.k, frame.resume.0)).collect();
        assert_eq!(ends, [(4, 6), (8, 6), (u32::MAX, 9)]);
    }
}
