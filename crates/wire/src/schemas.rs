//! `POST /schemas/…` and `POST /validate`: questions about schemas and payloads, which change
//! nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{OrOther, Sample, Severity, Violation, ViolationCause};

/// A schema: a stored one, by its xid, or one that the request brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaSource {
    /// The xid of a stored schema, or of a version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// The schema itself: its text, or for JSON Schema and Avro also its JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The format: `jsonschema`, `avro` or `protobuf`. Absent for a stored schema, whose attributes
    /// `format` and `contenttype` say it; for others absent means `jsonschema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The schemas that an Avro schema refers to, in the order of their dependencies, or the files
    /// that a Protobuf schema imports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<SchemaReference>,
}

/// A schema that another one refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaReference {
    /// The name: for Protobuf the import path, for Avro a name for messages.
    pub name: String,
    /// The schema's text, or for Avro also its JSON.
    pub schema: Value,
}

/// What to check for compatibility.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompatibilityRequest {
    /// The new version.
    pub new: SchemaSource,
    /// The earlier versions, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old: Vec<SchemaSource>,
    /// The xid of a stored schema, instead of `old`: all its versions count, newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// `BACKWARD` (absent means this), `FORWARD`, `FULL`, each also with `_TRANSITIVE`, or `NONE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// `sound` (absent means this), `confluent-strict` or `confluent-lenient`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Whether a new version of a schema is compatible with earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompatibilityReport {
    /// Whether it is compatible with all that were compared.
    pub compatible: bool,
    /// The level that was asked for.
    pub level: String,
    /// The policy that was applied.
    pub policy: String,
    /// The format.
    pub format: String,
    /// The versions that were compared, newest first.
    pub compared: Vec<VersionComparison>,
}

/// What the comparison with one earlier version found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionComparison {
    /// The version's xid, if it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// Whether they are compatible.
    pub compatible: bool,
    /// Why they aren't; an answer has at most 1,000 findings altogether.
    pub findings: Vec<CompatibilityFinding>,
    /// How many findings were left out.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

/// One reason why two schemas aren't compatible in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CompatibilityFinding {
    /// The stable id of the rule.
    pub rule: String,
    /// The place in the schema: a JSON Pointer, or for Protobuf a full name.
    pub path: String,
    /// `backward`: readers with the new schema can't read old data. `forward`: readers with the old
    /// schema can't read new data.
    pub direction: OrOther<FindingDirection>,
    /// Whether it is certain, or only couldn't be decided.
    pub certainty: OrOther<FindingCertainty>,
    /// What the old schema says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What the new schema says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Why it breaks, and for whom.
    pub message: String,
    /// A change of the new schema that would pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// Who can't read whose data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingDirection {
    /// Readers with the new schema can't read old data.
    Backward,
    /// Readers with the old schema can't read new data.
    Forward,
}

/// Whether a finding is known to break readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingCertainty {
    /// It breaks readers.
    Broken,
    /// It couldn't be decided.
    Undecided,
}

/// Two versions of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaDiffRequest {
    /// The old version.
    pub old: SchemaSource,
    /// The new version.
    pub new: SchemaSource,
}

/// What differs between two versions of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaDiffReport {
    /// The format.
    pub format: String,
    /// The weightiest class of the changes: `breaking`, `non-breaking` or `patch`; null if nothing
    /// differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The changes, by place.
    pub changes: Vec<SchemaDiffChange>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaDiffChange {
    /// `added`, `modified`, `removed` or `deprecated`.
    pub kind: String,
    /// What it is about: `member`, `type`, `constraint`, `required`, `default` or `documentation`.
    pub part: String,
    /// The place: a JSON Pointer, or for Protobuf a full name.
    pub path: String,
    /// What the old version says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What the new version says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// `breaking`, `non-breaking` or `patch`.
    pub class: String,
}

/// Payloads to check against a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayloadsRequest {
    /// The schema.
    pub schema: SchemaSource,
    /// The payloads: JSON values; for the other encodings, their bytes as base64.
    pub payloads: Vec<Value>,
    /// `json` (absent means this), `binary` for Avro's or Protobuf's encoding, or `confluent` for
    /// the same behind the five bytes that Confluent's serializers write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The message of a Protobuf schema; absent for its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Which payloads pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadsReport {
    /// Whether all of them pass.
    pub valid: bool,
    /// How many don't.
    pub invalid: u64,
    /// The format of the schema.
    pub format: String,
    /// The stored version of the schema, if it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// What was found in each payload, in their order.
    pub results: Vec<PayloadResult>,
}

/// What was found in a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadResult {
    /// Whether it passes; it may have warnings.
    pub valid: bool,
    /// What is wrong; an answer has at most 10,000 violations altogether.
    pub violations: Vec<Violation>,
    /// How many violations were left out.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A schema whose quality is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QualityRequest {
    /// A JSON Schema.
    pub schema: SchemaSource,
    /// From which number of properties on an object is called too large; absent means 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties_max: Option<u32>,
    /// From which nesting depth on a schema is called too deep; absent means 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesting_max: Option<u32>,
    /// From which number of items on an array is called too large; absent means 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_items_max: Option<u32>,
}

/// How good a schema is. All scores are from 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QualityReport {
    /// The average of the five others.
    pub quality_score: u8,
    /// Whether it describes what it stands for.
    pub completeness: u8,
    /// Whether it does alike things alike.
    pub consistency: u8,
    /// Whether it says what it means.
    pub validity: u8,
    /// Whether it is small enough to be understood.
    pub complexity: u8,
    /// Whether it says each thing once.
    pub reusability: u8,
    /// What lowers the scores, errors first.
    pub issues: Vec<QualityReportIssue>,
}

