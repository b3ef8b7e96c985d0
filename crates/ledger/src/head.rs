use muster_words::{Digest, Position};

use crate::EntryBytes;

/// The end of a ledger: position and hash of its last entry. Two ledgers with the same head hold
/// the same entries, because every entry carries the hash of the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// The position of the last entry; 0 for an empty ledger.
    pub position: Position,
    /// The leaf hash of the last entry ([`EntryBytes::leaf`]).
    pub hash: Digest,
}

impl Head {
    /// The head of an empty ledger. Its hash is that of the empty tree (RFC 6962, 2.1): SHA-256 of
    /// no bytes.
    pub const EMPTY: Self = Self { position: Position::ZERO, hash: EMPTY_HASH };

    /// The head of a ledger that ends with this entry.
    #[must_use]
    pub fn after(entry: &EntryBytes) -> Self {
        Self { position: entry.position, hash: entry.leaf() }
    }
}

impl Default for Head {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// SHA-256 of no bytes.
const EMPTY_HASH: Digest = Digest([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_empty_ledger_has_the_hash_of_nothing() {
        assert_eq!(Head::EMPTY.hash, Digest::of(b""));
        assert_eq!(Head::default(), Head::EMPTY);
    }

    #[test]
    fn moves_to_the_leaf_hash_of_the_entry() {
        let entry = EntryBytes { position: Position(7), bytes: Bytes::from_static(b"abc") };
        let expect = Head { position: Position(7), hash: Digest::of(b"\0abc") };
        assert_eq!(Head::after(&entry), expect);
    }
}
