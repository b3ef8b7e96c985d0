//! What schemas mean, in three formats: JSON Schema, Avro and Protobuf. Parses or compiles a
//! schema, validates values, locates every violation, and says whether a new version of a schema is
//! compatible with an old one.
//!
//! This room is pure: a schema refers to other schemas by name, and the caller provides them.
//! Nothing here fetches anything or knows where documents are stored.

pub mod avro;
mod bundle;
mod compatibility;
mod formats;
mod found_violations;
mod identity;
mod json_schema;
mod level_check;
mod messages;
mod nearest;
mod profile;
mod quality;
mod schema_difference;
mod steps;
mod subjects;
mod tags;
mod validator;
mod violation;
mod written_json;

pub use bundle::{BUNDLE_BYTES_MAX, BundledSchema, SchemaBundle, SchemaBundleError};
pub use compatibility::{Broken, Certainty, Direction, Level, Policy, UnknownName};
pub use formats::{
    FormattedSchema, Payload, SchemaContext, SchemaFormat, UncheckablePayload, UnknownFormat,
    notation_of,
};
pub use found_violations::FoundViolations;
pub use identity::{HashedText, IdentityParts, ReferencedVersion, SchemaGuid, json_schema_text};
pub use json_schema::{
    CompileError, Dialect, MetaschemaFault, NoSources, Outline, ReferenceFault, Schema,
    SchemaSources, compare_json_schemas, compare_numbers, cost_of_pattern, json_schema_difference,
    oversized_numbers,
};
pub use level_check::{VersionFindings, check_level};
pub use nearest::nearest;
pub use profile::{
    ModelProvider, ObstacleEffect, PROFILE_RULES, ProfileObstacle, ProfileRule, ProfileSource,
    profile_obstacles,
};
pub use quality::{
    QUALITY_RULES, QualityDimension, QualityIssue, QualityLimits, QualityRule, QualitySeverity,
    SchemaQuality, json_schema_quality,
};
pub use schema_difference::{ChangeClass, ChangeKind, ChangedPart, SchemaChange};
pub use steps::{StopSign, Stopped, heed_stop, stoppable};
pub use subjects::{
    SCHEMA_TYPES, context_group, hashed_id, is_default_context, named_references, named_schemas,
    named_versions, read_references, subject_ids,
};
pub use tags::{TagChanges, TagError, TaggedKind, TaggedPart};
pub use validator::{CompiledFromBundle, READY_SCHEMAS_MAX, Validator, ValidatorError};
pub use violation::{Severity, Violation, ViolationSource};

#[cfg(feature = "protobuf")]
pub mod protobuf;

/// Limits on the work for one schema, with their reasons.
pub mod limits;
