use std::collections::HashSet;

use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Position};
use thiserror::Error;

/// The content of one append: entries, the contents that they name, and contents to erase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The entries in order, beginning after the head. May be empty.
    pub entries: Vec<EntryBytes>,
    /// The contents to store with the batch's entries. A repeated name is one content. Entries may
    /// also name older contents, which aren't part of the batch.
    pub contents: Vec<(ContentRef, Bytes)>,
    /// The contents to erase, of this batch or of older entries.
    pub purges: Vec<ContentRef>,
}

/// Why a batch is invalid after a head, for any store: a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedBatch {
    /// The entries don't follow the head without a gap.
    #[error("the entry has position {found}, but position {expected} is expected")]
    Gap {
        /// The expected position.
        expected: Position,
        /// The position of the entry.
        found: Position,
    },
    /// A content belongs to an entry outside the batch.
    #[error("a content belongs to position {position}, but the batch has no such entry")]
    Stray {
        /// The position in the content's name.
        position: Position,
    },
}

impl Batch {
    /// Checks whether the batch is valid after `head`. Every store calls this first.
    ///
    /// # Errors
    /// See [`MalformedBatch`].
    pub fn check(&self, head: Head) -> Result<(), MalformedBatch> {
        let mut expected = head.position;
        for entry in &self.entries {
            expected = expected.next();
            if entry.position != expected {
                return Err(MalformedBatch::Gap { expected, found: entry.position });
            }
        }
        let named = |position: Position| head.position < position && position <= expected;
        match self.contents.iter().find(|(content, _)| !named(content.position)) {
            Some((content, _)) => Err(MalformedBatch::Stray { position: content.position }),
            None => Ok(()),
        }
    }

    /// The head after the batch was appended: that of its last entry.
    #[must_use]
    pub fn head_after(&self, head: Head) -> Head {
        match self.entries.last() {
            Some(last) => Head::after(last),
            None => head,
        }
    }

    /// The contents to store: those that the batch doesn't purge itself.
    pub fn kept_contents(&self) -> impl Iterator<Item = &(ContentRef, Bytes)> {
        let purges: HashSet<&ContentRef> = self.purges.iter().collect();
        self.contents.iter().filter(move |(content, _)| !purges.contains(content))
    }

    /// The size of entries and contents, which a store compares with its limit.
    #[must_use]
    pub fn size(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.bytes.len()).sum();
        entries + self.contents.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}
