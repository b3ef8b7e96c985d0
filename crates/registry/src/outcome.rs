use muster_catalog::{Refusal, View, changes::Outcome, decide::AnswerSubject};
use muster_guard::Forbidden;
use muster_ledger::CommandId;
use muster_schema::Violation;
use muster_words::Position;
use thiserror::Error;

/// A command is done: durable and in the ledger.
#[derive(Clone, Debug)]
pub struct Done {
    /// The view at this command's own end, from which its answer is rendered.
    pub view: View,
    /// The position of its last entry.
    pub position: Position,
    /// Its id, as its entries have it; none where it had been done before.
    pub command: Option<CommandId>,
    /// What became of the entity that it was about.
    pub outcome: Outcome,
    /// What the answer shows.
    pub shows: AnswerSubject,
    /// What documents were accepted in spite of.
    pub warnings: Vec<Violation>,
    /// It had been done before, under the same idempotency key.
    pub repeat: bool,
}

/// Why a command wasn't done, or isn't known to be.
#[derive(Clone, Debug, Error)]
pub enum SubmitError {
    /// It is refused; nothing was changed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Whoever gives it may not; nothing was changed.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Too many commands wait.
    #[error("too many commands wait")]
    Busy,
    /// What it depends on changed too often while it was prepared.
    #[error("what the command depends on changed too often")]
    Contended,
    /// It may have been done, or may still be.
    #[error("whether the command was done isn't known")]
    OutcomeUnknown,
    /// There is no room.
    #[error("there is no room for the ledger to grow")]
    DiskFull,
    /// It is larger than the ledger takes at once.
    #[error("the command is larger than the ledger takes at once")]
    CommandTooLarge,
    /// The ledger can't be read or written now.
    #[error("the ledger can't be reached now")]
    Unavailable,
    /// The registry is closing.
    #[error("the registry is closing")]
    Closed,
    /// Stored bytes are damaged.
    #[error("the ledger is damaged at position {0}")]
    Corrupt(Position),
    /// The command met a fault in Muster itself; nothing was changed.
    #[error("the command met a fault in the registry")]
    Fault,
}

impl SubmitError {
    /// Whether the same command may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Contended
                | Self::OutcomeUnknown
                | Self::DiskFull
                | Self::Unavailable
                | Self::Closed
        )
    }

    /// Whether it is certain that nothing was changed.
    #[must_use]
    pub const fn has_no_side_effects(&self) -> bool {
        !matches!(self, Self::OutcomeUnknown)
    }
}

impl From<Refusal> for SubmitError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Why something that the ledger holds can't be read. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The ledger can't be reached now.
    #[error("the ledger can't be reached now")]
    Unavailable,
    /// The ledger didn't answer in time.
    #[error("the ledger didn't answer a read in time")]
    TimedOut,
    /// Stored bytes are damaged.
    #[error("the ledger is damaged at position {0}")]
    Corrupt(Position),
}

impl From<muster_journal::ReadError> for FetchError {
    fn from(error: muster_journal::ReadError) -> Self {
        match error {
            muster_journal::ReadError::Unavailable(_) => Self::Unavailable,
            muster_journal::ReadError::Corrupt(corrupt) => Self::Corrupt(corrupt.position),
        }
    }
}

/// A command that needs what can't be read isn't done.
impl From<FetchError> for SubmitError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unavailable | FetchError::TimedOut => Self::Unavailable,
            FetchError::Corrupt(position) => Self::Corrupt(position),
        }
    }
}
