use muster_schema::nearest;
use muster_wire::{
    ErrorKind, Problem,
    operations::{Endpoint, NativeEndpoint, Operation, PARAMETERS, ParameterPlace},
};

/// Refuses a query parameter that an operation of our own doesn't have, because ignoring a misspelt
/// one gives a wrong answer that looks right. xRegistry and Confluent's API have rules of their own for their parameters, and a
/// probe of health must never fail because of what somebody appends to it.
///
/// # Errors
/// `bad_flag`, or `not_available` for `at`, which isn't supported yet.
pub(crate) fn check_query(
    operation: &Operation,
    path: &str,
    query: Option<&str>,
) -> Result<(), Problem> {
    let is_foreign = matches!(
        operation.endpoint,
        Endpoint::XRegistry | Endpoint::Native(NativeEndpoint::Confluent)
    );
    if is_foreign || operation.permission.is_none() {
        return Ok(());
    }
    let is_query = |name: &str| {
        PARAMETERS.iter().any(|one| one.name == name && one.place == ParameterPlace::Query)
    };
    let known = || operation.parameters.iter().copied().filter(|name| is_query(name));
    let given = query.unwrap_or_default().split('&').filter(|text| !text.is_empty());
    let mut names = given.map(|text| text.split_once('=').map_or(text, |(name, _)| name));
    match names.find(|name| !known().any(|one| one == *name)) {
        None => Ok(()),
        Some("at") => Err(Problem::new(ErrorKind::NotAvailable).subject(path)),
        Some(name) => Err(unknown(name, known()).subject(path)),
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Problem {
    let problem = Problem::new(ErrorKind::BadFlag { flag: shown(name) });
    let all: Vec<&str> = known.clone().collect();
    match nearest(name, known) {
        Some(near) => problem.detail(format!("Did you mean \"{near}\"?")),
        None if all.is_empty() => problem.detail("There are no query parameters here."),
        None => problem.detail(format!("The query parameters here are {}.", all.join(", "))),
    }
}

/// As much of a name as people need to find it.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_wire::operations::OPERATIONS;

    use super::*;

    #[test]
    fn refuses_what_an_operation_of_our_own_does_not_have() {
        for (id, query, code, detail) in [
            ("getLog", "limit=3&before=7", "", ""),
            ("getLog", "&limit=3&&", "", ""),
            ("getLog", "limt=3", "bad_flag", "\"limit\""),
            ("getLog", "Before=3", "bad_flag", "\"before\""),
            ("getLog", "colour=red", "bad_flag", "limit, before, after"),
            ("getLog", "at=3", "not_available", ""),
            ("followChanges", "after=3", "", ""),
            ("followChanges", "last-event-id=3", "bad_flag", "after"),
            ("getStatus", "verbose", "bad_flag", "no query parameters"),
            ("verifyLedger", "fast=true", "bad_flag", "no query parameters"),
            ("getMetrics", "name[]=a", "bad_flag", "no query parameters"),
            ("isReady", "t=1796002210", "", ""),
            ("getRegistry", "whatever", "", ""),
        ] {
            let operation = OPERATIONS.iter().find(|operation| operation.id == id).unwrap();
            let checked = check_query(operation, "/x", Some(query));
            let problem = checked.err();
            let found = problem.as_ref().map_or("", |problem| problem.code().name());
            assert_eq!(found, code, "{id} {query}");
            let said = problem.map(|problem| String::from_utf8(problem.to_json()).unwrap());
            assert!(said.unwrap_or_default().contains(&detail.replace('"', "\\\"")), "{query}");
        }
    }
}
