use async_trait::async_trait;
use muster_ledger::Head;
use muster_words::Id;
use thiserror::Error;

use crate::Cause;

/// A fencing token: a later claim of a follower has a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The marks of a ledger's followers, stored so that a follower continues where it stopped.
///
/// A follower has a name and a mark: the position and hash of the last entry that it has finished
/// ([`Head`]). The hash shows whether a restored or replaced ledger still holds what the follower
/// has seen. The words MUST and MAY are those of RFC 2119; the [suite](crate::conformance::marks)
/// checks each MUST that can be checked from outside.
///
/// Every method MUST be safe to call from many tasks at once. Dropping a returned future MUST NOT
/// do harm: a started call is either carried out as a whole or not at all.
#[async_trait]
pub trait Marks: Send + Sync {
    /// The mark of a follower; none if none was saved, or if the follower was forgotten.
    ///
    /// It MUST be the mark that was saved last, by anybody.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn load(&self, name: &Id) -> Result<Option<Head>, MarksError>;

    /// Takes over a follower. From now on its mark is saved with the returned epoch.
    ///
    /// The epoch MUST be higher than any that was ever returned for this name, including those
    /// before a crash and before [`Marks::forget`]. It MUST be durable when it is returned. An
    /// existing mark stays.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn claim(&self, name: &Id) -> Result<Epoch, MarksError>;

    /// Saves a follower's mark, in place of the previous one. It MAY be before that one.
    ///
    /// - It MUST be refused as [`MarksError::Fenced`], without any change, if `epoch` isn't the
    ///   last one that [`Marks::claim`] returned for this name, or if the name was forgotten since.
    /// - `Ok` MUST mean that the mark is durable (fsync or quorum). A crash MUST leave either this
    ///   mark or the previous one, intact.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn save(&self, name: &Id, epoch: Epoch, mark: Head) -> Result<(), MarksError>;

    /// The known followers: claimed and not forgotten, sorted by name.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn names(&self) -> Result<Vec<Id>, MarksError>;

    /// Forgets a follower: its mark is removed, and its last claim is refused. An unknown follower
    /// isn't an error.
    ///
    /// # Errors
    /// See [`MarksError`].
    async fn forget(&self, name: &Id) -> Result<(), MarksError>;
}

/// Why a mark couldn't be read or saved.
#[derive(Clone, Debug, Error)]
pub enum MarksError {
    /// Somebody else has claimed the follower, or it was forgotten. Nothing was changed, and
    /// nothing will ever be saved with this epoch.
    #[error("another runner has claimed the follower {name}")]
    Fenced {
        /// The follower's name.
        name: Id,
    },
    /// The marks can't be read or written now. The mark may have been saved; saving it again does
    /// no harm.
    #[error("the marks of followers can't be read or written now")]
    Unavailable(#[source] Cause),
    /// The stored bytes aren't those that were saved.
    #[error("the marks of followers are damaged")]
    Corrupt(#[source] Cause),
}
