use muster_words::{ContentRef, Digest, Position};

/// Bytes that the ledger keeps beside an entry: a document, or the attributes that clients set on
/// an entity. The catalog knows their name and their size, never the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    /// The entry beside which the bytes lie.
    pub position: Position,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// How many bytes there are.
    pub size: u32,
}

impl Content {
    /// The name by which a ledger gives the bytes.
    #[must_use]
    pub const fn reference(&self) -> ContentRef {
        ContentRef { position: self.position, digest: self.digest }
    }
}
