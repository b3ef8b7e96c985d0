use std::{fmt, str::FromStr};

use bytes::Bytes;
use muster_words::{Digest, Moment, Position};
use thiserror::Error;

/// The last possible position: the integers of every store hold it (63 bits), and the next number
/// is still valid.
pub const POSITION_MAX: u64 = i64::MAX.cast_unsigned();

/// The size of an actor's id in bytes. Ids are opaque and our own, so they are short.
pub const ACTOR_BYTES_MAX: usize = 256;

/// The size of a request id in bytes: enough for a UUID with a prefix. Clients may send their own,
/// so longer ones must be cut or refused on arrival.
pub const REQUEST_BYTES_MAX: usize = 128;

/// The size of a trace id in bytes: a W3C `traceparent` has 55.
pub const TRACE_BYTES_MAX: usize = 128;

/// The number of parts of a command. With 48 KiB per part this is 3 GiB of changes, far more than a
/// batch may hold; it limits what a reader must be able to hold together.
pub const PARTS_MAX: u32 = 65_536;

/// One entry of a ledger: what one command, or one part of it, changed.
///
/// # Layout
/// The canonical form is deterministic CBOR (RFC 8949, 4.2.1): one map of integer keys in rising
/// order, definite lengths, the shortest form of every number. Keys never change their meaning.
///
/// | key  | field         | CBOR                        | there  | bounds                          |
/// |------|---------------|-----------------------------|--------|---------------------------------|
/// | 1    | `position`    | unsigned                    | always | 1 … 2⁶³ − 1                     |
/// | 2    | `moment`      | integer                     | always | µs since 1970, years 0 to 9999  |
/// | 3    | `actor`       | text                        | always | 1 … 256 bytes                   |
/// | 4    | `command`     | byte string                 | always | 16 bytes                        |
/// | 5    | `part`        | unsigned                    | always | 1 … `parts`                     |
/// | 6    | `parts`       | unsigned                    | always | 1 … 65,536                      |
/// | 7    | `previous`    | byte string                 | always | 32 bytes                        |
/// | 8    | `changes`     | array of records            | always |                                 |
/// | 9    | `request`     | text                        | if any | 1 … 128 bytes                   |
/// | 10   | `trace`       | text                        | if any | 1 … 128 bytes                   |
/// | 11   | `idempotency` | array: key, request         | if any | two byte strings of 32 bytes    |
/// | 64 … | (extensions)  | byte string                 | if any | up to key 2⁶⁴ − 1               |
///
/// | record  | CBOR                                                        |
/// |---------|-------------------------------------------------------------|
/// | a change | array: `kind` (unsigned, 16 bits), `skippable` (boolean), `body` (byte string) |
///
/// A whole entry has at most 65,535 bytes, because a tile of the log (C2SP tlog-tiles) writes
/// its length as 16 bits.
///
/// # What is later than this program
/// A key from 12 to 63 that this program doesn't know changes what the entry means: it is refused
/// ([`DecodeError::UnknownKey`](crate::DecodeError::UnknownKey)). A key from 64 on is an extension
/// that is safe to skip: its value is a byte string whatever is in it, and it is left out of
/// [`Entry`]. Nothing is lost by that, because hashes are of the stored bytes ([`EntryBytes`]) and
/// stored bytes are never made again from an [`Entry`]. Apart from extensions, bytes that would
/// not be encoded to themselves are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's position; never 0.
    pub position: Position,
    /// When the command was decided: the same for all its parts, and later than the previous
    /// command.
    pub moment: Moment,
    /// The actor's opaque id. It is never a name or an address, because entries can't be erased.
    pub actor: String,
    /// The command of this entry.
    pub command: CommandId,
    /// The number of this part, from 1.
    pub part: u32,
    /// The number of the command's parts.
    pub parts: u32,
    /// The id of the request with the command, if there was one.
    pub request: Option<String>,
    /// The trace of the request, if it had one.
    pub trace: Option<String>,
    /// The digests for recognising a repetition, if the client sent a key.
    pub idempotency: Option<Idempotency>,
    /// The leaf hash of the previous entry; at position 1 the hash of the empty tree.
    pub previous: Digest,
    /// The changes, in order.
    pub changes: Vec<Record>,
}

/// The id of a command: 128 random bits, as 32 hexadecimal digits. Positions repeat in another
/// ledger and after a backup was restored; command ids don't.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub [u8; 16]);

impl CommandId {
    /// Its first four bytes: the tag of everything that the command changes.
    #[must_use]
    pub const fn tag(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }

    /// The tag in hexadecimal digits, as in ETags.
    #[must_use]
    pub fn short(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.tag()))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandId({self})")
    }
}

/// The text isn't 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a command id is 32 hexadecimal digits")]
pub struct CommandIdError;

impl FromStr for CommandId {
    type Err = CommandIdError;

    fn from_str(text: &str) -> Result<Self, CommandIdError> {
        if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(CommandIdError);
        }
        u128::from_str_radix(text, 16)
            .map(|number| Self(number.to_be_bytes()))
            .map_err(|_| CommandIdError)
    }
}

/// The digests for recognising a repeated request, without storing the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Idempotency {
    /// SHA-256 of principal and key.
    pub key: Digest,
    /// SHA-256 of the request, to detect another request with the same key.
    pub request: Digest,
}

/// A change, encoded by `catalog`. The ledger keeps the order of changes and doesn't know their
/// meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The kind of the change; numbers never change their meaning.
    pub kind: u16,
    /// Whether programs that don't know the kind may skip it.
    pub skippable: bool,
    /// The encoded change.
    pub body: Bytes,
}

/// The canonical bytes of an entry, which are stored, hashed and sent, and never encoded again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryBytes {
    /// The position in the bytes.
    pub position: Position,
    /// Canonical CBOR; see [`Entry`].
    pub bytes: Bytes,
}

impl EntryBytes {
    /// The entry's hash as a leaf (RFC 6962, 2.1): SHA-256 of a zero byte and the bytes.
    #[must_use]
    pub fn leaf(&self) -> Digest {
        Digest::of_parts(&[&[0], &self.bytes])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_id_is_written_as_32_digits() {
        let id = CommandId([0, 1, 0xab, 0xcd, 0xef, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(id.to_string(), "0001abcdef05060708090a0b0c0d0e0f");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.short(), "0001abcd");
    }

    #[test]
    fn what_is_not_32_digits_is_no_command_id() {
        for text in ["", "0", &"g".repeat(32), &format!("+{}", "0".repeat(31)), &"é".repeat(16)] {
            assert_eq!(text.parse::<CommandId>(), Err(CommandIdError), "{text}");
        }
    }
}
