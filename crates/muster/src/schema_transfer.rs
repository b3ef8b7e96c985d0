//! Copies schemas between registries that have Confluent's API, with their ids, versions, times,
//! configurations and modes.
//!
//! In between they are records as Confluent's registry keeps them in its topic `_schemas`, so a dump
//! of that topic is read as well.

mod record;
mod remote;
mod sink;

pub use record::SchemaRecords;
pub use remote::RemoteRegistry;
pub use sink::TransferPlan;
