use muster_wire::schemas::{CompatibilityRequest, SchemaSource};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AssistantTool, Effect};
use crate::{answer, asked::Asked, places, refusal::Refusal};

/// The most findings that are shown for each compared version.
const FINDINGS_MAX: usize = 50;

/// What to compare.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckCompatibilityArguments {
    /// The new schema: its JSON, or its text.
    schema: Value,
    /// The format: jsonschema (if left out), avro or protobuf.
    format: Option<String>,
    /// The xid of the stored schema whose versions it is compared with, such as
    /// /schemagroups/webstack/schemas/provider. Give this or old.
    against: Option<String>,
    /// The old schema itself: its JSON, or its text.
    old: Option<Value>,
    /// BACKWARD (if left out: readers with the new schema read old data), FORWARD, FULL, each also
    /// with _TRANSITIVE for all versions instead of the newest.
    level: Option<String>,
    /// sound (if left out), confluent-strict or confluent-lenient.
    policy: Option<String>,
}

impl AssistantTool for CheckCompatibilityArguments {
    const NAME: &'static str = "check_compatibility";
    const TITLE: &'static str = "Check whether a schema change breaks readers";
    const DESCRIPTION: &'static str = "Compares a new version of a JSON Schema, Avro or Protobuf schema with stored versions or with an old text. Each finding names the place, the rule, why it breaks and for whom, and a change that would pass. Changes nothing.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        if self.against.is_some() == self.old.is_some() {
            return Err(Refusal::arguments("give exactly one of against and old"));
        }
        let source = |schema: Value| SchemaSource {
            schema: Some(schema),
            format: self.format.clone(),
            ..SchemaSource::default()
        };
        let request = CompatibilityRequest {
            new: source(self.schema),
            old: self.old.map(source).into_iter().collect(),
            against: self
                .against
                .map(|xid| places::document_xid(&xid))
                .transpose()?
                .map(|xid| xid.to_string()),
            level: self.level,
            policy: self.policy,
        };
        compare(asked, &request).await
    }
}

/// Asks for a comparison; long lists of findings are cut.
pub(super) async fn compare(
    asked: &Asked,
    request: &CompatibilityRequest,
) -> Result<Value, Refusal> {
    let mut report = asked.client.check_schema(request).await?.read()?;
    for one in &mut report.compared {
        let left_out = one.findings.len().saturating_sub(FINDINGS_MAX);
        one.findings.truncate(FINDINGS_MAX);
        one.more += u64::try_from(left_out).unwrap_or_default();
    }
    Ok(answer::fit(answer::json(&report), "compared"))
}
