use muster_client::{Call, Method, Query};
use muster_wire::{
    schemas::{PayloadsRequest, SchemaSource},
    validation::ValidationPage,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    answer,
    arguments::PutArguments,
    asked::Asked,
    places::{self, Cursor},
    plan,
    refusal::Refusal,
};

/// What to judge.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ValidateDocumentArguments {
    /// For a document that you would put: where it would lie, such as
    /// /providers/cms/entries/sanity. With document.
    xid: Option<String>,
    /// The whole document, as JSON or as a text. With xid.
    document: Option<Value>,
    /// The media type of a document that is a text.
    content_type: Option<String>,
    /// For payloads (data that isn't stored): the xid of the schema. With payloads.
    schema_xid: Option<String>,
    /// For payloads: the schema itself instead, as JSON or as a text. With payloads.
    schema: Option<Value>,
    /// The format of schema: jsonschema (if left out), avro or protobuf.
    format: Option<String>,
    /// The payloads, as JSON values.
    payloads: Option<Vec<Value>>,
    /// For documents that are stored: a document, a group or a collection; / for everything.
    place: Option<String>,
    /// For place: where an earlier answer said that it goes on.
    cursor: Option<Cursor>,
}

impl AssistantTool for ValidateDocumentArguments {
    const NAME: &'static str = "validate";
    const TITLE: &'static str = "Judge documents or payloads";
    const DESCRIPTION: &'static str = "Says whether something passes, without changing anything, in one of three ways. With xid and document: whether this document would be accepted there, by schema, rules and references. With payloads and schema_xid (or schema): whether data fits a schema. With place: whether the stored documents of a place pass now. Each violation has its place in the document and a message.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        match (&self.xid, &self.payloads, self.place.is_some() || self.cursor.is_some()) {
            (Some(xid), None, false) => self.document(asked, xid.clone()).await,
            (None, Some(payloads), false) => self.payloads(asked, payloads.clone()).await,
            (None, None, true) => self.stored(asked).await,
            _ => {
                Err(Refusal::arguments("give xid and document, or payloads and a schema, or place"))
            }
        }
    }
}

impl ValidateDocumentArguments {
    async fn document(&self, asked: &Asked, xid: String) -> Result<Value, Refusal> {
        let arguments = PutArguments {
            xid,
            document: self.document.clone().unwrap_or_default(),
            content_type: self.content_type.clone(),
            ..PutArguments::default()
        };
        let plan = plan::put(asked, &arguments).await?.plan;
        let refused = plan.shown.get("refused").cloned().unwrap_or_default();
        Ok(json!({ "valid": plan.would_pass, "refused": refused }))
    }

    async fn payloads(&self, asked: &Asked, payloads: Vec<Value>) -> Result<Value, Refusal> {
        let xid = self.schema_xid.as_deref().map(places::xid).transpose()?;
        let schema = SchemaSource {
            xid: xid.map(|xid| xid.to_string()),
            schema: self.schema.clone(),
            format: self.format.clone(),
            references: Vec::new(),
        };
        let request = PayloadsRequest { schema, payloads, ..PayloadsRequest::default() };
        let report = asked.client.validate_payloads(&request).await?.read()?;
        Ok(answer::fit(answer::json(&report), "results"))
    }

    async fn stored(&self, asked: &Asked) -> Result<Value, Refusal> {
        let path = match &self.cursor {
            Some(cursor) => cursor.path("/validate")?.to_owned(),
            None => format!("/validate{}", places::place(self.place.as_deref())?),
        };
        let page = asked.client.call(Call::new(Method::GET, &path, &Query::new())).await?;
        let page: ValidationPage = serde_json::from_value(page.json()?)
            .map_err(|error| Refusal::own("unreachable", error.to_string()))?;
        let mut all = json!({
            "judged": page.documents,
            "with_violations": page.findings.iter().map(answer::json).collect::<Vec<_>>(),
        });
        if let Some(cursor) = Cursor::of(&asked.client, page.next.as_deref()) {
            all["cursor"] = cursor.0.into();
        }
        Ok(answer::fit(all, "with_violations"))
    }
}
