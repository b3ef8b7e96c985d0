use std::collections::VecDeque;

/// One server-sent event (WHATWG HTML, 9.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// A stream resumes after this id; empty if the server has sent none yet.
    pub id: String,
    /// Its type; empty means `message`.
    pub event: String,
    /// Its lines of data, joined.
    pub data: String,
}

/// The maximum size of an event, in bytes. A change with everything in it is far smaller; the limit
/// keeps a stream without line breaks from filling the memory.
const EVENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Reads events from a stream of bytes that may be split anywhere.
#[derive(Debug, Default)]
pub struct EventReader {
    line: Vec<u8>,
    after_return: bool,
    began: bool,
    id: String,
    event: String,
    data: Option<String>,
    ready: VecDeque<Event>,
}

/// An event or a line exceeds the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {EVENT_BYTES_MAX} bytes")]
pub struct EventTooLarge;

impl EventReader {
    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// An event or a line exceeds 32 MiB.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        for byte in bytes {
            // A line ends with CR, LF or both; the LF after a CR doesn't end another one.
            let second_half = *byte == b'\n' && std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if second_half => {}
                b'\r' | b'\n' => {
                    self.after_return = *byte == b'\r';
                    self.end_line();
                }
                byte => {
                    self.after_return = false;
                    self.line.push(*byte);
                }
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES_MAX {
                return Err(EventTooLarge);
            }
        }
        Ok(())
    }

    /// The next complete event, if there is one.
    pub fn next_event(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let began = std::mem::replace(&mut self.began, true);
        let text = if began { &*text } else { text.strip_prefix('\u{feff}').unwrap_or(&text) };
        if text.is_empty() {
            return self.dispatch();
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // Ignores comments (an empty field), `retry` and fields of later releases.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        if let Some(data) = self.data.take() {
            self.ready.push_back(Event { id: self.id.clone(), event, data });
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String, String)> {
        let mut reader = EventReader::default();
        for piece in pieces {
            reader.feed(piece).unwrap();
        }
        std::iter::from_fn(|| reader.next_event())
            .map(|event| (event.id, event.event, event.data))
            .collect()
    }

    fn expect(events: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        events.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect()
    }

    #[test]
    fn reads_events_as_the_standard_says() {
        for (text, events) in [
            ("data: a\n\n", &[("", "", "a")] as &[_]),
            ("data:a\ndata: b\n\n", &[("", "", "a\nb")]),
            ("id: 7.1\nevent: e\ndata: {}\n\n", &[("7.1", "e", "{}")]),
            ("id: 7.1\ndata: a\n\ndata: b\n\n", &[("7.1", "", "a"), ("7.1", "", "b")]),
            (": heartbeat\n\n", &[]),
            ("event: lost\n\ndata: a\n\n", &[("", "", "a")]),
            ("data: unfinished\n", &[]),
            ("\u{feff}data: a\r\rdata: b\r\n\r\n", &[("", "", "a"), ("", "", "b")]),
            ("data\n\n", &[("", "", "")]),
            ("id: a\0b\ndata: x\n\n", &[("", "", "x")]),
            ("retry: 10\nunknown: y\ndata: x\n\n", &[("", "", "x")]),
        ] {
            assert_eq!(read(&[text.as_bytes()]), expect(events), "{text:?}");
        }
    }

    #[test]
    fn refuses_a_line_without_end() {
        let mut reader = EventReader::default();
        let piece = vec![b'x'; 1024 * 1024];
        let fed = (0..40).map(|_| reader.feed(&piece)).find(Result::is_err);
        assert_eq!(fed, Some(Err(EventTooLarge)));
    }

    proptest! {
        #[test]
        fn does_not_depend_on_where_the_stream_is_cut(
            text in "(data: [a-zé]{0,5}|id: [0-9]{1,3}|event: [a-z]{1,3}|:|\r|\n|\r\n){0,40}",
            cuts in prop::collection::vec(0_usize..200, 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(read(&pieces), read(&[bytes]));
        }
    }
}
