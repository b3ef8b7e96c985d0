use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::Response,
};
use http::StatusCode;
use maud::{Markup, html};
use muster_wire::{
    OrOther,
    rollback::{RollbackAct, RollbackReport, RollbackRequest, RollbackTo},
};
use muster_words::{Digest, Permission};
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    accepted::Consequences,
    comparison::field_changes,
    form::{answered, explained, hidden, may, read, token, why},
    judgement::{failing, refused},
    place::{Location, LocationKind, link, page_of},
    times::number,
};

/// How many steps of a plan the page shows.
const STEPS_SHOWN: usize = 100;

/// The state that an address names.
#[derive(Debug, Default, Deserialize)]
pub struct EarlierState {
    #[serde(default)]
    to: String,
}

/// The form of the page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RollbackForm {
    token: String,
    to: String,
    /// The digest of the plan that the page showed.
    plan: String,
    why: String,
}

/// What a rollback would do; without an earlier state, asks for one.
pub async fn show(
    visitor: Visitor,
    path: Option<Path<String>>,
    AddressQuery(earlier): AddressQuery<EarlierState>,
) -> Response {
    let place = Location::read(&path.map(|Path(path)| path).unwrap_or_default());
    let page = whole(&visitor, &place, (&earlier.to, "", html! {}, StatusCode::OK)).await;
    answered(visitor, page)
}

/// Rolls back, if the plan still is what the page showed.
pub async fn roll_back(
    visitor: Visitor,
    path: Option<Path<String>>,
    form: Result<Form<RollbackForm>, FormRejection>,
) -> Response {
    let place = Location::read(&path.map(|Path(path)| path).unwrap_or_default());
    let page = async {
        let form = read(form)?;
        visitor.check_token(&form.token)?;
        let request = request(&place, &form.to)?;
        let plan = visitor.client.roll_back(&request, true).await?.read()?;
        if digest_of(&plan) != form.plan {
            let notice = html! {
                div.notice.warn role="alert" {
                    p { strong { "Something changed since this plan was made." } " Nothing was rolled back. Below is the plan of now." }
                }
            };
            let again = (form.to.as_str(), form.why.as_str(), notice, StatusCode::CONFLICT);
            return whole(&visitor, &place, again).await;
        }
        // Others may write between the plan and the command.
        let request = RollbackRequest { unchanged_since: Some(plan.position), ..request };
        match explained(&visitor.client, &form.why).roll_back(&request, false).await {
            Ok(answer) => {
                let report = answer.read()?;
                let warnings = answer.warnings();
                let done = Consequences { warnings, failing: report.failing };
                Ok(done.follow(&visitor, &place))
            }
            Err(error) => {
                let fault = PageFault::from(error);
                let again = (form.to.as_str(), form.why.as_str(), fault.notice(), fault.status());
                whole(&visitor, &place, again).await
            }
        }
    };
    let page = page.await;
    answered(visitor, page)
}

/// The plan in a few letters, to notice that another one would be done than was shown.
fn digest_of(plan: &RollbackReport) -> String {
    let bytes = serde_json::to_vec(&(&plan.steps, &plan.purged)).unwrap_or_default();
    Digest::of(&bytes).to_string()
}

fn request(place: &Location, to: &str) -> Result<RollbackRequest, PageFault> {
    let kind = place.kind()?;
    let xid = match kind {
        LocationKind::Registry => None,
        LocationKind::Versions(_) | LocationKind::Version(_) => {
            return Err(PageFault::Unclear("roll the document back, to a version".to_owned()));
        }
        _ => Some(place.path()),
    };
    let to = earlier_state(to)?;
    if to.version.is_some() && !matches!(kind, LocationKind::Document(_)) {
        return Err(PageFault::Unclear("only a document has versions to go back to".to_owned()));
    }
    Ok(RollbackRequest { xid, to, ..RollbackRequest::default() })
}

/// Reads how people name a state: `1,204` or `@1204`, `v2`, `2026-11-21` or a time.
fn earlier_state(text: &str) -> Result<RollbackTo, PageFault> {
    let text = text.trim();
    let digits = text.strip_prefix('@').unwrap_or(text).replace(',', "");
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = digits.parse();
        let position =
            position.map_err(|_| PageFault::Unclear("no position is so large".to_owned()))?;
        return Ok(RollbackTo { position: Some(position), ..RollbackTo::default() });
    }
    if let Some(version) = text.strip_prefix('v').filter(|version| !version.is_empty()) {
        return Ok(RollbackTo { version: Some(version.to_owned()), ..RollbackTo::default() });
    }
    let is_dated = text.len() >= 10 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if !is_dated {
        return Err(PageFault::Unclear(format!(
            "{text:?} is no earlier state: write a position such as 1,204, a version such as v2, or \
             a time such as 2026-11-21T10:00:00Z"
        )));
    }
    let time = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Ok(RollbackTo { time: Some(time), ..RollbackTo::default() })
}

