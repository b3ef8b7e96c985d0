use std::collections::HashSet;

use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Position};
use thiserror::Error;

/// What one append brings: entries, the contents that they name, and what is to be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The entries in order, beginning with the one after the head. It may be empty.
    pub entries: Vec<EntryBytes>,
    /// The contents to be stored beside the batch's entries; a name that comes twice is one
    /// content. An entry may also name older contents, which aren't brought again.
    pub contents: Vec<(ContentRef, Bytes)>,
    /// The contents to be erased, of this batch or of any older entry.
    pub purges: Vec<ContentRef>,
}

/// Why a batch can't be appended after a head, whatever the store: a mistake of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedBatch {
    /// The entries don't follow the head one by one.
    #[error("the entry at position {found} stands where position {expected} is due")]
    Gap {
        /// The position that is due.
        expected: Position,
        /// The position that the entry has.
        found: Position,
    },
    /// A content names an entry that isn't in the batch.
    #[error("a content of position {position} is in a batch without that entry")]
    Stray {
        /// The position that the content names.
        position: Position,
    },
}

impl Batch {
    /// Says whether the batch may be appended after `head`, as far as the batch itself tells.
    /// Every store asks it before it does anything.
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

    /// The head once the batch has been appended after `head`: that of its last entry.
    #[must_use]
    pub fn head_after(&self, head: Head) -> Head {
        match self.entries.last() {
            Some(last) => Head::after(last),
            None => head,
        }
    }

    /// The contents that are to be stored: those that the batch doesn't purge itself.
    pub fn kept_contents(&self) -> impl Iterator<Item = &(ContentRef, Bytes)> {
        let purges: HashSet<&ContentRef> = self.purges.iter().collect();
        self.contents.iter().filter(move |(content, _)| !purges.contains(content))
    }

    /// Bytes of entries and contents: what a store's limit is compared with.
    #[must_use]
    pub fn size(&self) -> usize {
        let entries: usize = self.entries.iter().map(|entry| entry.bytes.len()).sum();
        entries + self.contents.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}
