//! `GET /log[/<xid>]`: who changed what and when, newest first.

mod told;
mod walk;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_wire::{ErrorCode, Problem};
use muster_words::{Position, Xid};
use serde_json::{Value, json};

use self::walk::{Found, Scope, Wanted};
use super::{Native, answer, query::Parameters};
use crate::{Caller, IntoProblem, xregistry::problem_of_failure};

/// Commands on a page where the request names no limit.
const PAGE_USUAL: usize = 50;

/// Commands on a page at most: each may tell of many changes.
const PAGE_MAX: usize = 1_000;

/// `GET /log`: what happened to anything.
pub(super) async fn log_of_all(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    log(native, caller, Path(String::new()), query).await
}

/// `GET /log/<xid>`: what happened to an entity and in it; to a collection with `/log/<groups>`.
pub(super) async fn log(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let scope = scope(&path)?;
    let subject = format!("/log{}", scope.prefix);
    let known = &["after", "before", "limit"];
    let parameters = Parameters::parse(query.as_deref(), known, &subject)?;
    let limit = parameters.limit(PAGE_USUAL, PAGE_MAX)?;
    let head = native.registry.view().position();
    let wanted = Wanted {
        scope,
        after: parameters.position("after")?.unwrap_or(Position::ZERO),
        before: parameters.position("before")?.unwrap_or(head.next()).min(head.next()),
        limit,
    };
    let found = walk::find(&native.registry, &wanted).await;
    let found = found.map_err(|error| problem_of_failure(error, &subject))?;
    if found.commands.is_empty() && found.next.is_none() {
        there(&native, &wanted)?;
    }
    Ok(answer::json(StatusCode::OK, &page(&caller, &wanted, &found)))
}

/// A name of which nothing is known at all is a mistake, and an empty page would hide it.
fn there(native: &Native, wanted: &Wanted) -> Result<(), Problem> {
    let view = native.registry.view();
    let is_whole = wanted.after == Position::ZERO && wanted.before > view.position();
    match &wanted.scope.xid {
        Some(xid) if is_whole && !view.has(xid) => {
            Err(Problem::new(ErrorCode::NOT_FOUND).subject(xid))
        }
        _ => Ok(()),
    }
}

fn page(caller: &Caller, wanted: &Wanted, found: &Found) -> Value {
    let entries: Vec<Value> =
        found.commands.iter().map(|command| told::tell(command, &wanted.scope)).collect();
    let mut page = json!({"entries": entries});
    if let Some(next) = found.next {
        let after = match wanted.after {
            Position::ZERO => String::new(),
            after => format!("&after={after}"),
        };
        let path = &wanted.scope.prefix;
        let query = format!("before={next}{after}&limit={}", wanted.limit);
        page["next"] = format!("{}/log{path}?{query}", caller.base).into();
    }
    page
}

/// What a path below `/log` names: an entity or a collection.
fn scope(path: &str) -> Result<Scope, Problem> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(Scope { prefix: String::new(), xid: None });
    }
    let text = format!("/{path}");
    let malformed = |error: &dyn std::fmt::Display| {
        let shown: String = text.chars().take(400).collect();
        let problem = Problem::new(ErrorCode::MALFORMED_XID).subject("/log");
        problem.arg("xid", shown).arg("error_detail", error)
    };
    // A collection is named by one step more than an entity that holds it.
    if path.split('/').count() % 2 == 1 && !path.ends_with("/meta") {
        let inside = if path.ends_with("/versions") { "1" } else { "x" };
        let member: Xid = format!("{text}/{inside}").parse().map_err(|error| malformed(&error))?;
        let _ = member;
        return Ok(Scope { prefix: text, xid: None });
    }
    let xid: Xid = text.parse().map_err(|error| malformed(&error))?;
    Ok(Scope { prefix: text, xid: Some(xid) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entities_and_collections() {
        for (path, expect) in [
            ("", Ok((String::new(), false))),
            ("/", Ok((String::new(), false))),
            ("providers", Ok(("/providers".to_owned(), false))),
            ("providers/cms", Ok(("/providers/cms".to_owned(), true))),
            ("providers/cms/entries/", Ok(("/providers/cms/entries".to_owned(), false))),
            ("a/b/c/d", Ok(("/a/b/c/d".to_owned(), true))),
            ("a/b/c/d/meta", Ok(("/a/b/c/d/meta".to_owned(), true))),
            ("a/b/c/d/versions", Ok(("/a/b/c/d/versions".to_owned(), false))),
            ("a/b/c/d/versions/1", Ok(("/a/b/c/d/versions/1".to_owned(), true))),
            ("a/..", Err("malformed_xid")),
            ("a/b/c/d/e", Err("malformed_xid")),
            ("a/b/c/d/e/f/g/h", Err("malformed_xid")),
        ] {
            let read = scope(path).map(|scope| (scope.prefix, scope.xid.is_some()));
            assert_eq!(read.map_err(|problem| problem.code().name()), expect, "{path}");
        }
    }
}
