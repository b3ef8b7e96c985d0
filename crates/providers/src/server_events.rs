use bytes::Bytes;

use crate::{Fault, ProviderFaultKind};

/// The most bytes of one event. Servers send a few words in each.
const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerEvent {
    /// Its type; empty if it has none.
    pub(crate) name: String,
    /// Its data.
    pub(crate) data: String,
}

/// Cuts server-sent events out of bytes, however they are split.
#[derive(Default)]
pub(crate) struct EventReader {
    line: Vec<u8>,
    event: ServerEvent,
    has_data: bool,
    after_return: bool,
    ready: std::collections::VecDeque<ServerEvent>,
}

impl EventReader {
    /// Takes more bytes.
    pub(crate) fn push(&mut self, bytes: &Bytes) -> Result<(), Fault> {
        for byte in bytes {
            match (*byte, self.after_return) {
                (b'\n', true) => {}
                (b'\n' | b'\r', _) => self.end_line(),
                (byte, _) => self.line.push(byte),
            }
            self.after_return = *byte == b'\r';
            if self.line.len() + self.event.data.len() > EVENT_BYTES_MAX {
                let what = format!("an event has more than {EVENT_BYTES_MAX} bytes");
                return Err(Fault::new(ProviderFaultKind::ProviderError, what));
            }
        }
        Ok(())
    }

    /// The next whole event.
    pub(crate) fn pop(&mut self) -> Option<ServerEvent> {
        self.ready.pop_front()
    }

    /// The bytes that wait for the end of their event.
    pub(crate) fn held(&self) -> usize {
        self.line.len() + self.event.data.len()
    }

    /// The bytes ended. Some servers leave out the last empty line.
    pub(crate) fn end(&mut self) {
        self.end_line();
        self.end_event();
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if line.is_empty() {
            self.end_event();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            self.ready.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_the_same_events_however_the_bytes_are_split(cuts in proptest::collection::vec(1_usize..9, 1..60)) {
            let text = ": hello\r\nevent: a\r\ndata: {\"x\":1}\r\n\r\ndata:two\ndata: lines\n\n\ndata: last";
            let (mut reader, mut rest) = (EventReader::default(), text.as_bytes());
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                reader.push(&Bytes::copy_from_slice(now)).unwrap();
                rest = later;
            }
            reader.push(&Bytes::copy_from_slice(rest)).unwrap();
            reader.end();
            let found: Vec<_> = std::iter::from_fn(|| reader.pop()).collect();
            let event = |name: &str, data: &str| ServerEvent { name: name.into(), data: data.into() };
            prop_assert_eq!(found, vec![event("a", "{\"x\":1}"), event("", "two\nlines"), event("", "last")]);
        }
    }
}
