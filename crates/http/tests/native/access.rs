//! Who may do what: every operation that there is, as each role, with keys of every state, at places
//! inside and outside of a scope, compared with a table that is written out here.

mod leaks;
mod naming;
mod own;
mod served;
mod sight;
mod streams;
mod table;

use std::collections::BTreeSet;

use muster_guard::Role;
use muster_wire::operations::OPERATIONS;
use muster_words::json::{self, Value};

use self::{
    served::{KeyState, Shown, everybody},
    table::{Needs, Row, rows},
};
use crate::harness::Running;

/// What the table says of a request: the code of the refusal, or none.
fn expected(row: &Row, shown: &Shown) -> &'static str {
    let has_no_door = row.needs == Needs::Nothing;
    let role = match shown.state {
        _ if has_no_door => return "",
        KeyState::Unknown | KeyState::Revoked => return "key_unknown",
        KeyState::Expired => return "key_expired",
        KeyState::None => match shown.anonymous {
            None => return "key_required",
            Some(role) => role,
        },
        KeyState::Good | KeyState::Scoped => shown.role,
    };
    let column = match role {
        Role::Admin => 0,
        Role::Publisher => 1,
        Role::Reviewer => 2,
        Role::Consumer => 3,
        Role::Auditor => 4,
    };
    let letter = row.roles.as_bytes()[column];
    // A key would help whoever showed none.
    let is_anonymous = shown.state == KeyState::None;
    let denied = if is_anonymous { "key_required" } else { "role_denied" };
    if letter == b'-' && row.is_told_by_body {
        // Where it would be done isn't looked at.
        return denied;
    }
    let is_scoped = shown.state == KeyState::Scoped;
    let (scope, place) = ("/providers/cms", row.place.as_str());
    let is_within = place == scope || place.starts_with("/providers/cms/");
    let is_above = place == "/" || place == "/providers";
    let reaches = match row.needs {
        Needs::Reading => is_within || is_above,
        Needs::Writing => is_within,
        Needs::Everything => false,
        Needs::Nothing | Needs::NoPlace => true,
    };
    if is_scoped && !reaches {
        return "out_of_scope";
    }
    if letter == b'-' {
        return denied;
    }
    if letter == b'o' && !row.is_publishers { "not_own" } else { "" }
}

fn code(body: &str) -> String {
    let value = json::parse(body.as_bytes()).unwrap_or_default();
    value.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The code with which a request was refused, if the guard or the front refused it.
async fn asked(running: &Running, row: &Row, shown: &Shown) -> String {
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if let Some(authorization) = &shown.authorization {
        headers.push(("authorization", authorization));
    }
    if row.is_conditional {
        // What is let through finds that this isn't so, and changes nothing.
        headers.push(("if-match", "\"1.00000000-m\""));
    }
    let (status, body) = running.ask_head(&row.request, &headers, &row.body).await;
    match status {
        401 | 403 => code(&body),
        // A stream goes on for ever; its head is enough.
        _ => String::new(),
    }
}

/// Documents are answered from memory too, where a connection sends nothing unusual: the second of
/// two equal requests, at the latest.
async fn kept_connection_agrees(running: &Running, row: &Row, shown: &Shown, found: &str) {
    let Some(path) = row.request.strip_prefix("GET ") else { return };
    if !matches!(row.operation.as_str(), "getDocument" | "getVersionDocument") {
        return;
    }
    let mut connection = running.connect().await;
    for _ in 0..2 {
        let status = connection.get(path, shown.authorization.as_deref()).await;
        let is_refused = matches!(status, 401 | 403);
        assert_eq!(is_refused, !found.is_empty(), "{path} as {shown}: {status}");
    }
}

async fn compare(anonymous: Option<Role>) {
    let (running, keys) = served::start(anonymous).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in rows() {
        for shown in everybody(&keys, anonymous) {
            let found = asked(&running, &row, &shown).await;
            kept_connection_agrees(&running, &row, &shown, &found).await;
            let expect = expected(&row, &shown);
            count += 1;
            if found != expect {
                wrong.push(format!(
                    "{} as {shown}: {found:?}, not {expect:?} ({})",
                    row.request, row.place
                ));
            }
        }
    }
    assert!(count > 1_000, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_door_answers_as_the_table_says() {
    compare(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_no_key_has_the_role_that_was_set_and_no_other() {
    compare(Some(Role::Consumer)).await;
}

/// An operation that is added without a row here fails this.
#[test]
fn every_operation_is_in_the_table() {
    let rows = rows();
    let tested: BTreeSet<&str> = rows.iter().map(|row| row.operation.as_str()).collect();
    let all: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(tested, all);
}
