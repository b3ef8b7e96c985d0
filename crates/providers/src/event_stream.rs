//! Amazon's framing of events (`application/vnd.amazon.eventstream`).
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the whole message, big-endian |
//! | 4 | length of the headers |
//! | 4 | CRC-32 of the eight bytes before |
//! | … | headers: a byte of length, the name, a byte of type, the value |
//! | … | payload |
//! | 4 | CRC-32 of everything before |

use bytes::{Bytes, BytesMut};

use crate::{Fault, ProviderFaultKind};

/// The most bytes of one message; Amazon's own limit is 16 MiB.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bytes around headers and payload.
const FRAME_BYTES: usize = 16;

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamMessage {
    /// `:event-type` or `:exception-type`.
    pub(crate) name: String,
    /// Whether it is an exception.
    pub(crate) is_exception: bool,
    /// The payload.
    pub(crate) payload: Bytes,
}

/// Cuts messages out of bytes.
#[derive(Default)]
pub(crate) struct MessageReader {
    buffer: BytesMut,
}

impl MessageReader {
    pub(crate) fn push(&mut self, bytes: &Bytes) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The bytes that wait for the end of their message.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn pop(&mut self) -> Result<Option<StreamMessage>, Fault> {
        let wrong = |what: &str| {
            Fault::new(ProviderFaultKind::ProviderError, format!("event stream: {what}"))
        };
        let Some(prelude) = self.buffer.get(..12) else { return Ok(None) };
        let (length, headers) = (number(prelude, 0), number(prelude, 4));
        if crc32(&prelude[..8]) as usize != number(prelude, 8) {
            return Err(wrong("the checksum of a prelude is wrong"));
        }
        if !(FRAME_BYTES..=MESSAGE_BYTES_MAX).contains(&length) || headers > length - FRAME_BYTES {
            return Err(wrong("a length makes no sense"));
        }
        if self.buffer.len() < length {
            return Ok(None);
        }
        let message = self.buffer.split_to(length).freeze();
        if crc32(&message[..length - 4]) as usize != number(&message, length - 4) {
            return Err(wrong("the checksum of a message is wrong"));
        }
        let mut found = StreamMessage {
            payload: message.slice(12 + headers..length - 4),
            ..StreamMessage::default()
        };
        read_headers(&message[12..12 + headers], &mut found).ok_or_else(|| wrong("bad headers"))?;
        Ok(Some(found))
    }
}

/// Four bytes, big-endian. The caller has checked that they are there.
fn number(bytes: &[u8], at: usize) -> usize {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or([0; 4]);
    u32::from_be_bytes(four) as usize
}

fn read_headers(mut rest: &[u8], found: &mut StreamMessage) -> Option<()> {
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(usize::from(*length))?;
        let (kind, after) = after.split_first()?;
        let size = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | 7 => 2 + usize::from(u16::from_be_bytes(after.get(..2)?.try_into().ok()?)),
            _ => return None,
        };
        let (value, after) = after.split_at_checked(size)?;
        if *kind == 7 {
            let text = || String::from_utf8_lossy(&value[2..]).into_owned();
            match name {
                b":event-type" => found.name = text(),
                b":exception-type" | b":error-code" => {
                    (found.name, found.is_exception) = (text(), true);
                }
                b":message-type" => found.is_exception |= value[2..] != *b"event",
                _ => {}
            }
        }
        rest = after;
    }
    Some(())
}

/// CRC-32 as in Ethernet (reflected, polynomial EDB88320).
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize];
    !bytes.iter().fold(u32::MAX, step)
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    /// A message as Amazon would send it.
    pub(crate) fn written(kind: &str, name: &str, payload: &[u8]) -> Vec<u8> {
        let mut headers = Vec::new();
        let event = if kind == "event" { ":event-type" } else { ":exception-type" };
        for (header, value) in [(":message-type", kind), (event, name)] {
            headers.push(u8::try_from(header.len()).unwrap());
            headers.extend(header.as_bytes());
            headers.push(7);
            headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            headers.extend(value.as_bytes());
        }
        let length = u32::try_from(FRAME_BYTES + headers.len() + payload.len()).unwrap();
        let mut message = length.to_be_bytes().to_vec();
        message.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        message.extend(crc32(&message).to_be_bytes());
        message.extend(headers);
        message.extend(payload);
        message.extend(crc32(&message).to_be_bytes());
        message
    }

    #[test]
    fn computes_the_checksum_that_others_compute() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn reads_messages_byte_by_byte_and_refuses_damaged_ones() {
        let mut bytes = written("event", "contentBlockDelta", b"{}");
        bytes.extend(written("exception", "throttlingException", b"{\"message\":\"slow\"}"));
        let (mut reader, mut found) = (MessageReader::default(), Vec::new());
        for byte in &bytes {
            reader.push(&Bytes::copy_from_slice(&[*byte]));
            found.extend(reader.pop().unwrap());
        }
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].is_exception), ("contentBlockDelta", false));
        assert_eq!((found[1].name.as_str(), found[1].is_exception), ("throttlingException", true));
        assert_eq!(reader.held(), 0);
        for index in 0..written("event", "contentBlockDelta", b"{}").len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            let mut reader = MessageReader::default();
            reader.push(&Bytes::from(damaged));
            assert!(!matches!(reader.pop(), Ok(Some(message)) if message == found[0]), "{index}");
        }
    }
}