async fn whole(
    visitor: &Visitor,
    place: &Location,
    (to, reason, found, status): (&str, &str, Markup, StatusCode),
) -> Result<Response, PageFault> {
    let planned = match to.trim() {
        "" => None,
        to => Some(plan(visitor, place, to).await),
    };
    let (status, plan) = match planned {
        None => (status, html! {}),
        Some(Ok(plan)) => (status, shown(visitor, place, (to, reason), &plan)),
        Some(Err(fault)) => (fault.status(), fault.notice()),
    };
    let body = html! {
        (place.trail())
        (found)
        form.filters action=(page_of("roll-back", &place.path())) {
            div {
                label for="to" { "Back to" }
                input #to name="to" value=(to) required placeholder="1,204, v2, or 2026-11-21T10:00:00Z" autocomplete="off";
            }
            button type="submit" { "Show the plan" }
        }
        (plan)
    };
    let what = place.path();
    let what = if what.is_empty() { "everything" } else { what.trim_start_matches('/') };
    let mut response = visitor.page(Section::None, format!("Roll back {what}"), body);
    *response.status_mut() = status;
    Ok(response)
}

async fn plan(visitor: &Visitor, place: &Location, to: &str) -> Result<RollbackReport, PageFault> {
    Ok(visitor.client.roll_back(&request(place, to)?, true).await?.read()?)
}

fn shown(
    visitor: &Visitor,
    place: &Location,
    (to, reason): (&str, &str),
    plan: &RollbackReport,
) -> Markup {
    let may_do = may(visitor, Permission::Rollback);
    html! {
        h2 { "The plan" }
        @if plan.steps.is_empty() { p { "Nothing: it is like that now." } }
        ul.plainlist {
            @for step in plan.steps.iter().take(STEPS_SHOWN) {
                li {
                    (act(&step.act)) " " (link(&step.xid))
                    @if let Some(version) = &step.version { " " span.dim { "version " (version) } }
                    @if !step.fields.is_empty() { (field_changes(&step.fields)) }
                }
            }
            @if plan.steps.len() > STEPS_SHOWN { li.dim { "and " (number((plan.steps.len() - STEPS_SHOWN) as u64)) " more" } }
        }
        @if plan.other_model { div.notice.warn { p { "The model was another one then. It stays as it is." } } }
        @if !plan.purged.is_empty() {
            h2 { "What can't come back" }
            p { "Its contents were erased:" }
            ul.plainlist { @for xid in plan.purged.iter().take(STEPS_SHOWN) { li { (link(xid)) } } }
        }
        @if !plan.refused.is_empty() {
            h2 { "What would be refused" }
            (refused(&plan.refused))
        }
        @if plan.failing.affected > 0 {
            h2 { "Stored documents" }
            (failing(&plan.failing))
        }
        @if plan.is_cut { p.dim { "There was no time to look for everything." } }
        @if !plan.steps.is_empty() && plan.refused.is_empty() && may_do {
            h2.hidden { "Confirm" }
            form.card method="post" action=(page_of("roll-back", &place.path())) {
                (token(visitor))
                (hidden("to", to))
                (hidden("plan", &digest_of(plan)))
                (why(reason))
                div.actions {
                    button.danger type="submit" { "Roll back" }
                    a.button href=(page_of("browse", &place.path())) { "Leave it" }
                }
            }
        }
        @if !plan.refused.is_empty() { p { "All of it is done together or nothing, so this can't be done now." } }
    }
}

fn act(act: &OrOther<RollbackAct>) -> Markup {
    match act {
        OrOther::Known(RollbackAct::Add) => html! { span.tag.good { "+ comes back" } },
        OrOther::Known(RollbackAct::Change) => html! { span.tag.warn { "~ changes" } },
        OrOther::Known(RollbackAct::Delete) => html! { span.tag.bad { "- is deleted" } },
        OrOther::Other(word) => html! { span.tag { (word) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_people_name_a_state() {
        let position = |position| RollbackTo { position: Some(position), ..RollbackTo::default() };
        let time = |time: &str| RollbackTo { time: Some(time.to_owned()), ..RollbackTo::default() };
        for (text, expect) in [
            ("1204", Some(position(1204))),
            (" 1,204 ", Some(position(1204))),
            ("@7", Some(position(7))),
            ("v2", Some(RollbackTo { version: Some("2".to_owned()), ..RollbackTo::default() })),
            ("2026-11-21", Some(time("2026-11-21T00:00:00Z"))),
            ("2026-11-21T10:00:00Z", Some(time("2026-11-21T10:00:00Z"))),
            ("99999999999999999999", None),
            ("v", None),
            ("yesterday", None),
            ("ünäüöüää", None),
            ("", None),
        ] {
            assert_eq!(earlier_state(text).ok(), expect, "{text}");
        }
    }
}