/// One thing that lowers a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QualityReportIssue {
    /// `error`, `warning` or `info`.
    #[serde(rename = "type")]
    pub severity: String,
    /// What to do about it.
    pub message: String,
    /// The place, as a JSON Pointer.
    pub path: String,
}

/// A schema that is to be used with language models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    /// A JSON Schema.
    pub schema: SchemaSource,
    /// `openai`, `anthropic`, `gemini`; absent means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
}

/// With which providers of language models a schema can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileReport {
    /// An answer for each provider.
    pub profiles: Vec<SchemaProfile>,
}

/// Whether one provider takes a schema as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaProfile {
    /// The provider.
    pub provider: String,
    /// Whether it takes the schema; it may ignore parts of it.
    pub usable: bool,
    /// The places that it refuses or ignores.
    pub obstacles: Vec<SchemaObstacle>,
}

/// One place that a provider refuses or ignores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaObstacle {
    /// The stable id of the rule.
    pub rule: String,
    /// The place, as a JSON Pointer.
    pub path: String,
    /// `refused`, or `ignored`: then answers may violate the schema.
    pub effect: String,
    /// What is wrong.
    pub message: String,
    /// The change that removes it.
    pub change: String,
    /// The page that says so.
    #[schemars(extend("format" = "uri"))]
    pub source: String,
}

fn sample_source(minimum: u64) -> SchemaSource {
    let schema =
        json!({"type": "object", "properties": {"age": {"type": "integer", "minimum": minimum}}});
    SchemaSource { schema: Some(schema), ..SchemaSource::default() }
}

impl Sample for CompatibilityRequest {
    fn sample() -> Self {
        Self { new: sample_source(18), old: vec![sample_source(0)], ..Self::default() }
    }
}

impl Sample for CompatibilityReport {
    fn sample() -> Self {
        let finding = CompatibilityFinding {
            rule: "minimum_increased".to_owned(),
            path: "/properties/age/minimum".to_owned(),
            direction: FindingDirection::Backward.into(),
            certainty: FindingCertainty::Broken.into(),
            was: Some("0".to_owned()),
            is: Some("18".to_owned()),
            message: "values from 0 to 18 are refused by readers with the new schema".to_owned(),
            suggestion: Some("keep the minimum at 0".to_owned()),
        };
        let compared =
            VersionComparison { xid: None, compatible: false, findings: vec![finding], more: 0 };
        Self {
            compatible: false,
            level: "BACKWARD".to_owned(),
            policy: "sound".to_owned(),
            format: "jsonschema".to_owned(),
            compared: vec![compared],
        }
    }
}

impl Sample for SchemaDiffRequest {
    fn sample() -> Self {
        Self { old: sample_source(0), new: sample_source(18) }
    }
}

impl Sample for SchemaDiffReport {
    fn sample() -> Self {
        let change = SchemaDiffChange {
            kind: "modified".to_owned(),
            part: "constraint".to_owned(),
            path: "/properties/age/minimum".to_owned(),
            was: Some("0".to_owned()),
            is: Some("18".to_owned()),
            class: "breaking".to_owned(),
        };
        let class = Some("breaking".to_owned());
        Self { format: "jsonschema".to_owned(), class, changes: vec![change] }
    }
}

impl Sample for PayloadsRequest {
    fn sample() -> Self {
        let payloads = vec![json!({"age": 21}), json!({"age": 17})];
        Self { schema: sample_source(18), payloads, ..Self::default() }
    }
}

impl Sample for PayloadsReport {
    fn sample() -> Self {
        let violation = Violation {
            subject: None,
            pointer: "/age".to_owned(),
            violated: ViolationCause::Keyword("minimum".to_owned()),
            severity: Severity::Error.into(),
            message: "17 is less than the minimum 18".to_owned(),
            line: None,
            column: None,
        };
        let passed = PayloadResult { valid: true, violations: Vec::new(), more: 0 };
        let failed = PayloadResult { valid: false, violations: vec![violation], more: 0 };
        Self {
            valid: false,
            invalid: 1,
            format: "jsonschema".to_owned(),
            xid: None,
            results: vec![passed, failed],
        }
    }
}

impl Sample for QualityRequest {
    fn sample() -> Self {
        Self { schema: sample_source(18), ..Self::default() }
    }
}

impl Sample for QualityReport {
    fn sample() -> Self {
        let issue = QualityReportIssue {
            severity: "warning".to_owned(),
            message: "give the schema a title".to_owned(),
            path: String::new(),
        };
        Self {
            quality_score: 84,
            completeness: 20,
            consistency: 100,
            validity: 100,
            complexity: 100,
            reusability: 100,
            issues: vec![issue],
        }
    }
}

impl Sample for ProfileRequest {
    fn sample() -> Self {
        Self { schema: sample_source(18), providers: vec!["openai".to_owned()] }
    }
}

impl Sample for ProfileReport {
    fn sample() -> Self {
        let obstacle = SchemaObstacle {
            rule: "openai_closed_objects".to_owned(),
            path: String::new(),
            effect: "refused".to_owned(),
            message: "objects must be closed".to_owned(),
            change: "add \"additionalProperties\": false".to_owned(),
            source: "https://platform.openai.com/docs/guides/structured-outputs".to_owned(),
        };
        let profile = SchemaProfile {
            provider: "openai".to_owned(),
            usable: false,
            obstacles: vec![obstacle],
        };
        Self { profiles: vec![profile] }
    }
}
