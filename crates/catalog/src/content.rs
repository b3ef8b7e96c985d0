use muster_words::{ContentRef, Digest, Position};

/// Bytes that the ledger stores with an entry: a document, or the attributes that clients set on an
/// entity. The catalog only knows their digest and their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    /// The position of the entry that stores the bytes.
    pub position: Position,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The number of bytes.
    pub size: u32,
}

impl Content {
    /// The reference with which the ledger returns the bytes.
    #[must_use]
    pub const fn reference(&self) -> ContentRef {
        ContentRef { position: self.position, digest: self.digest }
    }
}
