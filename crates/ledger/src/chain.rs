//! The chain's rules, checked entry by entry: what `ledger verify`, a replay and a test after a
//! crash all walk with.
//!
//! | rule      | what holds                                                                      |
//! |-----------|---------------------------------------------------------------------------------|
//! | position  | each entry stands right behind the one before, the first at 1                   |
//! | previous  | each carries the leaf hash of the one before, the first that of the empty tree  |
//! | parts     | the parts of a command are all there, in order, with nothing between them       |
//! | moment    | one for all parts of a command, and later than the last command's               |

use muster_words::{Digest, Moment, Position};
use thiserror::Error;

use crate::{CommandId, DecodeError, Entry, EntryBytes, Head, MerkleTree};

/// Walks along a ledger and checks each entry against what came before it.
///
/// A step that finds a fault leaves the walk where it was: behind the last entry that holds.
#[derive(Clone, Debug)]
pub struct ChainWalk {
    head: Head,
    tree: Option<MerkleTree>,
    /// The last command's moment, where one was seen.
    moment: Option<Moment>,
    /// The command whose parts aren't all there yet.
    unfinished: Option<Unfinished>,
}

/// A command in the midst of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unfinished {
    command: CommandId,
    /// The part that was seen last.
    part: u32,
    parts: u32,
}

/// What is wrong with a ledger, and at which position.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainFault {
    /// Another entry than the next one.
    #[error("position {position} is missing; position {found} stands there")]
    Position {
        /// Where the fault is.
        position: Position,
        /// The position of the entry that stands there.
        found: Position,
    },
    /// The bytes are no entry.
    #[error("position {position}: {source}")]
    Undecodable {
        /// Where the fault is.
        position: Position,
        /// What is wrong with the bytes.
        source: DecodeError,
    },
    /// The entry names another one as the one before it: this one, or one before it, was changed.
    #[error("position {position} follows an entry with hash {says}, not {expected}")]
    Previous {
        /// Where the fault is.
        position: Position,
        /// The hash of the entry before.
        expected: Digest,
        /// The hash that the entry carries.
        says: Digest,
    },
    /// A command begins before the last one's parts are all there.
    #[error("position {position} is of command {found}, but command {command} has no end yet")]
    Interrupted {
        /// Where the fault is.
        position: Position,
        /// The command that has no end.
        command: CommandId,
        /// The command that this entry is of.
        found: CommandId,
    },
    /// Another part than the next one.
    #[error("position {position} is part {part} of {parts}; part {expected} was due")]
    Part {
        /// Where the fault is.
        position: Position,
        /// The part that was due.
        expected: u32,
        /// The part that it is.
        part: u32,
        /// How many parts the entry says that there are.
        parts: u32,
    },
    /// The parts of a command don't agree on how many there are.
    #[error("position {position} says that its command has {parts} parts, not {expected}")]
    Parts {
        /// Where the fault is.
        position: Position,
        /// How many the parts before it say.
        expected: u32,
        /// How many this one says.
        parts: u32,
    },
    /// A command that isn't later than the one before, or a part that isn't of its command's
    /// moment.
    #[error("position {position} has the moment {says}, and the entry before it {last}")]
    Moment {
        /// Where the fault is.
        position: Position,
        /// The moment of the entry before.
        last: Moment,
        /// The moment of this one.
        says: Moment,
    },
    /// The ledger ends before its last command does.
    #[error("the ledger ends at position {position} with part {part} of {parts}")]
    Unfinished {
        /// The last position.
        position: Position,
        /// The last part that is there.
        part: u32,
        /// How many there should be.
        parts: u32,
    },
}

impl ChainFault {
    /// The first position at which something is wrong.
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
    /// A walk that begins behind this head. From [`Head::EMPTY`] it keeps the tree; from anywhere
    /// else it can't, and it takes the first command's moment as it is.
    #[must_use]
    pub fn new(head: Head) -> Self {
        let tree = (head == Head::EMPTY).then(MerkleTree::default);
        Self { head, tree, moment: None, unfinished: None }
    }

    /// The head behind the last entry that was checked.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// The tree up to there, if the walk began at the beginning.
    #[must_use]
    pub fn tree(&self) -> Option<&MerkleTree> {
        self.tree.as_ref()
    }

    /// The moment of the last command that was seen.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Whether the last entry was its command's last part: the only places where a view may stand.
    #[must_use]
    pub fn is_between_commands(&self) -> bool {
        self.unfinished.is_none()
    }

    /// Checks the next entry and moves behind it.
    ///
    /// # Errors
    /// The entry breaks a rule of the chain; the walk stays where it was.
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

    /// Sees that the ledger ends where a command does, and tells its head.
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
