use muster_catalog::{Refusal, View, changes::Outcome, decide::AnswerSubject};
use muster_guard::{Forbidden, secret_references::SecretDenied};
use muster_ledger::CommandId;
use muster_schema::Violation;
use muster_words::{Position, Xid};
use thiserror::Error;

/// A command that is durable in the ledger.
#[derive(Clone, Debug)]
pub struct Done {
    /// The view at the end of this command. Its answer is rendered from it.
    pub view: View,
    /// The position of its last entry.
    pub position: Position,
    /// Its id in its entries; none if it was a repetition.
    pub command: Option<CommandId>,
    /// What happened to its entity.
    pub outcome: Outcome,
    /// What the answer shows.
    pub shows: AnswerSubject,
    /// Warnings about accepted documents.
    pub warnings: Vec<Violation>,
    /// Whether it repeats an earlier command with the same idempotency key.
    pub repeat: bool,
}

/// Why a command wasn't done, or why that isn't known.
#[derive(Clone, Debug, Error)]
pub enum SubmitError {
    /// It was refused; nothing was changed.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The author doesn't have the permission; nothing was changed.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A document names a secret that its author may not name; nothing was changed.
    #[error(transparent)]
    SecretDenied(#[from] SecretDenied),
    /// Only one document may have this name, in whatever group; nothing was changed.
    #[error("{existing} has the name of {resource}")]
    NameTaken {
        /// The document that was to be written.
        resource: Box<Xid>,
        /// The one that has the name.
        existing: Box<Xid>,
    },
    /// Too many commands wait.
    #[error("too many commands are waiting")]
    Busy,
    /// What it depends on changed too often while it was being prepared.
    #[error("what the command depends on changed too often")]
    Contended,
    /// It may have been done, or may still be done.
    #[error("it isn't known whether the command was done")]
    OutcomeUnknown,
    /// The disk is full.
    #[error("the disk of the ledger is full")]
    DiskFull,
    /// It is larger than the ledger accepts.
    #[error("the command is larger than the ledger accepts")]
    CommandTooLarge,
    /// Judging its documents took too long, or its caller had left.
    #[error("judging the command's documents takes too long")]
    TooLong,
    /// The ledger can't be read or written now.
    #[error("the ledger can't be reached now")]
    Unavailable,
    /// The registry is closing.
    #[error("the registry is closing")]
    Closed,
    /// Stored data is damaged.
    #[error("the ledger is damaged at position {0}")]
    Corrupt(Position),
    /// Stored data is missing, although nobody purged it.
    #[error("the ledger has lost a content of position {0}")]
    Missing(Position),
    /// A fault in Muster itself; nothing was changed.
    #[error("the command met a fault in the registry")]
    Fault,
}

impl From<Refusal> for SubmitError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Why something in the ledger can't be read. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// The ledger can't be reached now.
    #[error("the ledger can't be reached now")]
    Unavailable,
    /// The ledger didn't answer in time.
    #[error("the ledger didn't answer a read in time")]
    TimedOut,
    /// Stored data is damaged.
    #[error("the ledger is damaged at position {0}")]
    Corrupt(Position),
    /// Stored data is missing, although nobody purged it.
    #[error("the ledger has lost a content of position {0}")]
    Missing(Position),
}

impl From<muster_journal::ReadError> for FetchError {
    fn from(error: muster_journal::ReadError) -> Self {
        match error {
            muster_journal::ReadError::Unavailable(_) => Self::Unavailable,
            muster_journal::ReadError::Corrupt(corrupt) => Self::Corrupt(corrupt.position),
        }
    }
}

/// A command isn't done if something that it needs can't be read.
impl From<FetchError> for SubmitError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unavailable | FetchError::TimedOut => Self::Unavailable,
            FetchError::Corrupt(position) => Self::Corrupt(position),
            FetchError::Missing(position) => Self::Missing(position),
        }
    }
}
