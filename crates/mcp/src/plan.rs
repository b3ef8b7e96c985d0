//! What a change would do, asked of the registry itself without doing it.

use muster_client::{ClientError, DocumentUpload, ErrorResponse, Precondition, Query};
use muster_wire::{
    apply::{ApplyReport, ApplyRequest, FailingDocuments, RefusedPart},
    rollback::RollbackRequest,
};
use muster_words::{Xid, json};
use serde_json::{Value, json};

use crate::{
    answer,
    arguments::{DeleteArguments, PutArguments, RollbackArguments, canonical},
    asked::Asked,
    confirmation::PlannedChange,
    field_changes::field_changes,
    places,
    refusal::Refusal,
};

/// The most steps, names and documents of each kind that a plan shows.
const SHOWN_MAX: usize = 50;

/// A planned change.
pub(crate) struct Plan {
    /// The tool that makes the change.
    tool: &'static str,
    /// The arguments in one form.
    arguments: Vec<u8>,
    /// The place that must not change until the change is made: a path.
    place: String,
    /// The position of the state that the plan was judged by.
    position: u64,
    /// What the plan says.
    pub shown: Value,
    /// What else must stay the same, though the plan doesn't show it.
    state: String,
    /// Whether the change replaces or removes something.
    pub needs_confirmation: bool,
    /// Whether the registry would make the change.
    pub would_pass: bool,
}

impl Plan {
    /// A confirmation of the plan, if the change needs one and would be made.
    pub(crate) fn confirmation(&self, asked: &Asked) -> Result<Option<String>, Refusal> {
        if !self.needs_confirmation || !self.would_pass {
            return Ok(None);
        }
        let (position, bytes) = (self.position, self.bytes());
        let made = asked.confirmations.of(&self.change(asked, &bytes), position);
        made.map(Some).map_err(|_| {
            Refusal::own("unreachable", "the system gives no random number for a confirmation")
        })
    }

    /// Checks that the plan was seen, and that nothing moved since.
    pub(crate) async fn check(&self, asked: &Asked, given: Option<&str>) -> Result<(), Refusal> {
        if !self.needs_confirmation {
            return Ok(());
        }
        let Some(given) = given else {
            let message = format!("{} needs the confirmation of its plan", self.tool);
            return Err(Refusal::own("confirmation_needed", message));
        };
        let bytes = self.bytes();
        let position = asked.confirmations.redeem(given, &self.change(asked, &bytes))?;
        let query = Query::new().with("from", position).with("limit", SHOWN_MAX);
        let moved = asked.client.diff(&self.place, &query).await?.read()?;
        if moved.changes.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = moved.changes.iter().map(|one| one.xid.as_str()).collect();
        let message = format!("something changed after position {position}");
        Err(Refusal::own("plan_changed", message).with("changed", names))
    }

    fn bytes(&self) -> Vec<u8> {
        json::to_canonical(&json!([self.shown, self.state]))
    }

    fn change<'a>(&'a self, asked: &'a Asked, plan: &'a [u8]) -> PlannedChange<'a> {
        PlannedChange { who: &asked.who, tool: self.tool, arguments: &self.arguments, plan }
    }
}

/// A planned put, with what to send.
pub(crate) struct PutPlan {
    pub plan: Plan,
    pub xid: Xid,
    pub upload: DocumentUpload,
}

/// What putting a document would do.
pub(crate) async fn put(asked: &Asked, arguments: &PutArguments) -> Result<PutPlan, Refusal> {
    let xid = places::document_xid(&arguments.xid)?;
    let present = match asked.client.document(&xid).await {
        Ok(document) => Some(document),
        Err(error) if error.is_absent() => None,
        Err(error) => return Err(error.into()),
    };
    let content_type = present.as_ref().and_then(|present| present.content_type.as_deref());
    let mut upload = arguments.upload(content_type)?;
    let documents = vec![upload.to_apply(&xid)];
    let report = trial(asked, &ApplyRequest { documents, ..ApplyRequest::default() }).await?;
    let would_pass = report.refused.is_empty();
    let mut shown = json!({
        "xid": xid.to_string(),
        "refused": refused(&report.refused),
        "stops_passing": failing(&report.failing),
    });
    let state = match &present {
        None => {
            upload.precondition = Precondition::Absent;
            shown["action"] = "create".into();
            String::new()
        }
        Some(present) => {
            let tag = present.etag.clone().unwrap_or_default();
            upload.precondition = Precondition::IfMatch(tag.clone());
            shown["action"] = "replace".into();
            shown["present_version"] = json!(present.version);
            compare(&mut shown, &present.bytes, &upload.bytes);
            who_depends(asked, &xid, &mut shown).await?;
            tag
        }
    };
    let plan = Plan {
        tool: "put",
        arguments: canonical(arguments, Some(&xid)),
        place: xid.to_string(),
        position: report.position,
        shown,
        state,
        needs_confirmation: present.is_some(),
        would_pass,
    };
    Ok(PutPlan { plan, xid, upload })
}

