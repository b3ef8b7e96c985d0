use async_trait::async_trait;
use muster_ledger::Head;
use muster_words::Id;
use thiserror::Error;

use crate::Cause;

/// A fencing token: who claimed a follower later has a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// How far each follower of a ledger has come, kept so that a follower that starts again goes on
/// where it stopped.
///
/// A follower has a name, and a mark: the last entry that it is done with, by position and hash
/// ([`Head`]). The hash tells whether a ledger that was restored or replaced still holds what the
/// follower has seen. The words MUST and MAY are those of RFC 2119; the
/// [suite](crate::conformance::marks) checks each MUST that can be checked from outside.
///
/// Every method MUST be safe to call from many tasks at once. Dropping a future that it returned
/// MUST NOT harm anything: what was begun is either done whole or not at all.
#[async_trait]
pub trait Marks: Send + Sync {
    /// The mark of a follower; none where none was saved, or it was forgotten.
    ///
    /// It MUST be the one that was saved last, whoever saved it.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn load(&self, name: &Id) -> Result<Option<Head>, MarksError>;

    /// Takes a follower over: from now on its mark is saved with the epoch that this answers.
    ///
    /// The epoch MUST be higher than every one that was ever answered for this name, before a
    /// crash and before [`Marks::forget`] included. It MUST be durable when it is answered. A mark
    /// that is there stays.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn claim(&self, name: &Id) -> Result<Epoch, MarksError>;

    /// Saves a follower's mark, in the place of the one before. It MAY lie before that one.
    ///
    /// - It MUST be refused as [`MarksError::Fenced`], with nothing changed, where `epoch` isn't
    ///   the one that was answered last by [`Marks::claim`] for this name, or the name was
    ///   forgotten since.
    /// - `Ok` MUST mean that the mark is durable (fsync or quorum). A crash MUST leave this mark
    ///   or the one before, whole.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn save(&self, name: &Id, epoch: Epoch, mark: Head) -> Result<(), MarksError>;

    /// The followers that are known: those that were claimed and not forgotten, by name.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn names(&self) -> Result<Vec<Id>, MarksError>;

    /// Forgets a follower: its mark goes, and who had claimed it is refused. One that isn't known
    /// is no error.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn forget(&self, name: &Id) -> Result<(), MarksError>;
}

/// Why a mark was not read or saved.
#[derive(Clone, Debug, Error)]
pub enum MarksError {
    /// Somebody else has claimed the follower, or it was forgotten; nothing was changed, and
    /// nothing saved with this epoch ever will be.
    #[error("another runner has claimed the follower {name}")]
    Fenced {
        /// The follower's name.
        name: Id,
    },
    /// The marks can't be read or written now. What was to be saved may have been saved; saving it
    /// again does no harm.
    #[error("the marks of followers can't be read or written now")]
    Unavailable(#[source] Cause),
    /// What is stored isn't what was saved.
    #[error("the marks of followers are damaged")]
    Corrupt(#[source] Cause),
}
