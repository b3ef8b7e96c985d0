//! Server-sent events, as a client reads them: however the stream is cut, the events are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_client::{Event, EventReader};

fn read<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut reader = EventReader::default();
    let mut events = Vec::new();
    for part in parts {
        reader.feed(part).expect("it is small");
        events.extend(std::iter::from_fn(|| reader.next_event()));
    }
    events
}

fuzz_target!(|bytes: &[u8]| {
    let [cut, stream @ ..] = bytes else { return };
    let whole = read(std::iter::once(stream));
    assert_eq!(read(stream.chunks(usize::from(*cut).max(1))), whole);
    assert_eq!(read(stream.chunks(1)), whole);
});
