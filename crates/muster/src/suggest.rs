//! Suggestions for names that don't exist.

use muster_client::{Client, ErrorResponse, Query};
use muster_model::Model;
use muster_schema::nearest;
use muster_words::Xid;

use crate::{Failure, model, output::numbers::separated};
use muster_wire::{ErrorCode, log::LogAction};

/// The failure for a name that doesn't exist: which part is wrong, and the nearest existing name.
pub(crate) async fn explain_absent(client: &Client, xid: &Xid, refusal: ErrorResponse) -> Failure {
    let name = without_slash(xid);
    let failure = Failure::from(refusal).with_message(format!("there is no {name}"));
    if let Some((what, help)) = departure(client, xid).await {
        return failure.with_message(format!("there is no {name}: {what}")).help(help);
    }
    match suggestion(client, &name).await {
        Suggestion::Name(likely) => failure.help(format!("did you mean {likely}?")),
        Suggestion::Below(there) => failure
            .help(format!("muster list {there}").trim_end().to_owned() + " shows what exists"),
    }
}

/// How a name was deleted or purged, and what to do about it; none if it never existed, or if the
/// log can't be read.
async fn departure(client: &Client, xid: &Xid) -> Option<(String, String)> {
    let page = client.log(xid, &Query::new().with("limit", 1)).await.ok()?.read().ok()?;
    let entry = page.entries.into_iter().next()?;
    let parents = || std::iter::successors(Some(xid.clone()), Xid::parent);
    let of = |action: LogAction| {
        let mut all = entry.changes.iter().filter(|change| change.action.is(&action));
        all.find_map(|change| parents().find(|parent| parent.to_string() == change.xid))
    };
    let who = entry.name.as_ref().unwrap_or(&entry.actor);
    let (when, position) = (&entry.time, separated(entry.position));
    let told = |gone: &Xid, verb: &str| {
        let what = if gone == xid { String::new() } else { format!(" {}", without_slash(gone)) };
        let it = if what.is_empty() { " it" } else { &what };
        format!("{who} {verb}{it} at {when}, position {position}")
    };
    if let Some(gone) = of(LogAction::Deleted) {
        let before = separated(entry.position.saturating_sub(1));
        let (name, own) = (without_slash(&gone), without_slash(xid));
        let help = format!(
            "muster restore {name} restores it; muster get {own} --at {before} shows what it was"
        );
        return Some((told(&gone, "deleted"), help));
    }
    let gone = of(LogAction::Purged)?;
    let help = "its contents were erased for ever; muster log shows what happened to it".to_owned();
    Some((told(&gone, "purged"), help))
}

/// A suggestion.
enum Suggestion {
    /// Another name.
    Name(String),
    /// Nothing is near; this is the part of the name that exists.
    Below(String),
}

/// An xid as people write it.
#[must_use]
pub(crate) fn without_slash(xid: &Xid) -> String {
    xid.to_string().trim_start_matches('/').to_owned()
}

/// Replaces the first wrong part of a name with the nearest existing one. If none is near, gives
/// the part of the name that exists.
async fn suggestion(client: &Client, name: &str) -> Suggestion {
    let Ok(model) = model::to_show(client).await else {
        return Suggestion::Below(String::new());
    };
    let mut parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    for at in 0..parts.len() {
        let there = siblings(client, &model, &parts[..at]).await;
        if there.iter().any(|one| *one == parts[at]) || at == 4 {
            continue;
        }
        return match nearest(&parts[at], there.iter().map(String::as_str)) {
            Some(near) => {
                near.clone_into(&mut parts[at]);
                Suggestion::Name(parts.join("/"))
            }
            None => Suggestion::Below(parts[..at].join("/")),
        };
    }
    parts.pop();
    Suggestion::Below(parts.join("/"))
}

/// The names that exist below these parts.
async fn siblings(client: &Client, model: &Model, parts: &[String]) -> Vec<String> {
    match parts {
        [] => model.group_types().map(|kind| kind.plural.clone()).collect(),
        [groups, _] => {
            let kind = model.group_type(groups);
            kind.map(|kind| kind.resources.keys().cloned().collect()).unwrap_or_default()
        }
        parts => client.names(&format!("/{}", parts.join("/"))).await,
    }
}

/// The failure for a group type or resource type that isn't in the model.
pub(crate) fn unknown_collection(model: &Model, parts: &[&str]) -> Failure {
    let written = parts.join("/");
    let groups = model.group_type(parts[0]);
    let candidates: Vec<&str> = match groups {
        None => model.group_types().map(|kind| kind.plural.as_str()).collect(),
        Some(kind) => kind.resources.keys().map(String::as_str).collect(),
    };
    let last = if groups.is_none() { parts[0] } else { parts.last().copied().unwrap_or_default() };
    let failure = Failure::new(ErrorCode::NotFound, format!("there is no collection {written}"));
    match nearest(last, candidates.iter().copied()) {
        Some(near) => {
            let likely = match parts.split_last() {
                Some((_, before)) if groups.is_some() => format!("{}/{near}", before.join("/")),
                _ => [&[near], &parts[1..]].concat().join("/"),
            };
            failure.help(format!("did you mean {likely}?"))
        }
        None if candidates.is_empty() => failure.help("muster list shows the collections"),
        None => failure.help(format!("choose one of {}", candidates.join(", "))),
    }
}
