//! What can be known to be a slip before anything is put.

use muster_client::Client;
use muster_words::{Moment, time_span};
use serde_json::Value;

use super::super::shown;
use crate::{Context, Failure, model, suggest::unknown_collection};

/// The source's types must be in the model. A group or a document may come later, and that is said.
pub(super) async fn source(
    context: &Context,
    client: &Client,
    source: &str,
) -> Result<(), Failure> {
    let parts: Vec<&str> = source.trim_matches('/').split('/').collect();
    let model = model::to_show(client).await?;
    let kind = model.group_type(parts[0]);
    let is_known = kind.is_some_and(|kind| {
        parts.get(2).is_none_or(|resources| kind.resources.contains_key(*resources))
    });
    if !is_known && !parts[0].contains('*') {
        return Err(unknown_collection(&model, &parts[..parts.len().min(3)]));
    }
    let [.., parent, name] = parts[..] else { return Ok(()) };
    if !matches!(parts.len(), 2 | 4) || name.contains('*') || parent.contains('*') {
        return Ok(());
    }
    let collection = format!("/{}", parts[..parts.len() - 1].join("/"));
    if !client.names(&collection).await.iter().any(|there| there == name) {
        let what = shown(source);
        context.screen.note(&format!("there is no {what} yet; it is sent as soon as there is"));
    }
    Ok(())
}

/// Targets that are named, without repetitions.
pub(super) fn names(named: &[String]) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    for name in named {
        let name = name.trim();
        if name.is_empty() {
            return Err(Failure::usage("a target has no name")
                .help("xids or names of targets, or URLs, with commas between: hook,archive"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// A route in both directions needs a target that is a registry.
pub(super) async fn is_registry(client: &Client, target: &str) -> Result<(), Failure> {
    let listed = client.propagation_targets().await?.read()?.targets;
    match listed.into_iter().find(|one| one.target == target) {
        Some(found) if found.kind != "registry" => {
            let (name, kind) = (shown(target), found.kind);
            Err(Failure::usage(format!(
                "{name} is no registry but a {kind}, which gives nothing back"
            ))
            .help("muster propagation unidirectional sends to it"))
        }
        _ => Ok(()),
    }
}

/// Where a route begins. A span of time such as `2h` means so long ago.
pub(super) fn beginning(from: &str, now: Moment) -> Result<Value, Failure> {
    if let Ok(position) = from.replace([',', '_'], "").parse::<u64>() {
        return Ok(position.into());
    }
    if let Some(span) = time_span(from) {
        let ago = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let begin = now.microseconds().saturating_sub(ago).max(0);
        let moment = Moment::from_microseconds(begin).unwrap_or(Moment::EPOCH);
        return Ok(moment.to_string().into());
    }
    if matches!(from, "now" | "beginning") || Moment::parse(from).is_ok() {
        return Ok(from.into());
    }
    Err(Failure::usage(format!("--from {from} isn't a place in the ledger"))
        .help("now, beginning, a position (1204), a time (2026-12-01T10:00:00Z) or a span (2h)"))
}

/// A route that is there goes on from its mark, so another beginning would change nothing.
pub(super) fn may_begin(route: &str, is_other: bool, from: Option<&str>) -> Result<(), Failure> {
    match from {
        Some(from) if is_other => {
            let name = shown(route);
            Err(Failure::usage(format!("{name} is there with another beginning, and goes on from its mark: --from {from} would change nothing"))
                .help(format!("muster delete {name}, and then the same again")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn begins_where_it_is_told() {
        let now = Moment::parse("2026-12-03T10:00:00Z").unwrap();
        for (from, expect) in [
            ("now", Some(json!("now"))),
            ("beginning", Some(json!("beginning"))),
            ("1,204", Some(json!(1204))),
            ("2h", Some(json!("2026-12-03T08:00:00Z"))),
            ("2026-12-01T10:00:00Z", Some(json!("2026-12-01T10:00:00Z"))),
            ("yesterday", None),
            ("-3", None),
            ("", None),
        ] {
            assert_eq!(beginning(from, now).ok(), expect, "{from}");
        }
    }

    #[test]
    fn takes_each_target_once() {
        let names = |text: &str| {
            let named: Vec<String> = text.split(',').map(str::to_owned).collect();
            super::names(&named).ok()
        };
        assert_eq!(names("a, b,a"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((names("a,,b"), names(",")), (None, None));
    }
}
