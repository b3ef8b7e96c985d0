//! The bodies of Confluent's Schema Registry API (version 8), as its clients read and write them.
//! Members that have no value are left out; members of requests that aren't known are ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A schema that another one refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfluentReference {
    /// The name in the schema's text.
    #[serde(default)]
    pub name: String,
    /// The subject.
    #[serde(default)]
    pub subject: String,
    /// The version of the subject; −1 is the newest.
    #[serde(default)]
    pub version: i32,
}

/// A version of a subject, or a schema by its id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfluentSchema {
    /// The subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The version of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The id in the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The identity in all contexts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// `JSON` or `PROTOBUF`; absent for Avro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_type: Option<String>,
    /// What it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub references: Vec<ConfluentReference>,
    /// Tags, properties, and which properties are sensitive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Rules that clients execute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_set: Option<Value>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The parts of the text with the tags that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub schema_tags: Vec<ConfluentTags>,
    /// When it was registered, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
    /// Whether it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// The highest id of the context, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_id: Option<u32>,
}

/// A schema to register, to look up or to compare.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfluentRequest {
    /// The version that it must become.
    pub version: Option<i64>,
    /// The id that it must get, in the mode `IMPORT`.
    pub id: Option<i64>,
    /// `AVRO`, `JSON` or `PROTOBUF`; Avro if absent.
    pub schema_type: Option<String>,
    /// What it refers to.
    pub references: Option<Vec<ConfluentReference>>,
    /// Tags, properties, and which properties are sensitive.
    pub metadata: Option<Value>,
    /// Rules that clients execute.
    pub rule_set: Option<Value>,
    /// The text.
    pub schema: Option<String>,
    /// When it was registered elsewhere, in milliseconds since 1970.
    pub ts: Option<i64>,
}

/// What a tag is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfluentEntityType {
    /// A record, an object or a message.
    SrRecord,
    /// A field of one.
    SrField,
}

/// A part of a schema's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfluentEntity {
    /// The names that lead to it, with dots between them.
    pub entity_path: String,
    /// What it is.
    pub entity_type: ConfluentEntityType,
}

/// The tags of a part of a schema's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfluentTags {
    /// The part.
    pub schema_entity: ConfluentEntity,
    /// The tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A new version of a schema with other tags, metadata or rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfluentTagRequest {
    /// The version that it must become.
    pub new_version: Option<i64>,
    /// Tags that parts of the text get.
    pub tags_to_add: Option<Vec<ConfluentTags>>,
    /// Tags that parts of the text lose.
    pub tags_to_remove: Option<Vec<ConfluentTags>>,
    /// The metadata instead of the version's.
    pub metadata: Option<Value>,
    /// The rules instead of those of the newest version.
    pub rule_set: Option<Value>,
    /// Rules that are added to those of the version before, or replace those with the same name.
    pub rules_to_merge: Option<Value>,
    /// The names of rules that are removed.
    pub rules_to_remove: Option<Vec<String>>,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The number of the version.
    pub version: u32,
}

/// The id of a schema in a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextId {
    /// The context.
    pub context: String,
    /// The id there.
    pub id: u32,
}

/// Whether a schema is compatible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompatibilityCheck {
    /// Whether it is.
    pub is_compatible: bool,
    /// Why it isn't, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<String>>,
}

/// The mode of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeBody {
    /// `READWRITE`, `READONLY`, `READONLY_OVERRIDE`, `IMPORT` or `FORWARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// The settings of a place, by their names.
pub type ConfigBody = Map<String, Value>;

/// An error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfluentProblem {
    /// The code: the status, often followed by two digits.
    pub error_code: u32,
    /// What happened.
    pub message: String,
    /// The stable name of an error that isn't one of that API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
