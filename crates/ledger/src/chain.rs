//! The rules of the chain, checked entry by entry; `ledger verify`, replays and crash tests
//! use this code.
//!
//! | rule      | meaning                                                                         |
//! |-----------|---------------------------------------------------------------------------------|
//! | position  | each entry's position is the next one; the first is 1                           |
//! | previous  | each has the leaf hash of the previous entry; the first, of the empty tree      |
//! | parts     | the parts of a command are complete, in order and consecutive                   |
//! | moment    | the same for all parts of a command, and later than the previous command's      |

use muster_words::{Digest, Moment, Position};
use thiserror::Error;

use crate::{CommandId, DecodeError, Entry, EntryBytes, Head, MerkleTree};

/// Walks along a ledger and checks each entry against the previous ones.
///
/// If a step finds a fault, the walk stays after the last valid entry.
#[derive(Clone, Debug)]
pub struct ChainWalk {
    head: Head,
    tree: Option<MerkleTree>,
    /// The last command's moment, if there was one.
    moment: Option<Moment>,
    /// The command whose parts aren't complete yet.
    unfinished: Option<Unfinished>,
}

/// A command with missing parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unfinished {
    command: CommandId,
    /// The last part so far.
    part: u32,
    parts: u32,
}

/// A fault in a ledger, and its position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainFault {
    /// The position of an entry isn't the next one.
    #[error("position {position} is missing; the entry there has position {found}")]
    Position {
        /// The position of the fault.
        position: Position,
        /// The position in the entry.
        found: Position,
    },
    /// The bytes aren't an entry.
    #[error("position {position}: {source}")]
    Undecodable {
        /// The position of the fault.
        position: Position,
        /// The fault in the bytes.
        source: DecodeError,
    },
    /// The entry carries the hash of another previous entry, so this one or an earlier one was
    /// changed.
    #[error("position {position} follows an entry with hash {says}, not {expected}")]
    Previous {
        /// The position of the fault.
        position: Position,
        /// The hash of the previous entry.
        expected: Digest,
        /// The hash in the entry.
        says: Digest,
    },
    /// A command begins before the previous one is complete.
    #[error("position {position} is of command {found}, but command {command} has no end yet")]
    Interrupted {
        /// The position of the fault.
        position: Position,
        /// The incomplete command.
        command: CommandId,
        /// The command of this entry.
        found: CommandId,
    },
    /// A part isn't the next one.
    #[error("position {position} is part {part} of {parts}; part {expected} was due")]
    Part {
        /// The position of the fault.
        position: Position,
        /// The expected part.
        expected: u32,
        /// The part in the entry.
        part: u32,
        /// The number of parts in the entry.
        parts: u32,
    },
    /// The parts of a command disagree on their number.
    #[error("position {position} says that its command has {parts} parts, not {expected}")]
    Parts {
        /// The position of the fault.
        position: Position,
        /// The number in the earlier parts.
        expected: u32,
        /// The number in this entry.
        parts: u32,
    },
    /// A command isn't later than the previous one, or a part has another moment than its command.
    #[error("position {position} has the moment {says}, and the entry before it {last}")]
    Moment {
        /// The position of the fault.
        position: Position,
        /// The moment of the previous entry.
        last: Moment,
        /// The moment of this entry.
        says: Moment,
    },
    /// The ledger ends within a command.
    #[error("the ledger ends at position {position} with part {part} of {parts}")]
    Unfinished {
        /// The last position.
        position: Position,
        /// The last existing part.
        part: u32,
        /// The number of parts.
        parts: u32,
    },
}

impl ChainFault {
    /// The first faulty position.
    #[must_use]
    pub fn position(&self) -> Position {
        match *self {
            Self::Position { position, .. }
            | Self::Undecodable { position, .. }
            | Self::Previous { position, .. }
            | Self::Interrupted { position, .. }
            | Self::Part { position, .. }
            | Self::Parts { position, .. }
            | Self::Moment { position, .. }
            | Self::Unfinished { position, .. } => position,
        }
    }
}

impl ChainWalk {
    /// A walk that starts after this head. From [`Head::EMPTY`] it builds the tree. From any other
    /// head it can't, and it doesn't check the first command's moment.
    #[must_use]
    pub fn new(head: Head) -> Self {
        let tree = (head == Head::EMPTY).then(MerkleTree::default);
        Self { head, tree, moment: None, unfinished: None }
    }

    /// The head after the last checked entry.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The tree up to there, if the walk started at the beginning.
    #[must_use]
    pub fn tree(&self) -> Option<&MerkleTree> {
        self.tree.as_ref()
    }

    /// The moment of the last command.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Whether the last entry completed its command; views exist only at such positions.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        self.unfinished.is_none()
    }

    /// Checks the next entry and moves past it.
    ///
    /// # Errors
    /// The entry violates a rule of the chain; the walk doesn't move.
    pub fn step(&mut self, bytes: &EntryBytes) -> Result<Entry, ChainFault> {
        let position = self.head.position.next();
        if bytes.position != position {
            return Err(ChainFault::Position { position, found: bytes.position });
        }
        let entry =
            bytes.decode().map_err(|source| ChainFault::Undecodable { position, source })?;
        if entry.previous != self.head.hash {
            let (expected, says) = (self.head.hash, entry.previous);
            return Err(ChainFault::Previous { position, expected, says });
        }
        self.check_part(&entry)?;
        self.check_moment(&entry)?;
        self.advance(&entry, Head::after(bytes));
        Ok(entry)
    }

    /// Checks that the ledger ends with a complete command, and returns its head.
    ///
    /// # Errors
    /// Parts of the last command are missing.
    pub fn end(&self) -> Result<Head, ChainFault> {
        match self.unfinished {
            None => Ok(self.head),
            Some(Unfinished { part, parts, .. }) => {
                Err(ChainFault::Unfinished { position: self.head.position, part, parts })
            }
        }
    }

    fn check_part(&self, entry: &Entry) -> Result<(), ChainFault> {
        let &Entry { position, command: found, part, parts, .. } = entry;
        let expected = match self.unfinished {
            None => 1,
            Some(Unfinished { command, .. }) if command != found => {
                return Err(ChainFault::Interrupted { position, command, found });
            }
            Some(Unfinished { parts: expected, .. }) if expected != parts => {
                return Err(ChainFault::Parts { position, expected, parts });
            }
            Some(Unfinished { part, .. }) => part + 1,
        };
        if part != expected {
            return Err(ChainFault::Part { position, expected, part, parts });
        }
        Ok(())
    }

    fn check_moment(&self, entry: &Entry) -> Result<(), ChainFault> {
        let Some(last) = self.moment else { return Ok(()) };
        let says = entry.moment;
        let holds = if self.unfinished.is_some() { says == last } else { says > last };
        if holds {
            return Ok(());
        }
        Err(ChainFault::Moment { position: entry.position, last, says })
    }

    fn advance(&mut self, entry: &Entry, head: Head) {
        let &Entry { command, part, parts, .. } = entry;
        if let Some(tree) = &mut self.tree {
            tree.append(head.hash);
        }
        self.head = head;
        self.moment = Some(entry.moment);
        self.unfinished = (part < parts).then_some(Unfinished { command, part, parts });
    }
}

#[cfg(test)]
mod tests;
