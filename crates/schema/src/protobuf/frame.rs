//! How Confluent's serializers wrap a message of Protobuf.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | 0, the magic byte |
//! | 4 | the schema's id, big-endian |
//! | 1 or more | the number of message indexes, as a zigzag varint; 0 stands for the one index 0 |
//! | 1 or more each | the indexes, as zigzag varints: of a message in the file, then in that message |
//! | rest | the message |

use prost_reflect::MessageDescriptor;
use thiserror::Error;

use super::ProtobufSchema;
use crate::limits;

/// A message as Confluent's serializers wrap it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtobufFrame<'a> {
    /// The id of the writer's schema.
    pub schema_id: u32,
    /// Which of its messages it is: the index of one in the file, then of one in that.
    pub indexes: Vec<usize>,
    /// The message itself.
    pub payload: &'a [u8],
}

/// Why bytes aren't a wrapped message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtobufFrameError {
    /// The first byte isn't 0.
    #[error("the first byte is {0}; it is 0 if a serializer of Confluent wrote the message")]
    Magic(u8),
    /// The bytes end within the frame.
    #[error("the bytes end before the message begins")]
    Short,
    /// The message indexes can't be those of a schema.
    #[error(
        "the message indexes can't be read; were the bytes written by a serializer of Protobuf?"
    )]
    Indexes,
}

impl<'a> ProtobufFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// The bytes aren't one.
    ///
    /// ```
    /// use muster_schema::protobuf::ProtobufFrame;
    ///
    /// let frame = ProtobufFrame::read(&[0, 0, 0, 0, 7, 4, 2, 0, 0x08, 0x01])?;
    /// assert_eq!((frame.schema_id, frame.indexes), (7, vec![1, 0]));
    /// assert_eq!(frame.payload, [0x08, 0x01]);
    /// # Ok::<(), muster_schema::protobuf::ProtobufFrameError>(())
    /// ```
    pub fn read(bytes: &'a [u8]) -> Result<Self, ProtobufFrameError> {
        match bytes {
            [] => Err(ProtobufFrameError::Short),
            [0, a, b, c, d, rest @ ..] => {
                let (indexes, payload) = Self::read_indexes(rest)?;
                Ok(Self { schema_id: u32::from_be_bytes([*a, *b, *c, *d]), indexes, payload })
            }
            [0, ..] => Err(ProtobufFrameError::Short),
            [magic, ..] => Err(ProtobufFrameError::Magic(*magic)),
        }
    }

    /// Reads the message indexes alone, which begin the bytes if the id travels in a header.
    ///
    /// # Errors
    /// The bytes don't begin with indexes.
    pub fn read_indexes(bytes: &[u8]) -> Result<(Vec<usize>, &[u8]), ProtobufFrameError> {
        let (count, mut rest) = zigzag(bytes)?;
        let count = usize::try_from(count).map_err(|_| ProtobufFrameError::Indexes)?;
        if count == 0 {
            return Ok((vec![0], rest));
        }
        if count > limits::PROTOBUF_DEPTH_MAX {
            return Err(ProtobufFrameError::Indexes);
        }
        let mut indexes = Vec::with_capacity(count);
        for _ in 0..count {
            let (index, after) = zigzag(rest)?;
            indexes.push(usize::try_from(index).map_err(|_| ProtobufFrameError::Indexes)?);
            rest = after;
        }
        Ok((indexes, rest))
    }

    /// The bytes of the frame.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(self.schema_id.to_be_bytes());
        if self.indexes == [0] {
            bytes.push(0);
        } else {
            push_zigzag(&mut bytes, self.indexes.len());
            self.indexes.iter().for_each(|index| push_zigzag(&mut bytes, *index));
        }
        bytes.extend(self.payload);
        bytes
    }
}

impl ProtobufSchema {
    /// The full name of the message that the indexes of a frame name; none if there is none.
    #[must_use]
    pub fn message_at(&self, indexes: &[usize]) -> Option<String> {
        let (first, rest) = indexes.split_first()?;
        let mut message = self.file().messages().nth(*first)?;
        for index in rest {
            let child = message.child_messages().nth(*index)?;
            message = child;
        }
        Some(message.full_name().to_owned())
    }

    /// The indexes by which a frame names a message; none if the schema doesn't declare it.
    #[must_use]
    pub fn message_indexes(&self, name: &str) -> Option<Vec<usize>> {
        let mut message = self.message(Some(name)).ok()?;
        let is = |other: MessageDescriptor, message: &MessageDescriptor| {
            other.full_name() == message.full_name()
        };
        let mut indexes = Vec::new();
        while let Some(parent) = message.parent_message() {
            indexes.push(parent.child_messages().position(|other| is(other, &message))?);
            message = parent;
        }
        indexes.push(self.file().messages().position(|other| is(other, &message))?);
        indexes.reverse();
        Some(indexes)
    }
}

/// A zigzag varint of 32 bits, and what comes after it.
fn zigzag(bytes: &[u8]) -> Result<(i32, &[u8]), ProtobufFrameError> {
    let mut value = 0_u32;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = bytes.get(index + 1..).unwrap_or_default();
            let signed = (value >> 1).cast_signed() ^ -((value & 1).cast_signed());
            return Ok((signed, rest));
        }
    }
    match bytes.len() {
        0..5 => Err(ProtobufFrameError::Short),
        _ => Err(ProtobufFrameError::Indexes),
    }
}

fn push_zigzag(bytes: &mut Vec<u8>, number: usize) {
    let mut value = number << 1;
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}
