use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::Response,
};
use maud::{Markup, html};
use muster_words::{Permission, Xid};
use serde::Deserialize;
use serde_json::json;

use crate::{
    PageFault, Section, Visitor,
    form::{answered, explained, go_to, hidden, may, read, token, why},
    place::{Location, LocationKind, page_of},
};

/// The form of a version's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct StateForm {
    token: String,
    act: Act,
    state: String,
    /// Whether somebody confirmed what can't be undone.
    sure: bool,
    why: String,
}

/// What a button of the form asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Gives the version another state.
    #[default]
    State,
    /// Makes the version the default one, until somebody says otherwise.
    Pin,
    /// Makes the newest version the default one again.
    Unpin,
}

/// A version, as its form shows it.
pub struct ShownVersion<'a> {
    /// Its xid.
    pub xid: &'a Xid,
    /// Its state.
    pub state: &'a str,
    /// Whether it is the default one.
    pub is_default: bool,
    /// Whether somebody pinned the default version.
    pub is_pinned: bool,
}

/// The states that may follow a state (docs/explanation/documents.md, "Lifecycle"). The server
/// decides; this only says which buttons there are.
fn following(state: &str) -> &'static [&'static str] {
    match state {
        "draft" => &["review", "retired"],
        "review" => &["stable", "draft", "retired"],
        "stable" => &["deprecated", "retired"],
        "deprecated" => &["stable", "retired"],
        _ => &[],
    }
}

/// The states that somebody may give a version in this state: reviewers decide on what is in review.
fn offered(visitor: &Visitor, state: &str) -> Vec<&'static str> {
    let all = following(state).iter().copied();
    if may(visitor, Permission::WriteDocuments) {
        return all.collect();
    }
    let is_decision = |next: &&str| match *next {
        "stable" => may(visitor, Permission::ApproveDocuments),
        "draft" => may(visitor, Permission::RejectDocuments),
        _ => false,
    };
    if state == "review" { all.filter(is_decision).collect() } else { Vec::new() }
}

/// Buttons that change the state of a version, and pin it. Empty for who may do neither.
pub fn state_form(visitor: &Visitor, version: &ShownVersion<'_>) -> Markup {
    let states = offered(visitor, version.state);
    let may_pin = may(visitor, Permission::WriteDocuments);
    let address = page_of("state", &version.xid.to_string());
    html! {
        @if !states.is_empty() || may_pin {
            form.actions method="post" action=(address) {
                (token(visitor))
                @for state in states {
                    button type="submit" name="state" value=(state) { (label(version.state, state)) }
                }
                @if may_pin && version.is_default && version.is_pinned {
                    button type="submit" name="act" value="unpin" { "Let the newest version be the default" }
                } @else if may_pin && !(version.is_default && version.is_pinned) {
                    button type="submit" name="act" value="pin" { "Pin as the default version" }
                }
            }
        }
    }
}

fn label(from: &str, to: &str) -> &'static str {
    match (from, to) {
        ("review", "stable") => "Approve",
        ("review", "draft") => "Reject",
        (_, "review") => "Send to review",
        (_, "stable") => "Use again",
        (_, "deprecated") => "Deprecate",
        (_, "retired") => "Retire…",
        _ => "Change",
    }
}

/// Changes a version's state, or pins it. A version that is retired stays so, so the page asks first.
pub async fn change(
    visitor: Visitor,
    Path(path): Path<String>,
    form: Result<Form<StateForm>, FormRejection>,
) -> Response {
    let page = async {
        let form = read(form)?;
        visitor.check_token(&form.token)?;
        let place = Location::read(&path);
        let LocationKind::Version(xid) = place.kind()? else {
            return Err(PageFault::NoSuchPage(place.path()));
        };
        if form.act == Act::State && form.state == "retired" && !form.sure {
            return Ok(sure(&visitor, &place, &xid));
        }
        done(&visitor, &xid, &form).await?;
        let resource = xid.resource().unwrap_or(xid);
        Ok(go_to(&page_of("browse", &resource.to_string())))
    };
    let page = page.await;
    answered(visitor, page)
}

async fn done(visitor: &Visitor, xid: &Xid, form: &StateForm) -> Result<(), PageFault> {
    let client = explained(&visitor.client, &form.why);
    let id = xid.id().map_or("", |id| id.as_str());
    let (target, change) = match form.act {
        Act::State => (Some(xid.clone()), json!({ "state": form.state })),
        Act::Pin => (meta_of(xid), json!({ "defaultversionid": id, "defaultversionsticky": true })),
        Act::Unpin => (meta_of(xid), json!({ "defaultversionsticky": false })),
    };
    let target = target.ok_or_else(|| PageFault::NoSuchPage(xid.to_string()))?;
    client.patch(&target, &change).await?;
    Ok(())
}

fn meta_of(xid: &Xid) -> Option<Xid> {
    xid.resource()?.meta()
}

fn sure(visitor: &Visitor, place: &Location, xid: &Xid) -> Response {
    let body = html! {
        (place.trail())
        div.notice.warn {
            p { strong { "A retired version stays retired." } }
            p { "Its document stays readable and can't be replaced. If it is the default version, the newest other one that isn't retired takes its place." }
        }
        form.card method="post" action=(page_of("state", &xid.to_string())) {
            (token(visitor))
            (hidden("state", "retired"))
            (hidden("sure", "true"))
            (why(""))
            div.actions {
                button.danger type="submit" { "Retire it" }
                a.button href=(page_of("browse", &xid.to_string())) { "Leave it" }
            }
        }
    };
    visitor.page(
        Section::None,
        format!("Retire version {}?", xid.id().map_or("", |id| id.as_str())),
        body,
    )
}

/// The page to go to for who comes back to the address of a form, such as after signing in.
pub async fn back_to_version(Path(path): Path<String>) -> Response {
    go_to(&page_of("browse", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_word_for_each_way_that_is_drawn() {
        for from in ["draft", "review", "stable", "deprecated", "retired", "unknown"] {
            for to in following(from) {
                assert_ne!(label(from, to), "Change", "{from} {to}");
            }
        }
    }
}
