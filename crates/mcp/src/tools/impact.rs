use muster_client::Query;
use muster_wire::schemas::{CompatibilityRequest, SchemaSource};
use muster_words::Xid;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect, compatibility};
use crate::{
    arguments::{DeleteArguments, PutArguments},
    asked::Asked,
    places, plan,
    refusal::Refusal,
};

/// Whose change to look at.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImpactArguments {
    /// The xid of a document, a schema or a group.
    xid: String,
    /// The whole new document or schema, as JSON or as a text, to see what putting it would break.
    document: Option<Value>,
    /// The media type of a document that is a text.
    content_type: Option<String>,
    /// See what deleting it would break, instead.
    #[serde(default)]
    delete: bool,
}

impl AssistantTool for ImpactArguments {
    const NAME: &'static str = "impact";
    const TITLE: &'static str = "What a change would break";
    const DESCRIPTION: &'static str = "Says what depends on a document, a schema or a group, and what a change of it would break: which stored documents would stop passing, what would be refused, and for a schema with which stored versions the new one isn't compatible. Give document for a change or delete for a deletion; with neither, it says only what depends on it. Changes nothing.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        if self.delete && self.document.is_some() {
            return Err(Refusal::arguments("give document or delete, not both"));
        }
        let xid = places::xid(&self.xid)?;
        let mut all = json!({ "xid": xid.to_string() });
        plan::who_depends(asked, &xid, &mut all).await?;
        if self.delete {
            let arguments = DeleteArguments { xid: self.xid, ..DeleteArguments::default() };
            let planned = plan::delete(asked, &arguments).await;
            add(&mut all, planned.map(|planned| planned.plan.shown));
        } else if let Some(document) = self.document {
            if is_schema(&xid) {
                all["compatibility"] = or_refusal(compared(asked, &xid, &document).await);
            }
            let arguments = PutArguments {
                xid: self.xid,
                document,
                content_type: self.content_type,
                ..PutArguments::default()
            };
            let planned = plan::put(asked, &arguments).await;
            add(&mut all, planned.map(|planned| planned.plan.shown));
        }
        Ok(all)
    }
}

/// Adds a plan. Who may not make the change still learns what depends on it.
fn add(all: &mut Value, planned: Result<Value, Refusal>) {
    all["change"] = or_refusal(planned);
}

fn or_refusal(result: Result<Value, Refusal>) -> Value {
    result.unwrap_or_else(|refusal| json!({ "not_judged": refusal.json() }))
}

fn is_schema(xid: &Xid) -> bool {
    matches!(xid, Xid::Resource { groups, .. } if groups.as_ref() == "schemagroups")
}

/// Compares a schema with its stored versions, in both directions.
async fn compared(asked: &Asked, xid: &Xid, schema: &Value) -> Result<Value, Refusal> {
    let stored = asked.client.details(xid, &Query::new()).await?.json()?;
    let format = stored.get("format").and_then(Value::as_str).unwrap_or_default();
    let format = ["avro", "protobuf"].into_iter().find(|known| {
        format.get(..known.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(known))
    });
    let new = SchemaSource {
        schema: Some(schema.clone()),
        format: format.map(str::to_owned),
        ..SchemaSource::default()
    };
    let request = CompatibilityRequest {
        new,
        against: Some(xid.to_string()),
        level: Some("FULL".to_owned()),
        ..CompatibilityRequest::default()
    };
    compatibility::compare(asked, &request).await
}
