//! The registry: opens a ledger and folds it into a catalog, prepares commands, decides them one
//! after another in a single writer, appends the decisions, and publishes views.
//!
//! Only this room folds a ledger into a catalog. It speaks no protocol. It decides no
//! permission itself, but asks `guard` before it prepares a command.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod attended;
mod backup;
mod between;
mod cache;
mod checkpoint;
mod commands;
mod follow;
mod followers;
mod long_work;
mod lost;
mod open;
mod outcome;
mod parts;
mod prepare;
mod proofs;
mod recent;
mod register_schemas;
mod registry;
mod replay;
mod ring;
mod rollback;
mod settings;
mod status;
mod sync;
mod tiles;
mod tree_hashes;
mod trial;
mod turns;
mod validations;
mod verify;
mod view_at;
mod writer;

pub use attended::{JUDGING_TIME_MAX, attended_read, stoppable_read};
pub use backup::{
    BackupCheck, BackupError, BackupFrame, BackupFrames, BackupHeader, BackupItem,
    BackupRestoration, BackupStream, CheckedBackup, RestoreError,
};
pub use checkpoint::{CheckpointFile, CheckpointFileError};
pub use commands::Commands;
pub use follow::CommandBounds;
pub use followers::{
    Follower, FollowerError, FollowerLimits, FollowerState, FollowerStatus, Followers,
    MakeFollower, PlaceError, ResumeFrom,
};
pub use long_work::{LongWork, LongWorkPermit, SHORT_BYTES_MAX};
pub use muster_history::CommittedCommand;
pub use open::OpenError;
pub use outcome::{Done, FetchError, SubmitError};
pub use prepare::StoredDocument;
pub use proofs::{ProvenEntry, ProvenPrefix};
pub use recent::WriteTimes;
pub use registry::{CommandOrigin, Registry};
pub use rollback::{RollbackStep, RollbackTrial};
pub use settings::{Clock, DocumentCheck, DocumentRefused, Genesis, RegistrySettings};
pub use status::RegistryStatus;
pub use sync::{
    ConflictRecord, DocumentState, IncomingDocument, Resolution, SyncError, SyncOutcome, SyncWay,
    SyncedDocument, conflict_name,
};
pub use trial::{FailingDocuments, PlanPart, PlanTrial, RefusedPart, changes_checks};
pub use validations::ValidationCounts;
pub use verify::{
    ContentFault, ContentRole, FaultKind, FoundContent, Verification, VerifyError, VerifyProgress,
    fold, root, verify,
};
pub use view_at::ViewError;
pub use writer::WriterEnd;
