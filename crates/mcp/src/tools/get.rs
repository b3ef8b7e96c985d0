use muster_client::{FetchedDocument, Query};
use muster_words::{Xid, json};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AssistantTool, Effect};
use crate::{
    answer,
    asked::Asked,
    limits::ANSWER_TEXT_BYTES_MAX,
    places::{self, NumberOrText},
    refusal::Refusal,
};

/// What to show.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetDocumentArguments {
    /// The xid of a document (/providers/cms/entries/sanity), a version of it (with /versions/1
    /// behind), or a group (/providers/cms).
    xid: String,
    /// A version of the document, such as 1; left out for the default version.
    version: Option<NumberOrText>,
    /// Show it as it was at this ledger position or time (RFC 3339).
    at: Option<NumberOrText>,
    /// For a document that is too long for one answer: the next_offset of the earlier answer.
    offset: Option<usize>,
    /// Show the document as text, exactly as it is stored, also if it is JSON.
    #[serde(default)]
    as_text: bool,
}

impl AssistantTool for GetDocumentArguments {
    const NAME: &'static str = "get";
    const TITLE: &'static str = "Read a document";
    const DESCRIPTION: &'static str = "Reads one document with its attributes (version, state, labels, media type, times), now, in another version, or as it was in the past. Also reads the attributes of a group. Long documents come in parts.";
    const EFFECT: Effect = Effect::Reads;

    async fn answer(self, asked: &Asked) -> Result<Value, Refusal> {
        let xid = match &self.version {
            None => places::xid(&self.xid)?,
            Some(version) => {
                let document = places::document_xid(&self.xid)?;
                places::xid(&format!("{document}/versions/{version}"))?
            }
        };
        let query = Query::new().with_some("at", self.at.as_ref());
        let details = asked.client.details(&xid, &query).await?;
        let mut all = json!({ "xid": xid.to_string(), "attributes": details.json()? });
        if let Some(position) = details.position() {
            all["position"] = position.0.into();
        }
        if matches!(xid, Xid::Resource { .. } | Xid::Version { .. }) {
            let document = asked.client.document_as(&xid, &query).await?;
            self.show(&mut all, &document)?;
        }
        Ok(all)
    }
}

impl GetDocumentArguments {
    fn show(&self, all: &mut Value, document: &FetchedDocument) -> Result<(), Refusal> {
        if let Some(elsewhere) = &document.elsewhere {
            all["document_url"] = elsewhere.as_str().into();
            return Ok(());
        }
        let bytes = &document.bytes;
        all["document_bytes"] = bytes.len().into();
        let is_whole =
            bytes.len() <= ANSWER_TEXT_BYTES_MAX && self.offset.is_none() && !self.as_text;
        if let (true, Ok(value)) = (is_whole, json::parse(bytes)) {
            all["document"] = value;
            return Ok(());
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            all["note"] = "the document isn't text, so it isn't shown".into();
            return Ok(());
        };
        let Some((part, next)) = answer::part(text, self.offset.unwrap_or_default()) else {
            return Err(Refusal::arguments("offset isn't one that an earlier answer returned"));
        };
        all["text"] = part.into();
        if let Some(next) = next {
            all["next_offset"] = next.into();
        }
        Ok(())
    }
}
