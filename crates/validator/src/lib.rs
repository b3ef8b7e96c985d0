//! Checks payloads in an application's own process, against schemas from a registry, a published
//! site, a folder or a bundle: fetched with everything that they refer to, compiled once, kept within
//! bounds, refreshed in the background, and used on while their source is down.
//!
//! What a payload violates, the room `schema` decides; how a registry is asked, the room `client`.
//! This room has no rules of its own, and nothing of the server is in it.

mod checked;
mod gather;
mod kept;
mod local;
mod options;
mod published;
mod registry;
mod rest;
mod settings;
mod source;
mod validator;

pub use checked::{CheckedPayload, OwnedPayload, UncheckedPayload};
pub use gather::{GatherError, GatheredSchemas, Gathering, GroupIds, SchemaStore, StoredText};
pub use local::{LOCAL_GROUP, LocalSchema, LocalSchemaError, local_bundle, local_folder};
pub use options::{Precompile, ValidatorOptions};
pub use published::PublishedSchemas;
pub use registry::RegistrySchemas;
pub use settings::{ValidatorSettings, ValidatorSettingsError};
pub use source::{BundledSchemas, SchemaClosure, ValidatorSource};
pub use validator::{PayloadValidator, SourceStatus, ValidatorStatus};