/// Says how two documents differ: by fields if both are JSON, else whether they do.
fn compare(shown: &mut Value, before: &[u8], after: &[u8]) {
    shown["is_the_same"] = (before == after).into();
    if let (Ok(before), Ok(after)) = (json::parse(before), json::parse(after)) {
        let (fields, left_out) = field_changes(&before, &after);
        shown["fields"] = answer::json(&fields);
        if left_out > 0 {
            shown["fields_left_out"] = left_out.into();
        }
    }
}

/// Says what refers to an entity.
pub(crate) async fn who_depends(
    asked: &Asked,
    xid: &Xid,
    shown: &mut Value,
) -> Result<(), Refusal> {
    let found = asked.client.references(xid).await?.read()?;
    shown["referred_by_count"] = found.referred_by.len().into();
    shown["referred_by"] = shortened(&found.referred_by);
    Ok(())
}

/// A planned deletion, with its condition.
pub(crate) struct DeletePlan {
    pub plan: Plan,
    pub xid: Xid,
    pub precondition: Precondition,
}

/// What deleting an entity would do.
pub(crate) async fn delete(
    asked: &Asked,
    arguments: &DeleteArguments,
) -> Result<DeletePlan, Refusal> {
    let xid = places::xid(&arguments.xid)?;
    if !matches!(xid, Xid::Group { .. } | Xid::Resource { .. }) {
        return Err(Refusal::arguments("only documents and groups can be deleted here"));
    }
    let details = asked.client.details(&xid, &Query::new()).await?;
    let tag = details.header("etag").unwrap_or_default().to_owned();
    let request = ApplyRequest { delete: vec![xid.to_string()], ..ApplyRequest::default() };
    let report = trial(asked, &request).await?;
    let mut shown = json!({
        "action": "delete",
        "xid": xid.to_string(),
        "refused": refused(&report.refused),
        "stops_passing": failing(&report.failing),
        "can_be_restored": true,
    });
    if let Value::Object(details) = details.json()? {
        let is_count = |name: &str| name.ends_with("count") && name != "versionscount";
        let counts = details.into_iter().filter(|(name, _)| is_count(name));
        shown["contains"] = Value::Object(counts.collect());
    }
    who_depends(asked, &xid, &mut shown).await?;
    let plan = Plan {
        tool: "delete",
        arguments: canonical(arguments, Some(&xid)),
        place: xid.to_string(),
        position: details.position().map_or(report.position, |position| position.0),
        shown,
        state: tag.clone(),
        needs_confirmation: true,
        would_pass: report.refused.is_empty(),
    };
    let precondition = match tag.as_str() {
        "" => Precondition::None,
        _ => Precondition::IfMatch(tag),
    };
    Ok(DeletePlan { plan, xid, precondition })
}

/// A planned rollback, with what to send.
pub(crate) struct RollbackPlan {
    pub plan: Plan,
    pub request: RollbackRequest,
}

/// What rolling a place back would do.
pub(crate) async fn rollback(
    asked: &Asked,
    arguments: &RollbackArguments,
) -> Result<RollbackPlan, Refusal> {
    let request = arguments.request()?;
    let report = asked.client.roll_back(&request, true).await?.read()?;
    let steps: Vec<Value> = report.steps.iter().take(SHOWN_MAX).map(answer::json).collect();
    let mut shown = json!({
        "action": "rollback",
        "to_position": report.to,
        "steps_count": report.steps.len(),
        "steps": steps,
        "refused": refused(&report.refused),
        "stops_passing": failing(&report.failing),
    });
    if !report.purged.is_empty() {
        shown["cannot_come_back"] = shortened(&report.purged);
    }
    if report.other_model {
        shown["note"] =
            "the model was another one then; a rollback leaves the model as it is".into();
    }
    let place = request.xid.clone().unwrap_or_default();
    // Steps that aren't shown count too.
    let state = answer::json(&report.steps).to_string();
    // Between the check of the confirmation and the command, others may write.
    let request = RollbackRequest { unchanged_since: Some(report.position), ..request };
    let plan = Plan {
        tool: "rollback",
        arguments: canonical(arguments, None),
        place,
        position: report.position,
        shown,
        state,
        needs_confirmation: true,
        would_pass: report.refused.is_empty(),
    };
    Ok(RollbackPlan { plan, request })
}

/// Asks what a request would do.
async fn trial(asked: &Asked, request: &ApplyRequest) -> Result<ApplyReport, ClientError> {
    asked.client.try_apply(request, None).await?.read()
}

fn refused(parts: &[RefusedPart]) -> Value {
    let parts = parts.iter().take(SHOWN_MAX).map(|part| {
        let refusal = Refusal::from(&ErrorResponse::of_body(part.error.clone()));
        refusal.with("target", part.target.as_str()).json()
    });
    Value::Array(parts.collect())
}

fn failing(found: &FailingDocuments) -> Value {
    let documents: Vec<Value> = found.documents.iter().take(SHOWN_MAX).map(answer::json).collect();
    json!({
        "failing": found.failing,
        "judged": found.judged,
        "affected": found.affected,
        "documents": documents,
    })
}

fn shortened(names: &[String]) -> Value {
    names.iter().take(SHOWN_MAX).map(String::as_str).collect()
}
