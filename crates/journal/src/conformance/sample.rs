use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use crate::Batch;

/// A batch of `count` entries after a head. Each has two contents; one of them has the same bytes
/// for every entry. `salt` distinguishes the batches after one head.
#[must_use]
pub fn sample_batch(head: Head, salt: u64, count: usize) -> Batch {
    let mut batch = Batch::default();
    let mut last = head;
    for _ in 0..count {
        let entry = sample_entry(last, salt);
        last = Head::after(&entry);
        let own = Bytes::from(format!("content {salt} of {}", entry.position));
        for bytes in [own, Bytes::from_static(b"equal")] {
            batch.contents.push((name(entry.position, &bytes), bytes));
        }
        batch.entries.push(entry);
    }
    batch
}

/// An entry after a head that carries the head's hash and a salt: enough for a chain, but
/// meaningless to a registry.
#[must_use]
pub fn sample_entry(head: Head, salt: u64) -> EntryBytes {
    let bytes = format!("{} follows {}", salt, head.hash);
    EntryBytes { position: head.position.next(), bytes: Bytes::from(bytes) }
}

/// The name of bytes at an entry.
pub(super) fn name(position: Position, bytes: &[u8]) -> ContentRef {
    ContentRef { position, digest: Digest::of(bytes) }
}

/// A batch that only erases.
pub(super) fn purge(purges: &[ContentRef]) -> Batch {
    Batch { purges: purges.to_vec(), ..Batch::default() }
}
